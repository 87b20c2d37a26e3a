/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that are not the caller's: debug builds end the process, release builds leave them alone.
 */
#include <signal.h>

#include <criterion/criterion.h>

#include "assert_pvt.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_misuse, .init = hmt_eal_start);

#if HMI_DEBUG
#define MISUSE(name) Test(engine_misuse, name, .signal = SIGABRT)
#else
#define MISUSE(name) Test(engine_misuse, name)
#endif

struct misdeed {
	struct hm_pid to;
	struct hm_msg *kept;
	enum hm_result first, second;
};

/* Let an actor do something, and its node go on. */
static void
misuse(void (*fn)(struct hm_ctx *ctx, void *arg), struct misdeed *deed, struct hmt_probe *probe)
{
	static struct hmt_probe other;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	deed->to = hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, probe, 0, NULL), fn, deed);
	hmt_number(&node, probe->pid, 7);
	hmt_turn_until_idle(&node);
	cr_assert_leq(other.count, 2, "one message, and HM_STARTED");
	hmt_node_end(&node);
}

static void
send_twice(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	deed->first = hm_msg_send(ctx, deed->to, msg);
	deed->second = hm_msg_send(ctx, deed->to, msg);
}

MISUSE(msg_send__twice)
{
	static struct hmt_probe probe;
	static struct misdeed deed;

	misuse(send_twice, &deed, &probe);
	cr_assert_eq(deed.first, HM_OK);
	cr_assert_eq(deed.second, HM_INVALID);
}

static void
free_sent(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	deed->first = hm_msg_send(ctx, deed->to, msg);
	hm_msg_free(ctx, msg);
}

MISUSE(msg_free__after_it_was_sent)
{
	static struct hmt_probe probe;
	static struct misdeed deed;

	misuse(free_sent, &deed, &probe);
}

static void
free_twice(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)arg;
	hm_msg_free(ctx, msg);
	hm_msg_free(ctx, msg);
}

MISUSE(msg_free__twice)
{
	static struct hmt_probe probe;
	static struct misdeed deed;

	misuse(free_twice, &deed, &probe);
}

static void
nothing(struct hm_ctx *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
}

static void
free_received(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_msg_free(ctx, (struct hm_msg *)(uintptr_t)msg);
}

MISUSE(msg_free__what_was_received)
{
	static struct hmt_probe probe = { .on_msg = free_received };
	static struct misdeed deed;

	misuse(nothing, &deed, &probe);
}

static void
send_received(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct misdeed *deed = probe->arg;

	if (hm_msg_type(msg) == HMT_NUMBER)
		deed->second = hm_msg_send(ctx, deed->to, (struct hm_msg *)(uintptr_t)msg);
}

MISUSE(msg_send__what_was_received)
{
	static struct misdeed deed;
	static struct hmt_probe probe = { .on_msg = send_received, .arg = &deed };

	misuse(nothing, &deed, &probe);
	cr_assert_eq(deed.second, HM_INVALID);
}

#if HMI_DEBUG && !defined(HMI_ASAN)
static void
keep(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == HMT_NUMBER)
		*(const struct hm_msg **)probe->arg = msg;
}

/* ASan ends the process at the access itself. */
Test(engine_misuse, receive__body_is_a_pattern_afterwards)
{
	static const struct hm_msg *kept;
	static struct hmt_probe probe = { .on_msg = keep, .arg = &kept };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_number(&node, hmt_probe_spawn(&node, &probe, 0, NULL), 7);
	hmt_turn_until_idle(&node);
	cr_assert_not_null(kept);
	cr_assert_eq(*(const uint64_t *)hm_msg_body(kept), 0xdbdbdbdbdbdbdbdb);
	hmt_node_end(&node);
}
#endif

/* ---- A body that is shorter than its type ------------------------------------------- */

#ifdef HMI_ASAN
static void
send_short(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;
	uint8_t *body = malloc(1);

	*body = 1;
	(void)hm_send(ctx, deed->to, HMT_NUMBER, body);
	free(body);
}

MISUSE(send__a_body_that_is_too_short)
{
	static struct hmt_probe probe;
	static struct misdeed deed;

	misuse(send_short, &deed, &probe);
}
#endif
