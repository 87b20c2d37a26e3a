/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Faults by a seed: odds of 0 and of all, the same again, and packets that are held back.
 */
#include <stdlib.h>

#include <criterion/criterion.h>

#include "fault_pvt.h"

#define PACKETS 20000u

static struct hmi_fault *
fault_with(const struct hmi_fault_odds *odds)
{
	static struct hmi_fault fault;

	hmi_fault_init(&fault, odds);
	return &fault;
}

/* Packets of PACKETS that something happens to. */
struct tally {
	uint32_t drop, duplicate, corrupt, late;
};

static struct tally
tally_of(const struct hmi_fault_odds *odds)
{
	struct hmi_fault *fault = fault_with(odds);
	struct tally tally = { 0 };

	for (uint32_t i = 0; i < PACKETS; i++) {
		struct hmi_fault_verdict verdict = hmi_fault_decide(fault);

		tally.drop += verdict.drop;
		tally.duplicate += verdict.duplicate;
		tally.corrupt += verdict.corrupt > 0;
		tally.late += verdict.delay_ns > odds->delay_ns;
		cr_assert_geq(verdict.delay_ns, odds->delay_ns);
	}
	return tally;
}

/* ---- Odds ------------------------------------------------------------------------------- */

Test(fault, decide__odds_of_nothing)
{
	struct hmi_fault_odds odds = { .seed = 1 };
	struct tally tally = tally_of(&odds);

	cr_assert_eq(tally.drop | tally.duplicate | tally.corrupt | tally.late, 0);
}

Test(fault, decide__odds_of_everything)
{
	struct hmi_fault_odds odds = { .drop = HMI_FAULT_PARTS,
				       .duplicate = HMI_FAULT_PARTS,
				       .corrupt = HMI_FAULT_PARTS,
				       .reorder = HMI_FAULT_PARTS,
				       .delay_ns = 7,
				       .seed = 1 };
	struct tally tally = tally_of(&odds);

	cr_assert_eq(tally.drop, PACKETS);
	cr_assert_eq(tally.duplicate, PACKETS);
	cr_assert_eq(tally.corrupt, PACKETS);
	cr_assert_eq(tally.late, PACKETS);
}

Test(fault, decide__each_odds_moves_its_own_fault_alone)
{
	for (unsigned int which = 0; which < 4; which++) {
		struct hmi_fault_odds odds = { .seed = 3 };
		struct tally tally;

		*(uint64_t *[]){ &odds.drop, &odds.duplicate, &odds.corrupt, &odds.reorder }[which] =
			HMI_FAULT_PARTS;
		tally = tally_of(&odds);
		cr_assert_eq(tally.drop, which == 0 ? PACKETS : 0);
		cr_assert_eq(tally.duplicate, which == 1 ? PACKETS : 0);
		cr_assert_eq(tally.corrupt, which == 2 ? PACKETS : 0);
		cr_assert_eq(tally.late, which == 3 ? PACKETS : 0);
	}
}

Test(fault, decide__as_often_as_the_odds_say)
{
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct hmi_fault_odds odds = {
			.drop = 100, .duplicate = 5000, .reorder = 9900, .seed = seed
		};
		struct tally tally = tally_of(&odds);

		/* 200, 10,000 and 19,800 of 20,000 are expected; six standard deviations are 85 and 425. */
		cr_assert_geq(tally.drop, 200 - 85, "seed %lu: %u", seed, tally.drop);
		cr_assert_leq(tally.drop, 200 + 85, "seed %lu: %u", seed, tally.drop);
		cr_assert_geq(tally.duplicate, 10000 - 425, "seed %lu: %u", seed, tally.duplicate);
		cr_assert_leq(tally.duplicate, 10000 + 425, "seed %lu: %u", seed, tally.duplicate);
		cr_assert_geq(tally.late, 19800 - 85, "seed %lu: %u", seed, tally.late);
		cr_assert_leq(tally.late, 19800 + 85, "seed %lu: %u", seed, tally.late);
	}
}

