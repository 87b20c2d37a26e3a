/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writer streams on their lcore: from the ring to an actor.
 *
 * The process sends as any actor does, so that it is muted when its receiver has too many messages; then the ring fills. A message
 * to itself, HMI_STREAM_GO, brings it its turn, and waits while it is muted.
 */
#include "stream_pvt.h"

#include "actor_pvt.h"
#include "counter_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "wake_pvt.h"

/* Messages that it sends in one turn, but for the rest of a burst. */
#define PORTION 64u

static void
go(struct hm_ctx *ctx, struct hm_stream *stream)
{
	struct hm_msg *msg;

	if (stream->is_going)
		return;
	stream->is_going = true;
	msg = hmi_control(&ctx->cache, HMI_STREAM_GO, 0);
	msg->flags = 0;
	(void)hmi_post(ctx, stream->pid, msg);
}

static bool
is_closed(const struct hm_stream *stream)
{
	return atomic_load_explicit(&stream->closed, memory_order_acquire); /* ST5 */
}

static bool
has_work(const struct hm_stream *stream)
{
	return hmi_stream_count(stream) > 0 || is_closed(stream);
}

/* Send what is in the ring, or a portion. Returns whether that was all. */
static bool
portion_send(struct hm_ctx *ctx, struct hm_stream *stream)
{
	struct hm_msg *msgs[HMI_STREAM_BURST];
	uint32_t sent = 0, n;

	while (sent < PORTION && (ctx->cell->pending & HMI_PENDING_MUTED) == 0) {
		n = hmi_stream_pop(stream, msgs);
		for (uint32_t i = 0; i < n; i++) {
			msgs[i]->sender = stream->pid;
			(void)hmi_post(ctx, stream->to, msgs[i]);
		}
		if (n == 0)
			return true;
		sent += n;
	}
	return false;
}

/* The thread may write again when half of the ring is free. */
static void
room_tell(struct hm_stream *stream)
{
	hmi_wake_fence(); /* ST1 */
	if (hmi_stream_count(stream) <= stream->size / 2)
		hmi_bell_ring(&stream->bell);
}

static void
advance(struct hm_ctx *ctx, struct hm_stream *stream)
{
	/* Before the last look at the ring. */
	bool closed = is_closed(stream), is_all = portion_send(ctx, stream);

	room_tell(stream);
	if (is_all && closed) {
		hm_stop(ctx, hm_self(ctx));
		return;
	}
	if (is_all) {
		atomic_store_explicit(&stream->wanted, true, memory_order_relaxed);
		hmi_wake_fence(); /* ST3 */
	}
	if (has_work(stream))
		go(ctx, stream);
}

void
hmi_stream_writer_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hm_stream *stream = *(struct hm_stream **)state;

	HMI_MARKED(ctx);
	if (hmi_stream_lifecycle(ctx, stream, msg))
		return;
	if (hm_msg_type(msg) != HMI_STREAM_GO) {
		hmi_received_refuse(ctx, HM_DEAD_UNEXPECTED);
		return;
	}
	/* It was not counted as sent. */
	hmi_count(&ctx->received, (uint64_t)-1);
	stream->is_going = false;
	advance(ctx, stream);
}

void
hmi_stream_writer_look(struct hm_ctx *ctx, struct hm_stream *stream)
{
	atomic_store_explicit(&stream->wanted, true, memory_order_relaxed);
	hmi_wake_fence(); /* ST3 */
	if (has_work(stream))
		go(ctx, stream);
}
