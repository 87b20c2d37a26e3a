/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deduplication as a stage: what comes twice is handled once, whatever becomes of the first one.
 */
#include <criterion/criterion.h>

#include "hm_behaviour.h"
#include "hm_dedup_stage.h"
#include "hm_keep.h"
#include "hm_move.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_dedup, .init = hmt_eal_start);

#define MEMORY_US 1000u
#define NO_KEY    99u /* of a number */

static struct hmt_node node;
static struct hmt_probe actor, other;

static bool
number_key(const struct hm_msg *msg, uint64_t *key, void *arg)
{
	(void)arg;
	if (hm_msg_type(msg) != HMT_NUMBER || *(const uint64_t *)hm_msg_body(msg) == NO_KEY)
		return false;
	*key = *(const uint64_t *)hm_msg_body(msg);
	return true;
}

static const struct hm_dedup_stage once = { .key = number_key, .keys = 4, .memory_us = MEMORY_US };
static const struct hm_middleware once_stage = { HM_DEDUP_STAGE(&once) };
static const struct hm_middleware once_inherited = { HM_DEDUP_STAGE(&once), .inherited = true };

static void
start(const struct hm_middleware *const *stages)
{
	static struct hm_props props;
	struct hmt_probe *probe = &actor;

	actor = other = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 2);
	props = *hmt_probe_props(0);
	props.middleware = stages;
	hmt_probe_spawn(&node, &other, 0, NULL);
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &actor.pid), 0);
	hmt_turn_until_idle(&node);
}

#define START(...)                                                                          \
	do {                                                                                \
		static const struct hm_middleware *const stages_[] = { __VA_ARGS__, NULL }; \
		start(stages_);                                                             \
	} while (0)

static void
number(uint64_t of)
{
	hmt_number(&node, actor.pid, of);
	hmt_turn_until_idle(&node);
}

static uint32_t
handled(void)
{
	return hmt_seen_count(&actor, HMT_NUMBER);
}

static uint64_t
repeated(void)
{
	return hmt_stats(&node).dead[HM_DEAD_REPEATED];
}

Test(engine_dedup, repetition__is_a_dead_letter_within_its_time)
{
	START(&once_stage);
	number(1);
	number(2);
	number(1);
	cr_assert_eq(handled(), 2);
	cr_assert_eq(repeated(), 1);
	/* A repetition does not make the time longer. */
	hmt_elapse(&node, MEMORY_US / 2);
	number(1);
	hmt_elapse(&node, MEMORY_US / 2);
	number(1);
	cr_assert_eq(handled(), 3);
	cr_assert_eq(repeated(), 2);
	hmt_node_end(&node);
}

Test(engine_dedup, key__messages_without_one_pass)
{
	START(&once_stage);
	number(NO_KEY);
	number(NO_KEY);
	cr_assert_eq(hm_system_send(node.sys, actor.pid, HMT_EMPTY, NULL), HM_OK);
	cr_assert_eq(hm_system_send(node.sys, actor.pid, HMT_EMPTY, NULL), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(handled(), 2);
	cr_assert_eq(hmt_seen_count(&actor, HMT_EMPTY), 2);
	cr_assert_eq(repeated(), 0);
	hmt_node_end(&node);
}

Test(engine_dedup, memory__is_bounded_and_forgets_the_oldest)
{
	START(&once_stage);
	for (uint64_t i = 0; i < 5; i++)
		number(i);
	number(4);
	cr_assert_eq(handled(), 5);
	number(0);
	cr_assert_eq(handled(), 6);
	hmt_node_end(&node);
}

static enum hm_future_result answered;
static uint32_t answers;

static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	(void)arg;
	answered = result;
	answers++;
}

static void
ask_one(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_ask(ctx, actor.pid, HMT_NUMBER, &(uint64_t){ 1 }, 1000000, on_answer, NULL), HM_OK);
}

static void
respond(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_respond(ctx, HMT_EMPTY, NULL), HM_OK);
}

