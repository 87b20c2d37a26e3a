/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The annex of a message: from the last word of its object to what that points to.
 */
#include "annex_pvt.h"

#include <string.h>

#include "buffer_pvt.h"
#include "event_stream_pvt.h"
#include "msg_pvt.h"

/* Lowest bits of the word of a marked message: a buffer, or a subscription, and not an annex. */
#define IS_BUFFER       UINT64_C(1)
#define IS_SUBSCRIPTION HMI_ANNEX_SUBSCRIPTION
#define IS_OTHER        (IS_BUFFER | IS_SUBSCRIPTION)
/* Of an annex, in place of a deadline, which events have none of. */
#define HAS_SUBSCRIPTION (UINT64_C(1) << 63)

_Static_assert(offsetof(struct hm_msg, body) % 8 == 0, "an annex is aligned, and so is a buffer");

static uint64_t
word_read(const struct hm_msg *msg)
{
	return *hmi_msg_word((struct hm_msg *)(uintptr_t)msg);
}

static void
word_write(struct hm_msg *msg, uint64_t word, uint8_t mark)
{
	*hmi_msg_word(msg) = word;
	msg->size_class |= mark;
}

/* Whether the last word of its object is not the body's. */
static bool
has_word(const struct hm_msg *msg)
{
	return hmi_msg_class(msg) < HMI_POOL_CLASSES &&
	       ((msg->size_class & HMI_MSG_ANNEXED) != 0 || (msg->flags & HMI_MSG_EXPIRES) != 0 ||
		msg->length <= hmi_pool_capacity_word(hmi_msg_class(msg)));
}

static struct hm_msg *
object_of(struct hmi_annex *annex)
{
	return (struct hm_msg *)(void *)((char *)annex - offsetof(struct hm_msg, body));
}

struct hmi_annex *
hmi_annex_of(const struct hm_msg *msg)
{
	uint64_t word;

	if ((msg->size_class & HMI_MSG_ANNEXED) == 0)
		return NULL;
	word = word_read(msg);
	return (word & IS_OTHER) == 0 ? (struct hmi_annex *)(uintptr_t)word : NULL;
}

struct hm_buffer *
hmi_annex_buffer(const struct hm_msg *msg)
{
	const struct hmi_annex *annex = hmi_annex_of(msg);

	if ((msg->size_class & HMI_MSG_ANNEXED) == 0)
		return NULL;
	if (annex != NULL)
		return annex->buffer;
	return (word_read(msg) & IS_BUFFER) != 0
		       ? (struct hm_buffer *)(uintptr_t)(word_read(msg) & ~IS_BUFFER)
		       : NULL;
}

struct hmi_subscription *
hmi_annex_subscription(const struct hm_msg *msg)
{
	const struct hmi_annex *annex = hmi_annex_of(msg);

	if ((msg->size_class & HMI_MSG_ANNEXED) == 0)
		return NULL;
	if (annex == NULL)
		return (word_read(msg) & IS_SUBSCRIPTION) != 0
			       ? (struct hmi_subscription *)(uintptr_t)(word_read(msg) & ~IS_SUBSCRIPTION)
			       : NULL;
	return (annex->deadline_ns & HAS_SUBSCRIPTION) != 0
		       ? (struct hmi_subscription *)(uintptr_t)(annex->deadline_ns & ~HAS_SUBSCRIPTION)
		       : NULL;
}

static struct hmi_annex *
annex_new(struct hmi_msg_cache *cache, size_t bytes)
{
	unsigned int size_class = hmi_pool_class(offsetof(struct hmi_annex, text) + bytes);
	struct hm_msg *object = size_class < HMI_POOL_CLASSES ? hmi_pool_get(cache, size_class) : NULL;

	if (object == NULL)
		return NULL;
	hmi_msg_describe(object, HMI_OBJECT_ANNEX, 0, size_class);
	return (struct hmi_annex *)(void *)object->body;
}

static size_t
room_of(struct hmi_annex *annex)
{
	return hmi_pool_capacity(object_of(annex)->size_class) - offsetof(struct hmi_annex, text);
}

/* As it stands in an annex. */
static uint64_t
subscription_word(const struct hmi_subscription *subscription)
{
	return subscription != NULL ? (uintptr_t)subscription | HAS_SUBSCRIPTION : 0;
}

/* Of deadlines in 292 years the annex knows no more. */
static void
deadline_store(struct hmi_annex *annex, uint64_t at_ns)
{
	annex->deadline_ns = at_ns < HAS_SUBSCRIPTION ? at_ns : HAS_SUBSCRIPTION - 1;
}

/* What a message has by now goes into its new annex. */
static void
annex_fill(struct hmi_annex *annex, const struct hm_msg *msg, const struct hmi_annex *old)
{
	bool expires = old == NULL && (msg->flags & HMI_MSG_EXPIRES) != 0;
	uint64_t deadline_ns = expires ? hmi_annex_deadline(msg) : 0;

	if (old != NULL)
		memcpy(annex, old, offsetof(struct hmi_annex, text) + old->bytes);
	else
		*annex = (struct hmi_annex){
			.deadline_ns = subscription_word(hmi_annex_subscription(msg)),
			.buffer = hmi_annex_buffer(msg),
		};
	if (expires)
		deadline_store(annex, deadline_ns);
}

