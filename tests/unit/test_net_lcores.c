/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Two nodes of two lcores each: what is sent on the network's lcore is encoded at once, what is sent
 * on the other one comes to it through a lane, and what has no room waits. Nothing overtakes.
 *
 *     node a: driver 0 (network's lcore) ─┐            ┌─▶ sink 0
 *             driver 1 ── lane ───────────┴─ network ──┴─▶ lane ─▶ sink 1
 */
#include "test_net_pair.h"

#define DRIVERS  2u
#define SINKS    2u
#define MESSAGES 30000u
#define RARELY   200u /* turns of the sender to one of the receiver */
#define PER_POKE 10u  /* what a lane carries in one turn, and no more */

struct sink {
	uint64_t last[DRIVERS], received, out_of_order;
	struct hm_pid self;
};

struct driver {
	struct sink *sinks;
	uint32_t number, found;
	struct hm_pid targets[SINKS];
	uint64_t sent;
};

static void
sink_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct sink *sink = *(struct sink **)state;
	const Hermod__Test__Numbers *numbers = hm_msg_body(msg);

	if (hm_msg_type(msg) != PAIR_NUMBERS)
		return;
	sink->self = hm_self(ctx);
	sink->out_of_order += numbers->a != sink->last[numbers->b] + 1;
	sink->last[numbers->b] = numbers->a;
	sink->received++;
}

static void
on_identity(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	    void *arg)
{
	struct driver *driver = *(struct driver **)state;

	(void)ctx;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	driver->targets[(uintptr_t)arg] = ((const struct hm_identity *)hm_msg_body(reply))->pid;
	driver->found++;
}

static void
driver_send(struct hm_ctx *ctx, struct driver *driver)
{
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	numbers.b = driver->number;
	for (uint32_t i = 0; i < PER_POKE && driver->sent < MESSAGES; i++) {
		numbers.a = ++driver->sent;
		for (uint32_t s = 0; s < SINKS; s++)
			cr_assert_eq(hm_send(ctx, driver->targets[s], PAIR_NUMBERS, &numbers), HM_OK);
	}
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const char *const addresses[SINKS] = { "hermod://b/user/sink0", "hermod://b/user/sink1" };
	struct driver *driver = *(struct driver **)state;

	if (hm_msg_type(msg) != PAIR_LOCAL)
		return;
	if (driver->found == SINKS)
		driver_send(ctx, driver);
	else if (driver->found == 0)
		for (uintptr_t s = 0; s < SINKS; s++)
			cr_assert_eq(hm_resolve(ctx, addresses[s], 5000000, on_identity, (void *)s), 0);
}

struct fixture {
	struct pair_wire wire;
	struct hm_system *nodes[2];
	struct sink sinks[SINKS];
	struct driver drivers[DRIVERS];
	struct hm_props sink_props[SINKS], driver_props[DRIVERS]; /* one for each lcore */
	struct hm_pid driver_pids[DRIVERS];
};

static void
fixture_create(struct fixture *f, const char *more)
{
	char name[16];

	pair_wire_create(&f->wire);
	pair_nodes(f->nodes, more);
	for (uint32_t s = 0; s < SINKS; s++) {
		struct sink *sink = &f->sinks[s];

		f->sink_props[s] = (struct hm_props){ .receive = sink_receive,
						      .state_size = sizeof(sink),
						      .args_size = sizeof(sink) };
		f->sink_props[s].lcore = HM_LCORE(s);
		snprintf(name, sizeof(name), "sink%u", s);
		cr_assert_eq(hm_system_spawn(f->nodes[1], &f->sink_props[s], name, &sink, NULL), 0);
	}
	for (uint32_t d = 0; d < DRIVERS; d++) {
		struct driver *driver = &f->drivers[d];

		f->driver_props[d] = (struct hm_props){ .receive = driver_receive,
							.state_size = sizeof(driver),
							.args_size = sizeof(driver) };
		f->driver_props[d].lcore = HM_LCORE(d);
		driver->number = d;
		cr_assert_eq(hm_system_spawn(f->nodes[0], &f->driver_props[d], NULL, &driver,
					     &f->driver_pids[d]),
			     0);
	}
	pair_connect(f->nodes);
}

static void
poke(struct fixture *f)
{
	uint64_t nothing = 0;

	for (uint32_t d = 0; d < DRIVERS; d++)
		cr_assert_eq(hm_system_send(f->nodes[0], f->driver_pids[d], PAIR_LOCAL, &nothing), HM_OK);
}

static uint64_t
received(const struct fixture *f)
{
	return f->sinks[0].received + f->sinks[1].received;
}

static bool
is_found(const struct fixture *f)
{
	return f->drivers[0].found == SINKS && f->drivers[1].found == SINKS;
}

TestSuite(net_lcores, .init = pair_eal_start, .timeout = 120);

/* The receiver runs rarely, so that the sender runs out of credit, again and again. */
Test(net_lcores, send__nothing_overtakes_what_waits)
{
	static struct fixture f;
	uint32_t waited = 0;

	fixture_create(&f, "--workers 2 --memory 64M --rx-desc 64 --peer-queue 100000");
	poke(&f);
	pair_until(f.nodes, is_found(&f));
	for (uint32_t turn = 0; received(&f) < MESSAGES * DRIVERS * SINKS; turn++) {
		struct hm_net_peer_stats peer = pair_peer(f.nodes[0]);

		waited += peer.messages_backlogged > 0;
		/* What waits takes messages, of which there are so many; but when room comes, with the first turn
		 * after one of the receiver, there has to be somebody who could overtake. */
		if ((peer.messages_backlogged < 1000 || turn % RARELY == 1) && f.drivers[0].sent < MESSAGES)
			poke(&f);
		hm_system_turn(f.nodes[0]);
		if (turn % RARELY == 0)
			hm_system_turn(f.nodes[1]);
		cr_assert_lt(turn, 10000000u);
	}
	cr_assert_gt(waited, 0u, "nothing ever had to wait: this tests nothing");
	for (uint32_t s = 0; s < SINKS; s++) {
		cr_assert_eq(f.sinks[s].out_of_order, 0);
		cr_assert_eq(f.sinks[s].received, MESSAGES * DRIVERS);
		cr_assert_eq(f.sinks[s].self.local >> 56, s, "a sink is not on its lcore");
	}
	cr_assert_eq(pair_peer(f.nodes[0]).messages_sent, MESSAGES * DRIVERS * SINKS + 2 * SINKS);
	for (int i = 0; i < 2; i++)
		pair_stop(f.nodes, i);
	pair_wire_empty(&f.wire);
}
