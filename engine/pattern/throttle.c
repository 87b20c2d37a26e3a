/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that lets messages through at a rate. Between two tokens it is muted, as an actor whose receiver has to drain; a timer
 * of the lcore's wheel ends that, since it handles no messages meanwhile.
 */
#include "hm_limit.h"

#include <errno.h>

#include "actor_pvt.h"
#include "check_pvt.h"
#include "hm_balance.h"
#include "mark_pvt.h"
#include "pressure_pvt.h"
#include "receive_pvt.h"

struct throttle {
	struct hm_throttle config; /* the arguments */
	struct hm_bucket bucket;
	struct hmi_owned owned;
	struct hmi_timer timer;
	struct hmi_cell *cell;
};

/* By what takes no questions, since it waits for nobody: see stream/reader.c. */
static struct hm_pid
muter(const struct hm_ctx *ctx)
{
	return hmi_lcore_process(ctx->sys, hmi_index(ctx));
}

static void
token_fire(void *worker, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);

	hmi_pressure_unmute(ctx, container_of(timer, struct throttle, timer)->cell, muter(ctx));
}

static void
owned_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	(void)owner;
	hmi_wheel_cancel(&ctx->worker.wheel, &container_of(owned, struct throttle, owned)->timer);
}

/* Without may_move: the timer is the lcore's. */
static const struct hmi_owned_ops owned_ops = { .drop = owned_drop };

static void
start(struct hm_ctx *ctx, struct throttle *t)
{
	/* The numbers were checked. */
	int rc = hm_bucket_init(&t->bucket, t->config.rate, t->config.burst);

	HMI_MARKED(ctx);
	HMI_ASSERT(rc == 0);
	t->cell = ctx->cell;
	t->timer = (struct hmi_timer){ .fire = token_fire };
	hmi_owned_add(&ctx->cell->actor.owned, &t->owned, &owned_ops);
	if (hm_watch(ctx, t->config.to) != HM_OK)
		hm_stop(ctx, hm_self(ctx));
}

/* Wait until there is a token for the next message. */
static void
token_await(struct hm_ctx *ctx, struct throttle *t)
{
	struct hm_bucket copy = t->bucket;
	uint64_t now_ns = hmi_worker_clock(&ctx->worker), wait_ns = hm_bucket_take(&copy, now_ns, 1);

	HMI_MARKED(ctx);
	/* With a stage in front that goes on twice it waits already. */
	if (wait_ns != 0 && !hmi_timer_pending(&t->timer) && hmi_pressure_mute(ctx, ctx->cell, muter(ctx)))
		hmi_wheel_add(&ctx->worker.wheel, &t->timer, now_ns + wait_ns);
}

/* Muted before the message goes on: a stage of middleware may fail around that, and the throttle go on nevertheless. */
static void
let_through(struct hm_ctx *ctx, struct throttle *t)
{
	bool has_token = hm_bucket_take(&t->bucket, hmi_worker_clock(&ctx->worker), 1) == 0;

	token_await(ctx, t);
	if (has_token) {
		(void)hmi_received_forward(ctx, t->config.to);
	} else {
		HMI_MARKED(ctx);

		/* There was no memory to mute it. */
		hmi_received_refuse(ctx, HM_DEAD_REJECTED);
	}
}

static void
restarting(struct hm_ctx *ctx)
{
	HMI_MARKED(ctx);

	hmi_pressure_unmute(ctx, ctx->cell, muter(ctx));
}

static void
throttle_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		start(ctx, state);
		break;
	case HM_RESTARTING:
		restarting(ctx);
		break;
	case HM_TERMINATED:
		hm_stop(ctx, hm_self(ctx));
		break;
	default:
		if (hm_msg_type(msg) >= HM_TYPE_USER)
			let_through(ctx, state);
		break;
	}
}

int
hm_throttle_spawn(struct hm_ctx *ctx, const struct hm_throttle *throttle, const char *name,
		  struct hm_pid *pid)
{
	static const struct hm_props props = {
		.receive = throttle_receive,
		.state_size = sizeof(struct throttle),
		.args_size = sizeof(struct hm_throttle),
		.balance = HM_BALANCE_STAY,
	};
	struct hm_bucket probe;

	hmi_check_ctx(ctx, "hm_throttle_spawn");
	if (throttle == NULL || hm_pid_is_none(throttle->to) ||
	    hm_bucket_init(&probe, throttle->rate, throttle->burst) != 0)
		return -EINVAL;
	return hm_spawn(ctx, &props, name, throttle, pid);
}
