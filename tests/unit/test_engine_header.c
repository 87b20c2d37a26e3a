/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers: what the receiver reads, what keeps them, and where they end.
 */
#include "test_engine_header.h"

TestSuite(engine_header, .init = hmt_eal_start);

/* ---- From sender to receiver ----------------------------------------------------------- */

static void
send_two(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = number_new(ctx);

	(void)arg;
	cr_assert_eq(hm_msg_header_set(ctx, msg, "trace", "t-1"), HM_OK);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "tenant", ""), HM_OK);
	cr_assert_eq(hm_msg_request(ctx, scene.to.pid, msg), HM_OK);
}

Test(engine_header, set__is_read_by_a_receiver_on_any_lcore)
{
	scene_start(0, 0, 0);
	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		static struct hmt_probe from;

		from = (struct hmt_probe){ 0 };
		hmt_probe_spawn(&scene.node, &from, lcore, NULL);
		scene.found = (struct found){ 0 };
		hmt_do(&scene.node, from.pid, send_two, NULL);
		cr_assert_eq(scene.found.messages, 1);
		cr_assert_eq(scene.found.number, 42);
		cr_assert_eq(scene.found.count, 2);
		cr_assert_str_eq(scene.found.trace, "t-1");
		cr_assert_str_eq(scene.found.tenant, "");
		cr_assert_str_eq(scene.found.all, "trace=t-1;tenant=;");
	}
	scene_end();
}

Test(engine_header, read__of_a_message_without_headers)
{
	scene_start(0, 0, 0);
	hmt_number(&scene.node, scene.to.pid, 7);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(scene.found.messages, 1);
	cr_assert_eq(scene.found.count, 0);
	cr_assert_str_eq(scene.found.trace, "(none)");
	cr_assert_str_eq(scene.found.all, "");
	scene_end();
}

static void
send_replaced(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = number_new(ctx);

	(void)arg;
	cr_assert_eq(hm_msg_header_set(ctx, msg, "trace", "a value that is longer"), HM_OK);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "Trace", "upper case"), HM_OK);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "trace", "short"), HM_OK);
	/* A text of its own. */
	cr_assert_eq(hm_msg_header_set(ctx, msg, "tenant", hm_msg_header(msg, "Trace")), HM_OK);
	cr_assert_eq(hm_msg_headers_count(msg), 3);
	cr_assert_eq(hm_msg_send(ctx, scene.to.pid, msg), HM_OK);
}

Test(engine_header, set__again_gives_another_value)
{
	scene_start(0, 0, 0);
	scene_do(send_replaced, NULL);
	cr_assert_str_eq(scene.found.all, "Trace=upper case;trace=short;tenant=upper case;");
	scene_end();
}

static void
make_and_free(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = number_new(ctx);

	(void)arg;
	cr_assert_eq(hm_msg_header_set(ctx, msg, "trace", text_of(1000)), HM_OK);
	hm_msg_free(ctx, msg);
	msg = number_new(ctx);
	cr_assert_eq(hm_msg_headers_count(msg), 0, "the memory of the last one was marked");
	cr_assert_eq(hm_msg_header_set(ctx, msg, "trace", "1"), HM_OK);
	cr_assert_eq(hm_msg_send(ctx, hm_pid_none(), msg), HM_NO_RECEIVER);
}

/* hmt_node_end finds what was lost. */
Test(engine_header, free__of_a_message_that_was_not_sent)
{
	scene_start(0, 0, 0);
	scene_do(make_and_free, NULL);
	scene_end();
}

/* ---- Kept, and not kept ---------------------------------------------------------------------------- */

Test(engine_header, forward__keeps_headers_across_lcores)
{
	static struct hmt_probe last;
	static struct found found;

	scene_start(0, 1, 0);
	last.on_msg = find;
	last.arg = &found;
	scene.found.forward_to = hmt_probe_spawn(&scene.node, &last, 2, NULL);
	scene_do(send_two, NULL);
	cr_assert_eq(found.number, 42);
	cr_assert_str_eq(found.all, "trace=t-1;tenant=;");
	cr_assert(hm_pid_equal(hmt_seen_last(&last, HMT_NUMBER)->sender, scene.from.pid));
	scene_end();
}

