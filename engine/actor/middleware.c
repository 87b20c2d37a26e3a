/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Middleware: walks through the stages of an actor. Each stage is a user's function, called in the actor's turn; between
 * two of them nothing is held that would be lost if one does not return.
 */
#include "mark_pvt.h"
#include "middleware_pvt.h"

#include <errno.h>
#include <stdlib.h>

#include "actor_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "msg_pvt.h"
#include "shortage_pvt.h"

struct hm_receive_next {
	struct hmi_middleware *middleware;
	uint32_t at; /* the next stage */
};

struct hm_send_next {
	const struct hmi_middleware *middleware;
	const struct hmi_send *how;
	uint32_t at;
};

struct hm_spawn_next {
	const struct hmi_middleware *middleware;
	uint32_t at;
};

/* ---- What an actor has ------------------------------------------------------------------ */

/* Up to one more than there may be. */
static uint32_t
own_count(const struct hm_props *props)
{
	uint32_t count = 0;

	if (props->middleware == NULL)
		return 0;
	while (count <= HM_MIDDLEWARE_MAX && props->middleware[count] != NULL)
		count++;
	return count;
}

int
hmi_middleware_check(const struct hm_props *props)
{
	uint32_t count = own_count(props);

	for (uint32_t i = 0; i < count; i++)
		hmi_memory_touch(props->middleware[i], sizeof(*props->middleware[i]));
	return count <= HM_MIDDLEWARE_MAX ? 0 : -E2BIG;
}

static void
stage_add(struct hmi_middleware *middleware, const struct hm_middleware *stage)
{
	middleware->stages[middleware->count++] = stage;
	middleware->sends |= stage->send != NULL;
	middleware->spawns |= stage->spawn != NULL;
}

uint32_t
hmi_middleware_inherited(const struct hmi_cell *cell)
{
	const struct hmi_middleware *middleware = hmi_middleware_of(cell);
	uint32_t count = 0;

	for (uint32_t i = 0; middleware != NULL && i < middleware->count; i++)
		count += middleware->stages[i]->inherited;
	return count;
}

int
hmi_middleware_make(const struct hmi_cell *parent, const struct hm_props *props, struct hmi_middleware **made)
{
	const struct hmi_middleware *outer = hmi_middleware_of(parent);
	uint32_t own = own_count(props), handed = hmi_middleware_inherited(parent), count = own + handed;
	struct hmi_middleware *middleware;

	*made = NULL;
	if (count == 0)
		return 0;
	if (count > HM_MIDDLEWARE_MAX)
		return -E2BIG;
	middleware = calloc(1, sizeof(*middleware) + count * sizeof(middleware->stages[0]));
	if (middleware == NULL)
		return -ENOMEM;
	middleware->handed = handed;
	if (outer != NULL) {
		middleware->trace = outer->trace;
		middleware->is_maintained = outer->maintains;
	}
	for (uint32_t i = 0; outer != NULL && i < outer->count; i++) {
		if (outer->stages[i]->inherited)
			stage_add(middleware, outer->stages[i]);
	}
	for (uint32_t i = 0; i < own; i++)
		stage_add(middleware, props->middleware[i]);
	*made = middleware;
	return 0;
}

void
hmi_middleware_maintain(const struct hmi_cell *cell)
{
	struct hmi_middleware *middleware = hmi_middleware_of(cell);

	if (middleware != NULL)
		middleware->maintains = true;
}

/* ---- Receive ---------------------------------------------------------------------------- */

static void
middleware_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct hm_receive_next first = { ctx->cell->actor.extra->middleware, 0 };

	hm_receive_next(ctx, state, msg, &first);
}

void
hm_receive_next(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next)
{
	struct hmi_middleware *middleware;

	hmi_check_ctx(ctx, "hm_receive_next");
	middleware = next->middleware;
	for (uint32_t i = next->at; i < middleware->count; i++) {
		const struct hm_middleware *stage = middleware->stages[i];
		const struct hm_receive_next behind = { middleware, i + 1 };

		if (stage->receive != NULL) {
			stage->receive(ctx, state, msg, &behind, stage->arg);
			return;
		}
	}
	middleware->receive(ctx, state, msg);
}

/* The stages of an actor, and behind them one that notes what comes to it: so nobody else pays for that. Each stage may add one. */
union noted {
	struct hmi_middleware chain;
	uint8_t bytes[sizeof(struct hmi_middleware) + 2 * HM_MIDDLEWARE_MAX * sizeof(struct hm_middleware *)];
};

static void
arrival_note(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	     void *arg)
{
	*(bool *)arg = true;
	hm_receive_next(ctx, state, msg, next);
}

/* Whatever the behaviour is by then. */
static void
arrive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	hmi_middleware_of(ctx->cell)->receive(ctx, state, msg);
}

bool
hmi_receive_next_noted(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
		       const struct hm_receive_next *next)
{
	bool has_arrived = false;
	const struct hm_middleware note = { .receive = arrival_note, .arg = &has_arrived };
	union noted noted;
	const struct hm_receive_next first = { &noted.chain, next->at };

	noted.chain.count = 0;
	noted.chain.receive = arrive;
	/* With those before, by which a stage sees that it is there twice. */
	for (uint32_t i = 0; i < next->middleware->count; i++)
		noted.chain.stages[noted.chain.count++] = next->middleware->stages[i];
	noted.chain.stages[noted.chain.count++] = &note;
	hm_receive_next(ctx, state, msg, &first);
	return has_arrived;
}

bool
hmi_receive_is_repeated(const struct hmi_middleware *middleware, uint32_t stage)
{
	const struct hm_middleware *own = middleware->stages[stage];

	for (uint32_t i = 0; i < stage; i++) {
		if (middleware->stages[i]->receive == own->receive && middleware->stages[i]->arg == own->arg)
			return true;
	}
	return false;
}

