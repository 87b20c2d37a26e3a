/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers: who has references, and how the last one frees.
 */
#include "buffer_pvt.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_malloc.h>

#include "annex_pvt.h"
#include "check_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "shortage_pvt.h"

_Static_assert(sizeof(struct hm_buffer) + sizeof(struct hm_msg) <= 2 * HMI_POOL_SMALLEST,
	       "a block takes 128 bytes, as hm_buffer.h says");

static struct hm_msg *
object_of(const struct hm_buffer *buffer)
{
	return (struct hm_msg *)(uintptr_t)((const char *)buffer - offsetof(struct hm_msg, body));
}

/* ---- Making --------------------------------------------------------------------- */

static int
length_check(const struct hm_system *sys, size_t bytes)
{
	if (bytes == 0)
		return -EINVAL;
	return bytes <= sys->options.message_max ? 0 : -EMSGSIZE;
}

/* A block without memory; NULL: message memory is used up. */
static struct hm_buffer *
block_new(struct hm_system *sys, size_t bytes)
{
	unsigned int size_class = hmi_pool_class(sizeof(struct hm_buffer));
	struct hm_msg *object = hmi_pool_get(&sys->external, size_class);
	struct hm_buffer *buffer;

	if (object == NULL) {
		hmi_no_memory_external(sys, HMI_OBJECT_BUFFER);
		return NULL;
	}
	hmi_msg_describe(object, HMI_OBJECT_BUFFER, sizeof(*buffer), size_class);
	buffer = (struct hm_buffer *)(void *)object->body;
	*buffer = (struct hm_buffer){ .length = bytes, .sys = sys };
	atomic_init(&buffer->references, 1);
	return buffer;
}

/* EAL's memory is on hugepages, or no better than the heap's. */
static bool
memory_get(struct hm_buffer *buffer)
{
	if (rte_eal_has_hugepages()) {
		buffer->memory = HMI_BUFFER_EAL;
		buffer->data = rte_malloc(NULL, buffer->length, RTE_CACHE_LINE_SIZE);
	}
	if (buffer->data == NULL) {
		buffer->memory = HMI_BUFFER_HEAP;
		buffer->data = aligned_alloc(RTE_CACHE_LINE_SIZE,
					     RTE_ALIGN_CEIL(buffer->length, (size_t)RTE_CACHE_LINE_SIZE));
	}
	return buffer->data != NULL;
}

int
hm_buffer_alloc(struct hm_system *sys, size_t bytes, struct hm_buffer **buffer)
{
	struct hm_buffer *made;
	int rc;

	if (sys == NULL || buffer == NULL)
		return -EINVAL;
	rc = length_check(sys, bytes);
	if (rc != 0)
		return rc;
	hmi_memory_touch_out(buffer, sizeof(*buffer));
	HMI_MARKED_HERE();
	made = block_new(sys, bytes);
	if (made == NULL)
		return -ENOMEM;
	if (!memory_get(made)) {
		hmi_pool_put(&sys->external, object_of(made));
		return -ENOMEM;
	}
	*buffer = made;
	return 0;
}

int
hm_buffer_wrap(struct hm_system *sys, void *data, size_t bytes, hm_buffer_free_fn *free, void *arg,
	       struct hm_buffer **buffer)
{
	struct hm_buffer *made;
	int rc;

	if (sys == NULL || data == NULL || buffer == NULL)
		return -EINVAL;
	rc = length_check(sys, bytes);
	if (rc != 0)
		return rc;
	hmi_memory_touch_out(buffer, sizeof(*buffer));
	HMI_MARKED_HERE();
	made = block_new(sys, bytes);
	if (made == NULL)
		return -ENOMEM;
	made->data = data;
	made->free = free;
	made->arg = arg;
	*buffer = made;
	return 0;
}

void *
hm_buffer_data(struct hm_buffer *buffer)
{
	return buffer->data;
}

size_t
hm_buffer_length(const struct hm_buffer *buffer)
{
	return buffer->length;
}

