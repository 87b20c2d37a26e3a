/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that an actor has made, and neither sent nor freed.
 *
 *     hm_msg_new ─▶ ctx->made, while the call lasts ─▶ extra->made, of the actor: its state knows them
 *
 * A call that fails loses what it has made; an actor that begins anew, or is stopped since it has failed, loses what
 * it has kept. In the lists `to` points to what points to the message, `next` to the next one.
 */
#include "msg_pvt.h"

#include "lcore_pvt.h"
#include "mark_pvt.h"

void
hmi_made_list_add(struct hm_msg **list, struct hm_msg *msg)
{
	msg->next = *list;
	msg->to = (uintptr_t)list;
	if (msg->next != NULL)
		msg->next->to = (uintptr_t)&msg->next;
	*list = msg;
}

void
hmi_made_add(struct hm_ctx *ctx, struct hm_msg *msg)
{
	msg->flags = HMI_MSG_MADE;
	if (ctx->cell == NULL)
		return;
	msg->to_node = HMI_TO_NODE_MADE;
	hmi_made_list_add(&ctx->made, msg);
	/* Else it is found when the next function returns that has made one. */
	if (ctx->in_user != 0)
		ctx->in_user |= HMI_USER_MADE;
}

void
hmi_made_again(struct hm_ctx *ctx, struct hm_msg *msg)
{
	HMI_MARKED(ctx);
	uint8_t flags = msg->flags & HMI_MSG_BY_TYPE;

	hmi_made_add(ctx, msg);
	msg->flags |= flags;
}

void
hmi_made_remove(struct hm_msg *msg)
{
	struct hm_msg **at = (struct hm_msg **)(uintptr_t)msg->to;

	*at = msg->next;
	if (msg->next != NULL)
		msg->next->to = msg->to;
	msg->to_node = 0;
}

__attribute__((noinline)) void
hmi_made_keep(struct hm_ctx *ctx)
{
	struct hmi_extra *extra = hmi_extra_get(&ctx->extras, ctx->cell);
	struct hm_msg *msg;

	while ((msg = ctx->made) != NULL) {
		hmi_made_remove(msg);
		/* Without memory nobody knows it but the actor. */
		if (extra == NULL)
			continue;
		msg->to_node = HMI_TO_NODE_MADE;
		hmi_made_list_add(&extra->made, msg);
	}
}

static void
lose(struct hm_ctx *ctx, struct hm_msg *msg)
{
	hmi_made_remove(msg);
	/* Whoever knows it still cannot send it any more. */
	msg->flags = 0;
	hmi_msg_release(&ctx->cache, msg);
}

void
hmi_made_release(struct hm_ctx *ctx)
{
	struct hm_msg *msg;

	while ((msg = ctx->made) != NULL)
		lose(ctx, msg);
}

bool
hmi_made_drop(struct hm_ctx *ctx, struct hmi_cell *cell, bool is_lost, uint32_t *budget)
{
	struct hmi_extra *extra = cell->actor.extra;
	struct hm_msg *msg;

	if (extra == NULL)
		return true;
	for (; *budget > 0 && (msg = extra->made) != NULL; (*budget)--) {
		if (is_lost)
			lose(ctx, msg);
		else
			hmi_made_remove(msg);
	}
	return extra->made == NULL;
}
