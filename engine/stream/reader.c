/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader streams on their lcore: from the process's mailbox into the ring.
 *
 * Messages are put in together, when the mailbox is empty or a burst is full, so that the fence and the look at the bell are paid
 * once for all of them. A place is reserved for each before it is taken from the mailbox: the process is muted, as an actor
 * whose receiver has to drain, when there is none left.
 */
#include "stream_pvt.h"

#include "actor_pvt.h"
#include "box_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "pressure_pvt.h"
#include "receive_pvt.h"
#include "wake_pvt.h"

static void
flush(struct hm_stream *stream)
{
	if (stream->batched == 0)
		return;
	hmi_stream_push(stream, stream->batch, stream->batched);
	stream->batched = 0;
	hmi_wake_fence(); /* ST1 */
	hmi_bell_ring(&stream->bell);
}

/* No place is reserved: see what the thread has taken out. Returns whether there are some. */
static bool
room_find(struct hm_stream *stream)
{
	stream->room = hmi_stream_room(stream);
	return stream->room > 0;
}

/* As whom the ring mutes the process: by what takes no questions, since the thread is in no circle. */
static struct hm_pid
muter(const struct hm_ctx *ctx)
{
	return hmi_lcore_process(ctx->sys, hmi_index(ctx));
}

/* Wait for the thread to take something out, unless it has. */
static void
room_await(struct hm_ctx *ctx, struct hm_stream *stream)
{
	if (room_find(stream))
		return;
	atomic_store_explicit(&stream->wanted, true, memory_order_relaxed);
	hmi_stream_fence(stream); /* ST3 */
	if (!room_find(stream))
		stream->is_muted = hmi_pressure_mute(ctx, ctx->cell, muter(ctx));
}

/* There is room: for a message that is the caller's. */
static void
put(struct hm_ctx *ctx, struct hm_stream *stream, struct hm_msg *msg)
{
	stream->batch[stream->batched++] = msg;
	stream->room--;
	if (stream->batched == HMI_STREAM_BURST || hmi_cell_is_empty(ctx->cell) || stream->room == 0)
		flush(stream);
}

void
hmi_stream_reader_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *received)
{
	struct hm_stream *stream = *(struct hm_stream **)state;
	struct hm_msg *msg = ctx->msg;

	HMI_MARKED(ctx);
	if (hmi_stream_lifecycle(ctx, stream, received)) {
		flush(stream);
	} else if (stream->type != 0 && stream->type != msg->type) {
		hmi_received_refuse(ctx, HM_DEAD_UNEXPECTED);
		if (hmi_cell_is_empty(ctx->cell))
			flush(stream);
	} else if (stream->room == 0 && !room_find(stream)) {
		/* There was no memory to mute it. */
		hmi_received_refuse(ctx, HM_DEAD_REJECTED);
		room_await(ctx, stream);
	} else {
		hmi_received_take(ctx);
		put(ctx, stream, msg);
		if (stream->room == 0)
			room_await(ctx, stream);
	}
}

void
hmi_stream_reader_look(struct hm_ctx *ctx, struct hm_stream *stream)
{
	struct hmi_cell *cell = hmi_cell_live(ctx, stream->pid.local);

	if (cell == NULL)
		return;
	if (atomic_load_explicit(&stream->closed, memory_order_acquire)) { /* ST5 */
		hmi_control_post(ctx, stream->pid, hm_pid_none(), HM_SYS_STOP);
	} else if (stream->is_muted && room_find(stream)) {
		stream->is_muted = false;
		hmi_pressure_unmute(ctx, cell, muter(ctx));
	}
}

/* A plain message, and not what the engine has something to do with. */
static bool
is_plain(const struct hm_stream *stream, const struct hm_msg *msg)
{
	return (msg->flags & (HMI_MSG_SPECIAL | HMI_MSG_EXPIRES)) == 0 &&
	       (stream->type == 0 || stream->type == msg->type);
}

void
hmi_stream_reader_finish(struct hm_ctx *ctx, struct hm_stream *stream)
{
	struct hmi_fifo *box = &ctx->cell->box;

	while (box->head != NULL && is_plain(stream, box->head) && (stream->room > 0 || room_find(stream))) {
		struct hm_msg *msg = hmi_fifo_pop(box);

		hmi_guard_received(msg);
		hmi_count(&ctx->received, 1);
		put(ctx, stream, msg);
	}
}
