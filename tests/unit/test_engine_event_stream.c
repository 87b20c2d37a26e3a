/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event stream: who subscribes to what, and what comes.
 */
#include <errno.h>

#include "test_engine_event_stream.h"

#include "hm_buffer.h"
#include "hm_header.h"
#include "hm_move.h"
#include "hmt_types.pb-c.h"

TestSuite(engine_event_stream, .init = hmt_eal_start);

static struct event_scene s;

/* ---- Types --------------------------------------------------------------------------------- */

Test(engine_event_stream, publish__nobody_wants_it)
{
	struct hm_stats before;

	event_scene_start(&s);
	before = hmt_stats(&s.node);
	cr_assert_eq(publish_numbers(&s, 5), HM_OK);
	cr_assert(!hm_event_is_wanted(s.node.sys, HMT_NUMBER));
	cr_assert_eq(hmt_stats(&s.node).sent, before.sent + 1, "the order to do so");
	cr_assert_eq(hmt_dead(&s.node), 0);
	hmt_node_end(&s.node);
}

Test(engine_event_stream, publish__to_each_subscriber_in_order)
{
	event_scene_start(&s);
	for (uint32_t i = 0; i < SINKS; i++)
		cr_assert_eq(hm_event_subscribe_pid(s.node.sys, HMT_NUMBER, HMT_NUMBER, s.sinks[i].pid, NULL),
			     0);
	cr_assert(hm_event_is_wanted(s.node.sys, HMT_NUMBER));
	cr_assert(!hm_event_is_wanted(s.node.sys, HMT_EMPTY));
	cr_assert_eq(publish_numbers(&s, 100), HM_OK);
	for (uint32_t i = 0; i < SINKS; i++) {
		cr_assert_eq(hmt_seen_count(&s.sinks[i], HMT_NUMBER), 100);
		for (uint64_t n = 0; n < 100; n++) {
			const struct hmt_seen *seen = &s.sinks[i].seen[n + 1];

			cr_assert_eq(seen->number, n);
			cr_assert(hm_pid_is_none(seen->sender));
		}
	}
	hmt_node_end(&s.node);
}

/* The last that a program may have. */
#define LAST_TYPE (HM_TYPE_RESERVED - 1)

Test(engine_event_stream, subscribe__ranges_have_both_their_ends)
{
	static const struct hm_type last = { .id = LAST_TYPE, .name = "last" };
	struct publishing what = { LAST_TYPE, 1, HM_OK };

	memset(&s, 0, sizeof(s));
	hmt_node_start(&s.node, 1);
	cr_assert_eq(hm_type_register(s.node.sys, &last), 0);
	hmt_probe_spawn(&s.node, &s.publisher, 0, NULL);
	for (uint32_t i = 0; i < SINKS; i++)
		hmt_probe_spawn(&s.node, &s.sinks[i], 0, NULL);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hm_event_subscribe_pid(s.node.sys, HMT_NUMBER, HMT_EMPTY, s.sinks[0].pid, NULL), 0);
	cr_assert_eq(hm_event_subscribe_pid(s.node.sys, HM_EVENT_FIRST, HM_EVENT_LAST, s.sinks[1].pid, NULL),
		     0);
	cr_assert_eq(hm_event_subscribe_pid(s.node.sys, LAST_TYPE, 0, s.sinks[2].pid, NULL), 0);
	for (uint16_t type = HMT_DO; type <= HMT_BIG; type++) {
		what.type = type;
		if (type != HMT_DO)
			hmt_do(&s.node, s.publisher.pid, publish_all, &what);
	}
	what.type = LAST_TYPE;
	hmt_do(&s.node, s.publisher.pid, publish_all, &what);
	HMT_SEQUENCE(&s.sinks[0], HM_STARTED, HMT_NUMBER, HMT_EMPTY);
	HMT_SEQUENCE(&s.sinks[1], HM_STARTED, HMT_NUMBER, HMT_EMPTY, HMT_BIG, LAST_TYPE);
	HMT_SEQUENCE(&s.sinks[2], HM_STARTED, LAST_TYPE);
	hmt_node_end(&s.node);
}

