/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters and callbacks that fault: in an actor's turn, and in the loop.
 */
#include "test_engine_event_stream.h"

#include "hmt_death.h"
#include "hmt_fault.h"
#include "hmt_log.h"

TestSuite(engine_event_fault, .init = hmt_eal_start);

static struct event_scene s;

static bool
filter_faults(void *arg, const struct hm_msg *event)
{
	(void)event;
	hmt_fault_raise(*(enum hmt_fault *)arg);
	return true;
}

static void
callback_faults(void *arg, const struct hm_msg *event)
{
	(void)filter_faults(arg, event);
}

static void
subscribe_broken(enum hmt_fault *fault, uint16_t type, bool is_callback)
{
	(void)subscribe(&s, &(struct hm_event_subscriber){ .first = type, .pid = s.sinks[0].pid });
	(void)subscribe(&s,
			&(struct hm_event_subscriber){ .first = type,
						       .pid = is_callback ? hm_pid_none() : s.sinks[1].pid,
						       .callback = is_callback ? callback_faults : NULL,
						       .filter = is_callback ? NULL : filter_faults,
						       .arg = fault });
	(void)subscribe(&s, &(struct hm_event_subscriber){ .first = type, .pid = s.sinks[2].pid });
}

static void
in_a_turn(enum hmt_fault fault, bool is_callback)
{
	struct hmt_log log;

	event_scene_start(&s);
	subscribe_broken(&fault, HMT_NUMBER, is_callback);
	hmt_log_start(&log);
	publish_numbers(&s, 1);
	cr_assert(
		hmt_log_has(&log,
			    "a subscriber of events has failed, and is unsubscribed, at event type number"));
	hmt_log_end(&log);
	cr_assert_eq(hmt_seen_count(&s.publisher, HM_RESTARTING), 1, "the call cannot go on");
	cr_assert_eq(hm_event_subscriptions(s.node.sys), 2);
	cr_assert_eq(publish_numbers(&s, 1), HM_OK);
	cr_assert_eq(hmt_seen_count(&s.publisher, HM_RESTARTING), 1);
	/* The first event is lost for those behind, and for nobody else. */
	cr_assert_eq(hmt_seen_count(&s.sinks[0], HMT_NUMBER), 2);
	cr_assert_eq(hmt_seen_count(&s.sinks[1], HMT_NUMBER), 0);
	cr_assert_eq(hmt_seen_count(&s.sinks[2], HMT_NUMBER), 1);
	hmt_node_end(&s.node);
}

Test(engine_event_fault, filter__in_an_actors_turn)
{
	in_a_turn(HMT_FAULT_NULL, false);
}

Test(engine_event_fault, callback__in_an_actors_turn)
{
	in_a_turn(HMT_FAULT_ABORT, true);
}

Test(engine_event_fault, filter__that_uses_up_the_stack)
{
	in_a_turn(HMT_FAULT_OVERFLOW, false);
}

static void
publish_nowhere(struct hm_ctx *ctx, void *body)
{
	(void)hm_publish(ctx, HMT_NUMBER, body);
}

/* A body that is no memory is the publisher's own fault, and costs nothing else. */
Test(engine_event_fault, body__that_is_no_memory)
{
	struct hm_subscription subscription;

	event_scene_start(&s);
	subscription =
		subscribe(&s, &(struct hm_event_subscriber){ .first = HMT_NUMBER, .pid = s.sinks[0].pid });
	hmt_do(&s.node, s.publisher.pid, publish_nowhere, (void *)8);
	cr_assert_eq(hmt_seen_count(&s.publisher, HM_RESTARTING), 1);
	cr_assert_eq(subscription_stats(&s, subscription).in_flight, 0);
	publish_numbers(&s, 1);
	cr_assert_eq(hmt_seen_count(&s.sinks[0], HMT_NUMBER), 1);
	hmt_node_end(&s.node);
}

static void
count_it(void *arg, const struct hm_msg *event)
{
	(void)event;
	++*(uint64_t *)arg;
}

/* Publish, on ever less stack. */
static uint64_t
publish_deeper(struct hm_ctx *ctx, uint64_t depth)
{
	volatile char room[2048];

	room[depth % sizeof(room)] = 1;
	if (depth == UINT64_MAX)
		return 0;
	(void)hm_publish(ctx, HMT_NUMBER, &depth);
	return publish_deeper(ctx, depth + 1) + (uint64_t)room[depth % sizeof(room)];
}

static void
publish_without_stack(struct hm_ctx *ctx, void *arg)
{
	*(volatile uint64_t *)arg = publish_deeper(ctx, 0);
}

/* A stack that ends within the call is the publisher's fault, and loses no message: the node's end looks for them. */
Test(engine_event_fault, publish__where_the_stack_ends)
{
	uint64_t count = 0, sum = 0;

	event_scene_start(&s);
	(void)subscribe(&s, &(struct hm_event_subscriber){
				    .first = HMT_NUMBER, .callback = count_it, .arg = &count });
	hmt_do(&s.node, s.publisher.pid, publish_without_stack, &sum);
	cr_assert_gt(count, 100);
	cr_assert_eq(hmt_seen_count(&s.publisher, HM_RESTARTING), 1);
	cr_assert_eq(hm_event_subscriptions(s.node.sys), 1, "it was not the subscriber's");
	hmt_node_end(&s.node);
}

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	*(enum hm_future_result *)arg = result;
}

