/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Envelopes as another node may write them: any order, twice, cut off, with lengths that do not fit.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "envelope_pvt.h"
#include "protobuf_pvt.h"

#define ROOM 512

/* The body of an envelope under construction, and later its batch. */
struct made {
	uint8_t bytes[ROOM];
	size_t length;
};

static void
byte_add(struct made *made, uint8_t byte)
{
	cr_assert_lt(made->length, ROOM);
	made->bytes[made->length++] = byte;
}

static void
fixed64_add(struct made *made, uint8_t tag, uint64_t value)
{
	byte_add(made, tag);
	hmi_fixed64_write(made->bytes + made->length, value);
	made->length += 8;
}

static void
fixed32_add(struct made *made, uint8_t tag, uint32_t value)
{
	byte_add(made, tag);
	hmi_fixed32_write(made->bytes + made->length, value);
	made->length += 4;
}

static void
varint_add(struct made *made, uint8_t tag, uint64_t value)
{
	byte_add(made, tag);
	made->length = (size_t)(hmi_varint_write(made->bytes + made->length, value) - made->bytes);
}

/* A field of `length` bytes, all of them `fill`. */
static void
bytes_add(struct made *made, uint8_t tag, uint8_t fill, size_t length)
{
	varint_add(made, tag, length);
	memset(made->bytes + made->length, fill, length);
	made->length += length;
}

/* Put the body into a batch of its own. */
static struct made
batch_of(const struct made *body)
{
	struct made batch = { .length = 0 };

	varint_add(&batch, HMI_TAG_ENVELOPE, body->length);
	memcpy(batch.bytes + batch.length, body->bytes, body->length);
	batch.length += body->length;
	return batch;
}

/* Read the first envelope of bytes that end where they end; the pointers of it are then invalid. */
static int
first_read(const uint8_t *bytes, size_t length, struct hmi_envelope *envelope)
{
	uint8_t *copy = malloc(length > 0 ? length : 1);
	struct hmi_reader reader;
	int rc;

	cr_assert_not_null(copy);
	memcpy(copy, bytes, length);
	reader = hmi_batch_reader(copy, length);
	rc = hmi_batch_next(&reader, envelope);
	if (rc == 1) {
		cr_assert_not_null(envelope->payload);
		cr_assert(envelope->payload >= copy &&
			  envelope->payload + envelope->payload_length <= copy + length);
		cr_assert(envelope->path == NULL ||
			  (envelope->path >= copy && envelope->path <= copy + length));
	}
	free(copy);
	return rc;
}

static int
body_read(const struct made *body, struct hmi_envelope *envelope)
{
	struct made batch = batch_of(body);

	return first_read(batch.bytes, batch.length, envelope);
}

/* The body is read as these numbers and lengths. */
static void
body_is(const struct made *body, const struct hmi_envelope *want)
{
	struct hmi_envelope envelope;

	memset(&envelope, 0xee, sizeof(envelope));
	cr_assert_eq(body_read(body, &envelope), 1);
	cr_assert_eq(envelope.to, want->to);
	cr_assert_eq(envelope.from, want->from);
	cr_assert_eq(envelope.from_node, want->from_node);
	cr_assert_eq(envelope.type, want->type);
	cr_assert_eq(envelope.system, want->system);
	cr_assert_eq(envelope.payload_length, want->payload_length);
	cr_assert_eq(envelope.path_length, want->path_length);
	cr_assert_eq(envelope.path != NULL, want->path_length != 0);
}

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

/* ---- Batches -------------------------------------------------------------------------- */

Test(batch, next__empty_one_has_none)
{
	struct hmi_envelope envelope;
	struct hmi_reader reader = hmi_batch_reader((const uint8_t *)"", 0);

	cr_assert_eq(hmi_batch_next(&reader, &envelope), 0);
	cr_assert_eq(hmi_batch_next(&reader, &envelope), 0);
}

Test(batch, next__unknown_fields_alone_are_none)
{
	struct made batch = { .length = 0 };
	struct hmi_envelope envelope;

	varint_add(&batch, 2 << 3, 1);
	bytes_add(&batch, 3 << 3 | 2, HMI_TAG_ENVELOPE, 30);
	fixed32_add(&batch, 15 << 3 | 5, 2);
	cr_assert_eq(first_read(batch.bytes, batch.length, &envelope), 0);
	/* Cut off, they are no protobuf. */
	cr_assert_eq(first_read(batch.bytes, batch.length - 1, &envelope), -EBADMSG);
	byte_add(&batch, 2 << 3 | 3);
	cr_assert_eq(first_read(batch.bytes, batch.length, &envelope), -EBADMSG);
}

