/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an actor does with messages as its state goes on: it handles them by another function, or later. Behaviours, and the
 * stash.
 */
#include <criterion/criterion.h>

#include "box_pvt.h"
#include "hm_behaviour.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_shortage.h"

TestSuite(engine_behaviour, .init = hmt_eal_start);

static struct hmt_probe actor;

static void
node_with(struct hmt_node *node)
{
	actor = (struct hmt_probe){ 0 };
	hmt_node_start(node, 2);
	hmt_probe_spawn(node, &actor, 0, NULL);
	hmt_turn_until_idle(node);
}

/* ---- Behaviours ---------------------------------------------------------------------------- */

/* Which function has handled the last number. */
static char last;

static void
do_deed(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmt_deed *deed = hm_msg_body(msg);

	if (hm_msg_type(msg) == HMT_DO)
		deed->fn(ctx, deed->arg);
}

#define BEHAVIOUR(name)                                                             \
	static void name(struct hm_ctx *ctx, void *state, const struct hm_msg *msg) \
	{                                                                           \
		(void)state;                                                        \
		last = hm_msg_type(msg) == HMT_NUMBER ? #name[0] : last;            \
		do_deed(ctx, msg);                                                  \
	}

BEHAVIOUR(busy)
BEHAVIOUR(closed)

static void
push(struct hm_ctx *ctx, void *function)
{
	cr_assert_eq(hm_become_push(ctx, *(hm_receive_fn **)function), HM_OK);
}

static void
become(struct hm_ctx *ctx, void *function)
{
	hm_become(ctx, function != NULL ? *(hm_receive_fn **)function : NULL);
}

static void
pop(struct hm_ctx *ctx, void *expected)
{
	cr_assert_eq(hm_become_pop(ctx), *(bool *)expected);
}

static char
handled_by(struct hmt_node *node)
{
	uint32_t before = hmt_seen_count(&actor, HMT_NUMBER);

	last = 0;
	hmt_number(node, actor.pid, 1);
	hmt_turn_until_idle(node);
	return hmt_seen_count(&actor, HMT_NUMBER) > before ? 'p' : last;
}

static hm_receive_fn *busy_fn = busy, *closed_fn = closed;
static bool yes = true, no = false;

Test(engine_behaviour, become__pushes_and_pops_from_the_next_message_on)
{
	struct hmt_node node;

	node_with(&node);
	cr_assert_eq(handled_by(&node), 'p', "the props'");
	hmt_do(&node, actor.pid, push, &busy_fn);
	cr_assert_eq(handled_by(&node), 'b');
	hmt_do(&node, actor.pid, push, &closed_fn);
	cr_assert_eq(handled_by(&node), 'c');
	hmt_do(&node, actor.pid, pop, &yes);
	cr_assert_eq(handled_by(&node), 'b');
	hmt_do(&node, actor.pid, pop, &yes);
	cr_assert_eq(handled_by(&node), 'p');
	hmt_do(&node, actor.pid, pop, &no);
	cr_assert_eq(handled_by(&node), 'p');
	hmt_do(&node, actor.pid, push, &busy_fn);
	hmt_do(&node, actor.pid, become, &closed_fn);
	cr_assert_eq(handled_by(&node), 'c');
	hmt_do(&node, actor.pid, pop, &no);
	hmt_do(&node, actor.pid, become, NULL);
	cr_assert_eq(handled_by(&node), 'p');
	hmt_node_end(&node);
}

Test(engine_behaviour, restart__empties_the_stack)
{
	struct hmt_node node;

	node_with(&node);
	hmt_do(&node, actor.pid, push, &busy_fn);
	hmt_do(&node, actor.pid, push, &closed_fn);
	hmt_do(&node, actor.pid, hmt_fail, NULL);
	cr_assert_eq(handled_by(&node), 'p');
	hmt_do(&node, actor.pid, pop, &no);
	hmt_node_end(&node);
}

static void
push_to_the_limit(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < HM_BEHAVIOURS_MAX; i++)
		cr_assert_eq(hm_become_push(ctx, busy), HM_OK);
	cr_assert_eq(hm_become_push(ctx, busy), HM_WOULD_BLOCK);
	cr_assert_eq(hm_become_push(ctx, NULL), HM_INVALID);
}

static void
push_starved(struct hm_ctx *ctx, void *arg)
{
	struct hmi_slab full = hmt_slab_drain(&ctx->behaviours);

	(void)arg;
	hmt_memory_refuse();
	cr_assert_eq(hm_become_push(ctx, busy), HM_NO_MEMORY);
	hmt_memory_allow();
	ctx->behaviours = full;
}

Test(engine_behaviour, push__has_a_limit_and_may_lack_memory)
{
	struct hmt_node node;

	node_with(&node);
	hmt_do(&node, actor.pid, push_starved, NULL);
	cr_assert_eq(handled_by(&node), 'p');
	hmt_do(&node, actor.pid, push_to_the_limit, NULL);
	cr_assert_eq(handled_by(&node), 'b');
	hmt_node_end(&node);
}

/* ---- Stash ------------------------------------------------------------------------------------ */

static void
stash_numbers(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	probe->count--; /* what is stashed was not seen */
	cr_assert_eq(hm_stash(ctx), HM_OK);
	cr_assert_eq(hm_stash(ctx), HM_NO_RECEIVER, "once");
}

static void
unstash_one(struct hm_ctx *ctx, void *expected)
{
	cr_assert_eq(hm_unstash(ctx), *(bool *)expected);
	actor.on_msg = NULL;
}

