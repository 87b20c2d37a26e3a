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
	uint64_t sent = 80000, dead;

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

/* ---- Events ---------------------------------------------------------------------------- */

struct endpoints {
	uint32_t up, lost, numbers;
	uint64_t node, last;
};

static void
on_event(void *arg, const struct hm_msg *event)
{
	struct endpoints *seen = arg;

	if (hm_msg_type(event) == HM_ENDPOINT) {
		const struct hm_endpoint *endpoint = hm_msg_body(event);

		seen->up += endpoint->state == HM_ENDPOINT_UP;
		seen->lost += endpoint->state == HM_ENDPOINT_LOST;
		seen->node = endpoint->node;
	} else if (hm_msg_type(event) == PAIR_NUMBERS) {
		seen->numbers++;
		seen->last = ((const Hermod__Test__Numbers *)hm_msg_body(event))->a;
	}
}

static void
number_publish(struct hm_system *from, struct hm_system *at, uint64_t number)
{
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	numbers.a = number;
	cr_assert_eq(hm_system_send(from, hm_system_event_stream(at), PAIR_NUMBERS, &numbers), HM_OK);
}

/* A node learns of the other one, and publishes on its stream; it is told when that stops. */
Test(net_remote_end, events__of_endpoints_and_on_the_stream_of_another_node)
{
	struct endpoints seen[2] = { 0 };
	struct hm_event_subscriber subscriber = { .first = HM_EVENT_FIRST,
						  .last = HM_EVENT_LAST,
						  .callback = on_event };
	struct hm_system *nodes[2];
	struct pair_wire wire;
	uint64_t other;

	pair_wire_create(&wire);
	pair_nodes(nodes, "");
	for (uint32_t i = 0; i < 2; i++) {
		subscriber.arg = &seen[i];
		cr_assert_eq(hm_event_subscribe(nodes[i], &subscriber, NULL), 0);
	}
	pair_connect(nodes);
	pair_until(nodes, seen[0].up == 1 && seen[1].up == 1);
	other = hm_system_node(nodes[1]);
	cr_assert_eq(seen[0].node, other);
	cr_assert_eq(seen[1].node, hm_system_node(nodes[0]));
	for (uint64_t i = 1; i <= 10; i++)
		number_publish(nodes[0], nodes[1], i);
	pair_until(nodes, seen[1].numbers == 10);
	cr_assert_eq(seen[1].last, 10);
	cr_assert_eq(seen[0].numbers, 0);
	pair_stop(nodes, 1);
	pair_until(nodes, seen[0].lost == 1);
	cr_assert_eq(seen[0].node, other);
	cr_assert_eq(seen[0].up, 1);
	hm_system_destroy(nodes[0]);
}
