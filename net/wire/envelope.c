/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Encoder and decoder for batches of envelopes.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <rte_branch_prediction.h>

#include "envelope_pvt.h"
#include "protobuf_pvt.h"

/* ---- Reading ------------------------------------------------------------------------ */

/* Read one field of an envelope. Returns its end, or NULL: not protobuf. */
static const uint8_t *
envelope_field(const uint8_t *at, const uint8_t *end, uint64_t tag, struct hmi_envelope *envelope)
{
	uint64_t value;

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
		return hmi_delimited_read(at, end, &envelope->payload, &envelope->payload_length);
	case HMI_TAG_PATH:
		return hmi_delimited_read(at, end, &envelope->path, &envelope->path_length);
	default:
		return hmi_field_skip(at, end, tag);
	}
}

/* Read the fields of an envelope up to its first payload. Returns where it stopped, or NULL: not protobuf. */
static const uint8_t *
envelope_read(const uint8_t *at, const uint8_t *end, struct hmi_envelope *envelope)
{
	uint64_t tag = 0;

	/* An absent payload is empty, not NULL: decoders add the length to the pointer. */
	*envelope = (struct hmi_envelope){ .payload = end };
	while (at < end && tag != HMI_TAG_PAYLOAD) {
		at = hmi_varint_read(at, end, &tag);
		if (unlikely(at == NULL))
			return NULL;
		at = envelope_field(at, end, tag, envelope);
		if (unlikely(at == NULL))
			return NULL;
	}
	return at;
}

/* Find the next payload of an envelope. Returns its end; the envelope's, if there is none; or NULL: not protobuf. */
static const uint8_t *
payload_read(const uint8_t *at, const uint8_t *end, struct hmi_envelope *envelope, bool *found)
{
	uint64_t tag;

	*found = false;
	while (at < end && !*found) {
		at = hmi_varint_read(at, end, &tag);
		if (unlikely(at == NULL))
			return NULL;
		*found = tag == HMI_TAG_PAYLOAD;
		at = *found ? hmi_delimited_read(at, end, &envelope->payload, &envelope->payload_length)
			    : hmi_field_skip(at, end, tag);
		if (unlikely(at == NULL))
			return NULL;
	}
	return at;
}

/* Enter the next envelope of a batch. Returns 1; 0: there is none; -EBADMSG: not protobuf. */
static int
envelope_next(struct hmi_reader *reader)
{
	const uint8_t *at = reader->at, *end = reader->end;
	const uint8_t *bytes;
	uint32_t length;
	uint64_t tag;

	while (at < end) {
		at = hmi_varint_read(at, end, &tag);
		if (unlikely(at == NULL))
			return -EBADMSG;
		if (likely(tag == HMI_TAG_ENVELOPE)) {
			at = hmi_delimited_read(at, end, &bytes, &length);
			if (unlikely(at == NULL))
				return -EBADMSG;
			reader->at = bytes;
			reader->envelope_end = at;
			return 1;
		}
		at = hmi_field_skip(at, end, tag);
		if (at == NULL)
			return -EBADMSG;
	}
	reader->at = reader->envelope_end = end;
	return 0;
}

int
hmi_batch_next_any(struct hmi_reader *reader, struct hmi_envelope *envelope)
{
	const uint8_t *at = reader->at;
	bool found = false;
	int rc;

	if (at != reader->envelope_end) {
		at = payload_read(at, reader->envelope_end, envelope, &found);
		if (unlikely(at == NULL))
			return -EBADMSG;
		reader->at = at;
		if (found)
			return 1;
	}
	rc = envelope_next(reader);
	if (rc != 1)
		return rc;
	at = envelope_read(reader->at, reader->envelope_end, envelope);
	if (unlikely(at == NULL))
		return -EBADMSG;
	/* Only a message of a type is repeated by further payloads. */
	reader->at = envelope->type != 0 ? at : reader->envelope_end;
	return 1;
}

/* ---- Writing ------------------------------------------------------------------------ */

/* Bytes of all fields before payload and path. */
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

/* Bytes of a length-delimited field; 0 if it is absent. */
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
