/* SPDX-License-Identifier: Apache-2.0 */
#include "nesting_pvt.h"

/* Numbers of the fields that lead to a nested message: of Request, of File, and of Message. */
enum {
	REQUEST_FILE = 15,
	FILE_MESSAGE = 4,
	MESSAGE_NESTED = 3
};

/* Wire types. */
enum {
	WIRE_VARINT = 0,
	WIRE_64 = 1,
	WIRE_BYTES = 2,
	WIRE_32 = 5
};

/* Longest tag and longest length that protobuf-c takes. */
#define SHORT_VARINT 5
#define LONG_VARINT  10

struct bytes {
	const uint8_t *at, *end;
};

static bool
varint(struct bytes *bytes, uint32_t longest, uint64_t *value)
{
	*value = 0;
	for (uint32_t i = 0; i < longest && bytes->at < bytes->end; i++) {
		uint8_t byte = *bytes->at++;

		*value |= (uint64_t)(byte & 0x7f) << 7 * i;
		if ((byte & 0x80) == 0)
			return true;
	}
	return false;
}

/* Go behind a field's value; of one that has a length also say where it lies. */
static bool
skip(struct bytes *bytes, uint32_t wire_type, struct bytes *value)
{
	uint64_t length = 0;

	switch (wire_type) {
	case WIRE_VARINT:
		return varint(bytes, LONG_VARINT, &length);
	case WIRE_64:
		length = 8;
		break;
	case WIRE_32:
		length = 4;
		break;
	case WIRE_BYTES:
		if (!varint(bytes, SHORT_VARINT, &length))
			return false;
		break;
	default: /* groups, which these messages do not have */
		return false;
	}
	if (length > (uint64_t)(bytes->end - bytes->at))
		return false;
	*value = (struct bytes){ bytes->at, bytes->at + length };
	bytes->at += length;
	return true;
}

/* @param into  number of the field that is to be looked into */
static bool
fits(struct bytes bytes, uint32_t into, uint32_t depth)
{
	uint32_t next = into == REQUEST_FILE ? FILE_MESSAGE : MESSAGE_NESTED;

	/* The request and the file are no messages that are declared. */
	if (depth > HMP_NESTING_MAX + 2)
		return false;
	while (bytes.at < bytes.end) {
		struct bytes value = { .at = NULL };
		uint64_t tag;

		if (!varint(&bytes, SHORT_VARINT, &tag) || !skip(&bytes, tag & 7, &value))
			return false;
		if (tag >> 3 == into && (tag & 7) == WIRE_BYTES && !fits(value, next, depth + 1))
			return false;
	}
	return true;
}

bool
hmp_nesting_fits(const uint8_t *request, size_t bytes)
{
	return bytes == 0 || fits((struct bytes){ request, request + bytes }, REQUEST_FILE, 1);
}
