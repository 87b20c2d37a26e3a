/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of external threads: they wait on a semaphore for what an lcore does.
 *
 * Ordering: O1: what an lcore writes into a call it releases by the state "done", before its sem_post; the
 * caller acquires that behind its wait. O2: a caller whose time is up releases the call by its state; the lcore that ends the call
 * acquires that, and frees it. The other way round, an lcore that ends the call first takes the
 * state, and the caller waits for the semaphore, which follows at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <protobuf-c/protobuf-c.h>

#include "ask_pvt.h"
#include "hm_buffer.h"
#include "proto_copy_pvt.h"
#include "type_pvt.h"

void *
hmi_call_new(struct hm_system *sys, size_t bytes, void (*run)(struct hm_ctx *ctx, struct hmi_call *call))
{
	struct hmi_call *call = calloc(1, bytes);

	if (call == NULL)
		return NULL;
	call->run = run;
	call->sys = sys;
	sem_init(&call->done, 0, 0);
	return call;
}

void
hmi_call_destroy(struct hmi_call *call)
{
	sem_destroy(&call->done);
	free(call);
}

/* A protobuf message may point into the one that brings it, which is gone when the caller looks. */
int
hmi_reply_copy(const struct hm_system *sys, struct hm_reply *to, const struct hm_msg *msg)
{
	bool is_proto = (sys->types->info[msg->type] & HMI_TYPE_PROTO) != 0;
	size_t bytes;
	const void *from = hm_msg_data(msg, &bytes);

	/* Of an answer with a buffer that is what was asked for. */
	if (from == NULL) {
		from = msg->body;
		bytes = is_proto ? hmi_proto_bytes(from) : msg->length;
	} else {
		is_proto = false;
	}

	to->type = msg->type;
	to->length = (uint32_t)bytes;
	if (bytes > to->size)
		return -EMSGSIZE;
	if (is_proto)
		hmi_proto_copy(to->body, from);
	else if (bytes > 0)
		memcpy(to->body, from, bytes);
	return 0;
}

bool
hmi_call_take(struct hmi_call *call, enum hmi_call_state state)
{
	int waiting = HMI_CALL_WAITING;

	return atomic_compare_exchange_strong_explicit(&call->state, &waiting, (int)state,
						       memory_order_acq_rel, /* O2 */
						       memory_order_acquire);
}

enum hmi_reply_taken
hmi_call_finish(struct hmi_call *call, int rc, struct hm_msg *reply)
{
	if (call->finish != NULL)
		return call->finish(call, rc, reply);
	if (!hmi_call_take(call, HMI_CALL_ENDING)) {
		hmi_call_destroy(call);
		return HMI_REPLY_REFUSED;
	}
	if (reply != NULL && call->reply != NULL)
		rc = hmi_reply_copy(call->sys, call->reply, reply);
	call->rc = rc;
	atomic_store_explicit(&call->state, HMI_CALL_DONE, memory_order_release); /* O1 */
	sem_post(&call->done);
	return HMI_REPLY_COPIED;
}

/* Whether the call has ended before the time was up. */
static bool
wait_until(struct hmi_call *call, const struct timespec *until)
{
	int rc;

	do
		rc = until != NULL ? sem_clockwait(&call->done, CLOCK_MONOTONIC, until)
				   : sem_wait(&call->done);
	while (rc != 0 && errno == EINTR);
	return rc == 0;
}

int
hmi_call_wait(struct hmi_call *call, const struct timespec *until)
{
	int rc;

	if (!wait_until(call, until)) {
		if (hmi_call_take(call, HMI_CALL_ABANDONED))
			return -ETIMEDOUT;
		(void)wait_until(call, NULL);
	}
	(void)atomic_load_explicit(&call->state, memory_order_acquire); /* O1 */
	rc = call->rc;
	hmi_call_destroy(call);
	return rc;
}

static struct hmi_call *
call_of(const struct hm_msg *msg)
{
	struct hmi_call *call;

	memcpy(&call, msg->body, sizeof(call));
	return call;
}

static void
call_drop(struct hm_ctx *ctx, struct hmi_call *call, int rc)
{
	if (call->drop != NULL)
		call->drop(ctx->sys, call);
	(void)hmi_call_finish(call, rc, NULL);
}

void
hmi_call_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	struct hmi_call *call = call_of(msg);

	/* Nobody waits any more: to do it would surprise. */
	if (atomic_load_explicit(&call->state, memory_order_acquire) != HMI_CALL_WAITING) /* O2 */
		call_drop(ctx, call, -ETIMEDOUT);
	else
		call->run(ctx, call);
}

void
hmi_call_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason)
{
	(void)reason;
	call_drop(ctx, call_of(msg), -ESHUTDOWN);
}
