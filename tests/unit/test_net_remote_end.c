/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What ends between two nodes: actors that are watched, sessions, nodes, and room for what waits.
 */
#include "test_net_both.h"

TestSuite(net_remote_end, .init = pair_eal_start, .timeout = 120);

Test(net_remote_end, watch__stopped_by_the_watcher)
{
	struct fixture *f = fixture_resolved("");

	drive(f, WATCH, 1);
	drive(f, STOP, 1);
	pair_until(f->nodes, f->driver_seen.terminated == 1);
	cr_assert_eq(f->driver_seen.reason, HM_TERMINATED_STOPPED);
	cr_assert(hm_pid_equal(f->driver_seen.who, f->driver.target));
	cr_assert(f->sink_seen.stopped);
	fixture_destroy(f);
}

Test(net_remote_end, watch__never_existed)
{
	struct fixture *f = fixture_resolved("");

	f->driver.target.local++;
	drive(f, WATCH, 1);
	pair_until(f->nodes, f->driver_seen.terminated == 1);
	cr_assert_eq(f->driver_seen.reason, HM_TERMINATED_NOT_FOUND);
	fixture_destroy(f);
}

Test(net_remote_end, peer_timeout__node_lost_and_dead_letters)
{
	struct fixture *f = fixture_resolved("--peer-timeout-ms 200");
	struct hm_system *gone = f->nodes[1];

	drive(f, WATCH, 1);
	pair_turn_for(f->nodes, 0.02);
	/* Node b stands still, as if killed. */
	f->nodes[1] = NULL;
	drive(f, SEND, 1000);
	pair_until(f->nodes, f->driver_seen.terminated == 1);
	cr_assert_eq(f->driver_seen.reason, HM_TERMINATED_NODE_LOST);
	cr_assert_eq(pair_dead(f->nodes[0], HM_DEAD_NODE_LOST), 1000);
	drive(f, SEND, 10);
	cr_assert_geq(pair_dead(f->nodes[0], HM_DEAD_NODE_LOST) + pair_dead(f->nodes[0], HM_DEAD_NO_NODE),
		      1010);
	cr_assert_eq(pair_peer(f->nodes[0]).lost, 1);

	/* It comes round: a new session, the same incarnation. */
	f->nodes[1] = gone;
	pair_until(f->nodes,
		   pair_peer(f->nodes[0]).sessions == 2 && pair_state(f->nodes[1]) == HM_NET_PEER_OPEN);
	f->sink_seen.numbers = f->sink_seen.last = f->sink_seen.out_of_order = 0;
	drive(f, SEND, 100);
	pair_until(f->nodes, f->sink_seen.numbers >= 100);
	fixture_destroy(f);
}

Test(net_remote_end, restart__new_incarnation_replaces_the_old_one)
{
	struct fixture *f = fixture_resolved("");
	struct hm_system *stays = f->nodes[0];

	drive(f, WATCH, 1);
	pair_turn_for(f->nodes, 0.02);
	/* As if killed: its BYE is lost, and another one starts on its port. */
	f->nodes[0] = NULL;
	pair_stop(f->nodes, 1);
	pair_wire_empty(&f->wire);
	f->nodes[0] = stays;
	f->nodes[1] = pair_node("--node b --port net_ring_b --ip 10.0.0.2/24 --peer a@10.0.0.1");
	sink_spawn(f, "sink");
	pair_until(f->nodes, f->driver_seen.terminated == 1);
	cr_assert_eq(f->driver_seen.reason, HM_TERMINATED_NODE_LOST);
	pair_until(f->nodes, pair_peer(f->nodes[0]).sessions == 2);
	f->driver.found = 0;
	drive(f, RESOLVE, 1);
	pair_until(f->nodes, f->driver.found == 1);
	cr_assert_eq(f->driver.target.node, hm_system_node(f->nodes[1]));
	drive(f, SEND, 100);
	pair_until(f->nodes, f->sink_seen.numbers == 100);
	fixture_destroy(f);
}

Test(net_remote_end, stop__bye_is_node_lost_at_once)
{
	struct fixture *f = fixture_resolved("--peer-timeout-ms 60000");

	drive(f, SEND, 100);
	pair_until(f->nodes, f->sink_seen.numbers == 100);
	drive(f, WATCH, 1);
	pair_turn_for(f->nodes, 0.02);
	pair_stop(f->nodes, 1);
	pair_until(f->nodes, pair_state(f->nodes[0]) != HM_NET_PEER_OPEN);
	pair_until(f->nodes, f->driver_seen.terminated == 1);
	fixture_destroy(f);
}

Test(net_remote_end, backlog__overflow_is_a_dead_letter)
{
	struct fixture *f = fixture_resolved("--peer-queue 10 --peer-timeout-ms 60000");
	struct hm_system *slow = f->nodes[1];
	uint64_t sent = 40000, dead;

	f->nodes[1] = NULL;
	drive(f, SEND, sent);
	dead = pair_dead(f->nodes[0], HM_DEAD_NODE_BUSY);
	cr_assert_gt(dead, 0);
	cr_assert_leq(pair_peer(f->nodes[0]).messages_backlogged, 10);
	f->nodes[1] = slow;
	pair_until(f->nodes, f->sink_seen.numbers == sent - dead);
	cr_assert_eq(f->sink_seen.out_of_order, 0);
	fixture_destroy(f);
}
