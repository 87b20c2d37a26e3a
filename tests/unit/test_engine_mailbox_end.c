/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes other than the default one whose actors restart or stop: what waits in them stays in order and within its bound.
 */
#include "box_pvt.h"
#include "hm_behaviour.h"
#include "hm_supervisor.h"
#include "hmt_hold.h"
#include "test_engine_mailbox.h"

TestSuite(engine_mailbox_end, .init = hmt_eal_start);

static uint8_t
priority_same(const struct hm_msg *msg)
{
	(void)msg;
	return HM_PRIORITY_DEFAULT;
}

/* ---- A restart that takes turns --------------------------------------------------------------- */

#define DEPTH 4u

/* Below the actor: each one's child is on the other lcore, so that its end takes turns. */
static struct hmt_probe chain[DEPTH];
static bool has_failed;

static void chain_spawn(struct hm_ctx *ctx, uint32_t depth);

static void
chain_go_on(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HM_STARTED)
		chain_spawn(ctx, (uint32_t)(probe - chain) + 1);
}

static void
chain_spawn(struct hm_ctx *ctx, uint32_t depth)
{
	if (depth == DEPTH)
		return;
	chain[depth] = (struct hmt_probe){ .on_msg = chain_go_on };
	cr_assert_eq(hmt_probe_child(ctx, &chain[depth], (depth + 1) % 2, NULL), 0);
}

static void
chain_begin(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	chain_spawn(ctx, 0);
}

/* At the first number. */
static void
fail_once(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER || has_failed)
		return;
	has_failed = true;
	hm_fail(ctx, "told to");
}

/* Send the next number. */
static enum hm_result
offer(const struct hmt_node *node, uint64_t *number)
{
	enum hm_result result = hm_system_send(node->sys, actor.pid, HMT_NUMBER, number);

	*number += result == HM_OK;
	return result;
}

/*
 * The actor has children, and `before` messages, at the first of which it fails. Another one is sent in each of the turns
 * that its restart takes. Returns how many were let in.
 */
static uint32_t
slow_restart(struct hmt_node *node, const struct hm_mailbox *mailbox, uint32_t before)
{
	uint64_t sent = 0;
	uint32_t turns = 0;

	has_failed = false;
	mailbox_start(node, mailbox, NULL);
	actor.on_msg = fail_once;
	hmt_do(node, actor.pid, chain_begin, NULL);
	cr_assert_eq(hmt_seen_count(&chain[DEPTH - 1], HM_STARTED), 1);
	while (sent < before)
		cr_assert_eq(offer(node, &sent), HM_OK);
	for (; hmt_stats(node).restarted == 0; turns++) {
		hm_system_turn(node->sys);
		(void)offer(node, &sent);
	}
	cr_assert_gt(turns, DEPTH);
	hmt_turn_until_idle(node);
	return (uint32_t)sent;
}

Test(engine_mailbox_end, restart__that_takes_turns_keeps_order)
{
	static const struct hm_mailbox ordered = { .order = HM_MAILBOX_PRIORITY,
						   .capacity = HM_MAILBOX_UNLIMITED,
						   .priority = priority_same };
	struct hmt_node node;
	uint32_t sent = slow_restart(&node, &ordered, 5);

	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), sent);
	for (uint32_t i = 0; i < sent; i++)
		cr_assert_eq(number_seen(i), i, "%u: %lu", i, (unsigned long)number_seen(i));
	hmt_node_end(&node);
}

/* What is kept aside meanwhile has its place: nothing that was let in is turned away, and who comes finds it full. */
Test(engine_mailbox_end, restart__that_takes_turns_keeps_the_bound)
{
	static const struct hm_mailbox bounded = { .overflow = HM_OVERFLOW_REJECT, .capacity = CAPACITY };
	struct hmt_node node;
	uint32_t sent = slow_restart(&node, &bounded, CAPACITY), rejected;

	rejected = (uint32_t)hmt_stats(&node).dead[HM_DEAD_REJECTED];
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER) + rejected, sent);
	cr_assert_leq(rejected, 1, "what was under way when it became full");
	for (uint32_t i = 0; i < 1 + CAPACITY; i++)
		cr_assert_eq(number_seen(i), i, "%u: %lu", i, (unsigned long)number_seen(i));
	hmt_node_end(&node);
}

/* Those that wait aside are not dropped any more. */
Test(engine_mailbox_end, restart__that_takes_turns_drops_what_comes)
{
	static const struct hm_mailbox bounded = { .overflow = HM_OVERFLOW_DROP_OLDEST,
						   .capacity = CAPACITY };
	struct hmt_node node;
	uint32_t sent = slow_restart(&node, &bounded, CAPACITY);

	uint32_t seen = hmt_seen_count(&actor, HMT_NUMBER);

	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_DROPPED], sent - seen);
	cr_assert_geq(seen, 1 + CAPACITY);
	for (uint32_t i = 1; i < seen; i++)
		cr_assert_gt(number_seen(i), number_seen(i - 1));
	hmt_node_end(&node);
}

