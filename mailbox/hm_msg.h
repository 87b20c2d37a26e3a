/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_MSG_H
#define HM_MSG_H

/**
 * @file
 * Messages: a 40-byte header and the body behind it, in one object of a pool.
 *
 *     ┌──────┬────┬────────┬──────┬────────┬───────┬───────┬─────────┬──────────┐
 *     │ next │ to │ sender │ type │ length │ class │ flags │ to_node │ body ... │
 *     └──────┴────┴────────┴──────┴────────┴───────┴───────┴─────────┴──────────┘
 *        8     8      16      2       2        1       1        2
 *
 * Objects come in size classes of 64 to 65,536 bytes; the smallest holds a body
 * of 24 bytes in a single cache line. A body is aligned to 8 bytes.
 *
 * Beside its body a message may have headers (hm_header.h) and refer to a buffer (hm_buffer.h): the header then
 * says so, and the last word of the object points to them.
 *
 * Ownership: a message has one owner. hm_msg_new makes the caller its owner;
 * sending hands it on; after the receive function returns it is freed, unless
 * that function forwarded it. A receive function reads, and never frees.
 *
 * After that the memory is another message's. Debug builds fill the first 256 bytes of a body that was freed
 * with 0xdb: who reads it finds the pattern, and if it was written to, the process ends when the memory is
 * used again. With AddressSanitizer the access itself ends it, also to what was sent or forwarded and not
 * received yet.
 *
 * Who may call what: accessors are for the owner, on any thread.
 */

#include <stddef.h>
#include <stdint.h>

#include "hm_pid.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Message types below HM_TYPE_USER, and from HM_TYPE_RESERVED on, belong to the engine. Those listed here reach
 * an actor's receive function; the others never do.
 */
enum hm_msg_type {
	HM_TYPE_NONE = 0,
	/** First message of every actor. No body. */
	HM_STARTED = 1,
	/** The actor was asked to stop; its children stop next. No body. */
	HM_STOPPING = 2,
	/** Last message of every actor: all children are gone. No body. */
	HM_STOPPED = 3,
	/** A watched process is gone, or a child is. Body: struct hm_terminated, and behind it hm_terminated_text. */
	HM_TERMINATED = 4,
	/** To subscribers: a message that found no receiver. Body: struct hm_dead_letter. */
	HM_DEAD_LETTER = 5,
	/** A path was resolved. Body: struct hm_identity. */
	HM_IDENTITY = 6,
	/** The actor has failed and begins anew: its last message with this state; HM_STARTED is the next. No body. */
	HM_RESTARTING = 7,
	/** To subscribers: a supervisor has decided. Body: struct hm_supervision. */
	HM_SUPERVISION = 8,
	/** No message has come for a time: hm_receive_timeout_set. No body. */
	HM_RECEIVE_TIMEOUT = 9,
	/** hm_pipe_to: the future ended without an answer. Body: struct hm_future_failed. */
	HM_FUTURE_FAILED = 10,
	/**
	 * Any actor answers it by HM_TOUCHED, behind what waits in its mailbox; its receive function is not called.
	 * To be sent, requested or asked like a registered type. No body.
	 */
	HM_TOUCH = 11,
	/** The answer to HM_TOUCH. Body: struct hm_touched. */
	HM_TOUCHED = 12,
	/** What the function of hm_ask_batch gets; read by hm_replies_get and its like. */
	HM_REPLIES = 13,
	/** The actor has moved to another lcore: hm_move.h. No body. */
	HM_MOVED = 14,
	/** Event: an actor has started, restarted or stopped. Body: struct hm_lifecycle, and behind it hm_event_path. */
	HM_LIFECYCLE = 128,
	/** Event: a node can be reached, or is lost. Body: struct hm_endpoint. */
	HM_ENDPOINT = 129,
	/** Event: a mailbox has too many messages, or has drained. Body: struct hm_overload, and behind it hm_event_path. */
	HM_OVERLOAD = 130,
	/** Event: an lcore hangs, or goes on. Body: struct hm_stalled, and behind it hm_event_path. */
	HM_STALL = 131,
	/** First type that a program may register. */
	HM_TYPE_USER = 256,
	/** From here on they are the engine's again: what programs send to its processes, as to routers (hm_router.h). */
	HM_TYPE_RESERVED = 65280,
};

