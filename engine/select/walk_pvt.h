/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WALK_PVT_H
#define WALK_PVT_H

/*
 * A walk over the paths that a pattern with wildcards matches.
 *
 *     pattern  /user/pool-?/worker*        one stack entry for each segment with a wildcard
 *                    │        │
 *     stack      { shard, name }  { shard, name }  ──▶ path of the match, and its PID
 *
 * Only children of paths that match so far are looked at. The walk is a position, not a pointer: it can be
 * left after any step, and go on in another read-side section. What is there all the time is found once; what
 * comes or goes meanwhile, once or not at all.
 */

#include "path_pvt.h"
#include "pattern_pvt.h"

#include "hm_actor.h"

struct hmi_walk_level {
	uint16_t segment;  /* offset of the slash before the pattern's segment */
	uint16_t stem;     /* characters of the path before the name; 0: children of the root */
	uint16_t name_end; /* of the name that was looked at last; that of the stem: none was */
	uint8_t level;     /* of the children, see path_pvt.h */
	uint32_t shard;
};

enum hmi_walk_result {
	HMI_WALK_FOUND, /* path and pid are those of a match */
	HMI_WALK_MORE,  /* the steps are used up */
	HMI_WALK_END,
};

struct hmi_walk {
	char pattern[HM_PATH_MAX];
	char path[HM_PATH_MAX];
	struct hm_pid pid;
	uint32_t depth; /* entries of the stack */
	bool begun;
	struct hmi_walk_level stack[HM_PATH_MAX / 2]; /* a segment has a slash and a character at least */
};

/* A walk over what a pattern made by hmi_pattern_make matches; of one without wildcards, the path itself. */
void hmi_walk_begin(struct hmi_walk *walk, const char *pattern);

/* The next match. *steps: how many may be made, and are left. Within a read-side section. */
enum hmi_walk_result hmi_walk_next(const struct hmi_paths *paths, struct hmi_walk *walk, uint32_t *steps);

#endif /* WALK_PVT_H */
