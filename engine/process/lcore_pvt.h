/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LCORE_PVT_H
#define LCORE_PVT_H

/*
 * The structure of one lcore, known to users as its context.
 *
 * Data flow of a message, with the file that does it:
 *
 *     actor/send.c ─▶ outbox ─▶ route/deliver.c ─▶ mailbox ─▶ actor/run.c ─▶ receive function
 *         └──▶ lane ─▶ (other lcore) route/deliver.c
 *         └──▶ route/post.c ─▶ provider's lcore ─▶ network ─▶ provider/provider.c ─▶ deliver
 *
 * Everything that takes a ctx is for that lcore's thread alone.
 */

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "cell_pvt.h"
#include "extra_pvt.h"
#include "hm_supervisor.h"
#include "link_pvt.h"
#include "observer_pvt.h"
#include "outbox_pvt.h"
#include "pool_pvt.h"
#include "slab_pvt.h"
#include "system_pvt.h"
#include "worker_pvt.h"

/* hm_msg.to_node of a message that was made, and neither sent nor freed: `next` and `to` are its neighbours. */
#define HMI_TO_NODE_MADE UINT16_MAX
/* The same of one that was received, and is kept: keep.c. */
#define HMI_TO_NODE_KEPT (UINT16_MAX - 1)

_Static_assert(HMI_TO_NODE_KEPT > HMI_NODES_LAST, "what a provider frees is in no list");

#define HMI_STATE_CLASSES 8 /* 64 bytes to 8 KiB; bigger states come from the heap */

/*
 * hm_msg.flags, beside those of pool_pvt.h: looked at before the receive function is called. Among
 * user messages the only one of the system is HM_SYS_TERMINATED.
 */
#define HMI_MSG_TIMER   0x20 /* an actor's own timer sent it: not logged when the actor has stopped */
#define HMI_MSG_THIRD   0x20 /* with HMI_MSG_NETWORK: the other node forwards it for a third one */
#define HMI_MSG_BY_TYPE 0x40 /* the engine does something with it, by its type: HMI_TYPE_HANDLED, poison */
#define HMI_MSG_POISON  HMI_MSG_BY_TYPE
#define HMI_MSG_RESUME  0x80 /* for a process that the owner of the mailbox owns: ops->resume */
#define HMI_MSG_SPECIAL (HMI_MSG_BY_TYPE | HMI_MSG_RESUME | HMI_MSG_SYSTEM)

/* A user message of a stream's process to itself, the engine's own: stream/writer.c. */
#define HMI_STREAM_GO 96u

/* Written by the lcore alone, read by anybody: torn reads do not occur, stale ones may. */
struct hmi_stats {
	uint64_t spawned, stopped, no_memory, reserved, timers_delayed, offloaded, offload_refused, failed,
		restarted, mutes, overloads, circles, continuations_dropped, futures_evicted, headers_dropped,
		moved, events_dropped;
	uint64_t dead[HM_DEAD_REASONS];
	uint64_t log_window_ns; /* start of the second in which dead letters are logged */
	uint32_t logged;        /* in that second */
	uint32_t failed_logged; /* the same of failures */
	uint64_t failed_window_ns;
	uint64_t balanced, joined,
		balance_refused; /* moves by the balancer, and actors that it could not move */
};

/* Futures with a handle that have ended, and whose owners have not released them; the oldest goes first. */
struct hmi_kept {
	uint32_t oldest, newest; /* slots; 0: none */
	uint32_t count;
	size_t bytes, bytes_max; /* of their answers */
};

/* Routes to actors that have moved, by their PIDs: route/forward_pvt.h. */
struct hmi_routes {
	struct hmi_slab slab;
	struct hmi_route **buckets;
	uint32_t mask, count;
	struct hmi_route *hold_first, *hold_last; /* that hold messages, by the time since when they do */
	uint64_t hold_serial;
	struct hmi_fence *fence_first, *fence_last; /* that wait for some of those */
	struct hmi_fence *fences_out;               /* that wait for other lcores */
	uint32_t toward[HM_LCORES_MAX]; /* forwarders of this lcore, by the lcore that they send to */
};

