/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slabs: objects of one lcore that another one frees.
 */
#include <pthread.h>

#include <criterion/criterion.h>

#include "slab_pvt.h"

#define BYTES 48u
/* More than a region holds. */
#define MANY 100000u

static struct hmi_slab own, other;

static void
begin(void)
{
	hmi_slab_init(&own, BYTES);
	hmi_slab_init(&other, BYTES);
	hmi_slab_adopt(&other);
}

static void
end(void)
{
	hmi_slab_destroy(&own);
	hmi_slab_destroy(&other);
}

TestSuite(slab, .init = begin, .fini = end);

Test(slab, put__what_is_freed_is_used_first)
{
	void *a = hmi_slab_get(&own), *b = hmi_slab_get(&own);

	cr_assert_neq(a, b);
	hmi_slab_put(&own, a);
	cr_assert_eq(hmi_slab_get(&own), a);
}

Test(slab, put__of_another_slabs_object_gives_it_back)
{
	void *mine = hmi_slab_get(&other), *object = hmi_slab_get(&own), *free_one = hmi_slab_get(&own);

	hmi_slab_put(&own, free_one);
	hmi_slab_put(&other, object);
	hmi_slab_put(&other, mine);
	cr_assert_eq(hmi_slab_get(&other), mine);
	cr_assert_neq(hmi_slab_get(&other), object);
	cr_assert_eq(hmi_slab_get(&own), free_one, "its own list comes first");
	cr_assert_eq(hmi_slab_get(&own), object);
}

Test(slab, get__what_flows_to_another_lcore_needs_no_new_memory)
{
	void *region;

	hmi_slab_put(&other, hmi_slab_get(&own));
	region = own.regions;
	for (uint32_t i = 0; i < MANY; i++)
		hmi_slab_put(&other, hmi_slab_get(&own));
	cr_assert_eq(own.regions, region);
	cr_assert_null(other.regions);
}

static void *
give_back(void *objects)
{
	for (uint32_t i = 0; i < MANY; i++)
		hmi_slab_put(&other, ((void **)objects)[i]);
	return NULL;
}

/* Each object comes back once, whole lists of them at a time. */
Test(slab, get__while_another_thread_gives_back)
{
	static void *objects[MANY];
	uint32_t count = 0;
	pthread_t thread;
	void *region;

	for (uint32_t i = 0; i < MANY; i++)
		objects[i] = hmi_slab_get(&own);
	own.fresh_left = 0;
	region = own.regions;
	cr_assert_eq(pthread_create(&thread, NULL, give_back, objects), 0);
	while (count < MANY) {
		if (own.free == NULL && atomic_load_explicit(&own.returned, memory_order_relaxed) == NULL)
			continue;
		cr_assert_not_null(hmi_slab_get(&own));
		count++;
	}
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_null(own.free);
	cr_assert_null(atomic_load_explicit(&own.returned, memory_order_relaxed));
	cr_assert_eq(own.regions, region);
}
