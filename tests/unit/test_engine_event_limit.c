/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event stream's limits: events in flight, subscriptions, memory; what is wrong; and who is no actor.
 */
#include <errno.h>

#include "test_engine_event_stream.h"

#include "hm_keep.h"
#include "hm_mailbox.h"
#include "test_engine_memory.h"

TestSuite(engine_event_limit, .init = hmt_eal_start);

static struct event_scene s;

/* ---- Events in flight ------------------------------------------------------------------------ */

static struct hm_subscription
limited(struct event_scene *scene, uint16_t type, uint32_t sink, uint32_t limit)
{
	return subscribe(scene, &(struct hm_event_subscriber){
					.first = type, .pid = scene->sinks[sink].pid, .limit = limit });
}

Test(engine_event_limit, limit__just_as_many_in_flight_and_one_beyond)
{
	struct hm_subscription subscription;
	const struct hmt_seen *letter;

	event_scene_start(&s);
	subscription = limited(&s, HMT_NUMBER, 1, 3);
	(void)limited(&s, HMT_NUMBER, 2, 4);
	cr_assert_eq(hm_dead_letters_subscribe(s.node.sys, s.sinks[0].pid), 0);
	cr_assert_eq(publish_numbers(&s, 3), HM_OK);
	cr_assert_eq(hmt_seen_count(&s.sinks[1], HMT_NUMBER), 3);
	cr_assert_eq(subscription_stats(&s, subscription).dropped, 0);
	cr_assert_eq(subscription_stats(&s, subscription).in_flight, 0, "they were received");
	cr_assert_eq(publish_numbers(&s, 4), HM_OK, "the publisher need not know");
	cr_assert_eq(hmt_seen_count(&s.sinks[1], HMT_NUMBER), 6);
	cr_assert_eq(hmt_seen_count(&s.sinks[2], HMT_NUMBER), 7, "others get it");
	cr_assert_eq(subscription_stats(&s, subscription).dropped, 1);
	cr_assert_eq(subscription_stats(&s, subscription).limit, 3);
	cr_assert_eq(hmt_stats(&s.node).events_dropped, 1);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_SUBSCRIBER_BUSY], 1);
	cr_assert_eq(hmt_dead(&s.node), 1);
	letter = hmt_seen_last(&s.sinks[0], HM_DEAD_LETTER);
	cr_assert_not_null(letter);
	cr_assert_eq(letter->dead.reason, HM_DEAD_SUBSCRIBER_BUSY);
	cr_assert_eq(letter->dead.type, HMT_NUMBER);
	cr_assert_eq(letter->dead.length, sizeof(uint64_t));
	cr_assert(hm_pid_equal(letter->dead.to, s.sinks[1].pid));
	cr_assert_str_eq(hm_dead_reason_name(HM_DEAD_SUBSCRIBER_BUSY),
			 "too many events wait for the subscriber");
	hmt_node_end(&s.node);
}

static struct hm_msg *kept;

static void
keep_first(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER && kept == NULL)
		cr_assert_eq(hm_msg_keep(ctx, &kept), HM_OK);
}

static void
free_kept(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_msg_free(ctx, kept);
}

Test(engine_event_limit, limit__of_what_is_kept_until_it_is_freed)
{
	struct hm_subscription subscription;

	event_scene_start(&s);
	s.sinks[1].on_msg = keep_first;
	subscription = limited(&s, HMT_NUMBER, 1, 1);
	publish_numbers(&s, 1);
	cr_assert_eq(subscription_stats(&s, subscription).in_flight, 1);
	publish_numbers(&s, 1);
	cr_assert_eq(hmt_seen_count(&s.sinks[1], HMT_NUMBER), 1);
	hmt_do(&s.node, s.sinks[1].pid, free_kept, NULL);
	cr_assert_eq(subscription_stats(&s, subscription).in_flight, 0);
	publish_numbers(&s, 1);
	cr_assert_eq(hmt_seen_count(&s.sinks[1], HMT_NUMBER), 2);
	cr_assert_eq(subscription_stats(&s, subscription).dropped, 1);
	hmt_node_end(&s.node);
}

static void
forward_it(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_forward(ctx, *(struct hm_pid *)probe->arg), HM_OK);
}

