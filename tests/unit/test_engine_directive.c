/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was decided for many children: in portions, in order, and for none but those for whom it was decided.
 */
#include <criterion/criterion.h>

#include "actor_pvt.h"
#include "directive_pvt.h"
#include "hm_move.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_directive, .init = hmt_eal_start, .timeout = 60);

#define HERE  4000u /* children on the parent's lcore; and elsewhere: */
#define THERE 1500u
#define CROWD (HERE + THERE)

/* More in one turn of both lcores carry out no directive. */
#define TURN_MAX (4 * HMI_SYSTEM_PORTION)

#define CLOCK_STEP_NS 20000u

struct child {
	uint32_t number;
};

/* All that a case needs; the children count themselves. */
static struct crowd {
	struct hmt_node node;
	struct hm_props parent_props;
	struct hmt_probe parent, top;
	struct hm_pid pids[CROWD];
	uint32_t started[CROWD], restarted[CROWD], stopped[CROWD];
	uint32_t restarts, stops, numbers;
	uint32_t spread_turns; /* in which a spread was under way at the end */
} crowd;

static void
child_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint32_t number = ((struct child *)state)->number;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		crowd.started[number]++;
		break;
	case HM_RESTARTING:
		crowd.restarted[number]++;
		crowd.restarts++;
		break;
	case HM_STOPPED:
		crowd.stopped[number]++;
		crowd.stops++;
		break;
	case HMT_NUMBER:
		crowd.numbers++;
		break;
	case HMT_EMPTY:
		hm_fail(ctx, "told to fail");
	default:
		break;
	}
}

static const struct hm_props child_props[] = {
	{ .receive = child_receive,
	  .state_size = sizeof(struct child),
	  .args_size = sizeof(struct child),
	  .lcore = HM_LCORE(0) },
	{ .receive = child_receive,
	  .state_size = sizeof(struct child),
	  .args_size = sizeof(struct child),
	  .lcore = HM_LCORE(1) },
};

/* Those on the other lcore are among the others: every third, until there are enough. */
static uint32_t
lcore_of(uint32_t number)
{
	return number % 3 == 2 && number / 3 < THERE;
}

static void
children_spawn(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < CROWD; i++) {
		struct child child = { i };

		cr_assert_eq(hm_spawn(ctx, &child_props[lcore_of(i)], NULL, &child, &crowd.pids[i]), 0);
	}
}

static void
parent_spawn(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *parent = &crowd.parent;

	(void)arg;
	cr_assert_eq(hm_spawn(ctx, &crowd.parent_props, NULL, &parent, &parent->pid), 0);
}

/* Each look at the clock takes time, so that turns end as they do where work takes some. */
static uint64_t
clock_read(void *arg)
{
	struct hmt_node *node = arg;

	node->now_ns += CLOCK_STEP_NS;
	return node->now_ns;
}

/* A parent below another actor, and its children. */
static void
crowd_start(const struct hm_supervisor *strategy)
{
	memset(&crowd, 0, sizeof(crowd));
	hmt_node_start(&crowd.node, 2);
	crowd.parent_props = *hmt_probe_props(0);
	crowd.parent_props.supervisor = strategy;
	hmt_do(&crowd.node, hmt_probe_spawn(&crowd.node, &crowd.top, 0, NULL), parent_spawn, NULL);
	hmt_do(&crowd.node, crowd.parent.pid, children_spawn, NULL);
	crowd.node.sys->clock.read = clock_read;
	for (uint32_t i = 0; i < CROWD; i++)
		cr_assert_eq(crowd.started[i], 1);
}

static void
fail(uint32_t number)
{
	cr_assert_eq(hm_system_send(crowd.node.sys, crowd.pids[number], HMT_EMPTY, NULL), HM_OK);
}

static struct hmi_cell *
parent_cell(void)
{
	return hmi_cells_at(&crowd.node.sys->lcores[0]->cells, crowd.parent.pid.local);
}

static bool
is_under_way(void)
{
	const struct hmi_extra *extra = parent_cell()->actor.extra;

	return extra != NULL && extra->spread != NULL && extra->spread->is_under_way;
}

/* Turn until a spread has begun, and is not at its end. */
static void
turn_into_spread(void)
{
	for (int i = 0; i < 10 && !is_under_way(); i++)
		hm_system_turn(crowd.node.sys);
	cr_assert(is_under_way());
}

/* Turn until nothing happens. Returns the most directives that were carried out in one turn. */
static uint32_t
turns_watch(void)
{
	uint32_t most = 0, before, quiet = 0;

	while (quiet < 5) {
		before = crowd.restarts + crowd.stops;
		quiet = hm_system_turn(crowd.node.sys) == 0 ? quiet + 1 : 0;
		most = RTE_MAX(most, crowd.restarts + crowd.stops - before);
		crowd.spread_turns += is_under_way();
	}
	return most;
}

