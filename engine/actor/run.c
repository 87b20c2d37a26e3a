/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An actor's turn: from its mailbox into its receive function.
 */
#include "actor_pvt.h"
#include "box_pvt.h"
#include "buffer_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "deliver_pvt.h"
#include "expire_pvt.h"
#include "flight_pvt.h"
#include "heat_pvt.h"
#include "load_pvt.h"
#include "middleware_pvt.h"
#include "msg_pvt.h"
#include "pressure_pvt.h"
#include "receive_pvt.h"
#include "run_stage_pvt.h"
#include "turn_pvt.h"

/*
 * turn() counts what it takes from the mailbox; poison, deadlines, notifications and identities are the
 * engine's own messages, which were not counted as sent.
 */
static void
uncount(struct hm_ctx *ctx)
{
	hmi_count(&ctx->received, (uint64_t)-1);
}

/* Touched, and Terminated as the answer of a future, were counted as sent. */
static __attribute__((noinline)) void
resume_uncount(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	if (msg->type != HM_TOUCHED && msg->type != HM_TERMINATED)
		uncount(ctx);
}

/* The last message of a process that the actor owns. */
static inline void
resume(struct hm_ctx *ctx, struct hm_msg *msg)
{
	struct hmi_cell *process = hmi_cells_at(&ctx->cells, msg->to);

	ctx->msg = msg;
	if (unlikely(msg->type < HM_TYPE_USER))
		resume_uncount(ctx, msg);
	process->ops->resume(ctx, process, msg);
}

/* A notification, a poison pill, or a request that comes too late. */
static void
system_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	uncount(ctx);
	if (msg->flags & HMI_MSG_SYSTEM) {
		hmi_terminated_receive(ctx, cell, msg);
	} else {
		hmi_msg_release(&ctx->cache, msg);
		hmi_actor_stop(ctx, cell, HM_TERMINATED_STOPPED);
	}
}

/* A request that comes too late. */
static void
expired_drop(struct hm_ctx *ctx, struct hm_msg *msg)
{
	uncount(ctx);
	hmi_dead_of(ctx, ctx->cell, msg, HM_DEAD_EXPIRED);
}

/* What the engine has sent, or does something with, and what comes too late. */
static __attribute__((noinline)) void
engine_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if ((msg->flags & HMI_MSG_SYSTEM) != 0 || msg->type == HM_SYS_POISON)
		system_receive(ctx, cell, msg);
	else if (unlikely((msg->flags & HMI_MSG_EXPIRES) != 0 && hmi_is_expired(ctx, msg)))
		expired_drop(ctx, msg);
	else
		hmi_handled_receive(ctx, cell, msg);
}

/* A message that does not just go to the receive function. */
static inline void
special_receive(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (unlikely((msg->flags & HMI_MSG_RESUME) == 0)) {
		engine_receive(ctx, cell, msg);
		return;
	}
	resume(ctx, msg);
	if (likely(ctx->msg != NULL))
		hmi_msg_release(&ctx->cache, msg);
}

/* Whether a message with any of the flags ctx->special is nothing but a request that is not expired. */
static inline bool
is_in_time(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	return (msg->flags & HMI_MSG_SPECIAL) == 0 && !hmi_is_expired(ctx, msg);
}

/* One user message, taken from the mailbox as the turn's n-th. It may be the actor's last. */
static __rte_always_inline void
message_handle(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg, uint32_t n, bool recorded)
{
	hmi_guard_received(msg);
	ctx->handled = n;
	if (recorded)
		hmi_flight_note(ctx, cell, HM_EVENT_HANDLES, msg->type);
	if (likely((msg->flags & ctx->special) == 0) || is_in_time(ctx, msg)) {
		if (likely(hmi_receive(ctx, cell, msg)))
			hmi_msg_release(&ctx->cache, msg);
	} else {
		special_receive(ctx, cell, msg);
	}
}

/* As hmi_pressure_relieve, if it is overloaded. Who stops releases all, and who restarts has not drained. */
static bool
overload_look(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	return (cell->scheduled & HMI_SCHEDULED_OVERLOADED) != 0 &&
	       (cell->pending & (HMI_PENDING_STOP | HMI_PENDING_END)) == 0 &&
	       hmi_pressure_relieve(ctx, cell, hmi_cell_count(cell));
}

/*
 * Its turn is over, and it has more to do than user messages, or it is gone. If it is muted it may have drained
 * before, and has to release others, though it handles no messages.
 */
static __attribute__((noinline)) void
pending_turn_end(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	bool more;

	if (ctx->cell == NULL)
		return;
	if ((cell->scheduled & HMI_SCHEDULED_QUANTUM) != 0)
		hmi_quantum_end(ctx, cell);
	more = overload_look(ctx, cell);
	hmi_unschedule(cell);
	if (more || hmi_actor_has_work(cell))
		hmi_schedule(ctx, cell);
}