/* To another actor, to another node, which there is none of, and to the stream itself: by another subscription. */
Test(engine_event_limit, limit__of_what_is_forwarded)
{
	struct hm_pid targets[] = { s.sinks[2].pid, { 4711, 1 }, hm_pid_none() };
	struct hm_subscription subscription, stranger;
	struct hm_pid to;

	event_scene_start(&s);
	targets[0] = s.sinks[2].pid;
	s.sinks[1].on_msg = forward_it;
	s.sinks[1].arg = &to;
	subscription = limited(&s, HMT_NUMBER, 1, 8);
	for (uint32_t i = 0; i < 2; i++) {
		to = targets[i];
		publish_numbers(&s, 8);
		cr_assert_eq(subscription_stats(&s, subscription).in_flight, 0);
	}
	cr_assert_eq(hmt_seen_count(&s.sinks[2], HMT_NUMBER), 8);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_NODE], 8);
	/* It is unsubscribed, and what it still forwards is published. */
	to = hm_system_event_stream(s.node.sys);
	stranger = limited(&s, HMT_NUMBER, 0, 0);
	hmt_number(&s.node, s.sinks[1].pid, 5);
	cr_assert_eq(hm_event_unsubscribe(s.node.sys, subscription), 0);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hmt_seen_count(&s.sinks[0], HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_last(&s.sinks[0], HMT_NUMBER)->number, 5);
	cr_assert_eq(subscription_stats(&s, stranger).in_flight, 0);
	cr_assert_eq(subscription_stats(&s, stranger).limit, HM_EVENT_LIMIT_DEFAULT);
	hmt_node_end(&s.node);
}

static void
publish_again(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_forward(ctx, hm_system_event_stream(hm_system(ctx))), HM_OK);
}

/* An event in flight that is published again. */
Test(engine_event_limit, limit__of_what_is_forwarded_to_the_stream_again)
{
	struct hm_subscription subscription;
	uint64_t number = 1;

	event_scene_start(&s);
	s.sinks[1].on_msg = publish_again;
	subscription = limited(&s, HMT_NUMBER, 1, 1);
	cr_assert_eq(hm_system_publish(s.node.sys, HMT_NUMBER, &number), HM_OK);
	/* It goes round for ever, one at a time, until it is unsubscribed. */
	for (uint32_t i = 0; i < 20; i++)
		(void)hm_system_turn(s.node.sys);
	cr_assert_leq(subscription_stats(&s, subscription).in_flight, 1);
	cr_assert_gt(hmt_seen_count(&s.sinks[1], HMT_NUMBER), 1);
	cr_assert_eq(subscription_stats(&s, subscription).dropped, 0);
	cr_assert_eq(hm_event_unsubscribe(s.node.sys, subscription), 0);
	hmt_turn_until_idle(&s.node);
	hmt_node_end(&s.node);
}

/* A flood that nobody handles in time: dead letters of events, and of dead letters, come to an end. */
Test(engine_event_limit, drop__of_dead_letters_makes_no_more_of_them)
{
	struct hm_subscription letters;
	struct hm_stats stats;

	event_scene_start(&s);
	(void)limited(&s, HMT_NUMBER, 1, 1);
	letters = limited(&s, HM_DEAD_LETTER, 2, 1);
	cr_assert_eq(publish_numbers(&s, 101), HM_OK);
	stats = hmt_stats(&s.node);
	cr_assert_eq(hmt_seen_count(&s.sinks[1], HMT_NUMBER), 1);
	/* Each of the 100 numbers that were dropped is a letter, which is received or dropped. */
	cr_assert_eq(hmt_seen_count(&s.sinks[2], HM_DEAD_LETTER) + subscription_stats(&s, letters).dropped,
		     100);
	cr_assert_gt(subscription_stats(&s, letters).dropped, 0);
	cr_assert_eq(stats.dead[HM_DEAD_SUBSCRIBER_BUSY], 100 + subscription_stats(&s, letters).dropped);
	cr_assert_eq(stats.events_dropped, stats.dead[HM_DEAD_SUBSCRIBER_BUSY]);
	hmt_node_end(&s.node);
}

/* A mailbox that is full holds up who sends to it, but not who publishes. */
Test(engine_event_limit, slow__subscribers_do_not_mute_the_publisher)
{
	static const struct hm_mailbox small = { .capacity = 4, .low = 1 };
	static struct hmt_probe slow;
	struct hmt_probe *probe = &slow;
	struct hm_props props;

	event_scene_start(&s);
	memset(&slow, 0, sizeof(slow));
	props = *hmt_probe_props(1);
	props.mailbox = &small;
	cr_assert_eq(hm_system_spawn(s.node.sys, &props, NULL, &probe, &slow.pid), 0);
	(void)subscribe(&s, &(struct hm_event_subscriber){ .first = HMT_NUMBER, .pid = slow.pid });
	cr_assert_eq(publish_numbers(&s, 100), HM_OK);
	cr_assert_eq(hmt_seen_count(&slow, HMT_NUMBER), 100);
	cr_assert_gt(hmt_stats(&s.node).overloads, 0);
	cr_assert_eq(hmt_stats(&s.node).mutes, 0);
	hmt_node_end(&s.node);
}

