/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CELL_PVT_H
#define CELL_PVT_H

/*
 * Cells: what a slot holds. Two cache lines for each process of an lcore.
 *
 *     line 0   mailbox, generation, receive function, small state      every message
 *     line 1   system lane, parent, links, name, big state             everything else
 *
 * A message to an actor whose state is at most 24 bytes touches line 0 alone.
 *
 *     base + slot * 128 ──▶ 2 GiB of address space, memory behind it in chunks of 2 MiB
 *
 * A slot without memory reads as zeros, whose generation, 0, no PID has: looking up any slot
 * number is safe, needs no bound check, and costs no load.
 *
 * Owned by one lcore.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_actor.h"
#include "mailbox_pvt.h"
#include "memory_pvt.h"
#include "runq_pvt.h"
#include "wheel_pvt.h"

enum hmi_cell_kind {
	HMI_CELL_FREE = 0,
	HMI_CELL_ACTOR,
	HMI_CELL_FUTURE,
	HMI_CELL_CORE,         /* the lcore's own process: spawns, grants, news of nodes */
	HMI_CELL_DEAD_LETTERS, /* /deadLetters */
	HMI_CELL_GRANTED,      /* given to another lcore, which may spawn an actor here */
};

enum hmi_life {
	HMI_LIFE_RUNNING = 0,
	HMI_LIFE_NEW,      /* HM_STARTED is still to come */
	HMI_LIFE_STOPPING, /* waits for its children */
};

#define HMI_STATE_INLINE 24u

struct hmi_link;
struct hmi_name;
struct hmi_call;

/* hmi_cell.attention: what an actor must look at before user messages. */
#define HMI_ATTEND_SYSTEM 0x01 /* its system lane is not empty */
#define HMI_ATTEND_LIFE   0x02 /* it is not running: new, or stopping */

struct hmi_cell_actor {
	uint64_t small[HMI_STATE_INLINE / sizeof(uint64_t)]; /* the state, if it fits */
	/* line 1 */
	void *state; /* where it is, in any case */
	struct hmi_system_lane system;
	uint64_t parent; /* local part of its PID; 0: the guardian itself */
	struct hmi_link *links;
	struct hmi_name *name; /* NULL: anonymous */
	const struct hm_props *props;
	uint32_t children;
	uint32_t futures; /* slot of the youngest that waits; 0: none */
	uint8_t life;     /* enum hmi_life */
	uint8_t reason;   /* enum hm_terminated_reason, once it stops */
};

struct hmi_cell_future {
	uint64_t owner; /* local part of the asking actor's PID; 0: a waiter outside */
	struct hmi_timer timer;
	union {
		hm_reply_fn *on_reply;
		struct hmi_call *waiter;
	};
	void *arg;
	uint32_t older, younger; /* slots of the owner's others that wait; 0: none */
	uint16_t node;           /* index of the node that is asked */
	uint8_t result;          /* enum hm_future_result, once done */
	bool done;
};

struct hmi_cell {
	struct hmi_fifo box; /* its head is what the run queue prefetches */
	uint32_t generation;
	hm_receive_fn *receive;
	uint32_t slot;
	uint8_t kind;      /* enum hmi_cell_kind */
	uint8_t scheduled; /* in the run queue, or running */
	uint8_t attention; /* HMI_ATTEND_*; 0: user messages may be handled */
	uint8_t is_small;  /* the state is in actor.small; of a free cell: it was a future's */
	union {
		struct hmi_cell_actor actor;
		struct hmi_cell_future future;
		uint32_t next_free; /* slot of the next free cell; 0: none */
	};
} __attribute__((aligned(128)));

/* An actor's state, without touching line 1 if it is small. */
static inline void *
hmi_cell_state(struct hmi_cell *cell)
{
	return cell->is_small ? cell->actor.small : cell->actor.state;
}

static inline void
hmi_cell_push_system(struct hmi_cell *cell, struct hm_msg *msg)
{
	hmi_system_lane_push(&cell->actor.system, msg);
	cell->attention |= HMI_ATTEND_SYSTEM;
}

/* Oldest system message; NULL: none, and no attention to be paid. */
static inline struct hm_msg *
hmi_cell_pop_system(struct hmi_cell *cell)
{
	struct hm_msg *msg = hmi_system_lane_pop(&cell->actor.system);

	if (msg == NULL)
		cell->attention &= (uint8_t)~HMI_ATTEND_SYSTEM;
	return msg;
}

static inline void
hmi_cell_set_life(struct hmi_cell *cell, enum hmi_life life)
{
	cell->actor.life = (uint8_t)life;
	if (life == HMI_LIFE_RUNNING)
		cell->attention &= (uint8_t)~HMI_ATTEND_LIFE;
	else
		cell->attention |= HMI_ATTEND_LIFE;
}

/* Cells that get their memory together. */
#define HMI_CELLS_CHUNK (HMI_HUGEPAGE_BYTES / sizeof(struct hmi_cell))

struct hmi_cells {
	struct hmi_cell *base;
	uint32_t backed; /* slots with memory */
	uint32_t fresh;  /* lowest slot that was never used */
	uint32_t free;   /* list of freed slots; 0: none */
	uint32_t live;   /* slots that are taken */
};

/* Returns 0 or -ENOMEM. */
int hmi_cells_create(struct hmi_cells *cells);

void hmi_cells_destroy(struct hmi_cells *cells);

/*
 * Take a slot: zeroed but for slot and generation, which differs from all that the slot ever
 * had. NULL: no slot or no memory.
 */
struct hmi_cell *hmi_cells_get(struct hmi_cells *cells);

/* Give a slot back; from here on its PID is stale. */
void hmi_cells_put(struct hmi_cells *cells, struct hmi_cell *cell);

/* The cell of any local part of a PID; its generation tells whether it is the one that is meant. */
static inline struct hmi_cell *
hmi_cells_at(const struct hmi_cells *cells, uint64_t local)
{
	return &cells->base[(local >> 32) & (HM_SLOTS_MAX - 1)];
}

/* Whether a stale PID that resolves to this cell is that of a future which ended last. */
static inline bool
hmi_cell_was_future(const struct hmi_cell *cell, uint64_t local)
{
	return cell->kind == HMI_CELL_FREE && cell->is_small && cell->generation == (uint32_t)local + 1;
}

static inline uint64_t
hmi_local(uint32_t lcore, uint32_t slot, uint32_t generation)
{
	return (uint64_t)lcore << 56 | (uint64_t)slot << 32 | generation;
}

static inline uint32_t
hmi_local_lcore(uint64_t local)
{
	return (uint32_t)(local >> 56);
}

#endif /* CELL_PVT_H */
