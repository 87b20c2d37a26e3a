/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Priorities of actors: who has its turn first, and that nobody starves.
 */
#include "test_engine_spawn.h"

#include "hm_dispatch.h"
#include "hm_mailbox.h"
#include "hm_move.h"

TestSuite(engine_priority, .init = hmt_eal_start);

/* An actor that writes down its letter for each number it receives, and what it is to do then. */
struct role {
	char letter;
	uint32_t flood; /* numbers that it sends to itself, one after the other */
	uint32_t received, started, stopped;
};

static char seen[4096];
static uint32_t seen_count;

static void
see(const struct role *role)
{
	if (seen_count < sizeof(seen) - 1)
		seen[seen_count++] = role->letter;
}

static void
play(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct role *role = *(struct role **)state;

	role->started += hm_msg_type(msg) == HM_STARTED;
	role->stopped += hm_msg_type(msg) == HM_STOPPED;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	role->received++;
	see(role);
	if (role->flood > 0) {
		role->flood--;
		cr_assert_eq(hm_send(ctx, hm_self(ctx), HMT_NUMBER, &role->flood), HM_OK);
	}
}

#define ROLE(where, what)                                                                                 \
	{                                                                                                 \
		.receive = play, .state_size = sizeof(struct role *), .args_size = sizeof(struct role *), \
		.lcore = (where), .priority = (what)                                                      \
	}

static const struct hm_props props_of[] = {
	[HM_ACTOR_NORMAL] = ROLE(HM_LCORE_SAME, HM_ACTOR_NORMAL),
	[HM_ACTOR_HIGH] = ROLE(HM_LCORE_SAME, HM_ACTOR_HIGH),
	[HM_ACTOR_LOW] = ROLE(HM_LCORE_SAME, HM_ACTOR_LOW),
};

static struct hm_pid
enter(struct hmt_node *node, struct role *role, enum hm_actor_priority priority)
{
	struct hm_pid pid;

	cr_assert_eq(hm_system_spawn(node->sys, &props_of[priority], NULL, &role, &pid), 0);
	return pid;
}

/* ---- Order ------------------------------------------------------------------------------- */

Test(engine_priority, order__high_first_low_last_each_in_order)
{
	static struct role roles[6] = { { .letter = 'l' }, { .letter = 'n' }, { .letter = 'h' },
					{ .letter = 'L' }, { .letter = 'N' }, { .letter = 'H' } };
	static const enum hm_actor_priority priorities[] = { HM_ACTOR_LOW, HM_ACTOR_NORMAL, HM_ACTOR_HIGH };
	struct hmt_node node;
	struct hm_pid pids[6];

	hmt_node_start(&node, 1);
	for (uint32_t i = 0; i < 6; i++)
		pids[i] = enter(&node, &roles[i], priorities[i % 3]);
	hmt_turn_until_idle(&node);
	for (uint64_t i = 0; i < 12; i++)
		hmt_number(&node, pids[i % 6], i);
	hmt_turn_until_idle(&node);
	cr_assert_str_eq(seen, "hhHHnnNNllLL");
	hmt_node_end(&node);
}

/* Actors that are made come in the same order, on their parent's lcore and on another one. */
static void
spawn_two(struct hm_ctx *ctx, void *arg)
{
	static const struct hm_props there[] = { ROLE(HM_LCORE(1), HM_ACTOR_LOW),
						 ROLE(HM_LCORE(1), HM_ACTOR_HIGH) };
	struct role **roles = arg;
	struct hm_pid pids[4];
	uint64_t number = 1;

	cr_assert_eq(hm_spawn(ctx, &props_of[HM_ACTOR_LOW], NULL, &roles[0], &pids[0]), 0);
	cr_assert_eq(hm_spawn(ctx, &props_of[HM_ACTOR_HIGH], NULL, &roles[1], &pids[1]), 0);
	cr_assert_eq(hm_spawn(ctx, &there[0], NULL, &roles[2], &pids[2]), 0);
	cr_assert_eq(hm_spawn(ctx, &there[1], NULL, &roles[3], &pids[3]), 0);
	for (uint32_t i = 0; i < 4; i++)
		cr_assert_eq(hm_send(ctx, pids[i], HMT_NUMBER, &number), HM_OK);
}