/* ---- Memory and subscriptions ------------------------------------------------------------------- */

Test(engine_event_limit, subscribe__as_many_as_there_may_be_and_one_more)
{
	struct hm_event_subscriber subscriber = { .first = HMT_NUMBER };
	struct hm_subscription last = { 0 }, none = { 4711 };

	event_scene_start(&s);
	subscriber.pid = s.sinks[0].pid;
	for (uint32_t i = 0; i < HM_EVENT_SUBSCRIPTIONS_MAX; i++)
		last = subscribe(&s, &subscriber);
	cr_assert_eq(hm_event_subscriptions(s.node.sys), HM_EVENT_SUBSCRIPTIONS_MAX);
	cr_assert_eq(hm_event_subscribe(s.node.sys, &subscriber, &none), -ENOSPC);
	cr_assert_eq(none.id, 4711);
	publish_numbers(&s, 1);
	cr_assert_eq(s.sinks[0].count, 1 + HM_EVENT_SUBSCRIPTIONS_MAX);
	cr_assert_eq(hm_event_unsubscribe(s.node.sys, last), 0);
	cr_assert_neq(subscribe(&s, &subscriber).id, last.id);
	cr_assert_eq(hm_event_unsubscribe_pid(s.node.sys, subscriber.pid), HM_EVENT_SUBSCRIPTIONS_MAX);
	cr_assert_eq(hm_event_subscriptions(s.node.sys), 0);
	hmt_node_end(&s.node);
}

static struct hoard hoard;

/* All memory is taken; then as much is freed as one event takes, which goes to the last subscriber. */
static void
publish_short(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 9;

	(void)arg;
	hoard_all(ctx, &hoard);
	cr_assert_eq(hm_publish(ctx, HMT_NUMBER, &number), HM_NO_MEMORY);
	hm_msg_free(ctx, hoard.msgs[0]);
	cr_assert_eq(hm_publish(ctx, HMT_NUMBER, &number), HM_NO_MEMORY);
	for (uint32_t i = 1; i < hoard.count; i++)
		hm_msg_free(ctx, hoard.msgs[i]);
	cr_assert_eq(hm_publish(ctx, HMT_NUMBER, &number), HM_OK);
}

Test(engine_event_limit, memory__that_is_used_up_is_told_and_counted)
{
	memset(&s, 0, sizeof(s));
	hmt_node_start_with(&s.node, 1, LITTLE, NULL);
	hmt_probe_spawn(&s.node, &s.publisher, 0, NULL);
	for (uint32_t i = 0; i < SINKS; i++) {
		hmt_probe_spawn(&s.node, &s.sinks[i], 0, NULL);
		(void)limited(&s, HMT_NUMBER, i, 0);
	}
	hmt_turn_until_idle(&s.node);
	hmt_do(&s.node, s.publisher.pid, publish_short, NULL);
	cr_assert_eq(hmt_seen_count(&s.sinks[0], HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&s.sinks[1], HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&s.sinks[2], HMT_NUMBER), 2);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_MEMORY], 2);
	cr_assert_eq(hmt_stats(&s.node).events_dropped, 2);
	hmt_node_end(&s.node);
}

/* Nothing is left to make an event of the engine of: it is counted. */
static void
spawn_short(struct hm_ctx *ctx, void *arg)
{
	static struct hmt_probe child;

	(void)arg;
	hoard_all(ctx, &hoard);
	cr_assert_eq(hmt_probe_child(ctx, &child, HMT_LCORE_SAME, NULL), 0);
	for (uint32_t i = 0; i < hoard.count; i++)
		hm_msg_free(ctx, hoard.msgs[i]);
}

Test(engine_event_limit, memory__that_is_used_up_loses_events_of_the_engine)
{
	memset(&s, 0, sizeof(s));
	memset(&hoard, 0, sizeof(hoard));
	hmt_node_start_with(&s.node, 1, LITTLE, NULL);
	hmt_probe_spawn(&s.node, &s.publisher, 0, NULL);
	hmt_probe_spawn(&s.node, &s.sinks[0], 0, NULL);
	hmt_turn_until_idle(&s.node);
	(void)limited(&s, HM_LIFECYCLE, 0, 0);
	hmt_do(&s.node, s.publisher.pid, spawn_short, NULL);
	cr_assert_eq(hmt_seen_count(&s.sinks[0], HM_LIFECYCLE), 0);
	cr_assert_eq(hmt_stats(&s.node).events_dropped, 1);
	cr_assert_geq(hmt_stats(&s.node).no_memory, 1);
	hmt_node_end(&s.node);
}

