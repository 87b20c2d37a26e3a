/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call stack of a failure, logged. Finding the names takes milliseconds, so the offload pool does that.
 */
#include <rte_log.h>

#include "actor_pvt.h"
#include "msg_pvt.h"

struct trace {
	struct hmi_job job;
	struct hm_system *sys;
	struct hm_msg *msg; /* that holds this */
	struct hm_pid actor;
	uint32_t count;
	void *frames[];
};

static void
line_log(void *arg, const char *text)
{
	const struct trace *trace = arg;
	char actor[HM_PID_TEXT_SIZE];

	rte_log(RTE_LOG_WARNING, (uint32_t)trace->sys->logtype, "hermod: %s: %s\n",
		hm_pid_format(trace->actor, actor), text);
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

	hmi_backtrace_print(trace->frames, trace->count, line_log, trace);
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
