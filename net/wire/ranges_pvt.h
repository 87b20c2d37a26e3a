/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RANGES_PVT_H
#define RANGES_PVT_H

/*
 * The payload of ACK: message Ranges of hermod.proto, of packets that were received before those that the header names.
 * Pure functions.
 */

#include <stddef.h>
#include <stdint.h>

/* The numbers from `from` to `to`, both included. */
struct hmi_range {
	uint64_t from, to;
};

#define HMI_RANGES       32u  /* most in one packet */
#define HMI_RANGES_BYTES 640u /* upper bound of so many, encoded */

/* Encode ranges, newest first, all of which lie below `before`. Returns the end. */
uint8_t *hmi_ranges_write(uint8_t *at, uint64_t before, const struct hmi_range *ranges, uint32_t count);

/*
 * Decode up to HMI_RANGES ranges that lie below `before`; further ones are ignored. Returns how many, or -EBADMSG: not
 * protobuf, or a range that begins below number 1.
 */
int hmi_ranges_read(struct hmi_range *ranges, uint64_t before, const uint8_t *at, size_t length);

#endif /* RANGES_PVT_H */