static const struct hm_supervisor all = { .scope = HM_ALL_FOR_ONE, .restarts = HM_RESTARTS_UNLIMITED };
static const struct hm_supervisor rest = { .scope = HM_REST_FOR_ONE, .restarts = HM_RESTARTS_UNLIMITED };
static const struct hm_supervisor all_stop = { .scope = HM_ALL_FOR_ONE, .directive = HM_DIRECTIVE_STOP };
static const struct hm_supervisor rest_stop = { .scope = HM_REST_FOR_ONE, .directive = HM_DIRECTIVE_STOP };

Test(engine_directive, all_for_one__many_restart_in_portions)
{
	uint32_t most;

	crowd_start(&all);
	fail(17);
	most = turns_watch();
	cr_assert_leq(most, TURN_MAX, "%u in one turn", most);
	cr_assert_geq(crowd.spread_turns, CROWD / TURN_MAX, "%u turns", crowd.spread_turns);
	for (uint32_t i = 0; i < CROWD; i++)
		cr_assert_eq(crowd.restarted[i], 1, "%u: %u", i, crowd.restarted[i]);
	cr_assert_null(parent_cell()->actor.extra->spread);
	hmt_node_end(&crowd.node);
}

Test(engine_directive, all_for_one__many_stop_in_portions)
{
	uint32_t most;

	crowd_start(&all_stop);
	fail(CROWD - 1);
	most = turns_watch();
	cr_assert_leq(most, TURN_MAX, "%u in one turn", most);
	cr_assert_geq(crowd.spread_turns, CROWD / TURN_MAX, "%u turns", crowd.spread_turns);
	for (uint32_t i = 0; i < CROWD; i++)
		cr_assert_eq(crowd.stopped[i], 1);
	cr_assert_eq(crowd.parent.count, 1 + CROWD, "of HM_STARTED, and of each child's end");
	cr_assert_eq(parent_cell()->actor.children, 0);
	hmt_node_end(&crowd.node);
}

Test(engine_directive, rest_for_one__many_restart_in_portions)
{
	uint32_t most;

	crowd_start(&rest);
	fail(1000);
	most = turns_watch();
	cr_assert_leq(most, TURN_MAX, "%u in one turn", most);
	cr_assert_geq(crowd.spread_turns, CROWD / TURN_MAX, "%u turns", crowd.spread_turns);
	for (uint32_t i = 0; i < CROWD; i++)
		cr_assert_eq(crowd.restarted[i], i >= 1000, "%u: %u", i, crowd.restarted[i]);
	hmt_node_end(&crowd.node);
}

Test(engine_directive, rest_for_one__many_stop_in_portions)
{
	crowd_start(&rest_stop);
	fail(1000);
	cr_assert_leq(turns_watch(), TURN_MAX);
	for (uint32_t i = 0; i < CROWD; i++)
		cr_assert_eq(crowd.stopped[i], i >= 1000);
	cr_assert_eq(parent_cell()->actor.children, 1000);
	hmt_node_end(&crowd.node);
}

/* The first decision is carried out for all before the second one is made. */
Test(engine_directive, reports__that_come_meanwhile_wait)
{
	crowd_start(&all);
	fail(0);
	fail(1);
	turn_into_spread();
	fail(3);
	for (int i = 0; i < 10 && parent_cell()->actor.extra->spread->reports.head == NULL; i++) {
		hm_system_turn(crowd.node.sys);
		cr_assert(is_under_way());
	}
	cr_assert_not_null(parent_cell()->actor.extra->spread->reports.head);
	cr_assert_leq(turns_watch(), TURN_MAX);
	/* Restarts of one that was restarted with others are passed over. */
	for (uint32_t i = 4; i < CROWD; i++)
		cr_assert_eq(crowd.restarted[i], 3, "%u: %u", i, crowd.restarted[i]);
	cr_assert_eq(hmt_stats(&crowd.node).failed, 3);
	hmt_node_end(&crowd.node);
}

static void
child_stop(uint32_t slot)
{
	const struct hm_ctx *ctx = crowd.node.sys->lcores[0];

	cr_assert_eq(hm_system_stop_actor(crowd.node.sys, hmi_pid_of(ctx, hmi_cells_slot(&ctx->cells, slot))),
		     0);
}

