/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_PATTERN_H
#define TEST_ENGINE_PATTERN_H

/*
 * A stage around what patterns send: of numbers, some are refused there, or their sender fails.
 */

#include <criterion/criterion.h>

#include "hm_middleware.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_fault.h"

enum deed {
	GOES_ON,
	REFUSES,
	FINDS_NO_MEMORY,
	HIDES,        /* says that it has gone on */
	LIES,         /* says that it has not */
	FAILS_BEFORE, /* hm_send_next */
	FAILS_BEHIND,
	FAULTS, /* before hm_send_next */
};

/* What is done with which numbers that are sent, counted from 1. */
static struct {
	enum deed deed;
	uint32_t first, last, count;
} stage;

static void
stage_set(enum deed deed, uint32_t first, uint32_t last)
{
	stage.deed = deed;
	stage.first = first;
	stage.last = last;
	stage.count = 0;
}

static enum hm_result
stage_refuse(struct hm_ctx *ctx, struct hm_msg *msg, const struct hm_send_next *next, enum hm_result result)
{
	if (!hm_send_is_forward(next))
		hm_msg_free(ctx, msg);
	return result;
}

static enum hm_result
stage_send(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	   void *arg)
{
	enum deed deed = GOES_ON;
	enum hm_result result;

	(void)arg;
	if (hm_msg_type(msg) == HMT_NUMBER && ++stage.count >= stage.first && stage.count <= stage.last)
		deed = stage.deed;
	if (deed == REFUSES)
		return stage_refuse(ctx, msg, next, HM_WOULD_BLOCK);
	if (deed == FINDS_NO_MEMORY)
		return stage_refuse(ctx, msg, next, HM_NO_MEMORY);
	if (deed == HIDES)
		return stage_refuse(ctx, msg, next, HM_OK);
	if (deed == FAILS_BEFORE)
		hm_fail(ctx, "before it was sent");
	if (deed == FAULTS)
		hmt_fault_raise(HMT_FAULT_NULL);
	result = hm_send_next(ctx, to, msg, next);
	if (deed == FAILS_BEHIND)
		hm_fail(ctx, "behind what was sent");
	return deed == LIES ? HM_WOULD_BLOCK : result;
}

static const struct hm_middleware stage_own = { .send = stage_send };
static const struct hm_middleware stage_inherited = { .send = stage_send, .inherited = true };
static const struct hm_supervisor stage_resume = { .directive = HM_DIRECTIVE_RESUME };

/* A probe with a stage; what its children do when they fail. */
static void
staged_spawn(struct hmt_node *node, struct hmt_probe *probe, const struct hm_middleware *const *with,
	     const struct hm_supervisor *supervisor)
{
	static struct hm_props props;

	*probe = (struct hmt_probe){ 0 };
	props = *hmt_probe_props(0);
	props.middleware = with;
	props.supervisor = supervisor;
	cr_assert_eq(hm_system_spawn(node->sys, &props, NULL, &probe, &probe->pid), 0);
	hmt_turn_until_idle(node);
}

#endif /* TEST_ENGINE_PATTERN_H */
