/* SPDX-License-Identifier: Apache-2.0 */
/*
 * External threads, which are no lcore: they send through an lcore's inject ring, and wait on a semaphore.
 *
 * Ordering: S1: calls are pushed, and the state is set to running and to stopped, under the control mutex.
 * So what a thread does itself while nothing runs is over before the lcores start, and no call is
 * pushed behind the drain.
 */
#include <errno.h>
#include <sched.h>
#include <time.h>

#include "ask_pvt.h"
#include "buffer_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "deliver_pvt.h"
#include "external_pvt.h"
#include "forward_pvt.h"
#include "hm_move.h"
#include "hm_dispatch.h"
#include "lcore_setup_pvt.h"
#include "mark_pvt.h"
#include "move_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "rcu_pvt.h"
#include "router_pvt.h"
#include "shortage_pvt.h"
#include "shutdown_pvt.h"

/* Between two tries of a thread that waits for room. */
#define PAUSE_MIN_NS 5000l
#define PAUSE_MAX_NS 1000000l

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

/* A call that comes too early is answered by a dead letter. */
bool
hmi_is_stopped(const struct hm_system *sys)
{
	return atomic_load_explicit(&sys->state, memory_order_relaxed) == HMI_STOPPED;
}

/* No lcore has a thread of its own: who holds the control mutex, as each stepped turn does, may touch everything. */
bool
hmi_is_single_threaded(const struct hm_system *sys)
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
	return hmi_nodes_find(&sys->nodes, to.node) != 0 ? sys->lcores[sys->provider_lcore] : NULL;
}

/* Body of HMI_COMMAND_REMOTE_SEND: a message for another node, whose index is for lcores alone to know. */
struct remote_send {
	uint64_t node;
	struct hm_msg *msg; /* with its receiver's local part */
};

static struct hm_msg *
remote_send_new(struct hm_system *sys, uint64_t node, struct hm_msg *msg)
{
	struct hm_msg *outer =
		hmi_control(&sys->external, HMI_COMMAND_REMOTE_SEND, sizeof(struct remote_send));
	struct remote_send *body = hm_msg_body_mut(outer);

	body->node = node;
	body->msg = msg;
	outer->to = hmi_lcore_process(sys, sys->provider_lcore).local;
	return outer;
}

void
hmi_remote_send_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct remote_send *body = hm_msg_body(msg);

	(void)hmi_post(ctx, (struct hm_pid){ body->node, body->msg->to }, body->msg);
}

void
hmi_remote_send_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason)
{
	const struct remote_send *body = hm_msg_body(msg);

	hmi_dead_to(ctx, (struct hm_pid){ body->node, body->msg->to }, body->msg, reason);
}

enum hm_result
hmi_inject(struct hm_system *sys, struct hm_pid to, struct hm_msg *msg)
{
	struct hm_ctx *ctx = hmi_is_stopped(sys) ? NULL : entrance(sys, to);
	struct hm_msg *first = msg;

	HMI_MARKED_HERE();
	if (ctx == NULL) {
		hmi_msg_release(&sys->external, msg);
		return HM_NO_RECEIVER;
	}
	msg->to = to.local;
	if (to.node != sys->node)
		first = remote_send_new(sys, to.node, msg);
	if (hmi_worker_inject(&ctx->worker, first))
		return HM_OK;
	if (first != msg)
		hmi_msg_release(&sys->external, first);
	hmi_msg_release(&sys->external, msg);
	return HM_WOULD_BLOCK;
}

/* A message that was made, or the reason why it was not. */
static struct hm_msg *
made_external(struct hm_system *sys, uint16_t type, struct hm_msg *msg, enum hm_result result)
{
	if (msg == NULL && result == HM_NO_MEMORY)
		hmi_no_memory_external(sys, type);
	return msg;
}

struct hm_msg *
hmi_make_external(struct hm_system *sys, uint16_t type, const void *body, bool with_word,
		  enum hm_result *result)
{
	struct hm_msg *msg;

	hmi_check_body(sys, type, body, "hm_system_send");
	msg = hmi_msg_make_as(sys, &sys->external, type, body, with_word, result);
	return made_external(sys, type, msg, *result);
}

static enum hm_result
send_external(struct hm_system *sys, struct hm_pid to, struct hm_msg *msg)
{
	enum hm_result result;

	msg->sender = hm_pid_none();
	result = hmi_inject(sys, to, msg);
	if (result == HM_OK)
		atomic_fetch_add_explicit(&sys->external_sent, 1, memory_order_relaxed);
	return result;
}

