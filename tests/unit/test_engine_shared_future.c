/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures with a handle: how they end, how long their results are kept, and what their owners do with them.
 */
#include "hmt_eal.h"
#include "hmt_slots.h"
#include "hmt_log.h"
#include "hmt_types.pb-c.h"
#include "shared_future_pvt.h"
#include "shortage_pvt.h"
#include "test_engine_shared.h"

TestSuite(engine_shared_future, .init = hmt_eal_start);

/* A node of three lcores; the owner of futures on one of them, who answers on another one. */
struct scene {
	struct hmt_node node;
	struct hmt_probe owner, answerer, other;
	struct future_oracle oracle;
	struct making making;
	uint32_t live; /* slots that are taken, without futures */
};

static void
start(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->answerer.on_msg = answer;
	s->answerer.arg = &s->oracle;
	hmt_node_start(&s->node, 3);
	hmt_probe_spawn(&s->node, &s->owner, 0, NULL);
	hmt_probe_spawn(&s->node, &s->other, 1, NULL);
	hmt_probe_spawn(&s->node, &s->answerer, 2, NULL);
	hmt_turn_until_idle(&s->node);
	s->live = cells_live(&s->node);
	s->making = (struct making){ .to = s->answerer.pid, .number = 21, .timeout_us = 1000 };
}

static void
make(struct scene *s)
{
	hmt_do(&s->node, s->owner.pid, future_make, &s->making);
}

/* ---- How it ends ----------------------------------------------------------------------------- */

Test(engine_shared_future, request_future__reply_goes_to_all_who_wait)
{
	static struct scene s;
	static struct wait waits[3];

	start(&s);
	s.oracle.is_slow = true;
	make(&s);
	for (int i = 0; i < 3; i++) {
		waits[i] = (struct wait){ .future = s.making.future };
		hmt_do(&s.node, s.owner.pid, wait_begin, &waits[i]);
		cr_assert_eq(waits[i].result, HM_OK);
		cr_assert_eq(waits[i].end.ends, 0);
	}
	hmt_do(&s.node, s.answerer.pid, answer_now, &s.oracle);
	for (int i = 0; i < 3; i++) {
		must_be(&waits[i], HM_FUTURE_REPLY);
		cr_assert_eq(waits[i].end.answer, 42);
	}
	cr_assert_eq(cells_live(&s.node), s.live + 1, "the result is kept");
	hmt_do(&s.node, s.owner.pid, future_release, &s.making);
	cr_assert_eq(cells_live(&s.node), s.live);
	hmt_node_end(&s.node);
}

Test(engine_shared_future, reenter_after__a_kept_result_comes_within_the_next_turn)
{
	static struct scene s;
	static struct wait wait;

	start(&s);
	make(&s);
	for (int i = 0; i < 2; i++) {
		wait = (struct wait){ .future = s.making.future };
		hmt_do(&s.node, s.owner.pid, wait_begin, &wait);
		must_be(&wait, HM_FUTURE_REPLY);
		cr_assert_eq(wait.end.answer, 42);
	}
	/* On another lcore, too. */
	wait = (struct wait){ .future = s.making.future };
	hmt_do(&s.node, s.other.pid, wait_begin, &wait);
	must_be(&wait, HM_FUTURE_REPLY);
	cr_assert_eq(wait.end.answer, 42);
	hmt_node_end(&s.node);
}

Test(engine_shared_future, new__the_first_message_ends_it_and_the_next_is_late)
{
	static struct scene s;
	static struct wait wait;

	start(&s);
	s.making.to = hm_pid_none();
	make(&s);
	wait = (struct wait){ .future = s.making.future };
	hmt_do(&s.node, s.owner.pid, wait_begin, &wait);
	future_answer(&s.node, &s.making, 7);
	must_be(&wait, HM_FUTURE_REPLY);
	cr_assert_eq(wait.end.answer, 7);
	future_answer(&s.node, &s.making, 8);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 1);
	must_be(&wait, HM_FUTURE_REPLY);
	/* Once it is released, too. */
	hmt_do(&s.node, s.owner.pid, future_release, &s.making);
	future_answer(&s.node, &s.making, 9);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 2);
	hmt_node_end(&s.node);
}

