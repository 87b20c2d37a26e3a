/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * When a node gives a peer up, and what keeps a session: in virtual time, to the tick.
 */
#include "test_net_lone.h"

#define TICK_NS 100000ull

TestSuite(net_timeout, .init = pair_eal_start, .timeout = 60);

Test(net_timeout, answered__dropped_after_the_peer_timeout)
{
	struct lone *lone = lone_create("--peer-timeout-ms 100");
	struct hmi_handshake hello = lone_says(3);

	lone_shake(lone, 3, HMI_HELLO, 0, &hello);
	lone_pass(lone, 100 * LONE_MS);
	cr_assert_eq(lone_stats(lone, "s3").state, HM_NET_PEER_ANSWERED);
	lone_pass(lone, 2 * TICK_NS);
	cr_assert_eq(lone_stats(lone, "s3").state, HM_NET_PEER_IDLE);
	/* It never was a session. */
	cr_assert_eq(lone_stats(lone, "s3").sessions, 0);
	cr_assert_eq(lone_stats(lone, "s3").lost, 0);
	lone_destroy(lone);
}

Test(net_timeout, open__lost_after_the_peer_timeout_and_not_at_it)
{
	struct lone *lone = lone_create("--peer-timeout-ms 100");
	struct lone_peer peer = lone_open(lone, 3);

	for (int i = 0; i < 3; i++) {
		lone_pass(lone, 100 * LONE_MS);
		cr_assert_eq(lone_stats(lone, "s3").state, HM_NET_PEER_OPEN);
		lone_send(lone, &peer, HMI_ACK, NULL, 0);
	}
	lone_pass(lone, 100 * LONE_MS + 2 * TICK_NS);
	cr_assert_eq(lone_stats(lone, "s3").state, HM_NET_PEER_IDLE);
	cr_assert_eq(lone_stats(lone, "s3").lost, 1);
	lone_destroy(lone);
}

Test(net_timeout, open__heartbeats_every_eighth_of_the_peer_timeout)
{
	struct lone *lone = lone_create("--peer-timeout-ms 80");
	struct lone_peer peer = lone_open(lone, 3);
	uint64_t before = 0;

	for (int i = 0; i < 40; i++) {
		lone_pass(lone, 10 * LONE_MS);
		lone_send(lone, &peer, HMI_ACK, NULL, 0);
	}
	for (const struct lone_packet *ack; (ack = lone_take(lone)) != NULL; before = ack->when_ns) {
		cr_assert_eq(ack->header.kind, HMI_ACK);
		cr_assert(before == 0 || ack->when_ns - before > 10 * LONE_MS);
		cr_assert(before == 0 || ack->when_ns - before <= 10 * LONE_MS + 3 * TICK_NS);
	}
	cr_assert_gt(before, lone->now - 11 * LONE_MS);
	lone_destroy(lone);
}

/* Whoever is alive, but receives nothing, as behind a path that drops long frames, is lost, too. */
Test(net_timeout, open__lost_when_nothing_is_acknowledged_whatever_else_arrives)
{
	struct lone *lone = lone_create("--peer-timeout-ms 100");
	struct lone_peer peer = lone_open(lone, 3);
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	cr_assert_eq(hm_system_send(lone->sys, (struct hm_pid){ lone_says(3).node, 42 }, PAIR_NUMBERS,
				    &numbers),
		     HM_OK);
	for (int i = 0; i < 10; i++) {
		lone_send(lone, &peer, HMI_ACK, NULL, 0);
		cr_assert_eq(lone_stats(lone, "s3").state, HM_NET_PEER_OPEN);
		lone_pass(lone, 10 * LONE_MS);
	}
	lone_pass(lone, 2 * TICK_NS);
	cr_assert_eq(lone_stats(lone, "s3").state, HM_NET_PEER_IDLE);
	cr_assert_eq(pair_dead(lone->sys, HM_DEAD_NODE_LOST), 1);
	lone_destroy(lone);
}

Test(net_timeout, open__stays_while_something_is_acknowledged)
{
	struct lone *lone = lone_create("--peer-timeout-ms 100");
	struct lone_peer peer = lone_open(lone, 3);
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	for (int i = 0; i < 10; i++) {
		cr_assert_eq(hm_system_send(lone->sys, (struct hm_pid){ lone_says(3).node, 42 }, PAIR_NUMBERS,
					    &numbers),
			     HM_OK);
		lone_pass(lone, 90 * LONE_MS);
		lone_acknowledge(lone, &peer);
		cr_assert_eq(lone_stats(lone, "s3").packets_unacknowledged, 0);
	}
	cr_assert_eq(lone_stats(lone, "s3").state, HM_NET_PEER_OPEN);
	lone_destroy(lone);
}

Test(net_timeout, poll__a_polling_gap_of_the_nodes_own_is_no_timeout_of_its_peers)
{
	struct lone *lone = lone_create("--peer-timeout-ms 100");

	(void)lone_open(lone, 3);
	/* The lcore was away for one and a half of it: one is excused. */
	lone_skip(lone, 150 * LONE_MS);
	lone_turn(lone);
	lone_pass(lone, 40 * LONE_MS);
	cr_assert_eq(lone_stats(lone, "s3").state, HM_NET_PEER_OPEN);
	lone_pass(lone, 20 * LONE_MS);
	cr_assert_eq(lone_stats(lone, "s3").state, HM_NET_PEER_IDLE);
	lone_destroy(lone);
}

Test(net_timeout, poll__polling_gaps_do_not_hide_a_dead_peer_for_ever)
{
	struct lone *lone = lone_create("--peer-timeout-ms 100");

	(void)lone_open(lone, 3);
	lone_skip(lone, 130 * LONE_MS);
	lone_turn(lone);
	cr_assert_eq(lone_stats(lone, "s3").state, HM_NET_PEER_OPEN);
	lone_skip(lone, 130 * LONE_MS);
	lone_turn(lone);
	cr_assert_eq(lone_stats(lone, "s3").state, HM_NET_PEER_IDLE);
	lone_destroy(lone);
}

/* What came in the meantime is looked at before the clock. */
Test(net_timeout, poll__what_came_in_a_polling_gap_counts)
{
	struct lone *lone = lone_create("--peer-timeout-ms 100");
	struct lone_peer peer = lone_open(lone, 3);

	for (int i = 0; i < 3; i++) {
		lone_skip(lone, LONE_SECOND);
		lone_send(lone, &peer, HMI_ACK, NULL, 0);
		cr_assert_eq(lone_stats(lone, "s3").state, HM_NET_PEER_OPEN);
		/* A gap is excused anew when something was received. */
		lone_skip(lone, 150 * LONE_MS);
		lone_turn(lone);
		cr_assert_eq(lone_stats(lone, "s3").state, HM_NET_PEER_OPEN);
	}
	lone_destroy(lone);
}
