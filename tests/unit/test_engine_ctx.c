/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ctx on a thread that is not its lcore: debug builds end the process, and name the call. In release builds
 * it is a race of two threads, which nobody notices.
 */
#include <sched.h>
#include <stdatomic.h>

#include <criterion/criterion.h>

#include "assert_pvt.h"
#include "hm_bundle.h"
#include "hm_fan.h"
#include "hm_pipeline.h"
#include "hm_children.h"
#include "hm_cron.h"
#include "hm_dedup_stage.h"
#include "hm_dispatch.h"
#include "hm_event_stream.h"
#include "hm_extension.h"
#include "hm_behaviour.h"
#include "hm_buffer.h"
#include "hm_header.h"
#include "hm_log.h"
#include "hm_logging.h"
#include "hm_keep.h"
#include "hm_metrics.h"
#include "hm_middleware.h"
#include "hm_limit.h"
#include "hm_move.h"
#include "hm_offload.h"
#include "hm_passivation.h"
#include "hm_provider.h"
#include "hm_retry.h"
#include "hm_router.h"
#include "hm_supervisor.h"
#include "hm_tracing.h"
#include "hm_select.h"
#include "hm_workers.h"
#include "hmt_actor.h"
#include "hmt_death.h"
#include "hmt_eal.h"

TestSuite(engine_ctx, .init = hmt_eal_start);

static _Atomic(struct hm_ctx *) leaked;

static struct hm_pid self;

static void
leak_ctx(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) != HM_STARTED || atomic_load(&leaked) != NULL)
		return;
	self = hm_self(ctx);
	atomic_store(&leaked, ctx);
}

static const struct hm_props props = { .receive = leak_ctx };

/* A system that runs, whose lcore has nothing to do; and its ctx, which an actor has let out. */
static struct hm_ctx *
ctx_leak(struct hm_system **sys, struct hm_pid *pid)
{
	static const struct hm_type type = { .id = HMT_EMPTY, .name = "empty" };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND };
	struct hm_pid other;

	cr_assert_eq(hm_system_create(sys, 0, NULL, &config), 0);
	cr_assert_eq(hm_type_register(*sys, &type), 0);
	cr_assert_eq(hm_system_start(*sys), 0);
	cr_assert_eq(hm_system_spawn(*sys, &props, NULL, NULL, pid), 0);
	while (atomic_load(&leaked) == NULL)
		sched_yield();
	/* Answered in a later turn than the actor's, which is over by then. */
	cr_assert_eq(hm_system_spawn(*sys, &props, NULL, NULL, &other), 0);
	return atomic_load(&leaked);
}

static void
run_end(struct hm_system *sys)
{
	hm_system_stop(sys);
	cr_assert_eq(hm_system_join(sys), 0);
	hm_system_destroy(sys);
}

Test(engine_ctx, call__on_its_own_lcore_goes_on)
{
	struct hm_system *sys;
	struct hm_pid pid;

	cr_assert_not_null(ctx_leak(&sys, &pid));
	cr_assert(hm_pid_equal(self, pid));
	run_end(sys);
}

/* ---- Elsewhere ------------------------------------------------------------------------ */

#if HMI_DEBUG
static const struct hm_pid somebody = { 1, 1 };

static void
ignore_found(struct hm_ctx *ctx, void *state, const char *path, struct hm_pid pid, void *arg)
{
	(void)ctx;
	(void)state;
	(void)path;
	(void)pid;
	(void)arg;
}

static void
ignore_work(const struct hm_work *work, void *args, void *result)
{
	(void)work;
	(void)args;
	(void)result;
}

