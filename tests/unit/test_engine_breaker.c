/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Circuit breakers, and memories of keys: parts without a system, whose time is a parameter.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>

#include "hm_breaker.h"
#include "hm_dedup.h"
#include "hmt_random.h"

/* ---- Breakers ------------------------------------------------------------------------------ */

static const struct hm_breaker_config three_failures = { .failures = 3, .probes = 2, .open_us = 1000 };

static uint32_t
allowed(struct hm_breaker *breaker, uint64_t now_ns)
{
	uint32_t ticket = UINT32_MAX;

	cr_assert(hm_breaker_allow(breaker, now_ns, &ticket));
	return ticket;
}

static bool
is_refused(struct hm_breaker *breaker, uint64_t now_ns)
{
	uint32_t ticket = 77;
	bool is_allowed = hm_breaker_allow(breaker, now_ns, &ticket);

	cr_assert(is_allowed || ticket == 77);
	return !is_allowed;
}

static void
fail(struct hm_breaker *breaker, uint32_t times, uint64_t now_ns)
{
	for (uint32_t i = 0; i < times; i++)
		hm_breaker_report(breaker, allowed(breaker, now_ns), false, now_ns);
}

Test(engine_breaker, opens__after_failures_in_a_row)
{
	struct hm_breaker breaker;

	hm_breaker_init(&breaker, &three_failures);
	fail(&breaker, 2, 5);
	hm_breaker_report(&breaker, allowed(&breaker, 5), true, 5);
	fail(&breaker, 2, 5);
	cr_assert_eq(hm_breaker_state_at(&breaker, 5), HM_BREAKER_CLOSED);
	fail(&breaker, 1, 5);
	cr_assert_eq(hm_breaker_state_at(&breaker, 5), HM_BREAKER_OPEN);
	cr_assert(is_refused(&breaker, 5));
	cr_assert(is_refused(&breaker, 5 + 1000000 - 1));
	cr_assert_eq(hm_breaker_state_at(&breaker, 5 + 1000000), HM_BREAKER_HALF_OPEN);
}

Test(engine_breaker, half_open__all_probes_must_succeed)
{
	struct hm_breaker breaker;
	uint64_t now = 1000000;
	uint32_t first, second;

	hm_breaker_init(&breaker, &three_failures);
	fail(&breaker, 3, 0);
	first = allowed(&breaker, now);
	second = allowed(&breaker, now);
	cr_assert(is_refused(&breaker, now), "two probes");
	hm_breaker_report(&breaker, first, true, now);
	cr_assert_eq(hm_breaker_state_at(&breaker, now), HM_BREAKER_HALF_OPEN);
	cr_assert(is_refused(&breaker, now), "not three, though one is over");
	hm_breaker_report(&breaker, second, true, now);
	cr_assert_eq(hm_breaker_state_at(&breaker, now), HM_BREAKER_CLOSED);
	/* It counts from the beginning. */
	fail(&breaker, 2, now);
	cr_assert_eq(hm_breaker_state_at(&breaker, now), HM_BREAKER_CLOSED);
}

Test(engine_breaker, half_open__a_failure_opens_again)
{
	struct hm_breaker breaker;
	uint64_t now = 1000000;
	uint32_t first, second;

	hm_breaker_init(&breaker, &three_failures);
	fail(&breaker, 3, 0);
	first = allowed(&breaker, now);
	second = allowed(&breaker, now);
	hm_breaker_report(&breaker, first, false, now + 10);
	cr_assert(is_refused(&breaker, now + 10 + 999999));
	/* The other one began before, and says nothing. */
	hm_breaker_report(&breaker, second, true, now + 20);
	hm_breaker_report(&breaker, second, true, now + 20);
	cr_assert_eq(hm_breaker_state_at(&breaker, now + 20), HM_BREAKER_OPEN);
	(void)allowed(&breaker, now + 10 + 1000000);
	hm_breaker_report(&breaker, second, false, now + 10 + 1000000);
	cr_assert_eq(hm_breaker_state_at(&breaker, now + 10 + 1000000), HM_BREAKER_HALF_OPEN);
}

/* Results that come late, of calls from before it opened. */
Test(engine_breaker, report__of_an_earlier_state_is_ignored)
{
	struct hm_breaker breaker;
	uint32_t tickets[5];

	hm_breaker_init(&breaker, &three_failures);
	for (uint32_t i = 0; i < 5; i++)
		tickets[i] = allowed(&breaker, 0);
	for (uint32_t i = 0; i < 3; i++)
		hm_breaker_report(&breaker, tickets[i], false, 0);
	cr_assert_eq(hm_breaker_state_at(&breaker, 0), HM_BREAKER_OPEN);
	(void)allowed(&breaker, 1000000);
	hm_breaker_report(&breaker, tickets[3], true, 1000000);
	hm_breaker_report(&breaker, tickets[4], true, 1000000);
	cr_assert_eq(hm_breaker_state_at(&breaker, 1000000), HM_BREAKER_HALF_OPEN, "they were no probes");
}

