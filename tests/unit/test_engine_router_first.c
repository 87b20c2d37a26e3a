/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routers whose senders get the first answer of several: scatter and gather, tail chopping.
 */
#include "test_engine_memory.h"
#include "test_engine_router.h"

TestSuite(engine_router_first, .init = hmt_eal_start, .timeout = 60);

/* Routees are probes, which answer when they are told to. */
static struct hmt_probe probes[4];

static void
group_make(uint32_t kind, uint32_t count, uint64_t within_us, uint64_t interval_us)
{
	struct hm_pid pids[4];

	memset(probes, 0, sizeof(probes));
	for (uint32_t i = 0; i < count; i++)
		pids[i] = hmt_probe_spawn(&scene.node, &probes[i], i % scene.node.sys->lcores_count, NULL);
	router_make(&(struct hm_router){ .kind = kind,
					 .size = count,
					 .routees = pids,
					 .within_us = within_us,
					 .interval_us = interval_us });
}

static uint32_t
numbers_of(uint32_t i)
{
	return hmt_seen_count(&probes[i], HMT_NUMBER);
}

static uint32_t
numbers_all(void)
{
	return numbers_of(0) + numbers_of(1) + numbers_of(2) + numbers_of(3);
}

struct reply {
	struct hm_pid to;
	uint64_t number;
};

static void
reply_send(struct hm_ctx *ctx, void *arg)
{
	const struct reply *reply = arg;

	cr_assert_eq(hm_request(ctx, reply->to, HMT_NUMBER, &reply->number), HM_OK);
}

/* A routee answers what it has got last. */
static void
answer(uint32_t i, uint64_t number)
{
	struct reply reply = { hmt_seen_last(&probes[i], HMT_NUMBER)->sender, number };

	hmt_do(&scene.node, probes[i].pid, reply_send, &reply);
}

static struct asking asking;

static void
ask_from(uint32_t lcore, uint64_t timeout_us)
{
	static uint64_t number = 5;

	asking = (struct asking){ .type = HMT_NUMBER, .body = &number, .timeout_us = timeout_us };
	hmt_do(&scene.node, scene.senders[lcore].pid, ask, &asking);
}

/* Whom the numbers of the routees came from: one and the same. */
static struct hm_pid
gather_pid(void)
{
	struct hm_pid pid = hm_pid_none();

	for (uint32_t i = 0; i < 4; i++) {
		const struct hmt_seen *seen = hmt_seen_last(&probes[i], HMT_NUMBER);

		if (seen != NULL)
			pid = seen->sender;
	}
	return pid;
}

/* ---- Scatter and gather ------------------------------------------------------------------ */

Test(engine_router_first, first__answer_counts_and_others_are_late)
{
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		scene_start(2);
		group_make(HM_ROUTER_FIRST, 3, 0, 0);
		ask_from(lcore, 1000000);
		for (uint32_t i = 0; i < 3; i++)
			cr_assert_eq(numbers_of(i), 1);
		cr_assert_eq(asking.ends, 0);
		answer(1, 101);
		cr_assert_eq(asking.ends, 1);
		cr_assert_eq(asking.result, HM_FUTURE_REPLY);
		cr_assert_eq(asking.number, 101);
		/* It knows who has answered. */
		cr_assert(hm_pid_equal(asking.from, probes[1].pid));
		answer(0, 100);
		answer(2, 102);
		cr_assert_eq(asking.ends, 1);
		cr_assert_eq(dead_of(HM_DEAD_LATE_REPLY), 2);
		scene_end();
	}
}

Test(engine_router_first, first__of_a_request_comes_to_the_actor)
{
	scene_start(2);
	group_make(HM_ROUTER_FIRST, 3, 0, 0);
	requests_from(1, 9, 1);
	answer(2, 102);
	answer(0, 100);
	cr_assert_eq(hmt_seen_count(&scene.senders[1], HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_last(&scene.senders[1], HMT_NUMBER)->number, 102);
	scene_end();
}

Test(engine_router_first, send__without_a_sender_is_a_broadcast)
{
	scene_start(2);
	group_make(HM_ROUTER_FIRST, 3, 0, 0);
	numbers_from(1, 9, 2);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(numbers_of(i), 2);
	cr_assert(hm_pid_is_none(gather_pid()));
	scene_end();
}

Test(engine_router_first, within__ends_a_future_by_timeout)
{
	scene_start(2);
	group_make(HM_ROUTER_FIRST, 3, 2000, 0);
	ask_from(1, 1000000);
	hmt_elapse(&scene.node, 1900);
	cr_assert_eq(asking.ends, 0);
	hmt_elapse(&scene.node, 200);
	cr_assert_eq(asking.ends, 1);
	cr_assert_eq(asking.result, HM_FUTURE_TIMEOUT);
	answer(0, 1);
	cr_assert_eq(dead_of(HM_DEAD_LATE_REPLY), 1);
	scene_end();
}

Test(engine_router_first, within__of_a_request_tells_the_actor)
{
	scene_start(2);
	group_make(HM_ROUTER_FIRST, 3, 2000, 0);
	requests_from(1, 9, 1);
	hmt_elapse(&scene.node, 2100);
	cr_assert_eq(hmt_seen_count(&scene.senders[1], HM_FUTURE_FAILED), 1);
	scene_end();
}

Test(engine_router_first, within__default_at_its_limit)
{
	scene_start(1);
	group_make(HM_ROUTER_FIRST, 2, 0, 0);
	ask_from(0, 100000000);
	hmt_elapse(&scene.node, HM_ROUTER_WITHIN_US - 100);
	cr_assert_eq(asking.ends, 0);
	hmt_elapse(&scene.node, 200);
	cr_assert_eq(asking.result, HM_FUTURE_TIMEOUT);
	scene_end();
}

/* The router does not know yet that they have ended. */
static void
routees_stop_now(uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i < last; i++)
		cr_assert_eq(hm_system_stop_actor(scene.node.sys, probes[i].pid), 0);
}

