/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine promises between lcores, in all orders of their turns: each scenario is small, and explored up to a bound.
 */
#include <criterion/criterion.h>

#include <errno.h>

#include "hm_explore.h"
#include "hm_messages.h"
#include "hm_move.h"
#include "hmt_eal.h"

TestSuite(engine_orders, .init = hmt_eal_start, .timeout = 100);

struct number {
	uint64_t value;
};

#define ORDERS(MESSAGE)                       \
	MESSAGE(orders_number, struct number) \
	MESSAGE(orders_move, struct number)   \
	MESSAGE(orders_ask, struct hm_pid)    \
	MESSAGE(orders_answer, struct number) \
	MESSAGE(orders_quit)

HM_MESSAGES(orders, HM_TYPE_USER, ORDERS);

/* Ways in which the orders of a scenario went, that it tells apart itself: runs of each. */
#define WAYS 3u

static uint32_t ways[WAYS];

/* All orders of the first `depth` choices, of which the scenario has to have gone each of the first `count` ways. */
static void
explore(hm_explore_fn *scenario, bool by_message, uint32_t depth, uint32_t count)
{
	struct hm_explore_config config = { .kit = { .system = { .lcores = 3 }, .by_message = by_message },
					    .scenario = scenario,
					    .depth = depth,
					    .runs = 10000 };
	struct hm_explored explored;

	cr_assert_eq(hm_explore(&config, &explored), 0);
	cr_assert_not(explored.cut_by_runs);
	for (uint32_t i = 0; i < count; i++)
		cr_assert_gt(ways[i], 0, "way %u of %u orders", i, explored.runs);
}

/* ---- Actors ----------------------------------------------------------------------------------- */

static void
on_number(struct hm_ctx *ctx, void *state, const struct number *number)
{
	(void)state;
	/* It also tells where it lives. */
	(void)orders_number_respond(ctx, &(struct number){ 10 * number->value + hm_lcore(ctx) });
}

static void
on_move(struct hm_ctx *ctx, void *state, const struct number *number)
{
	(void)state;
	cr_assert_eq(hm_move(ctx, hm_self(ctx), (uint32_t)number->value), HM_OK);
}

static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	(void)state;
	(void)reply;
	(void)orders_answer_send(ctx, *(struct hm_pid *)arg, &(struct number){ result });
}

/* Ask who is named for a number, and tell the probe of the result. */
static struct hm_pid teller;

static void
on_ask(struct hm_ctx *ctx, void *state, const struct hm_pid *whom)
{
	(void)state;
	cr_assert_eq(orders_number_ask(ctx, *whom, &(struct number){ 7 }, 1000, on_answer, &teller), HM_OK);
}

