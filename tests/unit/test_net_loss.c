/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Messages that are lost between two nodes: each is a dead letter, once, and none is left behind.
 */
#include "remote_pvt.h"
#include "test_net_pair.h"

#include "lcore_setup_pvt.h"
#include "rcu_pvt.h"

#define HELD_MAX 64

/* What an actor saw. */
struct seen {
	uint64_t numbers, texts, last, out_of_order;
	struct hm_pid self;
};

struct state {
	struct seen *seen;
};

static void
sink(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct seen *seen = ((struct state *)state)->seen;
	const Hermod__Test__Numbers *numbers;

	seen->self = hm_self(ctx);
	if (hm_msg_type(msg) == PAIR_TEXT)
		seen->texts++;
	if (hm_msg_type(msg) != PAIR_NUMBERS)
		return;
	numbers = hm_msg_body(msg);
	seen->numbers++;
	seen->out_of_order += numbers->a != seen->last + 1;
	seen->last = numbers->a;
}

/* Hands on whatever it gets. */
struct mirror {
	const struct hm_pid *target;
};

static void
mirror(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct mirror *self = state;

	if (hm_msg_type(msg) >= HM_TYPE_USER)
		cr_assert_eq(hm_forward(ctx, *self->target), HM_OK);
}

/* Asks the mirror, with as many bytes as it is poked for. */
static void
asker(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static uint8_t data[2048];
	const struct mirror *self = state;
	Hermod__Test__Text text;

	if (hm_msg_type(msg) != PAIR_LOCAL)
		return;
	hermod__test__text__init(&text);
	text.data.data = data;
	text.data.len = *(const uint64_t *)hm_msg_body(msg);
	cr_assert_eq(hm_request(ctx, *self->target, PAIR_TEXT, &text), HM_OK);
}

static const struct hm_props sink_props = { .receive = sink,
					    .state_size = sizeof(struct state),
					    .args_size = sizeof(struct state) };
static const struct hm_props mirror_props = { .receive = mirror,
					      .state_size = sizeof(struct mirror),
					      .args_size = sizeof(struct mirror) };
static const struct hm_props asker_props = { .receive = asker,
					     .state_size = sizeof(struct mirror),
					     .args_size = sizeof(struct mirror) };

/* asker (b) ──▶ mirror (a) ──▶ sink (b) */
struct fixture {
	struct pair_wire wire;
	struct hm_system *nodes[2];
	struct seen seen;
	struct hm_pid sink, mirror, asker;
	uint64_t sent;
};

static struct fixture *
fixture_create(const char *more)
{
	static struct fixture f;
	struct state state = { &f.seen };
	struct mirror to_sink = { &f.sink }, to_mirror = { &f.mirror };

	pair_wire_create(&f.wire);
	pair_nodes(f.nodes, more);
	cr_assert_eq(hm_system_spawn(f.nodes[1], &sink_props, "sink", &state, &f.sink), 0);
	cr_assert_eq(hm_system_spawn(f.nodes[0], &mirror_props, "mirror", &to_sink, &f.mirror), 0);
	cr_assert_eq(hm_system_spawn(f.nodes[1], &asker_props, "asker", &to_mirror, &f.asker), 0);
	pair_connect(f.nodes);
	return &f;
}

static void
fixture_destroy(struct fixture *f)
{
	for (int i = 0; i < 2; i++) {
		if (f->nodes[i] != NULL)
			pair_stop(f->nodes, i);
	}
	pair_wire_empty(&f->wire);
}

static void
numbers_send(struct fixture *f, uint64_t count)
{
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	for (uint64_t i = 0; i < count; i++) {
		numbers.a = ++f->sent;
		cr_assert_eq(hm_system_send(f->nodes[0], f->sink, PAIR_NUMBERS, &numbers), HM_OK);
		if (i % 32 == 31)
			pair_turn(f->nodes);
	}
	pair_turn(f->nodes);
}

/* Send until messages wait. Node b stands still. Returns how many were sent. */
static uint64_t
way_fill(struct fixture *f)
{
	uint64_t before = f->sent;

	while (pair_peer(f->nodes[0]).messages_backlogged == 0) {
		cr_assert_lt(f->sent - before, 200000);
		numbers_send(f, 320);
	}
	return f->sent - before;
}

/* Whatever time that was sent in, the only peer has been silent for too long now. */
static void
peer_time_out(const struct hm_system *sys)
{
	const struct hmi_remote *remote = hm_module_self(sys, &hm_net_module);

	remote->net.peers[0]->session.peer_timeout_ns = 1;
}

/* Messages of a system that are not free. */
static uint64_t
messages_out(struct hm_system *sys)
{
	return hmi_pool_in_use(&sys->pool) - hmi_msg_cache_count(&sys->lcores[0]->cache);
}

/* Have the asker ask, and hold back what node b sends for it. Returns frames. */
static unsigned int
ask_held(struct fixture *f, uint64_t bytes, uint64_t count, struct rte_mbuf **held)
{
	unsigned int frames = 0;

	while (count-- > 0)
		cr_assert_eq(hm_system_send(f->nodes[1], f->asker, PAIR_LOCAL, &bytes), HM_OK);
	for (int i = 0; i < 10; i++)
		hm_system_turn(f->nodes[1]);
	while (frames < HELD_MAX && rte_ring_dequeue(f->wire.ba, (void **)&held[frames]) == 0)
		frames++;
	cr_assert_gt(frames, 0);
	return frames;
}

