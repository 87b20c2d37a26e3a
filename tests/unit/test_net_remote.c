/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Two whole nodes in one process: actors, provider, session, frames, over rings.
 */
#include "test_net_pair.h"

/* What an actor of the tests saw; the test reads it between turns. */
struct seen {
	uint64_t numbers, texts, trees, terminated, last, out_of_order;
	uint32_t reason;
	struct hm_pid who, self, target;
	bool stopped;
};

struct state {
	struct seen *seen;
};

static void
sink_numbers(struct hm_ctx *ctx, struct seen *seen, const struct hm_msg *msg)
{
	const Hermod__Test__Numbers *numbers = hm_msg_body(msg);
	Hermod__Test__Numbers reply;

	seen->numbers++;
	seen->out_of_order += numbers->a != seen->last + 1;
	seen->last = numbers->a;
	if (numbers->d == 0)
		return;
	hermod__test__numbers__init(&reply);
	reply.a = numbers->a;
	cr_assert_eq(hm_respond(ctx, PAIR_NUMBERS, &reply), HM_OK);
}

static void
sink(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct seen *seen = ((struct state *)state)->seen;
	const Hermod__Test__Text *text;
	const Hermod__Test__Tree *tree;

	seen->self = hm_self(ctx);
	switch (hm_msg_type(msg)) {
	case PAIR_NUMBERS:
		sink_numbers(ctx, seen, msg);
		break;
	case PAIR_TEXT:
		text = hm_msg_body(msg);
		cr_assert_str_eq(text->text, "hello");
		cr_assert_eq(text->data.len, text->number);
		seen->texts++;
		break;
	case PAIR_TREE:
		tree = hm_msg_body(msg);
		cr_assert_eq(tree->n_children, 2);
		cr_assert_str_eq(tree->children[1]->name, "right");
		cr_assert_eq(tree->n_numbers, 300);
		cr_assert_eq(tree->numbers[299], 299);
		seen->trees++;
		break;
	case HM_TERMINATED:
		seen->terminated++;
		seen->reason = ((const struct hm_terminated *)hm_msg_body(msg))->reason;
		seen->who = ((const struct hm_terminated *)hm_msg_body(msg))->who;
		break;
	case HM_STOPPED:
		seen->stopped = true;
		break;
	default:
		break;
	}
}

static const struct hm_props sink_props = { .receive = sink,
					    .state_size = sizeof(struct state),
					    .args_size = sizeof(struct state) };

/* What a test wants done by an actor. */
enum command {
	NOTHING,
	RESOLVE,
	SEND,
	WATCH,
	STOP,
	ASK,
	SEND_TEXT,
	SEND_TREE,
	SEND_LOCAL,
	SEND_BIG,
	SEND_ZEROS
};

struct driver {
	struct seen *seen;
	enum command command;
	uint64_t count, done;
	uint64_t found, replies, dead, timeouts;
	struct hm_pid target;
	const char *address;
};

static void
on_identity(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	    void *arg)
{
	struct driver *driver = *(struct driver **)state;

	(void)ctx;
	(void)arg;
	if (result != HM_FUTURE_REPLY)
		return;
	driver->found++;
	driver->target = ((const struct hm_identity *)hm_msg_body(reply))->pid;
}

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct driver *driver = *(struct driver **)state;

	(void)ctx;
	(void)reply;
	(void)arg;
	driver->replies += result == HM_FUTURE_REPLY;
	driver->dead += result == HM_FUTURE_DEAD_LETTER;
	driver->timeouts += result == HM_FUTURE_TIMEOUT;
}

