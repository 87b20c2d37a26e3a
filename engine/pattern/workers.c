/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools of workers. A token is a place at a worker for one message: the pool hands a message on for each that it has, the one that
 * came back first being used first, so that work is spread.
 *
 *     pool ──message, HM_TOUCH──▶ worker
 *          ◀── hold, if it does ─
 *          ◀──HM_TOUCHED──────── the message has left its mailbox: the place is back, unless it holds it
 *          ◀──────────────done── so is that one
 *
 * A touch comes back whatever has become of the message before it, and behind the hold, so no place is lost. Of a worker that
 * restarts the pool's own mailbox says what it held before: its holds have come before the news of its failure, and those of its
 * next life come behind what the pool sends to itself then.
 */
#include "hm_workers.h"

#include <errno.h>
#include <stdlib.h>

#include "check_pvt.h"
#include "counter_pvt.h"
#include "hm_extension.h"
#include "hm_keep.h"
#include "hm_supervisor.h"
#include "holds_pvt.h"
#include "keeper_pvt.h"
#include "keys_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "touch_pvt.h"
#include "type_pvt.h"
#include "workers_pvt.h"

#define NS_PER_US 1000ull
/* Looks for holds whose time is over, in that time, at most. */
#define LOOKS 8u

struct worker {
	struct hm_pid pid;
	uint32_t passing; /* messages that it was handed, whose touch has not come back */
	uint32_t keeps;   /* so many of those touches bring no place back, since it holds that */
	bool is_gone;
};

/* What there is too much of for the state, so that it is freed in any case. */
struct pool {
	struct worker *workers;
	struct hmi_keys by_pid; /* word: index in `workers` */
	struct hmi_holds holds; /* empty: workers do not hold */
	uint32_t *tokens;       /* a ring of such indices */
	uint32_t tokens_size, tokens_first, tokens_count;
	struct hm_msg **queue; /* a ring, of kept messages */
	uint32_t queue_first, queue_count;
	uint32_t left; /* workers that are not gone */
};

struct state {
	struct hm_workers config; /* the arguments */
	struct pool *pool;
	bool stops;
	bool is_looking;       /* for holds whose time is over */
	struct hm_timer timer; /* while it is */
};

/* ---- Memory ------------------------------------------------------------------------------ */

static void
pool_free(void *value)
{
	struct pool *pool = value;

	hmi_keys_destroy(&pool->by_pid);
	hmi_holds_destroy(&pool->holds);
	free(pool->workers);
	free(pool->tokens);
	free(pool->queue);
	free(pool);
}

static const struct hm_extension extension = { .name = "worker pool", .destroy = pool_free };

static struct pool *
pool_new(const struct hm_workers *config)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	pool->tokens_size = config->count * config->in_flight;
	pool->workers = calloc(config->count, sizeof(*pool->workers));
	pool->tokens = calloc(pool->tokens_size, sizeof(*pool->tokens));
	pool->queue = calloc(config->queue + 1, sizeof(struct hm_msg *));
	if (hmi_keys_create(&pool->by_pid, config->count) == 0 && pool->workers != NULL &&
	    pool->tokens != NULL && pool->queue != NULL &&
	    (config->hold == 0 || hmi_holds_create(&pool->holds, config->count, config->in_flight) == 0))
		return pool;
	pool_free(pool);
	return NULL;
}

/* ---- Tokens and queue ------------------------------------------------------------------------ */

static void
token_push(struct pool *pool, uint32_t worker)
{
	HMI_ASSERT(pool->tokens_count < pool->tokens_size);
	pool->tokens[(pool->tokens_first + pool->tokens_count++) % pool->tokens_size] = worker;
}

/* A worker that has a place; UINT32_MAX: none. */
static uint32_t
token_pop(struct pool *pool)
{
	while (pool->tokens_count > 0) {
		uint32_t worker = pool->tokens[pool->tokens_first];

		pool->tokens_first = (pool->tokens_first + 1) % pool->tokens_size;
		pool->tokens_count--;
		if (!pool->workers[worker].is_gone)
			return worker;
	}
	return UINT32_MAX;
}

