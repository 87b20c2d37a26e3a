/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for a future with a handle: continuations, on any lcore.
 */
#include "deliver_pvt.h"
#include "hmt_eal.h"
#include "test_engine_waiter.h"

TestSuite(engine_waiter, .init = hmt_eal_start);

/* ---- On all lcores ---------------------------------------------------------------------------------- */

Test(engine_waiter, reenter_after__actors_of_all_lcores_get_the_answer)
{
	static struct scene s;

	start(&s);
	wait_all(&s);
	future_answer(&s.node, &s.making, 5);
	for (uint32_t i = 0; i < 3; i++) {
		must_be(&s.waits[i], HM_FUTURE_REPLY);
		cr_assert_eq(s.waits[i].end.answer, 5);
		cr_assert_eq(s.waiters[i].count, 1, "not for the receive function");
	}
	cr_assert_eq(cells_live(&s.node), s.live + 1);
	hmt_node_end(&s.node);
}

Test(engine_waiter, reenter_after__all_of_them_learn_of_the_timeout)
{
	static struct scene s;

	start(&s);
	wait_all(&s);
	hmt_elapse(&s.node, 1002);
	for (uint32_t i = 0; i < 3; i++)
		must_be(&s.waits[i], HM_FUTURE_TIMEOUT);
	hmt_node_end(&s.node);
}

/* ---- As a process ---------------------------------------------------------------------------------------- */

/* Nobody but the future knows the PID of one who waits. */
static void
bother(struct hm_ctx *ctx, void *arg)
{
	struct hm_pid waiter = *(struct hm_pid *)arg;
	uint64_t number = 1;

	hm_stop(ctx, waiter);
	cr_assert_eq(hm_poison(ctx, waiter), HM_OK);
	cr_assert_eq(hm_watch(ctx, waiter), HM_OK);
	cr_assert_eq(hm_request(ctx, waiter, HM_TOUCH, NULL), HM_OK);
	cr_assert_eq(hm_request_from(ctx, waiter, hm_self(ctx), HMT_NUMBER, &number), HM_OK);
}

Test(engine_waiter, waiter__is_neither_stopped_nor_watched_and_answers_a_touch)
{
	static struct scene s;
	struct hm_pid waiter;

	start(&s);
	wait_all(&s);
	/* The one of lcore 0 came first. */
	waiter = container_of(hmi_cell_live(s.node.sys->lcores[0], s.making.future.pid.local)->shared.first,
			      struct hmi_link, owned)
			 ->pid;
	hmt_do(&s.node, s.waiters[2].pid, bother, &waiter);
	cr_assert_eq(hmt_seen_last(&s.waiters[2], HM_TERMINATED)->terminated.reason, HM_TERMINATED_NOT_FOUND);
	cr_assert_eq(hmt_seen_count(&s.waiters[2], HM_TOUCHED), 1);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_UNEXPECTED], 1);
	cr_assert_eq(s.waits[0].end.ends, 0);
	future_answer(&s.node, &s.making, 5);
	must_be(&s.waits[0], HM_FUTURE_REPLY);
	hmt_node_end(&s.node);
}

/* ---- Who waits is gone before --------------------------------------------------------------------------- */

Test(engine_waiter, stop__of_one_who_waits_is_told_to_the_future)
{
	static struct scene s;
	struct hm_stats stats;

	start(&s);
	wait_all(&s);
	for (uint32_t i = 0; i < 3; i++) {
		hmt_stop(&s.node, s.waiters[i].pid);
		cr_assert_eq(waits_live(&s), 2 - i);
	}
	future_answer(&s.node, &s.making, 5);
	stats = hmt_stats(&s.node);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(s.waits[i].end.ends, 0);
	cr_assert_eq(stats.continuations_dropped, 3);
	cr_assert_eq(hmt_dead(&s.node), 0, "nobody was sent anything");
	cr_assert_eq(cells_live(&s.node), s.live - 3 + 1);
	hmt_node_end(&s.node);
}

