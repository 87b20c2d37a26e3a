/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NET_INJECT_H
#define TEST_NET_INJECT_H

/*
 * Two connected nodes, the second of which is given frames that a test has made.
 *
 *     node a ──▶ frame_catch: one good frame, kept and lost
 *     test ──inject──▶ ring ab ──▶ node b
 */

#include <stdlib.h>

#include "test_net_pair.h"

#include "frame_pvt.h"
#include "handshake_pvt.h"
#include "envelope_pvt.h"
#include "header_pvt.h"
#include "protobuf_pvt.h"
#include "remote_pvt.h"
#include "system_body_pvt.h"

#define PACKET HMI_HEAD_BYTES
#define BATCH  (HMI_HEAD_BYTES + HMI_HEADER_BYTES)

struct sink_state {
	uint64_t *numbers;
};

static inline void
sink(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == PAIR_NUMBERS)
		++*((struct sink_state *)state)->numbers;
}

static const struct hm_props sink_props = { .receive = sink,
					    .state_size = sizeof(struct sink_state),
					    .args_size = sizeof(struct sink_state) };

/* Two connected nodes, and a good frame with one message from a to b, held back. */
struct fixture {
	struct pair_wire wire;
	struct hm_system *nodes[2];
	struct rte_mempool *pool;
	uint8_t good[2048];
	uint32_t length;
	uint64_t numbers;
	struct hm_pid sink;
};

static inline void
numbers_send(struct fixture *f)
{
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	numbers.a = numbers.d = 1;
	cr_assert_eq(hm_system_send(f->nodes[0], f->sink, PAIR_NUMBERS, &numbers), HM_OK);
}

/* Turn node a until it sends a data frame; keep its bytes, and lose the frame. */
static inline void
frame_catch(struct fixture *f)
{
	double end = pair_seconds() + PAIR_SECONDS;
	struct rte_mbuf *frame;

	numbers_send(f);
	f->length = 0;
	while (f->length == 0) {
		cr_assert_lt(pair_seconds(), end);
		hm_system_turn(f->nodes[0]);
		while (rte_ring_dequeue(f->wire.ab, (void **)&frame) == 0) {
			const uint8_t *data = rte_pktmbuf_mtod(frame, uint8_t *);

			if (frame->pkt_len > BATCH && data[PACKET + 3] == HMI_DATA) {
				f->length = frame->pkt_len;
				memcpy(f->good, data, f->length);
			}
			rte_pktmbuf_free(frame);
		}
	}
}

static inline struct fixture *
fixture_create(const char *more)
{
	static struct fixture f;
	struct sink_state state = { &f.numbers };

	pair_wire_create(&f.wire);
	pair_nodes(f.nodes, more);
	cr_assert_eq(hm_system_spawn(f.nodes[1], &sink_props, "sink", &state, &f.sink), 0);
	f.pool = rte_pktmbuf_pool_create("test_input", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	cr_assert_not_null(f.pool);
	pair_connect(f.nodes);
	frame_catch(&f);
	return &f;
}

/* Turn node b until it has processed what lies on the wire: on a busy machine that takes more than one turn. */
static inline void
wire_take(struct fixture *f)
{
	const struct hmi_net *net =
		&((const struct hmi_remote *)hm_module_self(f->nodes[1], &hm_net_module))->net;
	double end = pair_seconds() + PAIR_SECONDS;

	do {
		cr_assert_lt(pair_seconds(), end);
		hm_system_turn(f->nodes[1]);
	} while (!rte_ring_empty(f->wire.ab) || net->rx_next < net->rx_count || net->waiting);
}

/* Give bytes to node b as a frame, and let it work. */
static inline void
inject(struct fixture *f, const uint8_t *data, uint32_t length)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(f->pool);

	cr_assert_not_null(frame);
	if (length > 0)
		memcpy(rte_pktmbuf_append(frame, (uint16_t)length), data, length);
	cr_assert_eq(rte_ring_enqueue(f->wire.ab, frame), 0);
	wire_take(f);
	/* Answers, if any, are for nobody. */
	while (rte_ring_dequeue(f->wire.ba, (void **)&frame) == 0)
		rte_pktmbuf_free(frame);
}

/* The good frame becomes that of node a's next packet, with its next data. */
static inline void
good_advance(struct fixture *f)
{
	uint8_t *number = f->good + PACKET + 8, *sequence = f->good + PACKET + 12;

	hmi_fixed32_write(number, hmi_fixed32_read(number) + 1);
	hmi_fixed32_write(sequence, hmi_fixed32_read(sequence) + 1);
}

/* Make the checksums good again after something was changed. */
static inline void
checksums_mend(uint8_t *frame, uint32_t length)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + HMI_IP_OFFSET);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(frame + HMI_UDP_OFFSET);

	ip->total_length = rte_cpu_to_be_16((uint16_t)(length - HMI_IP_OFFSET));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(length - HMI_UDP_OFFSET));
	udp->dgram_cksum = 0;
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
}

static inline uint64_t
dropped(const struct fixture *f, enum hm_net_drop reason)
{
	return pair_net(f->nodes[1]).rx_dropped[reason];
}

static inline void
nodes_stop(struct fixture *f)
{
	pair_turn_for(f->nodes, 0.01);
	cr_assert_eq(pair_net(f->nodes[1]).rx_buffers_used, 0);
	cr_assert_eq(rte_mempool_in_use_count(f->pool), 0);
	pair_stop(f->nodes, 0);
	pair_stop(f->nodes, 1);
	pair_wire_empty(&f->wire);
}

/* The session is whole: the message held back arrives when it is sent again, once, and others do. */
static inline void
fixture_destroy(struct fixture *f)
{
	pair_until(f->nodes, f->numbers == 1);
	for (int i = 0; i < 10; i++)
		numbers_send(f);
	pair_until(f->nodes, f->numbers == 11);
	cr_assert_eq(pair_peer(f->nodes[1]).lost, 0);
	nodes_stop(f);
}

#endif /* TEST_NET_INJECT_H */
