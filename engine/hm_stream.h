/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_STREAM_H
#define HM_STREAM_H

/**
 * @file
 * Streams: messages between actors and a thread that is no lcore, over a bounded ring with an eventfd.
 *
 *     reader stream    actors ── hm_send(ctx, hm_stream_pid(stream)) ──▶ process ──▶ ring ──▶ hm_stream_read   thread
 *     writer stream    thread   hm_stream_write ──▶ ring ──▶ process ── with its PID as sender ──▶ one actor
 *
 * The process is an actor under /system, on lcore 0 unless deployment settings say otherwise: it has a PID and a path, is
 * watched, stopped and poisoned like any other, and takes typed sends and requests, from other nodes, too.
 *
 * Full: nothing is lost. When the ring of a reader stream is full its process waits, its mailbox fills, and those who send to it
 * are muted (hm_mailbox.h) until the thread has read half of the ring. When an actor that a writer stream sends to is overloaded,
 * the process is muted, the ring fills, and hm_stream_write answers HM_WOULD_BLOCK.
 *
 * End: either side closes. When the thread closes a reader stream, or anybody stops the process, what the thread has not
 * read, or the process has not handed on, is a dead letter (stopped), and who watches it gets HM_TERMINATED; what is in the
 * ring of a reader stream whose process has stopped can still be read, and then the answer is HM_CLOSED. A writer stream that
 * its thread closes sends what is in its ring first. It stops when the actor that it sends to does, and when the system stops.
 *
 * Waiting: hm_stream_fd is for poll, epoll and event loops such as libuv. It is readable as long as a read, or a write, may
 * succeed: until a call has answered HM_WOULD_BLOCK, and again when that has changed, or the stream has ended. While both
 * sides are busy there is no system call.
 *
 * Who may call what: one thread at a time a stream, which is no lcore; different streams at the same time.
 *
 * Limits: HM_STREAM_SIZE_MAX messages in a ring. To look for streams with something to do an lcore walks over all of its own: some
 * hundreds are fine. Each stream keeps up to 512 free messages of the smallest size for its thread, fewer with a small --memory.
 */

#include <stdint.h>

#include "hm_msg.h"
#include "hm_pid.h"
#include "hm_result.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_stream;
struct hm_system;

/** hm_stream_config.size: the most that it may say. */
#define HM_STREAM_SIZE_MAX (1u << 20)
/** hm_stream_config.size that is 0. */
#define HM_STREAM_SIZE_DEFAULT 1024u

/** How to open a stream; members that are left out are zero, which is their default. */
struct hm_stream_config {
	const char *name; /**< its path is "/system/name"; NULL: it has none */
	uint32_t size;    /**< messages in the ring; 0: HM_STREAM_SIZE_DEFAULT */
	/**
	 * The only type of messages: to a reader stream, another one is a dead letter (unexpected); by a writer stream it is
	 * HM_INVALID. 0: any.
	 */
	uint16_t type;
};

/* ---- Set-up ------------------------------------------------------------------ */

/**
 * Open a stream from actors to a thread.
 *
 * It also takes what subscribers get: dead letters, if it is subscribed (hm_dead_letters_subscribe).
 *
 * Context: an external thread; blocks until lcore 0 has turned; allocates. Ownership: the stream is the caller's, until
 * hm_stream_close. The name is copied.
 *
 * @param config       NULL: all defaults
 * @param[out] stream  untouched on error
 * @return 0; -EINVAL: @p sys or @p stream is NULL, the size is above HM_STREAM_SIZE_MAX, or bad name; -ENOMEM; -EMFILE or
 *         another errno of eventfd; as hm_system_spawn otherwise
 */
__attribute__((warn_unused_result))
int hm_stream_open_reader(struct hm_system *sys, const struct hm_stream_config *config,
			  struct hm_stream **stream);

/**
 * Open a stream from a thread to an actor. It watches that.
 *
 * Context: as hm_stream_open_reader. Ownership: as hm_stream_open_reader.
 *
 * @param config       NULL: all defaults
 * @param to           who gets the messages, on this or another node; not nobody
 * @param[out] stream  untouched on error
 * @return as hm_stream_open_reader; -EINVAL also: @p to is nobody
 */
__attribute__((warn_unused_result))
int hm_stream_open_writer(struct hm_system *sys, const struct hm_stream_config *config, struct hm_pid to,
			  struct hm_stream **stream);

