/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that are no lcore: they send through an lcore's inject ring, and wait on a semaphore.
 *
 * Ordering: O1: what an lcore writes into a call happens before its sem_post, which the
 * caller's sem_wait sees. S1: calls are pushed and the state is set to stopped under the
 * control mutex, so that none is pushed behind the drain.
 */
#include <sched.h>

#include "engine_pvt.h"
#include "rcu_pvt.h"
#include "counter_pvt.h"

/* The lcore that the calling thread runs; NULL: none. */
static struct hm_ctx *
ctx_of_thread(const struct hm_system *sys)
{
	for (uint32_t i = 0; i < sys->lcores_count; i++) {
		struct hm_ctx *ctx = sys->lcores[i];

		if (atomic_load_explicit(&ctx->has_thread, memory_order_acquire) && /* S3 */
		    pthread_equal(ctx->thread, pthread_self()))
			return ctx;
	}
	return NULL;
}

static bool
running(const struct hm_system *sys)
{
	return atomic_load_explicit(&sys->state, memory_order_acquire) == HMI_RUNNING; /* S1 */
}

/* Who asks too early is told so by a dead letter. */
static bool
stopped(const struct hm_system *sys)
{
	return atomic_load_explicit(&sys->state, memory_order_relaxed) == HMI_STOPPED;
}

/* No lcore has a thread of its own: the caller may touch everything. */
static bool
single_threaded(const struct hm_system *sys)
{
	return sys->mode == HM_MODE_STEPPED ||
	       atomic_load_explicit(&sys->state, memory_order_relaxed) == HMI_CREATED;
}

/* The lcore that a message goes to first. */
static struct hm_ctx *
entrance(const struct hm_system *sys, struct hm_pid to)
{
	uint32_t lcore = hmi_local_lcore(to.local);

	if (to.node == sys->node)
		return lcore < sys->lcores_count ? sys->lcores[lcore] : NULL;
	return hmi_node_find(sys, to.node) != 0 ? sys->lcores[sys->provider_lcore] : NULL;
}

/* What brings a message for another node to the provider's lcore. */
static struct hm_msg *
abroad_new(struct hm_system *sys, uint64_t node, struct hm_msg *msg)
{
	struct hm_msg *outer = hmi_control(&sys->outside, HMI_CORE_SEND, sizeof(struct hmi_abroad));
	struct hmi_abroad *abroad = hm_msg_body_mut(outer);

	abroad->node = node;
	abroad->msg = msg;
	outer->to = hmi_local(sys->provider_lcore, HMI_SLOT_CORE, 1);
	return outer;
}

static enum hm_result
inject(struct hm_system *sys, struct hm_pid to, struct hm_msg *msg)
{
	struct hm_ctx *ctx = stopped(sys) ? NULL : entrance(sys, to);
	struct hm_msg *first = msg;

	if (ctx == NULL) {
		hmi_msg_release(&sys->outside, msg);
		return HM_NO_RECEIVER;
	}
	msg->to = to.local;
	if (to.node != sys->node)
		first = abroad_new(sys, to.node, msg);
	if (hmi_inject_push(&ctx->worker.inject, first))
		return HM_OK;
	if (first != msg)
		hmi_msg_release(&sys->outside, first);
	hmi_msg_release(&sys->outside, msg);
	return HM_WOULD_BLOCK;
}

static struct hm_msg *
make_outside(struct hm_system *sys, uint16_t type, const void *body, enum hm_result *result)
{
	struct hm_msg *msg = hmi_msg_make(sys, &sys->outside, type, body, result);

	if (msg == NULL && *result == HM_NO_MEMORY)
		atomic_fetch_add_explicit(&sys->outside_no_memory, 1, memory_order_relaxed);
	return msg;
}

enum hm_result
hm_system_send(struct hm_system *sys, struct hm_pid to, uint16_t type, const void *body)
{
	enum hm_result result;
	struct hm_msg *msg;

	if (hm_pid_is_none(to))
		return HM_NO_RECEIVER;
	msg = make_outside(sys, type, body, &result);
	if (msg == NULL)
		return result;
	msg->sender = hm_pid_none();
	result = inject(sys, to, msg);
	if (result == HM_OK)
		atomic_fetch_add_explicit(&sys->outside_sent, 1, memory_order_relaxed);
	return result;
}

