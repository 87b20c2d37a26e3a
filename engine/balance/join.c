/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors of two lcores that talk to each other, and to hardly anybody else, come to live on one of them.
 *
 * The lcore of the one that receives finds it, and asks the other one's, wherever that is. That decides who goes, as it
 * knows both sides of the talk then: to the lcore that is less busy, if that has room.
 */
#include "balance_pvt.h"
#include "counter_pvt.h"
#include "forward_pvt.h"
#include "hm_balance.h"
#include "move_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "pressure_pvt.h"

/* Body of HMI_SYS_JOIN and HMI_COMMAND_JOIN. */
struct hmi_join {
	uint64_t partner; /* local part of the PID of the actor that receives ... */
	uint64_t place;   /* ... and of its slot ... */
	uint64_t cell;    /* of HMI_COMMAND_JOIN: the sender's, of the lcore that is asked */
	uint32_t index;   /* ... on this lcore */
	uint32_t load;    /* of its own turns, in per mille */
	uint64_t rate;    /* messages a second that it handles from the one that is asked */
	bool is_decided;  /* the receiver of this is to come to that lcore */
};

/* ---- Finding -------------------------------------------------------------------------- */

/* A sender without a PID is known by its cell alone, to its lcore. */
static void
ask(struct hm_ctx *ctx, struct hm_pid sender, const struct hmi_join *join)
{
	bool has_pid = sender.node != 0;
	struct hm_msg *msg =
		hmi_control(&ctx->cache, has_pid ? HMI_SYS_JOIN : HMI_COMMAND_JOIN, sizeof(*join));

	*(struct hmi_join *)hm_msg_body_mut(msg) = *join;
	(void)hmi_post(ctx,
		       has_pid ? sender : hmi_lcore_process(ctx->sys, hmi_pressure_lcore(ctx->sys, sender)),
		       msg);
}

/* Whether a chat is one across lcores, and makes up most of what its receiver handles. */
static bool
is_across(struct hm_ctx *ctx, const struct hmi_chat *chat)
{
	const struct hmi_hot *hot = hmi_heat_find(ctx->heat, chat->receiver);
	uint64_t in = hmi_count_sure(chat->messages);

	return hot != NULL && hmi_balance_is_chat(hmi_balance_rate(ctx, in), false) &&
	       hmi_balance_belongs(in, hot->messages, 0, false) &&
	       hmi_pressure_lcore(ctx->sys, chat->sender) < ctx->sys->lcores_count &&
	       hmi_balance_sender_here(ctx, chat->sender) == 0;
}

static void
chat_look(struct hm_ctx *ctx, struct hmi_chat *chat, uint32_t *asked)
{
	const struct hmi_cell *cell = hmi_balance_actor(ctx, chat->receiver);
	struct hmi_join join;

	chat->looks = cell != NULL && is_across(ctx, chat) ? chat->looks + 1 : 0;
	if (chat->looks < HMI_BALANCE_LOOKS || *asked >= HMI_BALANCE_JOINS_MAX)
		return;
	chat->looks = 0;
	(*asked)++;
	join = (struct hmi_join){ .partner = hmi_pid_of(ctx, cell).local,
				  .place = chat->receiver,
				  .cell = chat->sender.local,
				  .index = hmi_index(ctx),
				  .load = hmi_balance_own_load(ctx, hmi_heat_find(ctx->heat, chat->receiver)),
				  .rate = hmi_balance_rate(ctx, hmi_count_sure(chat->messages)) };
	ask(ctx, chat->sender, &join);
}

void
hmi_balance_joins(struct hm_ctx *ctx)
{
	uint32_t asked = 0;

	for (uint32_t i = 0; i < HMI_HEAT_PLACES; i++) {
		if (ctx->heat->chats[i].receiver != 0)
			chat_look(ctx, &ctx->heat->chats[i], &asked);
	}
}

/* ---- Deciding --------------------------------------------------------------------------- */

