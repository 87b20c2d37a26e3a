/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_BUNDLE_H
#define HM_BUNDLE_H

/**
 * @file
 * Bundles: messages that are handled together, when there are enough of them or the first has waited long enough.
 *
 *     received ──hm_bundle_add──▶ [ m1 m2 m3 ] ── full, or the time is over: hm_bundle_is_ready ──▶ handled, hm_bundle_end
 *                                  └─ the first one starts a timer, whose message wakes the actor
 *
 *     case ROW:
 *     case ROWS_DUE:
 *             if (hm_msg_type(msg) == ROW && hm_bundle_add(ctx, &state->rows) != HM_OK)
 *                     hm_fail(ctx, "no memory for a row");
 *             if (hm_bundle_is_ready(ctx, &state->rows)) {
 *                     table_insert(state, state->rows.msgs, state->rows.count);
 *                     hm_bundle_end(ctx, &state->rows);
 *             }
 *             break;
 *
 * What waits in a bundle is kept (hm_keep.h): when the actor stops or restarts it becomes dead letters, and a message of it may be
 * answered by hm_request to its sender. It lies in the actor's state, and so does the array of its messages.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A bundle. `msgs` and `count` are to be read; all is written by the functions below. */
struct hm_bundle {
	struct hm_msg **msgs;  /**< in the order in which they came */
	uint32_t count;        /**< of them */
	uint32_t most;         /**< that there may be */
	uint64_t delay_us;     /**< that the first one waits at most */
	uint64_t due_ns;       /**< when its time is over */
	struct hm_timer timer; /**< of the first one's time */
	uint16_t type;         /**< of the timer's message */
};

/**
 * Make a bundle, which is empty.
 *
 * Context: any thread. Ownership: the caller's memory, the array included, which must stay as long as the bundle.
 *
 * @param msgs      room for @p most of them
 * @param most      messages of a bundle, at least 1
 * @param delay_us  microseconds that the first one waits at most; UINT64_MAX: until the bundle is full
 * @param type      registered, without body: of the message that the timer sends to the actor
 * @return 0; -EINVAL: NULL, or no messages
 */
__attribute__((warn_unused_result))
int hm_bundle_init(struct hm_bundle *bundle, struct hm_msg **msgs, uint32_t most, uint64_t delay_us,
		   uint16_t type);

/**
 * Put the message that is being received into a bundle.
 *
 * Context: turn; may take memory. Ownership: the message is the bundle's.
 *
 * @param bundle  must not be NULL
 * @return as hm_msg_keep, or hm_send_after for the timer; then it is not in the bundle, and was not kept; HM_WOULD_BLOCK: the bundle is
 *         full
 */
enum hm_result hm_bundle_add(struct hm_ctx *ctx, struct hm_bundle *bundle);

/**
 * Whether a bundle is to be handled: it is full, or the time of its first message is over. An empty one never is.
 *
 * Context: turn. Ownership: the bundle stays the caller's.
 *
 * @param bundle  must not be NULL
 * @return whether it is
 */
bool hm_bundle_is_ready(struct hm_ctx *ctx, const struct hm_bundle *bundle);

/**
 * A bundle was handled: free its messages, and begin the next one. Those that were handed on must have been replaced by NULL in
 * `msgs`.
 *
 * Context: turn; neither blocks nor allocates. Ownership: the messages are gone.
 *
 * @param bundle  must not be NULL
 */
void hm_bundle_end(struct hm_ctx *ctx, struct hm_bundle *bundle);

#ifdef __cplusplus
}
#endif

#endif /* HM_BUNDLE_H */
