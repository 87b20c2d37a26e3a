/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shop answers when it knows the answer itself: from several suppliers, from a slow archive, or when others are gone.
 * The customer is a thread that is no lcore, and waits for an eventfd.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include <hermod.h>

#define SUPPLIERS   3u
#define LEDGERS     2u
#define PATIENCE_US 50000
#define LONG_US     10000000

#define MESSAGES(MESSAGE)                                                   \
	MESSAGE(shop_price)     /* what does it cost? */                    \
	MESSAGE(shop_sold)      /* how many were sold? */                   \
	MESSAGE(shop_close)     /* stop all suppliers */                    \
	MESSAGE(ledger_entries) /* to a ledger: how many entries has it? */ \
	MESSAGE(number, uint64_t)
HM_MESSAGES(shop, HM_TYPE_USER, MESSAGES);

struct shop {
	struct hm_pid suppliers[SUPPLIERS], ledgers[LEDGERS], archive;
	uint64_t left; /* suppliers that are still to stop */
};

static void
answer(struct hm_ctx *ctx, uint64_t value)
{
	(void)number_respond(ctx, &value);
}

/* ---- Those who are asked ------------------------------------------------------- */

/* A supplier's state is its price; 0: it never answers. */
static void
price_tell(struct hm_ctx *ctx, uint64_t *cost)
{
	if (*cost != 0)
		answer(ctx, *cost);
}

HM_RECEIVE(supplier_receive, uint64_t, HM_ON_EMPTY(shop_price, price_tell));

static void
sold_tell(struct hm_ctx *ctx, void *state)
{
	(void)state;
	answer(ctx, 42);
}

HM_RECEIVE(archive_receive, void, HM_ON_EMPTY(shop_sold, sold_tell));

/* A ledger's state is how many numbers it has got. */
static void
enter(struct hm_ctx *ctx, uint64_t *count, const uint64_t *value)
{
	(void)ctx;
	(void)value;
	++*count;
}

static void
entries_tell(struct hm_ctx *ctx, uint64_t *count)
{
	answer(ctx, *count);
}

HM_RECEIVE(ledger_receive, uint64_t, HM_ON(number, enter) HM_ON_EMPTY(ledger_entries, entries_tell));

/* ---- The shop ------------------------------------------------------------------- */

/* All have answered, or the time is up. hm_sender is the customer again. */
static void
prices_take(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	    void *arg)
{
	uint64_t best = UINT64_MAX;

	(void)state;
	(void)result;
	(void)arg;
	for (uint32_t i = 0; i < hm_replies_count(reply); i++) {
		const struct hm_msg *one = hm_replies_get(reply, i);

		if (one != NULL && *number_body(one) < best)
			best = *number_body(one);
	}
	answer(ctx, best);
}

static void
prices_ask(struct hm_ctx *ctx, struct shop *shop)
{
	struct hm_batch_request requests[SUPPLIERS];
	struct hm_batch batch = {
		.requests = requests, .count = SUPPLIERS, .timeout_us = PATIENCE_US, .on_end = prices_take
	};

	for (uint32_t i = 0; i < SUPPLIERS; i++)
		requests[i] = (struct hm_batch_request){ .to = shop->suppliers[i], .type = shop_price };
	(void)hm_ask_batch(ctx, &batch);
}

static void
sold_take(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	(void)state;
	(void)arg;
	answer(ctx, result == HM_FUTURE_REPLY ? *number_body(reply) : 0);
}

/* The answer goes to the ledgers, and to the customer. */
static void
sold_ask(struct hm_ctx *ctx, struct shop *shop)
{
	struct hm_future future;

	if (shop_sold_request_future(ctx, shop->archive, LONG_US, &future) != HM_OK)
		return;
	(void)hm_pipe_to(ctx, future, shop->ledgers, LEDGERS);
	(void)hm_reenter_after(ctx, future, sold_take, NULL);
	hm_future_release(ctx, future);
}

static void
gone_take(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct shop *shop = state;

	(void)reply;
	(void)arg;
	if (result == HM_FUTURE_REPLY && --shop->left == 0)
		answer(ctx, SUPPLIERS);
}

static void
suppliers_stop(struct hm_ctx *ctx, struct shop *shop)
{
	struct hm_future gone;

	shop->left = SUPPLIERS;
	for (uint32_t i = 0; i < SUPPLIERS; i++) {
		if (hm_stop_future(ctx, shop->suppliers[i], LONG_US, &gone) != HM_OK)
			return;
		(void)hm_reenter_after(ctx, gone, gone_take, NULL);
		hm_future_release(ctx, gone);
	}
}

