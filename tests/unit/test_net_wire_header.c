/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The session header: each field in its own bytes, over all of its values, and what is no header.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_common.h>

#include "frame_pvt.h"
#include "header_pvt.h"

/* Where a field stands, as docs/wire.md says, and where in struct hmi_header. */
struct field {
	const char *name;
	size_t offset, bytes, member;
};

#define FIELD(name, offset, bytes)                                      \
	{                                                               \
#name, offset, bytes, offsetof(struct hmi_header, name) \
	}

/* In the order of the bytes. */
static const struct field fields[] = {
	FIELD(version, 2, 1),     FIELD(kind, 3, 1),        FIELD(session, 4, 4), FIELD(number, 8, 4),
	FIELD(sequence, 12, 4),   FIELD(ack, 16, 4),        FIELD(run, 20, 2),    FIELD(held, 22, 2),
	FIELD(limit_user, 24, 4), FIELD(limit_bulk, 28, 4), FIELD(length, 32, 2), FIELD(lane, 34, 1),
	FIELD(window, 35, 1),
};

#define FIELDS     RTE_DIM(fields)
#define FIELDS_END 36u /* four bytes of 0 follow */

#define KIND 1u /* what is before it has a value of its own in each header here */

/* Fields are little-endian in memory, as on the wire, or this is no machine for the test. */
static void
field_set(struct hmi_header *header, size_t field, uint32_t value)
{
	memcpy((uint8_t *)header + fields[field].member, &value, fields[field].bytes);
}

static uint32_t
field_get(const struct hmi_header *header, size_t field)
{
	uint32_t value = 0;

	memcpy(&value, (const uint8_t *)header + fields[field].member, fields[field].bytes);
	return value;
}

static uint32_t
field_max(size_t field)
{
	return fields[field].bytes == 4 ? UINT32_MAX : (1u << 8 * fields[field].bytes) - 1;
}

/* A header of a session's packet, whose other fields are 0. */
static struct hmi_header
bare(void)
{
	return (struct hmi_header){ .version = HMI_WIRE_VERSION, .kind = HMI_DATA };
}

/* A header with one field is written, read, and compared with the bytes of the document. */
static void
field_check(size_t field, uint32_t value)
{
	uint8_t bytes[HMI_HEADER_BYTES], want[HMI_HEADER_BYTES] = { 'H', 'M', HMI_WIRE_VERSION, HMI_DATA };
	struct hmi_header header = bare(), back;

	field_set(&header, field, value);
	for (size_t i = 0; i < fields[field].bytes; i++)
		want[fields[field].offset + i] = (uint8_t)(value >> 8 * i);
	(void)hmi_header_write(bytes, &header);
	cr_assert_arr_eq(bytes, want, sizeof(want), "%s %x", fields[field].name, value);
	memset(&back, 0xee, sizeof(back));
	cr_assert_eq(hmi_header_read(&back, bytes, sizeof(bytes)), 0);
	for (size_t other = 0; other < FIELDS; other++)
		cr_assert_eq(field_get(&back, other), field_get(&header, other), "%s, with %s %x",
			     fields[other].name, fields[field].name, value);
}

Test(header, fields__least_and_greatest)
{
	for (size_t field = KIND + 1; field < FIELDS; field++) {
		field_check(field, 0);
		field_check(field, 1);
		field_check(field, field_max(field) - 1);
		field_check(field, field_max(field));
	}
}

Test(header, fields__each_bit_has_its_place)
{
	for (size_t field = KIND + 1; field < FIELDS; field++) {
		for (uint32_t bit = 0; bit < 8 * fields[field].bytes; bit++)
			field_check(field, 1u << bit);
	}
}

Test(header, fields__fill_the_header)
{
	size_t at = 2;

	for (size_t field = 0; field < FIELDS; field++) {
		cr_assert_eq(fields[field].offset, at, "%s", fields[field].name);
		at += fields[field].bytes;
	}
	cr_assert_eq(at, FIELDS_END);
	cr_assert_eq(at + 4, HMI_HEADER_BYTES);
}

Test(header, write__sum_is_that_of_the_bytes)
{
	uint8_t bytes[HMI_HEADER_BYTES];

	/* A checksum that is wrong for some numbers loses those packets for ever. */
	for (uint64_t seed = 1; seed < 20000; seed++) {
		struct hmi_header header;
		uint64_t sum;

		for (size_t field = 0; field < FIELDS; field++)
			field_set(&header, field,
				  seed % 7 == 0 ? field_max(field)
						: (uint32_t)(seed * (field + 1) * 0x9e3779b97f4a7c15u >> 29));
		header.kind = (uint8_t)(seed % 8);
		sum = hmi_header_write(bytes, &header);
		cr_assert_eq(hmi_sum_fold(sum), hmi_sum_fold(hmi_sum(bytes, hmi_header_bytes(header.kind))),
			     "seed %lu", seed);
	}
}