Test(engine_event_stream, subscribe__twice_is_two_subscriptions)
{
	struct hm_subscription first;

	event_scene_start(&s);
	first = subscribe(&s, &(struct hm_event_subscriber){ .first = HMT_NUMBER, .pid = s.sinks[0].pid });
	(void)subscribe(&s, &(struct hm_event_subscriber){ .first = HMT_NUMBER, .pid = s.sinks[0].pid });
	publish_numbers(&s, 1);
	cr_assert_eq(hmt_seen_count(&s.sinks[0], HMT_NUMBER), 2);
	cr_assert_eq(hm_event_unsubscribe(s.node.sys, first), 0);
	cr_assert_eq(hm_event_unsubscribe(s.node.sys, first), -ENOENT);
	publish_numbers(&s, 1);
	cr_assert_eq(hmt_seen_count(&s.sinks[0], HMT_NUMBER), 3);
	hmt_node_end(&s.node);
}

/* ---- Bodies --------------------------------------------------------------------------------- */

static void
publish_tree(struct hm_ctx *ctx, void *type)
{
	Hmt__Tree tree = HMT__TREE__INIT;
	char text[] = "elm";

	tree.text = text;
	cr_assert_eq(hm_publish(ctx, *(uint16_t *)type, &tree), HM_OK);
	memset(text, 'x', sizeof(text) - 1);
	tree.base.descriptor = NULL;
	cr_assert_eq(hm_publish(ctx, *(uint16_t *)type, &tree), HM_INVALID);
}

static uint32_t trees;

static void
tree_look(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const Hmt__Tree *tree = hm_msg_body(msg);

	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) != HMT_TYPE_NEXT)
		return;
	cr_assert_str_eq(tree->text, "elm");
	trees++;
}

Test(engine_event_stream, publish__protobuf_bodies_are_copied_with_what_they_point_to)
{
	static const struct hm_type type = { .id = HMT_TYPE_NEXT, .descriptor = &hmt__tree__descriptor };
	uint16_t id = HMT_TYPE_NEXT;

	memset(&s, 0, sizeof(s));
	hmt_node_start(&s.node, 2);
	cr_assert_eq(hm_type_register(s.node.sys, &type), 0);
	hmt_probe_spawn(&s.node, &s.publisher, 0, NULL);
	for (uint32_t i = 0; i < 2; i++) {
		s.sinks[i].on_msg = tree_look;
		hmt_probe_spawn(&s.node, &s.sinks[i], i, NULL);
		cr_assert_eq(hm_event_subscribe_pid(s.node.sys, id, 0, s.sinks[i].pid, NULL), 0);
	}
	hmt_turn_until_idle(&s.node);
	hmt_do(&s.node, s.publisher.pid, publish_tree, &id);
	cr_assert_eq(trees, 2);
	hmt_node_end(&s.node);
}

/* A body that takes all of its memory leaves no room for what counts it: each subscriber gets a copy. */
Test(engine_event_stream, stream__bodies_that_fill_their_message)
{
	static const struct hm_type type = { .id = HMT_TYPE_NEXT, .name = "full", .size = 24 };
	const uint64_t body[3] = { 1, 2, 3 };
	struct hm_subscription subscriptions[2];

	memset(&s, 0, sizeof(s));
	hmt_node_start(&s.node, 2);
	cr_assert_eq(hm_type_register(s.node.sys, &type), 0);
	for (uint32_t i = 0; i < 2; i++) {
		hmt_probe_spawn(&s.node, &s.sinks[i], i, NULL);
		subscriptions[i] =
			subscribe(&s, &(struct hm_event_subscriber){
					      .first = HMT_TYPE_NEXT, .pid = s.sinks[i].pid, .limit = 2 });
	}
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(hm_system_publish(s.node.sys, HMT_TYPE_NEXT, body), HM_OK);
	hmt_turn_until_idle(&s.node);
	for (uint32_t i = 0; i < 2; i++) {
		cr_assert_eq(hmt_seen_count(&s.sinks[i], HMT_TYPE_NEXT), 2);
		cr_assert_eq(hmt_seen_last(&s.sinks[i], HMT_TYPE_NEXT)->words[2], 3);
		cr_assert_eq(subscription_stats(&s, subscriptions[i]).in_flight, 0);
		cr_assert_eq(subscription_stats(&s, subscriptions[i]).dropped, 1);
	}
	hmt_node_end(&s.node);
}

struct parcel {
	struct hm_pid to;
	struct hm_buffer *buffer;
	const struct hm_buffer *seen[SINKS];
	uint32_t headers;
};

static struct parcel parcel;

