/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEADER_PVT_H
#define HEADER_PVT_H

/*
 * Encodes and decodes the session header of a packet: docs/wire.md. Pure functions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HMI_WIRE_VERSION     3u
#define HMI_HEADER_BYTES     40u /* of a session's packets */
#define HMI_HANDSHAKE_HEADER 24u /* of HELLO, WELCOME and REJECT, in every version */
#define HMI_UDP_PORT         17355u

/* Kinds of packets. */
enum hmi_kind {
	HMI_HELLO = 1,    /* requests a session */
	HMI_WELCOME = 2,  /* accepts the request */
	HMI_REJECT = 3,   /* refuses the request, with a reason */
	HMI_DATA = 4,     /* a batch */
	HMI_ACK = 5,      /* acknowledgement without data; also the heartbeat */
	HMI_BYE = 6,      /* the session ends in order */
	HMI_FRAGMENT = 7, /* reserved: a part of a message that needs several packets */
};

/* The header, in host byte order. */
struct hmi_header {
	uint8_t version;
	uint8_t kind;        /* enum hmi_kind */
	uint8_t lane;        /* DATA: enum hmi_lane_id */
	uint8_t window;      /* packets with data that the receiver of this may have in flight */
	uint16_t length;     /* bytes of payload */
	uint32_t session;    /* the receiver's id of the session; 0 in HELLO */
	uint32_t number;     /* low bits of this packet's number */
	uint32_t sequence;   /* DATA: low bits of the data's sequence in its lane */
	uint32_t ack;        /* low bits of the greatest number that was received; 0: none was */
	uint16_t run;        /* so many numbers right before `ack` were received, too */
	uint16_t held;       /* since that one came, in HMI_HELD_NS */
	uint32_t limit_user; /* low bits of the first sequence of users' lane that may not be sent yet */
	uint32_t limit_bulk; /* the same of the lane for bulk */
};

#define HMI_HELD_NS 256u

/* The longest time that can be said is 16.8 ms, and what is longer is said as that. */
static inline uint16_t
hmi_header_held(uint64_t ns)
{
	uint64_t held = ns / HMI_HELD_NS;

	return held < UINT16_MAX ? (uint16_t)held : UINT16_MAX;
}

static inline uint64_t
hmi_header_held_ns(uint16_t held)
{
	return (uint64_t)held * HMI_HELD_NS;
}

static inline bool
hmi_kind_is_handshake(uint8_t kind)
{
	return kind == HMI_HELLO || kind == HMI_WELCOME || kind == HMI_REJECT;
}

/* Bytes of the header before the payload. */
static inline uint32_t
hmi_header_bytes(uint8_t kind)
{
	return hmi_kind_is_handshake(kind) ? HMI_HANDSHAKE_HEADER : HMI_HEADER_BYTES;
}

/*
 * Write a header of hmi_header_bytes. Returns its hmi_sum, computed before the write: to read back what was just
 * written would stall.
 */
uint64_t hmi_header_write(uint8_t *at, const struct hmi_header *header);

/*
 * Read a header from `length` bytes. Of a handshake, and of another version, `length` is the rest. Returns 0, or
 * -EBADMSG: too short, or wrong magic.
 */
int hmi_header_read(struct hmi_header *header, const uint8_t *at, size_t length);

#endif /* HEADER_PVT_H */
