/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STREAM_PVT_H
#define STREAM_PVT_H

/*
 * Streams: a ring between an actor, which is the stream's process, and a thread.
 *
 *     reader   put ─▶ batch ─▶ ring ─▶ taken ─▶ hm_stream_read     full: the actor is muted, `wanted`
 *     writer   hm_stream_write ─▶ ring ─▶ the actor's turn         empty: it looks again, `hot`; at last `wanted`
 *
 * The ring is a lane (lane_pvt.h): whether there is a message says its slot, so that no index passes between the two sides.
 *
 * Either side of the ring tells the other one only where that has asked for it: the lcore by the bell (bell_pvt.h), the thread
 * by `wanted` and hmi_worker_ask, which needs no message and no room anywhere.
 *
 *     lcore: finds nothing to do        thread
 *     wanted = true                     push, or take
 *     full fence          (ST3)         full fence          (ST3)
 *     look once more: nothing           wanted? ─▶ ask the lcore, which looks at all its streams
 *
 * A fence would make each write wait until the lcore's cache has given the slot away. So behind many messages the lcore says that
 * it comes by itself, `hot`, and the thread has no fence. Before the lcore takes that back it has the kernel execute a fence
 * on the thread (barrier_pvt.h), which costs both a microsecond, and all other lcores as well: thus behind many messages only.
 *
 *     lcore: has found nothing for a while                    thread
 *     hot = false, wanted = true                              push
 *     membarrier          (ST3)   ─ ─ a full fence ─ ─ ─▶     anywhere here
 *     look once more: nothing                                 hot? wanted? ─▶ ask the lcore
 *
 * The end: `ended` is the lcore's last word, ST4; `closed` the thread's, ST5; with both, the lcore turns what is left in the ring
 * into dead letters, and says that it is `done`, ST6. A thread that opens or closes a stream, or destroys the system, frees it.
 *
 * Who owns what: each member says it. The list of a system's streams is for who holds `control`.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "barrier_pvt.h"
#include "bell_pvt.h"
#include "hm_stream.h"
#include "lane_pvt.h"
#include "lcore_pvt.h"
#include "wake_pvt.h"

/* Messages that cross the ring in one go. */
#define HMI_STREAM_BURST 32u

struct hm_stream {
	/* Constant once it is open. */
	struct hm_system *sys; /* NULL: it is destroyed */
	struct hm_pid pid, to; /* `to`: of a writer stream */
	uint32_t size;
	uint16_t type; /* 0: any */
	bool is_writer;
	bool may_be_hot;      /* hmi_barrier works */
	struct hmi_bell bell; /* what the thread waits for */
	/* The lcore's. */
	_Alignas(64) struct hm_stream *next; /* of its streams */
	struct hmi_owned owned;
	uint32_t room;    /* of a reader stream: places in the ring that are known to be free */
	uint32_t batched; /* messages in `batch` */
	bool is_listed, is_owned, is_muted,
		is_going; /* is_going: a writer stream's message to itself is under way */
	uint32_t looks;   /* of a writer stream that finds nothing, before it waits */
	uint32_t run;     /* messages that it has found without waiting in between */
	struct hm_msg *batch[HMI_STREAM_BURST];
	/* The ring: the side's that puts in, and the one's that takes out. */
	struct hmi_lane in;
	_Atomic uint32_t put; /* messages that were ever put in; that side writes it */
	_Alignas(64) struct hmi_lane_rx out;
	/* The thread's. */
	_Alignas(64) struct hm_msg *current; /* NULL: none */
	struct hmi_msg_cache *cache;         /* free messages of the smallest class */
	uint32_t taken_next, taken_count;
	struct hm_msg *taken[HMI_STREAM_BURST];
	/* Written seldom: `hot`, `ended` and `done` by the lcore, `closed` by the thread, `wanted` by both. */
	_Alignas(64) _Atomic bool hot; /* of a writer stream: the lcore looks without being asked */
	_Atomic bool wanted, ended, done, closed;
	/* Who holds `control`. */
	struct hm_stream *next_of_system;
};

