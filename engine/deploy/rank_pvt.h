/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RANK_PVT_H
#define RANK_PVT_H

/*
 * Patterns of deployment settings, as hm_select.h has them: which paths they match, and which of two is the more
 * specific one.
 */

#include <stdbool.h>

/* Whether an absolute pattern matches an absolute path. */
bool hmi_pattern_matches(const char *pattern, const char *path);

/*
 * Compare two patterns segment by segment, from the left; the first difference decides. A segment without wildcards is more
 * specific than one with; of two with wildcards the one with more other characters; "**" is less specific than all.
 * Returns less than, equal to, or greater than 0, as the first one is less, as, or more specific.
 */
int hmi_pattern_rank(const char *a, const char *b);

#endif /* RANK_PVT_H */
