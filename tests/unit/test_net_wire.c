/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The session header and the Batch: our bytes are protobuf's, and protobuf's bytes are read by us.
 */
#include <errno.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "hermod.pb-c.h"

#include "frame_pvt.h"
#include "envelope_pvt.h"
#include "header_pvt.h"
#include "net_lane_pvt.h"
#include "protobuf_pvt.h"
#include "seal_pvt.h"
#include "system_body_pvt.h"

#define ROOM 4096

/* ---- Header -------------------------------------------------------------------- */

static const struct hmi_header example = {
	.version = 3,
	.kind = HMI_DATA,
	.lane = HMI_LANE_USER,
	.window = 255,
	.length = 1500,
	.session = 0x12345678,
	.number = 0x05060708,
	.sequence = 0x090a0b0c,
	.ack = 0x15161718,
	.run = 0x191a,
	.held = 0x1b1c,
	.limit_user = 0x21222324,
	.limit_bulk = 0x25262728,
};

Test(wire, header__bytes_are_those_of_the_document)
{
	static const uint8_t want[HMI_HEADER_BYTES] = {
		'H',  'M',  3,    4,    0x78, 0x56, 0x34, 0x12, 8,    7,    6,    5,    0x0c, 0x0b,
		0x0a, 9,    0x18, 0x17, 0x16, 0x15, 0x1a, 0x19, 0x1c, 0x1b, 0x24, 0x23, 0x22, 0x21,
		0x28, 0x27, 0x26, 0x25, 0xdc, 5,    1,    255,  0,    0,    0,    0,
	};
	struct hmi_header back;
	uint8_t got[HMI_HEADER_BYTES], again[HMI_HEADER_BYTES];

	cr_assert_eq(hmi_sum_fold(hmi_header_write(got, &example)), hmi_sum_fold(hmi_sum(got, sizeof(got))));
	cr_assert_arr_eq(got, want, sizeof(want));
	cr_assert_eq(hmi_header_read(&back, got, sizeof(got)), 0);
	(void)hmi_header_write(again, &back);
	cr_assert_arr_eq(again, want, sizeof(want));
	for (size_t length = 0; length < sizeof(got); length++)
		cr_assert_eq(hmi_header_read(&back, got, length), -EBADMSG);
	got[1] = 'm';
	cr_assert_eq(hmi_header_read(&back, got, sizeof(got)), -EBADMSG);
}

/* The document's packet with a CRC. */
Test(wire, crc__is_that_of_the_document)
{
	static const uint8_t want[] = {
		'H',  'M',  3,    5,    0x78, 0x56, 0x34, 0x12, 8,    7,    6,    5,
		0,    0,    0,    0,    0x18, 0x17, 0x16, 0x15, 0x1a, 0x19, 0x1c, 0x1b,
		0x24, 0x23, 0x22, 0x21, 0x28, 0x27, 0x26, 0x25, 6,    0,    0,    255,
		0xb0, 0xb8, 0xb5, 0xf3, 0x0a, 4,    6,    0,    0,    9,
	};
	struct hmi_header header = example;
	uint8_t got[sizeof(want)];

	header.kind = HMI_ACK;
	header.lane = 0;
	header.sequence = 0;
	header.length = sizeof(want) - HMI_HEADER_BYTES;
	(void)hmi_header_write(got, &header);
	memcpy(got + HMI_HEADER_BYTES, want + HMI_HEADER_BYTES, header.length);
	(void)hmi_seal(got, HMI_ACK, sizeof(got));
	cr_assert_arr_eq(got, want, sizeof(want));
	cr_assert(hmi_seal_holds(want, HMI_ACK, sizeof(want)));
}

/* A handshake has the same first eight bytes, then 16 of 0, then its payload. */
Test(wire, header__of_a_handshake)
{
	static const uint8_t want[HMI_HANDSHAKE_HEADER] = { 'H', 'M', 3, 2, 0x78, 0x56, 0x34, 0x12 };
	struct hmi_header header = { .version = 3, .kind = HMI_WELCOME, .session = 0x12345678 }, back;
	uint8_t got[HMI_HEADER_BYTES];

	cr_assert_eq(hmi_sum_fold(hmi_header_write(got, &header)), hmi_sum_fold(hmi_sum(got, sizeof(want))));
	cr_assert_arr_eq(got, want, sizeof(want));
	for (size_t length = 0; length < sizeof(want); length++)
		cr_assert_eq(hmi_header_read(&back, got, length), -EBADMSG);
	for (uint16_t rest = 0; rest < 1000; rest++) {
		cr_assert_eq(hmi_header_read(&back, got, sizeof(want) + rest), 0);
		cr_assert_eq(back.length, rest);
		cr_assert_eq(back.session, header.session);
	}
}

