/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Ranges of packets that were received, on the wire.
 */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_common.h>

#include "hermod.pb-c.h"

#include "hmt_random.h"
#include "ranges_pvt.h"

static int
read_bytes(const uint8_t *bytes, size_t length, uint64_t before, struct hmi_range *ranges)
{
	return hmi_ranges_read(ranges, before, bytes, length);
}

Test(ranges, write__none_takes_no_byte)
{
	uint8_t bytes[8];

	cr_assert_eq(hmi_ranges_write(bytes, 100, NULL, 0), bytes);
}

/* 1 to 10, 12, and 20 on: before 20, seven are missing, then one was received, one is missing, ten were received. */
Test(ranges, write__the_bytes_of_the_specification)
{
	static const struct hmi_range ranges[] = { { 12, 12 }, { 1, 10 } };
	static const uint8_t want[] = { 0x0a, 4, 6, 0, 0, 9 };
	uint8_t bytes[HMI_RANGES_BYTES], *end = hmi_ranges_write(bytes, 20, ranges, 2);

	cr_assert_eq(end - bytes, sizeof(want));
	cr_assert_arr_eq(bytes, want, sizeof(want));
}

Test(ranges, read__what_was_written)
{
	uint64_t seed = hmt_seed(1), state = seed;

	for (uint32_t round = 0; round < 2000; round++) {
		struct hmi_range ranges[HMI_RANGES], got[HMI_RANGES];
		uint32_t count = (uint32_t)hmt_random_below(&state, HMI_RANGES + 1);
		uint64_t before = 1 + hmt_random_size(&state, 60), at = before;
		uint8_t bytes[HMI_RANGES_BYTES], *end;

		for (uint32_t i = 0; i < count; i++) {
			uint64_t missing = 1 + hmt_random_size(&state, 20),
				 length = 1 + hmt_random_size(&state, 20);

			if (missing + length >= at) {
				count = i;
				break;
			}
			ranges[i] = (struct hmi_range){ at - missing - length, at - missing - 1 };
			at = ranges[i].from;
		}
		end = hmi_ranges_write(bytes, before, ranges, count);
		cr_assert_leq((size_t)(end - bytes), sizeof(bytes));
		cr_assert_eq(hmi_ranges_read(got, before, bytes, (size_t)(end - bytes)), (int)count,
			     "seed %lu", seed);
		cr_assert_arr_eq(got, ranges, count * sizeof(*got));
	}
}

Test(ranges, write__protobuf_reads_it)
{
	static const struct hmi_range ranges[] = { { 700, 900 }, { 12, 12 }, { 1, 10 } };
	static const uint32_t want[] = { 98, 200, 686, 0, 0, 9 };
	uint8_t bytes[HMI_RANGES_BYTES], *end = hmi_ranges_write(bytes, 1000, ranges, 3);
	Hermod__Wire__Ranges *read = hermod__wire__ranges__unpack(NULL, (size_t)(end - bytes), bytes);

	cr_assert_not_null(read);
	cr_assert_eq(read->n_lengths, RTE_DIM(want));
	cr_assert_arr_eq(read->lengths, want, sizeof(want));
	hermod__wire__ranges__free_unpacked(read, NULL);
}

Test(ranges, read__what_protobuf_writes)
{
	uint32_t lengths[] = { 98, 200, 686, 0, 0, 9 };
	Hermod__Wire__Ranges written = HERMOD__WIRE__RANGES__INIT;
	struct hmi_range ranges[HMI_RANGES];
	uint8_t bytes[HMI_RANGES_BYTES];

	written.lengths = lengths;
	written.n_lengths = RTE_DIM(lengths);
	cr_assert_eq(read_bytes(bytes, hermod__wire__ranges__pack(&written, bytes), 1000, ranges), 3);
	cr_assert_eq(ranges[0].from, 700);
	cr_assert_eq(ranges[0].to, 900);
	cr_assert_eq(ranges[2].from, 1);
	cr_assert_eq(ranges[2].to, 10);
}

Test(ranges, read__below_the_first_number)
{
	struct hmi_range ranges[HMI_RANGES];

	/* Number 1 alone, below 3: one is missing, one was received. */
	cr_assert_eq(read_bytes((uint8_t[]){ 0x0a, 2, 0, 0 }, 4, 3, ranges), 1);
	cr_assert_eq(ranges[0].from, 1);
	cr_assert_eq(ranges[0].to, 1);
	cr_assert_eq(read_bytes((uint8_t[]){ 0x0a, 2, 0, 0 }, 4, 2, ranges), -EBADMSG);
	cr_assert_eq(read_bytes((uint8_t[]){ 0x0a, 2, 0, 1 }, 4, 3, ranges), -EBADMSG);
	cr_assert_eq(read_bytes((uint8_t[]){ 0x0a, 2, 1, 0 }, 4, 3, ranges), -EBADMSG);
	cr_assert_eq(read_bytes((uint8_t[]){ 0x0a, 2, 0, 0 }, 4, 0, ranges), -EBADMSG);
}

Test(ranges, read__lengths_near_the_end_of_64_bits)
{
	static const uint8_t bytes[] = { 0x0a, 20,   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 };
	struct hmi_range ranges[HMI_RANGES];

	cr_assert_eq(read_bytes(bytes, sizeof(bytes), UINT64_MAX, ranges), -EBADMSG);
}

Test(ranges, read__truncated_anywhere)
{
	static const uint8_t bytes[] = { 0x0a, 4, 6, 0, 0, 9 };
	struct hmi_range ranges[HMI_RANGES];

	for (size_t length = 1; length < sizeof(bytes); length++)
		cr_assert_eq(read_bytes(bytes, length, 20, ranges), -EBADMSG, "%zu bytes", length);
	cr_assert_eq(read_bytes(bytes, 0, 20, ranges), 0);
	/* An odd count of lengths. */
	cr_assert_eq(read_bytes((uint8_t[]){ 0x0a, 3, 6, 0, 0 }, 5, 20, ranges), -EBADMSG);
}

Test(ranges, read__unknown_fields_are_skipped)
{
	static const uint8_t bytes[] = { 0x10, 0x80, 0x01, 0x0a, 2, 0, 0, 0x1a, 1, 0 };
	struct hmi_range ranges[HMI_RANGES];

	cr_assert_eq(read_bytes(bytes, sizeof(bytes), 9, ranges), 1);
	cr_assert_eq(ranges[0].to, 7);
}

Test(ranges, read__more_than_it_keeps)
{
	uint8_t bytes[2 + 2 * (HMI_RANGES + 8)] = { 0x0a, 2 * (HMI_RANGES + 8) };
	struct hmi_range ranges[HMI_RANGES];

	cr_assert_eq(read_bytes(bytes, sizeof(bytes), 1000, ranges), (int)HMI_RANGES);
}
