/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_PASSIVATION_H
#define TEST_ENGINE_PASSIVATION_H

/*
 * An actor that is to be passive, and another one that watches it.
 */

#include <criterion/criterion.h>

#include "hm_mailbox.h"
#include "hm_passivation.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

#define IDLE_US 8000u
#define PART_US (IDLE_US / 8)

enum {
	QUIET = HMT_TYPE_NEXT
};

static struct hmt_node node;
static struct hmt_probe actor, other, child;

static inline void
idle_set(struct hm_ctx *ctx, void *us)
{
	cr_assert_eq(hm_passivation_set(ctx, *(uint64_t *)us), HM_OK);
	cr_assert_eq(hm_passivation(ctx), *(uint64_t *)us);
}

/* `actor`, /user/actor, which is to be passive, and `other`, both on lcore 0. */
static inline void
start_with(const struct hm_mailbox *mailbox)
{
	static const struct hm_type quiet = { .id = QUIET, .name = "quiet", .no_influence = true };
	static struct hm_props props;
	struct hmt_probe *probe = &actor;
	uint64_t us = IDLE_US;

	actor = other = child = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 2);
	cr_assert_eq(hm_type_register(node.sys, &quiet), 0);
	props = *hmt_probe_props(0);
	props.mailbox = mailbox;
	hmt_probe_spawn(&node, &other, 0, NULL);
	cr_assert_eq(hm_system_spawn(node.sys, &props, "actor", &probe, &actor.pid), 0);
	hmt_do(&node, actor.pid, idle_set, &us);
	hmt_do(&node, other.pid, hmt_watch, &actor.pid);
}

static inline void
start(void)
{
	start_with(NULL);
}

static inline void
wait_us(uint64_t us)
{
	for (uint64_t at = 0; at < us; at += 100)
		hmt_elapse(&node, 100);
}

/* Long enough, if it is passive. */
static inline void
wait_over(void)
{
	wait_us(IDLE_US + 2 * PART_US);
}

static inline bool
has_stopped(void)
{
	return hmt_seen_count(&actor, HM_STOPPED) == 1;
}

static inline void
child_spawn(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hmt_probe_child(ctx, &child, HMT_LCORE_SAME, NULL), 0);
}

#endif /* TEST_ENGINE_PASSIVATION_H */
