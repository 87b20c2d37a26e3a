/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NET_LONE_H
#define TEST_NET_LONE_H

/*
 * One node in virtual time; the test is every other station of its network.
 *
 *     node a, 10.0.0.1 ──▶ ring ab ──▶ lone_take: the packets that it sent, and when
 *                      ◀── ring ba ◀── lone_put: packets of 10.0.0.HOST
 *
 * Stations answer ARP by themselves, unless told not to. Time passes in lone_pass alone, and by work after
 * lone_work_begin.
 */

#include "test_net_pair.h"

#include "envelope_pvt.h"
#include "frame_pvt.h"
#include "handshake_pvt.h"
#include "header_pvt.h"
#include "lcore_setup_pvt.h"
#include "protobuf_pvt.h"
#include "remote_pvt.h"
#include "seal_pvt.h"
#include "system_body_pvt.h"

#include <rte_arp.h>

#define LONE_PACKET   HMI_HEAD_BYTES
#define LONE_PAYLOAD  (HMI_HEAD_BYTES + HMI_HEADER_BYTES) /* of packets of a session */
#define LONE_BYTES    1432u /* most payload of a packet: an MTU of 1,500 without 68 bytes of headers */
#define LONE_STEP_NS  50000ull
#define LONE_MS       1000000ull
#define LONE_SECOND   1000000000ull
#define LONE_START_NS (10ull * 365 * 86400 * LONE_SECOND)
#define LONE_TAKEN    1024u
#define LONE_ID       4711u /* a station's id of its session */
#define LONE_CREDIT   256u  /* pieces that it takes at first */

/* What a message takes in a clock that goes on with work, and how many a turn has time for, at most. */
#define LONE_WORK_NS 50u
#define LONE_POLL    (10000u / LONE_WORK_NS + 3 * HMI_DEADLINE_STEPS)

/* A packet that the node has sent. */
struct lone_packet {
	uint64_t when_ns;
	rte_be32_t to;
	struct rte_ether_addr mac; /* where it went */
	struct hmi_header header;
	struct hmi_handshake handshake; /* of HELLO, WELCOME and REJECT */
	uint8_t payload[1500];
};

struct lone {
	struct pair_wire wire;
	struct hm_system *sys;
	struct rte_mempool *pool;
	uint64_t now;
	uint64_t work_ns; /* how far each message, or dead letter, of the node moves the clock */
	uint64_t worked;  /* how many have moved it */
	bool deaf;        /* stations do not answer ARP */
	uint32_t taken, given;
	struct lone_packet packets[LONE_TAKEN];
	uint64_t arps;                                  /* ARP frames that the node has sent */
	void (*on_frame)(const struct rte_mbuf *frame); /* sees what the node sends; may be NULL */
};

/* A session of a station with the node: what its next packet says. */
struct lone_peer {
	uint8_t host;
	uint32_t session;  /* the node's id */
	uint32_t number;   /* of the next packet */
	uint32_t sequence; /* of the next data, in users' lane */
	uint32_t ack;      /* greatest number received; 0: none was */
	uint16_t run;      /* so many before it, too */
	uint32_t limit;    /* first sequence of users' lane that the node may not send */
	uint8_t window;    /* packets that it may have in flight */
	uint32_t since;    /* of the packets that the node has sent, the first that may be of the session */
};

static inline struct hmi_net *
lone_net(const struct lone *lone)
{
	return &((struct hmi_remote *)hm_module_self(lone->sys, &hm_net_module))->net;
}

/* Messages that were sent or received, or are dead letters. */
static inline uint64_t
lone_work(const struct lone *lone)
{
	const struct hmi_net *net = lone_net(lone);
	struct hm_stats stats;
	uint64_t work = 0;

	hm_system_stats(lone->sys, &stats);
	for (uint32_t i = 0; i < HM_DEAD_REASONS; i++)
		work += stats.dead[i];
	for (uint32_t i = 0; i < net->peers_count; i++)
		work += net->peers[i]->messages_received + net->peers[i]->messages_sent;
	return work;
}

static inline uint64_t
lone_clock(void *arg)
{
	struct lone *lone = arg;
	uint64_t work;

	if (lone->work_ns != 0) {
		work = lone_work(lone);
		lone->now += (work - lone->worked) * lone->work_ns;
		lone->worked = work;
	}
	return lone->now;
}

/* From here on work takes time. */
static inline void
lone_work_begin(struct lone *lone)
{
	lone->worked = lone_work(lone);
	lone->work_ns = LONE_WORK_NS;
}

