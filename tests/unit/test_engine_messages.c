/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed messages: what the table of HM_MESSAGES makes, and handlers of HM_RECEIVE.
 */
#include <criterion/criterion.h>

#include "hm_messages.h"
#include "hmt_actor.h"
#include "hmt_death.h"
#include "hmt_eal.h"

TestSuite(engine_messages, .init = hmt_eal_start);

struct add {
	int64_t amount;
};

struct point {
	uint32_t x, y, z;
};

#define FIRST(MESSAGE)                 \
	MESSAGE(first_add, struct add) \
	MESSAGE(first_print)           \
	MESSAGE(first_point, struct point)

HM_MESSAGES(first, HMT_TYPE_NEXT, FIRST);

#define SECOND(MESSAGE) MESSAGE(second_only)

HM_MESSAGES(second, first_end, SECOND);

/* ---- Ids and registration ------------------------------------------------------------------ */

Test(engine_messages, ids__follow_each_other_and_other_tables)
{
	cr_assert_eq(first_add, HMT_TYPE_NEXT);
	cr_assert_eq(first_print, HMT_TYPE_NEXT + 1);
	cr_assert_eq(first_point, HMT_TYPE_NEXT + 2);
	cr_assert_eq(second_only, HMT_TYPE_NEXT + 3);
	cr_assert_eq(second_end, HMT_TYPE_NEXT + 4);
}

static void
start(struct hmt_node *node, uint32_t lcores)
{
	hmt_node_start(node, lcores);
	cr_assert_eq(first_register(node->sys), 0);
	cr_assert_eq(second_register(node->sys), 0);
}

Test(engine_messages, register__names_all_and_refuses_them_twice)
{
	struct hmt_node node;

	start(&node, 1);
	cr_assert_str_eq(hm_type_name(node.sys, first_add), "first_add");
	cr_assert_str_eq(hm_type_name(node.sys, first_print), "first_print");
	cr_assert_str_eq(hm_type_name(node.sys, second_only), "second_only");
	cr_assert_eq(first_register(node.sys), -EEXIST);
	cr_assert_eq(first_register(NULL), -EINVAL);
	hmt_node_end(&node);
}

/* ---- Handlers --------------------------------------------------------------------------------- */

struct counter {
	int64_t total;
	uint32_t started, printed, points, others, terminated;
	uint64_t sum_of_points;
	struct hm_pid asker;
};

static struct counter *seen;

static void
on_started(struct hm_ctx *ctx, struct counter *counter)
{
	(void)ctx;
	counter->started++;
	seen = counter;
}

static void
on_add(struct hm_ctx *ctx, struct counter *counter, const struct add *add)
{
	counter->total += add->amount;
	(void)first_add_respond(ctx, &(struct add){ counter->total });
}

static void
on_print(struct hm_ctx *ctx, struct counter *counter)
{
	counter->printed++;
	(void)second_only_respond(ctx);
}

static void
on_point(struct hm_ctx *ctx, struct counter *counter, const struct hm_msg *msg)
{
	const struct point *point = first_point_body(msg);

	counter->points++;
	(void)hm_watch(ctx, hm_msg_sender(msg));
	counter->sum_of_points += point->x + point->y + point->z;
	counter->asker = hm_msg_sender(msg);
}

static void
on_terminated(struct hm_ctx *ctx, struct counter *counter, const struct hm_terminated *terminated)
{
	(void)ctx;
	counter->terminated += terminated->reason == HM_TERMINATED_STOPPED;
}

static void
on_other(struct hm_ctx *ctx, struct counter *counter, const struct hm_msg *msg)
{
	(void)ctx;
	counter->others += hm_msg_type(msg) == HMT_NUMBER;
}

HM_RECEIVE(counter_receive, struct counter,
	   HM_ON_EMPTY(HM_STARTED, on_started) HM_ON(first_add, on_add) HM_ON_EMPTY(first_print, on_print)
		   HM_ON_MESSAGE(first_point, on_point) HM_ON(HM_TERMINATED, on_terminated)
			   HM_ON_OTHER(on_other));

