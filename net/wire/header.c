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

uint64_t
hmi_header_write(uint8_t *at, const struct hmi_header *header)
{
	uint64_t words[HMI_HEADER_BYTES / sizeof(uint64_t)] = {
		rte_cpu_to_le_64(MAGIC_0 | MAGIC_1 << 8 | (uint64_t)header->version << 16 |
				 (uint64_t)header->kind << 24 | (uint64_t)header->session << 32),
		rte_cpu_to_le_64(header->number | (uint64_t)header->ack << 32),
		rte_cpu_to_le_64(header->sack | (uint64_t)header->length << 32 |
				 (uint64_t)header->credit << 48),
	};
	uint64_t sum = 0;

	memcpy(at, words, sizeof(words));
	for (size_t i = 0; i < RTE_DIM(words); i++)
		sum += (words[i] & UINT32_MAX) + (words[i] >> 32);
	return sum;
}

int
hmi_header_read(struct hmi_header *header, const uint8_t *at, size_t length)
{
	uint32_t last;

	if (length < HMI_HEADER_BYTES || at[0] != MAGIC_0 || at[1] != MAGIC_1)
		return -EBADMSG;
	header->version = at[2];
	header->kind = at[3];
	header->session = hmi_fixed32_read(at + 4);
	header->number = hmi_fixed32_read(at + 8);
	header->ack = hmi_fixed32_read(at + 12);
	header->sack = hmi_fixed32_read(at + 16);
	last = hmi_fixed32_read(at + 20);
	header->length = (uint16_t)last;
	header->credit = (uint16_t)(last >> 16);
	return 0;
}
