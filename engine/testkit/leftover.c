/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left: while the system runs, and when all have stopped.
 */
#include <inttypes.h>
#include <stdio.h>

#include "forward_pvt.h"
#include "granted_pvt.h"
#include "lcore_setup_pvt.h"
#include "msg_pvt.h"
#include "rcu_pvt.h"
#include "testkit_pvt.h"

/* Actors that a failure names, at most. */
#define NAMED_MAX 5u
/* /, /user and /system. */
#define GUARDIANS 3u

/* ---- Counting ------------------------------------------------------------------------------- */

static uint64_t
dead_sum(const struct hm_stats *stats)
{
	uint64_t sum = 0;

	for (int i = 0; i < HM_DEAD_REASONS; i++)
		sum += stats->dead[i];
	return sum;
}

/* Of one lcore, what waits: neither actors, nor what stands for slots of others and for actors that have moved. */
static uint32_t
processes_count(const struct hm_ctx *ctx)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; (slot = hmi_cells_next(&ctx->cells, slot)) < hmi_cells_end(&ctx->cells);
	     slot++) {
		const struct hmi_cell *cell = hmi_cells_slot(&ctx->cells, slot);

		count += !hmi_cell_is_free(cell) && !hmi_cell_is_actor(cell) &&
			 cell->ops != &hmi_granted_ops && cell->ops != &hmi_forward_ops;
	}
	return count;
}

void
hmi_kit_baseline(struct hm_kit *kit)
{
	for (uint32_t i = 0; i < kit->sys->lcores_count; i++)
		kit->fixed[i] = processes_count(kit->sys->lcores[i]);
}

static void
probes_count(struct hm_kit *kit, uint64_t *live, uint64_t *kept)
{
	pthread_mutex_lock(&kit->lock);
	for (const struct hm_probe *probe = kit->probes; probe != NULL; probe = probe->next) {
		*live += !probe->has_ended;
		*kept += probe->count;
	}
	pthread_mutex_unlock(&kit->lock);
}

void
hm_kit_left(struct hm_kit *kit, struct hm_kit_left *left)
{
	struct hm_stats stats;
	uint64_t probes = 0;

	hmi_kit_check_pointer(kit, "hm_kit_left");
	hmi_kit_check_pointer(left, "hm_kit_left");
	*left = (struct hm_kit_left){ 0 };
	hm_system_stats(kit->sys, &stats);
	probes_count(kit, &probes, &left->kept);
	left->actors = stats.spawned - stats.stopped - GUARDIANS - probes;
	left->messages = stats.sent - stats.received - dead_sum(&stats);
	for (uint32_t i = 0; !kit->config.real_time && i < kit->sys->lcores_count; i++) {
		const struct hm_ctx *ctx = kit->sys->lcores[i];

		left->timers += ctx->worker.wheel.count;
		left->processes += processes_count(ctx) - kit->fixed[i];
	}
}

/* ---- While it runs -------------------------------------------------------------------------- */

static bool
is_probe(const struct hm_kit *kit, struct hm_pid pid)
{
	for (const struct hm_probe *probe = kit->probes; probe != NULL; probe = probe->next) {
		if (hm_pid_equal(probe->pid, pid))
			return true;
	}
	return false;
}

/* Append the names of an lcore's actors to a text; *named counts them. */
static void
actors_name(const struct hm_kit *kit, const struct hm_ctx *ctx, char *text, size_t size, uint32_t *named)
{
	char pid_text[HM_PID_TEXT_SIZE];

	for (uint32_t slot = 0; (slot = hmi_cells_next(&ctx->cells, slot)) < hmi_cells_end(&ctx->cells);
	     slot++) {
		const struct hmi_cell *cell = hmi_cells_slot(&ctx->cells, slot);
		const struct hmi_path *path;
		size_t used = strlen(text);
		struct hm_pid pid;

		if (hmi_cell_is_free(cell) || !hmi_cell_is_actor(cell))
			continue;
		pid = hmi_pid_of(ctx, cell);
		if (hmi_is_guardian(kit->sys, pid.local) || is_probe(kit, pid) || (*named)++ >= NAMED_MAX)
			continue;
		path = hmi_cell_path(cell);
		snprintf(text + used, size - used, "%s%s", *named == 1 ? ": " : ", ",
			 path != NULL ? path->path : hm_pid_format(pid, pid_text));
	}
}

bool
hm_kit_expect_nothing_left(struct hm_kit *kit)
{
	char names[NAMED_MAX * HM_PATH_MAX / 4] = "";
	struct hm_kit_left left;
	uint32_t named = 0;

	hmi_kit_check_pointer(kit, "hm_kit_expect_nothing_left");
	(void)hm_kit_settle(kit);
	hm_kit_left(kit, &left);
	if (left.actors + left.timers + left.processes + left.messages + left.kept == 0)
		return true;
	for (uint32_t i = 0; !kit->config.real_time && i < kit->sys->lcores_count; i++)
		actors_name(kit, kit->sys->lcores[i], names, sizeof(names), &named);
	hm_kit_fail(kit,
		    "left: %" PRIu64 " actors%s; %" PRIu64 " timers, %" PRIu64
		    " futures and their like, %" PRIu64 " messages under way, %" PRIu64
		    " messages that probes were not asked for",
		    left.actors, names, left.timers, left.processes, left.messages, left.kept);
	return false;
}

/* ---- When all have stopped ------------------------------------------------------------------ */

static bool
books_check(struct hm_kit *kit)
{
	struct hm_stats stats;

	hm_system_stats(kit->sys, &stats);
	if (stats.sent == stats.received + dead_sum(&stats) && stats.spawned == stats.stopped)
		return true;
	hm_kit_fail(kit,
		    "accounts: %" PRIu64 " messages sent, %" PRIu64 " received, %" PRIu64
		    " dead letters; %" PRIu64 " actors spawned, %" PRIu64 " stopped",
		    stats.sent, stats.received, dead_sum(&stats), stats.spawned, stats.stopped);
	return false;
}

static bool
lcore_check(struct hm_kit *kit, const struct hm_ctx *ctx)
{
	uint32_t processes = processes_count(ctx) - kit->fixed[hmi_index(ctx)];
	uint32_t timers = ctx->worker.wheel.count, links = ctx->links.count;

	if (processes + timers + links == 0)
		return true;
	hm_kit_fail(kit, "left on lcore %u behind the stop: %u processes, %u timers, %u links",
		    hmi_index(ctx), processes, timers, links);
	return false;
}

static uint64_t
messages_in_use(struct hm_system *sys)
{
	hmi_rcu_enter();
	hmi_system_drain(sys);
	hmi_rcu_leave();
	for (uint32_t i = 0; i < sys->lcores_count; i++)
		hmi_msg_cache_fini(&sys->lcores[i]->cache);
	return hmi_pool_in_use(&sys->pool);
}

bool
hmi_kit_accounts(struct hm_kit *kit)
{
	uint64_t in_use;

	if (!books_check(kit))
		return false;
	for (uint32_t i = 0; i < kit->sys->lcores_count; i++) {
		if (!lcore_check(kit, kit->sys->lcores[i]))
			return false;
	}
	in_use = messages_in_use(kit->sys);
	if (in_use > 0)
		hm_kit_fail(kit, "the memory of %" PRIu64 " messages is lost", in_use);
	return in_use == 0;
}
