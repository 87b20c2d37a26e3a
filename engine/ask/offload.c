/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls by the offload pool: sched/offload_pvt.h has the threads.
 *
 *     hm_offload ──job──▶ pool ──▶ work_run ──HMI_COMMAND_WORK_DONE──▶ hmi_work_done (lcore of the call)
 *                       mailbox ◀──result── hmi_work_arrive ◀──HMI_SYS_WORK_DONE──┘ (the actor's, if that has moved)
 *
 * A work lies in the message that will bring it back, so that nothing has to be found for that then; and
 * its result is a message already. It is a link of its actor, so that it ends with it, and can be found by the
 * number in its handle. What the thread touches is the work's job, arguments, result and marks; the link is
 * the lcore's alone, and moves with the actor.
 *
 * Ordering: I1 (inject_pvt.h): what the call has written is there when its lcore handles the command.
 */
#include <errno.h>
#include <time.h>

#include <rte_common.h>

#include "ask_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "deliver_pvt.h"
#include "forward_pvt.h"
#include "hm_offload.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "rcu_pvt.h"
#include "shortage_pvt.h"

/* Between two tries to bring a work back to an lcore whose inject ring is full. */
#define RETRY_NS 100000l

/* Body of HMI_COMMAND_WORK_DONE. */
struct hm_work {
	struct hmi_link link; /* first: pid.local is the work's number */
	struct hmi_job job;
	struct hm_msg *msg;    /* that holds this */
	struct hm_msg *result; /* not counted as sent yet */
	struct hm_ctx *ctx;    /* the lcore of the call: for the thread only to send it the command */
	struct hm_ctx *at;     /* the actor's, since that may have moved; NULL: it is on its way */
	hm_offload_fn *run;
	uint64_t owner;         /* local part of the actor's PID */
	_Atomic bool cancelled; /* the lcore's hint to the thread */
	bool is_owned;          /* the actor has neither ended nor cancelled it */
	bool is_wanted;         /* not cancelled: the result is for the actor, or its dead letter */
	bool has_run;           /* the thread's, until it comes back */
	uint64_t args[];
};

_Static_assert(sizeof(struct hm_work) + HM_OFFLOAD_ARGS_MAX <= HM_MSG_BODY_MAX, "arguments fit a message");

/* ---- On a thread of the pool ----------------------------------------------------------- */

/* Back to its lcore. In a stopping system nobody may be left to make room there. */
static void
work_return(struct hm_work *work)
{
	const struct timespec pause = { .tv_nsec = RETRY_NS };
	struct hmi_offload *pool = &work->ctx->sys->offload;

	while (!hmi_worker_inject(&work->ctx->worker, work->msg)) {
		if (hmi_offload_is_stopping(pool)) {
			hmi_offload_put_back(pool, &work->job);
			return;
		}
		/* allowed: this thread is no lcore */
		nanosleep(&pause, NULL);
	}
}

/* The thread that turns the lcores makes the calls, between turns. */
static void
work_return_stepped(struct hm_work *work)
{
	struct hm_system *sys = work->ctx->sys;

	pthread_mutex_lock(&sys->control);
	hmi_rcu_enter();
	hmi_deliver(work->ctx, work->msg);
	hmi_rcu_leave();
	pthread_mutex_unlock(&sys->control);
}

static void
work_run(struct hmi_job *job)
{
	struct hm_work *work = container_of(job, struct hm_work, job);
	struct hm_system *sys = work->ctx->sys;

	if (!atomic_load_explicit(&work->cancelled, memory_order_relaxed)) {
		work->run(work, work->args, work->result->length > 0 ? work->result->body : NULL);
		work->has_run = true;
	}
	if (sys->mode == HM_MODE_STEPPED)
		work_return_stepped(work);
	else
		work_return(work);
}

static void
work_give_up(struct hmi_job *job)
{
	struct hm_work *work = container_of(job, struct hm_work, job);

	hmi_deliver(work->ctx, work->msg);
}

bool
hm_work_is_cancelled(const struct hm_work *work)
{
	return atomic_load_explicit(&work->cancelled, memory_order_relaxed) ||
	       hmi_offload_is_stopping(&work->ctx->sys->offload);
}

/* ---- On its lcore ------------------------------------------------------------------------ */

static void
disown(struct hm_work *work)
{
	work->is_owned = false;
	atomic_store_explicit(&work->cancelled, true, memory_order_relaxed);
}

/* The owner ends. */
static void
work_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hm_work *work = container_of(owned, struct hm_work, link.owned);

	(void)owner;
	hmi_link_unhash(&ctx->links, &work->link);
	disown(work);
}

