/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ANNEX_PVT_H
#define ANNEX_PVT_H

/*
 * What few messages have: headers, a body by reference, a deadline.
 *
 *     ┌────────┬──────────┬──────┐
 *     │ header │ body ... │ word │   one object of the pool
 *     └────────┴──────────┴──────┘
 *                            │
 *        not marked          └─ HMI_MSG_EXPIRES: the deadline itself
 *        HMI_MSG_ANNEXED     └─▶ annex: headers, buffer, deadline     another object
 *        the same, lowest bit└─▶ buffer
 *        the same, next bit  └─▶ subscription of an event, which counts those in flight
 *
 * An annex belongs to its message; a buffer is counted (hm_buffer.h). A message that has neither costs nothing:
 * its release asks whether size_class is 0, where the mark is (docs/decisions/0011).
 *
 * For the owner of the message.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hm_result.h"
#include "pool_pvt.h"

struct hm_buffer;
struct hmi_subscription;

/* Types of objects of the pool that are no messages, for the report of those that are lost. */
enum hmi_object_type {
	HMI_OBJECT_ANNEX = 96,
	HMI_OBJECT_BUFFER,
};

struct hmi_annex {
	uint64_t deadline_ns; /* of a message with HMI_MSG_EXPIRES; of an event its subscription, marked */
	struct hm_buffer *buffer; /* NULL: none */
	uint16_t pairs, bytes;    /* of the headers */
	char text[];              /* key, value, key, value ..., each with its end */
};

/* The annex of a message; NULL: it has none. */
struct hmi_annex *hmi_annex_of(const struct hm_msg *msg);

/* The buffer of a message, which has the reference; NULL: it has none. */
struct hm_buffer *hmi_annex_buffer(const struct hm_msg *msg);

/*
 * See to it that a message has an annex with room for so many bytes of headers, without those of its last word.
 * Returns HM_OK; HM_TOO_BIG: the body reaches into the last word; HM_NO_MEMORY. The message stays as it is then.
 */
enum hm_result hmi_annex_reserve(struct hmi_msg_cache *cache, struct hm_msg *msg, size_t bytes);

/* Give a message a buffer, whose reference it takes over. Returns as hmi_annex_reserve; then it does not. */
enum hm_result hmi_annex_buffer_set(struct hmi_msg_cache *cache, struct hm_msg *msg,
				    struct hm_buffer *buffer);

/* Make a message a request that expires at a time in ns. Returns as hmi_annex_reserve. */
enum hm_result hmi_annex_deadline_set(struct hmi_msg_cache *cache, struct hm_msg *msg, uint64_t at_ns);

/* Deadline of a message with HMI_MSG_EXPIRES. */
uint64_t hmi_annex_deadline(const struct hm_msg *msg);

/* Another one. */
void hmi_annex_deadline_change(struct hm_msg *msg, uint64_t at_ns);

/* Bytes of a header that the engine gives a message. */
#define HMI_HEADER_BYTES_MAX 544u

/*
 * Give a message a header, in place of one of the same key. Returns as hmi_annex_reserve; HM_TOO_BIG also: more than
 * HMI_HEADER_BYTES_MAX.
 */
enum hm_result hmi_header_set(struct hmi_msg_cache *cache, struct hm_msg *msg, const char *key,
			      const char *value);

/* Give a message the headers of another one, beside those that it has. Returns as hmi_annex_reserve. */
enum hm_result hmi_headers_copy(struct hmi_msg_cache *cache, struct hm_msg *to, const struct hm_msg *from);

/* Give a message the headers and the buffer of another one. Returns as hmi_annex_reserve; then it may have some of both. */
enum hm_result hmi_annex_copy(struct hmi_msg_cache *cache, struct hm_msg *to, const struct hm_msg *from);

/* What an event was sent by, which has a reference to it; NULL: it is none. */
struct hmi_subscription *hmi_annex_subscription(const struct hm_msg *msg);

/* Give a message, which has none and no deadline, a subscription, whose reference it takes over. Returns as hmi_annex_reserve. */
enum hm_result hmi_annex_subscription_set(struct hmi_msg_cache *cache, struct hm_msg *msg,
					  struct hmi_subscription *subscription);

/* Mark of such a word. */
#define HMI_ANNEX_SUBSCRIPTION UINT64_C(2)

/* The same of a small message that was just made, with its last word free. */
static inline void
hmi_annex_subscription_small(struct hm_msg *msg, struct hmi_subscription *subscription)
{
	*hmi_msg_word(msg) = (uintptr_t)subscription | HMI_ANNEX_SUBSCRIPTION;
	msg->size_class |= HMI_MSG_ANNEXED;
}

/* It is no event in flight any more. */
void hmi_annex_subscription_drop(struct hm_msg *msg);

/* Free what a message has beside its object, and take the mark away. */
void hmi_annex_release(struct hmi_msg_cache *cache, struct hm_msg *msg);

#endif /* ANNEX_PVT_H */