HM_RECEIVE(shop_receive, struct shop,
	   HM_ON_EMPTY(shop_price, prices_ask) HM_ON_EMPTY(shop_sold, sold_ask)
		   HM_ON_EMPTY(shop_close, suppliers_stop));

/* ---- The customer ------------------------------------------------------------------ */

/* Waits for the answer, or for `wait_ms` at most, and then gives it up. */
static int
ask(struct hm_system *sys, struct hm_pid to, uint16_t type, int wait_ms, struct hm_reply *reply)
{
	struct hm_call *call;
	struct pollfd file = { .events = POLLIN };
	int rc = hm_system_request(sys, to, type, NULL, LONG_US, &call);

	if (rc != 0)
		return rc;
	file.fd = hm_call_fd(call);
	while (poll(&file, 1, wait_ms) < 0 && errno == EINTR)
		;
	hm_call_cancel(call);
	rc = hm_call_result(call, reply);
	hm_call_free(call);
	return rc;
}

static uint64_t
number_of(struct hm_system *sys, struct hm_pid to, uint16_t type)
{
	uint64_t value = 0;
	struct hm_reply reply = { .body = &value, .size = sizeof(value) };
	int rc = ask(sys, to, type, -1, &reply);

	if (rc != 0)
		fprintf(stderr, "request-response: no answer: %d\n", rc);
	return value;
}

static void
customer(struct hm_system *sys, const struct shop *shop, struct hm_pid pid)
{
	struct hm_touched touched;
	struct hm_reply reply = { .body = &touched, .size = sizeof(touched) };

	if (ask(sys, pid, HM_TOUCH, -1, &reply) == 0 && hm_pid_equal(touched.who, pid))
		printf("the shop is there\n");
	printf("the best price: %" PRIu64 "\n", number_of(sys, pid, shop_price));
	printf("sold: %" PRIu64 "\n", number_of(sys, pid, shop_sold));
	for (uint32_t i = 0; i < LEDGERS; i++)
		printf("entries of ledger %u: %" PRIu64 "\n", i,
		       number_of(sys, shop->ledgers[i], ledger_entries));
	if (ask(sys, shop->suppliers[SUPPLIERS - 1], shop_price, 10, NULL) == -ECANCELED)
		printf("one supplier never answers: given up\n");
	printf("suppliers that are gone: %" PRIu64 "\n", number_of(sys, pid, shop_close));
}

/* ---- Set-up --------------------------------------------------------------------------- */

static int
actors_spawn(struct hm_system *sys, struct shop *shop, struct hm_pid *pid)
{
	static const struct hm_props supplier = { .receive = supplier_receive,
						  .state_size = sizeof(uint64_t),
						  .args_size = sizeof(uint64_t),
						  .lcore = HM_LCORE_ANY },
				     archive = { .receive = archive_receive },
				     ledger = { .receive = ledger_receive, .state_size = sizeof(uint64_t) },
				     props = { .receive = shop_receive,
					       .state_size = sizeof(struct shop),
					       .args_size = sizeof(struct shop) };
	static const uint64_t prices[SUPPLIERS] = { 19, 17, 0 };
	int rc = hm_system_spawn(sys, &archive, "archive", NULL, &shop->archive);

	for (uint32_t i = 0; rc == 0 && i < SUPPLIERS; i++)
		rc = hm_system_spawn(sys, &supplier, NULL, &prices[i], &shop->suppliers[i]);
	for (uint32_t i = 0; rc == 0 && i < LEDGERS; i++)
		rc = hm_system_spawn(sys, &ledger, NULL, NULL, &shop->ledgers[i]);
	return rc == 0 ? hm_system_spawn(sys, &props, "shop", shop, pid) : rc;
}

int
main(int argc, char **argv)
{
	struct hm_config config = { .mode = HM_MODE_BACKGROUND };
	struct shop shop = { .left = 0 };
	struct hm_system *sys;
	struct hm_pid pid;
	int rc = hm_system_create(&sys, argc, argv, &config);

	if (rc == 0 && (rc = shop_register(sys)) == 0 && (rc = actors_spawn(sys, &shop, &pid)) == 0 &&
	    (rc = hm_system_start(sys)) == 0) {
		customer(sys, &shop, pid);
		hm_system_stop(sys);
		rc = hm_system_join(sys);
	}
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
