/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out of messages: an error of the send, counted; the process lives, and control goes on.
 */
#include <inttypes.h>

#include "test_engine_memory.h"

TestSuite(engine_memory, .init = hmt_eal_start);

Test(engine_memory, send__without_a_free_message_is_refused_and_counted)
{
	static struct hmt_probe probe, other;
	static struct hoard hoard;
	struct hmt_node node;
	uint64_t number = 1;

	hoard.to = two_start(&node, &probe, &other);
	do_now(&node, probe.pid, hoard_use, &hoard);
	cr_assert_geq(hoard.count, FEW / 2);
	cr_assert_eq(hoard.send, HM_NO_MEMORY);
	cr_assert_eq(hoard.ask, HM_NO_MEMORY);
	cr_assert_eq(hoard.after, HM_OK, "a timer holds no message");
	cr_assert_eq(hmt_stats(&node).no_memory, REFUSED + 2);
	cr_assert_eq(hm_system_send(node.sys, other.pid, HMT_NUMBER, &number), HM_NO_MEMORY);
	cr_assert_eq(hmt_stats(&node).no_memory, REFUSED + 3);
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_number(&node, other.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	hmt_elapse(&node, 10);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 2);
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

	(void)two_start(&node, &probe, &watched);
	do_now(&node, probe.pid, hoard_all, &hoard);
	/* Watching, spawning on another lcore, stopping, and the notification of it. */
	do_now(&node, probe.pid, hmt_watch, &watched.pid);
	do_now(&node, probe.pid, child_spawn, &child);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&child, HM_STARTED), 1);
	hmt_stop(&node, watched.pid);
	cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), 1);
	do_now(&node, probe.pid, hmt_stop_that, &child.pid);
	hmt_turn_until_idle(&node);
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
	cr_assert_eq(hm_ask(ctx, hoard->to, HMT_NUMBER, &number, 1000, on_hoard_reply, hoard), HM_OK);
	hoard_all(ctx, arg);
}

Test(engine_memory, future__times_out_without_a_free_message)
{
	static struct hmt_probe probe, silent;
	static struct hoard hoard;
	struct hmt_node node;

	hoard.to = two_start(&node, &probe, &silent);
	do_now(&node, probe.pid, ask_two, &hoard);
	hmt_turn_until_idle(&node);
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

Test(engine_memory, timer__that_finds_no_memory_is_late_and_not_lost)
{
	static struct hmt_probe probe, other;
	static struct hoard hoard;
	struct hmt_node node;

	hoard.to = two_start(&node, &probe, &other);
	do_now(&node, probe.pid, tick_then_hoard, &hoard);
	hmt_elapse(&node, 150);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 0);
	cr_assert_eq(hmt_stats(&node).timers_delayed, 1);
	hmt_elapse(&node, 1010);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 0);
	cr_assert_eq(hmt_stats(&node).timers_delayed, 1);
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_elapse(&node, 1010);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	hmt_elapse(&node, 102);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 2);
	hmt_node_end(&node);
}

/* ---- The reserve: an actor can always wake itself up ---------------------------------- */

#define RESERVE_BYTES (128u << 10)

static void
send_to_self(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;
	uint64_t number = 1;

	hoard_all(ctx, arg);
	hoard->send = hm_send(ctx, hm_self(ctx), HMT_NUMBER, &number);
	hoard->after = hm_send_after(ctx, hm_self(ctx), HMT_NUMBER, &number, 100, 100, NULL);
}

Test(engine_memory, reserve__messages_and_timers_to_oneself_pass)
{
	static struct hmt_probe probe;
	static struct hoard hoard;
	struct hmt_node node;

	one_start(&node, 2, &probe);
	do_now(&node, probe.pid, send_to_self, &hoard);
	cr_assert_eq(hoard.send, HM_OK);
	cr_assert_eq(hoard.after, HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 1);
	for (uint32_t i = 0; i < 3; i++)
		hmt_elapse(&node, 101);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 4);
	cr_assert_eq(hmt_stats(&node).reserved, 4);
	cr_assert_eq(hmt_stats(&node).no_memory, REFUSED);
	cr_assert_eq(hmt_stats(&node).timers_delayed, 0);
	cr_assert_eq(node.sys->pool.reserve_left, RESERVE_BYTES, "what was received is back");
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_node_end(&node);
}

static void
send_to_self_until_refused(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;
	uint64_t number = 1;

	hoard_all(ctx, arg);
	while ((hoard->send = hm_send(ctx, hm_self(ctx), HMT_NUMBER, &number)) == HM_OK)
		hoard->ends++;
}

