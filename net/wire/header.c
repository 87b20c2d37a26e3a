/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Encoder and decoder for the session header.
 */
#include <errno.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include "header_pvt.h"
#include "protobuf_pvt.h"

#define MAGIC_0 'H'
#define MAGIC_1 'M'

#define OFFSET_LENGTH 32u

uint64_t
hmi_header_write(uint8_t *at, const struct hmi_header *header)
{
	uint64_t words[HMI_HEADER_BYTES / sizeof(uint64_t)] = {
		rte_cpu_to_le_64(MAGIC_0 | MAGIC_1 << 8 | (uint64_t)header->version << 16 |
				 (uint64_t)header->kind << 24 | (uint64_t)header->session << 32),
		rte_cpu_to_le_64(header->number | (uint64_t)header->sequence << 32),
		rte_cpu_to_le_64(header->ack | (uint64_t)header->run << 32 | (uint64_t)header->held << 48),
		rte_cpu_to_le_64(header->limit_user | (uint64_t)header->limit_bulk << 32),
		rte_cpu_to_le_64(header->length | (uint64_t)header->lane << 16 |
				 (uint64_t)header->window << 24),
	};
	size_t bytes = hmi_header_bytes(header->kind);
	uint64_t sum = 0;

	memcpy(at, words, bytes);
	for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
		sum += (words[i] & UINT32_MAX) + (words[i] >> 32);
	return sum;
}

/* What only packets of a session have. */
static void
session_fields_read(struct hmi_header *header, const uint8_t *at)
{
	uint32_t last = hmi_fixed32_read(at + 20);

	header->number = hmi_fixed32_read(at + 8);
	header->sequence = hmi_fixed32_read(at + 12);
	header->ack = hmi_fixed32_read(at + 16);
	header->run = (uint16_t)last;
	header->held = (uint16_t)(last >> 16);
	header->limit_user = hmi_fixed32_read(at + 24);
	header->limit_bulk = hmi_fixed32_read(at + 28);
	last = hmi_fixed32_read(at + OFFSET_LENGTH);
	header->length = (uint16_t)last;
	header->lane = (uint8_t)(last >> 16);
	header->window = (uint8_t)(last >> 24);
}

int
hmi_header_read(struct hmi_header *header, const uint8_t *at, size_t length)
{
	if (length < HMI_HANDSHAKE_HEADER || at[0] != MAGIC_0 || at[1] != MAGIC_1)
		return -EBADMSG;
	*header = (struct hmi_header){ .version = at[2], .kind = at[3], .session = hmi_fixed32_read(at + 4) };
	if (hmi_kind_is_handshake(header->kind) || header->version != HMI_WIRE_VERSION) {
		header->length = (uint16_t)(length - HMI_HANDSHAKE_HEADER);
		return 0;
	}
	if (length < HMI_HEADER_BYTES)
		return -EBADMSG;
	session_fields_read(header, at);
	return 0;
}
