/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The usual child, without a name and of props that leave all to the engine, and its first turn: these have short ways of
 * their own, on which nothing may be lost either.
 */
#include <errno.h>
#include <sys/mman.h>

#include <criterion/criterion.h>

#include "hm_move.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_shortage.h"

#define TIMES 50u

TestSuite(engine_usual, .init = hmt_eal_start);

static const struct hm_supervisor resume = { .directive = HM_DIRECTIVE_RESUME };
static struct hmt_node node;
static struct hmt_probe parent;
static uint32_t alive;

struct counted {
	uint64_t argument;
	uint32_t *alive;
	char fill[3000];
};

static void
counted_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct counted *counted = state;

	if (hm_msg_type(msg) == HM_STARTED && counted->argument == 1)
		hm_fail(ctx, "at its start");
	if (hm_msg_type(msg) == HM_STARTED)
		alive++;
	if (hm_msg_type(msg) == HM_STOPPED)
		alive--;
}

static const struct hm_props usual = { .receive = counted_receive,
				       .state_size = sizeof(struct counted),
				       .args_size = sizeof(uint64_t) };

static void
start(void)
{
	parent = (struct hmt_probe){ 0 };
	alive = 0;
	hmt_node_start(&node, 2);
	node.sys->guardian.supervisor = &resume;
	hmt_probe_spawn(&node, &parent, 0, NULL);
	hmt_turn_until_idle(&node);
}

/* Each call fails its actor, and leaves all as it was. */
static void
fails(void (*call)(struct hm_ctx *ctx, void *arg))
{
	void *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t spawned;
	uint32_t live;

	cr_assert(nowhere != MAP_FAILED);
	start();
	live = node.sys->lcores[0]->cells.live;
	spawned = hmt_stats(&node).spawned;
	for (uint32_t i = 0; i < TIMES; i++)
		hmt_do(&node, parent.pid, call, nowhere);
	cr_assert_eq(hmt_stats(&node).failed, TIMES);
	cr_assert_eq(hmt_stats(&node).spawned, spawned);
	cr_assert_eq(node.sys->lcores[0]->cells.live, live);
	hmt_node_end(&node);
}

static void
spawn_bad_args(struct hm_ctx *ctx, void *bad)
{
	(void)!hm_spawn(ctx, &usual, NULL, bad, NULL);
}

static void
spawn_bad_pid(struct hm_ctx *ctx, void *bad)
{
	(void)!hm_spawn(ctx, &usual, NULL, &(uint64_t){ 0 }, bad);
}

Test(engine_usual, spawn__of_what_is_no_memory_loses_no_slot)
{
	fails(spawn_bad_args);
	fails(spawn_bad_pid);
}

static void
spawn_starved(struct hm_ctx *ctx, void *arg)
{
	struct hmi_slab full[HMI_STATE_CLASSES];
	uint32_t live = ctx->cells.live;
	struct hm_pid pid = { 7, 7 };
	int rcs[TIMES];

	(void)arg;
	for (uint32_t i = 0; i < HMI_STATE_CLASSES; i++)
		full[i] = hmt_slab_drain(&ctx->states[i]);
	hmt_memory_refuse();
	for (uint32_t i = 0; i < TIMES; i++)
		rcs[i] = hm_spawn(ctx, &usual, NULL, &(uint64_t){ 0 }, &pid);
	hmt_memory_allow();
	for (uint32_t i = 0; i < HMI_STATE_CLASSES; i++)
		ctx->states[i] = full[i];
	for (uint32_t i = 0; i < TIMES; i++)
		cr_assert_eq(rcs[i], -ENOMEM, "call %u", i);
	cr_assert_eq(pid.local, 7);
	cr_assert_eq(ctx->cells.live, live);
	cr_assert_eq(hm_children_count(ctx), 0);
	cr_assert_eq(hm_spawn(ctx, &usual, NULL, &(uint64_t){ 0 }, &pid), 0);
}

Test(engine_usual, spawn__without_memory_for_the_state_gives_the_slot_back)
{
	start();
	hmt_do(&node, parent.pid, spawn_starved, NULL);
	cr_assert_eq(alive, 1);
	hmt_stop(&node, parent.pid);
	cr_assert_eq(alive, 0);
	hmt_node_end(&node);
}

static void
spawn_failing(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_spawn(ctx, &usual, NULL, &(uint64_t){ 1 }, NULL), 0);
}

/* Its parent has handled messages before, in the same round, of which the books know already. */
Test(engine_usual, first_turn__that_fails_counts_no_message)
{
	struct hmt_deed deed = { spawn_failing, NULL };

	start();
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(hm_system_send(node.sys, parent.pid, HMT_DO, &deed), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_geq(hmt_stats(&node).failed, 3);
	hmt_books_check(node.sys);
	hmt_stop(&node, parent.pid);
	hmt_node_end(&node);
}

static void
stop_itself(struct hm_ctx *ctx, void *arg)
{
	hm_stop(ctx, hm_self(ctx));
	/* It is what it was until the call ends. */
	cr_assert(hm_pid_equal(hm_self(ctx), *(struct hm_pid *)arg));
}

static void
child_spawn(struct hm_ctx *ctx, void *child)
{
	cr_assert_eq(hmt_probe_child(ctx, child, HMT_LCORE_SAME, NULL), 0);
}

Test(engine_usual, stop__of_itself_by_one_that_has_moved)
{
	static struct hmt_probe child;

	start();
	hmt_do(&node, parent.pid, child_spawn, &child);
	cr_assert_eq(hm_system_move(node.sys, child.pid, 1), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).moved, 1);
	hmt_do(&node, child.pid, stop_itself, &child.pid);
	cr_assert_eq(hmt_seen_count(&child, HM_STOPPED), 1);
	cr_assert(hm_pid_equal(hmt_seen_last(&parent, HM_TERMINATED)->terminated.who, child.pid));
	hmt_node_end(&node);
}
