/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ROUTER_PVT_H
#define ROUTER_PVT_H

/*
 * Routers. A router is an actor, at home, in one of the slots that are for routers alone; and a table, which every lcore
 * reads. Its PID says that it is one, so a sender need not ask its home:
 *
 *     user message ──hmi_post_away, or the actor's deliver──▶ hmi_router_route: table ──▶ routee
 *     all else ─────────────────────────────────────────────▶ the actor: manage.c ──new table──▶ readers
 *
 *     sys->routers[lcore, slot] ──R2──▶ hmi_router_table, constant ──▶ hmi_router, with a line for each lcore
 *
 * The home publishes a new table for each change, and frees the old one after a grace period. Lcores are RCU readers throughout.
 *
 * Who may call what: what takes a table, any lcore; all else, the router's home, in its actor's turn.
 * Ordering: R2: see table.c.
 */

#include <stdatomic.h>

#include <urcu-qsbr.h>

#include "hm_router.h"
#include "lcore_pvt.h"
#include "tsan_pvt.h"

/* Messages of routers to themselves. */
enum hmi_router_msg_type {
	HMI_ROUTER_FILL = HM_TYPE_RESERVED + 6, /* make what is missing */
	HMI_ROUTER_LEAVE,                       /* poison one that was taken out; body: struct hm_routee */
	HMI_ROUTER_RESIZE,                      /* look whether the pool has the right size */
	HMI_ROUTER_POISON,                      /* HM_SYS_POISON has come */
	HMI_ROUTER_TYPES_END,
};

/* A place on the ring. */
struct hmi_router_point {
	uint32_t hash, index; /* of its routee */
};

struct hmi_ring {
	struct hmi_router_point *points; /* by hash */
	uint32_t *starts; /* of each of 2^bits parts of the ring: the first point in it or behind it */
	uint32_t count, bits;
};

struct hmi_router_table {
	struct rcu_head rcu;
	struct hmi_router *router;
	uint64_t local; /* of the router's PID */
	uint32_t count;
	bool is_closed; /* the router ends, and takes nothing more */
	struct hmi_ring ring;
	uint64_t *ids; /* of the routees, as in struct hmi_router_member */
	struct hm_pid routees[];
};

/* A routee, as its home knows it. */
struct hmi_router_member {
	struct hm_pid pid;
	uint64_t
		id; /* what its places on the ring are made of: of a pool's own a number, which its successor gets */
	uint64_t born_ns; /* of a pool's own */
	bool is_busy;     /* of a balancing router: it has a message, and is to say when it has handled it */
	bool is_own;      /* a child */
	bool is_watched;
};

/* What each lcore changes. */
struct hmi_router_lcore {
	_Alignas(64) uint32_t next; /* round robin */
	/* Of kinds that look at mailboxes: what it has sent in its turn, which may not have arrived, by the table's indices. */
	uint32_t *sent;
	const struct hmi_router_table *table;
	uint64_t turn;
};

struct hmi_router {
	struct rcu_head rcu;
	struct hm_router config;       /* routees: NULL */
	struct hm_resizer resizer;     /* interval_us is 0: there is none */
	struct hmi_deployed *deployed; /* what config refers to, of settings; NULL: nothing */
	struct hm_props props;         /* of its actor */
	struct hmi_owned owned;        /* by that */
	uint64_t local;
	/* Its home's. */
	_Atomic(struct hmi_router_table *) *place; /* of sys->routers */
	struct hmi_router_member *members;
	uint32_t count, capacity;
	uint32_t own, wanted;  /* of a pool: that it has, and should have */
	uint64_t serial;       /* of names */
	uint64_t delay_us;     /* of the next routee, since one has ended soon; 0: none */
	struct hmi_fifo queue; /* of a balancing router: messages that wait for a routee */
	uint32_t last_idle;    /* the member that was found to be idle last */
	bool is_draining;      /* it is to end when that is empty */
	bool is_named, is_filling, is_ending;
	uint32_t *sent; /* of all lcores; NULL: its kind does not look at mailboxes */
	bool is_stale;  /* there was no memory for the table */
	struct hmi_router_lcore lcores[];
};