Test(engine_dedup, repetition__who_has_asked_is_told)
{
	answers = 0;
	START(&once_stage);
	actor.on_msg = respond;
	hmt_do(&node, other.pid, ask_one, NULL);
	cr_assert_eq(answered, HM_FUTURE_REPLY);
	hmt_do(&node, other.pid, ask_one, NULL);
	cr_assert_eq(answered, HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(answers, 2);
	cr_assert_eq(handled(), 1);
	hmt_node_end(&node);
}

static void
answer_again(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, void *arg)
{
	(void)state;
	cr_assert_eq(hm_msg_type(msg), HMT_NUMBER);
	cr_assert_eq(hm_respond(ctx, HMT_EMPTY, NULL), HM_OK);
	(*(uint32_t *)arg)++;
}

static uint32_t again;

Test(engine_dedup, repetition__may_be_answered_once_more)
{
	static const struct hm_dedup_stage answering = {
		.key = number_key, .keys = 4, .memory_us = MEMORY_US, .on_repeat = answer_again, .arg = &again
	};
	static const struct hm_middleware stage = { HM_DEDUP_STAGE(&answering) };

	again = answers = 0;
	START(&stage);
	actor.on_msg = respond;
	hmt_do(&node, other.pid, ask_one, NULL);
	hmt_do(&node, other.pid, ask_one, NULL);
	cr_assert_eq(answered, HM_FUTURE_REPLY);
	cr_assert_eq(answers, 2);
	cr_assert_eq(again, 1);
	cr_assert_eq(handled(), 1);
	cr_assert_eq(repeated(), 0);
	hmt_node_end(&node);
}

/* ---- What becomes of the first one --------------------------------------------------------------- */

static void
fail_once(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	probe->on_msg = NULL;
	hm_fail(ctx, "on purpose");
}

Test(engine_dedup, first__that_has_failed_may_come_again)
{
	START(&once_stage);
	number(2);
	actor.on_msg = fail_once;
	number(1);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 1);
	number(1);
	cr_assert_eq(hmt_seen_last(&actor, HMT_NUMBER)->number, 1);
	cr_assert_eq(repeated(), 0);
	/* What was handled before the restart is known still. */
	number(1);
	number(2);
	cr_assert_eq(repeated(), 2);
	hmt_node_end(&node);
}

static void
stash_numbers(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_stash(ctx), HM_OK);
}

static void
unstash(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	actor.on_msg = NULL;
	cr_assert_eq(hm_unstash_all(ctx), 3);
}

Test(engine_dedup, first__that_was_stashed_is_handled_and_no_repetition_of_itself)
{
	uint32_t before;

	START(&once_stage);
	actor.on_msg = stash_numbers;
	number(1);
	number(2);
	number(1);
	before = handled();
	hmt_do(&node, actor.pid, unstash, NULL);
	cr_assert_eq(handled() - before, 2);
	cr_assert_eq(repeated(), 1);
	hmt_node_end(&node);
}

/* A stage that takes what comes, or does not. */
static bool is_closed;

static void
gate(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next, void *arg)
{
	(void)arg;
	if (!is_closed)
		hm_receive_next(ctx, state, msg, next);
}

static const struct hm_middleware gate_stage = { .receive = gate };

Test(engine_dedup, first__that_a_stage_behind_has_refused_may_come_again)
{
	is_closed = true;
	START(&once_stage, &gate_stage);
	number(1);
	cr_assert_eq(handled(), 0);
	is_closed = false;
	number(1);
	number(1);
	cr_assert_eq(handled(), 1);
	cr_assert_eq(repeated(), 1);
	hmt_node_end(&node);
}

static uint32_t became;

static void
numbers_count(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	became += hm_msg_type(msg) == HMT_NUMBER;
}

static void
become_first(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	     void *arg)
{
	(void)arg;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_become(ctx, numbers_count);
	hm_receive_next(ctx, state, msg, next);
}

/* It is the behaviour of the time when all stages have gone on that gets the message. */
Test(engine_dedup, first__behind_a_stage_that_changes_the_behaviour)
{
	static const struct hm_middleware stage = { .receive = become_first };

	became = 0;
	START(&once_stage, &stage);
	number(1);
	number(1);
	number(2);
	cr_assert_eq(became, 2);
	cr_assert_eq(handled(), 0);
	cr_assert_eq(repeated(), 1);
	hmt_node_end(&node);
}

/* As many stages as there may be, each of which knows whether the message has come to the actor. */
Test(engine_dedup, several__as_many_as_there_may_be)
{
	static struct hm_dedup_stage dedups[HM_MIDDLEWARE_MAX];
	static struct hm_middleware made[HM_MIDDLEWARE_MAX];
	static const struct hm_middleware *list[HM_MIDDLEWARE_MAX + 1];

	for (uint32_t i = 0; i < HM_MIDDLEWARE_MAX; i++) {
		dedups[i] = once;
		made[i] = (struct hm_middleware){ HM_DEDUP_STAGE(&dedups[i]) };
		list[i] = &made[i];
	}
	start(list);
	for (uint32_t i = 0; i < 2; i++) {
		number(1);
		number(2);
	}
	cr_assert_eq(handled(), 2);
	cr_assert_eq(repeated(), 2);
	hmt_node_end(&node);
}