Test(engine_priority, order__of_new_actors_on_each_lcore)
{
	static struct role low = { .letter = 'l' }, high = { .letter = 'h' }, low_there = { .letter = 'L' },
			   high_there = { .letter = 'H' };
	static struct role *roles[] = { &low, &high, &low_there, &high_there };
	static struct hmt_probe parent;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_do(&node, hmt_probe_spawn(&node, &parent, 0, NULL), spawn_two, roles);
	cr_assert_eq(seen_count, 4);
	cr_assert_lt(strchr(seen, 'h'), strchr(seen, 'l'), "%s", seen);
	cr_assert_lt(strchr(seen, 'H'), strchr(seen, 'L'), "%s", seen);
	for (uint32_t i = 0; i < 4; i++)
		cr_assert_eq(roles[i]->started, 1);
	hmt_node_end(&node);
	for (uint32_t i = 0; i < 4; i++)
		cr_assert_eq(roles[i]->stopped, 1);
}

static void
send_timers(struct hm_ctx *ctx, void *arg)
{
	const struct hm_pid *pids = arg;
	uint64_t number = 1;

	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(hm_send_after(ctx, pids[i], HMT_NUMBER, &number, 100, 0, NULL), HM_OK);
}

/* Receivers of timers run at once; one of low priority waits all the same. */
Test(engine_priority, order__of_timers_that_are_due_together)
{
	static struct role roles[3] = { { .letter = 'l' }, { .letter = 'n' }, { .letter = 'h' } };
	static struct hmt_probe sender;
	struct hmt_node node;
	struct hm_pid pids[3];

	hmt_node_start(&node, 1);
	pids[0] = enter(&node, &roles[0], HM_ACTOR_LOW);
	pids[1] = enter(&node, &roles[1], HM_ACTOR_NORMAL);
	pids[2] = enter(&node, &roles[2], HM_ACTOR_HIGH);
	hmt_do(&node, hmt_probe_spawn(&node, &sender, 0, NULL), send_timers, pids);
	hmt_elapse(&node, 1000);
	cr_assert_str_eq(seen, "hnl");
	hmt_node_end(&node);
}

/* ---- Shares -------------------------------------------------------------------------------- */

static uint32_t
seen_of(char letter)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < seen_count; i++)
		count += seen[i] == letter;
	return count;
}

/* One message a turn, so that messages are turns: high ones leave one in eight, low ones have one in 32. */
Test(engine_priority, share__at_its_limit)
{
	static struct role roles[4] = { { .letter = 'h', .flood = UINT32_MAX },
					{ .letter = 'H', .flood = UINT32_MAX },
					{ .letter = 'n', .flood = UINT32_MAX },
					{ .letter = 'l', .flood = UINT32_MAX } };
	static const enum hm_actor_priority priorities[] = { HM_ACTOR_HIGH, HM_ACTOR_HIGH, HM_ACTOR_NORMAL,
							     HM_ACTOR_LOW };
	struct hmt_node node;
	struct hm_pid pids[4];

	hmt_node_start_with(&node, 1, 0, "--quantum 1");
	for (uint32_t i = 0; i < 4; i++)
		pids[i] = enter(&node, &roles[i], priorities[i]);
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < 4; i++)
		hmt_number(&node, pids[i], i);
	while (seen_count < sizeof(seen) - 1)
		hm_system_turn(node.sys);
	/* But for the first round, in which not all wait yet. */
	cr_assert_geq(seen_of('l'), seen_count / HMI_LOW_SHARE - 1);
	cr_assert_leq(seen_of('l'), seen_count / HMI_LOW_SHARE + 1);
	cr_assert_geq(seen_of('n'),
		      seen_count / HMI_USUAL_SHARE - seen_count / HMI_LOW_SHARE / HMI_USUAL_SHARE - 2);
	cr_assert_leq(seen_of('n'), seen_count / HMI_USUAL_SHARE + 2);
	cr_assert_leq(RTE_MAX(seen_of('h'), seen_of('H')) - RTE_MIN(seen_of('h'), seen_of('H')), 2);
	hmt_node_drop(&node);
}

