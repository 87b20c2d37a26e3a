/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures that are piped to processes; and those who wait without memory.
 */
#include "hmt_eal.h"
#include "hmt_shortage.h"
#include "test_engine_waiter.h"

TestSuite(engine_pipe, .init = hmt_eal_start);

/* ---- Pipe --------------------------------------------------------------------------------------------------- */

Test(engine_pipe, pipe_to__sends_the_answer_to_each_with_its_sender)
{
	static struct scene s;
	static struct piping piping;

	/* From the owner's lcore and from another one, before the end and after it. */
	for (uint32_t c = 0; c < 4; c++) {
		struct hm_pid who;

		start(&s);
		who = c % 2 == 0 ? s.owner.pid : s.waiters[2].pid;
		piping = piping_of(&s);
		if (c < 2)
			hmt_do(&s.node, who, pipe_begin, &piping);
		hmt_do(&s.node, s.waiters[1].pid, request_number, &s.making.future.pid);
		if (c >= 2)
			hmt_do(&s.node, who, pipe_begin, &piping);
		cr_assert_eq(piping.result, HM_OK);
		for (uint32_t i = 0; i < 3; i++) {
			cr_assert_eq(hmt_seen_count(&s.waiters[i], HMT_NUMBER), 1);
			cr_assert_eq(hmt_seen_last(&s.waiters[i], HMT_NUMBER)->number, 1);
			cr_assert(hm_pid_equal(hmt_seen_last(&s.waiters[i], HMT_NUMBER)->sender,
					       s.waiters[1].pid));
		}
		hmt_node_end(&s.node);
	}
}

Test(engine_pipe, pipe_to__a_failure_is_a_message)
{
	static struct scene s;
	static struct piping piping;
	const struct hm_future_failed *failed;

	start(&s);
	piping = piping_of(&s);
	hmt_do(&s.node, s.waiters[1].pid, pipe_begin, &piping);
	hmt_elapse(&s.node, 1002);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(hmt_seen_count(&s.waiters[i], HM_FUTURE_FAILED), 1);
		failed = (const void *)hmt_seen_last(&s.waiters[i], HM_FUTURE_FAILED)->words;
		cr_assert_eq(failed->result, HM_FUTURE_TIMEOUT);
		cr_assert(hm_pid_equal(failed->future.pid, s.making.future.pid));
	}
	/* Of a future that is gone: the owner's own, and that of another lcore. */
	hmt_do(&s.node, s.owner.pid, future_release, &s.making);
	hmt_do(&s.node, s.owner.pid, pipe_begin, &piping);
	hmt_do(&s.node, s.waiters[2].pid, pipe_begin, &piping);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(hmt_seen_count(&s.waiters[i], HM_FUTURE_FAILED), 3);
		failed = (const void *)hmt_seen_last(&s.waiters[i], HM_FUTURE_FAILED)->words;
		cr_assert_eq(failed->result, HM_FUTURE_DEAD_LETTER);
	}
	cr_assert_eq(hm_type_name(s.node.sys, HM_FUTURE_FAILED)[0], 'f');
	hmt_node_end(&s.node);
}

Test(engine_pipe, pipe_to__one_who_is_gone_makes_it_a_dead_letter)
{
	static struct scene s;
	static struct piping piping;

	for (int answered = 0; answered < 2; answered++) {
		start(&s);
		piping = piping_of(&s);
		hmt_do(&s.node, s.owner.pid, pipe_begin, &piping);
		hmt_stop(&s.node, s.waiters[1].pid);
		if (answered)
			future_answer(&s.node, &s.making, 5);
		else
			hmt_elapse(&s.node, 1002);
		cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PROCESS], 1);
		hmt_node_end(&s.node);
	}
}

/* A request is answered by piping to whoever asked, which is a future. */
static void
answer_by_pipe(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const struct making *making = probe->arg;
	struct hm_pid asker = hm_sender(ctx);

	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_pipe_to(ctx, making->future, &asker, 1), HM_OK);
}

Test(engine_pipe, pipe_to__a_future_ends_it_in_the_same_way)
{
	static const enum hm_future_result results[] = { HM_FUTURE_REPLY, HM_FUTURE_TIMEOUT,
							 HM_FUTURE_CANCELLED };
	static struct scene s;
	static struct future_request request;
	static struct making second;
	static struct wait wait;

	for (size_t i = 0; i < RTE_DIM(results); i++) {
		start(&s);
		s.waiters[2].on_msg = answer_by_pipe;
		s.waiters[2].arg = &s.making;
		request = (struct future_request){ .to = s.waiters[2].pid, .timeout_us = 5000 };
		hmt_do(&s.node, s.waiters[1].pid, ask, &request);
		second = (struct making){ .to = s.waiters[2].pid, .timeout_us = 5000 };
		hmt_do(&s.node, s.waiters[1].pid, future_make, &second);
		wait = (struct wait){ .future = second.future };
		hmt_do(&s.node, s.waiters[1].pid, wait_begin, &wait);
		if (results[i] == HM_FUTURE_REPLY)
			future_answer(&s.node, &s.making, 5);
		else if (results[i] == HM_FUTURE_TIMEOUT)
			hmt_elapse(&s.node, 1002);
		else
			hmt_do(&s.node, s.owner.pid, future_cancel, &s.making);
		cr_assert_eq(request.ends, 1);
		cr_assert_eq(request.result, results[i]);
		must_be(&wait, results[i]);
		hmt_node_end(&s.node);
	}
}

