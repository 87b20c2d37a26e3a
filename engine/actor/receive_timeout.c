/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receive timeout, and the time after which an actor is passive. It looks for messages rather than being told of each.
 *
 *     timer ─▶ mark: the cell's limit is 0, so that the next message takes the closer look
 *       │         └─ a message that counts ─▶ the limit is back, the mark gone; the next look is in an eighth of the time
 *       ▼
 *     next look ─┬─ the mark is gone, or one that counts may wait in the mailbox:  mark again
 *                ├─ the mark is there:  look when the time since then is over
 *                └─ that is over:       HM_RECEIVE_TIMEOUT, or HMI_SYS_PASSIVATE (passivation.c)
 *
 * If messages wait, the next look comes soon: they may be ticks that come in step with the looks.
 *
 * So an actor that is idle costs one timer for each time-out, and one that is busy eight. Looks for long time-outs are
 * put off to the same moments, so that an lcore on which all are idle sleeps in between.
 */
#include "actor_pvt.h"
#include "box_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "hm_behaviour.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "type_pvt.h"

#define NS_PER_US 1000ull
/* Looks in the time of a busy actor. */
#define LOOKS 8u
/* Between the first looks that find messages that wait; doubled each time, up to that. */
#define AGAIN_NS        (10 * NS_PER_US)
#define AGAIN_SHIFT_MAX 30u
/* From which time-out on looks come together, and into how many moments of that time, at least. */
#define TOGETHER_NS    UINT64_C(1000000000)
#define TOGETHER_SHIFT 6

struct hmi_receive_timeout {
	struct hmi_owned owned;
	struct hmi_timer timer;
	uint64_t timeout_us;
	uint64_t marked_ns; /* when the mark was set, or the last message sent */
	uint64_t look_ns;   /* the next one, while the actor is on its way to another lcore */
	uint32_t slot;
	uint8_t kind; /* enum hmi_quiet */
	bool marked;
	bool due;       /* HMI_SYS_PASSIVATE is under way, and no message that counts has come since */
	bool may_count; /* one that counts has come since the mailbox was seen empty, and may wait in it */
	uint8_t busy_looks; /* in a row */
};

void
hmi_receive_timeouts_init(struct hm_ctx *ctx)
{
	hmi_slab_init(&ctx->receive_timeouts, sizeof(struct hmi_receive_timeout));
}

static struct hmi_receive_timeout *
timeout_of(const struct hmi_cell *cell, enum hmi_quiet kind)
{
	return cell->actor.extra != NULL ? cell->actor.extra->quiet[kind] : NULL;
}

static void
mark_set(struct hmi_cell *cell, struct hmi_receive_timeout *t, uint64_t now_ns)
{
	t->marked_ns = now_ns;
	if (t->marked)
		return;
	t->marked = true;
	if (cell->actor.extra->quiet_marks++ > 0)
		return;
	cell->actor.extra->quiet_limit = cell->limit;
	cell->limit = 0;
}

static void
mark_clear(struct hmi_cell *cell, struct hmi_receive_timeout *t)
{
	if (!t->marked)
		return;
	t->marked = t->due = false;
	if (--cell->actor.extra->quiet_marks == 0)
		cell->limit = cell->actor.extra->quiet_limit;
}

static uint64_t
timeout_ns(const struct hmi_receive_timeout *t)
{
	return t->timeout_us < UINT64_MAX / 4 / NS_PER_US ? t->timeout_us * NS_PER_US : UINT64_MAX / 4;
}

static uint64_t
part_ns(const struct hmi_receive_timeout *t)
{
	return RTE_MAX(timeout_ns(t) / LOOKS, NS_PER_US);
}

static void
look_add(struct hm_ctx *ctx, struct hmi_receive_timeout *t, uint64_t at_ns)
{
	uint64_t whole = timeout_ns(t), apart;

	if (whole >= TOGETHER_NS) {
		apart = UINT64_C(1) << (63 - __builtin_clzll(whole >> TOGETHER_SHIFT));
		at_ns = (at_ns + apart - 1) & ~(apart - 1);
	}
	hmi_wheel_add(&ctx->worker.wheel, &t->timer, at_ns);
}

static void
message_counts(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_receive_timeout *t)
{
	if (t == NULL || !t->marked)
		return;
	mark_clear(cell, t);
	t->may_count = true;
	hmi_wheel_cancel(&ctx->worker.wheel, &t->timer);
	look_add(ctx, t, ctx->worker.now_ns + part_ns(t));
}

