/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No memory, or no slot, for actors, watches, timers and futures: whoever asks is told, nothing is left
 * behind, and when there is some again all goes on.
 */
#include <errno.h>

#include <criterion/criterion.h>

#include "assert_pvt.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_log.h"
#include "hmt_shortage.h"

TestSuite(engine_shortage, .init = hmt_eal_start);

static void
ignore(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	(void)msg;
}

#define STATE_BYTES 1000u

static const struct hm_props big_here = { .receive = ignore, .state_size = STATE_BYTES }, big_there = {
	.receive = ignore, .state_size = STATE_BYTES, .lcore = HM_LCORE(1)
};

/* A node of two lcores, and a probe on lcore 0, /user/probe. */
static struct hm_ctx *
scene_start(struct hmt_node *node, struct hmt_probe *probe)
{
	*probe = (struct hmt_probe){ 0 };
	hmt_node_start(node, 2);
	hmt_probe_spawn(node, probe, 0, "probe");
	hmt_turn_until_idle(node);
	return node->sys->lcores[0];
}

/* ---- Actors ------------------------------------------------------------------------------ */

static void
spawn_here(struct hm_ctx *ctx, void *pid)
{
	cr_assert_eq(hm_spawn(ctx, &big_here, "child", NULL, pid), 0);
}

static void
spawn_there(struct hm_ctx *ctx, void *pid)
{
	cr_assert_eq(hm_spawn(ctx, &big_there, "child", NULL, pid), 0);
}

static void
spawn_without_memory(struct hm_ctx *ctx, void *pid)
{
	uint32_t live = ctx->cells.live;
	int rc;

	hmt_memory_refuse();
	rc = hm_spawn(ctx, &big_here, "child", NULL, pid);
	hmt_memory_allow();
	cr_assert_eq(rc, -ENOMEM);
	cr_assert_eq(ctx->cells.live, live);
	cr_assert_eq(hm_children_count(ctx), 0);
}

static void
spawn_there_without_link(struct hm_ctx *ctx, void *pid)
{
	struct hmi_slab slab = hmt_slab_drain(&ctx->links.slab);
	int rc;

	hmt_memory_refuse();
	rc = hm_spawn(ctx, &big_there, "child", NULL, pid);
	hmt_memory_allow();
	ctx->links.slab = slab;
	cr_assert_eq(rc, -ENOMEM);
	cr_assert_eq(hm_children_count(ctx), 0);
}

/* Here for the state, and there for the link between the two. */
Test(engine_shortage, spawn__without_memory_leaves_nothing)
{
	static struct hmt_probe probe;
	struct hm_pid pid = { 1, 2 };
	struct hmt_node node;

	scene_start(&node, &probe);
	hmt_do(&node, probe.pid, spawn_without_memory, &pid);
	hmt_do(&node, probe.pid, spawn_there_without_link, &pid);
	cr_assert_eq(pid.local, 2, "an error leaves the out-parameter alone");
	cr_assert_eq(hm_lookup(node.sys, "/user/probe/child", &pid), -ENOENT);
	hmt_do(&node, probe.pid, spawn_there, &pid);
	hmt_stop(&node, pid);
	hmt_do(&node, probe.pid, spawn_here, &pid);
	cr_assert_eq(hmt_stats(&node).spawned, HMT_GUARDIANS + 3, "probe, and two children");
	hmt_node_end(&node);
}

/* The other lcore finds no memory, when the spawner has the PID already. */
static void
spawn_into_a_shortage(struct hm_ctx *ctx, void *pid)
{
	spawn_there(ctx, pid);
	cr_assert_eq(hm_send(ctx, *(struct hm_pid *)pid, HMT_EMPTY, NULL), HM_OK);
	hmt_memory_refuse();
}

Test(engine_shortage, spawn__without_memory_on_another_lcore_is_a_child_that_failed)
{
	static struct hmt_probe probe;
	struct hm_pid first, second;
	struct hmt_node node;

	scene_start(&node, &probe);
	hmt_do(&node, probe.pid, spawn_into_a_shortage, &first);
	hmt_memory_allow();
	cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), 1);
	cr_assert(hm_pid_equal(hmt_seen_last(&probe, HM_TERMINATED)->terminated.who, first));
	cr_assert_eq(hmt_seen_last(&probe, HM_TERMINATED)->terminated.reason, HM_TERMINATED_FAILED);
	cr_assert_eq(hmt_dead(&node), 1, "what was sent to it");
	hmt_do(&node, probe.pid, spawn_there, &second);
	cr_assert_eq(hm_lookup(node.sys, "/user/probe/child", &first), 0);
	cr_assert(hm_pid_equal(first, second));
	hmt_node_end(&node);
}

