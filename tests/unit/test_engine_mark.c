/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fault of the engine's own within a call that an actor makes ends the process.
 */
#include "hm_event_stream.h"
#include "hm_behaviour.h"
#include "hm_buffer.h"
#include "hm_extension.h"
#include "hm_header.h"
#include "hm_move.h"
#include "hm_select.h"
#include "hm_shutdown.h"
#include "hm_supervisor.h"
#include "hmt_death.h"
#include "hmt_fault.h"
#include "link_pvt.h"
#include "test_engine_mark.h"

TestSuite(engine_mark, .init = hmt_eal_start);

static struct hm_future future;
static struct hm_timer timer;
static struct hm_offload call;
static const struct hm_extension extension = { .name = "extension" };

static void
task_run(struct hm_ctx *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
}

static const struct hm_shutdown_task task = { .name = "task", .phase = HM_SHUTDOWN_DRAIN, .run = task_run };

/* ---- What is broken ---------------------------------------------------------------------- */

static void
break_other_lane(struct hm_ctx *ctx)
{
	struct hmi_cell *cell = hmi_cells_at(&ctx->cells, other.pid.local);

	cell->actor.system.tail = bad();
}

static void
break_links(struct hm_ctx *ctx)
{
	ctx->links.buckets = bad();
}

static void
break_cells(struct hm_ctx *ctx)
{
	ctx->cells.free = bad();
	ctx->cells.free_count = 1;
}

/* Only what makes an actor looks here, so that a fault that was contained would be the last one. */
static void
break_states(struct hm_ctx *ctx)
{
	for (uint32_t i = 0; i < HMI_STATE_CLASSES; i++)
		ctx->states[i].free = bad();
}

static void
break_slabs(struct hm_ctx *ctx)
{
	ctx->cell->actor.extra = NULL;
	ctx->extras.free = ctx->behaviours.free = ctx->receive_timeouts.free = bad();
}

static void
break_pool(struct hm_ctx *ctx)
{
	for (unsigned int i = 0; i < HMI_OTHERS_CACHE; i++)
		ctx->cache.others[i] = bad();
	for (unsigned int c = 1; c < HMI_POOL_CLASSES; c++)
		ctx->cache.racks[c].count = 1;
}

/* What only some actors have; this one has it in its name's place. */
static void
break_extra(struct hm_ctx *ctx)
{
	struct hmi_extra *extra = ctx->cell->actor.extra;

	extra->stash.head = extra->stash.tail = bad();
	extra->behaviours = bad();
	extra->quiet[HMI_QUIET_TIMEOUT] = extra->quiet[HMI_QUIET_PASSIVE] = bad();
}

static void
break_dead(struct hm_ctx *ctx)
{
	ctx->dead.head = ctx->dead.tail = bad();
}

/* As if another actor had sent what is received. */
static void
break_senders_box(struct hm_ctx *ctx)
{
	ctx->msg->sender = other.pid;
	break_box(ctx);
}

static void
other_subscribe(struct hm_ctx *ctx)
{
	(void)!hm_event_subscribe_pid(ctx->sys, HMT_NUMBER, HMT_BIG, other.pid, NULL);
}

static void
break_subscribers_box(struct hm_ctx *ctx)
{
	other_subscribe(ctx);
	break_box(ctx);
}

static void
break_pool_of_events(struct hm_ctx *ctx)
{
	other_subscribe(ctx);
	break_pool(ctx);
}

static void
break_subscriptions(struct hm_ctx *ctx)
{
	other_subscribe(ctx);
	atomic_store_explicit(&ctx->sys->events.snapshot, bad(), memory_order_relaxed);
}

/* What calls without a ctx use. */
static void
break_ring(struct hm_ctx *ctx)
{
	ctx->worker.inject.ring = bad();
}

static void
break_external_pool(struct hm_ctx *ctx)
{
	ctx->sys->external.pool = bad();
}

static void
break_tasks(struct hm_ctx *ctx)
{
	ctx->sys->shutdown.tasks = bad();
}

