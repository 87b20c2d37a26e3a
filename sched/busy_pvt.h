/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BUSY_PVT_H
#define BUSY_PVT_H

/*
 * How long a worker has been busy: the time of its turns with work, and between them.
 *
 *     busy ──(a turn without work)──▶ idle ──(a turn with work)──▶ busy
 *      word: start << 1 | 1            word: total << 1
 *
 * `total`: ticks so far; `start`: when the worker would have begun, had it been busy ever since. So each word is right as long
 * as its state lasts, also for one that hangs in a turn, and others need no more than that and the clock. It is written when
 * the state changes, by the worker alone; it orders nothing.
 *
 * The clock is read in idle turns alone: what was busy begins at the end of the last one of them, as it knows it.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hmi_busy {
	uint64_t total_ticks; /* up to the last turn without work */
	uint64_t idle_ticks;  /* when it was last found idle */
	bool is_busy;
	_Atomic uint64_t word;
};

static inline void
hmi_busy_publish(struct hmi_busy *busy, uint64_t word)
{
	atomic_store_explicit(&busy->word, word, memory_order_relaxed);
}

/* A turn without work is over, or a sleep. */
static inline void
hmi_busy_end(struct hmi_busy *busy, uint64_t now_ticks)
{
	if (busy->is_busy) {
		busy->is_busy = false;
		busy->total_ticks += now_ticks - busy->idle_ticks;
		hmi_busy_publish(busy, busy->total_ticks << 1);
	}
	busy->idle_ticks = now_ticks;
}

/* A turn with work is over, and the worker was idle before it. */
static inline void
hmi_busy_begin(struct hmi_busy *busy)
{
	busy->is_busy = true;
	hmi_busy_publish(busy, (busy->idle_ticks - busy->total_ticks) << 1 | 1);
}

/* The worker was busy for so long; it is not in its loop, and so idle. */
static inline void
hmi_busy_add(struct hmi_busy *busy, uint64_t ticks)
{
	busy->total_ticks += ticks;
	hmi_busy_publish(busy, busy->total_ticks << 1);
}

/* Ticks in all, of any worker. Any thread; of two looks, the later one may show a little less if clocks of cores differ. */
static inline uint64_t
hmi_busy_ticks(const struct hmi_busy *busy, uint64_t now_ticks)
{
	uint64_t word = atomic_load_explicit(&busy->word, memory_order_relaxed);

	if ((word & 1) == 0)
		return word >> 1;
	return now_ticks > word >> 1 ? now_ticks - (word >> 1) : 0;
}

#endif /* BUSY_PVT_H */