static void
on_quit(struct hm_ctx *ctx, void *state)
{
	(void)state;
	hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(receive, void,
	   HM_ON(orders_number, on_number) HM_ON(orders_move, on_move) HM_ON(orders_ask, on_ask)
		   HM_ON_EMPTY(orders_quit, on_quit));

static const struct hm_props on_one = { .receive = receive, .lcore = HM_LCORE(1) };
static const struct hm_props on_two = { .receive = receive, .lcore = HM_LCORE(2) };

static struct hm_pid
spawn(struct hm_kit *kit, const struct hm_props *props)
{
	struct hm_pid pid = hm_kit_spawn(kit, props, NULL, NULL);

	hm_kit_settle(kit);
	return pid;
}

enum {
	ANSWERED,
	NOT_ANSWERED,
	ANSWERS
};

/* ---- Watch ------------------------------------------------------------------------------------ */

static void
watch_while_it_stops(struct hm_kit *kit, void *arg)
{
	struct hm_probe *stopper, *watcher;
	struct hm_pid actor;
	uint32_t reason;

	(void)arg;
	hm_kit_check(kit, orders_register(hm_kit_system(kit)) == 0);
	stopper = hm_kit_probe_on(kit, "stopper", 0);
	watcher = hm_kit_probe_on(kit, "watcher", 2);
	actor = spawn(kit, &on_one);
	hm_kit_check(kit, hm_probe_request(watcher, actor, orders_number, &(struct number){ 1 }) == HM_OK);
	hm_kit_check(kit, hm_probe_send(stopper, actor, orders_quit, NULL) == HM_OK);
	hm_kit_check(kit, hm_probe_watch(watcher, actor) == HM_OK);
	/* The stop may have overtaken the request, whose sender is no future. */
	if (hm_msg_type(hm_probe_next(watcher, 0)) == orders_number) {
		hm_probe_expect_terminated(watcher, actor, 0, &reason);
		ways[ANSWERED]++;
	} else {
		ways[NOT_ANSWERED]++;
	}
	hm_probe_expect_none(watcher, 1000);
}

Test(engine_orders, watch__one_notification_in_all_orders)
{
	explore(watch_while_it_stops, false, 12, ANSWERS);
}

Test(engine_orders, watch__one_notification_in_orders_of_messages)
{
	explore(watch_while_it_stops, true, 12, ANSWERS);
}

/* ---- Move ------------------------------------------------------------------------------------- */

#define NUMBERS 3u

/* Whether numbers were handled before the move, behind it, or some before and some behind. */
enum {
	BEFORE,
	BEHIND,
	BETWEEN,
	MOVES
};

static void
numbers_to_one_that_moves(struct hm_kit *kit, void *arg)
{
	struct hm_probe *probe, *mover;
	struct hm_pid actor;
	uint32_t moved = 0;

	(void)arg;
	hm_kit_check(kit, orders_register(hm_kit_system(kit)) == 0);
	probe = hm_kit_probe_on(kit, "probe", 0);
	mover = hm_kit_probe_on(kit, "mover", 2);
	actor = spawn(kit, &on_one);
	hm_kit_check(kit, hm_probe_send(mover, actor, orders_move, &(struct number){ 2 }) == HM_OK);
	for (uint64_t i = 1; i <= NUMBERS; i++)
		hm_kit_check(kit,
			     hm_probe_request(probe, actor, orders_number, &(struct number){ i }) == HM_OK);
	for (uint64_t i = 1; i <= NUMBERS; i++) {
		uint64_t value = orders_number_body(hm_probe_expect(probe, orders_number, 1000))->value;

		hm_kit_check(kit, value / 10 == i);
		/* Who has moved once stays. */
		hm_kit_check(kit, value % 10 == 2 || moved == 0);
		moved += value % 10 == 2;
	}
	ways[moved == 0 ? BEFORE : moved == NUMBERS ? BEHIND : BETWEEN]++;
}

Test(engine_orders, move__keeps_order_in_all_orders)
{
	explore(numbers_to_one_that_moves, false, 12, MOVES);
}

/* ---- Ask -------------------------------------------------------------------------------------- */

/* Stopped by the program, which no message precedes; otherwise by another actor's message. */
static bool is_stopped_from_outside;

static void
ask_one_that_stops(struct hm_kit *kit, void *arg)
{
	struct hm_probe *probe, *stopper;
	struct hm_pid asker, asked;
	uint64_t result;

	(void)arg;
	hm_kit_check(kit, orders_register(hm_kit_system(kit)) == 0);
	probe = hm_kit_probe_on(kit, "probe", 0);
	stopper = hm_kit_probe_on(kit, "stopper", 0);
	teller = hm_probe_pid(probe);
	asker = spawn(kit, &on_one);
	asked = spawn(kit, &on_two);
	hm_kit_check(kit, orders_ask_system_send(hm_kit_system(kit), asker, &asked) == HM_OK);
	if (is_stopped_from_outside)
		hm_kit_check(kit, hm_system_stop_actor(hm_kit_system(kit), asked) == 0);
	else
		hm_kit_check(kit, hm_probe_send(stopper, asked, orders_quit, NULL) == HM_OK);
	/* At once, not at the deadline; once, and nothing is left of the future. */
	result = orders_answer_body(hm_probe_expect(probe, orders_answer, 0))->value;
	hm_kit_check(kit, result == HM_FUTURE_REPLY || result == HM_FUTURE_DEAD_LETTER);
	ways[result == HM_FUTURE_REPLY ? ANSWERED : NOT_ANSWERED]++;
	hm_kit_check(kit, hm_system_stop_actor(hm_kit_system(kit), asker) == 0);
	hm_kit_expect_nothing_left(kit);
}

Test(engine_orders, ask__ends_once_in_all_orders)
{
	explore(ask_one_that_stops, false, 12, ANSWERS);
}

Test(engine_orders, ask__ends_once_in_orders_of_messages)
{
	explore(ask_one_that_stops, true, 12, ANSWERS);
}

Test(engine_orders, ask__of_one_that_the_program_stops)
{
	is_stopped_from_outside = true;
	explore(ask_one_that_stops, false, 12, 0);
	cr_assert_gt(ways[NOT_ANSWERED], 0);
	explore(ask_one_that_stops, true, 12, 0);
}
