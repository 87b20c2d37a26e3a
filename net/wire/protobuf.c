/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Protobuf primitives that are too long to be inline.
 */
#include "protobuf_pvt.h"

/* Wire types of protobuf. */
#define TYPE_VARINT  0
#define TYPE_FIXED64 1
#define TYPE_BYTES   2
#define TYPE_FIXED32 5

const uint8_t *
hmi_varint_read_long(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
	uint64_t result = 0;

	for (unsigned int shift = 0; shift < 70 && at < end; shift += 7) {
		uint8_t byte = *at++;

		/* Only one bit of the tenth byte counts; protobuf ignores bits beyond 64. */
		if (shift < 64)
			result |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = result;
			return at;
		}
	}
	return NULL;
}

/* Skip `bytes`. Returns the end, or NULL: there are fewer. */
static const uint8_t *
bytes_skip(const uint8_t *at, const uint8_t *end, uint64_t bytes)
{
	return bytes <= (uint64_t)(end - at) ? at + bytes : NULL;
}

const uint8_t *
hmi_field_skip(const uint8_t *at, const uint8_t *end, uint64_t tag)
{
	uint64_t value;

	/* Field number 0 is invalid. */
	if (tag >> 3 == 0)
		return NULL;
	switch (tag & 7) {
	case TYPE_VARINT:
		return hmi_varint_read(at, end, &value);
	case TYPE_FIXED64:
		return bytes_skip(at, end, 8);
	case TYPE_FIXED32:
		return bytes_skip(at, end, 4);
	case TYPE_BYTES:
		at = hmi_varint_read(at, end, &value);
		return at == NULL ? NULL : bytes_skip(at, end, value);
	default:
		/* Groups are deprecated, and not supported. */
		return NULL;
	}
}
