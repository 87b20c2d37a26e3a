/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_ROUTER_H
#define HM_ROUTER_H

/**
 * @file
 * Routers: one PID for many actors, the routees.
 *
 *     sender on lcore 1 ──┐  routing table of the router,         ┌──▶ routee on lcore 0
 *     sender on lcore 2 ──┼─▶ read on the sender's own lcore ──▶──┼──▶ routee on lcore 1
 *     thread, other node ─┘  (theirs: on the router's lcore)      └──▶ routee on lcore 2
 *
 * A pool spawns its routees, as children of the router, and spawns new ones for those that end. A group has routees that
 * somebody else has spawned, on this node or on others; those that end are taken out of it.
 *
 * A router's PID is sent to, requested and asked like an actor's. Its user messages go to the routees, each with its
 * sender: who responds, answers the sender. All else is the router's own: watch, stop, poison, HM_TOUCH,
 * and the messages below. A message that comes while there is no routee is a dead letter, HM_DEAD_NO_ROUTEE.
 *
 * Order: what one sender sends by a router to the same routee arrives in order. A table is changed on the router's
 * lcore, and used by others from their next message on.
 *
 * Ownership: all that hm_router_spawn is given is copied, but for props, supervisor and key_arg, which must outlive the
 * router.
 *
 * Overload: senders are muted by routees, as by any actor. hm_system_send and its like to a router whose routees, or the lanes to
 * them, have too many messages would block.
 *
 * Deployment settings (hm_deploy.h) of a router's path override its kind and size, and the props of its routees; and they make a pool
 * of an actor with a name.
 *
 * Limits: HM_ROUTERS_MAX routers an lcore, HM_ROUTEES_MAX routees each. A router stays on the lcore where it was spawned.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Routers of one lcore, at once. */
#define HM_ROUTERS_MAX 256u
/** Routees of one router. */
#define HM_ROUTEES_MAX 1024u
/** hm_router.virtual_nodes: what 0 means. */
#define HM_VIRTUAL_NODES 64u
/** hm_router.virtual_nodes: the most. */
#define HM_VIRTUAL_NODES_MAX 256u
/** hm_router.bound: the least. */
#define HM_ROUTER_BOUND_MIN 101u
/** hm_router.bound: the most. */
#define HM_ROUTER_BOUND_MAX 10000u
/** hm_router.queue: what 0 means. */
#define HM_ROUTER_QUEUE 65536u
/** hm_router.within_us: what 0 means. */
#define HM_ROUTER_WITHIN_US 5000000u
/** hm_router.interval_us: what 0 means. */
#define HM_ROUTER_INTERVAL_US 10000u
/** Routees of a pool of which only deployment settings say that it is one (hm_deploy.h). */
#define HM_ROUTER_SIZE 4u
/** Routers that a message passes one after the other, at most: one that is a routee, of one that is a routee, and so on. */
#define HM_ROUTER_DEPTH_MAX 4u

/** Which routee gets a message. */
enum hm_router_kind {
	HM_ROUTER_ROUND_ROBIN = 0, /**< one after the other; each lcore counts for itself */
	HM_ROUTER_RANDOM,          /**< any, each as likely as others */
	HM_ROUTER_BROADCAST,       /**< all of them; what is said of hm_router_broadcast holds */
	/**
	 * That of the message's key: consistent hashing. When a routee comes or goes, only keys that it gets, or had, change
	 * theirs. A routee that a pool has replaced has the keys of its predecessor.
	 */
	HM_ROUTER_HASH,
	/**
	 * One with the fewest messages in its mailbox, as far as the sender's lcore knows: it looks at all routees, so there should
	 * be some dozens at most. Messages that are not in the default mailbox (hm_mailbox.h) of a routee on another lcore are not seen.
	 * Routees on other nodes, and those that were moved (hm_move.h), are taken if there are no others.
	 */
	HM_ROUTER_SMALLEST,
	/**
	 * One that has nothing to do: messages wait at the router, up to hm_router.queue, until a routee has handled its last one.
	 * They go by the router's lcore. Routees handle HM_TOUCH, one for each message, so their mailboxes should be first in, first
	 * out.
	 */
	HM_ROUTER_BALANCING,
	/**
	 * All of them, and the sender gets the first answer; further ones are dead letters, HM_DEAD_LATE_REPLY. If none
	 * comes within hm_router.within_us it gets HM_FUTURE_FAILED, or its future ends, by HM_FUTURE_TIMEOUT. If all copies are
	 * dead letters a future ends at once. A message without a sender is a broadcast.
	 */
	HM_ROUTER_FIRST,
	/**
	 * As HM_ROUTER_FIRST, but one after the other: any first; the next one after each hm_router.interval_us without an answer, and
	 * at once when one turns out to be a dead letter. A message without a sender goes to one, any.
	 */
	HM_ROUTER_TAIL_CHOPPING,
	HM_ROUTER_KINDS, /**< count of the above */
};

