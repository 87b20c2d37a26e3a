/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's side of a failure: an actor decides what becomes of its child.
 *
 *     report ─▶ record of the child ─▶ decider ─▶ limit ─▶ delay ─▶ directive to the child, or to more of them
 *
 * A record is a link of the supervisor, made when the child fails first, and freed when the child is gone. It holds as
 * many times of failures as the strategy's limit needs.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_log.h>

#include "actor_pvt.h"
#include "counter_pvt.h"
#include "directive_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "random_pvt.h"
#include "receive_pvt.h"
#include "child_record_pvt.h"

#define DELAY_MAX_US 3600000000ull
#define NS_PER_US    1000ull

const struct hm_supervisor hm_supervisor_default = { .restarts = 10, .window_us = 10000000 };
const struct hm_supervisor hm_supervisor_always = { .restarts = HM_RESTARTS_UNLIMITED };

bool
hmi_supervisor_is_valid(const struct hm_supervisor *strategy)
{
	return strategy == NULL ||
	       ((unsigned int)strategy->directive <= HM_DIRECTIVE_ESCALATE &&
		(unsigned int)strategy->scope <= HM_REST_FOR_ONE && strategy->backoff.jitter <= 100 &&
		(strategy->restarts <= HM_RESTARTS_MAX || strategy->restarts == HM_RESTARTS_UNLIMITED));
}

const struct hm_supervisor *
hmi_strategy_of(const struct hmi_cell *cell)
{
	const struct hm_supervisor *strategy = cell->actor.props->supervisor;

	return strategy != NULL ? strategy : &hm_supervisor_default;
}

/* ---- Records ---------------------------------------------------------------------- */

static void delay_end(void *worker, struct hmi_timer *timer);

static void
record_free(struct hm_ctx *ctx, struct hmi_record *record)
{
	hmi_wheel_cancel(&ctx->worker.wheel, &record->timer);
	free(record->times);
	hmi_slab_put(&ctx->records, record);
}

static void
record_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_record *record = container_of(owned, struct hmi_record, link.owned);

	(void)owner;
	hmi_link_unhash(&ctx->links, &record->link);
	record_free(ctx, record);
}

/* Whether no restart is to come. */
static bool
record_may_move(const struct hmi_owned *owned)
{
	return !hmi_timer_pending(&container_of(owned, const struct hmi_record, link.owned)->timer);
}

const struct hmi_owned_ops hmi_record_ops = {
	.drop = record_drop,
	.outlives_restart = true,
	.may_move = record_may_move,
	.leave = hmi_link_leave,
	.arrive = hmi_link_arrive,
};

void
hmi_records_init(struct hm_ctx *ctx)
{
	hmi_slab_init(&ctx->records, sizeof(struct hmi_record));
}

void
hmi_records_shut_down(struct hm_ctx *ctx)
{
	for (uint32_t i = 0; ctx->links.buckets != NULL && i <= ctx->links.mask; i++) {
		for (struct hmi_link *link = ctx->links.buckets[i]; link != NULL; link = link->hash_next) {
			if (link->kind == HMI_LINK_RECORD)
				free(((struct hmi_record *)(void *)link)->times);
		}
	}
}

/* A record that belongs to nobody yet; NULL: no memory. */
static struct hmi_record *
record_new(struct hm_ctx *ctx, const struct hm_supervisor *strategy)
{
	struct hmi_record *record = hmi_slab_get(&ctx->records);

	if (record == NULL)
		return NULL;
	memset(record, 0, sizeof(*record));
	record->timer.fire = delay_end;
	if (strategy->restarts == HM_RESTARTS_UNLIMITED)
		return record;
	record->capacity = strategy->restarts + 1;
	record->times = calloc(record->capacity, sizeof(*record->times));
	if (record->times == NULL) {
		record_free(ctx, record);
		return NULL;
	}
	return record;
}

static void
record_add(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_record *record, struct hm_pid child)
{
	record->link.kind = HMI_LINK_RECORD;
	record->link.pid = child;
	hmi_link_add(&ctx->links, cell, hmi_slot_of(ctx, cell), &record->link, &hmi_record_ops);
}

struct hmi_record *
hmi_record_find(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_pid child)
{
	return (struct hmi_record *)(void *)hmi_link_find(&ctx->links, hmi_slot_of(ctx, cell),
							  HMI_LINK_RECORD, child);
}

static struct hmi_record *
record_get(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid child)
{
	struct hmi_record *record = hmi_record_find(ctx, cell, child);

	if (record != NULL)
		return record;
	record = record_new(ctx, hmi_strategy_of(cell));
	if (record != NULL)
		record_add(ctx, cell, record, child);
	return record;
}

void
hmi_supervise_forget(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid child)
{
	struct hmi_record *record = cell->actor.owned != NULL ? hmi_record_find(ctx, cell, child) : NULL;

	if (record == NULL)
		return;
	hmi_link_remove(&ctx->links, &record->link);
	record_free(ctx, record);
}

