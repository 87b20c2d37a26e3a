/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thousand who wait for one future: they are served in portions, in their order.
 */
#include "hmt_eal.h"
#include "test_engine_waiter.h"

TestSuite(engine_many_waiters, .init = hmt_eal_start);

#define MANY 1000u

struct many {
	struct hm_future future;
	uint32_t ends, out_of_order;
	uint64_t next[2]; /* number of the function that is to be called next, on the two lcores */
	enum hm_future_result result;
};

struct one {
	struct many *many;
	uint64_t number;
	uint32_t lcore;
};

static struct one ones[2 * MANY];

static void
many_end(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct one *one = arg;
	struct many *many = one->many;

	(void)ctx;
	(void)state;
	many->ends++;
	many->out_of_order += one->number != many->next[one->lcore]++;
	many->result = result;
	if (reply != NULL)
		cr_assert_eq(*(const uint64_t *)hm_msg_body(reply), 5);
}

static void
many_wait(struct hm_ctx *ctx, void *arg)
{
	struct many *many = arg;
	uint32_t lcore = hm_lcore(ctx);

	for (uint32_t i = 0; i < MANY; i++) {
		struct one *one = &ones[lcore * MANY + i];

		*one = (struct one){ many, i, lcore };
		cr_assert_eq(hm_reenter_after(ctx, many->future, many_end, one), HM_OK);
	}
}

Test(engine_many_waiters, reenter_after__a_thousand_of_two_lcores_in_their_order)
{
	static struct scene s;
	static struct many many;

	for (int answered = 0; answered < 2; answered++) {
		start(&s);
		many = (struct many){ .future = s.making.future };
		hmt_do(&s.node, s.waiters[0].pid, many_wait, &many);
		hmt_do(&s.node, s.waiters[1].pid, many_wait, &many);
		cr_assert_eq(waits_live(&s), 2 * MANY);
		if (answered)
			future_answer(&s.node, &s.making, 5);
		else
			hmt_do(&s.node, s.owner.pid, future_cancel, &s.making);
		cr_assert_eq(many.ends, 2 * MANY);
		cr_assert_eq(many.out_of_order, 0);
		cr_assert_eq(many.result, answered ? HM_FUTURE_REPLY : HM_FUTURE_CANCELLED);
		cr_assert_eq(waits_live(&s), 0);
		cr_assert_eq(cells_live(&s.node), s.live + 1);
		hmt_node_end(&s.node);
	}
}

/* Whoever waits again takes the links that others have given back. */
Test(engine_many_waiters, reenter_after__links_are_given_back)
{
	static struct scene s;
	static struct many many;
	const struct hmi_slab *slab;
	size_t left = 0;

	start(&s);
	slab = &s.node.sys->lcores[0]->links.slab;
	for (int round = 0; round < 2; round++) {
		many = (struct many){ .future = s.making.future };
		hmt_do(&s.node, s.owner.pid, many_wait, &many);
		if (round == 0)
			left = slab->fresh_left;
		hmt_do(&s.node, s.owner.pid, future_cancel, &s.making);
		cr_assert_eq(many.ends, MANY);
		hmt_do(&s.node, s.owner.pid, future_release, &s.making);
		hmt_do(&s.node, s.owner.pid, future_make, &s.making);
	}
	cr_assert_eq(slab->fresh_left, left);
	hmt_node_end(&s.node);
}

static void
cancel_wait_release(struct hm_ctx *ctx, void *arg)
{
	struct many *many = arg;

	/* Served in portions: those who come meanwhile come last, and the release waits for all. */
	hm_future_cancel(ctx, many->future);
	cr_assert_eq(hm_reenter_after(ctx, many->future, many_end, &ones[MANY]), HM_OK);
	hm_future_release(ctx, many->future);
	many->ends += hm_reenter_after(ctx, many->future, NULL, NULL) != HM_INVALID;
}

Test(engine_many_waiters, release__while_a_thousand_are_served)
{
	static struct scene s;
	static struct many many;

	start(&s);
	many = (struct many){ .future = s.making.future };
	hmt_do(&s.node, s.owner.pid, many_wait, &many);
	ones[MANY] = (struct one){ &many, MANY, 0 };
	hmt_do(&s.node, s.owner.pid, cancel_wait_release, &many);
	cr_assert_eq(many.ends, MANY + 1);
	cr_assert_eq(many.out_of_order, 0);
	cr_assert_eq(cells_live(&s.node), s.live);
	hmt_node_end(&s.node);
}

static void
cancel_and_stop(struct hm_ctx *ctx, void *arg)
{
	hm_future_cancel(ctx, ((struct many *)arg)->future);
	hm_stop(ctx, hm_self(ctx));
}

Test(engine_many_waiters, owner__that_stops_while_a_thousand_are_served)
{
	static struct scene s;
	static struct many many;

	start(&s);
	many = (struct many){ .future = s.making.future };
	hmt_do(&s.node, s.waiters[0].pid, many_wait, &many);
	hmt_do(&s.node, s.owner.pid, cancel_and_stop, &many);
	cr_assert_eq(many.ends, MANY);
	cr_assert_eq(cells_live(&s.node), s.live - 1);
	hmt_node_end(&s.node);
}

/* While one is served others end, and the bound of what is kept may push it out. */
static void
many_futures_end(struct hm_ctx *ctx, void *arg)
{
	struct many *many = arg;

	hm_future_cancel(ctx, many->future);
	for (uint32_t i = 0; i < HM_FUTURES_KEPT_MAX + 1; i++) {
		struct hm_future other;

		cr_assert_eq(hm_future_new(ctx, 1000, &other), HM_OK);
		hm_future_cancel(ctx, other);
	}
}

Test(engine_many_waiters, kept__a_future_that_is_pushed_out_has_served_all)
{
	static struct scene s;
	static struct many many;

	start(&s);
	many = (struct many){ .future = s.making.future };
	hmt_do(&s.node, s.owner.pid, many_wait, &many);
	hmt_do(&s.node, s.owner.pid, many_futures_end, &many);
	cr_assert_eq(many.ends, MANY);
	cr_assert_eq(hmt_stats(&s.node).futures_evicted, 2);
	cr_assert_eq(cells_live(&s.node), s.live + HM_FUTURES_KEPT_MAX);
	hmt_node_end(&s.node);
}
