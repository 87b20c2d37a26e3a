/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_MAILBOX_H
#define TEST_ENGINE_MAILBOX_H

/*
 * An actor on lcore 0 that has a mailbox, and a sender on the other lcore.
 */

#include <criterion/criterion.h>

#include "hm_mailbox.h"
#include "hm_type.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

#define CAPACITY 4u

static struct hmt_probe actor, sender;
static struct hm_props props;

/* type: another message type that there is to be; NULL: none. */
static inline void
mailbox_start(struct hmt_node *node, const struct hm_mailbox *mailbox, const struct hm_type *type)
{
	struct hmt_probe *probe = &actor;

	actor = sender = (struct hmt_probe){ 0 };
	props = *hmt_probe_props(0);
	props.mailbox = mailbox;
	hmt_node_start(node, 2);
	if (type != NULL)
		cr_assert_eq(hm_type_register(node->sys, type), 0);
	cr_assert_eq(hm_system_spawn(node->sys, &props, "actor", &probe, &actor.pid), 0);
	hmt_probe_spawn(node, &sender, 1, NULL);
	hmt_turn_until_idle(node);
}

/* The n-th number that the actor has received. */
static inline uint64_t
number_seen(uint32_t n)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < actor.count; i++) {
		if (actor.seen[i].type == HMT_NUMBER && at++ == n)
			return actor.seen[i].number;
	}
	cr_assert_fail("no number %u", n);
	return 0;
}

#endif /* TEST_ENGINE_MAILBOX_H */
