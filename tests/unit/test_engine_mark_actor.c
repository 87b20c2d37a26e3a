/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fault in memory that an actor passes to a call, and a stack that ends within one, are the actor's.
 */
#include <sys/mman.h>

#include "hm_select.h"
#include "test_engine_mark.h"

TestSuite(engine_mark_actor, .init = hmt_eal_start);

/* ---- Stacks that end within a call ------------------------------------------------------------ */

struct descent {
	void (*call)(struct hm_ctx *ctx);
	size_t frame; /* bytes of each frame, beside what the compiler needs */
};

/* Each depth calls the engine, so that the stack ends in a call, or right before or behind. */
__attribute__((noinline)) static uint64_t
descend(struct hm_ctx *ctx, const struct descent *down, uint64_t depth)
{
	/* allowed: what the frame holds is not to be optimised away */
	volatile char *room = __builtin_alloca(down->frame);

	room[0] = (char)depth;
	if (depth % 64 == 0)
		down->call(ctx);
	if (depth > 1u << 30)
		return 0;
	return descend(ctx, down, depth + 1) + (uint64_t)room[0];
}

static void
descend_begin(struct hm_ctx *ctx, void *arg)
{
	(void)descend(ctx, arg, 0);
}

CALL(watch_self_again, (void)hm_watch(ctx, other.pid))

Test(engine_mark_actor, stack__that_ends_within_a_call_is_the_actors)
{
	static void (*const calls[])(struct hm_ctx * ctx) = { send_small, ask, watch_self_again };
	struct hmt_node node;
	uint64_t failed = 0;

	node_with_two(&node);
	for (size_t c = 0; c < sizeof(calls) / sizeof(calls[0]); c++) {
		for (size_t frame = 16; frame <= 512; frame += 31) {
			struct descent down = { calls[c], frame };

			hmt_do(&node, actor.pid, descend_begin, &down);
			cr_assert_eq(hmt_stats(&node).failed, ++failed, "call %zu, frames of %zu", c, frame);
			hmt_elapse(&node, 10000000);
		}
	}
	hmt_node_end(&node);
}

/* ---- Where results go ------------------------------------------------------------------------------ */

static void *nowhere;

CALL(future_nowhere, (void)hm_future_new(ctx, 1000, nowhere))
CALL(request_nowhere, (void)hm_request_future(ctx, other.pid, HMT_NUMBER, &number, 1000, nowhere))
CALL(stop_nowhere, (void)hm_stop_future(ctx, other.pid, 1000, nowhere))
CALL(timer_nowhere, (void)hm_send_after(ctx, hm_self(ctx), HMT_NUMBER, &number, 1000, 0, nowhere))
CALL(offload_nowhere, (void)hm_offload(ctx, work, NULL, 0, HMT_NUMBER, nowhere))
CALL(spawn_nowhere, (void)!hm_spawn(ctx, hmt_probe_props(0), NULL, &(struct hmt_probe *){ &other }, nowhere))
CALL(watch_nowhere, (void)hm_watch_path(ctx, "/user", nowhere))

static void
run_call(struct hm_ctx *ctx, void *arg)
{
	(*(void (*const *)(struct hm_ctx *))arg)(ctx);
}

Test(engine_mark_actor, result__to_memory_that_cannot_be_written_is_the_actors_fault)
{
	static void (*const calls[])(struct hm_ctx * ctx) = { future_nowhere, request_nowhere, stop_nowhere,
							      timer_nowhere,  offload_nowhere, spawn_nowhere,
							      watch_nowhere };
	struct hmt_node node;

	nowhere = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert(nowhere != MAP_FAILED);
	node_with_two(&node);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		uint32_t live = node.sys->lcores[0]->cells.live, links = node.sys->lcores[0]->links.count;

		hmt_do(&node, actor.pid, run_call, (void *)(uintptr_t)&calls[i]);
		cr_assert_eq(hmt_stats(&node).failed, i + 1, "call %zu", i);
		cr_assert_eq(node.sys->lcores[0]->cells.live, live, "call %zu", i);
		cr_assert_leq(node.sys->lcores[0]->links.count, links + 1, "call %zu", i);
		hmt_elapse(&node, 10000000);
	}
	cr_assert_eq(hmt_seen_count(&other, HM_STOPPING), 0);
	hmt_node_end(&node);
}
