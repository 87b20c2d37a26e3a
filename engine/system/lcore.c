/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One lcore's part of the engine: made before the system runs, drained and freed after.
 */
#include "lcore_pvt.h"

#include <stdlib.h>

#include <rte_bitops.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

static bool
crowded(const struct hm_system *sys)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 &&
	       sys->lcores_count > (uint32_t)CPU_COUNT(&cpus);
}

static int
worker_create(struct hm_ctx *ctx, uint32_t index, int socket)
{
	const struct hm_system *sys = ctx->sys;
	struct hmi_worker_config config = {
		.index = index,
		.lcores_count = sys->lcores_count,
		.lane_size = (uint32_t)sys->options.lane,
		.inject_size = (uint32_t)sys->options.inject,
		.idle = sys->options.idle,
		.crowded = crowded(sys),
		.socket = socket,
		.name = sys->name,
		.clock = &sys->clock,
	};

	return hmi_worker_create(&ctx->worker, &config, &hmi_engine_ops);
}

static size_t
outbox_bytes(const struct hmi_outbox *outbox)
{
	return ((size_t)outbox->mask + 1) * sizeof(struct hmi_sent);
}

/* Address space for every message there is; the kernel backs what is used of it. */
static int
outbox_create(struct hm_ctx *ctx)
{
	ctx->outbox.mask = rte_align32pow2(hmi_pool_objects(&ctx->sys->pool)) - 1;
	ctx->outbox.ring = hmi_memory_map(outbox_bytes(&ctx->outbox));
	return ctx->outbox.ring != NULL ? 0 : -ENOMEM;
}

static int
parts_create(struct hm_ctx *ctx, int socket)
{
	int rc = hmi_cells_create(&ctx->cells);

	if (rc == 0)
		rc = hmi_links_create(&ctx->links);
	if (rc == 0)
		rc = hmi_msg_cache_create(&ctx->cache, &ctx->sys->pool, ctx->sys->lcores_count, socket);
	for (unsigned int c = 0; c < HMI_STATE_CLASSES; c++)
		hmi_slab_init(&ctx->states[c], (size_t)64 << c);
	hmi_slab_init(&ctx->timers, hmi_timer_bytes());
	ctx->lifecycle = calloc(1, sizeof(*ctx->lifecycle));
	ctx->stock = calloc(ctx->sys->lcores_count, sizeof(*ctx->stock));
	ctx->granted_used = calloc(ctx->sys->lcores_count, sizeof(*ctx->granted_used));
	if (ctx->lifecycle == NULL || ctx->stock == NULL || ctx->granted_used == NULL)
		return -ENOMEM;
	return rc == 0 ? outbox_create(ctx) : rc;
}

int
hmi_ctx_create(struct hm_ctx **out, struct hm_system *sys, uint32_t index)
{
	int socket = SOCKET_ID_ANY, rc;
	struct hm_ctx *ctx = rte_zmalloc_socket("hm_ctx", sizeof(*ctx), 64, socket);

	if (ctx == NULL)
		return -ENOMEM;
	ctx->sys = sys;
	ctx->node = sys->node;
	ctx->quantum = (uint32_t)sys->options.quantum;
	rc = worker_create(ctx, index, socket);
	if (rc != 0) {
		rte_free(ctx);
		return rc;
	}
	rc = parts_create(ctx, socket);
	if (rc != 0) {
		hmi_ctx_destroy(ctx);
		return rc;
	}
	*out = ctx;
	return 0;
}

/* Waiters outside would wait for ever. */
static void
waiters_finish(struct hm_ctx *ctx)
{
	for (uint32_t slot = 0; slot < ctx->cells.fresh; slot++) {
		struct hmi_cell *cell = hmi_cells_at(&ctx->cells, (uint64_t)slot << 32);

		if (cell->kind != HMI_CELL_FUTURE || cell->future.done || cell->future.owner != 0)
			continue;
		hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
		hmi_call_finish(cell->future.waiter, -ESHUTDOWN, NULL);
		hmi_cells_put(&ctx->cells, cell);
	}
}

