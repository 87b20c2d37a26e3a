/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_BUFFER_H
#define HM_BUFFER_H

/**
 * @file
 * Buffers: memory that a message refers to, for what is too big for its body, or should not be copied.
 *
 *     hm_buffer_alloc ─▶ fill ─▶ hm_send_buffer ─▶ mailbox ─▶ receive: hm_msg_data ─▶ freed
 *     hm_buffer_wrap ───────────▶ (the pointer travels, no byte is copied)      └─▶ hm_buffer_get: kept
 *
 * Any message of a registered type may bring one buffer, beside its own body, which describes it: a file's
 * name, an image's width. Forwarding keeps it. A buffer is counted: each message that brings it has a reference,
 * and so has who has made it or called hm_buffer_get. Whoever gives the last one back frees it, which happens
 * exactly once: after the receive function, when the message becomes a dead letter, in a send that is refused, or
 * when the system is destroyed.
 *
 * Who may call what: everything but what takes a ctx, any thread. The bytes are written by who has made the buffer, before
 * the first send; from then on they are read only.
 *
 * Ordering: a message brings all that its sender has written. BF1: what others have read comes before the free
 * function runs.
 *
 * Limits: --message-max bytes each, 8 MiB by default. The bytes are not part of --memory, but for a block of 128 bytes. A
 * buffer does not cross to another node: the message is a dead letter (too big). An answer with a buffer to
 * hm_system_ask is copied.
 */

#include <stddef.h>
#include <stdint.h>

#include "hm_msg.h"
#include "hm_pid.h"
#include "hm_result.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_ctx;
struct hm_system;

/** Memory by reference, counted. */
struct hm_buffer;

/**
 * Frees the bytes of a buffer.
 *
 * Context: any thread, an lcore in the middle of its turn among them: it must not block, and must call nothing of
 * hermod's. A fault in it ends the process, whoever gives the last reference back.
 *
 * @param data  as given to hm_buffer_wrap
 * @param arg   as given to hm_buffer_wrap
 */
typedef void hm_buffer_free_fn(void *data, void *arg);

/* ---- Making --------------------------------------------------------------- */

/**
 * Make a buffer, aligned to a cache line, not zeroed: of EAL's memory if the process has hugepages and EAL
 * has as much left, else of the heap.
 *
 * Context: any thread; allocates, so it may wait for another thread that does. Ownership: the caller has the
 * reference.
 *
 * @param sys          must not be NULL
 * @param bytes        1 up to --message-max
 * @param[out] buffer  untouched on error
 * @return 0; -EMSGSIZE: more than --message-max; -ENOMEM: no memory, or no message memory for the block; -EINVAL:
 *         an argument is NULL, or no bytes
 */
__attribute__((warn_unused_result))
int hm_buffer_alloc(struct hm_system *sys, size_t bytes, struct hm_buffer **buffer);

/**
 * Make a buffer of memory that the caller has, which stays where it is.
 *
 * Context: any thread; does not block. Ownership: the caller has the reference; on success the memory is the buffer's
 * until @p free is called.
 *
 * @param sys          must not be NULL
 * @param data         must not be NULL
 * @param bytes        1 up to --message-max
 * @param free         called with @p data and @p arg when the last reference is given back; NULL: the memory outlives
 *                     the system, and nobody has to know
 * @param arg          may be NULL
 * @param[out] buffer  untouched on error
 * @return as hm_buffer_alloc; on error @p free is not called
 */
__attribute__((warn_unused_result))
int hm_buffer_wrap(struct hm_system *sys, void *data, size_t bytes, hm_buffer_free_fn *free, void *arg,
		   struct hm_buffer **buffer);

/**
 * The bytes, to be filled in.
 *
 * Context: any thread that has a reference; to write, only who has made the buffer and not sent it. Ownership: they are
 * the buffer's, and valid as long as the reference.
 *
 * @return never NULL
 */
void *hm_buffer_data(struct hm_buffer *buffer);

/**
 * Length of a buffer.
 *
 * Context: any thread that has a reference. Ownership: the buffer is only read.
 *
 * @return bytes
 */