/* The last events: flight_pvt.h. */
#define HMI_RECORDER_RING 512u

struct hmi_recorded {
	_Atomic uint64_t words[2];
};

struct hmi_recorder {
	_Atomic uint64_t next; /* events that were recorded */
	struct hmi_recorded events[HMI_RECORDER_RING];
};

/* While a function of a subscription runs. */
struct hmi_event_call {
	const struct hmi_subscription *subscription; /* NULL: none does */
	struct hmi_subscription *before;             /* that is still to get the event; NULL: none */
	struct hm_msg *msg;                          /* that is being published */
	struct hm_msg
		*entry; /* of hm_ctx.dead, about which it is; NULL: an actor publishes, or it is the same */
};

/* hm_ctx.in_user; 0: none runs. */
#define HMI_USER_RUNS    0x01
#define HMI_USER_MADE    0x02 /* it has made messages */
#define HMI_USER_TOOK    0x04 /* the message that it receives is not the caller's any more: hm_ctx.msg is NULL */
#define HMI_USER_REFUSED 0x08 /* and it is a dead letter, by hmi_received_refuse */

/* In hm_ctx.sent_and_mark: a user's function has called the engine, which changes its structures; and a message. */
#define HMI_MARK     1u
#define HMI_SENT_ONE 2u

struct hm_ctx {
	struct hmi_worker worker; /* first: the loop knows nothing else */
	struct hm_system *sys;
	uint64_t node; /* copy of the system's */
	const struct hmi_middleware
		*sending; /* what the running actor sends goes through its stages; NULL: there are none */
	struct hm_failure failure; /* what hm_fail was told */
	struct hmi_outbox outbox;
	struct hmi_cells cells;
	/*
	 * What each message changes, up to the first words of the cache: one line. Two stores that follow each other leave
	 * the store buffer together where they are to the same line, and their number bounds the rate of messages.
	 */
	_Alignas(64) _Atomic uint64_t sent_and_mark; /* HMI_SENT_ONE for each message sent, and HMI_MARK */
	uint64_t received;                           /* as in struct hmi_stats */
	const struct hmi_small_type
		*small_types;  /* copy of the type registry's; none_small while `sending` is set */
	struct hmi_cell *cell; /* the running actor */
	struct hm_msg *msg;    /* the message that it receives; NULL: none, or handed on */
	struct hm_msg *made;   /* by the call that lasts, and neither sent nor freed; see made.c */
	uint32_t handled;      /* messages of its turn so far */
	/* allowed: for the handler of signals on the lcore's own thread; a byte is accessed at once */
	volatile uint8_t in_user; /* HMI_USER_*: a function of a user runs */
	/*
	 * Flags of messages that are looked at before the receive function is called: HMI_MSG_SPECIAL; and
	 * HMI_MSG_EXPIRES once a request may be expired: a future of this lcore has ended without a reply, or one
	 * came from another lcore.
	 */
	uint8_t special;
	struct hmi_msg_cache cache;
	struct hmi_stats stats;
	/* What is to be published: dead letters, HMI_MSG_SYSTEM with bodies struct hmi_dead_record; and other events. */
	struct hmi_fifo dead;
	struct hmi_event_call event;
	struct hmi_links links;
	struct hmi_kept kept;
	struct hmi_routes routes;
	bool has_adopted; /* actors have come here from other lcores */
	bool has_parted;  /* children of this lcore may be links of their parents */
	struct hmi_slab moves;
	struct hmi_fifo moves_starved; /* orders to move that have found no memory */
	struct hmi_timer moves_retry;
	struct hmi_slab claims;
	struct hmi_link *claims_spare; /* for an actor that is about to leave; by hash_next */
	struct hmi_slab states[HMI_STATE_CLASSES];
	struct hmi_slab extras;
	struct hmi_slab gathers;
	struct hmi_slab behaviours;
	struct hmi_slab receive_timeouts;
	struct hmi_slab pressures;
	struct hmi_owned *backlog; /* links: who is muted since a lane is full */
	struct hmi_slab records;   /* of failures */
	struct hmi_slab failures;  /* texts of HM_FAILURE_REASON_MAX bytes */
	struct hmi_slab timers;
	struct hmi_slab timer_bodies[HMI_POOL_CLASSES]; /* of those that do not fit into their timer */
	struct hmi_send_timer *timers_starved;          /* due, and found no memory; oldest first */
	struct hmi_send_timer **timers_starved_end;     /* where the next one goes */
	struct hmi_timer timers_retry;
	uint64_t timer_serial;
	uint64_t work_serial;
	uint64_t child_serial;
	uint32_t probe_serial;
	uint64_t random; /* state of the lcore's random numbers */
	uint64_t select_serial;
	struct hmi_owned *lost;          /* dropped if the call that lasts fails; NULL: nothing */
	uint64_t last_node;              /* the remote node that was sent to last, ... */
	uint16_t last_node_index;        /* ... and its index */
	uint32_t deal;                   /* next lcore for HM_LCORE_ANY */
	struct hmi_placement *placement; /* the load of all lcores, as far as it is known here */
	struct hmi_grants *grants;       /* slots of other lcores, held in advance */
	struct hm_msg *lifecycle;        /* HM_STARTED and its like, which carry no body */
	pthread_t thread;
	pid_t thread_id; /* the kernel's number of it */
	_Atomic bool has_thread;
	uint64_t nodes_referenced[HMI_NODES_MAX /
				  64]; /* bits, by index: links or futures may be of these nodes */
	uintptr_t stack_low;           /* the stack was touched down to here: mark_pvt.h */
	struct hmi_recorder recorder;
	uint64_t quantum_ticks; /* when the turn of an actor with a quantum of time began */
	/* The actor that has run last of those that were born elsewhere, and its PID: for the stall detector's guess. */
	_Atomic(const struct hmi_cell *) moved_cell;
	_Atomic uint64_t moved_home;
	struct hm_stream *streams; /* whose process is of this lcore: stream/stream.c */
	uint32_t
		gone; /* of the actors spawned here, less those that came from other lcores; guardians are gone at once */
	struct hmi_heat *heat;          /* NULL: nobody measures it, and there is no balancer on this lcore */
	struct hmi_balance *balance;    /* NULL: as above */
	struct hmi_observer *observers; /* NULL: nobody observes its actors */
	uint64_t holds_expired;         /* as in struct hmi_stats */
	/* In a cache line of its own, since others read it: see load_pvt.h. */
	_Alignas(64) _Atomic uint64_t load;
};

