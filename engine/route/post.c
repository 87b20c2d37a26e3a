/* SPDX-License-Identifier: Apache-2.0 */
#include "post_pvt.h"

#include "annex_pvt.h"
#include "dead_pvt.h"
#include "forward_pvt.h"
#include "msg_pvt.h"

/*
 * Nothing of an annex crosses to another node. Returns whether the message may go without: headers are dropped, what
 * refers to a buffer cannot go.
 */
static bool
annex_leave(struct hm_ctx *ctx, struct hm_msg *msg)
{
	const struct hmi_annex *annex;

	hmi_guard_received(msg);
	if (hmi_annex_buffer(msg) != NULL)
		return false;
	annex = hmi_annex_of(msg);
	hmi_count(&ctx->stats.headers_dropped, annex != NULL && annex->pairs > 0);
	hmi_annex_release(&ctx->cache, msg);
	msg->flags &= (uint8_t)~HMI_MSG_EXPIRES;
	return true;
}

static enum hm_result
post_remote(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	struct hm_system *sys = ctx->sys;

	if (hm_pid_is_none(to)) {
		hmi_msg_release(&ctx->cache, msg);
		return HM_NO_RECEIVER;
	}
	msg->to_node = hmi_node_index(ctx, to.node);
	if (msg->to_node == 0 || sys->provider_ops == NULL) {
		hmi_dead_to(ctx, to, msg, HM_DEAD_NO_NODE);
		return HM_OK;
	}
	if (unlikely((msg->size_class & HMI_MSG_ANNEXED) != 0 && !annex_leave(ctx, msg))) {
		hmi_dead_to(ctx, to, msg, HM_DEAD_TOO_BIG);
		return HM_OK;
	}
	if (sys->provider_lcore == hmi_index(ctx))
		hmi_provider_take(ctx, msg);
	else
		hmi_worker_push(&ctx->worker, sys->provider_lcore, msg);
	return HM_OK;
}

__attribute__((noinline)) enum hm_result
hmi_post_away(struct hm_ctx *ctx, uint64_t node, struct hm_msg *msg)
{
	uint32_t lcore = hmi_local_lcore(msg->to);
	struct hmi_route *route;

	if (node != ctx->node)
		return post_remote(ctx, (struct hm_pid){ node, msg->to }, msg);
	if (unlikely(hmi_local_is_router(msg->to)) && ctx->sys->parts->route(ctx, msg))
		return HM_OK;
	if (unlikely(ctx->routes.count != 0) && (route = hmi_route_find(ctx, msg->to)) != NULL) {
		hmi_route_send(ctx, route, msg);
		return HM_OK;
	}
	if (likely(lcore < ctx->worker.lcores_count))
		hmi_worker_push(&ctx->worker, lcore, msg);
	else
		hmi_dead(ctx, msg, HM_DEAD_NO_PROCESS);
	return HM_OK;
}

enum hm_result
hmi_post(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	struct hmi_cell *cell = hmi_cells_at(&ctx->cells, to.local);

	msg->to = to.local;
	if (unlikely(!hmi_is_here(ctx, to)))
		return hmi_post_away(ctx, to.node, msg);
	if (hmi_post_is_direct(ctx))
		hmi_deliver_to(ctx, cell, msg);
	else
		hmi_post_later(ctx, cell, msg);
	return HM_OK;
}

__attribute__((noinline)) void
hmi_post_here_other(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	hmi_sent_add(ctx, 1);
	if (unlikely(cell->generation != (uint32_t)msg->to || hmi_cell_is_free(cell)))
		hmi_deliver_stale(ctx, cell, msg);
	else
		hmi_ops_of(ctx, cell)->deliver(ctx, cell, msg);
	hmi_mark_clear(ctx);
}

__attribute__((noinline)) void
hmi_post_here_full(struct hm_ctx *ctx, struct hm_msg *msg)
{
	hmi_sent_add(ctx, 1);
	hmi_outbox_full(ctx, msg);
	hmi_mark_clear(ctx);
}

void
hmi_control_post(struct hm_ctx *ctx, struct hm_pid to, struct hm_pid sender, uint16_t type)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, type, 0);

	msg->sender = sender;
	(void)hmi_post(ctx, to, msg);
}

bool
hmi_send_remote(struct hm_ctx *ctx, uint64_t node, struct hm_outgoing *out)
{
	const struct hm_system *sys = ctx->sys;

	if (sys->provider_ops == NULL || sys->provider_lcore != hmi_index(ctx) ||
	    sys->provider_ops->send == NULL)
		return false;
	out->to_node = hmi_node_index(ctx, node);
	return out->to_node != 0 && sys->provider_ops->send(sys->provider, ctx, out);
}
