/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The end of a node, as its peers see it: what is still sent, two farewells, and nothing after them.
 */
#include "test_net_lone.h"

#include "rcu_pvt.h"

TestSuite(net_shutdown, .init = pair_eal_start, .timeout = 60);

/* A node with sessions with stations 3 and 4. */
struct fixture {
	struct lone *lone;
	struct lone_peer peers[2];
};

static struct fixture *
fixture_create(const char *more)
{
	static struct fixture f;

	f.lone = lone_create(more);
	for (uint8_t i = 0; i < 2; i++)
		f.peers[i] = lone_open(f.lone, (uint8_t)(3 + i));
	return &f;
}

/* End the actors, and then do what destroying does first: the counters are still there. */
static void
stop(struct fixture *f)
{
	hm_system_stop(f->lone->sys);
	for (int i = 0; i < 10; i++)
		lone_turn(f->lone);
	hmi_rcu_enter();
	hmi_system_drain(f->lone->sys);
	hmi_rcu_leave();
	lone_drain(f->lone);
}

static void
finish(struct fixture *f)
{
	hm_system_destroy(f->lone->sys);
	pair_wire_empty(&f->lone->wire);
	cr_assert_eq(rte_mempool_in_use_count(f->lone->pool), 0);
}

static void
numbers_send(struct fixture *f, uint8_t host, uint32_t count)
{
	struct hm_pid there = { lone_says(host).node, 42 };
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	for (uint32_t i = 0; i < count; i++) {
		numbers.a = i + 1;
		cr_assert_eq(hm_system_send(f->lone->sys, there, PAIR_NUMBERS, &numbers), HM_OK);
	}
}

Test(net_shutdown, bye__twice_to_each_peer)
{
	struct fixture *f = fixture_create("");
	const struct lone_packet *packet;
	unsigned int byes[2] = { 0 };
	uint32_t last[2] = { 0 };

	lone_forget(f->lone);
	stop(f);
	while ((packet = lone_take(f->lone)) != NULL) {
		unsigned int which = packet->to == lone_station(4).ip;

		if (packet->header.kind != HMI_BYE)
			continue;
		byes[which]++;
		cr_assert_eq(packet->header.session, LONE_ID);
		cr_assert_eq(packet->header.length, 0);
		/* Each is a packet of its own. */
		cr_assert_gt(packet->header.number, last[which]);
		last[which] = packet->header.number;
		cr_assert_eq(packet->header.ack, 1);
	}
	cr_assert_eq(byes[0], 2);
	cr_assert_eq(byes[1], 2);
	finish(f);
}

Test(net_shutdown, bye__not_to_who_has_no_session)
{
	struct lone *lone = lone_create("--peer b@10.0.0.2");
	struct hmi_handshake hello = lone_says(3);
	const struct lone_packet *packet;
	struct fixture f = { .lone = lone };

	lone_pass(lone, 100 * LONE_MS);
	lone_shake(lone, 3, HMI_HELLO, 0, &hello);
	lone_forget(lone);
	stop(&f);
	while ((packet = lone_take(lone)) != NULL)
		cr_assert_neq(packet->header.kind, HMI_BYE);
	finish(&f);
}

Test(net_shutdown, stop__what_the_last_turn_left_is_sent_before_the_bye)
{
	struct fixture *f = fixture_create("");
	const struct lone_packet *packet;
	unsigned int data = 0, byes = 0;
	uint32_t last = 0;

	lone_forget(f->lone);
	numbers_send(f, 3, 5);
	stop(f);
	while ((packet = lone_take(f->lone)) != NULL) {
		if (packet->to != lone_station(3).ip)
			continue;
		data += packet->header.kind == HMI_DATA;
		byes += packet->header.kind == HMI_BYE;
		cr_assert(packet->header.kind != HMI_DATA || byes == 0, "data after the farewell");
		cr_assert_gt(packet->header.number, last);
		last = packet->header.number;
	}
	cr_assert_geq(data, 1);
	cr_assert_eq(byes, 2);
	/* Nobody has acknowledged them. */
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_SHUTDOWN), 5);
	finish(f);
}

Test(net_shutdown, stop__what_was_acknowledged_is_no_dead_letter)
{
	struct fixture *f = fixture_create("");

	numbers_send(f, 3, 5);
	numbers_send(f, 4, 3);
	lone_turn(f->lone);
	lone_acknowledge(f->lone, &f->peers[0]);
	stop(f);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_SHUTDOWN), 3);
	finish(f);
}

Test(net_shutdown, stop__what_waits_is_a_dead_letter_each)
{
	struct fixture *f = fixture_create("--peer-queue 1000000 --memory 64M");
	uint64_t sent = 0;

	/* No packet of theirs may go out. */
	for (uint32_t i = 0; i < 2; i++)
		lone_lane(f->lone, i)->tx_limit = 1;
	while (lone_stats(f->lone, "s3").messages_backlogged < 100) {
		numbers_send(f, 3, 20);
		sent += 20;
		lone_turn(f->lone);
	}
	numbers_send(f, 4, 7);
	lone_turn(f->lone);
	stop(f);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_SHUTDOWN), sent + 7);
	cr_assert_eq(lone_net(f->lone)->frames_kept, 0);
	finish(f);
}

Test(net_shutdown, stop__frames_that_come_afterwards_change_nothing)
{
	struct fixture *f = fixture_create("");
	struct hmi_handshake hello = lone_says(9);
	struct hmi_header header = { .version = HMI_WIRE_VERSION, .kind = HMI_HELLO };
	uint8_t payload[HMI_HANDSHAKE_BYTES];
	const struct lone_packet *packet;

	hm_system_stop(f->lone->sys);
	for (int i = 0; i < 10; i++)
		lone_turn(f->lone);
	lone_forget(f->lone);
	/* A stranger calls, and a peer says something, while the node is ending. */
	header.length = (uint16_t)hmi_handshake_write(&hello, payload);
	lone_put(f->lone, 9, header, payload);
	header = (struct hmi_header){ .version = HMI_WIRE_VERSION, .kind = HMI_DATA, .number = 1, .ack = 1 };
	header.session = f->peers[0].session;
	lone_put(f->lone, 3, header, NULL);
	hmi_rcu_enter();
	hmi_system_drain(f->lone->sys);
	hmi_rcu_leave();
	lone_drain(f->lone);
	while ((packet = lone_take(f->lone)) != NULL)
		cr_assert_neq(packet->header.kind, HMI_WELCOME);
	/* The data is not acknowledged: its sender reports it. */
	cr_assert_eq(lone_lane(f->lone, 0)->expected, 1);
	finish(f);
}

/* ---- Two nodes of one process -------------------------------------------------------------------- */

Test(net_shutdown, destroy__frames_that_the_peer_gives_back_later)
{
	static struct pair_wire wire;
	struct hm_system *nodes[2];

	pair_wire_create(&wire);
	pair_nodes(nodes, "");
	pair_connect(nodes);
	hm_system_stop(nodes[0]);
	for (int i = 0; i < 10; i++)
		hm_system_turn(nodes[0]);
	hm_system_destroy(nodes[0]);
	nodes[0] = NULL;
	cr_assert_gt(rte_ring_count(wire.ab), 0, "its farewell is on the wire");
	cr_assert_eq(hmt_mempools("?mtx*"), 2);
	pair_until(nodes, rte_ring_empty(wire.ab));
	pair_stop(nodes, 1);
	/* What b sent last still lies on its own wire, which nobody reads. */
	cr_assert_eq(hmt_mempools("?mtx*"), rte_ring_empty(wire.ba) ? 0 : 1);
	pair_wire_empty(&wire);
}
