/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages sent later. A timer is a link of its actor, so that it ends with it, and can be
 * found by the number in its handle.
 */
#include <protobuf-c/protobuf-c.h>
#include <rte_memcpy.h>

#include "ask_pvt.h"
#include "counter_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"

struct hmi_send_timer {
	struct hmi_link link; /* first: pid.local is the timer's number */
	struct hmi_timer timer;
	struct hm_pid to;
	struct hm_msg *msg; /* sent once, or the model of what is sent each time */
	uint64_t at_ns, period_ns;
};

static_assert(offsetof(struct hmi_send_timer, link) == 0, "a timer's link is the timer");

static struct hm_msg *
msg_clone(struct hm_ctx *ctx, const struct hm_msg *model)
{
	enum hm_result result;
	struct hm_msg *msg = hmi_msg_make(ctx->sys, &ctx->cache, model->type, model->body, &result);

	if (msg == NULL)
		hmi_count(&ctx->stats.no_memory, 1);
	return msg;
}

static void
timer_free(struct hm_ctx *ctx, struct hmi_send_timer *t)
{
	hmi_wheel_cancel(&ctx->worker.wheel, &t->timer);
	hm_msg_free(ctx, t->msg);
	hmi_slab_put(&ctx->timers, t);
}

static void
timer_end(struct hm_ctx *ctx, struct hmi_send_timer *t)
{
	hmi_link_remove(&ctx->links, &t->link);
	timer_free(ctx, t);
}

/* The owner ends. */
static void
timer_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_send_timer *t = container_of(owned, struct hmi_send_timer, link.owned);

	(void)owner;
	hmi_link_unhash(&ctx->links, &t->link);
	timer_free(ctx, t);
}

static const struct hmi_owned_ops timer_ops = { .drop = timer_drop };

void
hmi_timers_shut_down(struct hm_ctx *ctx)
{
	for (uint32_t i = 0; i <= ctx->links.mask; i++) {
		for (struct hmi_link *link = ctx->links.buckets[i], *next; link != NULL; link = next) {
			next = link->hash_next;
			if (link->kind == HMI_LINK_TIMER)
				timer_end(ctx, (struct hmi_send_timer *)(void *)link);
		}
	}
}

/*
 * Past the outbox, in which everything may wait that actors of this lcore have sent: a timer would
 * be late by the time that handling it takes.
 */
static void
post_due(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	if (to.node != ctx->node || hmi_local_lcore(to.local) != hmi_index(ctx)) {
		(void)hmi_post(ctx, to, msg);
		return;
	}
	msg->to = to.local;
	hmi_deliver(ctx, msg);
}

static void
send_fire(void *worker, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	struct hmi_send_timer *t = container_of(timer, struct hmi_send_timer, timer);
	struct hm_msg *msg = t->period_ns == 0 ? t->msg : msg_clone(ctx, t->msg);
	struct hm_pid to = t->to, owner = hmi_pid_of(ctx, hmi_cells_slot(&ctx->cells, t->link.owner));

	if (t->period_ns == 0) {
		t->msg = NULL;
		timer_end(ctx, t);
	} else {
		/* Fixed rate; ticks that were missed altogether are skipped, not made up in a burst. */
		t->at_ns += t->period_ns;
		if (t->at_ns <= ctx->worker.now_ns)
			t->at_ns +=
				(ctx->worker.now_ns - t->at_ns) / t->period_ns * t->period_ns + t->period_ns;
		hmi_wheel_add(&ctx->worker.wheel, &t->timer, t->at_ns);
	}
	if (msg == NULL)
		return;
	msg->sender = hm_pid_none();
	msg->flags = hm_pid_equal(to, owner) ? HMI_MSG_TIMER : 0;
	hmi_count(&ctx->stats.sent, 1);
	post_due(ctx, to, msg);
}

static uint64_t
ns_of(uint64_t us)
{
	return us > UINT64_MAX / 4000 ? UINT64_MAX / 4 : us * 1000;
}

static void
timer_start(struct hm_ctx *ctx, struct hmi_send_timer *t, uint64_t delay_us)
{
	/* Not the time of the turn's start, which may be older than the delay. */
	t->at_ns = hmi_worker_clock(&ctx->worker) + ns_of(delay_us);
	t->timer = (struct hmi_timer){ .fire = send_fire };
	hmi_wheel_add(&ctx->worker.wheel, &t->timer, t->at_ns);
	t->link.kind = HMI_LINK_TIMER;
	t->link.pid = (struct hm_pid){ 0, ++ctx->timer_serial };
	hmi_link_add(&ctx->links, ctx->cell, hmi_slot_of(ctx, ctx->cell), &t->link, &timer_ops);
}

enum hm_result
hm_send_after(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body, uint64_t delay_us,
	      uint64_t period_us, struct hm_timer *timer)
{
	struct hmi_send_timer *t;
	enum hm_result result;
	struct hm_msg *msg;

	if (hm_pid_is_none(to))
		return HM_NO_RECEIVER;
	msg = hmi_msg_make(ctx->sys, &ctx->cache, type, body, &result);
	if (msg == NULL) {
		if (result == HM_NO_MEMORY)
			hmi_count(&ctx->stats.no_memory, 1);
		return result;
	}
	t = hmi_slab_get(&ctx->timers);
	if (t == NULL) {
		hmi_msg_release(&ctx->cache, msg);
		return HM_NO_MEMORY;
	}
	t->to = to;
	t->msg = msg;
	t->period_ns = ns_of(period_us);
	timer_start(ctx, t, delay_us);
	if (timer != NULL)
		timer->id = t->link.pid.local;
	return HM_OK;
}

void
hm_timer_cancel(struct hm_ctx *ctx, struct hm_timer timer)
{
	struct hm_pid number = { 0, timer.id };
	struct hmi_link *link =
		hmi_link_find(&ctx->links, hmi_slot_of(ctx, ctx->cell), HMI_LINK_TIMER, number);

	if (link != NULL)
		timer_end(ctx, (struct hmi_send_timer *)(void *)link);
}

size_t
hmi_timer_bytes(void)
{
	return sizeof(struct hmi_send_timer);
}
