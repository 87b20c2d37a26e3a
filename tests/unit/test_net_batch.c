/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Batches as another node may write them; and the common form, which is read inline, beside any other.
 */
#include "test_net_made.h"

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

/* ---- The common form, and all that is nearly of it ----------------------------------------- */

/* What is read inline is what the reader of any form reads. */
static void
same_as_any_form(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length > 0 ? length : 1);
	struct hmi_envelope ours, theirs;
	struct hmi_reader common, any;
	int rc;

	cr_assert_not_null(copy);
	memcpy(copy, bytes, length);
	memset(&ours, 0xee, sizeof(ours));
	common = any = hmi_batch_reader(copy, length);
	do {
		rc = hmi_batch_next(&common, &ours);
		cr_assert_eq(hmi_batch_next_any(&any, &theirs), rc);
		if (rc != 1)
			break;
		cr_assert_eq(common.at, any.at);
		cr_assert_eq(common.envelope_end, any.envelope_end);
		cr_assert_eq(memcmp(&ours, &theirs, sizeof(ours)), 0);
	} while (rc == 1);
	free(copy);
}

/* With its end cut off, and with any one byte changed. */
static void
same_whatever_changes(struct made *batch)
{
	for (size_t length = 0; length <= batch->length; length++)
		same_as_any_form(batch->bytes, length);
	for (size_t at = 0; at < batch->length; at++) {
		for (unsigned int change = 1; change < 256; change++) {
			batch->bytes[at] ^= (uint8_t)change;
			same_as_any_form(batch->bytes, batch->length);
			batch->bytes[at] ^= (uint8_t)change;
		}
	}
}

static struct made
common_batch(bool has_from, size_t payload_length)
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

Test(batch, next__common_form_with_any_byte_changed_or_cut_off)
{
	static const size_t lengths[] = { 0, 1, 8, 9, 10, 102, 103, 110, 111, 112, 127, 128 };

	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct made batch = common_batch(i % 2 != 0, lengths[i / 2]);

		same_whatever_changes(&batch);
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

		same_whatever_changes(&batch);
	}
}

/* Envelope and batch end at each byte of it; on the heap, so that a sanitizer sees a byte too far. */
Test(batch, next__common_form_that_ends_early)
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
