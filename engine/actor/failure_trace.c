/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call stack of a failure, logged. Finding the names takes milliseconds, so the offload pool does that.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_log.h>

#include "actor_pvt.h"
#include "msg_pvt.h"

/* With what stands before it. */
#define LINE_BYTES (HMI_BACKTRACE_LINE + HM_PID_TEXT_SIZE + 16u)

struct trace {
	struct hmi_job job;
	struct hm_system *sys;
	struct hm_msg *msg; /* that holds this */
	struct hm_pid actor;
	uint32_t count;
	void *frames[];
};

/* All lines, to be logged at once: threads of the pool log several failures at a time. */
struct text {
	const struct trace *trace;
	size_t length;
	char lines[(HMI_BACKTRACE_MAX + 1) * LINE_BYTES];
};

static void
line_add(void *arg, const char *line)
{
	struct text *text = arg;
	char actor[HM_PID_TEXT_SIZE];
	int length = snprintf(text->lines + text->length, sizeof(text->lines) - text->length,
			      "hermod: %s: %s\n", hm_pid_format(text->trace->actor, actor), line);

	if (length > 0)
		text->length += (size_t)length;
}

static void
trace_free(struct hmi_job *job)
{
	struct trace *trace = container_of(job, struct trace, job);

	hmi_msg_release(&trace->sys->external, trace->msg);
}

static void
trace_log(struct hmi_job *job)
{
	struct trace *trace = container_of(job, struct trace, job);
	struct text *text = calloc(1, sizeof(*text));

	if (text != NULL) {
		text->trace = trace;
		hmi_backtrace_print(trace->frames, trace->count, line_add, text);
		rte_log(RTE_LOG_WARNING, (uint32_t)trace->sys->logtype, "%s", text->lines);
	}
	free(text);
	trace_free(job);
}

void
hmi_failure_trace(struct hm_ctx *ctx, struct hm_pid actor)
{
	const struct hmi_backtrace *stack = &ctx->worker.recovery.trace;
	size_t bytes = stack->count * sizeof(stack->frames[0]);
	struct hm_msg *msg = hm_msg_alloc(ctx, HM_TYPE_NONE, sizeof(struct trace) + bytes);
	struct trace *trace;

	if (msg == NULL)
		return;
	msg->flags = 0;
	trace = hm_msg_body_mut(msg);
	*trace = (struct trace){
		.job = { .run = trace_log, .abandon = trace_free },
		.sys = ctx->sys,
		.msg = msg,
		.actor = actor,
		.count = stack->count,
	};
	memcpy(trace->frames, stack->frames, bytes);
	if (!hmi_offload_push(&ctx->sys->offload, &trace->job))
		hmi_msg_release(&ctx->cache, msg);
}
