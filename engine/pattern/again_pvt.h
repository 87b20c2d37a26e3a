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

/* A record of `bytes`, at least that of a struct hmi_again, which is first. Returns HM_OK, or why not; as hm_send. */
enum hm_result hmi_again_make(struct hm_ctx *ctx, size_t bytes, uint16_t type, const void *body,
			      struct hmi_again **again);

/* It is over: free it. */
void hmi_again_free(struct hmi_again *again);

/* Have a function called in the actor's turn after a time, with the record. Returns as hm_future_new. */
enum hm_result hmi_again_wait(struct hm_ctx *ctx, uint64_t us, hm_reply_fn *fn, struct hmi_again *again,
			      struct hm_future *future);

#endif /* AGAIN_PVT_H */
