/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEAL_PVT_H
#define SEAL_PVT_H

/*
 * The CRC of a packet: CRC-32C (Castagnoli; RFC 3720, B.4) over session header and payload, without the four bytes of the
 * CRC itself. It finds what the checksum of UDP, a sum, cannot. Handshakes always have one; other packets where
 * their receiver asked for it. Pure functions.
 */

#include <stdbool.h>
#include <stdint.h>

#include "header_pvt.h"

/*
 * Write the CRC of a packet of so many bytes, whose header was written without one. Returns what that adds to the
 * packet's hmi_sum.
 */
uint64_t hmi_seal(uint8_t *packet, enum hmi_kind kind, uint32_t bytes);

/* Whether the CRC of a packet is right. There are hmi_header_bytes of it at least. */
bool hmi_seal_holds(const uint8_t *packet, enum hmi_kind kind, uint32_t bytes);

#endif /* SEAL_PVT_H */
