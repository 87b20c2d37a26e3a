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
#include "mark_pvt.h"
#include "rcu_pvt.h"
#include "receive_pvt.h"
#include "tsan_pvt.h"

/* A stage. What its actor reads was written before that was spawned. */
struct stage {
	struct hm_pid pid, next;
	bool is_last;
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

/* Returns whether there is room for one more. */
static bool
middleware_set(struct stage *stage, const struct hm_middleware *const *own)
{
	uint32_t count = 0;

	stage->ending = (struct hm_middleware){ .name = "pipeline", .receive = stage_receive, .arg = stage };
	stage->middleware[count++] = &stage->ending;
	for (; own != NULL && *own != NULL; own++) {
		if (count == HM_MIDDLEWARE_MAX)
			return false;
		stage->middleware[count++] = *own;
	}
	stage->props.middleware = stage->middleware;
	return true;
}

static bool
stage_spawn(struct hm_ctx *ctx, struct line *line, uint32_t i, const struct hm_stage *config)
{
	struct stage *stage = &line->stages[i];

	stage->props = *config->props;
	if (!middleware_set(stage, config->props->middleware))
		return false;
	memset(line->args, 0, config->props->args_size);
	if (config->args != NULL)
		memcpy(line->args, config->args, config->props->args_size);
	memcpy(line->args, &stage->next, sizeof(stage->next));
	return hm_spawn(ctx, &stage->props, NULL, line->args, &stage->pid) == 0;
}

/* The last one first, since each has to know the next one. */
static void
start(struct hm_ctx *ctx, struct state *s)
{
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

static void
end(struct hm_ctx *ctx, struct state *s)
{
	s->is_ending = true;
	(void)hm_poison(ctx, s->line->stages[0].pid);
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

static void
terminated(struct hm_ctx *ctx, struct state *s, const struct hm_terminated *gone)
{
	struct stage *stage = s->stops ? NULL : stage_find(s, gone->who);

	if (stage == NULL)
		return;
	if (!s->is_ending)
		hm_fail(ctx, "a stage has ended");
	/* One that has failed for good may not have said so to the next one. */
	if (gone->reason != HM_TERMINATED_STOPPED && !stage->is_last)
		(void)hm_poison(ctx, stage->next);
	if (--s->line->left == 0)
		hm_stop(ctx, hm_self(ctx));
}

/* ---- Messages -------------------------------------------------------------------------------------- */

/* Without a line it has failed as it began, and its parent had it go on nevertheless. */
static void
hand_on(struct hm_ctx *ctx, struct state *s, uint16_t type)
{
	if (s->is_ending || s->line == NULL) {
		HMI_MARKED(ctx);

		hmi_received_refuse(ctx, HM_DEAD_STOPPED);
	} else if (type == s->config.end) {
		end(ctx, s);
	} else {
		(void)hmi_received_forward(ctx, s->line->stages[0].pid);
	}
}

static void
pipeline_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
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
		if (hm_msg_type(msg) >= HM_TYPE_USER)
			hand_on(ctx, s, hm_msg_type(msg));
		break;
	}
}

static bool
is_right(const struct hm_pipeline *pipeline)
{
	if (pipeline == NULL || pipeline->stages == NULL || pipeline->count == 0 ||
	    pipeline->count > HM_STAGES_MAX || (pipeline->end != 0 && pipeline->end < HM_TYPE_USER))
		return false;
	for (uint32_t i = 0; i < pipeline->count; i++) {
		const struct hm_props *props = pipeline->stages[i].props;

		if (props == NULL || props->args_size < sizeof(struct hm_pid))
			return false;
	}
	return true;
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

	hmi_check_ctx(ctx, "hm_pipeline_spawn");
	if (!is_right(pipeline))
		return -EINVAL;
	return hm_spawn(ctx, &props, name, pipeline, pid);
}
