/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The session header and the outer protobuf messages, written and read by hand.
 */
#include <errno.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "wire_pvt.h"

#define MAGIC_0 'H'
#define MAGIC_1 'M'

/* Wire types of protobuf. */
#define TYPE_VARINT  0
#define TYPE_FIXED64 1
#define TYPE_BYTES   2
#define TYPE_FIXED32 5

/* ---- Session header ---------------------------------------------------------- */

uint64_t
hmi_header_write(uint8_t *at, const struct hmi_header *header)
{
	uint64_t words[HMI_HEADER_BYTES / sizeof(uint64_t)] = {
		rte_cpu_to_le_64(MAGIC_0 | MAGIC_1 << 8 | (uint64_t)header->version << 16 |
				 (uint64_t)header->kind << 24 | (uint64_t)header->session << 32),
		rte_cpu_to_le_64(header->number | (uint64_t)header->ack << 32),
		rte_cpu_to_le_64(header->sack | (uint64_t)header->length << 32 |
				 (uint64_t)header->credit << 48),
	};
	uint64_t sum = 0;

	memcpy(at, words, sizeof(words));
	for (size_t i = 0; i < RTE_DIM(words); i++)
		sum += (words[i] & UINT32_MAX) + (words[i] >> 32);
	return sum;
}

int
hmi_header_read(struct hmi_header *header, const uint8_t *at, size_t length)
{
	uint32_t last;

	if (length < HMI_HEADER_BYTES || at[0] != MAGIC_0 || at[1] != MAGIC_1)
		return -EBADMSG;
	header->version = at[2];
	header->kind = at[3];
	header->session = hmi_fixed32_read(at + 4);
	header->number = hmi_fixed32_read(at + 8);
	header->ack = hmi_fixed32_read(at + 12);
	header->sack = hmi_fixed32_read(at + 16);
	last = hmi_fixed32_read(at + 20);
	header->length = (uint16_t)last;
	header->credit = (uint16_t)(last >> 16);
	return 0;
}

/* ---- Reading ------------------------------------------------------------------ */

const uint8_t *
hmi_varint_read_long(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
	uint64_t result = 0;

	for (unsigned int shift = 0; shift < 70 && at < end; shift += 7) {
		uint8_t byte = *at++;

		/* The tenth byte holds one bit; protobuf drops what is beyond 64. */
		if (shift < 64)
			result |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = result;
			return at;
		}
	}
	return NULL;
}

/* Skip `bytes`. Returns the end, or NULL: there are fewer. */
static const uint8_t *
bytes_skip(const uint8_t *at, const uint8_t *end, uint64_t bytes)
{
	return bytes <= (uint64_t)(end - at) ? at + bytes : NULL;
}

const uint8_t *
hmi_field_skip(const uint8_t *at, const uint8_t *end, uint64_t tag)
{
	uint64_t value;

	/* Field number 0 is no field. */
	if (tag >> 3 == 0)
		return NULL;
	switch (tag & 7) {
	case TYPE_VARINT:
		return hmi_varint_read(at, end, &value);
	case TYPE_FIXED64:
		return bytes_skip(at, end, 8);
	case TYPE_FIXED32:
		return bytes_skip(at, end, 4);
	case TYPE_BYTES:
		at = hmi_varint_read(at, end, &value);
		return at == NULL ? NULL : bytes_skip(at, end, value);
	default:
		/* Groups went out of use before hermod came into it. */
		return NULL;
	}
}

/* Read a field of bytes. Returns its end, or NULL: truncated. */
static const uint8_t *
bytes_read(const uint8_t *at, const uint8_t *end, const uint8_t **bytes, uint32_t *length)
{
	uint64_t value;

	at = hmi_varint_read(at, end, &value);
	if (unlikely(at == NULL || value > (uint64_t)(end - at)))
		return NULL;
	*bytes = at;
	*length = (uint32_t)value;
	return at + value;
}

