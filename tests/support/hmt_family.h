/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_FAMILY_H
#define HMT_FAMILY_H

/**
 * @file
 * A parent with a supervisor of its own, and children that fail when they are told to; what is decided is written down.
 *
 *     hmt_family_start ──▶ hmt_child_fail ──▶ hmt_child_restarts, hmt_child_is_gone, hmt_decision_last
 */

#include <criterion/criterion.h>

#include "hm_supervisor.h"
#include "hmt_actor.h"

#define HMT_CHILDREN 4u

/** Children of even numbers are on the parent's lcore, the others on the other one. */
struct hmt_family {
	struct hmt_node node;
	struct hm_props props; /**< the parent's */
	struct hmt_probe parent, children[HMT_CHILDREN], subscriber;
	struct hm_supervision decisions[64]; /**< the first ones */
	uint32_t decisions_count;
};

static inline void
hmt_supervision_note(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hmt_family *family = probe->arg;

	(void)ctx;
	if (hm_msg_type(msg) == HM_SUPERVISION && family->decisions_count < RTE_DIM(family->decisions))
		memcpy(&family->decisions[family->decisions_count++], hm_msg_body(msg),
		       sizeof(struct hm_supervision));
}

/** For hmt_probe.on_msg. */
static inline void
hmt_fail_on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_fail(ctx, "told to fail");
}

/** A deed of the parent. @param children  HMT_CHILDREN of them, struct hmt_probe * */
static inline void
hmt_children_make(struct hm_ctx *ctx, void *children)
{
	struct hmt_probe *probes = children;

	for (uint32_t i = 0; i < HMT_CHILDREN; i++) {
		probes[i] = (struct hmt_probe){ .on_msg = hmt_fail_on_number };
		cr_assert_eq(hmt_probe_child(ctx, &probes[i], i % 2, NULL), 0);
	}
}

/** Start a node of two lcores and the family. @param supervisor  the parent's; NULL: the default */
static inline void
hmt_family_start(struct hmt_family *family, const struct hm_supervisor *supervisor)
{
	struct hmt_probe *parent = &family->parent;

	memset(family, 0, sizeof(*family));
	hmt_node_start(&family->node, 2);
	family->props = *hmt_probe_props(0);
	family->props.supervisor = supervisor;
	family->subscriber = (struct hmt_probe){ .on_msg = hmt_supervision_note, .arg = family };
	hmt_probe_spawn(&family->node, &family->subscriber, 0, NULL);
	cr_assert_eq(hm_supervision_subscribe(family->node.sys, family->subscriber.pid), 0);
	cr_assert_eq(hm_system_spawn(family->node.sys, &family->props, NULL, &parent, &parent->pid), 0);
	hmt_do(&family->node, parent->pid, hmt_children_make, family->children);
}

/** One of the children fails; turns until idle. */
static inline void
hmt_child_fail(struct hmt_family *family, uint32_t child)
{
	hmt_number(&family->node, family->children[child].pid, child);
	hmt_turn_until_idle(&family->node);
}

static inline uint32_t
hmt_child_restarts(const struct hmt_family *family, uint32_t child)
{
	return hmt_seen_count(&family->children[child], HM_RESTARTING);
}

static inline bool
hmt_child_is_gone(const struct hmt_family *family, uint32_t child)
{
	return hmt_seen_count(&family->children[child], HM_STOPPED) > 0;
}

/** The last decision that was written down; there is one. */
static inline const struct hm_supervision *
hmt_decision_last(const struct hmt_family *family)
{
	cr_assert_gt(family->decisions_count, 0);
	return &family->decisions[family->decisions_count - 1];
}

#endif /* HMT_FAMILY_H */