/* A dead letter, of which nothing is left to tell. */
static void
die_short(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)arg;
	cr_assert_not_null(msg);
	hoard_all(ctx, &hoard);
	cr_assert_eq(hm_msg_send(ctx, hm_system_dead_letters(s.node.sys), msg), HM_OK);
}

Test(engine_event_limit, memory__that_is_used_up_loses_dead_letters)
{
	memset(&s, 0, sizeof(s));
	memset(&hoard, 0, sizeof(hoard));
	hmt_node_start_with(&s.node, 1, LITTLE, NULL);
	hmt_probe_spawn(&s.node, &s.publisher, 0, NULL);
	hmt_probe_spawn(&s.node, &s.sinks[0], 0, NULL);
	hmt_turn_until_idle(&s.node);
	(void)limited(&s, HM_DEAD_LETTER, 0, 0);
	hmt_do(&s.node, s.publisher.pid, die_short, NULL);
	cr_assert_eq(hmt_stats(&s.node).events_dropped, 1);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_SENT_THERE], 1);
	hmt_do(&s.node, s.publisher.pid, hoard_free, &hoard);
	cr_assert_eq(hmt_seen_count(&s.sinks[0], HM_DEAD_LETTER), 0);
	hmt_node_end(&s.node);
}

/* ---- Others who publish ---------------------------------------------------------------------------- */

static void
send_number(struct hm_ctx *ctx, void *to)
{
	uint64_t number = 3;

	cr_assert_eq(hm_send(ctx, *(struct hm_pid *)to, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_request(ctx, *(struct hm_pid *)to, HMT_NUMBER, &number), HM_OK);
	/* It is no actor that would answer, and lives as long as the node. */
	cr_assert_eq(hm_request(ctx, *(struct hm_pid *)to, HM_TOUCH, NULL), HM_OK);
	hm_watch(ctx, *(struct hm_pid *)to);
	hm_stop(ctx, *(struct hm_pid *)to);
}

Test(engine_event_limit, stream__publishes_what_is_sent_to_it)
{
	struct hm_pid stream;

	event_scene_start(&s);
	cr_assert_eq(hm_lookup(s.node.sys, "/eventStream", &stream), 0);
	cr_assert(hm_pid_equal(stream, hm_system_event_stream(s.node.sys)));
	(void)limited(&s, HMT_NUMBER, 1, 0);
	for (uint32_t i = 0; i < SINKS; i++)
		hmt_do(&s.node, s.sinks[i].pid, send_number, &stream);
	hmt_number(&s.node, stream, 4);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hmt_seen_count(&s.sinks[1], HMT_NUMBER), 2 * SINKS + 1);
	cr_assert_eq(hmt_seen_last(&s.sinks[1], HMT_NUMBER)->number, 4);
	cr_assert(hm_pid_is_none(hmt_seen_last(&s.sinks[1], HMT_NUMBER)->sender));
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PROCESS], SINKS, "touches");
	cr_assert_eq(hmt_seen_count(&s.sinks[1], HM_TERMINATED), 0);
	cr_assert_eq(hm_lookup(s.node.sys, "/eventStream", &stream), 0);
	hmt_node_end(&s.node);
}

Test(engine_event_limit, system_publish__by_a_thread)
{
	uint64_t number = 8;

	event_scene_start(&s);
	cr_assert_eq(hm_system_publish(s.node.sys, HMT_NUMBER, &number), HM_OK, "nobody wants it");
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hmt_stats(&s.node).sent, hmt_stats(&s.node).received);
	(void)subscribe(&s, &(struct hm_event_subscriber){
				    .first = HM_EVENT_FIRST, .last = HM_EVENT_LAST, .pid = s.sinks[2].pid });
	for (number = 0; number < 10; number++)
		cr_assert_eq(hm_system_publish(s.node.sys, HMT_NUMBER, &number), HM_OK);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hmt_seen_count(&s.sinks[2], HMT_NUMBER), 10);
	for (uint64_t i = 0; i < 10; i++)
		cr_assert_eq(s.sinks[2].seen[i + 1].number, i);
	cr_assert_eq(hm_system_publish(s.node.sys, HM_DEAD_LETTER, &number), HM_UNKNOWN_TYPE);
	cr_assert_eq(hm_system_publish(s.node.sys, HMT_TYPE_NEXT, NULL), HM_UNKNOWN_TYPE);
	cr_assert_eq(hm_system_publish(NULL, HMT_NUMBER, &number), HM_INVALID);
	hmt_node_end(&s.node);
}

