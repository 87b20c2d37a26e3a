/* SPDX-License-Identifier: Apache-2.0 */
#include "shard.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"
#include "store.h"

struct shard {
	struct shard_args args;
	struct store *store;
	uint64_t puts, gets, hits, deletes, expired;
};

/* The store is freed with the actor, however that ends, and when it begins anew. */
static void
store_free(void *value)
{
	store_destroy(value);
}

static const struct hm_extension store_extension = { .name = "store", .destroy = store_free };

static void
on_started(struct hm_ctx *ctx, struct shard *shard)
{
	shard->store = store_create(shard->args.bytes_max);
	if (shard->store == NULL)
		hm_fail(ctx, "no memory for a store");
	if (hm_actor_extension_set(ctx, &store_extension, shard->store) != 0) {
		store_destroy(shard->store);
		hm_fail(ctx, "no memory for a store");
	}
}

static void
answer(struct hm_ctx *ctx, uint64_t id, Kv__Status status, const struct entry *entry)
{
	Kv__Answer body = KV__ANSWER__INIT;

	body.id = id;
	body.status = status;
	if (entry != NULL && entry->length > 0) {
		body.value.len = entry->length;
		body.value.data = (uint8_t *)(uintptr_t)entry->value; /* it is copied */
	}
	/* Without memory the session's time is up, and it says so. */
	(void)kv_answer_respond(ctx, &body);
}

/* ---- Time to live -------------------------------------------------------------------------- */

static void
forget(struct hm_ctx *ctx, struct shard *shard, struct entry *entry)
{
	hm_timer_cancel(ctx, entry->timer);
	store_remove(shard->store, entry);
}

/* A timer's message may wait behind others: what is due is not there any more, whether it has come or not. */
static bool
is_due(struct hm_ctx *ctx, const struct entry *entry)
{
	return entry->due_ns != 0 && hm_now_ns(ctx) >= entry->due_ns;
}

static struct entry *
find(struct hm_ctx *ctx, struct shard *shard, const char *key)
{
	struct entry *entry = store_find(shard->store, key);

	if (entry == NULL || !is_due(ctx, entry))
		return entry;
	shard->expired++;
	forget(ctx, shard, entry);
	return NULL;
}

/* A write decides anew how long an entry lives. */
static void
live_for(struct hm_ctx *ctx, struct entry *entry, uint32_t ttl_ms)
{
	Kv__Expire body = KV__EXPIRE__INIT;

	hm_timer_cancel(ctx, entry->timer);
	entry->timer = (struct hm_timer){ 0 };
	entry->due_ns = 0;
	if (ttl_ms == 0)
		return;
	entry->due_ns = hm_now_ns(ctx) + ttl_ms * 1000000ull;
	body.key = (char *)(uintptr_t)entry->key;
	body.due_ns = entry->due_ns;
	/* Without memory for a timer it goes when somebody looks at it. */
	(void)kv_expire_send_after(ctx, hm_self(ctx), &body, ttl_ms * 1000ull, 0, &entry->timer);
}

/*
 * The timer may have come before the write that has cancelled it, or before the failure with which the shard began anew: it is for
 * another entry then, with another end. With the same end that is over, too.
 */
static void
on_expire(struct hm_ctx *ctx, struct shard *shard, const Kv__Expire *expire)
{
	struct entry *entry = store_find(shard->store, expire->key);

	if (entry == NULL || entry->due_ns != expire->due_ns)
		return;
	shard->expired++;
	forget(ctx, shard, entry);
}

/* ---- One key -------------------------------------------------------------------------------- */

static void
on_put(struct hm_ctx *ctx, struct shard *shard, const Kv__Put *put)
{
	struct entry *entry;

	shard->puts++;
	if (store_put(shard->store, put->key, put->value.data, put->value.len, &entry) != 0) {
		answer(ctx, put->id, KV__STATUS__FULL, NULL);
		return;
	}
	live_for(ctx, entry, put->ttl_ms);
	answer(ctx, put->id, KV__STATUS__OK, NULL);
}

