/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_FUTURE_H
#define HM_FUTURE_H

/**
 * @file
 * Futures: an answer that is still to come, or the reason why there is none.
 *
 *     hm_ask ──▶ one request, one function that gets the answer: the cheapest
 *     hm_ask_batch ──▶ many requests, one function that gets all answers
 *
 *     hm_request_future, hm_future_new, hm_stop_future ──▶ struct hm_future
 *         ├── hm_reenter_after    a function is called in the turn of the actor that waits
 *         ├── hm_pipe_to          the answer is sent on to other processes
 *         └── hm_future_cancel, hm_future_release
 *
 * A future ends exactly once: by the first message that is sent to its PID, by its deadline, because the request was
 * a dead letter, or because it was cancelled. Whatever is sent to it later is a dead letter (HM_DEAD_LATE_REPLY).
 *
 * A struct hm_future is a value: any actor of the node may have a copy, on any lcore, and wait for the future. It
 * belongs to the actor that made it. When that ends or restarts while the future is pending, those who wait for it
 * learn that it was cancelled.
 *
 * Results are kept: who waits for a future that has ended gets its result all the same, until its owner
 * releases it or ends. An owner that forgets to release its futures does not fill the memory: an lcore keeps
 * HM_FUTURES_KEPT_MAX results, and of messages no more than a sixteenth of its part of --memory, the newest one in
 * any case; then it releases the oldest, which is counted (hm_stats.futures_evicted).
 *
 * Functions that wait are an actor's own: when it ends, or restarts, they are not called any more, which is counted
 * (hm_stats.continuations_dropped), and the answer is a dead letter. They are called in their actor's turn, so they
 * may use its state, and behind what waited in its mailbox when the answer came.
 *
 * An actor that moves to another lcore (hm_move.h) goes on waiting there; what it has asked stays where it was asked.
 *
 * Limits: each future, and each function that waits, takes a slot (128 bytes) of the lcore's 16 M.
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

/** How a future ended. */
enum hm_future_result {
	HM_FUTURE_REPLY = 0, /**< somebody answered */
	HM_FUTURE_TIMEOUT,   /**< nobody did in time */
	HM_FUTURE_DEAD_LETTER, /**< the request found no receiver, or its node was lost; or there is no such future */
	HM_FUTURE_CANCELLED, /**< hm_future_cancel; or its owner ended or restarted before */
	HM_FUTURE_NO_MEMORY, /**< there is an answer, but no memory for a copy of it, or to wait for it */
};

/**
 * Name of a result, for logs.
 *
 * Context: any thread. Ownership: the text is the library's, and stays for ever.
 *
 * @return a constant text; "unknown" for a number that is none; never NULL
 */
const char *hm_future_result_name(enum hm_future_result result);

/**
 * Runs in the turn of the actor that asked, exactly once, unless that actor stopped or restarted before: then it is
 * not called, and the answer is a dead letter.
 *
 * An actor may ask while it stops: from HM_STOPPING on, in HM_TERMINATED of its children, and in such a function
 * itself. Its end, HM_STOPPED, waits until all that was asked then has ended and all these functions have returned, which
 * the deadlines bound; meanwhile its users' messages are dead letters. What it has asked before is not waited for. A failure
 * ends the wait. What is asked in HM_STOPPED or HM_RESTARTING is dropped.
 *
 * @param result  how the future ended
 * @param reply   the answer, valid until the function returns; NULL unless the result is HM_FUTURE_REPLY. Of
 *                hm_ask_batch never NULL: a message HM_REPLIES
 * @param arg     as given to hm_ask
 */
typedef void hm_reply_fn(struct hm_ctx *ctx, void *state, enum hm_future_result result,
			 const struct hm_msg *reply, void *arg);

/* ---- One request, one function ------------------------------------------- */