/* Returns whether there was anything to bury. */
static bool
mailboxes_bury(struct hm_ctx *ctx)
{
	bool any = false;

	for (uint32_t slot = 0; slot < ctx->cells.fresh; slot++) {
		struct hmi_cell *cell = hmi_cells_at(&ctx->cells, (uint64_t)slot << 32);

		if (cell->kind == HMI_CELL_ACTOR || cell->kind == HMI_CELL_GRANTED)
			any |= hmi_mailbox_bury(ctx, cell, HM_DEAD_SHUTDOWN);
	}
	return any;
}

/* The states of actors that a forced stop has left behind; those in slabs go with them. */
static void
states_free(struct hm_ctx *ctx)
{
	for (uint32_t slot = 0; ctx->cells.base != NULL && slot < ctx->cells.fresh; slot++) {
		struct hmi_cell *cell = hmi_cells_at(&ctx->cells, (uint64_t)slot << 32);

		if (cell->kind == HMI_CELL_ACTOR)
			hmi_state_free(ctx, cell);
	}
}

/* The timers of actors that a forced stop has left behind. */
static void
timers_free(struct hm_ctx *ctx)
{
	for (uint32_t i = 0; i <= ctx->links.mask; i++) {
		for (struct hmi_link *link = ctx->links.buckets[i], *next; link != NULL; link = next) {
			next = link->hash_next;
			if (link->kind != HMI_LINK_TIMER)
				continue;
			hmi_link_remove(&ctx->links, link);
			hmi_timer_free(ctx, link);
		}
	}
}

void
hmi_ctx_drain(struct hm_ctx *ctx)
{
	struct hm_msg *msg;
	bool any;

	/* Burying sends news of it, into mailboxes, outbox and lanes. */
	do {
		any = mailboxes_bury(ctx);
		for (; hmi_outbox_count(&ctx->outbox) > 0; any = true)
			hmi_dead(ctx, hmi_outbox_pop(&ctx->outbox).msg, HM_DEAD_SHUTDOWN);
		for (; (msg = hmi_worker_drain(&ctx->worker)) != NULL; any = true)
			hmi_dead(ctx, msg, HM_DEAD_SHUTDOWN);
	} while (any);
	waiters_finish(ctx);
	timers_free(ctx);
}

void
hmi_ctx_destroy(struct hm_ctx *ctx)
{
	if (ctx == NULL)
		return;
	for (uint32_t i = 0; ctx->stock != NULL && i < ctx->sys->lcores_count; i++)
		free(ctx->stock[i].locals);
	states_free(ctx);
	free(ctx->stock);
	free(ctx->lifecycle);
	free(ctx->granted_used);
	for (unsigned int c = 0; c < HMI_STATE_CLASSES; c++)
		hmi_slab_destroy(&ctx->states[c]);
	hmi_slab_destroy(&ctx->timers);
	hmi_memory_unmap(ctx->outbox.ring, outbox_bytes(&ctx->outbox));
	if (ctx->links.buckets != NULL)
		hmi_links_destroy(&ctx->links);
	hmi_msg_cache_destroy(&ctx->cache);
	hmi_cells_destroy(&ctx->cells);
	hmi_worker_destroy(&ctx->worker);
	rte_free(ctx);
}

/* ---- The provider's part in the loop ------------------------------------------ */

static uint32_t
provider_poll(void *provider, struct hmi_worker *worker)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	uint32_t work = ctx->sys->provider_ops->poll(provider, ctx);

	hmi_outbox_flush(ctx);
	return work;
}

static uint32_t
provider_flush(void *provider, struct hmi_worker *worker)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	uint32_t work = ctx->sys->provider_ops->flush(provider, ctx);

	/* A flush that gives up on messages tells actors of it. */
	hmi_outbox_flush(ctx);
	return work;
}

void
hmi_poller_set(struct hm_ctx *ctx)
{
	const struct hm_provider_ops *ops = ctx->sys->provider_ops;

	ctx->worker.poller = (struct hmi_poller){
		.poll = ops->poll != NULL ? provider_poll : NULL,
		.flush = ops->flush != NULL ? provider_flush : NULL,
		.arg = ctx->sys->provider,
	};
}
