/* SPDX-License-Identifier: Apache-2.0 */
#include "timer_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_clock.h"

#define SPIN_NS 1000

struct worker {
	struct timer_load *load;
	uint32_t peer; /* index of the actor that it passes messages on to */
};

static void
worker_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct worker *worker = state;
	struct timer_load *load = worker->load;
	uint64_t end_ticks = bench_clock_ticks() + load->spin_ticks;

	if (hm_msg_type(msg) != TIMER_LOAD_WORK)
		return;
	if (load->told != 0) {
		if (--load->under_way == 0)
			bench_node_check(load->node, ctx, hm_send(ctx, load->owner, load->told, NULL));
		return;
	}
	while (bench_clock_ticks() < end_ticks)
		;
	bench_node_check(load->node, ctx, hm_send(ctx, load->pids[worker->peer], TIMER_LOAD_WORK, NULL));
}

int
timer_load_init(struct timer_load *load, struct bench_node *node, uint32_t actors)
{
	*load = (struct timer_load){ .node = node, .actors = actors };
	load->spin_ticks = (uint64_t)(SPIN_NS / bench_clock_tick_ns());
	load->pids = calloc(actors > 0 ? actors : 1, sizeof(*load->pids));
	if (load->pids == NULL) {
		fprintf(stderr, "no memory for the PIDs of %u actors\n", actors);
		return -ENOMEM;
	}
	return bench_node_type(node, TIMER_LOAD_WORK, "work", 0);
}

void
timer_load_fini(struct timer_load *load)
{
	free(load->pids);
	load->pids = NULL;
}

static bool
worker_spawn(struct timer_load *load, struct hm_ctx *ctx, uint32_t index)
{
	static const struct hm_props props = {
		.receive = worker_receive,
		.state_size = sizeof(struct worker),
		.args_size = sizeof(struct worker),
	};
	/* A ring: each has one that sends to it, so the messages stay spread over all. */
	const struct worker worker = { .load = load, .peer = (index + 1) % load->actors };

	return hm_spawn(ctx, &props, NULL, &worker, &load->pids[index]) == 0;
}

void
timer_load_start(struct timer_load *load, struct hm_ctx *ctx, uint32_t depth)
{
	for (uint32_t i = 0; i < load->actors; i++) {
		if (!worker_spawn(load, ctx, i)) {
			bench_node_fail(load->node, ctx, "cannot spawn the actors that keep the lcore busy");
			return;
		}
	}
	load->under_way = (uint64_t)load->actors * depth;
	for (uint32_t i = 0; i < load->actors; i++) {
		for (uint32_t j = 0; j < depth; j++)
			bench_node_check(load->node, ctx, hm_send(ctx, load->pids[i], TIMER_LOAD_WORK, NULL));
	}
}

void
timer_load_end(struct timer_load *load, struct hm_ctx *ctx, uint16_t type)
{
	load->owner = hm_self(ctx);
	load->told = type;
	if (load->under_way == 0)
		bench_node_check(load->node, ctx, hm_send(ctx, load->owner, type, NULL));
}