int
hmi_supervise_order_new(struct hm_ctx *ctx, struct hmi_link **order)
{
	const struct hm_supervisor *strategy = hmi_strategy_of(ctx->cell);
	struct hmi_record *record;

	*order = NULL;
	if (likely(strategy->scope != HM_REST_FOR_ONE))
		return 0;
	record = record_new(ctx, strategy);
	if (record == NULL)
		return -ENOMEM;
	*order = &record->link;
	return 0;
}

void
hmi_supervise_order(struct hm_ctx *ctx, struct hm_pid child, struct hmi_link *order)
{
	struct hmi_record *record = (struct hmi_record *)(void *)order;

	if (likely(record == NULL))
		return;
	record->serial = ++ctx->child_serial;
	record_add(ctx, ctx->cell, record, child);
}

void
hmi_supervise_order_undo(struct hm_ctx *ctx, struct hmi_link *order)
{
	record_free(ctx, (struct hmi_record *)(void *)order);
}

/* ---- The limit ---------------------------------------------------------------------- */

/* Failures that are less than a window old. */
static uint32_t
failures_count(const struct hmi_record *record, uint64_t now_ns, uint64_t window_us)
{
	uint64_t window_ns = window_us > UINT64_MAX / NS_PER_US ? UINT64_MAX : window_us * NS_PER_US;
	uint32_t count = 0;

	if (record->times == NULL || window_us == 0)
		return record->count;
	for (uint32_t i = 0; i < record->count; i++)
		count += now_ns - record->times[i] < window_ns;
	return count;
}

/* Note a failure. Returns how many there are in the window. */
static uint32_t
failure_note(struct hmi_record *record, const struct hm_supervisor *strategy, uint64_t now_ns)
{
	if (record->times == NULL) {
		record->count += record->count < UINT32_MAX;
		return record->count;
	}
	record->times[record->next] = now_ns;
	record->next = record->next + 1 < record->capacity ? record->next + 1 : 0;
	record->count += record->count < record->capacity;
	return failures_count(record, now_ns, strategy->window_us);
}

/* ---- The delay -------------------------------------------------------------------------- */

/* "Never" is not to become a short time. */
static uint64_t
delay_ns(uint64_t us)
{
	return us > UINT64_MAX / 4 / NS_PER_US ? UINT64_MAX / 4 : us * NS_PER_US;
}

static uint64_t
delay_longest_us(const struct hm_backoff *backoff)
{
	return backoff->max_us != 0 ? backoff->max_us : DELAY_MAX_US;
}

static bool
is_quiet(const struct hmi_record *record, const struct hm_backoff *backoff, uint64_t now_ns)
{
	uint64_t longest = delay_longest_us(backoff), reset_us = backoff->reset_us;

	if (reset_us == 0)
		reset_us = longest > UINT64_MAX / 2 ? UINT64_MAX : 2 * longest;
	return (now_ns - record->last_ns) / NS_PER_US >= reset_us;
}

/* The next one, in microseconds. */
static uint64_t
delay_next(struct hm_ctx *ctx, struct hmi_record *record, const struct hm_backoff *backoff, uint64_t now_ns)
{
	uint64_t longest = delay_longest_us(backoff), delay = backoff->min_us, random;

	if (backoff->min_us == 0)
		return 0;
	if (is_quiet(record, backoff, now_ns))
		record->delays = 0;
	for (uint32_t i = 0; i < record->delays && delay < longest; i++)
		delay = delay > longest / 2 ? longest : 2 * delay;
	record->delays += record->delays < 63;
	delay = RTE_MIN(delay, longest);
	random = delay * backoff->jitter / 100;
	return random > 0 ? delay - hmi_random(&ctx->random) % (random + 1) : delay;
}

/* ---- The directive ------------------------------------------------------------------------ */

/* What is carried out in order is done in the supervisor's turn, and this is a timer's. */
static void
delay_end(void *worker, struct hmi_timer *timer)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	struct hmi_record *record = container_of(timer, struct hmi_record, timer);
	struct hmi_cell *cell = hmi_cells_slot(&ctx->cells, record->link.owner);

	if (hmi_strategy_of(cell)->scope == HM_ONE_FOR_ONE)
		hmi_directive_restart(ctx, cell, record);
	else
		hmi_control_post(ctx, hmi_pid_of(ctx, cell), record->link.pid, HMI_SYS_RESTART_DUE);
}

static void
restart_later(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_record *record, uint64_t delay_us)
{
	if (delay_us == 0) {
		hmi_directive_restart(ctx, cell, record);
	} else if (!hmi_timer_pending(&record->timer)) {
		record->delayed = true;
		hmi_wheel_add(&ctx->worker.wheel, &record->timer, ctx->worker.now_ns + delay_ns(delay_us));
	}
}

