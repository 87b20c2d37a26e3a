/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVELOPE_PVT_H
#define ENVELOPE_PVT_H

/*
 * Encodes and decodes the protobuf Batch behind a session header, and its envelopes: docs/wire.md.
 *
 * To read, call hmi_batch_next until it returns 0 or an error. No read passes the end of the input.
 * All functions are pure.
 */

#include <stddef.h>
#include <stdint.h>

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
 * Read the next envelope of a batch. Unknown fields are skipped, as protobuf requires.
 * Returns 1; 0: there is none; -EBADMSG: not protobuf.
 */
int hmi_batch_next(struct hmi_reader *reader, struct hmi_envelope *envelope);

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