/* Beside a flood of high priority: a stop, and the end, of a low one come. */
Test(engine_priority, share__low_one_stops_beside_a_flood)
{
	static struct role high = { .letter = 'h', .flood = UINT32_MAX }, low = { .letter = 'l' };
	struct hmt_node node;
	struct hm_pid flooded, pid;

	hmt_node_start_with(&node, 1, 0, "--quantum 1");
	flooded = enter(&node, &high, HM_ACTOR_HIGH);
	pid = enter(&node, &low, HM_ACTOR_LOW);
	hmt_number(&node, flooded, 1);
	for (uint32_t i = 0; i < 10; i++)
		hm_system_turn(node.sys);
	cr_assert_eq(low.started, 1);
	cr_assert_eq(hm_system_stop_actor(node.sys, pid), 0);
	for (uint32_t i = 0; i < 10; i++)
		hm_system_turn(node.sys);
	cr_assert_eq(low.stopped, 1);
	cr_assert_eq(high.stopped, 0);
	hmt_node_drop(&node);
}

/* ---- With what else actors do ------------------------------------------------------------------ */

static void
fail_on_number(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct role *role = *(struct role **)state;

	if (hm_msg_type(msg) == HMT_EMPTY)
		hm_fail(ctx, "asked to");
	role->started += hm_msg_type(msg) == HM_STARTED;
	if (hm_msg_type(msg) == HMT_NUMBER)
		see(role);
}

Test(engine_priority, restart__keeps_the_priority)
{
	static struct role low = { .letter = 'l' }, normal = { .letter = 'n' };
	static const struct hm_props failing = { .receive = fail_on_number,
						 .state_size = sizeof(struct role *),
						 .args_size = sizeof(struct role *),
						 .priority = HM_ACTOR_LOW };
	struct role *role = &low;
	struct hmt_node node;
	struct hm_pid pid, other;

	hmt_node_start(&node, 1);
	cr_assert_eq(hm_system_spawn(node.sys, &failing, NULL, &role, &pid), 0);
	other = enter(&node, &normal, HM_ACTOR_NORMAL);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_system_send(node.sys, pid, HMT_EMPTY, NULL), HM_OK);
	hmt_number(&node, pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(low.started, 2);
	cr_assert_str_eq(seen, "l");
	hmt_number(&node, pid, 2);
	hmt_number(&node, other, 2);
	hmt_turn_until_idle(&node);
	cr_assert_str_eq(seen, "lnl");
	hmt_node_end(&node);
}

/* A sender that is muted, and a receiver that drains, of every priority: nothing is lost, and all goes on. */
Test(engine_priority, pressure__releases_senders_of_any_priority)
{
	static struct hmt_probe sender;
	struct hmt_node node;

	hmt_node_start_with(&node, 2, 0, "--mailbox 8");
	(void)hmt_probe_spawn(&node, &sender, 1, NULL);
	for (uint32_t p = HM_ACTOR_NORMAL; p <= HM_ACTOR_LOW; p++) {
		struct role from = { .letter = 'f', .flood = 1000 }, to = { .letter = 't' };
		struct hm_pid pid = enter(&node, &to, p), source = enter(&node, &from, p);

		hmt_turn_until_idle(&node);
		for (uint64_t i = 0; i < 100; i++)
			hmt_number(&node, i % 2 == 0 ? pid : source, i);
		hmt_turn_until_idle(&node);
		cr_assert_eq(to.received, 50);
		cr_assert_eq(from.received, 1050);
		hmt_stop(&node, pid);
		hmt_stop(&node, source);
		cr_assert_eq(to.stopped + from.stopped, 2);
	}
	hmt_node_end(&node);
}

