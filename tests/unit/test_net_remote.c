/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Two whole nodes in one process: actors, provider, session, frames, over rings.
 */
#include "hm_call.h"
#include "lcore_pvt.h"
#include "test_net_both.h"

TestSuite(net_remote, .init = pair_eal_start, .timeout = 120);

Test(net_remote, resolve__path_of_the_peer)
{
	struct fixture *f = fixture_resolved("");

	pair_until(f->nodes, !hm_pid_is_none(f->sink_seen.self));
	cr_assert(hm_pid_equal(f->driver.target, f->sink_seen.self));
	cr_assert_eq(f->driver.target.node, hm_system_node(f->nodes[1]));
	fixture_destroy(f);
}

Test(net_remote, resolve__nobody_of_that_name)
{
	struct fixture *f = fixture_create("");

	f->driver.address = "hermod://b/user/nobody";
	drive(f, RESOLVE, 1);
	pair_until(f->nodes, f->driver.found == 1);
	cr_assert(hm_pid_is_none(f->driver.target));
	fixture_destroy(f);
}

Test(net_remote, resolve__waits_for_the_session)
{
	static struct fixture f;
	struct driver *driver = &f.driver;

	pair_wire_create(&f.wire);
	pair_nodes(f.nodes, "");
	f.driver.seen = &f.driver_seen;
	f.driver.address = "hermod://b/user/sink";
	cr_assert_eq(hm_system_spawn(f.nodes[0], &driver_props, "driver", &driver, &f.driver_pid), 0);
	sink_spawn(&f, "sink");
	drive(&f, RESOLVE, 1);
	pair_until(f.nodes, f.driver.found == 1);
	cr_assert(!hm_pid_is_none(f.driver.target));
	fixture_destroy(&f);
}

Test(net_remote, send__many_arrive_in_order)
{
	struct fixture *f = fixture_resolved("");

	drive(f, SEND, 20000);
	pair_until(f->nodes, f->sink_seen.numbers == 20000);
	cr_assert_eq(f->sink_seen.out_of_order, 0);
	cr_assert_geq(pair_peer(f->nodes[0]).messages_sent, 20000);
	cr_assert_geq(pair_peer(f->nodes[1]).messages_received, 20000);
	fixture_destroy(f);
}

Test(net_remote, send__loss_reorder_duplicates_corruption)
{
	struct fixture *f = fixture_resolved("--fault-drop 1000 --fault-duplicate 500 --fault-reorder 1000 "
					     "--fault-corrupt 300 --fault-seed 42 --peer-timeout-ms 10000");

	drive(f, SEND, 20000);
	pair_until(f->nodes, f->sink_seen.numbers == 20000);
	cr_assert_eq(f->sink_seen.out_of_order, 0);
	cr_assert_gt(pair_peer(f->nodes[0]).packets_retransmitted, 0);
	cr_assert_gt(pair_net(f->nodes[1]).rx_dropped[HM_NET_DROP_CHECKSUM] +
			     pair_net(f->nodes[1]).rx_dropped[HM_NET_DROP_FOREIGN] +
			     pair_net(f->nodes[0]).rx_dropped[HM_NET_DROP_CHECKSUM],
		     0);
	fixture_destroy(f);
}

/* What the checksum of UDP, a sum, does not find; a driver that checks each message's bytes would. */
Test(net_remote, send__two_wrong_bits)
{
	struct fixture *f = fixture_resolved("--fault-corrupt 2000 --fault-corrupt-bits 2 --fault-seed 7 "
					     "--peer-timeout-ms 10000");

	for (uint32_t i = 1; i <= 20; i++) {
		drive(f, SEND_TEXT, 1000);
		pair_until(f->nodes, f->sink_seen.texts == i * 1000);
	}
	cr_assert_eq(f->sink_seen.out_of_order, 0);
	cr_assert_gt(pair_net(f->nodes[1]).rx_dropped[HM_NET_DROP_CHECKSUM], 0);
	cr_assert_gt(pair_net(f->nodes[1]).rx_dropped[HM_NET_DROP_CRC] +
			     pair_net(f->nodes[0]).rx_dropped[HM_NET_DROP_CRC],
		     0);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_MALFORMED), 0);
	fixture_destroy(f);
}

Test(net_remote, send__strings_and_bytes)
{
	struct fixture *f = fixture_resolved("");

	drive(f, SEND_TEXT, 1000);
	pair_until(f->nodes, f->sink_seen.texts == 1000);
	fixture_destroy(f);
}

