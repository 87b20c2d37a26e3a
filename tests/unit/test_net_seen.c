/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The numbers of packets that were received.
 */
#include <stdlib.h>

#include <criterion/criterion.h>
#include <rte_common.h>

#include "hmt_random.h"
#include "seen_pvt.h"

#define MODEL 20000u

static struct hmi_seen *
seen_new(void)
{
	struct hmi_seen *seen = malloc(sizeof(*seen));

	cr_assert_not_null(seen);
	hmi_seen_begin(seen);
	return seen;
}

static void
note_all(struct hmi_seen *seen, uint64_t from, uint64_t to)
{
	for (uint64_t n = from; n <= to; n++)
		hmi_seen_note(seen, n, n);
}

/* Whether the ranges are the pairs in `want`, up to a 0. */
static void
expect_ranges(const struct hmi_seen *seen, const uint64_t *want)
{
	struct hmi_range ranges[HMI_SEEN_RANGES];
	uint32_t count = hmi_seen_ranges(seen, ranges), i;

	for (i = 0; want[2 * i] != 0; i++) {
		cr_assert_lt(i, count, "there is no range %u", i);
		cr_assert_eq(ranges[i].from, want[2 * i], "range %u begins at %lu", i, ranges[i].from);
		cr_assert_eq(ranges[i].to, want[2 * i + 1], "range %u ends at %lu", i, ranges[i].to);
	}
	cr_assert_eq(count, i);
}

Test(seen, look__nothing_was_received)
{
	struct hmi_seen *seen = seen_new();

	cr_assert_eq(hmi_seen_look(seen, 0), HMI_SIGHT_NONE);
	cr_assert_eq(hmi_seen_look(seen, 1), HMI_SIGHT_NEXT);
	cr_assert_eq(hmi_seen_look(seen, 2), HMI_SIGHT_AHEAD);
	expect_ranges(seen, (uint64_t[]){ 0 });
	free(seen);
}

Test(seen, note__in_order_is_one_range)
{
	struct hmi_seen *seen = seen_new();

	note_all(seen, 1, 5000);
	cr_assert_eq(seen->largest_ns, 5000);
	cr_assert_eq(seen->run_from, 1);
	expect_ranges(seen, (uint64_t[]){ 5000 - HMI_SEEN + 1, 5000, 0 });
	free(seen);
}

Test(seen, note__what_is_missing_parts_the_ranges)
{
	struct hmi_seen *seen = seen_new();

	note_all(seen, 1, 10);
	note_all(seen, 12, 12);
	note_all(seen, 20, 64);
	cr_assert_eq(hmi_seen_look(seen, 11), HMI_SIGHT_LATE);
	cr_assert_eq(hmi_seen_look(seen, 12), HMI_SIGHT_AGAIN);
	expect_ranges(seen, (uint64_t[]){ 20, 64, 12, 12, 1, 10, 0 });
	free(seen);
}

Test(seen, note__a_late_one_joins_the_ranges)
{
	struct hmi_seen *seen = seen_new();

	note_all(seen, 1, 10);
	note_all(seen, 12, 20);
	hmi_seen_note(seen, 11, 1000);
	cr_assert_eq(seen->run_from, 1);
	cr_assert_eq(seen->largest_ns, 20, "the largest one did not come later for that");
	expect_ranges(seen, (uint64_t[]){ 1, 20, 0 });
	free(seen);
}

Test(seen, look__what_is_too_old_or_too_far_ahead)
{
	struct hmi_seen *seen = seen_new();

	note_all(seen, 1, 1);
	hmi_seen_note(seen, HMI_SEEN + 1, 0);
	cr_assert_eq(hmi_seen_look(seen, 1), HMI_SIGHT_NONE, "received, but nobody knows any more");
	cr_assert_eq(hmi_seen_look(seen, 2), HMI_SIGHT_LATE, "the oldest that is known");
	cr_assert_eq(hmi_seen_look(seen, HMI_SEEN + 1 + HMI_SEEN_AHEAD), HMI_SIGHT_AHEAD);
	cr_assert_eq(hmi_seen_look(seen, HMI_SEEN + 2 + HMI_SEEN_AHEAD), HMI_SIGHT_NONE);
	cr_assert_eq(hmi_seen_look(seen, UINT64_MAX), HMI_SIGHT_NONE);
	free(seen);
}