Test(engine_breaker, half_open__probes_that_are_lost_are_given_up)
{
	struct hm_breaker breaker;
	uint32_t lost;

	hm_breaker_init(&breaker, &three_failures);
	fail(&breaker, 3, 0);
	lost = allowed(&breaker, 1000000);
	(void)allowed(&breaker, 1000000);
	cr_assert(is_refused(&breaker, 1999999));
	hm_breaker_report(&breaker, allowed(&breaker, 2000000), true, 2000000);
	hm_breaker_report(&breaker, lost, false, 2000000);
	hm_breaker_report(&breaker, allowed(&breaker, 2000000), true, 2000000);
	cr_assert_eq(hm_breaker_state_at(&breaker, 2000000), HM_BREAKER_CLOSED);
}

Test(engine_breaker, init__defaults_and_far_times)
{
	static const struct hm_breaker_config for_ever = { .failures = 1, .open_us = UINT64_MAX };
	struct hm_breaker breaker;

	hm_breaker_init(&breaker, NULL);
	fail(&breaker, 4, 9);
	cr_assert_eq(hm_breaker_state_at(&breaker, 9), HM_BREAKER_CLOSED);
	fail(&breaker, 1, 9);
	cr_assert_eq(hm_breaker_state_at(&breaker, 9 + 999999999), HM_BREAKER_OPEN);
	cr_assert_eq(hm_breaker_state_at(&breaker, 9 + 1000000000), HM_BREAKER_HALF_OPEN);
	hm_breaker_init(&breaker, &for_ever);
	fail(&breaker, 1, 9);
	cr_assert(is_refused(&breaker, UINT64_MAX - 1));
}

/* ---- Memories of keys ------------------------------------------------------------------------ */

Test(engine_breaker, dedup__within_its_time)
{
	struct hm_dedup *dedup;

	cr_assert_eq(hm_dedup_create(10, 1, &dedup), 0);
	cr_assert_not(hm_dedup_seen(dedup, 5, 100));
	cr_assert(hm_dedup_seen(dedup, 5, 100));
	/* A repetition makes it no longer. */
	cr_assert(hm_dedup_seen(dedup, 5, 1099));
	cr_assert_not(hm_dedup_seen(dedup, 5, 1100));
	cr_assert(hm_dedup_seen(dedup, 5, 1101));
	cr_assert_not(hm_dedup_seen(dedup, 6, 1101));
	hm_dedup_forget(dedup, 5);
	hm_dedup_forget(dedup, 5);
	cr_assert_not(hm_dedup_seen(dedup, 5, 1101));
	cr_assert_eq(hm_dedup_evicted(dedup), 0);
	hm_dedup_destroy(dedup);
}

Test(engine_breaker, dedup__more_keys_than_it_holds)
{
	struct hm_dedup *dedup;

	cr_assert_eq(hm_dedup_create(3, UINT64_MAX, &dedup), 0);
	for (uint64_t key = 0; key < 3; key++)
		cr_assert_not(hm_dedup_seen(dedup, key << 40, 1));
	cr_assert_eq(hm_dedup_evicted(dedup), 0);
	cr_assert_not(hm_dedup_seen(dedup, 3, 1));
	cr_assert_eq(hm_dedup_evicted(dedup), 1);
	cr_assert(hm_dedup_seen(dedup, UINT64_C(2) << 40, UINT64_MAX / 4));
	cr_assert_not(hm_dedup_seen(dedup, 0, 1), "the oldest one");
	hm_dedup_destroy(dedup);
}

Test(engine_breaker, dedup__beside_a_plain_array)
{
	enum {
		KEYS = 64
	};
	struct hm_dedup *dedup;
	uint64_t until[KEYS] = { 0 }, seed = 6, now = 1;

	/* As many as there are, so that none is evicted. */
	cr_assert_eq(hm_dedup_create(KEYS, 50, &dedup), 0);
	for (uint32_t i = 0; i < 200000; i++, now += hmt_random_below(&seed, 3000)) {
		uint64_t key = hmt_random_below(&seed, KEYS);
		bool seen = hm_dedup_seen(dedup, key * 4096, now);

		cr_assert_eq(seen, until[key] > now);
		if (!seen)
			until[key] = now + 50000;
		if (hmt_random_below(&seed, 20) == 0) {
			hm_dedup_forget(dedup, key * 4096);
			until[key] = 0;
		}
	}
	cr_assert_eq(hm_dedup_evicted(dedup), 0);
	hm_dedup_destroy(dedup);
}

Test(engine_breaker, dedup__wrong_arguments)
{
	struct hm_dedup *dedup = NULL;

	cr_assert_eq(hm_dedup_create(0, 1, &dedup), -EINVAL);
	cr_assert_eq(hm_dedup_create((1u << 24) + 1, 1, &dedup), -EINVAL);
	cr_assert_eq(hm_dedup_create(1, 0, &dedup), -EINVAL);
	cr_assert_eq(hm_dedup_create(1, 1, NULL), -EINVAL);
	cr_assert_null(dedup);
	cr_assert_eq(hm_dedup_create(1, 1, &dedup), 0);
	cr_assert_not(hm_dedup_seen(dedup, 1, 1));
	cr_assert_not(hm_dedup_seen(dedup, 2, 1));
	cr_assert_eq(hm_dedup_evicted(dedup), 1);
	hm_dedup_destroy(dedup);
	hm_dedup_destroy(NULL);
}
