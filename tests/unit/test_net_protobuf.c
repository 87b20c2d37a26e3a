/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Pieces of protobuf at their limits: varints that are too long, lengths beyond the end, fields to skip.
 */
#include <stdlib.h>

#include <criterion/criterion.h>

#include "protobuf_pvt.h"

/* Wire types, and the tag of a field. */
#define VARINT            0u
#define FIXED64           1u
#define BYTES             2u
#define GROUP_START       3u
#define GROUP_END         4u
#define FIXED32           5u
#define TAG(number, type) ((uint64_t)(number) << 3 | (type))

/* Bytes on the heap that end where they end, so that a sanitizer sees the first byte too far. */
static uint8_t *
exact(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length > 0 ? length : 1);

	cr_assert_not_null(copy);
	if (length > 0)
		memcpy(copy, bytes, length);
	return copy;
}

/* Read a varint of `length` bytes. Returns how many it took; 0: refused. */
static size_t
varint_take(const uint8_t *bytes, size_t length, uint64_t *value)
{
	uint8_t *copy = exact(bytes, length);
	const uint8_t *end = hmi_varint_read(copy, copy + length, value);
	size_t taken = end != NULL ? (size_t)(end - copy) : 0;

	free(copy);
	return taken;
}

/* ---- Varints ------------------------------------------------------------------------ */

Test(protobuf, varint_size__at_each_step)
{
	cr_assert_eq(hmi_varint_size(0), 1);
	for (uint32_t bytes = 1; bytes < 10; bytes++) {
		uint64_t first = 1ull << 7 * bytes;

		cr_assert_eq(hmi_varint_size(first - 1), bytes, "%u bytes", bytes);
		cr_assert_eq(hmi_varint_size(first), bytes + 1, "%u bytes", bytes);
	}
	cr_assert_eq(hmi_varint_size(UINT64_MAX), 10);
}

Test(protobuf, varint_write__bytes_of_known_numbers)
{
	uint8_t bytes[10];

	cr_assert_eq(hmi_varint_write(bytes, 300) - bytes, 2);
	cr_assert_eq(bytes[0], 0xac);
	cr_assert_eq(bytes[1], 0x02);
	cr_assert_eq(hmi_varint_write(bytes, UINT64_MAX) - bytes, 10);
	for (int i = 0; i < 9; i++)
		cr_assert_eq(bytes[i], 0xff);
	cr_assert_eq(bytes[9], 1);
}

Test(protobuf, varint_read__longer_than_it_needs_to_be)
{
	uint8_t bytes[10] = { 0x85 };
	uint64_t value;

	/* 5, padded with zero groups to every length that there may be. */
	for (size_t length = 2; length <= sizeof(bytes); length++) {
		memset(bytes + 1, 0x80, sizeof(bytes) - 1);
		bytes[length - 1] = 0;
		value = 0;
		cr_assert_eq(varint_take(bytes, length, &value), length);
		cr_assert_eq(value, 5, "%zu bytes", length);
	}
}

Test(protobuf, varint_read__eleven_bytes_are_none)
{
	uint8_t bytes[11];
	uint64_t value;

	memset(bytes, 0x80, sizeof(bytes));
	bytes[10] = 0;
	cr_assert_eq(varint_take(bytes, sizeof(bytes), &value), 0);
	bytes[9] = 0;
	cr_assert_eq(varint_take(bytes, sizeof(bytes), &value), 10);
	cr_assert_eq(value, 0);
}

Test(protobuf, varint_read__tenth_byte_counts_for_one_bit)
{
	uint8_t bytes[10];
	uint64_t value;

	memset(bytes, 0x80, sizeof(bytes));
	bytes[9] = 1;
	cr_assert_eq(varint_take(bytes, sizeof(bytes), &value), 10);
	cr_assert_eq(value, 1ull << 63);
	/* What is beyond 64 bits is dropped. */
	bytes[9] = 0x7f;
	cr_assert_eq(varint_take(bytes, sizeof(bytes), &value), 10);
	cr_assert_eq(value, 1ull << 63);
	bytes[9] = 0x7e;
	cr_assert_eq(varint_take(bytes, sizeof(bytes), &value), 10);
	cr_assert_eq(value, 0);
}

