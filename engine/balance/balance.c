/* SPDX-License-Identifier: Apache-2.0 */
#include "balance_pvt.h"

#include <errno.h>
#include <stdlib.h>

#include "counter_pvt.h"
#include "forward_pvt.h"
#include "hm_balance.h"
#include "move_pvt.h"
#include "pressure_pvt.h"

static uint64_t
interval_ns(const struct hm_ctx *ctx)
{
	return ctx->sys->options.balance_ms * 1000000u;
}

static uint64_t
next_ns(const struct hm_ctx *ctx)
{
	return hmi_balance_next_ns(ctx->worker.now_ns, interval_ns(ctx), hmi_index(ctx),
				   ctx->sys->lcores_shared);
}

int
hmi_balance_create(struct hm_ctx *ctx)
{
	uint32_t n = ctx->sys->lcores_shared;
	int rc;

	if (ctx->sys->options.balance_ms == 0 || hmi_index(ctx) >= n || n < 2)
		return 0;
	rc = hmi_heat_create(ctx);
	if (rc != 0)
		return rc;
	ctx->balance = calloc(1, sizeof(*ctx->balance) + n * sizeof(ctx->balance->lcores[0]));
	if (ctx->balance == NULL)
		return -ENOMEM;
	ctx->balance->looked_ticks = ctx->heat->since_ticks;
	ctx->heat->due_ns = next_ns(ctx);
	return 0;
}

void
hmi_balance_destroy(struct hm_ctx *ctx)
{
	free(ctx->balance);
	ctx->balance = NULL;
	hmi_heat_destroy(ctx);
}

bool
hmi_balance_is_over(const struct hm_ctx *ctx)
{
	return atomic_load_explicit(&ctx->sys->stop_asked, memory_order_relaxed);
}

/* ---- Lcores ------------------------------------------------------------------------------ */

/* How busy all have been since the last look. */
static void
lcores_look(struct hm_ctx *ctx)
{
	struct hmi_balance *balance = ctx->balance;
	uint64_t now = ctx->heat->since_ticks, span = now - balance->looked_ticks;

	for (uint32_t i = 0; i < ctx->sys->lcores_shared; i++) {
		struct hmi_known_lcore *known = &balance->lcores[i];
		uint64_t ticks = hmi_busy_ticks(&ctx->sys->lcores[i]->worker.busy, now);
		uint64_t more = ticks > known->busy_ticks ? ticks - known->busy_ticks : 0;

		known->busy =
			span == 0 ? 0
				  : (uint32_t)(RTE_MIN(more, span) * HMI_BALANCE_FULL / RTE_MAX(span, 1u));
		known->busy_ticks = ticks;
	}
	balance->looked_ticks = now;
}

/* ---- Actors ------------------------------------------------------------------------------- */

struct hmi_cell *
hmi_balance_actor(struct hm_ctx *ctx, uint64_t place)
{
	struct hmi_cell *cell = place != 0 ? hmi_cell_live(ctx, place) : NULL;

	return cell != NULL && hmi_cell_is_actor(cell) ? cell : NULL;
}

/* Its place is not the balancer's affair. */
static bool
is_fixed(const struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	const struct hm_props *props = cell->actor.props;
	bool anywhere = props->lcore == HM_LCORE_SAME || props->lcore == HM_LCORE_ANY ||
			props->lcore == HM_LCORE_LEAST;

	return !anywhere || props->balance == HM_BALANCE_STAY ||
	       cell->actor.parent == ctx->sys->system.local ||
	       hmi_is_guardian(ctx->sys, hmi_place_of(ctx, cell)) || hmi_move_was_told(cell);
}

static bool
rests(const struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	uint64_t arrived = hmi_move_arrived_ns(cell);

	return arrived != 0 && ctx->worker.now_ns < arrived + HMI_BALANCE_REST * interval_ns(ctx);
}

bool
hmi_balance_may_move(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	if (is_fixed(ctx, cell) || rests(ctx, cell))
		return false;
	if (hmi_move_is_free(ctx, cell))
		return true;
	hmi_count(&ctx->stats.balance_refused, 1);
	return false;
}

