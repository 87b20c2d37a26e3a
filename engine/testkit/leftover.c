/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left: while the system runs, and when all have stopped.
 */
#include <inttypes.h>
#include <stdio.h>

#include "lcore_setup_pvt.h"
#include "msg_pvt.h"
#include "rcu_pvt.h"
#include "testkit_pvt.h"

/* ---- Counting ------------------------------------------------------------------------------- */

uint64_t
hmi_kit_dead(const struct hm_stats *stats)
{
	uint64_t sum = 0;

	for (int i = 0; i < HM_DEAD_REASONS; i++)
		sum += stats->dead[i];
	return sum;
}

/* Counters of lcores are read one after the other, and so may miss each other by what happens meanwhile. */
static uint64_t
beyond(uint64_t count, uint64_t known)
{
	return count > known ? count - known : 0;
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

/* Returns false after a failure: an lcore has not answered. */
static bool
lcores_look(struct hm_kit *kit)
{
	uint32_t i = 0;

	pthread_mutex_lock(&kit->lock);
	kit->named = 0;
	kit->names[0] = '\0';
	pthread_mutex_unlock(&kit->lock);
	while (i < kit->sys->lcores_count && hmi_kit_look(kit, i))
		i++;
	if (i == kit->sys->lcores_count)
		return true;
	hm_kit_fail(kit, "lcore %u does not answer: what is left there is not counted", i);
	return false;
}

static void
left_sum(struct hm_kit *kit, struct hm_kit_left *left)
{
	uint64_t probes = 0, guardians = 0;
	struct hm_stats stats;

	hm_system_stats(kit->sys, &stats);
	probes_count(kit, &probes, &left->kept);
	for (uint32_t i = 0; i < kit->sys->lcores_count; i++) {
		left->timers += kit->looks[i].timers;
		left->processes += kit->looks[i].processes;
		guardians += kit->looks[i].guardians;
	}
	left->actors = beyond(stats.spawned, stats.stopped + guardians + probes);
	left->messages = beyond(stats.sent, stats.received + hmi_kit_dead(&stats));
}

bool
hm_kit_left(struct hm_kit *kit, struct hm_kit_left *left)
{
	hmi_kit_check_pointer(kit, "hm_kit_left");
	hmi_kit_check_pointer(left, "hm_kit_left");
	*left = (struct hm_kit_left){ 0 };
	if (!hmi_kit_may(kit, "hm_kit_left") || !lcores_look(kit))
		return false;
	left_sum(kit, left);
	return true;
}

/* ---- While it runs -------------------------------------------------------------------------- */

bool
hm_kit_expect_nothing_left(struct hm_kit *kit)
{
	struct hm_kit_left left;

	hmi_kit_check_pointer(kit, "hm_kit_expect_nothing_left");
	if (!hmi_kit_may(kit, "hm_kit_expect_nothing_left"))
		return false;
	(void)hm_kit_settle(kit);
	if (!hm_kit_left(kit, &left))
		return false;
	if (left.actors + left.timers + left.processes + left.messages + left.kept == 0)
		return true;
	hm_kit_fail(kit,
		    "left: %" PRIu64 " actors%s; %" PRIu64 " timers, %" PRIu64
		    " futures and their like, %" PRIu64 " messages under way, %" PRIu64
		    " messages that probes were not asked for",
		    left.actors, kit->names, left.timers, left.processes, left.messages, left.kept);
	return false;
}

/* ---- When all have stopped ------------------------------------------------------------------ */

static bool
books_check(struct hm_kit *kit)
{
	struct hm_stats stats;

	hm_system_stats(kit->sys, &stats);
	if (stats.sent == stats.received + hmi_kit_dead(&stats) && stats.spawned == stats.stopped)
		return true;
	hm_kit_fail(kit,
		    "accounts: %" PRIu64 " messages sent, %" PRIu64 " received, %" PRIu64
		    " dead letters; %" PRIu64 " actors spawned, %" PRIu64 " stopped",
		    stats.sent, stats.received, hmi_kit_dead(&stats), stats.spawned, stats.stopped);
	return false;
}

static bool
lcore_check(struct hm_kit *kit, const struct hm_ctx *ctx)
{
	uint32_t processes = hmi_kit_processes(ctx) - kit->fixed[hmi_index(ctx)];
	uint32_t timers = ctx->worker.wheel.count, links = ctx->links.count;

	if (processes + timers + links == 0)
		return true;
	hm_kit_fail(kit, "left on lcore %u behind the stop: %u processes, %u timers, %u links",
		    hmi_index(ctx), processes, timers, links);
	return false;
}

uint64_t
hmi_kit_messages(struct hm_system *sys)
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
	in_use = hmi_kit_messages(kit->sys);
	if (in_use > 0)
		hm_kit_fail(kit, "the memory of %" PRIu64 " messages is lost", in_use);
	return in_use == 0;
}