/* 2,048 numbers and as many texts of up to 199 bytes: as many in a packet as a turn has time for, and the MTU room. */
static void
packets_check(const char *mtu, uint64_t bytes_most)
{
	struct fixture *f = fixture_resolved(mtu);
	struct hm_net_stats before = pair_net(f->nodes[1]), after;
	uint64_t poke = 0, packets = pair_peer(f->nodes[1]).packets_received, bytes;

	for (enum command command = SEND; command <= SEND_TEXT; command += SEND_TEXT - SEND) {
		f->driver.command = command;
		f->driver.count = 2048;
		f->driver.done = 0;
		for (int i = 0; i < 64; i++)
			cr_assert_eq(hm_system_send(f->nodes[0], f->driver_pid, PAIR_LOCAL, &poke), HM_OK);
		pair_until(f->nodes, f->sink_seen.numbers == 2048 &&
					     f->sink_seen.texts == (command == SEND_TEXT ? 2048 : 0));
	}
	cr_assert_eq(f->sink_seen.out_of_order, 0);
	cr_assert_eq(pair_dead(f->nodes[0], HM_DEAD_TOO_BIG), 0);
	after = pair_net(f->nodes[1]);
	bytes = (after.rx_bytes - before.rx_bytes) / (pair_peer(f->nodes[1]).packets_received - packets);
	cr_assert_leq(bytes, bytes_most, "%lu", bytes);
	fixture_destroy(f);
}

Test(net_remote, send__packets_of_the_least_mtu)
{
	packets_check("--mtu 576", 576 + RTE_ETHER_HDR_LEN);
}

Test(net_remote, send__packets_of_the_greatest_mtu)
{
	packets_check("--mtu 9600", 9600 + RTE_ETHER_HDR_LEN);
}

Test(net_remote, send__nested_and_repeated)
{
	struct fixture *f = fixture_resolved("");

	drive(f, SEND_TREE, 50);
	pair_until(f->nodes, f->sink_seen.trees == 50);
	fixture_destroy(f);
}

Test(net_remote, send__local_struct_is_a_dead_letter)
{
	struct fixture *f = fixture_resolved("");

	drive(f, SEND_LOCAL, 3);
	cr_assert_eq(pair_dead(f->nodes[0], HM_DEAD_NOT_REMOTE), 3);
	fixture_destroy(f);
}

Test(net_remote, send__zeros_are_no_message)
{
	struct fixture *f = fixture_resolved("");

	drive(f, SEND_ZEROS, 1);
	drive(f, SEND_TEXT, 1);
	pair_until(f->nodes, f->sink_seen.texts == 1);
	fixture_destroy(f);
}

Test(net_remote, send__too_big_for_a_frame_is_a_dead_letter)
{
	struct fixture *f = fixture_resolved("");

	drive(f, SEND_BIG, 2);
	drive(f, SEND, 1);
	pair_until(f->nodes, f->sink_seen.numbers == 1);
	cr_assert_eq(pair_dead(f->nodes[0], HM_DEAD_TOO_BIG), 2);
	fixture_destroy(f);
}

Test(net_remote, send__type_unknown_to_the_peer_is_a_dead_letter_there)
{
	static struct fixture f;
	static const struct hm_type only_a = { .id = PAIR_ONLY_A,
					       .descriptor = &hermod__test__scalars__descriptor };
	Hermod__Test__Scalars scalars;

	pair_wire_create(&f.wire);
	pair_nodes(f.nodes, "");
	cr_assert_eq(hm_type_register(f.nodes[0], &only_a), 0);
	sink_spawn(&f, "sink");
	pair_connect(f.nodes);
	hermod__test__scalars__init(&scalars);
	cr_assert_eq(hm_system_send(f.nodes[0], f.sink_pid, PAIR_ONLY_A, &scalars), HM_OK);
	pair_until(f.nodes, pair_dead(f.nodes[1], HM_DEAD_UNKNOWN_TYPE) == 1);
	fixture_destroy(&f);
}

Test(net_remote, send__stale_pid_is_a_dead_letter_there)
{
	struct fixture *f = fixture_resolved("");

	f->driver.target.local++;
	drive(f, SEND, 5);
	f->driver.target.local = UINT64_MAX;
	drive(f, SEND, 5);
	f->driver.target.local = 0;
	drive(f, SEND, 5);
	pair_until(f->nodes, pair_dead(f->nodes[1], HM_DEAD_NO_PROCESS) == 15);
	fixture_destroy(f);
}

Test(net_remote, ask__reply_comes_back)
{
	struct fixture *f = fixture_resolved("");

	drive(f, ASK, 500);
	pair_until(f->nodes, f->driver.replies == 500);
	fixture_destroy(f);
}

Test(net_remote, ask__nobody_there_ends_before_the_deadline)
{
	struct fixture *f = fixture_resolved("");

	f->driver.target.local++;
	drive(f, ASK, 3);
	pair_until(f->nodes, f->driver.dead == 3);
	fixture_destroy(f);
}

/* ---- By path --------------------------------------------------------------------------- */