/**
 * Send a request whose answer goes to a function instead of the receive function. An answer
 * that comes after the deadline is a dead letter. A request to oneself has no reserve, see hm_send.
 *
 * The deadline travels with the request to all actors of this node, also when it is forwarded or stashed: an actor
 * does not receive it any more once the deadline has passed. It is a dead letter (HM_DEAD_EXPIRED) then, and the
 * future ends by its timeout. So it is with the other requests of this header, and with those of external threads.
 *
 * Context: turn; neither blocks nor allocates from the heap. Ownership: body and @p arg stay the caller's.
 *
 * @param timeout_us  microseconds, at least 1; they begin at the end of the lcore's turn
 * @param on_reply    must not be NULL
 * @param arg         handed to @p on_reply; may be NULL
 * @return as hm_send; HM_INVALID: no timeout, or no @p on_reply
 */
enum hm_result hm_ask(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body,
		      uint64_t timeout_us, hm_reply_fn *on_reply, void *arg);

/**
 * As hm_ask, of a message made by hm_msg_new.
 *
 * Context: turn; neither blocks nor allocates from the heap. Ownership: the message is handed over, whatever the answer;
 * @p arg stays the caller's.
 *
 * @param msg  NULL, which hm_msg_new may have answered, is HM_INVALID
 * @return as hm_ask; HM_INVALID: there is no message, or it was received, sent or freed before, so it is not the
 *         caller's: debug builds end the process
 */
enum hm_result hm_msg_ask(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, uint64_t timeout_us,
			  hm_reply_fn *on_reply, void *arg);

/**
 * Ask whom a path names. The reply is HM_IDENTITY, with nobody's PID if it names none; messages of other
 * types that are sent to the future are dead letters. An address that names this node is resolved here. A
 * node named by --peer that is not connected is waited for until the timeout; of a node that is neither a
 * peer nor connected the answer is HM_FUTURE_DEAD_LETTER. A PID ends with its actor: whoever is told that
 * it is gone resolves again.
 *
 * Context: turn; does not block. Ownership: the address is copied; @p arg stays the caller's.
 *
 * @param address     "/user/name" on this node, or "hermod://node/user/name"
 * @param timeout_us  microseconds, at least 1
 * @param on_reply    must not be NULL
 * @param arg         handed to @p on_reply; may be NULL
 * @return 0; -EINVAL: no address of this form, no timeout, or no @p on_reply; -ENOMEM: out of memory;
 *         -ENETUNREACH: a node was named and the system has no network
 */
__attribute__((warn_unused_result))
int hm_resolve(struct hm_ctx *ctx, const char *address, uint64_t timeout_us, hm_reply_fn *on_reply,
	       void *arg);

/* ---- Many requests, one function ----------------------------------------- */

/** The most requests of a batch. */
#define HM_BATCH_MAX 4000u

/** One request of a batch. */
struct hm_batch_request {
	struct hm_pid to; /**< who is asked */
	uint16_t type;    /**< registered type */
	const void *body; /**< as in hm_send; copied */
};

/** Requests that are asked together. */
struct hm_batch {
	const struct hm_batch_request *requests; /**< `count` of them */
	uint32_t count;                          /**< of the requests: 1 to HM_BATCH_MAX */
	uint32_t enough;                         /**< answers that are enough: 0: all, else up to count */
	uint64_t timeout_us;                     /**< for all of them: as in hm_ask */
	hm_reply_fn *on_end;                     /**< must not be NULL */
	void *arg;                               /**< for on_end; may be NULL */
};

/**
 * Send several requests, and have one function called when enough of them are answered, or none is pending any more,
 * or the time is up. All are sent, or none; but of an actor with stages around what it sends (hm_middleware.h) one that is refused, or
 * finds no memory, has ended by HM_FUTURE_DEAD_LETTER, and the others go on.
 *
 * The function gets a message HM_REPLIES, whatever the result: hm_replies_result and hm_replies_get tell of each
 * request. The result is HM_FUTURE_REPLY if as many as were enough were answered; HM_FUTURE_TIMEOUT: the
 * time was up; HM_FUTURE_DEAD_LETTER: all have ended, and too few of them by an answer. Answers that come later
 * are dead letters. If the actor ends before, those that are there are dead letters, too. Within the function hm_sender
 * is whoever sent the message during which the batch was asked, as in hm_reenter_after.
 *
 * All requests take one slot and one message together, beside the requests themselves.
 *
 * Context: turn; neither blocks nor allocates from the heap. Ownership: @p batch and all that it points to stay the
 * caller's, and are copied, but for arg.
 *
 * @param batch  must not be NULL
 * @return as hm_send, of the first request that is refused; HM_INVALID: no requests, too many, more are to be enough
 *         than there are, no timeout, or no function
 */
