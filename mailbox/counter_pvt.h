/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COUNTER_PVT_H
#define COUNTER_PVT_H

/*
 * Counters with one writer: a plain load, add and store, that another thread may read at any time.
 */

#include <stdint.h>

static inline void
hmi_count(uint64_t *counter, uint64_t more)
{
	__atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

static inline uint64_t
hmi_counted(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* The same of 32 bits. */
static inline void
hmi_count_word(uint32_t *counter, uint32_t more)
{
	__atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

static inline uint32_t
hmi_counted_word(const uint32_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

#endif /* COUNTER_PVT_H */