static void
send_tree(struct hm_ctx *ctx, struct driver *driver)
{
	Hermod__Test__Tree tree, left, right, *children[2] = { &left, &right };
	uint32_t numbers[300];

	hermod__test__tree__init(&tree);
	hermod__test__tree__init(&left);
	hermod__test__tree__init(&right);
	for (uint32_t i = 0; i < 300; i++)
		numbers[i] = i;
	left.name = (char *)(uintptr_t) "left";
	right.name = (char *)(uintptr_t) "right";
	tree.n_children = 2;
	tree.children = children;
	tree.n_numbers = 300;
	tree.numbers = numbers;
	cr_assert_eq(hm_send(ctx, driver->target, PAIR_TREE, &tree), HM_OK);
}

static void
send_text(struct hm_ctx *ctx, struct driver *driver, size_t bytes)
{
	static uint8_t data[8192];
	Hermod__Test__Text text;

	hermod__test__text__init(&text);
	text.text = (char *)(uintptr_t) "hello";
	text.data.data = data;
	text.data.len = bytes;
	text.number = (uint32_t)bytes;
	cr_assert_eq(hm_send(ctx, driver->target, PAIR_TEXT, &text), HM_OK);
}

static void
driver_act(struct hm_ctx *ctx, struct driver *driver)
{
	static const Hermod__Test__Text zeros;
	Hermod__Test__Numbers numbers;
	uint64_t local = 1;

	hermod__test__numbers__init(&numbers);
	numbers.a = driver->done + 1;
	numbers.b = 2;
	numbers.d = driver->command == ASK;
	switch (driver->command) {
	case RESOLVE:
		cr_assert_eq(hm_resolve(ctx, driver->address, 1000000, on_identity, NULL), 0);
		break;
	case SEND:
		cr_assert_eq(hm_send(ctx, driver->target, PAIR_NUMBERS, &numbers), HM_OK);
		break;
	case ASK:
		cr_assert_eq(hm_ask(ctx, driver->target, PAIR_NUMBERS, &numbers, 10000000, on_reply, NULL),
			     HM_OK);
		break;
	case WATCH:
		cr_assert_eq(hm_watch(ctx, driver->target), HM_OK);
		break;
	case STOP:
		hm_stop(ctx, driver->target);
		break;
	case SEND_TEXT:
		send_text(ctx, driver, driver->done % 200);
		break;
	case SEND_TREE:
		send_tree(ctx, driver);
		break;
	case SEND_LOCAL:
		cr_assert_eq(hm_send(ctx, driver->target, PAIR_LOCAL, &local), HM_OK);
		break;
	case SEND_BIG:
		send_text(ctx, driver, 4096);
		break;
	case SEND_ZEROS:
		cr_assert_eq(hm_send(ctx, driver->target, PAIR_TEXT, &zeros), HM_INVALID);
		break;
	case NOTHING:
		break;
	}
}

/* Does what the test asks for, a few of it each time it is poked. */
static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct driver *driver = *(struct driver **)state;

	if (hm_msg_type(msg) == HM_TERMINATED) {
		driver->seen->terminated++;
		driver->seen->reason = ((const struct hm_terminated *)hm_msg_body(msg))->reason;
		driver->seen->who = ((const struct hm_terminated *)hm_msg_body(msg))->who;
	}
	if (hm_msg_type(msg) != PAIR_LOCAL)
		return;
	for (int i = 0; i < 32 && driver->done < driver->count; i++) {
		driver_act(ctx, driver);
		driver->done++;
	}
}

static const struct hm_props driver_props = { .receive = driver_receive,
					      .state_size = sizeof(void *),
					      .args_size = sizeof(void *) };

struct fixture {
	struct pair_wire wire;
	struct hm_system *nodes[2];
	struct seen sink_seen, driver_seen;
	struct driver driver;
	struct hm_pid driver_pid, sink_pid;
};

static void
sink_spawn(struct fixture *f, const char *name)
{
	struct state state = { &f->sink_seen };

	cr_assert_eq(hm_system_spawn(f->nodes[1], &sink_props, name, &state, &f->sink_pid), 0);
}