bool
hmi_receive_next_is_repeated(const struct hm_receive_next *next)
{
	return hmi_receive_is_repeated(next->middleware, next->at - 1);
}

int
hmi_middleware_hold(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_middleware *middleware)
{
	struct hmi_extra *extra;

	if (middleware == NULL)
		return 0;
	extra = hmi_extra_get(&ctx->extras, cell);
	if (extra == NULL)
		return -ENOMEM;
	middleware->receive = cell->receive;
	extra->middleware = middleware;
	return 0;
}

int
hmi_middleware_own(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_middleware *middleware)
{
	int rc = hmi_middleware_hold(ctx, cell, middleware);

	if (rc != 0 || middleware == NULL)
		return rc;
	cell->receive = middleware_receive;
	cell->scheduled |= HMI_SCHEDULED_QUANTUM;
	return 0;
}

void
hmi_middleware_drop(struct hmi_cell *cell)
{
	if (cell->actor.extra == NULL)
		return;
	free(cell->actor.extra->middleware);
	cell->actor.extra->middleware = NULL;
}

void
hmi_middleware_leave(struct hmi_cell *cell)
{
	if (cell->actor.extra != NULL)
		cell->actor.extra->middleware = NULL;
}

/* ---- Send ------------------------------------------------------------------------------- */

void
hmi_sending_begin(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	const struct hmi_middleware *middleware = hmi_middleware_of(cell);

	if (middleware == NULL || !middleware->sends)
		return;
	ctx->sending = middleware;
	ctx->small_types = ctx->sys->types->none_small;
}

enum hm_result
hm_send_next(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next)
{
	const struct hmi_middleware *middleware;

	hmi_check_ctx(ctx, "hm_send_next");
	middleware = next->middleware;
	if (msg == NULL)
		return HM_INVALID;
	for (uint32_t i = next->at; i < middleware->count; i++) {
		const struct hm_middleware *stage = middleware->stages[i];
		const struct hm_send_next behind = { middleware, next->how, i + 1 };

		if (stage->send != NULL)
			return stage->send(ctx, to, msg, &behind, stage->arg);
	}
	return next->how->last(ctx, next->how, to, msg);
}

bool
hm_send_is_forward(const struct hm_send_next *next)
{
	return next->how->is_forward;
}

enum hm_result
hmi_send_through(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to, struct hm_msg *msg)
{
	const struct hm_send_next first = { ctx->sending, how, 0 };
	enum hm_result result;

	/* What a stage sends besides has no stages, and neither has the last step. */
	ctx->sending = NULL;
	result = hm_send_next(ctx, to, msg, &first);
	ctx->sending = first.middleware;
	return result;
}

/* Whether it may be from the reserve. That has no room for a deadline, which a request with a future carries. */
static bool
may_reserve(const struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to)
{
	return how->timeout_us == 0 && hm_pid_equal(to, hmi_pid_of(ctx, ctx->cell));
}

/* A message that a stage may give headers; from the reserve it has no room for them. */
static struct hm_msg *
message_make(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to, uint16_t type,
	     const void *body, enum hm_result *result)
{
	struct hm_msg *msg = hmi_msg_make_word(ctx->sys, &ctx->cache, type, body, result);

	if (msg == NULL && *result == HM_NO_MEMORY && may_reserve(ctx, how, to))
		msg = hmi_msg_make_reserved(ctx, type, body);
	if (msg == NULL) {
		if (*result == HM_NO_MEMORY)
			hmi_no_memory(ctx, type);
		return NULL;
	}
	hmi_made_again(ctx, msg);
	return msg;
}

enum hm_result
hmi_send_body_through(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to, uint16_t type,
		      const void *body)
{
	enum hm_result result;
	struct hm_msg *msg = message_make(ctx, how, to, type, body, &result);

	return msg != NULL ? hmi_send_through(ctx, how, to, msg) : result;
}

void
hmi_send_refused(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, enum hm_result result)
{
	const struct hm_dead_letter letter = { .to = to,
					       .sender = hmi_pid_of(ctx, ctx->cell),
					       .type = type,
					       .length = ctx->sys->types->info[type] & HMI_TYPE_SIZE,
					       .reason = result == HM_NO_MEMORY ? HM_DEAD_NO_MEMORY
										: HM_DEAD_REFUSED };

	/* As any message that is sent, and is a dead letter. */
	hmi_sent_add(ctx, 1);
	hm_dead_letter_report(ctx, &letter);
}

/* ---- Spawn ------------------------------------------------------------------------------ */

int
hm_spawn_next(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid,
	      const struct hm_spawn_next *next)
{
	const struct hmi_middleware *middleware;

	hmi_check_ctx(ctx, "hm_spawn_next");
	middleware = next->middleware;
	if (what == NULL || pid == NULL)
		return -EINVAL;
	for (uint32_t i = next->at; i < middleware->count; i++) {
		const struct hm_middleware *stage = middleware->stages[i];
		const struct hm_spawn_next behind = { middleware, i + 1 };

		if (stage->spawn != NULL)
			return stage->spawn(ctx, what, pid, &behind, stage->arg);
	}
	return hmi_spawn(ctx, what, pid);
}

int
hmi_spawn_through(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid)
{
	const struct hm_spawn_next first = { hmi_middleware_of(ctx->cell), 0 };
	struct hm_pid spawned = hm_pid_none();
	int rc;

	/* Before a child is there of which nobody would know. */
	hmi_memory_touch_out(pid, sizeof(*pid));
	rc = hm_spawn_next(ctx, what, &spawned, &first);
	if (rc == 0 && pid != NULL)
		*pid = spawned;
	return rc;
}
