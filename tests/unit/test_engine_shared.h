/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_SHARED_H
#define TEST_ENGINE_SHARED_H

/*
 * Futures with a handle: an actor that makes them, one that answers, and what those learn who wait.
 */

#include "test_engine_future.h"

/* One that waits: a future_request, of which the end alone is used. */
struct wait {
	struct hm_future future;
	hm_reply_fn *then; /* NULL: on_reply */
	enum hm_result result;
	struct future_request end;
};

static inline void
wait_begin(struct hm_ctx *ctx, void *arg)
{
	struct wait *wait = arg;

	wait->result =
		hm_reenter_after(ctx, wait->future, wait->then != NULL ? wait->then : on_reply, &wait->end);
}

/* A future that an actor makes. */
struct making {
	struct hm_pid to; /* nobody: there is no request */
	uint64_t number, timeout_us;
	enum hm_result result;
	struct hm_future future;
};

static inline void
future_make(struct hm_ctx *ctx, void *arg)
{
	struct making *making = arg;

	if (hm_pid_is_none(making->to))
		making->result = hm_future_new(ctx, making->timeout_us, &making->future);
	else
		making->result = hm_request_future(ctx, making->to, HMT_NUMBER, &making->number,
						   making->timeout_us, &making->future);
	cr_assert_eq(making->result, HM_OK);
}

static inline void
future_cancel(struct hm_ctx *ctx, void *arg)
{
	hm_future_cancel(ctx, ((struct making *)arg)->future);
}

static inline void
future_release(struct hm_ctx *ctx, void *arg)
{
	hm_future_release(ctx, ((struct making *)arg)->future);
}

/* End a future from outside. */
static inline void
future_answer(struct hmt_node *node, const struct making *making, uint64_t number)
{
	hmt_number(node, hm_future_pid(making->future), number);
	hmt_turn_until_idle(node);
}

/* Piping, as a deed. */
struct piping {
	struct hm_future future;
	struct hm_pid pids[4];
	uint32_t count;
	enum hm_result result;
};

static inline void
pipe_begin(struct hm_ctx *ctx, void *arg)
{
	struct piping *piping = arg;

	piping->result = hm_pipe_to(ctx, piping->future, piping->pids, piping->count);
}

/* What an actor owns is dropped, as when it restarts; what is in its mailbox stays. */
static inline void
owned_drop_all(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_owned *owned;

	while ((owned = cell->actor.owned) != NULL) {
		hmi_owned_remove(owned);
		owned->ops->drop(ctx, cell, owned);
	}
}

static inline void
must_be(const struct wait *wait, enum hm_future_result result)
{
	cr_assert_eq(wait->end.ends, 1);
	cr_assert_eq(wait->end.result, result, "%s", hm_future_result_name(wait->end.result));
}

#endif /* TEST_ENGINE_SHARED_H */
