/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of tzdata, and the offset of any moment.
 */
#include "zone_pvt.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a file; the biggest of tzdata has 3.5 KB. */
#define FILE_MAX 65536u
#define HEADER   44u
/* Of a type of local time: offset, summer time or not, abbreviation. */
#define TYPE_BYTES 6u

/* ---- Reading --------------------------------------------------------------------------------- */

struct bytes {
	const uint8_t *at;
	size_t left;
};

/* Returns where they are; NULL: there are not so many. */
static const uint8_t *
take(struct bytes *bytes, size_t count)
{
	const uint8_t *at = bytes->at;

	if (count > bytes->left)
		return NULL;
	bytes->at += count;
	bytes->left -= count;
	return at;
}

static uint64_t
big_endian(const uint8_t *at, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

struct header {
	uint8_t version;
	uint32_t ut_count, standard_count, leap_count, time_count, type_count, name_bytes;
};

static bool
header_read(struct bytes *bytes, struct header *header)
{
	const uint8_t *at = take(bytes, HEADER);

	if (at == NULL || memcmp(at, "TZif", 4) != 0)
		return false;
	*header = (struct header){
		.version = at[4],
		.ut_count = (uint32_t)big_endian(at + 20, 4),
		.standard_count = (uint32_t)big_endian(at + 24, 4),
		.leap_count = (uint32_t)big_endian(at + 28, 4),
		.time_count = (uint32_t)big_endian(at + 32, 4),
		.type_count = (uint32_t)big_endian(at + 36, 4),
		.name_bytes = (uint32_t)big_endian(at + 40, 4),
	};
	/* Leap seconds: time would not be that of the kernel. */
	return header->leap_count == 0 && header->type_count > 0 && header->type_count <= 256 &&
	       header->time_count <= FILE_MAX && header->name_bytes <= FILE_MAX && header->ut_count <= 256 &&
	       header->standard_count <= 256;
}

/* Behind times and types: what is not needed. */
static size_t
rest_bytes(const struct header *header)
{
	return (size_t)header->name_bytes + header->standard_count + header->ut_count;
}

/* The first block, of 32 bits. */
static bool
block_skip(struct bytes *bytes, const struct header *header)
{
	return take(bytes, 5 * (size_t)header->time_count + TYPE_BYTES * (size_t)header->type_count +
				   rest_bytes(header)) != NULL;
}

static int32_t
type_offset(const uint8_t *types, uint32_t type)
{
	return (int32_t)(uint32_t)big_endian(types + TYPE_BYTES * (size_t)type, 4);
}

/* No zone is a day away from UTC. */
static bool
types_fit(const uint8_t *types, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		int32_t offset_s = type_offset(types, i);

		if (offset_s <= -HMI_DAY_S || offset_s >= HMI_DAY_S)
			return false;
	}
	return true;
}

static int
block_read(struct hmi_zone *zone, struct bytes *bytes, const struct header *header)
{
	const uint8_t *times = take(bytes, 8 * (size_t)header->time_count);
	const uint8_t *indices = times != NULL ? take(bytes, header->time_count) : NULL;
	const uint8_t *types = indices != NULL ? take(bytes, TYPE_BYTES * (size_t)header->type_count) : NULL;

	if (types == NULL || take(bytes, rest_bytes(header)) == NULL || !types_fit(types, header->type_count))
		return -EBADMSG;
	zone->first_s = type_offset(types, 0);
	zone->at = malloc(header->time_count * sizeof(*zone->at) + 1);
	zone->offset_s = malloc(header->time_count * sizeof(*zone->offset_s) + 1);
	if (zone->at == NULL || zone->offset_s == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < header->time_count; i++) {
		zone->at[i] = (int64_t)big_endian(times + 8 * (size_t)i, 8);
		if (indices[i] >= header->type_count || (i > 0 && zone->at[i] <= zone->at[i - 1]))
			return -EBADMSG;
		zone->offset_s[i] = type_offset(types, indices[i]);
	}
	zone->count = header->time_count;
	return 0;
}