Test(protobuf, varint_read__every_truncation)
{
	for (uint32_t length = 1; length <= 10; length++) {
		uint8_t bytes[10];
		uint64_t value;

		memset(bytes, 0xff, sizeof(bytes));
		bytes[length - 1] = 1;
		for (uint32_t cut = 0; cut < length; cut++)
			cr_assert_eq(varint_take(bytes, cut, &value), 0, "%u of %u bytes", cut, length);
		cr_assert_eq(varint_take(bytes, length, &value), length);
	}
}

Test(protobuf, varint_read__stops_at_its_own_end)
{
	const uint8_t bytes[] = { 0x7f, 0x80, 0x01 };
	uint64_t value;

	cr_assert_eq(varint_take(bytes, sizeof(bytes), &value), 1);
	cr_assert_eq(value, 0x7f);
	cr_assert_eq(varint_take(bytes + 1, 2, &value), 2);
	cr_assert_eq(value, 0x80);
}

/* ---- Length-delimited fields ---------------------------------------------------------- */

Test(protobuf, delimited_read__as_long_as_the_rest_and_one_more)
{
	uint8_t bytes[200] = { 0 };

	for (uint32_t rest = 0; rest < 150; rest++) {
		uint8_t *start = hmi_varint_write(bytes, rest), *copy;
		size_t head = (size_t)(start - bytes);
		const uint8_t *place = NULL;
		uint32_t length = UINT32_MAX;

		copy = exact(bytes, head + rest);
		cr_assert_eq(hmi_delimited_read(copy, copy + head + rest, &place, &length),
			     copy + head + rest);
		cr_assert_eq(place, copy + head);
		cr_assert_eq(length, rest);
		if (rest > 0)
			cr_assert_null(hmi_delimited_read(copy, copy + head + rest - 1, &place, &length));
		free(copy);
	}
}

Test(protobuf, delimited_read__lengths_that_no_address_space_has)
{
	static const uint64_t lengths[] = { 0x7fffffff,       0x80000000, UINT32_MAX, 1ull << 32,
					    (1ull << 32) + 1, INT64_MAX,  1ull << 63, UINT64_MAX };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint8_t bytes[16] = { 0 }, *end = hmi_varint_write(bytes, lengths[i]) + 1;
		const uint8_t *place = NULL;
		uint32_t length = 4711;

		cr_assert_null(hmi_delimited_read(bytes, end, &place, &length), "length %lx", lengths[i]);
		cr_assert_null(place);
		cr_assert_eq(length, 4711);
	}
}

Test(protobuf, delimited_read__no_length)
{
	static const uint8_t endless[] = { 0x80, 0x80 };
	const uint8_t *place;
	uint32_t length;

	cr_assert_null(hmi_delimited_read(endless, endless, &place, &length));
	cr_assert_null(hmi_delimited_read(endless, endless + 2, &place, &length));
}

/* ---- Unknown fields ------------------------------------------------------------------- */

/* Skip the value of a field. Returns how many bytes it took; -1: refused. */
static long
skip(uint64_t tag, const uint8_t *bytes, size_t length)
{
	uint8_t *copy = exact(bytes, length);
	const uint8_t *end = hmi_field_skip(copy, copy + length, tag);
	long taken = end != NULL ? (long)(end - copy) : -1;

	free(copy);
	return taken;
}

Test(protobuf, field_skip__fixed_numbers_and_one_byte_less)
{
	static const uint8_t bytes[12] = { 0xff };

	cr_assert_eq(skip(TAG(1, FIXED64), bytes, 8), 8);
	cr_assert_eq(skip(TAG(1, FIXED64), bytes, 12), 8);
	cr_assert_eq(skip(TAG(1, FIXED64), bytes, 7), -1);
	cr_assert_eq(skip(TAG(1, FIXED64), bytes, 0), -1);
	cr_assert_eq(skip(TAG(1, FIXED32), bytes, 4), 4);
	cr_assert_eq(skip(TAG(1, FIXED32), bytes, 12), 4);
	cr_assert_eq(skip(TAG(1, FIXED32), bytes, 3), -1);
	cr_assert_eq(skip(TAG(1, FIXED32), bytes, 0), -1);
}