Test(fault, decide__reordered_ones_are_late_by_up_to_the_limit)
{
	struct hmi_fault_odds odds = {
		.reorder = HMI_FAULT_PARTS, .delay_ns = 1000, .reorder_ns = 10, .seed = 5
	};
	struct hmi_fault *fault = fault_with(&odds);
	uint32_t seen[12] = { 0 };

	for (uint32_t i = 0; i < PACKETS; i++) {
		struct hmi_fault_verdict verdict = hmi_fault_decide(fault);

		cr_assert_gt(verdict.delay_ns, 1000);
		cr_assert_leq(verdict.delay_ns, 1010);
		seen[verdict.delay_ns - 1000]++;
	}
	for (unsigned int late = 1; late <= 10; late++)
		cr_assert_gt(seen[late], 0, "%u", late);
}

Test(fault, decide__usual_limit_of_reordering)
{
	struct hmi_fault_odds odds = { .reorder = HMI_FAULT_PARTS, .seed = 6 };
	struct hmi_fault *fault = fault_with(&odds);
	uint64_t latest = 0;

	for (uint32_t i = 0; i < PACKETS; i++) {
		uint64_t delay = hmi_fault_decide(fault).delay_ns;

		cr_assert_leq(delay, 50000);
		latest = delay > latest ? delay : latest;
	}
	cr_assert_gt(latest, 49000);
}

Test(fault, decide__corrupted_bits_are_anywhere)
{
	struct hmi_fault_odds odds = { .corrupt = HMI_FAULT_PARTS, .seed = 7 };
	struct hmi_fault *fault = fault_with(&odds);
	uint8_t seen[100] = { 0 };

	for (uint32_t i = 0; i < PACKETS; i++) {
		uint8_t packet[sizeof(seen)] = { 0 };

		cr_assert_eq(hmi_fault_decide(fault).corrupt, 1);
		hmi_fault_flip(fault, packet, sizeof(packet));
		for (size_t byte = 0; byte < sizeof(seen); byte++)
			seen[byte] |= packet[byte];
	}
	for (size_t byte = 0; byte < sizeof(seen); byte++)
		cr_assert_eq(seen[byte], 0xff, "byte %zu", byte);
}

Test(fault, decide__as_many_bits_as_were_asked_for)
{
	struct hmi_fault_odds odds = { .corrupt = HMI_FAULT_PARTS, .corrupt_bits = HMI_FAULT_BITS_MAX };

	cr_assert_eq(hmi_fault_decide(fault_with(&odds)).corrupt, HMI_FAULT_BITS_MAX);
	odds.corrupt = 0;
	cr_assert_eq(hmi_fault_decide(fault_with(&odds)).corrupt, 0);
}

Test(fault, flip__a_packet_of_one_byte)
{
	struct hmi_fault_odds odds = { .seed = 8 };
	struct hmi_fault *fault = fault_with(&odds);

	for (int i = 0; i < 100; i++) {
		uint8_t bytes[3] = { 0 };

		hmi_fault_flip(fault, bytes + 1, 1);
		cr_assert_eq(bytes[0] | bytes[2], 0);
		cr_assert_eq(__builtin_popcount(bytes[1]), 1);
	}
}

Test(fault, is_on__any_of_the_odds)
{
	for (unsigned int which = 0; which < 5; which++) {
		struct hmi_fault_odds odds = { .seed = 9, .reorder_ns = 9 };

		cr_assert_not(hmi_fault_is_on(fault_with(&odds)));
		*(uint64_t *[]){ &odds.drop, &odds.duplicate, &odds.corrupt, &odds.reorder,
				 &odds.delay_ns }[which] = 1;
		cr_assert(hmi_fault_is_on(fault_with(&odds)), "odds %u", which);
	}
}

Test(fault, seed__same_one_gives_the_same_faults)
{
	struct hmi_fault_odds odds = {
		.drop = 3000, .duplicate = 3000, .corrupt = 3000, .reorder = 3000, .seed = 11
	};
	struct hmi_fault *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b)), *c = malloc(sizeof(*c));
	unsigned int differ = 0;

	hmi_fault_init(a, &odds);
	hmi_fault_init(b, &odds);
	odds.seed++;
	hmi_fault_init(c, &odds);
	for (uint32_t i = 0; i < 1000; i++) {
		struct hmi_fault_verdict x = hmi_fault_decide(a), y = hmi_fault_decide(b),
					 z = hmi_fault_decide(c);

		cr_assert_eq(x.drop, y.drop);
		cr_assert_eq(x.duplicate, y.duplicate);
		cr_assert_eq(x.corrupt, y.corrupt);
		cr_assert_eq(x.delay_ns, y.delay_ns);
		differ += x.drop != z.drop;
	}
	cr_assert_gt(differ, 0);
	free(a);
	free(b);
	free(c);
}

