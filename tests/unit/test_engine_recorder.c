/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flight recorder: what it holds, in order, at its limit, and where it is told.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hm_behaviour.h"
#include "hm_mailbox.h"
#include "hm_recorder.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_death.h"
#include "hmt_eal.h"
#include "hmt_fault.h"
#include "hmt_log.h"

TestSuite(engine_recorder, .init = hmt_eal_start);

static struct hmt_probe actor, other;
static struct hm_event events[HM_RECORDER_EVENTS + 1];

static void
node_with(struct hmt_node *node, const char *options)
{
	hmt_node_start_with(node, 1, 0, options);
	hmt_probe_spawn(node, &actor, 0, "actor");
	hmt_turn_until_idle(node);
}

/* Those of an actor, newest last. */
static size_t
read_of(const struct hmt_node *node, struct hm_pid pid)
{
	size_t count = hm_recorder_read(node->sys, 0, events, HM_RECORDER_EVENTS), kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (hm_pid_equal(events[i].actor, pid))
			events[kept++] = events[i];
	}
	return kept;
}

#define EVENTS(node, pid, ...)                                                                          \
	do {                                                                                            \
		static const struct {                                                                   \
			enum hm_event_kind kind;                                                        \
			uint16_t type;                                                                  \
		} expected_[] = { __VA_ARGS__ };                                                        \
		size_t count_ = read_of(node, pid), wanted_ = sizeof(expected_) / sizeof(expected_[0]); \
		cr_assert_eq(count_, wanted_, "%zu events", count_);                                    \
		for (size_t i_ = 0; i_ < wanted_; i_++) {                                               \
			cr_assert_eq(events[i_].kind, expected_[i_].kind, "event %zu: %s", i_,          \
				     hm_event_name(events[i_].kind));                                   \
			cr_assert_eq(events[i_].type, expected_[i_].type, "event %zu", i_);             \
		}                                                                                       \
	} while (0)

Test(engine_recorder, life__is_recorded_in_order_and_messages_are_not)
{
	struct hmt_node node;

	actor = (struct hmt_probe){ 0 };
	node_with(&node, NULL);
	hmt_number(&node, actor.pid, 1);
	hmt_elapse(&node, 5000);
	hmt_do(&node, actor.pid, hmt_fail, NULL);
	cr_assert_eq(hm_system_stop_actor(node.sys, actor.pid), 0);
	hmt_turn_until_idle(&node);
	EVENTS(&node, actor.pid, { HM_EVENT_HANDLES, HM_STARTED }, { HM_EVENT_FAILS, HMT_DO },
	       { HM_EVENT_HANDLES, HM_RESTARTING }, { HM_EVENT_HANDLES, HM_STARTED },
	       { HM_EVENT_HANDLES, HM_STOPPING }, { HM_EVENT_HANDLES, HM_STOPPED });
	cr_assert_geq(events[1].time_ns, events[0].time_ns + 5000000 - 1024);
	cr_assert_leq(events[1].time_ns, node.now_ns);
	hmt_node_end(&node);
}

/* Of all three kinds. */
static void
ask_in_vain(struct hm_ctx *ctx, void *arg)
{
	const uint64_t number = 1;
	const struct hm_batch_request one = { other.pid, HMT_NUMBER, &number };
	const struct hm_batch batch = {
		.requests = &one, .count = 1, .timeout_us = 1000, .on_end = hmt_ignore_reply
	};
	struct hm_future future;

	(void)arg;
	cr_assert_eq(hm_ask(ctx, other.pid, HMT_NUMBER, &number, 1000, hmt_ignore_reply, NULL), HM_OK);
	cr_assert_eq(hm_ask_batch(ctx, &batch), HM_OK);
	cr_assert_eq(hm_request_future(ctx, other.pid, HMT_NUMBER, &number, 1000, &future), HM_OK);
}

Test(engine_recorder, deadlines__of_requests_are_recorded)
{
	struct hmt_node node;

	actor = other = (struct hmt_probe){ 0 };
	node_with(&node, NULL);
	hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_do(&node, actor.pid, ask_in_vain, NULL);
	hmt_elapse(&node, 2000);
	EVENTS(&node, actor.pid, { HM_EVENT_HANDLES, HM_STARTED }, { HM_EVENT_DEADLINE, 0 },
	       { HM_EVENT_DEADLINE, 0 }, { HM_EVENT_DEADLINE, 0 });
	hmt_node_end(&node);
}