/* A number with a header and a buffer, to /eventStream. */
static void
parcel_send(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)arg;
	cr_assert_not_null(msg);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "colour", "green"), HM_OK);
	cr_assert_eq(hm_msg_buffer_set(ctx, msg, parcel.buffer), HM_OK);
	cr_assert_eq(hm_msg_send(ctx, parcel.to, msg), HM_OK);
}

static void
parcel_look(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	parcel.seen[probe - s.sinks] = hm_msg_buffer(msg);
	cr_assert_str_eq(hm_msg_header(msg, "colour"), "green");
	parcel.headers++;
}

Test(engine_event_stream, publish__buffers_are_shared_and_headers_copied)
{
	struct hm_subscription subscriptions[SINKS];

	event_scene_start(&s);
	parcel.to = hm_system_event_stream(s.node.sys);
	cr_assert_eq(hm_buffer_alloc(s.node.sys, 100, &parcel.buffer), 0);
	for (uint32_t i = 0; i < SINKS; i++) {
		s.sinks[i].on_msg = parcel_look;
		subscriptions[i] = subscribe(&s, &(struct hm_event_subscriber){ .first = HMT_NUMBER,
										.pid = s.sinks[i].pid });
	}
	hmt_do(&s.node, s.publisher.pid, parcel_send, NULL);
	cr_assert_eq(parcel.headers, SINKS);
	for (uint32_t i = 0; i < SINKS; i++) {
		cr_assert_eq(parcel.seen[i], parcel.buffer);
		cr_assert_eq(subscription_stats(&s, subscriptions[i]).in_flight, 0);
	}
	/* That no buffer is left is looked at by the end of the node. */
	hmt_node_end(&s.node);
}

/* ---- Functions ------------------------------------------------------------------------------- */

static bool
is_even(void *arg, const struct hm_msg *event)
{
	++*(uint32_t *)arg;
	return *(const uint64_t *)hm_msg_body(event) % 2 == 0;
}

Test(engine_event_stream, filter__is_asked_once_for_each_event)
{
	uint32_t asked = 0;

	event_scene_start(&s);
	(void)subscribe(&s, &(struct hm_event_subscriber){ .first = HMT_NUMBER,
							   .pid = s.sinks[1].pid,
							   .filter = is_even,
							   .arg = &asked });
	cr_assert_eq(publish_numbers(&s, 7), HM_OK);
	cr_assert_eq(asked, 7);
	cr_assert_eq(hmt_seen_count(&s.sinks[1], HMT_NUMBER), 4);
	cr_assert_eq(hmt_seen_last(&s.sinks[1], HMT_NUMBER)->number, 6);
	hmt_node_end(&s.node);
}

struct calls {
	uint32_t count;
	uint64_t sum;
	struct hm_subscription own, other; /* to be ended by the first call */
	struct hm_event_subscriber *more;  /* to be subscribed by it */
};

static void
on_event(void *arg, const struct hm_msg *event)
{
	struct calls *calls = arg;

	cr_assert(hm_pid_is_none(hm_msg_sender(event)));
	if (hm_msg_length(event) >= sizeof(uint64_t))
		calls->sum += *(const uint64_t *)hm_msg_body(event);
	if (calls->count++ > 0)
		return;
	if (calls->own.id != 0)
		cr_assert_eq(hm_event_unsubscribe(s.node.sys, calls->own), 0);
	if (calls->other.id != 0)
		cr_assert_eq(hm_event_unsubscribe(s.node.sys, calls->other), 0);
	if (calls->more != NULL)
		cr_assert_eq(hm_event_subscribe(s.node.sys, calls->more, NULL), 0);
}

Test(engine_event_stream, callback__gets_what_its_filter_lets_through)
{
	struct calls calls = { 0 }, all = { 0 };
	struct hm_stats before;

	event_scene_start(&s);
	(void)subscribe(&s, &(struct hm_event_subscriber){ .first = HMT_NUMBER,
							   .callback = on_event,
							   .filter = is_even,
							   .arg = &calls });
	(void)subscribe(&s, &(struct hm_event_subscriber){ .first = HM_EVENT_FIRST,
							   .last = HM_EVENT_LAST,
							   .callback = on_event,
							   .arg = &all });
	before = hmt_stats(&s.node);
	cr_assert_eq(publish_numbers(&s, 5), HM_OK);
	/* is_even counts, too. */
	cr_assert_eq(calls.count, 5 + 3);
	cr_assert_eq(calls.sum, 0 + 2 + 4);
	cr_assert_eq(all.count, 5);
	cr_assert_eq(hmt_stats(&s.node).sent, before.sent + 1, "callbacks are sent nothing");
	hmt_node_end(&s.node);
}

