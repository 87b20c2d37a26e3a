/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services: what the table of HM_SERVICE makes, for who asks and for who answers.
 */
#include <criterion/criterion.h>

#include "hm_service.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_service, .init = hmt_eal_start);

struct amount {
	int64_t cents;
};

struct reason {
	uint32_t code;
};

struct balance {
	int64_t cents;
};

#define MESSAGES(MESSAGE)                     \
	MESSAGE(bank_amount, struct amount)   \
	MESSAGE(bank_reason, struct reason)   \
	MESSAGE(bank_balance, struct balance) \
	MESSAGE(bank_closed, struct reason)

HM_MESSAGES(bank, HMT_TYPE_NEXT, MESSAGES);

#define BANK(RPC)                                             \
	RPC(bank_deposit, deposit, bank_amount, bank_balance) \
	RPC(bank_close, close, bank_reason, bank_closed)

HM_SERVICE(bank, BANK);

/* A table without messages is one, too. */
#define NOTHING(MESSAGE)

HM_MESSAGES(nothing, bank_end, NOTHING);

Test(engine_service, messages__of_an_empty_table_take_no_id)
{
	cr_assert_eq((int)nothing_end, (int)bank_end);
	cr_assert_eq(nothing_register(NULL), 0);
}

/* ---- The actor that answers ------------------------------------------------------------------ */

struct account {
	int64_t cents;
	uint32_t closed, unknown;
	bool lies; /* answers by a message of another type */
};

static struct account *account;

static void
on_deposit(struct hm_ctx *ctx, void *state, const struct amount *amount)
{
	struct account *self = state;

	self->cents += amount->cents;
	if (self->lies)
		cr_assert_eq(bank_close_respond(ctx, &(struct reason){ 7 }), HM_OK);
	else
		cr_assert_eq(bank_deposit_respond(ctx, &(struct balance){ self->cents }), HM_OK);
}

static void
on_close(struct hm_ctx *ctx, void *state, const struct reason *reason)
{
	struct account *self = state;

	self->closed++;
	cr_assert_eq(bank_close_respond(ctx, reason), HM_OK);
}

static const struct bank_handlers whole = { .on_deposit = on_deposit, .on_close = on_close };
static const struct bank_handlers half = { .on_deposit = on_deposit };

static void
receive_by(const struct bank_handlers *handlers, struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct account *self = state;

	account = self;
	if (!bank_dispatch(handlers, ctx, state, msg))
		self->unknown += hm_msg_type(msg) != HM_STARTED;
}

static void
receive_whole(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	receive_by(&whole, ctx, state, msg);
}

static void
receive_half(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	receive_by(&half, ctx, state, msg);
}

static const struct hm_props whole_props = { .receive = receive_whole, .state_size = sizeof(struct account) };
static const struct hm_props half_props = { .receive = receive_half, .state_size = sizeof(struct account) };

/* ---- Those that ask ---------------------------------------------------------------------------- */

struct scene {
	struct hmt_node node;
	struct hmt_probe probe;
	struct hm_pid bank, asker;
	struct hm_future future;
	uint32_t replies, others;
	int64_t replied;
};

static void
scene_start(struct scene *s, const struct hm_props *props)
{
	*s = (struct scene){ .replied = 0 };
	hmt_node_start(&s->node, 1);
	cr_assert_eq(bank_register(s->node.sys), 0);
	cr_assert_eq(hm_system_spawn(s->node.sys, props, NULL, NULL, &s->bank), 0);
	s->asker = hmt_probe_spawn(&s->node, &s->probe, 0, NULL);
	hmt_turn_until_idle(&s->node);
}

static void
on_balance(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	const struct balance *balance = bank_deposit_reply(reply);
	struct scene *s = arg;

	(void)ctx;
	(void)state;
	s->replies++;
	if (balance != NULL)
		s->replied = balance->cents;
	else
		s->others += result == HM_FUTURE_REPLY ? 1 : 100;
}

static void
call_all(struct hm_ctx *ctx, void *arg)
{
	struct scene *s = arg;
	struct amount amount = { 100 };
	struct reason reason = { 3 };

	cr_assert_eq(bank_deposit_request(ctx, s->bank, &amount), HM_OK);
	cr_assert_eq(bank_deposit_request_from(ctx, s->bank, s->asker, &amount), HM_OK);
	cr_assert_eq(bank_deposit_request_future(ctx, s->bank, &amount, 1000000, &s->future), HM_OK);
	cr_assert_eq(bank_deposit_ask(ctx, s->bank, &amount, 1000000, on_balance, s), HM_OK);
	cr_assert_eq(bank_close_request(ctx, s->bank, &reason), HM_OK);
}

