/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <criterion/criterion.h>

#include "hmt_random.h"
#include "hmt_shortage.h"
#include "runq_pvt.h"

#define RUNNABLES 5000u
#define STEPS     200000u

static struct hmi_runnable runnables[RUNNABLES];
static struct hmi_runq queue;

static void
queue_start(void)
{
	cr_assert_eq(hmi_runq_create(&queue), 0);
}

static void
queue_end(void)
{
	hmi_runq_destroy(&queue);
}

TestSuite(runq, .init = queue_start, .fini = queue_end);

static void
push_range(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		hmi_runq_push(&queue, &runnables[i]);
}

static void
pop_range(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		if (hmi_runq_pop(&queue) != &runnables[i])
			cr_assert_fail("runnable %u is not where it belongs", i);
	}
}

Test(runq, create__is_empty)
{
	cr_assert_eq(hmi_runq_count(&queue), 0);
}

Test(runq, pop__oldest_comes_first)
{
	push_range(0, 3);
	cr_assert_eq(hmi_runq_count(&queue), 3);
	pop_range(0, 3);
	cr_assert_eq(hmi_runq_count(&queue), 0);
}

Test(runq, push_first__comes_before_all_others)
{
	push_range(1, 3);
	hmi_runq_push_first(&queue, &runnables[0]);
	pop_range(0, 3);
	hmi_runq_push_first(&queue, &runnables[4]);
	pop_range(4, 5);
	cr_assert_eq(hmi_runq_count(&queue), 0);
}

Test(runq, pop_last__youngest_comes_first_and_leaves_the_others)
{
	push_range(0, 3);
	cr_assert_eq(hmi_runq_pop_last(&queue), &runnables[2]);
	push_range(3, 4);
	cr_assert_eq(hmi_runq_pop_last(&queue), &runnables[3]);
	pop_range(0, 2);
	cr_assert_eq(hmi_runq_count(&queue), 0);
}

Test(runq, is_full__only_when_a_push_has_no_room)
{
	uint32_t capacity = queue.mask + 1;

	push_range(0, capacity - 1);
	cr_assert_not(hmi_runq_is_full(&queue));
	push_range(capacity - 1, capacity);
	cr_assert(hmi_runq_is_full(&queue));
	cr_assert_eq(hmi_runq_reserve(&queue, 2 * capacity), 0);
	cr_assert_not(hmi_runq_is_full(&queue));
	pop_range(0, capacity);
}

Test(runq, peek__sees_what_pop_will_take)
{
	push_range(0, 5);
	for (uint32_t ahead = 0; ahead < 5; ahead++)
		cr_assert_eq(hmi_runq_peek(&queue, ahead), &runnables[ahead]);
	pop_range(0, 2);
	cr_assert_eq(hmi_runq_peek(&queue, 0), &runnables[2]);
	cr_assert_eq(hmi_runq_peek(&queue, 2), &runnables[4]);
}

Test(runq, push__full_capacity_wraps)
{
	uint32_t capacity = queue.mask + 1;

	push_range(0, capacity / 2);
	pop_range(0, capacity / 2);
	push_range(0, capacity);
	cr_assert_eq(hmi_runq_count(&queue), capacity);
	pop_range(0, capacity);
}

/* The positions run freely: after 2^32 pushes they start at 0 again. */
Test(runq, push__positions_wrap_at_their_32_bits)
{
	queue.head = queue.tail = UINT32_MAX - 100;
	push_range(0, 300);
	cr_assert_eq(hmi_runq_count(&queue), 300);
	cr_assert_eq(hmi_runq_peek(&queue, 299), &runnables[299]);
	pop_range(0, 300);
	cr_assert_eq(hmi_runq_count(&queue), 0);
}

Test(runq, reserve__what_fits_costs_nothing)
{
	struct hmi_runnable **ring = queue.ring;

	cr_assert_eq(hmi_runq_reserve(&queue, 1), 0);
	cr_assert_eq(hmi_runq_reserve(&queue, queue.mask + 1), 0);
	cr_assert_eq(queue.ring, ring);
}

Test(runq, reserve__wrapped_queue_keeps_order)
{
	uint32_t capacity = queue.mask + 1;

	push_range(0, capacity - 10);
	pop_range(0, capacity - 10);
	push_range(0, capacity);
	cr_assert_eq(hmi_runq_reserve(&queue, capacity + 1), 0);
	cr_assert_geq(queue.mask, capacity);
	push_range(capacity, 2 * capacity);
	pop_range(0, 2 * capacity);
}

Test(runq, reserve__positions_at_their_end_keep_order)
{
	queue.head = queue.tail = UINT32_MAX - 5;
	push_range(0, queue.mask + 1);
	cr_assert_eq(hmi_runq_reserve(&queue, RUNNABLES), 0);
	push_range(hmi_runq_count(&queue), RUNNABLES);
	pop_range(0, RUNNABLES);
}

Test(runq, reserve__no_memory_leaves_the_queue_as_it_was)
{
	int rc;

	push_range(0, 100);
	hmt_memory_refuse();
	rc = hmi_runq_reserve(&queue, 1u << 24);
	hmt_memory_allow();
	cr_assert_eq(rc, -ENOMEM);
	cr_assert_eq(hmi_runq_count(&queue), 100);
	pop_range(0, 100);
}

Test(runq, random__growth_keeps_order)
{
	uint64_t seed = hmt_seed(1), random = seed;
	uint32_t first = 0, count = 0, reserved = queue.mask + 1;

	for (uint32_t step = 0; step < STEPS; step++) {
		uint64_t what = hmt_random_below(&random, 1000);

		if (what == 0 && reserved < RUNNABLES) {
			reserved += (uint32_t)hmt_random_below(&random, RUNNABLES - reserved) + 1;
			cr_assert_eq(hmi_runq_reserve(&queue, reserved), 0);
		} else if (what < 505 && count < reserved) {
			hmi_runq_push(&queue, &runnables[(first + count++) % RUNNABLES]);
		} else if (count > 0) {
			if (hmi_runq_pop(&queue) != &runnables[first])
				cr_assert_fail("seed %lu, step %u: wrong order", seed, step);
			first = (first + 1) % RUNNABLES;
			count--;
		}
		if (hmi_runq_count(&queue) != count)
			cr_assert_fail("seed %lu, step %u: wrong count", seed, step);
	}
}
