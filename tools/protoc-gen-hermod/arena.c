/* SPDX-License-Identifier: Apache-2.0 */
#include "arena_pvt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hmp_block {
	struct hmp_block *next;
	_Alignas(max_align_t) char bytes[];
};

void
hmp_no_memory(void)
{
	fputs("protoc-gen-hermod: no memory\n", stderr);
	exit(EXIT_FAILURE);
}

void *
hmp_alloc(struct hmp_memory *memory, size_t count, size_t bytes)
{
	struct hmp_block *block;
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total) ||
	    __builtin_add_overflow(total, sizeof(*block), &total) || (block = calloc(1, total)) == NULL)
		hmp_no_memory();
	block->next = memory->blocks;
	memory->blocks = block;
	return block->bytes;
}

void
hmp_memory_free(struct hmp_memory *memory)
{
	while (memory->blocks != NULL) {
		struct hmp_block *block = memory->blocks;

		memory->blocks = block->next;
		free(block);
	}
}

const char *
hmp_copy(struct hmp_memory *memory, const char *text, size_t length)
{
	char *copy = hmp_alloc(memory, length + 1, 1);

	memcpy(copy, text, length);
	return copy;
}

const char *
hmp_format(struct hmp_memory *memory, const char *format, ...)
{
	va_list arguments, again;
	char *text;
	int length;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	if (length < 0)
		hmp_no_memory();
	text = hmp_alloc(memory, (size_t)length + 1, 1);
	vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	va_end(arguments);
	return text;
}

/* Make room for so many characters, and the zero behind them. */
static void
text_reserve(struct hmp_text *text, size_t more)
{
	size_t capacity = text->capacity > 0 ? text->capacity : 256;
	char *bytes;

	if (text->bytes != NULL && more < text->capacity - text->length)
		return;
	while (more >= capacity - text->length)
		if (__builtin_mul_overflow(capacity, 2, &capacity))
			hmp_no_memory();
	bytes = realloc(text->bytes, capacity);
	if (bytes == NULL)
		hmp_no_memory();
	text->bytes = bytes;
	text->capacity = capacity;
}

void
hmp_text_add(struct hmp_text *text, const char *format, ...)
{
	va_list arguments, again;
	int length;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	if (length < 0)
		hmp_no_memory();
	text_reserve(text, (size_t)length);
	vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
	text->length += (size_t)length;
	va_end(again);
	va_end(arguments);
}

void
hmp_text_free(struct hmp_text *text)
{
	free(text->bytes);
	*text = (struct hmp_text){ .length = 0 };
}
