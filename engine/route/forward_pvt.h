/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FORWARD_PVT_H
#define FORWARD_PVT_H

/*
 * Routes to actors that have moved to other lcores (actor/move.c). An actor keeps the PID that it was born with, its home.
 * Where it lives it has another slot, its place. Its home forwards to that; the lcore where it lives knows the place, too, so
 * that its neighbours need not go by its home.
 *
 *     sender on another lcore ──▶ home: forwarder ──▶ place ◀── sender on the same lcore
 *
 * Order: what an lcore sends to the actor arrives in order, since lanes are in order and there are never two ways at once.
 * Before a way changes, a mark is sent on the old one; what comes after it is held until the mark has arrived.
 *
 *     FORWARD ──HMI_SYS_ROUTE_MARK──▶ MARKED ──ROUTE_READY──▶ FORWARD            the actor lives elsewhere now
 *     FORWARD ──HMI_SYS_MOVE_READY──▶ RESERVED ──the actor comes──▶ LOCAL ──it leaves──▶ FORWARD
 *                                              ──RELEASE──▶ FORWARD              it does not come
 *
 * The lcore that it has left forwards what is under way until its home has learnt of the move; then all of it is free again.
 *
 * Who sends may move, too (fence.c).
 *
 * All is of one lcore, but for the messages.
 */

#include "lcore_pvt.h"

/* System messages to actors; they never leave the node. */
enum hmi_move_type {
	HMI_SYS_MOVE = 64,  /* move to an lcore; body: struct hmi_move_order */
	HMI_SYS_MOVE_READY, /* an lcore has made room, or has none; body: struct hmi_route_note */
	HMI_SYS_MOVE_RETRY, /* look again whether it can */
	HMI_SYS_MOVED,      /* it is there */
	HMI_SYS_MUTED_AS,   /* to who has muted a future: the PID of its actor; see actor/pressure.c */
	HMI_SYS_JOIN, /* live where another actor does, or say that it comes; body: struct hmi_join of balance/join.c */
	/* Those from here on are handled when they arrive. */
	HMI_SYS_ROUTE_MARK, /* all that an lcore has sent before has arrived; body: struct hmi_route_note */
	HMI_SYS_MUTE,       /* as HMI_COMMAND_MUTE, the way that messages take; body: as its */
	HMI_SYS_UNMUTE,
	HMI_SYS_ANSWER, /* a future that it has left behind has ended; body: struct hmi_answer of actor/claim_pvt.h */
	HMI_SYS_CLAIM_END, /* the same, one with a handle, is gone; body: local part of its PID */
	HMI_SYS_WORK_DONE, /* as HMI_COMMAND_WORK_DONE, to an actor that has moved */
};

/* Who has an actor move. */
enum hmi_move_by {
	HMI_MOVE_BY_PROGRAM, /* hm_move: whatever it takes, and it stays there */
	HMI_MOVE_BY_LOAD,    /* the balancer: now, or not at all */
	HMI_MOVE_BY_CHAT,
};

struct hmi_move_order {
	uint32_t lcore;
	uint32_t by;      /* enum hmi_move_by */
	bool was_starved; /* it has found no memory before */
};

enum hmi_route_state {
	HMI_ROUTE_FORWARD,
	HMI_ROUTE_MARKED,
	HMI_ROUTE_RESERVED,
	HMI_ROUTE_LOCAL,
};

struct hmi_route {
	struct hmi_route *next; /* of the hash */
	uint64_t home;          /* local part of the actor's PID */
	uint64_t target;        /* where this lcore's messages go: the place, or home */
	uint64_t here;          /* local part of the actor's slot on this lcore; 0: none */
	uint64_t forward;       /* where that slot, a forwarder, sends what comes; 0: it is none */
	struct hmi_fifo held;
	enum hmi_route_state state;
	uint64_t hold_serial; /* of the beginning, while messages are held */
	struct hmi_route *hold_next, *hold_prev;
};

/* Body of HMI_SYS_MOVE_READY and HMI_SYS_ROUTE_MARK, which go to the actor; of HMI_COMMAND_ROUTE_*, and of MOVE_RELEASE. */
struct hmi_route_note {
	uint64_t home;
	uint64_t local; /* the actor's place, where there is one to be told; 0: none */
	uint32_t
		index; /* of the lcore whose route it is; of HMI_COMMAND_ROUTE_END with a place, the next one that is told */
};