/**
 * The key of a message, for HM_ROUTER_HASH: a number, or the hash of something longer (hm_key of hm_dispatch.h).
 *
 * Called on the lcore of the sender, or on the router's for messages of threads and of other nodes, and on several at the same
 * time. It must not block, call the engine, or fail: a fault in it ends the process.
 *
 * @param msg  to be read; valid until the function returns
 * @param arg  hm_router.key_arg
 */
typedef uint64_t hm_router_key_fn(const struct hm_msg *msg, void *arg);

/**
 * How a pool adjusts its size to what it has to do. Every interval_us the router looks at the mailboxes of its own routees, of which
 * those with at least `pressure` messages are busy. If all are, it spawns some; if few are, it poisons some, the youngest first.
 * Members that are left out are zero, which is their default.
 */
struct hm_resizer {
	uint32_t min; /**< routees, at least 1 */
	uint32_t max; /**< routees, from min to HM_ROUTEES_MAX */
	/** Messages that wait for a busy routee, the one that it handles not included; 0: 1. */
	uint32_t pressure;
	/** By how much the pool grows, in percent of its size, at least by one: up to 1,000; 0: 20. */
	uint32_t grow;
	/** Percentage of busy routees below which it becomes smaller, up to 99; 0: 30. */
	uint32_t idle;
	/** By how much it becomes smaller then, in percent of its size, at least by one: up to 100; 0: 10. */
	uint32_t shrink;
	/** Microseconds between two looks; 0: 100,000. */
	uint64_t interval_us;
};

/** How to make a router. Members that are left out are zero, which is their default. */
struct hm_router {
	/** enum hm_router_kind. */
	uint32_t kind;
	/** Routees of a pool, from 1 on; of a group, how many `routees` are, from 0 on. Up to HM_ROUTEES_MAX. */
	uint32_t size;
	/** A pool: how to make a routee; lcore says where, HM_LCORE_ANY on all lcores in turn. NULL: a group. */
	const struct hm_props *props;
	/** A pool: props->args_size bytes, for each routee; NULL if that is 0. */
	const void *args;
	/** A pool: what becomes of routees that fail (hm_supervisor.h); NULL: hm_supervisor_default. */
	const struct hm_supervisor *supervisor;
	/** A pool: how it adjusts its size, from `size` on, which lies within min and max; copied. NULL: not by itself. */
	const struct hm_resizer *resizer;
	/** A group: its first routees, each once; NULL if there are none. */
	const struct hm_pid *routees;
	/** HM_ROUTER_HASH: not NULL. */
	hm_router_key_fn *key;
	/** For key; may be NULL. */
	void *key_arg;
	/** HM_ROUTER_HASH: places of a routee on the ring, up to HM_VIRTUAL_NODES_MAX; 0: HM_VIRTUAL_NODES. */
	uint32_t virtual_nodes;
	/**
	 * HM_ROUTER_HASH with bounded load: a percentage of the mean number of messages that wait, from HM_ROUTER_BOUND_MIN to
	 * HM_ROUTER_BOUND_MAX. A message whose routee has more goes to the next one on the ring that has not; those of which
	 * fewer than 16 wait take all. The order of a key's messages is lost then. 0: no bound.
	 */
	uint32_t bound;
	/** HM_ROUTER_BALANCING: messages that wait at most, others are dead letters, HM_DEAD_REJECTED; 0: HM_ROUTER_QUEUE. */
	uint32_t queue;
	/** HM_ROUTER_FIRST, HM_ROUTER_TAIL_CHOPPING: microseconds until an answer must come; 0: HM_ROUTER_WITHIN_US. */
	uint64_t within_us;
	/** HM_ROUTER_TAIL_CHOPPING: microseconds until the next routee is tried; 0: HM_ROUTER_INTERVAL_US. */
	uint64_t interval_us;
};

