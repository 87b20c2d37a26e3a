/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * How much of what arrived is delivered in a turn, and what becomes of the rest.
 */
#include "test_net_sink.h"

#define PAYLOAD_MAX 1432u

TestSuite(net_portion, .init = pair_eal_start, .timeout = 60);

/* A packet as full of messages of a type as it can be: each of two bytes. */
static uint32_t
full_put_of(struct fixture *f, uint32_t sequence, const char *type)
{
	uint32_t count = (uint32_t)(PAYLOAD_MAX - hmi_envelope_begin_size(0)) / 2;
	uint8_t batch[PAYLOAD_MAX];
	uint8_t *end = hmi_envelope_begin(batch, f->sink.local, 0, hm_type_hash(type));
	struct hmi_header header = data_header(f, sequence);

	for (uint32_t i = 0; i < count; i++) {
		*end++ = HMI_TAG_PAYLOAD;
		*end++ = 0;
	}
	hmi_envelope_end(batch, end);
	header.length = (uint16_t)(end - batch);
	lone_put(f->lone, f->peer.host, header, batch);
	return count;
}

static uint32_t
full_put(struct fixture *f, uint32_t sequence)
{
	return full_put_of(f, sequence, "hermod.test.Numbers");
}

Test(net_portion, poll__packets_full_of_messages_are_few_in_a_turn)
{
	struct fixture *f = fixture_create("");
	uint64_t each = 0, before = 0, now;

	for (uint32_t sequence = 1; sequence <= 40; sequence++)
		each = full_put(f, sequence);
	lone_work_begin(f->lone);
	for (int turn = 0; before < 40 * each; turn++, before = now) {
		hm_system_turn(f->lone->sys);
		now = lone_stats(f->lone, "s3").messages_received;
		cr_assert_leq(now - before, LONE_POLL, "turn %d: %lu", turn, now - before);
		/* As many as there is time for, if there are. */
		if (now < 40 * each)
			cr_assert_geq(now - before, LONE_POLL / 2, "turn %d: %lu", turn, now - before);
	}
	cr_assert_eq(before, 40 * each);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_DUPLICATE), 0);
	lone_destroy(f->lone);
}

/* Dead letters cost more than messages that somebody receives. */
Test(net_portion, poll__packets_full_of_an_unknown_type_are_few_in_a_turn)
{
	struct fixture *f = fixture_create("");
	uint64_t each = 0, before = 0, now;

	for (uint32_t sequence = 1; sequence <= 20; sequence++)
		each = full_put_of(f, sequence, "nobody.knows.This");
	lone_work_begin(f->lone);
	for (int turn = 0; before < 20 * each && turn < 100; turn++, before = now) {
		hm_system_turn(f->lone->sys);
		now = pair_dead(f->lone->sys, HM_DEAD_UNKNOWN_TYPE);
		cr_assert_leq(now - before, LONE_POLL, "turn %d: %lu", turn, now - before);
	}
	cr_assert_eq(before, 20 * each);
	lone_destroy(f->lone);
}

/* What the port's own function receives, by multiples of eight: as drivers with vector instructions do. */
static eth_rx_burst_t receive_any;

static uint16_t
receive_by_eight(void *queue, struct rte_mbuf **frames, uint16_t count)
{
	return receive_any(queue, frames, count & ~7u);
}

Test(net_portion, poll__port_that_receives_multiples_of_eight)
{
	struct fixture *f = fixture_create("");
	uint16_t port = lone_net(f->lone)->port.id;
	uint64_t each = 0;

	receive_any = rte_eth_fp_ops[port].rx_pkt_burst;
	rte_eth_fp_ops[port].rx_pkt_burst = receive_by_eight;
	for (uint32_t sequence = 1; sequence <= 40; sequence++)
		each = full_put(f, sequence);
	for (int turn = 0; turn < 60; turn++)
		hm_system_turn(f->lone->sys);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_received, 40 * each);
	rte_eth_fp_ops[port].rx_pkt_burst = receive_any;
	lone_destroy(f->lone);
}

Test(net_portion, poll__packets_behind_a_hole_are_few_in_a_turn)
{
	struct fixture *f = fixture_create("--memory 64M");
	uint64_t each = 0, before = 0, now;

	for (uint32_t sequence = 2; sequence <= 20; sequence++)
		each = full_put(f, sequence);
	lone_turn(f->lone);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_received, 0);
	full_put(f, 1);
	lone_work_begin(f->lone);
	for (int turn = 0; before < 20 * each && turn < 100; turn++, before = now) {
		hm_system_turn(f->lone->sys);
		now = lone_stats(f->lone, "s3").messages_received;
		cr_assert_leq(now - before, LONE_POLL, "turn %d: %lu", turn, now - before);
	}
	cr_assert_eq(before, 20 * each);
	cr_assert_eq(ack_last(f).ack, number_of(20));
	cr_assert_not(lone_net(f->lone)->waiting);
	lone_destroy(f->lone);
}