Test(engine_shared_future, request_future__timeout_at_the_deadline_and_not_before)
{
	static struct scene s;
	static struct wait wait;

	start(&s);
	s.oracle.is_slow = true;
	make(&s);
	wait = (struct wait){ .future = s.making.future };
	hmt_do(&s.node, s.owner.pid, wait_begin, &wait);
	hmt_elapse(&s.node, 999);
	cr_assert_eq(wait.end.ends, 0);
	hmt_elapse(&s.node, 3);
	must_be(&wait, HM_FUTURE_TIMEOUT);
	hmt_do(&s.node, s.answerer.pid, answer_now, &s.oracle);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 1);
	/* The timeout is kept as an answer would be. */
	wait = (struct wait){ .future = s.making.future };
	hmt_do(&s.node, s.owner.pid, wait_begin, &wait);
	must_be(&wait, HM_FUTURE_TIMEOUT);
	hmt_node_end(&s.node);
}

Test(engine_shared_future, new__without_a_deadline_waits_for_ever)
{
	static struct scene s;
	static struct wait wait;

	start(&s);
	s.making = (struct making){ .timeout_us = UINT64_MAX };
	make(&s);
	wait = (struct wait){ .future = s.making.future };
	hmt_do(&s.node, s.owner.pid, wait_begin, &wait);
	hmt_elapse(&s.node, 1000000000000);
	cr_assert_eq(wait.end.ends, 0);
	future_answer(&s.node, &s.making, 1);
	must_be(&wait, HM_FUTURE_REPLY);
	hmt_node_end(&s.node);
}

Test(engine_shared_future, request_future__a_dead_receiver_ends_it_at_once)
{
	static struct scene s;

	start(&s);
	hmt_stop(&s.node, s.answerer.pid);
	for (int i = 0; i < 2; i++) {
		static struct wait wait;

		make(&s);
		wait = (struct wait){ .future = s.making.future };
		hmt_do(&s.node, s.owner.pid, wait_begin, &wait);
		must_be(&wait, HM_FUTURE_DEAD_LETTER);
	}
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PROCESS], 2);
	hmt_node_end(&s.node);
}

static void
request_wrongly(struct hm_ctx *ctx, void *arg)
{
	const struct scene *s = arg;
	struct hm_future future = { { 1, 2 } };
	uint64_t number = 1;

	cr_assert_eq(hm_future_new(ctx, 0, &future), HM_INVALID);
	cr_assert_eq(hm_future_new(ctx, 1, NULL), HM_INVALID);
	cr_assert_eq(hm_request_future(ctx, s->answerer.pid, HMT_NUMBER, &number, 0, &future), HM_INVALID);
	cr_assert_eq(hm_request_future(ctx, s->answerer.pid, HMT_NUMBER, &number, 1, NULL), HM_INVALID);
	cr_assert_eq(hm_request_future(ctx, hm_pid_none(), HMT_NUMBER, &number, 1, &future), HM_NO_RECEIVER);
	cr_assert_eq(hm_request_future(ctx, s->answerer.pid, HMT_TYPE_NEXT, &number, 1, &future),
		     HM_UNKNOWN_TYPE);
	cr_assert_eq(hm_reenter_after(ctx, future, NULL, NULL), HM_INVALID);
	cr_assert_eq(hm_reenter_after(ctx, future, on_reply, NULL), HM_NO_RECEIVER, "of another node");
	future.pid = (struct hm_pid){ hm_system_node(hm_system(ctx)), (uint64_t)77 << 56 };
	cr_assert_eq(hm_reenter_after(ctx, future, on_reply, NULL), HM_NO_RECEIVER, "of no lcore");
	future.pid = hm_pid_none();
	cr_assert_eq(hm_reenter_after(ctx, future, on_reply, NULL), HM_NO_RECEIVER);
	cr_assert_eq(hm_pipe_to(ctx, future, &s->other.pid, 1), HM_NO_RECEIVER);
	cr_assert_eq(hm_pipe_to(ctx, future, NULL, 1), HM_INVALID);
	cr_assert_eq(hm_pipe_to(ctx, future, &s->other.pid, 0), HM_INVALID);
	cr_assert_eq(hm_pipe_to(ctx, future, &(struct hm_pid){ 0, 0 }, 1), HM_INVALID);
	hm_future_cancel(ctx, future);
	hm_future_release(ctx, future);
}