static void
unstash_all(struct hm_ctx *ctx, void *count)
{
	cr_assert_eq(hm_stash_count(ctx), *(uint32_t *)count);
	cr_assert_eq(hm_unstash_all(ctx), *(uint32_t *)count);
	cr_assert_eq(hm_stash_count(ctx), 0);
	actor.on_msg = NULL;
}

static void
numbers_check(const struct hmt_node *node, uint32_t from, uint32_t count)
{
	uint32_t at = 0;

	(void)node;
	for (uint32_t i = 0; i < actor.count; i++) {
		if (actor.seen[i].type == HMT_NUMBER)
			cr_assert_eq(actor.seen[i].number, from + at++);
	}
	cr_assert_eq(at, count);
}

Test(engine_behaviour, unstash_all__keeps_order_before_what_waits)
{
	uint32_t count = 3;
	struct hmt_node node;

	node_with(&node);
	actor.on_msg = stash_numbers;
	for (uint64_t i = 0; i < count; i++)
		hmt_number(&node, actor.pid, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_system_send(node.sys, actor.pid, HMT_DO, &(struct hmt_deed){ unstash_all, &count }),
		     HM_OK);
	hmt_number(&node, actor.pid, 3);
	hmt_number(&node, actor.pid, 4);
	hmt_turn_until_idle(&node);
	numbers_check(&node, 0, 5);
	count = 0;
	hmt_do(&node, actor.pid, unstash_all, &count);
	hmt_node_end(&node);
}

Test(engine_behaviour, unstash__takes_the_first)
{
	uint32_t count = 2;
	struct hmt_node node;

	node_with(&node);
	actor.on_msg = stash_numbers;
	for (uint64_t i = 0; i < 3; i++)
		hmt_number(&node, actor.pid, i);
	hmt_turn_until_idle(&node);
	hmt_do(&node, actor.pid, unstash_one, &yes);
	numbers_check(&node, 0, 1);
	hmt_do(&node, actor.pid, unstash_all, &count);
	numbers_check(&node, 0, 3);
	hmt_do(&node, actor.pid, unstash_one, &no);
	hmt_node_end(&node);
}

static void
request_number(struct hm_ctx *ctx, void *to)
{
	uint64_t number = 5;

	cr_assert_eq(hm_request(ctx, *(struct hm_pid *)to, HMT_NUMBER, &number), HM_OK);
}

Test(engine_behaviour, stash__keeps_the_sender)
{
	static struct hmt_probe other;
	uint32_t count = 1;
	struct hmt_node node;

	node_with(&node);
	other = (struct hmt_probe){ 0 };
	hmt_probe_spawn(&node, &other, 1, NULL);
	actor.on_msg = stash_numbers;
	hmt_do(&node, other.pid, request_number, &actor.pid);
	hmt_do(&node, actor.pid, unstash_all, &count);
	cr_assert(hm_pid_equal(hmt_seen_last(&actor, HMT_NUMBER)->sender, other.pid));
	hmt_node_end(&node);
}

/* Before what waits, in the order in which it came. */
Test(engine_behaviour, restart__puts_the_stash_back)
{
	struct hmt_node node;

	node_with(&node);
	actor.on_msg = stash_numbers;
	for (uint64_t i = 0; i < 3; i++)
		hmt_number(&node, actor.pid, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_system_send(node.sys, actor.pid, HMT_DO, &(struct hmt_deed){ hmt_fail, NULL }),
		     HM_OK);
	hmt_number(&node, actor.pid, 3);
	actor.on_msg = NULL;
	hmt_turn_until_idle(&node);
	numbers_check(&node, 0, 4);
	hmt_node_end(&node);
}

Test(engine_behaviour, stop__leaves_the_stash_to_dead_letters)
{
	struct hmt_node node;

	node_with(&node);
	actor.on_msg = stash_numbers;
	for (uint64_t i = 0; i < 3; i++)
		hmt_number(&node, actor.pid, i);
	hmt_turn_until_idle(&node);
	hmt_stop(&node, actor.pid);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 3);
	hmt_node_end(&node);
}

Test(engine_behaviour, drop__of_a_system_frees_stashes_and_behaviours)
{
	struct hmt_node node;

	node_with(&node);
	actor.on_msg = stash_numbers;
	for (uint64_t i = 0; i < 3; i++)
		hmt_number(&node, actor.pid, i);
	hmt_do(&node, actor.pid, push, &busy_fn);
	hmt_system_drain(node.sys);
	hmt_books_check(node.sys);
	hmt_node_drop(&node);
}

static void
stash_or_count(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	enum hm_result result = hm_stash(ctx);

	(void)probe;
	if (hm_msg_type(msg) == HM_STARTED)
		cr_assert_eq(result, HM_NO_RECEIVER);
	else if (hm_msg_type(msg) == HMT_NUMBER && result != HM_OK)
		cr_assert_eq(result, HM_WOULD_BLOCK);
}

static void
limit_check(uint32_t stash, uint32_t most)
{
	struct hm_props props = *hmt_probe_props(0);
	struct hmt_probe *probe = &actor;
	struct hmt_node node;

	actor = (struct hmt_probe){ .on_msg = stash_or_count };
	props.stash = stash;
	hmt_node_start(&node, 1);
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &actor.pid), 0);
	for (uint64_t i = 0; i < most + 5; i++)
		hmt_number(&node, actor.pid, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmi_cell_live(node.sys->lcores[0], actor.pid.local)->actor.extra->stash.count, most);
	hmt_node_end(&node);
}

Test(engine_behaviour, stash__is_bounded)
{
	limit_check(3, 3);
	limit_check(0, HM_STASH_DEFAULT);
}