/* Whether a sender, as a message has it, is the actor that asks. */
static bool
is_partner(const struct hm_ctx *ctx, struct hm_pid sender, const struct hmi_join *join)
{
	const struct hmi_cells *cells = &ctx->sys->lcores[join->index]->cells;

	return sender.node != 0 ? sender.node == ctx->node && sender.local == join->partner
				: sender.local == (uintptr_t)hmi_cells_at(cells, join->place);
}

/* Messages a second that an actor handles from the one that asks. */
static uint64_t
rate_from(struct hm_ctx *ctx, uint64_t place, const struct hmi_join *join)
{
	uint64_t in = 0;

	for (uint32_t i = 0; i < HMI_HEAT_PLACES; i++) {
		const struct hmi_chat *chat = &ctx->heat->chats[i];

		if (chat->receiver == place && is_partner(ctx, chat->sender, join))
			in += hmi_count_sure(chat->messages);
	}
	return hmi_balance_rate(ctx, in);
}

static uint32_t
busy_of(const struct hm_ctx *ctx, uint32_t lcore)
{
	return ctx->balance->lcores[lcore].busy;
}

/* The actor goes to where the other one lives; they exchange `rate` messages a second. Returns whether it may. */
static bool
go(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hmi_join *join, uint64_t rate)
{
	const struct hmi_hot *hot = hmi_heat_find(ctx->heat, hmi_place_of(ctx, cell));
	uint32_t load = hot != NULL ? hmi_balance_own_load(ctx, hot) : 0;

	if (!hmi_balance_has_room(busy_of(ctx, join->index), load, rate) || !hmi_balance_may_move(ctx, cell))
		return false;
	hmi_move_order(ctx, cell, join->index, HMI_MOVE_BY_CHAT);
	return true;
}

/* The other one is to come here. Returns whether there is room. */
static bool
call(struct hm_ctx *ctx, const struct hmi_join *join, uint64_t rate)
{
	struct hmi_join answer = { .index = hmi_index(ctx), .is_decided = true };

	if (!hmi_balance_has_room(busy_of(ctx, hmi_index(ctx)), join->load, rate))
		return false;
	ask(ctx, (struct hm_pid){ ctx->node, join->partner }, &answer);
	return true;
}

static void
decide(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hmi_join *join)
{
	uint32_t here = busy_of(ctx, hmi_index(ctx)), there = busy_of(ctx, join->index);
	const struct hmi_hot *hot = hmi_heat_find(ctx->heat, hmi_place_of(ctx, cell));
	uint64_t in = rate_from(ctx, hmi_place_of(ctx, cell), join), rate = in + join->rate;

	if (!hmi_balance_belongs(in, hot != NULL ? hmi_balance_rate(ctx, hot->messages) : 0, join->rate,
				 false))
		return;
	/* Both lcores may be asked at a time: of equals the first one. */
	if (here < there || (here == there && hmi_index(ctx) < join->index)) {
		if (!call(ctx, join, rate))
			(void)go(ctx, cell, join, rate);
	} else if (!go(ctx, cell, join, rate)) {
		(void)call(ctx, join, rate);
	}
}

static void
join_receive(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hmi_join *join)
{
	/* Reserved lcores have no balancer, and so none is asked from there. */
	if (ctx->balance == NULL || join->index == hmi_index(ctx) || hmi_balance_is_over(ctx))
		return;
	if (!join->is_decided)
		decide(ctx, cell, join);
	else if (hmi_balance_may_move(ctx, cell))
		hmi_move_order(ctx, cell, join->index, HMI_MOVE_BY_CHAT);
}

void
hmi_balance_join(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg)
{
	join_receive(ctx, cell, hm_msg_body(msg));
}

void
hmi_balance_join_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hmi_join *join = hm_msg_body(msg);
	struct hmi_cell *cell = (struct hmi_cell *)(uintptr_t)join->cell;
	struct hmi_join onward = *join;

	if (hmi_cell_is_actor(cell))
		join_receive(ctx, cell, join);
	else if (hmi_is_forwarder(cell))
		ask(ctx, (struct hm_pid){ ctx->node, cell->route->home }, &onward);
}
