/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stages that trace: from the context of what is received to that of what is sent meanwhile.
 */
#include "tracing_pvt.h"

#include <stdio.h>
#include <string.h>

#include "annex_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "hm_header.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"
#include "random_pvt.h"

#define PARENT "traceparent"
#define STATE  "tracestate"

static struct hmi_tracer *
tracer_of(struct hm_ctx *ctx)
{
	return (struct hmi_tracer *)(void *)hmi_observer_find(ctx->observers, &hmi_tracing_ops);
}

/* ---- Contexts ---------------------------------------------------------------------------- */

/*
 * What the message has is malformed: counted once, however often it is read. Its memory may be that of one before; the number of
 * messages that the lcore has received is not.
 */
static void
malformed_note(struct hm_ctx *ctx, struct hmi_tracer *tracer, const struct hm_msg *msg)
{
	uint64_t at = ctx->received + ctx->handled;

	if (tracer->malformed.msg == msg && tracer->malformed.at == at)
		return;
	tracer->malformed.msg = msg;
	tracer->malformed.at = at;
	hmi_count(&tracer->stats.malformed, 1);
}

/* The context of a message. Returns false: it has none. */
static bool
context_read(struct hm_ctx *ctx, struct hmi_tracer *tracer, const struct hm_msg *msg, struct hmi_trace *trace)
{
	const char *text = hm_msg_header(msg, PARENT);

	if (text == NULL)
		return false;
	if (hmi_traceparent_parse(text, trace))
		return true;
	malformed_note(ctx, tracer, msg);
	return false;
}

/* What comes with a context; "": nothing. */
static const char *
state_read(struct hm_ctx *ctx, struct hmi_tracer *tracer, const struct hm_msg *msg)
{
	const char *text = hm_msg_header(msg, STATE);

	if (text == NULL || hmi_tracestate_is_valid(text))
		return text != NULL ? text : "";
	malformed_note(ctx, tracer, msg);
	return "";
}

static uint64_t
id_make(struct hmi_tracer *tracer)
{
	uint64_t id = hmi_random(&tracer->random);

	return id != 0 ? id : 1;
}

/* The end of actors, and notifications of it, come by the thousand, and lead to little. */
static bool
is_beginning(uint16_t type)
{
	return type >= HM_TYPE_USER || type == HM_STARTED || type == HM_RECEIVE_TIMEOUT;
}

/* A trace begins here, or none, where none would begin with whoever gets messages of this actor either. */
static void
trace_begin(struct hmi_tracer *tracer, uint16_t type, struct hmi_trace *trace)
{
	if (tracer->threshold == 0 || !is_beginning(type))
		return;
	trace->trace[0] = id_make(tracer);
	trace->trace[1] = id_make(tracer);
	trace->is_sampled = trace->trace[1] >> 1 < tracer->threshold;
}

/* ---- Spans ------------------------------------------------------------------------------- */

/* What the message belongs to. *trace is none at first. */
static void
parent_find(struct hm_ctx *ctx, struct hmi_tracer *tracer, const struct hm_msg *msg, struct hmi_trace *trace)
{
	if (context_read(ctx, tracer, msg, trace)) {
		const char *text = state_read(ctx, tracer, msg);

		memcpy(tracer->open.state, text, strlen(text) + 1);
	} else if (hm_msg_type(msg) == HM_STARTED) {
		*trace = hmi_middleware_of(ctx->cell)->trace;
	}
}

static void
span_open(struct hm_ctx *ctx, struct hmi_tracer *tracer, const struct hm_msg *msg)
{
	struct hmi_open_span *open = &tracer->open;
	struct hmi_trace trace = { { 0, 0 }, 0, false };

	open->is_open = true;
	open->state[0] = '\0';
	parent_find(ctx, tracer, msg, &trace);
	open->parent = trace.span;
	if (hmi_trace_is_none(&trace))
		trace_begin(tracer, hm_msg_type(msg), &trace);
	open->own = trace;
	if (hmi_trace_is_none(&trace))
		return;
	open->own.span = id_make(tracer);
	hmi_middleware_of(ctx->cell)->trace = open->own;
	if (!trace.is_sampled)
		return;
	open->type = hm_msg_type(msg);
	open->sender = hm_msg_sender(msg);
	open->began_ns = hmi_worker_clock(&ctx->worker);
}

/* The end of a path says more than its beginning. */
static void
path_copy(const struct hm_ctx *ctx, char *text, size_t bytes)
{
	const struct hmi_path *path = hmi_cell_path(ctx->cell);
	size_t length = path != NULL ? strlen(path->path) : 0;

	if (path == NULL)
		return;
	if (length < bytes)
		memcpy(text, path->path, length + 1);
	else
		snprintf(text, bytes, "...%s", path->path + length - (bytes - sizeof("...")));
}

