/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What protoc-gen-hermod has written of tests/support/hmt_*.proto, at work: a bank that answers by a table of handlers, and one that
 * does by HM_RECEIVE.
 */
#include <criterion/criterion.h>

#include "hm_mailbox.h"
#include "hmt_actor.h"
#include "hmt_bank.hm.h"
#include "hmt_death.h"
#include "hmt_eal.h"
#include "hmt_odd.hm.h"

TestSuite(engine_generated, .init = hmt_eal_start);

Test(engine_generated, ids__follow_each_other_from_file_to_file)
{
	cr_assert_eq((int)hmt_money_Amount, 300, "first=300");
	cr_assert_eq((int)hmt_bank_Account, (int)hmt_money_end);
	cr_assert_eq((int)hmt_bank_Account_Line, (int)hmt_bank_Account + 1);
	cr_assert_eq((int)hmt_bank_OpenRequest, (int)hmt_bank_end - 1, "no id of the map's entries");
	cr_assert_eq((int)whole_number, (int)hmt_bank_end, "after=hmt_bank.proto, name.int=whole_number");
	cr_assert_eq((int)hmt_odd_end - (int)whole_number, 9);
}

/* ---- The bank ------------------------------------------------------------------------------- */

struct bank {
	char owner[32];
	int64_t cents;
	uint32_t struck, others;
};

static struct bank *bank;

static void
account_respond(struct hm_ctx *ctx, struct bank *self,
		enum hm_result (*respond)(struct hm_ctx *, const Hmt__Bank__Account *))
{
	Hmt__Bank__Account account = HMT__BANK__ACCOUNT__INIT;

	account.owner = self->owner;
	account.cents = self->cents;
	cr_assert_eq(respond(ctx, &account), hm_pid_is_none(hm_sender(ctx)) ? HM_NO_SENDER : HM_OK);
}

static void
on_open(struct hm_ctx *ctx, void *state, const Hmt__Bank__OpenRequest *open)
{
	bank = state;
	snprintf(bank->owner, sizeof(bank->owner), "%s",
		 open->whom_case == HMT__BANK__OPEN_REQUEST__WHOM_OWNER ? open->owner : "nobody");
	account_respond(ctx, bank, hmt_bank_Bank_Open_respond);
}

static void
on_deposit(struct hm_ctx *ctx, void *state, const Hmt__Money__Amount *amount)
{
	struct bank *self = state;

	self->cents += amount->cents;
	account_respond(ctx, self, hmt_bank_Bank_Deposit_respond);
}

static const struct hmt_bank_Bank_handlers handlers = { .on_Open = on_open, .on_Deposit = on_deposit };

static void
receive_table(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct bank *self = state;

	if (!hmt_bank_Bank_dispatch(&handlers, ctx, state, msg))
		self->others += hm_msg_type(msg) != HM_STARTED;
}

static void
typed_open(struct hm_ctx *ctx, struct bank *self, const Hmt__Bank__OpenRequest *open)
{
	on_open(ctx, self, open);
}

static void
typed_deposit(struct hm_ctx *ctx, struct bank *self, const Hmt__Money__Amount *amount)
{
	on_deposit(ctx, self, amount);
}

static void
typed_strike(struct hm_ctx *ctx, struct bank *self, const Hmt__Bank__Account__Line *line)
{
	Hmt__Money__Amount amount = HMT__MONEY__AMOUNT__INIT;

	self->struck += line->number;
	amount.has_cents = true;
	amount.cents = strcmp(line->what, "fee") == 0 ? 5 : 0;
	cr_assert_eq(hmt_bank_Bank_Strike_respond(ctx, &amount), HM_OK);
}

HM_RECEIVE(receive_typed, struct bank, hmt_bank_Bank_ON(typed_open, typed_deposit, typed_strike));

static const struct hm_props by_table = { .receive = receive_table, .state_size = sizeof(struct bank) };
static const struct hm_props by_type = { .receive = receive_typed, .state_size = sizeof(struct bank) };

/* ---- Its customer --------------------------------------------------------------------------- */

struct scene {
	struct hmt_node node;
	struct hmt_probe probe;
	struct hm_pid bank, customer;
	char owner[32];
	int64_t cents, fee;
	uint32_t dead, wrong;
};