static void
respond_plain(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
}

Test(engine_header, respond__does_not_inherit_them)
{
	scene_start(0, 1, 0);
	scene.to.on_msg = respond_plain;
	scene.from.on_msg = find;
	scene.from.arg = &scene.found;
	scene_do(send_two, NULL);
	cr_assert_eq(scene.found.messages, 1);
	cr_assert_eq(scene.found.count, 0);
	scene_end();
}

/* Hands headers on, with one of its own and one that the received message has as well. */
static void
respond_copied(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_msg *answer;

	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	answer = number_new(ctx);
	cr_assert_eq(hm_msg_header_set(ctx, answer, "own", "o"), HM_OK);
	cr_assert_eq(hm_msg_header_set(ctx, answer, "tenant", "another"), HM_OK);
	cr_assert_eq(hm_msg_headers_copy(ctx, answer), HM_OK);
	cr_assert_eq(hm_msg_respond(ctx, answer), HM_OK);
	cr_assert_eq(hm_msg_headers_count(msg), 2, "the received one keeps them");
}

Test(engine_header, copy__hands_those_of_the_received_message_on)
{
	scene_start(0, 1, 0);
	scene.to.on_msg = respond_copied;
	scene.from.on_msg = find;
	scene.from.arg = &scene.found;
	scene_do(send_two, NULL);
	cr_assert_str_eq(scene.found.all, "own=o;trace=t-1;tenant=;");
	scene_end();
}

static void
copy_too_many(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_msg *own = number_new(ctx);
	char key[8];

	if (hm_msg_type(msg) == HMT_NUMBER) {
		for (uint32_t i = 0; i < HM_HEADERS_MAX - 1; i++) {
			snprintf(key, sizeof(key), "k%u", i);
			cr_assert_eq(hm_msg_header_set(ctx, own, key, "v"), HM_OK);
		}
		cr_assert_eq(hm_msg_headers_copy(ctx, own), HM_TOO_BIG);
		cr_assert_eq(hm_msg_headers_count(own), HM_HEADERS_MAX - 1, "all or none");
		cr_assert_null(hm_msg_header(own, "trace"));
		probe->arg = NULL;
	}
	hm_msg_free(ctx, own);
}

Test(engine_header, copy__all_or_none)
{
	scene_start(0, 0, 0);
	scene.to.on_msg = copy_too_many;
	scene_do(send_two, NULL);
	cr_assert_null(scene.to.arg, "it was tried");
	scene_end();
}

static void
copy_none(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_msg *own = number_new(ctx);

	(void)probe;
	cr_assert_eq(hm_msg_headers_copy(ctx, own), HM_OK);
	cr_assert_eq(hm_msg_headers_count(own), 0);
	if (hm_msg_type(msg) == HMT_NUMBER) {
		cr_assert_eq(hm_forward(ctx, scene.from.pid), HM_OK);
		cr_assert_eq(hm_msg_headers_copy(ctx, own), HM_OK, "handed on");
		cr_assert_eq(hm_msg_headers_count(own), 0);
	}
	hm_msg_free(ctx, own);
}

Test(engine_header, copy__where_there_are_none)
{
	scene_start(0, 0, 0);
	scene.to.on_msg = copy_none;
	hmt_number(&scene.node, scene.to.pid, 1);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(hmt_seen_count(&scene.from, HMT_NUMBER), 1);
	scene_end();
}

/* ---- Dead letters ------------------------------------------------------------------------------------ */

Test(engine_header, dead_letter__brings_them_to_subscribers)
{
	static struct hmt_probe subscriber;

	scene_start(0, 1, 0);
	subscriber.on_msg = find;
	subscriber.arg = &scene.found;
	hmt_probe_spawn(&scene.node, &subscriber, 2, NULL);
	cr_assert_eq(hm_dead_letters_subscribe(scene.node.sys, subscriber.pid), 0);
	hmt_stop(&scene.node, scene.to.pid);
	scene_do(send_two, NULL);
	cr_assert_eq(hmt_seen_last(&subscriber, HM_DEAD_LETTER)->dead.type, HMT_NUMBER);
	cr_assert_str_eq(scene.found.all, "trace=t-1;tenant=;");
	cr_assert_eq(hmt_stats(&scene.node).headers_dropped, 0);
	scene_end();
}

