/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CELL_PVT_H
#define CELL_PVT_H

/*
 * Cells: what a slot holds. Two cache lines for each process of an lcore.
 *
 *     line 0   mailbox, generation, receive function, small state        every message
 *     line 1   system lane, parent, children, owned resources, big state  everything else
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
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>

#include "assert_pvt.h"
#include "fifo_pvt.h"
#include "hm_actor.h"
#include "mailbox_pvt.h"
#include "memory_pvt.h"
#include "process_pvt.h"
#include "runq_pvt.h"
#include "slot_bank_pvt.h"
#include "wheel_pvt.h"

/* Bytes of state that lie in the cell, and hmi_cell.state_at of a state that does not. */
#define HMI_STATE_INLINE 24u
#define HMI_STATE_APART  0xff

struct hmi_call;
struct hmi_extra;
struct hmi_gather;
struct hmi_route;

/* hmi_cell.pending: what an actor handles before user messages. */
#define HMI_PENDING_SYSTEM 0x01 /* its system lane is not empty */
#define HMI_PENDING_START  0x02 /* HM_STARTED is still to come */
#define HMI_PENDING_STOP   0x04 /* it stops, or restarts: its children stop first */
#define HMI_PENDING_END    0x08 /* it has stopped: what it owns is dropped, in portions */
#define HMI_PENDING_ASKED  0x10 /* it has asked itself to stop */
#define HMI_PENDING_FAILED 0x20 /* it has failed: its supervisor decides */
#define HMI_PENDING_MUTED  0x40 /* it has sent to an actor that has to drain */
#define HMI_PENDING_STOPS  0x80 /* some of its children are still to be sent a stop, or what was decided */
/* What needs no message to go on. */
#define HMI_PENDING_READY \
	(HMI_PENDING_SYSTEM | HMI_PENDING_START | HMI_PENDING_END | HMI_PENDING_ASKED | HMI_PENDING_STOPS)

/* hmi_cell.scheduled. */
#define HMI_SCHEDULED_QUEUED     0x01 /* in a queue of the worker, or running */
#define HMI_SCHEDULED_STOP_SENT  0x02 /* its parent has sent it a stop */
#define HMI_SCHEDULED_OVERLOADED 0x04 /* its mailbox has too many messages: senders are muted */
#define HMI_SCHEDULED_MOVED      0x80 /* it was born on another lcore: its PID is hmi_extra.home */
#define HMI_SCHEDULED_HIGH       0x08 /* its priority, for ever; neither: the usual one */
#define HMI_SCHEDULED_LOW        0x10
#define HMI_SCHEDULED_QUANTUM    0x20 /* it has a quantum of its own, or middleware, for ever */
#define HMI_SCHEDULED_BOX        0x40 /* it has a mailbox of its own, for ever */
#define HMI_SCHEDULED_CLASS      (HMI_SCHEDULED_HIGH | HMI_SCHEDULED_LOW)

/* hmi_cell.reason of an actor that stops in order to begin anew. */
#define HMI_REASON_RESTART 0x80

/* hmi_cell.reason of a process whose owner stops, and has asked since: the end waits for it. */
#define HMI_REASON_AWAITED 0x40

/* hmi_cell.limit of an actor whose mailbox has none. */
#define HMI_LIMIT_NONE UINT32_MAX

struct hmi_cell_actor {
	uint64_t small[HMI_STATE_INLINE / sizeof(uint64_t)]; /* the state, if it fits */
	/* line 1 */
	void *state; /* of more than HMI_STATE_INLINE bytes; else what a restart needs, see state.c */
	struct hmi_system_lane system;
	uint64_t parent; /* local part of its PID; 0: the guardian itself */
	struct hmi_owned *owned;
	struct hmi_extra *extra; /* what few actors have, their path among it; NULL: nothing */
	const struct hm_props *props;
	uint32_t children;    /* on all lcores, until HM_TERMINATED of each was handled */
	uint32_t first_child; /* slot of a child on this lcore; 0: none */
	/* Siblings on this lcore, children of one parent there: a ring of slots. */
	uint32_t sibling_next, sibling_prev;
};