static void
scene_start(struct scene *s, const struct hm_props *props)
{
	memset(s, 0, sizeof(*s));
	hmt_node_start(&s->node, 1);
	cr_assert_eq(hmt_money_register(s->node.sys), 0);
	cr_assert_eq(hmt_bank_register(s->node.sys), 0);
	cr_assert_eq(hmt_bank_register(s->node.sys), -EEXIST);
	cr_assert_eq(hmt_odd_register(s->node.sys), 0);
	cr_assert_eq(hm_system_spawn(s->node.sys, props, NULL, NULL, &s->bank), 0);
	s->customer = hmt_probe_spawn(&s->node, &s->probe, 0, NULL);
	hmt_turn_until_idle(&s->node);
}

static void
on_account(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	const Hmt__Bank__Account *account = hmt_bank_Bank_Open_reply(reply);
	struct scene *s = arg;

	(void)ctx;
	(void)state;
	s->dead += result == HM_FUTURE_DEAD_LETTER;
	s->wrong += hmt_bank_Bank_Strike_reply(reply) != NULL;
	if (account == NULL)
		return;
	snprintf(s->owner, sizeof(s->owner), "%s", account->owner);
	s->cents = account->cents;
}

static void
on_fee(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	const Hmt__Money__Amount *amount = hmt_bank_Bank_Strike_reply(reply);
	struct scene *s = arg;

	(void)ctx;
	(void)state;
	(void)result;
	if (amount != NULL)
		s->fee = amount->cents;
}

static void
open_and_deposit(struct hm_ctx *ctx, void *arg)
{
	Hmt__Bank__OpenRequest open = HMT__BANK__OPEN_REQUEST__INIT;
	Hmt__Money__Amount amount = HMT__MONEY__AMOUNT__INIT;
	char name[] = "Ada";
	struct scene *s = arg;

	open.whom_case = HMT__BANK__OPEN_REQUEST__WHOM_OWNER;
	open.owner = name;
	amount.has_cents = true;
	amount.cents = 250;
	cr_assert_eq(hmt_bank_Bank_Open_ask(ctx, s->bank, &open, 1000000, on_account, s), HM_OK);
	cr_assert_eq(hmt_bank_Bank_Deposit_ask(ctx, s->bank, &amount, 1000000, on_account, s), HM_OK);
	cr_assert_eq(hmt_bank_Bank_Deposit_request(ctx, s->bank, &amount), HM_OK);
	/* Not as a call of the service: the same message. */
	cr_assert_eq(hmt_money_Amount_send(ctx, s->bank, &amount), HM_OK);
	memset(name, '?', 3);
}

static void
strike(struct hm_ctx *ctx, void *arg)
{
	Hmt__Bank__Account__Line line = HMT__BANK__ACCOUNT__LINE__INIT;
	char fee[] = "fee";
	struct scene *s = arg;

	line.what = fee;
	line.number = 9;
	cr_assert_eq(hmt_bank_Bank_Strike_ask(ctx, s->bank, &line, 1000000, on_fee, s), HM_OK);
}

static void
scene_play(struct scene *s)
{
	hmt_do(&s->node, s->customer, open_and_deposit, s);
	cr_assert_str_eq(bank->owner, "Ada");
	cr_assert_eq(bank->cents, 750);
	cr_assert_str_eq(s->owner, "Ada");
	cr_assert_eq(s->cents, 250);
	cr_assert_eq(s->wrong, 0);
	cr_assert_eq(hmt_seen_count(&s->probe, hmt_bank_Account), 1, "the answer to the request");
	hmt_do(&s->node, s->customer, strike, s);
}

Test(engine_generated, service__by_a_table_of_handlers)
{
	static struct scene s;

	scene_start(&s, &by_table);
	scene_play(&s);
	cr_assert_eq(bank->others, 1, "the call without a handler");
	cr_assert_eq(s.fee, 0);
	hmt_node_end(&s.node);
}

Test(engine_generated, service__by_typed_handlers)
{
	static struct scene s;

	scene_start(&s, &by_type);
	scene_play(&s);
	cr_assert_eq(bank->struck, 9);
	cr_assert_eq(s.fee, 5);
	hmt_node_end(&s.node);
}