/* A state that no slab has: it comes from the heap. The sanitizer ends the process when that has no memory. */
#ifndef HMI_ASAN
#define HUGE_BYTES (64u << 20)

static const struct hm_props huge_here = { .receive = ignore, .state_size = HUGE_BYTES }, huge_there = {
	.receive = ignore, .state_size = HUGE_BYTES, .lcore = HM_LCORE(1)
};

static void
spawn_huge_without_memory(struct hm_ctx *ctx, void *pid)
{
	uint32_t live = ctx->cells.live;
	int rc;

	hmt_memory_refuse();
	rc = hm_spawn(ctx, &huge_here, "child", NULL, pid);
	hmt_memory_allow();
	cr_assert_eq(rc, -ENOMEM);
	cr_assert_eq(ctx->cells.live, live);
	cr_assert_eq(hm_children_count(ctx), 0);
}

static void
spawn_huge(struct hm_ctx *ctx, void *pid)
{
	cr_assert_eq(hm_spawn(ctx, &huge_here, "child", NULL, pid), 0);
}

static void
spawn_huge_there(struct hm_ctx *ctx, void *pid)
{
	cr_assert_eq(hm_spawn(ctx, &huge_there, "child", NULL, pid), 0);
	hmt_memory_refuse();
}

Test(engine_shortage, spawn__without_memory_for_a_state_of_the_heap_leaves_nothing)
{
	static struct hmt_probe probe;
	struct hm_pid pid = { 1, 2 };
	struct hmt_node node;

	scene_start(&node, &probe);
	hmt_do(&node, probe.pid, spawn_huge_without_memory, &pid);
	cr_assert_eq(pid.local, 2, "an error leaves the out-parameter alone");
	cr_assert_eq(hm_lookup(node.sys, "/user/probe/child", &pid), -ENOENT);
	hmt_do(&node, probe.pid, spawn_huge_there, &pid);
	hmt_memory_allow();
	cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), 1);
	cr_assert_eq(hmt_seen_last(&probe, HM_TERMINATED)->terminated.reason, HM_TERMINATED_FAILED);
	hmt_do(&node, probe.pid, spawn_huge, &pid);
	cr_assert_eq(hmt_stats(&node).spawned, HMT_GUARDIANS + 2, "probe, and one child");
	hmt_stop(&node, pid);
	hmt_node_end(&node);
}
#endif

/* ---- Slots, which get their memory in chunks ------------------------------------------------ */

Test(engine_shortage, cells__without_memory_for_a_chunk)
{
	struct hmi_cells cells;
	struct hmi_cell *cell;
	uint32_t live = 0;

	cr_assert_eq(hmi_cells_create(&cells), 0);
	for (uint32_t chunk = 0; chunk < 2; chunk++) {
		hmt_commit_refuse();
		cell = hmi_cells_get(&cells);
		hmt_memory_allow();
		cr_assert_null(cell, "chunk %u", chunk);
		cr_assert_eq(cells.live, live);
		for (uint32_t slot = 0; slot < HMI_CELLS_CHUNK; slot++) {
			/* Those of routers are for them alone. */
			if (hmi_local_is_router((uint64_t)(chunk * HMI_CELLS_CHUNK + slot) << 32))
				continue;
			cell = hmi_cells_get(&cells);
			live++;
			cr_assert_not_null(cell);
			cr_assert_eq(hmi_cells_slot_of(&cells, cell), chunk * HMI_CELLS_CHUNK + slot,
				     "none is lost");
		}
	}
	hmi_cells_destroy(&cells);
}

/* As if an lcore had used all slots of its first chunk that it has given to nobody. */
static void
chunk_use_up(struct hm_ctx *ctx)
{
	struct hmi_cells *cells = &ctx->cells;

	cr_assert_leq(cells->bank->next, HMI_CELLS_CHUNK);
	cells->lost += (uint32_t)HMI_CELLS_CHUNK - cells->bank->next;
	cells->bank->next = (uint32_t)HMI_CELLS_CHUNK;
}

/* Until no slot with memory is left. */
static void
spawn_to_the_chunks_end(struct hm_ctx *ctx, void *arg)
{
	static const struct hm_props small = { .receive = ignore };
	const struct hmi_cells *cells = &ctx->cells;
	struct hm_pid *pid = arg;
	uint32_t live;
	int rc;

	while (cells->free_count > 0 || cells->fresh < cells->fresh_end)
		cr_assert_eq(hm_spawn(ctx, &small, NULL, NULL, pid), 0);
	live = cells->live;
	hmt_commit_refuse();
	rc = hm_spawn(ctx, &small, NULL, NULL, pid);
	hmt_memory_allow();
	cr_assert_eq(rc, -ENOMEM);
	cr_assert_eq(cells->live, live);
	cr_assert_eq(hm_spawn(ctx, &small, NULL, NULL, pid), 0);
}