static struct hm_msg *
queue_pop(struct state *s)
{
	struct pool *pool = s->pool;
	struct hm_msg *msg;

	if (pool->queue_count == 0)
		return NULL;
	msg = pool->queue[pool->queue_first];
	pool->queue_first = (pool->queue_first + 1) % s->config.queue;
	pool->queue_count--;
	return msg;
}

/* What a worker has been handed; behind it, its touch. */
static void
handed(struct hm_ctx *ctx, struct worker *worker)
{
	HMI_MARKED(ctx);

	worker->passing++;
	hmi_touch_post(ctx, worker->pid);
}

/* Hand on what waits, as far as there are places. */
static void
feed(struct hm_ctx *ctx, struct state *s)
{
	while (s->pool->queue_count > 0) {
		uint32_t i = token_pop(s->pool);
		struct hm_msg *msg;

		if (i == UINT32_MAX)
			return;
		msg = queue_pop(s);
		if (hmi_kept_forward(ctx, s->pool->workers[i].pid, msg))
			handed(ctx, &s->pool->workers[i]);
		else
			token_push(s->pool, i);
	}
}

/* The index of a worker; UINT32_MAX: it is none, or none any more. */
static uint32_t
index_of(struct hm_ctx *ctx, struct pool *pool, struct hm_pid pid)
{
	struct hmi_key *key = pid.node == ctx->node ? hmi_keys_find(&pool->by_pid, pid.local) : NULL;

	return key != NULL ? (uint32_t)key->word : UINT32_MAX;
}

/* A message has left the worker's mailbox, or a hold is over. */
static void
place_back(struct pool *pool, uint32_t i)
{
	if (pool->workers[i].keeps > 0)
		pool->workers[i].keeps--;
	else
		token_push(pool, i);
}

static void
touched(struct hm_ctx *ctx, struct state *s, struct hm_pid pid)
{
	uint32_t i = index_of(ctx, s->pool, pid);

	if (i == UINT32_MAX || s->pool->workers[i].passing == 0)
		return;
	s->pool->workers[i].passing--;
	place_back(s->pool, i);
	feed(ctx, s);
}

/* ---- Holds --------------------------------------------------------------------------------------- */

/* Set the timer, if it is not. Returns whether it is. */
static bool
look_begin(struct hm_ctx *ctx, struct state *s)
{
	uint64_t us = s->config.hold_us;

	if (!s->is_looking)
		s->is_looking = hm_send_after(ctx, hm_self(ctx), HMI_WORKERS_LOOK, NULL, us,
					      RTE_MAX(us / LOOKS, UINT64_C(1)), &s->timer) == HM_OK;
	return s->is_looking;
}

/* Without a timer, or for more than it was handed, it holds nothing: then its place comes back with the touch. */
static void
hold(struct hm_ctx *ctx, struct state *s, uint64_t number)
{
	uint32_t i = index_of(ctx, s->pool, hm_sender(ctx));

	if (i != UINT32_MAX && look_begin(ctx, s) &&
	    hmi_holds_add(&s->pool->holds, i, number, hm_now_ns(ctx) + s->config.hold_us * NS_PER_US))
		s->pool->workers[i].keeps++;
}

static void
done(struct hm_ctx *ctx, struct state *s, uint64_t number)
{
	uint32_t i = index_of(ctx, s->pool, hm_sender(ctx));

	if (i == UINT32_MAX || !hmi_holds_remove(&s->pool->holds, i, number))
		return;
	place_back(s->pool, i);
	feed(ctx, s);
}

/* Holds of a worker are over by that time. Returns how many. */
static uint32_t
holds_end(struct pool *pool, uint32_t i, uint64_t now_ns)
{
	uint32_t n = hmi_holds_expire(&pool->holds, i, now_ns);

	for (uint32_t k = 0; k < n; k++)
		place_back(pool, i);
	return n;
}

