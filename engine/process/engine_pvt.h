/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_PVT_H
#define ENGINE_PVT_H

/*
 * The engine's structures, and what its files offer each other.
 *
 *     hm_system ─┬─ shared, constant while it runs: types, pool, options, clock
 *                ├─ shared, atomic: nodes, names (RCU), state
 *                └─ lcores[] ─▶ hm_ctx: worker, outbox, cells, links, counters (one owner each)
 *
 * Data flow of a message, with the file that does it:
 *
 *     send.c ─▶ outbox ─▶ deliver.c ─▶ mailbox ─▶ run.c ─▶ receive function
 *         └──▶ lane ─▶ (other lcore) deliver.c
 *         └──▶ node.c ─▶ provider's lcore ─▶ network ─▶ deliver.c
 *
 * Everything that takes a ctx is for that lcore's thread alone.
 */

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_common.h>

#include "cell_pvt.h"
#include "hm_provider.h"
#include "hm_system.h"
#include "link_pvt.h"
#include "outbox_pvt.h"
#include "pool_pvt.h"
#include "registry_pvt.h"
#include "slab_pvt.h"
#include "type_pvt.h"
#include "worker_pvt.h"

#define HMI_MODULES_MAX   8u
#define HMI_NODES_MAX     65536u
#define HMI_SCHEME        "hermod://"
#define HMI_STATE_CLASSES 8 /* 64 bytes to 8 KiB; bigger states come from the heap */

/* Slots of the processes that every lcore has. */
#define HMI_SLOT_CORE         0u
#define HMI_SLOT_USER         1u /* lcore 0 only */
#define HMI_SLOT_DEAD_LETTERS 2u /* lcore 0 only */

/* Message types between lcores, to the core process; never leave the node. */
enum hmi_core_type {
	HMI_CORE_SPAWN = 32,  /* spawn into a granted slot; body: struct hmi_spawn */
	HMI_CORE_GRANT,       /* slots for spawning on the sending lcore; body: struct hmi_grant */
	HMI_CORE_NODE_LOST,   /* body: struct hmi_node_news */
	HMI_CORE_NODE_FORGOT, /* to the provider's lcore: the answer; body: struct hmi_node_news */
	HMI_CORE_CALL,        /* from outside; body: struct hmi_call * */
	HMI_CORE_SEND,        /* from outside, to the provider's lcore; body: struct hmi_abroad */
	HMI_CORE_STOP_SYSTEM, /* stop the guardian */
	HMI_CORE_RESOLVE,     /* to the provider's lcore; body: address without scheme */
	HMI_CORE_WANT,        /* the sending lcore has used up its granted slots */
};

/*
 * hm_msg.flags, beside those of pool_pvt.h: looked at by run.c before the receive function. Among user
 * messages the only one of the system is HM_SYS_TERMINATED.
 */
#define HMI_MSG_POISON  0x40
#define HMI_MSG_REPLY   0x80 /* answers a future of the actor that owns the mailbox */
#define HMI_MSG_SPECIAL (HMI_MSG_POISON | HMI_MSG_REPLY | HMI_MSG_SYSTEM)

enum hmi_state {
	HMI_CREATED = 0, /* no lcore runs: the creating thread may touch everything */
	HMI_RUNNING,
	HMI_STOPPED,
};

/* Written by the lcore alone, read by anybody: torn reads do not occur, stale ones may. */
struct hmi_stats {
	uint64_t sent, received, spawned, stopped, no_memory;
	uint64_t dead[HM_DEAD_REASONS];
	uint64_t log_window_ns; /* start of the second in which dead letters are logged */
	uint32_t logged;        /* in that second */
};

/* Slots that another lcore has granted to this one. */
struct hmi_stock {
	uint64_t *locals;
	uint32_t count;
	bool asked;     /* an HMI_CORE_WANT is on its way */
	bool none_left; /* the last answer was that there are none */
};