/**
 * The PID of a stream's process. Of a reader stream: whom actors send to. Of a writer stream: the sender of its messages, to
 * be watched; what is sent to it is a dead letter (unexpected).
 *
 * Context: any thread. Ownership: the stream stays the caller's.
 *
 * @param stream  must not be NULL
 * @return its PID
 */
struct hm_pid hm_stream_pid(const struct hm_stream *stream);

/**
 * An eventfd that is readable (POLLIN) as long as a read or a write may succeed, or the stream has ended.
 *
 * Context: any thread. Ownership: the descriptor is the stream's: it is neither to be read nor closed.
 *
 * @param stream  must not be NULL
 * @return the descriptor
 */
__attribute__((warn_unused_result))
int hm_stream_fd(const struct hm_stream *stream);

/* ---- Hot path: the stream's thread --------------------------------------------- */

/**
 * Take the next message of a reader stream.
 *
 * Context: the stream's thread; does not block. Ownership: the message stays the stream's, and is valid until the next read or
 * hm_stream_close. It is read as in a receive function; hm_msg_sender tells whom to answer, by hm_system_send.
 * Ordering: as of hm_send: messages of one actor come in order.
 *
 * @param stream    of hm_stream_open_reader
 * @param[out] msg  must not be NULL; set on success alone
 * @return HM_OK; HM_WOULD_BLOCK: there is none at the moment; HM_CLOSED: there will be none; HM_INVALID: @p stream is NULL or
 *         a writer stream, or @p msg is NULL
 */
enum hm_result hm_stream_read(struct hm_stream *stream, const struct hm_msg **msg);

/**
 * As hm_stream_read, but wait for a message.
 *
 * Context: the stream's thread; blocks. In HM_MODE_STEPPED another thread has to turn the lcores. Ownership: as
 * hm_stream_read.
 *
 * @param timeout_us  microseconds to wait at most; UINT64_MAX: no limit
 * @param[out] msg    as in hm_stream_read
 * @return as hm_stream_read; HM_WOULD_BLOCK: none in time
 */
enum hm_result hm_stream_read_wait(struct hm_stream *stream, const struct hm_msg **msg, uint64_t timeout_us);

/**
 * Send a message by a writer stream. HM_OK says that it is under way: if the stream ends before it was sent, it is a dead
 * letter.
 *
 * Context: the stream's thread; does not block. Ownership: the body stays the caller's.
 * Ordering: messages of one stream arrive in order.
 *
 * @param stream  of hm_stream_open_writer
 * @param body    as of hm_send
 * @return HM_OK; HM_WOULD_BLOCK: the ring is full; HM_CLOSED: the stream has ended; HM_INVALID: @p stream is NULL or a reader
 *         stream, or another type than its own; as hm_send otherwise
 */
enum hm_result hm_stream_write(struct hm_stream *stream, uint16_t type, const void *body);

/**
 * As hm_stream_write, but wait while the ring is full, or message memory is used up.
 *
 * Context: the stream's thread; blocks. In HM_MODE_STEPPED another thread has to turn the lcores. Ownership: as
 * hm_stream_write.
 *
 * @param timeout_us  microseconds to wait at most, and a millisecond more; UINT64_MAX: no limit
 * @return as hm_stream_write; HM_WOULD_BLOCK or HM_NO_MEMORY: not in time
 */
enum hm_result hm_stream_write_wait(struct hm_stream *stream, uint16_t type, const void *body,
				    uint64_t timeout_us);

/* ---- Inspect ----------------------------------------------------------------------- */

/**
 * Messages in a stream's ring.
 *
 * Context: any thread; the answer may be stale. Ownership: the stream stays the caller's.
 *
 * @param stream  must not be NULL
 * @return how many, without up to 32 that the thread's last read has taken out already
 */
uint32_t hm_stream_count(const struct hm_stream *stream);

/* ---- Tear-down ----------------------------------------------------------------------- */

/**
 * Close a stream, which the caller must not use any more. NULL is allowed.
 *
 * Context: the stream's thread, before or after hm_system_destroy, not at the same time; does not block, but in
 * HM_MODE_STEPPED for the end of a turn of another thread. Ownership: the stream, and the message that was read last, are gone.
 */
void hm_stream_close(struct hm_stream *stream);

#ifdef __cplusplus
}
#endif

#endif /* HM_STREAM_H */
