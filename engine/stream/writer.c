/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writer streams on their lcore: from the ring to an actor.
 *
 * The process sends as any actor does, so that it is muted when its receiver has too many messages; then the ring fills. A message
 * to itself, HMI_STREAM_GO, brings it its turn, and waits while it is muted.
 *
 * Where the ring is empty it looks again a few times, the more the more has come, before it asks the thread to be told: that
 * takes longer than many a look. Meanwhile more than one message comes, and the fences of a look are paid once for all of them.
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
/* Looks at an empty ring for each message that has come, and at most: some 20 us. */
#define LOOKS     4u
#define LOOKS_MAX 128u
/* Messages behind which it is worth to interrupt all lcores once, so that the thread needs no fence. */
#define HOT_RUN 4096u

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
	return hmi_stream_is_ready(stream) || is_closed(stream);
}

/* Send what is in the ring, or a portion: *sent messages. Returns whether that was all. */
static bool
portion_send(struct hm_ctx *ctx, struct hm_stream *stream, uint32_t *sent)
{
	struct hm_msg *msgs[HMI_STREAM_BURST];
	uint32_t n;

	for (*sent = 0; *sent < PORTION && (ctx->cell->pending & HMI_PENDING_MUTED) == 0; *sent += n) {
		n = hmi_stream_pop(stream, msgs);
		if (n == 0)
			return true;
		hmi_sent_add(ctx, n);
		for (uint32_t i = 0; i < n; i++) {
			msgs[i]->sender = stream->pid;
			(void)hmi_post(ctx, stream->to, msgs[i]);
		}
	}
	return false;
}

/* The thread may write again when half of the ring is free. */
static void
room_tell(struct hm_stream *stream)
{
	hmi_wake_fence(); /* ST1 */
	if (hmi_bell_is_armed(&stream->bell) && hmi_stream_count(stream) <= stream->size / 2)
		hmi_bell_ring(&stream->bell);
}

/* So many were sent: note whether to look again if there are none, and whether the thread need not look for that. */
static void
looks_note(struct hm_stream *stream, uint32_t sent)
{
	stream->looks = RTE_MIN(stream->looks + sent * LOOKS, LOOKS_MAX);
	stream->run += sent;
	if (stream->may_be_hot && stream->run >= HOT_RUN)
		atomic_store_explicit(&stream->hot, true, memory_order_relaxed);
}

/* Have the thread tell when it has written. */
static void
await(struct hm_stream *stream)
{
	stream->looks = stream->run = 0;
	atomic_store_explicit(&stream->wanted, true, memory_order_relaxed);
	hmi_stream_fence(stream); /* ST3 */
}

static void
advance(struct hm_ctx *ctx, struct hm_stream *stream)
{
	/* Before the last look at the ring. */
	bool closed = is_closed(stream), is_all;
	uint32_t sent;

	is_all = portion_send(ctx, stream, &sent);
	if (sent > 0) {
		room_tell(stream);
		looks_note(stream, sent);
	}
	if (is_all && closed) {
		hm_stop(ctx, hm_self(ctx));
		return;
	}
	if (is_all && stream->looks == 0) {
		await(stream);
		if (!has_work(stream))
			return;
	}
	if (is_all && stream->looks > 0)
		stream->looks--;
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
	/* It looks by itself, and soon. */
	if (stream->is_going)
		return;
	await(stream);
	if (has_work(stream))
		go(ctx, stream);
}
