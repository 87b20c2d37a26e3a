/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers and buffers where messages are copied, kept, queued apart, or lost by an actor that fails.
 */
#include "hm_behaviour.h"
#include "hm_future.h"
#include "hm_mailbox.h"
#include "hm_supervisor.h"
#include "test_engine_buffer.h"

TestSuite(engine_annex, .init = hmt_eal_start);

static void
send_both(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)arg;
	cr_assert_not_null(msg);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "trace", "t"), HM_OK);
	cr_assert_eq(hm_msg_buffer_set(ctx, msg, wrap(hm_system(ctx))), HM_OK);
	cr_assert_eq(hm_msg_send(ctx, scene.receiver, msg), HM_OK);
}

static void
cr_expect_both(const struct hm_msg *msg)
{
	cr_assert_str_eq(hm_msg_header(msg, "trace"), "t");
	cr_assert_eq(hm_msg_data(msg, NULL), (void *)bytes);
	cr_assert_eq(freed, 0);
}

/* ---- An answer for several who wait -------------------------------------------------------------- */

#define WAITERS 3u

static struct hm_future future;
static uint32_t served;

static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	(void)ctx;
	(void)state;
	(void)arg;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	cr_expect_both(reply);
	served++;
}

static void
make_future(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_future_new(ctx, 1000000, &future), HM_OK);
	scene.receiver = hm_future_pid(future);
}

static void
wait_for_it(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_reenter_after(ctx, future, on_answer, NULL), HM_OK);
}

static void
release(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_future_release(ctx, future);
}

Test(engine_annex, copy__of_an_answer_has_the_headers_and_shares_the_buffer)
{
	static struct hmt_probe waiters[WAITERS];

	begin(0);
	served = 0;
	act(make_future, NULL);
	for (uint32_t i = 0; i < WAITERS; i++)
		hmt_do(&scene.node, hmt_probe_spawn(&scene.node, &waiters[i], i, NULL), wait_for_it, NULL);
	act(send_both, NULL);
	cr_assert_eq(served, WAITERS);
	cr_assert_eq(freed, 0, "the future keeps the answer");
	act(wait_for_it, NULL);
	cr_assert_eq(served, WAITERS + 1);
	act(release, NULL);
	cr_assert_eq(freed, 1);
	hmt_node_end(&scene.node);
}

/* ---- Stash, and mailboxes with a queue of their own --------------------------------------------------- */

static uint32_t seen;

static void
stash_once(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_expect_both(msg);
	if (++seen == 1)
		cr_assert_eq(hm_stash(ctx), HM_OK);
}

static void
unstash(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert(hm_unstash(ctx));
}

Test(engine_annex, stash__keeps_headers_and_buffer)
{
	begin(1);
	seen = 0;
	scene.to.on_msg = stash_once;
	act(send_both, NULL);
	cr_assert_eq(seen, 1);
	cr_assert_eq(freed, 0);
	hmt_do(&scene.node, scene.receiver, unstash, NULL);
	cr_assert_eq(seen, 2);
	cr_assert_eq(freed, 1);
	hmt_node_end(&scene.node);
}

static void
receive_both(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_expect_both(msg);
	seen++;
}

static uint8_t
by_trace(const struct hm_msg *msg)
{
	return hm_msg_header(msg, "trace") != NULL ? 0 : 1;
}

Test(engine_annex, mailbox__by_priority_may_look_at_headers)
{
	static const struct hm_mailbox mailbox = { .order = HM_MAILBOX_PRIORITY, .priority = by_trace };
	static const struct hm_props props = { .receive = receive_both, .mailbox = &mailbox };

	begin(0);
	seen = 0;
	cr_assert_eq(hm_system_spawn(scene.node.sys, &props, NULL, NULL, &scene.receiver), 0);
	act(send_both, NULL);
	cr_assert_eq(seen, 1);
	cr_assert_eq(freed, 1);
	hmt_node_end(&scene.node);
}

/* ---- Actors that fail ----------------------------------------------------------------------------------- */

static void
make_and_fail(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hm_msg *made;

	(void)state;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_expect_both(msg);
	seen++;
	/* Lost with the failure, and so are its headers. */
	made = hm_msg_new(ctx, HMT_NUMBER, 0);
	cr_assert_eq(hm_msg_headers_copy(ctx, made), HM_OK);
	cr_assert_eq(hm_msg_buffer_set(ctx, made, hm_buffer_get(hm_msg_buffer(msg))), HM_OK);
	hm_fail(ctx, "on purpose");
}

Test(engine_annex, fail__frees_those_of_its_message_and_of_what_it_has_made)
{
	static const struct hm_props props = { .receive = make_and_fail };

	begin(0);
	seen = 0;
	cr_assert_eq(hm_system_spawn(scene.node.sys, &props, NULL, NULL, &scene.receiver), 0);
	act(send_both, NULL);
	cr_assert_eq(seen, 1);
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_FAILED], 1);
	cr_assert_eq(freed, 1);
	hmt_node_end(&scene.node);
}
