/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apps/kv: what a shard does with timers of a life before, and what a client may ask.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "hmt_eal.h"
#include "service.h"
#include "shard.h"

TestSuite(kv_service, .init = hmt_eal_start);

static struct hm_system *sys;

/* ---- A shard, turn by turn ------------------------------------------------------------------- */

static uint64_t now_ns;
static struct hm_pid shard;

/* The answer that came last. */
static Kv__Status answered;
static uint64_t answered_id;

static uint64_t
clock_read(void *arg)
{
	(void)arg;
	return now_ns;
}

static void
put(struct hm_ctx *ctx, uint64_t id, uint32_t ttl_ms)
{
	Kv__Put body = KV__PUT__INIT;

	body.id = id;
	body.key = (char *)(uintptr_t) "k";
	body.ttl_ms = ttl_ms;
	cr_assert_eq(kv_put_request(ctx, shard, &body), HM_OK);
}

/* Its two lives have one timer each. */
static void
puts_around_failure(struct hm_ctx *ctx)
{
	Kv__Break failing = KV__BREAK__INIT;

	failing.key = (char *)(uintptr_t) "k";
	put(ctx, 1, 1);
	cr_assert_eq(kv_break_send(ctx, shard, &failing), HM_OK);
	put(ctx, 2, 10000);
}

static void
get(struct hm_ctx *ctx)
{
	Kv__Get body = KV__GET__INIT;

	body.id = 3;
	body.key = (char *)(uintptr_t) "k";
	cr_assert_eq(kv_get_request(ctx, shard, &body), HM_OK);
}

typedef void script_fn(struct hm_ctx *ctx);

static void
script_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HM_STARTED) {
		(*(script_fn **)state)(ctx);
	} else if (hm_msg_type(msg) == kv_answer) {
		answered = kv_answer_body(msg)->status;
		answered_id = kv_answer_body(msg)->id;
	}
}

static void
script_run(script_fn *fn)
{
	static const struct hm_props props = { .receive = script_receive,
					       .state_size = sizeof(script_fn *),
					       .args_size = sizeof(script_fn *) };
	struct hm_pid pid;

	cr_assert_eq(hm_system_spawn(sys, &props, NULL, &fn, &pid), 0);
}

static void
turns_do(uint32_t count)
{
	while (count-- > 0)
		(void)hm_system_turn(sys);
}

/* One message a turn, so that time can pass between any two of them. */
static void
shard_start(void)
{
	char *argv[] = { (char *)(uintptr_t) "hmt", (char *)(uintptr_t) "--", (char *)(uintptr_t) "--quantum",
			 (char *)(uintptr_t) "1", NULL };
	struct hm_config config = { .mode = HM_MODE_STEPPED, .lcores = 1, .clock = { clock_read, NULL } };
	struct shard_args args = { .bytes_max = 1000 };

	now_ns = 1000000000;
	cr_assert_eq(hm_system_create(&sys, 4, argv, &config), 0);
	cr_assert_eq(kv_register(sys), 0);
	cr_assert_eq(hm_system_spawn(sys, &shard_props, "shard", &args, &shard), 0);
	turns_do(100);
}

static void
shard_end(void)
{
	hm_system_stop(sys);
	turns_do(100);
	hm_system_destroy(sys);
}

/* A timer that is due while the shard fails has its message behind the next put, in the new life. */
Test(kv_service, expire__of_a_life_before_leaves_a_new_entry_alone)
{
	for (uint32_t turns = 0; turns < 12; turns++) {
		shard_start();
		script_run(puts_around_failure);
		turns_do(turns);
		now_ns += 2000000;
		turns_do(100);
		cr_assert_eq(answered_id, 2);
		cr_assert_eq(answered, KV__STATUS__OK);
		script_run(get);
		turns_do(100);
		cr_assert_eq(answered_id, 3);
		cr_assert_eq(answered, KV__STATUS__OK, "time has passed behind turn %u", turns);
		now_ns += 10000000000;
		turns_do(100);
		script_run(get);
		turns_do(100);
		cr_assert_eq(answered, KV__STATUS__NOT_FOUND);
		shard_end();
	}
}

/* ---- A client ---------------------------------------------------------------------------------- */

static struct client *client;