static_assert(offsetof(struct hm_ctx, cache) - offsetof(struct hm_ctx, sent_and_mark) ==
		      64 - 2 * sizeof(uint32_t),
	      "the cache's count is in the line of what each message changes");

static inline struct hm_ctx *
hmi_ctx_of(struct hmi_worker *worker)
{
	return (struct hm_ctx *)worker;
}

static inline uint32_t
hmi_index(const struct hm_ctx *ctx)
{
	return ctx->worker.index;
}

static inline uint32_t
hmi_slot_of(const struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	return hmi_cells_slot_of(&ctx->cells, cell);
}

/* Where a process of this lcore is. */
static inline uint64_t
hmi_place_of(const struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	return hmi_local(hmi_index(ctx), 0, cell->generation) | hmi_cells_slot_bits(&ctx->cells, cell);
}

/* Its PID: where it was born. */
static inline struct hm_pid
hmi_pid_of(const struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	struct hm_pid pid = { ctx->node, hmi_place_of(ctx, cell) };

	if (unlikely((cell->scheduled & HMI_SCHEDULED_MOVED) != 0))
		pid.local = cell->actor.extra->home;
	return pid;
}

/* PID of the process that every lcore has for commands. */
static inline struct hm_pid
hmi_lcore_process(const struct hm_system *sys, uint32_t lcore)
{
	return (struct hm_pid){ sys->node, hmi_local(lcore, HMI_SLOT_LCORE, 1) };
}

