/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MSG_PVT_H
#define MSG_PVT_H

/*
 * Making messages: the fast path, for bodies that fit beside the header in one cache line.
 * Everything else, failure included, is for hmi_msg_make in msg.c.
 */

#include <stddef.h>
#include <string.h>

#include "hm_result.h"
#include "pool_pvt.h"
#include "type_pvt.h"

struct hm_ctx;
struct hm_system;
struct hmi_cell;

_Static_assert(sizeof(struct hmi_small_type) == offsetof(struct hm_msg, body) - offsetof(struct hm_msg, type),
	       "the words of a header");
_Static_assert(offsetof(struct hmi_small_type, to_node) ==
		       offsetof(struct hm_msg, to_node) - offsetof(struct hm_msg, type),
	       "the words of a header");

#define HMI_SMALL_BODY (HMI_POOL_SMALLEST - sizeof(struct hm_msg))

static inline void
hmi_msg_describe(struct hm_msg *msg, uint16_t type, size_t length, unsigned int size_class)
{
	msg->type = type;
	msg->length = (uint16_t)length;
	msg->size_class = (uint8_t)size_class;
	msg->flags = 0;
	msg->to_node = 0;
}

/* Up to 7 bytes: words of 4, 2 and 1. */
static inline void
hmi_tail_copy(char *to, const char *from, size_t bytes)
{
	size_t at = 0;

	if (bytes & 4) {
		memcpy(to, from, 4);
		at = 4;
	}
	if (bytes & 2) {
		memcpy(to + at, from + at, 2);
		at += 2;
	}
	if (bytes & 1)
		to[at] = from[at];
}

/*
 * Copy up to HMI_SMALL_BODY bytes, without a call: that would cost more than the copy, and more still
 * for the registers that the caller would have to save. Words may overlap.
 */
static inline void
hmi_small_copy(uint64_t *to, const void *from, size_t bytes)
{
	const char *words = from;
	char *copy = (char *)to;

	if (likely(bytes >= 8)) {
		memcpy(copy, words, 8);
		if (bytes == 8)
			return;
		if (bytes > 16)
			memcpy(copy + 8, words + 8, 8);
		memcpy(copy + bytes - 8, words + bytes - 8, 8);
	} else {
		hmi_tail_copy(copy, words, bytes);
	}
}

/*
 * A caller's small body may be no memory at all. Receive functions that fault are to be contained, so the body is copied
 * while the message is a free one: a fault then costs the message that was to be sent, and no free one. Debug builds
 * check free messages when they are taken, and so read the body before.
 */
static inline void
hmi_small_touch(const void *body, size_t bytes)
{
	/* allowed: the reads must happen, though nobody uses what they find; no other thread is concerned */
	const volatile char *bytes_of = body;

	if (HMI_DEBUG && body != NULL) {
		for (size_t i = 0; i < bytes; i++)
			(void)bytes_of[i];
	}
}

/* Whether memory can be read differs by pages, of this size at least. */
#define HMI_PAGE_BYTES_MIN 4096u

/*
 * What a caller passes may be no memory at all. Receive functions that fault are to be contained, so the fault
 * comes here, before anything is changed: one byte of each page is read.
 */
static inline void
hmi_memory_touch(const void *memory, size_t bytes)
{
	/* allowed: the reads must happen, though nobody uses what they find; no other thread is concerned */
	const volatile char *at = memory;

	if (bytes == 0)
		return;
	for (size_t i = HMI_PAGE_BYTES_MIN; i < bytes; i += HMI_PAGE_BYTES_MIN)
		(void)at[i];
	(void)at[0];
	(void)at[bytes - 1];
}

/* The same of memory that a result is to be written to; NULL: nowhere. It is written what is there. */
static inline void
hmi_memory_touch_out(void *memory, size_t bytes)
{
	/* allowed: as above */
	volatile char *at = memory;

	if (memory == NULL)
		return;
	at[0] = at[0];
	at[bytes - 1] = at[bytes - 1];
}

/* The longest body that leaves the last word of a small message alone, and that word's place in the body. */
#define HMI_SMALL_BODY_WORD (HMI_SMALL_BODY - sizeof(uint64_t))
#define HMI_SMALL_WORD      (HMI_SMALL_BODY_WORD / sizeof(uint64_t))

/* As hmi_msg_make_small, with a body of up to `length_max` bytes, a constant. */
static inline struct hm_msg *
hmi_msg_make_small_up_to(const struct hmi_small_type *small, struct hmi_msg_cache *cache, uint16_t type,
			 const void *body, size_t length_max)
{
	struct hmi_small_type words = small[type];
	struct hm_msg *msg;

	if (unlikely(words.type == 0 || (body == NULL && words.length != 0)))
		return NULL;
	if (length_max < HMI_SMALL_BODY && unlikely(words.length > length_max))
		return NULL;
	msg = hmi_pool_peek(cache);
	if (unlikely(msg == NULL))
		return NULL;
	hmi_small_touch(body, words.length);
	hmi_guard_taken(msg);
	hmi_small_copy(msg->body, body, words.length);
	memcpy((char *)msg + offsetof(struct hm_msg, type), &words, sizeof(words));
	hmi_pool_take_peeked(cache);
	return msg;
}