static void
span_keep(struct hm_ctx *ctx, struct hmi_tracer *tracer, const char *reason)
{
	const struct hmi_open_span *open = &tracer->open;
	struct hmi_span span = {
		.own = open->own,
		.parent = open->parent,
		.began_ns = open->began_ns,
		.ended_ns = hmi_worker_clock(&ctx->worker),
		.actor = hmi_pid_of(ctx, ctx->cell),
		.sender = open->sender,
		.type = open->type,
		.lcore_index = (uint16_t)hmi_index(ctx),
		.has_failed = reason != NULL,
	};

	path_copy(ctx, span.path, sizeof(span.path));
	if (reason != NULL)
		snprintf(span.reason, sizeof(span.reason), "%s", reason);
	if (rte_ring_sp_enqueue_elem(tracer->ring, &span, sizeof(span)) == 0)
		hmi_count(&tracer->stats.spans, 1);
	else
		hmi_count(&tracer->stats.dropped, 1);
}

/* `reason`: why the actor has failed; NULL: it has not. */
static void
span_close(struct hm_ctx *ctx, struct hmi_tracer *tracer, const char *reason)
{
	struct hmi_open_span *open = &tracer->open;

	open->is_open = false;
	if (hmi_trace_is_none(&open->own))
		return;
	hmi_middleware_of(ctx->cell)->trace = (struct hmi_trace){ { 0, 0 }, 0, false };
	if (open->own.is_sampled)
		span_keep(ctx, tracer, reason);
}

void
hm_tracing_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
		   const struct hm_receive_next *next, void *arg)
{
	struct hmi_tracer *tracer;

	(void)arg;
	hmi_check_ctx(ctx, "hm_tracing_receive");
	tracer = tracer_of(ctx);
	/* An actor may have the stage twice, of its own and handed down. */
	if (tracer == NULL || tracer->open.is_open) {
		hm_receive_next(ctx, state, msg, next);
		return;
	}
	span_open(ctx, tracer, msg);
	hm_receive_next(ctx, state, msg, next);
	span_close(ctx, tracer, NULL);
}

static void
actor_failed(struct hm_ctx *ctx, struct hmi_observer *observer, const struct hm_failure *failure)
{
	struct hmi_tracer *tracer = container_of(observer, struct hmi_tracer, observer);

	if (tracer->open.is_open)
		span_close(ctx, tracer, failure->reason);
}

const struct hmi_observer_ops hmi_tracing_ops = { .failed = actor_failed };

/* ---- Sends ------------------------------------------------------------------------------- */

/* That of the span; or of what a reply function is called with. Returns false: there is none. */
static bool
context_now(struct hm_ctx *ctx, struct hmi_tracer *tracer, struct hmi_trace *trace)
{
	if (tracer->open.is_open) {
		*trace = tracer->open.own;
		return !hmi_trace_is_none(trace);
	}
	return ctx->msg != NULL && context_read(ctx, tracer, ctx->msg, trace);
}

/* What comes with it; "": nothing. */
static const char *
state_now(struct hm_ctx *ctx, struct hmi_tracer *tracer)
{
	return tracer->open.is_open ? tracer->open.state : state_read(ctx, tracer, ctx->msg);
}

/* Whether a message has a context that is its own affair: not that which was received, and has been copied or forwarded. */
static bool
has_own(const struct hmi_tracer *tracer, const struct hm_msg *msg)
{
	const struct hmi_open_span *open = &tracer->open;
	const char *text = hm_msg_header(msg, PARENT);
	struct hmi_trace trace;

	if (text == NULL || !hmi_traceparent_parse(text, &trace))
		return false;
	return !open->is_open || trace.span != open->parent || trace.trace[0] != open->own.trace[0] ||
	       trace.trace[1] != open->own.trace[1];
}

static enum hm_result
mark(struct hm_ctx *ctx, struct hmi_tracer *tracer, struct hm_msg *msg, const struct hmi_trace *trace)
{
	const char *state = state_now(ctx, tracer);
	char text[HM_TRACEPARENT_SIZE];
	enum hm_result result;
	HMI_MARKED(ctx);

	hmi_traceparent_format(trace, text);
	result = hmi_header_set(&ctx->cache, msg, PARENT, text);
	/* One that was malformed does not go on with what is forwarded. */
	if (result == HM_OK && (state[0] != '\0' || hm_msg_header(msg, STATE) != NULL))
		result = hmi_header_set(&ctx->cache, msg, STATE, state);
	return result;
}

enum hm_result
hm_tracing_send(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
		void *arg)
{
	struct hmi_tracer *tracer;
	struct hmi_trace trace;

	(void)arg;
	hmi_check_ctx(ctx, "hm_tracing_send");
	tracer = tracer_of(ctx);
	if (tracer != NULL && context_now(ctx, tracer, &trace) && !has_own(tracer, msg) &&
	    mark(ctx, tracer, msg, &trace) != HM_OK)
		hmi_count(&tracer->stats.unmarked, 1);
	return hm_send_next(ctx, to, msg, next);
}

bool
hm_tracing_current(struct hm_ctx *ctx, char *traceparent)
{
	struct hmi_tracer *tracer;
	struct hmi_trace trace;

	hmi_check_ctx(ctx, "hm_tracing_current");
	tracer = tracer_of(ctx);
	if (tracer == NULL || !context_now(ctx, tracer, &trace))
		return false;
	hmi_traceparent_format(&trace, traceparent);
	return true;
}