Test(header, read__every_other_magic_is_refused)
{
	uint8_t bytes[HMI_HEADER_BYTES];
	struct hmi_header header = bare();

	(void)hmi_header_write(bytes, &header);
	for (unsigned int at = 0; at < 2; at++) {
		uint8_t good = bytes[at];

		for (unsigned int value = 0; value < 256; value++) {
			bytes[at] = (uint8_t)value;
			cr_assert_eq(hmi_header_read(&header, bytes, sizeof(bytes)),
				     value == good ? 0 : -EBADMSG, "byte %u: %x", at, value);
		}
		bytes[at] = good;
	}
}

Test(header, read__any_version_and_kind_is_for_the_caller_to_judge)
{
	uint8_t bytes[HMI_HEADER_BYTES];
	struct hmi_header header = { 0 }, back;

	for (unsigned int value = 0; value < 256; value++) {
		header.version = (uint8_t)value;
		header.kind = (uint8_t)(255 - value);
		(void)hmi_header_write(bytes, &header);
		cr_assert_eq(hmi_header_read(&back, bytes, sizeof(bytes)), 0);
		cr_assert_eq(back.version, value);
		cr_assert_eq(back.kind, 255 - value);
	}
}

/* Of another version only the first eight bytes are known, and that the payload of a handshake is behind 24. */
Test(header, read__fields_of_another_version_are_not_looked_at)
{
	uint8_t bytes[HMI_HEADER_BYTES];
	struct hmi_header back;

	for (unsigned int version = 0; version < 256; version++) {
		for (unsigned int kind = 0; kind < 256; kind++) {
			bool is_known = version == HMI_WIRE_VERSION && !hmi_kind_is_handshake((uint8_t)kind);

			memset(bytes, 0xff, sizeof(bytes));
			memcpy(bytes, (uint8_t[]){ 'H', 'M', (uint8_t)version, (uint8_t)kind, 4, 3, 2, 1 },
			       8);
			cr_assert_eq(hmi_header_read(&back, bytes, sizeof(bytes)), 0);
			cr_assert_eq(back.session, 0x01020304);
			cr_assert_eq(back.number, is_known ? UINT32_MAX : 0);
			cr_assert_eq(back.ack, is_known ? UINT32_MAX : 0);
			cr_assert_eq(back.lane, is_known ? UINT8_MAX : 0);
			cr_assert_eq(back.length,
				     is_known ? UINT16_MAX : HMI_HEADER_BYTES - HMI_HANDSHAKE_HEADER);
		}
	}
}

Test(header, read__one_byte_less_than_a_header)
{
	uint8_t bytes[HMI_HEADER_BYTES + 1] = { 0 };
	struct hmi_header header = bare();

	(void)hmi_header_write(bytes, &header);
	for (size_t length = 0; length < HMI_HEADER_BYTES; length++)
		cr_assert_eq(hmi_header_read(&header, bytes, length), -EBADMSG, "%zu bytes", length);
	cr_assert_eq(hmi_header_read(&header, bytes, HMI_HEADER_BYTES), 0);
	cr_assert_eq(hmi_header_read(&header, bytes, HMI_HEADER_BYTES + 1), 0);
	bytes[3] = HMI_HELLO;
	cr_assert_eq(hmi_header_read(&header, bytes, HMI_HANDSHAKE_HEADER - 1), -EBADMSG);
	cr_assert_eq(hmi_header_read(&header, bytes, HMI_HANDSHAKE_HEADER), 0);
}

Test(header, read__at_any_address)
{
	struct hmi_header header = bare(), back;
	uint8_t bytes[HMI_HEADER_BYTES + 8];

	for (size_t field = KIND + 1; field < FIELDS; field++)
		field_set(&header, field, (uint32_t)(0x11223344 * (field + 1)));
	for (size_t at = 0; at < 8; at++) {
		memset(bytes, 0xee, sizeof(bytes));
		(void)hmi_header_write(bytes + at, &header);
		cr_assert_eq(hmi_header_read(&back, bytes + at, HMI_HEADER_BYTES), 0);
		for (size_t field = 0; field < FIELDS; field++)
			cr_assert_eq(field_get(&back, field), field_get(&header, field), "%s",
				     fields[field].name);
		for (size_t i = 0; i < sizeof(bytes); i++)
			cr_assert(bytes[i] == 0xee || (i >= at && i < at + HMI_HEADER_BYTES));
	}
}

/* The delay in units of 256 ns: what is longer than 16 bits can say is said as the longest. */
Test(header, held__there_and_back)
{
	static const uint64_t longest = UINT16_MAX * UINT64_C(256);

	cr_assert_eq(hmi_header_held(0), 0);
	cr_assert_eq(hmi_header_held(255), 0);
	cr_assert_eq(hmi_header_held(256), 1);
	cr_assert_eq(hmi_header_held(longest - 1), UINT16_MAX - 1);
	cr_assert_eq(hmi_header_held(longest), UINT16_MAX);
	cr_assert_eq(hmi_header_held(UINT64_MAX), UINT16_MAX);
	cr_assert_eq(hmi_header_held_ns(UINT16_MAX), longest);
	for (uint64_t ns = 0; ns < longest; ns += 251)
		cr_assert_eq(hmi_header_held_ns(hmi_header_held(ns)), ns / 256 * 256);
}