Test(engine_shortage, spawn__without_memory_for_a_chunk_of_slots)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_pid pid;

	chunk_use_up(scene_start(&node, &probe));
	hmt_do(&node, probe.pid, spawn_to_the_chunks_end, &pid);
	cr_assert_eq(hm_pid_slot(pid), HMI_CELLS_CHUNK, "the one that was refused");
	hmt_node_end(&node);
}

/* The spawner has all PIDs before the other lcore finds that it has no memory for the last one. */
static void
spawn_there_to_the_chunks_end(struct hm_ctx *ctx, void *arg)
{
	static const struct hm_props small_there = { .receive = ignore, .lcore = HM_LCORE(1) };
	struct hm_pid *pid = arg;

	do
		cr_assert_eq(hm_spawn(ctx, &small_there, NULL, NULL, pid), 0);
	while (hm_pid_slot(*pid) < HMI_CELLS_CHUNK);
	cr_assert_eq(hm_send(ctx, *pid, HMT_EMPTY, NULL), HM_OK);
	hmt_commit_refuse();
}

Test(engine_shortage, spawn__on_another_lcore_without_memory_for_a_chunk_of_slots)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_pid pid;

	scene_start(&node, &probe);
	chunk_use_up(node.sys->lcores[1]);
	hmt_do(&node, probe.pid, spawn_there_to_the_chunks_end, &pid);
	hmt_memory_allow();
	cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), 1);
	cr_assert(hm_pid_equal(hmt_seen_last(&probe, HM_TERMINATED)->terminated.who, pid));
	cr_assert_eq(hmt_seen_last(&probe, HM_TERMINATED)->terminated.reason, HM_TERMINATED_FAILED);
	cr_assert_eq(hmt_dead(&node), 1, "what was sent to it");
	hmt_node_end(&node);
}

/* ---- Watches ----------------------------------------------------------------------------- */

static void
watch_without_memory(struct hm_ctx *ctx, void *pid)
{
	struct hmi_slab slab = hmt_slab_drain(&ctx->links.slab);
	enum hm_result result;

	hmt_memory_refuse();
	result = hm_watch(ctx, *(struct hm_pid *)pid);
	hmt_memory_allow();
	ctx->links.slab = slab;
	cr_assert_eq(result, HM_NO_MEMORY);
}

/* On the watcher's lcore the call says so. */
Test(engine_shortage, watch__without_memory_is_refused)
{
	static struct hmt_probe probe, watched;
	struct hmt_node node;

	watched = (struct hmt_probe){ 0 };
	scene_start(&node, &probe);
	hmt_probe_spawn(&node, &watched, 1, NULL);
	hmt_do(&node, probe.pid, watch_without_memory, &watched.pid);
	hmt_stop(&node, watched.pid);
	cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), 0);
	hmt_node_end(&node);
}

/* On the lcore of the watched one it is too late for that: the watch is over at once. */
Test(engine_shortage, watch__without_memory_on_the_other_lcore_is_over)
{
	static struct hmt_probe probe, watched;
	struct hmi_slab *links, slab;
	struct hmt_node node;

	watched = (struct hmt_probe){ 0 };
	scene_start(&node, &probe);
	hmt_probe_spawn(&node, &watched, 1, NULL);
	hmt_turn_until_idle(&node);
	hmt_do(&node, probe.pid, hmt_watch, &watched.pid);
	hmt_do(&node, probe.pid, hmt_unwatch, &watched.pid);
	links = &node.sys->lcores[1]->links.slab;
	slab = hmt_slab_drain(links);
	hmt_memory_refuse();
	hmt_do(&node, probe.pid, hmt_watch, &watched.pid);
	hmt_memory_allow();
	*links = slab;
	cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), 1);
	cr_assert_eq(hmt_seen_last(&probe, HM_TERMINATED)->terminated.reason, HM_TERMINATED_NOT_FOUND);
	hmt_do(&node, probe.pid, hmt_watch, &watched.pid);
	hmt_stop(&node, watched.pid);
	cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), 2);
	cr_assert_eq(hmt_seen_last(&probe, HM_TERMINATED)->terminated.reason, HM_TERMINATED_STOPPED);
	hmt_node_end(&node);
}

/* ---- Timers ------------------------------------------------------------------------------ */