Test(engine_memory, reserve__is_bounded)
{
	static struct hmt_probe probe;
	static struct hoard hoard;
	struct hmt_node node;

	one_start(&node, 1, &probe);
	do_now(&node, probe.pid, send_to_self_until_refused, &hoard);
	cr_assert_eq(hoard.send, HM_NO_MEMORY);
	cr_assert_eq(hoard.ends, RESERVE_BYTES / (sizeof(struct hm_msg) + sizeof(uint64_t)));
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_turn_until_idle(&node);
	cr_assert_eq(probe.count, 1 + hoard.ends);
	cr_assert_eq(node.sys->pool.reserve_left, RESERVE_BYTES);
	hmt_node_end(&node);
}

/* A sixteenth of the memory, within bounds. */
Test(engine_memory, reserve__is_a_sixteenth_between_its_bounds)
{
	static const struct {
		uint64_t memory;
		int64_t reserve;
	} cases[] = { { 256 << 10, 128 << 10 },
		      { 2 << 20, 128 << 10 },
		      { 4 << 20, 256 << 10 },
		      { 256 << 20, 16 << 20 },
		      { 512 << 20, 16 << 20 } };

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct hmt_node node;

		hmt_node_start_with(&node, 1, cases[i].memory, NULL);
		cr_assert_eq(node.sys->pool.reserve_left, cases[i].reserve, "of %" PRIu64, cases[i].memory);
		hmt_node_end(&node);
	}
}

/* ---- How many --------------------------------------------------------------------------- */

/* How many messages of 24 bytes of body a system of one lcore has. */
static uint32_t
messages_count(const struct hm_config *config, int argc, char **argv)
{
	struct hm_msg *list = NULL, *msg;
	struct hm_system *sys;
	struct hm_ctx *ctx;
	uint32_t count = 0;

	cr_assert_eq(hm_system_create(&sys, argc, argv, config), 0);
	ctx = sys->lcores[0];
	for (; (msg = hm_msg_alloc(ctx, HM_IDENTITY, 24)) != NULL; count++) {
		msg->next = list;
		list = msg;
	}
	while ((msg = list) != NULL) {
		list = msg->next;
		hm_msg_free(ctx, msg);
	}
	hm_system_destroy(sys);
	return count;
}

Test(engine_memory, create__at_least_so_many_messages_unless_the_option_says_less)
{
	static char words[][16] = { "app", "--", "--memory", "256K" };
	char *argv[] = { words[0], words[1], words[2], words[3] };
	struct hm_config config = { .mode = HM_MODE_STEPPED, .memory = LITTLE, .messages = 32768 };

	cr_assert_geq(messages_count(&config, 1, argv), 32768);
	cr_assert_leq(messages_count(&config, RTE_DIM(argv), argv), FEW);
	config.messages = 1;
	cr_assert_leq(messages_count(&config, 1, argv), FEW);
	config.memory = 8 << 20;
	config.messages = 32768;
	cr_assert_gt(messages_count(&config, 1, argv), 2 * 32768, "no less than the memory says");
}

/* ---- More than there is room for ---------------------------------------------------------- */

Test(engine_memory, dead_letters__are_counted_when_they_cannot_be_published)
{
	static struct hmt_probe probe, subscriber;
	static struct hoard hoard;
	struct hmt_node node;

	hmt_node_start_with(&node, 1, LITTLE, NULL);
	hmt_probe_spawn(&node, &subscriber, 0, NULL);
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, subscriber.pid), 0);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_turn_until_idle(&node);
	do_now(&node, probe.pid, hoard_all, &hoard);
	/* The last one of all goes to nobody. */
	cr_assert_eq(hm_msg_send(node.sys->lcores[0], hm_system_dead_letters(node.sys),
				 hoard.msgs[--hoard.count]),
		     HM_OK);
	hmt_turn_until_idle(&node);
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

	hmt_node_start_with(&node, 1, LITTLE, NULL);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_probe_spawn(&node, &dead, 0, NULL);
	for (int i = 0; i < 16; i++)
		hmt_probe_spawn(&node, &busy[i], 0, NULL);
	hmt_turn_until_idle(&node);
	hmt_stop(&node, dead.pid);
	dead.pid.local++;
	/* The others wait to run, so that nothing is delivered at once. */
	cr_assert_eq(hm_system_send(node.sys, probe.pid, HMT_DO, &deed), HM_OK);
	for (int i = 0; i < 16; i++)
		hmt_number(&node, busy[i].pid, 1);
	hmt_turn_until_idle(&node);
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

	hmt_node_start_with(&node, 3, LITTLE, "--lane 16");
	for (uint32_t i = 0; i < 3; i++) {
		probes[i].on_msg = flood;
		probes[i].arg = pids;
		pids[i] = hmt_probe_spawn(&node, &probes[i], i, NULL);
	}
	hmt_number(&node, pids[0], 12);
	hmt_turn_until_idle(&node);
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
		hmt_node_start_with(&node, 3, LITTLE, "--lane 16");
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