Test(engine_generated, reply__is_null_without_an_answer)
{
	static struct scene s;

	scene_start(&s, &by_type);
	hmt_stop(&s.node, s.bank);
	hmt_do(&s.node, s.customer, open_and_deposit, &s);
	cr_assert_eq(s.dead, 2);
	cr_assert_str_eq(s.owner, "");
	hmt_node_end(&s.node);
}

/* ---- Attributes ---------------------------------------------------------------------------- */

/* auto_respond.Class=hmt_class_answer */
void
hmt_class_answer(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	FooBar answer = FOO__BAR__INIT;

	(void)state;
	(void)hmt_odd_Class_body(msg);
	cr_assert_eq(hmt_odd_Foo_Bar_respond(ctx, &answer), HM_OK);
}

static void
send_odd(struct hm_ctx *ctx, void *arg)
{
	struct hm_pid to = *(const struct hm_pid *)arg;
	Int number = INT__INIT;
	Class class = CLASS__INIT;
	MESSAGE message = MESSAGE__INIT;

	cr_assert_eq(whole_number_request(ctx, to, &number), HM_OK);
	cr_assert_eq(hmt_odd_Class_request(ctx, to, &class), HM_OK);
	cr_assert_eq(hmt_odd_MESSAGE_request(ctx, to, &message), HM_OK);
}

Test(engine_generated, attributes__are_those_of_the_parameters)
{
	static const struct hm_mailbox overtaking = { .order = HM_MAILBOX_CONTROL,
						      .capacity = HM_MAILBOX_UNLIMITED };
	static struct hm_props props;
	static struct hmt_probe actor;
	static struct scene s;
	struct hmt_probe *probe = &actor;

	scene_start(&s, &by_table);
	actor = (struct hmt_probe){ 0 };
	props = *hmt_probe_props(0);
	props.mailbox = &overtaking;
	cr_assert_eq(hm_system_spawn(s.node.sys, &props, NULL, &probe, &actor.pid), 0);
	hmt_turn_until_idle(&s.node);
	hmt_do(&s.node, s.customer, send_odd, &actor.pid);
	HMT_SEQUENCE(&actor, HM_STARTED, hmt_odd_MESSAGE, whole_number, hmt_odd_Class);
	HMT_SEQUENCE(&s.probe, HM_STARTED, hmt_odd_Foo_Bar);
	hmt_node_end(&s.node);
}

/* ---- Types ----------------------------------------------------------------------------------- */

Test(engine_generated, register__by_the_full_names_that_cross_nodes)
{
	static struct scene s;
	Hmt__Bank__Open open = HMT__BANK__OPEN__INIT;

	scene_start(&s, &by_table);
	cr_assert_str_eq(hm_type_name(s.node.sys, hmt_bank_Account_Line), "hmt.bank.Account.Line");
	cr_assert_str_eq(hm_type_name(s.node.sys, hmt_money_Amount), "hmt.money.Amount");
	cr_assert_str_eq(hm_type_name(s.node.sys, hmt_odd_HM_MESSAGE), "HM_MESSAGE");
	cr_assert_eq(hmt_bank_Open_system_send(s.node.sys, s.customer, &open), HM_OK);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hmt_seen_count(&s.probe, hmt_bank_Open), 1);
	hmt_node_end(&s.node);
}

#ifndef NDEBUG

static void
body_of(void *arg)
{
	const struct hm_msg *msg = arg;

	(void)*(Hmt__Money__Amount const volatile *)hmt_money_Amount_body(msg);
}

Test(engine_generated, body__of_another_type_is_misuse)
{
	static union {
		struct hm_msg header;
		char bytes[sizeof(struct hm_msg) + sizeof(Hmt__Bank__Account)];
	} fake;
	static char text[4096];

	fake.header = (struct hm_msg){ .type = hmt_money_Amount, .length = sizeof(Hmt__Money__Amount) };
	cr_assert_eq(WEXITSTATUS(hmt_death(body_of, &fake, text, sizeof(text))), HMT_SURVIVED);
	fake.header = (struct hm_msg){ .type = hmt_bank_Account, .length = sizeof(Hmt__Bank__Account) };
	cr_assert(hmt_aborted(hmt_death(body_of, &fake, text, sizeof(text))));
	cr_assert_not_null(strstr(text, "is no hmt_money_Amount"), "%s", text);
}

#endif
