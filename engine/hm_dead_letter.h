/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_DEAD_LETTER_H
#define HM_DEAD_LETTER_H

/**
 * @file
 * Dead letters: messages that found no receiver. Each is counted under its reason and
 * published to the subscribers; a few a second are logged, but not
 * those of messages that a stopping system leaves behind.
 */

#include <stdint.h>

#include "hm_pid.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_system;

/** Why a message found no receiver. */
enum hm_dead_reason {
	HM_DEAD_NO_PROCESS = 0, /**< stale PID, or one that never existed */
	HM_DEAD_STOPPED,        /**< left in the mailbox of an actor that stopped */
	HM_DEAD_NOT_REMOTE,     /**< a plain C struct, sent to another node */
	HM_DEAD_NO_NODE,        /**< the receiver's node is unknown */
	HM_DEAD_NODE_LOST,      /**< the receiver's node was lost before it acknowledged */
	HM_DEAD_UNKNOWN_TYPE,   /**< came from the network with a type not registered here */
	HM_DEAD_MALFORMED,      /**< came from the network and could not be decoded */
	HM_DEAD_TOO_BIG,        /**< does not fit into a frame (--mtu), or into a message here */
	HM_DEAD_NO_MEMORY,      /**< from the network, no message was free; or no memory for its receiver */
	HM_DEAD_LATE_REPLY,     /**< answered a future that was over; long after, HM_DEAD_NO_PROCESS */
	HM_DEAD_SHUTDOWN,       /**< was on its way when the system stopped */
	HM_DEAD_SENT_THERE,     /**< sent to /deadLetters on purpose */
	HM_DEAD_GUARDIAN,       /**< sent to /, /user, /system or /temp, which take no messages */
	HM_DEAD_NODE_BUSY,      /**< too many messages wait for the receiver's node: --peer-queue */
	HM_DEAD_UNEXPECTED,     /**< an answer of another type than was asked for, as to hm_resolve */
	HM_DEAD_REJECTED,       /**< the receiver's mailbox was full: HM_OVERFLOW_REJECT */
	HM_DEAD_DROPPED,        /**< the receiver's mailbox was full, and dropped it or an older one */
	HM_DEAD_FAILED,  /**< its receiver failed while it received it, or restarted while it kept it */
	HM_DEAD_NO_PATH, /**< sent by a path that names nobody, or is none: hm_select.h */
	HM_DEAD_EXPIRED, /**< a request whose deadline had passed before its receiver's turn */
	HM_DEAD_SUBSCRIBER_BUSY, /**< an event, of which too many are in flight to its subscriber: hm_event_stream.h */
	HM_DEAD_NO_ROUTEE, /**< sent to a router without routees, or through more of them than a message may */
	HM_DEAD_REPEATED,  /**< it has come before, says a stage of its receiver: hm_dedup_stage.h */
	HM_DEAD_REFUSED,   /**< a stage of its sender has refused it: see hm_middleware.h */
	HM_DEAD_REASONS,   /**< count of the above */
};

/**
 * Key of a header (hm_header.h) of an HM_DEAD_LETTER whose message was sent by a path that named nobody, or by the
 * address of a node that is not known (hm_select.h). Its value is that path: absolute; what is no path, as it was
 * given, of up to HM_PATH_MAX - 1 characters. It is missing while message memory is short, and may be for addresses
 * of more than HM_PATH_MAX characters.
 */
#define HM_DEAD_LETTER_PATH "path"

/** Body of HM_DEAD_LETTER. The notification also has the headers of the message, such as the id of its trace. */
struct hm_dead_letter {
	struct hm_pid to;     /**< whom it was for; /deadLetters: see HM_DEAD_LETTER_PATH */
	struct hm_pid sender; /**< who sent it, or nobody */
	uint16_t type;        /**< its type */
	uint16_t length;      /**< bytes of its body */
	uint32_t reason;      /**< enum hm_dead_reason */
};

/**
 * Name of a reason, in words.
 *
 * Context: any thread. Ownership: the text is the library's, and stays for ever.
 *
 * @return a constant text; "unknown" for a number that is none; never NULL
 */
const char *hm_dead_reason_name(enum hm_dead_reason reason);

/**
 * Have the dead letters of all lcores sent to an actor, as HM_DEAD_LETTER: as hm_event_subscribe_pid (hm_event_stream.h), but
 * that subscribing twice is subscribing once. What does not fit into message memory is not published, but counted all the
 * same. An event of the engine that finds no receiver, this one among them, is counted, but not published again.
 *
 * Context: as hm_event_subscribe.
 *
 * Ordering: dead letters of what the caller sends afterwards are published to the subscriber.
 *
 * @param subscriber  an actor of this node; an actor subscribes itself by hm_self(ctx)
 * @return as hm_event_subscribe
 */
__attribute__((warn_unused_result))
int hm_dead_letters_subscribe(struct hm_system *sys, struct hm_pid subscriber);

/**
 * Send an actor no further dead letters, unless it has subscribed to them by hm_event_subscribe with a filter, or among other
 * types. Those on their way still arrive. An actor that is not subscribed is ignored.
 *
 * Context: as hm_event_subscribe.
 */
void hm_dead_letters_unsubscribe(struct hm_system *sys, struct hm_pid subscriber);

#ifdef __cplusplus
}
#endif

#endif /* HM_DEAD_LETTER_H */
