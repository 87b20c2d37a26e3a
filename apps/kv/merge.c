/* SPDX-License-Identifier: Apache-2.0 */
#include "merge.h"

#include <stdbool.h>
#include <string.h>

/* The page whose next key is the first of all; NULL: all pages are used up. next: of each page. */
static const Kv__Page *
page_first(const struct hm_msg *replies, const size_t *next, uint32_t *index)
{
	const Kv__Page *first = NULL;

	for (uint32_t i = 0; i < hm_replies_count(replies); i++) {
		const Kv__Page *page = kv_page_body(hm_replies_get(replies, i));

		if (next[i] < page->n_keys &&
		    (first == NULL || strcmp(page->keys[next[i]], first->keys[next[*index]]) < 0)) {
			first = page;
			*index = i;
		}
	}
	return first;
}

static bool
has_more(const struct hm_msg *replies, const size_t *next)
{
	for (uint32_t i = 0; i < hm_replies_count(replies); i++) {
		const Kv__Page *page = kv_page_body(hm_replies_get(replies, i));

		if (page->more || next[i] < page->n_keys)
			return true;
	}
	return false;
}

enum hm_result
pages_send(struct hm_ctx *ctx, struct hm_pid to, const Kv__Scan *scan, const struct hm_msg *replies)
{
	Kv__Page body = KV__PAGE__INIT;
	size_t next[KV_SHARDS_MAX] = { 0 };
	char *keys[KV_PAGE_MAX];
	uint32_t index = 0;

	body.id = scan->id;
	body.keys = keys;
	while (body.n_keys < kv_page_limit(scan)) {
		const Kv__Page *page = page_first(replies, next, &index);

		if (page == NULL)
			break;
		keys[body.n_keys++] = page->keys[next[index]++];
	}
	body.more = has_more(replies, next);
	return kv_page_send(ctx, to, &body);
}

enum hm_result
stats_send(struct hm_ctx *ctx, struct hm_pid to, const Kv__Inspect *inspect, const struct hm_msg *replies)
{
	Kv__Stats sum = KV__STATS__INIT;

	sum.id = inspect->id;
	for (uint32_t i = 0; i < hm_replies_count(replies); i++) {
		const Kv__Stats *stats = kv_stats_body(hm_replies_get(replies, i));

		sum.shards += stats->shards;
		sum.entries += stats->entries;
		sum.bytes += stats->bytes;
		sum.puts += stats->puts;
		sum.gets += stats->gets;
		sum.hits += stats->hits;
		sum.deletes += stats->deletes;
		sum.expired += stats->expired;
	}
	return kv_stats_send(ctx, to, &sum);
}