size_t hm_buffer_length(const struct hm_buffer *buffer);

/**
 * Make a buffer shorter, when less was filled in than was asked for. No memory is given back.
 *
 * Context: who has made the buffer and not sent it. Ownership: the reference stays the caller's.
 *
 * @param bytes  1 up to its length
 * @return 0; -EINVAL: more or none, or @p buffer is NULL
 */
__attribute__((warn_unused_result))
int hm_buffer_shorten(struct hm_buffer *buffer, size_t bytes);

/**
 * Bytes that a buffer of a system may have.
 *
 * Context: any thread.
 *
 * @return the value of --message-max
 */
size_t hm_buffer_length_max(const struct hm_system *sys);

/* ---- References ----------------------------------------------------------- */

/**
 * One reference more: to send a buffer to one more receiver, or to keep it behind the receive function.
 *
 * Context: any thread that has a reference, or receives a message with the buffer. Ownership: the caller has the new
 * reference, to be given back before the system is destroyed.
 *
 * @param buffer  NULL is allowed
 * @return @p buffer
 */
struct hm_buffer *hm_buffer_get(struct hm_buffer *buffer);

/**
 * Give a reference back; the last one frees the buffer. In debug builds giving it back twice ends the process.
 *
 * Context: any thread; may call the free function. Ownership: the reference is gone. Ordering: BF1, release; the last
 * one acquires it.
 *
 * @param buffer  NULL is allowed
 */
void hm_buffer_put(struct hm_buffer *buffer);

/* ---- Sending -------------------------------------------------------------- */

/**
 * As hm_send, of a message with a buffer.
 *
 * Context: turn. Ownership: the body stays the caller's; the reference is handed over, whatever the answer.
 *
 * @param type    registered type
 * @param body    as of hm_send
 * @param buffer  NULL is HM_INVALID
 * @return as hm_send; there is no reserve for it
 */
enum hm_result hm_send_buffer(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body,
			      struct hm_buffer *buffer);

/**
 * Give a message that was made by hm_msg_new a buffer, in place of the one that it may have: for hm_msg_request,
 * hm_msg_respond and hm_msg_ask, and for headers beside it.
 *
 * Context: turn. Ownership: the reference is handed over, whatever the answer.
 *
 * @param buffer  NULL is HM_INVALID
 * @return HM_OK; HM_NO_MEMORY: for both headers and a buffer; HM_TOO_BIG: a message by hm_msg_alloc whose body fills it;
 *         HM_INVALID: no message or no buffer; or the message was received, sent or freed before, so it is not the
 *         caller's: debug builds end the process
 */
enum hm_result hm_msg_buffer_set(struct hm_ctx *ctx, struct hm_msg *msg, struct hm_buffer *buffer);

/**
 * As hm_system_send, of a message with a buffer.
 *
 * Context: an external thread; does not block. Ownership: the body stays the caller's; the reference is handed
 * over, whatever the answer.
 *
 * @param buffer  NULL is HM_INVALID
 * @return as hm_system_send
 */
enum hm_result hm_system_send_buffer(struct hm_system *sys, struct hm_pid to, uint16_t type, const void *body,
				     struct hm_buffer *buffer);

/* ---- Receiving ------------------------------------------------------------ */

/**
 * The bytes that a message refers to.
 *
 * Context: the owner. Ownership: they belong to the buffer, and are valid as long as the message.
 *
 * @param[out] length  bytes, 0 if it has no buffer; may be NULL
 * @return the bytes, to be read; NULL: the message has no buffer
 */
const void *hm_msg_data(const struct hm_msg *msg, size_t *length);

/**
 * The buffer that a message refers to, for hm_buffer_get.
 *
 * Context: the owner. Ownership: the reference is the message's.
 *
 * @return NULL: the message has no buffer
 */
struct hm_buffer *hm_msg_buffer(const struct hm_msg *msg);

#ifdef __cplusplus
}
#endif

#endif /* HM_BUFFER_H */
