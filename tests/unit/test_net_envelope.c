/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Envelopes as another node may write them: any order, twice, cut off, with lengths that do not fit.
 */
#include "test_net_made.h"

/* ---- What is there ------------------------------------------------------------------- */

Test(envelope, read__empty_one_has_nothing)
{
	struct made body = { .length = 0 };

	body_is(&body, &(struct hmi_envelope){ 0 });
}

Test(envelope, read__fields_in_reverse_order_before_the_payload)
{
	struct made body = { .length = 0 };

	bytes_add(&body, HMI_TAG_PATH, 'p', 3);
	varint_add(&body, HMI_TAG_SYSTEM, 20);
	fixed32_add(&body, HMI_TAG_TYPE, 0xcafe);
	fixed64_add(&body, HMI_TAG_FROM_NODE, 3);
	fixed64_add(&body, HMI_TAG_FROM, 2);
	fixed64_add(&body, HMI_TAG_TO, 1);
	bytes_add(&body, HMI_TAG_PAYLOAD, 'x', 5);
	body_is(&body, &(struct hmi_envelope){ 1, 2, 3, .type = 0xcafe, .system = 20, .payload_length = 5,
					       .path_length = 3 });
}

Test(envelope, read__the_last_of_two_counts)
{
	struct made body = { .length = 0 };

	for (uint64_t i = 1; i <= 2; i++) {
		fixed64_add(&body, HMI_TAG_TO, i);
		fixed64_add(&body, HMI_TAG_FROM, 10 * i);
		fixed64_add(&body, HMI_TAG_FROM_NODE, 100 * i);
		fixed32_add(&body, HMI_TAG_TYPE, (uint32_t)(1000 * i));
		varint_add(&body, HMI_TAG_SYSTEM, 16 + i);
		bytes_add(&body, HMI_TAG_PATH, 'p', 3 - i);
	}
	bytes_add(&body, HMI_TAG_PAYLOAD, 'x', 14);
	body_is(&body, &(struct hmi_envelope){ 2, 20, 200, .type = 2000, .system = 18, .payload_length = 14,
					       .path_length = 1 });
}

Test(envelope, read__fields_behind_a_payload_are_skipped)
{
	struct made body = { .length = 0 }, batch;
	struct hmi_envelope envelope;
	struct hmi_reader reader;

	fixed64_add(&body, HMI_TAG_TO, 1);
	fixed64_add(&body, HMI_TAG_FROM, 2);
	fixed32_add(&body, HMI_TAG_TYPE, 3);
	for (size_t i = 1; i <= 3; i++) {
		bytes_add(&body, HMI_TAG_PAYLOAD, 'x', 40 * i);
		fixed64_add(&body, HMI_TAG_TO, 10);
		fixed32_add(&body, HMI_TAG_TYPE, 33);
		bytes_add(&body, 9 << 3 | 2, 'y', 5);
	}
	batch = batch_of(&body);
	reader = hmi_batch_reader(batch.bytes, batch.length);
	for (size_t i = 1; i <= 3; i++) {
		cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
		cr_assert_eq(envelope.to, 1);
		cr_assert_eq(envelope.from, 2);
		cr_assert_eq(envelope.type, 3);
		cr_assert_eq(envelope.payload_length, 40 * i);
		cr_assert_eq(envelope.payload[0], 'x');
	}
	cr_assert_eq(hmi_batch_next(&reader, &envelope), 0);
}

Test(envelope, read__message_of_the_engine_has_one_payload)
{
	struct made body = { .length = 0 }, batch;
	struct hmi_envelope envelope;
	struct hmi_reader reader;

	fixed64_add(&body, HMI_TAG_TO, 1);
	varint_add(&body, HMI_TAG_SYSTEM, 20);
	bytes_add(&body, HMI_TAG_PAYLOAD, 'x', 4);
	bytes_add(&body, HMI_TAG_PAYLOAD, 'y', 5);
	batch = batch_of(&body);
	reader = hmi_batch_reader(batch.bytes, batch.length);
	cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
	cr_assert_eq(envelope.payload_length, 4);
	cr_assert_eq(hmi_batch_next(&reader, &envelope), 0);
}

Test(envelope, read__fault_behind_a_payload_comes_after_it)
{
	struct made body = { .length = 0 }, batch;
	struct hmi_envelope envelope;
	struct hmi_reader reader;

	fixed64_add(&body, HMI_TAG_TO, 1);
	fixed32_add(&body, HMI_TAG_TYPE, 3);
	bytes_add(&body, HMI_TAG_PAYLOAD, 'x', 4);
	byte_add(&body, HMI_TAG_PAYLOAD);
	byte_add(&body, 1);
	batch = batch_of(&body);
	reader = hmi_batch_reader(batch.bytes, batch.length);
	cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
	cr_assert_eq(hmi_batch_next(&reader, &envelope), -EBADMSG);
}

Test(envelope, read__payloads_around_the_step_of_their_length)
{
	static const size_t lengths[] = { 0, 1, 126, 127, 128, 129, 255, 256 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (int from = 0; from < 2; from++) {
			struct made body = { .length = 0 };
			struct hmi_envelope envelope;

			fixed64_add(&body, HMI_TAG_TO, 1);
			if (from == 1)
				fixed64_add(&body, HMI_TAG_FROM, 2);
			fixed32_add(&body, HMI_TAG_TYPE, 3);
			bytes_add(&body, HMI_TAG_PAYLOAD, 'x', lengths[i]);
			cr_assert_eq(body_read(&body, &envelope), 1);
			cr_assert_eq(envelope.payload_length, lengths[i]);
			cr_assert_eq(envelope.from, from == 1 ? 2 : 0);
			cr_assert_eq(envelope.type, 3);
		}
	}
}

