/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shop, its till and a customer, whose messages are logged by a stage of middleware; none of them logs anything itself.
 */
#include <stdio.h>

#include <hermod.h>
#include <rte_log.h>

#define ORDERS 3u

struct order {
	uint32_t number;
};

#define SHOP(MESSAGE)                \
	MESSAGE(order, struct order) \
	MESSAGE(receipt, struct order)
HM_MESSAGES(shop, HM_TYPE_USER, SHOP);

static const struct hm_middleware logging = {
	.name = "logging",
	.receive = hm_logging_receive,
	.send = hm_logging_send,
	.spawn = hm_logging_spawn,
	.inherited = true, /* its children are logged, too */
};
static const struct hm_middleware *const stages[] = { &logging, NULL };

/* ---- The till: answers whoever the shop forwards -------------------------------------------- */

static void
till_order(struct hm_ctx *ctx, void *state, const struct order *body)
{
	(void)state;
	(void)receipt_respond(ctx, body);
}

HM_RECEIVE(till, void, HM_ON(order, till_order));

static const struct hm_props till_props = { .receive = till };

/* ---- The shop ------------------------------------------------------------------------------- */

struct shop {
	struct hm_pid till;
	uint32_t receipts;
};

static void
on_started(struct hm_ctx *ctx, struct shop *shop)
{
	if (hm_spawn(ctx, &till_props, "till", NULL, &shop->till) != 0)
		hm_fail(ctx, "no till");
	for (uint32_t i = 1; i <= ORDERS; i++)
		(void)order_request(ctx, shop->till, &(struct order){ i });
}

static void
on_receipt(struct hm_ctx *ctx, struct shop *shop, const struct order *body)
{
	printf("order %u is paid\n", body->number);
	if (++shop->receipts == ORDERS)
		hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(shop, struct shop, HM_ON_EMPTY(HM_STARTED, on_started) HM_ON(receipt, on_receipt));

static int
prepare(struct hm_system *sys)
{
	static const struct hm_logging_options options = { .level = HM_LOG_INFO };
	int rc = shop_register(sys);

	/* In the order in which it happens, beside what the shop prints; the default is standard error. */
	(void)rte_openlog_stream(stdout);
	return rc != 0 ? rc : hm_logging_start(sys, &options);
}

int
main(int argc, char **argv)
{
	static const struct hm_props props = { .receive = shop,
					       .state_size = sizeof(struct shop),
					       .middleware = stages };
	static const struct hm_program program = { .prepare = prepare, .props = &props, .name = "shop" };

	return hm_program_run(&program, argc, argv);
}
