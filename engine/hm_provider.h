/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_PROVIDER_H
#define HM_PROVIDER_H

/**
 * @file
 * Modules and providers: how parts built on top of the engine join a system.
 *
 * A *module* brings options and a life cycle. A *provider* serves the PIDs of other nodes:
 *
 *     actor ─ hm_send ─▶ (PID of another node) ─▶ lane ─▶ provider's lcore ─ deliver ─▶ network
 *     actor ◀─────────── mailbox ◀── lane ◀────── provider's lcore ◀ hm_provider_receive ─┘
 *
 * A provider lives on one lcore, which calls its poll function before every run of actors and
 * its flush function at the end; all functions of hm_provider_ops run on that lcore, so a
 * provider's state needs no atomics.
 *
 * The messages of watch, stop and their like cross nodes as messages of the types below.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_dead_letter.h"
#include "hm_msg.h"
#include "hm_system.h"
#include "hm_type.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_ctx;

/** A part that is built on top of the engine. All functions but create may be NULL. */
struct hm_module {
	const char *name; /**< for logs */
	/** Make the module's state. @return 0 or a negative errno, printed already. */
	int (*create)(struct hm_system *sys, void **self);
	/** Options of the module; the table must live as long as @p self. */
	const struct hm_option *(*options)(void *self);
	/** After options were parsed and memory is there, before anything runs. Errors are printed. */
	int (*start)(void *self, struct hm_system *sys);
	/** After the lcores have stopped; flush was called once more after the last actor stopped. */
	void (*stop)(void *self);
	/** Free the state; also after a create or start that failed. */
	void (*destroy)(void *self);
};

/**
 * State of a module of a system.
 *
 * Context: any thread. Ownership: the module's, until its destroy function.
 *
 * @return what its create function made; NULL: the system has no such module
 */
void *hm_module_self(const struct hm_system *sys, const struct hm_module *module);

/** A message that is not made yet: its body is still the sender's. */
struct hm_outgoing {
	uint64_t to;          /**< local part of the receiver's PID */
	struct hm_pid sender; /**< may be none */
	const void *body;     /**< of a registered type, which may be a plain struct; not NULL */
	uint16_t type;        /**< of the body */
	uint16_t to_node;     /**< index of the receiver's node */
};

/** Serves the PIDs of other nodes. Of its functions send, resolve and waiting may be NULL. */
struct hm_provider_ops {
	/**
	 * Take a message for another node; the provider owns it and frees it by hm_msg_free, or
	 * gives it back by hm_dead_letter_publish. msg->to_node is the receiver's node index.
	 */
	void (*deliver)(void *self, struct hm_ctx *ctx, struct hm_msg *msg);
	/**
	 * Send a message straight from its sender's body, which spares the copy. The engine asks first
	 * where an actor on the provider's lcore sends what is no small message without pointers; what
	 * was sent before has been delivered.
	 * @return false: not this one, or not now; nothing happened, and it comes by deliver
	 */
	bool (*send)(void *self, struct hm_ctx *ctx, const struct hm_outgoing *out);
	/** Take in what the network has, until hm_turn_expired. @return units of work done */
	uint32_t (*poll)(void *self, struct hm_ctx *ctx);
	/** Send out what the turn has produced, until hm_turn_expired. @return units of work done */
	uint32_t (*flush)(void *self, struct hm_ctx *ctx);
	/**
	 * Ask a named node for a path; the answer, HM_IDENTITY, goes to @p reply_to by
	 * hm_provider_receive. No answer is needed if there is none: the asker has a deadline.
	 * @return 0; -EINVAL: bad name; -ENOMEM
	 */
	int (*resolve)(void *self, struct hm_ctx *ctx, const char *node, const char *path,
		       struct hm_pid reply_to);
	/** How many messages wait to be sent, for the report of what holds message memory. @return the count */
	uint64_t (*waiting)(const void *self);
};

/**
 * Types below HM_TYPE_USER that cross nodes, as bodies of messages to and from a provider.
 * Their receiver is msg->to, their sender msg->sender.
 */
