/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The session header: each field in its own bytes, over all of its values, and what is no header.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <criterion/criterion.h>

#include "frame_pvt.h"
#include "header_pvt.h"

/* Where a field stands, as docs/wire.md says. */
struct field {
	const char *name;
	size_t offset, bytes;
};

static const struct field fields[] = {
	{ "version", 2, 1 }, { "kind", 3, 1 },  { "session", 4, 4 }, { "number", 8, 4 },
	{ "ack", 12, 4 },    { "sack", 16, 4 }, { "length", 20, 2 }, { "credit", 22, 2 },
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static void
field_set(struct hmi_header *header, size_t field, uint32_t value)
{
	uint8_t *const small[] = { &header->version, &header->kind };
	uint32_t *const words[] = { &header->session, &header->number, &header->ack, &header->sack };

	if (field < 2)
		*small[field] = (uint8_t)value;
	else if (field < 6)
		*words[field - 2] = value;
	else
		*(field == 6 ? &header->length : &header->credit) = (uint16_t)value;
}

static uint32_t
field_get(const struct hmi_header *header, size_t field)
{
	const uint32_t values[] = { header->version, header->kind, header->session, header->number,
				    header->ack,     header->sack, header->length,  header->credit };

	return values[field];
}

static uint32_t
field_max(size_t field)
{
	return fields[field].bytes == 4 ? UINT32_MAX : (1u << 8 * fields[field].bytes) - 1;
}

/* An all-zero header but for one field is written, read, and compared with the bytes of the document. */
static void
field_check(size_t field, uint32_t value)
{
	uint8_t bytes[HMI_HEADER_BYTES], want[HMI_HEADER_BYTES] = { 'H', 'M' };
	struct hmi_header header = { 0 }, back;

	field_set(&header, field, value);
	for (size_t i = 0; i < fields[field].bytes; i++)
		want[fields[field].offset + i] = (uint8_t)(value >> 8 * i);
	(void)hmi_header_write(bytes, &header);
	cr_assert_arr_eq(bytes, want, sizeof(want), "%s %x", fields[field].name, value);
	memset(&back, 0xee, sizeof(back));
	cr_assert_eq(hmi_header_read(&back, bytes, sizeof(bytes)), 0);
	for (size_t other = 0; other < FIELDS; other++)
		cr_assert_eq(field_get(&back, other), other == field ? value : 0, "%s, with %s %x",
			     fields[other].name, fields[field].name, value);
}

Test(header, fields__least_and_greatest)
{
	for (size_t field = 0; field < FIELDS; field++) {
		field_check(field, 0);
		field_check(field, 1);
		field_check(field, field_max(field) - 1);
		field_check(field, field_max(field));
	}
}

Test(header, fields__each_bit_has_its_place)
{
	for (size_t field = 0; field < FIELDS; field++) {
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
	cr_assert_eq(at, HMI_HEADER_BYTES);
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
		sum = hmi_header_write(bytes, &header);
		cr_assert_eq(hmi_sum_fold(sum), hmi_sum_fold(hmi_sum(bytes, sizeof(bytes))), "seed %lu",
			     seed);
	}
}

Test(header, read__every_other_magic_is_refused)
{
	uint8_t bytes[HMI_HEADER_BYTES];
	struct hmi_header header = { .version = 1, .kind = HMI_ACK };

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

Test(header, read__one_byte_less_than_a_header)
{
	uint8_t bytes[HMI_HEADER_BYTES + 1] = { 0 };
	struct hmi_header header = { 0 };

	(void)hmi_header_write(bytes, &header);
	cr_assert_eq(hmi_header_read(&header, bytes, HMI_HEADER_BYTES - 1), -EBADMSG);
	cr_assert_eq(hmi_header_read(&header, bytes, HMI_HEADER_BYTES), 0);
	cr_assert_eq(hmi_header_read(&header, bytes, HMI_HEADER_BYTES + 1), 0);
}

Test(header, read__at_any_address)
{
	struct hmi_header header = { .session = 0x11223344, .number = 0x55667788, .credit = 0x99aa }, back;
	uint8_t bytes[HMI_HEADER_BYTES + 8];

	for (size_t at = 0; at < 8; at++) {
		memset(bytes, 0xee, sizeof(bytes));
		(void)hmi_header_write(bytes + at, &header);
		cr_assert_eq(hmi_header_read(&back, bytes + at, HMI_HEADER_BYTES), 0);
		cr_assert_eq(back.session, header.session);
		cr_assert_eq(back.number, header.number);
		cr_assert_eq(back.credit, header.credit);
		for (size_t i = 0; i < sizeof(bytes); i++)
			cr_assert(bytes[i] == 0xee || (i >= at && i < at + HMI_HEADER_BYTES));
	}
}