static uint32_t posted;

static void
count_posted(void *arg, struct hm_pid pid, const struct hm_msg *msg, uint32_t count)
{
	(void)arg;
	(void)pid;
	(void)msg;
	(void)count;
	posted++;
}

/* A message is posted once, also if its receiver restarts. */
Test(engine_mailbox_end, hooks__are_not_told_again_by_a_restart)
{
	static const struct hm_mailbox_hooks hooks = { .posted = count_posted };
	static const struct hm_mailbox told_of = { .hooks = &hooks };
	struct hmt_node node;
	uint32_t sent, begin = 1; /* what has the actor make its children */

	posted = 0;
	sent = slow_restart(&node, &told_of, 9);
	cr_assert_eq(posted, begin + sent);
	hmt_node_end(&node);
}

/* ---- The stash --------------------------------------------------------------------------------- */

static void
stash_unstash_fail(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number = hm_msg_type(msg) == HMT_NUMBER ? *(const uint64_t *)hm_msg_body(msg) : UINT64_MAX;

	(void)probe;
	if (number == 0 && hm_stash_count(ctx) == 0 && !has_failed)
		cr_assert_eq(hm_stash(ctx), HM_OK);
	if (number != 1)
		return;
	cr_assert_eq(hm_unstash_all(ctx), 1);
	has_failed = true;
	hm_fail(ctx, "told to");
}

/* What was unstashed is the oldest, also behind a restart. */
Test(engine_mailbox_end, restart__keeps_the_order_of_what_was_unstashed)
{
	static const struct hm_mailbox bounded = { .overflow = HM_OVERFLOW_REJECT, .capacity = 100 };
	static const uint64_t expected[] = { 0, 1, 0, 2, 3 };
	struct hmt_node node;

	has_failed = false;
	mailbox_start(&node, &bounded, NULL);
	actor.on_msg = stash_unstash_fail;
	for (uint64_t i = 0; i < 4; i++)
		hmt_number(&node, actor.pid, i);
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < RTE_DIM(expected); i++)
		cr_assert_eq(number_seen(i), expected[i], "%u: %lu", i, (unsigned long)number_seen(i));
	hmt_node_end(&node);
}

static uint32_t received;

static void
count_received(void *arg, struct hm_pid pid, uint16_t type, uint32_t count)
{
	(void)arg;
	(void)pid;
	(void)type;
	(void)count;
	received++;
}

/* 1 is the first, 0 the last. */
static uint8_t
priority_by_number(const struct hm_msg *msg)
{
	uint64_t number = *(const uint64_t *)hm_msg_body(msg);

	return number == 1 ? HM_PRIORITY_MAX : (uint8_t)number;
}

/* Neither its order nor its hooks have to do with what was unstashed: that is next, and was handled when it was stashed. */
Test(engine_mailbox_end, restart__leaves_what_was_unstashed_out_of_the_mailbox)
{
	static const struct hm_mailbox_hooks hooks = { .posted = count_posted, .received = count_received };
	static const struct hm_mailbox ordered = { .order = HM_MAILBOX_PRIORITY,
						   .priority = priority_by_number,
						   .hooks = &hooks };
	static const uint64_t expected[] = { 0, 1, 0, 3, 2 };
	struct hmt_node node;

	has_failed = false;
	posted = received = 0;
	mailbox_start(&node, &ordered, NULL);
	actor.on_msg = stash_unstash_fail;
	hmt_number(&node, actor.pid, 0);
	hmt_turn_until_idle(&node);
	hmt_hold(&node, actor.pid);
	for (uint64_t i = 1; i < 4; i++)
		hmt_number(&node, actor.pid, i);
	hmt_turn_until_idle(&node);
	hmt_let_go(&node, actor.pid);
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < RTE_DIM(expected); i++)
		cr_assert_eq(number_seen(i), expected[i], "%u: %lu", i, (unsigned long)number_seen(i));
	cr_assert_eq(posted, 4);
	cr_assert_eq(received, 3, "of all but the one that it has failed at");
	hmt_node_end(&node);
}

/* ---- The end ------------------------------------------------------------------------------------ */