enum hm_system_type {
	HM_SYS_STOP = 16,    /**< stop the receiver; no body */
	HM_SYS_POISON = 17,  /**< stop it in order; no body */
	HM_SYS_WATCH = 18,   /**< the sender watches the receiver; no body */
	HM_SYS_UNWATCH = 19, /**< no body */
	/** The sender is gone, says its node to the watcher; body: struct hm_terminated. */
	HM_SYS_TERMINATED = 20,
	/** The receiver's request was a dead letter. No body. */
	HM_SYS_UNDELIVERED = 21,
};

/* ---- Set-up: in a module's start function --------------------------------- */

/**
 * Serve the PIDs of other nodes.
 *
 * Context: a module's start function. Ownership: @p ops and @p self outlive the system's run.
 *
 * @param lcore  index of the lcore that calls the provider's functions
 * @return 0; -EEXIST: the system has a provider; -EINVAL: no such lcore, or an argument is NULL
 */
__attribute__((warn_unused_result))
int hm_provider_register(struct hm_system *sys, uint32_t lcore, const struct hm_provider_ops *ops,
			 void *self);

/* ---- On the provider's lcore ---------------------------------------------- */

/**
 * Learn a node: PIDs with this node id can be sent to from now on. A node that is known and
 * alive keeps its index. That of a lost one is given out again once nothing is under way to it.
 *
 * Context: the provider's lcore. Ordering: N1 releases the id to all lcores.
 *
 * @param[out] index  the node's index for msg->to_node, never 0
 * @return 0; -ENOSPC: 65,533 nodes are known, or were lost a moment ago; -EINVAL: id is 0 or this node's
 */
__attribute__((warn_unused_result))
int hm_node_learn(struct hm_system *sys, uint64_t node, uint16_t *index);

/**
 * Id of a learnt node.
 *
 * Context: any lcore.
 *
 * @return the id; 0: no node has this index, or it was lost
 */
uint64_t hm_node_id(const struct hm_system *sys, uint16_t index);

/**
 * A node is lost for ever: every watcher of its processes receives HM_TERMINATED (node lost),
 * futures that wait for it end, and later sends to it are dead letters. An index that no node has is ignored.
 *
 * Context: the provider's lcore.
 */
void hm_node_lost(struct hm_ctx *ctx, uint16_t index);

/**
 * A message for a process of this node arrived.
 *
 * Context: the provider's lcore. Ownership: the message is handed over.
 *
 * @param msg  to, sender, type, length and body set, to_node 0
 */
void hm_provider_receive(struct hm_ctx *ctx, struct hm_msg *msg);

/**
 * As hm_provider_receive, for a message that its sender's node has not sent itself: another one has forwarded it.
 * If it reaches no process the sender is not told: anybody could be named as its sender.
 *
 * Context: the provider's lcore. Ownership: the message is handed over.
 *
 * @param msg  to, sender, type, length and body set, to_node 0
 */
void hm_provider_receive_forwarded(struct hm_ctx *ctx, struct hm_msg *msg);

/** Receiver and sender of messages that arrived together. */
struct hm_address {
	uint64_t to;          /**< local part of the receiver's PID */
	struct hm_pid sender; /**< whom to answer, or nobody */
};

/**
 * Messages of registered types arrived for one process of this node, from one sender. Costs less than as many
 * calls of hm_provider_receive, whose effect it has.
 *
 * Context: the provider's lcore. Ownership: the messages are handed over; the array stays the caller's.
 *
 * @param address  their receiver and sender; not NULL
 * @param msgs     oldest first; made by hm_msg_alloc; type, length and body set
 * @param count    at least 1
 */
void hm_provider_receive_burst(struct hm_ctx *ctx, const struct hm_address *address, struct hm_msg **msgs,
			       uint32_t count);

/**
 * Make a message with room for a body, for a provider to decode into.
 *
 * Context: an lcore. Ownership: the message is the caller's.
 *
 * @param type   registered type, HM_IDENTITY, or enum hm_system_type
 * @param bytes  bytes of body
 * @return NULL: out of messages, or too big
 */
struct hm_msg *hm_msg_alloc(struct hm_ctx *ctx, uint16_t type, size_t bytes);

