/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EXTRA_PVT_H
#define EXTRA_PVT_H

/*
 * What few actors have, beside their cell: a name, a stash, the text of a failure. Made when the first of
 * it is needed, and freed with the actor.
 *
 * Owned by one lcore.
 */

#include "cell_pvt.h"
#include "slab_pvt.h"

struct hmi_behaviour;
struct hmi_box;
struct hmi_middleware;
struct hmi_move;
struct hmi_path;
struct hmi_pressure;
struct hmi_receive_timeout;
struct hmi_spread;

/* Times without a message: each has a timer of its own, and both one mark. */
enum hmi_quiet {
	HMI_QUIET_TIMEOUT, /* hm_receive_timeout_set */
	HMI_QUIET_PASSIVE, /* hm_passivation_set */
	HMI_QUIET_KINDS,
};

struct hmi_extra {
	struct hmi_path *path; /* NULL: anonymous */
	struct hmi_fifo stash; /* messages that the actor has put aside */
	uint32_t behaviours_count;
	struct hmi_behaviour *behaviours; /* receive functions below the current one; NULL: none */
	struct hmi_receive_timeout *quiet[HMI_QUIET_KINDS]; /* NULL: none */
	uint32_t quiet_limit;                               /* of the cell, while any is marked */
	uint32_t quiet_marks;                               /* how many are */
	struct hmi_fifo kept; /* while it restarts: messages of its mailbox that were looked through */
	char *failure;        /* why it failed last; NULL: it has not, or there was no memory */
	struct hmi_box *box;  /* of a mailbox that is not the default one; else NULL */
	struct hmi_pressure *pressure;     /* whom it has muted, and who has muted it; NULL: nobody ever */
	struct hm_msg *made;               /* by earlier calls, and neither sent nor freed */
	struct hm_msg *held;               /* received by earlier calls, and kept: keep.c */
	uint64_t home;                     /* local part of its PID, once it has been told to move */
	struct hmi_move *move;             /* to another lcore; NULL: it has never been told to */
	struct hmi_middleware *middleware; /* NULL: none */
	struct hmi_spread *spread;         /* directive on its way to many children; NULL: none */
	uint32_t stop_asks;                /* processes of HMI_REASON_AWAITED */
	uint32_t stashed;                  /* messages that were put aside so far; wraps */
	uint32_t restarts;                 /* lives before this one, where it matters; wraps */
	bool stop_failed;                  /* it has failed while it stops, and waits for none of them */
	bool stops_failed;                 /* while it restarts: it stops next, since it has failed */
	uint8_t quantum_steps; /* messages of its next turn, by what they have taken; 0: it has no quantum of time */
	bool has_escalated; /* children wait for what becomes of it, since it has failed in their place */
	bool owns_props;    /* they are its own, by malloc, since deployment settings are for it */
};

/* The actor's, made if there is none. NULL: no memory. */
struct hmi_extra *hmi_extra_get(struct hmi_slab *slab, struct hmi_cell *cell);

/* Free it, if there is one. What it points to is freed or given back before. */
void hmi_extra_free(struct hmi_slab *slab, struct hmi_cell *cell);

/* Free its props if they are its own. */
void hmi_extra_props_free(struct hmi_cell *cell);

/*
 * The actor stops and has just asked: its end waits for a process, until hmi_stop_await_end. Returns false: no memory.
 * Nothing is done for an actor that restarts.
 */
bool hmi_stop_await(struct hmi_slab *slab, struct hmi_cell *actor, struct hmi_cell *process);

/* The process is done, or was undone, whether it was waited for or not. */
void hmi_stop_await_end(const struct hmi_cell *actor, struct hmi_cell *process);

/* Whether an actor that stops waits for answers. */
static inline bool
hmi_stop_awaits(const struct hmi_cell *cell)
{
	return cell->actor.extra != NULL && cell->actor.extra->stop_asks > 0 &&
	       !cell->actor.extra->stop_failed;
}

/* NULL: the actor is anonymous. */
static inline struct hmi_path *
hmi_cell_path(const struct hmi_cell *cell)
{
	return cell->actor.extra != NULL ? cell->actor.extra->path : NULL;
}

/* Why it failed last, in words; NULL: unknown. */
static inline const char *
hmi_cell_failure(const struct hmi_cell *cell)
{
	return cell->actor.extra != NULL ? cell->actor.extra->failure : NULL;
}

#endif /* EXTRA_PVT_H */