Test(engine_event_stream, unsubscribe__during_publish_is_for_the_next_event)
{
	struct calls first = { 0 }, second = { 0 };

	event_scene_start(&s);
	first.own = subscribe(&s, &(struct hm_event_subscriber){
					  .first = HMT_NUMBER, .callback = on_event, .arg = &first });
	first.other = subscribe(&s, &(struct hm_event_subscriber){
					    .first = HMT_NUMBER, .callback = on_event, .arg = &second });
	(void)subscribe(&s, &(struct hm_event_subscriber){ .first = HMT_NUMBER, .pid = s.sinks[2].pid });
	cr_assert_eq(publish_numbers(&s, 3), HM_OK);
	cr_assert_eq(first.count, 1);
	cr_assert_eq(second.count, 1, "the event was under way to it");
	cr_assert_eq(hmt_seen_count(&s.sinks[2], HMT_NUMBER), 3);
	cr_assert_eq(hm_event_subscriptions(s.node.sys), 1);
	hmt_node_end(&s.node);
}

Test(engine_event_stream, subscribe__during_publish_is_for_the_next_event)
{
	struct calls more = { 0 };
	struct hm_event_subscriber other = { .first = HMT_NUMBER, .callback = on_event, .arg = &more };
	struct calls first = { .more = &other };

	event_scene_start(&s);
	(void)subscribe(&s, &(struct hm_event_subscriber){
				    .first = HMT_NUMBER, .callback = on_event, .arg = &first });
	cr_assert_eq(publish_numbers(&s, 3), HM_OK);
	cr_assert_eq(first.count, 3);
	cr_assert_eq(more.count, 2);
	hmt_node_end(&s.node);
}

