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

enum {
	PRICE = HM_TYPE_USER, /* what does it cost? */
	SOLD,                 /* how many were sold? */
	CLOSE,                /* stop all suppliers */
	ENTRIES,              /* to a ledger: how many entries has it? */
	NUMBER,               /* an answer */
};

struct shop {
	struct hm_pid suppliers[SUPPLIERS], ledgers[LEDGERS], archive;
	uint64_t left; /* suppliers that are still to stop */
};

static void
answer(struct hm_ctx *ctx, uint64_t number)
{
	(void)hm_respond(ctx, NUMBER, &number);
}

/* ---- Those who are asked ------------------------------------------------------- */

/* State: its price; 0: it never answers. */
static void
supplier_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const uint64_t *price = state;

	if (hm_msg_type(msg) == PRICE && *price != 0)
		answer(ctx, *price);
}

static void
archive_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == SOLD)
		answer(ctx, 42);
}

/* State: how many numbers it has got. */
static void
ledger_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint64_t *entries = state;

	if (hm_msg_type(msg) == NUMBER)
		++*entries;
	else if (hm_msg_type(msg) == ENTRIES)
		answer(ctx, *entries);
}

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
		const struct hm_msg *price = hm_replies_get(reply, i);

		if (price != NULL && *(const uint64_t *)hm_msg_body(price) < best)
			best = *(const uint64_t *)hm_msg_body(price);
	}
	answer(ctx, best);
}

static void
prices_ask(struct hm_ctx *ctx, const struct shop *shop)
{
	struct hm_batch_request requests[SUPPLIERS];
	struct hm_batch batch = {
		.requests = requests, .count = SUPPLIERS, .timeout_us = PATIENCE_US, .on_end = prices_take
	};

	for (uint32_t i = 0; i < SUPPLIERS; i++)
		requests[i] = (struct hm_batch_request){ .to = shop->suppliers[i], .type = PRICE };
	(void)hm_ask_batch(ctx, &batch);
}

static void
sold_take(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	(void)state;
	(void)arg;
	answer(ctx, result == HM_FUTURE_REPLY ? *(const uint64_t *)hm_msg_body(reply) : 0);
}

/* The answer goes to the ledgers, and to the customer. */
static void
sold_ask(struct hm_ctx *ctx, const struct shop *shop)
{
	struct hm_future sold;

	if (hm_request_future(ctx, shop->archive, SOLD, NULL, LONG_US, &sold) != HM_OK)
		return;
	(void)hm_pipe_to(ctx, sold, shop->ledgers, LEDGERS);
	(void)hm_reenter_after(ctx, sold, sold_take, NULL);
	hm_future_release(ctx, sold);
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

static void
shop_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	switch (hm_msg_type(msg)) {
	case PRICE:
		prices_ask(ctx, state);
		break;
	case SOLD:
		sold_ask(ctx, state);
		break;
	case CLOSE:
		suppliers_stop(ctx, state);
		break;
	default:
		break;
	}
}

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
number_ask(struct hm_system *sys, struct hm_pid to, uint16_t type)
{
	uint64_t number = 0;
	struct hm_reply reply = { .body = &number, .size = sizeof(number) };
	int rc = ask(sys, to, type, -1, &reply);

	if (rc != 0)
		fprintf(stderr, "request-response: no answer: %d\n", rc);
	return number;
}

static void
customer(struct hm_system *sys, const struct shop *shop, struct hm_pid pid)
{
	struct hm_touched touched;
	struct hm_reply reply = { .body = &touched, .size = sizeof(touched) };

	if (ask(sys, pid, HM_TOUCH, -1, &reply) == 0 && hm_pid_equal(touched.who, pid))
		printf("the shop is there\n");
	printf("the best price: %" PRIu64 "\n", number_ask(sys, pid, PRICE));
	printf("sold: %" PRIu64 "\n", number_ask(sys, pid, SOLD));
	for (uint32_t i = 0; i < LEDGERS; i++)
		printf("entries of ledger %u: %" PRIu64 "\n", i, number_ask(sys, shop->ledgers[i], ENTRIES));
	if (ask(sys, shop->suppliers[SUPPLIERS - 1], PRICE, 10, NULL) == -ECANCELED)
		printf("one supplier never answers: given up\n");
	printf("suppliers that are gone: %" PRIu64 "\n", number_ask(sys, pid, CLOSE));
}

/* ---- Set-up --------------------------------------------------------------------------- */

static int
types_register(struct hm_system *sys)
{
	static const struct hm_type types[] = {
		{ .id = PRICE, .name = "price" },
		{ .id = SOLD, .name = "sold" },
		{ .id = CLOSE, .name = "close" },
		{ .id = ENTRIES, .name = "entries" },
		{ .id = NUMBER, .name = "number", .size = sizeof(uint64_t) },
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(types) / sizeof(types[0]); i++)
		rc = hm_type_register(sys, &types[i]);
	return rc;
}

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

	if (rc == 0 && (rc = types_register(sys)) == 0 && (rc = actors_spawn(sys, &shop, &pid)) == 0 &&
	    (rc = hm_system_start(sys)) == 0) {
		customer(sys, &shop, pid);
		hm_system_stop(sys);
		rc = hm_system_join(sys);
	}
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
