/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: two whole nodes, joined by a wire that the input disturbs.
 *
 *     node a ──▶ sent[0] ──wire──▶ heard[1] ──▶ node b
 *            ◀── heard[0] ◀──wire── sent[1] ◀──
 *
 * The input is a list of steps: a byte that says what, a byte of argument, and for some a length and
 * that many bytes. Frames that pass the wire are remembered, so that a step can make one that the
 * receiver's session takes for good up to its payload.
 *
 * Whatever comes: no crash, no packet buffer and no memory lost, each node stops in order.
 *
 * Nodes are made anew for each input, or, with HMT_FUZZ_KEEP=N, for each N of them: faster, but what
 * is found then may need the inputs before it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "frame_pvt.h"
#include "header_pvt.h"
#include "hermod.h"
#include "hmt_eal.h"
#include "hmt_net.pb-c.h"
#include "net_lane_pvt.h"
#include "seal_pvt.h"

#define WIRE_FRAMES 1024
#define FRAME_MAX   1600
#define STEPS_MAX   256
#define PACKET      HMI_HEAD_BYTES

enum message {
	NUMBERS = HM_TYPE_USER,
	TEXT,
	TREE,
	ORDER, /* a plain struct: what the actor is to do */
};

/* What an actor does to the one on the other node. */
enum order {
	ORDER_SEND,
	ORDER_REQUEST,
	ORDER_ASK,
	ORDER_WATCH,
	ORDER_UNWATCH,
	ORDER_RESOLVE,
	ORDER_STOP,
	ORDER_POISON,
	ORDERS,
};

struct order_body {
	struct hm_pid other;
	uint32_t order;
	uint32_t length;
	uint8_t text[64];
};

enum step {
	STEP_TURN,
	STEP_ORDER,
	STEP_RAW,     /* a frame of these bytes */
	STEP_PACKET,  /* a UDP packet of these bytes */
	STEP_PAYLOAD, /* a packet whose session header is good, with these bytes as payload */
	STEP_CHANGE,  /* overwrite bytes of the next frame, and make its checksums good */
	STEP_LOSE,
	STEP_TWICE,
	STEP_LATE,  /* after those behind it */
	STEP_AGAIN, /* the last frame once more */
	STEPS,
};

struct side {
	struct hm_system *sys;
	struct hm_pid actor;
	struct rte_ring *sent, *heard;
	struct hmi_template to_other;
	uint8_t last[FRAME_MAX]; /* that passed the wire from this side */
	uint32_t last_length;
	struct hmi_header head;       /* of the last packet of a session; its kind is 0 before the first */
	uint32_t sequence[HMI_LANES]; /* greatest that it has sent, low bits */
};

struct world {
	struct side sides[2];
	struct rte_mempool *pool;
	unsigned int keep, used;
	unsigned int blocks; /* of EAL's memory, while there is no node */
};

struct input {
	const uint8_t *at, *end;
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world world;

static void
need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "fuzz_node: %s\n", what);
	abort();
}

/* ---- Actors ------------------------------------------------------------------------- */

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
}

static void
obey(struct hm_ctx *ctx, const struct order_body *body)
{
	Hermod__Test__Text text;

	hermod__test__text__init(&text);
	text.data.data = (uint8_t *)(uintptr_t)body->text;
	text.data.len = body->length;
	switch (body->order % ORDERS) {
	case ORDER_SEND:
		(void)hm_send(ctx, body->other, TEXT, &text);
		break;
	case ORDER_REQUEST:
		(void)hm_request(ctx, body->other, NUMBERS, NULL);
		break;
	case ORDER_ASK:
		(void)hm_ask(ctx, body->other, TEXT, &text, 1000, on_reply, NULL);
		break;
	case ORDER_WATCH:
		(void)hm_watch(ctx, body->other);
		break;
	case ORDER_UNWATCH:
		hm_unwatch(ctx, body->other);
		break;
	case ORDER_RESOLVE:
		if (hm_resolve(ctx, "hermod://b/user/actor", 1000, on_reply, NULL) != 0)
			break;
		break;
	case ORDER_STOP:
		hm_stop(ctx, body->other);
		break;
	default:
		(void)hm_poison(ctx, body->other);
	}
}

static void
receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == ORDER)
		obey(ctx, hm_msg_body(msg));
	else if (!hm_pid_is_none(hm_msg_sender(msg)) && hm_msg_type(msg) == NUMBERS)
		(void)hm_respond(ctx, NUMBERS, NULL);
}

static const struct hm_props props = { .receive = receive };

/* ---- Wire --------------------------------------------------------------------------- */