/* ---- Packets that are held back ----------------------------------------------------------- */

static void *
packet(uintptr_t number)
{
	return (void *)number;
}

Test(fault_hold, hold__as_many_as_fit_and_one_more)
{
	struct hmi_fault_odds odds = { .delay_ns = 1 };
	struct hmi_fault *fault = fault_with(&odds);

	for (uintptr_t i = 1; i <= HMI_FAULT_HELD; i++)
		cr_assert(hmi_fault_hold(fault, packet(i), 100), "packet %lu", i);
	cr_assert_not(hmi_fault_hold(fault, packet(999), 100));
	for (uintptr_t i = 1; i <= HMI_FAULT_HELD; i++)
		cr_assert_eq(hmi_fault_due(fault, 100), packet(i));
	cr_assert_null(hmi_fault_due(fault, UINT64_MAX));
	cr_assert(hmi_fault_hold(fault, packet(999), 100));
}

Test(fault_hold, due__at_its_time_and_not_before)
{
	struct hmi_fault_odds odds = { .delay_ns = 1 };
	struct hmi_fault *fault = fault_with(&odds);

	cr_assert_null(hmi_fault_due(fault, UINT64_MAX));
	cr_assert(hmi_fault_hold(fault, packet(1), 100));
	cr_assert_null(hmi_fault_due(fault, 99));
	cr_assert_eq(hmi_fault_due(fault, 100), packet(1));
	cr_assert_null(hmi_fault_due(fault, 100));
}

Test(fault_hold, due__earliest_first_and_of_the_same_time_the_oldest)
{
	static const uint64_t times[] = { 50, 20, 50, 10, 20, 10 };
	static const uintptr_t order[] = { 4, 6, 2, 5, 1, 3 };
	struct hmi_fault_odds odds = { .delay_ns = 1 };
	struct hmi_fault *fault = fault_with(&odds);

	for (uintptr_t i = 0; i < 6; i++)
		cr_assert(hmi_fault_hold(fault, packet(i + 1), times[i]));
	for (unsigned int i = 0; i < 6; i++)
		cr_assert_eq(hmi_fault_due(fault, 50), packet(order[i]), "number %u", i);
}

Test(fault_hold, due__later_ones_stay)
{
	struct hmi_fault_odds odds = { .delay_ns = 1 };
	struct hmi_fault *fault = fault_with(&odds);

	cr_assert(hmi_fault_hold(fault, packet(1), 200));
	cr_assert(hmi_fault_hold(fault, packet(2), 100));
	cr_assert_eq(hmi_fault_due(fault, 150), packet(2));
	cr_assert_null(hmi_fault_due(fault, 150));
	cr_assert_eq(fault->held_count, 1);
	cr_assert_eq(hmi_fault_due(fault, 200), packet(1));
}

Test(fault_hold, due__against_a_plain_list)
{
	struct hmi_fault_odds odds = { .seed = 21 };
	struct hmi_fault *fault = fault_with(&odds);
	uint64_t times[512] = { 0 }, now = 0;
	uintptr_t next = 1;

	/* What is there is a number in `times`; the earliest, and of those the oldest, has to come. */
	for (unsigned int step = 0; step < 100000; step++) {
		uint64_t random = hmi_fault_random(fault);
		uintptr_t want = 0, got;

		if (random % 2 == 0 && next < 512 &&
		    hmi_fault_hold(fault, packet(next), now + 1 + random / 2 % 20))
			times[next++] = now + 1 + random / 2 % 20;
		now += random % 3 == 0;
		for (uintptr_t i = 1; i < next; i++) {
			if (times[i] != 0 && times[i] <= now && (want == 0 || times[i] < times[want]))
				want = i;
		}
		got = (uintptr_t)hmi_fault_due(fault, now);
		cr_assert_eq(got, want, "step %u", step);
		times[want] = 0;
		if (fault->held_count == 0)
			next = 1;
	}
}