/* Cell of a local part, or NULL if that is stale, or of another lcore. */
static inline struct hmi_cell *
hmi_cell_live(struct hm_ctx *ctx, uint64_t local)
{
	struct hmi_cell *cell = hmi_cells_at(&ctx->cells, local);

	return hmi_local_lcore(local) == hmi_index(ctx) && cell->generation == (uint32_t)local &&
			       !hmi_cell_is_free(cell)
		       ? cell
		       : NULL;
}

/* As hmi_cell_live, also of a process that has other PIDs than its cell's. */
static inline struct hmi_cell *
hmi_cell_named(struct hm_ctx *ctx, uint64_t local)
{
	struct hmi_cell *cell = hmi_cells_at(&ctx->cells, local);

	if (hmi_local_lcore(local) != hmi_index(ctx) || hmi_cell_is_free(cell))
		return NULL;
	if (cell->generation == (uint32_t)local)
		return cell;
	return !hmi_cell_is_actor(cell) && cell->ops->has != NULL && cell->ops->has(cell, local) ? cell
												 : NULL;
}

/* What a taken slot does with messages that are no user messages of an actor. */
static inline const struct hmi_process_ops *
hmi_ops_of(const struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	return hmi_cell_is_actor(cell) ? ctx->sys->parts->actor : cell->ops;
}

/* Put an actor that is marked as queued into the queue of its priority. */
static inline void
hmi_queue(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_runnable *runnable = (struct hmi_runnable *)(void *)cell;

	if (likely((cell->scheduled & HMI_SCHEDULED_CLASS) == 0))
		hmi_runq_push(&ctx->worker.runq, runnable);
	else
		hmi_worker_class_push(&ctx->worker,
				      (cell->scheduled & HMI_SCHEDULED_HIGH) != 0 ? HMI_CLASS_HIGH
										  : HMI_CLASS_LOW,
				      runnable);
}

/* An actor is made, or comes, that has hm_props.priority: mark it, and make room for it. Returns 0 or -ENOMEM. */
int hmi_schedule_reserve(struct hm_ctx *ctx, struct hmi_cell *cell, uint32_t priority);

/* As hmi_schedule, for an actor that is in no queue, and of which more is to know. */
void hmi_schedule_marked(struct hm_ctx *ctx, struct hmi_cell *cell);

/* Put an actor into the run queue, or that of its priority, unless it is there. */
static inline void
hmi_schedule(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	/* A constant is stored, behind a branch, so that no message waits for what the last one has stored. */
	if ((cell->scheduled & HMI_SCHEDULED_QUEUED) != 0)
		return;
	if (likely(cell->condition == 0)) {
		cell->condition = HMI_CONDITION_USUAL;
		hmi_runq_push(&ctx->worker.runq, (struct hmi_runnable *)(void *)cell);
	} else {
		hmi_schedule_marked(ctx, cell);
	}
}

/* An actor that has been taken out of the run queue does not go back. */
static inline void
hmi_unschedule(struct hmi_cell *cell)
{
	if (likely(cell->scheduled == HMI_SCHEDULED_QUEUED))
		cell->scheduled = 0;
	else
		cell->scheduled &= (uint8_t)~HMI_SCHEDULED_QUEUED;
}

/* Index of a node id, the last one cached; 0: unknown. */
static inline uint16_t
hmi_node_index(struct hm_ctx *ctx, uint64_t node)
{
	if (ctx->last_node != node) {
		ctx->last_node_index = hmi_nodes_find(&ctx->sys->nodes, node);
		ctx->last_node = ctx->last_node_index != 0 ? node : 0;
	}
	return ctx->last_node_index;
}

/* A link or a future of this lcore is to be of another node. Returns its index; 0: unknown. */
static inline uint16_t
hmi_node_reference(struct hm_ctx *ctx, uint64_t node)
{
	uint16_t index = hmi_node_index(ctx, node);

	ctx->nodes_referenced[index / 64] |= 1ull << index % 64;
	return index;
}

#endif /* LCORE_PVT_H */