struct hm_ctx {
	struct hmi_worker worker; /* first: the loop knows nothing else */
	struct hm_system *sys;
	uint64_t node;         /* copy of the system's */
	struct hmi_cell *cell; /* the running actor */
	struct hm_msg *msg;    /* the message that it receives; NULL: handed on */
	uint32_t quantum;      /* messages an actor handles in one turn */
	struct hmi_outbox outbox;
	struct hmi_cells cells;
	struct hmi_msg_cache cache;
	struct hmi_stats stats;
	struct hmi_links links;
	struct hmi_slab states[HMI_STATE_CLASSES];
	struct hmi_slab timers;
	uint64_t timer_serial;
	uint64_t last_node;       /* the remote node that was sent to last, ... */
	uint16_t last_node_index; /* ... and its index */
	uint32_t deal;            /* next lcore for HM_LCORE_ANY */
	struct hmi_stock *stock;  /* by granting lcore */
	int32_t *granted_used;    /* by lcore: slots used that were not replaced yet */
	struct hm_msg *lifecycle; /* HM_STARTED and its like, which carry no body */
	pthread_t thread;
	_Atomic bool has_thread;
	uint64_t nodes_met[HMI_NODES_MAX / 64]; /* bits, by index: links or futures may be of these nodes */
};

struct hmi_module_slot {
	const struct hm_module *module;
	void *self;
	bool started;
};

struct hmi_options {
	const char *node;
	const char *idle_name;
	enum hm_idle idle;
	uint64_t lcores, messages, quantum, lane, inject;
	bool help;
};

struct hm_system {
	struct hm_ctx **lcores;
	uint32_t lcores_count;
	uint64_t node;
	struct hmi_types types;
	struct hmi_registry names;
	struct hmi_pool pool;
	struct hmi_msg_cache outside; /* for threads that are no lcore: without caches */
	struct hmi_clock clock;
	struct hmi_options options;
	const struct hm_provider_ops *provider_ops;
	void *provider;
	uint32_t provider_lcore;
	struct hm_pid user, dead_letters;
	enum hm_mode mode;
	struct hmi_module_slot modules[HMI_MODULES_MAX];
	uint32_t modules_count;
	const char *summary;
	const struct hm_option *app_options;
	int logtype;
	char name[16]; /* prefix of what DPDK wants named */
	pthread_t signals;
	bool signals_started, signals_blocked;
	sigset_t signals_before; /* of the thread that created the system */
	_Atomic int state;       /* enum hmi_state */
	_Atomic bool stop_asked;
	_Atomic bool forced;
	_Atomic bool actors_gone;
	_Atomic bool had_subscribers; /* of dead letters, now or before */
	_Atomic(uint64_t) *nodes;     /* ids by index; position 0 is unused */
	_Atomic uint32_t nodes_count;
	uint8_t *nodes_owing; /* by index: lcores that may send to it still; of the provider's lcore */
	_Atomic uint64_t outside_sent, outside_no_memory; /* by threads that are no lcore */
	_Atomic uint64_t
		subscribers[HM_DEAD_LETTER_SUBSCRIBERS_MAX]; /* local parts of PIDs; 0: a free place */
	pthread_mutex_t control;                             /* serialises control calls from outside */
};

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

static inline struct hm_pid
hmi_pid_of(const struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	struct hm_pid pid = { ctx->node, hmi_local(hmi_index(ctx), cell->slot, cell->generation) };

	return pid;
}

/* Cell of a local part, or NULL if that is stale, or of another lcore. */
static inline struct hmi_cell *
hmi_cell_live(struct hm_ctx *ctx, uint64_t local)
{
	struct hmi_cell *cell = hmi_cells_at(&ctx->cells, local);

	return hmi_local_lcore(local) == hmi_index(ctx) && cell->generation == (uint32_t)local &&
			       cell->kind != HMI_CELL_FREE
		       ? cell
		       : NULL;
}

/* Put an actor into the run queue, unless it is there. */
static inline void
hmi_schedule(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if (!cell->scheduled) {
		cell->scheduled = 1;
		hmi_runq_push(&ctx->worker.runq, (struct hmi_runnable *)(void *)cell);
	}
}

/* ---- send.c, msg.c ---- */

/* Route a message whose receiver, sender, type and body are set; takes it over. */
enum hm_result hmi_post(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg);

/* A control message: never fails, the heap stands behind the pool. Zeroed but for type and sizes. */
struct hm_msg *hmi_control(struct hmi_msg_cache *cache, uint16_t type, size_t bytes);

