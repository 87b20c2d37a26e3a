/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_CALL_H
#define HM_CALL_H

/**
 * @file
 * Requests of external threads that do something else meanwhile, such as to wait for many of them in one poll.
 *
 *     hm_system_request ──▶ struct hm_call ──▶ hm_call_fd: poll, epoll ──▶ hm_call_result ──▶ hm_call_free
 *                                         └──▶ hm_call_cancel
 *
 * hm_system_ask (hm_system.h) sends a request and waits for the answer.
 *
 * Who may call what: any thread that is no lcore of the system; one thread at a time for a call.
 *
 * Limits: a call takes an eventfd, some hundred bytes of the heap, a slot of lcore 0, and the answer's message until it is
 * freed. All calls are freed before hm_system_destroy.
 */

#include <stdint.h>

#include "hm_pid.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_system;
struct hm_reply;

/** A request that was sent. */
struct hm_call;

/**
 * Send a request, and return.
 *
 * Context: an external thread, also before the system runs, and of an HM_MODE_STEPPED one; does not wait for an lcore, in
 * HM_MODE_STEPPED for the end of a turn of another thread; allocates. Ownership: the body stays the caller's;
 * the call is the caller's, who frees it by hm_call_free before the system is destroyed.
 *
 * @param timeout_us  microseconds, at least 1; UINT64_MAX: no deadline
 * @param[out] call   must not be NULL; untouched on error
 * @return 0; -EAGAIN: overloaded; -ENOMEM; -EINVAL: unknown type, nobody, no timeout, or an argument is NULL;
 *         -ESHUTDOWN: the system has stopped; -EMFILE, -ENFILE: no file is left for the eventfd
 */
__attribute__((warn_unused_result))
int hm_system_request(struct hm_system *sys, struct hm_pid to, uint16_t type, const void *body,
		      uint64_t timeout_us, struct hm_call **call);

/**
 * A file that is readable when the call has ended, for poll and its like.
 *
 * Context: the call's thread. Ownership: it is the call's, which closes it; it may be read.
 *
 * @param call  must not be NULL
 * @return the file's number
 */
__attribute__((warn_unused_result))
int hm_call_fd(const struct hm_call *call);

/**
 * How a call has ended. Does not wait; may be called again, as with more room for the answer.
 *
 * Context: the call's thread; neither blocks nor allocates. Ownership: the answer is copied, as by hm_system_ask.
 *
 * @param call   must not be NULL
 * @param reply  filled in if the result is 0; NULL: the answer is not wanted
 * @return 0: there is an answer; -EAGAIN: the call has not ended; -ETIMEDOUT; -ENOENT: dead letter; -ECANCELED;
 *         -ENOMEM: no slot; -ESHUTDOWN: the system has stopped before; -EMSGSIZE: the answer is longer
 *         than reply->size, reply->length says how long
 */
__attribute__((warn_unused_result))
int hm_call_result(const struct hm_call *call, struct hm_reply *reply);

/**
 * Give a call up: it ends by -ECANCELED within this call. One that has ended is ignored. The request is not taken back;
 * its answer will be a dead letter.
 *
 * Context: the call's thread; does not wait for an lcore, in HM_MODE_STEPPED for the end of a turn of another thread.
 * Ownership: the call stays the caller's.
 *
 * @param call  must not be NULL
 */
void hm_call_cancel(struct hm_call *call);

/**
 * Free a call; one that has not ended is given up. NULL is ignored.
 *
 * Context: as hm_call_cancel. Ownership: the call is gone.
 */
void hm_call_free(struct hm_call *call);

#ifdef __cplusplus
}
#endif

#endif /* HM_CALL_H */
