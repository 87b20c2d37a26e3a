/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVELOPE_PVT_H
#define ENVELOPE_PVT_H

/*
 * Encodes and decodes the protobuf Batch behind a session header, and its envelopes: docs/wire.md.
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

/* Bytes of to, from, type, and the payload's tag and length, which most envelopes have. */
#define HMI_ENVELOPE_COMMON 25u

/* One encoded message; the pointers are into the packet. */
struct hmi_envelope {
	uint64_t to, from, from_node;
	uint32_t type, system;
	uint32_t payload_length, path_length;
	const uint8_t *payload; /* writing: NULL: none; reading: never NULL */
	const uint8_t *path;    /* NULL: none; not zero-terminated */
};

/* Where in a batch the next envelope starts. */
struct hmi_reader {
	const uint8_t *at, *end;
};

/*
 * Read an envelope of the common form, in which hermod writes most messages of registered types: to, [from],
 * type, payload. It has less than 128 bytes, so the payload's length has one. Returns whether it was this form;
 * if so, the envelope is complete.
 */
static inline bool
hmi_envelope_read_common(const uint8_t *at, const uint8_t *end, struct hmi_envelope *envelope)
{
	uint64_t from = 0;

	if (unlikely(end - at < 9 + 9 + 5 + 2 || at[0] != HMI_TAG_TO))
		return false;
	envelope->to = hmi_fixed64_read(at + 1);
	at += 9;
	if (at[0] == HMI_TAG_FROM) {
		from = hmi_fixed64_read(at + 1);
		at += 9;
	}
	if (unlikely(at[0] != HMI_TAG_TYPE || end - at < 7 || at[5] != HMI_TAG_PAYLOAD ||
		     at[6] != end - at - 7))
		return false;
	envelope->from = from;
	envelope->from_node = 0;
	envelope->type = hmi_fixed32_read(at + 1);
	envelope->system = 0;
	envelope->payload = at + 7;
	envelope->payload_length = at[6];
	envelope->path = NULL;
	envelope->path_length = 0;
	return true;
}

/* As hmi_batch_next, for envelopes of any form. */
int hmi_batch_next_any(struct hmi_reader *reader, struct hmi_envelope *envelope);

/*
 * Read the next envelope of a batch. Unknown fields are skipped, as protobuf requires.
 * Returns 1; 0: there is none; -EBADMSG: not protobuf.
 */
static inline int
hmi_batch_next(struct hmi_reader *reader, struct hmi_envelope *envelope)
{
	const uint8_t *at = reader->at;

	if (likely(reader->end - at >= 2 && at[0] == HMI_TAG_ENVELOPE && at[1] < 0x80 &&
		   at[1] <= reader->end - at - 2) &&
	    likely(hmi_envelope_read_common(at + 2, at + 2 + at[1], envelope))) {
		reader->at = at + 2 + at[1];
		return 1;
	}
	return hmi_batch_next_any(reader, envelope);
}

/* Bytes that hmi_envelope_write writes. */
size_t hmi_envelope_size(const struct hmi_envelope *envelope);

/* Write an envelope, its tag and length included. Returns the end. */
uint8_t *hmi_envelope_write(uint8_t *at, const struct hmi_envelope *envelope);

/*
 * As hmi_envelope_size and hmi_envelope_write, for an envelope with a payload of `length` bytes that
 * the caller writes itself, right behind what these count and write.
 */
size_t hmi_envelope_head_size(const struct hmi_envelope *envelope, size_t length);
uint8_t *hmi_envelope_head_write(uint8_t *at, const struct hmi_envelope *envelope, size_t length);

#endif /* ENVELOPE_PVT_H */