/* ---- router.c: its making, its end ---- */

/* Their messages are types. Returns 0 or -ENOMEM. */
int hmi_router_types_add(struct hmi_types *types);

/* No lcore runs any more: dead-letter what waits. Returns whether there was anything. */
bool hmi_routers_shut_down(struct hm_ctx *ctx);

/* Free those that a forced stop has left behind. No lcore runs any more. */
void hmi_routers_free(struct hm_ctx *ctx);

/* Free a router that no table refers to any more. */
void hmi_router_free(struct hmi_router *router);

/* hmi_parts.deploy_router. */
int hmi_router_deploy(struct hm_ctx *ctx, const struct hm_spawning *child, struct hmi_deployed *deployed,
		      struct hm_pid *pid);

/* As hm_router_spawn, a child of ctx->cell. */
int hmi_router_spawn(struct hm_ctx *ctx, const struct hm_router *config, const char *name,
		     struct hm_pid *pid);

/* ---- router_route.c ---- */

/* hmi_parts.route. */
bool hmi_router_route(struct hm_ctx *ctx, struct hm_msg *msg);

/* Send a message to a routee; takes it over. `depth`: routers that it has passed before this one. */
void hmi_router_pass(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, uint32_t depth);

/* The same, of a copy, which has those of the message's flags that copies keep, and `flags`. Returns false: no memory. */
bool hmi_router_copy_pass(struct hm_ctx *ctx, struct hm_pid to, const struct hm_msg *msg, uint8_t flags,
			  uint32_t depth);

/*
 * Send a message to all routees; takes it over. Where `tells`, who sends is told of each dead letter; else of one alone that has no
 * copies. Returns how many are under way.
 */
uint32_t hmi_router_spread(struct hm_ctx *ctx, const struct hmi_router_table *table, struct hm_msg *msg,
			   bool tells, uint32_t depth);

/* ---- gather.c ---- */

void hmi_gathers_init(struct hm_ctx *ctx);

/* Send a message, which has a sender, to all, or to one after the other; takes it over. There are routees. */
void hmi_router_first(struct hm_ctx *ctx, const struct hmi_router_table *table, struct hm_msg *msg,
		      uint32_t depth);
void hmi_router_chop(struct hm_ctx *ctx, const struct hmi_router_table *table, struct hm_msg *msg,
		     uint32_t depth);

/* ---- pull.c: balancing; the running actor is the router's ---- */

/* The message that is being received is for a routee. */
void hmi_router_pull_message(struct hm_ctx *ctx, struct hmi_router *router);

/* A routee has handled its message. */
void hmi_router_pull_idle(struct hm_ctx *ctx, struct hmi_router *router, struct hm_pid who);

/* Some routees may have nothing to do. */
void hmi_router_pull(struct hm_ctx *ctx, struct hmi_router *router);

/* Dead-letter what waits. Returns whether there was anything. */
bool hmi_router_pull_drop(struct hm_ctx *ctx, struct hmi_router *router, enum hm_dead_reason reason);

/* ---- table.c ---- */

/* The table of a router; NULL: there is none, or not any more. */
static inline const struct hmi_router_table *
hmi_router_table(const struct hm_system *sys, uint64_t local)
{
	uint32_t lcore = hmi_local_lcore(local), slot = (uint32_t)(local >> 32) % HMI_CELLS_ROUTERS;
	const struct hmi_router_table *table;

	if (unlikely(lcore >= sys->lcores_count))
		return NULL;
	table = atomic_load_explicit(&sys->routers[lcore * HMI_CELLS_ROUTERS + slot],
				     memory_order_acquire); /* R2 */
	if (likely(table != NULL && table->local == local))
		return table;
	HMI_TSAN_RELEASE(table);
	return NULL;
}