struct hmi_cell_future {
	union {
		struct hmi_owned owned; /* in the list of the asking actor */
		uint64_t home;          /* local part of its PID, since it has left this lcore: claim_pvt.h */
	};
	struct hmi_timer timer;
	struct hmi_cell *owner; /* the asking actor; NULL: that has left, or an external thread waits */
	union {
		hm_reply_fn *on_reply;
		struct hmi_call *waiter;
	};
	void *arg;
	uint16_t expects;  /* type that the reply must have; 0: any */
	uint16_t node;     /* index of the node that is asked */
	uint16_t requests; /* of a batch: how many they are */
	uint8_t result;    /* enum hm_future_result, once done */
	bool done;
};

/* A future with a handle: shared_future.c. The answer is kept in the mailbox. */
struct hmi_cell_shared {
	union {
		struct hmi_owned owned; /* in the list of its owner, if that is not NULL */
		uint64_t home;          /* with HMI_SHARED_CLAIMED: local part of its PID */
	};
	union {
		struct hmi_timer timer; /* while it is pending */
		struct {
			uint32_t older, newer; /* slots of others that are kept; 0: none */
		} kept;
	};
	struct hmi_cell *owner;  /* NULL: it has ended, or released the future, or left this lcore */
	struct hmi_owned *first; /* hmi_link.owned of who waits, the oldest first */
	struct hmi_owned **last; /* where the next one goes */
	uint16_t expects;        /* type that the answer must have; 0: any */
	uint16_t node;           /* index of the node that is asked */
	uint8_t result;          /* enum hm_future_result, once ended */
	uint8_t flags;           /* HMI_SHARED_* */
};

/* Who waits for a future with a handle: waiter.c. */
struct hmi_cell_waiter {
	union {
		struct hmi_owned owned; /* in the list of the actor that waits */
		uint64_t home;          /* local part of its PID, since it has left this lcore */
	};
	struct hmi_cell *owner; /* the actor that waits; NULL: it has left this lcore */
	hm_reply_fn *fn;        /* NULL: not to be called any more */
	void *arg;
	struct hm_pid sender; /* of the message during which it began to wait */
	uint64_t future;      /* local part of the future's PID */
	uint8_t result;       /* enum hm_future_result, once done */
	bool done;
	bool dropped; /* done, and its owner has ended or restarted since: in no list any more */
};

struct hmi_cell {
	struct hmi_fifo box; /* its head is what the run queue prefetches */
	uint32_t generation;
	union {
		hm_receive_fn *receive;            /* of an actor */
		const struct hmi_process_ops *ops; /* of another process; NULL: the slot is free */
	};
	uint32_t limit;   /* of an actor: messages from which on its mailbox needs a closer look; others: 0 */
	uint8_t state_at; /* of an actor: offset of its state in the cell, or HMI_STATE_APART; 0: no actor */
	uint8_t reason;   /* enum hm_terminated_reason of an actor that stops, or HMI_REASON_RESTART */
	union {
		struct {
			uint8_t scheduled; /* HMI_SCHEDULED_*; 0: in no queue, and nothing else to know */
			uint8_t pending;   /* HMI_PENDING_*; 0: user messages may be handled */
		};
		uint16_t
			condition; /* both. Stored as one where it is about to be read as one: the store is forwarded then */
	};
	union {
		struct hmi_cell_actor actor;
		struct hmi_cell_future future;
		struct hmi_cell_shared shared;
		struct hmi_cell_waiter waiter;
		struct hmi_route *route; /* of a forwarder */
		struct hmi_gather *gather;
		/*
		 * Of a free slot: enum hm_dead_reason, for messages to the last process; from HMI_CELL_PIDS on, how many PIDs it
		 * had.
		 */
		uint32_t late;
	};
} __attribute__((aligned(128)));