enum hm_result hm_ask_batch(struct hm_ctx *ctx, const struct hm_batch *batch);

/**
 * How many requests the batch had.
 *
 * Context: as long as @p replies is valid.
 *
 * @param replies  what the batch's function got; another message has none
 * @return hm_batch.count
 */
uint32_t hm_replies_count(const struct hm_msg *replies);

/**
 * How many of them were answered.
 *
 * Context: as hm_replies_count.
 *
 * @return up to hm_replies_count
 */
uint32_t hm_replies_answered(const struct hm_msg *replies);

/**
 * How a request of a batch ended.
 *
 * Context: as hm_replies_count.
 *
 * @param index  of the request, as in hm_batch.requests
 * @return HM_FUTURE_REPLY, HM_FUTURE_TIMEOUT or HM_FUTURE_DEAD_LETTER; HM_FUTURE_CANCELLED: it was not waited for, since
 *         others were enough; or there is no such request
 */
enum hm_future_result hm_replies_result(const struct hm_msg *replies, uint32_t index);

/**
 * The answer to a request of a batch.
 *
 * Context: as hm_replies_count. Ownership: it belongs to @p replies, and is valid as long.
 *
 * @param index  of the request, as in hm_batch.requests
 * @return the answer; NULL: it has none
 */
const struct hm_msg *hm_replies_get(const struct hm_msg *replies, uint32_t index);

/* ---- Futures with a name: make ------------------------------------------- */

/** Names a future of this node for ever; a stale one names none. */
struct hm_future {
	struct hm_pid pid; /**< whom to answer */
};

/** Results that an lcore keeps although their owners could release them, at most. */
#define HM_FUTURES_KEPT_MAX 4096u

/** Body of HM_FUTURE_FAILED: what hm_pipe_to sends instead of an answer. */
struct hm_future_failed {
	struct hm_future future; /**< the one that was piped */
	uint32_t result;         /**< enum hm_future_result; not HM_FUTURE_REPLY */
	uint32_t reserved;       /**< 0 */
};

/**
 * The PID of a future: whatever is sent there ends it. It may be given to anybody, as whom to answer
 * (hm_request_from) or in a message, on other nodes, too.
 *
 * Context: any thread.
 *
 * @return its PID
 */
static inline struct hm_pid
hm_future_pid(struct hm_future future)
{
	return future.pid;
}

/**
 * A future that no request belongs to: the first message to its PID ends it.
 *
 * Context: turn; neither blocks nor allocates from the heap.
 *
 * @param timeout_us   microseconds, at least 1, which begin at the end of the lcore's turn; UINT64_MAX: no deadline
 * @param[out] future  must not be NULL; untouched on error
 * @return HM_OK; HM_NO_MEMORY: no slot; HM_INVALID: no timeout, or no @p future
 */
enum hm_result hm_future_new(struct hm_ctx *ctx, uint64_t timeout_us, struct hm_future *future);

/**
 * Send a request whose answer ends a future.
 *
 * Context: turn; neither blocks nor allocates from the heap. Ownership: the body stays the caller's.
 *
 * @param timeout_us   as in hm_future_new
 * @param[out] future  must not be NULL; untouched on error
 * @return as hm_send; HM_INVALID: no timeout, or no @p future
 */
enum hm_result hm_request_future(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body,
				 uint64_t timeout_us, struct hm_future *future);