/* Between two line ends; none: the last offset stays. */
static int
footer_read(struct hmi_zone *zone, const struct bytes *bytes)
{
	char text[128];
	size_t length = bytes->left;

	if (length < 2 || length - 2 >= sizeof(text) || bytes->at[0] != '\n' || bytes->at[length - 1] != '\n')
		return -EBADMSG;
	memcpy(text, bytes->at + 1, length - 2);
	text[length - 2] = '\0';
	zone->has_rule = text[0] != '\0';
	return !zone->has_rule || hmi_zone_rule_parse(&zone->rule, text) ? 0 : -EBADMSG;
}

static int
parse(struct hmi_zone *zone, struct bytes bytes)
{
	struct header header;
	int rc;

	if (!header_read(&bytes, &header))
		return -EBADMSG;
	/* Version 1 ends in 2038. */
	if (header.version < '2' || !block_skip(&bytes, &header) || !header_read(&bytes, &header))
		return -EBADMSG;
	rc = block_read(zone, &bytes, &header);
	return rc == 0 ? footer_read(zone, &bytes) : rc;
}

/* ---- Loading ------------------------------------------------------------------------------------ */

/* No path out of the folder. */
static bool
is_name(const char *name)
{
	if (name[0] == '\0' || name[0] == '/' || strstr(name, "..") != NULL)
		return false;
	for (; *name != '\0'; name++) {
		if (!isalnum((unsigned char)*name) && strchr("/_+-", *name) == NULL)
			return false;
	}
	return true;
}

/* Returns how many bytes, or a negative errno. */
static ssize_t
file_read(const char *path, uint8_t *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, count = 0;

	if (fd < 0)
		return -errno;
	while (count < (ssize_t)FILE_MAX && (n = read(fd, bytes + count, FILE_MAX - (size_t)count)) > 0)
		count += n;
	if (n < 0)
		count = -errno;
	close(fd);
	return count;
}

static int
file_load(struct hmi_zone *zone, const char *path)
{
	uint8_t *bytes = malloc(FILE_MAX);
	ssize_t count;
	int rc;

	if (bytes == NULL)
		return -ENOMEM;
	count = file_read(path, bytes);
	rc = count < 0 ? (int)count : parse(zone, (struct bytes){ bytes, (size_t)count });
	free(bytes);
	return rc;
}

int
hmi_zone_load(struct hmi_zone *zone, const char *folder, const char *name)
{
	char path[PATH_MAX];
	int rc;

	*zone = (struct hmi_zone){ 0 };
	if (name == NULL || strcmp(name, "UTC") == 0)
		return 0;
	if (!is_name(name) || (size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
		return -EINVAL;
	rc = file_load(zone, path);
	if (rc != 0)
		hmi_zone_unload(zone);
	return rc;
}

void
hmi_zone_unload(struct hmi_zone *zone)
{
	free(zone->at);
	free(zone->offset_s);
	*zone = (struct hmi_zone){ 0 };
}

/* ---- Spans ----------------------------------------------------------------------------------------- */

/* Changes up to a moment. */
static uint32_t
changes_before(const struct hmi_zone *zone, int64_t at)
{
	uint32_t low = 0, high = zone->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (zone->at[middle] <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct hmi_zone_span
hmi_zone_span_of(const struct hmi_zone *zone, int64_t at)
{
	uint32_t n = changes_before(zone, at);
	struct hmi_zone_span span = {
		.begin = n > 0 ? zone->at[n - 1] : INT64_MIN,
		.end = n < zone->count ? zone->at[n] : INT64_MAX,
		.offset_s = n > 0 ? zone->offset_s[n - 1] : zone->first_s,
	};

	if (n == zone->count && zone->has_rule) {
		int64_t last = span.begin;

		span = hmi_zone_rule_span(&zone->rule, at);
		if (span.begin < last)
			span.begin = last;
	}
	return span;
}