Test(envelope, read__length_of_the_payload_written_too_long)
{
	struct made body = { .length = 0 };
	struct hmi_envelope envelope;

	/* Two bytes for a length of 1: protobuf allows it. */
	fixed64_add(&body, HMI_TAG_TO, 1);
	fixed64_add(&body, HMI_TAG_FROM, 2);
	fixed32_add(&body, HMI_TAG_TYPE, 3);
	byte_add(&body, HMI_TAG_PAYLOAD);
	byte_add(&body, 0x81);
	byte_add(&body, 0);
	byte_add(&body, 'x');
	cr_assert_eq(body_read(&body, &envelope), 1);
	cr_assert_eq(envelope.payload_length, 1);
	cr_assert_eq(envelope.type, 3);
}

Test(envelope, read__system_numbers_beyond_32_bits_lose_what_is_above)
{
	struct made body = { .length = 0 };
	struct hmi_envelope envelope;

	varint_add(&body, HMI_TAG_SYSTEM, (1ull << 40) | 16);
	cr_assert_eq(body_read(&body, &envelope), 1);
	cr_assert_eq(envelope.system, 16);
}

/* ---- Unknown fields ------------------------------------------------------------------- */

Test(envelope, read__unknown_fields_of_each_wire_type_anywhere)
{
	for (unsigned int place = 0; place < 3; place++) {
		struct made body = { .length = 0 };
		struct hmi_envelope envelope;

		for (unsigned int at = 0; at < 3; at++) {
			if (at == place) {
				varint_add(&body, 8 << 3, UINT64_MAX);
				fixed64_add(&body, 9 << 3 | 1, UINT64_MAX);
				bytes_add(&body, 10 << 3 | 2, HMI_TAG_TO, 20);
				fixed32_add(&body, 11 << 3 | 5, UINT32_MAX);
			}
			if (at == 0)
				fixed64_add(&body, HMI_TAG_TO, 1);
			else if (at == 1)
				fixed32_add(&body, HMI_TAG_TYPE, 3);
		}
		cr_assert_eq(body_read(&body, &envelope), 1, "place %u", place);
		cr_assert_eq(envelope.to, 1);
		cr_assert_eq(envelope.type, 3);
		cr_assert_eq(envelope.payload_length, 0);
	}
}

Test(envelope, read__known_number_of_another_wire_type_is_unknown)
{
	struct made body = { .length = 0 };
	struct hmi_envelope envelope;

	varint_add(&body, 1 << 3, 5);         /* to, as a varint */
	fixed32_add(&body, 2 << 3 | 5, 6);    /* from, of 32 bits */
	fixed64_add(&body, 4 << 3 | 1, 7);    /* type, of 64 bits */
	bytes_add(&body, 5 << 3 | 2, 'x', 2); /* system, as bytes */
	varint_add(&body, 6 << 3, 8);         /* payload, as a varint */
	cr_assert_eq(body_read(&body, &envelope), 1);
	cr_assert_eq(envelope.to | envelope.from, 0);
	cr_assert_eq(envelope.type | envelope.system | envelope.payload_length, 0);
}

Test(envelope, read__groups_and_field_zero_are_no_protobuf)
{
	static const uint8_t tags[] = { 8 << 3 | 3, 8 << 3 | 4, 8 << 3 | 6, 8 << 3 | 7, 0, 1, 2, 5 };

	for (size_t i = 0; i < sizeof(tags); i++) {
		struct made body = { .length = 0 };
		struct hmi_envelope envelope;

		fixed64_add(&body, HMI_TAG_TO, 1);
		fixed64_add(&body, tags[i], 0);
		cr_assert_eq(body_read(&body, &envelope), -EBADMSG, "tag %x", tags[i]);
	}
}

/* ---- Cut off -------------------------------------------------------------------------- */

Test(envelope, read__every_truncation_of_each_field)
{
	for (unsigned int field = 0; field < 7; field++) {
		struct made body = { .length = 0 };
		struct hmi_envelope envelope;
		size_t whole;

		if (field < 3)
			fixed64_add(&body, (uint8_t[]){ HMI_TAG_TO, HMI_TAG_FROM, HMI_TAG_FROM_NODE }[field],
				    9);
		else if (field == 3)
			fixed32_add(&body, HMI_TAG_TYPE, 9);
		else if (field == 4)
			varint_add(&body, HMI_TAG_SYSTEM, 300);
		else
			bytes_add(&body, field == 5 ? HMI_TAG_PAYLOAD : HMI_TAG_PATH, 'x', 4);
		whole = body.length;
		for (body.length = 1; body.length < whole; body.length++)
			cr_assert_eq(body_read(&body, &envelope), -EBADMSG, "field %u, %zu of %zu bytes",
				     field, body.length, whole);
		cr_assert_eq(body_read(&body, &envelope), 1);
	}
}

Test(envelope, read__lengths_one_beyond_the_envelope)
{
	for (unsigned int which = 0; which < 2; which++) {
		struct made body = { .length = 0 }, batch;
		struct hmi_envelope envelope;

		/* The byte that is missing would be that of the next envelope. */
		fixed64_add(&body, HMI_TAG_TO, 1);
		fixed64_add(&body, HMI_TAG_FROM, 2);
		fixed32_add(&body, HMI_TAG_TYPE, 3);
		varint_add(&body, which == 0 ? HMI_TAG_PAYLOAD : HMI_TAG_PATH, 5);
		for (int i = 0; i < 4; i++)
			byte_add(&body, 'x');
		batch = batch_of(&body);
		byte_add(&batch, HMI_TAG_ENVELOPE);
		byte_add(&batch, 0);
		cr_assert_eq(first_read(batch.bytes, batch.length, &envelope), -EBADMSG);
	}
}