static void
send_many(struct hm_ctx *ctx, void *count)
{
	for (uint64_t i = 0; i < (uintptr_t)count; i++)
		cr_assert_eq(hm_send(ctx, other.pid, HMT_NUMBER, &i), HM_OK);
}

Test(engine_recorder, pressure__is_recorded)
{
	static const struct hm_mailbox mailbox = { .capacity = 4 };
	struct hm_props props = *hmt_probe_props(0);
	struct hmt_probe *probe = &other;
	struct hmt_node node;

	actor = other = (struct hmt_probe){ 0 };
	props.mailbox = &mailbox;
	node_with(&node, NULL);
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &other.pid), 0);
	hmt_turn_until_idle(&node);
	hmt_do(&node, actor.pid, send_many, (void *)(uintptr_t)20);
	EVENTS(&node, other.pid, { HM_EVENT_HANDLES, HM_STARTED }, { HM_EVENT_OVERLOADED, 0 },
	       { HM_EVENT_DRAINED, 0 });
	EVENTS(&node, actor.pid, { HM_EVENT_HANDLES, HM_STARTED }, { HM_EVENT_MUTED, 0 },
	       { HM_EVENT_UNMUTED, 0 });
	hmt_node_end(&node);
}

static void
timer_start(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_EMPTY, NULL, 1000, 0, NULL), HM_OK);
}

Test(engine_recorder, all__messages_and_timers_are_recorded)
{
	struct hmt_node node;

	actor = (struct hmt_probe){ 0 };
	node_with(&node, "--record all");
	hmt_number(&node, actor.pid, 1);
	hmt_do(&node, actor.pid, timer_start, NULL);
	hmt_elapse(&node, 2000);
	EVENTS(&node, actor.pid, { HM_EVENT_HANDLES, HM_STARTED }, { HM_EVENT_HANDLES, HMT_NUMBER },
	       { HM_EVENT_HANDLES, HMT_DO }, { HM_EVENT_TIMER, HMT_EMPTY }, { HM_EVENT_HANDLES, HMT_EMPTY });
	hmt_node_end(&node);
}

/* Of the message of a number: a pattern that tells where it begins. */
static uint16_t
type_of(size_t number)
{
	return number % 7 == 0 ? HMT_EMPTY : HMT_NUMBER;
}

/* Before, at and behind each lap of the ring. */
Test(engine_recorder, limit__the_newest_are_kept)
{
	struct hmt_node node;
	size_t before;

	actor = (struct hmt_probe){ 0 };
	node_with(&node, "--record all");
	before = hm_recorder_read(node.sys, 0, events, HM_RECORDER_EVENTS);
	cr_assert_lt(before, HM_RECORDER_EVENTS);
	for (uint64_t sent = 1; sent <= 3 * (uint64_t)HMI_RECORDER_RING; sent++) {
		size_t count;

		cr_assert_eq(hm_system_send(node.sys, actor.pid, type_of(sent), &sent), HM_OK);
		hmt_turn_until_idle(&node);
		count = hm_recorder_read(node.sys, 0, events, HM_RECORDER_EVENTS + 1);
		cr_assert_eq(count, RTE_MIN(before + sent, (size_t)HM_RECORDER_EVENTS), "%zu", (size_t)sent);
		for (size_t i = 0; i < RTE_MIN(count, sent); i++)
			cr_assert_eq(events[count - 1 - i].type, type_of(sent - i), "%zu of %zu", i,
				     (size_t)sent);
	}
	cr_assert_eq(hm_recorder_read(node.sys, 0, events, 3), 3);
	cr_assert_eq(events[2].type, type_of(3 * (size_t)HMI_RECORDER_RING));
	hmt_node_end(&node);
}

Test(engine_recorder, misuse__reads_nothing)
{
	struct hmt_node node;

	actor = (struct hmt_probe){ 0 };
	node_with(&node, NULL);
	cr_assert_eq(hm_recorder_read(NULL, 0, events, 1), 0);
	cr_assert_eq(hm_recorder_read(node.sys, 1, events, 1), 0);
	cr_assert_eq(hm_recorder_read(node.sys, 0, NULL, 1), 0);
	cr_assert_eq(hm_recorder_read(node.sys, 0, events, 0), 0);
	cr_assert_eq(hm_recorder_dump(NULL, stderr), -EINVAL);
	cr_assert_eq(hm_recorder_dump(node.sys, NULL), -EINVAL);
	cr_assert_str_eq(hm_event_name((enum hm_event_kind)0), "unknown");
	hmt_node_end(&node);
}

