/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOAD_PVT_H
#define LOAD_PVT_H

/*
 * What an lcore publishes of its load: one word, in a cache line of its own, which it alone writes, when a turn of its
 * loop finds that it has changed. Others read it; it orders nothing.
 */

#include "hm_dispatch.h"
#include "lcore_pvt.h"

static inline struct hm_load
hmi_load_of(uint64_t word)
{
	return (struct hm_load){ .actors = (uint32_t)word, .waiting = (uint32_t)(word >> 32) };
}

/* Actors that live here, without the guardians. */
static inline uint32_t
hmi_actors_here(const struct hm_ctx *ctx)
{
	return (uint32_t)ctx->stats.spawned - ctx->gone;
}

/*
 * The own lcore's, as it is now. Actors that have never run are not counted as waiting: they have no messages to speak
 * of, and a crowd of them is over soon.
 */
static inline uint64_t
hmi_load_now(const struct hm_ctx *ctx)
{
	const struct hmi_worker *w = &ctx->worker;
	uint32_t waiting = hmi_runq_count(&w->runq) + hmi_runq_count(&w->urgent) + w->classes_waiting;

	return (uint64_t)waiting << 32 | hmi_actors_here(ctx);
}

static inline uint64_t
hmi_load_published(const struct hm_ctx *ctx)
{
	return atomic_load_explicit(&ctx->load, memory_order_relaxed);
}

/* Before actors run: those that run for long have waited, to all who look meanwhile. */
static inline void
hmi_load_publish(struct hm_ctx *ctx)
{
	uint64_t word = hmi_load_now(ctx);

	if (word != hmi_load_published(ctx))
		atomic_store_explicit(&ctx->load, word, memory_order_relaxed);
}

#endif /* LOAD_PVT_H */