/* Poke the driver until it has done `count` of a command. */
static void
drive(struct fixture *f, enum command command, uint64_t count)
{
	double end = pair_seconds() + PAIR_SECONDS;
	uint64_t poke = 0;

	f->driver.command = command;
	f->driver.count = count;
	f->driver.done = 0;
	while (f->driver.done < count) {
		cr_assert_lt(pair_seconds(), end);
		cr_assert_eq(hm_system_send(f->nodes[0], f->driver_pid, PAIR_LOCAL, &poke), HM_OK);
		pair_turn(f->nodes);
	}
}

static struct fixture *
fixture_create(const char *more)
{
	static struct fixture f;
	struct driver *driver = &f.driver;

	pair_wire_create(&f.wire);
	pair_nodes(f.nodes, more);
	f.driver.seen = &f.driver_seen;
	f.driver.address = "hermod://b/user/sink";
	cr_assert_eq(hm_system_spawn(f.nodes[0], &driver_props, "driver", &driver, &f.driver_pid), 0);
	sink_spawn(&f, "sink");
	pair_connect(f.nodes);
	return &f;
}

/* As fixture_create, with the driver knowing the sink. */
static struct fixture *
fixture_resolved(const char *more)
{
	struct fixture *f = fixture_create(more);

	drive(f, RESOLVE, 1);
	pair_until(f->nodes, f->driver.found == 1);
	cr_assert(!hm_pid_is_none(f->driver.target));
	return f;
}

/* Stop both nodes; every buffer must be back in its pool. */
static void
fixture_destroy(struct fixture *f)
{
	for (int i = 0; i < 2; i++) {
		struct hm_net_stats net;

		if (f->nodes[i] == NULL)
			continue;
		/* What was received has been handed on, or was freed. */
		pair_turn_for(f->nodes, 0.01);
		net = pair_net(f->nodes[i]);
		cr_assert_eq(net.rx_buffers_used, 0, "node %d: %u received buffers in use", i,
			     net.rx_buffers_used);
	}
	for (int i = 0; i < 2; i++) {
		if (f->nodes[i] != NULL)
			pair_stop(f->nodes, i);
	}
	pair_wire_empty(&f->wire);
}

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

Test(net_remote, send__strings_and_bytes)
{
	struct fixture *f = fixture_resolved("");

	drive(f, SEND_TEXT, 1000);
	pair_until(f->nodes, f->sink_seen.texts == 1000);
	fixture_destroy(f);
}

/* Full packets: 2,048 numbers and as many texts of up to 199 bytes, each in a turn. */
static void
full_packets_check(const char *mtu, uint64_t bytes_least, uint64_t bytes_most)
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
	cr_assert_geq(bytes, bytes_least, "%lu", bytes);
	cr_assert_leq(bytes, bytes_most, "%lu", bytes);
	fixture_destroy(f);
}

Test(net_remote, send__full_packets_of_the_least_mtu)
{
	full_packets_check("--mtu 576", 400, 576 + RTE_ETHER_HDR_LEN);
}

Test(net_remote, send__full_packets_of_the_greatest_mtu)
{
	full_packets_check("--mtu 9600", 5000, 9600 + RTE_ETHER_HDR_LEN);
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

Test(net_remote, watch__stopped_by_the_watcher)
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

Test(net_remote, watch__never_existed)
{
	struct fixture *f = fixture_resolved("");

	f->driver.target.local++;
	drive(f, WATCH, 1);
	pair_until(f->nodes, f->driver_seen.terminated == 1);
	cr_assert_eq(f->driver_seen.reason, HM_TERMINATED_NOT_FOUND);
	fixture_destroy(f);
}

Test(net_remote, peer_timeout__node_lost_and_dead_letters)
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

Test(net_remote, restart__new_incarnation_replaces_the_old_one)
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

Test(net_remote, stop__bye_is_node_lost_at_once)
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

Test(net_remote, backlog__overflow_is_a_dead_letter)
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