Test(engine_service, calls__reach_their_handlers_and_are_answered)
{
	static struct scene s;

	scene_start(&s, &whole_props);
	hmt_do(&s.node, s.asker, call_all, &s);
	cr_assert_eq(account->cents, 400);
	cr_assert_eq(account->closed, 1);
	cr_assert_eq(account->unknown, 0);
	cr_assert_eq(s.replies, 1);
	cr_assert_eq(s.others, 0);
	cr_assert_eq(s.replied, 400);
	cr_assert_eq(hmt_seen_count(&s.probe, bank_balance), 2);
	cr_assert_eq(hmt_seen_count(&s.probe, bank_closed), 1);
	cr_assert_eq(hmt_seen_last(&s.probe, bank_closed)->words[0] & UINT32_MAX, 3);
	hmt_node_end(&s.node);
}

Test(engine_service, dispatch__leaves_what_has_no_handler)
{
	static struct scene s;

	scene_start(&s, &half_props);
	hmt_do(&s.node, s.asker, call_all, &s);
	hmt_number(&s.node, s.bank, 5);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(account->cents, 400);
	cr_assert_eq(account->closed, 0);
	cr_assert_eq(account->unknown, 2, "the call without a handler, and the number");
	hmt_node_end(&s.node);
}

static void
ask_liar(struct hm_ctx *ctx, void *arg)
{
	struct scene *s = arg;

	account->lies = true;
	cr_assert_eq(bank_deposit_ask(ctx, s->bank, &(struct amount){ 1 }, 1000000, on_balance, s), HM_OK);
}

static void
ask_nobody(struct hm_ctx *ctx, void *arg)
{
	struct scene *s = arg;

	cr_assert_eq(bank_deposit_ask(ctx, s->bank, &(struct amount){ 1 }, 1000000, on_balance, s), HM_OK);
}

Test(engine_service, reply__is_null_of_another_type_and_without_an_answer)
{
	static struct scene s;

	scene_start(&s, &whole_props);
	hmt_do(&s.node, s.asker, ask_liar, &s);
	cr_assert_eq(s.replies, 1);
	cr_assert_eq(s.others, 1, "an answer, but of another type");
	hmt_stop(&s.node, s.bank);
	hmt_do(&s.node, s.asker, ask_nobody, &s);
	cr_assert_eq(s.replies, 2);
	cr_assert_eq(s.others, 101, "no answer");
	hmt_node_end(&s.node);
}

/* ---- Threads ------------------------------------------------------------------------------------- */

Test(engine_service, system_ask__answers_by_the_body_or_says_that_it_is_another)
{
	struct hm_kit_config config = { .real_time = true };
	struct amount amount = { 21 };
	const struct balance *balance = NULL, *untouched = NULL;
	uint64_t space[8];
	struct hm_reply reply = { .body = space, .size = sizeof(space) };
	struct hm_system *sys;
	struct hm_kit *kit;
	struct hm_pid bank;

	cr_assert_eq(hm_kit_create(&kit, &config), 0);
	sys = hm_kit_system(kit);
	cr_assert_eq(bank_register(sys), 0);
	bank = hm_kit_spawn(kit, &whole_props, NULL, NULL);
	hm_kit_advance(kit, 0);
	cr_assert_eq(bank_deposit_system_ask(sys, bank, &amount, 10000000, &reply, &balance), 0);
	cr_assert_eq((const void *)balance, (const void *)space);
	cr_assert_eq(balance->cents, 21);
	account->lies = true;
	cr_assert_eq(bank_deposit_system_ask(sys, bank, &amount, 10000000, &reply, &untouched), -EBADMSG);
	cr_assert_eq(reply.type, bank_closed);
	cr_assert_null(untouched);
	cr_assert_eq(bank_deposit_system_ask(sys, hm_pid_none(), &amount, 1000, &reply, &untouched), -EINVAL);
	cr_assert_null(untouched);
	cr_assert(hm_kit_end(kit));
}