uint64_t
hmi_balance_sender_here(struct hm_ctx *ctx, struct hm_pid sender)
{
	const struct hmi_route *route;
	const struct hmi_cell *cell;

	if (sender.node != 0 && sender.node != ctx->node)
		return 0;
	if (hmi_pressure_lcore(ctx->sys, sender) == hmi_index(ctx)) {
		cell = sender.node == 0 ? (const struct hmi_cell *)(uintptr_t)sender.local
					: hmi_cell_live(ctx, sender.local);
		return cell != NULL && hmi_cell_is_actor(cell) ? hmi_place_of(ctx, cell) : 0;
	}
	route = sender.node != 0 ? hmi_route_find(ctx, sender.local) : NULL;
	return route != NULL && route->state == HMI_ROUTE_LOCAL ? route->target : 0;
}

uint64_t
hmi_balance_rate(const struct hm_ctx *ctx, uint64_t count)
{
	uint64_t ns = hmi_clock_ns_of(ctx->worker.clock, ctx->heat->window_ticks);

	return ns < 1000 ? 0 : count * 1000000u / (ns / 1000);
}

static uint32_t
share_of(uint64_t ticks, uint64_t all)
{
	return all == 0 ? 0 : (uint32_t)(RTE_MIN(ticks, all) * HMI_BALANCE_FULL / all);
}

uint32_t
hmi_balance_own_load(const struct hm_ctx *ctx, const struct hmi_hot *hot)
{
	return share_of(hmi_hot_ticks_sure(hot), ctx->heat->window_ticks);
}

/* ---- The busiest gives ------------------------------------------------------------------------ */

/* Actors that belong together are one load, in the place of one of them. */
struct groups {
	uint32_t of[HMI_HEAT_PLACES]; /* by an actor's place in the table: one of its group */
	uint32_t loads
		[HMI_HEAT_PLACES]; /* of each group, in per mille of the lcore, at most; 0: none, or it stays */
	uint32_t sure[HMI_HEAT_PLACES]; /* the same, at least */
};

static uint32_t
group_of(const struct groups *groups, uint32_t hot)
{
	while (groups->of[hot] != hot)
		hot = groups->of[hot];
	return hot;
}

/* Messages from one actor of this lcore to another, by either of a sender's names. */
static uint64_t
messages_between(struct hm_ctx *ctx, uint64_t from, uint64_t to)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < HMI_HEAT_PLACES; i++) {
		const struct hmi_chat *chat = &ctx->heat->chats[i];

		if (chat->receiver == to && hmi_balance_sender_here(ctx, chat->sender) == from)
			sum += hmi_count_sure(chat->messages);
	}
	return sum;
}

static void
chat_group(struct hm_ctx *ctx, struct groups *groups, const struct hmi_chat *chat)
{
	uint64_t from = hmi_balance_sender_here(ctx, chat->sender), there, back;
	const struct hmi_hot *a, *b;

	if (from == 0 || from == chat->receiver ||
	    !hmi_balance_is_chat(hmi_balance_rate(ctx, hmi_count_sure(chat->messages)), true))
		return;
	a = hmi_heat_find(ctx->heat, from);
	b = hmi_heat_find(ctx->heat, chat->receiver);
	if (a == NULL || b == NULL)
		return;
	there = messages_between(ctx, from, chat->receiver);
	back = messages_between(ctx, chat->receiver, from);
	if (hmi_balance_belongs(back, a->messages, there, true) &&
	    hmi_balance_belongs(there, b->messages, back, true))
		groups->of[group_of(groups, (uint32_t)(a - ctx->heat->hot))] =
			group_of(groups, (uint32_t)(b - ctx->heat->hot));
}

static void
groups_make(struct hm_ctx *ctx, struct groups *groups)
{
	for (uint32_t i = 0; i < HMI_HEAT_PLACES; i++) {
		groups->of[i] = i;
		groups->loads[i] = groups->sure[i] = 0;
	}
	for (uint32_t i = 0; i < HMI_HEAT_PLACES; i++) {
		if (hmi_balance_actor(ctx, ctx->heat->chats[i].receiver) != NULL)
			chat_group(ctx, groups, &ctx->heat->chats[i]);
	}
}

