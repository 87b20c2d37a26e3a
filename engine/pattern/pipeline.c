/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipelines. To end in order each stage poisons the next one, behind all that it has sent to it; nobody else could say that without
 * overtaking what is under way between two other lcores. That is done by a stage of middleware in front of the user's function.
 */
#include "hm_pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <urcu-qsbr.h>

#include "check_pvt.h"
#include "hm_extension.h"
#include "hm_middleware.h"
#include "hm_supervisor.h"
#include "keeper_pvt.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"
#include "rcu_pvt.h"
#include "receive_pvt.h"
#include "tsan_pvt.h"

/* A stage. What its actor reads was written before that was spawned. */
struct stage {
	struct hm_pid pid, next;
	bool is_last;
	bool has_ended;        /* the pipeline's own affair */
	struct hm_props props; /* the user's, with this middleware in front of his own */
	struct hm_middleware ending;
	const struct hm_middleware *middleware[HM_MIDDLEWARE_MAX + 1];
};

/* What there is too much of for the state, and has to outlive the stages. */
struct line {
	struct rcu_head rcu;
	uint32_t left; /* stages that have not ended */
	uint8_t *args; /* room for those of any stage */
	struct stage stages[];
};

struct state {
	struct hm_pipeline config; /* the arguments */
	struct line *line;
	bool is_ending, stops;
};

/* ---- Memory ------------------------------------------------------------------------------------ */

static void
line_free(struct line *line)
{
	free(line->args);
	free(line);
}

static void
line_over(struct rcu_head *head)
{
	struct line *line = container_of(head, struct line, rcu);

	HMI_TSAN_ACQUIRE(line);
	line_free(line);
}

/* A stage tells of its end in the midst of it, and its lcore looks at the props once more in that turn. */
static void
line_retire(void *value)
{
	struct line *line = value;

	HMI_TSAN_RELEASE(line);
	/* Of the thread that destroys the system, which is no reader otherwise. */
	hmi_rcu_enter();
	call_rcu(&line->rcu, line_over);
	hmi_rcu_leave();
}

static const struct hm_extension extension = { .name = "pipeline", .destroy = line_retire };

static struct line *
line_new(const struct hm_pipeline *config)
{
	struct line *line = calloc(1, sizeof(*line) + config->count * sizeof(struct stage));
	uint32_t most = 0;

	if (line == NULL)
		return NULL;
	for (uint32_t i = 0; i < config->count; i++)
		most = RTE_MAX(most, config->stages[i].props->args_size);
	line->args = malloc(most);
	line->left = config->count;
	if (line->args != NULL)
		return line;
	line_free(line);
	return NULL;
}

/* ---- Stages ------------------------------------------------------------------------------------ */

/* In the turn of a stage: behind what it hands on in HM_STOPPED there is no more. */
static void
stage_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	      void *arg)
{
	const struct stage *stage = arg;
	bool is_end = hm_msg_type(msg) == HM_STOPPED;

	hm_receive_next(ctx, state, msg, next);
	if (is_end && !stage->is_last)
		(void)hm_poison(ctx, stage->next);
}

static void
middleware_set(struct stage *stage, const struct hm_middleware *const *own)
{
	uint32_t count = 0;

	stage->ending = (struct hm_middleware){ .name = "pipeline", .receive = stage_receive, .arg = stage };
	stage->middleware[count++] = &stage->ending;
	/* There is room: see hm_pipeline_spawn. */
	for (; own != NULL && *own != NULL && count < HM_MIDDLEWARE_MAX; own++)
		stage->middleware[count++] = *own;
	stage->props.middleware = stage->middleware;
}

static bool
stage_spawn(struct hm_ctx *ctx, struct line *line, uint32_t i, const struct hm_stage *config)
{
	struct stage *stage = &line->stages[i];

	stage->props = *config->props;
	middleware_set(stage, config->props->middleware);
	memset(line->args, 0, config->props->args_size);
	if (config->args != NULL)
		memcpy(line->args, config->args, config->props->args_size);
	memcpy(line->args, &stage->next, sizeof(stage->next));
	return hm_spawn(ctx, &stage->props, NULL, line->args, &stage->pid) == 0;
}

/* The last one first, since each has to know the next one. */
static void
start(struct hm_ctx *ctx, void *state)
{
	struct state *s = state;
	struct line *line = line_new(&s->config);

	if (line == NULL)
		hm_fail(ctx, "no memory for a pipeline");
	/* In place of that of a life before, whose stages have ended. */
	if (hm_actor_extension_set(ctx, &extension, line) != 0) {
		line_free(line);
		hm_fail(ctx, "no memory for a pipeline");
	}
	for (uint32_t i = s->config.count; i-- > 0;) {
		struct stage *stage = &line->stages[i];

		stage->is_last = i + 1 == s->config.count;
		stage->next = stage->is_last ? s->config.to : line->stages[i + 1].pid;
		if (!stage_spawn(ctx, line, i, &s->config.stages[i]))
			hm_fail(ctx, "a stage cannot be spawned");
	}
	s->line = line;
}