static void
wait_and_stop(struct hm_ctx *ctx, void *arg)
{
	wait_begin(ctx, arg);
	hm_stop(ctx, hm_self(ctx));
}

Test(engine_waiter, stop__with_the_answer_in_the_mailbox_makes_that_a_dead_letter)
{
	static struct scene s;

	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		start(&s);
		future_answer(&s.node, &s.making, 5);
		s.waits[lcore] = (struct wait){ .future = s.making.future };
		hmt_do(&s.node, s.waiters[lcore].pid, wait_and_stop, &s.waits[lcore]);
		cr_assert_eq(s.waits[lcore].end.ends, 0);
		cr_assert_eq(hmt_stats(&s.node).continuations_dropped, 1);
		cr_assert_eq(hmt_dead(&s.node), lcore == 0 ? 1 : hmt_dead(&s.node));
		cr_assert_eq(cells_live(&s.node), s.live - 1 + 1);
		hmt_node_end(&s.node);
	}
}

static void
child_make(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hmt_probe_child(ctx, arg, 2, NULL), 0);
}

/* With a child its mailbox is given up first, and what it owns is dropped at its end. */
Test(engine_waiter, stop__of_one_with_a_child_and_the_answer_in_the_mailbox)
{
	static struct hmt_probe child;
	static struct scene s;

	child = (struct hmt_probe){ 0 };
	start(&s);
	hmt_do(&s.node, s.waiters[0].pid, child_make, &child);
	future_answer(&s.node, &s.making, 5);
	s.waits[0] = (struct wait){ .future = s.making.future };
	hmt_do(&s.node, s.waiters[0].pid, wait_and_stop, &s.waits[0]);
	cr_assert_eq(s.waits[0].end.ends, 0);
	cr_assert_eq(hmt_stats(&s.node).continuations_dropped, 1);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_STOPPED], 1);
	hmt_node_end(&s.node);
}

/* Registered, ended, and then dropped as a restart does it, before the actor's next message. */
static void
wait_and_restart(struct hm_ctx *ctx, void *arg)
{
	wait_begin(ctx, arg);
	owned_drop_all(ctx, ctx->cell);
}

Test(engine_waiter, restart__drops_continuations_whose_answer_is_in_the_mailbox)
{
	static struct scene s;
	struct hm_stats stats;

	start(&s);
	future_answer(&s.node, &s.making, 5);
	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		s.waits[lcore] = (struct wait){ .future = s.making.future };
		hmt_do(&s.node, s.waiters[lcore].pid, wait_and_restart, &s.waits[lcore]);
		cr_assert_eq(s.waits[lcore].end.ends, 0);
	}
	stats = hmt_stats(&s.node);
	cr_assert_eq(stats.continuations_dropped, 3);
	/* On its own lcore the answer was in the mailbox already. */
	cr_assert_geq(stats.dead[HM_DEAD_LATE_REPLY], 1);
	cr_assert_eq(waits_live(&s), 0);
	cr_assert_eq(cells_live(&s.node), s.live + 1);
	hmt_books_check(s.node.sys);
	/* The actor goes on. */
	hmt_number(&s.node, s.waiters[0].pid, 1);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hmt_seen_count(&s.waiters[0], HMT_NUMBER), 1);
	hmt_node_end(&s.node);
}

static void
ask_and_restart(struct hm_ctx *ctx, void *arg)
{
	struct future_request *request = arg;

	/* One that will be a dead letter, and one without an answer. */
	request->to = hm_system_dead_letters(hm_system(ctx));
	ask(ctx, request);
	request->to = hm_self(ctx);
	ask(ctx, request);
	owned_drop_all(ctx, ctx->cell);
}

