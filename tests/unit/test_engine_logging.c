/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging middleware: what its lines say, and how many there are.
 */
#include <errno.h>
#include <criterion/criterion.h>

#include "hm_header.h"
#include "hm_logging.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_log.h"

TestSuite(engine_logging, .init = hmt_eal_start);

static const struct hm_middleware logging = {
	.name = "logging",
	.receive = hm_logging_receive,
	.send = hm_logging_send,
	.spawn = hm_logging_spawn,
};
static const struct hm_middleware *const stages[] = { &logging, NULL };

static struct hmt_node node;
static struct hmt_probe shop, customer, till;
static struct hm_props props;
static struct hmt_log lines;

static const struct hm_logging_options at_info = { .level = HM_LOG_INFO };

/* /user/shop with the stages, /user/customer without, both on lcore 0; the log is kept from here on. NULL: not started. */
static void
start(const struct hm_logging_options *options)
{
	struct hmt_probe *probe = &shop;

	shop = customer = till = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 2);
	if (options != NULL)
		cr_assert_eq(hm_logging_start(node.sys, options), 0);
	props = *hmt_probe_props(0);
	props.middleware = stages;
	hmt_probe_spawn(&node, &customer, 0, "customer");
	cr_assert_eq(hm_system_spawn(node.sys, &props, "shop", &probe, &shop.pid), 0);
	hmt_turn_until_idle(&node);
	hmt_log_start(&lines);
}

static void
end(void)
{
	hmt_node_end(&node);
	hmt_log_end(&lines);
}

#define SAYS(text)     cr_assert(hmt_log_has(&lines, text), "%s", hmt_log_text(&lines))
#define SAYS_NOT(text) cr_assert_not(hmt_log_has(&lines, text), "%s", hmt_log_text(&lines))

/* ---- Receive ------------------------------------------------------------------------------- */

static void
request_number(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_request(ctx, shop.pid, HMT_NUMBER, &(uint64_t){ 1 }), HM_OK);
}

static void
take_time(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	(void)msg;
	node.now_ns += 12345;
}

Test(engine_logging, receive__says_type_sender_and_duration)
{
	start(&at_info);
	shop.on_msg = take_time;
	hmt_do(&node, customer.pid, request_number, NULL);
	SAYS("hermod: lcore 0: /user/shop: received number from /user/customer, 12 us\n");
	end();
}

Test(engine_logging, receive__without_a_sender_names_none)
{
	start(&at_info);
	hmt_number(&node, shop.pid, 1);
	hmt_turn_until_idle(&node);
	SAYS("/user/shop: received number, 0 us\n");
	end();
}

Test(engine_logging, receive__a_sender_on_another_lcore_has_its_pid)
{
	char pid[HM_PID_TEXT_SIZE], line[128];

	start(&at_info);
	hmt_do(&node, hmt_probe_spawn(&node, &till, 1, "till"), request_number, NULL);
	snprintf(line, sizeof(line), "received number from %s, 0 us\n", hm_pid_format(till.pid, pid));
	SAYS(line);
	end();
}

static void
send_marked(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_EMPTY, 0);

	(void)arg;
	cr_assert_eq(hm_msg_header_set(ctx, msg, "tenant", "7"), HM_OK);
	cr_assert_eq(hm_msg_send(ctx, shop.pid, msg), HM_OK);
}

/* Proto.Actor names the envelope in place of what is in it. */
Test(engine_logging, receive__a_message_with_headers_has_its_own_type)
{
	start(&at_info);
	hmt_do(&node, customer.pid, send_marked, NULL);
	SAYS("/user/shop: received empty, 0 us\n");
	end();
}

static void
forward_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_forward(ctx, customer.pid), HM_OK);
}

Test(engine_logging, receive__what_is_forwarded_is_read_no_more)
{
	start(&at_info);
	shop.on_msg = forward_number;
	hmt_number(&node, shop.pid, 1);
	hmt_turn_until_idle(&node);
	SAYS("/user/shop: forwarded number to /user/customer: ok\n");
	SAYS("/user/shop: received number, 0 us\n");
	cr_assert_eq(hmt_seen_count(&customer, HMT_NUMBER), 1);
	end();
}

Test(engine_logging, receive__a_message_that_fails_the_actor_has_no_line)
{
	start(&at_info);
	hmt_do(&node, shop.pid, hmt_fail, NULL);
	SAYS("failed, message type do: on purpose");
	SAYS_NOT("received do");
	SAYS("/user/shop: received restarting, 0 us\n");
	SAYS("/user/shop: received started, 0 us\n");
	end();
}

/* ---- Send, spawn --------------------------------------------------------------------------- */

static void
send_number(struct hm_ctx *ctx, void *arg)
{
	(void)hm_send(ctx, *(struct hm_pid *)arg, HMT_NUMBER, &(uint64_t){ 1 });
}