static void
send_two_and_stop(struct hm_ctx *ctx, void *arg)
{
	for (int i = 0; i < 5; i++)
		send_two(ctx, arg);
	hm_stop(ctx, scene.to.pid);
}

Test(engine_header, stop__frees_those_of_messages_that_wait)
{
	scene_start(0, 0, 0);
	scene_do(send_two_and_stop, NULL);
	cr_assert_eq(hmt_dead(&scene.node) + scene.found.messages, 5);
	scene_end();
}

/* Under its actors: on lanes, in mailboxes, in the outbox. */
Test(engine_header, destroy__frees_those_of_messages_under_way)
{
	struct hmt_deed deed = { send_two_and_stop, NULL };

	scene_start(0, 1, 0);
	cr_assert_eq(hm_system_send(scene.node.sys, scene.from.pid, HMT_DO, &deed), HM_OK);
	hm_system_turn(scene.node.sys);
	hmt_node_drop(&scene.node);
}

/* ---- Other nodes ---------------------------------------------------------------------------------------- */

struct taken {
	uint32_t messages, headers, deadlines;
	uint64_t number;
};

static void
provider_deliver(void *self, struct hm_ctx *ctx, struct hm_msg *msg)
{
	struct taken *taken = self;

	taken->messages++;
	taken->headers += hm_msg_headers_count(msg);
	taken->deadlines += (msg->flags & HMI_MSG_EXPIRES) != 0;
	taken->number = *(const uint64_t *)hm_msg_body(msg);
	hm_msg_free(ctx, msg);
}

static const struct hm_provider_ops provider_ops = { .deliver = provider_deliver };

#define OTHER_NODE 4711u

static void
no_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	(void)arg;
	cr_assert_neq(result, HM_FUTURE_REPLY);
}

static void
ask_with_header(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = number_new(ctx);

	cr_assert_eq(hm_msg_header_set(ctx, msg, "trace", "t"), HM_OK);
	cr_assert_eq(hm_msg_ask(ctx, *(struct hm_pid *)arg, msg, 1000000, no_reply, NULL), HM_OK);
}

Test(engine_header, remote__the_message_goes_without_and_that_is_counted)
{
	static struct hmt_probe forwarder;
	struct taken taken = { 0 };
	uint16_t index;

	hmt_node_start(&scene.node, 2);
	cr_assert_eq(hm_provider_register(scene.node.sys, 0, &provider_ops, &taken), 0);
	cr_assert_eq(hm_node_learn(scene.node.sys, OTHER_NODE, &index), 0);
	hmt_probe_spawn(&scene.node, &scene.from, 1, NULL);
	scene.to.pid = (struct hm_pid){ OTHER_NODE, 77 };
	scene_do(send_two, NULL);
	cr_assert_eq(taken.messages, 1);
	cr_assert_eq(taken.headers, 0);
	cr_assert_eq(taken.number, 42);
	cr_assert_eq(hmt_stats(&scene.node).headers_dropped, 1);
	/* A request by way of an actor here: its deadline was with the headers. */
	scene.found.forward_to = scene.to.pid;
	forwarder.on_msg = find;
	forwarder.arg = &scene.found;
	hmt_probe_spawn(&scene.node, &forwarder, 0, NULL);
	scene_do(ask_with_header, &forwarder.pid);
	cr_assert_str_eq(scene.found.all, "trace=t;");
	cr_assert_eq(taken.messages, 2);
	cr_assert_eq(taken.number, 42);
	cr_assert_eq(taken.headers + taken.deadlines, 0);
	cr_assert_eq(hmt_stats(&scene.node).headers_dropped, 2);
	hmt_node_drop(&scene.node);
}