/* Its turn is over; it is runnable again, if anything is left to do. */
static void
turn_end(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	bool more = overload_look(ctx, cell);

	if ((cell->scheduled & HMI_SCHEDULED_QUANTUM) != 0)
		hmi_quantum_end(ctx, cell);
	if (more || !hmi_cell_is_empty(cell))
		hmi_queue(ctx, cell);
	else
		hmi_unschedule(cell);
}

/* Whether the running actor still exists, and handles user messages. */
static bool
pending_handle(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	if (ctx->cell != NULL && cell->pending != 0)
		hmi_actor_handle_pending(ctx, cell);
	return ctx->cell != NULL && cell->pending == 0;
}

static inline struct hm_msg *
message_next(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hm_msg *msg = hmi_fifo_pop(&cell->box);

	return msg == NULL && hmi_cell_has_box(cell) ? hmi_box_next(ctx, cell) : msg;
}

/* The turn of any actor, which may have ended, behind its n-th message. Returns how many it was. */
static __attribute__((noinline)) uint32_t
turn_go_on(struct hm_ctx *ctx, struct hmi_cell *cell, uint32_t portion, uint32_t n)
{
	bool recorded = ctx->sys->options.record_all;

	while (pending_handle(ctx, cell)) {
		struct hm_msg *msg = n < portion ? message_next(ctx, cell) : NULL;

		if (msg == NULL) {
			turn_end(ctx, cell);
			return n;
		}
		message_handle(ctx, cell, msg, ++n, recorded);
	}
	pending_turn_end(ctx, cell);
	return n;
}

/* User messages that an actor with a quantum of its own, or one that was born on another lcore, may handle. */
static uint32_t
unusual_portion(struct hm_ctx *ctx, const struct hmi_cell *cell)
{
	uint32_t portion = hmi_worker_steps_max(&ctx->worker);

	if ((cell->scheduled & HMI_SCHEDULED_MOVED) != 0) {
		atomic_store_explicit(&ctx->moved_cell, cell, memory_order_relaxed);
		atomic_store_explicit(&ctx->moved_home, cell->actor.extra->home, memory_order_relaxed);
	}
	if ((cell->scheduled & HMI_SCHEDULED_QUANTUM) == 0)
		return portion;
	hmi_sending_begin(ctx, cell);
	return hmi_quantum_begin(ctx, cell, portion);
}

/* As actor_turn, of an actor with pending work, or anything of its own: mailbox, priority, quantum, overload, home. */
static __attribute__((noinline)) uint32_t
unusual_turn(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	uint32_t n;

	ctx->handled = 0;
	n = turn_go_on(ctx, cell, unusual_portion(ctx, cell), 0);
	if (unlikely(ctx->sending != NULL))
		hmi_sending_end(ctx);
	return n;
}

/* The turn goes on behind the n-th message of an actor that was a usual one before. */
static __attribute__((noinline)) uint32_t
turn_look(struct hm_ctx *ctx, struct hmi_cell *cell, uint32_t n)
{
	if (cell->condition != HMI_CONDITION_ASKED)
		return turn_go_on(ctx, cell, hmi_worker_steps_max(&ctx->worker), n);
	hmi_actor_stop_asked(ctx, cell);
	pending_turn_end(ctx, cell);
	return n;
}

/* The first turn of an actor with nothing of its own. */
static __attribute__((noinline)) uint32_t
first_turn(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	ctx->handled = 0;
	cell->condition = HMI_CONDITION_USUAL;
	hmi_lifecycle_receive(ctx, cell, HM_STARTED);
	if (cell->condition != HMI_CONDITION_USUAL || cell->box.head != NULL)
		return turn_look(ctx, cell, 0);
	cell->condition = 0;
	return 0;
}

/*
 * A turn of an actor: as many user messages as the worker may do steps. Returns how many it was, as does ctx->handled if it
 * is left. `recorded`, a constant: each message is.
 */
static __rte_always_inline uint32_t
actor_turn(struct hm_ctx *ctx, struct hmi_cell *cell, bool recorded)
{
	uint32_t n = 0;

	if (unlikely(cell->condition != HMI_CONDITION_USUAL || cell->box.head == NULL))
		return cell->condition == HMI_CONDITION_START ? first_turn(ctx, cell)
							      : unusual_turn(ctx, cell);
	do {
		struct hm_msg *msg = hmi_fifo_pop(&cell->box);

		if (cell->box.head != NULL)
			__builtin_prefetch(cell->box.head);
		message_handle(ctx, cell, msg, ++n, recorded);
		/* That of a free cell, where it has ended, is 0. */
		if (unlikely(cell->condition != HMI_CONDITION_USUAL))
			return turn_look(ctx, cell, n);
		if (cell->box.head == NULL) {
			cell->condition = 0;
			return n;
		}
	} while (n < hmi_worker_steps_max(&ctx->worker));
	hmi_runq_push(&ctx->worker.runq, (struct hmi_runnable *)(void *)cell);
	return n;
}

