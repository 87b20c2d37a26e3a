/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching whom a path names.
 */
#include "actor_pvt.h"
#include "ask_pvt.h"
#include "check_pvt.h"
#include "hm_select.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "receive_pvt.h"
#include "select_pvt.h"

/* In the actor's turn: nobody can be watched, so the watch is over. */
static void
terminated_receive(struct hm_ctx *ctx, enum hm_terminated_reason reason)
{
	struct hm_msg *msg = hmi_terminated_new(ctx, hm_pid_none(), reason, NULL);

	/* The receive function may not return: nothing else is held meanwhile. */
	if (ctx->msg != NULL)
		hmi_msg_release(&ctx->cache, ctx->msg);
	msg->type = HM_TERMINATED;
	msg->sender = hm_pid_none();
	(void)hmi_receive(ctx, ctx->cell, msg);
	ctx->msg = NULL;
	hmi_msg_release(&ctx->cache, msg);
}

static void
nobody(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
	terminated_receive(ctx, HM_TERMINATED_NOT_FOUND);
}

static enum hm_result
nobody_watch(struct hm_ctx *ctx)
{
	struct hmi_cell *cell = hmi_future_own(ctx, UINT64_MAX, nobody, NULL);

	if (cell == NULL)
		return HM_NO_MEMORY;
	hmi_future_fail(ctx, cell, HM_FUTURE_TIMEOUT);
	return HM_OK;
}

static void
resolved(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	const struct hm_identity *identity = result == HM_FUTURE_REPLY ? hm_msg_body(reply) : NULL;

	(void)state;
	(void)arg;
	if (identity == NULL)
		terminated_receive(ctx, HM_TERMINATED_NODE_LOST);
	else if (hm_pid_is_none(identity->pid) || hm_watch(ctx, identity->pid) != HM_OK)
		terminated_receive(ctx, HM_TERMINATED_NOT_FOUND);
}

static enum hm_result
remote_watch(struct hm_ctx *ctx, const char *address)
{
	int rc = hm_resolve(ctx, address, HM_SELECT_TIMEOUT_US, resolved, NULL);

	if (rc == -ENOMEM)
		return HM_NO_MEMORY;
	return rc == 0 ? HM_OK : nobody_watch(ctx);
}

enum hm_result
hm_watch_path(struct hm_ctx *ctx, const char *path, struct hm_pid *who)
{
	struct hm_pid found = hm_pid_none();
	struct hmi_target target;
	enum hm_result result;

	hmi_check_ctx(ctx, "hm_watch_path");
	if (path == NULL)
		return HM_INVALID;
	hmi_target_read_here(&target, ctx, path);
	if (target.kind == HMI_TARGET_MANY || target.kind == HMI_TARGET_REMOTE_MANY)
		return HM_INVALID;
	hmi_memory_touch_out(who, sizeof(*who));
	HMI_MARKED(ctx);
	if (target.kind == HMI_TARGET_REMOTE)
		result = remote_watch(ctx, path);
	else if (target.kind == HMI_TARGET_ONE &&
		 hmi_path_find(&ctx->sys->paths, target.pattern, &found) == 0)
		result = hm_watch(ctx, found);
	else
		result = nobody_watch(ctx);
	if (who != NULL && result == HM_OK)
		*who = found;
	return result;
}