static struct hm_msg *kept;

static void
forward_or_keep(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	if (*(const uint64_t *)hm_msg_body(msg) == 1)
		cr_assert_eq(hm_forward(ctx, other.pid), HM_OK);
	else
		cr_assert_eq(hm_msg_keep(ctx, &kept), HM_OK);
}

static void
free_kept(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_msg_free(ctx, kept);
}

Test(engine_dedup, first__that_was_handed_on_or_kept_is_known)
{
	START(&once_stage);
	actor.on_msg = forward_or_keep;
	for (uint32_t i = 0; i < 2; i++) {
		number(1);
		number(2);
	}
	cr_assert_eq(handled(), 2);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	cr_assert_eq(repeated(), 2);
	hmt_do(&node, actor.pid, free_kept, NULL);
	hmt_node_end(&node);
}

/* ---- Whose memory it is --------------------------------------------------------------------------- */

Test(engine_dedup, memory__goes_along_when_the_actor_moves)
{
	START(&once_stage);
	number(1);
	cr_assert_eq(hm_system_move(node.sys, actor.pid, 1), 0);
	hmt_turn_until_idle(&node);
	number(1);
	number(2);
	cr_assert_eq(handled(), 2);
	cr_assert_eq(repeated(), 1);
	hmt_node_end(&node);
}

static struct hmt_probe child;

static void
child_spawn(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hmt_probe_child(ctx, &child, HMT_LCORE_SAME, NULL), 0);
}

Test(engine_dedup, inherited__each_actor_has_its_own)
{
	child = (struct hmt_probe){ 0 };
	START(&once_inherited);
	hmt_do(&node, actor.pid, child_spawn, NULL);
	number(1);
	hmt_number(&node, child.pid, 1);
	hmt_number(&node, child.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(handled(), 1);
	cr_assert_eq(hmt_seen_count(&child, HMT_NUMBER), 1);
	cr_assert_eq(repeated(), 1);
	hmt_node_drop(&node);
}

static bool
even_key(const struct hm_msg *msg, uint64_t *key, void *arg)
{
	if (!number_key(msg, key, arg) || *key % 2 != 0)
		return false;
	*key = 0;
	return true;
}

Test(engine_dedup, several__stages_of_one_actor_have_each_their_own)
{
	static const struct hm_dedup_stage evens = { .key = even_key, .keys = 1, .memory_us = MEMORY_US / 2 };
	static const struct hm_middleware evens_stage = { HM_DEDUP_STAGE(&evens) };

	START(&once_stage, &evens_stage);
	number(1);
	number(2);
	number(4);
	number(3);
	number(1);
	cr_assert_eq(handled(), 3);
	cr_assert_eq(repeated(), 2);
	/* The outer one does not know what did not come to the actor. */
	hmt_elapse(&node, MEMORY_US / 2);
	number(4);
	cr_assert_eq(handled(), 4);
	number(2);
	cr_assert_eq(handled(), 4, "that of an even number is known again, and that of this one still");
	hmt_node_end(&node);
}

static void
receive_twice(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	      void *arg)
{
	(void)arg;
	hm_receive_next(ctx, state, msg, next);
	hm_receive_next(ctx, state, msg, next);
}

static const struct hm_middleware doubling = { .receive = receive_twice };

Test(engine_dedup, misuse__an_outer_stage_that_goes_on_twice)
{
	START(&doubling, &once_stage);
	number(1);
	cr_assert_eq(handled(), 1);
	hmt_node_end(&node);
}

Test(engine_dedup, misuse__numbers_out_of_range_fail_the_actor)
{
	static const struct hm_dedup_stage bad = { .key = number_key, .keys = 0, .memory_us = MEMORY_US };
	static const struct hm_middleware stage = { HM_DEDUP_STAGE(&bad) };

	START(&stage);
	number(NO_KEY);
	cr_assert_eq(handled(), 1);
	number(1);
	cr_assert_eq(handled(), 1);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_FAILED], 1);
	hmt_node_end(&node);
}

Test(engine_dedup, knows__does_not_remember)
{
	struct hm_dedup *dedup;

	cr_assert_eq(hm_dedup_create(4, 1, &dedup), 0);
	cr_assert_not(hm_dedup_knows(dedup, 7, 100));
	cr_assert_not(hm_dedup_seen(dedup, 7, 100));
	cr_assert(hm_dedup_knows(dedup, 7, 100));
	cr_assert(hm_dedup_knows(dedup, 7, 1099));
	cr_assert_not(hm_dedup_knows(dedup, 7, 1100));
	hm_dedup_destroy(dedup);
}
