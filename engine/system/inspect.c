/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What any thread may ask about a system.
 */
#include "counter_pvt.h"
#include "hm_event_stream.h"
#include "lcore_pvt.h"
#include "mark_pvt.h"

static void
stats_add(struct hm_stats *sum, const struct hm_ctx *ctx)
{
	const struct hmi_stats *stats = &ctx->stats;

	sum->turns += hmi_counted(&ctx->worker.turns);
	sum->sent += hmi_sent(ctx);
	sum->received += hmi_counted(&ctx->received);
	sum->spawned += hmi_counted(&stats->spawned);
	sum->stopped += hmi_counted(&stats->stopped);
	sum->no_memory += hmi_counted(&stats->no_memory);
	sum->reserved += hmi_counted(&stats->reserved);
	sum->timers_delayed += hmi_counted(&stats->timers_delayed);
	sum->offloaded += hmi_counted(&stats->offloaded);
	sum->offload_refused += hmi_counted(&stats->offload_refused);
	sum->failed += hmi_counted(&stats->failed);
	sum->mutes += hmi_counted(&stats->mutes);
	sum->overloads += hmi_counted(&stats->overloads);
	sum->circles += hmi_counted(&stats->circles);
	sum->restarted += hmi_counted(&stats->restarted);
	sum->moved += hmi_counted(&stats->moved);
	sum->continuations_dropped += hmi_counted(&stats->continuations_dropped);
	sum->futures_evicted += hmi_counted(&stats->futures_evicted);
	sum->headers_dropped += hmi_counted(&stats->headers_dropped);
	sum->events_dropped += hmi_counted(&stats->events_dropped);
	sum->holds_expired += hmi_counted(&ctx->holds_expired);
	for (int i = 0; i < HM_DEAD_REASONS; i++)
		sum->dead[i] += hmi_counted(&stats->dead[i]);
}

void
hm_system_stats(const struct hm_system *sys, struct hm_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	for (uint32_t i = 0; i < sys->lcores_count; i++)
		stats_add(stats, sys->lcores[i]);
	stats->sent += atomic_load_explicit(&sys->external_sent, memory_order_relaxed);
	stats->no_memory += atomic_load_explicit(&sys->external_no_memory, memory_order_relaxed);
	stats->events_dropped += atomic_load_explicit(&sys->external_events_dropped, memory_order_relaxed);
	stats->stalls = atomic_load_explicit(&sys->stalled, memory_order_relaxed);
}

uint32_t
hm_system_lcores(const struct hm_system *sys)
{
	return sys->lcores_count;
}

uint64_t
hm_system_node(const struct hm_system *sys)
{
	return sys->node;
}

const char *
hm_system_name(const struct hm_system *sys)
{
	return sys->options.node;
}

struct hm_pid
hm_system_event_stream(const struct hm_system *sys)
{
	return sys->event_stream;
}

struct hm_pid
hm_system_dead_letters(const struct hm_system *sys)
{
	return sys->dead_letters;
}
