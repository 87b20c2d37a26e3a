/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers: packed texts in the annex of a message.
 */
#include "hm_header.h"

#include <string.h>

#include "annex_pvt.h"
#include "check_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "shortage_pvt.h"

/* The pair behind one; NULL: it was the last one. `pair` NULL: the first. */
static const char *
pair_next(const struct hmi_annex *annex, const char *pair)
{
	if (pair == NULL) {
		pair = annex->text;
	} else {
		pair += strlen(pair) + 1;
		pair += strlen(pair) + 1;
	}
	return pair < annex->text + annex->bytes ? pair : NULL;
}

static const char *
value_of(const char *pair)
{
	return pair + strlen(pair) + 1;
}

static size_t
pair_bytes(const char *pair)
{
	const char *value = value_of(pair);

	return (size_t)(value - pair) + strlen(value) + 1;
}

static const char *
pair_find(const struct hmi_annex *annex, const char *key)
{
	const char *pair = NULL;

	while (annex != NULL && (pair = pair_next(annex, pair)) != NULL && strcmp(pair, key) != 0)
		;
	return pair;
}

/* ---- Reading ------------------------------------------------------------------------ */

const char *
hm_msg_header(const struct hm_msg *msg, const char *key)
{
	const char *pair = key != NULL ? pair_find(hmi_annex_of(msg), key) : NULL;

	return pair != NULL ? value_of(pair) : NULL;
}

uint32_t
hm_msg_headers_count(const struct hm_msg *msg)
{
	const struct hmi_annex *annex = hmi_annex_of(msg);

	return annex != NULL ? annex->pairs : 0;
}

bool
hm_msg_headers_next(const struct hm_msg *msg, struct hm_header *header)
{
	const struct hmi_annex *annex = hmi_annex_of(msg);
	const char *pair = annex != NULL ? pair_next(annex, header->key) : NULL;

	if (pair == NULL)
		return false;
	*header = (struct hm_header){ pair, value_of(pair) };
	return true;
}

/* ---- Writing: what is changed fits --------------------------------------------------- */

static void
pair_remove(struct hmi_annex *annex, const char *pair)
{
	size_t bytes = pair_bytes(pair), at = (size_t)(pair - annex->text);

	memmove(annex->text + at, pair + bytes, annex->bytes - at - bytes);
	annex->bytes = (uint16_t)(annex->bytes - bytes);
	annex->pairs--;
}

static void
pairs_append(struct hmi_annex *annex, const char *pairs, size_t bytes, uint32_t count)
{
	memcpy(annex->text + annex->bytes, pairs, bytes);
	annex->bytes = (uint16_t)(annex->bytes + bytes);
	annex->pairs = (uint16_t)(annex->pairs + count);
}

/* Some packed pairs. */
struct pairs {
	const char *text;
	size_t bytes;
	uint32_t count;
};

/* Add pairs of different keys, in place of those that a message has of these keys. */
static enum hm_result
pairs_set(struct hmi_msg_cache *cache, struct hm_msg *msg, const struct pairs *more)
{
	struct hmi_annex *annex = hmi_annex_of(msg);
	const char *end = more->text + more->bytes, *old;
	size_t bytes = more->bytes + (annex != NULL ? annex->bytes : 0);
	uint32_t count = more->count + (annex != NULL ? annex->pairs : 0);
	enum hm_result result;

	for (const char *pair = more->text; pair < end; pair += pair_bytes(pair)) {
		old = pair_find(annex, pair);
		if (old != NULL) {
			bytes -= pair_bytes(old);
			count--;
		}
	}
	if (count > HM_HEADERS_MAX || bytes > HM_HEADERS_BYTES_MAX)
		return HM_TOO_BIG;
	result = hmi_annex_reserve(cache, msg, bytes);
	if (result != HM_OK)
		return result;
	annex = hmi_annex_of(msg);
	for (const char *pair = more->text; pair < end; pair += pair_bytes(pair)) {
		old = pair_find(annex, pair);
		if (old != NULL)
			pair_remove(annex, old);
	}
	pairs_append(annex, more->text, more->bytes, more->count);
	return HM_OK;
}

/* Returns the bytes of a pair; 0: it does not fit. */
static size_t
pair_pack(char *text, size_t size, const char *key, const char *value)
{
	size_t key_bytes = strlen(key) + 1, value_bytes = strlen(value) + 1;

	if (key_bytes > size || value_bytes > size - key_bytes)
		return 0;
	memcpy(text, key, key_bytes);
	memcpy(text + key_bytes, value, value_bytes);
	return key_bytes + value_bytes;
}

enum hm_result
hmi_header_set(struct hmi_msg_cache *cache, struct hm_msg *msg, const char *key, const char *value)
{
	/* Little: the stack of an actor may be nearly used up. */
	char text[HMI_HEADER_BYTES_MAX];
	const struct pairs pair = { text, pair_pack(text, sizeof(text), key, value), 1 };

	return pair.bytes > 0 ? pairs_set(cache, msg, &pair) : HM_TOO_BIG;
}

enum hm_result
hmi_headers_copy(struct hmi_msg_cache *cache, struct hm_msg *to, const struct hm_msg *from)
{
	const struct hmi_annex *annex = hmi_annex_of(from);
	struct pairs pairs;

	if (annex == NULL || annex->pairs == 0)
		return HM_OK;
	pairs = (struct pairs){ annex->text, annex->bytes, annex->pairs };
	return pairs_set(cache, to, &pairs);
}

/* ---- What actors call ------------------------------------------------------------------ */

static enum hm_result
refused(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_result result)
{
	if (result == HM_NO_MEMORY)
		hmi_no_memory_new(ctx, msg->type);
	return result;
}

enum hm_result
hm_msg_header_set(struct hm_ctx *ctx, struct hm_msg *msg, const char *key, const char *value)
{
	/* A copy: they may be texts of the annex itself, which moves. */
	char text[HM_HEADERS_BYTES_MAX];
	struct pairs pair = { text, 0, 1 };

	hmi_check_ctx(ctx, "hm_msg_header_set");
	if (msg == NULL || key == NULL || key[0] == '\0' || value == NULL)
		return HM_INVALID;
	pair.bytes = pair_pack(text, sizeof(text), key, value);
	if (!hmi_msg_is_owned(ctx, msg, "hm_msg_header_set"))
		return HM_INVALID;
	if (pair.bytes == 0)
		return HM_TOO_BIG;
	HMI_MARKED(ctx);
	return refused(ctx, msg, pairs_set(&ctx->cache, msg, &pair));
}

enum hm_result
hm_msg_headers_copy(struct hm_ctx *ctx, struct hm_msg *msg)
{
	hmi_check_ctx(ctx, "hm_msg_headers_copy");
	if (msg == NULL || !hmi_msg_is_owned(ctx, msg, "hm_msg_headers_copy"))
		return HM_INVALID;
	if (ctx->msg == NULL)
		return HM_OK;
	HMI_MARKED(ctx);
	return refused(ctx, msg, hmi_headers_copy(&ctx->cache, msg, ctx->msg));
}