/* Whether a message to a PID would be let in. */
static enum hm_result
receiver_check(const struct hm_system *sys, struct hm_pid to)
{
	if (sys == NULL)
		return HM_INVALID;
	/* Who does not drain any more is not waited for. */
	if (hm_pid_is_none(to) || hmi_is_stopped(sys))
		return HM_NO_RECEIVER;
	/* Its mailbox is full: the lcore could only turn the message away, or let it grow. */
	return to.node == sys->node && hmi_full_has(&sys->full, to.local) ? HM_WOULD_BLOCK : HM_OK;
}

enum hm_result
hm_system_send(struct hm_system *sys, struct hm_pid to, uint16_t type, const void *body)
{
	enum hm_result result = receiver_check(sys, to);
	struct hm_msg *msg;

	if (result != HM_OK)
		return result;
	msg = hmi_make_external(sys, type, body, false, &result);
	return msg != NULL ? send_external(sys, to, msg) : result;
}

enum hm_result
hm_system_send_buffer(struct hm_system *sys, struct hm_pid to, uint16_t type, const void *body,
		      struct hm_buffer *buffer)
{
	enum hm_result result = receiver_check(sys, to);
	struct hm_msg *msg;

	if (result != HM_OK) {
		hm_buffer_put(buffer);
		return result;
	}
	hmi_check_body(sys, type, body, "hm_system_send_buffer");
	msg = hmi_msg_make_buffer(sys, &sys->external, type, body, buffer, &result);
	msg = made_external(sys, type, msg, result);
	return msg != NULL ? send_external(sys, to, msg) : result;
}

static uint64_t
monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* Not to be told by an lcore, which would have to know who waits: the wait is doubled from a few microseconds. */
static long
pause_longer(long pause_ns)
{
	struct timespec pause = { .tv_nsec = pause_ns };

	/* allowed: this thread is no lcore */
	nanosleep(&pause, NULL);
	return RTE_MIN(2 * pause_ns, PAUSE_MAX_NS);
}

enum hm_result
hm_system_send_wait(struct hm_system *sys, struct hm_pid to, uint16_t type, const void *body,
		    uint64_t timeout_us)
{
	uint64_t begin_us = monotonic_us(), waited_us = 0;
	long pause_ns = PAUSE_MIN_NS;
	enum hm_result result;

	while ((result = hm_system_send(sys, to, type, body)) == HM_WOULD_BLOCK || result == HM_NO_MEMORY) {
		if (waited_us >= timeout_us)
			return result;
		pause_ns = pause_longer(pause_ns);
		waited_us = monotonic_us() - begin_us;
	}
	return result;
}

int
hm_system_stop_actor(struct hm_system *sys, struct hm_pid who)
{
	struct hm_msg *msg;

	if (sys == NULL)
		return -EINVAL;
	if (hm_pid_is_none(who))
		return 0;
	HMI_MARKED_HERE();
	msg = hmi_control(&sys->external, HM_SYS_STOP, 0);
	/* A process that does not exist has stopped. */
	return hmi_inject(sys, who, msg) == HM_WOULD_BLOCK ? -EAGAIN : 0;
}

int
hm_system_move(struct hm_system *sys, struct hm_pid actor, uint32_t lcore)
{
	struct hm_msg *msg;

	if (sys == NULL || hm_pid_is_none(actor) || actor.node != sys->node || lcore >= sys->lcores_count)
		return -EINVAL;
	HMI_MARKED_HERE();
	msg = hmi_control(&sys->external, HMI_SYS_MOVE, sizeof(struct hmi_move_order));
	*(struct hmi_move_order *)hm_msg_body_mut(msg) =
		(struct hmi_move_order){ lcore, HMI_MOVE_BY_PROGRAM, false };
	return hmi_inject(sys, actor, msg) == HM_WOULD_BLOCK ? -EAGAIN : 0;
}

/* Without announcing it, a thread that turns a stepped system without pause would hardly ever let another one in. */
void
hmi_control_lock(struct hm_system *sys)
{
	atomic_fetch_add_explicit(&sys->control_wanted, 1, memory_order_relaxed);
	pthread_mutex_lock(&sys->control);
	atomic_fetch_sub_explicit(&sys->control_wanted, 1, memory_order_relaxed);
}

/* While nothing runs the caller does it; false: something runs, or has run. */
static bool
stop_direct(struct hm_system *sys)
{
	bool alone;

	hmi_control_lock(sys);
	alone = hmi_is_single_threaded(sys);
	if (alone)
		hmi_shutdown_ask(sys->lcores[0]);
	pthread_mutex_unlock(&sys->control);
	return alone;
}