/* ---- What is wrong ------------------------------------------------------------------------------- */

static void
publish_wrong(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1;

	(void)arg;
	cr_assert_eq(hm_publish(ctx, HMT_TYPE_NEXT, &number), HM_UNKNOWN_TYPE, "not registered");
	cr_assert_eq(hm_publish(ctx, HM_DEAD_LETTER, &number), HM_UNKNOWN_TYPE, "the engine's own");
	cr_assert_eq(hm_publish(ctx, HM_TOUCH, NULL), HM_UNKNOWN_TYPE);
	cr_assert_eq(hm_publish(ctx, HMT_NUMBER, NULL), HM_OK,
		     "as hm_send: what it is before anything is set");
}

Test(engine_event_limit, publish__types_that_are_none)
{
	event_scene_start(&s);
	(void)subscribe(&s, &(struct hm_event_subscriber){
				    .first = HM_EVENT_FIRST, .last = HM_EVENT_LAST, .pid = s.sinks[0].pid });
	hmt_do(&s.node, s.publisher.pid, publish_wrong, NULL);
	HMT_SEQUENCE(&s.sinks[0], HM_STARTED, HMT_NUMBER);
	hmt_node_end(&s.node);
}

static void
on_event(void *arg, const struct hm_msg *event)
{
	(void)arg;
	(void)event;
}

static void
cr_expect_refused(const struct hm_event_subscriber *subscriber)
{
	struct hm_subscription subscription = { 4711 };

	cr_expect_eq(hm_event_subscribe(s.node.sys, subscriber, &subscription), -EINVAL);
	cr_expect_eq(subscription.id, 4711);
}

Test(engine_event_limit, subscribe__what_is_refused)
{
	struct hm_event_subscriber good = { .first = HMT_NUMBER }, bad;
	struct hm_subscription none = { 0 };
	struct hm_subscription_stats stats;

	event_scene_start(&s);
	good.pid = s.sinks[0].pid;
	cr_expect_eq(hm_event_subscribe(NULL, &good, NULL), -EINVAL);
	cr_expect_refused(NULL);
	bad = good;
	bad.first = HM_TYPE_NONE;
	cr_expect_refused(&bad);
	bad = good;
	bad.last = HMT_NUMBER - 1;
	cr_expect_refused(&bad);
	bad = good;
	bad.callback = on_event;
	cr_expect_refused(&bad);
	bad = good;
	bad.pid = hm_pid_none();
	cr_expect_refused(&bad);
	bad.callback = on_event;
	bad.limit = 1;
	cr_expect_refused(&bad);
	bad = good;
	bad.limit = HM_EVENT_LIMIT_MAX + 1;
	cr_expect_refused(&bad);
	bad = good;
	bad.pid.node++;
	cr_expect_refused(&bad);
	bad.pid = (struct hm_pid){ hm_system_node(s.node.sys), hmi_local(SINKS, 5, 1) };
	cr_expect_refused(&bad);
	bad.pid = hm_system_event_stream(s.node.sys);
	cr_expect_refused(&bad);
	good.limit = HM_EVENT_LIMIT_MAX;
	cr_expect_eq(hm_event_subscribe(s.node.sys, &good, NULL), 0);
	cr_expect_eq(hm_event_unsubscribe(NULL, none), -EINVAL);
	cr_expect_eq(hm_event_unsubscribe(s.node.sys, none), -ENOENT);
	cr_expect_eq(hm_event_unsubscribe_pid(NULL, good.pid), 0);
	cr_expect_eq(hm_event_unsubscribe_pid(s.node.sys, hm_pid_none()), 0);
	cr_expect_eq(hm_event_unsubscribe_pid(s.node.sys, s.sinks[1].pid), 0);
	cr_expect_eq(hm_event_subscription_stats(s.node.sys, none, &stats), -ENOENT);
	cr_expect_eq(hm_event_subscription_stats(s.node.sys, none, NULL), -EINVAL);
	cr_expect_eq(hm_event_subscription_stats(NULL, none, &stats), -EINVAL);
	cr_expect_eq(hm_event_subscriptions(NULL), 0);
	cr_expect_eq(hm_event_subscriptions(s.node.sys), 1);
	hmt_node_end(&s.node);
}