/* What an actor is of the lcore's load: its share of all actors' turns, so that what comes with them is divided among them. */
static uint32_t
load_of(const struct hm_ctx *ctx, uint64_t ticks)
{
	return share_of(ticks, hmi_heat_ticks(ctx->heat)) * ctx->balance->lcores[hmi_index(ctx)].busy /
	       HMI_BALANCE_FULL;
}

static void
groups_weigh(struct hm_ctx *ctx, struct groups *groups)
{
	for (uint32_t i = 0; i < HMI_HEAT_PLACES; i++) {
		const struct hmi_hot *hot = &ctx->heat->hot[i];
		uint32_t group = group_of(groups, i);

		if (hmi_balance_actor(ctx, hot->place) == NULL)
			continue;
		groups->loads[group] += load_of(ctx, hmi_hot_ticks(hot));
		groups->sure[group] += load_of(ctx, hmi_hot_ticks_sure(hot));
	}
}

/* A group that is worth nothing, or of which one stays, has no load to give. */
static void
groups_sift(struct hm_ctx *ctx, struct groups *groups)
{
	for (uint32_t i = 0; i < HMI_HEAT_PLACES; i++) {
		const struct hmi_cell *cell = hmi_balance_actor(ctx, ctx->heat->hot[i].place);
		uint32_t group = group_of(groups, i);

		if (groups->sure[group] < HMI_BALANCE_LOAD_MIN ||
		    (cell != NULL && !hmi_balance_may_move(ctx, cell)))
			groups->loads[group] = 0;
	}
}

static void
group_move(struct hm_ctx *ctx, const struct groups *groups, uint32_t group, uint32_t lcore)
{
	for (uint32_t i = 0; i < HMI_HEAT_PLACES; i++) {
		struct hmi_cell *cell = hmi_balance_actor(ctx, ctx->heat->hot[i].place);

		if (cell != NULL && group_of(groups, i) == group)
			hmi_move_order(ctx, cell, lcore, HMI_MOVE_BY_LOAD);
	}
}

static void
give(struct hm_ctx *ctx, uint32_t lcore, uint32_t difference)
{
	uint32_t chosen[HMI_BALANCE_MOVES_MAX], count;
	struct groups groups;

	groups_make(ctx, &groups);
	groups_weigh(ctx, &groups);
	groups_sift(ctx, &groups);
	count = hmi_balance_choose(groups.loads, HMI_HEAT_PLACES, difference, chosen);
	for (uint32_t i = 0; i < count; i++)
		group_move(ctx, &groups, chosen[i], lcore);
}

static void
spread(struct hm_ctx *ctx)
{
	struct hmi_balance *balance = ctx->balance;
	uint32_t busy[HM_LCORES_MAX], own = hmi_index(ctx), difference = 0, lcore;

	for (uint32_t i = 0; i < ctx->sys->lcores_shared; i++)
		busy[i] = balance->lcores[i].busy;
	lcore = hmi_balance_partner(busy, ctx->sys->lcores_shared, own);
	if (lcore != HMI_BALANCE_NONE)
		difference = busy[own] - busy[lcore];
	if (hmi_balance_is_due(&balance->looks, difference))
		give(ctx, lcore, difference);
}

void
hmi_balance_look(struct hm_ctx *ctx)
{
	ctx->heat->due_ns = next_ns(ctx);
	hmi_heat_look(ctx);
	lcores_look(ctx);
	if (!hmi_balance_is_over(ctx)) {
		spread(ctx);
		hmi_balance_joins(ctx);
	}
	hmi_heat_fade(ctx->heat);
}

/* ---- Inspect -------------------------------------------------------------------------------------- */

int
hm_system_balance_stats(const struct hm_system *sys, struct hm_balance_stats *stats)
{
	if (sys == NULL || stats == NULL)
		return -EINVAL;
	*stats = (struct hm_balance_stats){ 0 };
	for (uint32_t i = 0; i < sys->lcores_count; i++) {
		const struct hmi_stats *of = &sys->lcores[i]->stats;

		stats->moved += hmi_counted(&of->balanced);
		stats->joined += hmi_counted(&of->joined);
		stats->refused += hmi_counted(&of->balance_refused);
	}
	return 0;
}
