/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage that counts.
 */
#include "metrics_pvt.h"

#include "box_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "middleware_pvt.h"

_Static_assert((HM_METRICS_LENGTH_EVERY & (HM_METRICS_LENGTH_EVERY - 1)) == 0, "a mask");

static struct hmi_meter *
meter_of(struct hm_ctx *ctx)
{
	return (struct hmi_meter *)(void *)hmi_observer_find(ctx->observers, &hmi_metrics_ops);
}

/* NULL: it is none of the system's. */
static struct hm_metrics *
row_of(struct hmi_meter *meter, const struct hm_metrics_type *type)
{
	const struct hmi_meter_slot *slot = hmi_meter_slot(meter->metrics, type);

	return type != NULL && slot->type != NULL ? &meter->rows[slot->row] : NULL;
}

/* Bits of a number. */
static uint32_t
bits_of(uint64_t number)
{
	return number != 0 ? 64u - (uint32_t)__builtin_clzll(number) : 0;
}

static void
length_count(struct hm_ctx *ctx, struct hm_metrics *row)
{
	uint32_t length = hmi_cell_count(ctx->cell);

	hmi_count(&row->lengths_sum, length);
	hmi_count(&row->lengths[RTE_MIN(bits_of(length), HM_METRICS_LENGTHS - 1)], 1);
}

static void
life_count(struct hm_metrics *row, uint16_t type)
{
	if (type == HM_STARTED)
		hmi_count(&row->started, 1);
	else if (type == HM_RESTARTING)
		hmi_count(&row->restarts, 1);
	else if (type == HM_STOPPED)
		hmi_count(&row->stopped, 1);
}

/* Before it is received: the actor may fail at it. */
static void
message_count(struct hm_ctx *ctx, struct hm_metrics *row, uint16_t type)
{
	if ((row->messages & (HM_METRICS_LENGTH_EVERY - 1)) == 0)
		length_count(ctx, row);
	hmi_count(&row->messages, 1);
	if (unlikely(type < HM_TYPE_USER))
		life_count(row, type);
}

void
hm_metrics_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
		   const struct hm_receive_next *next, void *arg)
{
	struct hmi_meter *meter;
	struct hm_metrics *row;
	uint64_t began_ns, took_ns;

	hmi_check_ctx(ctx, "hm_metrics_receive");
	meter = meter_of(ctx);
	row = meter != NULL && !hmi_receive_next_is_repeated(next) ? row_of(meter, arg) : NULL;
	if (row == NULL) {
		hm_receive_next(ctx, state, msg, next);
		return;
	}
	message_count(ctx, row, hm_msg_type(msg));
	began_ns = hmi_worker_clock(&ctx->worker);
	hm_receive_next(ctx, state, msg, next);
	took_ns = hmi_worker_clock(&ctx->worker) - began_ns;
	hmi_count(&row->time_ns, took_ns);
	hmi_count(&row->times[RTE_MIN(bits_of(took_ns >> 8), HM_METRICS_TIMES - 1)], 1);
}

/* Each type whose stage the actor has, once, wherever it has failed. */
static void
actor_failed(struct hm_ctx *ctx, struct hmi_observer *observer, const struct hm_failure *failure)
{
	struct hmi_meter *meter = container_of(observer, struct hmi_meter, observer);
	const struct hmi_middleware *middleware =
		hmi_cell_is_actor(ctx->cell) ? hmi_middleware_of(ctx->cell) : NULL;

	(void)failure;
	for (uint32_t i = 0; middleware != NULL && i < middleware->count; i++) {
		const struct hm_middleware *stage = middleware->stages[i];
		struct hm_metrics *row =
			stage->receive == hm_metrics_receive ? row_of(meter, stage->arg) : NULL;

		if (row != NULL && !hmi_receive_is_repeated(middleware, i))
			hmi_count(&row->failures, 1);
	}
}

const struct hmi_observer_ops hmi_metrics_ops = { .failed = actor_failed };
