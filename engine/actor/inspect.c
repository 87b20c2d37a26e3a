/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_pvt.h"
#include "counter_pvt.h"

struct hm_pid
hm_self(const struct hm_ctx *ctx)
{
	return hmi_pid_of(ctx, ctx->cell);
}

struct hm_pid
hm_parent(const struct hm_ctx *ctx)
{
	struct hm_pid parent = { ctx->node, ctx->cell->actor.parent };

	return parent.local != 0 ? parent : hm_pid_none();
}

struct hm_pid
hm_sender(const struct hm_ctx *ctx)
{
	return ctx->msg != NULL ? ctx->msg->sender : hm_pid_none();
}

struct hm_system *
hm_system(const struct hm_ctx *ctx)
{
	return ctx->sys;
}

uint32_t
hm_lcore(const struct hm_ctx *ctx)
{
	return hmi_index(ctx);
}

uint32_t
hm_children_count(const struct hm_ctx *ctx)
{
	return ctx->cell->actor.children;
}

uint32_t
hm_mailbox_count(const struct hm_ctx *ctx)
{
	return ctx->cell->box.count;
}

static void
stats_add(struct hm_stats *sum, const struct hm_ctx *ctx)
{
	const struct hmi_stats *stats = &ctx->stats;

	sum->turns += hmi_counted(&ctx->worker.turns);
	sum->sent += hmi_counted(&stats->sent);
	sum->received += hmi_counted(&stats->received);
	sum->spawned += hmi_counted(&stats->spawned);
	sum->stopped += hmi_counted(&stats->stopped);
	sum->no_memory += hmi_counted(&stats->no_memory);
	for (int i = 0; i < HM_DEAD_REASONS; i++)
		sum->dead[i] += hmi_counted(&stats->dead[i]);
}

void
hm_system_stats(const struct hm_system *sys, struct hm_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	for (uint32_t i = 0; i < sys->lcores_count; i++)
		stats_add(stats, sys->lcores[i]);
	stats->sent += atomic_load_explicit(&sys->outside_sent, memory_order_relaxed);
	stats->no_memory += atomic_load_explicit(&sys->outside_no_memory, memory_order_relaxed);
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
hm_system_dead_letters(const struct hm_system *sys)
{
	return sys->dead_letters;
}