int
hm_system_stop_actor(struct hm_system *sys, struct hm_pid who)
{
	struct hm_msg *msg;

	if (hm_pid_is_none(who))
		return 0;
	msg = hmi_control(&sys->outside, HM_SYS_STOP, 0);
	/* Whoever is nowhere has stopped. */
	return inject(sys, who, msg) == HM_WOULD_BLOCK ? -EAGAIN : 0;
}

void
hm_system_stop(struct hm_system *sys)
{
	struct hm_pid core = { sys->node, hmi_local(0, HMI_SLOT_CORE, 1) };
	struct hm_ctx *ctx = ctx_of_thread(sys);
	struct hm_msg *msg;

	if (atomic_exchange_explicit(&sys->stop_asked, true, memory_order_relaxed))
		return;
	if (ctx != NULL) {
		(void)hmi_post(ctx, core, hmi_control(&ctx->cache, HMI_CORE_STOP_SYSTEM, 0));
		return;
	}
	msg = hmi_control(&sys->outside, HMI_CORE_STOP_SYSTEM, 0);
	msg->to = core.local;
	if (single_threaded(sys)) {
		hmi_deliver(sys->lcores[0], msg);
		return;
	}
	/* A full ring has an lcore that empties it, unless it has left its loop. */
	while (!hmi_inject_push(&sys->lcores[0]->worker.inject, msg)) {
		if (!running(sys)) {
			hmi_msg_release(&sys->outside, msg);
			return;
		}
		sched_yield();
	}
}

/* ---- Calls: done by lcore 0, or at once while nothing runs -------------------------- */

/* A protobuf message may point into the one that brings it, which is gone when the caller looks. */
static int
reply_copy(const struct hm_system *sys, struct hm_reply *to, const struct hm_msg *msg)
{
	bool is_proto = (sys->types.info[msg->type] & HMI_TYPE_PROTO) != 0;
	size_t bytes = is_proto ? hmi_proto_bytes(hm_msg_body(msg)) : msg->length;

	to->type = msg->type;
	to->length = (uint32_t)bytes;
	if (bytes > to->size)
		return -EMSGSIZE;
	if (is_proto)
		hmi_proto_copy(to->body, hm_msg_body(msg));
	else if (bytes > 0)
		memcpy(to->body, msg->body, bytes);
	return 0;
}

void
hmi_call_finish(struct hmi_call *call, int rc, const struct hm_msg *reply)
{
	if (reply != NULL && call->reply != NULL)
		rc = reply_copy(call->sys, call->reply, reply);
	call->rc = rc;
	sem_post(&call->done); /* O1 */
}

static int
call_push(struct hm_system *sys, struct hmi_call *call)
{
	struct hm_pid core = { sys->node, hmi_local(0, HMI_SLOT_CORE, 1) };
	struct hm_msg *msg = hmi_control(&sys->outside, HMI_CORE_CALL, sizeof(call));
	int rc = -ESHUTDOWN;

	memcpy(msg->body, &call, sizeof(call));
	pthread_mutex_lock(&sys->control);
	if (running(sys)) /* S1 */
		rc = inject(sys, core, msg) == HM_OK ? 0 : -EAGAIN;
	else
		hmi_msg_release(&sys->outside, msg);
	pthread_mutex_unlock(&sys->control);
	return rc;
}

/* While nothing runs the caller does it; false: something runs. */
static bool
call_direct(struct hm_system *sys, struct hmi_call *call)
{
	bool alone;

	pthread_mutex_lock(&sys->control);
	alone = single_threaded(sys);
	if (alone) {
		hmi_rcu_enter();
		call->run(sys->lcores[0], call);
		hmi_rcu_leave();
	}
	pthread_mutex_unlock(&sys->control);
	return alone;
}