/* ctx->cell and ctx->msg stay until the next one runs: no_actor_runs() clears them. */
static __rte_always_inline bool
actor_run_as(struct hmi_worker *worker, struct hmi_runnable *runnable, bool recorded)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	struct hmi_cell *cell = (struct hmi_cell *)(void *)runnable;
	uint32_t n;

	ctx->cell = cell;
	n = actor_turn(ctx, cell, recorded);
	hmi_count(&ctx->received, n);
	if (likely(n == 1))
		return false;
	/* The end of an actor has counted its steps itself. */
	return n > 1 ? hmi_worker_steps(worker, n) : worker->deadline.expired;
}

static inline bool
actor_run(struct hmi_worker *worker, struct hmi_runnable *runnable)
{
	return actor_run_as(worker, runnable, false);
}

static inline bool
actor_run_recorded(struct hmi_worker *worker, struct hmi_runnable *runnable)
{
	return actor_run_as(worker, runnable, true);
}

static inline void
no_actor_runs(struct hm_ctx *ctx)
{
	ctx->cell = NULL;
	ctx->msg = NULL;
}

/* Deliver what actors have sent; dead letters come last. */
static inline uint32_t
deferred_run(struct hmi_worker *worker)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);

	no_actor_runs(ctx);
	if (likely(hmi_outbox_count(&ctx->outbox) > 0))
		return hmi_outbox_deliver(ctx);
	return ctx->dead.head != NULL ? ctx->sys->parts->dead_publish(ctx) : 0;
}

/* ---- The stage ------------------------------------------------------------------------ */

/* Whether more messages wait in the outbox than may: others are taken to be like the one that was sent last. */
static inline bool
outbox_is_over(const struct hm_ctx *ctx)
{
	uint32_t count = hmi_outbox_count(&ctx->outbox);

	return unlikely(count > HMI_OUTBOX_LOOK) &&
	       (count > HMI_OUTBOX_HIGH ||
		count * hmi_msg_bytes(hmi_outbox_newest(&ctx->outbox)) > ctx->sys->marks.bytes);
}

/*
 * Actors that are driven by timers, other lcores or the network may send more than is delivered behind them, and where
 * receivers are slow none of their mailboxes would ever have more than a few messages. Deliver in place of running.
 */
static __attribute__((noinline)) uint32_t
outbox_relieve(struct hm_ctx *ctx)
{
	uint32_t done = 0;

	hmi_worker_stage_begin(&ctx->worker, HMI_RUN_US);
	hmi_worker_stage_start(&ctx->worker);
	do {
		done += hmi_outbox_deliver(ctx);
	} while (outbox_is_over(ctx) && !hmi_worker_steps(&ctx->worker, 1));
	return done;
}

static __rte_always_inline uint32_t
actors_run(struct hmi_worker *worker, hmi_run_fn *run)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	uint32_t work;

	hmi_load_publish(ctx);
	if (unlikely(outbox_is_over(ctx)))
		return outbox_relieve(ctx);
	work = hmi_run_stage(worker, run, deferred_run);
	no_actor_runs(ctx);
	return work;
}

uint32_t
hmi_actors_run(struct hmi_worker *worker)
{
	return actors_run(worker, actor_run);
}

uint32_t
hmi_actors_run_recorded(struct hmi_worker *worker)
{
	return actors_run(worker, actor_run_recorded);
}

static inline bool
actor_run_measured(struct hmi_worker *worker, struct hmi_runnable *runnable)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);
	bool over;

	hmi_heat_turn_begin(ctx, (struct hmi_cell *)(void *)runnable);
	over = actor_run_as(worker, runnable, ctx->sys->options.record_all);
	hmi_heat_turn(ctx);
	return over;
}

uint32_t
hmi_actors_run_measured(struct hmi_worker *worker)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);

	if (unlikely(worker->now_ns >= ctx->heat->due_ns))
		ctx->sys->parts->balance_look(ctx);
	if (hmi_heat_begin(ctx))
		return actors_run(worker, actor_run_measured);
	return ctx->sys->options.record_all ? hmi_actors_run_recorded(worker) : hmi_actors_run(worker);
}

void
hmi_actors_failed(struct hmi_worker *worker)
{
	hmi_actor_failed(worker);
	/* The stage is over, and where an actor fails in each turn nobody else delivers what is deferred. */
	(void)hmi_run_deferred(worker, deferred_run);
}