/* ---- Envelopes ------------------------------------------------------------------- */

/* All combinations of fields, with lengths around the steps of a varint. */
static void
envelope_make(struct hmi_envelope *envelope, uint32_t choice, const uint8_t *bytes)
{
	static const uint32_t lengths[] = { 0, 1, 36, 95, 102, 103, 127, 128, 129, 1000 };

	memset(envelope, 0, sizeof(*envelope));
	envelope->to = 0x0102030405060708u * (choice + 1);
	envelope->from = (choice & 1) != 0 ? 77 : 0;
	envelope->from_node = (choice & 2) != 0 ? UINT64_MAX : 0;
	envelope->type = (choice & 4) != 0 ? 0xdeadbeef : 0;
	envelope->system = (choice & 8) != 0 ? 300 : 0;
	if ((choice & 16) != 0) {
		envelope->payload = bytes;
		envelope->payload_length = lengths[choice / 64 % 10];
	}
	/* A resolve request has no payload. */
	if ((choice & (32 | 16)) == 32) {
		envelope->path = (const uint8_t *)"/user/x";
		envelope->path_length = 7;
	}
}

static void
payload_matches(const struct hmi_envelope *a, const ProtobufCBinaryData *b)
{
	cr_assert_eq(a->payload_length, b->len);
	cr_assert(b->len == 0 || memcmp(a->payload, b->data, b->len) == 0);
}

static void
envelope_matches(const struct hmi_envelope *a, const Hermod__Wire__Envelope *b)
{
	cr_assert_eq(a->to, b->to);
	cr_assert_eq(a->from, b->from);
	cr_assert_eq(a->from_node, b->from_node);
	cr_assert_eq(a->type, b->type);
	cr_assert_eq(a->system, b->system);
	cr_assert_eq(a->path_length, strlen(b->path));
}

Test(wire, envelope__protobuf_reads_what_we_write)
{
	uint8_t bytes[1000], batch[ROOM];
	struct hmi_envelope envelope;

	memset(bytes, 0xa5, sizeof(bytes));
	for (uint32_t choice = 0; choice < 640; choice++) {
		Hermod__Wire__Batch *read;
		uint8_t *end;

		envelope_make(&envelope, choice, bytes);
		end = hmi_envelope_write(batch, &envelope);
		cr_assert_eq((size_t)(end - batch), hmi_envelope_size(&envelope));
		end = hmi_envelope_write(end, &envelope);
		read = hermod__wire__batch__unpack(NULL, (size_t)(end - batch), batch);
		cr_assert_not_null(read);
		cr_assert_eq(read->n_envelopes, 2);
		for (int i = 0; i < 2; i++) {
			envelope_matches(&envelope, read->envelopes[i]);
			cr_assert_eq(read->envelopes[i]->n_payload, envelope.payload != NULL ? 1 : 0);
			if (envelope.payload != NULL)
				payload_matches(&envelope, &read->envelopes[i]->payload[0]);
		}
		hermod__wire__batch__free_unpacked(read, NULL);
	}
}

Test(wire, envelope__head_is_that_of_the_whole)
{
	uint8_t bytes[1000], whole[ROOM], parts[ROOM];
	struct hmi_envelope envelope;

	memset(bytes, 0x5a, sizeof(bytes));
	for (uint32_t choice = 0; choice < 640; choice++) {
		uint8_t *end, *at;

		envelope_make(&envelope, choice | 16, bytes);
		envelope.path = NULL;
		envelope.path_length = 0;
		end = hmi_envelope_write(whole, &envelope);
		at = hmi_envelope_head_write(parts, &envelope, envelope.payload_length);
		cr_assert_eq((size_t)(at - parts),
			     hmi_envelope_head_size(&envelope, envelope.payload_length));
		memcpy(at, bytes, envelope.payload_length);
		cr_assert_eq(at + envelope.payload_length - parts, end - whole);
		cr_assert_arr_eq(parts, whole, (size_t)(end - whole));
	}
}

