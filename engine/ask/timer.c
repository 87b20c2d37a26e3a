/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages sent later. A timer is a link of its actor, so that it ends with it, and can be
 * found by the number in its handle. It holds a copy of the body and no message: timers that
 * wait keep nobody from sending.
 */
#include "ask_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "cron_wait_pvt.h"
#include "flight_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "shortage_pvt.h"

#define SMALL_WORDS 3
/* hmi_send_timer.body_class: the body is in the timer. */
#define INSIDE 0xff
/* When to try again without memory for the message. */
#define RETRY_NS 1000000ull
/* Messages of starved timers in one go, so that others get their turn. */
#define RETRY_MAX 256u

/* What comes behind a message. */
enum repeat {
	REPEAT_RATE,  /* a period behind when it was due; ticks that were missed altogether are skipped */
	REPEAT_DELAY, /* a period behind when it was sent */
	REPEAT_CRON,
};

struct hmi_send_timer {
	struct hmi_link link; /* first: pid.local is the timer's number */
	struct hmi_timer timer;
	struct hm_pid to;
	uint64_t at_ns;
	union {
		uint64_t period_ns;         /* 0: it fires once */
		struct hmi_cron_wait *wait; /* REPEAT_CRON */
	};
	void *body; /* NULL: what the type looks like before anything is set */
	uint16_t type;
	uint8_t body_class;                  /* of the body's memory; INSIDE: small */
	uint8_t repeat;                      /* enum repeat */
	uint32_t left;                       /* messages that are still to come; 0: it has no end */
	struct hmi_send_timer *next, **prev; /* among those that are starved; prev NULL: it is not */
	uint64_t small[SMALL_WORDS];
};

static_assert(offsetof(struct hmi_send_timer, link) == 0, "a timer's link is the timer");

/* ---- Bodies ----------------------------------------------------------------------- */

/* Copy a body into the timer, or into memory of the lcore's timers. Returns whether there was some. */
static bool
body_keep(struct hm_ctx *ctx, struct hmi_send_timer *t, const struct hmi_body *body)
{
	t->body = NULL;
	t->body_class = INSIDE;
	if (body->from == NULL)
		return true;
	if (body->bytes <= sizeof(t->small)) {
		t->body = t->small;
	} else {
		unsigned int body_class = hmi_pool_class(body->bytes);

		t->body = hmi_slab_get(&ctx->timer_bodies[body_class]);
		if (t->body == NULL)
			return false;
		t->body_class = (uint8_t)body_class;
	}
	hmi_body_copy(t->body, body);
	return true;
}

static void
body_drop(struct hm_ctx *ctx, struct hmi_send_timer *t)
{
	if (t->body_class != INSIDE)
		hmi_slab_put(&ctx->timer_bodies[t->body_class], t->body);
}

/* The message of a timer that is due; what is for its own actor may come from the reserve. */
static struct hm_msg *
msg_make(struct hm_ctx *ctx, const struct hmi_send_timer *t, bool to_owner)
{
	enum hm_result result;
	struct hm_msg *msg = hmi_msg_make(ctx->sys, &ctx->cache, t->type, t->body, &result);

	return msg == NULL && to_owner ? hmi_msg_make_reserved(ctx, t->type, t->body) : msg;
}

/* ---- Starved ones: due, and without memory for the message --------------------------- */

static void send_fire(void *worker, struct hmi_timer *timer);
static void retry_fire(void *worker, struct hmi_timer *timer);

static void
starved_add(struct hm_ctx *ctx, struct hmi_send_timer *t)
{
	t->next = NULL;
	t->prev = ctx->timers_starved_end;
	*t->prev = t;
	ctx->timers_starved_end = &t->next;
	hmi_timer_delayed(ctx, hmi_cells_slot(&ctx->cells, t->link.owner), t->type);
}

static void
starved_remove(struct hm_ctx *ctx, struct hmi_send_timer *t)
{
	if (t->prev == NULL)
		return;
	*t->prev = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	else
		ctx->timers_starved_end = t->prev;
	t->prev = NULL;
}

/* One timer of the lcore tries for all that are starved: a million of them would do nothing else. */
static void
retry_arm(struct hm_ctx *ctx, uint64_t delay_ns)
{
	if (ctx->timers_starved == NULL || hmi_timer_pending(&ctx->timers_retry))
		return;
	ctx->timers_retry.fire = retry_fire;
	hmi_wheel_add(&ctx->worker.wheel, &ctx->timers_retry, ctx->worker.now_ns + delay_ns);
}