static inline uint64_t
lone_dropped(const struct lone *lone, enum hm_net_drop reason)
{
	return pair_net(lone->sys).rx_dropped[reason];
}

static inline struct hmi_address
lone_station(uint8_t host)
{
	struct hmi_address address = { .ip = rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, host)),
				       .udp_port = rte_cpu_to_be_16(HMI_UDP_PORT),
				       .mac = { { 2, 0, 0, 0, 0, host } } };

	return address;
}

/* ---- In ------------------------------------------------------------------------------------- */

/* Put a frame into the node's ring; it takes it with its next turn. */
static inline void
lone_frame(struct lone *lone, const void *data, uint32_t length)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(lone->pool);

	cr_assert_not_null(frame);
	memcpy(rte_pktmbuf_append(frame, (uint16_t)length), data, length);
	cr_assert_eq(rte_ring_enqueue(lone->wire.ba, frame), 0);
}

/* Write the frame of a packet from a station. Returns its length. */
static inline uint32_t
lone_write(struct lone *lone, const struct hmi_address *from, struct hmi_header header, const void *payload,
	   uint8_t *frame)
{
	struct hmi_address to = lone_station(1);
	uint32_t head = hmi_header_bytes(header.kind), packet = head + header.length;
	struct hmi_template template;

	to.mac = lone_net(lone)->port.mac;
	to.udp_port = lone_net(lone)->neigh.own.udp_port;
	if (payload != NULL)
		memcpy(frame + LONE_PACKET + head, payload, header.length);
	(void)hmi_header_write(frame + LONE_PACKET, &header);
	if (hmi_kind_is_handshake(header.kind))
		(void)hmi_seal(frame + LONE_PACKET, (enum hmi_kind)header.kind, packet);
	hmi_template_init(&template, from, &to);
	hmi_template_write(&template, frame, (uint16_t)packet, hmi_sum(frame + LONE_PACKET, packet),
			   HMI_CHECKSUM_SOFTWARE);
	return LONE_PACKET + packet;
}

/* A packet from 10.0.0.`host`. */
static inline void
lone_put(struct lone *lone, uint8_t host, struct hmi_header header, const void *payload)
{
	struct hmi_address from = lone_station(host);
	uint8_t frame[2048];

	lone_frame(lone, frame, lone_write(lone, &from, header, payload, frame));
}

/* ---- Out ------------------------------------------------------------------------------------ */

/* An ARP frame of the node: whoever it asks for answers. */
static inline void
lone_arp(struct lone *lone, const uint8_t *data)
{
	struct hmi_address station;
	struct rte_arp_hdr arp;
	uint8_t reply[RTE_ETHER_HDR_LEN + sizeof(arp)];

	lone->arps++;
	memcpy(&arp, data + RTE_ETHER_HDR_LEN, sizeof(arp));
	if (lone->deaf || arp.arp_data.arp_sip == 0 || arp.arp_data.arp_tip == arp.arp_data.arp_sip)
		return;
	station = lone_station((uint8_t)(rte_be_to_cpu_32(arp.arp_data.arp_tip) & 0xff));
	(void)hmi_frame_ether_write(reply, &station.mac, &arp.arp_data.arp_sha, RTE_ETHER_TYPE_ARP);
	arp.arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	arp.arp_data.arp_tha = arp.arp_data.arp_sha;
	arp.arp_data.arp_tip = arp.arp_data.arp_sip;
	arp.arp_data.arp_sha = station.mac;
	arp.arp_data.arp_sip = station.ip;
	memcpy(reply + RTE_ETHER_HDR_LEN, &arp, sizeof(arp));
	lone_frame(lone, reply, sizeof(reply));
}

static inline void
lone_keep(struct lone *lone, const struct rte_mbuf *frame)
{
	const uint8_t *data = rte_pktmbuf_mtod(frame, const uint8_t *);
	struct lone_packet *packet = &lone->packets[lone->taken % LONE_TAKEN];

	cr_assert_lt(lone->taken - lone->given, LONE_TAKEN);
	memset(packet, 0, sizeof(*packet));
	packet->when_ns = lone->now;
	memcpy(&packet->mac, data, sizeof(packet->mac));
	packet->to = ((const struct rte_ipv4_hdr *)(const void *)(data + HMI_IP_OFFSET))->dst_addr;
	if (hmi_header_read(&packet->header, data + LONE_PACKET, frame->pkt_len - LONE_PACKET) != 0)
		return;
	memcpy(packet->payload, data + LONE_PACKET + hmi_header_bytes(packet->header.kind),
	       packet->header.length);
	if (hmi_kind_is_handshake(packet->header.kind))
		cr_assert_eq(hmi_handshake_read(&packet->handshake, packet->payload, packet->header.length),
			     0);
	lone->taken++;
}

