/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PATTERN_PVT_H
#define PATTERN_PVT_H

/*
 * Patterns of paths: segments with wildcards, and absolute paths made of relative ones.
 */

#include <stdbool.h>
#include <stddef.h>

/* Whether a path, or a part of one, has wildcards. */
bool hmi_has_wildcards(const char *path);

/* Whether a name matches a segment of a pattern, of so many characters. */
bool hmi_segment_matches(const char *segment, size_t length, const char *name);

/*
 * An absolute pattern from a path that may be relative to `base`, an absolute path: without ".", ".." and the like.
 * Returns false: malformed, or too long. `pattern` has HM_PATH_MAX characters.
 */
bool hmi_pattern_make(char *pattern, const char *base, const char *path);

#endif /* PATTERN_PVT_H */