/* An envelope that protobuf-c wrote: a message for each payload, and one if there is none. */
static void
messages_match(struct hmi_reader *reader, const Hermod__Wire__Envelope *written)
{
	size_t count = written->type != 0 && written->n_payload > 1 ? written->n_payload : 1;
	const ProtobufCBinaryData none = { 0 };
	struct hmi_envelope read;

	/* What the last call left is kept between those of one envelope. */
	for (size_t i = 0; i < count; i++) {
		cr_assert_eq(hmi_batch_next(reader, &read), 1);
		envelope_matches(&read, written);
		payload_matches(&read, i < written->n_payload ? &written->payload[i] : &none);
	}
}

Test(wire, batch__we_read_what_protobuf_writes)
{
	uint8_t bytes[1000], batch[2 * ROOM];

	memset(bytes, 0xa5, sizeof(bytes));
	for (uint32_t choice = 0; choice < 640; choice++) {
		Hermod__Wire__Envelope written = HERMOD__WIRE__ENVELOPE__INIT,
				       *list[2] = { &written, &written };
		Hermod__Wire__Batch whole = HERMOD__WIRE__BATCH__INIT;
		ProtobufCBinaryData payloads[3] = { 0 };
		struct hmi_envelope envelope;
		struct hmi_reader reader;

		envelope_make(&envelope, choice, bytes);
		for (int i = 0; i < 3; i++) {
			payloads[i].data = bytes;
			payloads[i].len = envelope.payload_length / (size_t)(i + 1);
		}
		written.to = envelope.to;
		written.from = envelope.from;
		written.from_node = envelope.from_node;
		written.type = envelope.type;
		written.system = envelope.system;
		written.payload = payloads;
		written.n_payload = envelope.payload != NULL ? 1 + choice % 3 : 0;
		written.path = envelope.path != NULL ? (char *)(uintptr_t)envelope.path : written.path;
		whole.envelopes = list;
		whole.n_envelopes = 2;
		reader = hmi_batch_reader(batch, hermod__wire__batch__pack(&whole, batch));
		messages_match(&reader, &written);
		messages_match(&reader, &written);
		cr_assert_eq(hmi_batch_next(&reader, &envelope), 0);
	}
}

/* Payloads added to one envelope, whose length grows beyond what one byte holds. */
static void
group_check(uint64_t from, uint32_t count, size_t length)
{
	uint8_t batch[9600], *at = hmi_envelope_begin(batch, 1, from, 3);
	Hermod__Wire__Batch *read;

	cr_assert_eq((size_t)(at - batch), hmi_envelope_begin_size(from));
	for (uint32_t i = 0; i < count; i++) {
		*at++ = HMI_TAG_PAYLOAD;
		at = hmi_varint_write(at, length);
		memset(at, (int)i, length);
		at += length;
		hmi_envelope_end(batch, at);
	}
	read = hermod__wire__batch__unpack(NULL, (size_t)(at - batch), batch);
	cr_assert_not_null(read);
	cr_assert_eq(read->n_envelopes, 1);
	cr_assert_eq(read->envelopes[0]->from, from);
	cr_assert_eq(read->envelopes[0]->n_payload, count);
	for (uint32_t i = 0; i < count; i++) {
		cr_assert_eq(read->envelopes[0]->payload[i].len, length);
		cr_assert(length == 0 || read->envelopes[0]->payload[i].data[length - 1] == (uint8_t)i);
	}
	hermod__wire__batch__free_unpacked(read, NULL);
}

Test(wire, envelope__protobuf_reads_all_payloads_of_a_group)
{
	for (uint32_t count = 1; count < 300; count++) {
		group_check(0, count, count % 30);
		group_check(2, count, 29);
	}
	group_check(0, 1, 127);
	group_check(0, 60, 150);
	group_check(5, 4700, 0);
}

