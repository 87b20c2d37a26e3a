/* SPDX-License-Identifier: Apache-2.0 */
#include "walk_pvt.h"

#include <string.h>

void
hmi_walk_begin(struct hmi_walk *walk, const char *pattern)
{
	memcpy(walk->pattern, pattern, strlen(pattern) + 1);
	walk->path[0] = '\0';
	walk->depth = 0;
	walk->begun = false;
}

static size_t
segment_length(const char *segment)
{
	return strcspn(segment, "/");
}

/* Whether a segment, which a slash stands before, is "**": all that is below, however deep. */
static bool
is_all_below(const char *slash)
{
	return strcmp(slash, "/**") == 0;
}

static void
level_push(struct hmi_walk *walk, size_t segment, size_t stem)
{
	walk->stack[walk->depth++] = (struct hmi_walk_level){ .segment = (uint16_t)segment,
							      .stem = (uint16_t)stem,
							      .name_end = (uint16_t)stem };
	walk->path[stem] = '\0';
}

/* The path is complete. Returns whether it names anybody. */
static bool
path_look_up(const struct hmi_paths *paths, struct hmi_walk *walk)
{
	const struct hmi_path *entry = hmi_path_get(paths, walk->path[0] != '\0' ? walk->path : "/");

	if (entry == NULL)
		return false;
	walk->pid = entry->pid;
	hmi_path_done(entry);
	return true;
}

/* Go on behind a path, from a segment of the pattern, as far as names are known. Returns whether that is a match. */
static bool
descend(const struct hmi_paths *paths, struct hmi_walk *walk, size_t segment, size_t stem)
{
	const char *pattern = walk->pattern;

	while (pattern[segment] != '\0') {
		size_t length = segment_length(pattern + segment + 1);

		if (memchr(pattern + segment, '*', length + 1) != NULL ||
		    memchr(pattern + segment, '?', length + 1) != NULL) {
			level_push(walk, segment, stem);
			return false;
		}
		/* With the names that wildcards stand for it may be longer than the pattern. */
		if (stem + 1 + length >= HM_PATH_MAX)
			return false;
		memcpy(walk->path + stem, pattern + segment, 1 + length);
		stem += 1 + length;
		segment += 1 + length;
	}
	walk->path[stem] = '\0';
	return path_look_up(paths, walk);
}

static const struct hmi_path *
parent_find(const struct hmi_paths *paths, struct hmi_walk *walk, const struct hmi_walk_level *level)
{
	char *end = walk->path + level->stem, kept = *end;
	const struct hmi_path *parent;

	*end = '\0';
	parent = hmi_path_get(paths, level->stem > 0 ? walk->path : "/");
	*end = kept;
	return parent;
}

/* The next name in the shard. NULL: there is none. */
static const struct hmi_path *
child_find(const struct hmi_paths *paths, struct hmi_walk *walk, const struct hmi_path *parent,
	   const struct hmi_walk_level *level, uint32_t *steps)
{
	const char *after = "";

	if (level->name_end > level->stem) {
		walk->path[level->name_end] = '\0';
		after = walk->path + level->stem + 1;
	}
	return hmi_path_next(paths, parent, level->level, level->shard, after, steps);
}

static void
shard_next(struct hmi_walk_level *level)
{
	level->name_end = level->stem;
	if (++level->shard == 1u << level->level) {
		level->shard = 0;
		level->level++;
	}
}

/* Go on to a child of the path, whose path is never too long. */
static void
child_enter(struct hmi_walk *walk, struct hmi_walk_level *level, const struct hmi_path *child)
{
	size_t length = strlen(hmi_path_name(child));

	walk->path[level->stem] = '/';
	memcpy(walk->path + level->stem + 1, hmi_path_name(child), length + 1);
	level->name_end = (uint16_t)(level->stem + 1 + length);
	walk->pid = child->pid;
}

/* The child that was entered: whether it is a match. If not, there may be one below it. */
static bool
child_look_at(const struct hmi_paths *paths, struct hmi_walk *walk, struct hmi_walk_level *level)
{
	const char *slash = walk->pattern + level->segment, *name = walk->path + level->stem + 1;
	size_t next = level->segment + 1 + segment_length(slash + 1), end = level->name_end;

	if (is_all_below(slash)) {
		if (end + 2 < HM_PATH_MAX)
			level_push(walk, level->segment, end);
		return true;
	}
	if (!hmi_segment_matches(slash + 1, next - level->segment - 1, name))
		return false;
	return walk->pattern[next] == '\0' || descend(paths, walk, next, end);
}

/* One step in what the stack's top says. Returns whether it is a match. */
static bool
step(const struct hmi_paths *paths, struct hmi_walk *walk, uint32_t *steps)
{
	struct hmi_walk_level *level = &walk->stack[walk->depth - 1];
	const struct hmi_path *parent = parent_find(paths, walk, level), *child;

	(*steps)++;
	if (parent == NULL || level->level >= hmi_path_levels(parent)) {
		if (parent != NULL)
			hmi_path_done(parent);
		walk->depth--;
		return false;
	}
	child = child_find(paths, walk, parent, level, steps);
	hmi_path_done(parent);
	if (child == NULL) {
		shard_next(level);
		return false;
	}
	child_enter(walk, level, child);
	hmi_path_done(child);
	return child_look_at(paths, walk, level);
}

enum hmi_walk_result
hmi_walk_next(const struct hmi_paths *paths, struct hmi_walk *walk, uint32_t *steps)
{
	if (!walk->begun) {
		walk->begun = true;
		if (strcmp(walk->pattern, "/") == 0 ? path_look_up(paths, walk) : descend(paths, walk, 0, 0))
			return HMI_WALK_FOUND;
	}
	while (walk->depth > 0) {
		uint32_t made = 0;
		bool found;

		if (*steps == 0)
			return HMI_WALK_MORE;
		found = step(paths, walk, &made);
		*steps -= made < *steps ? made : *steps;
		if (found)
			return HMI_WALK_FOUND;
	}
	return HMI_WALK_END;
}
