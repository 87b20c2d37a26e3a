/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_HEADER_H
#define HM_HEADER_H

/**
 * @file
 * Headers of a message: pairs of texts beside its body, such as the id of a trace or a tenant, for what is no
 * affair of the receiver's protocol.
 *
 *     struct hm_msg *msg = hm_msg_new(ctx, ORDER, 0);
 *     hm_msg_header_set(ctx, msg, "trace", id);        in the receiver: hm_msg_header(msg, "trace")
 *     hm_msg_send(ctx, to, msg);
 *
 * The sender sets them, the receiver reads them. hm_forward keeps them, and so does the HM_DEAD_LETTER that is
 * published of a message. An answer does not inherit them: hm_msg_headers_copy hands those of the received message on. A message without headers
 * pays nothing.
 *
 * They do not cross to other nodes yet: the message goes there without them, which hm_stats.headers_dropped counts.
 *
 * Limits: HM_HEADERS_MAX pairs, HM_HEADERS_BYTES_MAX bytes. They are part of message memory.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_msg.h"
#include "hm_result.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_ctx;

/** Pairs of a message. */
#define HM_HEADERS_MAX 32u
/** Bytes of all keys and values of a message, with the end of each text. */
#define HM_HEADERS_BYTES_MAX 4096u

/** One pair. */
struct hm_header {
	const char *key;   /**< a text, not empty */
	const char *value; /**< a text */
};

/**
 * Give a message that was made by hm_msg_new a header, or the header of this key another value.
 *
 * Context: turn; does not block. Ownership: both texts are copied.
 *
 * @param msg    made, and neither sent nor freed
 * @param key    at least one character; upper and lower case differ
 * @param value  may be empty
 * @return HM_OK; HM_TOO_BIG: more than HM_HEADERS_MAX or HM_HEADERS_BYTES_MAX, or a message by hm_msg_alloc whose
 *         body fills it; HM_NO_MEMORY; HM_INVALID: an argument is NULL, the key is empty, or the message was received,
 *         sent or freed before, so it is not the caller's: debug builds end the process. The message stays as it
 *         was if it is not HM_OK.
 */
enum hm_result hm_msg_header_set(struct hm_ctx *ctx, struct hm_msg *msg, const char *key, const char *value);

/**
 * Give a message that was made by hm_msg_new the headers of the message that is being received, as by
 * hm_msg_header_set: all, or none if they do not fit.
 *
 * Context: turn; does not block. Ownership: the texts are copied.
 *
 * @return as hm_msg_header_set; HM_OK also if the received message has no headers, was handed on, or there is none
 */
enum hm_result hm_msg_headers_copy(struct hm_ctx *ctx, struct hm_msg *msg);

/**
 * Value of a header.
 *
 * Context: the owner of the message. Ownership: the text is the message's, and valid as long.
 *
 * @param key  NULL: no header has it
 * @return the value; NULL: there is no such header
 */
const char *hm_msg_header(const struct hm_msg *msg, const char *key);

/**
 * How many headers a message has.
 *
 * Context: the owner of the message.
 *
 * @return pairs
 */
uint32_t hm_msg_headers_count(const struct hm_msg *msg);

/**
 * The next header of a message: `struct hm_header h = { NULL, NULL }; while (hm_msg_headers_next(msg, &h)) ...`
 *
 * Context: the owner of the message. Ownership: the texts are the message's, and valid as long.
 *
 * @param[in,out] header  in: the header before, or one whose key is NULL; out: the next one, in any order
 * @return true: there is one
 */
bool hm_msg_headers_next(const struct hm_msg *msg, struct hm_header *header);

#ifdef __cplusplus
}
#endif

#endif /* HM_HEADER_H */