void
hmi_receive_timeout_look(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg)
{
	if ((ctx->sys->types->info[msg->type] & HMI_TYPE_NO_INFLUENCE) != 0)
		return;
	for (unsigned int kind = 0; kind < HMI_QUIET_KINDS; kind++)
		message_counts(ctx, cell, timeout_of(cell, kind));
}

/* ---- The timer ------------------------------------------------------------------------ */

/* Returns whether there was memory for the message. */
static bool
timeout_send(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hm_msg *msg = hm_msg_alloc(ctx, HM_RECEIVE_TIMEOUT, 0);

	if (msg == NULL)
		return false;
	msg->flags = HMI_MSG_BY_TYPE;
	msg->sender = (struct hm_pid){ .local = cell->actor.extra->restarts };
	msg->to = hmi_pid_of(ctx, cell).local;
	hmi_sent_add(ctx, 1);
	/* Past the look at what counts. */
	hmi_fifo_push(&cell->box, msg);
	hmi_schedule(ctx, cell);
	return true;
}

/* Behind all that this lcore's actors have sent to it: whether it stops is decided in its turn. */
static void
passivate(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_receive_timeout *t)
{
	t->due = true;
	hmi_control_post(ctx, hmi_pid_of(ctx, cell), hm_pid_none(), HMI_SYS_PASSIVATE);
}

/* Returns whether there was memory. */
static bool
time_over(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_receive_timeout *t)
{
	if (t->kind == HMI_QUIET_TIMEOUT)
		return timeout_send(ctx, cell);
	passivate(ctx, cell, t);
	return true;
}

/* A restart keeps the mailbox, but what was set before is not the new life's. */
void
hmi_receive_timeout_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (msg->sender.local == cell->actor.extra->restarts) {
		hmi_receive(ctx, cell, msg);
	} else {
		hmi_sent_add(ctx, (uint64_t)-1);
		hmi_count(&ctx->received, (uint64_t)-1);
	}
	hmi_msg_release(&ctx->cache, msg);
}

/* Whether it handles no messages, since it has failed, or stops. */
static bool
is_out_of_work(const struct hmi_cell *cell)
{
	return (cell->pending & (HMI_PENDING_FAILED | HMI_PENDING_STOP | HMI_PENDING_END)) != 0;
}

/* Whether messages wait, or one is being handled. */
static bool
is_busy(const struct hmi_cell *cell)
{
	return (cell->scheduled & HMI_SCHEDULED_QUEUED) != 0 || !hmi_cell_is_empty(cell);
}

/*
 * Until the next look, behind one that found messages that wait: short at first, so that ticks in step with the looks do not
 * hide that the actor is idle in between.
 */
static uint64_t
again_ns(struct hmi_receive_timeout *t)
{
	uint64_t ns = AGAIN_NS << t->busy_looks;

	t->busy_looks += t->busy_looks < AGAIN_SHIFT_MAX;
	return RTE_MIN(ns, part_ns(t));
}

/* When to look next, in ns from now. */
static uint64_t
look(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_receive_timeout *t, uint64_t now_ns)
{
	uint64_t whole = timeout_ns(t), part = part_ns(t);
	bool busy = is_busy(cell), was_busy = t->busy_looks > 0;

	if (!busy)
		t->busy_looks = 0;
	/* Of what waits, or has waited until now, one may count, until the mailbox is empty for once. */
	if (!t->marked || is_out_of_work(cell) || (t->may_count && (busy || was_busy))) {
		mark_set(cell, t, now_ns);
		t->may_count = t->may_count && busy;
		return busy ? again_ns(t) : part;
	}
	t->may_count = false;
	if (now_ns - t->marked_ns < whole)
		return t->marked_ns + whole - now_ns;
	/* Those that wait have no influence. */
	if (busy)
		return again_ns(t);
	if (!time_over(ctx, cell, t))
		return part;
	t->marked_ns = now_ns;
	return whole;
}

static void
fire(void *worker, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	struct hmi_receive_timeout *t = container_of(timer, struct hmi_receive_timeout, timer);
	uint64_t now_ns = ctx->worker.now_ns, next_ns;

	next_ns = look(ctx, hmi_cells_slot(&ctx->cells, t->slot), t, now_ns);
	look_add(ctx, t, now_ns + next_ns);
}

/* ---- Its life ---------------------------------------------------------------------------- */

