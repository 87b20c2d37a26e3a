/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Middleware beside other things: types of protoc-gen-hermod, control types, types that are answered, senders that are muted, props
 * that are used again and again.
 */
#include <criterion/criterion.h>

#include "hm_header.h"
#include "hm_mailbox.h"
#include "hm_middleware.h"
#include "hm_select.h"
#include "hmt_actor.h"
#include "hmt_bank.hm.h"
#include "hmt_eal.h"
#include "hmt_hold.h"

TestSuite(engine_middleware_types, .init = hmt_eal_start);

#define HIGH 8u
#define LOW  3u
#define MORE 100u

static struct hmt_node node;
static uint32_t sent, received;

static enum hm_result
send_marked(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	    void *arg)
{
	(void)arg;
	sent++;
	if (!hm_send_is_forward(next))
		cr_assert_eq(hm_msg_header_set(ctx, msg, "stage", "was here"), HM_OK);
	return hm_send_next(ctx, to, msg, next);
}

static void
receive_counted(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
		void *arg)
{
	(void)arg;
	received += hm_msg_type(msg) >= HM_TYPE_USER;
	hm_receive_next(ctx, state, msg, next);
}

static const struct hm_middleware both = { .send = send_marked, .receive = receive_counted };
static const struct hm_middleware *const stages[] = { &both, NULL };

/* ---- Types of protoc-gen-hermod ------------------------------------------------------------------ */

/* What the bank says of a number is a tenth more than what it was told: by stages, that read and write the C structs. */
static enum hm_result
send_more(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	  void *arg)
{
	(void)arg;
	sent++;
	if (hm_msg_type(msg) == hmt_bank_Account)
		((Hmt__Bank__Account *)hm_msg_body_mut(msg))->cents += 10;
	return hm_send_next(ctx, to, msg, next);
}

static char owner[16];

static void
receive_owner(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	      void *arg)
{
	(void)arg;
	if (hm_msg_type(msg) == hmt_bank_OpenRequest) {
		received++;
		snprintf(owner, sizeof(owner), "%s", hmt_bank_OpenRequest_body(msg)->owner);
	}
	hm_receive_next(ctx, state, msg, next);
}

static const struct hm_middleware generous = { .send = send_more, .receive = receive_owner };
static const struct hm_middleware *const bank_stages[] = { &generous, NULL };

static void
on_open(struct hm_ctx *ctx, void *state, const Hmt__Bank__OpenRequest *open)
{
	Hmt__Bank__Account account = HMT__BANK__ACCOUNT__INIT;

	(void)state;
	account.owner = open->owner;
	account.cents = 100;
	cr_assert_eq(hmt_bank_Bank_Open_respond(ctx, &account), HM_OK);
}

static void
on_deposit(struct hm_ctx *ctx, void *state, const Hmt__Money__Amount *amount)
{
	(void)ctx;
	(void)state;
	(void)amount;
}

static void
on_strike(struct hm_ctx *ctx, void *state, const Hmt__Bank__Account__Line *line)
{
	(void)ctx;
	(void)state;
	(void)line;
}

HM_RECEIVE(bank_receive, void, hmt_bank_Bank_ON(on_open, on_deposit, on_strike));

static struct {
	char owner[16];
	int64_t cents;
} answered;

static void
on_account(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	const Hmt__Bank__Account *account = hmt_bank_Bank_Open_reply(reply);

	(void)ctx;
	(void)state;
	(void)result;
	(void)arg;
	cr_assert_not_null(account);
	snprintf(answered.owner, sizeof(answered.owner), "%s", account->owner);
	answered.cents = account->cents;
}

static struct hm_pid bank;

static void
open_account(struct hm_ctx *ctx, void *arg)
{
	Hmt__Bank__OpenRequest open = HMT__BANK__OPEN_REQUEST__INIT;
	char name[] = "Ada";

	(void)arg;
	open.whom_case = HMT__BANK__OPEN_REQUEST__WHOM_OWNER;
	open.owner = name;
	cr_assert_eq(hmt_bank_Bank_Open_ask(ctx, bank, &open, 1000000, on_account, NULL), HM_OK);
	memset(name, 'x', sizeof(name) - 1);
}