static int
call_wait(struct hm_system *sys, struct hmi_call *call)
{
	int rc = 0;

	if (!single_threaded(sys) && ctx_of_thread(sys) != NULL)
		return -EDEADLK;
	call->sys = sys;
	sem_init(&call->done, 0, 0);
	if (!call_direct(sys, call))
		rc = call_push(sys, call);
	if (rc == 0) {
		while (sem_wait(&call->done) != 0) /* O1 */
			;
		rc = call->rc;
	}
	sem_destroy(&call->done);
	return rc;
}

struct spawn_call {
	struct hmi_call call; /* first */
	const struct hm_props *props;
	const char *name;
	const void *args;
	struct hm_pid *pid;
};

static void
spawn_run(struct hm_ctx *ctx, struct hmi_call *call)
{
	struct spawn_call *spawn = (struct spawn_call *)call;

	hmi_call_finish(call, hmi_spawn_user(ctx, spawn->props, spawn->name, spawn->args, spawn->pid), NULL);
}

int
hm_system_spawn(struct hm_system *sys, const struct hm_props *props, const char *name, const void *args,
		struct hm_pid *pid)
{
	struct spawn_call spawn = {
		.call = { .run = spawn_run }, .props = props, .name = name, .args = args, .pid = pid
	};
	int rc;

	/* Slots on another lcore come back within some turns. */
	while ((rc = call_wait(sys, &spawn.call)) == -EAGAIN && !single_threaded(sys))
		sched_yield();
	return rc;
}

struct ask_call {
	struct hmi_call call; /* first */
	struct hm_msg *msg;
	struct hm_pid to;
	uint64_t timeout_us;
};

static void
ask_run(struct hm_ctx *ctx, struct hmi_call *call)
{
	struct ask_call *ask = (struct ask_call *)call;
	struct hmi_cell *cell = hmi_future_new(ctx, ask->timeout_us);
	struct hm_msg *msg = ask->msg;

	if (cell == NULL) {
		hmi_call_finish(call, -ENOMEM, NULL);
		return;
	}
	ask->msg = NULL;
	cell->future.waiter = call;
	cell->future.node = ask->to.node != ctx->node ? hmi_node_meet(ctx, ask->to.node) : 0;
	msg->sender = hmi_pid_of(ctx, cell);
	msg->flags = HMI_MSG_REQUEST;
	hmi_count(&ctx->stats.sent, 1);
	(void)hmi_post(ctx, ask->to, msg);
}

int
hm_system_ask(struct hm_system *sys, struct hm_pid to, uint16_t type, const void *body, uint64_t timeout_us,
	      struct hm_reply *reply)
{
	struct ask_call ask = { .call = { .run = ask_run, .reply = reply },
				.to = to,
				.timeout_us = timeout_us };
	enum hm_result result;
	int rc;

	if (single_threaded(sys))
		return -EDEADLK;
	if (hm_pid_is_none(to))
		return -EINVAL;
	ask.msg = make_outside(sys, type, body, &result);
	if (ask.msg == NULL)
		return result == HM_NO_MEMORY ? -EAGAIN : -EINVAL;
	rc = call_wait(sys, &ask.call);
	/* Whoever ran the call has taken the message. */
	if (ask.msg != NULL)
		hmi_msg_release(&sys->outside, ask.msg);
	return rc;
}

/* ---- Names ---------------------------------------------------------------------------- */

int
hm_lookup(const struct hm_system *sys, const char *path, struct hm_pid *pid)
{
	return hmi_name_find(&sys->names, path, pid);
}

struct find_call {
	struct hmi_call call; /* first */
	const char *path;
	struct hm_pid *pid;
};

static void
find_run(struct hm_ctx *ctx, struct hmi_call *call)
{
	struct find_call *find = (struct find_call *)call;

	hmi_call_finish(call, hm_lookup(ctx->sys, find->path, find->pid), NULL);
}

int
hm_system_find(struct hm_system *sys, const char *path, struct hm_pid *pid)
{
	struct find_call find = { .call = { .run = find_run }, .path = path, .pid = pid };

	return call_wait(sys, &find.call);
}