/*
 * An actor's state, without touching line 1 if it is small. A branch, which is predicted: adding
 * state_at would make every access to the state wait for it.
 */
static inline void *
hmi_cell_state(struct hmi_cell *cell)
{
	if (__builtin_expect(cell->state_at == offsetof(struct hmi_cell, actor.small), 1))
		return cell->actor.small;
	return cell->state_at != HMI_STATE_APART ? (char *)cell + cell->state_at : cell->actor.state;
}

static inline bool
hmi_cell_is_actor(const struct hmi_cell *cell)
{
	return cell->state_at != 0;
}

/* hmi_cell.condition of an actor that runs, or waits to, and of which nothing else is to know. */
#define HMI_CONDITION_USUAL rte_cpu_to_le_16(HMI_SCHEDULED_QUEUED)
/* The same in its first turn, and when it has asked itself to stop. */
#define HMI_CONDITION_START rte_cpu_to_le_16(HMI_SCHEDULED_QUEUED | HMI_PENDING_START << 8)
#define HMI_CONDITION_ASKED rte_cpu_to_le_16(HMI_SCHEDULED_QUEUED | HMI_PENDING_ASKED << 8)

/* Whether an actor begins anew, and keeps its messages until it has. */
static inline bool
hmi_cell_restarts(const struct hmi_cell *cell)
{
	return (cell->pending & HMI_PENDING_STOP) != 0 && cell->reason == HMI_REASON_RESTART;
}

/* Whether an actor ends: it will handle no messages any more. */
static inline bool
hmi_cell_ends(const struct hmi_cell *cell)
{
	return (cell->pending & (HMI_PENDING_STOP | HMI_PENDING_END)) != 0 && !hmi_cell_restarts(cell);
}

static inline void
hmi_cell_push_system(struct hmi_cell *cell, struct hm_msg *msg)
{
	hmi_system_lane_push(&cell->actor.system, msg);
	cell->pending |= HMI_PENDING_SYSTEM;
}

/* Oldest system message; NULL: none. */
static inline struct hm_msg *
hmi_cell_pop_system(struct hmi_cell *cell)
{
	struct hm_msg *msg = hmi_system_lane_pop(&cell->actor.system);

	if (cell->actor.system.tail == NULL)
		cell->pending &= (uint8_t)~HMI_PENDING_SYSTEM;
	return msg;
}

/*
 * Slots of routers, HMI_CELLS_ROUTERS of them from the slot of the same number on: a PID says whether it is a router's. No other
 * process gets one.
 */
#define HMI_CELLS_ROUTERS 256u

static inline bool
hmi_local_is_router(uint64_t local)
{
	return (uint16_t)(local >> 40) == 1;
}

/* Cells that get their memory together. */
#define HMI_CELLS_CHUNK  (HMI_HUGEPAGE_BYTES / sizeof(struct hmi_cell))
#define HMI_CELLS_CHUNKS (HM_SLOTS_MAX / HMI_CELLS_CHUNK)

struct hmi_cells {
	struct hmi_cell *base;
	uint64_t *free;                         /* freed slots, the bank's `own`; youngest last */
	uint32_t free_count;                    /* of `free` */
	uint32_t live;                          /* slots that are taken */
	uint32_t fresh, fresh_end;              /* own slots that were never used */
	uint64_t backed[HMI_CELLS_CHUNKS / 64]; /* a bit for each chunk with memory */
	struct hmi_slot_bank *bank;
	uint32_t chunks;  /* that have memory */
	uint32_t early;   /* slots that a message has taken before the spawn that they are for */
	uint32_t lost;    /* slots that another lcore has held, and that nobody will take */
	uint32_t retired; /* slots whose generations are used up */
	uint64_t
		routers[HMI_CELLS_ROUTERS / 64]; /* a bit for each of their slots that is taken, or used up */
};

/* Returns 0 or -ENOMEM. */
int hmi_cells_create(struct hmi_cells *cells);