static void
break_nothing(struct hm_ctx *ctx)
{
	(void)ctx;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static const char big[HMT_BIG_BYTES];

static void
on_found(struct hm_ctx *ctx, void *state, const char *path, struct hm_pid pid, void *arg)
{
	(void)ctx;
	(void)state;
	(void)path;
	(void)pid;
	(void)arg;
}

static void
free_badly(void *data, void *arg)
{
	(void)data;
	(void)arg;
	hmt_fault_raise(HMT_FAULT_NULL);
}

static void
prepare(struct hm_ctx *ctx)
{
	(void)hm_future_new(ctx, 1000000, &future);
	(void)hm_send_after(ctx, hm_self(ctx), HMT_NUMBER, &number, 1000000, 0, &timer);
	(void)hm_watch(ctx, other.pid);
	(void)hm_reenter_after(ctx, future, hmt_ignore_reply, NULL);
}

CALL(send_big, (void)hm_send(ctx, other.pid, HMT_BIG, big))
CALL(request, (void)hm_request(ctx, other.pid, HMT_NUMBER, &number))
CALL(request_from, (void)hm_request_from(ctx, other.pid, hm_self(ctx), HMT_NUMBER, &number))
CALL(send_batch, (void)hm_send_batch(ctx, other.pid, HMT_NUMBER, &number, 1, NULL))
CALL(msg_send, (void)hm_msg_send(ctx, other.pid, hm_msg_new(ctx, HMT_NUMBER, 0)))
CALL(msg_new, (void)hm_msg_new(ctx, HMT_BIG, 0))
CALL(msg_alloc, (void)hm_msg_alloc(ctx, HMT_BIG, HMT_BIG_BYTES))
CALL(msg_request, (void)hm_msg_request(ctx, other.pid, hm_msg_new(ctx, HMT_NUMBER, 0)))
CALL(respond, (void)hm_respond(ctx, HMT_NUMBER, &number))
CALL(msg_respond, (void)hm_msg_respond(ctx, hm_msg_new(ctx, HMT_NUMBER, 0)))
CALL(header_set, (void)hm_msg_header_set(ctx, hm_msg_new(ctx, HMT_NUMBER, 0), "key", "value"))
CALL(event_publish, (void)hm_publish(ctx, HMT_NUMBER, &number))
CALL(event_publish_big, (void)hm_publish(ctx, HMT_BIG, big))
CALL(event_subscribe, other_subscribe(ctx))
CALL(event_unsubscribe, (void)hm_event_unsubscribe_pid(hm_system(ctx), other.pid))
CALL(event_count, (void)hm_event_subscriptions(hm_system(ctx)))
CALL(become, hm_become(ctx, ctx->cell->receive))
CALL(become_pop, (void)hm_become_pop(ctx))
CALL(unstash, (void)hm_unstash(ctx))
CALL(unstash_all, (void)hm_unstash_all(ctx))
CALL(receive_timeout_cancel, hm_receive_timeout_cancel(ctx))
CALL(publish, hm_dead_letter_publish(ctx, hm_msg_alloc_control(ctx, HMT_NUMBER, 8), HM_DEAD_DROPPED))
CALL(report, hm_dead_letter_report(ctx, &(struct hm_dead_letter){ .reason = HM_DEAD_DROPPED }))
CALL(poison_future, (void)hm_poison_future(ctx, other.pid, 1000, &future))
CALL(select_request, (void)hm_select_request(ctx, "/user/no*", HMT_NUMBER, &number))
CALL(forward, (void)hm_forward(ctx, other.pid))
CALL(msg_ask, (void)hm_msg_ask(ctx, other.pid, hm_msg_new(ctx, HMT_NUMBER, 0), 1000, hmt_ignore_reply, NULL))
CALL(request_future, (void)hm_request_future(ctx, other.pid, HMT_NUMBER, &number, 1000, &future))
CALL(future_new, (void)hm_future_new(ctx, 1000, &future))
CALL(future_cancel, hm_future_cancel(ctx, future))
CALL(stop, hm_stop(ctx, other.pid))
CALL(move, (void)!hm_move(ctx, other.pid, 0))
CALL(poison, (void)hm_poison(ctx, other.pid))
CALL(stop_future, (void)hm_stop_future(ctx, other.pid, 1000, &future))
CALL(watch, (void)hm_watch(ctx, hm_parent(ctx)))
CALL(unwatch, hm_unwatch(ctx, other.pid))
CALL(send_after, (void)hm_send_after(ctx, other.pid, HMT_NUMBER, &number, 1000, 0, NULL))
CALL(timer_cancel, hm_timer_cancel(ctx, timer))
CALL(reenter, (void)hm_reenter_after(ctx, future, hmt_ignore_reply, NULL))
CALL(pipe_to, (void)hm_pipe_to(ctx, future, &other.pid, 1))
CALL(offload, (void)hm_offload(ctx, work, NULL, 0, HMT_NUMBER, NULL))
CALL(offload_cancel, hm_offload_cancel(ctx, call))
CALL(resolve, (void)!hm_resolve(ctx, "/user", 1000, hmt_ignore_reply, NULL))
CALL(select_ask, (void)hm_select_ask(ctx, "/user/no*", HMT_NUMBER, &number, 1000, hmt_ignore_reply, NULL))
CALL(select_send, (void)hm_select_send(ctx, "/user/no*", HMT_NUMBER, &number))
CALL(select_all, (void)!hm_select_all(ctx, "/user/*", on_found, NULL))
CALL(watch_path, (void)hm_watch_path(ctx, "/user/nobody", NULL))
CALL(spawn, (void)!hm_spawn(ctx, hmt_probe_props(0), NULL, &(struct hmt_probe *){ &other }, NULL))

/* With a state that is not in its slot. */
static void
spawn_usual(struct hm_ctx *ctx)
{
	struct hm_props props = *hmt_probe_props(HMT_LCORE_SAME);
	struct hmt_probe *probe = &other;

	props.state_size = 3000;
	(void)!hm_spawn(ctx, &props, NULL, &probe, NULL);
}

CALL(become_push, (void)hm_become_push(ctx, ctx->cell->receive))
CALL(stash, (void)hm_stash(ctx))
CALL(receive_timeout, (void)hm_receive_timeout_set(ctx, 1000))
CALL(extension_set, (void)!hm_actor_extension_set(ctx, &extension, &actor))

CALL(system_send, (void)hm_system_send(hm_system(ctx), other.pid, HMT_NUMBER, &number))
CALL(system_stop_actor, (void)!hm_system_stop_actor(hm_system(ctx), other.pid))
CALL(system_move, (void)!hm_system_move(hm_system(ctx), other.pid, 0))
CALL(shutdown_add, (void)!hm_shutdown_add(hm_system(ctx), &task, NULL))
CALL(shutdown_remove, (void)hm_shutdown_remove(hm_system(ctx), (struct hm_shutdown){ 1 }))

static void
ask_batch(struct hm_ctx *ctx)
{
	const struct hm_batch_request one = { other.pid, HMT_NUMBER, &number };
	const struct hm_batch batch = {
		.requests = &one, .count = 1, .timeout_us = 1000, .on_end = hmt_ignore_reply
	};

	(void)hm_ask_batch(ctx, &batch);
}

static void
send_buffer(struct hm_ctx *ctx)
{
	struct hm_buffer *buffer;

	if (hm_buffer_alloc(hm_system(ctx), 1, &buffer) == 0)
		(void)hm_send_buffer(ctx, other.pid, HMT_NUMBER, &number, buffer);
}

static void
alloc_buffer(struct hm_ctx *ctx)
{
	struct hm_buffer *buffer;

	(void)!hm_buffer_alloc(hm_system(ctx), 1, &buffer);
}

static void
wrap_buffer(struct hm_ctx *ctx)
{
	struct hm_buffer *buffer;

	(void)!hm_buffer_wrap(hm_system(ctx), &other, 1, NULL, NULL, &buffer);
}

static void
put_buffer(struct hm_ctx *ctx)
{
	struct hm_buffer *buffer;

	if (hm_buffer_wrap(hm_system(ctx), &other, 1, free_badly, NULL, &buffer) == 0)
		hm_buffer_put(buffer);
}

static void
free_buffer(struct hm_ctx *ctx)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);
	struct hm_buffer *buffer;

	if (hm_buffer_wrap(hm_system(ctx), &other, 1, free_badly, NULL, &buffer) == 0 &&
	    hm_msg_buffer_set(ctx, msg, buffer) == HM_OK)
		hm_msg_free(ctx, msg);
}

