/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A till that knows of payments and of nothing else: what it gets is logged, checked, and taken once, and what it answers is
 * sealed, by stages around it.
 */
#include <stdio.h>

#include <hermod.h>

#define PAYMENTS 4u

struct payment {
	uint32_t id;
	int32_t cents;
};

#define SHOP(MESSAGE)                 \
	MESSAGE(pay, struct payment)  \
	MESSAGE(paid, struct payment) \
	MESSAGE(refused, struct payment)
HM_MESSAGES(shop, HM_TYPE_USER, SHOP);

/* ---- The till ------------------------------------------------------------------------------- */

static void
on_pay(struct hm_ctx *ctx, int32_t *cents, const struct payment *payment)
{
	*cents += payment->cents;
	printf("till: has %d cents\n", *cents);
	(void)paid_respond(ctx, payment);
}

HM_RECEIVE(till_receive, int32_t, HM_ON(pay, on_pay));

/* ---- Stages around it ------------------------------------------------------------------------- */

/* Around all that are behind it: before and after. */
static void
logged(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
       void *arg)
{
	struct payment payment;

	(void)arg;
	if (hm_msg_type(msg) != pay) {
		hm_receive_next(ctx, state, msg, next);
		return;
	}
	/* Behind it the message may be gone. */
	payment = *pay_body(msg);
	printf("log: payment %u of %d cents\n", payment.id, payment.cents);
	hm_receive_next(ctx, state, msg, next);
	printf("log: payment %u is done\n", payment.id);
}

/* One that does not go on has handled the message. */
static void
checked(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	void *arg)
{
	(void)arg;
	if (hm_msg_type(msg) == pay && pay_body(msg)->cents <= 0)
		(void)refused_respond(ctx, pay_body(msg));
	else
		hm_receive_next(ctx, state, msg, next);
}

static bool
payment_key(const struct hm_msg *msg, uint64_t *key, void *arg)
{
	(void)arg;
	if (hm_msg_type(msg) != pay)
		return false;
	*key = pay_body(msg)->id;
	return true;
}

/* A customer who has got no answer pays again, and is to get one. */
static void
paid_before(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, void *arg)
{
	(void)state;
	(void)arg;
	(void)paid_respond(ctx, pay_body(msg));
}

static enum hm_result
sealed(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next, void *arg)
{
	if (hm_msg_type(msg) == paid && hm_msg_header_set(ctx, msg, "seal", arg) != HM_OK)
		hm_log(ctx, HM_LOG_WARNING, "an answer without a seal");
	return hm_send_next(ctx, to, msg, next);
}

static char seal[] = "Hermod & Sons";
static const struct hm_dedup_stage once = {
	.key = payment_key, .keys = 1000, .memory_us = 60000000, .on_repeat = paid_before
};
static const struct hm_middleware logging = { .name = "logging", .receive = logged };
static const struct hm_middleware checking = { .name = "checking", .receive = checked };
static const struct hm_middleware taking_once = { .name = "once", HM_DEDUP_STAGE(&once) };
static const struct hm_middleware sealing = { .name = "sealing", .send = sealed, .arg = seal };
static const struct hm_middleware *const stages[] = { &logging, &checking, &taking_once, &sealing, NULL };

/* ---- A customer ---------------------------------------------------------------------------------- */

static void
begin(struct hm_ctx *ctx, uint32_t *answers)
{
	static const struct hm_props till = { .receive = till_receive,
					      .state_size = sizeof(int32_t),
					      .middleware = stages };
	static const struct payment payments[PAYMENTS] = { { 1, 500 }, { 2, -3 }, { 1, 500 }, { 3, 250 } };
	struct hm_pid pid;

	*answers = 0;
	if (hm_spawn(ctx, &till, "till", NULL, &pid) != 0)
		hm_fail(ctx, "no till");
	for (uint32_t i = 0; i < PAYMENTS; i++)
		(void)pay_request(ctx, pid, &payments[i]);
}

static void
answered(struct hm_ctx *ctx, uint32_t *answers, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == paid)
		printf("customer: payment %u is paid, says %s\n", paid_body(msg)->id,
		       hm_msg_header(msg, "seal"));
	else if (hm_msg_type(msg) == refused)
		printf("customer: payment %u is refused\n", refused_body(msg)->id);
	else
		return;
	if (++*answers == PAYMENTS)
		hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(customer_receive, uint32_t, HM_ON_EMPTY(HM_STARTED, begin) HM_ON_OTHER(answered));

int
main(int argc, char **argv)
{
	static const struct hm_props customer = { .receive = customer_receive,
						  .state_size = sizeof(uint32_t) };
	static const struct hm_program program = { .prepare = shop_register,
						   .props = &customer,
						   .name = "customer" };

	return hm_program_run(&program, argc, argv);
}
