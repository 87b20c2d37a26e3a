/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_MAILBOX_H
#define HM_MAILBOX_H

/**
 * @file
 * Mailboxes: in which order an actor handles its messages, how many may wait, and what happens to more.
 *
 *     message ──▶ full? ──no──▶ order: first in, first out; by priority; control first; the user's own ──▶ receive function
 *                   └──yes──▶ overflow: mute the sender, reject, drop the newest, drop the oldest
 *
 * Without a struct hm_mailbox in its props an actor has an unbounded one, first in, first out, that mutes: an actor that
 * sends to one with many messages handles none of its own until that one has drained (docs/guide/overload.md). So a
 * fast producer waits for a slow consumer, and message memory is not used up.
 *
 * A muted actor handles system messages: it can be stopped and watched, it restarts, its supervisor decides. In a circle
 * of up to 1,000 actors that have muted each other one is released. Messages that an actor sends to itself mute nobody,
 * nor do timers. Who sends to an lcore that hangs is muted, too. External threads are not: hm_system_send answers
 * HM_WOULD_BLOCK, hm_system_send_wait waits.
 *
 * Delivery is deferred: HM_OK never says that there was room. A message that a bounded mailbox has no room for is a dead
 * letter, which ends the future of a request at once. Only messages of users count for a bound: stop, watch, notifications
 * and answers to the actor's own futures always have room.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hm_msg.h"
#include "hm_pid.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Which message is handled next. */
enum hm_mailbox_order {
	HM_MAILBOX_FIFO = 0, /**< the oldest */
	/** The oldest of the highest priority, by hm_mailbox.priority; requests and plain sends alike. */
	HM_MAILBOX_PRIORITY,
	/**
	 * The oldest of a type that is registered with hm_type.control; without one, the oldest. Control messages count for
	 * hm_mailbox.capacity as all others, but they mute their senders only when there are as many of them alone.
	 */
	HM_MAILBOX_CONTROL,
	HM_MAILBOX_CUSTOM, /**< by hm_mailbox.ops */
};

/** What happens to a message when there are hm_mailbox.capacity already. */
enum hm_overflow {
	/** It has room all the same, and its sender is muted until hm_mailbox.low are left. */
	HM_OVERFLOW_MUTE = 0,
	/** It is a dead letter, HM_DEAD_REJECTED; hm_system_send answers HM_WOULD_BLOCK. */
	HM_OVERFLOW_REJECT,
	HM_OVERFLOW_DROP_NEWEST, /**< it is a dead letter, HM_DEAD_DROPPED */
	/**
	 * A dead letter, HM_DEAD_DROPPED, is the oldest: of the lowest priority that there is, or of those that are no
	 * control messages, if there are any. It may be the new one itself. Of a user's own queue: the next one.
	 */
	HM_OVERFLOW_DROP_OLDEST,
};

/** Priorities are 0 to HM_PRIORITY_MAX; greater ones first. A greater number counts as HM_PRIORITY_MAX. */
#define HM_PRIORITY_MAX 7u
/** Of messages, unless a function says otherwise. */
#define HM_PRIORITY_DEFAULT 4u

/**
 * Priority of a message.
 *
 * Context: the receiver's lcore, in the turn of any actor: it must not fail, send or block. A fault ends the process.
 *
 * @param msg  valid until the function returns
 * @return 0 to HM_PRIORITY_MAX
 */
typedef uint8_t hm_priority_fn(const struct hm_msg *msg);

/**
 * A mailbox of the user's own: a queue that decides which message is next. The functions run on the actor's lcore, in
 * the turn of any actor: they must not fail, send or block. A fault ends the process: the engine's own queue would be
 * broken. A message is the queue's from push to pop, which may link it by its member `next`. When the actor restarts all are
 * popped, and pushed again in that order. While it moves nobody looks into the queue: see hm_move.h for deadlines.
 */
struct hm_mailbox_ops {
	size_t size; /**< bytes of the queue, zeroed before init; aligned as by malloc */
	/** May be NULL. Returns 0, or a negative errno with which the spawn fails. */
	int (*init)(void *queue, const void *arg);
	/** The actor ends; the queue is empty. May be NULL. */
	void (*fini)(void *queue);
	/** Take a message over. It cannot be refused: hm_mailbox.capacity and overflow say what may wait. */
	void (*push)(void *queue, struct hm_msg *msg);
	/** The next message, which is the caller's again; NULL: none. */
	struct hm_msg *(*pop)(void *queue);
};

/** Told of each message; all may be NULL. They must not fail, send or block. */
struct hm_mailbox_hooks {
	/** A message waits; told once for each. In the turn of any actor of the lcore. `count`: how many wait, with this one. */
	void (*posted)(void *arg, struct hm_pid actor, const struct hm_msg *msg, uint32_t count);
	/** A message was handled, and is gone, or in the stash; not if the actor has failed. In the actor's turn. `count`: how many wait. */
	void (*received)(void *arg, struct hm_pid actor, uint16_t type, uint32_t count);
	/** None waits any more. In the actor's turn. */
	void (*empty)(void *arg, struct hm_pid actor);
	void *arg; /**< of the functions; may be NULL */
};

/** hm_mailbox.capacity with HM_OVERFLOW_MUTE: nobody is ever muted. */
#define HM_MAILBOX_UNLIMITED UINT32_MAX

/** A mailbox. Constant, and must outlive the actors that have it; the same for any number of them. */
struct hm_mailbox {
	enum hm_mailbox_order order; /**< in which messages are handled */
	enum hm_overflow overflow;   /**< what becomes of a message for which there is no room */
	/** Messages of users that may wait, without the one being received. 0: with HM_OVERFLOW_MUTE --mailbox, else wrong. */
	uint32_t capacity;
	/** HM_OVERFLOW_MUTE: messages down to which senders stay muted; below capacity; 0: half of that. */
	uint32_t low;
	hm_priority_fn *priority;             /**< HM_MAILBOX_PRIORITY only */
	const struct hm_mailbox_ops *ops;     /**< HM_MAILBOX_CUSTOM only */
	const void *arg;                      /**< for ops->init */
	const struct hm_mailbox_hooks *hooks; /**< NULL: nobody is told */
};

#ifdef __cplusplus
}
#endif

#endif /* HM_MAILBOX_H */