Test(engine_shared_future, calls__wrong_ones_are_refused_and_take_nothing)
{
	static struct scene s;

	start(&s);
	hmt_do(&s.node, s.owner.pid, request_wrongly, &s);
	cr_assert_eq(cells_live(&s.node), s.live);
	cr_assert_eq(s.answerer.count, 1, "HM_STARTED alone");
	hmt_node_end(&s.node);
}

Test(engine_shared_future, reenter_after__a_future_that_is_none_ends_by_a_dead_letter)
{
	static struct scene s;

	start(&s);
	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		static struct wait wait;

		/* An actor, which is no future, a stale one, and a slot that nobody ever had. */
		struct hm_pid pids[] = { s.answerer.pid,
					 { hm_system_node(s.node.sys), hmi_local(lcore, 5000000, 3) },
					 { hm_system_node(s.node.sys), hmi_local(lcore, 0, 1) } };

		for (size_t i = 0; i < RTE_DIM(pids); i++) {
			wait = (struct wait){ .future = { pids[i] } };
			hmt_do(&s.node, s.owner.pid, wait_begin, &wait);
			must_be(&wait, HM_FUTURE_DEAD_LETTER);
		}
	}
	cr_assert_eq(cells_live(&s.node), s.live);
	hmt_node_end(&s.node);
}

/* ---- Cancel ------------------------------------------------------------------------------------ */

Test(engine_shared_future, cancel__all_who_wait_learn_it_and_the_answer_is_late)
{
	static struct scene s;
	static struct wait here, there;

	start(&s);
	s.oracle.is_slow = true;
	make(&s);
	here = there = (struct wait){ .future = s.making.future };
	hmt_do(&s.node, s.owner.pid, wait_begin, &here);
	hmt_do(&s.node, s.other.pid, wait_begin, &there);
	/* Who has not made it cannot cancel it. */
	hmt_do(&s.node, s.other.pid, future_cancel, &s.making);
	hmt_do(&s.node, s.other.pid, future_release, &s.making);
	cr_assert_eq(here.end.ends, 0);
	hmt_do(&s.node, s.owner.pid, future_cancel, &s.making);
	must_be(&here, HM_FUTURE_CANCELLED);
	must_be(&there, HM_FUTURE_CANCELLED);
	hmt_do(&s.node, s.owner.pid, future_cancel, &s.making);
	hmt_do(&s.node, s.answerer.pid, answer_now, &s.oracle);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 1);
	must_be(&here, HM_FUTURE_CANCELLED);
	hmt_elapse(&s.node, 2000);
	must_be(&there, HM_FUTURE_CANCELLED);
	hmt_node_end(&s.node);
}

/* An answer and a cancel in one turn: who is first decides. */
struct race {
	struct wait wait;
	bool is_cancel_first;
};

static void
answer_and_cancel(struct hm_ctx *ctx, void *arg)
{
	struct race *race = arg;
	uint64_t number = 5;

	wait_begin(ctx, &race->wait);
	if (race->is_cancel_first)
		hm_future_cancel(ctx, race->wait.future);
	cr_assert_eq(hm_send(ctx, race->wait.future.pid, HMT_NUMBER, &number), HM_OK);
	hm_future_cancel(ctx, race->wait.future);
}

Test(engine_shared_future, cancel__against_an_answer_ends_it_once)
{
	static struct scene s;
	static struct race race;

	start(&s);
	for (uint32_t cancel = 0; cancel < 2; cancel++) {
		enum hm_future_result wanted = cancel ? HM_FUTURE_CANCELLED : HM_FUTURE_REPLY;

		s.making = (struct making){ .timeout_us = 1000 };
		make(&s);
		race = (struct race){ .wait = { .future = s.making.future }, .is_cancel_first = cancel };
		hmt_do(&s.node, s.owner.pid, answer_and_cancel, &race);
		must_be(&race.wait, wanted);
		cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], cancel);
		hmt_elapse(&s.node, 2000);
		must_be(&race.wait, wanted);
		hmt_do(&s.node, s.owner.pid, future_release, &s.making);
		cr_assert_eq(cells_live(&s.node), s.live);
	}
	hmt_node_end(&s.node);
}