static void
frame_put(struct rte_ring *ring, const uint8_t *data, uint32_t length)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(world.pool);

	if (frame == NULL)
		return;
	if (length > 0)
		memcpy(rte_pktmbuf_append(frame, (uint16_t)length), data, length);
	if (rte_ring_enqueue(ring, frame) != 0)
		rte_pktmbuf_free(frame);
}

static void
frame_remember(struct side *from, struct rte_mbuf *frame)
{
	struct hmi_header header;

	if (frame->pkt_len > FRAME_MAX || frame->pkt_len < PACKET + HMI_HANDSHAKE_HEADER)
		return;
	if (hmi_header_read(&header, rte_pktmbuf_mtod_offset(frame, uint8_t *, PACKET),
			    frame->pkt_len - PACKET) != 0)
		return;
	from->last_length = frame->pkt_len;
	memcpy(from->last, rte_pktmbuf_mtod(frame, uint8_t *), frame->pkt_len);
	if (hmi_kind_is_handshake(header.kind))
		return;
	from->head = header;
	if (header.kind == HMI_DATA && header.lane < HMI_LANES &&
	    (int32_t)(header.sequence - from->sequence[header.lane]) > 0)
		from->sequence[header.lane] = header.sequence;
}

/* Let everything pass that is under way: as a copy, so that no node holds packet buffers of the other. */
static void
wire_pass(void)
{
	for (int i = 0; i < 2; i++) {
		struct rte_mbuf *frame;

		while (rte_ring_dequeue(world.sides[i].sent, (void **)&frame) == 0) {
			frame_remember(&world.sides[i], frame);
			frame_put(world.sides[1 - i].heard, rte_pktmbuf_mtod(frame, uint8_t *),
				  frame->pkt_len);
			rte_pktmbuf_free(frame);
		}
	}
}

static void
ring_empty(struct rte_ring *ring)
{
	struct rte_mbuf *frame;

	while (rte_ring_dequeue(ring, (void **)&frame) == 0)
		rte_pktmbuf_free(frame);
}

static void
turn(unsigned int times)
{
	for (unsigned int i = 0; i < times; i++) {
		hm_system_turn(world.sides[0].sys);
		hm_system_turn(world.sides[1].sys);
		wire_pass();
	}
}

/* ---- Nodes -------------------------------------------------------------------------- */

static void
side_create(struct side *side, int which)
{
	static const struct hm_module *const modules[] = { &hm_net_module, NULL };
	static const struct hm_config config = { .modules = modules,
						 .mode = HM_MODE_STEPPED,
						 .messages = 1024 };
	static const struct hm_type types[] = {
		{ .id = NUMBERS, .descriptor = &hermod__test__numbers__descriptor },
		{ .id = TEXT, .descriptor = &hermod__test__text__descriptor },
		{ .id = TREE, .descriptor = &hermod__test__tree__descriptor },
		{ .id = ORDER, .name = "order", .size = sizeof(struct order_body) },
	};
	static const char *const words[2][12] = {
		{ "fuzz", "--", "--node", "a", "--port", "net_ring_a", "--ip", "10.0.0.1/24",
		  "--peer-timeout-ms=60000", "--rx-desc=64", "--peer", "b@10.0.0.2" },
		{ "fuzz", "--", "--node", "b", "--port", "net_ring_b", "--ip", "10.0.0.2/24",
		  "--peer-timeout-ms=60000", "--rx-desc=64", "--tx-desc=64", NULL },
	};
	char *argv[13];
	int argc = which == 0 ? 12 : 11;

	for (int i = 0; i < argc; i++)
		argv[i] = (char *)(uintptr_t)words[which][i];
	argv[argc] = NULL;
	need(hm_system_create(&side->sys, argc, argv, &config) == 0, "a node does not start");
	for (size_t i = 0; i < RTE_DIM(types); i++)
		need(hm_type_register(side->sys, &types[i]) == 0, "a type is refused");
	need(hm_system_spawn(side->sys, &props, "actor", NULL, &side->actor) == 0, "no actor");
	side->last_length = 0;
	memset(&side->head, 0, sizeof(side->head));
	memset(side->sequence, 0, sizeof(side->sequence));
}

static bool
is_open(const struct hm_system *sys)
{
	struct hm_net_peer_stats stats;

	return hm_net_peer_stats(sys, 0, &stats) == 0 && stats.state == HM_NET_PEER_OPEN;
}

static void
nodes_create(void)
{
	for (int i = 0; i < 2; i++)
		side_create(&world.sides[i], i);
	for (int i = 0; i < 1000000; i++) {
		turn(1);
		if (is_open(world.sides[0].sys) && is_open(world.sides[1].sys))
			return;
	}
	need(false, "the nodes do not connect");
}

static void
rings_empty(void)
{
	for (int i = 0; i < 2; i++) {
		ring_empty(world.sides[i].sent);
		ring_empty(world.sides[i].heard);
	}
}