extern const struct hmi_process_ops hmi_forward_ops;

/* Returns 0 or -ENOMEM. */
int hmi_routes_create(struct hm_ctx *ctx);

/* Dead-letter what is held. Returns whether there was anything. */
bool hmi_routes_shut_down(struct hm_ctx *ctx);

void hmi_routes_destroy(struct hm_ctx *ctx);

/* The route to an actor, by its home; NULL: none. */
struct hmi_route *hmi_route_find(const struct hm_ctx *ctx, uint64_t home);

/* The same, made if there is none; it leads to its home then. NULL: no memory. */
struct hmi_route *hmi_route_get(struct hm_ctx *ctx, uint64_t home);

/* Send a message of this lcore to the actor; takes it over. */
void hmi_route_send(struct hm_ctx *ctx, struct hmi_route *route, struct hm_msg *msg);

/* The same, past what is held. */
void hmi_route_pass(struct hm_ctx *ctx, const struct hmi_route *route, struct hm_msg *msg);

/* Hold what is sent from here on; and, in its new state, send what is held. */
void hmi_route_hold(struct hm_ctx *ctx, struct hmi_route *route, enum hmi_route_state state);
void hmi_route_release(struct hm_ctx *ctx, struct hmi_route *route, enum hmi_route_state state);

/* A note, and one for an lcore. */
struct hm_msg *hmi_route_note(struct hm_ctx *ctx, uint16_t type, uint64_t home, uint64_t local);
void hmi_route_note_post(struct hm_ctx *ctx, uint32_t lcore, uint16_t command, uint64_t home, uint64_t local);

/* The actor of a cell, which it has been copied from, has left it for a place on another lcore. */
void hmi_forwarder_make(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_route *route, uint64_t place);

/* A message has come to a forwarder; takes it over. */
void hmi_forward(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* The forwarder is to be an actor again. */
void hmi_forwarder_end(struct hm_ctx *ctx, struct hmi_route *route);

/* The route is not needed any more: nor the slot that the actor had here, or was to have. */
void hmi_route_end(struct hm_ctx *ctx, uint64_t home);

/*
 * An actor ends on this lcore, away from home. Its route and its slot stay until what is under way to it has come:
 *
 *     place ──ROUTE_END──▶ home ──ROUTE_END──▶ via, if that still forwards ──ROUTE_END──▶ place: it is free
 *
 * `via`: the lcore that it has left last, if that still forwards to this one; else this one.
 */
struct hmi_route *hmi_route_end_away(struct hm_ctx *ctx, uint64_t home, uint32_t via);

/* Meanwhile what comes to the slot is a dead letter to the actor's PID, which the slot's own is not. */
void hmi_route_answer(struct hmi_cell *cell, struct hmi_route *route);

/* A mark, or the answer to a reservation, has found nobody: tell its lcore. */
void hmi_route_lost(struct hm_ctx *ctx, const struct hm_msg *msg);

/* Whether a process is an actor that has left for another lcore. */
static inline bool
hmi_is_forwarder(const struct hmi_cell *cell)
{
	return !hmi_cell_is_actor(cell) && cell->ops == &hmi_forward_ops;
}

/* Commands. */
void hmi_route_moved_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_route_ready_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_route_end_run(struct hm_ctx *ctx, const struct hm_msg *msg);

/* ---- fence.c ---- */

/*
 * An actor has left this lcore, or has come to it from another one: its place is told by HMI_COMMAND_MOVE_FENCED, once for each
 * of the two, when what it has sent there before has reached its receivers.
 */
void hmi_fence_leave(struct hm_ctx *ctx, uint64_t place);
void hmi_fence_arrive(struct hm_ctx *ctx, uint64_t place);
#define HMI_FENCES 2u

/* Some messages are held no more. */
void hmi_fences_advance(struct hm_ctx *ctx);

/* Commands. */
void hmi_fence_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_fence_done_run(struct hm_ctx *ctx, const struct hm_msg *msg);

/* Free what was not over when the system stopped. */
void hmi_fences_shut_down(struct hm_ctx *ctx);

#endif /* FORWARD_PVT_H */
