/* SPDX-License-Identifier: Apache-2.0 */
#include "rank_pvt.h"

#include <stddef.h>
#include <string.h>

#include "hm_actor.h"
#include "pattern_pvt.h"

/* Characters of the segment that begins behind a slash. */
static size_t
segment_length(const char *segment)
{
	return strcspn(segment, "/");
}

static bool
is_deep(const char *segment, size_t length)
{
	return length == 2 && memcmp(segment, "**", 2) == 0;
}

bool
hmi_pattern_matches(const char *pattern, const char *path)
{
	while (*pattern == '/' && *path == '/') {
		size_t wanted = segment_length(++pattern), there = segment_length(++path);
		char name[HM_NAME_MAX + 1];

		if (is_deep(pattern, wanted))
			return there > 0;
		if (there > HM_NAME_MAX)
			return false;
		memcpy(name, path, there);
		name[there] = '\0';
		if (!hmi_segment_matches(pattern, wanted, name))
			return false;
		pattern += wanted;
		path += there;
	}
	return *pattern == '\0' && *path == '\0';
}

/* How specific a segment is: 0 for "**", then more for each character that is no wildcard, and most without any. */
static size_t
segment_rank(const char *segment, size_t length)
{
	size_t wild = 0;

	if (is_deep(segment, length))
		return 0;
	for (size_t i = 0; i < length; i++)
		wild += segment[i] == '*' || segment[i] == '?';
	return wild > 0 ? 1 + length - wild : HM_PATH_MAX;
}

int
hmi_pattern_rank(const char *a, const char *b)
{
	while (*a == '/' && *b == '/') {
		size_t a_length = segment_length(++a), b_length = segment_length(++b);
		size_t a_rank = segment_rank(a, a_length), b_rank = segment_rank(b, b_length);

		if (a_rank != b_rank)
			return a_rank < b_rank ? -1 : 1;
		a += a_length;
		b += b_length;
	}
	return (*a == '/') - (*b == '/');
}
