/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HANDSHAKE_BODY_PVT_H
#define HANDSHAKE_BODY_PVT_H

/*
 * The body of a handshake packet: message Handshake of hermod.proto. Pure functions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HMI_NODE_NAME_MAX   64u
#define HMI_HANDSHAKE_BYTES 256u /* upper bound of an encoded handshake */

/* Handshake.Reason of hermod.proto. */
enum hmi_refusal {
	HMI_REFUSAL_NONE = 0,
	HMI_REFUSAL_PROTOCOL = 1,
	HMI_REFUSAL_SAME_NAME = 2,
	HMI_REFUSAL_NAME_TAKEN = 3,
	HMI_REFUSAL_WRONG_NAME = 4,
	HMI_REFUSAL_UNEXPECTED_NAME = 5,
	HMI_REFUSAL_SAME_ADDRESS = 6,
	HMI_REFUSAL_TOO_MANY_PEERS = 7,
};

/* Message Handshake of hermod.proto. */
struct hmi_handshake {
	uint64_t node, started, types;
	uint32_t session, protocol, reason;
	uint32_t attempt, window, max_payload;
	bool wants_crc;
	char name[HMI_NODE_NAME_MAX + 1];
	char expects[HMI_NODE_NAME_MAX + 1];
};

/* Encode a handshake into a buffer of HMI_HANDSHAKE_BYTES. Returns its length. */
size_t hmi_handshake_write(const struct hmi_handshake *handshake, uint8_t *at);

/* Decode a handshake. Returns 0, or -EBADMSG: not protobuf, or an invalid name. */
int hmi_handshake_read(struct hmi_handshake *handshake, const uint8_t *at, size_t length);

/*
 * Decode the fields that a handshake has in every version: session, protocol and reason; the rest is 0.
 * Returns 0, or -EBADMSG: not protobuf.
 */
int hmi_handshake_read_basics(struct hmi_handshake *handshake, const uint8_t *at, size_t length);

/* Text of a refusal, for a log line. Never NULL. */
const char *hmi_refusal_text(uint32_t refusal);

/*
 * Copy a node's name, HMI_NODE_NAME_MAX characters at most, all of which are safe in log lines and in
 * hermod:// addresses. Returns 0, or -EBADMSG: not a valid name.
 */
int hmi_node_name_take(char *to, const char *from);

#endif /* HANDSHAKE_BODY_PVT_H */