/* On one lcore, and across: with the texts that the structs point to, whose originals are gone. */
Test(engine_middleware_types, generated__services_pass_through_with_all_that_they_point_to)
{
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		static struct hmt_probe customer;
		static struct hm_props customer_props;
		struct hm_props bank_props = { .receive = bank_receive,
					       .lcore = HM_LCORE(lcore),
					       .middleware = bank_stages };
		struct hmt_probe *probe = &customer;

		sent = received = 0;
		memset(&answered, 0, sizeof(answered));
		customer = (struct hmt_probe){ 0 };
		customer_props = *hmt_probe_props(0);
		customer_props.middleware = stages;
		hmt_node_start(&node, 2);
		cr_assert_eq(hmt_money_register(node.sys), 0);
		cr_assert_eq(hmt_bank_register(node.sys), 0);
		cr_assert_eq(hm_system_spawn(node.sys, &bank_props, NULL, NULL, &bank), 0);
		cr_assert_eq(hm_system_spawn(node.sys, &customer_props, NULL, &probe, &customer.pid), 0);
		hmt_do(&node, customer.pid, open_account, NULL);
		cr_assert_eq(received, 2, "the request, and what the customer was told to do");
		cr_assert_eq(sent, 2, "the request and the answer");
		cr_assert_str_eq(owner, "Ada");
		cr_assert_str_eq(answered.owner, "Ada");
		cr_assert_eq(answered.cents, 110);
		hmt_node_end(&node);
	}
}

/* ---- Types with attributes ------------------------------------------------------------------------- */

enum {
	ORDER = HMT_TYPE_NEXT,
	ANSWERED,
};

static struct hmt_probe actor, other;

static void
answer_type(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	cr_assert_eq(hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
}

/* `actor` has stages, and `other`, with a mailbox, has not. */
static void
start(const struct hm_mailbox *mailbox, uint32_t lcore)
{
	static const struct hm_type order = { .id = ORDER, .name = "order", .size = 8, .control = true };
	static const struct hm_type answers = {
		.id = ANSWERED, .name = "answered", .size = 8, .auto_respond = answer_type
	};
	static struct hm_props actor_props, other_props;
	struct hmt_probe *probe = &actor;

	sent = received = 0;
	actor = other = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 2);
	cr_assert_eq(hm_type_register(node.sys, &order), 0);
	cr_assert_eq(hm_type_register(node.sys, &answers), 0);
	actor_props = *hmt_probe_props(0);
	actor_props.middleware = stages;
	other_props = *hmt_probe_props(lcore);
	other_props.mailbox = mailbox;
	cr_assert_eq(hm_system_spawn(node.sys, &actor_props, NULL, &probe, &actor.pid), 0);
	probe = &other;
	cr_assert_eq(hm_system_spawn(node.sys, &other_props, "other", &probe, &other.pid), 0);
	hmt_turn_until_idle(&node);
}

static void
send_both(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < 2; i++)
		cr_assert_eq(hm_send(ctx, other.pid, HMT_NUMBER, &i), HM_OK);
	cr_assert_eq(hm_send(ctx, other.pid, ORDER, &(uint64_t){ 2 }), HM_OK);
	cr_assert_eq(hm_request(ctx, other.pid, ORDER, &(uint64_t){ 3 }), HM_OK);
}

Test(engine_middleware_types, control__messages_overtake_as_without_stages)
{
	static const struct hm_mailbox overtaking = { .order = HM_MAILBOX_CONTROL,
						      .capacity = HM_MAILBOX_UNLIMITED };

	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		start(&overtaking, lcore);
		hmt_hold(&node, other.pid);
		hmt_do(&node, actor.pid, send_both, NULL);
		hmt_let_go(&node, other.pid);
		hmt_turn_until_idle(&node);
		HMT_SEQUENCE(&other, HM_STARTED, ORDER, ORDER, HMT_NUMBER, HMT_NUMBER);
		cr_assert_eq(sent, 4);
		hmt_node_end(&node);
	}
}

static void
request_answered(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_request(ctx, other.pid, ANSWERED, &(uint64_t){ 7 }), HM_OK);
	cr_assert_eq(hm_request(ctx, other.pid, HM_TOUCH, NULL), HM_OK);
}

Test(engine_middleware_types, answered__types_are_answered_as_without_stages)
{
	start(NULL, 0);
	hmt_do(&node, actor.pid, request_answered, NULL);
	cr_assert_eq(sent, 2);
	cr_assert_eq(hmt_seen_last(&actor, HMT_NUMBER)->number, 7);
	cr_assert_eq(hmt_seen_count(&actor, HM_TOUCHED), 1);
	hmt_node_end(&node);
}

/* ---- Senders that are muted -------------------------------------------------------------------------- */

static enum hm_result (*send_by)(struct hm_ctx *ctx, const void *body);

static enum hm_result
by_send(struct hm_ctx *ctx, const void *body)
{
	return hm_send(ctx, other.pid, HMT_NUMBER, body);
}

static enum hm_result
by_made(struct hm_ctx *ctx, const void *body)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	*(uint64_t *)hm_msg_body_mut(msg) = *(const uint64_t *)body;
	return hm_msg_request(ctx, other.pid, msg);
}

