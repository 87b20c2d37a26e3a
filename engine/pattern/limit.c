/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token buckets, alone and by key.
 */
#include "hm_limit.h"

#include <errno.h>
#include <stdlib.h>

#include "keys_pvt.h"

#define SECOND_NS UINT64_C(1000000000)

static bool
is_valid(uint32_t rate, uint32_t burst)
{
	return rate > 0 && rate <= HM_RATE_MAX && burst > 0 && burst <= HM_RATE_MAX;
}

int
hm_bucket_init(struct hm_bucket *bucket, uint32_t rate, uint32_t burst)
{
	if (bucket == NULL || !is_valid(rate, burst))
		return -EINVAL;
	*bucket = (struct hm_bucket){ .interval_ns = (SECOND_NS + rate / 2) / rate, .burst = burst };
	return 0;
}

/* Each token moves the moment at which the bucket is full by an interval; it must not be further away than all are. */
static uint64_t
take(const struct hm_bucket *bucket, uint64_t *full_ns, uint64_t now_ns, uint32_t tokens)
{
	uint64_t most_ns = bucket->burst * bucket->interval_ns, cost_ns = tokens * bucket->interval_ns;
	uint64_t missing_ns = *full_ns > now_ns ? *full_ns - now_ns : 0;

	if (cost_ns > most_ns)
		return UINT64_MAX;
	if (missing_ns + cost_ns > most_ns)
		return missing_ns + cost_ns - most_ns;
	*full_ns = now_ns + missing_ns + cost_ns;
	return 0;
}

uint64_t
hm_bucket_take(struct hm_bucket *bucket, uint64_t now_ns, uint32_t tokens)
{
	return take(bucket, &bucket->full_ns, now_ns, tokens);
}

/* ---- By key ------------------------------------------------------------------------------ */

struct hm_limiter {
	struct hm_bucket bucket; /* what all are like */
	struct hmi_keys keys;    /* word: full_ns */
};

int
hm_limiter_create(uint32_t rate, uint32_t burst, uint32_t keys, struct hm_limiter **out)
{
	struct hm_limiter *limiter;
	int rc;

	if (out == NULL || !is_valid(rate, burst) || keys == 0 || keys > HMI_KEYS_MAX)
		return -EINVAL;
	limiter = malloc(sizeof(*limiter));
	if (limiter == NULL)
		return -ENOMEM;
	rc = hm_bucket_init(&limiter->bucket, rate, burst);
	if (rc == 0)
		rc = hmi_keys_create(&limiter->keys, keys);
	if (rc != 0) {
		free(limiter);
		return rc;
	}
	*out = limiter;
	return 0;
}

void
hm_limiter_destroy(struct hm_limiter *limiter)
{
	if (limiter == NULL)
		return;
	hmi_keys_destroy(&limiter->keys);
	free(limiter);
}

/* Forget keys whose buckets are full again, the oldest first. Returns whether there is room for one more. */
static bool
room_make(struct hmi_keys *keys, uint64_t now_ns)
{
	struct hmi_key *oldest = hmi_keys_oldest(keys);

	/* Two at a time, so that a table which was full once does not stay so. */
	for (int i = 0; i < 2 && oldest != NULL && oldest->word <= now_ns; i++) {
		hmi_keys_remove(keys, oldest);
		oldest = hmi_keys_oldest(keys);
	}
	return !hmi_keys_is_full(keys);
}

uint64_t
hm_limiter_take(struct hm_limiter *limiter, uint64_t key, uint64_t now_ns, uint32_t tokens)
{
	struct hmi_keys *keys = &limiter->keys;
	struct hmi_key *entry = hmi_keys_find(keys, key);
	uint64_t full_ns = 0, wait_ns;

	if (entry != NULL) {
		wait_ns = take(&limiter->bucket, &entry->word, now_ns, tokens);
		if (wait_ns == 0)
			hmi_keys_touch(keys, entry);
		return wait_ns;
	}
	wait_ns = take(&limiter->bucket, &full_ns, now_ns, tokens);
	if (wait_ns != 0 || tokens == 0)
		return wait_ns;
	if (!room_make(keys, now_ns))
		return hmi_keys_oldest(keys)->word - now_ns;
	hmi_keys_add(keys, key)->word = full_ns;
	return 0;
}

uint32_t
hm_limiter_count(const struct hm_limiter *limiter)
{
	return limiter->keys.count;
}
