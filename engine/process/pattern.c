/* SPDX-License-Identifier: Apache-2.0 */
#include "pattern_pvt.h"

#include <string.h>

#include "hm_actor.h"

bool
hmi_has_wildcards(const char *path)
{
	return strpbrk(path, "*?") != NULL;
}

/* The last star takes as little as it can, and more when what follows does not match. */
bool
hmi_segment_matches(const char *segment, size_t length, const char *name)
{
	const char *end = segment + length, *star = NULL, *star_name = NULL;

	while (*name != '\0') {
		if (segment < end && *segment == '*') {
			star = ++segment;
			star_name = name;
		} else if (segment < end && (*segment == '?' || *segment == *name)) {
			segment++;
			name++;
		} else if (star != NULL) {
			segment = star;
			name = ++star_name;
		} else {
			return false;
		}
	}
	while (segment < end && *segment == '*')
		segment++;
	return segment == end;
}

static bool
is_segment(const char *segment, size_t length, const char *text)
{
	return strlen(text) == length && memcmp(segment, text, length) == 0;
}

/* One segment more; "/" without one is the root. Returns false: too long. */
static bool
segment_add(char *pattern, size_t *at, const char *segment, size_t length)
{
	if (*at + 1 + length >= HM_PATH_MAX)
		return false;
	pattern[*at] = '/';
	memcpy(pattern + *at + 1, segment, length);
	*at += 1 + length;
	pattern[*at] = '\0';
	return true;
}

/* One segment less. Returns false: there is none, or what it names is not known yet. */
static bool
segment_remove(char *pattern, size_t *at)
{
	char *slash = *at > 0 ? strrchr(pattern, '/') : NULL;

	if (slash == NULL || hmi_has_wildcards(slash))
		return false;
	*slash = '\0';
	*at = (size_t)(slash - pattern);
	return true;
}

/* Segments of a path behind what the pattern has already. */
static bool
segments_add(char *pattern, size_t *at, const char *path)
{
	bool more = *path != '\0';

	while (more) {
		size_t length = strcspn(path, "/");
		bool done;

		more = path[length] == '/';
		if (is_segment(path, length, "."))
			done = true;
		else if (is_segment(path, length, ".."))
			done = segment_remove(pattern, at);
		else if (length == 0 || (more && is_segment(path, length, "**")))
			done = false;
		else
			done = segment_add(pattern, at, path, length);
		if (!done)
			return false;
		path += length + more;
	}
	return true;
}

bool
hmi_pattern_make(char *pattern, const char *base, const char *path)
{
	bool is_absolute = path[0] == '/';
	size_t at = 0;

	pattern[0] = '\0';
	if (path[0] == '\0')
		return false;
	if (!is_absolute && !segments_add(pattern, &at, base + 1))
		return false;
	if (!segments_add(pattern, &at, path + is_absolute))
		return false;
	if (at == 0)
		memcpy(pattern, "/", 2);
	return true;
}