/* The answer to an actor's request lies in its mailbox. */
static void
answer_arrives(struct scene *s, struct future_request *request)
{
	struct hmi_cell *cell;

	request->to = s->owner.pid;
	do_now(&s->node, s->owner.pid, ask, request);
	/* Its own request, which it answers without a turn. */
	cell = hmi_cell_live(s->node.sys->lcores[0], s->owner.pid.local);
	while (cell->box.head == NULL)
		hmi_outbox_flush(s->node.sys->lcores[0]);
	request->from = cell->box.head->sender;
	hmt_number(&s->node, request->from, 9);
}

static void
restart_once(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	/* The request comes first, then the answer: behind it in the mailbox, or on its way. */
	if (hm_msg_type(msg) == HMT_NUMBER)
		owned_drop_all(ctx, ctx->cell);
}

/* What hm_ask has registered is dropped as well: pending, or with the answer in the mailbox. */
Test(engine_waiter, restart__drops_what_was_asked)
{
	static struct future_request request;
	static struct scene s;
	struct hm_stats stats;

	start(&s);
	request = (struct future_request){ .timeout_us = 1000 };
	hmt_do(&s.node, s.owner.pid, ask_and_restart, &request);
	hmt_elapse(&s.node, 2000);
	cr_assert_eq(request.ends, 0);
	stats = hmt_stats(&s.node);
	cr_assert_eq(stats.continuations_dropped, 2,
		     "and the future that the owner has made is no continuation");
	s.owner.on_msg = restart_once;
	answer_arrives(&s, &request);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(request.ends, 0);
	cr_assert_eq(hmt_stats(&s.node).continuations_dropped, 3);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], stats.dead[HM_DEAD_LATE_REPLY] + 1);
	hmt_books_check(s.node.sys);
	hmt_node_end(&s.node);
}

/* ---- Whom a continuation answers ---------------------------------------------------------------------- */

static void
respond_late(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	     void *arg)
{
	uint64_t number = reply != NULL ? 1 + *(const uint64_t *)hm_msg_body(reply) : 1000 + result;

	(void)state;
	(void)arg;
	cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
}

/* Each request is answered when the future has ended. */
static void
answer_later(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const struct making *making = probe->arg;

	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_reenter_after(ctx, making->future, respond_late, NULL), HM_OK);
}

Test(engine_waiter, reenter_after__responds_to_whoever_asked_when_it_began)
{
	static struct scene s;
	static struct future_request requests[2];

	for (int answered = 0; answered < 2; answered++) {
		start(&s);
		s.waiters[2].on_msg = answer_later;
		s.waiters[2].arg = &s.making;
		for (int i = 0; i < 2; i++) {
			requests[i] = (struct future_request){ .to = s.waiters[2].pid, .timeout_us = 5000 };
			hmt_do(&s.node, s.waiters[i].pid, ask, &requests[i]);
			cr_assert_eq(requests[i].ends, 0);
		}
		if (answered)
			future_answer(&s.node, &s.making, 5);
		else
			hmt_elapse(&s.node, 1002);
		for (int i = 0; i < 2; i++) {
			cr_assert_eq(requests[i].ends, 1);
			cr_assert_eq(requests[i].answer, answered ? 6 : 1000 + HM_FUTURE_TIMEOUT);
		}
		hmt_node_end(&s.node);
	}
}

static void
forward_later(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	      void *arg)
{
	(void)state;
	(void)reply;
	cr_assert_eq(hm_forward(ctx, *(struct hm_pid *)arg),
		     result == HM_FUTURE_REPLY ? HM_OK : HM_NO_RECEIVER);
}

static void
wait_to_forward(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const struct scene *s = probe->arg;

	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_reenter_after(ctx, s->making.future, forward_later,
					      (void *)(uintptr_t)&s->owner.pid),
			     HM_OK);
}