/* Take what the node has sent from its ring. */
static inline void
lone_drain(struct lone *lone)
{
	struct rte_mbuf *frame;

	while (rte_ring_dequeue(lone->wire.ab, (void **)&frame) == 0) {
		const uint8_t *data = rte_pktmbuf_mtod(frame, const uint8_t *);

		if (lone->on_frame != NULL)
			lone->on_frame(frame);
		if (data[12] == 0x08 && data[13] == 0x06)
			lone_arp(lone, data);
		else
			lone_keep(lone, frame);
		rte_pktmbuf_free(frame);
	}
}

/* The next packet that the node has sent; NULL: none. */
static inline const struct lone_packet *
lone_take(struct lone *lone)
{
	return lone->given < lone->taken ? &lone->packets[lone->given++ % LONE_TAKEN] : NULL;
}

/* The next packet of a kind, others being skipped; NULL: none. */
static inline const struct lone_packet *
lone_take_kind(struct lone *lone, enum hmi_kind kind)
{
	const struct lone_packet *packet;

	while ((packet = lone_take(lone)) != NULL && packet->header.kind != kind)
		;
	return packet;
}

/* Forget what was sent until now. */
static inline void
lone_forget(struct lone *lone)
{
	lone->given = lone->taken;
}

/* ---- Time ------------------------------------------------------------------------------------ */

static inline void
lone_turn(struct lone *lone)
{
	for (int i = 0; i < 3; i++) {
		hm_system_turn(lone->sys);
		lone_drain(lone);
	}
}

static inline void
lone_pass(struct lone *lone, uint64_t ns)
{
	for (uint64_t end = lone->now + ns; lone->now < end;) {
		lone->now = RTE_MIN(lone->now + LONE_STEP_NS, end);
		lone_turn(lone);
	}
}