/**
 * Stop a process, as hm_stop, with a future that ends when it is gone. The answer is a message HM_TERMINATED, also if
 * the process was gone already, its node is lost, or its lcore has no memory for the watch (not found). The caller
 * gets no HM_TERMINATED for it, unless it watches.
 *
 * Context: turn; does not block.
 *
 * @param who          not the running actor itself
 * @param timeout_us   as in hm_future_new; the process goes on stopping when it is over
 * @param[out] future  must not be NULL; untouched on error
 * @return HM_OK; HM_NO_MEMORY: no slot, or no memory for the watch; HM_NO_RECEIVER: nobody, or the running actor;
 *         HM_INVALID: no timeout, or no @p future
 */
enum hm_result hm_stop_future(struct hm_ctx *ctx, struct hm_pid who, uint64_t timeout_us,
			      struct hm_future *future);

/**
 * As hm_stop_future, behind the messages that are in its mailbox, as hm_poison.
 *
 * Context: turn; does not block.
 *
 * @param[out] future  must not be NULL; untouched on error
 * @return as hm_stop_future
 */
enum hm_result hm_poison_future(struct hm_ctx *ctx, struct hm_pid who, uint64_t timeout_us,
				struct hm_future *future);

/* ---- Futures with a name: wait --------------------------------------------- */

/**
 * Have a function called when a future has ended; at once, though not within this call, if it has ended already. Any
 * number of functions may wait for a future, of any actors; they are called in the order in which they came. Each
 * gets an answer of its own, a copy, which it may forward: protobuf messages with all that they point to, others byte
 * for byte.
 *
 * Within the function hm_sender is whoever sent the message during which it was registered: so hm_respond answers
 * the request that could not be answered before, and hm_forward hands the answer on in that one's name. A future that
 * does not exist (any more) ends it with HM_FUTURE_DEAD_LETTER.
 *
 * Context: turn; neither blocks nor allocates from the heap; may take memory for the link. Ownership: @p arg stays
 * the caller's.
 *
 * @param future  of this node
 * @param fn      must not be NULL
 * @param arg     handed to @p fn; may be NULL
 * @return HM_OK; HM_NO_MEMORY: no slot or link; if the future is another lcore's and that has no memory for the link,
 *         @p fn gets HM_FUTURE_NO_MEMORY instead; HM_NO_RECEIVER: no future of this node; HM_INVALID: no @p fn
 */
enum hm_result hm_reenter_after(struct hm_ctx *ctx, struct hm_future future, hm_reply_fn *fn, void *arg);

/**
 * Have the answer of a future sent to some processes, as a copy for each with the sender that the answer has; and
 * if there is none, HM_FUTURE_FAILED. At once if the future has ended already. All of them are sent it, or none.
 *
 * Context: turn; does not block; may take memory for the links. Ownership: the PIDs are copied.
 *
 * @param future  of this node
 * @param pids    @p count PIDs, none of them nobody; those of other nodes get protobuf messages only
 * @return as hm_reenter_after; HM_INVALID: no @p pids, or nobody among them
 */
enum hm_result hm_pipe_to(struct hm_ctx *ctx, struct hm_future future, const struct hm_pid *pids,
			  uint32_t count);

/* ---- Futures with a name: end ----------------------------------------------- */

/**
 * End a future of the running actor by HM_FUTURE_CANCELLED. One that has ended, or is not the running actor's, is
 * ignored. The request is not taken back; its answer will be a dead letter. If the actor has moved since it made the future,
 * that is told, and an answer may come first.
 *
 * Context: turn; neither blocks nor allocates from the heap.
 */
void hm_future_cancel(struct hm_ctx *ctx, struct hm_future future);

/**
 * The running actor needs no more of its future: its result is not kept. A pending one goes on, and those who wait for it
 * by now get its result; nobody else can wait for it. One that is not the running actor's is ignored.
 *
 * Context: turn; neither blocks nor allocates from the heap.
 */
void hm_future_release(struct hm_ctx *ctx, struct hm_future future);

#ifdef __cplusplus
}
#endif

#endif /* HM_FUTURE_H */