/* ---- Without memory --------------------------------------------------------------------------------------------- */

Test(engine_pipe, reply__without_a_free_message_for_its_copy)
{
	static struct hmt_probe probe, other;
	static struct hoard hoard;
	static struct making making;
	static struct wait waits[2];
	static struct piping piping;
	struct hmt_node node;

	hoard.to = two_start(&node, &probe, &other);
	making = (struct making){ .timeout_us = 1000 };
	do_now(&node, probe.pid, future_make, &making);
	for (int i = 0; i < 2; i++)
		waits[i].future = making.future;
	do_now(&node, probe.pid, wait_begin, &waits[0]);
	piping = (struct piping){ .future = making.future, .pids = { other.pid }, .count = 1 };
	do_now(&node, probe.pid, pipe_begin, &piping);
	hmt_number(&node, making.future.pid, 5);
	do_now(&node, probe.pid, hoard_all, &hoard);
	hmt_turn_until_idle(&node);
	must_be(&waits[0], HM_FUTURE_NO_MEMORY);
	cr_assert_eq(hmt_seen_count(&other, HM_FUTURE_FAILED), 1);
	cr_assert_eq(((const struct hm_future_failed *)(const void *)hmt_seen_last(&other, HM_FUTURE_FAILED)
			      ->words)
			     ->result,
		     HM_FUTURE_NO_MEMORY);
	do_now(&node, probe.pid, hoard_free, &hoard);
	/* The answer is still there. */
	do_now(&node, probe.pid, wait_begin, &waits[1]);
	hmt_turn_until_idle(&node);
	must_be(&waits[1], HM_FUTURE_REPLY);
	cr_assert_eq(waits[1].end.answer, 5);
	hmt_node_end(&node);
}

/* One who waits, and two that it is piped to, without memory for the links. */
static void
without_links(struct hm_ctx *ctx, void *arg)
{
	struct scene *s = arg;
	struct hmi_slab full = hmt_slab_drain(&ctx->links.slab);
	struct piping piping = piping_of(s);
	enum hm_result wait, pipe, stop;
	struct hm_future future;

	hmt_memory_refuse();
	wait = hm_reenter_after(ctx, s->making.future, on_reply, NULL);
	pipe = hm_pipe_to(ctx, s->making.future, piping.pids, piping.count);
	stop = hm_stop_future(ctx, s->waiters[0].pid, 1000, &future);
	hmt_memory_allow();
	ctx->links.slab = full;
	cr_assert_eq(wait, HM_NO_MEMORY);
	cr_assert_eq(pipe, HM_NO_MEMORY);
	cr_assert_eq(stop, HM_NO_MEMORY);
}

static void
with_one_link(struct hm_ctx *ctx, void *arg)
{
	struct scene *s = arg;
	struct piping piping = piping_of(s);
	struct hmi_link *link = hmi_link_new(&ctx->links, HMI_LINK_PIPE, hm_pid_none());
	struct hmi_slab full;
	enum hm_result pipe;

	full = hmt_slab_drain(&ctx->links.slab);
	hmi_link_free(&ctx->links, link);
	hmt_memory_refuse();
	pipe = hm_pipe_to(ctx, s->making.future, piping.pids, piping.count);
	hmt_memory_allow();
	cr_assert_eq(pipe, HM_NO_MEMORY);
	cr_assert_eq(hmi_link_new(&ctx->links, HMI_LINK_PIPE, hm_pid_none()), link, "given back");
	ctx->links.slab = full;
	hmi_link_free(&ctx->links, link);
}

Test(engine_pipe, wait__without_memory_for_its_link)
{
	static struct scene s;

	start(&s);
	hmt_do(&s.node, s.owner.pid, without_links, &s);
	hmt_do(&s.node, s.owner.pid, with_one_link, &s);
	cr_assert_eq(waits_live(&s), 0);
	cr_assert_eq(cells_live(&s.node), s.live + 1);
	future_answer(&s.node, &s.making, 5);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(s.waiters[i].count, 1, "none of them is sent it");
	hmt_node_end(&s.node);
}

static struct hmi_slab full_slab;

Test(engine_pipe, wait__the_futures_lcore_without_memory_for_the_link_says_so)
{
	static struct scene s;
	static struct piping piping;
	struct hm_ctx *ctx;

	start(&s);
	ctx = s.node.sys->lcores[0];
	s.waits[1] = (struct wait){ .future = s.making.future };
	piping = piping_of(&s);
	do_now(&s.node, s.waiters[1].pid, wait_begin, &s.waits[1]);
	do_now(&s.node, s.waiters[1].pid, pipe_begin, &piping);
	full_slab = hmt_slab_drain(&ctx->links.slab);
	hmt_memory_refuse();
	for (int i = 0; i < 4; i++)
		hm_system_turn(s.node.sys);
	hmt_memory_allow();
	ctx->links.slab = full_slab;
	hmt_turn_until_idle(&s.node);
	must_be(&s.waits[1], HM_FUTURE_NO_MEMORY);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(hmt_seen_count(&s.waiters[i], HM_FUTURE_FAILED), 1);
	hmt_node_end(&s.node);
}
