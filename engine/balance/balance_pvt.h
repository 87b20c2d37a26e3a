/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BALANCE_PVT_H
#define BALANCE_PVT_H

/*
 * The balancer: each lcore decides about its own actors, by what it has measured of them (actor/heat_pvt.h) and what all lcores
 * publish of their time (sched/busy_pvt.h). It looks once in an interval, if it turns at all: one that sleeps has none to give.
 *
 *     look ─┬─ it is busier than another, for some looks: actors of it are ordered there        balance.c
 *           └─ an actor gets most of its messages from one of another lcore:                    join.c
 *                ── HMI_SYS_JOIN ──▶ that one's lcore: who of them goes, if they belong together
 *                ◀── HMI_SYS_JOIN, decided ── the other one
 *
 * What is decided is rule_pvt.h. An order (HMI_SYS_MOVE) that cannot be carried out at once is not tried again.
 *
 * Owned by one lcore.
 */

#include "heat_pvt.h"
#include "rule_pvt.h"

struct hmi_known_lcore {
	uint64_t busy_ticks; /* at the last look */
	uint32_t busy;       /* in the time up to that, in per mille */
};

struct hmi_balance {
	uint32_t looks; /* in a row that have found it busier than another one */
	uint64_t looked_ticks;
	struct hmi_known_lcore lcores[]; /* those that are not reserved */
};

/* Have a balancer on this lcore, if the options say so and it is not reserved. Returns 0 or -ENOMEM. */
int hmi_balance_create(struct hm_ctx *ctx);

void hmi_balance_destroy(struct hm_ctx *ctx);

/* It is time to look. */
void hmi_balance_look(struct hm_ctx *ctx);

/* Whether the system is asked to stop: nobody moves any more. */
bool hmi_balance_is_over(const struct hm_ctx *ctx);

/* Whether the actor may be moved now. One that may be, but not now, is counted. */
bool hmi_balance_may_move(struct hm_ctx *ctx, const struct hmi_cell *cell);

/* The actor of a slot of this lcore; NULL: it is gone, or has left. */
struct hmi_cell *hmi_balance_actor(struct hm_ctx *ctx, uint64_t place);

/* The slot on this lcore of who has sent a message, as hm_msg.sender says; 0: no actor, or it lives elsewhere. */
uint64_t hmi_balance_sender_here(struct hm_ctx *ctx, struct hm_pid sender);

/* Of what was counted up to this look, how much that is in a second. */
uint64_t hmi_balance_rate(const struct hm_ctx *ctx, uint64_t count);

/* The share of this lcore's time that an actor's own turns have taken. */
uint32_t hmi_balance_own_load(const struct hm_ctx *ctx, const struct hmi_hot *hot);

/* ---- join.c ---- */

/* Have actors come here, or go, that get most of their messages from one another. */
void hmi_balance_joins(struct hm_ctx *ctx);

/* HMI_SYS_JOIN, in the actor's turn, and HMI_COMMAND_JOIN. */
void hmi_balance_join(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg);
void hmi_balance_join_run(struct hm_ctx *ctx, const struct hm_msg *msg);

#endif /* BALANCE_PVT_H */
