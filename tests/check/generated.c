/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the headers of protoc-gen-hermod must not let through, one mistake for each number WRONG; 0: none. C and C++.
 */
#include "hmt_bank.hm.h"
#include "hmt_odd.hm.h"

struct bank {
	int64_t cents;
};

static void
on_open(struct hm_ctx *ctx, struct bank *bank, const Hmt__Bank__OpenRequest *open)
{
	Hmt__Bank__Account account = HMT__BANK__ACCOUNT__INIT;

	(void)open;
	account.cents = bank->cents;
#if WRONG == 1 /* another body of an answer */
	(void)hmt_bank_Bank_Open_respond(ctx, open);
#else
	(void)hmt_bank_Bank_Open_respond(ctx, &account);
#endif
}

#if WRONG == 2 /* a handler of another body */
static void
on_deposit(struct hm_ctx *ctx, struct bank *bank, const Hmt__Bank__Account *amount)
#else
static void
on_deposit(struct hm_ctx *ctx, struct bank *bank, const Hmt__Money__Amount *amount)
#endif
{
	(void)ctx;
	bank->cents += amount->cents;
}

static void
on_strike(struct hm_ctx *ctx, struct bank *bank, const Hmt__Bank__Account__Line *line)
{
	(void)bank;
#if WRONG == 3 /* another body of a call */
	(void)hmt_bank_Bank_Deposit_request(ctx, hm_self(ctx), line);
#else
	(void)hmt_bank_Bank_Strike_request(ctx, hm_self(ctx), line);
#endif
}

#if WRONG == 4 /* a handler that is missing */
HM_RECEIVE(receive, struct bank, hmt_bank_Bank_ON(on_open, on_deposit));
#elif WRONG == 5 /* handlers in another order */
HM_RECEIVE(receive, struct bank, hmt_bank_Bank_ON(on_open, on_strike, on_deposit));
#elif WRONG == 6 /* a second handler of a call */
HM_RECEIVE(receive, struct bank,
	   hmt_bank_Bank_ON(on_open, on_deposit, on_strike) HM_ON(hmt_money_Amount, on_deposit));
#else
HM_RECEIVE(receive, struct bank, hmt_bank_Bank_ON(on_open, on_deposit, on_strike));
#endif

hm_receive_fn *bank_receive(void);

hm_receive_fn *
bank_receive(void)
{
	return receive;
}

bool odd_dispatch(struct hm_ctx *ctx, void *state, const struct hm_msg *msg);

bool
odd_dispatch(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hmt_odd_signal_handlers handlers = { NULL, NULL, NULL };

	return hmt_odd_signal_dispatch(&handlers, ctx, state, msg);
}

/* auto_respond.Class=hmt_class_answer: the header declares it, in C++ as a function of C. */
void
hmt_class_answer(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	FooBar answer = FOO__BAR__INIT;

	(void)state;
	(void)hmt_odd_Class_body(msg);
	(void)hmt_odd_Foo_Bar_respond(ctx, &answer);
}
