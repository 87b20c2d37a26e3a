/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Ranges of packets that were received: Ranges { repeated uint32 lengths = 1; }, packed. In turns so many packets that
 * are missing and so many that were received, both less one, from the header's range downwards.
 */
#include <errno.h>

#include "protobuf_pvt.h"
#include "ranges_pvt.h"

#define TAG_LENGTHS 0x0a

uint8_t *
hmi_ranges_write(uint8_t *at, uint64_t before, const struct hmi_range *ranges, uint32_t count)
{
	uint8_t lengths[HMI_RANGES_BYTES], *end = lengths;

	for (uint32_t i = 0; i < count; i++) {
		end = hmi_varint_write(end, before - ranges[i].to - 2);
		end = hmi_varint_write(end, ranges[i].to - ranges[i].from);
		before = ranges[i].from;
	}
	if (end == lengths)
		return at;
	*at = TAG_LENGTHS;
	at = hmi_varint_write(at + 1, (uint64_t)(end - lengths));
	memcpy(at, lengths, (size_t)(end - lengths));
	return at + (end - lengths);
}

/* One range below `before`. Returns the end, or NULL. */
static const uint8_t *
range_read(struct hmi_range *range, uint64_t before, const uint8_t *at, const uint8_t *end)
{
	uint64_t missing, received;

	at = hmi_varint_read(at, end, &missing);
	if (at == NULL)
		return NULL;
	at = hmi_varint_read(at, end, &received);
	/* Number 1 is the first one. */
	if (at == NULL || missing >= before || received >= before || missing + received + 3 > before)
		return NULL;
	range->to = before - missing - 2;
	range->from = range->to - received;
	return at;
}

static int
lengths_read(struct hmi_range *ranges, uint64_t before, const uint8_t *at, const uint8_t *end)
{
	int count = 0;

	while (at < end && count < (int)HMI_RANGES) {
		at = range_read(&ranges[count], before, at, end);
		if (at == NULL)
			return -EBADMSG;
		before = ranges[count++].from;
	}
	return count;
}

int
hmi_ranges_read(struct hmi_range *ranges, uint64_t before, const uint8_t *at, size_t length)
{
	const uint8_t *end = at + length, *bytes;
	uint64_t tag;
	uint32_t size;
	int count = 0;

	while (at < end) {
		at = hmi_varint_read(at, end, &tag);
		if (at == NULL)
			return -EBADMSG;
		if (tag != TAG_LENGTHS) {
			at = hmi_field_skip(at, end, tag);
			if (at == NULL)
				return -EBADMSG;
			continue;
		}
		at = hmi_delimited_read(at, end, &bytes, &size);
		if (at == NULL)
			return -EBADMSG;
		count = lengths_read(ranges, before, bytes, bytes + size);
		if (count < 0)
			return count;
	}
	return count;
}
