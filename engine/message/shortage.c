/* SPDX-License-Identifier: Apache-2.0 */
#include "shortage_pvt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_log.h>

#include "counter_pvt.h"
#include "msg_pvt.h"

#define WARN_EVERY_US 5000000u
#define FULLEST       3u

#define WARN(sys, ...) rte_log(RTE_LOG_WARNING, (uint32_t)(sys)->logtype, "hermod: " __VA_ARGS__)

/* ---- The warning -------------------------------------------------------------------------- */

static bool
is_due(struct hm_system *sys)
{
	uint64_t now = hmi_clock_ticks(&sys->clock);
	uint64_t last = atomic_load_explicit(&sys->warned_ticks, memory_order_relaxed);

	if (last != 0 && now - last < hmi_clock_ticks_of_us(&sys->clock, WARN_EVERY_US))
		return false;
	return atomic_compare_exchange_strong_explicit(&sys->warned_ticks, &last, now, memory_order_relaxed,
						       memory_order_relaxed);
}

/* A path, or else the PID. */
static const char *
actor_name(const struct hm_ctx *ctx, const struct hmi_cell *cell, char text[HM_PID_TEXT_SIZE])
{
	if (hmi_cell_is_actor(cell) && hmi_cell_path(cell) != NULL)
		return hmi_cell_path(cell)->path;
	return hm_pid_format(hmi_pid_of(ctx, cell), text);
}

static void
warn(struct hm_system *sys, const char *who, const char *deed, uint16_t type)
{
	uint64_t refused = atomic_load_explicit(&sys->external_no_memory, memory_order_relaxed);

	for (uint32_t i = 0; i < sys->lcores_count; i++)
		refused += hmi_counted(&sys->lcores[i]->stats.no_memory);
	WARN(sys,
	     "out of message memory: %s %s %s; %" PRIu64
	     " messages were refused so far. Send less at a time, or give more than --memory %" PRIu64 "K\n",
	     who, deed, hm_type_name(sys, type), refused, sys->options.memory >> 10);
}

/* An actor has found no memory; NULL: none runs. */
static void
actor_warn(struct hm_ctx *ctx, const struct hmi_cell *cell, const char *deed, uint16_t type)
{
	char text[HM_PID_TEXT_SIZE];

	if (!is_due(ctx->sys))
		return;
	warn(ctx->sys, cell != NULL ? actor_name(ctx, cell, text) : "an lcore", deed, type);
	hmi_memory_report(ctx);
}

void
hmi_no_memory(struct hm_ctx *ctx, uint16_t type)
{
	hmi_count(&ctx->stats.no_memory, 1);
	actor_warn(ctx, ctx->cell, "could not send", type);
}

void
hmi_no_memory_new(struct hm_ctx *ctx, uint16_t type)
{
	hmi_count(&ctx->stats.no_memory, 1);
	actor_warn(ctx, ctx->cell, "could not make", type);
}

void
hmi_timer_delayed(struct hm_ctx *ctx, const struct hmi_cell *owner, uint16_t type)
{
	hmi_count(&ctx->stats.timers_delayed, 1);
	actor_warn(ctx, owner, "has a timer that waits for memory to send", type);
}

void
hmi_no_memory_external(struct hm_system *sys, uint16_t type)
{
	atomic_fetch_add_explicit(&sys->external_no_memory, 1, memory_order_relaxed);
	if (is_due(sys))
		warn(sys, "an external thread", "could not send", type);
}

/* ---- The report ------------------------------------------------------------------------------ */

struct mailbox {
	const struct hmi_cell *cell; /* NULL: there are no more */
	const struct hm_msg *first;  /* NULL: it is unknown */
	uint32_t count;
};

struct mailboxes {
	struct mailbox fullest[FULLEST];
	uint64_t messages;
	uint32_t actors;
};

static void
fullest_insert(struct mailboxes *boxes, struct mailbox box)
{
	for (uint32_t i = 0; i < FULLEST; i++) {
		struct mailbox other = boxes->fullest[i];

		if (other.cell != NULL && other.count >= box.count)
			continue;
		boxes->fullest[i] = box;
		if (other.cell == NULL)
			return;
		box = other;
	}
}

static struct mailboxes
mailboxes_count(const struct hm_ctx *ctx)
{
	struct mailboxes boxes = { .messages = 0 };

	for (uint32_t slot = 0; (slot = hmi_cells_next(&ctx->cells, slot)) < hmi_cells_end(&ctx->cells);
	     slot++) {
		struct mailbox box = { .cell = hmi_cells_slot(&ctx->cells, slot) };

		if (hmi_cell_is_actor(box.cell))
			box.count = ctx->sys->parts->waiting(box.cell, &box.first);
		if (box.count == 0)
			continue;
		boxes.messages += box.count;
		boxes.actors++;
		fullest_insert(&boxes, box);
	}
	return boxes;
}