Test(protobuf, field_skip__varints)
{
	static const uint8_t longest[] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 1 };

	cr_assert_eq(skip(TAG(3, VARINT), longest, sizeof(longest)), 10);
	for (size_t length = 0; length < sizeof(longest); length++)
		cr_assert_eq(skip(TAG(3, VARINT), longest, length), -1, "%zu bytes", length);
	cr_assert_eq(skip(TAG(3, VARINT), longest + 9, 1), 1);
}

Test(protobuf, field_skip__bytes_and_lengths_beyond_the_end)
{
	static const uint8_t some[] = { 3, 'a', 'b', 'c', 'd' }, none[] = { 0 },
			     long_form[] = { 0x82, 0, 'a', 'b' };
	uint8_t huge[11] = { 0 };

	cr_assert_eq(skip(TAG(2, BYTES), some, 5), 4);
	cr_assert_eq(skip(TAG(2, BYTES), some, 4), 4);
	cr_assert_eq(skip(TAG(2, BYTES), some, 3), -1);
	cr_assert_eq(skip(TAG(2, BYTES), some, 1), -1);
	cr_assert_eq(skip(TAG(2, BYTES), some, 0), -1);
	cr_assert_eq(skip(TAG(2, BYTES), none, 1), 1);
	cr_assert_eq(skip(TAG(2, BYTES), long_form, 4), 4);
	(void)hmi_varint_write(huge, UINT64_MAX);
	cr_assert_eq(skip(TAG(2, BYTES), huge, sizeof(huge)), -1);
	(void)hmi_varint_write(huge, UINT64_MAX - 9);
	cr_assert_eq(skip(TAG(2, BYTES), huge, sizeof(huge)), -1);
}

Test(protobuf, field_skip__groups_and_types_that_do_not_exist)
{
	static const uint8_t bytes[16] = { 0 };

	for (uint64_t number = 1; number < 1u << 29; number = number * 7 + 1) {
		cr_assert_eq(skip(TAG(number, GROUP_START), bytes, sizeof(bytes)), -1);
		cr_assert_eq(skip(TAG(number, GROUP_END), bytes, sizeof(bytes)), -1);
		cr_assert_eq(skip(TAG(number, 6), bytes, sizeof(bytes)), -1);
		cr_assert_eq(skip(TAG(number, 7), bytes, sizeof(bytes)), -1);
		cr_assert_eq(skip(TAG(number, VARINT), bytes, sizeof(bytes)), 1);
	}
}

Test(protobuf, field_skip__number_zero_is_no_field)
{
	static const uint8_t bytes[16] = { 0 };

	for (unsigned int type = 0; type < 8; type++)
		cr_assert_eq(skip(TAG(0, type), bytes, sizeof(bytes)), -1, "type %u", type);
}

/* ---- Fixed numbers -------------------------------------------------------------------- */

Test(protobuf, fixed__little_endian_at_any_address)
{
	uint8_t bytes[24];

	for (size_t at = 0; at < 8; at++) {
		memset(bytes, 0xee, sizeof(bytes));
		cr_assert_eq(hmi_fixed64_write(bytes + at, 0x0102030405060708u), bytes + at + 8);
		for (size_t i = 0; i < 8; i++)
			cr_assert_eq(bytes[at + i], 8 - i);
		cr_assert_eq(hmi_fixed64_read(bytes + at), 0x0102030405060708u);
		cr_assert_eq(bytes[at + 8], 0xee);
		cr_assert_eq(hmi_fixed32_write(bytes + at, 0xa1b2c3d4), bytes + at + 4);
		cr_assert_eq(bytes[at], 0xd4);
		cr_assert_eq(bytes[at + 3], 0xa1);
		cr_assert_eq(bytes[at + 4], 4);
		cr_assert_eq(hmi_fixed32_read(bytes + at), 0xa1b2c3d4);
	}
}