Test(net_remote, select__sends_and_asks_by_an_address)
{
	struct fixture *f = fixture_create("");

	drive(f, SEND_BY_PATH, 5);
	pair_until(f->nodes, f->sink_seen.numbers == 5);
	cr_assert_eq(f->sink_seen.out_of_order, 0);
	drive(f, ASK_BY_PATH, 3);
	pair_until(f->nodes, f->driver.replies == 3);
	f->driver.address = "hermod://b/user/nobody";
	drive(f, ASK_BY_PATH, 2);
	pair_until(f->nodes, f->driver.dead == 2);
	cr_assert_eq(pair_dead(f->nodes[0], HM_DEAD_NO_PATH), 2);
	f->driver.address = "hermod://c/user/sink";
	drive(f, SEND_BY_PATH, 1);
	pair_until(f->nodes, pair_dead(f->nodes[0], HM_DEAD_NO_NODE) == 1);
	fixture_destroy(f);
}

Test(net_remote, watch_path__of_an_address)
{
	struct fixture *f = fixture_create("");

	drive(f, WATCH_BY_PATH, 1);
	pair_turn_for(f->nodes, 0.05);
	cr_assert_eq(f->driver_seen.terminated, 0);
	cr_assert_eq(hm_system_stop_actor(f->nodes[1], f->sink_pid), 0);
	pair_until(f->nodes, f->driver_seen.terminated == 1);
	cr_assert_eq(f->driver_seen.reason, HM_TERMINATED_STOPPED);
	cr_assert(hm_pid_equal(f->driver_seen.who, f->sink_pid));
	drive(f, WATCH_BY_PATH, 1);
	pair_until(f->nodes, f->driver_seen.terminated == 2);
	cr_assert_eq(f->driver_seen.reason, HM_TERMINATED_NOT_FOUND);
	cr_assert(hm_pid_is_none(f->driver_seen.who));
	fixture_destroy(f);
}

/* Whoever is asked on another node knows the guardians, too, and they stay. */
Test(net_remote, stop__of_a_guardian_of_the_peer_is_refused)
{
	static const char *const paths[] = { "hermod://b/user", "hermod://b/system" };
	struct fixture *f = fixture_create("");

	for (uint64_t i = 0; i < RTE_DIM(paths); i++) {
		f->driver.address = paths[i];
		drive(f, RESOLVE, 1);
		pair_until(f->nodes, f->driver.found == i + 1);
		cr_assert(!hm_pid_is_none(f->driver.target));
		drive(f, STOP, 1);
		pair_until(f->nodes, pair_dead(f->nodes[1], HM_DEAD_MALFORMED) == i + 1);
	}
	f->driver.address = "hermod://b/user/sink";
	drive(f, SEND_BY_PATH, 1);
	pair_until(f->nodes, f->sink_seen.numbers == 1);
	fixture_destroy(f);
}

/* ---- Answers by type -------------------------------------------------------------------- */

/* A touch as an external thread sends it. @return as hm_call_result, once the call has ended */
static int
touch(struct fixture *f, struct hm_pid to, struct hm_touched *touched)
{
	struct hm_reply reply = { .body = touched, .size = sizeof(*touched) };
	struct hm_call *call;
	int rc;

	cr_assert_eq(hm_system_request(f->nodes[0], to, HM_TOUCH, NULL, 60000000, &call), 0);
	pair_until(f->nodes, hm_call_result(call, NULL) != -EAGAIN);
	rc = hm_call_result(call, &reply);
	if (rc == 0)
		cr_assert_eq(reply.type, HM_TOUCHED);
	hm_call_free(call);
	return rc;
}

Test(net_remote, touch__an_actor_of_the_peer_answers)
{
	struct fixture *f = fixture_resolved("");
	struct hm_pid nobody = f->driver.target;
	struct hm_touched touched = { 0 };

	cr_assert_eq(touch(f, f->driver.target, &touched), 0);
	cr_assert(hm_pid_equal(touched.who, f->driver.target));
	nobody.local++;
	cr_assert_eq(touch(f, nobody, &touched), -ENOENT);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_NO_PROCESS), 1);
	fixture_destroy(f);
}

static void
pipe_away(struct hm_ctx *ctx, struct hm_pid to)
{
	struct hm_future future;

	cr_assert_eq(hm_future_new(ctx, 1, &future), HM_OK);
	cr_assert_eq(hm_pipe_to(ctx, future, &to, 1), HM_OK);
	hm_future_cancel(ctx, future);
}

/* What the engine sends to actors of its own node alone is no message that the peer could not make anything of. */
Test(net_remote, pipe_to__a_failure_does_not_cross_nodes)
{
	struct fixture *f = fixture_resolved("");
	struct hm_ctx *ctx = f->nodes[0]->lcores[0];

	ctx->cell = hmi_cell_live(ctx, f->driver_pid.local);
	pipe_away(ctx, f->driver.target);
	ctx->cell = NULL;
	pair_until(f->nodes, pair_dead(f->nodes[0], HM_DEAD_NOT_REMOTE) == 1);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_MALFORMED), 0);
	fixture_destroy(f);
}
