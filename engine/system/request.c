/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of external threads that do not wait for the answer: an eventfd tells of it.
 *
 *     caller ── HMI_COMMAND_CALL ──▶ lcore 0: a future, whose waiter is the call
 *       │    ◀─── answer, eventfd ───  done
 *       └── HMI_COMMAND_CALL_CANCEL ─▶ lcore 0: the future ends, its slot is free
 *
 * The one who moves the state from waiting on, lcore or caller, says how the call has ended. The answer stays in its
 * message, which is the call's from then on.
 *
 * Ordering: O1: as in call.c, of lcore or caller, before its write to the eventfd. O3: whoever gives up the call
 * releases it by the count of those who know it; the last one acquires that, and frees it.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "external_pvt.h"
#include "hm_call.h"
#include "msg_pvt.h"
#include "rcu_pvt.h"

struct hm_call {
	struct hmi_ask_call ask; /* first */
	struct hm_msg *reply;    /* NULL: none */
	_Atomic uint32_t known;  /* to the caller, to the future, and to a command that gives it up */
	int fd;
};

static struct hm_call *
call_of(struct hmi_call *call)
{
	return (struct hm_call *)call;
}

static void
put(struct hm_call *call)
{
	struct hm_system *sys = call->ask.call.sys;

	if (atomic_fetch_sub_explicit(&call->known, 1, memory_order_acq_rel) != 1) /* O3 */
		return;
	if (call->reply != NULL)
		hmi_msg_release(&sys->external, call->reply);
	close(call->fd);
	hmi_call_destroy(&call->ask.call);
}

/* For whoever has taken the state. */
static void
end(struct hm_call *call, int rc, struct hm_msg *reply)
{
	call->ask.call.rc = rc;
	call->reply = reply;
	atomic_store_explicit(&call->ask.call.state, HMI_CALL_DONE, memory_order_release); /* O1 */
	(void)eventfd_write(call->fd, 1);
}

/* ---- On lcore 0 ------------------------------------------------------------------- */

static enum hmi_reply_taken
request_finish(struct hmi_call *call, int rc, struct hm_msg *reply)
{
	enum hmi_reply_taken taken = HMI_REPLY_REFUSED;

	if (hmi_call_take(call, HMI_CALL_ENDING)) {
		end(call_of(call), rc, reply);
		taken = HMI_REPLY_KEPT;
	}
	put(call_of(call));
	return taken;
}

static struct hm_call *
call_in(const struct hm_msg *msg)
{
	struct hm_call *call;

	memcpy(&call, msg->body, sizeof(call));
	return call;
}

static void
future_cancel(struct hm_ctx *ctx, struct hm_call *call)
{
	struct hmi_cell *cell = call->ask.future != 0 ? hmi_cell_live(ctx, call->ask.future) : NULL;

	/* The slot may be another process's by now, whose generation differs. */
	if (cell != NULL)
		hmi_future_fail(ctx, cell, HM_FUTURE_CANCELLED);
}

void
hmi_request_cancel_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	future_cancel(ctx, call_in(msg));
	put(call_in(msg));
}

void
hmi_request_cancel_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason)
{
	(void)ctx;
	(void)reason;
	put(call_in(msg));
}

/* ---- What external threads call -------------------------------------------------------- */

static struct hm_call *
call_new(struct hm_system *sys, struct hm_pid to, uint64_t timeout_us)
{
	struct hm_call *call = hmi_call_new(sys, sizeof(*call), hmi_ask_run);

	if (call == NULL)
		return NULL;
	call->ask.call.drop = hmi_ask_drop;
	call->ask.call.finish = request_finish;
	call->ask.to = to;
	call->ask.timeout_us = timeout_us;
	atomic_init(&call->known, 2);
	call->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return call;
}

/* Nobody else has seen it. */
static int
call_undo(struct hm_call *call, int rc)
{
	if (call->ask.msg != NULL)
		hmi_msg_release(&call->ask.call.sys->external, call->ask.msg);
	if (call->fd >= 0)
		close(call->fd);
	hmi_call_destroy(&call->ask.call);
	return rc;
}

static int
call_start(struct hm_system *sys, struct hm_call *call)
{
	if (hmi_is_stopped(sys))
		return -ESHUTDOWN;
	if (hmi_call_direct(sys, &call->ask.call))
		return 0;
	return hmi_command_push(sys, 0, HMI_COMMAND_CALL, call);
}

int
hm_system_request(struct hm_system *sys, struct hm_pid to, uint16_t type, const void *body,
		  uint64_t timeout_us, struct hm_call **out)
{
	enum hm_result result = HM_OK;
	struct hm_call *call;
	int rc;

	if (sys == NULL || out == NULL || hm_pid_is_none(to) || timeout_us == 0)
		return -EINVAL;
	call = call_new(sys, to, timeout_us);
	if (call == NULL)
		return -ENOMEM;
	if (call->fd < 0)
		return call_undo(call, -errno);
	call->ask.msg = hmi_make_external(sys, type, body, true, &result);
	if (call->ask.msg == NULL)
		return call_undo(call, result == HM_NO_MEMORY ? -EAGAIN : -EINVAL);
	rc = call_start(sys, call);
	if (rc != 0)
		return call_undo(call, rc);
	*out = call;
	return 0;
}

int
hm_call_fd(const struct hm_call *call)
{
	return call->fd;
}

int
hm_call_result(const struct hm_call *call, struct hm_reply *reply)
{
	const struct hmi_call *inner = &call->ask.call;

	if (atomic_load_explicit(&inner->state, memory_order_acquire) != HMI_CALL_DONE) /* O1 */
		return -EAGAIN;
	if (inner->rc != 0 || reply == NULL)
		return inner->rc;
	return hmi_reply_copy(inner->sys, reply, call->reply);
}

/* Have the future ended. If the inject ring is full it stays until its deadline; its answer is refused. */
static void
cancel_post(struct hm_system *sys, struct hm_call *call)
{
	bool alone;

	hmi_control_lock(sys);
	alone = hmi_is_single_threaded(sys);
	if (alone) {
		hmi_rcu_enter();
		future_cancel(sys->lcores[0], call);
		hmi_rcu_leave();
	}
	pthread_mutex_unlock(&sys->control);
	if (alone)
		return;
	atomic_fetch_add_explicit(&call->known, 1, memory_order_relaxed);
	if (hmi_command_push(sys, 0, HMI_COMMAND_CALL_CANCEL, call) != 0)
		put(call);
}

void
hm_call_cancel(struct hm_call *call)
{
	if (!hmi_call_take(&call->ask.call, HMI_CALL_ENDING))
		return;
	end(call, -ECANCELED, NULL);
	cancel_post(call->ask.call.sys, call);
}

void
hm_call_free(struct hm_call *call)
{
	if (call == NULL)
		return;
	hm_call_cancel(call);
	put(call);
}