/*
 * Let a side send nothing more: what a node sends while it is destroyed nobody would take from the ring,
 * and the node keeps its pool for ever if a packet of it is somewhere else.
 */
static void
side_mute(struct side *side)
{
	while (rte_ring_enqueue(side->sent, side) == 0)
		;
}

static void
side_unmute(struct side *side)
{
	void *nothing;

	while (rte_ring_dequeue(side->sent, &nothing) == 0)
		need(nothing == side, "a frame has passed a full ring");
}

static void
nodes_destroy(void)
{
	struct rte_malloc_socket_stats memory;

	turn(4);
	for (int i = 0; i < 2; i++)
		hm_system_stop(world.sides[i].sys);
	turn(20);
	rings_empty();
	for (int i = 0; i < 2; i++) {
		side_mute(&world.sides[i]);
		hm_system_destroy(world.sides[i].sys);
		side_unmute(&world.sides[i]);
		world.sides[i].sys = NULL;
	}
	need(rte_mempool_in_use_count(world.pool) == 0, "packet buffers are lost");
	need(rte_malloc_get_socket_stats(0, &memory) == 0, "no statistics of memory");
	if (world.blocks == 0)
		world.blocks = memory.alloc_count;
	need(memory.alloc_count == world.blocks, "a node has not given its memory back");
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const names[2][3] = { { "a", "fuzz_as", "fuzz_ah" },
						 { "b", "fuzz_bs", "fuzz_bh" } };
	struct hmi_address addresses[2] = { { .ip = RTE_BE32(0x0a000001) }, { .ip = RTE_BE32(0x0a000002) } };
	int ports[2];

	(void)argc;
	(void)argv;
	hmt_eal_start_with(1, 512);
	if (getenv("HMT_FUZZ_LOUD") == NULL && freopen("/dev/null", "w", stdout) == NULL)
		return 1;
	for (int i = 0; i < 2; i++) {
		struct side *side = &world.sides[i];

		side->sent = rte_ring_create(names[i][1], WIRE_FRAMES, SOCKET_ID_ANY, 0);
		side->heard = rte_ring_create(names[i][2], WIRE_FRAMES, SOCKET_ID_ANY, 0);
		need(side->sent != NULL && side->heard != NULL, "no ring");
		ports[i] = rte_eth_from_rings(names[i][0], &side->heard, 1, &side->sent, 1, 0);
		need(ports[i] >= 0, "no port");
		need(rte_eth_macaddr_get((uint16_t)ports[i], &addresses[i].mac) == 0, "no address");
		addresses[i].udp_port = rte_cpu_to_be_16(HMI_UDP_PORT);
	}
	for (int i = 0; i < 2; i++)
		hmi_template_init(&world.sides[i].to_other, &addresses[i], &addresses[1 - i]);
	world.pool = rte_pktmbuf_pool_create("fuzz", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	need(world.pool != NULL, "no packet buffers");
	world.keep = getenv("HMT_FUZZ_KEEP") != NULL
			     ? (unsigned int)strtoul(getenv("HMT_FUZZ_KEEP"), NULL, 10)
			     : 1;
	return 0;
}

/* ---- Steps -------------------------------------------------------------------------- */

static uint8_t
byte_take(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

/* A length and so many bytes, as far as there are any. */
static const uint8_t *
bytes_take(struct input *in, uint32_t *length)
{
	const uint8_t *bytes;
	uint32_t wanted = byte_take(in);

	/* Up to a whole frame. */
	if (wanted >= 0xf0)
		wanted = (wanted & 0x0f) * 100;
	*length = RTE_MIN(wanted, (uint32_t)(in->end - in->at));
	bytes = in->at;
	in->at += *length;
	return bytes;
}

/* A packet with good headers below UDP's payload, from one side to the other. */
static void
packet_put(int from, const uint8_t *payload, uint32_t length)
{
	uint8_t frame[FRAME_MAX];

	hmi_template_write(&world.sides[from].to_other, frame, (uint16_t)length, hmi_sum(payload, length),
			   HMI_CHECKSUM_SOFTWARE);
	memcpy(frame + PACKET, payload, length);
	frame_put(world.sides[1 - from].heard, frame, PACKET + length);
}

/* Whether a packet has a whole header of a handshake of this version, whose CRC is looked at. */
static bool
needs_seal(const uint8_t *payload, uint32_t length)
{
	struct hmi_header header;

	return hmi_header_read(&header, payload, length) == 0 && header.version == HMI_WIRE_VERSION &&
	       hmi_kind_is_handshake(header.kind);
}

/* The same, with a good CRC where one is looked at. Over net_ring packets of a session have none. */
static void
sealed_put(int from, uint8_t *payload, uint32_t length)
{
	if (needs_seal(payload, length))
		(void)hmi_seal(payload, (enum hmi_kind)payload[3], length);
	packet_put(from, payload, length);
}

/* Bytes behind a header that is next to that of the last packet; the argument says what differs. */
static void
payload_put(int from, uint8_t argument, const uint8_t *bytes, uint32_t length)
{
	struct side *side = &world.sides[from];
	struct hmi_header header = side->head;
	uint8_t payload[FRAME_MAX];

	if (header.kind == 0)
		return;
	header.kind = (argument & 0x10) != 0 ? HMI_DATA : argument >> 5;
	header.number += 1 + (argument & 3);
	header.ack += argument >> 2 & 1;
	header.lane = 0;
	header.sequence = 0;
	if (header.kind == HMI_DATA) {
		header.lane = (argument & 8) != 0 ? HMI_LANE_CONTROL : HMI_LANE_USER;
		header.sequence = ++side->sequence[header.lane];
	}
	header.length = (uint16_t)length;
	(void)hmi_header_write(payload, &header);
	memcpy(payload + hmi_header_bytes(header.kind), bytes, length);
	side->head.number = header.number;
	sealed_put(from, payload, hmi_header_bytes(header.kind) + length);
}

static void
order_give(int to, uint8_t argument, const uint8_t *bytes, uint32_t length)
{
	struct order_body body = { .other = world.sides[1 - to].actor, .order = argument >> 1 };

	body.length = RTE_MIN(length, (uint32_t)sizeof(body.text));
	memcpy(body.text, bytes, body.length);
	(void)hm_system_send(world.sides[to].sys, world.sides[to].actor, ORDER, &body);
	hm_system_turn(world.sides[to].sys);
}

/* Overwrite the payload of a UDP packet from an offset on; checksums are those of the new bytes. */
static void
packet_change(int from, const struct rte_mbuf *frame, uint8_t offset, const uint8_t *bytes, uint32_t length)
{
	uint8_t payload[FRAME_MAX];
	uint32_t size = frame->pkt_len - PACKET;

	memcpy(payload, rte_pktmbuf_mtod_offset(frame, const uint8_t *, PACKET), size);
	if (offset < size)
		memcpy(payload + offset, bytes, RTE_MIN(length, size - offset));
	sealed_put(from, payload, size);
}

/* What happens to the next frame of a side. */
static void
frame_disturb(enum step step, int from, uint8_t argument, const uint8_t *bytes, uint32_t length)
{
	struct side *side = &world.sides[from];
	struct rte_mbuf *frame;

	if (rte_ring_dequeue(side->sent, (void **)&frame) != 0)
		return;
	if (step == STEP_LATE) {
		if (rte_ring_enqueue(side->sent, frame) == 0)
			return;
	} else if (step == STEP_TWICE) {
		frame_put(world.sides[1 - from].heard, rte_pktmbuf_mtod(frame, uint8_t *), frame->pkt_len);
		frame_put(world.sides[1 - from].heard, rte_pktmbuf_mtod(frame, uint8_t *), frame->pkt_len);
	} else if (step == STEP_CHANGE && frame->pkt_len > PACKET && frame->pkt_len <= FRAME_MAX) {
		packet_change(from, frame, argument, bytes, length);
	}
	rte_pktmbuf_free(frame);
}

static void
step_run(struct input *in)
{
	uint8_t what = byte_take(in), argument = byte_take(in);
	int side = what >> 7;
	enum step step = (enum step)((what & 0x7f) % STEPS);
	uint32_t length = 0;
	const uint8_t *bytes = step >= STEP_ORDER && step <= STEP_CHANGE ? bytes_take(in, &length) : in->at;

	switch (step) {
	case STEP_TURN:
		turn(1 + argument % 8);
		break;
	case STEP_ORDER:
		order_give(side, argument, bytes, length);
		break;
	case STEP_RAW:
		frame_put(world.sides[side].heard, bytes, length);
		break;
	case STEP_PACKET:
		packet_put(side, bytes, length);
		break;
	case STEP_PAYLOAD:
		payload_put(side, argument, bytes, RTE_MIN(length, 1400u));
		break;
	case STEP_AGAIN:
		frame_put(world.sides[1 - side].heard, world.sides[side].last, world.sides[side].last_length);
		break;
	default:
		frame_disturb(step, side, argument, bytes, length);
	}
	hm_system_turn(world.sides[1 - side].sys);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };

	if (world.sides[0].sys == NULL)
		nodes_create();
	for (unsigned int i = 0; i < STEPS_MAX && in.at < in.end; i++)
		step_run(&in);
	if (++world.used >= world.keep) {
		nodes_destroy();
		world.used = 0;
	}
	return 0;
}
