/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fault of the engine's own while a router's actor changes its structures ends the process, and does not restart the router.
 */
#include "hm_router.h"
#include "hmt_death.h"
#include "mark_pvt.h"
#include "router_pvt.h"
#include "test_engine_mark.h"

TestSuite(engine_mark_router, .init = hmt_eal_start, .timeout = 60);

static struct hm_pid router;

/* ---- What is broken, and what the router is told ----------------------------------------------- */

static void
break_place(struct hm_ctx *ctx)
{
	hmi_router_table(ctx->sys, router.local)->router->place = bad();
}

static void
break_members(struct hm_ctx *ctx)
{
	struct hmi_router *broken = hmi_router_table(ctx->sys, router.local)->router;

	/* Nobody looks at them before one is added. */
	broken->count = 0;
	broken->members = bad();
	broken->capacity = 1;
}

CALL(send_number, (void)hm_send(ctx, router, HMT_NUMBER, &number))
CALL(ask_list, (void)hm_request_from(ctx, router, other.pid, HM_ROUTER_LIST, NULL))
CALL(add_actor, (void)hm_router_add(ctx, router, actor.pid))
CALL(remove_other, (void)hm_router_remove(ctx, router, other.pid))

struct break_in {
	const char *name;
	void (*call)(struct hm_ctx *ctx);
	void (*breaks)(struct hm_ctx *ctx);
};

static const struct break_in breaks[] = {
	{ "a message that is handed on", send_number, break_box },
	{ "a list that is answered", ask_list, break_box },
	{ "a routee that is added", add_actor, break_members },
	{ "a table that is published", add_actor, break_place },
	{ "a table without one that was removed", remove_other, break_place },
};

static void
break_and_call(struct hm_ctx *ctx, void *arg)
{
	const struct break_in *what = arg;

	what->call(ctx);
	what->breaks(ctx);
}

/* A balancing router with one routee. */
static void
router_start(struct hmt_node *node)
{
	node_with_two(node);
	cr_assert_eq(hm_system_router_spawn(node->sys,
					    &(struct hm_router){ .kind = HM_ROUTER_BALANCING,
								 .size = 1,
								 .routees = &other.pid,
								 .queue = 1 },
					    "router", &router),
		     0);
	hmt_turn_until_idle(node);
}

static void
fault_in_router(void *arg)
{
	struct hmt_node node;

	router_start(&node);
	hmt_do(&node, actor.pid, break_and_call, arg);
}

Test(engine_mark_router, fault__of_the_engine_in_a_routers_turn_ends_the_process)
{
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		char text[8192];
		int status = hmt_death(fault_in_router, (void *)(uintptr_t)&breaks[i], text, sizeof(text));

		cr_expect(WIFSIGNALED(status) || WEXITSTATUS(status) != HMT_SURVIVED, "%s: %s",
			  breaks[i].name, text);
		cr_expect_not_null(strstr(text, "the engine's own memory is broken"), "%s: %s",
				   breaks[i].name, text);
		cr_expect_not_null(strstr(text, " /user/router, message type "), "%s: %s", breaks[i].name,
				   text);
	}
}

static void
call_now(struct hm_ctx *ctx, void *call)
{
	(*(void (**)(struct hm_ctx *))call)(ctx);
}

/* The mark goes with each of them: what comes next is the actor's own again. */
Test(engine_mark_router, mark__is_cleared_behind_each)
{
	static void (*const calls[])(struct hm_ctx * ctx) = { send_number, ask_list, add_actor, send_number,
							      remove_other };
	struct hmt_node node;

	router_start(&node);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		hmt_do(&node, actor.pid, call_now, (void *)(uintptr_t)&calls[i]);
		cr_assert_not(hmi_mark_is_set(node.sys->lcores[0]), "call %zu", i);
	}
	cr_assert_eq(hmt_stats(&node).failed, 0);
	cr_assert_eq(hmt_seen_count(&other, HM_ROUTEES), 1);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER) + hmt_seen_count(&actor, HMT_NUMBER), 2);
	hmt_node_end(&node);
}
