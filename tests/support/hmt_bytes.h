/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_BYTES_H
#define HMT_BYTES_H

/**
 * @file
 * Buffers whose bytes can be told from those that were freed, and are counted.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hm_buffer.h"
#include "hmt_random.h"

/** Bytes of one: words that are all the same, and not 0. */
struct hmt_bytes {
	uint64_t words[8];
};

/** How many were made, and freed. */
struct hmt_bytes_books {
	_Atomic uint64_t made, freed;
};

/** Whether a message has no buffer, or one that is whole. */
static inline bool
hmt_bytes_are_whole(const struct hm_msg *msg)
{
	const struct hmt_bytes *bytes;
	size_t length;

	bytes = hm_msg_data(msg, &length);
	if (bytes == NULL)
		return length == 0;
	for (size_t i = 0; length == sizeof(*bytes) && i < 8; i++) {
		if (bytes->words[i] == 0 || bytes->words[i] != bytes->words[0])
			return false;
	}
	return length == sizeof(*bytes);
}

static inline void
hmt_bytes_free(void *data, void *arg)
{
	struct hmt_bytes_books *books = arg;

	memset(data, 0, sizeof(struct hmt_bytes));
	free(data);
	atomic_fetch_add_explicit(&books->freed, 1, memory_order_relaxed);
}

/** A buffer with one reference; NULL: no message memory. */
static inline struct hm_buffer *
hmt_bytes_new(struct hm_system *sys, struct hmt_bytes_books *books, uint64_t *seed)
{
	struct hmt_bytes *bytes = malloc(sizeof(*bytes));
	struct hm_buffer *buffer;

	for (size_t i = 0; bytes != NULL && i < 8; i++)
		bytes->words[i] = i == 0 ? hmt_random(seed) | 1 : bytes->words[0];
	if (bytes == NULL ||
	    hm_buffer_wrap(sys, bytes, sizeof(*bytes), hmt_bytes_free, books, &buffer) != 0) {
		free(bytes);
		return NULL;
	}
	atomic_fetch_add_explicit(&books->made, 1, memory_order_relaxed);
	return buffer;
}

#endif /* HMT_BYTES_H */
