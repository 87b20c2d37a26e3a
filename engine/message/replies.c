/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to a batch of requests, in one message.
 */
#include "replies_pvt.h"

#include "hm_provider.h"
#include "msg_pvt.h"

struct hm_msg *
hmi_replies_new(struct hm_ctx *ctx, uint32_t count)
{
	size_t bytes = sizeof(struct hmi_replies) + count * sizeof(struct hmi_replies_entry);
	struct hm_msg *msg = hm_msg_alloc(ctx, HM_REPLIES, bytes);
	struct hmi_replies *replies;

	if (msg == NULL)
		return NULL;
	msg->flags = 0;
	msg->sender = hm_pid_none();
	replies = hmi_replies_of(msg);
	*replies = (struct hmi_replies){ .count = count, .pending = count, .size_class = msg->size_class };
	for (uint32_t i = 0; i < count; i++)
		replies->entries[i] = (struct hmi_replies_entry){ .pending = true };
	msg->size_class = HMI_MSG_CLASS_REPLIES;
	return msg;
}

void
hmi_replies_empty(struct hmi_msg_cache *cache, struct hm_msg *msg)
{
	struct hmi_replies *replies = hmi_replies_of(msg);

	msg->size_class = replies->size_class;
	for (uint32_t i = 0; i < replies->count; i++) {
		if (replies->entries[i].reply != NULL)
			hmi_msg_release(cache, replies->entries[i].reply);
	}
}

/* ---- What a reply function reads ------------------------------------------------ */

static const struct hmi_replies *
replies_in(const struct hm_msg *msg)
{
	return msg->type == HM_REPLIES ? hm_msg_body(msg) : NULL;
}

/* NULL: there is no such request. */
static const struct hmi_replies_entry *
entry_in(const struct hm_msg *msg, uint32_t index)
{
	const struct hmi_replies *replies = replies_in(msg);

	return replies != NULL && index < replies->count ? &replies->entries[index] : NULL;
}

uint32_t
hm_replies_count(const struct hm_msg *replies)
{
	const struct hmi_replies *all = replies_in(replies);

	return all != NULL ? all->count : 0;
}

uint32_t
hm_replies_answered(const struct hm_msg *replies)
{
	const struct hmi_replies *all = replies_in(replies);

	return all != NULL ? all->answered : 0;
}

enum hm_future_result
hm_replies_result(const struct hm_msg *replies, uint32_t index)
{
	const struct hmi_replies_entry *entry = entry_in(replies, index);

	return entry != NULL ? (enum hm_future_result)entry->result : HM_FUTURE_CANCELLED;
}

const struct hm_msg *
hm_replies_get(const struct hm_msg *replies, uint32_t index)
{
	const struct hmi_replies_entry *entry = entry_in(replies, index);

	return entry != NULL ? entry->reply : NULL;
}
