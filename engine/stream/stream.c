/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What streams of both directions have in common on their lcore: when they begin, when it looks at them, how they end.
 */
#include "stream_pvt.h"

#include "actor_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "hm_balance.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "wake_pvt.h"

const struct hm_props hmi_stream_reader_props = {
	.receive = hmi_stream_reader_receive,
	.state_size = sizeof(struct hm_stream *),
	.args_size = sizeof(struct hm_stream *),
	.balance = HM_BALANCE_STAY,
};

const struct hm_props hmi_stream_writer_props = {
	.receive = hmi_stream_writer_receive,
	.state_size = sizeof(struct hm_stream *),
	.args_size = sizeof(struct hm_stream *),
	.balance = HM_BALANCE_STAY,
};

void
hmi_stream_list(struct hm_ctx *ctx, struct hm_stream *stream)
{
	if (stream->is_listed)
		return;
	stream->is_listed = true;
	stream->next = ctx->streams;
	ctx->streams = stream;
}

static void
unlist(struct hm_ctx *ctx, struct hm_stream *stream)
{
	struct hm_stream **at = &ctx->streams;

	while (*at != stream)
		at = &(*at)->next;
	*at = stream->next;
}

static bool
is_closed(const struct hm_stream *stream)
{
	return atomic_load_explicit(&stream->closed, memory_order_acquire); /* ST5 */
}

static bool
has_ended(const struct hm_stream *stream)
{
	/* It is the lcore's own word. */
	return atomic_load_explicit(&stream->ended, memory_order_relaxed);
}

/* ---- The end -------------------------------------------------------------------------- */

/* A reader stream's process has received it; a writer stream's has not, and what it takes out counts as sent from then on. */
static void
message_give_up(struct hm_ctx *ctx, const struct hm_stream *stream, struct hm_msg *msg,
		enum hm_dead_reason reason)
{
	if (stream->is_writer)
		hmi_sent_add(ctx, 1);
	else
		hmi_count(&ctx->received, (uint64_t)-1);
	hmi_dead_to(ctx, stream->is_writer ? stream->to : stream->pid, msg, reason);
}

/* What is left in the ring. Of a reader stream, the thread does not read any more. Returns whether there was anything. */
static bool
ring_give_up(struct hm_ctx *ctx, struct hm_stream *stream, enum hm_dead_reason reason)
{
	struct hm_msg *msgs[HMI_STREAM_BURST];
	bool any = stream->taken_next < stream->taken_count && !stream->is_writer;
	uint32_t n;

	while (stream->taken_next < stream->taken_count)
		message_give_up(ctx, stream, stream->taken[stream->taken_next++], reason);
	while ((n = hmi_stream_pop(stream, msgs)) > 0) {
		any = true;
		for (uint32_t i = 0; i < n; i++)
			message_give_up(ctx, stream, msgs[i], reason);
	}
	return any;
}

/* Both sides have ended it: it is a thread's to free. */
static void
leave(struct hm_ctx *ctx, struct hm_stream *stream)
{
	(void)ring_give_up(ctx, stream, HM_DEAD_STOPPED);
	unlist(ctx, stream);
	atomic_store_explicit(&stream->done, true, memory_order_release); /* ST6 */
}

/* The process has ended: the lcore puts nothing in any more, and takes nothing out but to give it up. */
static void
end(struct hm_stream *stream)
{
	atomic_store_explicit(&stream->ended, true, memory_order_release); /* ST4 */
	hmi_stream_fence(stream);                                          /* ST1, ST3 */
	hmi_bell_ring(&stream->bell);
}

/* Behind HM_STOPPED: nothing of the process refers to the stream any more. */
static void
owned_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hm_stream *stream = container_of(owned, struct hm_stream, owned);

	(void)owner;
	stream->is_owned = false;
	if (is_closed(stream))
		leave(ctx, stream);
}

/* Without may_move: it stays on its lcore, whose list it is in. */
static const struct hmi_owned_ops owned_ops = {
	.drop = owned_drop,
	.outlives_restart = true,
};

static void
start(struct hm_ctx *ctx, struct hm_stream *stream)
{
	/* Behind a restart it is all there. */
	if (stream->is_owned)
		return;
	stream->is_owned = true;
	hmi_stream_list(ctx, stream);
	hmi_owned_add(&ctx->cell->actor.owned, &stream->owned, &owned_ops);
	if (stream->is_writer && hm_watch(ctx, stream->to) != HM_OK)
		hm_stop(ctx, hm_self(ctx));
}

static void
stopped(struct hm_ctx *ctx, struct hm_stream *stream)
{
	end(stream);
	/* Nobody reads it but the actor that it was for. */
	if (stream->is_writer)
		(void)ring_give_up(ctx, stream, HM_DEAD_STOPPED);
}

bool
hmi_stream_lifecycle(struct hm_ctx *ctx, struct hm_stream *stream, const struct hm_msg *msg)
{
	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		start(ctx, stream);
		if (stream->is_writer)
			hmi_stream_writer_look(ctx, stream);
		else
			hmi_stream_reader_look(ctx, stream);
		return true;
	case HM_STOPPING:
		if (!stream->is_writer)
			hmi_stream_reader_finish(ctx, stream);
		return true;
	case HM_STOPPED:
		stopped(ctx, stream);
		return true;
	case HM_TERMINATED:
		hm_stop(ctx, hm_self(ctx));
		return true;
	case HM_RESTARTING:
	case HM_MOVED:
	case HM_RECEIVE_TIMEOUT:
		return true;
	default:
		return false;
	}
}

/* ---- The lcore looks ----------------------------------------------------------------------- */

static void
look(struct hm_ctx *ctx, struct hm_stream *stream)
{
	if (has_ended(stream)) {
		/* What the thread has written meanwhile. */
		if (stream->is_writer)
			(void)ring_give_up(ctx, stream, HM_DEAD_STOPPED);
		if (is_closed(stream) && !stream->is_owned)
			leave(ctx, stream);
	} else if (stream->is_writer) {
		hmi_stream_writer_look(ctx, stream);
	} else {
		hmi_stream_reader_look(ctx, stream);
	}
}

void
hmi_streams_look(struct hm_ctx *ctx)
{
	struct hm_stream *next;

	for (struct hm_stream *stream = ctx->streams; stream != NULL; stream = next) {
		next = stream->next;
		look(ctx, stream);
	}
}

bool
hmi_streams_shut_down(struct hm_ctx *ctx)
{
	bool any = false;

	for (struct hm_stream *stream = ctx->streams; stream != NULL; stream = stream->next) {
		if (!has_ended(stream)) {
			for (uint32_t i = 0; i < stream->batched; i++)
				message_give_up(ctx, stream, stream->batch[i], HM_DEAD_SHUTDOWN);
			any |= stream->batched > 0;
			stream->batched = 0;
			end(stream);
		}
		if (stream->is_writer || is_closed(stream))
			any |= ring_give_up(ctx, stream, HM_DEAD_SHUTDOWN);
	}
	return any;
}