static void
on_get(struct hm_ctx *ctx, struct shard *shard, const Kv__Get *get)
{
	struct entry *entry = find(ctx, shard, get->key);

	shard->gets++;
	shard->hits += entry != NULL;
	answer(ctx, get->id, entry != NULL ? KV__STATUS__OK : KV__STATUS__NOT_FOUND, entry);
}

static void
on_delete(struct hm_ctx *ctx, struct shard *shard, const Kv__Delete *gone)
{
	struct entry *entry = find(ctx, shard, gone->key);

	shard->deletes++;
	if (entry != NULL)
		forget(ctx, shard, entry);
	answer(ctx, gone->id, entry != NULL ? KV__STATUS__OK : KV__STATUS__NOT_FOUND, NULL);
}

static void
on_break(struct hm_ctx *ctx, struct shard *shard, const Kv__Break *request)
{
	(void)shard;
	if (request->abort)
		abort();
	hm_fail(ctx, "broken on request");
}

/* ---- All keys --------------------------------------------------------------------------------- */

/* Of those of all shards the first ones are among the first ones of each. */
static void
on_scan(struct hm_ctx *ctx, struct shard *shard, const Kv__Scan *scan)
{
	Kv__Page page = KV__PAGE__INIT;
	char *keys[KV_PAGE_MAX];
	size_t length = strlen(scan->prefix);
	bool goes_on = strcmp(scan->after, scan->prefix) > 0;
	struct entry *entry = store_first(shard->store, goes_on ? scan->after : scan->prefix);

	if (entry != NULL && *scan->after != '\0' && strcmp(entry->key, scan->after) == 0)
		entry = store_next(entry);
	page.id = scan->id;
	page.keys = keys;
	for (; entry != NULL && strncmp(entry->key, scan->prefix, length) == 0; entry = store_next(entry)) {
		if (is_due(ctx, entry))
			continue;
		if (page.n_keys == kv_page_limit(scan)) {
			page.more = true;
			break;
		}
		keys[page.n_keys++] = (char *)(uintptr_t)entry->key;
	}
	(void)kv_page_respond(ctx, &page);
}

static void
on_inspect(struct hm_ctx *ctx, struct shard *shard, const Kv__Inspect *inspect)
{
	Kv__Stats stats = KV__STATS__INIT;

	stats.id = inspect->id;
	stats.shards = 1;
	stats.entries = store_count(shard->store);
	stats.bytes = store_bytes(shard->store);
	stats.puts = shard->puts;
	stats.gets = shard->gets;
	stats.hits = shard->hits;
	stats.deletes = shard->deletes;
	stats.expired = shard->expired;
	(void)kv_stats_respond(ctx, &stats);
}

/* clang-format off */
HM_RECEIVE(receive, struct shard,
	HM_ON_EMPTY(HM_STARTED, on_started)
	HM_ON(kv_put, on_put)
	HM_ON(kv_get, on_get)
	HM_ON(kv_delete, on_delete)
	HM_ON(kv_break, on_break)
	HM_ON(kv_scan, on_scan)
	HM_ON(kv_inspect, on_inspect)
	HM_ON(kv_expire, on_expire));
/* clang-format on */

static enum hm_directive
decide(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	(void)ctx;
	(void)state;
	return failure->signal == 0 && failure->type != HM_STARTED ? HM_DIRECTIVE_RESUME
								   : HM_DIRECTIVE_RESTART;
}

const struct hm_supervisor shard_supervisor = { .restarts = 10, .window_us = 10000000, .decide = decide };

const struct hm_props shard_props = {
	.receive = receive,
	.state_size = sizeof(struct shard),
	.args_size = sizeof(struct shard_args),
	.lcore = HM_LCORE_ANY,
};