/* Without what is in the rings, which is little, and the receivers' affair. */
static uint64_t
lanes_count(const struct hm_ctx *ctx)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < ctx->worker.lcores_count; i++) {
		const struct hmi_lane *lane = &ctx->worker.lanes_out[i];

		sum += lane->buffered + lane->overflow.count;
	}
	return sum;
}

/* In the backlogs of other nodes. */
static uint64_t
provider_count(const struct hm_ctx *ctx)
{
	const struct hm_system *sys = ctx->sys;

	if (sys->provider_ops == NULL || sys->provider_ops->waiting == NULL ||
	    sys->provider_lcore != hmi_index(ctx))
		return 0;
	return sys->provider_ops->waiting(sys->provider);
}

void
hmi_memory_report_lcore(struct hm_ctx *ctx, const struct hm_msg *command)
{
	struct mailboxes boxes = mailboxes_count(ctx);
	char text[HM_PID_TEXT_SIZE];

	(void)command;
	WARN(ctx->sys,
	     "lcore %u: %" PRIu64 " messages in the mailboxes of %u actors, %u in the outbox, %" PRIu64
	     " that wait for room in a lane, %u dead letters to be published, %u in the inject ring, %" PRIu64
	     " that wait for other nodes, %u results that are kept by futures, %" PRIu64
	     " free ones in its cache\n",
	     hmi_index(ctx), boxes.messages, boxes.actors, hmi_outbox_count(&ctx->outbox), lanes_count(ctx),
	     ctx->dead.count, hmi_inject_count(&ctx->worker.inject), provider_count(ctx), ctx->kept.count,
	     hmi_msg_cache_count(&ctx->cache));
	for (uint32_t i = 0; i < FULLEST && boxes.fullest[i].cell != NULL; i++) {
		const struct mailbox *box = &boxes.fullest[i];

		WARN(ctx->sys, "lcore %u: %u messages wait for %s, the first is a %s\n", hmi_index(ctx),
		     box->count, actor_name(ctx, box->cell, text),
		     box->first != NULL ? hm_type_name(ctx->sys, box->first->type)
					: "message that is not known");
	}
}

static void
sizes_report(struct hm_system *sys)
{
	struct hmi_region_used used;

	hmi_region_used(&sys->pool.region, &used);
	WARN(sys, "message memory: %zuK of %zuK belong to a size\n", used.chunk_bytes >> 10,
	     used.limit_bytes >> 10);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++) {
		if (used.out[c] > 0)
			WARN(sys, "message memory: %" PRIu64 " messages of %u bytes\n", used.out[c],
			     HMI_POOL_SMALLEST << c);
	}
}

void
hmi_memory_report(struct hm_ctx *ctx)
{
	sizes_report(ctx->sys);
	hmi_memory_report_lcore(ctx, NULL);
	for (uint32_t i = 0; i < ctx->worker.lcores_count; i++) {
		struct hm_msg *msg;

		if (i == hmi_index(ctx))
			continue;
		msg = hmi_control(&ctx->cache, HMI_COMMAND_REPORT, 0);
		msg->to = hmi_lcore_process(ctx->sys, i).local;
		hmi_worker_push(&ctx->worker, i, msg);
	}
}

/* ---- Leaks -------------------------------------------------------------------------------------- */

static void
leak_count(void *arg, struct hm_msg *msg)
{
	((uint32_t *)arg)[msg->type]++;
}

uint64_t
hmi_memory_leaks(struct hm_system *sys)
{
	uint64_t count = sys->pool.region.base != NULL ? hmi_pool_in_use(&sys->pool) : 0;
	uint32_t *types;

	if (count == 0)
		return 0;
	WARN(sys, "%" PRIu64 " messages were lost: made or taken, and neither sent nor freed\n", count);
	types = calloc(HMI_TYPES_MAX, sizeof(*types));
	if (types == NULL)
		return count;
	hmi_region_each_out(&sys->pool.region, leak_count, types);
	for (uint32_t i = 0; i < HMI_TYPES_MAX; i++) {
		if (types[i] > 0)
			WARN(sys, "of these %u are a %s\n", types[i], hm_type_name(sys, (uint16_t)i));
	}
	free(types);
	return count;
}