struct break_in {
	const char *name;
	void (*call)(struct hm_ctx *ctx);
	void (*breaks)(struct hm_ctx *ctx);
};

static const struct break_in breaks[] = {
	{ "hm_send", send_small, break_box },
	{ "hm_send of a big message", send_big, break_pool },
	{ "hm_send of a big message", send_big, break_box },
	{ "hm_request", request, break_box },
	{ "hm_request_from", request_from, break_box },
	{ "hm_send_batch", send_batch, break_box },
	{ "hm_msg_send", msg_send, break_box },
	{ "hm_msg_new", msg_new, break_pool },
	{ "hm_msg_alloc", msg_alloc, break_pool },
	{ "hm_msg_free", free_buffer, break_nothing },
	{ "hm_msg_request", msg_request, break_box },
	{ "hm_msg_respond", msg_respond, break_senders_box },
	{ "hm_respond", respond, break_senders_box },
	{ "hm_send_buffer", send_buffer, break_box },
	{ "hm_msg_header_set", header_set, break_pool },
	{ "hm_forward", forward, break_box },
	{ "hm_publish", event_publish, break_subscribers_box },
	{ "hm_publish of a big event", event_publish_big, break_pool_of_events },
	{ "hm_publish, which reads who has subscribed", event_publish, break_subscriptions },
	{ "hm_event_subscribe", event_subscribe, break_subscriptions },
	{ "hm_event_unsubscribe_pid", event_unsubscribe, break_subscriptions },
	{ "hm_event_subscriptions", event_count, break_subscriptions },
	{ "hm_become", become, break_extra },
	{ "hm_become_pop", become_pop, break_extra },
	{ "hm_unstash", unstash, break_extra },
	{ "hm_unstash_all", unstash_all, break_extra },
	{ "hm_receive_timeout_cancel", receive_timeout_cancel, break_extra },
	{ "hm_dead_letter_publish", publish, break_dead },
	{ "hm_dead_letter_report", report, break_dead },
	{ "hm_poison_future", poison_future, break_cells },
	{ "hm_select_request", select_request, break_links },
	{ "hm_ask", ask, break_cells },
	{ "hm_ask", ask, break_box },
	{ "hm_msg_ask", msg_ask, break_cells },
	{ "hm_request_future", request_future, break_cells },
	{ "hm_future_new", future_new, break_cells },
	{ "hm_future_cancel", future_cancel, break_links },
	{ "hm_ask_batch", ask_batch, break_box },
	{ "hm_stop", stop, break_other_lane },
	{ "hm_move", move, break_other_lane },
	{ "hm_poison", poison, break_box },
	{ "hm_stop_future", stop_future, break_cells },
	{ "hm_watch", watch, break_links },
	{ "hm_unwatch", unwatch, break_links },
	{ "hm_send_after", send_after, break_links },
	{ "hm_timer_cancel", timer_cancel, break_links },
	{ "hm_reenter_after", reenter, break_cells },
	{ "hm_pipe_to", pipe_to, break_links },
	{ "hm_offload", offload, break_links },
	{ "hm_offload_cancel", offload_cancel, break_links },
	{ "hm_resolve", resolve, break_cells },
	{ "hm_select_ask", select_ask, break_cells },
	{ "hm_select_send", select_send, break_links },
	{ "hm_select_all", select_all, break_links },
	{ "hm_watch_path", watch_path, break_cells },
	{ "hm_spawn", spawn, break_cells },
	{ "hm_spawn", spawn_usual, break_states },
	{ "hm_become_push", become_push, break_slabs },
	{ "hm_stash", stash, break_slabs },
	{ "hm_receive_timeout_set", receive_timeout, break_slabs },
	{ "hm_actor_extension_set", extension_set, break_links },
	{ "hm_system_send", system_send, break_ring },
	{ "hm_system_send", system_send, break_external_pool },
	{ "hm_system_stop_actor", system_stop_actor, break_ring },
	{ "hm_system_move", system_move, break_ring },
	{ "hm_shutdown_add", shutdown_add, break_tasks },
	{ "hm_shutdown_remove", shutdown_remove, break_tasks },
	{ "hm_buffer_alloc", alloc_buffer, break_external_pool },
	{ "hm_buffer_wrap", wrap_buffer, break_external_pool },
	{ "hm_buffer_put", put_buffer, break_nothing },
};

