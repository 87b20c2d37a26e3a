/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEAT_PVT_H
#define HEAT_PVT_H

/*
 * Which actors of an lcore take its time, and who sends to them: for the balancer, and only where that is on.
 *
 *     run stage ──one of HEAT_SHARE, each if actors are slow──▶ measured: the clock is read about each actor's turn
 *                                                                 │
 *          hot:   (actor)           ticks, messages ◀─────────────┤
 *          chats: (sender, actor)   messages        ◀─────────────┘ one of the first senders of the turn, for all
 *
 * Other stages run as if nothing were measured, by functions of their own. What is counted is weighted by the share that is
 * measured, and halved at each look, so that it tells of the last few.
 *
 * The lcore may lose its core in a turn that stands for many, which then seems to take the time of many time slices. So what an
 * actor's longest such turn adds counts as much as the second longest only: who is hot is so more than once.
 *
 * The tables are bounded: sets of a few places, in which the least counted gives way, and hands its count on (space saving). So
 * `unsure` of a count may be another one's.
 *
 * Owned by one lcore.
 */

#include "lcore_pvt.h"

#define HMI_HEAT_SETS   64u
#define HMI_HEAT_WAYS   4u
#define HMI_HEAT_PLACES (HMI_HEAT_SETS * HMI_HEAT_WAYS)

/* Of stages with fast actors, one of so many is measured. */
#define HMI_HEAT_SHARE 64u

struct hmi_count {
	uint64_t count, unsure;
};

struct hmi_hot {
	uint64_t place; /* local part of its slot on this lcore; 0: nobody */
	struct hmi_count ticks;
	uint64_t most,
		second; /* of turns that stand for others, too: what the longest has added to the ticks, and the next one */
	uint64_t messages;
};

struct hmi_chat {
	struct hm_pid sender; /* as in hm_msg.sender: a PID, or { 0, the sender's cell } */
	uint64_t receiver;    /* as hmi_hot.place; 0: nobody */
	struct hmi_count messages;
	uint32_t looks; /* in a row at which the balancer has found that they belong together */
};

struct hmi_heat {
	uint64_t due_ns;       /* when the balancer is to look */
	uint64_t at_ticks;     /* when the actor's turn began; 0: it is not measured */
	struct hm_pid sender;  /* who stands for its messages */
	uint64_t since_ticks;  /* the last look */
	uint64_t window_ticks; /* time that the counts are of, up to that look */
	uint64_t total_ticks;  /* of all actors' turns, in the tables or not */
	uint64_t excess_ticks; /* what of that does not count, at the last look */
	uint64_t random;
	uint32_t until; /* stages before the next one that is measured */
	uint32_t weight;
	struct hmi_hot hot[HMI_HEAT_PLACES];
	struct hmi_chat chats[HMI_HEAT_PLACES];
};

/* Measure on this lcore. Returns 0 or -ENOMEM. */
int hmi_heat_create(struct hm_ctx *ctx);

void hmi_heat_destroy(struct hm_ctx *ctx);

/* A run stage begins. Returns whether it is to be measured. */
bool hmi_heat_begin(struct hm_ctx *ctx);

/* Who has sent one of the first messages that wait for an actor; { 0, 0 }: nobody has, or it is no user's. */
struct hm_pid hmi_heat_sender(struct hmi_heat *heat, const struct hmi_cell *cell);

/* An actor's turn begins. */
static inline void
hmi_heat_turn_begin(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	ctx->heat->sender = hmi_heat_sender(ctx->heat, cell);
	ctx->heat->at_ticks = hmi_clock_ticks(ctx->worker.clock);
}

/* The running actor's turn is over. */
void hmi_heat_turn(struct hm_ctx *ctx);

/* Or it was left, since the actor has failed: the same, if it was measured. */
static inline void
hmi_heat_failed(struct hm_ctx *ctx)
{
	if (ctx->heat != NULL && ctx->heat->at_ticks != 0)
		hmi_heat_turn(ctx);
}

/* What is known of an actor of this lcore; NULL: nothing. */
struct hmi_hot *hmi_heat_find(struct hmi_heat *heat, uint64_t place);

/* A look begins: the counts' time ends now. And it is over: what comes counts more than what was. */
void hmi_heat_look(struct hm_ctx *ctx);
void hmi_heat_fade(struct hmi_heat *heat);

/* What is certain of a count. */
static inline uint64_t
hmi_count_sure(struct hmi_count count)
{
	return count.count - count.unsure;
}

/* What an actor's longest turn has added more than the second longest. */
static inline uint64_t
hmi_hot_excess(const struct hmi_hot *hot)
{
	return hot->most - hot->second;
}

/* The time of an actor: some of it may be another one's; and what is certain of it. */
static inline uint64_t
hmi_hot_ticks(const struct hmi_hot *hot)
{
	return hot->ticks.count - hmi_hot_excess(hot);
}

static inline uint64_t
hmi_hot_ticks_sure(const struct hmi_hot *hot)
{
	return hmi_count_sure(hot->ticks) - hmi_hot_excess(hot);
}

/* The time of all of them. */
static inline uint64_t
hmi_heat_ticks(const struct hmi_heat *heat)
{
	return heat->total_ticks - heat->excess_ticks;
}

#endif /* HEAT_PVT_H */