static void
dead_are_told(uint32_t kind, uint32_t alive)
{
	struct hmt_deed deed = { ask, &asking };
	static uint64_t number = 5;

	scene_start(1);
	group_make(kind, 3, 0, 0);
	asking = (struct asking){ .type = HMT_NUMBER, .body = &number };
	cr_assert_eq(hm_system_send(scene.node.sys, scene.senders[0].pid, HMT_DO, &deed), HM_OK);
	routees_stop_now(alive, 3);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(asking.ends, alive == 0, "kind %u", kind);
	if (alive == 0) {
		cr_assert_eq(asking.result, HM_FUTURE_DEAD_LETTER);
	} else {
		cr_assert_eq(numbers_of(0), 1);
		answer(0, 6);
		cr_assert_eq(asking.number, 6);
	}
	scene_end();
}

Test(engine_router_first, dead__copies_end_a_future_if_all_are)
{
	dead_are_told(HM_ROUTER_FIRST, 0);
	dead_are_told(HM_ROUTER_FIRST, 1);
	dead_are_told(HM_ROUTER_TAIL_CHOPPING, 0);
	dead_are_told(HM_ROUTER_TAIL_CHOPPING, 1);
}

/* ---- Tail chopping ------------------------------------------------------------------------ */

Test(engine_router_first, chop__tries_one_after_the_other)
{
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		scene_start(2);
		group_make(HM_ROUTER_TAIL_CHOPPING, 4, 0, 1000);
		ask_from(lcore, 1000000);
		for (uint32_t tried = 1; tried <= 4; tried++) {
			cr_assert_eq(numbers_all(), tried);
			hmt_elapse(&scene.node, 900);
			cr_assert_eq(numbers_all(), tried);
			hmt_elapse(&scene.node, 200);
		}
		/* There are no others. */
		hmt_elapse(&scene.node, 10000);
		for (uint32_t i = 0; i < 4; i++)
			cr_assert_eq(numbers_of(i), 1);
		cr_assert_eq(asking.ends, 0);
		answer(3, 33);
		cr_assert_eq(asking.number, 33);
		answer(2, 22);
		cr_assert_eq(dead_of(HM_DEAD_LATE_REPLY), 1);
		scene_end();
	}
}

Test(engine_router_first, chop__stops_with_the_first_answer)
{
	scene_start(1);
	pool_make(HM_ROUTER_TAIL_CHOPPING, 4);
	for (uint64_t i = 0; i < 40; i++)
		cr_assert_eq(asked(0, i).number, 1000 + i);
	hmt_elapse(&scene.node, 1000000);
	cr_assert_eq(received_all(), 40);
	/* Any of them is the first. */
	for (uint32_t i = 0; i < 4; i++)
		cr_assert_gt(received(routees()->pids[i]), 1);
	scene_end();
}

Test(engine_router_first, chop__within_ends_it)
{
	scene_start(1);
	group_make(HM_ROUTER_TAIL_CHOPPING, 4, 2500, 1000);
	ask_from(0, 1000000);
	hmt_elapse(&scene.node, 1100);
	hmt_elapse(&scene.node, 1100);
	cr_assert_eq(numbers_all(), 3);
	hmt_elapse(&scene.node, 500);
	cr_assert_eq(asking.result, HM_FUTURE_TIMEOUT);
	hmt_elapse(&scene.node, 5000);
	cr_assert_eq(numbers_all(), 3);
	scene_end();
}

Test(engine_router_first, chop__without_a_sender_is_for_one)
{
	scene_start(2);
	group_make(HM_ROUTER_TAIL_CHOPPING, 4, 0, 1000);
	numbers_from(1, 9, 5);
	hmt_elapse(&scene.node, 10000);
	cr_assert_eq(numbers_all(), 5);
	scene_end();
}