static void
directive_apply(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_record *record,
		const struct hm_supervision *decision)
{
	switch ((enum hm_directive)decision->directive) {
	case HM_DIRECTIVE_RESUME:
		hmi_control_post(ctx, record->link.pid, hm_pid_none(), HMI_SYS_RESUME);
		break;
	case HM_DIRECTIVE_RESTART:
		restart_later(ctx, cell, record, decision->delay_us);
		break;
	case HM_DIRECTIVE_ESCALATE:
		hmi_actor_escalate(ctx, cell, &decision->failure);
		break;
	case HM_DIRECTIVE_STOP:
		hmi_directive_stop(ctx, cell, record);
		break;
	}
}

/* ---- The decision -------------------------------------------------------------------------- */

static bool
is_guardian(const struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	struct hm_pid self = hmi_pid_of(ctx, cell);

	return hm_pid_equal(self, ctx->sys->user) || hm_pid_equal(self, ctx->sys->system) ||
	       hm_pid_equal(self, ctx->sys->root);
}

/*
 * What the strategy says. While a function of the user decides, the failure counts as escalated: if that function
 * fails itself, it is.
 */
static enum hm_directive
decide(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_record *record, const struct hm_failure *failure)
{
	const struct hm_supervisor *strategy = hmi_strategy_of(cell);
	enum hm_directive directive = strategy->directive;

	record->escalated = true;
	if (strategy->decide != NULL) {
		/* The guardian is nobody's to act as. */
		bool is_user = !is_guardian(ctx, cell);

		hmi_user_enter(ctx);
		directive = strategy->decide(is_user ? ctx : NULL, is_user ? hmi_cell_state(cell) : NULL,
					     failure);
		(void)hmi_user_leave(ctx);
	}
	record->escalated = directive == HM_DIRECTIVE_ESCALATE;
	return (unsigned int)directive <= HM_DIRECTIVE_ESCALATE ? directive : HM_DIRECTIVE_STOP;
}

/* The limit may make a stop of a restart. */
static void
restart_decide(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_record *record,
	       struct hm_supervision *decision)
{
	const struct hm_supervisor *strategy = hmi_strategy_of(cell);

	if (strategy->restarts != HM_RESTARTS_UNLIMITED && decision->failure.failures > strategy->restarts)
		decision->directive = HM_DIRECTIVE_STOP;
	else
		decision->delay_us = delay_next(ctx, record, &strategy->backoff, ctx->worker.now_ns);
}

static void
supervise(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_record *record,
	  const struct hm_failure *failure)
{
	struct hm_supervision decision = { .supervisor = hmi_pid_of(ctx, cell), .failure = *failure };
	uint64_t now_ns = hmi_worker_clock(&ctx->worker);

	decision.failure.failures = failure_note(record, hmi_strategy_of(cell), now_ns);
	decision.directive = decide(ctx, cell, record, &decision.failure);
	if (decision.directive == HM_DIRECTIVE_RESTART)
		restart_decide(ctx, cell, record, &decision);
	record->last_ns = now_ns;
	ctx->sys->parts->supervised(ctx, &decision);
	directive_apply(ctx, cell, record, &decision);
}

/* Without memory to know what the child has done before, it is not restarted. */
static void
supervise_blindly(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_failure *failure)
{
	struct hm_supervision decision = {
		.supervisor = hmi_pid_of(ctx, cell),
		.directive = HM_DIRECTIVE_STOP,
		.failure = *failure,
	};

	ctx->sys->parts->supervised(ctx, &decision);
	hmi_control_post(ctx, failure->actor, hm_pid_none(), HMI_SYS_STOP_FAILED);
}

static void
report_handle(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *report)
{
	const struct hm_failure *failure = hm_msg_body(report);
	struct hmi_record *record = NULL;

	if (hmi_extra_get(&ctx->extras, cell) != NULL)
		record = record_get(ctx, cell, failure->actor);
	/* The decider may not return. */
	ctx->msg = report;
	if (record != NULL) {
		cell->actor.extra->has_escalated = true;
		supervise(ctx, cell, record, failure);
	} else {
		supervise_blindly(ctx, cell, failure);
	}
	ctx->msg = NULL;
}

/* The delay of a child's restart is over, unless it was restarted with others, or has failed again, since. */
static void
delayed_restart(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid child)
{
	struct hmi_record *record = hmi_record_find(ctx, cell, child);

	if (record != NULL && record->delayed && !hmi_timer_pending(&record->timer))
		hmi_directive_restart(ctx, cell, record);
}

void
hmi_supervise_now(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *report)
{
	/* The children of one that stops stop in any case. */
	if ((cell->pending & (HMI_PENDING_STOP | HMI_PENDING_END)) != 0)
		;
	else if (report->type == HMI_SYS_FAILURE)
		report_handle(ctx, cell, report);
	else
		delayed_restart(ctx, cell, report->sender);
	hmi_msg_release(&ctx->cache, report);
}

void
hmi_supervise(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *report)
{
	if (!hmi_directive_defer(cell, report))
		hmi_supervise_now(ctx, cell, report);
}
