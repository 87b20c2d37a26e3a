/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_MIDDLEWARE_TURN_H
#define TEST_ENGINE_MIDDLEWARE_TURN_H

/*
 * An actor with a stage around each of what it receives, sends and spawns, which may fail; and another one without any.
 */

#include "hm_middleware.h"
#include "hm_supervisor.h"
#include "hmt_fault.h"
#include "test_engine_memory.h"

static const struct hm_supervisor resume = { .directive = HM_DIRECTIVE_RESUME };
static struct hmt_node node;
static struct hmt_probe actor, other, child;
static struct hm_props props;

/* Calls of the stages of receive, send and spawn. */
static uint32_t received, sent, spawned;

/* When the stage around what is sent or spawned fails, and how. */
static enum {
	NEVER,
	BEFORE,
	BEHIND
} fails;
static bool by_signal;

static inline void
fail_if(struct hm_ctx *ctx, bool is_time)
{
	if (!is_time)
		return;
	/* What it has made goes with it. */
	cr_assert_not_null(hm_msg_new(ctx, HMT_NUMBER, 0));
	if (by_signal)
		hmt_fault_raise(HMT_FAULT_NULL);
	hm_fail(ctx, "in a stage");
}

static inline void
receive_stage(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	      void *arg)
{
	bool is_number = hm_msg_type(msg) == HMT_NUMBER;

	(void)arg;
	received += is_number;
	fail_if(ctx, is_number && fails == BEFORE);
	hm_receive_next(ctx, state, msg, next);
	fail_if(ctx, is_number && fails == BEHIND);
}

static inline enum hm_result
send_stage(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	   void *arg)
{
	enum hm_result result;

	(void)arg;
	sent++;
	fail_if(ctx, fails == BEFORE);
	result = hm_send_next(ctx, to, msg, next);
	fail_if(ctx, fails == BEHIND);
	return result;
}

static inline int
spawn_stage(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid,
	    const struct hm_spawn_next *next, void *arg)
{
	int rc;

	(void)arg;
	spawned++;
	fail_if(ctx, fails == BEFORE);
	rc = hm_spawn_next(ctx, what, pid, next);
	fail_if(ctx, fails == BEHIND);
	return rc;
}

static const struct hm_middleware receiving = { .receive = receive_stage }, sending = { .send = send_stage },
				  spawning = { .spawn = spawn_stage };
static const struct hm_middleware *const stages[] = { &receiving, &sending, &spawning, NULL };

static inline void
counts_clear(void)
{
	received = sent = spawned = 0;
}

/* `actor` with all three stages, /user/actor, and `other` without any, both on lcore 0; those that fail go on. */
static inline void
start(const struct hm_props *with)
{
	struct hmt_probe *probe = &actor;

	actor = other = child = (struct hmt_probe){ 0 };
	fails = NEVER;
	props = *with;
	props.middleware = stages;
	hmt_probe_spawn(&node, &other, 0, NULL);
	cr_assert_eq(hm_system_spawn(node.sys, &props, "actor", &probe, &actor.pid), 0);
	hmt_turn_until_idle(&node);
	counts_clear();
}

static inline void
node_start(void)
{
	hmt_node_start(&node, 2);
	node.sys->guardian.supervisor = &resume;
	start(hmt_probe_props(0));
}

/* ---- Deeds --------------------------------------------------------------------------------------- */

static inline void
do_send(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	(void)hm_send(ctx, other.pid, HMT_NUMBER, &(uint64_t){ 1 });
}

static inline void
do_spawn(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	child = (struct hmt_probe){ 0 };
	(void)!hmt_probe_child(ctx, &child, HMT_LCORE_SAME, NULL);
}

#endif /* TEST_ENGINE_MIDDLEWARE_TURN_H */