int
hm_buffer_shorten(struct hm_buffer *buffer, size_t bytes)
{
	if (buffer == NULL || bytes == 0 || bytes > buffer->length)
		return -EINVAL;
	buffer->length = bytes;
	return 0;
}

size_t
hm_buffer_length_max(const struct hm_system *sys)
{
	return sys->options.message_max;
}

/* ---- References -------------------------------------------------------------------- */

static void
owned_check(const struct hm_buffer *buffer, const char *function)
{
	uint16_t type;

	if (hmi_guard_is_free(object_of(buffer), &type))
		hmi_misuse(function, "buffer %p was freed before", (const void *)buffer);
}

struct hm_buffer *
hm_buffer_get(struct hm_buffer *buffer)
{
	if (buffer == NULL)
		return NULL;
	owned_check(buffer, "hm_buffer_get");
	/* The caller's own reference, or the message's, keeps it alive meanwhile. */
	atomic_fetch_add_explicit(&buffer->references, 1, memory_order_relaxed);
	return buffer;
}

static void
memory_put(struct hm_buffer *buffer)
{
	switch (buffer->memory) {
	case HMI_BUFFER_USER:
		if (buffer->free != NULL)
			buffer->free(buffer->data, buffer->arg);
		break;
	case HMI_BUFFER_EAL:
		rte_free(buffer->data);
		break;
	case HMI_BUFFER_HEAP:
		free(buffer->data);
		break;
	}
}

void
hmi_buffer_put(struct hmi_msg_cache *cache, struct hm_buffer *buffer)
{
	if (atomic_fetch_sub_explicit(&buffer->references, 1, memory_order_acq_rel) > 1) /* BF1 */
		return;
	memory_put(buffer);
	hmi_pool_put(cache, object_of(buffer));
}

void
hm_buffer_put(struct hm_buffer *buffer)
{
	if (buffer == NULL)
		return;
	owned_check(buffer, "hm_buffer_put");
	hmi_memory_touch(buffer, sizeof(*buffer));
	HMI_MARKED_HERE();
	hmi_buffer_put(&buffer->sys->external, buffer);
}

/* ---- In messages --------------------------------------------------------------------- */

struct hm_buffer *
hm_msg_buffer(const struct hm_msg *msg)
{
	return hmi_annex_buffer(msg);
}

const void *
hm_msg_data(const struct hm_msg *msg, size_t *length)
{
	const struct hm_buffer *buffer = hmi_annex_buffer(msg);

	if (length != NULL)
		*length = buffer != NULL ? buffer->length : 0;
	return buffer != NULL ? buffer->data : NULL;
}

static enum hm_result
buffer_set(struct hm_ctx *ctx, struct hm_msg *msg, struct hm_buffer *buffer)
{
	HMI_MARKED(ctx);

	return hmi_annex_buffer_set(&ctx->cache, msg, buffer);
}

enum hm_result
hm_msg_buffer_set(struct hm_ctx *ctx, struct hm_msg *msg, struct hm_buffer *buffer)
{
	enum hm_result result = HM_INVALID;

	hmi_check_ctx(ctx, "hm_msg_buffer_set");
	if (buffer == NULL)
		return HM_INVALID;
	if (msg != NULL && hmi_msg_is_owned(ctx, msg, "hm_msg_buffer_set"))
		result = buffer_set(ctx, msg, buffer);
	if (result == HM_NO_MEMORY)
		hmi_no_memory_new(ctx, msg->type);
	if (result != HM_OK)
		hmi_buffer_put(&ctx->cache, buffer);
	return result;
}

struct hm_msg *
hmi_msg_make_buffer(const struct hm_system *sys, struct hmi_msg_cache *cache, uint16_t type, const void *body,
		    struct hm_buffer *buffer, enum hm_result *result)
{
	struct hm_msg *msg = NULL;

	*result = HM_INVALID;
	if (buffer == NULL)
		return NULL;
	msg = hmi_msg_make_word(sys, cache, type, body, result);
	if (msg != NULL)
		(void)hmi_annex_buffer_set(cache, msg, buffer); /* it has a word for it */
	else
		hmi_buffer_put(cache, buffer);
	return msg;
}
