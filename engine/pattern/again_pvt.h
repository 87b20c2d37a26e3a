/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGAIN_PVT_H
#define AGAIN_PVT_H

/*
 * What is asked more than once: a copy of the body, which the asking actor owns.
 *
 * Functions of futures are not called any more when their actor stops or restarts, so whoever has a record as its argument is gone
 * when the record is dropped.
 */

#include "hm_future.h"
#include "lcore_pvt.h"
#include "msg_pvt.h"

struct hmi_again {
	struct hmi_owned owned;
	hm_reply_fn *on_reply;
	void *arg;
	void *body; /* NULL: as of hm_send */
	uint16_t type;
};

/*
 * None of these is called with the engine's mark set: what a request goes through, and a body, are the user's.
 */

/* A record of `bytes`, at least that of a struct hmi_again, which is first. Returns HM_OK, or why not; as hm_send. */
enum hm_result hmi_again_make(struct hm_ctx *ctx, size_t bytes, uint16_t type, const void *body,
			      struct hmi_again **again);

/* It is over: free it. */
void hmi_again_free(struct hm_ctx *ctx, struct hmi_again *again);

/*
 * Ask, with a function that gets the record; returns as hm_ask. With stages of middleware the future comes first: of a stage that
 * fails it is what is left, so that the function is called, by the deadline, if the actor goes on. Refused by a stage: there is none.
 */
enum hm_result hmi_again_ask(struct hm_ctx *ctx, struct hmi_again *again, struct hm_pid to,
			     uint64_t timeout_us, hm_reply_fn *fn);

/* How a request has ended that was not made: as one of hm_ask_batch. */
static inline enum hm_future_result
hmi_again_refused(enum hm_result result)
{
	return result == HM_NO_MEMORY ? HM_FUTURE_NO_MEMORY : HM_FUTURE_DEAD_LETTER;
}

/* Have a function called in the actor's turn after a time, with the record. Returns as hm_future_new. */
enum hm_result hmi_again_wait(struct hm_ctx *ctx, uint64_t us, hm_reply_fn *fn, struct hmi_again *again,
			      struct hm_future *future);

#endif /* AGAIN_PVT_H */