static void
request_and_publish(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1;

	(void)arg;
	cr_assert_eq(hm_publish(ctx, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_request(ctx, s.sinks[0].pid, HMT_NUMBER, &number), HM_OK);
}

static bool
has_no_sender(void *arg, const struct hm_msg *event)
{
	++*(uint32_t *)arg;
	cr_assert(hm_pid_is_none(hm_msg_sender(event)));
	return true;
}

/* Whose ever the memory was before. */
Test(engine_event_stream, filter__sees_no_sender)
{
	struct calls calls = { 0 };

	event_scene_start(&s);
	(void)subscribe(&s, &(struct hm_event_subscriber){ .first = HMT_NUMBER,
							   .callback = on_event,
							   .filter = has_no_sender,
							   .arg = &calls });
	for (uint32_t i = 0; i < 5; i++)
		hmt_do(&s.node, s.publisher.pid, request_and_publish, NULL);
	/* Filter and callback. */
	cr_assert_eq(calls.count, 2 * 5);
	hmt_node_end(&s.node);
}

static void
release_count(void *arg)
{
	__atomic_add_fetch((uint32_t *)arg, 1, __ATOMIC_RELAXED);
}

Test(engine_event_stream, release__once_for_each_subscription_by_the_end_of_the_system)
{
	static uint32_t released[3];
	struct hm_subscription ended;

	event_scene_start(&s);
	for (uint32_t i = 0; i < 2; i++) {
		struct hm_event_subscriber subscriber = { .first = HMT_NUMBER,
							  .pid = s.sinks[i].pid,
							  .arg = &released[i],
							  .release = release_count };

		ended = subscribe(&s, &subscriber);
	}
	(void)subscribe(&s, &(struct hm_event_subscriber){ .first = HMT_NUMBER,
							   .filter = is_even,
							   .callback = on_event,
							   .arg = &released[2] });
	cr_assert_eq(hm_event_unsubscribe(s.node.sys, ended), 0);
	hmt_node_end(&s.node);
	cr_assert_eq(released[0], 1);
	cr_assert_eq(released[1], 1);
	cr_assert_eq(released[2], 0);
}

struct releasing {
	struct hm_system *sys;
	struct hm_subscription own;
	struct hm_event_subscriber of;
	uint32_t released;
};

static void
release_subscribes(void *arg)
{
	struct releasing *what = arg;

	what->released++;
	cr_expect_eq(hm_event_unsubscribe(what->sys, what->own), -ENOENT);
	/* Once: what it subscribes is released in turn. */
	if (what->released == 1)
		cr_expect_eq(hm_event_subscribe(what->sys, &what->of, NULL), 0);
}

Test(engine_event_stream, release__that_subscribes_while_the_system_is_destroyed)
{
	static struct releasing what[2];

	event_scene_start(&s);
	for (uint32_t i = 0; i < 2; i++) {
		what[i] = (struct releasing){ .sys = s.node.sys,
					      .of = { .first = HMT_NUMBER,
						      .pid = s.sinks[i].pid,
						      .arg = &what[i],
						      .release = release_subscribes } };
		what[i].own = subscribe(&s, &what[i].of);
	}
	hmt_node_drop(&s.node);
	cr_assert_eq(what[0].released, 2);
	cr_assert_eq(what[1].released, 2);
}

/* ---- Subscribers that end --------------------------------------------------------------------- */

Test(engine_event_stream, subscriber__that_ends_is_unsubscribed_and_one_that_restarts_is_not)
{
	event_scene_start(&s);
	for (uint32_t i = 0; i < SINKS; i++) {
		(void)subscribe(&s,
				&(struct hm_event_subscriber){ .first = HMT_NUMBER, .pid = s.sinks[i].pid });
		(void)subscribe(&s,
				&(struct hm_event_subscriber){ .first = HMT_EMPTY, .pid = s.sinks[i].pid });
	}
	hmt_stop(&s.node, s.sinks[0].pid);
	hmt_do(&s.node, s.sinks[1].pid, hmt_fail, NULL);
	cr_assert_eq(hm_event_subscriptions(s.node.sys), 4);
	cr_assert_eq(publish_numbers(&s, 2), HM_OK);
	cr_assert_eq(hmt_seen_count(&s.sinks[0], HMT_NUMBER), 0);
	cr_assert_eq(hmt_seen_count(&s.sinks[1], HMT_NUMBER), 2);
	cr_assert_eq(hm_event_unsubscribe_pid(s.node.sys, s.sinks[1].pid), 2);
	cr_assert_eq(hm_event_unsubscribe_pid(s.node.sys, s.sinks[1].pid), 0);
	cr_assert_eq(hm_event_subscriptions(s.node.sys), 2);
	cr_assert_eq(hmt_dead(&s.node), 1, "the order to fail");
	hmt_node_end(&s.node);
}

static void
move_itself(struct hm_ctx *ctx, void *lcore)
{
	cr_assert_eq(hm_move(ctx, hm_self(ctx), *(uint32_t *)lcore), HM_OK);
}

Test(engine_event_stream, subscriber__that_has_moved_gets_events_and_is_unsubscribed_at_its_end)
{
	struct hm_subscription subscription;
	uint32_t lcore = 2;

	event_scene_start(&s);
	subscription =
		subscribe(&s, &(struct hm_event_subscriber){ .first = HMT_NUMBER, .pid = s.sinks[1].pid });
	hmt_do(&s.node, s.sinks[1].pid, move_itself, &lcore);
	cr_assert_eq(publish_numbers(&s, 3), HM_OK);
	cr_assert_eq(hmt_seen_count(&s.sinks[1], HM_MOVED), 1);
	cr_assert_eq(hmt_seen_count(&s.sinks[1], HMT_NUMBER), 3);
	cr_assert_eq(subscription_stats(&s, subscription).in_flight, 0);
	hmt_stop(&s.node, s.sinks[1].pid);
	cr_assert_eq(hm_event_subscriptions(s.node.sys), 0);
	hmt_node_end(&s.node);
}

/* One that has ended before it subscribes is found out by the first event, and so is a process that takes none. */
Test(engine_event_stream, subscriber__that_takes_nothing_is_found_out)
{
	struct hm_pid nobodies[2];

	event_scene_start(&s);
	hmt_stop(&s.node, s.sinks[0].pid);
	nobodies[0] = s.sinks[0].pid;
	nobodies[1] = hm_system_dead_letters(s.node.sys);
	for (uint32_t i = 0; i < RTE_DIM(nobodies); i++)
		(void)subscribe(&s, &(struct hm_event_subscriber){ .first = HMT_NUMBER, .pid = nobodies[i] });
	cr_assert_eq(publish_numbers(&s, 1), HM_OK);
	cr_assert_eq(hm_event_subscriptions(s.node.sys), 0);
	cr_assert_eq(hmt_dead(&s.node), RTE_DIM(nobodies));
	hmt_node_end(&s.node);
}