/* ---- Release, and the bound of what is kept ------------------------------------------------------- */

Test(engine_shared_future, release__of_a_pending_one_lets_those_who_wait_have_the_answer_itself)
{
	static struct scene s;
	static struct wait wait, late;
	uint64_t sent;

	start(&s);
	s.oracle.is_slow = true;
	make(&s);
	wait = late = (struct wait){ .future = s.making.future };
	hmt_do(&s.node, s.owner.pid, wait_begin, &wait);
	hmt_do(&s.node, s.owner.pid, future_release, &s.making);
	hmt_do(&s.node, s.owner.pid, future_cancel, &s.making);
	cr_assert_eq(wait.end.ends, 0, "who has released it has no more to say");
	hmt_do(&s.node, s.owner.pid, wait_begin, &late);
	must_be(&late, HM_FUTURE_DEAD_LETTER);
	sent = hmt_stats(&s.node).sent;
	hmt_do(&s.node, s.answerer.pid, answer_now, &s.oracle);
	must_be(&wait, HM_FUTURE_REPLY);
	cr_assert_eq(wait.end.answer, 42);
	cr_assert_eq(hmt_stats(&s.node).sent - sent, 3, "deed, answer, answer handed on");
	cr_assert_eq(cells_live(&s.node), s.live, "nothing is kept");
	hmt_node_end(&s.node);
}

static void
many_make(struct hm_ctx *ctx, void *arg)
{
	struct hm_future *futures = arg;

	for (uint32_t i = 0; i < HM_FUTURES_KEPT_MAX + 2; i++) {
		cr_assert_eq(hm_future_new(ctx, 1000, &futures[i]), HM_OK);
		hm_future_cancel(ctx, futures[i]);
	}
}

