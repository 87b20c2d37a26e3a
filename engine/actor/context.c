/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an actor asks about itself.
 */
#include "box_pvt.h"
#include "check_pvt.h"
#include "lcore_pvt.h"

struct hm_pid
hm_self(const struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_self");
	return hmi_pid_of(ctx, ctx->cell);
}

struct hm_pid
hm_parent(const struct hm_ctx *ctx)
{
	struct hm_pid parent = { ctx->node, 0 };

	hmi_check_ctx(ctx, "hm_parent");
	parent.local = ctx->cell->actor.parent;
	return parent.local != 0 ? parent : hm_pid_none();
}

struct hm_pid
hm_sender(const struct hm_ctx *ctx)
{
	const struct hm_msg *msg = ctx->msg;

	hmi_check_ctx(ctx, "hm_sender");
	/* By its parts, as it was stored: a load of both at once would wait for the stores to leave the core. */
	if (msg == NULL || msg->sender.node == 0)
		return hm_pid_none();
	return (struct hm_pid){ msg->sender.node, msg->sender.local };
}

struct hm_system *
hm_system(const struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_system");
	return ctx->sys;
}

uint32_t
hm_lcore(const struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_lcore");
	return hmi_index(ctx);
}

uint32_t
hm_children_count(const struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_children_count");
	return ctx->cell->actor.children;
}

uint32_t
hm_mailbox_count(const struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_mailbox_count");
	return hmi_cell_count(ctx->cell);
}

bool
hm_lcore_is_idle(const struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_lcore_is_idle");
	return hmi_worker_waiting(&ctx->worker) == 0;
}

bool
hm_turn_expired(struct hm_ctx *ctx, uint32_t steps)
{
	hmi_check_ctx(ctx, "hm_turn_expired");
	return hmi_deadline_step(&ctx->worker.polling, ctx->worker.clock, steps);
}

uint32_t
hm_turn_steps(const struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_turn_steps");
	return ctx->worker.polling.steps_left;
}

uint64_t
hm_now_ns(struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_now_ns");
	return hmi_worker_clock(&ctx->worker);
}

uint64_t
hm_turn_ns(const struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_turn_ns");
	return ctx->worker.now_ns;
}