/* Read one field of an envelope. Returns its end, or NULL: no protobuf. */
static const uint8_t *
envelope_field(const uint8_t *at, const uint8_t *end, struct hmi_envelope *envelope)
{
	uint64_t tag, value;

	at = hmi_varint_read(at, end, &tag);
	if (unlikely(at == NULL))
		return NULL;
	switch (tag) {
	case HMI_TAG_TO:
	case HMI_TAG_FROM:
	case HMI_TAG_FROM_NODE:
		if (unlikely(end - at < 8))
			return NULL;
		value = hmi_fixed64_read(at);
		if (tag == HMI_TAG_TO)
			envelope->to = value;
		else if (tag == HMI_TAG_FROM)
			envelope->from = value;
		else
			envelope->from_node = value;
		return at + 8;
	case HMI_TAG_TYPE:
		if (unlikely(end - at < 4))
			return NULL;
		envelope->type = hmi_fixed32_read(at);
		return at + 4;
	case HMI_TAG_SYSTEM:
		at = hmi_varint_read(at, end, &value);
		envelope->system = at != NULL ? (uint32_t)value : 0;
		return at;
	case HMI_TAG_PAYLOAD:
		return bytes_read(at, end, &envelope->payload, &envelope->payload_length);
	case HMI_TAG_PATH:
		return bytes_read(at, end, &envelope->path, &envelope->path_length);
	default:
		return hmi_field_skip(at, end, tag);
	}
}

/*
 * The form in which hermod writes a message of a registered type: to, [from], type, payload, with
 * lengths of one byte. Returns whether it was that, and then the envelope is complete.
 */
static bool
envelope_read_usual(const uint8_t *at, const uint8_t *end, struct hmi_envelope *envelope)
{
	if (unlikely(end - at < 9 + 9 + 5 + 2 || at[0] != HMI_TAG_TO))
		return false;
	envelope->to = hmi_fixed64_read(at + 1);
	at += 9;
	if (at[0] == HMI_TAG_FROM) {
		envelope->from = hmi_fixed64_read(at + 1);
		at += 9;
	}
	if (unlikely(at[0] != HMI_TAG_TYPE || end - at < 7 || at[5] != HMI_TAG_PAYLOAD ||
		     at[6] != end - at - 7 || at[6] >= 0x80))
		return false;
	envelope->type = hmi_fixed32_read(at + 1);
	envelope->payload = at + 7;
	envelope->payload_length = at[6];
	return true;
}

static int
envelope_read(const uint8_t *at, const uint8_t *end, struct hmi_envelope *envelope)
{
	memset(envelope, 0, sizeof(*envelope));
	if (likely(envelope_read_usual(at, end, envelope)))
		return 1;
	memset(envelope, 0, sizeof(*envelope));
	while (at < end) {
		at = envelope_field(at, end, envelope);
		if (unlikely(at == NULL))
			return -EBADMSG;
	}
	return 1;
}

int
hmi_batch_next(struct hmi_reader *reader, struct hmi_envelope *envelope)
{
	const uint8_t *at = reader->at, *end = reader->end;
	const uint8_t *bytes;
	uint32_t length;
	uint64_t tag;

	while (at < end) {
		at = hmi_varint_read(at, end, &tag);
		if (unlikely(at == NULL))
			return -EBADMSG;
		if (unlikely(tag != HMI_TAG_ENVELOPE)) {
			at = hmi_field_skip(at, end, tag);
			if (at == NULL)
				return -EBADMSG;
			continue;
		}
		at = bytes_read(at, end, &bytes, &length);
		if (unlikely(at == NULL))
			return -EBADMSG;
		reader->at = at;
		return envelope_read(bytes, at, envelope);
	}
	reader->at = end;
	return 0;
}

/* ---- Writing ------------------------------------------------------------------ */

/* Bytes of all fields in front of payload and path. */
static size_t
address_size(const struct hmi_envelope *envelope)
{
	size_t size = 9;

	if (envelope->from != 0)
		size += 9;
	if (envelope->from_node != 0)
		size += 9;
	if (envelope->type != 0)
		size += 5;
	if (envelope->system != 0)
		size += 1 + hmi_varint_size(envelope->system);
	return size;
}

static uint8_t *
address_write(uint8_t *at, const struct hmi_envelope *envelope)
{
	*at++ = HMI_TAG_TO;
	at = hmi_fixed64_write(at, envelope->to);
	if (envelope->from != 0) {
		*at++ = HMI_TAG_FROM;
		at = hmi_fixed64_write(at, envelope->from);
	}
	if (envelope->from_node != 0) {
		*at++ = HMI_TAG_FROM_NODE;
		at = hmi_fixed64_write(at, envelope->from_node);
	}
	if (envelope->type != 0) {
		*at++ = HMI_TAG_TYPE;
		at = hmi_fixed32_write(at, envelope->type);
	}
	if (envelope->system != 0) {
		*at++ = HMI_TAG_SYSTEM;
		at = hmi_varint_write(at, envelope->system);
	}
	return at;
}

/* Bytes of a field of bytes, 0 if it is not there. */
static size_t
bytes_size(const uint8_t *bytes, uint32_t length)
{
	return bytes != NULL ? 1 + hmi_varint_size(length) + length : 0;
}