Test(wire, batch__unknown_fields_are_skipped)
{
	/* Field 15 of Batch: a varint; field 9 of Envelope: text; field 14: fixed64; 13: fixed32. */
	static const uint8_t batch[] = {
		0x78, 0x96, 0x01, 0x0a, 30,   0x4a, 2, 'h', 'i', 0x71, 1, 2, 3, 4, 5, 6, 7, 8, 0x6d,
		1,    2,    3,    4,    0x25, 1,    0, 0,   0,   0x09, 9, 0, 0, 0, 0, 0, 0, 0,
	};
	struct hmi_envelope envelope;
	struct hmi_reader reader;
	uint8_t copy[sizeof(batch)];

	memcpy(copy, batch, sizeof(batch));
	copy[4] = sizeof(batch) - 5;
	reader = hmi_batch_reader(copy, sizeof(copy));
	cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
	cr_assert_eq(envelope.to, 9);
	cr_assert_eq(envelope.type, 1);
	cr_assert_eq(hmi_batch_next(&reader, &envelope), 0);
}

/* An envelope of so many payloads of 10 bytes. Returns its end. */
static uint8_t *
group_write(uint8_t *start, uint32_t count)
{
	uint8_t *at = hmi_envelope_begin(start, 1, 2, 3);

	for (uint32_t i = 0; i < count; i++) {
		*at++ = HMI_TAG_PAYLOAD;
		*at++ = 10;
		memset(at, (int)i, 10);
		at += 10;
	}
	hmi_envelope_end(start, at);
	return at;
}

Test(wire, batch__every_truncation_is_found_or_harmless)
{
	uint8_t bytes[100] = { 0 }, batch[ROOM], *end = batch;
	struct hmi_envelope envelope;

	for (uint32_t choice = 0; choice < 64; choice += 7) {
		envelope_make(&envelope, choice | 64 * 2, bytes);
		end = hmi_envelope_write(end, &envelope);
	}
	end = group_write(end, 20);
	for (size_t length = 0; length < (size_t)(end - batch); length++) {
		/* On the heap and of exact size, so that a sanitizer sees the first byte too far. */
		uint8_t *exact = malloc(length + 1);
		struct hmi_reader reader = hmi_batch_reader(exact + 1, length);
		int rc;

		memcpy(exact + 1, batch, length);
		do {
			rc = hmi_batch_next(&reader, &envelope);
		} while (rc == 1);
		cr_assert(rc == 0 || rc == -EBADMSG);
		free(exact);
	}
}

Test(wire, varint__all_sizes)
{
	static const uint8_t endless[] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1 };

	for (unsigned int bit = 0; bit < 64; bit++) {
		for (int less = 0; less < 2; less++) {
			uint64_t value = (1ull << bit) - (uint64_t)less, back = 0;
			uint8_t bytes[10], *end = hmi_varint_write(bytes, value);

			cr_assert_eq((uint32_t)(end - bytes), hmi_varint_size(value), "%lu", value);
			cr_assert_eq(hmi_varint_read(bytes, end, &back), end);
			cr_assert_eq(back, value);
			cr_assert_null(hmi_varint_read(bytes, end - 1, &back));
		}
	}
	cr_assert_null(hmi_varint_read(endless, endless + sizeof(endless), &(uint64_t){ 0 }));
}

Test(wire, terminated__there_and_back)
{
	struct hm_terminated terminated = { { 1, 2 }, HM_TERMINATED_FAILED, 0 }, back;
	uint8_t bytes[HMI_TERMINATED_BYTES], *end = hmi_wire_terminated_write(bytes, &terminated);
	Hermod__Wire__Terminated *read;

	cr_assert_eq(hmi_wire_terminated_read(bytes, (size_t)(end - bytes), &back), 0);
	cr_assert(hm_pid_equal(back.who, terminated.who));
	cr_assert_eq(back.reason, terminated.reason);
	read = hermod__wire__terminated__unpack(NULL, (size_t)(end - bytes), bytes);
	cr_assert_not_null(read);
	cr_assert_eq(read->who->node, 1);
	cr_assert_eq(read->who->local, 2);
	cr_assert_eq(read->reason, HM_TERMINATED_FAILED);
	hermod__wire__terminated__free_unpacked(read, NULL);
	for (size_t length = 0; length < (size_t)(end - bytes); length++)
		(void)hmi_wire_terminated_read(bytes, length, &back);
}