/* So much time passes in which the node does not turn. */
static inline void
lone_skip(struct lone *lone, uint64_t ns)
{
	lone->now += ns;
	/* Turns look at the clock now and then; the next one has to know this one. */
	for (uint32_t i = 0; i < lone->sys->lcores_count; i++)
		(void)hmi_worker_clock(&lone->sys->lcores[i]->worker);
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* A node without an address yet: its clock stands at the beginning. */
static inline struct lone *
lone_create_early(const char *more)
{
	static struct lone lone;
	char words[400];

	pair_wire_create(&lone.wire);
	lone.pool = rte_pktmbuf_pool_create("lone", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	cr_assert_not_null(lone.pool);
	snprintf(words, sizeof(words), "--node a --port net_ring_a --ip 10.0.0.1/24 %s", more);
	lone.sys = pair_node(words);
	lone.now = LONE_START_NS;
	lone.sys->clock.arg = &lone;
	lone.sys->clock.read = lone_clock;
	lone_skip(&lone, 0);
	return &lone;
}

/* A node that has its address. */
static inline struct lone *
lone_create(const char *more)
{
	struct lone *lone = lone_create_early(more);

	while (lone_net(lone)->neigh.state != HMI_NEIGH_READY) {
		cr_assert_lt(lone->now, LONE_START_NS + LONE_SECOND);
		lone_pass(lone, LONE_STEP_NS);
	}
	return lone;
}

/* All buffers are back. */
static inline void
lone_destroy(struct lone *lone)
{
	lone_turn(lone);
	cr_assert_eq(pair_net(lone->sys).rx_buffers_used, 0);
	cr_assert_eq(rte_mempool_in_use_count(lone->pool), 0);
	hm_system_stop(lone->sys);
	for (int i = 0; i < 10; i++)
		lone_turn(lone);
	hm_system_destroy(lone->sys);
	pair_wire_empty(&lone->wire);
}

/* ---- Sessions --------------------------------------------------------------------------------- */

/* What station `host` says of itself when it is well. */
static inline struct hmi_handshake
lone_says(uint8_t host)
{
	struct hmi_handshake handshake = { .session = LONE_ID,
					   .protocol = HMI_WIRE_VERSION,
					   .node = 1000u + host,
					   .started = 1,
					   .attempt = 1,
					   .window = LONE_CREDIT,
					   .max_payload = LONE_BYTES };

	snprintf(handshake.name, sizeof(handshake.name), host == 2 ? "b" : "s%u", host);
	return handshake;
}

/* Put a packet of the handshake. */
static inline void
lone_shake(struct lone *lone, uint8_t host, enum hmi_kind kind, uint32_t session,
	   const struct hmi_handshake *handshake)
{
	struct hmi_header header = { .version = HMI_WIRE_VERSION, .kind = (uint8_t)kind, .session = session };
	uint8_t payload[HMI_HANDSHAKE_BYTES];

	header.length = (uint16_t)hmi_handshake_write(handshake, payload);
	lone_put(lone, host, header, payload);
	lone_turn(lone);
}

/* A session that has just begun: nothing was received, and what the handshake has said holds. */
static inline struct lone_peer
lone_peer_of(const struct lone *lone, uint8_t host, uint32_t session)
{
	return (struct lone_peer){ .host = host,
				   .session = session,
				   .number = 1,
				   .sequence = 1,
				   .run = UINT16_MAX,
				   .limit = 1 + LONE_CREDIT,
				   .window = HMI_WINDOW_MAX,
				   .since = lone->taken };
}

/* The header of a station's next packet. Takes the next number, and DATA the next sequence. */
static inline struct hmi_header
lone_header(struct lone_peer *peer, enum hmi_kind kind)
{
	return (struct hmi_header){ .version = HMI_WIRE_VERSION,
				    .kind = (uint8_t)kind,
				    .lane = kind == HMI_DATA ? HMI_LANE_USER : 0,
				    .window = peer->window,
				    .session = peer->session,
				    .number = peer->number++,
				    .sequence = kind == HMI_DATA ? peer->sequence++ : 0,
				    .ack = peer->ack,
				    .run = peer->run,
				    .limit_user = peer->limit,
				    .limit_bulk = 1 };
}

/* A station's next packet. */
static inline void
lone_send(struct lone *lone, struct lone_peer *peer, enum hmi_kind kind, const void *payload, size_t length)
{
	struct hmi_header header = lone_header(peer, kind);

	header.length = (uint16_t)length;
	lone_put(lone, peer->host, header, payload);
	lone_turn(lone);
}

/* The station has received what the node has sent until now, up to data `sequence` of users' lane. */
static inline void
lone_receive_to(const struct lone *lone, struct lone_peer *peer, uint32_t sequence)
{
	uint32_t first = lone->taken > LONE_TAKEN ? lone->taken - LONE_TAKEN : 0;

	for (uint32_t i = RTE_MAX(first, peer->since); i < lone->taken; i++) {
		const struct lone_packet *packet = &lone->packets[i % LONE_TAKEN];

		if (packet->to != lone_station(peer->host).ip || hmi_kind_is_handshake(packet->header.kind))
			continue;
		if (packet->header.kind == HMI_DATA && packet->header.sequence > sequence)
			break;
		peer->ack = RTE_MAX(peer->ack, packet->header.number);
	}
}

/* The station has received everything that the node has sent until now. */
static inline void
lone_receive(const struct lone *lone, struct lone_peer *peer)
{
	lone_receive_to(lone, peer, UINT32_MAX);
}

/* It acknowledges that. */
static inline void
lone_acknowledge(struct lone *lone, struct lone_peer *peer)
{
	lone_receive(lone, peer);
	lone_send(lone, peer, HMI_ACK, NULL, 0);
}

/* Call the node as a station, and answer: the session is open. */
static inline struct lone_peer
lone_open(struct lone *lone, uint8_t host)
{
	struct hmi_handshake handshake = lone_says(host);
	const struct lone_packet *welcome;
	struct lone_peer peer;

	lone_forget(lone);
	lone_shake(lone, host, HMI_HELLO, 0, &handshake);
	welcome = lone_take_kind(lone, HMI_WELCOME);
	cr_assert_not_null(welcome);
	cr_assert_eq(welcome->header.session, LONE_ID);
	peer = lone_peer_of(lone, host, welcome->handshake.session);
	lone_send(lone, &peer, HMI_ACK, NULL, 0);
	lone_forget(lone);
	return peer;
}

/* The node's end of users' lane with the peer of this index. */
static inline struct hmi_net_lane *
lone_lane(const struct lone *lone, uint32_t peer)
{
	return &lone_net(lone)->peers[peer]->session.lanes[HMI_LANE_USER];
}

/* Counters of the peer of a name. */
static inline struct hm_net_peer_stats
lone_stats(const struct lone *lone, const char *name)
{
	struct hm_net_peer_stats stats;

	for (uint32_t i = 0; hm_net_peer_stats(lone->sys, i, &stats) == 0; i++) {
		if (strcmp(stats.name, name) == 0)
			return stats;
	}
	cr_assert_fail("no peer %s", name);
	return stats;
}

#endif /* TEST_NET_LONE_H */