void hmi_cells_destroy(struct hmi_cells *cells);

/* Get freed slots from the bank when there are none. Returns whether there are some now. */
bool hmi_cells_refill(struct hmi_cells *cells);

/* Take a slot that was never used. NULL: no slot or no memory. */
struct hmi_cell *hmi_cells_get_fresh(struct hmi_cells *cells);

/* Take a slot that another lcore has reserved, whose generation becomes 1. NULL: no memory. */
struct hmi_cell *hmi_cells_take(struct hmi_cells *cells, uint32_t slot);

/*
 * Have the next hmi_cells_get take a slot of routers. Returns whether one is free. If nobody takes it, or it is given back
 * at once, hmi_cells_unlend.
 */
bool hmi_cells_lend(struct hmi_cells *cells);
void hmi_cells_unlend(struct hmi_cells *cells);

/* As hmi_cells_put, of a router. */
void hmi_cells_put_router(struct hmi_cells *cells, struct hmi_cell *cell, enum hm_dead_reason late);

/* Let other lcores have the older half of a full list of freed slots. */
void hmi_cells_deposit(struct hmi_cells *cells);

/* Slots from this one on were given to nobody. */
static inline uint32_t
hmi_cells_end(const struct hmi_cells *cells)
{
	return atomic_load_explicit(&cells->bank->next, memory_order_relaxed);
}

/*
 * The lowest slot from `slot` on that has memory; at or above hmi_cells_end: there is none. To walk over all
 * processes: of what is reserved most has never been taken.
 */
static inline uint32_t
hmi_cells_next(const struct hmi_cells *cells, uint32_t slot)
{
	uint32_t end = hmi_cells_end(cells);

	while (slot < end) {
		uint32_t chunk = slot / (uint32_t)HMI_CELLS_CHUNK;

		if ((cells->backed[chunk / 64] >> chunk % 64 & 1) != 0)
			break;
		slot = (chunk + 1) * (uint32_t)HMI_CELLS_CHUNK;
	}
	return slot;
}

static inline struct hmi_cell *
hmi_cells_slot(const struct hmi_cells *cells, uint32_t slot)
{
	return &cells->base[slot];
}

/* The cell of any local part of a PID; its generation says whether it is that process. */
static inline struct hmi_cell *
hmi_cells_at(const struct hmi_cells *cells, uint64_t local)
{
	return hmi_cells_slot(cells, (uint32_t)(local >> 32) & (HM_SLOTS_MAX - 1));
}

/*
 * Take a slot: zeroed but for its generation, which differs from all that the slot ever had.
 * NULL: no slot or no memory.
 */
static inline struct hmi_cell *
hmi_cells_get(struct hmi_cells *cells)
{
	struct hmi_cell *cell;

	for (;;) {
		if (unlikely(cells->free_count == 0) && !hmi_cells_refill(cells))
			return hmi_cells_get_fresh(cells);
		cell = hmi_cells_at(cells, cells->free[--cells->free_count]);
		if (likely(cell->ops == NULL))
			break;
		/* A message has taken it, which can only be for a made-up PID: it is left to that for ever. */
		cells->early--;
	}
	cell->late = 0;
	cells->live++;
	return cell;
}

/* How many freed slots ahead the memory of one is fetched. */
#define HMI_CELLS_AHEAD 4u

/* As hmi_cells_get, where many may be taken one after the other that were freed long ago. */
static inline struct hmi_cell *
hmi_cells_get_ahead(struct hmi_cells *cells)
{
	if (likely(cells->free_count > HMI_CELLS_AHEAD))
		__builtin_prefetch(hmi_cells_at(cells, cells->free[cells->free_count - 1 - HMI_CELLS_AHEAD]),
				   1);
	return hmi_cells_get(cells);
}

/* As hmi_cells_get, a slot with so many generations left that a process may have `pids` PIDs. */
struct hmi_cell *hmi_cells_get_many(struct hmi_cells *cells, uint32_t pids);