/* The owner ends, or restarts. */
static void
timeout_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_receive_timeout *t = container_of(owned, struct hmi_receive_timeout, owned);

	mark_clear(owner, t);
	hmi_wheel_cancel(&ctx->worker.wheel, &t->timer);
	owner->actor.extra->quiet[t->kind] = NULL;
	hmi_slab_put(&ctx->receive_timeouts, t);
}

static bool
timeout_may_move(const struct hmi_owned *owned)
{
	(void)owned;
	return true;
}

static void
timeout_leave(struct hm_ctx *ctx, struct hmi_owned *owned)
{
	struct hmi_receive_timeout *t = container_of(owned, struct hmi_receive_timeout, owned);

	t->look_ns = hmi_timer_at_ns(&t->timer, ctx->worker.now_ns);
	hmi_wheel_cancel(&ctx->worker.wheel, &t->timer);
}

static void
timeout_arrive(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_receive_timeout *t = container_of(owned, struct hmi_receive_timeout, owned);

	t->slot = hmi_slot_of(ctx, owner);
	hmi_wheel_add(&ctx->worker.wheel, &t->timer, t->look_ns);
}

static const struct hmi_owned_ops timeout_ops = {
	.drop = timeout_drop,
	.may_move = timeout_may_move,
	.leave = timeout_leave,
	.arrive = timeout_arrive,
};

static struct hmi_receive_timeout *
timeout_get(struct hm_ctx *ctx, struct hmi_cell *cell, enum hmi_quiet kind)
{
	struct hmi_extra *extra = hmi_extra_get(&ctx->extras, cell);
	struct hmi_receive_timeout *t;

	if (extra == NULL || extra->quiet[kind] != NULL)
		return extra != NULL ? extra->quiet[kind] : NULL;
	t = hmi_slab_get(&ctx->receive_timeouts);
	if (t == NULL)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->timer.fire = fire;
	t->slot = hmi_slot_of(ctx, cell);
	t->kind = (uint8_t)kind;
	extra->quiet[kind] = t;
	hmi_owned_add(&cell->actor.owned, &t->owned, &timeout_ops);
	return t;
}

static void
timeout_end(struct hm_ctx *ctx, struct hmi_receive_timeout *t)
{
	if (t == NULL)
		return;
	hmi_owned_remove(&t->owned);
	timeout_drop(ctx, ctx->cell, &t->owned);
}

enum hm_result
hmi_quiet_set(struct hm_ctx *ctx, enum hmi_quiet kind, uint64_t us)
{
	struct hmi_receive_timeout *t;
	uint64_t now_ns;

	if (us == 0) {
		timeout_end(ctx, timeout_of(ctx->cell, kind));
		return HM_OK;
	}
	t = timeout_get(ctx, ctx->cell, kind);
	if (t == NULL)
		return HM_NO_MEMORY;
	now_ns = hmi_worker_clock(&ctx->worker);
	t->timeout_us = us;
	t->may_count = !hmi_cell_is_empty(ctx->cell);
	t->busy_looks = 0;
	t->due = false;
	mark_set(ctx->cell, t, now_ns);
	hmi_wheel_cancel(&ctx->worker.wheel, &t->timer);
	look_add(ctx, t, now_ns + timeout_ns(t));
	return HM_OK;
}

uint64_t
hmi_quiet_us(const struct hmi_cell *cell, enum hmi_quiet kind)
{
	const struct hmi_receive_timeout *t = timeout_of(cell, kind);

	return t != NULL ? t->timeout_us : 0;
}

bool
hmi_quiet_is_due(const struct hmi_cell *cell)
{
	const struct hmi_receive_timeout *t = timeout_of(cell, HMI_QUIET_PASSIVE);

	return t != NULL && t->due;
}

enum hm_result
hm_receive_timeout_set(struct hm_ctx *ctx, uint64_t timeout_us)
{
	hmi_check_ctx(ctx, "hm_receive_timeout_set");
	HMI_MARKED(ctx);
	return hmi_quiet_set(ctx, HMI_QUIET_TIMEOUT, timeout_us);
}

void
hm_receive_timeout_cancel(struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_receive_timeout_cancel");
	HMI_MARKED(ctx);
	(void)hmi_quiet_set(ctx, HMI_QUIET_TIMEOUT, 0);
}

uint64_t
hm_receive_timeout(const struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_receive_timeout");
	return hmi_quiet_us(ctx->cell, HMI_QUIET_TIMEOUT);
}