Test(engine_logging, send__says_type_receiver_and_result)
{
	struct hm_pid nobody = hm_pid_none();

	start(&at_info);
	hmt_do(&node, shop.pid, send_number, &customer.pid);
	hmt_do(&node, shop.pid, send_number, &nobody);
	SAYS("/user/shop: sent number to /user/customer: ok\n");
	SAYS("/user/shop: sent number to 0:0.0.0: no receiver\n");
	cr_assert_eq(hmt_seen_count(&customer, HMT_NUMBER), 1);
	end();
}

static void
spawn_till(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe probe = { 0 };

	(void)arg;
	cr_assert_eq(hmt_probe_child(ctx, &till, 1, "till"), 0);
	cr_assert_eq(hmt_probe_child(ctx, &probe, HMT_LCORE_SAME, "till"), -EEXIST);
	cr_assert_eq(hmt_probe_child(ctx, &customer, HMT_LCORE_SAME, NULL), 0);
}

Test(engine_logging, spawn__says_who_it_is_or_why_it_is_nobody)
{
	char pid[HM_PID_TEXT_SIZE], line[128];

	start(&at_info);
	hmt_do(&node, shop.pid, spawn_till, NULL);
	SAYS("/user/shop: spawned /user/shop/till\n");
	SAYS("/user/shop: spawned nobody as till: File exists\n");
	snprintf(line, sizeof(line), "/user/shop: spawned %s\n", hm_pid_format(customer.pid, pid));
	SAYS(line);
	end();
}

/* ---- Level and rate ------------------------------------------------------------------------ */

Test(engine_logging, level__that_is_not_shown_only_goes_on)
{
	start(&(struct hm_logging_options){ 0 });
	hmt_number(&node, shop.pid, 1);
	hmt_turn_until_idle(&node);
	hmt_do(&node, shop.pid, send_number, &customer.pid);
	hmt_do(&node, shop.pid, spawn_till, NULL);
	SAYS_NOT("/user/shop");
	cr_assert_eq(hmt_seen_count(&shop, HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&customer, HMT_NUMBER), 1);
	cr_assert_eq(hm_logging_suppressed(node.sys), 0);
	end();
}

static void
numbers_receive(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		hmt_number(&node, shop.pid, i);
	hmt_turn_until_idle(&node);
}

Test(engine_logging, rate__what_is_left_out_is_counted_and_told)
{
	const struct hm_logging_options few = { .level = HM_LOG_INFO, .per_second = 3 };

	start(&few);
	hmt_elapse(&node, 1000000);
	numbers_receive(10);
	cr_assert_eq(hmt_log_count(&lines, "received number"), 3);
	cr_assert_eq(hm_logging_suppressed(node.sys), 7);
	hmt_elapse(&node, 999999);
	numbers_receive(1);
	cr_assert_eq(hmt_log_count(&lines, "received number"), 3);
	hmt_elapse(&node, 1);
	numbers_receive(3);
	SAYS("/user/shop: 8 lines were left out\n");
	cr_assert_eq(hmt_log_count(&lines, "received number"), 6);
	cr_assert_eq(hmt_log_count(&lines, "left out"), 1);
	cr_assert_eq(hm_logging_suppressed(node.sys), 8);
	cr_assert_eq(hmt_seen_count(&shop, HMT_NUMBER), 14);
	end();
}

Test(engine_logging, rate__is_a_hundred_lines_unless_it_is_told)
{
	start(&at_info);
	hmt_elapse(&node, 1000000);
	numbers_receive(101);
	cr_assert_eq(hmt_log_count(&lines, "received number"), HM_LOGGING_PER_SECOND);
	cr_assert_eq(hm_logging_suppressed(node.sys), 1);
	end();
}

/* ---- Set-up -------------------------------------------------------------------------------- */

Test(engine_logging, start__without_it_stages_only_go_on)
{
	start(NULL);
	hmt_number(&node, shop.pid, 1);
	hmt_turn_until_idle(&node);
	hmt_do(&node, shop.pid, send_number, &customer.pid);
	hmt_do(&node, shop.pid, spawn_till, NULL);
	SAYS_NOT("/user/shop");
	cr_assert_eq(hmt_seen_count(&customer, HMT_NUMBER), 1);
	cr_assert_eq(hm_logging_suppressed(node.sys), 0);
	end();
}

Test(engine_logging, start__is_refused_twice_late_and_with_a_level_that_there_is_not)
{
	const struct hm_logging_options wrong[] = { { .level = (enum hm_log_level)3 },
						    { .level = (enum hm_log_level)9 } };

	hmt_node_start(&node, 1);
	cr_assert_eq(hm_logging_start(NULL, NULL), -EINVAL);
	cr_assert_eq(hm_logging_start(node.sys, &wrong[0]), -EINVAL);
	cr_assert_eq(hm_logging_start(node.sys, &wrong[1]), -EINVAL);
	cr_assert_eq(hm_logging_start(node.sys, NULL), 0);
	cr_assert_eq(hm_logging_start(node.sys, NULL), -EEXIST);
	hmt_node_end(&node);
	hmt_node_start(&node, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_logging_start(node.sys, NULL), -EBUSY);
	hmt_node_end(&node);
}
