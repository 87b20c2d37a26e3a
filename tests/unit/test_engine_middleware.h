/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_MIDDLEWARE_H
#define TEST_ENGINE_MIDDLEWARE_H

/*
 * An actor with stages that note each call, and another one without any.
 */

#include <criterion/criterion.h>

#include "hm_middleware.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

static struct hmt_node node;
static struct hmt_probe actor, other;

/* What the stages have done: a letter for each call. */
static char trace[256];

static inline void
note(char letter)
{
	size_t length = strlen(trace);

	cr_assert_lt(length + 1, sizeof(trace));
	trace[length] = letter;
	trace[length + 1] = '\0';
}

/* ---- Stages --------------------------------------------------------------------------------- */

static inline void
receive_noted(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	      void *arg)
{
	if (hm_msg_type(msg) == HMT_NUMBER)
		note(*(const char *)arg);
	hm_receive_next(ctx, state, msg, next);
}

static inline enum hm_result
send_noted(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	   void *arg)
{
	note(*(const char *)arg);
	return hm_send_next(ctx, to, msg, next);
}

static inline int
spawn_noted(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid,
	    const struct hm_spawn_next *next, void *arg)
{
	note(*(const char *)arg);
	return hm_spawn_next(ctx, what, pid, next);
}

static const struct hm_middleware outer = { .name = "outer",
					    .receive = receive_noted,
					    .send = send_noted,
					    .spawn = spawn_noted,
					    .arg = (void *)(uintptr_t) "a" };
static const struct hm_middleware inner = { .name = "inner",
					    .receive = receive_noted,
					    .send = send_noted,
					    .spawn = spawn_noted,
					    .arg = (void *)(uintptr_t) "b" };
static const struct hm_middleware nothing = { .name = "nothing" };
static const struct hm_middleware handed_down = { .receive = receive_noted,
						  .send = send_noted,
						  .spawn = spawn_noted,
						  .arg = (void *)(uintptr_t) "i",
						  .inherited = true };

static struct hm_props props;

/* `actor` with stages, which end with NULL, on lcore 0; `other` without any. */
static inline void
start(const struct hm_middleware *const *stages)
{
	struct hmt_probe *probe = &actor;

	actor = other = (struct hmt_probe){ 0 };
	trace[0] = '\0';
	hmt_node_start(&node, 2);
	props = *hmt_probe_props(0);
	props.middleware = stages;
	hmt_probe_spawn(&node, &other, 0, NULL);
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &actor.pid), 0);
	hmt_turn_until_idle(&node);
	trace[0] = '\0';
}

#define START(...)                                                                          \
	do {                                                                                \
		static const struct hm_middleware *const stages_[] = { __VA_ARGS__, NULL }; \
		start(stages_);                                                             \
	} while (0)

static inline void
send_number(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_send(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 1 }), HM_OK);
}

#endif /* TEST_ENGINE_MIDDLEWARE_H */