/** Why a watched process is gone. */
enum hm_terminated_reason {
	HM_TERMINATED_STOPPED = 0, /**< it stopped */
	/** It had failed, and its supervisor stopped it: hm_terminated_text; or its lcore found no memory to make it. */
	HM_TERMINATED_FAILED = 1,
	/** It did not exist when the watch arrived; or its lcore had no memory for the watch, which ends. */
	HM_TERMINATED_NOT_FOUND = 2,
	/** Its node cannot be reached any more. One that did not restart may come back, with its PIDs. */
	HM_TERMINATED_NODE_LOST = 3,
};

/**
 * Name of a reason, for logs.
 *
 * Context: any thread. Ownership: the text is the library's, and stays for ever.
 *
 * @return a constant text; "unknown" for a number that is none; never NULL
 */
const char *hm_terminated_reason_name(enum hm_terminated_reason reason);

/** Body of HM_TERMINATED. */
struct hm_terminated {
	struct hm_pid who; /**< the process that is gone */
	uint32_t reason;   /**< enum hm_terminated_reason */
	uint32_t reserved; /**< the engine's */
};

/** Body of HM_IDENTITY: whom a path names; nobody if it names none. */
struct hm_identity {
	struct hm_pid pid; /**< who has that path */
};

/** Body of HM_TOUCHED: who answers. */
struct hm_touched {
	struct hm_pid who; /**< the sender of this message */
};

/** Header of every message. Read it through the functions below. */
struct hm_msg {
	struct hm_msg *next;  /**< link of the queue that holds it */
	uint64_t to;          /**< local part of the receiver's PID */
	struct hm_pid sender; /**< whom to answer, or nobody */
	uint16_t type;        /**< enum hm_msg_type, or a registered type */
	uint16_t length;      /**< bytes of body in use */
	uint8_t size_class;   /**< pool that it returns to, with marks of the engine's */
	uint8_t flags;        /**< engine's own */
	uint16_t to_node;     /**< index of the receiver's node; 0: this one */
	uint64_t body[];      /**< aligned to 8 bytes */
};

/** Longest body of a message, in bytes. */
#define HM_MSG_BODY_MAX 65472u

/**
 * Type of a message.
 *
 * Context: the owner.
 *
 * @return enum hm_msg_type, or a registered type
 */
static inline uint16_t
hm_msg_type(const struct hm_msg *msg)
{
	return msg->type;
}

/**
 * Body of a message, to be read.
 *
 * Context: the owner. Ownership: it belongs to the message, and is valid as long.
 *
 * @return never NULL; aligned to 8 bytes
 */
static inline const void *
hm_msg_body(const struct hm_msg *msg)
{
	return msg->body;
}

/**
 * Body of a message that the caller made and has not sent yet, to be written.
 *
 * Context: the owner. Ownership: it belongs to the message.
 *
 * @return never NULL; aligned to 8 bytes
 */
static inline void *
hm_msg_body_mut(struct hm_msg *msg)
{
	return msg->body;
}

/**
 * Length of the body.
 *
 * Context: the owner.
 *
 * @return bytes in use
 */
static inline size_t
hm_msg_length(const struct hm_msg *msg)
{
	return msg->length;
}

/**
 * Whom to answer.
 *
 * Context: the owner.
 *
 * @return a PID; nobody if the message was sent and not requested
 */
static inline struct hm_pid
hm_msg_sender(const struct hm_msg *msg)
{
	/* Of a plain send the rest is the engine's own. */
	return msg->sender.node != 0 ? msg->sender : hm_pid_none();
}

#ifdef __cplusplus
}
#endif

#endif /* HM_MSG_H */