enum hm_result
hmi_annex_reserve(struct hmi_msg_cache *cache, struct hm_msg *msg, size_t bytes)
{
	struct hmi_annex *old = hmi_annex_of(msg), *annex;

	if (old != NULL && bytes <= room_of(old))
		return HM_OK;
	if (!has_word(msg))
		return HM_TOO_BIG;
	annex = annex_new(cache, bytes);
	if (annex == NULL)
		return HM_NO_MEMORY;
	annex_fill(annex, msg, old);
	if (old != NULL)
		hmi_pool_put(cache, object_of(old));
	word_write(msg, (uintptr_t)annex, HMI_MSG_ANNEXED);
	return HM_OK;
}

/* A message has an annex, or needs none. */
static enum hm_result
annex_need(struct hmi_msg_cache *cache, struct hm_msg *msg, bool needed)
{
	if (needed)
		return hmi_annex_reserve(cache, msg, 0);
	return has_word(msg) ? HM_OK : HM_TOO_BIG;
}

enum hm_result
hmi_annex_buffer_set(struct hmi_msg_cache *cache, struct hm_msg *msg, struct hm_buffer *buffer)
{
	struct hm_buffer *old = hmi_annex_buffer(msg);
	enum hm_result result =
		annex_need(cache, msg,
			   (msg->flags & HMI_MSG_EXPIRES) != 0 || hmi_annex_subscription(msg) != NULL);
	struct hmi_annex *annex = hmi_annex_of(msg);

	if (result != HM_OK)
		return result;
	if (annex != NULL)
		annex->buffer = buffer;
	else
		word_write(msg, (uintptr_t)buffer | IS_BUFFER, HMI_MSG_ANNEXED);
	if (old != NULL)
		hmi_buffer_put(cache, old);
	return HM_OK;
}

/* ---- Deadlines --------------------------------------------------------------------- */

void
hmi_annex_deadline_change(struct hm_msg *msg, uint64_t at_ns)
{
	struct hmi_annex *annex = hmi_annex_of(msg);

	if (annex != NULL)
		deadline_store(annex, at_ns);
	else
		word_write(msg, at_ns, 0);
}

enum hm_result
hmi_annex_deadline_set(struct hmi_msg_cache *cache, struct hm_msg *msg, uint64_t at_ns)
{
	/* The word of a buffer has no room for a deadline. */
	enum hm_result result;

	hmi_annex_subscription_drop(msg);
	result = annex_need(cache, msg, (msg->size_class & HMI_MSG_ANNEXED) != 0);
	if (result != HM_OK)
		return result;
	hmi_annex_deadline_change(msg, at_ns);
	msg->flags |= HMI_MSG_EXPIRES;
	return HM_OK;
}

uint64_t
hmi_annex_deadline(const struct hm_msg *msg)
{
	const struct hmi_annex *annex = hmi_annex_of(msg);

	return annex != NULL ? annex->deadline_ns : word_read(msg);
}

enum hm_result
hmi_annex_copy(struct hmi_msg_cache *cache, struct hm_msg *to, const struct hm_msg *from)
{
	struct hm_buffer *buffer = hmi_annex_buffer(from);
	enum hm_result result = hmi_headers_copy(cache, to, from);

	if (result != HM_OK || buffer == NULL)
		return result;
	result = hmi_annex_buffer_set(cache, to, hm_buffer_get(buffer));
	if (result != HM_OK)
		hmi_buffer_put(cache, buffer);
	return result;
}

/* ---- Events -------------------------------------------------------------------------- */

enum hm_result
hmi_annex_subscription_set(struct hmi_msg_cache *cache, struct hm_msg *msg,
			   struct hmi_subscription *subscription)
{
	/* The word of a buffer has no room for another one. */
	enum hm_result result = annex_need(cache, msg, (msg->size_class & HMI_MSG_ANNEXED) != 0);
	struct hmi_annex *annex = hmi_annex_of(msg);

	if (result != HM_OK)
		return result;
	if (annex != NULL)
		annex->deadline_ns = subscription_word(subscription);
	else
		word_write(msg, (uintptr_t)subscription | IS_SUBSCRIPTION, HMI_MSG_ANNEXED);
	return HM_OK;
}

void
hmi_annex_subscription_drop(struct hm_msg *msg)
{
	struct hmi_subscription *subscription = hmi_annex_subscription(msg);
	struct hmi_annex *annex = hmi_annex_of(msg);

	if (subscription == NULL)
		return;
	if (annex != NULL)
		annex->deadline_ns = 0;
	else
		msg->size_class &= (uint8_t)~HMI_MSG_ANNEXED;
	hmi_subscription_put(subscription);
}

/* ---- The end ------------------------------------------------------------------------- */

void
hmi_annex_release(struct hmi_msg_cache *cache, struct hm_msg *msg)
{
	struct hm_buffer *buffer;
	struct hmi_annex *annex;

	/* An actor that has sent it may not have been the last to touch it. */
	hmi_guard_received(msg);
	/* Of most events it is all. */
	if ((word_read(msg) & IS_SUBSCRIPTION) != 0) {
		msg->size_class &= (uint8_t)~HMI_MSG_ANNEXED;
		hmi_subscription_put(
			(struct hmi_subscription *)(uintptr_t)(word_read(msg) & ~IS_SUBSCRIPTION));
		return;
	}
	hmi_annex_subscription_drop(msg);
	annex = hmi_annex_of(msg);
	buffer = hmi_annex_buffer(msg);
	if (annex != NULL)
		hmi_pool_put(cache, object_of(annex));
	msg->size_class &= (uint8_t)~HMI_MSG_ANNEXED;
	if (buffer != NULL)
		hmi_buffer_put(cache, buffer);
}
