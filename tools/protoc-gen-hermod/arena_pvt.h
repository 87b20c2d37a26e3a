/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARENA_PVT_H
#define ARENA_PVT_H

/*
 * Memory and texts of one run of the plugin. All of it is freed together, at the end. Without memory the process ends, with a
 * message: protoc reports that.
 */

#include <stddef.h>

struct hmp_block;

/* Zeroed before the first use. */
struct hmp_memory {
	struct hmp_block *blocks;
};

/* A text that grows. Zeroed before the first use. */
struct hmp_text {
	char *bytes; /* ends with a zero; NULL while it is empty */
	size_t length;
	size_t capacity;
};

/* Zeroed, and aligned for everything; also of 0 bytes never NULL. */
void *hmp_alloc(struct hmp_memory *memory, size_t count, size_t bytes);

__attribute__((format(printf, 2, 3)))
const char *hmp_format(struct hmp_memory *memory, const char *format, ...);

/* A copy of so many characters. */
const char *hmp_copy(struct hmp_memory *memory, const char *text, size_t length);

void hmp_memory_free(struct hmp_memory *memory);

__attribute__((format(printf, 2, 3)))
void hmp_text_add(struct hmp_text *text, const char *format, ...);

void hmp_text_free(struct hmp_text *text);

/* What those above do when there is none. */
__attribute__((noreturn))
void hmp_no_memory(void);

#endif /* ARENA_PVT_H */