/** Messages for a router itself: to be sent, requested or asked like a registered type. Only on its own node. */
enum hm_router_msg_type {
	/** Take a routee in. Body: struct hm_routee. */
	HM_ROUTER_ADD = HM_TYPE_RESERVED,
	/** Take a routee out; a pool's own is poisoned, and the pool is one smaller. Body: struct hm_routee. */
	HM_ROUTER_REMOVE = HM_TYPE_RESERVED + 1,
	/** Change the size of a pool. Body: struct hm_router_change. */
	HM_ROUTER_ADJUST = HM_TYPE_RESERVED + 2,
	/** The answer to those above, if they have a sender. Body: struct hm_router_done. */
	HM_ROUTER_DONE = HM_TYPE_RESERVED + 3,
	/** Ask for all routees. No body. */
	HM_ROUTER_LIST = HM_TYPE_RESERVED + 4,
	/** The answer to that. Body: struct hm_routees. */
	HM_ROUTEES = HM_TYPE_RESERVED + 5,
};

/** Body of HM_ROUTER_ADD and HM_ROUTER_REMOVE. */
struct hm_routee {
	struct hm_pid pid; /**< the routee */
};

/** Body of HM_ROUTER_ADJUST: by how many routees a pool becomes larger, or smaller. */
struct hm_router_change {
	int32_t by; /**< may be negative */
};

/**
 * Body of HM_ROUTER_DONE. Of HM_ROUTER_ADD: -EEXIST: it is one already; -EINVAL: nobody, or the router itself; -ENOSPC: there are
 * HM_ROUTEES_MAX. Of HM_ROUTER_REMOVE: -ENOENT: it is none. Of HM_ROUTER_ADJUST: -EINVAL: a group, or fewer than one
 * routee would be left; -ENOSPC. Of all: -ENOMEM; -ESHUTDOWN: the router stops. Then nothing has changed.
 */
struct hm_router_done {
	int32_t error; /**< 0, or a negative errno */
	uint32_t
		count; /**< routees that it has now; a pool that finds no memory for some tries again, and has fewer meanwhile */
};

/** Body of HM_ROUTEES. */
struct hm_routees {
	uint32_t count;       /**< of pids */
	uint32_t reserved;    /**< 0 */
	struct hm_pid pids[]; /**< in the order in which they came */
};

/** So that HM_ON of hm_messages.h takes HM_ROUTER_DONE. */
#define HM_ROUTER_DONE_body(msg) ((const struct hm_router_done *)hm_msg_body(msg))
/** The same of HM_ROUTEES. */
#define HM_ROUTEES_body(msg) ((const struct hm_routees *)hm_msg_body(msg))

/* ---- Set-up: allocates ----------------------------------------------------- */

