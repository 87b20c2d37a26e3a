/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_MISUSE_H
#define TEST_ENGINE_MISUSE_H

/*
 * An actor that does something wrong with messages, in a process that is to end: debug builds name call, type and deed,
 * release builds leave the messages alone.
 */
#include <criterion/criterion.h>

#include "assert_pvt.h"
#include "hmt_actor.h"
#include "hmt_death.h"

struct misdeed {
	void (*fn)(struct hm_ctx *ctx, void *arg);                   /* done by an actor; NULL: nothing */
	void (*on_number)(struct hm_ctx *ctx, struct misdeed *deed); /* what it does with a number */
	struct hm_pid to;
	struct hm_msg *kept;
	enum hm_result result, wanted; /* of the misuse, in release builds */
};

static inline void
on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct misdeed *deed = probe->arg;

	if (hm_msg_type(msg) != HMT_NUMBER || deed->on_number == NULL)
		return;
	deed->kept = (struct hm_msg *)(uintptr_t)msg;
	deed->on_number(ctx, deed);
}

static inline void
nothing(struct hm_ctx *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
}

/* An actor gets a number, does something, and gets another number; its node goes on. */
static inline void
scene(void *arg)
{
	static struct hmt_probe probe, other;
	struct misdeed *deed = arg;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	probe = (struct hmt_probe){ .on_msg = on_number, .arg = deed };
	deed->to = hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_number(&node, hmt_probe_spawn(&node, &probe, 0, NULL), 7);
	hmt_do(&node, probe.pid, deed->fn != NULL ? deed->fn : nothing, deed);
	hmt_number(&node, probe.pid, 7);
	hmt_turn_until_idle(&node);
	cr_assert_leq(other.count, 2, "one message, and HM_STARTED");
	hmt_node_end(&node);
}

#if HMI_DEBUG
/* The process ends with these words. */
static inline void
misuse(struct misdeed *deed, const char *words)
{
	char text[8192];
	int status = hmt_death(scene, deed, text, sizeof(text));

	cr_assert(hmt_aborted(status), "status 0x%x: %s", (unsigned int)status, text);
	cr_assert_not_null(strstr(text, words), "%s", text);
}
#else
static inline void
misuse(struct misdeed *deed, const char *words)
{
	(void)words;
	scene(deed);
	cr_assert_eq(deed->result, deed->wanted);
}
#endif

static inline void
keep(struct hm_ctx *ctx, struct misdeed *deed)
{
	(void)ctx;
	(void)deed;
}

#endif /* TEST_ENGINE_MISUSE_H */
