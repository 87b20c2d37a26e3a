/* SPDX-License-Identifier: Apache-2.0 */
#include "msg_guard_pvt.h"

#include "pool_pvt.h"

#if HMI_DEBUG

#ifdef HMI_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(memory, bytes)   ASAN_POISON_MEMORY_REGION(memory, bytes)
#define UNPOISON(memory, bytes) ASAN_UNPOISON_MEMORY_REGION(memory, bytes)
#define IS_POISONED(memory)     (__asan_address_is_poisoned(memory) != 0)
#else
#define POISON(memory, bytes)   ((void)(memory), (void)(bytes))
#define UNPOISON(memory, bytes) ((void)(memory), (void)(bytes))
#define IS_POISONED(memory)     (false)
#endif

#define PATTERN UINT64_C(0xdbdbdbdbdbdbdbdb)
/* Words of a body that are filled: bigger ones would take longer to fill than to use. */
#define WORDS_MAX 32u

static size_t
guarded_words(unsigned int size_class)
{
	size_t words = hmi_pool_capacity(size_class) / sizeof(uint64_t);

	return words < WORDS_MAX ? words : WORDS_MAX;
}

static void
object_guard(struct hm_msg *msg, unsigned int size_class)
{
	/* The class is kept where no magazine needs it. */
	msg->size_class = HMI_MSG_CLASS_FREE;
	msg->flags = (uint8_t)size_class;
	msg->to = PATTERN;
	for (size_t i = 0; i < guarded_words(size_class); i++)
		msg->body[i] = PATTERN;
	POISON(msg, (size_t)HMI_POOL_SMALLEST << size_class);
}

void
hmi_guard_chunk(char *memory, unsigned int size_class)
{
	size_t bytes = (size_t)HMI_POOL_SMALLEST << size_class;

	UNPOISON(memory, HMI_CHUNK_BYTES);
	for (size_t at = 0; at < HMI_CHUNK_BYTES; at += bytes)
		object_guard((struct hm_msg *)(void *)(memory + at), size_class);
}

void
hmi_guard_taken(struct hm_msg *msg)
{
	bool whole;

	UNPOISON(msg, sizeof(*msg));
	HMI_ASSERT(msg->size_class == HMI_MSG_CLASS_FREE && msg->flags < HMI_POOL_CLASSES);
	UNPOISON(msg, (size_t)HMI_POOL_SMALLEST << msg->flags);
	whole = msg->to == PATTERN;
	for (size_t i = 0; i < guarded_words(msg->flags); i++)
		whole = whole && msg->body[i] == PATTERN;
	if (!whole)
		hmi_misuse("message", "message %p of type %u was written to after it was freed", (void *)msg,
			   msg->type);
	msg->size_class = msg->flags;
}

bool
hmi_guard_is_free(const struct hm_msg *msg, uint16_t *type)
{
	if (!IS_POISONED(msg) && msg->size_class != HMI_MSG_CLASS_FREE)
		return false;
	UNPOISON(msg, sizeof(*msg));
	*type = msg->type;
	return true;
}

void
hmi_guard_owned(const struct hm_msg *msg, const char *function)
{
	uint16_t type;

	if (hmi_guard_is_free(msg, &type))
		hmi_misuse(function, "message %p of type %u is freed twice", (const void *)msg, type);
}

void
hmi_guard_listed(struct hm_msg *msg, const char *function)
{
	if ((msg->size_class & HMI_MSG_LISTED) != 0)
		hmi_misuse(function, "message %p of type %u is in a list already", (void *)msg, msg->type);
	msg->size_class |= HMI_MSG_LISTED;
}

void
hmi_guard_unlisted(struct hm_msg *msg)
{
	msg->size_class &= (uint8_t)~HMI_MSG_LISTED;
}

void
hmi_guard_handed(const struct hm_msg *msg)
{
	if (hmi_msg_class(msg) < HMI_POOL_CLASSES)
		POISON(msg->body, hmi_pool_capacity(hmi_msg_class(msg)));
}

void
hmi_guard_received(const struct hm_msg *msg)
{
	if (hmi_msg_class(msg) < HMI_POOL_CLASSES)
		UNPOISON(msg->body, hmi_pool_capacity(hmi_msg_class(msg)));
}

void
hmi_guard_freed(struct hm_msg *msg)
{
	/* It has no marks either. */
	HMI_ASSERT(msg->size_class < HMI_POOL_CLASSES);
	hmi_guard_received(msg);
	object_guard(msg, msg->size_class);
}

void
hmi_guard_forget(char *memory, size_t bytes)
{
	UNPOISON(memory, bytes);
}

#endif
