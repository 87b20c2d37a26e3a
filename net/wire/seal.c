/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The CRC of a packet.
 */
#include <string.h>

#include <rte_byteorder.h>
#include <rte_hash_crc.h>

#include "protobuf_pvt.h"
#include "seal_pvt.h"

#define OFFSET_HANDSHAKE 8u
#define OFFSET_SESSION   36u

static inline uint32_t
offset_of(enum hmi_kind kind)
{
	return hmi_kind_is_handshake((uint8_t)kind) ? OFFSET_HANDSHAKE : OFFSET_SESSION;
}

/* rte_hash_crc would read words where they are not aligned. */
static uint32_t
crc_add(uint32_t crc, const uint8_t *at, uint32_t bytes)
{
	uint64_t word;

	for (; bytes >= sizeof(word); at += sizeof(word), bytes -= (uint32_t)sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		crc = rte_hash_crc_8byte(word, crc);
	}
	while (bytes-- > 0)
		crc = rte_hash_crc_1byte(*at++, crc);
	return crc;
}

static uint32_t
crc_of(const uint8_t *packet, uint32_t offset, uint32_t bytes)
{
	uint32_t behind = offset + (uint32_t)sizeof(uint32_t);
	uint32_t crc = crc_add(UINT32_MAX, packet, offset);

	return ~crc_add(crc, packet + behind, bytes - behind);
}

uint64_t
hmi_seal(uint8_t *packet, enum hmi_kind kind, uint32_t bytes)
{
	uint32_t offset = offset_of(kind);
	uint32_t crc = rte_cpu_to_le_32(crc_of(packet, offset, bytes));

	memcpy(packet + offset, &crc, sizeof(crc));
	return crc;
}

bool
hmi_seal_holds(const uint8_t *packet, enum hmi_kind kind, uint32_t bytes)
{
	uint32_t offset = offset_of(kind);

	return hmi_fixed32_read(packet + offset) == crc_of(packet, offset, bytes);
}