static uint32_t
low_ones(const struct hm_ctx *ctx)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; (slot = hmi_cells_next(&ctx->cells, slot)) < hmi_cells_end(&ctx->cells);
	     slot++)
		count += (hmi_cells_slot(&ctx->cells, slot)->scheduled & HMI_SCHEDULED_LOW) != 0;
	return count;
}

/* On another lcore it has the same priority, and is of that one's load. */
Test(engine_priority, move__keeps_the_priority)
{
	static struct role low = { .letter = 'l' }, normal = { .letter = 'n' };
	static const struct hm_props there = ROLE(HM_LCORE(1), HM_ACTOR_NORMAL);
	struct role *role = &normal;
	struct hm_load load;
	struct hmt_node node;
	struct hm_pid pid, other;

	hmt_node_start(&node, 2);
	pid = enter(&node, &low, HM_ACTOR_LOW);
	cr_assert_eq(hm_system_spawn(node.sys, &there, NULL, &role, &other), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_system_move(node.sys, pid, 1), 0);
	for (uint32_t i = 0; i < 20; i++)
		hmt_elapse(&node, 1000);
	cr_assert_eq(hm_system_load(node.sys, 0, &load), 0);
	cr_assert_eq(load.actors, 0);
	cr_assert_eq(hm_system_load(node.sys, 1, &load), 0);
	cr_assert_eq(load.actors, 2);
	cr_assert_eq(low_ones(node.sys->lcores[1]), 1);
	for (uint64_t i = 0; i < 3; i++) {
		hmt_number(&node, pid, i);
		hmt_number(&node, other, i);
	}
	hmt_turn_until_idle(&node);
	cr_assert_eq(low.received + normal.received, 6);
	hmt_stop(&node, pid);
	cr_assert_eq(low.stopped, 1);
	cr_assert_eq(hm_system_load(node.sys, 1, &load), 0);
	cr_assert_eq(load.actors, 1);
	hmt_node_end(&node);
}

Test(engine_priority, drain__those_that_wait_are_given_up)
{
	static struct role roles[3] = { { .letter = 'l' }, { .letter = 'n' }, { .letter = 'h' } };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	for (uint32_t i = 0; i < 3; i++)
		hmt_number(&node, enter(&node, &roles[i], i), i);
	hmt_node_drop(&node);
}

/* ---- Misuse ---------------------------------------------------------------------------------------- */

Test(engine_priority, spawn__unknown_priority_is_refused)
{
	static const uint32_t where[] = { HM_LCORE_SAME, HM_LCORE(1) };
	static struct role role = { .letter = 'x' };
	struct role *arg = &role;
	struct hm_props wrong = props_of[HM_ACTOR_LOW];
	struct hm_pid pid = { 7, 7 };
	struct hmt_node node;

	hmt_node_start(&node, 2);
	for (uint32_t i = 0; i < 4; i++) {
		wrong.lcore = (where)[i % 2];
		wrong.priority = i < 2 ? HM_ACTOR_LOW + 1u : UINT32_MAX;
		cr_assert_eq(hm_system_spawn(node.sys, &wrong, NULL, &arg, &pid), -EINVAL);
	}
	cr_assert_eq(pid.local, 7);
	cr_assert_eq(role.started, 0);
	hmt_node_end(&node);
}

/* Many of one priority: the queue grows, on their parent's lcore and on another one, and none is lost. */
static void
spawn_many(struct hm_ctx *ctx, void *arg)
{
	static const struct hm_props there = ROLE(HM_LCORE(1), HM_ACTOR_LOW);

	for (uint32_t i = 0; i < 2000; i++)
		cr_assert_eq(hm_spawn(ctx, i % 2 == 0 ? &props_of[HM_ACTOR_HIGH] : &there, NULL, arg, NULL),
			     0);
}

Test(engine_priority, spawn__more_than_the_queue_has_room_for_at_first)
{
	static struct role role = { .letter = 'x' };
	static struct role *arg = &role;
	static struct hmt_probe parent;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_do(&node, hmt_probe_spawn(&node, &parent, 0, NULL), spawn_many, &arg);
	cr_assert_eq(role.started, 2000);
	hmt_node_end(&node);
	cr_assert_eq(role.stopped, 2000);
}