/* Those that a walk has not come to yet, has just come to, and begins or ends with. */
Test(engine_directive, children__that_end_meanwhile)
{
	uint32_t next, last;

	crowd_start(&all);
	fail(0);
	turn_into_spread();
	for (uint32_t i = 0; i < 20 && is_under_way() && parent_cell()->actor.extra->spread->ring.next != 0;
	     i++) {
		next = parent_cell()->actor.extra->spread->ring.next;
		last = parent_cell()->actor.extra->spread->ring.last;
		child_stop(next);
		child_stop(last);
		hm_system_turn(crowd.node.sys);
	}
	turns_watch();
	cr_assert_gt(crowd.stops, 2, "%u", crowd.stops);
	for (uint32_t i = 0; i < CROWD; i++) {
		cr_assert_leq(crowd.stopped[i], 1);
		cr_assert(crowd.restarted[i] == 1 || (crowd.restarted[i] == 0 && crowd.stopped[i] == 1), "%u",
			  i);
	}
	hmt_node_end(&crowd.node);
}

/* Those that are told to move meanwhile are among those for whom it was decided: the oldest, to whom it comes last. */
Test(engine_directive, children__that_move_meanwhile)
{
	crowd_start(&all);
	fail(0);
	turn_into_spread();
	for (uint32_t i = 1; i < 100; i++)
		cr_assert_eq(hm_system_move(crowd.node.sys, crowd.pids[i], 1), 0);
	for (int i = 0; i < 8; i++)
		hm_system_turn(crowd.node.sys);
	cr_assert(is_under_way());
	turns_watch();
	crowd.node.now_ns += 10000000;
	turns_watch();
	cr_assert_gt(hmt_stats(&crowd.node).moved, 50);
	for (uint32_t i = 0; i < CROWD; i++)
		cr_assert_eq(crowd.restarted[i], 1, "%u: %u", i, crowd.restarted[i]);
	hmt_node_end(&crowd.node);
}

/* The parent handles none of its messages meanwhile, and all of them then. */
Test(engine_directive, messages__of_the_parent_wait)
{
	crowd_start(&all);
	fail(0);
	turn_into_spread();
	hmt_number(&crowd.node, crowd.parent.pid, 5);
	hm_system_turn(crowd.node.sys);
	cr_assert(is_under_way());
	cr_assert_eq(hmt_seen_count(&crowd.parent, HMT_NUMBER), 0);
	turns_watch();
	cr_assert_eq(hmt_seen_count(&crowd.parent, HMT_NUMBER), 1);
	hmt_node_end(&crowd.node);
}

/* A stop does not wait. */
Test(engine_directive, stop__takes_the_place_of_a_restart)
{
	crowd_start(&all);
	fail(0);
	turn_into_spread();
	fail(1);
	hm_system_turn(crowd.node.sys);
	hmt_stop(&crowd.node, crowd.parent.pid);
	for (uint32_t i = 0; i < CROWD; i++)
		cr_assert_eq(crowd.stopped[i], 1);
	cr_assert_lt(crowd.restarts, CROWD / 2, "%u", crowd.restarts);
	cr_assert_eq(hmt_seen_count(&crowd.parent, HM_STOPPED), 1);
	hmt_node_end(&crowd.node);
}

static enum hm_directive
escalate_second(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	(void)ctx;
	(void)state;
	return hm_pid_equal(failure->actor, crowd.pids[1]) ? HM_DIRECTIVE_ESCALATE : HM_DIRECTIVE_RESTART;
}

/* A restart of the parent that begins as soon as a spread is over stops all children. */
Test(engine_directive, restart__of_the_parent_behind_a_spread)
{
	static const struct hm_supervisor strategy = { .scope = HM_ALL_FOR_ONE,
						       .restarts = HM_RESTARTS_UNLIMITED,
						       .decide = escalate_second };

	crowd_start(&strategy);
	fail(0);
	turn_into_spread();
	fail(1);
	turns_watch();
	cr_assert_eq(hmt_seen_count(&crowd.parent, HM_RESTARTING), 1);
	for (uint32_t i = 0; i < CROWD; i++)
		cr_assert_eq(crowd.stopped[i], 1);
	cr_assert_null(parent_cell()->actor.extra->spread);
	hmt_node_end(&crowd.node);
}

/* One that comes in the middle: the parent has escalated a failure before. */
Test(engine_directive, restart__of_the_parent_within_a_spread)
{
	static const struct hm_supervisor strategy = { .scope = HM_ALL_FOR_ONE,
						       .restarts = HM_RESTARTS_UNLIMITED,
						       .decide = escalate_second };

	crowd_start(&strategy);
	fail(1);
	fail(0);
	turns_watch();
	cr_assert_eq(hmt_seen_count(&crowd.parent, HM_RESTARTING), 1);
	for (uint32_t i = 0; i < CROWD; i++)
		cr_assert_eq(crowd.stopped[i], 1);
	hmt_do(&crowd.node, crowd.parent.pid, hmt_fail, NULL);
	cr_assert_eq(hmt_seen_count(&crowd.parent, HM_RESTARTING), 2);
	hmt_node_end(&crowd.node);
}