static size_t
body_size(const struct hmi_envelope *envelope)
{
	return address_size(envelope) + bytes_size(envelope->payload, envelope->payload_length) +
	       bytes_size(envelope->path, envelope->path_length);
}

size_t
hmi_envelope_size(const struct hmi_envelope *envelope)
{
	size_t body = body_size(envelope);

	return 1 + hmi_varint_size(body) + body;
}

static uint8_t *
bytes_write(uint8_t *at, uint8_t tag, const uint8_t *bytes, uint32_t length)
{
	*at++ = tag;
	at = hmi_varint_write(at, length);
	memcpy(at, bytes, length);
	return at + length;
}

uint8_t *
hmi_envelope_write(uint8_t *at, const struct hmi_envelope *envelope)
{
	*at++ = HMI_TAG_ENVELOPE;
	at = hmi_varint_write(at, body_size(envelope));
	at = address_write(at, envelope);
	if (envelope->payload != NULL)
		at = bytes_write(at, HMI_TAG_PAYLOAD, envelope->payload, envelope->payload_length);
	if (envelope->path != NULL)
		at = bytes_write(at, HMI_TAG_PATH, envelope->path, envelope->path_length);
	return at;
}

size_t
hmi_envelope_head_size(const struct hmi_envelope *envelope, size_t length)
{
	size_t head = address_size(envelope) + 1 + hmi_varint_size(length);

	return 1 + hmi_varint_size(head + length) + head;
}

uint8_t *
hmi_envelope_head_write(uint8_t *at, const struct hmi_envelope *envelope, size_t length)
{
	size_t body = address_size(envelope) + 1 + hmi_varint_size(length) + length;

	*at++ = HMI_TAG_ENVELOPE;
	at = hmi_varint_write(at, body);
	at = address_write(at, envelope);
	*at++ = HMI_TAG_PAYLOAD;
	return hmi_varint_write(at, length);
}

/* ---- Bodies of the engine's own messages --------------------------------------- */

#define TAG_PID_NODE          0x09
#define TAG_PID_LOCAL         0x11
#define TAG_TERMINATED_WHO    0x0a
#define TAG_TERMINATED_REASON 0x10

uint8_t *
hmi_wire_pid_write(uint8_t *at, struct hm_pid pid)
{
	*at++ = TAG_PID_NODE;
	at = hmi_fixed64_write(at, pid.node);
	*at++ = TAG_PID_LOCAL;
	return hmi_fixed64_write(at, pid.local);
}

int
hmi_wire_pid_read(const uint8_t *at, size_t length, struct hm_pid *pid)
{
	const uint8_t *end = at + length;
	uint64_t tag;

	*pid = hm_pid_none();
	while (at < end) {
		at = hmi_varint_read(at, end, &tag);
		if (at == NULL)
			return -EBADMSG;
		if ((tag == TAG_PID_NODE || tag == TAG_PID_LOCAL) && end - at >= 8)
			*(tag == TAG_PID_NODE ? &pid->node : &pid->local) = hmi_fixed64_read(at);
		at = hmi_field_skip(at, end, tag);
		if (at == NULL)
			return -EBADMSG;
	}
	return 0;
}

uint8_t *
hmi_wire_terminated_write(uint8_t *at, const struct hm_terminated *terminated)
{
	*at++ = TAG_TERMINATED_WHO;
	*at++ = HMI_PID_BYTES;
	at = hmi_wire_pid_write(at, terminated->who);
	*at++ = TAG_TERMINATED_REASON;
	return hmi_varint_write(at, terminated->reason);
}

int
hmi_wire_terminated_read(const uint8_t *at, size_t length, struct hm_terminated *terminated)
{
	const uint8_t *end = at + length, *bytes;
	uint32_t bytes_length;
	uint64_t tag, value;

	memset(terminated, 0, sizeof(*terminated));
	while (at < end) {
		at = hmi_varint_read(at, end, &tag);
		if (at == NULL)
			return -EBADMSG;
		if (tag == TAG_TERMINATED_REASON && hmi_varint_read(at, end, &value) != NULL)
			terminated->reason = (uint32_t)value;
		if (tag == TAG_TERMINATED_WHO && bytes_read(at, end, &bytes, &bytes_length) != NULL &&
		    hmi_wire_pid_read(bytes, bytes_length, &terminated->who) != 0)
			return -EBADMSG;
		at = hmi_field_skip(at, end, tag);
		if (at == NULL)
			return -EBADMSG;
	}
	return 0;
}