static inline uint32_t
hmi_cells_slot_of(const struct hmi_cells *cells, const struct hmi_cell *cell)
{
	return (uint32_t)(cell - cells->base);
}

/* The same where it is in a PID, 32 bits up: one shift, since cells are 128 bytes. */
static inline uint64_t
hmi_cells_slot_bits(const struct hmi_cells *cells, const struct hmi_cell *cell)
{
	_Static_assert(sizeof(*cell) == 1u << 7, "bytes to slots");
	return (uint64_t)((const char *)cell - (const char *)cells->base) << (32 - 7);
}

static inline bool
hmi_cell_is_free(const struct hmi_cell *cell)
{
	return cell->ops == NULL;
}

/* Bytes that are cleared together. */
#define HMI_CLEAR_BYTES 32u

/* In pieces: of the whole gcc makes `rep stos`, which takes longer to start than this to end. */
static inline void
hmi_cell_clear(struct hmi_cell *cell)
{
	char *bytes = (char *)cell;

	_Static_assert(sizeof(*cell) == 4 * HMI_CLEAR_BYTES, "all of it");
	memset(bytes, 0, HMI_CLEAR_BYTES);
	memset(bytes + HMI_CLEAR_BYTES, 0, HMI_CLEAR_BYTES);
	memset(bytes + 2 * HMI_CLEAR_BYTES, 0, HMI_CLEAR_BYTES);
	memset(bytes + 3 * HMI_CLEAR_BYTES, 0, HMI_CLEAR_BYTES);
}

/* In hmi_cell.late. */
#define HMI_CELL_PIDS 0x100u

/* As hmi_cells_put, of a process whose PIDs have the cell's generation and the `pids` - 1 after it; they are below 2^24. */
static inline void
hmi_cells_put_many(struct hmi_cells *cells, struct hmi_cell *cell, enum hm_dead_reason late, uint32_t pids)
{
	uint32_t generation = cell->generation + pids;

	HMI_ASSERT(!hmi_cell_is_free(cell));
	hmi_cell_clear(cell);
	cell->late = late | pids * HMI_CELL_PIDS;
	cell->generation = generation;
	cells->live--;
	/* A slot whose generations are used up is never given out again. */
	if (unlikely(generation == 0)) {
		cells->retired++;
		return;
	}
	cells->free[cells->free_count++] = hmi_cells_slot_bits(cells, cell) | generation;
	if (unlikely(cells->free_count == HMI_SLOT_OWN))
		hmi_cells_deposit(cells);
}

/*
 * Give a slot back: its PID is stale from here on, and `late` is why a message to it is a dead letter. Inline:
 * each request does it.
 */
static inline void
hmi_cells_put(struct hmi_cells *cells, struct hmi_cell *cell, enum hm_dead_reason late)
{
	HMI_ASSERT(!hmi_cell_is_free(cell));
	hmi_cells_put_many(cells, cell, late, 1);
}

/* Whether a local part is of a slot that another lcore has reserved, and that has not been taken. */
static inline bool
hmi_cells_is_reserved(const struct hmi_cells *cells, uint64_t local)
{
	uint32_t slot = (uint32_t)(local >> 32) & (HM_SLOTS_MAX - 1);

	return (uint32_t)local == 1 && slot < hmi_cells_end(cells) &&
	       (slot < cells->fresh || slot >= cells->fresh_end) &&
	       hmi_cells_slot(cells, slot)->generation == 0;
}

/* Why a message to a stale PID that resolves to this cell is a dead letter. */
static inline enum hm_dead_reason
hmi_cell_late(const struct hmi_cell *cell, uint64_t local)
{
	return hmi_cell_is_free(cell) && cell->generation - (uint32_t)local - 1 < cell->late / HMI_CELL_PIDS
		       ? (enum hm_dead_reason)(cell->late % HMI_CELL_PIDS)
		       : HM_DEAD_NO_PROCESS;
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
