/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTOBUF_PVT_H
#define PROTOBUF_PVT_H

/*
 * Protobuf primitives: varints, fixed numbers, length-delimited fields, unknown fields.
 *
 * Functions with a parameter `end` never read beyond it. All functions are pure.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>

#define HMI_VARINT_MAX 10u /* bytes */

/* Bytes of a varint, 1 to HMI_VARINT_MAX. */
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

/* Read the length of a length-delimited field; *bytes: its content. Returns its end, or NULL: truncated. */
static inline const uint8_t *
hmi_delimited_read(const uint8_t *at, const uint8_t *end, const uint8_t **bytes, uint32_t *length)
{
	uint64_t value;

	at = hmi_varint_read(at, end, &value);
	if (unlikely(at == NULL || value > (uint64_t)(end - at)))
		return NULL;
	*bytes = at;
	*length = (uint32_t)value;
	return at + value;
}

/* Skip the value of an unknown field. Returns its end, or NULL: truncated, or unknown wire type. */
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

#endif /* PROTOBUF_PVT_H */