Test(seen, note__a_jump_of_all_that_is_known)
{
	static const uint64_t jumps[] = { HMI_SEEN - 1, HMI_SEEN, HMI_SEEN + 1, 3 * HMI_SEEN + 7 };

	for (uint32_t i = 0; i < RTE_DIM(jumps); i++) {
		struct hmi_seen *seen = seen_new();

		note_all(seen, 1, 2000);
		hmi_seen_note(seen, 2000 + jumps[i], 0);
		cr_assert_eq(hmi_seen_look(seen, 2001),
			     2001 + HMI_SEEN > 2000 + jumps[i] ? HMI_SIGHT_LATE : HMI_SIGHT_NONE);
		if (jumps[i] < HMI_SEEN)
			expect_ranges(seen, (uint64_t[]){ 2000 + jumps[i], 2000 + jumps[i], 2000, 2000, 0 });
		else
			expect_ranges(seen, (uint64_t[]){ 2000 + jumps[i], 2000 + jumps[i], 0 });
		free(seen);
	}
}

Test(seen, ranges__no_more_than_can_be_told)
{
	struct hmi_seen *seen = seen_new();
	struct hmi_range ranges[HMI_SEEN_RANGES];

	for (uint64_t n = 1; n <= 500; n += 2)
		hmi_seen_note(seen, n, 0);
	cr_assert_eq(hmi_seen_ranges(seen, ranges), HMI_SEEN_RANGES);
	cr_assert_eq(ranges[0].from, 499);
	cr_assert_eq(ranges[HMI_SEEN_RANGES - 1].from, 499 - 2 * (HMI_SEEN_RANGES - 1));
	free(seen);
}

/* All that is said is as in a table of all numbers. */
static void
expect_model(const struct hmi_seen *seen, const bool *model, uint64_t largest)
{
	struct hmi_range ranges[HMI_SEEN_RANGES];
	uint32_t count = hmi_seen_ranges(seen, ranges), at = 0;
	uint64_t low = largest >= HMI_SEEN ? largest - HMI_SEEN + 1 : 1;

	cr_assert_eq(seen->largest, largest);
	for (uint64_t n = largest; n >= low && at < count; n--) {
		bool inside = n >= ranges[at].from && n <= ranges[at].to;

		cr_assert_eq(inside, model[n], "number %lu, range %u is %lu to %lu", n, at, ranges[at].from,
			     ranges[at].to);
		cr_assert_eq(hmi_seen_look(seen, n), model[n] ? HMI_SIGHT_AGAIN : HMI_SIGHT_LATE);
		if (n == ranges[at].from)
			at++;
	}
	cr_assert_eq(at, count);
}

Test(seen, note__in_any_order_as_a_table_of_all)
{
	uint64_t seed = hmt_seed(1), state = seed;

	for (uint32_t round = 0; round < 200; round++) {
		struct hmi_seen *seen = seen_new();
		bool *model = calloc(MODEL, sizeof(*model));
		uint64_t largest = 0, spread = 1 + hmt_random_below(&state, 200);

		cr_assert_not_null(model);
		for (uint32_t i = 0; i < 300; i++) {
			uint64_t low = largest > spread ? largest - spread : 1;
			uint64_t n = low + hmt_random_below(&state, spread + 10);

			if (n >= MODEL || hmi_seen_look(seen, n) > HMI_SIGHT_LATE)
				continue;
			hmi_seen_note(seen, n, i);
			model[n] = true;
			largest = RTE_MAX(largest, n);
		}
		expect_model(seen, model, largest);
		free(model);
		free(seen);
	}
}
