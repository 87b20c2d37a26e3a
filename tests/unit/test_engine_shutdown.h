/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_SHUTDOWN_H
#define TEST_ENGINE_SHUTDOWN_H

/*
 * A stepped system whose actors, and the tasks of whose stop, tell what happens.
 */

#include <criterion/criterion.h>

#include "hm_shutdown.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

/* What happened, in order. */
struct story {
	struct hmt_node node;
	char text[512];
	struct hmt_probe probe, other;
};

/* One thing that tells of itself: a probe's or a task's argument. */
struct teller {
	struct story *story;
	const char *what;
	bool stays; /* it does not stop by itself */
};

static inline void
tell(struct story *story, const char *what)
{
	size_t length = strlen(story->text);

	snprintf(story->text + length, sizeof(story->text) - length, "%s ", what);
}

static inline void
run_tell(struct hm_ctx *ctx, void *arg)
{
	const struct teller *teller = arg;

	(void)ctx;
	tell(teller->story, teller->what);
}

/* Tells of its start, and of its stop, which comes by itself unless it stays. */
static inline void
actor_tell(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct teller *teller = state;
	char text[64];

	if (hm_msg_type(msg) == HM_STARTED) {
		snprintf(text, sizeof(text), "+%s", teller->what);
		tell(teller->story, text);
		if (!teller->stays)
			hm_stop(ctx, hm_self(ctx));
	} else if (hm_msg_type(msg) == HM_STOPPED) {
		snprintf(text, sizeof(text), "-%s", teller->what);
		tell(teller->story, text);
	}
}

static const struct hm_props tellers = { .receive = actor_tell,
					 .state_size = sizeof(struct teller),
					 .args_size = sizeof(struct teller) };
static const struct hm_props tellers_there = { .receive = actor_tell,
					       .state_size = sizeof(struct teller),
					       .args_size = sizeof(struct teller),
					       .lcore = HM_LCORE(1) };

static inline void
story_start(struct story *story, const char *options)
{
	memset(story, 0, sizeof(*story));
	hmt_node_start_with(&story->node, 2, 0, options);
}

static inline struct hm_pid
teller_spawn(struct story *story, const struct hm_props *props, const char *name)
{
	struct teller teller = { story, name, true };
	struct hm_pid pid;

	cr_assert_eq(hm_system_spawn(story->node.sys, props, name, &teller, &pid), 0);
	hmt_turn_until_idle(&story->node);
	story->text[0] = '\0';
	return pid;
}

static inline void
task_add(struct story *story, const struct hm_shutdown_task *task)
{
	cr_assert_eq(hm_shutdown_add(story->node.sys, task, NULL), 0, "%s", task->name);
}

static inline void
stop(struct story *story)
{
	hm_system_stop(story->node.sys);
	hmt_turn_until_idle(&story->node);
}

/* A task that stays for ever, by a phase. */
static inline void
stayer_add(struct story *story, const struct teller *stayer, enum hm_shutdown_phase phase,
	   uint64_t timeout_us)
{
	task_add(story, &(struct hm_shutdown_task){ .phase = phase,
						    .name = stayer->what,
						    .spawn = &tellers_there,
						    .args = stayer,
						    .timeout_us = timeout_us });
}

#endif /* TEST_ENGINE_SHUTDOWN_H */
