/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Middleware at the edges: a system that does not stop, memory that is used up, arguments that are wrong, what passes through
 * no stages.
 */
#include <errno.h>
#include <sys/mman.h>

#include "hm_dispatch.h"
#include "hm_header.h"
#include "hm_keep.h"
#include "hm_middleware.h"
#include "hm_move.h"
#include "hm_select.h"
#include "hmt_shortage.h"
#include "test_engine_memory.h"

TestSuite(engine_middleware_edges, .init = hmt_eal_start);

static struct hmt_node node;
static struct hmt_probe actor, other, child;
static struct hm_props props;

/* Calls of the stage below. */
static uint32_t passed;

static enum hm_result
send_counted(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	     void *arg)
{
	(void)arg;
	passed++;
	return hm_send_next(ctx, to, msg, next);
}

static const struct hm_middleware counting = { .send = send_counted };

/* `actor` with stages, which end with NULL, and `other`, /user/other, without any, both on lcore 0. */
static void
start(const struct hm_middleware *const *stages, uint64_t memory)
{
	struct hmt_probe *probe = &actor;

	actor = other = child = (struct hmt_probe){ 0 };
	passed = 0;
	hmt_node_start_with(&node, 2, memory, NULL);
	props = *hmt_probe_props(0);
	props.middleware = stages;
	hmt_probe_spawn(&node, &other, 0, "other");
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &actor.pid), 0);
	hmt_turn_until_idle(&node);
	passed = 0;
}

#define START(memory, ...)                                                                  \
	do {                                                                                \
		static const struct hm_middleware *const stages_[] = { __VA_ARGS__, NULL }; \
		start(stages_, memory);                                                     \
	} while (0)

/* ---- What ends otherwise --------------------------------------------------------------------- */

/* AddressSanitizer knows whether they are freed. */
Test(engine_middleware_edges, stages__of_actors_that_are_left_are_freed)
{
	START(0, &counting);
	hmt_node_drop(&node);
}

/* One turn of lcore 0; no other lcore turns. */
static void
lcore_turn(void)
{
	rcu_register_thread();
	hmi_worker_turn(&node.sys->lcores[0]->worker);
	rcu_unregister_thread();
}

static void
spawn_elsewhere(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *probe = &child;

	(void)arg;
	props.lcore = HM_LCORE(1);
	cr_assert_eq(hm_spawn(ctx, &props, NULL, &probe, &child.pid), 0);
}

Test(engine_middleware_edges, stages__of_an_actor_that_does_not_come_to_be_are_freed)
{
	struct hmt_deed deed = { spawn_elsewhere, NULL };

	START(0, &counting);
	cr_assert_eq(hm_system_send(node.sys, other.pid, HMT_DO, &deed), HM_OK);
	lcore_turn();
	cr_assert_eq(hm_pid_lcore(child.pid), 1);
	hmt_node_drop(&node);
	cr_assert_eq(child.count, 0);
}

/* After so many turns of the lcore that it leaves, of which the other one knows nothing; then of both. */
Test(engine_middleware_edges, stages__of_an_actor_under_way_are_freed)
{
	for (uint32_t turns = 0; turns < 12; turns++) {
		START(0, &counting);
		cr_assert_eq(hm_system_move(node.sys, actor.pid, 1), 0);
		for (uint32_t i = 0; i < turns % 6; i++)
			lcore_turn();
		if (turns >= 6)
			hm_system_turn(node.sys);
		hmt_node_drop(&node);
	}
}

/* ---- Without memory -------------------------------------------------------------------------- */

static struct hmi_slab extras;

static void
spawn_named(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *probe = &child;

	props.lcore = HM_LCORE(1);
	cr_assert_eq(hm_spawn(ctx, &props, "child", &probe, &child.pid), 0);
	if (arg == NULL)
		return;
	/* Its state is there, but not what refers to its stages. */
	extras = hmt_slab_drain(&hm_system(ctx)->lcores[1]->extras);
	hmt_memory_refuse();
}

Test(engine_middleware_edges, spawn__elsewhere_without_memory_leaves_no_name)
{
	START(0, &counting);
	hmt_do(&node, other.pid, spawn_named, NULL);
	hmt_stop(&node, child.pid);
	hmt_do(&node, other.pid, spawn_named, &child);
	hmt_memory_allow();
	node.sys->lcores[1]->extras = extras;
	cr_assert_eq(hmt_seen_last(&other, HM_TERMINATED)->terminated.reason, HM_TERMINATED_FAILED);
	cr_assert_eq(hm_lookup(node.sys, "/user/other/child", &child.pid), -ENOENT);
	child = (struct hmt_probe){ 0 };
	hmt_do(&node, other.pid, spawn_named, NULL);
	cr_assert_eq(hmt_seen_count(&child, HM_STARTED), 1);
	hmt_node_end(&node);
}

static enum hm_result header_result;

static enum hm_result
send_header(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	    void *arg)
{
	(void)arg;
	header_result = hm_msg_header_set(ctx, msg, "stage", "was here");
	return hm_send_next(ctx, to, msg, next);
}

static const struct hm_middleware marking = { .send = send_header };
static struct hoard hoard;

static void
use_to_self(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hoard.to = hm_self(ctx);
	hoard_use(ctx, &hoard);
	hoard_free(ctx, &hoard);
}