Test(engine_waiter, reenter_after__forwards_the_answer_in_the_name_of_whoever_asked)
{
	static struct scene s;
	const struct hmt_seen *seen;

	start(&s);
	s.waiters[2].on_msg = wait_to_forward;
	s.waiters[2].arg = &s;
	hmt_do(&s.node, s.waiters[1].pid, request_number, &s.waiters[2].pid);
	future_answer(&s.node, &s.making, 5);
	seen = hmt_seen_last(&s.owner, HMT_NUMBER);
	cr_assert_eq(seen->number, 5);
	cr_assert(hm_pid_equal(seen->sender, s.waiters[1].pid));
	hmt_node_end(&s.node);
}

/* A continuation registers the next one: whom it answers stays the same. */
static void
wait_again(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	const struct making *making = arg;

	(void)state;
	(void)reply;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	/* Released before: slot and link of the one that runs. */
	cr_assert_eq(ctx->msg, reply);
	cr_assert_eq(hm_reenter_after(ctx, making->future, respond_late, NULL), HM_OK);
}

static void
wait_twice(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct making *making = probe->arg;

	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_reenter_after(ctx, making->future, wait_again, making), HM_OK);
}

Test(engine_waiter, reenter_after__within_a_continuation)
{
	static struct scene s;
	static struct future_request request;

	start(&s);
	s.waiters[0].on_msg = wait_twice;
	s.waiters[0].arg = &s.making;
	request = (struct future_request){ .to = s.waiters[0].pid, .timeout_us = 5000 };
	hmt_do(&s.node, s.waiters[1].pid, ask, &request);
	future_answer(&s.node, &s.making, 5);
	cr_assert_eq(request.ends, 1);
	cr_assert_eq(request.answer, 6);
	hmt_node_end(&s.node);
}

static void
slot_is_free(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	     void *arg)
{
	(void)state;
	(void)result;
	cr_assert_eq(ctx->cells.live, ((uint32_t *)arg)[0], "its slot is free before the function runs");
	cr_assert_eq(ctx->links.count, ((uint32_t *)arg)[1]);
	cr_assert_eq(ctx->msg, reply, "and what it gets is the engine's to release");
	((uint32_t *)arg)[0] = 0;
}

Test(engine_waiter, reenter_after__nothing_is_held_when_the_function_runs)
{
	static struct scene s;
	uint32_t live[2];
	struct hm_ctx *ctx;

	start(&s);
	ctx = s.node.sys->lcores[0];
	live[0] = ctx->cells.live;
	live[1] = ctx->links.count;
	ctx->cell = hmi_cell_live(ctx, s.waiters[0].pid.local);
	cr_assert_eq(hm_reenter_after(ctx, s.making.future, slot_is_free, live), HM_OK);
	ctx->cell = NULL;
	future_answer(&s.node, &s.making, 5);
	cr_assert_eq(live[0], 0);
	hmt_node_end(&s.node);
}

/* ---- Order ----------------------------------------------------------------------------------------------- */

static void
wait_then_send(struct hm_ctx *ctx, void *arg)
{
	struct wait *wait = arg;
	uint64_t number = 1;

	/* What waits in the mailbox by now comes before the continuation, what comes later behind it. */
	cr_assert_eq(hm_send(ctx, hm_self(ctx), HMT_NUMBER, &number), HM_OK);
	wait_begin(ctx, wait);
	cr_assert_eq(hm_send(ctx, hm_self(ctx), HMT_NUMBER, &number), HM_OK);
}

Test(engine_waiter, reenter_after__keeps_its_place_in_the_mailbox)
{
	static struct scene s;

	start(&s);
	future_answer(&s.node, &s.making, 5);
	s.waits[0] = (struct wait){ .future = s.making.future, .end = { .asker = &s.owner } };
	hmt_do(&s.node, s.owner.pid, wait_then_send, &s.waits[0]);
	must_be(&s.waits[0], HM_FUTURE_REPLY);
	cr_assert_eq(s.waits[0].end.asker_count, 2, "started, and one number");
	cr_assert_eq(hmt_seen_count(&s.owner, HMT_NUMBER), 2);
	hmt_node_end(&s.node);
}