static void
look(struct hm_ctx *ctx, struct state *s)
{
	uint64_t now_ns = hm_now_ns(ctx);

	for (uint32_t i = 0; i < s->config.count && s->pool->holds.total > 0; i++)
		hmi_count(&ctx->holds_expired, holds_end(s->pool, i, now_ns));
	if (s->is_looking && s->pool->holds.total == 0) {
		hm_timer_cancel(ctx, s->timer);
		s->is_looking = false;
	}
	feed(ctx, s);
}

/* A worker has failed: what it held went with its state. */
static void
afresh(struct hm_ctx *ctx, struct state *s)
{
	uint32_t i = index_of(ctx, s->pool, hm_sender(ctx));

	if (i == UINT32_MAX)
		return;
	(void)holds_end(s->pool, i, UINT64_MAX);
	feed(ctx, s);
}

/* Behind all that it has sent before. */
static void
afresh_post(struct hm_ctx *ctx, struct hm_pid worker)
{
	HMI_MARKED(ctx);
	struct hm_msg *msg = hmi_control(&ctx->cache, HMI_WORKERS_AFRESH, 0);

	msg->flags = 0;
	msg->sender = worker;
	hmi_sent_add(ctx, 1);
	(void)hmi_post(ctx, hm_self(ctx), msg);
}

/* ---- Workers ----------------------------------------------------------------------------------- */

static bool
worker_spawn(struct hm_ctx *ctx, struct state *s, uint32_t i)
{
	struct worker *worker = &s->pool->workers[i];

	if (hm_spawn(ctx, s->config.props, NULL, s->config.args, &worker->pid) != 0)
		return false;
	hmi_keys_add(&s->pool->by_pid, worker->pid.local)->word = i;
	/* Those of the one before are in the ring, but for what that has had. */
	if (s->config.hold != 0)
		(void)holds_end(s->pool, i, UINT64_MAX);
	for (; worker->passing > 0; worker->passing--)
		token_push(s->pool, i);
	return true;
}

static void
start(struct hm_ctx *ctx, void *state)
{
	struct state *s = state;
	struct pool *pool = pool_new(&s->config);

	if (pool == NULL)
		hm_fail(ctx, "no memory for a pool of workers");
	/* In place of that of a life before. */
	if (hm_actor_extension_set(ctx, &extension, pool) != 0) {
		pool_free(pool);
		hm_fail(ctx, "no memory for a pool of workers");
	}
	s->pool = pool;
	for (uint32_t i = 0; i < s->config.count; i++) {
		pool->workers[i].passing = s->config.in_flight;
		if (!worker_spawn(ctx, s, i))
			hm_fail(ctx, "a worker cannot be spawned");
		pool->left++;
	}
}

/* What it had is a dead letter. */
static void
terminated(struct hm_ctx *ctx, void *state, const struct hm_terminated *gone)
{
	struct state *s = state;
	uint32_t i = s->pool != NULL ? index_of(ctx, s->pool, gone->who) : UINT32_MAX;

	if (i == UINT32_MAX)
		return;
	hmi_keys_remove(&s->pool->by_pid, hmi_keys_find(&s->pool->by_pid, gone->who.local));
	if (gone->reason == HM_TERMINATED_STOPPED && worker_spawn(ctx, s, i)) {
		feed(ctx, s);
		return;
	}
	s->pool->workers[i].is_gone = true;
	if (--s->pool->left == 0)
		hm_fail(ctx, "all workers are gone");
}

/* The message that it has failed with is a dead letter; those in its mailbox wait for it. */
static enum hm_directive
decide(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	const struct state *s = state;

	if (s->config.hold != 0)
		afresh_post(ctx, failure->actor);
	return HM_DIRECTIVE_RESTART;
}

/* ---- Messages ------------------------------------------------------------------------------------- */

static void
refuse(struct hm_ctx *ctx, enum hm_dead_reason reason)
{
	HMI_MARKED(ctx);

	hmi_received_refuse(ctx, reason);
}