static enum hm_result
by_ask(struct hm_ctx *ctx, const void *body)
{
	return hm_ask(ctx, other.pid, HMT_NUMBER, body, 1000000, hmt_ignore_reply, NULL);
}

static enum hm_result
by_batch(struct hm_ctx *ctx, const void *body)
{
	const struct hm_batch_request one = { other.pid, HMT_NUMBER, body };
	const struct hm_batch batch = {
		.requests = &one, .count = 1, .timeout_us = 1000000, .on_end = hmt_ignore_reply
	};

	return hm_ask_batch(ctx, &batch);
}

static enum hm_result
by_path(struct hm_ctx *ctx, const void *body)
{
	return hm_select_send(ctx, "/user/other", HMT_NUMBER, body);
}

static enum hm_result
by_forward(struct hm_ctx *ctx, const void *body)
{
	(void)body;
	return hm_forward(ctx, other.pid);
}

static void
send_on(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(send_by(ctx, hm_msg_body(msg)), HM_OK);
}

/* It is muted as without stages, none of them runs meanwhile, and nothing is lost. What is handed on is another one's. */
Test(engine_middleware_types, muted__a_sender_with_stages_waits_and_loses_nothing, .timeout = 60)
{
	static enum hm_result (*const ways[])(struct hm_ctx *,
					      const void *) = { by_send,  by_made, by_ask,
								by_batch, by_path, by_forward };
	static const struct hm_mailbox marks = { .capacity = HIGH, .low = LOW };

	for (uint32_t i = 0; i < 2 * RTE_DIM(ways); i++) {
		start(&marks, i % 2);
		send_by = ways[i / 2];
		actor.on_msg = send_on;
		hmt_hold(&node, other.pid);
		for (uint32_t n = 0; n <= HIGH; n++)
			hmt_number(&node, actor.pid, n);
		hmt_turn_until_idle(&node);
		cr_assert(hmt_is_muted(&node, actor.pid), "way %u", i / 2);
		for (uint32_t n = 0; n < MORE; n++)
			hmt_number(&node, actor.pid, HIGH + 1 + n);
		hmt_turn_until_idle(&node);
		cr_assert_eq(sent, HIGH + 1, "way %u", i / 2);
		hmt_let_go(&node, other.pid);
		hmt_turn_until_idle(&node);
		cr_assert(!hmt_is_muted(&node, actor.pid));
		cr_assert_eq(sent, HIGH + 1 + MORE);
		cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), HIGH + 1 + MORE);
		for (uint32_t n = 0; n < HIGH + 1 + MORE; n++)
			cr_assert_eq(other.seen[n + 1].number, n, "in order");
		hmt_node_end(&node);
	}
}

/* ---- Props that are used again ------------------------------------------------------------------------- */

#define CHILDREN 100u

static const struct hm_middleware handed_down = { .receive = receive_counted, .inherited = true };
static const struct hm_middleware *const inherited_stages[] = { &handed_down, NULL };
static struct hm_props inherited_props;

static void
spawn_many(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *probe = arg;

	for (uint32_t i = 0; i < CHILDREN; i++)
		cr_assert_eq(hm_spawn(ctx, hmt_probe_props(HMT_LCORE_SAME), NULL, &probe, &probe->pid), 0);
}

static void
spawn_deep(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *probe = arg;

	cr_assert_eq(hm_spawn(ctx, hmt_probe_props(HMT_LCORE_SAME), NULL, &probe, &probe->pid), 0);
}

/* The last of many children, and a chain of descendants longer than HM_MIDDLEWARE_MAX: one stage around each. */
Test(engine_middleware_types, inherited__stages_do_not_grow_with_spawns_of_the_same_props)
{
	static struct hmt_probe probes[HM_MIDDLEWARE_MAX + 4], crowd;
	struct hmt_probe *probe = &probes[0];

	memset(probes, 0, sizeof(probes));
	crowd = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 1);
	inherited_props = *hmt_probe_props(0);
	inherited_props.middleware = inherited_stages;
	cr_assert_eq(hm_system_spawn(node.sys, &inherited_props, NULL, &probe, &probes[0].pid), 0);
	hmt_do(&node, probes[0].pid, spawn_many, &crowd);
	received = 0;
	hmt_number(&node, crowd.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(received, 1);
	for (uint32_t i = 1; i < RTE_DIM(probes); i++)
		hmt_do(&node, probes[i - 1].pid, spawn_deep, &probes[i]);
	received = 0;
	hmt_number(&node, probes[RTE_DIM(probes) - 1].pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(received, 1);
	hmt_node_end(&node);
}
