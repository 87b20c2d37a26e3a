/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of the pool that are used by who does not own them: the process ends, with a reason.
 */
#include <criterion/criterion.h>

#include "hmt_death.h"
#include "pool_pvt.h"

static struct hmi_pool pool;

static void
pool_start(void)
{
	cr_assert_eq(hmi_pool_create(&pool, 1 << 20, 1), 0);
}

TestSuite(pool_misuse, .init = pool_start);

static struct hm_msg *
get(struct hmi_msg_cache *cache, unsigned int size_class)
{
	struct hm_msg *msg = hmi_pool_get(cache, size_class);

	if (msg != NULL)
		msg->size_class = (uint8_t)size_class;
	return msg;
}

/* A deed ends the process with these words. */
static void
misuse(void (*deed)(void *cache), const char *words)
{
	struct hmi_msg_cache cache;
	char text[4096];
	int status;

	hmi_msg_cache_init(&cache, &pool, false);
	status = hmt_death(deed, &cache, text, sizeof(text));
	cr_assert(hmt_aborted(status), "status 0x%x: %s", (unsigned int)status, text);
	cr_assert_not_null(strstr(text, words), "%s", text);
	hmi_msg_cache_fini(&cache);
}

static void
put_twice(void *cache)
{
	struct hm_msg *msg = get(cache, 0);

	msg->type = 300;
	hmi_pool_put(cache, msg);
	hmi_pool_put(cache, msg);
	hmi_msg_cache_fini(cache);
}

/* In release builds it is found when the magazine is emptied into its chunk. */
Test(pool_misuse, put__twice)
{
	misuse(put_twice, HMI_DEBUG ? "of type 300 is freed twice" : "region.c:");
}

static void
put_no_object(void *cache)
{
	static uint64_t memory[8];

	hmi_pool_put(cache, (struct hm_msg *)(void *)memory);
	hmi_msg_cache_fini(cache);
}

Test(pool_misuse, put__what_is_no_object)
{
	misuse(put_no_object, "region.c:");
}

#if HMI_DEBUG && !defined(HMI_ASAN)
static void
write_freed(void *cache)
{
	struct hm_msg *msg = get(cache, 0);

	msg->type = 300;
	hmi_pool_put(cache, msg);
	msg->body[1] = 1;
	(void)get(cache, 0);
}

Test(pool_misuse, get__of_an_object_that_was_written_to_while_it_was_free)
{
	misuse(write_freed, "of type 300 was written to after it was freed");
}

Test(pool_misuse, put__body_is_filled_with_a_pattern)
{
	struct hmi_msg_cache cache;
	struct hm_msg *msg;

	hmi_msg_cache_init(&cache, &pool, false);
	msg = get(&cache, 0);
	msg->body[0] = 42;
	hmi_pool_put(&cache, msg);
	cr_assert_eq(msg->body[0], 0xdbdbdbdbdbdbdbdb);
}
#endif
