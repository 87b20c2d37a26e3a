/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WIRE_PVT_H
#define WIRE_PVT_H

/*
 * The session header, and the protobuf Batch behind it, as bytes: docs/wire.md.
 *
 * Reading: hmi_header_read, then hmi_batch_next until it says 0. Whatever the bytes, no
 * read passes the end. Writing: hmi_header_write, hmi_envelope_write.
 *
 * All functions are pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

#include "hm_msg.h"

#define HMI_WIRE_VERSION 1u
#define HMI_HEADER_BYTES 24u
#define HMI_UDP_PORT     17355u

/* Kinds of packets. */
enum hmi_kind {
	HMI_HELLO = 1,    /* I want a session */
	HMI_WELCOME = 2,  /* you have one */
	HMI_REJECT = 3,   /* you have none, and why */
	HMI_DATA = 4,     /* a batch */
	HMI_ACK = 5,      /* acknowledgement without data; also the heartbeat */
	HMI_BYE = 6,      /* the session ends in order */
	HMI_FRAGMENT = 7, /* reserved: a part of a message that fills several packets */
};

/* The header, in host byte order. */
struct hmi_header {
	uint8_t version;
	uint8_t kind;     /* enum hmi_kind */
	uint16_t length;  /* bytes of payload */
	uint32_t session; /* the receiver's id of the session; 0 in HELLO */
	uint32_t number;  /* of this packet; ACK, BYE: of the next one; its low bits */
	uint32_t ack;     /* all before this were received; its low bits */
	uint32_t sack;    /* bit i: ack + 1 + i was received as well */
	uint16_t credit;  /* packets from ack on that may be sent */
};

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

/* Bytes of to, from, type, and the payload's tag and length, all of which stand in most envelopes. */
#define HMI_ENVELOPE_USUAL 25u

/* One message on the wire; the pointers are into the packet. */
struct hmi_envelope {
	uint64_t to, from, from_node;
	uint32_t type, system;
	uint32_t payload_length, path_length;
	const uint8_t *payload; /* NULL: none */
	const uint8_t *path;    /* NULL: none; not zero-terminated */
};

/* Where in a batch the next envelope starts. */
struct hmi_reader {
	const uint8_t *at, *end;
};

/*
 * Write a header of HMI_HEADER_BYTES. Returns what hmi_sum would make of it; summing up what was
 * written a moment ago would have to wait for the memory.
 */
uint64_t hmi_header_write(uint8_t *at, const struct hmi_header *header);

/* Read a header; `length` bytes are there. Returns 0, or -EBADMSG: too short or no header of ours. */
int hmi_header_read(struct hmi_header *header, const uint8_t *at, size_t length);

/*
 * The next envelope of a batch. Fields that are not known are skipped, as protobuf wants it.
 * Returns 1; 0: there is none; -EBADMSG: no protobuf.
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

/* Bytes of an encoded Pid, and at most of an encoded Terminated. */
#define HMI_PID_BYTES        18u
#define HMI_TERMINATED_BYTES 26u

/* Write a message Pid. Returns its end. */
uint8_t *hmi_wire_pid_write(uint8_t *at, struct hm_pid pid);

/* Read a message Pid. Returns 0 or -EBADMSG. */
int hmi_wire_pid_read(const uint8_t *at, size_t length, struct hm_pid *pid);

/* Write a message Terminated. Returns its end. */
uint8_t *hmi_wire_terminated_write(uint8_t *at, const struct hm_terminated *terminated);

/* Read a message Terminated. Returns 0 or -EBADMSG. */
int hmi_wire_terminated_read(const uint8_t *at, size_t length, struct hm_terminated *terminated);

/* ---- Pieces of protobuf ----------------------------------------------------- */

/* Bytes of a varint, 1 to 10. */
static inline uint32_t
hmi_varint_size(uint64_t value)
{
	uint32_t bits = 64u - (uint32_t)__builtin_clzll(value | 1);

	/* ceil(bits / 7), without a division */
	return (bits * 9 + 64) / 64;
}

/* Write a varint. Returns its end. */
static inline uint8_t *
hmi_varint_write(uint8_t *at, uint64_t value)
{
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

/* As hmi_varint_read, for varints of several bytes. */
const uint8_t *hmi_varint_read_long(const uint8_t *at, const uint8_t *end, uint64_t *value);

/* Read a varint. Returns its end, or NULL: truncated, or longer than 10 bytes. */
static inline const uint8_t *
hmi_varint_read(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
	if (at < end && *at < 0x80) {
		*value = *at;
		return at + 1;
	}
	return hmi_varint_read_long(at, end, value);
}

/* Skip the value of an unknown field. Returns its end, or NULL: truncated, or no such wire type. */
const uint8_t *hmi_field_skip(const uint8_t *at, const uint8_t *end, uint64_t tag);

static inline uint8_t *
hmi_fixed64_write(uint8_t *at, uint64_t value)
{
	value = rte_cpu_to_le_64(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static inline uint8_t *
hmi_fixed32_write(uint8_t *at, uint32_t value)
{
	value = rte_cpu_to_le_32(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static inline uint64_t
hmi_fixed64_read(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return rte_le_to_cpu_64(value);
}

static inline uint32_t
hmi_fixed32_read(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return rte_le_to_cpu_32(value);
}

#endif /* WIRE_PVT_H */