/* A call of each public function that takes a ctx, as its users write it. */
#define CALL(function, ...)                         \
	static void call_##function(void *ctx)      \
	{                                           \
		(void)function(ctx, ##__VA_ARGS__); \
	}

/* The same, where the result must be used. */
#define CALL_USED(function, ...)                                             \
	static void call_##function(void *ctx)                               \
	{                                                                    \
		cr_expect(function(ctx, ##__VA_ARGS__) == 0, "it returned"); \
	}

static struct hm_msg *const no_msg;
static struct hm_msg *no_kept;
static const struct hm_address address;
static const struct hm_dead_letter letter;
static struct hm_child_iter no_iter;
static const struct hm_extension extension;
static const struct hm_router router;

CALL_USED(hm_spawn, &props, NULL, NULL, NULL)
CALL_USED(hm_spawn_key, &props, NULL, NULL, 1, NULL)
CALL_USED(hm_router_spawn, &router, NULL, NULL)
CALL(hm_router_broadcast, somebody, HMT_EMPTY, NULL, NULL)
CALL(hm_router_add, somebody, somebody)
CALL(hm_router_remove, somebody, somebody)
CALL(hm_router_adjust, somebody, 1)
CALL(hm_router_list, somebody)
CALL(hm_log, HM_LOG_INFO, "text")
CALL(hm_logging_receive, NULL, NULL, NULL, NULL)
CALL(hm_logging_send, somebody, NULL, NULL, NULL)
CALL_USED(hm_logging_spawn, NULL, NULL, NULL, NULL)
CALL(hm_metrics_receive, NULL, NULL, NULL, NULL)
CALL(hm_tracing_receive, NULL, NULL, NULL, NULL)
CALL(hm_tracing_send, somebody, NULL, NULL, NULL)
CALL(hm_tracing_current, NULL)
CALL(hm_watch, somebody)
CALL(hm_unwatch, somebody)
CALL(hm_stop, somebody)
CALL(hm_poison, somebody)
CALL_USED(hm_move, somebody, 0)
CALL(hm_send, somebody, HMT_EMPTY, NULL)
CALL(hm_request, somebody, HMT_EMPTY, NULL)
CALL(hm_respond, HMT_EMPTY, NULL)
CALL(hm_publish, HMT_EMPTY, NULL)
CALL(hm_forward, somebody)
CALL(hm_fail, "nobody")
CALL(hm_become, NULL)
CALL(hm_become_push, NULL)
CALL(hm_receive_next, NULL, NULL, NULL)
CALL(hm_send_next, hm_pid_none(), NULL, NULL)
CALL_USED(hm_spawn_next, NULL, NULL, NULL)
CALL(hm_become_pop)
CALL(hm_stash)
CALL(hm_unstash)
CALL(hm_msg_keep, &no_kept)
CALL(hm_msg_forward, somebody, NULL)
CALL(hm_unstash_all)
CALL(hm_stash_count)
CALL(hm_receive_timeout_set, 1)
CALL(hm_receive_timeout_cancel)
CALL(hm_receive_timeout)
CALL(hm_passivation_set, 1)
CALL(hm_passivation)
CALL(hm_plugin_receive, NULL, no_msg, NULL, NULL)
CALL(hm_dedup_receive, NULL, no_msg, NULL, NULL)
CALL(hm_msg_new, HMT_EMPTY, 0)
CALL(hm_msg_free, NULL)
CALL(hm_msg_send, somebody, no_msg)
CALL(hm_msg_request, somebody, no_msg)
CALL(hm_msg_respond, no_msg)
CALL(hm_send_batch, somebody, HMT_EMPTY, NULL, 1, NULL)
CALL(hm_msg_header_set, no_msg, "k", "v")
CALL(hm_msg_headers_copy, no_msg)
CALL(hm_msg_buffer_set, no_msg, NULL)
CALL(hm_send_buffer, somebody, HMT_EMPTY, NULL, NULL)
CALL(hm_msg_ask, somebody, no_msg, 1, hmt_ignore_reply, NULL)
CALL(hm_ask, somebody, HMT_EMPTY, NULL, 1, hmt_ignore_reply, NULL)
CALL_USED(hm_resolve, "/user/a", 1, hmt_ignore_reply, NULL)
CALL(hm_select_send, "/user/a", HMT_EMPTY, NULL)
CALL(hm_select_request, "/user/a", HMT_EMPTY, NULL)
CALL(hm_select_ask, "/user/a", HMT_EMPTY, NULL, 1, hmt_ignore_reply, NULL)
CALL_USED(hm_select_all, "/user/*", ignore_found, NULL)
CALL(hm_watch_path, "/user/a", NULL)
CALL(hm_path)
CALL(hm_child_next, &no_iter, NULL)
CALL_USED(hm_actor_extension_set, &extension, NULL)
CALL(hm_actor_extension, &extension)
CALL(hm_request_from, somebody, somebody, HMT_EMPTY, NULL)
CALL(hm_ask_batch, NULL)
CALL(hm_future_new, 1, NULL)
CALL(hm_request_future, somebody, HMT_EMPTY, NULL, 1, NULL)
CALL(hm_stop_future, somebody, 1, NULL)
CALL(hm_poison_future, somebody, 1, NULL)
CALL(hm_reenter_after, (struct hm_future){ somebody }, hmt_ignore_reply, NULL)
CALL(hm_pipe_to, (struct hm_future){ somebody }, &somebody, 1)
CALL(hm_future_cancel, (struct hm_future){ somebody })
CALL(hm_future_release, (struct hm_future){ somebody })
static const struct hm_workers workers = { .props = &props, .count = 1 };
CALL_USED(hm_workers_spawn, &workers, NULL, NULL)
static const struct hm_props staged = { .receive = leak_ctx,
					.state_size = sizeof(struct hm_pid),
					.args_size = sizeof(struct hm_pid) };

static void
ignore_join(struct hm_ctx *ctx, void *arg, enum hm_future_result result, const struct hm_msg *replies)
{
	(void)ctx;
	(void)arg;
	(void)result;
	(void)replies;
}

static const struct hm_stage stage = { .props = &staged };
static const struct hm_pipeline pipeline = { .stages = &stage, .count = 1 };
CALL_USED(hm_pipeline_spawn, &pipeline, NULL, NULL)
static const struct hm_fan fan = { .to = &somebody, .count = 1, .timeout_us = 1, .join = ignore_join };
CALL_USED(hm_fan_spawn, &fan, NULL, NULL)
static struct hm_bundle bundle;
CALL(hm_bundle_add, &bundle)
CALL(hm_bundle_is_ready, &bundle)
CALL(hm_bundle_end, &bundle)
static const struct hm_throttle throttle = { .to = { 1, 1 }, .rate = 1, .burst = 1 };
static const struct hm_retry retry = { .attempts = 1, .timeout_us = 1 };
static const struct hm_hedge hedge = { .to = &somebody, .count = 1, .timeout_us = 1 };
CALL_USED(hm_throttle_spawn, &throttle, NULL, NULL)
CALL(hm_retry_ask, somebody, HMT_EMPTY, NULL, &retry, hmt_ignore_reply, NULL)
CALL(hm_hedge_ask, &hedge, HMT_EMPTY, NULL, hmt_ignore_reply, NULL)
static const struct hm_period period = { .period_us = 1 };
static struct hm_cron *no_cron;
CALL(hm_send_after, somebody, HMT_EMPTY, NULL, 1, 0, NULL)
CALL(hm_send_every, somebody, HMT_EMPTY, NULL, &period, NULL)
CALL(hm_send_cron, somebody, HMT_EMPTY, NULL, no_cron, NULL)
CALL(hm_timer_cancel, (struct hm_timer){ 1 })
CALL(hm_offload, ignore_work, NULL, 0, HMT_EMPTY, NULL)
CALL(hm_offload_cancel, (struct hm_offload){ 1 })
CALL(hm_self)
CALL(hm_parent)
CALL(hm_sender)
CALL(hm_deadline_ns)
CALL(hm_system)
CALL(hm_now_ns)
CALL(hm_lcore)
CALL(hm_children_count)
CALL(hm_mailbox_count)
CALL(hm_node_lost, 1)
CALL(hm_provider_receive, no_msg)
CALL(hm_provider_receive_forwarded, no_msg)
CALL(hm_provider_receive_burst, &address, NULL, 1)
CALL(hm_msg_alloc, HMT_EMPTY, 0)
CALL_USED(hm_msg_alloc_control, HM_IDENTITY, 0)
CALL(hm_dead_letter_publish, no_msg, HM_DEAD_STOPPED)
CALL(hm_dead_letter_report, &letter)
CALL(hm_lcore_is_idle)
CALL(hm_turn_ns)
CALL(hm_turn_expired, 1)
CALL(hm_turn_steps)

#define ROW(function)                      \
	{                                  \
#function, call_##function \
	}

static const struct {
	const char *name;
	void (*call)(void *ctx);
} calls[] = {
	ROW(hm_spawn),
	ROW(hm_spawn_key),
	ROW(hm_router_spawn),
	ROW(hm_router_broadcast),
	ROW(hm_router_add),
	ROW(hm_router_remove),
	ROW(hm_router_adjust),
	ROW(hm_router_list),
	ROW(hm_log),
	ROW(hm_logging_receive),
	ROW(hm_logging_send),
	ROW(hm_logging_spawn),
	ROW(hm_metrics_receive),
	ROW(hm_tracing_receive),
	ROW(hm_tracing_send),
	ROW(hm_tracing_current),
	ROW(hm_watch),
	ROW(hm_unwatch),
	ROW(hm_stop),
	ROW(hm_poison),
	ROW(hm_move),
	ROW(hm_send),
	ROW(hm_request),
	ROW(hm_respond),
	ROW(hm_publish),
	ROW(hm_forward),
	ROW(hm_fail),
	ROW(hm_become),
	ROW(hm_become_push),
	ROW(hm_receive_next),
	ROW(hm_send_next),
	ROW(hm_spawn_next),
	ROW(hm_become_pop),
	ROW(hm_stash),
	ROW(hm_unstash),
	ROW(hm_msg_keep),
	ROW(hm_msg_forward),
	ROW(hm_unstash_all),
	ROW(hm_stash_count),
	ROW(hm_receive_timeout_set),
	ROW(hm_receive_timeout_cancel),
	ROW(hm_receive_timeout),
	ROW(hm_passivation_set),
	ROW(hm_passivation),
	ROW(hm_plugin_receive),
	ROW(hm_dedup_receive),
	ROW(hm_msg_new),
	ROW(hm_msg_free),
	ROW(hm_msg_send),
	ROW(hm_msg_request),
	ROW(hm_msg_respond),
	ROW(hm_send_batch),
	ROW(hm_msg_header_set),
	ROW(hm_msg_headers_copy),
	ROW(hm_msg_buffer_set),
	ROW(hm_send_buffer),
	ROW(hm_msg_ask),
	ROW(hm_ask),
	ROW(hm_resolve),
	ROW(hm_select_send),
	ROW(hm_select_request),
	ROW(hm_select_ask),
	ROW(hm_select_all),
	ROW(hm_watch_path),
	ROW(hm_path),
	ROW(hm_child_next),
	ROW(hm_actor_extension_set),
	ROW(hm_actor_extension),
	ROW(hm_request_from),
	ROW(hm_ask_batch),
	ROW(hm_future_new),
	ROW(hm_request_future),
	ROW(hm_stop_future),
	ROW(hm_poison_future),
	ROW(hm_reenter_after),
	ROW(hm_pipe_to),
	ROW(hm_future_cancel),
	ROW(hm_future_release),
	ROW(hm_send_after),
	ROW(hm_send_every),
	ROW(hm_workers_spawn),
	ROW(hm_pipeline_spawn),
	ROW(hm_fan_spawn),
	ROW(hm_bundle_add),
	ROW(hm_bundle_is_ready),
	ROW(hm_bundle_end),
	ROW(hm_throttle_spawn),
	ROW(hm_retry_ask),
	ROW(hm_hedge_ask),
	ROW(hm_send_cron),
	ROW(hm_timer_cancel),
	ROW(hm_offload),
	ROW(hm_offload_cancel),
	ROW(hm_self),
	ROW(hm_parent),
	ROW(hm_sender),
	ROW(hm_deadline_ns),
	ROW(hm_system),
	ROW(hm_now_ns),
	ROW(hm_lcore),
	ROW(hm_children_count),
	ROW(hm_mailbox_count),
	ROW(hm_node_lost),
	ROW(hm_provider_receive),
	ROW(hm_provider_receive_forwarded),
	ROW(hm_provider_receive_burst),
	ROW(hm_msg_alloc),
	ROW(hm_msg_alloc_control),
	ROW(hm_dead_letter_publish),
	ROW(hm_dead_letter_report),
	ROW(hm_lcore_is_idle),
	ROW(hm_turn_ns),
	ROW(hm_turn_expired),
	ROW(hm_turn_steps),
};

Test(engine_ctx, call__with_the_ctx_of_another_thread_is_named)
{
	char text[4096], wanted[128];
	struct hm_system *sys;
	struct hm_pid pid;
	struct hm_ctx *ctx = ctx_leak(&sys, &pid);

	for (size_t i = 0; i < RTE_DIM(calls); i++) {
		int status = hmt_death(calls[i].call, ctx, text, sizeof(text));

		snprintf(wanted, sizeof(wanted), "hermod: %s: the ctx of lcore 0 on another thread",
			 calls[i].name);
		cr_expect(hmt_aborted(status), "%s: status 0x%x", calls[i].name, (unsigned int)status);
		cr_expect_not_null(strstr(text, wanted), "%s: %s", calls[i].name, text);
	}
	run_end(sys);
}
#endif