/* Post a control message without body. */
void hmi_control_post(struct hm_ctx *ctx, struct hm_pid to, struct hm_pid sender, uint16_t type);

/* Free any message. */
void hmi_msg_release(struct hmi_msg_cache *cache, struct hm_msg *msg);

/* Make a message of a registered type; sets *result if it answers NULL. */
struct hm_msg *hmi_msg_make(const struct hm_system *sys, struct hmi_msg_cache *cache, uint16_t type,
			    const void *body, enum hm_result *result);

/* ---- deliver.c ---- */

/* Deliver a message for this lcore. */
void hmi_deliver(struct hm_ctx *ctx, struct hm_msg *msg);

/* Deliver what was sent to this lcore, and what that sends in turn. */
void hmi_outbox_flush(struct hm_ctx *ctx);

/* The outbox has no room for a message: make some. */
void hmi_outbox_full(struct hm_ctx *ctx, struct hm_msg *msg);

extern const struct hmi_worker_ops hmi_engine_ops;

/* ---- run.c ---- */

void hmi_actor_run(struct hmi_worker *worker, struct hmi_runnable *runnable);

/* Hand a message without body to the running actor's receive function. */
void hmi_lifecycle_receive(struct hm_ctx *ctx, struct hmi_cell *cell, uint16_t type);

/* ---- lifecycle.c ---- */

/* Handle what is in an actor's system lane, and HM_STARTED. Returns whether the actor may run. */
bool hmi_actor_attend(struct hm_ctx *ctx, struct hmi_cell *cell);

/* Begin to stop; returns whether the actor still exists. */
bool hmi_actor_stop(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_terminated_reason reason);

/* Turn what is left in a mailbox into dead letters; returns whether there was anything. */
bool hmi_mailbox_bury(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_dead_reason reason);

/* News that a process is gone; ownership stays. Returns whether the running actor still exists. */
bool hmi_terminated_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* News that a process is gone, to be posted. */
struct hm_msg *hmi_terminated_new(struct hm_ctx *ctx, struct hm_pid who, uint32_t reason);

/* Tell a watcher, or a parent, that a process is gone. */
void hmi_terminated_post(struct hm_ctx *ctx, struct hm_pid watcher, struct hm_pid who, uint32_t reason);

/* ---- spawn.c ---- */

struct hmi_spawn {
	const struct hm_props *props;
	struct hmi_name *name;
	uint64_t local, parent;
	uint64_t args[];
};

struct hmi_grant {
	uint32_t count, lcore;
	uint64_t locals[];
};

/* Make the processes that the lcore itself needs. Returns 0 or -ENOMEM. */
int hmi_spawn_setup(struct hm_ctx *ctx);

/* An actor is to come to be in a slot that was granted to its parent's lcore. */
void hmi_spawn_granted(struct hm_ctx *ctx, const struct hmi_spawn *spawn);

/* Free an actor's state. */
void hmi_state_free(struct hm_ctx *ctx, struct hmi_cell *cell);

/* Spawn a child of the guardian; on its lcore, or before anything runs. */
int hmi_spawn_user(struct hm_ctx *ctx, const struct hm_props *props, const char *name, const void *args,
		   struct hm_pid *pid);

/* ---- grant.c ---- */

/* Fill every lcore's stock of slots on the others, while nothing runs. Returns 0 or -ENOMEM. */
int hmi_grant_setup(struct hm_system *sys);

/* A slot that was granted to an lcore is used: it is owed another one. */
void hmi_grant_used(struct hm_ctx *ctx, uint32_t lcore);

/* The sending lcore has none left: grant what it is owed. */
void hmi_grant_wanted(struct hm_ctx *ctx, const struct hm_msg *msg);

void hmi_grant_take(struct hm_ctx *ctx, const struct hmi_grant *grant);

/* Whether a slot on another lcore is in stock. Returns 0, -EAGAIN: not yet, or -ENOMEM: none is left there. */
int hmi_stock_ready(struct hm_ctx *ctx, uint32_t lcore);

/* ---- future.c ---- */

/* A message reached a future, or the news that it was not delivered. */
void hmi_future_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg);

/* End a future without a reply. */
void hmi_future_fail(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result);