/* ---- stream.c: the lcore ------------------------------------------------------- */

/* hm_props of the process; its args: struct hm_stream *. */
extern const struct hm_props hmi_stream_reader_props, hmi_stream_writer_props;

/* It is of this lcore. */
void hmi_stream_list(struct hm_ctx *ctx, struct hm_stream *stream);

/* A thread asks the lcore to look at its streams. */
void hmi_streams_look(struct hm_ctx *ctx);

/* No lcore runs any more: end all that has not. Returns whether there was anything. */
bool hmi_streams_shut_down(struct hm_ctx *ctx);

/* The process's turn: HM_STARTED, HM_STOPPING, HM_STOPPED. Returns whether the message was one of them, or the like. */
bool hmi_stream_lifecycle(struct hm_ctx *ctx, struct hm_stream *stream, const struct hm_msg *msg);

/* ---- reader.c, writer.c: the lcore ----------------------------------------------- */

void hmi_stream_reader_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg);
void hmi_stream_writer_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg);

/* The lcore looks; the stream has not ended. */
void hmi_stream_reader_look(struct hm_ctx *ctx, struct hm_stream *stream);
void hmi_stream_writer_look(struct hm_ctx *ctx, struct hm_stream *stream);

/* The process is about to stop: hand on what has come before, as far as there is room. */
void hmi_stream_reader_finish(struct hm_ctx *ctx, struct hm_stream *stream);

/* ---- The ring ------------------------------------------------------------------------ */

/* Messages in the ring, for any thread, which may see numbers of different moments, and get one that never was, up to the size. */
static inline uint32_t
hmi_stream_count(const struct hm_stream *stream)
{
	uint32_t taken = atomic_load_explicit(&stream->in.ring->taken, memory_order_relaxed);
	uint32_t count = atomic_load_explicit(&stream->put, memory_order_relaxed) - taken;

	/* Who takes out sees a message before its number. */
	if (count > UINT32_MAX / 2)
		return 0;
	return count < stream->size ? count : stream->size;
}

/* For who takes out: whether there is a message. */
static inline bool
hmi_stream_is_ready(const struct hm_stream *stream)
{
	return hmi_lane_is_ready(&stream->out);
}

/* For who puts in: places that are free, as far as it knows, or of which it sees now that they are. */
static inline uint32_t
hmi_stream_room(struct hm_stream *stream)
{
	struct hmi_lane *in = &stream->in;

	in->taken = atomic_load_explicit(&in->ring->taken, memory_order_acquire); /* L2 */
	return stream->size - (in->sent - in->taken);
}

static inline bool
hmi_stream_has_room(struct hm_stream *stream)
{
	return likely(stream->in.sent - stream->in.taken < stream->size) || hmi_stream_room(stream) > 0;
}

/* Put messages in, for which there is room. */
static inline void
hmi_stream_push(struct hm_stream *stream, struct hm_msg *const *msgs, uint32_t count)
{
	uint32_t waiting;

	for (uint32_t i = 0; i < count; i++)
		hmi_lane_push(&stream->in, msgs[i]);
	waiting = hmi_lane_flush(&stream->in);
	HMI_ASSERT(waiting == 0);
	atomic_store_explicit(&stream->put, stream->in.sent, memory_order_relaxed);
}

/* Take up to a burst out. Returns how many. */
static inline uint32_t
hmi_stream_pop(struct hm_stream *stream, struct hm_msg **msgs)
{
	return hmi_lane_pop_burst(&stream->out, msgs, HMI_STREAM_BURST);
}

/* The lcore has changed what the thread looks at behind a write, and looks at the ring next: a full fence on both. */
static inline void
hmi_stream_fence(struct hm_stream *stream)
{
	bool was_hot = atomic_load_explicit(&stream->hot, memory_order_relaxed);

	atomic_store_explicit(&stream->hot, false, memory_order_relaxed);
	hmi_wake_fence(); /* ST3 */
	if (unlikely(was_hot))
		hmi_barrier(); /* ST3 */
}

#endif /* STREAM_PVT_H */