#define BREAKS (sizeof(breaks) / sizeof(breaks[0]))

static void
break_and_call(struct hm_ctx *ctx, void *arg)
{
	const struct break_in *what = arg;

	prepare(ctx);
	what->breaks(ctx);
	what->call(ctx);
}

static void
fault_in_call(void *arg)
{
	struct hmt_node node;

	node_with_two(&node);
	hmt_do(&node, actor.pid, break_and_call, arg);
}

Test(engine_mark, fault__of_the_engine_within_a_call_ends_the_process)
{
	for (size_t i = 0; i < BREAKS; i++) {
		char text[8192];
		int status = hmt_death(fault_in_call, (void *)(uintptr_t)&breaks[i], text, sizeof(text));

		cr_expect(WIFSIGNALED(status) || WEXITSTATUS(status) != HMT_SURVIVED, "%s: %s",
			  breaks[i].name, text);
		cr_expect_not_null(strstr(text, "the engine's own memory is broken"), "%s: %s",
				   breaks[i].name, text);
		cr_expect_not_null(strstr(text, " in actor "), "%s: %s", breaks[i].name, text);
	}
}

static void
fail_in_free(void *data, void *ctx)
{
	(void)data;
	hm_fail(ctx, "in the middle of a call");
}

static void
free_that_fails(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);
	struct hm_buffer *buffer;

	(void)arg;
	if (hm_buffer_wrap(hm_system(ctx), &other, 1, fail_in_free, ctx, &buffer) == 0 &&
	    hm_msg_buffer_set(ctx, msg, buffer) == HM_OK)
		hm_msg_free(ctx, msg);
}

static void
fail_within(void *arg)
{
	struct hmt_node node;

	(void)arg;
	node_with_two(&node);
	hmt_do(&node, actor.pid, free_that_fails, NULL);
}

Test(engine_mark, fail__within_a_call_is_misuse)
{
	char text[8192];

	cr_assert(hmt_aborted(hmt_death(fail_within, NULL, text, sizeof(text))), "%s", text);
	cr_assert_not_null(strstr(text, "hm_fail: in the middle of another call"), "%s", text);
}