/* A message of a small type, with a copy of a body; NULL if it is not small, or none is cached. */
static inline struct hm_msg *
hmi_msg_make_small(const struct hmi_small_type *small, struct hmi_msg_cache *cache, uint16_t type,
		   const void *body)
{
	return hmi_msg_make_small_up_to(small, cache, type, body, HMI_SMALL_BODY);
}

/*
 * Make a message of a registered type, if with_word of an object whose last word is free; sets *result if it
 * answers NULL.
 */
struct hm_msg *hmi_msg_make_as(const struct hm_system *sys, struct hmi_msg_cache *cache, uint16_t type,
			       const void *body, bool with_word, enum hm_result *result);

static inline struct hm_msg *
hmi_msg_make(const struct hm_system *sys, struct hmi_msg_cache *cache, uint16_t type, const void *body,
	     enum hm_result *result)
{
	return hmi_msg_make_as(sys, cache, type, body, false, result);
}

static inline struct hm_msg *
hmi_msg_make_word(const struct hm_system *sys, struct hmi_msg_cache *cache, uint16_t type, const void *body,
		  enum hm_result *result)
{
	return hmi_msg_make_as(sys, cache, type, body, true, result);
}

/* A control message: never fails, the heap stands behind the pool. Zeroed but for type and sizes. */
struct hm_msg *hmi_control(struct hmi_msg_cache *cache, uint16_t type, size_t bytes);

/*
 * A copy with the same sender, headers and buffer, and no flags: of a protobuf message with all that it points to, of
 * others byte for byte. with_word: the last word of its object is free. NULL: no memory.
 */
struct hm_msg *hmi_msg_copy(struct hm_ctx *ctx, const struct hm_msg *from, bool with_word);

/* What is not of the smallest class, or from the heap, or holds other messages. */
void hmi_msg_release_other(struct hmi_msg_cache *cache, struct hm_msg *msg);

/* Free any message. */
static inline void
hmi_msg_release(struct hmi_msg_cache *cache, struct hm_msg *msg)
{
	hmi_guard_owned(msg, __func__);
	if (likely(msg->size_class == 0))
		hmi_pool_put_small(cache, msg);
	else
		hmi_msg_release_other(cache, msg);
}

/*
 * Whether a message is one that the caller has made: neither sent, nor freed, nor received. If it is not, in debug
 * builds the process ends.
 */
bool hmi_msg_is_owned(const struct hm_ctx *ctx, const struct hm_msg *msg, const char *function);

/* The same, and takes it over if it is. */
bool hmi_msg_take(struct hm_ctx *ctx, struct hm_msg *msg, const char *function);

/* ---- made.c ---- */

/* The running actor has made a message. */
void hmi_made_add(struct hm_ctx *ctx, struct hm_msg *msg);

/* The running actor has one again that was taken over, or made for it; its flags by type stay. */
void hmi_made_again(struct hm_ctx *ctx, struct hm_msg *msg);

/* It is in a list that knows all that are so, until hmi_made_remove. */
void hmi_made_list_add(struct hm_msg **list, struct hm_msg *msg);

/* It is sent or freed. */
void hmi_made_remove(struct hm_msg *msg);

/* The call ends in order: what it has made, and neither sent nor freed, is for the actor's next ones. */
void hmi_made_keep(struct hm_ctx *ctx);

/* The call has failed: free what it has made. */
void hmi_made_release(struct hm_ctx *ctx);

/*
 * The actor ends, or begins anew: free what it has kept if that is lost, else leave it to whoever knows it. Up to
 * *budget messages, which are subtracted. Returns whether none is left.
 */
bool hmi_made_drop(struct hm_ctx *ctx, struct hmi_cell *cell, bool is_lost, uint32_t *budget);

/* ---- ---- */

/* A body that is to be copied. */
struct hmi_body {
	const void *from; /* NULL: what the type looks like before anything is set */
	size_t bytes;     /* of the copy */
	bool is_deep;     /* it points to more */
};

/* Whether a body may be sent as a type, and how long it is. */
enum hm_result hmi_body_measure(const struct hm_system *sys, uint16_t type, const void *body,
				struct hmi_body *measured);

/* Read a measured body, which may be no memory at all, before anything is changed: see hmi_memory_touch. */
void hmi_body_touch(const struct hmi_body *body);

/* Copy a measured body that is not NULL to memory aligned to 8. */
void hmi_body_copy(void *to, const struct hmi_body *body);

/*
 * A message to the running actor itself, or from a timer of its own, when message memory is used up:
 * from the reserve. NULL: that is used up as well.
 */
struct hm_msg *hmi_msg_make_reserved(struct hm_ctx *ctx, uint16_t type, const void *body);

#endif /* MSG_PVT_H */
