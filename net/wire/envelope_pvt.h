/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVELOPE_PVT_H
#define ENVELOPE_PVT_H

/*
 * Encodes and decodes the protobuf Batch behind a session header, and its envelopes: docs/wire.md.
 *
 *     Batch ─▶ Envelope: to, from, type ─▶ payload, payload, ...     one message each
 *
 * To read, call hmi_batch_next until it returns 0 or an error. No read passes the end of the input.
 * All functions are pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_branch_prediction.h>

#include "protobuf_pvt.h"

/* Tags of Envelope's fields: number and wire type. */
enum hmi_tag {
	HMI_TAG_ENVELOPE = 0x0a,
	HMI_TAG_TO = 0x09,
	HMI_TAG_FROM = 0x11,
	HMI_TAG_FROM_NODE = 0x19,
	HMI_TAG_TYPE = 0x25,
	HMI_TAG_SYSTEM = 0x28,
	HMI_TAG_PAYLOAD = 0x32,
	HMI_TAG_PATH = 0x3a,
};

/* One encoded message; the pointers are into the packet. */
struct hmi_envelope {
	uint64_t to, from, from_node;
	uint32_t type, system;
	uint32_t payload_length, path_length;
	const uint8_t *payload; /* writing: NULL: none; reading: never NULL */
	const uint8_t *path;    /* NULL: none; not zero-terminated */
};

/* ---- Reading ---------------------------------------------------------------------------- */

/* Where in a batch the next message starts: at `at`, within an envelope if that is not its end. */
struct hmi_reader {
	const uint8_t *at, *envelope_end, *end;
};

/* A reader at the start of a batch. */
static inline struct hmi_reader
hmi_batch_reader(const uint8_t *batch, size_t length)
{
	return (struct hmi_reader){ batch, batch, batch + length };
}

/* Read a payload of less than 128 bytes, if there is one at `at`. Returns its end; NULL: there is none. */
static inline const uint8_t *
hmi_payload_read_short(const uint8_t *at, const uint8_t *end, struct hmi_envelope *envelope)
{
	if (unlikely(end - at < 2 || at[0] != HMI_TAG_PAYLOAD || at[1] >= 0x80 || at[1] > end - at - 2))
		return NULL;
	envelope->payload = at + 2;
	envelope->payload_length = at[1];
	return at + 2 + at[1];
}

/*
 * Read the start of an envelope of the form in which hermod writes messages of registered types: to, [from],
 * type, payloads of less than 128 bytes. Returns the end of the first payload; NULL: it is not of this form.
 */
static inline const uint8_t *
hmi_envelope_read_common(const uint8_t *at, const uint8_t *end, struct hmi_envelope *envelope)
{
	if (unlikely(end - at < 9 + 5 || at[0] != HMI_TAG_TO))
		return NULL;
	*envelope = (struct hmi_envelope){ .to = hmi_fixed64_read(at + 1) };
	at += 9;
	if (at[0] == HMI_TAG_FROM && end - at >= 9 + 5) {
		envelope->from = hmi_fixed64_read(at + 1);
		at += 9;
	}
	if (unlikely(at[0] != HMI_TAG_TYPE))
		return NULL;
	envelope->type = hmi_fixed32_read(at + 1);
	if (unlikely(envelope->type == 0))
		return NULL;
	return hmi_payload_read_short(at + 5, end, envelope);
}

/* Enter an envelope whose length takes one byte or two. Returns its content; NULL: there is none at `at`. */
static inline const uint8_t *
hmi_envelope_enter(const uint8_t *at, const uint8_t *end, const uint8_t **envelope_end)
{
	uint32_t length;

	if (unlikely(end - at < 3 || at[0] != HMI_TAG_ENVELOPE))
		return NULL;
	length = at[1];
	at += 2;
	if (likely(length >= 0x80)) {
		if (unlikely(at[0] >= 0x80))
			return NULL;
		length = (length & 0x7f) | (uint32_t)at[0] << 7;
		at++;
	}
	if (unlikely(length > end - at))
		return NULL;
	*envelope_end = at + length;
	return at;
}

/* As hmi_batch_next, for envelopes of any form. */
int hmi_batch_next_any(struct hmi_reader *reader, struct hmi_envelope *envelope);

/*
 * Read the next message of a batch into an envelope that is kept between calls. Unknown fields are skipped,
 * as protobuf requires. Returns 1; 0: there is none; -EBADMSG: not protobuf.
 */
static inline int
hmi_batch_next(struct hmi_reader *reader, struct hmi_envelope *envelope)
{
	const uint8_t *at = reader->at, *envelope_end = reader->envelope_end;

	if (at != envelope_end) {
		at = hmi_payload_read_short(at, envelope_end, envelope);
	} else {
		at = hmi_envelope_enter(at, reader->end, &envelope_end);
		if (likely(at != NULL))
			at = hmi_envelope_read_common(at, envelope_end, envelope);
	}
	if (unlikely(at == NULL))
		return hmi_batch_next_any(reader, envelope);
	reader->at = at;
	reader->envelope_end = envelope_end;
	return 1;
}

/* ---- Writing ---------------------------------------------------------------------------- */

/*
 * An envelope to which payloads are added: hmi_envelope_begin writes what comes before them, and hmi_envelope_end
 * sets the length after each. The length takes two bytes whatever its value, so that nothing has to move.
 */
#define HMI_ENVELOPE_MAX 0x3fffu /* bytes of its content */

/* Bytes that hmi_envelope_begin writes. from: 0: no sender. */
static inline size_t
hmi_envelope_begin_size(uint64_t from)
{
	return 1 + 2 + 9 + (from != 0 ? 9 : 0) + 5;
}

/* Returns where the first payload goes. */
static inline uint8_t *
hmi_envelope_begin(uint8_t *at, uint64_t to, uint64_t from, uint32_t type)
{
	*at = HMI_TAG_ENVELOPE;
	at[3] = HMI_TAG_TO;
	at = hmi_fixed64_write(at + 4, to);
	if (from != 0) {
		*at = HMI_TAG_FROM;
		at = hmi_fixed64_write(at + 1, from);
	}
	*at = HMI_TAG_TYPE;
	return hmi_fixed32_write(at + 1, type);
}

/* Set the length of the envelope at `start`, whose last payload ends at `end`. */
static inline void
hmi_envelope_end(uint8_t *start, const uint8_t *end)
{
	uint32_t length = (uint32_t)(end - start) - 3;

	start[1] = (uint8_t)(length | 0x80);
	start[2] = (uint8_t)(length >> 7);
}

/* Bytes that hmi_envelope_write writes. */
size_t hmi_envelope_size(const struct hmi_envelope *envelope);

/* Write an envelope of one message, its tag and length included. Returns the end. */
uint8_t *hmi_envelope_write(uint8_t *at, const struct hmi_envelope *envelope);

/*
 * As hmi_envelope_size and hmi_envelope_write, for an envelope with a payload of `length` bytes that
 * the caller writes itself, right behind what these count and write.
 */
size_t hmi_envelope_head_size(const struct hmi_envelope *envelope, size_t length);
uint8_t *hmi_envelope_head_write(uint8_t *at, const struct hmi_envelope *envelope, size_t length);

#endif /* ENVELOPE_PVT_H */