void
hm_system_stop(struct hm_system *sys)
{
	struct hm_ctx *ctx;

	if (sys == NULL || atomic_exchange_explicit(&sys->stop_asked, true, memory_order_relaxed))
		return;
	HMI_MARKED_HERE();
	ctx = ctx_of_thread(sys);
	if (ctx != NULL)
		(void)hmi_post(ctx, hmi_lcore_process(sys, 0),
			       hmi_control(&ctx->cache, HMI_COMMAND_STOP_SYSTEM, 0));
	else if (!stop_direct(sys))
		/* Not by a message: beside a stuck lcore there may never be room for one in its ring. */
		hmi_worker_ask(&sys->lcores[0]->worker);
}

/* ---- Calls: done by lcore 0, or at once while nothing runs -------------------------- */

int
hmi_command_push(struct hm_system *sys, uint32_t lcore, uint16_t command, const void *call)
{
	HMI_MARKED_HERE();
	struct hm_msg *msg = hmi_control(&sys->external, command, sizeof(call));
	int rc = -ESHUTDOWN;

	memcpy(msg->body, &call, sizeof(call));
	pthread_mutex_lock(&sys->control);
	if (running(sys)) /* S1 */
		rc = hmi_inject(sys, hmi_lcore_process(sys, lcore), msg) == HM_OK ? 0 : -EAGAIN;
	else
		hmi_msg_release(&sys->external, msg);
	pthread_mutex_unlock(&sys->control);
	return rc;
}

/* While nothing runs the caller does it; false: something runs. */
bool
hmi_call_direct(struct hm_system *sys, struct hmi_call *call)
{
	bool alone;

	hmi_control_lock(sys);
	alone = hmi_is_single_threaded(sys);
	if (alone) {
		hmi_rcu_enter();
		call->run(sys->lcores[0], call);
		hmi_rcu_leave();
	}
	pthread_mutex_unlock(&sys->control);
	return alone;
}

int
hmi_call_do(struct hm_system *sys, struct hmi_call *call, const struct timespec *until)
{
	int rc = 0;

	if (!hmi_is_single_threaded(sys) && ctx_of_thread(sys) != NULL)
		rc = -EDEADLK;
	else if (!hmi_call_direct(sys, call))
		rc = hmi_command_push(sys, 0, HMI_COMMAND_CALL, call);
	if (rc != 0) {
		/* Nobody has seen it. */
		if (call->drop != NULL)
			call->drop(sys, call);
		(void)hmi_call_finish(call, rc, NULL);
	}
	return hmi_call_wait(call, until);
}

struct spawn_call {
	struct hmi_call call; /* first */
	struct hm_spawning child;
	const struct hm_router *router; /* NULL: an actor */
	struct hm_pid guardian, *pid;
};

/* As hmi_spawn_under, of a router. */
static int
router_spawn_under(struct hm_ctx *ctx, const struct spawn_call *spawn)
{
	struct hmi_cell *outer = ctx->cell;
	int rc;

	ctx->cell = hmi_cell_live(ctx, spawn->guardian.local);
	rc = ctx->cell != NULL ? hmi_router_spawn(ctx, spawn->router, spawn->child.name, spawn->pid)
			       : -ESHUTDOWN;
	ctx->cell = outer;
	return rc;
}

static void
spawn_run(struct hm_ctx *ctx, struct hmi_call *call)
{
	struct spawn_call *spawn = (struct spawn_call *)call;
	int rc = spawn->router != NULL ? router_spawn_under(ctx, spawn)
				       : hmi_spawn_under(ctx, spawn->guardian, &spawn->child, spawn->pid);

	(void)hmi_call_finish(call, rc, NULL);
}

static int
spawn_do(struct hm_system *sys, struct hm_pid guardian, const struct hm_spawning *child,
	 const struct hm_router *router, struct hm_pid *pid)
{
	struct spawn_call *spawn;
	int rc;

	/* While lcore 0 has an inject ring that is full. */
	do {
		spawn = hmi_call_new(sys, sizeof(*spawn), spawn_run);
		if (spawn == NULL)
			return -ENOMEM;
		spawn->child = *child;
		spawn->router = router;
		spawn->guardian = guardian;
		spawn->pid = pid;
		rc = hmi_call_do(sys, &spawn->call, NULL);
	} while (rc == -EAGAIN && !hmi_is_single_threaded(sys) && sched_yield() == 0);
	return rc;
}

int
hm_system_spawn(struct hm_system *sys, const struct hm_props *props, const char *name, const void *args,
		struct hm_pid *pid)
{
	struct hm_spawning child = { .props = props, .name = name, .args = args };