Test(engine_router_first, chop__ends_with_its_router)
{
	scene_start(2);
	group_make(HM_ROUTER_TAIL_CHOPPING, 4, 20000, 1000);
	ask_from(1, 1000000);
	hmt_stop(&scene.node, scene.router);
	hmt_elapse(&scene.node, 5000);
	cr_assert_eq(numbers_all(), 1);
	hmt_elapse(&scene.node, 16000);
	cr_assert_eq(asking.result, HM_FUTURE_TIMEOUT);
	scene_end();
}

Test(engine_router_first, chop__of_one_routee_waits_for_it)
{
	scene_start(1);
	group_make(HM_ROUTER_TAIL_CHOPPING, 1, 0, 1000);
	ask_from(0, 1000000);
	hmt_elapse(&scene.node, 10000);
	cr_assert_eq(numbers_all(), 1);
	answer(0, 3);
	cr_assert_eq(asking.number, 3);
	scene_end();
}

/* ---- Edges -------------------------------------------------------------------------------- */

static void
gather_meet(struct hm_ctx *ctx, void *arg)
{
	struct hm_pid gather = *(struct hm_pid *)arg;

	cr_assert_eq(hm_request(ctx, gather, HM_TOUCH, NULL), HM_OK);
	cr_assert_eq(hm_watch(ctx, gather), HM_OK);
	cr_assert_eq(hm_poison(ctx, gather), HM_OK);
	hm_stop(ctx, gather);
}

/* The process that gathers is known to routees, which may do with it what they like. */
Test(engine_router_first, gather__is_a_process_like_a_future)
{
	struct hm_pid gather;

	scene_start(2);
	group_make(HM_ROUTER_FIRST, 2, 0, 0);
	ask_from(1, 1000000);
	gather = gather_pid();
	cr_assert_eq(hm_pid_lcore(gather), 1);
	hmt_do(&scene.node, probes[0].pid, gather_meet, &gather);
	cr_assert_eq(hmt_seen_count(&probes[0], HM_TOUCHED), 1);
	cr_assert_eq(hmt_seen_count(&probes[0], HM_TERMINATED), 1);
	cr_assert_eq(asking.ends, 0);
	answer(0, 8);
	cr_assert_eq(asking.number, 8);
	scene_end();
}

/* A router whose routees are such routers. */
Test(engine_router_first, nested__gathers_twice)
{
	struct hm_pid below[2];

	scene_start(2);
	for (uint32_t i = 0; i < 2; i++)
		cr_assert_eq(hm_system_router_spawn(scene.node.sys,
						    &(struct hm_router){ .kind = HM_ROUTER_FIRST,
									 .size = 2,
									 .props = &any_props },
						    NULL, &below[i]),
			     0);
	router_make(&(struct hm_router){ .kind = HM_ROUTER_FIRST, .size = 2, .routees = below });
	cr_assert_eq(asked(1, 4).number, 1004);
	cr_assert_eq(received_all(), 4);
	cr_assert_eq(dead_of(HM_DEAD_LATE_REPLY), 3);
	scene_end();
}

struct short_call {
	struct hoard hoard;
	uint32_t left;
};

static void
ask_short(struct hm_ctx *ctx, void *arg)
{
	struct short_call *call = arg;

	hoard_all(ctx, &call->hoard);
	for (uint32_t i = 0; i < call->left; i++)
		hm_msg_free(ctx, call->hoard.msgs[--call->hoard.count]);
	ask(ctx, &asking);
	hoard_free(ctx, &call->hoard);
}

static void
without_memory(uint32_t kind, uint32_t left)
{
	static struct short_call call;
	static uint64_t number = 5;

	call = (struct short_call){ .left = left };
	scene_start_with(1, LITTLE, "");
	router_make(&(struct hm_router){ .kind = kind, .size = 4, .props = &same_props });
	asking = (struct asking){ .type = HMT_NUMBER, .body = &number };
	hmt_do(&scene.node, scene.senders[0].pid, ask_short, &call);
	cr_assert_eq(asking.ends, 1);
	cr_assert_eq(asking.result, HM_FUTURE_REPLY, "kind %u with %u", kind, left);
	cr_assert_leq(received_all(), left);
	scene_end();
}

/* Some copies are not made: those that are answer. */
Test(engine_router_first, memory__for_one_message_is_enough)
{
	for (uint32_t left = 2; left < 6; left++) {
		without_memory(HM_ROUTER_FIRST, left);
		without_memory(HM_ROUTER_TAIL_CHOPPING, left);
	}
}

/* The system is taken apart while answers are waited for. */
Test(engine_router_first, drop__while_it_waits)
{
	scene_start(2);
	group_make(HM_ROUTER_FIRST, 3, 0, 0);
	ask_from(1, 1000000);
	hmt_node_drop(&scene.node);
	scene_start(2);
	group_make(HM_ROUTER_TAIL_CHOPPING, 3, 0, 0);
	ask_from(1, 1000000);
	hmt_node_drop(&scene.node);
}
