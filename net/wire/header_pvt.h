/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEADER_PVT_H
#define HEADER_PVT_H

/*
 * The session header of a packet, as bytes: docs/wire.md. Pure functions.
 */

#include <stddef.h>
#include <stdint.h>

#define HMI_WIRE_VERSION 1u
#define HMI_HEADER_BYTES 24u
#define HMI_UDP_PORT     17355u

/* Kinds of packets. */
enum hmi_kind {
	HMI_HELLO = 1,    /* requests a session */
	HMI_WELCOME = 2,  /* accepts the request */
	HMI_REJECT = 3,   /* refuses it, and why */
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

/*
 * Write a header of HMI_HEADER_BYTES. Returns what hmi_sum would make of it; summing up what was
 * written a moment ago would have to wait for the memory.
 */
uint64_t hmi_header_write(uint8_t *at, const struct hmi_header *header);

/* Read a header; `length` bytes are there. Returns 0, or -EBADMSG: too short or no header of ours. */
int hmi_header_read(struct hmi_header *header, const uint8_t *at, size_t length);

#endif /* HEADER_PVT_H */