	return sys != NULL ? spawn_do(sys, sys->user, &child, NULL, pid) : -EINVAL;
}

int
hm_system_spawn_key(struct hm_system *sys, const struct hm_props *props, const char *name, const void *args,
		    uint64_t key, struct hm_pid *pid)
{
	struct hm_spawning child = {
		.props = props, .name = name, .args = args, .key = key, .has_key = true
	};

	return sys != NULL ? spawn_do(sys, sys->user, &child, NULL, pid) : -EINVAL;
}

int
hm_system_spawn_system(struct hm_system *sys, const struct hm_props *props, const char *name,
		       const void *args, struct hm_pid *pid)
{
	struct hm_spawning child = { .props = props, .name = name, .args = args };

	return sys != NULL ? spawn_do(sys, sys->system, &child, NULL, pid) : -EINVAL;
}

int
hm_system_router_spawn(struct hm_system *sys, const struct hm_router *router, const char *name,
		       struct hm_pid *pid)
{
	struct hm_spawning child = { .name = name };

	return sys != NULL && router != NULL ? spawn_do(sys, sys->user, &child, router, pid) : -EINVAL;
}

void
hmi_ask_drop(struct hm_system *sys, struct hmi_call *call)
{
	hmi_msg_release(&sys->external, ((struct hmi_ask_call *)call)->msg);
}

/* When a request expires: as its caller gives up, or as its future does. */
static uint64_t
ask_deadline(struct hm_ctx *ctx, const struct hmi_ask_call *ask)
{
	return ask->until_ns != 0 ? ask->until_ns
				  : hmi_worker_clock(&ctx->worker) + hmi_timeout_ns(ask->timeout_us);
}

void
hmi_ask_run(struct hm_ctx *ctx, struct hmi_call *call)
{
	struct hmi_ask_call *ask = (struct hmi_ask_call *)call;
	struct hmi_cell *cell = hmi_future_new(ctx, ask->timeout_us);
	struct hm_msg *msg = ask->msg;

	if (cell == NULL) {
		hmi_msg_release(&ctx->cache, msg);
		(void)hmi_call_finish(call, -ENOMEM, NULL);
		return;
	}
	cell->future.waiter = call;
	cell->future.node = ask->to.node != ctx->node ? hmi_node_reference(ctx, ask->to.node) : 0;
	msg->sender = hmi_pid_of(ctx, cell);
	ask->future = msg->sender.local;
	hmi_request_mark(ctx, msg, ask->to, ask_deadline(ctx, ask));
	hmi_sent_add(ctx, 1);
	(void)hmi_post(ctx, ask->to, msg);
}

/* The time of CLOCK_MONOTONIC that lies so far ahead. */
static struct timespec
time_ahead(uint64_t us)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += (time_t)RTE_MIN(us / 1000000u, (uint64_t)INT32_MAX);
	t.tv_nsec += (long)(us % 1000000u) * 1000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

int
hm_system_ask(struct hm_system *sys, struct hm_pid to, uint16_t type, const void *body, uint64_t timeout_us,
	      struct hm_reply *reply)
{
	struct timespec until = time_ahead(timeout_us);
	enum hm_result result;
	struct hmi_ask_call *ask;
	struct hm_msg *msg;

	if (sys == NULL || hm_pid_is_none(to))
		return -EINVAL;
	if (hmi_is_single_threaded(sys))
		return -EDEADLK;
	msg = hmi_make_external(sys, type, body, true, &result);
	if (msg == NULL)
		return result == HM_NO_MEMORY ? -EAGAIN : -EINVAL;
	ask = hmi_call_new(sys, sizeof(*ask), hmi_ask_run);
	if (ask == NULL) {
		hmi_msg_release(&sys->external, msg);
		return -ENOMEM;
	}
	ask->call.drop = hmi_ask_drop;
	ask->call.reply = reply;
	ask->msg = msg;
	ask->to = to;
	ask->timeout_us = timeout_us;
	ask->until_ns = (uint64_t)until.tv_sec * 1000000000 + (uint64_t)until.tv_nsec;
	/* The lcore keeps the deadline, too; but it may be stuck in a receive function. */
	return hmi_call_do(sys, &ask->call, &until);
}

/* ---- Names ---------------------------------------------------------------------------- */

int
hm_lookup(const struct hm_system *sys, const char *path, struct hm_pid *pid)
{
	int rc;

	if (sys == NULL || path == NULL || pid == NULL)
		return -EINVAL;
	/* On an lcore the thread is a reader already, and this only counts. */
	hmi_rcu_enter();
	rc = hmi_path_find(&sys->paths, path, pid);
	hmi_rcu_leave();
	return rc;
}