Test(batch, next__what_stands_before_the_fault_is_read)
{
	struct made body = { .length = 0 }, batch;
	struct hmi_envelope envelope;
	struct hmi_reader reader;

	fixed64_add(&body, HMI_TAG_TO, 1);
	batch = batch_of(&body);
	batch.bytes[batch.length] = HMI_TAG_ENVELOPE;
	batch.bytes[batch.length + 1] = 2;
	batch.bytes[batch.length + 2] = HMI_TAG_TO;
	reader = hmi_batch_reader(batch.bytes, batch.length + 3);
	cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
	cr_assert_eq(envelope.to, 1);
	cr_assert_eq(reader.at, batch.bytes + batch.length);
	cr_assert_eq(hmi_batch_next(&reader, &envelope), -EBADMSG);
}

Test(batch, next__empty_envelopes_are_envelopes)
{
	static const uint8_t batch[] = {
		HMI_TAG_ENVELOPE, 0, HMI_TAG_ENVELOPE, 0, HMI_TAG_ENVELOPE, 0x80, 0
	};
	struct hmi_reader reader = hmi_batch_reader(batch, sizeof(batch));
	struct hmi_envelope envelope;

	for (int i = 0; i < 3; i++)
		cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
	cr_assert_eq(hmi_batch_next(&reader, &envelope), 0);
}

/* Two payloads, the second of `length` bytes that says it has `said`, perhaps an unknown field, then an envelope. */
static struct made
two_envelopes(size_t length, size_t said, bool unknown)
{
	struct made body = { .length = 0 }, batch;

	fixed64_add(&body, HMI_TAG_TO, 1);
	fixed32_add(&body, HMI_TAG_TYPE, 3);
	bytes_add(&body, HMI_TAG_PAYLOAD, 'x', 4);
	varint_add(&body, HMI_TAG_PAYLOAD, said);
	memset(body.bytes + body.length, 'y', length);
	body.length += length;
	if (unknown)
		bytes_add(&body, 9 << 3 | 2, 'z', 5);
	batch = batch_of(&body);
	body.length = 0;
	fixed64_add(&body, HMI_TAG_TO, 2);
	fixed32_add(&body, HMI_TAG_TYPE, 4);
	bytes_add(&body, HMI_TAG_PAYLOAD, 'w', 6);
	varint_add(&batch, HMI_TAG_ENVELOPE, body.length);
	memcpy(batch.bytes + batch.length, body.bytes, body.length);
	batch.length += body.length;
	return batch;
}

/* Neither a payload nor the search for one leaves its envelope, though the batch goes on behind it. */
Test(batch, next__payloads_end_with_their_envelope)
{
	static const size_t lengths[] = { 0, 127, 128, 200 };

	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t length = lengths[i / 2];
		struct made batch = two_envelopes(length, length, i % 2 != 0);
		struct hmi_reader reader = hmi_batch_reader(batch.bytes, batch.length);
		struct hmi_envelope envelope;

		cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
		cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
		cr_assert_eq(envelope.to, 1);
		cr_assert_eq(envelope.payload_length, length);
		cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
		cr_assert_eq(envelope.to, 2);
		cr_assert_eq(envelope.type, 4);
		cr_assert_eq(envelope.payload_length, 6);
		cr_assert_eq(hmi_batch_next(&reader, &envelope), 0);
		batch = two_envelopes(length, length + (i % 2 != 0 ? 8 : 1), i % 2 != 0);
		reader = hmi_batch_reader(batch.bytes, batch.length);
		cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
		cr_assert_eq(hmi_batch_next(&reader, &envelope), -EBADMSG, "%zu", length);
	}
}

/* ---- The usual form, and all that is nearly of it ----------------------------------------- */

/* What is read inline is what the reader of any form reads. */
static void
same_as_any_form(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length > 0 ? length : 1);
	struct hmi_envelope ours, theirs;
	struct hmi_reader usual, any;
	int rc;

	cr_assert_not_null(copy);
	memcpy(copy, bytes, length);
	memset(&ours, 0xee, sizeof(ours));
	usual = any = hmi_batch_reader(copy, length);
	do {
		rc = hmi_batch_next(&usual, &ours);
		cr_assert_eq(hmi_batch_next_any(&any, &theirs), rc);
		if (rc != 1)
			break;
		cr_assert_eq(usual.at, any.at);
		cr_assert_eq(usual.envelope_end, any.envelope_end);
		cr_assert_eq(memcmp(&ours, &theirs, sizeof(ours)), 0);
	} while (rc == 1);
	free(copy);
}