/**
 * Make a control message: one of those whose loss nobody would notice, and which are few. When message
 * memory has run out, it comes from the heap.
 *
 * Context: the provider's lcore; does not block; allocates only when message memory has run out.
 * Ownership: the caller's, who gives it to hm_provider_receive, or frees it by hm_msg_free.
 * @param type   HM_IDENTITY or enum hm_system_type
 * @param bytes  bytes of body, which is zeroed
 * @return the message; never NULL
 */
__attribute__((warn_unused_result))
struct hm_msg *hm_msg_alloc_control(struct hm_ctx *ctx, uint16_t type, size_t bytes);

/**
 * Room in a message.
 *
 * Context: the owner.
 *
 * @return bytes of body that it can hold
 */
size_t hm_msg_capacity(const struct hm_msg *msg);

/**
 * Count a dead letter. It is published, and a waiting future ends, by the loop of the lcore.
 *
 * Context: an lcore. Ownership: the message is handed over.
 */
void hm_dead_letter_publish(struct hm_ctx *ctx, struct hm_msg *msg, enum hm_dead_reason reason);

/**
 * As hm_dead_letter_publish, of a message of which only the description is left.
 *
 * Context: an lcore. Ownership: the description is copied.
 */
void hm_dead_letter_report(struct hm_ctx *ctx, const struct hm_dead_letter *letter);

/**
 * Whether nothing is runnable on the provider's lcore, so that its poll function may look several times.
 *
 * Context: the provider's lcore, in its poll function; does not block or allocate.
 * @return true: no actor waits to run
 */
bool hm_lcore_is_idle(const struct hm_ctx *ctx);

/**
 * Whether a poll or flush function has to return, since its time in this turn is used up: 10 and 5 microseconds.
 * What is left to do waits for the next turn, and is work done then. Cheap: reads the clock now and then.
 *
 * Context: the provider's lcore, in its poll or flush function; does not block or allocate.
 * @param steps  small pieces of work since the last call, such as messages; one that takes longer counts as several
 * @return true: return
 */
bool hm_turn_expired(struct hm_ctx *ctx, uint32_t steps);

/**
 * Steps after which hm_turn_expired reads the clock: so many of them may be done before it is called.
 *
 * Context: the provider's lcore, in its poll or flush function; does not block or allocate.
 * @return at least 1
 */
uint32_t hm_turn_steps(const struct hm_ctx *ctx);

/**
 * As hm_now_ns, for what happens in each turn: the time when the lcore last read the clock. On the provider's
 * lcore that was in this turn or one of the three before it, on others in one of the 31 before it, at most.
 *
 * Context: turn, or the provider's functions.
 *
 * @return nanoseconds
 */
uint64_t hm_turn_ns(const struct hm_ctx *ctx);

/* ---- Inspect: constant while the system runs ------------------------------- */

/**
 * A registered type by id.
 *
 * Context: any thread. Ownership: the system's; valid until another type is registered, so while the system runs.
 *
 * @return the type; NULL: none
 */
const struct hm_type *hm_type_by_id(const struct hm_system *sys, uint16_t id);

/**
 * A protobuf type by the hash of its full name.
 *
 * Context: any thread. Ownership: as of hm_type_by_id.
 *
 * @return the type; NULL: none
 */
const struct hm_type *hm_type_by_hash(const struct hm_system *sys, uint32_t hash);

/**
 * Hash of a protobuf type's full name: FNV-1a, 32 bits.
 *
 * Context: any thread. Ownership: the name is only read.
 *
 * @return the hash
 */
uint32_t hm_type_hash(const char *name);

/**
 * Hash over all registered protobuf names, in any order of registration.
 *
 * Context: any thread.
 *
 * @return the hash; 0: none is registered
 */
uint64_t hm_type_digest(const struct hm_system *sys);

/**
 * Whether a type has no pointers, so that copying its bytes copies it.
 *
 * Context: any thread.
 *
 * @return true: it has none
 */
bool hm_type_is_flat(const struct hm_system *sys, uint16_t id);

#ifdef __cplusplus
}
#endif

#endif /* HM_PROVIDER_H */