struct question {
	struct hm_pid to;
	enum hm_future_result result;
};

static void
ask_it(struct hm_ctx *ctx, void *arg)
{
	struct question *question = arg;
	uint64_t number = 1;

	cr_assert_eq(hm_ask(ctx, question->to, HMT_NUMBER, &number, 1000000, on_reply, &question->result),
		     HM_OK);
}

/* In the loop no actor fails; who has asked is told all the same. */
static void
in_the_loop(bool is_callback)
{
	enum hmt_fault fault = HMT_FAULT_NULL;
	struct question question = { .result = HM_FUTURE_TIMEOUT };

	event_scene_start(&s);
	subscribe_broken(&fault, HM_DEAD_LETTER, is_callback);
	question.to = hm_system_dead_letters(s.node.sys);
	hmt_do(&s.node, s.publisher.pid, ask_it, &question);
	cr_assert_eq(question.result, HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(hm_event_subscriptions(s.node.sys), 2);
	cr_assert_eq(hmt_stats(&s.node).failed, 0);
	hmt_do(&s.node, s.publisher.pid, ask_it, &question);
	cr_assert_eq(hmt_seen_count(&s.sinks[0], HM_DEAD_LETTER), 2);
	cr_assert_eq(hmt_seen_count(&s.sinks[2], HM_DEAD_LETTER), 1);
	hmt_node_end(&s.node);
}

Test(engine_event_fault, filter__of_a_dead_letter)
{
	in_the_loop(false);
}

Test(engine_event_fault, callback__of_a_dead_letter)
{
	in_the_loop(true);
}

Test(engine_event_fault, callback__of_what_a_thread_publishes)
{
	enum hmt_fault fault = HMT_FAULT_ABORT;
	uint64_t number = 1;

	event_scene_start(&s);
	subscribe_broken(&fault, HMT_NUMBER, true);
	for (uint32_t i = 0; i < 2; i++) {
		cr_assert_eq(hm_system_publish(s.node.sys, HMT_NUMBER, &number), HM_OK);
		hmt_turn_until_idle(&s.node);
	}
	cr_assert_eq(hm_event_subscriptions(s.node.sys), 2);
	cr_assert_eq(hmt_seen_count(&s.sinks[0], HMT_NUMBER), 2);
	cr_assert_eq(hmt_seen_count(&s.sinks[2], HMT_NUMBER), 1);
	hmt_node_end(&s.node);
}

/* Dead letters of what is under way when the system is destroyed, in no lcore's loop. */
Test(engine_event_fault, callback__while_the_system_is_destroyed)
{
	enum hmt_fault fault = HMT_FAULT_NULL;

	event_scene_start(&s);
	subscribe_broken(&fault, HM_DEAD_LETTER, true);
	for (uint64_t i = 0; i < 3; i++)
		hmt_number(&s.node, hm_system_dead_letters(s.node.sys), i);
	hmt_node_drop(&s.node);
}

static void
fault_in_loop(void *arg)
{
	enum hmt_fault fault = HMT_FAULT_NULL;

	(void)arg;
	memset(&s, 0, sizeof(s));
	hmt_node_start_with(&s.node, 1, 0, "--faults abort");
	for (uint32_t i = 0; i < SINKS; i++)
		hmt_probe_spawn(&s.node, &s.sinks[i], 0, NULL);
	subscribe_broken(&fault, HM_DEAD_LETTER, true);
	hmt_number(&s.node, hm_system_dead_letters(s.node.sys), 1);
	hmt_turn_until_idle(&s.node);
}

Test(engine_event_fault, faults_abort__ends_the_process_and_says_who)
{
	char text[8192];
	int status = hmt_death(fault_in_loop, NULL, text, sizeof(text));

	/* The sanitizer's own handler, which comes behind, exits. */
	cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) != HMT_SURVIVED, "%d", status);
	cr_assert(strstr(text, "in a subscriber of events") != NULL, "%s", text);
}

#if HMI_DEBUG
static void
callback_publishes(void *arg, const struct hm_msg *event)
{
	uint64_t number = 1;

	(void)event;
	(void)hm_publish(*(struct hm_ctx **)arg, HMT_NUMBER, &number);
}

static void
ctx_keep(struct hm_ctx *ctx, void *arg)
{
	*(struct hm_ctx **)arg = ctx;
}

static void
publish_within(void *arg)
{
	struct hm_ctx *ctx;

	(void)arg;
	event_scene_start(&s);
	(void)subscribe(&s, &(struct hm_event_subscriber){
				    .first = HMT_NUMBER, .callback = callback_publishes, .arg = &ctx });
	hmt_do(&s.node, s.publisher.pid, ctx_keep, &ctx);
	publish_numbers(&s, 1);
}

/* It would not come to an end, and the lcore would lose track of what it does. */
Test(engine_event_fault, callback__that_uses_a_ctx_ends_the_process)
{
	char text[8192];
	int status = hmt_death(publish_within, NULL, text, sizeof(text));

	cr_assert(hmt_aborted(status), "status 0x%x", (unsigned int)status);
	cr_assert_not_null(strstr(text, "hermod: hm_publish: a ctx in a filter or callback"), "%s", text);
}
#endif