/* The reserve is for what is sent to oneself; a request would carry a deadline, for which its messages have no room. */
Test(engine_middleware_edges, send__to_oneself_without_memory_is_from_the_reserve)
{
	START(LITTLE, &marking);
	hmt_do(&node, actor.pid, use_to_self, NULL);
	cr_assert_eq(hoard.send, HM_OK);
	cr_assert_eq(header_result, HM_TOO_BIG);
	cr_assert_eq(hoard.ask, HM_NO_MEMORY);
	cr_assert_eq(hoard.ends, 0);
	cr_assert_eq(hmt_seen_last(&actor, HMT_NUMBER)->number, 1);
	hmt_node_end(&node);
}

/* ---- Selections --------------------------------------------------------------------------------- */

static void
select_all(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 3;

	(void)arg;
	cr_assert_eq(hm_select_send(ctx, "/user/other", HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_select_request(ctx, "/user/other", HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_select_ask(ctx, "/user/other", HMT_NUMBER, &number, 1000, hmt_ignore_reply, NULL),
		     HM_OK);
	cr_assert_eq(passed, 3);
	cr_assert_eq(hm_select_send(ctx, "/user/o*", HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(passed, 4);
	/* What finds nobody comes to no stage. */
	cr_assert_eq(hm_select_send(ctx, "/user/nobody", HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_select_send(ctx, "/user/n*", HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(passed, 4);
}

Test(engine_middleware_edges, select__passes_through_once_for_each_that_is_found)
{
	START(0, &counting);
	hmt_do(&node, actor.pid, select_all, NULL);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 4);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_PATH], 2);
	hmt_node_end(&node);
}

/* ---- Arguments that are wrong ------------------------------------------------------------------ */

/* As hm_send_next says: the message of HM_INVALID is the stage's. */
static enum hm_result
send_careful(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	     void *arg)
{
	enum hm_result result = hm_send_next(ctx, to, msg, next);

	(void)arg;
	passed++;
	if (result == HM_INVALID)
		hm_msg_free(ctx, msg);
	return result;
}

static const struct hm_middleware careful = { .send = send_careful };

static void
ask_wrongly(struct hm_ctx *ctx, void *arg)
{
	struct hm_future future;
	uint64_t number = 3;

	(void)arg;
	cr_assert_eq(hm_msg_ask(ctx, other.pid, hm_msg_new(ctx, HMT_NUMBER, 0), 0, hmt_ignore_reply, NULL),
		     HM_INVALID);
	cr_assert_eq(hm_msg_ask(ctx, other.pid, hm_msg_new(ctx, HMT_NUMBER, 0), 1000, NULL, NULL),
		     HM_INVALID);
	cr_assert_eq(hm_request_future(ctx, other.pid, HMT_NUMBER, &number, 0, &future), HM_INVALID);
	cr_assert_eq(hm_request_future(ctx, other.pid, HMT_NUMBER, &number, 1000, NULL), HM_INVALID);
	cr_assert_eq(passed, 0);
}

Test(engine_middleware_edges, ask__what_is_refused_anyway_comes_to_no_stage)
{
	START(0, &careful);
	hmt_do(&node, actor.pid, ask_wrongly, NULL);
	cr_assert_eq(hmt_seen_count(&actor, HM_STARTED), 1);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 0);
	hmt_node_end(&node);
}

static int
spawn_counted(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid,
	      const struct hm_spawn_next *next, void *arg)
{
	(void)arg;
	passed += what->props->receive != NULL;
	return hm_spawn_next(ctx, what, pid, next);
}

static const struct hm_middleware spawning = { .spawn = spawn_counted };

static void
spawn_nothing(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_spawn(ctx, NULL, NULL, NULL, NULL), -EINVAL);
	cr_assert_eq(hm_spawn_key(ctx, NULL, NULL, NULL, 7, NULL), -EINVAL);
}

Test(engine_middleware_edges, spawn__of_no_props_comes_to_no_stage)
{
	START(0, &spawning);
	hmt_do(&node, actor.pid, spawn_nothing, NULL);
	cr_assert_eq(hmt_seen_count(&actor, HM_STARTED), 1);
	cr_assert_eq(passed, 0);
	hmt_node_end(&node);
}

static void
spawn_to(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *probe = &child;

	props.middleware = NULL;
	(void)!hm_spawn(ctx, &props, NULL, &probe, arg);
}

Test(engine_middleware_edges, spawn__with_nowhere_to_tell_the_pid_spawns_nothing)
{
	void *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert(nowhere != MAP_FAILED);
	START(0, &spawning);
	hmt_do(&node, actor.pid, spawn_to, nowhere);
	cr_assert_eq(hmt_stats(&node).failed, 1);
	cr_assert_eq(passed, 0);
	cr_assert_eq(child.count, 0);
	hmt_node_end(&node);
}

static int
spawn_none(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid,
	   const struct hm_spawn_next *next, void *arg)
{
	(void)ctx;
	(void)what;
	(void)pid;
	(void)next;
	(void)arg;
	return 0;
}

static const struct hm_middleware forgetting = { .spawn = spawn_none };

Test(engine_middleware_edges, spawn__a_stage_that_forgets_it_leaves_no_pid)
{
	struct hm_pid pid = { 7, 7 };

	START(0, &forgetting);
	hmt_do(&node, actor.pid, spawn_to, &pid);
	cr_assert(hm_pid_is_none(pid));
	cr_assert_eq(child.count, 0);
	hmt_node_end(&node);
}
