/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out of messages: an error of the send, counted; the process lives, and control goes on.
 */
#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_memory, .init = hmt_eal_start);

#define FEW 64u

/* All that an actor could get, and what it was told when there was no more. */
struct hoard {
	struct hm_msg *msgs[4096];
	uint32_t count;
	struct hm_pid to;
	enum hm_result send, ask, after;
	uint32_t ends;
	enum hm_future_result result;
};

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct hoard *hoard = arg;

	(void)ctx;
	(void)state;
	(void)reply;
	hoard->ends++;
	hoard->result = result;
}

/* Small ones and those of the class that control messages come from. */
static void
hoard_all(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;
	static const size_t extras[] = { 0, 60 };

	for (size_t i = 0; i < RTE_DIM(extras); i++) {
		struct hm_msg *msg;

		while ((msg = hm_msg_new(ctx, HMT_NUMBER, extras[i])) != NULL && hoard->count < 4096)
			hoard->msgs[hoard->count++] = msg;
	}
}

static void
hoard_use(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;
	uint64_t number = 1;

	hoard_all(ctx, arg);
	hoard->send = hm_send(ctx, hoard->to, HMT_NUMBER, &number);
	hoard->ask = hm_ask(ctx, hoard->to, HMT_NUMBER, &number, 1000, on_reply, hoard);
	hoard->after = hm_send_after(ctx, hoard->to, HMT_NUMBER, &number, 1, 0, NULL);
}

static void
hoard_free(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;

	while (hoard->count > 0)
		hm_msg_free(ctx, hoard->msgs[--hoard->count]);
}

/* What each actor of a scene does with all messages taken: by hand, since a deed is a message too. */
static void
do_now(struct hmt_node *node, struct hm_pid who, void (*fn)(struct hm_ctx *ctx, void *arg), void *arg)
{
	struct hm_ctx *ctx = node->sys->lcores[hm_pid_lcore(who)];

	ctx->cell = hmi_cell_live(ctx, who.local);
	fn(ctx, arg);
	ctx->cell = NULL;
}

Test(engine_memory, send__without_a_free_message_is_refused_and_counted)
{
	static struct hmt_probe probe, other;
	static struct hoard hoard;
	struct hmt_node node;
	uint64_t number = 1;

	hmt_node_start_with(&node, 2, FEW, NULL);
	hoard.to = hmt_probe_spawn(&node, &other, 1, NULL);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_settle(&node);
	do_now(&node, probe.pid, hoard_use, &hoard);
	cr_assert_geq(hoard.count, FEW / 2);
	cr_assert_eq(hoard.send, HM_NO_MEMORY);
	cr_assert_eq(hoard.ask, HM_NO_MEMORY);
	cr_assert_eq(hoard.after, HM_NO_MEMORY);
	cr_assert_eq(hmt_stats(&node).no_memory, 3);
	cr_assert_eq(hm_system_send(node.sys, other.pid, HMT_NUMBER, &number), HM_NO_MEMORY);
	cr_assert_eq(hmt_stats(&node).no_memory, 4);
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_number(&node, other.pid, 1);
	hmt_settle(&node);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	cr_assert_eq(hoard.ends, 0);
	hmt_node_end(&node);
}

static void
child_spawn(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *child = arg;

	cr_assert_eq(hmt_probe_child(ctx, child, 1, "child"), 0);
}

Test(engine_memory, control__passes_without_a_free_message)
{
	static struct hmt_probe probe, watched, child;
	static struct hoard hoard;
	struct hmt_node node;

	hmt_node_start_with(&node, 2, FEW, NULL);
	hmt_probe_spawn(&node, &watched, 1, NULL);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_settle(&node);
	do_now(&node, probe.pid, hoard_all, &hoard);
	/* Watching, spawning on another lcore, stopping, and the news of it. */
	do_now(&node, probe.pid, hmt_watch, &watched.pid);
	do_now(&node, probe.pid, child_spawn, &child);
	hmt_settle(&node);
	cr_assert_eq(hmt_seen_count(&child, HM_STARTED), 1);
	hmt_stop(&node, watched.pid);
	cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), 1);
	do_now(&node, probe.pid, hmt_stop_that, &child.pid);
	hmt_settle(&node);
	cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), 2);
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_node_end(&node);
}

static void
ask_two(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;
	uint64_t number = 1;

	/* One to the living, who keeps silent; one to the dead; then nothing is free. */
	cr_assert_eq(hm_ask(ctx, hoard->to, HMT_NUMBER, &number, 1000, on_reply, hoard), HM_OK);
	hoard_all(ctx, arg);
}

Test(engine_memory, future__times_out_without_a_free_message)
{
	static struct hmt_probe probe, silent;
	static struct hoard hoard;
	struct hmt_node node;

	hmt_node_start_with(&node, 2, FEW, NULL);
	hoard.to = hmt_probe_spawn(&node, &silent, 1, NULL);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_settle(&node);
	do_now(&node, probe.pid, ask_two, &hoard);
	hmt_elapse(&node, 2000);
	cr_assert_eq(hoard.ends, 1);
	cr_assert_eq(hoard.result, HM_FUTURE_TIMEOUT);
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_node_end(&node);
}