Test(engine_recorder, dump__writes_a_line_for_each_event)
{
	char pid[HM_PID_TEXT_SIZE], expected[256];
	struct hmt_node node;
	char *text = NULL;
	size_t bytes = 0;
	FILE *out;

	actor = (struct hmt_probe){ 0 };
	node_with(&node, "--record all");
	hmt_number(&node, actor.pid, 1);
	hmt_turn_until_idle(&node);
	out = open_memstream(&text, &bytes);
	cr_assert_not_null(out);
	cr_assert_eq(hm_recorder_dump(node.sys, out), 0);
	fclose(out);
	snprintf(expected, sizeof(expected), " s: %s handles number\n", hm_pid_format(actor.pid, pid));
	cr_assert_not_null(strstr(text, expected), "%s", text);
	cr_assert_eq(strncmp(text, "hermod: lcore 0: at ", 20), 0, "%s", text);
	free(text);
	out = fopen("/dev/full", "w");
	cr_assert_not_null(out);
	cr_assert_eq(hm_recorder_dump(node.sys, out), -EIO);
	fclose(out);
	hmt_node_end(&node);
}

/* ---- With a fault ------------------------------------------------------------------------------ */

static void
fault_on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hmt_fault_raise(HMT_FAULT_NULL);
}

Test(engine_recorder, fault__that_is_contained_logs_the_last_events)
{
	char pid[HM_PID_TEXT_SIZE], expected[256];
	struct hmt_node node;
	struct hmt_log log;

	actor = (struct hmt_probe){ .on_msg = fault_on_number };
	other = (struct hmt_probe){ 0 };
	node_with(&node, "--record all");
	hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_log_start(&log);
	hmt_turn_until_idle(&node);
	hmt_number(&node, other.pid, 1);
	hmt_turn_until_idle(&node);
	hmt_number(&node, actor.pid, 1);
	hmt_turn_until_idle(&node);
	snprintf(expected, sizeof(expected), "%s handles number", hm_pid_format(other.pid, pid));
	cr_assert(hmt_log_has(&log, expected), "%s", hmt_log_text(&log));
	snprintf(expected, sizeof(expected), "%s fails at number", hm_pid_format(actor.pid, pid));
	cr_assert(hmt_log_has(&log, expected), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	hmt_node_end(&node);
}

/* That is no fault, and has a reason of its own. */
Test(engine_recorder, fail__logs_no_events)
{
	struct hmt_node node;
	struct hmt_log log;

	actor = (struct hmt_probe){ 0 };
	node_with(&node, NULL);
	hmt_log_start(&log);
	hmt_do(&node, actor.pid, hmt_fail, NULL);
	cr_assert(hmt_log_has(&log, "on purpose"));
	cr_assert(!hmt_log_has(&log, "fails at"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	hmt_node_end(&node);
}

static void
fault_of_engine(void *arg)
{
	struct hmt_node node;
	struct hmi_cell *cell;

	(void)arg;
	actor = (struct hmt_probe){ 0 };
	node_with(&node, "--record all");
	hmt_number(&node, actor.pid, 1);
	hmt_turn_until_idle(&node);
	cell = hmi_cells_at(&node.sys->lcores[0]->cells, actor.pid.local);
	cell->box.head = cell->box.tail = (struct hm_msg *)(uintptr_t)16;
	hmt_number(&node, actor.pid, 1);
	hmt_turn_until_idle(&node);
}

Test(engine_recorder, fault__that_ends_the_process_writes_the_last_events)
{
	static char text[65536];
	int status = hmt_death(fault_of_engine, NULL, text, sizeof(text));

	cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) != HMT_SURVIVED, "%s", text);
	cr_assert_not_null(strstr(text, "the engine's own memory is broken"), "%s", text);
	cr_assert_not_null(strstr(text, " handles number\n"), "%s", text);
	cr_assert_not_null(strstr(text, " handles started\n"), "%s", text);
}
