/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STREAM_PVT_H
#define STREAM_PVT_H

/*
 * Streams: a ring between an actor, which is the stream's process, and a thread.
 *
 *     reader   put ─▶ batch ─▶ ring (SP/SC) ─▶ taken ─▶ hm_stream_read     full: the actor is muted, `wanted`
 *     writer   hm_stream_write ─▶ ring (SP/SC) ─▶ the actor's turn         empty: `wanted`
 *
 * Either side of the ring tells the other one only where that has asked for it: the lcore by the bell (bell_pvt.h), the thread
 * by `wanted` and hmi_worker_ask, which needs no message and no room anywhere.
 *
 *     lcore: finds nothing to do        thread
 *     wanted = true                     push, or take
 *     full fence          (ST3)         full fence          (ST3)
 *     look once more: nothing           wanted? ─▶ ask the lcore, which looks at all its streams
 *
 * The end: `ended` is the lcore's last word, ST4; `closed` the thread's, ST5; with both, the lcore turns what is left in the ring
 * into dead letters, and says that it is `done`, ST6. A thread that opens or closes a stream, or destroys the system, frees it.
 *
 * Who owns what: each member says it. The list of a system's streams is for who holds `control`.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bell_pvt.h"
#include "counter_pvt.h"
#include "hm_stream.h"
#include "lcore_pvt.h"
#include "ring_pvt.h"

/* Messages that cross the ring in one go. */
#define HMI_STREAM_BURST 32u

struct hm_stream {
	/* Constant once it is open. */
	struct hm_system *sys; /* NULL: it is destroyed */
	struct rte_ring *ring;
	struct hm_pid pid, to; /* `to`: of a writer stream */
	uint32_t size;
	uint16_t type; /* 0: any */
	bool is_writer;
	struct hmi_bell bell; /* what the thread waits for */
	/* The lcore's. */
	_Alignas(64) struct hm_stream *next; /* of its streams */
	struct hmi_owned owned;
	uint32_t room;    /* of a reader stream: places in the ring that are known to be free */
	uint32_t batched; /* messages in `batch` */
	bool is_listed, is_owned, is_muted,
		is_going; /* is_going: a writer stream's message to itself is under way */
	struct hm_msg *batch[HMI_STREAM_BURST];
	_Atomic bool ended, done;
	/* The thread's. */
	_Alignas(64) struct hm_msg *current; /* NULL: none */
	struct hmi_msg_cache *cache;         /* free messages of the smallest class */
	uint32_t taken_next, taken_count;
	struct hm_msg *taken[HMI_STREAM_BURST];
	_Atomic bool closed;
	/* Written by both, seldom. */
	_Alignas(64) _Atomic bool wanted;
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

/*
 * Messages in the ring: never fewer than there are for who puts them in, and never more for who takes them out. Others may see
 * indices of different moments, and get a number that never was, up to the size. The indices may have a type of DPDK's own.
 */
static inline uint32_t
hmi_stream_count(const struct hm_stream *stream)
{
	uint32_t taken = hmi_counted_word((const uint32_t *)(uintptr_t)&stream->ring->cons.tail);
	uint32_t count;

	count = hmi_counted_word((const uint32_t *)(uintptr_t)&stream->ring->prod.tail) - taken;
	return count < stream->size ? count : stream->size;
}

/* Put messages in, for which there is room. */
static inline void
hmi_stream_push(struct hm_stream *stream, struct hm_msg *const *msgs, uint32_t count)
{
	uint32_t n = rte_ring_sp_enqueue_bulk(stream->ring, (void *const *)msgs, count, NULL);

	HMI_ASSERT(n == count);
}

/* Take up to a burst out. Returns how many. */
static inline uint32_t
hmi_stream_pop(struct hm_stream *stream, struct hm_msg **msgs)
{
	return rte_ring_sc_dequeue_burst(stream->ring, (void **)msgs, HMI_STREAM_BURST, NULL);
}

#endif /* STREAM_PVT_H */