/* ---- The end ------------------------------------------------------------------------------------- */

/* The last thing that a stage is to get, in the name of the one before it: that has ended. */
static void
next_poison(struct hm_ctx *ctx, const struct stage *stage)
{
	if (!stage->is_last)
		(void)hm_poison(ctx, stage->next);
}

/* The first stage ends, and what follows one that had ended before; those poison the next ones. */
static void
end(struct hm_ctx *ctx, struct state *s)
{
	struct line *line = s->line;

	s->is_ending = true;
	if (line->left == 0) {
		hm_stop(ctx, hm_self(ctx));
		return;
	}
	(void)hm_poison(ctx, line->stages[0].pid);
	for (uint32_t i = 0; i < s->config.count; i++) {
		if (line->stages[i].has_ended)
			next_poison(ctx, &line->stages[i]);
	}
}

/* NULL: it is none, or one of a life before. */
static struct stage *
stage_find(const struct state *s, struct hm_pid pid)
{
	for (uint32_t i = 0; s->line != NULL && i < s->config.count; i++)
		if (hm_pid_equal(s->line->stages[i].pid, pid))
			return &s->line->stages[i];
	return NULL;
}

/* Whether a stage has ended since the one before it had, which is no failure of its own. */
static bool
has_followed(const struct state *s, const struct stage *stage, const struct hm_terminated *gone)
{
	return stage != s->line->stages && stage[-1].has_ended && gone->reason == HM_TERMINATED_STOPPED;
}

/* It is counted first: whoever has the pipeline go on without the stage may end it in order still. */
static void
terminated(struct hm_ctx *ctx, void *state, const struct hm_terminated *gone)
{
	struct state *s = state;
	struct stage *stage = stage_find(s, gone->who);

	if (stage == NULL)
		return;
	stage->has_ended = true;
	s->line->left--;
	if (!s->is_ending) {
		if (!has_followed(s, stage, gone))
			hm_fail(ctx, "a stage has ended");
		return;
	}
	/* One that has failed for good may not have said so to the next one. */
	if (gone->reason != HM_TERMINATED_STOPPED)
		next_poison(ctx, stage);
	if (s->line->left == 0)
		hm_stop(ctx, hm_self(ctx));
}

/* ---- Messages -------------------------------------------------------------------------------------- */

/* Without a line it has failed as it began, and its parent had it go on nevertheless. */
static void
hand_on(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct state *s = state;

	if (s->is_ending || s->line == NULL) {
		HMI_MARKED(ctx);

		hmi_received_refuse(ctx, HM_DEAD_STOPPED);
	} else if (hm_msg_type(msg) == s->config.end) {
		end(ctx, s);
	} else {
		(void)hmi_received_forward(ctx, s->line->stages[0].pid);
	}
}

static void
pipeline_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hmi_keeper_ops ops = { start, terminated, hand_on };
	struct state *s = state;

	hmi_keeper_receive(ctx, state, msg, &ops, &s->stops);
}

static int
stage_check(const struct hm_ctx *ctx, const struct hm_props *props)
{
	uint32_t own = 1;

	if (props == NULL || props->args_size < sizeof(struct hm_pid))
		return -EINVAL;
	while (props->middleware != NULL && props->middleware[own - 1] != NULL && own <= HM_MIDDLEWARE_MAX)
		own++;
	return own + hmi_middleware_inherited(ctx->cell) <= HM_MIDDLEWARE_MAX ? 0 : -E2BIG;
}

static int
check(const struct hm_ctx *ctx, const struct hm_pipeline *pipeline)
{
	int rc = 0;

	if (pipeline == NULL || pipeline->stages == NULL || pipeline->count == 0 ||
	    pipeline->count > HM_STAGES_MAX || (pipeline->end != 0 && pipeline->end < HM_TYPE_USER))
		return -EINVAL;
	for (uint32_t i = 0; rc == 0 && i < pipeline->count; i++)
		rc = stage_check(ctx, pipeline->stages[i].props);
	return rc;
}

int
hm_pipeline_spawn(struct hm_ctx *ctx, const struct hm_pipeline *pipeline, const char *name,
		  struct hm_pid *pid)
{
	static const struct hm_supervisor supervisor = { .directive = HM_DIRECTIVE_RESTART,
							 .restarts = 10,
							 .window_us = 10000000 };
	static const struct hm_props props = {
		.receive = pipeline_receive,
		.state_size = sizeof(struct state),
		.args_size = sizeof(struct hm_pipeline),
		.supervisor = &supervisor,
	};
	int rc;

	hmi_check_ctx(ctx, "hm_pipeline_spawn");
	rc = check(ctx, pipeline);
	return rc == 0 ? hm_spawn(ctx, &props, name, pipeline, pid) : rc;
}