/* The owner leaves for another lcore, or has come there. */
static void
work_leave(struct hm_ctx *ctx, struct hmi_owned *owned)
{
	container_of(owned, struct hm_work, link.owned)->at = NULL;
	hmi_link_leave(ctx, owned);
}

static void
work_arrive(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	container_of(owned, struct hm_work, link.owned)->at = ctx;
	hmi_link_arrive(ctx, owner, owned);
}

/* Its result is a message as others, which a restart keeps; and it refers to nothing of the state. */
static const struct hmi_owned_ops work_ops = {
	.drop = work_drop,
	.outlives_restart = true,
	.may_move = hmi_link_may_move,
	.leave = work_leave,
	.arrive = work_arrive,
	.is_awaited = true,
};

static struct hm_work *
work_of(const struct hm_msg *msg)
{
	/* The thread has given it back: it is this lcore's to write. */
	return (struct hm_work *)(uintptr_t)msg->body;
}

/* The result, to be sent; NULL: nobody wants it. */
static struct hm_msg *
result_take(struct hm_ctx *ctx, struct hm_work *work)
{
	if (work->is_owned && work->at != NULL)
		hmi_link_unhash(&work->at->links, &work->link);
	if (work->is_owned)
		hmi_owned_remove(&work->link.owned);
	if (!work->has_run || !work->is_wanted) {
		hmi_msg_release(&ctx->cache, work->result);
		return NULL;
	}
	work->result->to = work->owner;
	hmi_sent_add(ctx, 1);
	return work->result;
}

void
hmi_work_lost(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason)
{
	struct hm_msg *result = result_take(ctx, work_of(msg));

	if (result != NULL)
		hmi_dead(ctx, result, reason);
}

void
hmi_work_arrive(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hm_msg *result = result_take(ctx, work_of(msg));

	hmi_msg_release(&ctx->cache, msg);
	if (result == NULL)
		return;
	result->to = hmi_place_of(ctx, cell);
	hmi_deliver(ctx, result);
}

void
hmi_work_done(struct hm_ctx *ctx, struct hm_msg *msg)
{
	msg->type = HMI_SYS_WORK_DONE;
	hmi_claimant_post(ctx, work_of(msg)->owner, msg);
}

void
hmi_works_stop(struct hm_system *sys)
{
	struct hmi_job *job;

	if (sys->offload.ring == NULL)
		return;
	hmi_offload_stop(&sys->offload);
	while ((job = hmi_offload_drain(&sys->offload)) != NULL)
		job->abandon(job);
}

/* ---- What actors call ---------------------------------------------------------------------- */

static enum hm_result
arguments_check(const struct hm_ctx *ctx, hm_offload_fn *run, const void *args, size_t args_size,
		uint16_t result)
{
	uint32_t info = ctx->sys->types->info[result];

	if (run == NULL || (args == NULL && args_size > 0) || (info & HMI_TYPE_PROTO) != 0)
		return HM_INVALID;
	if (args_size > HM_OFFLOAD_ARGS_MAX)
		return HM_TOO_BIG;
	return info != 0 ? HM_OK : HM_UNKNOWN_TYPE;
}