/* Run the reply function of the future that a message answers, in its owner's turn. */
void hmi_future_reply(struct hm_ctx *ctx, struct hm_msg *msg);

/* Drop a future whose owner stopped before its reply function could run. */
void hmi_future_drop(struct hm_ctx *ctx, struct hm_msg *msg, enum hm_dead_reason reason);

/* Drop the futures of an actor that wait: nobody is left to be told. */
void hmi_futures_drop(struct hm_ctx *ctx, struct hmi_cell *owner);

/* A future of the running actor, or of a waiter outside. NULL: no memory. */
struct hmi_cell *hmi_future_new(struct hm_ctx *ctx, uint64_t timeout_us);

/* ---- timer.c ---- */

void hmi_timer_free(struct hm_ctx *ctx, struct hmi_link *link);
size_t hmi_timer_bytes(void);

/* ---- core.c ---- */

struct hmi_node_news {
	uint64_t node;
	uint16_t index;
};

/* A message for the lcore's core process; takes it over. */
void hmi_core_receive(struct hm_ctx *ctx, struct hm_msg *msg);

/* ---- node.c ---- */

/* Let an lcore's loop call the provider; in ctx.c. */
void hmi_poller_set(struct hm_ctx *ctx);

/* Index of a node id; 0: unknown. */
uint16_t hmi_node_find(const struct hm_system *sys, uint64_t node);

/* A link or a future of this lcore is to be of another node. Returns its index; 0: unknown. */
uint16_t hmi_node_meet(struct hm_ctx *ctx, uint64_t node);

/* Resolve "node/path" for the sender; on the provider's lcore. */
void hmi_provider_resolve(struct hm_ctx *ctx, const struct hm_msg *msg);

/* Hand a message with to_node set to the provider; on its lcore. */
void hmi_provider_deliver(struct hm_ctx *ctx, struct hm_msg *msg);

/* Send a message to another node; takes it over. */
/*
 * Let the provider send a message to another node straight from its body. Returns false if it has to
 * be made first, and posted.
 */
bool hmi_send_remote(struct hm_ctx *ctx, uint64_t node, struct hm_outgoing *out);

enum hm_result hmi_post_remote(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg);

/* What is left to do on this lcore when a node is lost. */
void hmi_node_forget(struct hm_ctx *ctx, const struct hmi_node_news *news);

/* An lcore has forgotten a node; on the provider's. */
void hmi_node_forgot(struct hm_ctx *ctx, const struct hmi_node_news *news);

/* ---- dead_letter.c ---- */

/* Count, publish and free; tells the future or watcher that waits. */
void hmi_dead(struct hm_ctx *ctx, struct hm_msg *msg, enum hm_dead_reason reason);

/* As hmi_dead, for a receiver whose node has no index. */
void hmi_dead_to(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, enum hm_dead_reason reason);

/* ---- outside.c ---- */

/*
 * What a thread that is no lcore wants done on an lcore, and waits for. It lies on that
 * thread's stack: hmi_call_finish is called exactly once for each, by the lcore, or by the
 * thread that stops the system.
 */
struct hmi_call {
	void (*run)(struct hm_ctx *ctx, struct hmi_call *call);
	const struct hm_system *sys;
	sem_t done;
	int rc;
	struct hm_reply *reply; /* NULL: none is wanted */
};

/* A message of a thread outside for another node, whose index is for lcores alone to know. */
struct hmi_abroad {
	uint64_t node;
	struct hm_msg *msg; /* with its receiver's local part */
};

/* Copies the reply, if there is one, and wakes the caller, whose memory is gone from then on. */
void hmi_call_finish(struct hmi_call *call, int rc, const struct hm_msg *reply);

/* ---- signals.c ---- */

/* Keep the stop signals from this thread, and from those it starts; the mask so far goes to *before. */
void hmi_signals_block(sigset_t *before);
int hmi_signals_start(struct hm_system *sys);
void hmi_signals_stop(struct hm_system *sys);

/* ---- system.c, system_run.c ---- */

/* Every actor has stopped: so may the lcores. */
void hmi_guardian_gone(struct hm_ctx *ctx);

/* Turn what is still under way into dead letters; no lcore runs any more. */
void hmi_system_drain(struct hm_system *sys);

#endif /* ENGINE_PVT_H */