static void
service_begin(uint32_t window)
{
	struct service_config service = {
		.shards = 3, .bytes_max = 100000, .timeout_us = 20000000, .sessions_max = 1
	};
	struct hm_config system = { .mode = HM_MODE_BACKGROUND, .lcores = 1 };
	struct client_config config = { .window = window };

	cr_assert_eq(hm_system_create(&sys, 0, NULL, &system), 0);
	cr_assert_eq(service_start(sys, &service, &config.service), 0);
	cr_assert_eq(hm_system_start(sys), 0);
	config.sys = sys;
	cr_assert_eq(client_open(&config, &client), 0);
}

static void
service_end(void)
{
	client_close(client);
	hm_system_stop(sys);
	cr_assert_eq(hm_system_join(sys), 0);
	hm_system_destroy(sys);
}

static const struct hm_msg *
answer_await(uint64_t id)
{
	const struct hm_msg *msg = NULL;

	cr_assert_eq(client_read_wait(client, &msg, UINT64_MAX), HM_OK);
	cr_assert_eq(hm_msg_type(msg) == kv_page ? kv_page_body(msg)->id : kv_answer_body(msg)->id, id);
	return msg;
}

Test(kv_service, client__scans_of_one_key_a_page_end)
{
	static const char *const keys[] = { "a", "b", "c" };
	struct client_value value = { .data = "v", .length = 1 };
	char after[KV_KEY_MAX + 1] = "";
	struct client_range range = { .prefix = "", .after = after, .limit = 1 };
	uint32_t pages = 0;
	bool more = true;
	uint64_t id;

	service_begin(4);
	/* The scan would begin with it each time. */
	cr_assert_eq(client_put(client, "", &value, &id), HM_INVALID);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(client_put(client, keys[i], &value, &id), HM_OK);
		cr_assert_eq(kv_answer_body(answer_await(id))->status, KV__STATUS__OK);
	}
	while (more && pages < 3) {
		const Kv__Page *page;

		cr_assert_eq(client_scan(client, &range, &id), HM_OK);
		page = kv_page_body(answer_await(id));
		cr_assert_eq(page->n_keys, 1);
		cr_assert_str_eq(page->keys[0], keys[pages++]);
		snprintf(after, sizeof(after), "%s", page->keys[0]);
		more = page->more;
	}
	cr_assert_not(more);
	cr_assert_eq(pages, 3);
	service_end();
}

Test(kv_service, client__refuses_what_cannot_be_asked)
{
	char longest[KV_KEY_MAX + 2];
	struct client_value value = { .data = "v", .length = KV_VALUE_MAX + 1 };
	struct client_range range = { .prefix = "", .after = longest };
	const struct hm_msg *msg;
	uint64_t id = 77;

	memset(longest, 'k', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	service_begin(2);
	cr_assert_eq(client_get(client, "", &id), HM_INVALID);
	cr_assert_eq(client_delete(client, "", &id), HM_INVALID);
	cr_assert_eq(client_break(client, "", false, &id), HM_INVALID);
	cr_assert_eq(client_get(client, longest, &id), HM_TOO_BIG);
	cr_assert_eq(client_put(client, "k", &value, &id), HM_TOO_BIG);
	cr_assert_eq(client_scan(client, &range, &id), HM_TOO_BIG);
	cr_assert_eq(id, 77);
	cr_assert_eq(client_read(client, &msg), HM_WOULD_BLOCK);
	/* One character less. */
	longest[KV_KEY_MAX] = '\0';
	cr_assert_eq(client_get(client, longest, &id), HM_OK);
	cr_assert_eq(id, 1);
	cr_assert_eq(client_delete(client, "k", &id), HM_OK);
	cr_assert_eq(client_inspect(client, &id), HM_WOULD_BLOCK);
	cr_assert_eq(client_scan(client, &range, &id), HM_WOULD_BLOCK);
	cr_assert_eq(client_get(client, "k", &id), HM_WOULD_BLOCK);
	cr_assert_eq(id, 2);
	for (uint32_t i = 0; i < 2; i++) {
		cr_assert_eq(client_read_wait(client, &msg, UINT64_MAX), HM_OK);
		cr_assert_eq(kv_answer_body(msg)->status, KV__STATUS__NOT_FOUND);
	}
	cr_assert_eq(client_get(client, "k", &id), HM_OK);
	cr_assert_eq(kv_answer_body(answer_await(3))->status, KV__STATUS__NOT_FOUND);
	service_end();
}
