/* SPDX-License-Identifier: Apache-2.0 */
#include "heat_pvt.h"

#include <errno.h>
#include <stdlib.h>

#include "box_pvt.h"
#include "random_pvt.h"

/* Messages that wait for an actor when its turn begins, whose senders may stand for all of them. */
#define SENDERS 8u

int
hmi_heat_create(struct hm_ctx *ctx)
{
	struct hmi_heat *heat = calloc(1, sizeof(*heat));

	if (heat == NULL)
		return -ENOMEM;
	heat->random = ctx->random;
	heat->since_ticks = hmi_clock_ticks(ctx->worker.clock);
	ctx->heat = heat;
	return 0;
}

void
hmi_heat_destroy(struct hm_ctx *ctx)
{
	free(ctx->heat);
	ctx->heat = NULL;
}

/* ---- Measuring ----------------------------------------------------------------------- */

/* By chance, since what repeats itself at the pace of a count would be seen always or never. */
bool
hmi_heat_begin(struct hm_ctx *ctx)
{
	struct hmi_heat *heat = ctx->heat;
	bool is_slow = hmi_deadline_is_tight(&ctx->worker.deadline);

	if (!is_slow && heat->until > 0) {
		heat->until--;
		return false;
	}
	heat->weight = is_slow ? 1 : HMI_HEAT_SHARE;
	if (!is_slow)
		heat->until = (uint32_t)(hmi_random(&heat->random) % (2 * HMI_HEAT_SHARE - 1));
	return true;
}

static uint32_t
set_of(uint64_t key)
{
	return (uint32_t)((key >> 32) * 0x9e3779b1u >> 16) % HMI_HEAT_SETS * HMI_HEAT_WAYS;
}

struct hmi_hot *
hmi_heat_find(struct hmi_heat *heat, uint64_t place)
{
	struct hmi_hot *hot = &heat->hot[set_of(place)];

	for (uint32_t i = 0; i < HMI_HEAT_WAYS; i++) {
		if (hot[i].place == place)
			return &hot[i];
	}
	return NULL;
}

static struct hmi_hot *
hot_get(struct hmi_heat *heat, uint64_t place)
{
	struct hmi_hot *hot = hmi_heat_find(heat, place), *least = &heat->hot[set_of(place)];

	if (hot != NULL)
		return hot;
	for (uint32_t i = 1; i < HMI_HEAT_WAYS; i++) {
		hot = &heat->hot[set_of(place) + i];
		if (hot->ticks.count < least->ticks.count)
			least = hot;
	}
	least->place = place;
	least->ticks.unsure = least->ticks.count;
	least->most = least->second = 0;
	least->messages = 0;
	return least;
}

static struct hmi_chat *
chat_get(struct hmi_heat *heat, struct hm_pid sender, uint64_t receiver)
{
	struct hmi_chat *set = &heat->chats[set_of((sender.local ^ sender.local << 32) + receiver)],
			*least = set;

	for (uint32_t i = 0; i < HMI_HEAT_WAYS; i++) {
		if (set[i].receiver == receiver && hm_pid_equal(set[i].sender, sender))
			return &set[i];
		if (set[i].messages.count < least->messages.count)
			least = &set[i];
	}
	least->sender = sender;
	least->receiver = receiver;
	least->messages.unsure = least->messages.count;
	least->looks = 0;
	return least;
}

/* By chance, as well: those who always send at once always come in the same order. */
struct hm_pid
hmi_heat_sender(struct hmi_heat *heat, const struct hmi_cell *cell)
{
	const struct hmi_fifo *first = hmi_cell_first(cell);
	const struct hm_msg *msg = first->head;
	uint32_t count = 0;

	for (; msg != NULL && count < SENDERS; msg = hmi_fifo_after(first, msg))
		count++;
	msg = first->head;
	for (uint64_t skip = count > 1 ? hmi_random(&heat->random) % count : 0; skip > 0; skip--)
		msg = hmi_fifo_after(first, msg);
	/* What HM_RECEIVE_TIMEOUT has there is none. */
	if (msg == NULL || (msg->flags & HMI_MSG_SYSTEM) != 0 || msg->type == HM_RECEIVE_TIMEOUT)
		return hm_pid_none();
	return msg->sender;
}

/* A turn that stands for others, too. */
static void
sample_note(struct hmi_hot *hot, uint64_t ticks)
{
	if (ticks > hot->most) {
		hot->second = hot->most;
		hot->most = ticks;
	} else if (ticks > hot->second) {
		hot->second = ticks;
	}
}

void
hmi_heat_turn(struct hm_ctx *ctx)
{
	struct hmi_heat *heat = ctx->heat;
	uint64_t now = hmi_clock_ticks(ctx->worker.clock), ticks = (now - heat->at_ticks) * heat->weight;
	uint64_t messages = (uint64_t)ctx->handled * heat->weight, place;
	struct hmi_hot *hot;

	heat->at_ticks = 0;
	heat->total_ticks += ticks;
	/* It has ended, or left. */
	if (ctx->cell == NULL)
		return;
	place = hmi_place_of(ctx, ctx->cell);
	hot = hot_get(heat, place);
	hot->ticks.count += ticks;
	if (heat->weight > 1)
		sample_note(hot, ticks);
	hot->messages += messages;
	if (messages > 0 && heat->sender.local != 0)
		chat_get(heat, heat->sender, place)->messages.count += messages;
}

/* ---- Looking -------------------------------------------------------------------------- */

void
hmi_heat_look(struct hm_ctx *ctx)
{
	uint64_t now = hmi_clock_ticks(ctx->worker.clock);

	ctx->heat->window_ticks += now - ctx->heat->since_ticks;
	ctx->heat->since_ticks = now;
	ctx->heat->excess_ticks = 0;
	for (uint32_t i = 0; i < HMI_HEAT_PLACES; i++)
		ctx->heat->excess_ticks += hmi_hot_excess(&ctx->heat->hot[i]);
}

static void
count_fade(struct hmi_count *count)
{
	count->count /= 2;
	count->unsure /= 2;
}

void
hmi_heat_fade(struct hmi_heat *heat)
{
	heat->window_ticks /= 2;
	heat->total_ticks /= 2;
	for (uint32_t i = 0; i < HMI_HEAT_PLACES; i++) {
		count_fade(&heat->hot[i].ticks);
		heat->hot[i].most /= 2;
		heat->hot[i].second /= 2;
		heat->hot[i].messages /= 2;
		count_fade(&heat->chats[i].messages);
	}
}
