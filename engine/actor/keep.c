/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that an actor has received and keeps. They are in a list of the actor's, as made ones are (made.c), and as such the
 * actor's own; but they have come from somebody, and were counted as received, so that what is lost is a dead letter.
 */
#include "hm_keep.h"

#include "actor_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "expire_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "receive_pvt.h"

enum hm_result
hm_msg_keep(struct hm_ctx *ctx, struct hm_msg **kept)
{
	struct hm_msg *msg = ctx->msg;
	struct hmi_extra *extra;

	hmi_check_ctx(ctx, "hm_msg_keep");
	if (kept == NULL)
		return HM_INVALID;
	if (msg == NULL || msg->type < HM_TYPE_USER)
		return HM_NO_RECEIVER;
	hmi_memory_touch_out(kept, sizeof(*kept));
	HMI_MARKED(ctx);
	extra = hmi_extra_get(&ctx->extras, ctx->cell);
	if (extra == NULL)
		return HM_NO_MEMORY;
	hmi_received_take(ctx);
	msg->flags |= HMI_MSG_MADE;
	msg->to_node = HMI_TO_NODE_KEPT;
	hmi_made_list_add(&extra->held, msg);
	*kept = msg;
	return HM_OK;
}

void
hmi_received_refuse(struct hm_ctx *ctx, enum hm_dead_reason reason)
{
	struct hm_msg *msg = ctx->msg;

	if (msg == NULL)
		return;
	hmi_received_take(ctx);
	ctx->in_user |= HMI_USER_REFUSED;
	/* It was counted when it came. */
	hmi_count(&ctx->received, (uint64_t)-1);
	hmi_dead_of(ctx, ctx->cell, msg, reason);
}

static enum hm_dead_reason
reason_of(enum hm_result result)
{
	return result == HM_NO_MEMORY ? HM_DEAD_NO_MEMORY : HM_DEAD_REFUSED;
}

bool
hmi_received_forward(struct hm_ctx *ctx, struct hm_pid to)
{
	enum hm_result result = hm_forward(ctx, to);

	if (result != HM_OK) {
		HMI_MARKED(ctx);

		hmi_received_refuse(ctx, reason_of(result));
	}
	return result == HM_OK;
}

/* A message that is kept is so no more. */
static void
kept_lose(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg, enum hm_dead_reason reason)
{
	hmi_made_remove(msg);
	msg->flags &= (uint8_t)~HMI_MSG_MADE;
	/* It was counted when it was received. */
	hmi_count(&ctx->received, (uint64_t)-1);
	hmi_dead_of(ctx, cell, msg, reason);
}

/* Behind a stage that says otherwise than hm_send_next has the message may be gone. */
static bool
is_held(const struct hmi_extra *extra, const struct hm_msg *msg)
{
	const struct hm_msg *held = extra->held;

	while (held != NULL && held != msg)
		held = held->next;
	return held != NULL;
}

bool
hmi_kept_forward(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	enum hm_result result = hm_msg_forward(ctx, to, msg);

	if (result != HM_OK && is_held(ctx->cell->actor.extra, msg)) {
		HMI_MARKED(ctx);

		kept_lose(ctx, ctx->cell, msg, reason_of(result));
	}
	return result == HM_OK;
}

void
hmi_kept_deadlines_settle(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	for (struct hm_msg *msg = cell->actor.extra->held; msg != NULL; msg = msg->next) {
		if ((msg->flags & HMI_MSG_EXPIRES) != 0)
			hmi_deadline_settle(ctx, msg);
	}
}

bool
hmi_kept_drop(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_dead_reason reason, uint32_t *budget)
{
	struct hmi_extra *extra = cell->actor.extra;
	struct hm_msg *msg;

	if (extra == NULL)
		return true;
	for (; *budget > 0 && (msg = extra->held) != NULL; (*budget)--)
		kept_lose(ctx, cell, msg, reason);
	return extra->held == NULL;
}