Test(net_portion, poll__peers_that_wait_take_turns)
{
	struct fixture *f = fixture_create("--memory 64M");
	struct lone_peer peers[2] = { f->peer, lone_open(f->lone, 4) };
	uint64_t each = 0, first, second;

	for (uint32_t i = 0; i < 2; i++) {
		f->peer = peers[i];
		for (uint32_t sequence = 2; sequence <= 30; sequence++)
			each = full_put(f, sequence);
		lone_turn(f->lone);
	}
	for (uint32_t i = 0; i < 2; i++) {
		f->peer = peers[i];
		full_put(f, 1);
	}
	/* In each turn one of them uses up the time. */
	lone_work_begin(f->lone);
	for (int turn = 0; turn < 12; turn++)
		hm_system_turn(f->lone->sys);
	first = lone_stats(f->lone, "s3").messages_received;
	second = lone_stats(f->lone, "s4").messages_received;
	cr_assert_lt(first, 30 * each);
	cr_assert_leq(first, second + 2 * LONE_POLL, "%lu %lu", first, second);
	cr_assert_leq(second, first + 2 * LONE_POLL, "%lu %lu", first, second);
	f->lone->work_ns = 0;
	lone_turn(f->lone);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_received, 30 * each);
	cr_assert_eq(lone_stats(f->lone, "s4").messages_received, 30 * each);
	lone_destroy(f->lone);
}

/* One peer could fill each turn; another one, which waits, goes on in every other one all the same. */
Test(net_portion, poll__peer_that_waits_beside_a_busy_one)
{
	struct fixture *f = fixture_create("--memory 64M");
	struct lone_peer busy = lone_open(f->lone, 4), waits = f->peer;
	uint64_t each = 0, before;

	for (uint32_t sequence = 2; sequence <= 20; sequence++)
		each = full_put(f, sequence);
	lone_turn(f->lone);
	(void)full_put(f, 1);
	lone_work_begin(f->lone);
	hm_system_turn(f->lone->sys);
	before = lone_stats(f->lone, "s3").messages_received;
	for (uint32_t turn = 0; turn < 20; turn++) {
		f->peer = busy;
		(void)full_put(f, 2 * turn + 1);
		(void)full_put(f, 2 * turn + 2);
		hm_system_turn(f->lone->sys);
	}
	cr_assert_geq(lone_stats(f->lone, "s3").messages_received - before, 10 * LONE_POLL / 2);
	cr_assert_geq(lone_stats(f->lone, "s4").messages_received, 10 * LONE_POLL / 2);
	f->lone->work_ns = 0;
	lone_turn(f->lone);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_received, 20 * each);
	cr_assert_eq(lone_stats(f->lone, "s4").messages_received, 40 * each);
	f->peer = waits;
	lone_destroy(f->lone);
}

/* In each turn a packet of another peer could use up the time. */
Test(net_portion, poll__peer_that_waits_beside_others_that_come)
{
	struct fixture *f = fixture_create("--memory 64M");
	struct lone_peer waits = f->peer, others[12];
	uint64_t before;

	for (uint8_t i = 0; i < RTE_DIM(others); i++)
		others[i] = lone_open(f->lone, (uint8_t)(4 + i));
	for (uint32_t sequence = 2; sequence <= 20; sequence++)
		(void)full_put(f, sequence);
	lone_turn(f->lone);
	(void)full_put(f, 1);
	lone_work_begin(f->lone);
	hm_system_turn(f->lone->sys);
	before = lone_stats(f->lone, "s3").messages_received;
	for (uint32_t i = 0; i < RTE_DIM(others); i++) {
		f->peer = others[i];
		(void)full_put(f, 1);
		hm_system_turn(f->lone->sys);
	}
	cr_assert_geq(lone_stats(f->lone, "s3").messages_received - before, LONE_POLL / 2);
	f->lone->work_ns = 0;
	lone_turn(f->lone);
	f->peer = waits;
	lone_destroy(f->lone);
}

Test(net_portion, stop__with_frames_that_wait_for_a_turn)
{
	struct fixture *f = fixture_create("--memory 64M");
	struct lone *lone = f->lone;

	for (uint32_t sequence = 1; sequence <= 30; sequence++)
		(void)full_put(f, sequence);
	lone_work_begin(lone);
	hm_system_turn(lone->sys);
	cr_assert_lt(lone_net(lone)->rx_next, lone_net(lone)->rx_count);
	hm_system_stop(lone->sys);
	hm_system_destroy(lone->sys);
	pair_wire_empty(&lone->wire);
	cr_assert_eq(rte_mempool_in_use_count(lone->pool), 0);
}

Test(net_portion, poll__what_waits_for_a_turn_is_delivered_when_the_session_ends)
{
	struct fixture *f = fixture_create("--memory 64M");
	struct hmi_header bye = { .version = HMI_WIRE_VERSION, .kind = HMI_BYE };
	uint64_t each = 0;

	for (uint32_t sequence = 2; sequence <= 20; sequence++)
		each = full_put(f, sequence);
	lone_turn(f->lone);
	full_put(f, 1);
	bye.session = f->peer.session;
	bye.number = number_of(21);
	lone_put(f->lone, 3, bye, NULL);
	hm_system_turn(f->lone->sys);
	hm_system_turn(f->lone->sys);
	cr_assert_eq(lone_stats(f->lone, "s3").lost, 1);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_received, 20 * each);
	lone_destroy(f->lone);
}
