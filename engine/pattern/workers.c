/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools of workers. A token is a place at a worker for one message: the pool hands a message on for each that it has, the one that
 * came back first being used first, so that work is spread.
 */
#include "hm_workers.h"

#include <errno.h>
#include <stdlib.h>

#include "check_pvt.h"
#include "hm_extension.h"
#include "hm_keep.h"
#include "hm_supervisor.h"
#include "keys_pvt.h"
#include "mark_pvt.h"
#include "receive_pvt.h"

struct worker {
	struct hm_pid pid;
	uint32_t open; /* messages that it has */
	bool is_gone;
};

/* What there is too much of for the state, so that it is freed in any case. */
struct pool {
	struct worker *workers;
	struct hmi_keys by_pid; /* word: index in `workers` */
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
};

/* ---- Memory ------------------------------------------------------------------------------ */

static void
pool_free(void *value)
{
	struct pool *pool = value;

	hmi_keys_destroy(&pool->by_pid);
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
	    pool->tokens != NULL && pool->queue != NULL)
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

/* A worker did not get the message for which it had a place. */
static void
token_return(struct pool *pool, uint32_t worker)
{
	pool->workers[worker].open--;
	token_push(pool, worker);
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
		s->pool->workers[i].open++;
		if (!hmi_kept_forward(ctx, s->pool->workers[i].pid, msg))
			token_return(s->pool, i);
	}
}

/* The index of a worker; UINT32_MAX: it is none, or none any more. */
static uint32_t
index_of(struct hm_ctx *ctx, struct pool *pool, struct hm_pid pid)
{
	struct hmi_key *key = pid.node == ctx->node ? hmi_keys_find(&pool->by_pid, pid.local) : NULL;

	return key != NULL ? (uint32_t)key->word : UINT32_MAX;
}

/* A worker is done with a message. */
static void
done(struct hm_ctx *ctx, struct state *s, struct hm_pid pid)
{
	uint32_t i = index_of(ctx, s->pool, pid);

	if (i == UINT32_MAX || s->pool->workers[i].open == 0)
		return;
	s->pool->workers[i].open--;
	token_push(s->pool, i);
	feed(ctx, s);
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
	for (; worker->open > 0; worker->open--)
		token_push(s->pool, i);
	return true;
}

static void
start(struct hm_ctx *ctx, struct state *s)
{
	s->pool = pool_new(&s->config);
	if (s->pool == NULL)
		hm_fail(ctx, "no memory for a pool of workers");
	/* In place of that of a life before. */
	if (hm_actor_extension_set(ctx, &extension, s->pool) != 0) {
		pool_free(s->pool);
		hm_fail(ctx, "no memory for a pool of workers");
	}
	s->pool->left = s->config.count;
	for (uint32_t i = 0; i < s->config.count; i++) {
		s->pool->workers[i].open = s->config.in_flight;
		if (!worker_spawn(ctx, s, i))
			hm_fail(ctx, "a worker cannot be spawned");
	}
}

/* What it had is a dead letter. */
static void
terminated(struct hm_ctx *ctx, struct state *s, const struct hm_terminated *gone)
{
	uint32_t i = index_of(ctx, s->pool, gone->who);

	if (i == UINT32_MAX)
		return;
	hmi_keys_remove(&s->pool->by_pid, hmi_keys_find(&s->pool->by_pid, gone->who.local));
	if (s->stops)
		return;
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
	struct state *s = state;

	if (failure->type >= HM_TYPE_USER && s->pool != NULL)
		done(ctx, s, failure->actor);
	return HM_DIRECTIVE_RESTART;
}

/* ---- Messages ------------------------------------------------------------------------------------- */

static void
work(struct hm_ctx *ctx, struct state *s)
{
	struct pool *pool = s->pool;
	uint32_t i = pool->queue_count == 0 ? token_pop(pool) : UINT32_MAX;

	if (i != UINT32_MAX) {
		pool->workers[i].open++;
		if (!hmi_received_forward(ctx, pool->workers[i].pid))
			token_return(pool, i);
	} else if (pool->queue_count < s->config.queue &&
		   hm_msg_keep(ctx,
			       &pool->queue[(pool->queue_first + pool->queue_count) % s->config.queue]) ==
			   HM_OK) {
		pool->queue_count++;
	} else {
		HMI_MARKED(ctx);

		hmi_received_refuse(ctx, HM_DEAD_REJECTED);
	}
}

static void
pool_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct state *s = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		start(ctx, s);
		break;
	case HM_STOPPING:
		s->stops = true;
		break;
	case HM_TERMINATED:
		terminated(ctx, s, hm_msg_body(msg));
		break;
	default:
		if (hm_msg_type(msg) < HM_TYPE_USER)
			break;
		if (hm_msg_type(msg) == s->config.done)
			done(ctx, s, hm_sender(ctx));
		else
			work(ctx, s);
		break;
	}
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
	    copy.done < HM_TYPE_USER)
		return -EINVAL;
	return hm_spawn(ctx, &props, name, &copy, pid);
}
