/* SPDX-License-Identifier: Apache-2.0 */
#include "hm_dedup.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "keys_pvt.h"

struct hm_dedup {
	struct hmi_keys keys; /* word: until when it is remembered */
	uint64_t memory_ns, evicted;
};

int
hm_dedup_create(uint32_t keys, uint64_t memory_us, struct hm_dedup **out)
{
	struct hm_dedup *dedup;

	if (out == NULL || keys == 0 || keys > HMI_KEYS_MAX || memory_us == 0)
		return -EINVAL;
	dedup = malloc(sizeof(*dedup));
	if (dedup == NULL)
		return -ENOMEM;
	*dedup = (struct hm_dedup){ .memory_ns = memory_us > UINT64_MAX / 4000 ? UINT64_MAX / 4
									       : memory_us * 1000 };
	if (hmi_keys_create(&dedup->keys, keys) != 0) {
		free(dedup);
		return -ENOMEM;
	}
	*out = dedup;
	return 0;
}

void
hm_dedup_destroy(struct hm_dedup *dedup)
{
	if (dedup == NULL)
		return;
	hmi_keys_destroy(&dedup->keys);
	free(dedup);
}

/* All have the same time, so that the oldest one's is over first. */
static void
room_make(struct hm_dedup *dedup, uint64_t now_ns)
{
	struct hmi_key *oldest = hmi_keys_oldest(&dedup->keys);

	/* Two at a time, so that a table which was full once does not stay so. */
	for (int i = 0; i < 2 && oldest != NULL && oldest->word <= now_ns; i++) {
		hmi_keys_remove(&dedup->keys, oldest);
		oldest = hmi_keys_oldest(&dedup->keys);
	}
	if (!hmi_keys_is_full(&dedup->keys))
		return;
	hmi_keys_remove(&dedup->keys, oldest);
	dedup->evicted++;
}

bool
hm_dedup_seen(struct hm_dedup *dedup, uint64_t key, uint64_t now_ns)
{
	struct hmi_key *entry = hmi_keys_find(&dedup->keys, key);

	if (entry != NULL && entry->word > now_ns)
		return true;
	if (entry != NULL)
		hmi_keys_remove(&dedup->keys, entry);
	room_make(dedup, now_ns);
	hmi_keys_add(&dedup->keys, key)->word = now_ns + dedup->memory_ns;
	return false;
}

bool
hm_dedup_knows(const struct hm_dedup *dedup, uint64_t key, uint64_t now_ns)
{
	const struct hmi_key *entry = hmi_keys_find(&dedup->keys, key);

	return entry != NULL && entry->word > now_ns;
}

void
hm_dedup_forget(struct hm_dedup *dedup, uint64_t key)
{
	struct hmi_key *entry = hmi_keys_find(&dedup->keys, key);

	if (entry != NULL)
		hmi_keys_remove(&dedup->keys, entry);
}

uint64_t
hm_dedup_evicted(const struct hm_dedup *dedup)
{
	return dedup->evicted;
}