HM_RECEIVE(deaf_receive, struct counter, HM_ON_EMPTY(HM_STARTED, on_started));

static const struct hm_props counter_props = { .receive = counter_receive,
					       .state_size = sizeof(struct counter) };
static const struct hm_props deaf_props = { .receive = deaf_receive, .state_size = sizeof(struct counter) };

static struct hm_pid
counter_spawn(struct hmt_node *node, const struct hm_props *props)
{
	struct hm_pid pid;

	cr_assert_eq(hm_system_spawn(node->sys, props, NULL, NULL, &pid), 0);
	hmt_turn_until_idle(node);
	return pid;
}

struct scene {
	struct hm_pid counter, probe;
	struct hm_future future;
	enum hm_result result;
	uint32_t sent, replies;
	int64_t replied;
};

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct scene *scene = arg;

	(void)ctx;
	(void)state;
	scene->replies += result == HM_FUTURE_REPLY;
	if (result == HM_FUTURE_REPLY && hm_msg_type(reply) == first_add)
		scene->replied = first_add_body(reply)->amount;
}

static void
with_body(struct hm_ctx *ctx, void *arg)
{
	static const struct add many[3] = { { 100 }, { 200 }, { 300 } };
	struct scene *scene = arg;
	struct point *point;
	struct hm_msg *msg;

	cr_assert_eq(first_add_send(ctx, scene->counter, &many[0]), HM_OK);
	cr_assert_eq(first_add_request(ctx, scene->counter, &many[0]), HM_OK);
	cr_assert_eq(first_add_request_from(ctx, scene->counter, scene->probe, &many[0]), HM_OK);
	cr_assert_eq(first_add_send_batch(ctx, scene->counter, many, 3, &scene->sent), HM_OK);
	cr_assert_eq(first_add_send_after(ctx, scene->counter, &many[0], 10, 0, NULL), HM_OK);
	cr_assert_eq(first_add_request_future(ctx, scene->counter, &many[0], 1000000, &scene->future), HM_OK);
	cr_assert_eq(first_add_ask(ctx, scene->counter, &many[0], 1000000, on_reply, scene), HM_OK);
	point = first_point_new(ctx, &msg);
	cr_assert_not_null(point);
	*point = (struct point){ 1, 2, 3 };
	cr_assert_eq(hm_msg_request(ctx, scene->counter, msg), HM_OK);
}

Test(engine_messages, with_a_body__all_calls_deliver_it)
{
	static struct hmt_probe probe;
	struct scene scene = { .sent = 0 };
	struct hmt_node node;
	struct add one = { 1 };

	probe = (struct hmt_probe){ 0 };
	start(&node, 1);
	scene.counter = counter_spawn(&node, &counter_props);
	scene.probe = hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, scene.probe, with_body, &scene);
	hmt_elapse(&node, 20);
	cr_assert_eq(first_add_system_send(node.sys, scene.counter, &one), HM_OK);
	cr_assert_eq(first_add_system_send_wait(node.sys, scene.counter, &one, 0), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(scene.sent, 3);
	cr_assert_eq(seen->total, 6 * 100 + 600 + 2);
	cr_assert_eq(seen->points, 1);
	cr_assert_eq(seen->sum_of_points, 6);
	cr_assert(hm_pid_equal(seen->asker, scene.probe));
	cr_assert_eq(scene.replies, 1);
	cr_assert_eq(scene.replied, 1100);
	/* Of the request, and of the one in the probe's name. */
	cr_assert_eq(hmt_seen_count(&probe, first_add), 2);
	hmt_stop(&node, scene.probe);
	cr_assert_eq(seen->terminated, 1);
	hmt_node_end(&node);
}