/* It ends with a full mailbox: who sends to it is not to wait for it. */
Test(engine_mailbox_end, external__send_to_one_that_has_stopped_when_full)
{
	static const struct hm_mailbox bounded = { .overflow = HM_OVERFLOW_REJECT, .capacity = CAPACITY };
	uint64_t number = 1;
	struct hmt_node node;

	mailbox_start(&node, &bounded, NULL);
	hmt_hold(&node, actor.pid);
	for (uint32_t i = 0; i < CAPACITY; i++)
		hmt_number(&node, actor.pid, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_system_send(node.sys, actor.pid, HMT_NUMBER, &number), HM_WOULD_BLOCK);
	hmt_stop(&node, actor.pid);
	cr_assert_eq(hmt_seen_count(&actor, HM_STOPPED), 1);
	cr_assert_eq(hm_system_send(node.sys, actor.pid, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(node.sys->full.count, 0, "others may be full");
	hmt_turn_until_idle(&node);
	hmt_node_end(&node);
}

/* Nobody drains it any more. */
Test(engine_mailbox_end, external__send_to_a_full_mailbox_of_a_system_that_was_dropped)
{
	static const struct hm_mailbox bounded = { .overflow = HM_OVERFLOW_REJECT, .capacity = CAPACITY };
	uint64_t number = 1;
	struct hmt_node node;

	mailbox_start(&node, &bounded, NULL);
	hmt_hold(&node, actor.pid);
	for (uint32_t i = 0; i < CAPACITY; i++)
		hmt_number(&node, actor.pid, i);
	hmt_turn_until_idle(&node);
	atomic_store(&node.sys->state, HMI_STOPPED);
	cr_assert_eq(hm_system_send_wait(node.sys, actor.pid, HMT_NUMBER, &number, 60000000), HM_NO_RECEIVER);
	hmt_system_drain(node.sys);
	hmt_books_check(node.sys);
	hmt_node_drop(&node);
}

/* A future of the actor's own end, whose answer goes to the actor. */
static void
stop_and_pipe(struct hm_ctx *ctx, void *arg)
{
	struct hm_future future;

	(void)arg;
	cr_assert_eq(hm_stop_future(ctx, actor.pid, 1000000, &future), HM_OK);
	cr_assert_eq(hm_pipe_to(ctx, future, &actor.pid, 1), HM_OK);
}

/* What those who are told of an end send at once comes when the mailbox has been emptied. */
Test(engine_mailbox_end, end__that_sends_to_the_one_that_ends_is_a_dead_letter)
{
	static const struct hm_mailbox mailboxes[] = {
		{ .order = HM_MAILBOX_FIFO },
		{ .overflow = HM_OVERFLOW_DROP_OLDEST, .capacity = CAPACITY },
		{ .order = HM_MAILBOX_PRIORITY, .priority = priority_same },
		{ .order = HM_MAILBOX_CONTROL },
	};
	static struct hmt_probe beside;

	for (size_t i = 0; i < sizeof(mailboxes) / sizeof(mailboxes[0]); i++) {
		struct hmt_node node;
		uint64_t dead;

		beside = (struct hmt_probe){ 0 };
		mailbox_start(&node, &mailboxes[i], NULL);
		dead = hmt_dead(&node);
		hmt_do(&node, hmt_probe_spawn(&node, &beside, 0, NULL), stop_and_pipe, NULL);
		cr_assert_eq(hmt_seen_count(&actor, HM_STOPPED), 1, "mailbox %zu", i);
		cr_assert_eq(hmt_dead(&node), dead + 1, "mailbox %zu", i);
		hmt_node_end(&node);
	}
}

/* ---- An end that is told behind one that is told again ----------------------------------------------- */

static struct hmt_probe child;

static void
child_begin(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hmt_probe_child(ctx, &child, 0, NULL), 0);
}

static void
watch_and_fail(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) != HM_STOPPING)
		return;
	cr_assert_eq(hm_watch(ctx, child.pid), HM_OK);
	/* So the mailbox is looked through in a later turn. */
	hm_fail(ctx, "while it stops");
}

/* The child's end waits in the mailbox when its parent watches it, and stops: the answer to the watch must not come first. */
Test(engine_mailbox_end, stop__of_a_parent_that_watches_an_ended_child_tells_it_once)
{
	static const struct hm_mailbox mailboxes[] = {
		{ .order = HM_MAILBOX_FIFO },
		{ .overflow = HM_OVERFLOW_DROP_OLDEST, .capacity = CAPACITY },
		{ .order = HM_MAILBOX_PRIORITY, .priority = priority_same },
		{ .order = HM_MAILBOX_CONTROL },
	};

	for (size_t i = 0; i < sizeof(mailboxes) / sizeof(mailboxes[0]); i++) {
		struct hmt_node node;

		child = (struct hmt_probe){ 0 };
		mailbox_start(&node, &mailboxes[i], NULL);
		hmt_do(&node, actor.pid, child_begin, NULL);
		hmt_hold(&node, actor.pid);
		hmt_stop(&node, child.pid);
		actor.on_msg = watch_and_fail;
		hmt_stop(&node, actor.pid);
		cr_assert_eq(hmt_seen_count(&actor, HM_TERMINATED), 1, "mailbox %zu", i);
		cr_assert_eq(hmt_seen_last(&actor, HM_TERMINATED)->terminated.reason, HM_TERMINATED_STOPPED,
			     "mailbox %zu", i);
		hmt_node_end(&node);
	}
}
