/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles by count or time.
 */
#include <criterion/criterion.h>

#include <errno.h>

#include "hm_bundle.h"
#include "hm_keep.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_bundle, .init = hmt_eal_start);

#define MOST 5u

/* What a probe has put together. */
struct collector {
	struct hm_bundle bundle;
	struct hm_msg *msgs[MOST];
	uint32_t bundles, last_count;
	uint64_t sum;
	struct hm_pid hand_on; /* nobody: each is added up */
	enum hm_result result;
};

static void
handle(struct hm_ctx *ctx, struct collector *c)
{
	c->bundles++;
	c->last_count = c->bundle.count;
	for (uint32_t i = 0; i < c->bundle.count; i++) {
		c->sum = 10 * c->sum + *(const uint64_t *)hm_msg_body(c->bundle.msgs[i]);
		if (hm_pid_is_none(c->hand_on))
			continue;
		cr_assert_eq(hm_msg_forward(ctx, c->hand_on, c->bundle.msgs[i]), HM_OK);
		c->bundle.msgs[i] = NULL;
	}
	hm_bundle_end(ctx, &c->bundle);
}

static void
collect(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct collector *c = probe->arg;

	if (hm_msg_type(msg) != HMT_NUMBER && hm_msg_type(msg) != HMT_EMPTY)
		return;
	if (hm_msg_type(msg) == HMT_NUMBER)
		c->result = hm_bundle_add(ctx, &c->bundle);
	if (hm_bundle_is_ready(ctx, &c->bundle))
		handle(ctx, c);
}

static struct hmt_probe probe, other;

static void
collector_start(struct hmt_node *node, struct collector *c, uint64_t delay_us)
{
	*c = (struct collector){ .hand_on = hm_pid_none() };
	cr_assert_eq(hm_bundle_init(&c->bundle, c->msgs, MOST, delay_us, HMT_EMPTY), 0);
	hmt_node_start(node, 1);
	probe = (struct hmt_probe){ .on_msg = collect, .arg = c };
	hmt_probe_spawn(node, &probe, 0, NULL);
}

static void
numbers(struct hmt_node *node, uint64_t first, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		hmt_number(node, probe.pid, first + i);
	hmt_turn_until_idle(node);
}

Test(engine_bundle, add__full)
{
	struct collector c;
	struct hmt_node node;

	collector_start(&node, &c, 1000);
	numbers(&node, 1, 4);
	cr_assert_eq(c.bundles, 0);
	numbers(&node, 5, 1);
	cr_assert_eq(c.bundles, 1);
	cr_assert_eq(c.sum, 12345, "in order");
	/* The timer was cancelled: the next bundle has all of its time. */
	hmt_elapse(&node, 900);
	numbers(&node, 6, 1);
	hmt_elapse(&node, 900);
	cr_assert_eq(c.bundles, 1);
	hmt_elapse(&node, 110);
	cr_assert_eq(c.bundles, 2);
	cr_assert_eq(c.last_count, 1);
	/* And an empty one never is ready. */
	hmt_elapse(&node, 100000);
	cr_assert_eq(c.bundles, 2);
	numbers(&node, 1, 3 * MOST);
	cr_assert_eq(c.bundles, 5);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_bundle, add__time_is_that_of_the_first)
{
	struct collector c;
	struct hmt_node node;

	collector_start(&node, &c, 1000);
	numbers(&node, 1, 1);
	hmt_elapse(&node, 600);
	numbers(&node, 2, 1);
	hmt_elapse(&node, 390);
	cr_assert_eq(c.bundles, 0);
	hmt_elapse(&node, 20);
	cr_assert_eq(c.bundles, 1);
	cr_assert_eq(c.sum, 12);
	hmt_node_end(&node);
}

Test(engine_bundle, add__without_a_time)
{
	struct collector c;
	struct hmt_node node;

	collector_start(&node, &c, UINT64_MAX);
	numbers(&node, 1, 4);
	hmt_elapse(&node, UINT64_C(100000000000));
	cr_assert_eq(c.bundles, 0);
	numbers(&node, 5, 1);
	cr_assert_eq(c.bundles, 1);
	/* At once, but no sooner than the actor gets to it. */
	hmt_node_end(&node);
	collector_start(&node, &c, 0);
	numbers(&node, 1, 1);
	cr_assert_eq(c.bundles, 1);
	hmt_node_end(&node);
}

Test(engine_bundle, end__messages_that_were_handed_on)
{
	struct collector c;
	struct hmt_node node;

	collector_start(&node, &c, 1000);
	c.hand_on = hmt_probe_spawn(&node, &other, 0, NULL);
	numbers(&node, 1, MOST);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), MOST);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_bundle, stop__what_waits_is_a_dead_letter)
{
	struct collector c;
	struct hmt_node node;

	collector_start(&node, &c, 1000);
	numbers(&node, 1, 3);
	hmt_stop(&node, probe.pid);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 3);
	hmt_elapse(&node, 5000);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

static void
misuse(struct hm_ctx *ctx, void *arg)
{
	struct collector *c = arg;

	/* HMT_DO, twice. */
	c->result = hm_bundle_add(ctx, &c->bundle);
	cr_assert_eq(c->result, HM_OK);
	cr_assert_eq(hm_bundle_add(ctx, &c->bundle), HM_NO_RECEIVER, "it is kept already");
	cr_assert_eq(c->bundle.count, 1);
	hm_bundle_end(ctx, &c->bundle);
	hm_bundle_end(ctx, &c->bundle);
	cr_assert_eq(hm_bundle_add(ctx, &c->bundle), HM_NO_RECEIVER);
	cr_assert_eq(c->bundle.count, 0);
	cr_assert_not(hm_bundle_is_ready(ctx, &c->bundle));
	c->bundle.count = MOST;
	cr_assert_eq(hm_bundle_add(ctx, &c->bundle), HM_WOULD_BLOCK);
	c->bundle.count = 0;
}

Test(engine_bundle, misuse__is_answered)
{
	struct hm_msg *msgs[1];
	struct hm_bundle bundle;
	struct collector c;
	struct hmt_node node;

	cr_assert_eq(hm_bundle_init(NULL, msgs, 1, 1, HMT_EMPTY), -EINVAL);
	cr_assert_eq(hm_bundle_init(&bundle, NULL, 1, 1, HMT_EMPTY), -EINVAL);
	cr_assert_eq(hm_bundle_init(&bundle, msgs, 0, 1, HMT_EMPTY), -EINVAL);
	collector_start(&node, &c, 1000);
	hmt_do(&node, probe.pid, misuse, &c);
	/* No timer is left. */
	probe.count = 0;
	hmt_elapse(&node, 5000);
	cr_assert_eq(probe.count, 0);
	cr_assert_eq(node.sys->lcores[0]->links.count, 0);
	/* A timer that cannot be started keeps nothing. */
	c.bundle.type = HMT_TYPE_NEXT;
	numbers(&node, 1, 1);
	cr_assert_eq(c.result, HM_UNKNOWN_TYPE);
	cr_assert_eq(c.bundle.count, 0);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}
