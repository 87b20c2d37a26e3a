/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLIGHT_PVT_H
#define FLIGHT_PVT_H

/*
 * Writing to the flight recorder of an lcore: 16 bytes an event, three stores. The clock is read once a
 * turn at most.
 *
 *     word 0: time in 1024 ns (48 bits) | type (16)      word 1: kind (8) | slot (24) | generation (32)
 *
 * One writer, the lcore. Readers copy, and look at `next` again: what may have been overwritten meanwhile they drop. The
 * ring has twice the events that are promised, so that they seldom have to.
 */

#include "hm_recorder.h"
#include "lcore_pvt.h"

#define HMI_RECORD_TIME_SHIFT 10u
#define HMI_RECORD_TYPE_BITS  16u

/* Word 1 of an event. */
static inline uint64_t
hmi_flight_actor(const struct hm_ctx *ctx, const struct hmi_cell *cell, enum hm_event_kind kind)
{
	return (uint64_t)kind << 56 | hmi_cells_slot_bits(&ctx->cells, cell) | cell->generation;
}

/* As hmi_flight_note, where word 1 is known. */
static inline void
hmi_flight_note_actor(struct hm_ctx *ctx, uint64_t actor, uint16_t type)
{
	struct hmi_recorder *recorder = &ctx->recorder;
	uint64_t next = atomic_load_explicit(&recorder->next, memory_order_relaxed);
	struct hmi_recorded *event = &recorder->events[next % HMI_RECORDER_RING];
	uint64_t time = hmi_worker_turn_ns(&ctx->worker) >> HMI_RECORD_TIME_SHIFT << HMI_RECORD_TYPE_BITS;

	/* FR2, release: whoever sees one of these words sees `next` as it was before. */
	atomic_store_explicit(&event->words[0], time | type, memory_order_release);
	atomic_store_explicit(&event->words[1], actor, memory_order_release); /* FR2 */
	/* FR1, release: pairs with the acquire in hmi_recorder_copy. */
	atomic_store_explicit(&recorder->next, next + 1, memory_order_release);
}

static inline void
hmi_flight_note(struct hm_ctx *ctx, const struct hmi_cell *cell, enum hm_event_kind kind, uint16_t type)
{
	hmi_flight_note_actor(ctx, hmi_flight_actor(ctx, cell, kind), type);
}

#endif /* FLIGHT_PVT_H */