Test(engine_shared_future, kept__at_most_so_many_the_oldest_goes_first)
{
	static struct hm_future futures[HM_FUTURES_KEPT_MAX + 2];
	static struct scene s;
	static struct wait wait;
	struct hmt_log log;

	start(&s);
	hmt_do(&s.node, s.owner.pid, many_make, futures);
	cr_assert_eq(cells_live(&s.node), s.live + HM_FUTURES_KEPT_MAX);
	cr_assert_eq(hmt_stats(&s.node).futures_evicted, 2);
	hmt_log_start(&log);
	hmi_memory_report_lcore(s.node.sys->lcores[0], NULL);
	cr_assert(hmt_log_has(&log, ", 4096 results that are kept by futures"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	for (uint32_t i = 0; i < 4; i++) {
		wait = (struct wait){ .future = futures[i] };
		hmt_do(&s.node, s.owner.pid, wait_begin, &wait);
		must_be(&wait, i < 2 ? HM_FUTURE_DEAD_LETTER : HM_FUTURE_CANCELLED);
	}
	/* From the middle, the newest and the oldest. */
	s.making.future = futures[100];
	hmt_do(&s.node, s.owner.pid, future_release, &s.making);
	s.making.future = futures[HM_FUTURES_KEPT_MAX + 1];
	hmt_do(&s.node, s.owner.pid, future_release, &s.making);
	s.making.future = futures[2];
	hmt_do(&s.node, s.owner.pid, future_release, &s.making);
	cr_assert_eq(cells_live(&s.node), s.live + HM_FUTURES_KEPT_MAX - 3);
	cr_assert_eq(s.node.sys->lcores[0]->kept.count, HM_FUTURES_KEPT_MAX - 3);
	hmt_stop(&s.node, s.owner.pid);
	cr_assert_eq(s.node.sys->lcores[0]->kept.count, 0);
	cr_assert_eq(s.node.sys->lcores[0]->kept.bytes, 0);
	hmt_node_end(&s.node);
}

static void
big_make(struct hm_ctx *ctx, void *arg)
{
	static const uint8_t body[HMT_BIG_BYTES];
	struct hm_future *future = arg;

	cr_assert_eq(hm_future_new(ctx, 1000, future), HM_OK);
	cr_assert_eq(hm_send(ctx, future->pid, HMT_BIG, body), HM_OK);
}

Test(engine_shared_future, kept__at_most_a_sixteenth_of_the_memory_but_the_newest_in_any_case)
{
	/* Of 1,000 bytes and a header: 2,048. */
	static const struct {
		uint64_t memory;
		uint32_t kept;
	} cases[] = { { 256 << 10, 8 }, { 512 << 10, 16 } };
	static struct hmt_probe probe;
	struct hm_future future;

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct hmt_node node;

		probe = (struct hmt_probe){ 0 };
		hmt_node_start_with(&node, 1, cases[i].memory, NULL);
		hmt_probe_spawn(&node, &probe, 0, NULL);
		for (uint32_t n = 0; n < cases[i].kept + 5; n++)
			hmt_do(&node, probe.pid, big_make, &future);
		cr_assert_eq(node.sys->lcores[0]->kept.count, cases[i].kept);
		cr_assert_eq(hmt_stats(&node).futures_evicted, 5);
		node.sys->lcores[0]->kept.bytes_max = 1;
		hmt_do(&node, probe.pid, big_make, &future);
		cr_assert_eq(node.sys->lcores[0]->kept.count, 1, "the newest");
		hmt_node_end(&node);
	}
}

/* ---- The owner's end -------------------------------------------------------------------------------- */

Test(engine_shared_future, owner__that_stops_cancels_what_others_wait_for)
{
	static struct scene s;
	static struct wait wait;

	for (int ended = 0; ended < 2; ended++) {
		start(&s);
		s.oracle.is_slow = !ended;
		make(&s);
		wait = (struct wait){ .future = s.making.future };
		hmt_do(&s.node, s.other.pid, wait_begin, &wait);
		hmt_stop(&s.node, s.owner.pid);
		must_be(&wait, ended ? HM_FUTURE_REPLY : HM_FUTURE_CANCELLED);
		cr_assert_eq(cells_live(&s.node), s.live - 1, "the owner's slot is free, and the future's");
		wait = (struct wait){ .future = s.making.future };
		hmt_do(&s.node, s.other.pid, wait_begin, &wait);
		must_be(&wait, HM_FUTURE_DEAD_LETTER);
		hmt_node_end(&s.node);
	}
}

static void
drop_all(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	owned_drop_all(ctx, ctx->cell);
}

Test(engine_shared_future, owner__that_restarts_cancels_them_as_well)
{
	static struct scene s;
	static struct wait wait;

	start(&s);
	s.oracle.is_slow = true;
	make(&s);
	wait = (struct wait){ .future = s.making.future };
	hmt_do(&s.node, s.other.pid, wait_begin, &wait);
	hmt_do(&s.node, s.owner.pid, drop_all, NULL);
	must_be(&wait, HM_FUTURE_CANCELLED);
	cr_assert_eq(cells_live(&s.node), s.live);
	hmt_node_end(&s.node);
}

Test(engine_shared_future, drop__with_futures_that_are_pending_kept_and_waited_for)
{
	static struct scene s;
	static struct wait wait;

	start(&s);
	make(&s);
	s.oracle.is_slow = true;
	make(&s);
	wait = (struct wait){ .future = s.making.future };
	hmt_do(&s.node, s.other.pid, wait_begin, &wait);
	hmt_node_drop(&s.node);
	cr_assert_eq(wait.end.ends, 0);
}

/* ---- As a process ------------------------------------------------------------------------------------ */

static void
bother(struct hm_ctx *ctx, void *arg)
{
	struct hm_pid future = ((struct making *)arg)->future.pid;

	/* Neither ends it; a watch is answered. */
	hm_stop(ctx, future);
	cr_assert_eq(hm_poison(ctx, future), HM_OK);
	cr_assert_eq(hm_watch(ctx, future), HM_OK);
	cr_assert_eq(hm_request(ctx, future, HM_TOUCH, NULL), HM_OK);
}

Test(engine_shared_future, future__is_neither_stopped_nor_watched_and_answers_a_touch)
{
	static struct scene s;
	static struct wait wait;

	start(&s);
	s.oracle.is_slow = true;
	make(&s);
	wait = (struct wait){ .future = s.making.future };
	hmt_do(&s.node, s.owner.pid, wait_begin, &wait);
	hmt_do(&s.node, s.other.pid, bother, &s.making);
	cr_assert_eq(hmt_seen_last(&s.other, HM_TERMINATED)->terminated.reason, HM_TERMINATED_NOT_FOUND);
	cr_assert_eq(hmt_seen_count(&s.other, HM_TOUCHED), 1);
	cr_assert_eq(wait.end.ends, 0);
	hmt_do(&s.node, s.answerer.pid, answer_now, &s.oracle);
	must_be(&wait, HM_FUTURE_REPLY);
	hmt_node_end(&s.node);
}

/* ---- Without slots or messages ------------------------------------------------------------------------- */

static void
without_slots(struct hm_ctx *ctx, void *arg)
{
	const struct scene *s = arg;
	struct hm_future future, made;
	struct hmt_slots slots;
	uint64_t number = 1;

	cr_assert_eq(hm_future_new(ctx, 1000, &made), HM_OK);
	slots = hmt_slots_use_all(&ctx->cells);
	cr_assert_eq(hm_future_new(ctx, 1000, &future), HM_NO_MEMORY);
	cr_assert_eq(hm_request_future(ctx, s->answerer.pid, HMT_NUMBER, &number, 1000, &future),
		     HM_NO_MEMORY);
	cr_assert_eq(hm_stop_future(ctx, s->answerer.pid, 1000, &future), HM_NO_MEMORY);
	cr_assert_eq(hm_reenter_after(ctx, made, on_reply, NULL), HM_NO_MEMORY);
	hmt_slots_give_back(&ctx->cells, &slots);
	hm_future_release(ctx, made);
	hm_future_cancel(ctx, made);
}

Test(engine_shared_future, slots__none_is_left)
{
	static struct scene s;

	start(&s);
	hmt_do(&s.node, s.owner.pid, without_slots, &s);
	cr_assert_eq(s.answerer.count, 1, "nothing was sent");
	hmt_elapse(&s.node, 2000);
	cr_assert_eq(cells_live(&s.node), s.live);
	hmt_node_end(&s.node);
}

/* ---- Protobuf ------------------------------------------------------------------------------------------- */

enum {
	PROTO = HMT_TYPE_NEXT,
};

static void
proto_read(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	const Hmt__Leaf *leaf = reply != NULL ? hm_msg_body(reply) : NULL;

	(void)ctx;
	(void)state;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	cr_assert_str_eq(leaf->name, "carried along");
	(*(uint32_t *)arg)++;
}

static void
proto_answer(struct hm_ctx *ctx, void *arg)
{
	char text[] = "carried along";
	Hmt__Leaf leaf = HMT__LEAF__INIT;
	uint32_t *reads = arg;
	struct hm_future future;

	leaf.name = text;
	cr_assert_eq(hm_future_new(ctx, 1000, &future), HM_OK);
	cr_assert_eq(hm_send(ctx, future.pid, PROTO, &leaf), HM_OK);
	memset(text, 'x', sizeof(text) - 1);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(hm_reenter_after(ctx, future, proto_read, reads), HM_OK);
	hm_future_release(ctx, future);
}

Test(engine_shared_future, reply__a_protobuf_message_is_copied_with_all_that_it_points_to)
{
	static const struct hm_type type = { .id = PROTO, .descriptor = &hmt__leaf__descriptor };
	static struct hmt_probe probe;
	struct hmt_node node;
	uint32_t reads = 0;

	hmt_node_start(&node, 1);
	cr_assert_eq(hm_type_register(node.sys, &type), 0);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, proto_answer, &reads);
	cr_assert_eq(reads, 3);
	hmt_node_end(&node);
}
