/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_DEAD_LETTER_H
#define HM_DEAD_LETTER_H

/**
 * @file
 * Dead letters: messages that found no receiver. Each is counted under its reason and
 * published to the subscribers; a few a second are logged.
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
	HM_DEAD_TOO_BIG,        /**< does not fit into a frame, or into a message here */
	HM_DEAD_NO_MEMORY,      /**< came from the network when no message was free */
	HM_DEAD_LATE_REPLY,     /**< answered a future that was over */
	HM_DEAD_SHUTDOWN,       /**< was on its way when the system stopped */
	HM_DEAD_SENT_THERE,     /**< sent to /deadLetters on purpose */
	HM_DEAD_GUARDIAN,       /**< sent to /user, which takes no messages */
	HM_DEAD_REASONS,        /**< count of the above */
};

/** Body of HM_DEAD_LETTER. */
struct hm_dead_letter {
	struct hm_pid to;     /**< whom it was for */
	struct hm_pid sender; /**< who sent it, or nobody */
	uint16_t type;        /**< its type */
	uint16_t length;      /**< bytes of its body */
	uint32_t reason;      /**< enum hm_dead_reason */
};

/** Name of a reason in words; "unknown" for a number that is none. Never NULL. */
const char *hm_dead_reason_name(enum hm_dead_reason reason);

/**
 * Have dead letters sent to an actor, as HM_DEAD_LETTER. What does not fit into message
 * memory is not published, but counted all the same. Subscribing twice is subscribing once. A
 * subscriber keeps its place when it stops.
 *
 * Context: any thread that is no lcore, or before the system runs; may allocate.
 *
 * @return 0; -ENOSPC: eight subscribers already; -EINVAL: no actor of this node
 */
__attribute__((warn_unused_result))
int hm_dead_letters_subscribe(struct hm_system *sys, struct hm_pid subscriber);

#ifdef __cplusplus
}
#endif

#endif /* HM_DEAD_LETTER_H */
