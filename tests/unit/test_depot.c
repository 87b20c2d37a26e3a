/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The depot of a size class: which magazine comes next.
 */
#include <stdlib.h>

#include <criterion/criterion.h>

#include "depot_pvt.h"

static void *memory;

/* Over memory as the pool gives it. */
static void
depot_start(struct hmi_depot *depot, uint32_t aging)
{
	memory = calloc(1, hmi_depot_bytes() + 64);
	hmi_depot_init(depot, RTE_PTR_ALIGN(memory, 64), aging);
}

static void
depot_end(void)
{
	free(memory);
}

TestSuite(depot, .fini = depot_end);

Test(depot, empty__as_many_as_there_are_and_all_fit_into_the_ring)
{
	struct hmi_magazine *magazine;
	struct hmi_depot depot;
	uint32_t n = 0;

	depot_start(&depot, 0);
	cr_assert_null(hmi_magazine_any(&depot));
	while ((magazine = hmi_magazine_empty(&depot)) != NULL) {
		cr_assert(hmi_magazine_store(&depot, magazine));
		n++;
	}
	cr_assert_eq(n, HMI_DEPOT_MAGAZINES);
	cr_assert_eq(rte_ring_count(depot.full), HMI_DEPOT_MAGAZINES);
	magazine = hmi_magazine_any(&depot);
	cr_assert_eq(magazine, &depot.magazines[0]);
	hmi_magazine_push(&depot, &depot.empty, magazine);
	cr_assert_eq(hmi_magazine_empty(&depot), magazine);
	cr_assert_null(hmi_magazine_empty(&depot));
}

Test(depot, any__the_oldest_full_one_first_and_others_last)
{
	struct hmi_depot depot;

	depot_start(&depot, 0);
	hmi_magazine_push(&depot, &depot.some, &depot.magazines[0]);
	cr_assert(hmi_magazine_store(&depot, &depot.magazines[1]));
	cr_assert(hmi_magazine_store(&depot, &depot.magazines[2]));
	cr_assert_eq(hmi_magazine_any(&depot), &depot.magazines[1]);
	cr_assert_eq(hmi_magazine_any(&depot), &depot.magazines[2]);
	cr_assert_eq(hmi_magazine_any(&depot), &depot.magazines[0]);
	cr_assert_null(hmi_magazine_any(&depot));
}

Test(depot, ages__only_between_caches_and_until_enough_is_under_way)
{
	struct hmi_depot depot;

	depot_start(&depot, 2);
	cr_assert_not(hmi_depot_ages(&depot));
	atomic_store(&depot.is_crossed, true);
	cr_assert(hmi_magazine_store(&depot, &depot.magazines[0]));
	cr_assert(hmi_depot_ages(&depot));
	cr_assert(hmi_magazine_store(&depot, &depot.magazines[1]));
	cr_assert_not(hmi_depot_ages(&depot));
}

/*
 * A thread reads the head and is preempted; meanwhile that magazine leaves and comes back, on top
 * of another one. Its swap must fail, or the stack would forget that one.
 */
Test(depot, pop__a_magazine_that_left_and_came_back)
{
	struct hmi_depot depot;
	uint64_t seen;

	depot_start(&depot, 0);
	hmi_magazine_push(&depot, &depot.some, &depot.magazines[0]);
	seen = atomic_load(&depot.some.head);
	cr_assert_eq(hmi_magazine_pop(&depot, &depot.some), &depot.magazines[0]);
	hmi_magazine_push(&depot, &depot.some, &depot.magazines[1]);
	hmi_magazine_push(&depot, &depot.some, &depot.magazines[0]);
	cr_assert_neq(atomic_load(&depot.some.head), seen);
}