/* ---- Timers ------------------------------------------------------------------------- */

static void
timer_free(struct hm_ctx *ctx, struct hmi_send_timer *t)
{
	hmi_wheel_cancel(&ctx->worker.wheel, &t->timer);
	starved_remove(ctx, t);
	if (unlikely(t->repeat == REPEAT_CRON))
		hmi_cron_wait_end(t->wait);
	body_drop(ctx, t);
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

/* Whether it does not wait for memory. */
static bool
timer_may_move(const struct hmi_owned *owned)
{
	return container_of(owned, struct hmi_send_timer, link.owned)->prev == NULL;
}

static void
timer_leave(struct hm_ctx *ctx, struct hmi_owned *owned)
{
	struct hmi_send_timer *t = container_of(owned, struct hmi_send_timer, link.owned);

	hmi_link_leave(ctx, owned);
	hmi_wheel_cancel(&ctx->worker.wheel, &t->timer);
}

static void
timer_arrive(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_send_timer *t = container_of(owned, struct hmi_send_timer, link.owned);

	hmi_link_arrive(ctx, owner, owned);
	hmi_wheel_add(&ctx->worker.wheel, &t->timer, t->at_ns);
}

static const struct hmi_owned_ops timer_ops = {
	.drop = timer_drop,
	.may_move = timer_may_move,
	.leave = timer_leave,
	.arrive = timer_arrive,
};

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
 * Past the outbox, in which everything may wait that actors of this lcore have sent, and past all who
 * wait to run: a timer would be late by the time that handling it takes.
 */
static void
post_due(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg)
{
	struct hmi_cell *cell;

	if (to.node != ctx->node || hmi_local_lcore(to.local) != hmi_index(ctx)) {
		(void)hmi_post(ctx, to, msg);
		return;
	}
	msg->to = to.local;
	cell = hmi_cells_at(&ctx->cells, to.local);
	if (unlikely(!hmi_delivers_to(cell, to.local) ||
		     (cell->scheduled & (uint8_t)~HMI_SCHEDULED_QUANTUM) != 0)) {
		hmi_deliver(ctx, msg);
		return;
	}
	hmi_fifo_push(&cell->box, msg);
	cell->scheduled |= HMI_SCHEDULED_QUEUED;
	hmi_worker_run_first(&ctx->worker, (struct hmi_runnable *)(void *)cell);
}

static bool
is_to_owner(const struct hm_ctx *ctx, const struct hmi_send_timer *t)
{
	return hm_pid_equal(t->to, hmi_pid_of(ctx, hmi_cells_slot(&ctx->cells, t->link.owner)));
}

/* When it is due again; 0: never. */
static uint64_t
next_ns(struct hm_ctx *ctx, struct hmi_send_timer *t)
{
	uint64_t now_ns = ctx->worker.now_ns;

	if (t->left != 0 && --t->left == 0)
		return 0;
	if (unlikely(t->repeat == REPEAT_CRON))
		return hmi_cron_wait_next(&ctx->worker, t->wait);
	if (t->period_ns == 0)
		return 0;
	if (t->repeat == REPEAT_DELAY)
		return hmi_worker_clock(&ctx->worker) + t->period_ns;
	if (t->at_ns + t->period_ns > now_ns)
		return t->at_ns + t->period_ns;
	return t->at_ns + ((now_ns - t->at_ns) / t->period_ns + 1) * t->period_ns;
}

/* Send what a timer is for, and start its next period. Returns whether there was memory. */
static bool
timer_send(struct hm_ctx *ctx, struct hmi_send_timer *t)
{
	bool to_owner = is_to_owner(ctx, t);
	struct hm_msg *msg = msg_make(ctx, t, to_owner);
	struct hm_pid to = t->to;
	uint64_t at_ns;

	if (unlikely(msg == NULL))
		return false;
	starved_remove(ctx, t);
	at_ns = next_ns(ctx, t);
	if (at_ns == 0) {
		timer_end(ctx, t);
	} else {
		t->at_ns = at_ns;
		hmi_wheel_add(&ctx->worker.wheel, &t->timer, t->at_ns);
	}
	msg->sender = hm_pid_none();
	msg->flags = (uint8_t)((msg->flags & HMI_MSG_BY_TYPE) | (to_owner ? HMI_MSG_TIMER : 0));
	hmi_sent_add(ctx, 1);
	post_due(ctx, to, msg);
	return true;
}

/* Among a million timers nothing is in the cache: fetch what the end of the next one needs, while this one is sent. */
static void
next_prefetch(const struct hm_ctx *ctx)
{
	const struct hmi_timer *timer = hmi_wheel_due_next(&ctx->worker.wheel);
	const struct hmi_send_timer *next;

	if (timer == NULL || timer->fire != send_fire)
		return;
	next = container_of(timer, struct hmi_send_timer, timer);
	hmi_link_prefetch(&ctx->links, next->link.owner, HMI_LINK_TIMER, next->link.pid);
	hmi_link_neighbours_prefetch(&next->link);
}

/* Timers that are starved already come first, but for messages to oneself, which have the reserve. */
static void
send_fire(void *worker, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	struct hmi_send_timer *t = container_of(timer, struct hmi_send_timer, timer);

	next_prefetch(ctx);
	/* It waits in pieces, since the clock may be set meanwhile. */
	if (unlikely(t->repeat == REPEAT_CRON) && !hmi_cron_wait_is_over(&ctx->worker, t->wait, &t->at_ns)) {
		hmi_wheel_add(&ctx->worker.wheel, &t->timer, t->at_ns);
		return;
	}
	if (unlikely(ctx->sys->options.record_all))
		hmi_flight_note(ctx, hmi_cells_slot(&ctx->cells, t->link.owner), HM_EVENT_TIMER, t->type);
	if ((likely(ctx->timers_starved == NULL) || is_to_owner(ctx, t)) && likely(timer_send(ctx, t)))
		return;
	starved_add(ctx, t);
	retry_arm(ctx, RETRY_NS);
}

static void
retry_fire(void *worker, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	uint32_t sent = 0;

	(void)timer;
	while (sent < RETRY_MAX && ctx->timers_starved != NULL && timer_send(ctx, ctx->timers_starved))
		sent++;
	retry_arm(ctx, sent == RETRY_MAX ? 0 : RETRY_NS);
}

static uint64_t
ns_of(uint64_t us)
{
	return us > UINT64_MAX / 4000 ? UINT64_MAX / 4 : us * 1000;
}

static struct hm_pid
number_of(const struct hm_ctx *ctx, uint64_t serial)
{
	return (struct hm_pid){ 0, hmi_local(hmi_index(ctx), 0, 0) | serial };
}

static void
timer_start(struct hm_ctx *ctx, struct hmi_send_timer *t, uint64_t at_ns)
{
	uint32_t slot = hmi_slot_of(ctx, ctx->cell);

	t->at_ns = at_ns;
	t->timer = (struct hmi_timer){ .fire = send_fire };
	hmi_wheel_add(&ctx->worker.wheel, &t->timer, t->at_ns);
	t->link.kind = HMI_LINK_TIMER;
	t->link.node = 0;
	t->link.pid = number_of(ctx, ++ctx->timer_serial);
	hmi_link_add(&ctx->links, ctx->cell, slot, &t->link, &timer_ops);
	/* Who arms one may arm many. */
	hmi_link_prefetch(&ctx->links, slot, HMI_LINK_TIMER, number_of(ctx, ctx->timer_serial + 1));
	hmi_slab_prefetch(&ctx->timers);
}

/* With its body, and without a repetition. */
static struct hmi_send_timer *
timer_new(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const struct hmi_body *body)
{
	struct hmi_send_timer *t = hmi_slab_get(&ctx->timers);

	if (t == NULL)
		return NULL;
	if (!body_keep(ctx, t, body)) {
		hmi_slab_put(&ctx->timers, t);
		return NULL;
	}
	t->to = to;
	t->type = type;
	t->prev = NULL;
	t->period_ns = 0;
	t->repeat = REPEAT_RATE;
	t->left = 0;
	return t;
}

/* What all kinds of timers are refused for. */
static enum hm_result
check(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body, struct hmi_body *measured)
{
	enum hm_result result;

	if (hm_pid_is_none(to))
		return HM_NO_RECEIVER;
	result = hmi_body_measure(ctx->sys, type, body, measured);
	if (result == HM_OK)
		hmi_body_touch(measured);
	return result;
}

/* It is no message memory that is missing, so what holds that is no news. */
static enum hm_result
no_memory(struct hm_ctx *ctx)
{
	hmi_count(&ctx->stats.no_memory, 1);
	return HM_NO_MEMORY;
}

static void
timer_name(const struct hmi_send_timer *t, struct hm_timer *timer)
{
	if (timer != NULL)
		timer->id = t->link.pid.local;
}

/* Not from the time of the turn's start, which may be older than the delay. */
static uint64_t
in_us(struct hm_ctx *ctx, uint64_t delay_us)
{
	return hmi_worker_clock(&ctx->worker) + ns_of(delay_us);
}

enum hm_result
hm_send_after(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body, uint64_t delay_us,
	      uint64_t period_us, struct hm_timer *timer)
{
	struct hmi_send_timer *t;
	struct hmi_body measured;
	enum hm_result result;

	hmi_check_send(ctx, type, body, "hm_send_after");
	result = check(ctx, to, type, body, &measured);
	if (result != HM_OK)
		return result;
	hmi_memory_touch_out(timer, sizeof(*timer));
	HMI_MARKED(ctx);
	t = timer_new(ctx, to, type, &measured);
	if (t == NULL)
		return no_memory(ctx);
	t->period_ns = ns_of(period_us);
	timer_start(ctx, t, in_us(ctx, delay_us));
	timer_name(t, timer);
	return HM_OK;
}

enum hm_result
hm_send_every(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body,
	      const struct hm_period *period, struct hm_timer *timer)
{
	struct hmi_send_timer *t;
	struct hmi_body measured;
	struct hm_period copy;
	enum hm_result result;

	hmi_check_send(ctx, type, body, "hm_send_every");
	if (period == NULL)
		return HM_INVALID;
	copy = *period;
	if (copy.period_us == 0 || copy.kind > HM_PERIOD_DELAY)
		return HM_INVALID;
	result = check(ctx, to, type, body, &measured);
	if (result != HM_OK)
		return result;
	hmi_memory_touch_out(timer, sizeof(*timer));
	HMI_MARKED(ctx);
	t = timer_new(ctx, to, type, &measured);
	if (t == NULL)
		return no_memory(ctx);
	t->period_ns = ns_of(copy.period_us);
	t->repeat = copy.kind == HM_PERIOD_DELAY ? REPEAT_DELAY : REPEAT_RATE;
	t->left = copy.count;
	timer_start(ctx, t, in_us(ctx, copy.delay_us));
	timer_name(t, timer);
	return HM_OK;
}

enum hm_result
hm_send_cron(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body, struct hm_cron *cron,
	     struct hm_timer *timer)
{
	struct hmi_send_timer *t;
	struct hmi_body measured;
	enum hm_result result;
	uint64_t at_ns;

	hmi_check_send(ctx, type, body, "hm_send_cron");
	if (cron == NULL)
		return HM_INVALID;
	result = check(ctx, to, type, body, &measured);
	if (result != HM_OK)
		return result;
	hmi_memory_touch_out(timer, sizeof(*timer));
	HMI_MARKED(ctx);
	t = timer_new(ctx, to, type, &measured);
	if (t == NULL)
		return no_memory(ctx);
	result = hmi_cron_wait_begin(&ctx->worker, cron, &t->wait, &at_ns);
	if (result != HM_OK) {
		body_drop(ctx, t);
		hmi_slab_put(&ctx->timers, t);
		return result == HM_NO_MEMORY ? no_memory(ctx) : result;
	}
	t->repeat = REPEAT_CRON;
	timer_start(ctx, t, at_ns);
	timer_name(t, timer);
	return HM_OK;
}

void
hm_timer_cancel(struct hm_ctx *ctx, struct hm_timer timer)
{
	struct hm_pid number = { 0, timer.id };
	struct hmi_link *link;

	hmi_check_ctx(ctx, "hm_timer_cancel");
	HMI_MARKED(ctx);
	link = hmi_link_find(&ctx->links, hmi_slot_of(ctx, ctx->cell), HMI_LINK_TIMER, number);
	if (link != NULL)
		timer_end(ctx, (struct hmi_send_timer *)(void *)link);
}

void
hmi_timers_init(struct hm_ctx *ctx)
{
	ctx->timers_starved_end = &ctx->timers_starved;
	hmi_slab_init(&ctx->timers, sizeof(struct hmi_send_timer));
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++)
		hmi_slab_init(&ctx->timer_bodies[c], (size_t)HMI_POOL_SMALLEST << c);
}

void
hmi_timers_destroy(struct hm_ctx *ctx)
{
	hmi_slab_destroy(&ctx->timers);
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++)
		hmi_slab_destroy(&ctx->timer_bodies[c]);
}