static enum hm_directive
escalate_all(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	(void)ctx;
	(void)state;
	(void)failure;
	return HM_DIRECTIVE_ESCALATE;
}

/* All whose failures were escalated go on with their supervisor. */
Test(engine_directive, resume__of_many_that_were_escalated)
{
	static const struct hm_supervisor strategy = { .decide = escalate_all },
					  resumes = { .directive = HM_DIRECTIVE_RESUME };
	struct hmi_cell *top;

	crowd_start(&strategy);
	top = hmi_cells_at(&crowd.node.sys->lcores[0]->cells, crowd.top.pid.local);
	crowd.parent_props = *top->actor.props;
	crowd.parent_props.supervisor = &resumes;
	top->actor.props = &crowd.parent_props;
	/* Its children's strategy is read from its own props. */
	for (uint32_t i = 0; i < CROWD; i++)
		fail(i);
	turns_watch();
	for (uint32_t i = 0; i < CROWD; i++)
		hmt_number(&crowd.node, crowd.pids[i], i);
	turns_watch();
	cr_assert_eq(crowd.numbers, CROWD);
	cr_assert_eq(crowd.restarts, 0);
	hmt_node_end(&crowd.node);
}

/* A delay that ends meanwhile, of one that restarts with the others. */
Test(engine_directive, delays__end_with_a_restart_of_all)
{
	static const struct hm_supervisor strategy = {
		.scope = HM_ALL_FOR_ONE,
		.restarts = HM_RESTARTS_UNLIMITED,
		.backoff = { .min_us = 1000000, .max_us = 1000000 },
	};

	crowd_start(&strategy);
	fail(0);
	turns_watch();
	crowd.node.now_ns += 300000000;
	fail(1);
	turns_watch();
	cr_assert_eq(crowd.restarts, 0);
	crowd.node.now_ns += 700000000;
	turn_into_spread();
	/* Now the second one's delay is over, to which the spread has not come. */
	crowd.node.now_ns += 600000000;
	turns_watch();
	for (uint32_t i = 0; i < CROWD; i++)
		cr_assert_eq(crowd.restarted[i], 1, "%u: %u", i, crowd.restarted[i]);
	crowd.node.now_ns += 5000000000;
	turns_watch();
	cr_assert_eq(crowd.restarts, CROWD);
	hmt_node_end(&crowd.node);
}

/* Children of /user, which external threads spawn at any time. */
Test(engine_directive, children__that_come_meanwhile)
{
	static const struct hm_supervisor *const strategies[] = { &all, &rest };
	struct hmi_spread *const *spread;
	struct child child;
	uint32_t fresh;

	for (size_t s = 0; s < RTE_DIM(strategies); s++) {
		memset(&crowd, 0, sizeof(crowd));
		hmt_node_start(&crowd.node, 2);
		crowd.node.sys->guardian.supervisor = strategies[s];
		crowd.node.sys->clock.read = clock_read;
		for (uint32_t i = 0; i < CROWD / 2; i++) {
			child.number = i;
			cr_assert_eq(hm_system_spawn(crowd.node.sys, &child_props[i % 2], NULL, &child,
						     &crowd.pids[i]),
				     0);
		}
		turns_watch();
		fail(0);
		crowd.parent.pid = crowd.node.sys->user;
		turn_into_spread();
		spread = &parent_cell()->actor.extra->spread;
		for (fresh = CROWD / 2; *spread != NULL && fresh < CROWD; fresh++) {
			child.number = fresh;
			cr_assert_eq(hm_system_spawn(crowd.node.sys, &child_props[fresh % 2], NULL, &child,
						     &crowd.pids[fresh]),
				     0);
			hm_system_turn(crowd.node.sys);
		}
		turns_watch();
		cr_assert_gt(fresh, CROWD / 2);
		for (uint32_t i = 0; i < CROWD; i++)
			cr_assert_eq(crowd.restarted[i], i < CROWD / 2, "%u: %u", i, crowd.restarted[i]);
		hmt_node_end(&crowd.node);
	}
}

/* The system is taken apart in the middle, with reports that wait. */
Test(engine_directive, drop__within_a_spread)
{
	crowd_start(&all);
	fail(0);
	fail(1);
	turn_into_spread();
	hm_system_turn(crowd.node.sys);
	hmt_node_drop(&crowd.node);
}