static void
release(struct fixture *f, struct rte_mbuf **held, unsigned int frames)
{
	for (unsigned int i = 0; i < frames; i++)
		cr_assert_eq(rte_ring_enqueue(f->wire.ba, held[i]), 0);
	for (int i = 0; i < 10; i++)
		hm_system_turn(f->nodes[0]);
}

/* Take all messages of node b that a Numbers fits into. Returns how many. */
static uint32_t
memory_take(struct fixture *f, struct hm_msg **taken, uint32_t room)
{
	struct hm_ctx *ctx = f->nodes[1]->lcores[0];
	uint32_t count = 0;

	while (count < room &&
	       (taken[count] = hm_msg_alloc(ctx, PAIR_NUMBERS, sizeof(Hermod__Test__Numbers))) != NULL)
		count++;
	cr_assert_lt(count, room);
	return count;
}

static void
memory_give(struct fixture *f, struct hm_msg **taken, uint32_t count)
{
	while (count > 0)
		hm_msg_free(f->nodes[1]->lcores[0], taken[--count]);
}

TestSuite(net_loss, .init = pair_eal_start, .timeout = 120);

Test(net_loss, lost__who_asked_is_on_the_lost_node)
{
	/* The notifications for the askers are for the very node that is being lost. */
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	struct hm_system *still = f->nodes[1];
	struct rte_mbuf *held[HELD_MAX];
	unsigned int frames = ask_held(f, 10, 1, held);
	uint64_t out = messages_out(f->nodes[0]);
	uint64_t sent;

	f->nodes[1] = NULL;
	sent = way_fill(f);
	release(f, held, frames);
	peer_time_out(f->nodes[0]);
	pair_until(f->nodes, pair_peer(f->nodes[0]).lost == 1);
	/* Dead letters are published in portions. */
	pair_until(f->nodes, messages_out(f->nodes[0]) == out);
	cr_assert_eq(pair_dead(f->nodes[0], HM_DEAD_NODE_LOST), sent + 1);
	cr_assert_eq(pair_peer(f->nodes[0]).messages_backlogged, 0);
	cr_assert_eq(messages_out(f->nodes[0]), out);
	f->nodes[1] = still;
	fixture_destroy(f);
}

Test(net_loss, backlog__too_big_with_an_asker_at_the_peer)
{
	/* What fits into a packet on its way here does not on its way back, with its sender's node. */
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	struct hm_system *still = f->nodes[1];
	struct rte_mbuf *held[HELD_MAX];
	unsigned int frames = ask_held(f, 1392, 1, held);

	f->nodes[1] = NULL;
	way_fill(f);
	release(f, held, frames);
	f->nodes[1] = still;
	pair_until(f->nodes, f->seen.numbers == f->sent);
	pair_until(f->nodes, pair_dead(f->nodes[0], HM_DEAD_TOO_BIG) == 1);
	cr_assert_eq(pair_peer(f->nodes[0]).messages_backlogged, 0);
	numbers_send(f, 100);
	pair_until(f->nodes, f->seen.numbers == f->sent);
	cr_assert_eq(f->seen.out_of_order, 0);
	cr_assert_eq(f->seen.texts, 0);
	fixture_destroy(f);
}

/* A hundred that arrive and are acknowledged, but find no message to become. */
static void
numbers_park(struct fixture *f)
{
	numbers_send(f, 100);
	pair_until(f->nodes, pair_peer(f->nodes[1]).packets_received > 0 &&
				     pair_peer(f->nodes[0]).packets_unacknowledged == 0);
	cr_assert_eq(f->seen.numbers, 0);
}

Test(net_loss, bye__what_was_acknowledged_is_handed_on)
{
	static struct hm_msg *taken[8192];
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint32_t count = memory_take(f, taken, RTE_DIM(taken));

	numbers_park(f);
	pair_stop(f->nodes, 0);
	memory_give(f, taken, count);
	pair_until(f->nodes, pair_peer(f->nodes[1]).lost == 1);
	pair_until(f->nodes, f->seen.numbers == 100);
	fixture_destroy(f);
}

Test(net_loss, bye__what_was_acknowledged_and_finds_no_memory_is_a_dead_letter)
{
	static struct hm_msg *taken[8192];
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint32_t count = memory_take(f, taken, RTE_DIM(taken));

	numbers_park(f);
	pair_stop(f->nodes, 0);
	pair_until(f->nodes, pair_dead(f->nodes[1], HM_DEAD_NO_MEMORY) == 100);
	cr_assert_eq(pair_peer(f->nodes[1]).lost, 1);
	pair_until(f->nodes, pair_net(f->nodes[1]).rx_buffers_used == 0);
	memory_give(f, taken, count);
	cr_assert_eq(pair_net(f->nodes[1]).rx_buffers_used, 0);
	fixture_destroy(f);
}

Test(net_loss, stop__what_was_not_acknowledged_is_a_dead_letter)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	struct hm_system *still = f->nodes[1];
	uint64_t sent;

	f->nodes[1] = NULL;
	sent = way_fill(f);
	hm_system_stop(f->nodes[0]);
	pair_turn_for(f->nodes, 0.01);
	/* What destroying does first; after it there are no counters. */
	hmi_rcu_enter();
	hmi_system_drain(f->nodes[0]);
	hmi_rcu_leave();
	cr_assert_eq(pair_dead(f->nodes[0], HM_DEAD_SHUTDOWN), sent, "%lu of %lu",
		     pair_dead(f->nodes[0], HM_DEAD_SHUTDOWN), sent);
	hm_system_destroy(f->nodes[0]);
	f->nodes[0] = NULL;
	f->nodes[1] = still;
	fixture_destroy(f);
}
