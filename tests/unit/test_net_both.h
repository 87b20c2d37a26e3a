/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NET_BOTH_H
#define TEST_NET_BOTH_H

/**
 * @file
 * An actor on each of two nodes in one process: a driver that does what the test says, and a sink that counts.
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

static inline void
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

static inline void
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
	SEND_ZEROS,
	SEND_BY_PATH,
	ASK_BY_PATH,
	WATCH_BY_PATH
};

struct driver {
	struct seen *seen;
	enum command command;
	uint64_t count, done;
	uint64_t found, replies, dead, timeouts;
	struct hm_pid target;
	const char *address;
};

static inline void
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

static inline void
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

static inline void
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

static inline void
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

static inline void
driver_act(struct hm_ctx *ctx, struct driver *driver)
{
	static const Hermod__Test__Text zeros;
	Hermod__Test__Numbers numbers;
	uint64_t local = 1;

	hermod__test__numbers__init(&numbers);
	numbers.a = driver->done + 1;
	numbers.b = 2;
	numbers.d = driver->command == ASK || driver->command == ASK_BY_PATH;
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
	case SEND_BY_PATH:
		cr_assert_eq(hm_select_send(ctx, driver->address, PAIR_NUMBERS, &numbers), HM_OK);
		break;
	case ASK_BY_PATH:
		cr_assert_eq(hm_select_ask(ctx, driver->address, PAIR_NUMBERS, &numbers, 10000000, on_reply,
					   NULL),
			     HM_OK);
		break;
	case WATCH_BY_PATH:
		cr_assert_eq(hm_watch_path(ctx, driver->address, NULL), HM_OK);
		break;
	case NOTHING:
		break;
	}
}

/* Does what the test asks for, a few of it each time it is poked. */
static inline void
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

static inline void
sink_spawn(struct fixture *f, const char *name)
{
	struct state state = { &f->sink_seen };

	cr_assert_eq(hm_system_spawn(f->nodes[1], &sink_props, name, &state, &f->sink_pid), 0);
}

/* Poke the driver until it has done `count` of a command. */
static inline void
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

static inline struct fixture *
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
static inline struct fixture *
fixture_resolved(const char *more)
{
	struct fixture *f = fixture_create(more);

	drive(f, RESOLVE, 1);
	pair_until(f->nodes, f->driver.found == 1);
	cr_assert(!hm_pid_is_none(f->driver.target));
	return f;
}

/* Stop both nodes; every buffer must be back in its pool. */
static inline void
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

#endif /* TEST_NET_BOTH_H */
