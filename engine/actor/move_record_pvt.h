/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOVE_RECORD_PVT_H
#define MOVE_RECORD_PVT_H

/*
 * What an actor knows of its moves, and what it is on its way: for move.c and move_arrive.c.
 */

#include "extra_pvt.h"
#include "forward_pvt.h"
#include "lcore_pvt.h"

/* In place of an lcore: none. */
#define HMI_MOVE_NONE UINT32_MAX

struct hmi_move {
	struct hmi_timer timer;
	uint32_t slot;   /* of the actor, for the timer */
	uint32_t wanted; /* lcore that it is to live on */
	uint32_t asked;  /* lcore that is making room; HMI_MOVE_NONE */
	uint32_t
		left; /* lcore that it has left last, and that still forwards, beside its home; HMI_MOVE_NONE */
	uint32_t unsettled; /* lcores whose way to it still changes */
	uint32_t unfenced;  /* fences before which it does not run here */
	bool was_starved;   /* the order has waited for memory, and none has come since */
	uint32_t by;        /* enum hmi_move_by, of the last order */
	bool was_told;      /* by the program, ever */
	uint64_t arrived_ns;
};

/* Body of HMI_COMMAND_MOVE: an actor on its way. */
struct hmi_move_pack {
	uint64_t home, place;  /* local parts of its PID, and of the slot that it is to have */
	uint32_t from;         /* the lcore that it leaves */
	uint64_t child_serial; /* of the lcore that it leaves */
	uint64_t cell[sizeof(struct hmi_cell) / sizeof(uint64_t)];
};

static inline struct hmi_move *
hmi_move_of(const struct hmi_cell *cell)
{
	return cell->actor.extra != NULL ? cell->actor.extra->move : NULL;
}

/* The actor of a place that a note is about; NULL: it is gone. */
static inline struct hmi_cell *
hmi_move_actor_at(struct hm_ctx *ctx, uint64_t place)
{
	struct hmi_cell *cell = hmi_cell_live(ctx, place);

	return cell != NULL && hmi_cell_is_actor(cell) ? cell : NULL;
}

#endif /* MOVE_RECORD_PVT_H */