/**
 * Spawn a router as a child of the running actor, and the routees of a pool, which are the router's children. Messages may be
 * sent to it at once.
 *
 * A pool that finds no memory for some routees has fewer at first, and tries again. One whose routee ends spawns another
 * one: at once if that has lived for a second, and else after a delay, which grows from 1 ms to 1 s while they
 * end so soon. Routees of a pool have names if it has one, numbers from "1" on.
 *
 * Stopping a router stops the routees of a pool; those of a group are not concerned. Poisoning a pool poisons its routees, and
 * stops the router when all have ended: they still handle what is in their mailboxes, and new messages are dead letters.
 *
 * Context: turn; does not block. Ownership: see above.
 *
 * @param router    how to make it
 * @param name      as of hm_spawn; NULL: it has no path
 * @param[out] pid  the router; may be NULL; untouched on error
 * @return as hm_spawn; -EINVAL also: no router, a kind that is none, a size that is not allowed, both or neither of
 *         props and routees for a size above 0, routees that are nobody or stand twice, HM_ROUTER_HASH without key, virtual
 *         nodes or a bound that are not allowed; -ENOSPC: HM_ROUTERS_MAX routers on this lcore
 */
__attribute__((warn_unused_result))
int hm_router_spawn(struct hm_ctx *ctx, const struct hm_router *router, const char *name, struct hm_pid *pid);

/**
 * As hm_router_spawn, by a thread that is no lcore, under /user, on the first lcore.
 *
 * Context: as hm_system_spawn. Ownership: as hm_router_spawn.
 *
 * @return as hm_system_spawn and hm_router_spawn
 */
__attribute__((warn_unused_result))
int hm_system_router_spawn(struct hm_system *sys, const struct hm_router *router, const char *name,
			   struct hm_pid *pid);

/* ---- Hot path --------------------------------------------------------------- */

/**
 * Send a message to all routees of a router, of whatever kind, with the running actor as sender. Each gets a copy; a
 * buffer (hm_buffer.h) is shared by all. If there is no memory for one of the copies, that is a dead letter,
 * HM_DEAD_NO_MEMORY. Copies have no deadline, and the death of one ends no future of who asked, since others may
 * answer; the first answer counts.
 *
 * Context: turn. Ownership: the body stays the caller's.
 *
 * @param router     of this node
 * @param body       as of hm_send
 * @param[out] sent  how many copies are under way; may be NULL
 * @return HM_OK: all are; also if there is no routee, and so one dead letter; HM_NO_MEMORY: for the message, or for some of
 *         its copies; HM_NO_RECEIVER: no PID of a router of this node; otherwise as hm_send
 */
enum hm_result hm_router_broadcast(struct hm_ctx *ctx, struct hm_pid router, uint16_t type, const void *body,
				   uint32_t *sent);

/* ---- Management: messages, without an answer ---------------------------------- */

/**
 * Have a router take a routee in: HM_ROUTER_ADD. To know the outcome, ask the router. A pool does not replace those that were
 * added so.
 *
 * Context: turn.
 *
 * @return as hm_send; HM_NO_RECEIVER: no PID of a router of this node, or nobody to be added
 */
enum hm_result hm_router_add(struct hm_ctx *ctx, struct hm_pid router, struct hm_pid routee);

/**
 * Have a router take a routee out: HM_ROUTER_REMOVE.
 *
 * Context: turn.
 *
 * @return as hm_router_add
 */
enum hm_result hm_router_remove(struct hm_ctx *ctx, struct hm_pid router, struct hm_pid routee);

/**
 * Change the size of a pool: HM_ROUTER_ADJUST. If it becomes smaller, the youngest routees are poisoned.
 *
 * Context: turn.
 *
 * @return as hm_send; HM_NO_RECEIVER: no PID of a router of this node
 */
enum hm_result hm_router_adjust(struct hm_ctx *ctx, struct hm_pid router, int32_t by);

/**
 * Ask a router for its routees: the running actor receives HM_ROUTEES.
 *
 * Context: turn.
 *
 * @return as hm_router_adjust
 */
enum hm_result hm_router_list(struct hm_ctx *ctx, struct hm_pid router);

/**
 * Whether a PID is, or was, one of a router of a system's node.
 *
 * Context: any thread.
 *
 * @return true: it is
 */
bool hm_pid_is_router(const struct hm_system *sys, struct hm_pid pid);

#ifdef __cplusplus
}
#endif

#endif /* HM_ROUTER_H */