static struct hm_work *
work_new(struct hm_ctx *ctx, hm_offload_fn *run, const void *args, size_t args_size)
{
	struct hm_msg *msg = hm_msg_alloc(ctx, HMI_COMMAND_WORK_DONE, sizeof(struct hm_work) + args_size);
	struct hm_work *work;

	if (msg == NULL)
		return NULL;
	work = hm_msg_body_mut(msg);
	memset(work, 0, sizeof(*work));
	msg->flags = HMI_MSG_SYSTEM;
	msg->sender = hm_pid_none();
	msg->to_node = 0;
	msg->to = hmi_lcore_process(ctx->sys, hmi_index(ctx)).local;
	work->msg = msg;
	work->ctx = work->at = ctx;
	work->run = run;
	work->job.run = work_run;
	work->job.abandon = work_give_up;
	work->owner = hmi_pid_of(ctx, ctx->cell).local;
	work->is_owned = work->is_wanted = true;
	if (args_size > 0)
		memcpy(work->args, args, args_size);
	return work;
}

/* Before the push: from then on the thread may be done with it. */
static void
work_own(struct hm_ctx *ctx, struct hm_work *work)
{
	work->link.kind = HMI_LINK_WORK;
	work->link.pid = (struct hm_pid){ 0, hmi_local(hmi_index(ctx), 0, 0) | ++ctx->work_serial };
	hmi_link_add(&ctx->links, ctx->cell, hmi_slot_of(ctx, ctx->cell), &work->link, &work_ops);
}

static enum hm_result
refuse(struct hm_ctx *ctx, struct hm_work *work)
{
	hmi_link_remove(&ctx->links, &work->link);
	hmi_msg_release(&ctx->cache, work->result);
	hmi_msg_release(&ctx->cache, work->msg);
	hmi_count(&ctx->stats.offload_refused, 1);
	return HM_WOULD_BLOCK;
}

enum hm_result
hm_offload(struct hm_ctx *ctx, hm_offload_fn *run, const void *args, size_t args_size, uint16_t result,
	   struct hm_offload *call)
{
	struct hm_msg *msg;
	struct hm_work *work;
	enum hm_result rc;
	uint64_t number;

	hmi_check_ctx(ctx, "hm_offload");
	rc = arguments_check(ctx, run, args, args_size, result);
	if (rc != HM_OK)
		return rc;
	hmi_memory_touch(args, args_size);
	hmi_memory_touch_out(call, sizeof(*call));
	HMI_MARKED(ctx);
	msg = hmi_msg_make(ctx->sys, &ctx->cache, result, NULL, &rc);
	if (msg == NULL) {
		hmi_no_memory(ctx, result);
		return rc;
	}
	msg->sender = hm_pid_none();
	work = work_new(ctx, run, args, args_size);
	if (work == NULL) {
		hmi_msg_release(&ctx->cache, msg);
		hmi_no_memory(ctx, result);
		return HM_NO_MEMORY;
	}
	work->result = msg;
	work_own(ctx, work);
	number = work->link.pid.local;
	if (!hmi_offload_push(&ctx->sys->offload, &work->job))
		return refuse(ctx, work);
	hmi_count(&ctx->stats.offloaded, 1);
	if (call != NULL)
		call->id = number;
	return HM_OK;
}

void
hm_offload_cancel(struct hm_ctx *ctx, struct hm_offload call)
{
	struct hm_pid number = { 0, call.id };
	struct hmi_link *link;
	struct hm_work *work;

	hmi_check_ctx(ctx, "hm_offload_cancel");
	HMI_MARKED(ctx);
	link = hmi_link_find(&ctx->links, hmi_slot_of(ctx, ctx->cell), HMI_LINK_WORK, number);
	if (link == NULL)
		return;
	work = container_of(link, struct hm_work, link);
	hmi_link_remove(&ctx->links, link);
	work->is_wanted = false;
	disown(work);
}