static void
tick_then_hoard(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;
	uint64_t number = 1;

	cr_assert_eq(hm_send_after(ctx, hoard->to, HMT_NUMBER, &number, 100, 100, NULL), HM_OK);
	hoard_all(ctx, arg);
}

Test(engine_memory, timer__skips_a_period_without_a_free_message)
{
	static struct hmt_probe probe, other;
	static struct hoard hoard;
	struct hmt_node node;

	hmt_node_start_with(&node, 2, FEW, NULL);
	hoard.to = hmt_probe_spawn(&node, &other, 1, NULL);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_settle(&node);
	do_now(&node, probe.pid, tick_then_hoard, &hoard);
	hmt_elapse(&node, 150);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 0);
	cr_assert_eq(hmt_stats(&node).no_memory, 1);
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_elapse(&node, 100);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	hmt_node_end(&node);
}

Test(engine_memory, dead_letters__are_counted_when_they_cannot_be_published)
{
	static struct hmt_probe probe, subscriber;
	static struct hoard hoard;
	struct hmt_node node;

	hmt_node_start_with(&node, 1, FEW, NULL);
	hmt_probe_spawn(&node, &subscriber, 0, NULL);
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, subscriber.pid), 0);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_settle(&node);
	do_now(&node, probe.pid, hoard_all, &hoard);
	/* The last one of all goes to nobody. */
	cr_assert_eq(hm_msg_send(node.sys->lcores[0], hm_system_dead_letters(node.sys),
				 hoard.msgs[--hoard.count]),
		     HM_OK);
	hmt_settle(&node);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_SENT_THERE], 1);
	cr_assert_eq(hmt_seen_count(&subscriber, HM_DEAD_LETTER), 0);
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_node_end(&node);
}

#define MANY 2000u

static void
watch_many_dead(struct hm_ctx *ctx, void *pid)
{
	struct hm_pid dead = *(struct hm_pid *)pid;

	for (uint32_t i = 0; i < MANY; i++) {
		cr_assert_eq(hm_watch(ctx, dead), HM_OK);
		dead.local++;
	}
}

Test(engine_memory, control__more_than_the_outbox_holds)
{
	static struct hmt_probe probe, dead, busy[16];
	struct hmt_deed deed = { watch_many_dead, &dead.pid };
	struct hmt_node node;

	hmt_node_start_with(&node, 1, FEW, NULL);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_probe_spawn(&node, &dead, 0, NULL);
	for (int i = 0; i < 16; i++)
		hmt_probe_spawn(&node, &busy[i], 0, NULL);
	hmt_settle(&node);
	hmt_stop(&node, dead.pid);
	dead.pid.local++;
	/* The others wait to run, so that nothing is delivered at once. */
	cr_assert_eq(hm_system_send(node.sys, probe.pid, HMT_DO, &deed), HM_OK);
	for (int i = 0; i < 16; i++)
		hmt_number(&node, busy[i].pid, 1);
	hmt_settle(&node);
	cr_assert_eq(probe.count, 1 + MANY);
	hmt_node_end(&node);
}

/* Everybody writes to everybody, much more than there are messages. */
static void
flood(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_pid *others = probe->arg;

	if (hm_msg_type(msg) == HMT_NUMBER && *(const uint64_t *)hm_msg_body(msg) > 0) {
		uint64_t number = *(const uint64_t *)hm_msg_body(msg) - 1;

		for (int i = 0; i < 3; i++)
			(void)hm_send(ctx, others[i], HMT_NUMBER, &number);
	}
}

Test(engine_memory, flood__ends_with_every_message_back)
{
	static struct hmt_probe probes[3];
	static struct hm_pid pids[3];
	struct hmt_node node;
	struct hm_stats stats;

	hmt_node_start_with(&node, 3, 512, "--lane 16");
	for (uint32_t i = 0; i < 3; i++) {
		probes[i].on_msg = flood;
		probes[i].arg = pids;
		pids[i] = hmt_probe_spawn(&node, &probes[i], i, NULL);
	}
	hmt_number(&node, pids[0], 12);
	hmt_settle(&node);
	stats = hmt_stats(&node);
	cr_assert_gt(stats.no_memory, 0);
	cr_assert_gt(stats.sent, 512);
	cr_assert_eq(stats.sent, stats.received);
	hmt_node_end(&node);
}

Test(engine_memory, drop__in_the_middle_of_a_flood)
{
	for (int turns = 0; turns < 30; turns++) {
		static struct hmt_probe probes[3];
		static struct hm_pid pids[3];
		struct hmt_node node;

		memset(probes, 0, sizeof(probes));
		hmt_node_start_with(&node, 3, 512, "--lane 16");
		for (uint32_t i = 0; i < 3; i++) {
			probes[i].on_msg = flood;
			probes[i].arg = pids;
			pids[i] = hmt_probe_spawn(&node, &probes[i], i, NULL);
		}
		hmt_number(&node, pids[0], 20);
		for (int i = 0; i < turns; i++)
			hm_system_turn(node.sys);
		hmt_node_drop(&node);
	}
}