static enum hm_result
after_in_a_shortage(struct hm_ctx *ctx, uint16_t type, const void *body)
{
	enum hm_result result;

	hmt_memory_refuse();
	result = hm_send_after(ctx, hm_self(ctx), type, body, 1, 0, NULL);
	hmt_memory_allow();
	return result;
}

/* Without memory for a timer; then for one, but not for what it would carry. */
static void
after_without_memory(struct hm_ctx *ctx, void *arg)
{
	static const char big[HMT_BIG_BYTES];
	uint32_t links = ctx->links.count;
	void *timer;

	(void)arg;
	cr_assert_eq(after_in_a_shortage(ctx, HMT_EMPTY, NULL), HM_NO_MEMORY);
	timer = hmi_slab_get(&ctx->timers);
	hmi_slab_put(&ctx->timers, timer);
	cr_assert_eq(after_in_a_shortage(ctx, HMT_BIG, big), HM_NO_MEMORY);
	cr_assert_eq(ctx->timers.free, timer, "the timer that would have carried it is free again");
	cr_assert_eq(ctx->links.count, links);
	cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_BIG, big, 1, 0, NULL), HM_OK);
}

Test(engine_shortage, send_after__without_memory_is_refused_and_counted)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hmt_log log;

	scene_start(&node, &probe);
	hmt_log_start(&log);
	hmt_do(&node, probe.pid, after_without_memory, NULL);
	cr_assert_eq(hmt_stats(&node).no_memory, 2);
	cr_assert_not(hmt_log_has(&log, "--memory"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	hmt_elapse(&node, 10);
	cr_assert_eq(hmt_seen_count(&probe, HMT_BIG), 1);
	cr_assert_eq(hmt_seen_count(&probe, HMT_EMPTY), 0);
	hmt_node_end(&node);
}

/* ---- Slots ------------------------------------------------------------------------------- */

static void
count_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	    void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	cr_assert_neq(result, HM_FUTURE_TIMEOUT);
	(*(uint32_t *)arg)++;
}

/* What needs a slot, and what it answers. */
static void
slots_want(struct hm_ctx *ctx, uint32_t *replies, bool are_some)
{
	uint64_t number = 1;

	/* Nobody receives at /deadLetters, which ends the future. */
	cr_assert_eq(hm_ask(ctx, hm_system_dead_letters(hm_system(ctx)), HMT_NUMBER, &number, 1000,
			    count_reply, replies),
		     are_some ? HM_OK : HM_NO_MEMORY);
	cr_assert_eq(hm_resolve(ctx, "/user/probe", 1000, count_reply, replies), are_some ? 0 : -ENOMEM);
	cr_assert_eq(hm_spawn(ctx, &big_here, "child", NULL, NULL), are_some ? 0 : -ENOMEM);
}

/* As if every slot of the lcore were taken. */
static void
use_all_slots(struct hm_ctx *ctx, void *replies)
{
	struct hmi_cells *cells = &ctx->cells;
	uint32_t fresh = cells->fresh, fresh_end = cells->fresh_end, free = cells->free_count,
		 end = cells->bank->next;

	cells->bank->next = HM_SLOTS_MAX;
	cells->fresh = cells->fresh_end = HM_SLOTS_MAX;
	cells->free_count = 0;
	slots_want(ctx, replies, false);
	cells->fresh = fresh;
	cells->fresh_end = fresh_end;
	cells->bank->next = end;
	cells->free_count = free;
	slots_want(ctx, replies, true);
}

Test(engine_shortage, slot__none_is_left_for_futures_and_actors)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	uint32_t replies = 0;

	scene_start(&node, &probe);
	hmt_do(&node, probe.pid, use_all_slots, &replies);
	cr_assert_eq(replies, 2);
	cr_assert_eq(hmt_dead(&node), 1, "the request that was sent");
	cr_assert_eq(hmt_stats(&node).spawned, HMT_GUARDIANS + 2, "probe, child");
	hmt_node_end(&node);
}

/* ---- The inject ring ---------------------------------------------------------------------- */

Test(engine_shortage, system_stop_actor__a_full_ring_says_try_again)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	uint64_t number = 1;

	probe = (struct hmt_probe){ 0 };
	hmt_node_start_with(&node, 1, 0, "--inject 16");
	hmt_probe_spawn(&node, &probe, 0, NULL);
	while (hm_system_send(node.sys, probe.pid, HMT_NUMBER, &number) == HM_OK)
		;
	cr_assert_eq(hm_system_stop_actor(node.sys, probe.pid), -EAGAIN);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&probe, HM_STOPPED), 0);
	hmt_stop(&node, probe.pid);
	cr_assert_eq(hmt_seen_count(&probe, HM_STOPPED), 1);
	hmt_node_end(&node);
}