/* What was read of a table is not read again: for the thread sanitizer, which does not see grace periods. */
static inline void
hmi_router_table_done(const struct hmi_router_table *table)
{
	HMI_TSAN_RELEASE(table->router);
	HMI_TSAN_RELEASE(table);
}

/* A table for up to so many routees; NULL: no memory. */
struct hmi_router_table *hmi_router_table_new(const struct hmi_router *router, uint32_t count);

/* Have all lcores use it from here on: for the first `count` members. */
void hmi_router_table_use(struct hmi_router *router, struct hmi_router_table *table, uint32_t count);

/* Have all lcores use the members that there are; none, if `is_closed`. Returns 0 or -ENOMEM: nothing has changed. */
int hmi_router_publish(struct hmi_router *router, bool is_closed);

/* There is no router any more: free it, and its table, when nobody reads them. */
void hmi_router_unpublish(struct hmi_router *router);

/* ---- ring.c ---- */

/* Bytes of the ring of so many routees, with `nodes` places each. */
size_t hmi_ring_bytes(uint32_t count, uint32_t nodes);

/*
 * Make a ring, in memory of hmi_ring_bytes, aligned to 8: for routees of these ids, in an order in which those that another
 * ring has follow each other as they do there. `old` NULL: there is no other.
 */
void hmi_ring_make(struct hmi_ring *ring, void *memory, const uint64_t *ids, uint32_t count, uint32_t nodes,
		   const struct hmi_router_table *old);

/* The place of a key: the first one on the ring that is not before it. The ring has places. */
uint32_t hmi_ring_find(const struct hmi_ring *ring, uint64_t key);

/* ---- depth.c ---- */

#define HMI_DEPTH_UNKNOWN UINT32_MAX

/* Whether a kind looks at mailboxes. */
bool hmi_router_looks(const struct hm_router *config);

/* Begin to look at the mailboxes of a table's routees. */
void hmi_router_depths(struct hm_ctx *ctx, const struct hmi_router_table *table);

/*
 * Messages that wait for a routee, about, with those that this lcore has sent in its turn; HMI_DEPTH_UNKNOWN: it is on another
 * node, has moved, or is no actor.
 */
uint32_t hmi_router_depth(struct hm_ctx *ctx, const struct hmi_router_table *table, uint32_t index);

/* The same, without those. */
uint32_t hmi_router_waiting(struct hm_ctx *ctx, struct hm_pid routee);

/* A message is sent to it. */
static inline void
hmi_router_depth_more(const struct hm_ctx *ctx, const struct hmi_router_table *table, uint32_t index)
{
	table->router->lcores[ctx->worker.index].sent[index]++;
}

/* ---- member.c ---- */

/* The place of a member; router->count: it is none. */
uint32_t hmi_router_member_find(const struct hmi_router *router, struct hm_pid pid);

/* Take one in, which is none yet. Returns 0, -ENOSPC or -ENOMEM. */
int hmi_router_member_add(struct hmi_router *router, struct hm_pid pid, bool is_own);

/* Take one out. */
void hmi_router_member_remove(struct hmi_router *router, uint32_t index);

/* ---- resize.c ---- */

/* What a program may ask for; `size`: routees of the pool. NULL is allowed. */
bool hmi_resizer_is_valid(const struct hm_resizer *resizer, uint32_t size);

void hmi_resizer_copy(struct hm_resizer *to, const struct hm_resizer *from);

/* How many routees a pool with a resizer should have. */
uint32_t hmi_router_resize(struct hm_ctx *ctx, const struct hmi_router *router);

/* ---- manage.c ---- */

/* The actor's receive function. Its state is the router. */
void hmi_router_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg);

/* Spawn what a pool is to have. The running actor is the router's. Returns 0, or why there are fewer now. */
int hmi_router_fill(struct hm_ctx *ctx, struct hmi_router *router);

#endif /* ROUTER_PVT_H */
