/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Middleware and routers: what is around an actor is around its router's routees, and not around the router.
 */
#include "hm_middleware.h"
#include "test_engine_router.h"

TestSuite(engine_router_stages, .init = hmt_eal_start, .timeout = 60);

static uint32_t numbers_seen, others_seen, sends_seen;

static void
receive_counted(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
		void *arg)
{
	(void)arg;
	numbers_seen += hm_msg_type(msg) == HMT_NUMBER;
	others_seen += hm_msg_type(msg) >= HM_TYPE_RESERVED;
	hm_receive_next(ctx, state, msg, next);
}

static enum hm_result
send_counted(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	     void *arg)
{
	(void)arg;
	sends_seen++;
	return hm_send_next(ctx, to, msg, next);
}

static const struct hm_middleware counting = { .receive = receive_counted,
					       .send = send_counted,
					       .inherited = true };
static const struct hm_middleware *const stages[] = { &counting, NULL };

static void
router_spawn(struct hm_ctx *ctx, void *config)
{
	cr_assert_eq(hm_router_spawn(ctx, config, "router", &scene.router), 0);
}

static void
answer_take(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	    void *arg)
{
	(void)ctx;
	(void)state;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	*(uint64_t *)arg = *(const uint64_t *)hm_msg_body(reply);
}

static void
number_ask(struct hm_ctx *ctx, void *answer)
{
	cr_assert_eq(hm_ask(ctx, scene.router, HMT_NUMBER, &(uint64_t){ 7 }, 1000000, answer_take, answer),
		     HM_OK);
}

static struct hmt_probe parent;

static void
parent_make(void)
{
	static struct hm_props props;
	struct hmt_probe *probe = &parent;

	numbers_seen = others_seen = sends_seen = 0;
	parent = (struct hmt_probe){ 0 };
	props = *hmt_probe_props(0);
	props.middleware = stages;
	cr_assert_eq(hm_system_spawn(scene.node.sys, &props, NULL, &probe, &parent.pid), 0);
	hmt_turn_until_idle(&scene.node);
}

Test(engine_router_stages, inherited__stages_are_around_routees_and_not_around_the_router)
{
	static const uint32_t kinds[] = { HM_ROUTER_ROUND_ROBIN, HM_ROUTER_BALANCING, HM_ROUTER_FIRST,
					  HM_ROUTER_SMALLEST };

	for (uint32_t i = 0; i < RTE_DIM(kinds); i++) {
		struct hm_router config = { .kind = kinds[i], .size = 1, .props = &same_props };
		uint64_t answer = 0;

		scene_start(2);
		parent_make();
		hmt_do(&scene.node, parent.pid, router_spawn, &config);
		hmt_turn_until_idle(&scene.node);
		hmt_do(&scene.node, scene.senders[1].pid, number_ask, &answer);
		cr_assert_eq(answer, 1007, "kind %u", kinds[i]);
		cr_assert_eq(numbers_seen, 1, "kind %u", kinds[i]);
		cr_assert_eq(others_seen, 0);
		/* The routee's answer. */
		cr_assert_eq(sends_seen, 1);
		scene_end();
	}
}

/* A routee that begins anew, and one that is spawned in its place, have them as well. */
Test(engine_router_stages, inherited__stages_are_around_routees_that_come_later)
{
	struct hm_router config = { .size = 1, .props = &same_props };
	uint64_t answer = 0;

	scene_start(1);
	parent_make();
	hmt_do(&scene.node, parent.pid, router_spawn, &config);
	hmt_turn_until_idle(&scene.node);
	numbers_from(0, FAILS, 1);
	numbers_from(0, ENDS, 1);
	hmt_elapse(&scene.node, 1000000);
	hmt_do(&scene.node, scene.senders[0].pid, number_ask, &answer);
	cr_assert_eq(answer, 1007);
	cr_assert_eq(numbers_seen, 3);
	cr_assert_eq(others_seen, 0);
	scene_end();
}