static void
work(struct hm_ctx *ctx, struct state *s)
{
	struct pool *pool = s->pool;
	uint32_t i = pool->queue_count == 0 ? token_pop(pool) : UINT32_MAX;

	if (pool->left == 0) {
		/* It has failed, and its parent had it go on nevertheless. */
		refuse(ctx, HM_DEAD_STOPPED);
	} else if (i != UINT32_MAX) {
		if (hmi_received_forward(ctx, pool->workers[i].pid))
			handed(ctx, &pool->workers[i]);
		else
			token_push(pool, i);
	} else if (pool->queue_count < s->config.queue &&
		   hm_msg_keep(ctx,
			       &pool->queue[(pool->queue_first + pool->queue_count) % s->config.queue]) ==
			   HM_OK) {
		pool->queue_count++;
	} else {
		refuse(ctx, HM_DEAD_REJECTED);
	}
}

/* Without a pool it has failed as it began, and its parent had it go on nevertheless. */
static void
message(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct state *s = state;
	uint16_t type = hm_msg_type(msg);

	if (s->pool == NULL) {
		refuse(ctx, HM_DEAD_STOPPED);
	} else if (type == HMI_WORKERS_AFRESH) {
		afresh(ctx, s);
	} else if (type == HMI_WORKERS_LOOK) {
		look(ctx, s);
	} else if (s->config.hold != 0 && type == s->config.hold) {
		hold(ctx, s, *(const uint64_t *)hm_msg_body(msg));
	} else if (s->config.hold != 0 && type == s->config.done) {
		done(ctx, s, *(const uint64_t *)hm_msg_body(msg));
	} else {
		work(ctx, s);
	}
}

static void
pool_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hmi_keeper_ops ops = { start, terminated, message };
	struct state *s = state;

	if (hm_msg_type(msg) == HM_TOUCHED && s->pool != NULL)
		touched(ctx, s, hm_sender(ctx));
	else
		hmi_keeper_receive(ctx, state, msg, &ops, &s->stops);
}

/* ---- Making ---------------------------------------------------------------------------------------- */

int
hmi_workers_types_add(struct hmi_types *types)
{
	static const struct hm_type own[] = {
		{ .id = HMI_WORKERS_LOOK, .name = "workers' look" },
		{ .id = HMI_WORKERS_AFRESH, .name = "worker's restart" },
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < RTE_DIM(own); i++)
		rc = hmi_type_add_own(types, &own[i]);
	return rc;
}

/* Whether it is registered, with a number as its body. */
static bool
is_of_number(const struct hm_ctx *ctx, uint16_t type)
{
	uint32_t info = ctx->sys->types->info[type];

	return type >= HM_TYPE_USER && type < HM_TYPE_RESERVED && (info & HMI_TYPE_KNOWN) != 0 &&
	       (info & HMI_TYPE_SIZE) == sizeof(uint64_t);
}

static bool
holds_are_right(const struct hm_ctx *ctx, const struct hm_workers *workers)
{
	if (workers->hold == 0)
		return workers->done == 0 && workers->hold_us == 0;
	return is_of_number(ctx, workers->hold) && is_of_number(ctx, workers->done) &&
	       workers->hold != workers->done && workers->hold_us > 0 &&
	       workers->hold_us <= HM_WORKERS_HOLD_US_MAX;
}

int
hm_workers_spawn(struct hm_ctx *ctx, const struct hm_workers *workers, const char *name, struct hm_pid *pid)
{
	static const struct hm_supervisor supervisor = {
		.directive = HM_DIRECTIVE_RESTART, .restarts = 10, .window_us = 10000000, .decide = decide
	};
	static const struct hm_props props = {
		.receive = pool_receive,
		.state_size = sizeof(struct state),
		.args_size = sizeof(struct hm_workers),
		.supervisor = &supervisor,
	};
	struct hm_workers copy;

	hmi_check_ctx(ctx, "hm_workers_spawn");
	if (workers == NULL)
		return -EINVAL;
	copy = *workers;
	if (copy.in_flight == 0)
		copy.in_flight = 1;
	if (copy.props == NULL || copy.count == 0 || copy.count > HM_WORKERS_MAX ||
	    copy.in_flight > HM_WORKERS_IN_FLIGHT_MAX || copy.queue > HM_WORKERS_QUEUE_MAX ||
	    !holds_are_right(ctx, &copy))
		return -EINVAL;
	return hm_spawn(ctx, &props, name, &copy, pid);
}
