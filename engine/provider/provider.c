/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provider that serves the PIDs of other nodes: how it joins, which nodes it has learnt, and what it
 * receives.
 */
#include <errno.h>

#include "check_pvt.h"
#include "dead_pvt.h"
#include "event_queue_pvt.h"
#include "post_pvt.h"
#include "provider_pvt.h"
#include "type_pvt.h"

int
hm_provider_register(struct hm_system *sys, uint32_t lcore, const struct hm_provider_ops *ops, void *self)
{
	if (sys == NULL || ops == NULL || lcore >= sys->lcores_count)
		return -EINVAL;
	if (sys->provider_ops != NULL)
		return -EEXIST;
	sys->provider_ops = ops;
	sys->provider = self;
	sys->provider_lcore = lcore;
	hmi_provider_poll_from(sys->lcores[lcore]);
	return 0;
}

void
hmi_endpoint_event(struct hm_ctx *ctx, uint64_t node, enum hm_endpoint_state state)
{
	struct hm_endpoint body = { .node = node, .state = state };

	if (hmi_event_wanted(&ctx->sys->events, HM_ENDPOINT))
		hmi_event_raise(ctx, HM_ENDPOINT, &body, sizeof(body), NULL);
}

int
hm_node_learn(struct hm_system *sys, uint64_t node, uint16_t *index)
{
	uint16_t i;

	if (sys == NULL || index == NULL || node == 0 || node == sys->node)
		return -EINVAL;
	i = hmi_nodes_find(&sys->nodes, node);
	if (i == 0) {
		i = hmi_nodes_add(&sys->nodes, node);
		if (i != 0)
			hmi_endpoint_event(sys->lcores[sys->provider_lcore], node, HM_ENDPOINT_UP);
	}
	if (i == 0)
		return -ENOSPC;
	*index = i;
	return 0;
}

uint64_t
hm_node_id(const struct hm_system *sys, uint16_t index)
{
	return hmi_nodes_id(&sys->nodes, index);
}

/* ---- In the loop of its lcore ------------------------------------------------------- */

static uint32_t
provider_poll(void *provider, struct hmi_worker *worker)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);

	return ctx->sys->provider_ops->poll(provider, ctx);
}

static uint32_t
provider_flush(void *provider, struct hmi_worker *worker)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	uint32_t work = ctx->sys->provider_ops->flush(provider, ctx);

	/* A flush that gives up on messages notifies actors, in the next turn. */
	return work + hmi_outbox_count(&ctx->outbox);
}

void
hmi_provider_poll_from(struct hm_ctx *ctx)
{
	const struct hm_provider_ops *ops = ctx->sys->provider_ops;

	ctx->worker.poller = (struct hmi_poller){
		.poll = ops->poll != NULL ? provider_poll : NULL,
		.flush = ops->flush != NULL ? provider_flush : NULL,
		.arg = ctx->sys->provider,
	};
}

/* ---- From the network ------------------------------------------------------------ */

/* The flags of a system type that may come from another node; -1: none may. */
static int
network_flags(uint16_t type)
{
	switch (type) {
	case HM_SYS_STOP:
	case HM_SYS_WATCH:
	case HM_SYS_UNWATCH:
	case HM_SYS_TERMINATED:
	case HM_SYS_UNDELIVERED:
		return HMI_MSG_SYSTEM;
	case HM_SYS_POISON:
		return HMI_MSG_POISON;
	case HM_TOUCH:
		return HMI_MSG_BY_TYPE;
	case HM_IDENTITY:
	case HM_TOUCHED:
		return 0;
	default:
		return -1;
	}
}

/* Set the flags of a message of the engine. Returns false if none such may come from another node. */
static __attribute__((noinline)) bool
system_check(const struct hm_ctx *ctx, struct hm_msg *msg)
{
	int flags = network_flags(msg->type);

	/* Another node may stop what lives here, but not all of it. */
	if ((msg->type == HM_SYS_STOP || msg->type == HM_SYS_POISON) && hmi_is_guardian(ctx->sys, msg->to))
		flags = -1;
	if (flags < 0 || (msg->type == HM_SYS_TERMINATED && msg->length < sizeof(struct hm_terminated)) ||
	    (msg->type == HM_IDENTITY && msg->length < sizeof(struct hm_identity)) ||
	    (msg->type == HM_TOUCHED && msg->length < sizeof(struct hm_touched)))
		return false;
	msg->flags |= (uint8_t)flags;
	return true;
}

static void
receive(struct hm_ctx *ctx, struct hm_msg *msg, uint8_t flags)
{
	uint32_t lcore = hmi_local_lcore(msg->to);

	msg->flags = flags | hmi_type_flags(ctx->sys->types->info[msg->type]);
	if (unlikely(msg->type < HM_TYPE_USER && !system_check(ctx, msg))) {
		/* Whatever it says that it is, it is none of this node's own messages. */
		msg->flags = flags;
		hmi_dead(ctx, msg, HM_DEAD_MALFORMED);
		return;
	}
	if (likely(lcore == hmi_index(ctx)))
		hmi_deliver_to(ctx, hmi_cells_at(&ctx->cells, msg->to), msg);
	else
		(void)hmi_post_away(ctx, ctx->node, msg);
}

void
hm_provider_receive(struct hm_ctx *ctx, struct hm_msg *msg)
{
	hmi_check_ctx(ctx, "hm_provider_receive");
	receive(ctx, msg, HMI_MSG_NETWORK);
}

void
hm_provider_receive_forwarded(struct hm_ctx *ctx, struct hm_msg *msg)
{
	hmi_check_ctx(ctx, "hm_provider_receive_forwarded");
	receive(ctx, msg, HMI_MSG_NETWORK | HMI_MSG_THIRD);
}

void
hm_provider_receive_burst(struct hm_ctx *ctx, const struct hm_address *address, struct hm_msg **msgs,
			  uint32_t count)
{
	const uint32_t *infos = ctx->sys->types->info;
	struct hmi_cell *cell = NULL;

	hmi_check_ctx(ctx, "hm_provider_receive_burst");
	if (likely(hmi_local_lcore(address->to) == hmi_index(ctx)))
		cell = hmi_cells_at(&ctx->cells, address->to);
	for (uint32_t i = 0; i < count; i++) {
		msgs[i]->to = address->to;
		msgs[i]->sender = address->sender;
		msgs[i]->to_node = 0;
		msgs[i]->flags = HMI_MSG_NETWORK | hmi_type_flags(infos[msgs[i]->type]);
	}
	if (likely(cell != NULL) && likely(hmi_delivers_to(cell, address->to))) {
		hmi_fifo_push_burst(&cell->box, msgs, count);
		hmi_schedule(ctx, cell);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		hm_provider_receive(ctx, msgs[i]);
}