static struct made
usual_batch(bool has_from, size_t payload_length)
{
	struct made body = { .length = 0 }, batch;

	fixed64_add(&body, HMI_TAG_TO, 1);
	if (has_from)
		fixed64_add(&body, HMI_TAG_FROM, 2);
	fixed32_add(&body, HMI_TAG_TYPE, 3);
	bytes_add(&body, HMI_TAG_PAYLOAD, 'x', payload_length);
	batch = batch_of(&body);
	/* The next envelope. */
	varint_add(&batch, HMI_TAG_ENVELOPE, 0);
	return batch;
}

Test(batch, next__usual_form_with_any_byte_changed_or_cut_off)
{
	static const size_t lengths[] = { 0, 1, 8, 9, 10, 102, 103, 110, 111, 112, 127, 128 };

	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct made batch = usual_batch(i % 2 != 0, lengths[i / 2]);

		for (size_t length = 0; length <= batch.length; length++)
			same_as_any_form(batch.bytes, length);
		for (size_t at = 0; at < batch.length; at++) {
			for (unsigned int change = 1; change < 256; change++) {
				batch.bytes[at] ^= (uint8_t)change;
				same_as_any_form(batch.bytes, batch.length);
				batch.bytes[at] ^= (uint8_t)change;
			}
		}
	}
}

/* Three payloads in an envelope whose length takes two bytes. */
static struct made
group_batch(bool has_from, size_t payload_length)
{
	struct made batch = { .length = 0 };
	uint8_t *at = hmi_envelope_begin(batch.bytes, 1, has_from ? 2 : 0, 3);

	for (int i = 0; i < 3; i++) {
		*at++ = HMI_TAG_PAYLOAD;
		*at++ = (uint8_t)payload_length;
		memset(at, 'x' + i, payload_length);
		at += payload_length;
	}
	hmi_envelope_end(batch.bytes, at);
	batch.length = (size_t)(at - batch.bytes);
	return batch;
}

Test(batch, next__group_with_any_byte_changed_or_cut_off)
{
	static const size_t lengths[] = { 0, 1, 40, 127 };

	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct made batch = group_batch(i % 2 != 0, lengths[i / 2]);

		for (size_t length = 0; length <= batch.length; length++)
			same_as_any_form(batch.bytes, length);
		for (size_t at = 0; at < batch.length; at++) {
			for (unsigned int change = 1; change < 256; change++) {
				batch.bytes[at] ^= (uint8_t)change;
				same_as_any_form(batch.bytes, batch.length);
				batch.bytes[at] ^= (uint8_t)change;
			}
		}
	}
}

/* Envelope and batch end at each byte of it; on the heap, so that a sanitizer sees a byte too far. */
Test(batch, next__usual_form_that_ends_early)
{
	for (int from = 0; from < 2; from++) {
		struct made body = { .length = 0 };

		fixed64_add(&body, HMI_TAG_TO, 1);
		if (from)
			fixed64_add(&body, HMI_TAG_FROM, 2);
		fixed32_add(&body, HMI_TAG_TYPE, 3);
		bytes_add(&body, HMI_TAG_PAYLOAD, 'x', 4);
		bytes_add(&body, HMI_TAG_PAYLOAD, 'y', 4);
		for (; body.length > 0; body.length--) {
			struct made batch = batch_of(&body);

			same_as_any_form(batch.bytes, batch.length);
		}
	}
}

Test(batch, next__length_of_two_bytes_whose_second_is_a_tag)
{
	struct made body = { .length = 0 }, batch = { .length = 0 };
	struct hmi_envelope envelope;

	fixed64_add(&body, HMI_TAG_TO, 1);
	fixed64_add(&body, HMI_TAG_FROM, 2);
	fixed32_add(&body, HMI_TAG_TYPE, 3);
	bytes_add(&body, HMI_TAG_PAYLOAD, 'x', 119);
	cr_assert_eq(body.length, 0x90);
	/* The length goes on with the tag of `to`: it is 0x10 + 128 * 9, and the envelope is cut off. */
	byte_add(&batch, HMI_TAG_ENVELOPE);
	byte_add(&batch, (uint8_t)body.length);
	memcpy(batch.bytes + batch.length, body.bytes, body.length);
	batch.length += body.length;
	cr_assert_eq(first_read(batch.bytes, batch.length, &envelope), -EBADMSG);
}