static void
without_body(struct hm_ctx *ctx, void *arg)
{
	struct scene *scene = arg;

	cr_assert_eq(first_print_send(ctx, scene->counter), HM_OK);
	cr_assert_eq(first_print_request(ctx, scene->counter), HM_OK);
	cr_assert_eq(first_print_request_from(ctx, scene->counter, scene->probe), HM_OK);
	cr_assert_eq(first_print_send_batch(ctx, scene->counter, 3, &scene->sent), HM_OK);
	cr_assert_eq(first_print_send_after(ctx, scene->counter, 10, 0, NULL), HM_OK);
	cr_assert_eq(first_print_request_future(ctx, scene->counter, 1000000, &scene->future), HM_OK);
	cr_assert_eq(first_print_ask(ctx, scene->counter, 1000000, on_reply, scene), HM_OK);
}

Test(engine_messages, without_a_body__all_calls_deliver_it)
{
	static struct hmt_probe probe;
	struct scene scene = { .sent = 0 };
	struct hmt_node node;

	probe = (struct hmt_probe){ 0 };
	start(&node, 1);
	scene.counter = counter_spawn(&node, &counter_props);
	scene.probe = hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, scene.probe, without_body, &scene);
	hmt_elapse(&node, 20);
	cr_assert_eq(first_print_system_send(node.sys, scene.counter), HM_OK);
	cr_assert_eq(first_print_system_send_wait(node.sys, scene.counter, 0), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(scene.sent, 3);
	cr_assert_eq(seen->printed, 11);
	cr_assert_eq(scene.replies, 1);
	cr_assert_eq(hmt_seen_count(&probe, second_only), 2);
	hmt_node_end(&node);
}

Test(engine_messages, receive__what_has_no_handler_goes_to_other_or_is_ignored)
{
	struct hmt_node node;
	struct hm_pid pid;
	struct add one = { 1 };

	start(&node, 1);
	pid = counter_spawn(&node, &counter_props);
	cr_assert_eq(seen->started, 1);
	hmt_number(&node, pid, 7);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen->others, 1);
	pid = counter_spawn(&node, &deaf_props);
	cr_assert_eq(first_add_system_send(node.sys, pid, &one), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(seen->total, 0);
	hmt_node_end(&node);
}

/* ---- Checked bodies ---------------------------------------------------------------------------- */

static union {
	struct hm_msg header;
	char bytes[sizeof(struct hm_msg) + sizeof(struct point)];
} fake;

static void
body_of(void *arg)
{
	const struct hm_msg *msg = arg;

	(void)*(const volatile uint32_t *)first_point_body(msg);
}

static const char *
death_of(uint16_t type, uint16_t length, const struct hm_msg *msg)
{
	static char text[4096];
	int status;

	fake.header = (struct hm_msg){ .type = type, .length = length };
	status = hmt_death(body_of, (void *)(uintptr_t)msg, text, sizeof(text));
	if (WIFEXITED(status) && WEXITSTATUS(status) == HMT_SURVIVED)
		return NULL;
	cr_assert(hmt_aborted(status));
	return text;
}

Test(engine_messages, body__of_another_type_or_length_is_misuse)
{
	const char *text;

	cr_assert_null(death_of(first_point, sizeof(struct point), &fake.header));
	cr_assert_null(death_of(first_point, sizeof(struct point) + 1, &fake.header));
	text = death_of(first_add, sizeof(struct point), &fake.header);
	cr_assert_not_null(text);
	cr_assert_not_null(strstr(text, "is no first_point"), "%s", text);
	text = death_of(first_point, sizeof(struct point) - 1, &fake.header);
	cr_assert_not_null(text);
	cr_assert_not_null(strstr(text, "a first_point has 12 bytes, this one has 11"), "%s", text);
	text = death_of(first_point, sizeof(struct point), NULL);
	cr_assert_not_null(text);
	cr_assert_not_null(strstr(text, "no message, where a first_point is expected"), "%s", text);
}
