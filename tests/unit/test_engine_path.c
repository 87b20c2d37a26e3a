/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of paths, the patterns that select them, and the walk over what matches.
 */
#include <errno.h>

#include <rte_common.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hmt_random.h"
#include "rcu_pvt.h"
#include "walk_pvt.h"

TestSuite(engine_path, .init = hmi_rcu_enter, .fini = hmi_rcu_leave);

#define ENTRIES_MAX 20000u

struct scene {
	struct hmi_paths paths;
	struct hmi_path *entries[ENTRIES_MAX];
	uint32_t count;
};

static struct hm_pid
pid_of(uint64_t number)
{
	return (struct hm_pid){ 1, number };
}

static void
scene_start(struct scene *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	cr_assert_eq(hmi_paths_create(&s->paths, seed, true), 0);
	cr_assert_eq(hmi_path_add(&s->paths, NULL, "", pid_of(1), &s->entries[s->count++]), 0);
}

static struct hmi_path *
scene_add(struct scene *s, struct hmi_path *parent, const char *name)
{
	struct hmi_path *entry = NULL;

	if (hmi_path_add(&s->paths, parent, name, pid_of(s->count + 1), &entry) == 0)
		s->entries[s->count++] = entry;
	return entry;
}

static void
scene_end(struct scene *s)
{
	rcu_barrier();
	hmi_paths_destroy(&s->paths);
}

/* ---- Names ------------------------------------------------------------------------------- */

Test(engine_path, name__that_a_selection_would_misread_is_refused)
{
	cr_assert_eq(hmi_name_check("."), -EINVAL);
	cr_assert_eq(hmi_name_check(".."), -EINVAL);
	cr_assert_eq(hmi_name_check("..."), 0);
	cr_assert_eq(hmi_name_check(".a"), 0);
	cr_assert_eq(hmi_name_check("a*"), -EINVAL);
	cr_assert_eq(hmi_name_check("a?"), -EINVAL);
}

Test(engine_path, add__a_taken_name_leaves_the_count_of_children)
{
	static struct scene s;
	struct hmi_path *entry = NULL;

	scene_start(&s, 1);
	cr_assert_not_null(scene_add(&s, s.entries[0], "a"));
	cr_assert_eq(hmi_path_add(&s.paths, s.entries[0], "a", pid_of(9), &entry), -EEXIST);
	cr_assert_null(entry);
	cr_assert_eq(atomic_load(&s.entries[0]->children), 1);
	hmi_path_remove(&s.paths, s.entries[1]);
	cr_assert_eq(atomic_load(&s.entries[0]->children), 0);
	cr_assert_not_null(scene_add(&s, s.entries[0], "a"));
	scene_end(&s);
}

/* ---- Children ------------------------------------------------------------------------------ */

/* All names in a shard, in order. Returns how many. */
static uint32_t
shard_list(const struct scene *s, const struct hmi_path *parent, uint32_t level, uint32_t shard,
	   uint32_t *steps)
{
	const struct hmi_path *child = NULL;
	const char *after = "";
	uint32_t count = 0;

	while ((child = hmi_path_next(&s->paths, parent, level, shard, after, steps)) != NULL) {
		cr_assert_gt(strcmp(hmi_path_name(child), after), 0);
		cr_assert_eq(child->parent, parent);
		after = hmi_path_name(child);
		count++;
	}
	return count;
}

/* However many siblings there are, few are looked at for one. */
Test(engine_path, children__are_spread_over_shards_that_stay_short)
{
	static struct scene s;
	uint32_t sum = 0, most = 0, steps = 0, levels;
	struct hmi_path *parent;
	char name[16];

	scene_start(&s, 7);
	parent = scene_add(&s, s.entries[0], "parent");
	for (uint32_t i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		cr_assert_not_null(scene_add(&s, parent, name));
	}
	levels = hmi_path_levels(parent);
	cr_assert_eq(levels, 12, "of 4 * 2^11 children and more");
	for (uint32_t level = 0; level < levels; level++) {
		for (uint32_t shard = 0; shard < 1u << level; shard++) {
			uint32_t count = shard_list(&s, parent, level, shard, &steps);

			sum += count;
			most = RTE_MAX(most, count);
		}
	}
	cr_assert_eq(sum, 10000);
	cr_assert_leq(most, 20, "%u in one shard", most);
	scene_end(&s);
}

/* Children that come and go do not pile up in the first levels. */
Test(engine_path, children__that_come_and_go_use_no_more_levels)
{
	static struct scene s;
	struct hmi_path *parent, *child;
	uint32_t steps = 0;
	char name[16];

	scene_start(&s, 7);
	parent = scene_add(&s, s.entries[0], "parent");
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		cr_assert_eq(hmi_path_add(&s.paths, parent, name, pid_of(i + 100), &child), 0);
		if (i % 5 != 0 || i >= 40)
			hmi_path_remove(&s.paths, child);
	}
	cr_assert_eq(atomic_load(&parent->children), 8);
	cr_assert_eq(hmi_path_levels(parent), 2);
	cr_assert_eq(shard_list(&s, parent, 0, 0, &steps), 8);
	scene_end(&s);
}

/* ---- Patterns ------------------------------------------------------------------------------ */

Test(engine_path, segment__matches_by_stars_and_question_marks)
{
	static const struct {
		const char *segment, *name;
		bool matches;
	} cases[] = {
		{ "a", "a", true },          { "a", "b", false },          { "a", "ab", false },
		{ "ab", "a", false },        { "*", "a", true },           { "*", "", true },
		{ "a*", "a", true },         { "a*", "abc", true },        { "a*", "ba", false },
		{ "*a", "ba", true },        { "*a", "ab", false },        { "?", "a", true },
		{ "?", "", false },          { "?", "ab", false },         { "a?c", "abc", true },
		{ "a?c", "ac", false },      { "*b*", "abc", true },       { "*b*", "ac", false },
		{ "a*b*c", "aXbYbc", true }, { "a*b*c", "aXcYbd", false }, { "**", "abc", true },
		{ "*?", "", false },         { "*?", "x", true },          { "?*?", "x", false },
		{ "*aab", "aaaab", true },   { "*aab*", "aaaa", false },   { "", "", true },
	};

	for (size_t i = 0; i < RTE_DIM(cases); i++)
		cr_assert_eq(hmi_segment_matches(cases[i].segment, strlen(cases[i].segment), cases[i].name),
			     cases[i].matches, "%s %s", cases[i].segment, cases[i].name);
}

/* It takes time in proportion to both lengths at most. */
Test(engine_path, segment__of_many_stars_takes_no_time, .timeout = 20)
{
	char segment[HM_PATH_MAX], name[HM_NAME_MAX + 1];

	for (size_t i = 0; i + 2 < sizeof(segment); i += 2)
		memcpy(segment + i, "*a", 3);
	memset(name, 'a', HM_NAME_MAX);
	name[HM_NAME_MAX] = '\0';
	for (int i = 0; i < 10000; i++)
		cr_assert_not(hmi_segment_matches(segment, strlen(segment), name));
}

Test(engine_path, pattern__is_made_from_what_it_is_relative_to)
{
	static const struct {
		const char *base, *path, *pattern;
	} cases[] = {
		{ "/user/a", "/", "/" },
		{ "/user/a", "/x/y", "/x/y" },
		{ "/user/a", "b", "/user/a/b" },
		{ "/user/a", "./b/c", "/user/a/b/c" },
		{ "/user/a", ".", "/user/a" },
		{ "/user/a", "..", "/user" },
		{ "/user/a", "../b", "/user/b" },
		{ "/user/a", "../../", NULL },
		{ "/user/a", "../..", "/" },
		{ "/user/a", "../../..", NULL },
		{ "/user/a", "../../x", "/x" },
		{ "/user/a", "x/../y", "/user/a/y" },
		{ "/user/a", "*/b?/c*", "/user/a/*/b?/c*" },
		{ "/user/a", "*/..", NULL },
		{ "/user/a", "*/x/..", "/user/a/*" },
		{ "/user/a", "**", "/user/a/**" },
		{ "/user/a", "**/b", NULL },
		{ "/user/a", "a**/b", "/user/a/a**/b" },
		{ "/user/a", "/**", "/**" },
		{ "/user/a", "", NULL },
		{ "/user/a", "//", NULL },
		{ "/user/a", "a//b", NULL },
		{ "/user/a", "a/", NULL },
		{ "/user/a", "/user/", NULL },
		{ "/user/a", "/.", "/" },
		{ "/user/a", "/..", NULL },
		{ "/", "a", "/a" },
		{ "/", ".", "/" },
		{ "/", "..", NULL },
	};
	char pattern[HM_PATH_MAX];

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		bool made = hmi_pattern_make(pattern, cases[i].base, cases[i].path);

		cr_assert_eq(made, cases[i].pattern != NULL, "'%s'", cases[i].path);
		if (made)
			cr_assert_str_eq(pattern, cases[i].pattern, "'%s'", cases[i].path);
	}
}

Test(engine_path, pattern__as_long_as_may_be_and_one_character_more)
{
	char pattern[HM_PATH_MAX], path[HM_PATH_MAX + 1] = "/user/";

	memset(path + 6, 'x', sizeof(path) - 7);
	path[HM_PATH_MAX] = '\0';
	cr_assert_not(hmi_pattern_make(pattern, "/", path));
	path[HM_PATH_MAX - 1] = '\0';
	cr_assert(hmi_pattern_make(pattern, "/", path));
	cr_assert_str_eq(pattern, path);
	cr_assert_not(hmi_pattern_make(pattern, "/u", path + 1));
}

/* ---- Walks ----------------------------------------------------------------------------------- */

#define FOUND_MAX ENTRIES_MAX

static uint32_t found[FOUND_MAX + 2]; /* by PID: how often */

/* Walk with so many steps at a time. Returns how many matches. */
static uint32_t
walk_all(const struct scene *s, const char *pattern, uint32_t portion)
{
	static struct hmi_walk walk;
	enum hmi_walk_result result;
	uint32_t count = 0;

	memset(found, 0, sizeof(found));
	hmi_walk_begin(&walk, pattern);
	do {
		uint32_t steps = portion;

		while ((result = hmi_walk_next(&s->paths, &walk, &steps)) == HMI_WALK_FOUND) {
			const struct hmi_path *entry =
				hmi_path_get(&s->paths, walk.path[0] ? walk.path : "/");

			cr_assert_not_null(entry, "%s", walk.path);
			cr_assert(hm_pid_equal(entry->pid, walk.pid), "%s", walk.path);
			found[walk.pid.local]++;
			count++;
		}
	} while (result == HMI_WALK_MORE);
	return count;
}

/* Whether a path matches, segment by segment: as simple as it can be. */
static bool
is_match(const char *pattern, const char *path)
{
	while (*pattern == '/' && *path == '/') {
		size_t wanted = strcspn(pattern + 1, "/"), there = strcspn(path + 1, "/");
		char name[HM_PATH_MAX];

		if (strcmp(pattern, "/**") == 0)
			return there > 0;
		snprintf(name, sizeof(name), "%.*s", (int)there, path + 1);
		if (there == 0 || !hmi_segment_matches(pattern + 1, wanted, name))
			return false;
		pattern += 1 + wanted;
		path += 1 + there;
	}
	return *pattern == '\0' && *path == '\0';
}

static void
name_draw(uint64_t *random, char name[4])
{
	static const char letters[] = "abc";
	uint32_t length = 1 + (uint32_t)hmt_random_below(random, 3);

	for (uint32_t i = 0; i < length; i++)
		name[i] = letters[hmt_random_below(random, 3)];
	name[length] = '\0';
}

static void
pattern_draw(uint64_t *random, char pattern[HM_PATH_MAX])
{
	uint32_t segments = 1 + (uint32_t)hmt_random_below(random, 4);
	size_t at = 0;

	for (uint32_t i = 0; i < segments; i++) {
		char segment[8];

		name_draw(random, segment);
		for (char *c = segment; *c != '\0'; c++) {
			uint64_t kind = hmt_random_below(random, 4);

			*c = kind == 0 ? '*' : kind == 1 ? '?' : *c;
		}
		/* As a whole segment it is something else. */
		if (strcmp(segment, "**") == 0 && i + 1 < segments)
			segment[1] = '\0';
		at += (size_t)snprintf(pattern + at, HM_PATH_MAX - at, "/%s", segment);
	}
}

static void
model_check(const struct scene *s, const char *pattern, uint32_t portion)
{
	uint32_t count = walk_all(s, pattern, portion), expected = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		bool matches = is_match(pattern, s->entries[i]->path);

		expected += matches;
		cr_assert_eq(found[s->entries[i]->pid.local], matches, "%s: %s found %u times", pattern,
			     s->entries[i]->path, found[s->entries[i]->pid.local]);
	}
	cr_assert_eq(count, expected, "%s", pattern);
}

Test(engine_path, walk__finds_what_matches_each_once, .timeout = 120)
{
	static struct scene s;
	uint64_t random = 20240917;
	char name[4], pattern[HM_PATH_MAX];

	scene_start(&s, 99);
	for (int i = 0; i < 3000; i++) {
		name_draw(&random, name);
		(void)scene_add(&s, s.entries[hmt_random_below(&random, s.count)], name);
	}
	cr_assert_gt(s.count, 1500);
	for (int i = 0; i < 400; i++) {
		static const uint32_t portions[] = { 1, 7, 1000000 };

		pattern_draw(&random, pattern);
		model_check(&s, pattern, portions[i % 3]);
	}
	scene_end(&s);
}

Test(engine_path, walk__of_the_root_and_of_plain_paths)
{
	static struct scene s;

	scene_start(&s, 3);
	(void)scene_add(&s, scene_add(&s, s.entries[0], "a"), "b");
	cr_assert_eq(walk_all(&s, "/", 1), 1);
	cr_assert_eq(found[1], 1);
	cr_assert_eq(walk_all(&s, "/a", 1), 1);
	cr_assert_eq(walk_all(&s, "/a/b", 1), 1);
	cr_assert_eq(walk_all(&s, "/a/c", 1), 0);
	cr_assert_eq(walk_all(&s, "/*", 1), 1);
	cr_assert_eq(walk_all(&s, "/**", 1), 2);
	cr_assert_eq(walk_all(&s, "/a/b/*", 1), 0);
	scene_end(&s);
}

/* A chain of actors as deep as paths can be long. */
Test(engine_path, walk__of_all_below_down_to_the_longest_path)
{
	static struct scene s;
	struct hmi_path *parent;
	uint32_t depth = 0;

	scene_start(&s, 3);
	for (parent = s.entries[0]; parent != NULL; parent = scene_add(&s, parent, "a"))
		depth++;
	cr_assert_eq(depth, HM_PATH_MAX / 2);
	cr_assert_eq(walk_all(&s, "/**", 1), depth - 1);
	cr_assert_eq(walk_all(&s, "/*/*/?", 1), 1);
	scene_end(&s);
}

/* Names that wildcards stand for make a path longer than its pattern, and too long. */
Test(engine_path, walk__of_paths_too_long_to_exist_ends)
{
	char name[HM_NAME_MAX + 1], pattern[HM_PATH_MAX];
	static struct scene s;
	size_t at = 0;

	scene_start(&s, 3);
	memset(name, 'n', HM_NAME_MAX);
	name[HM_NAME_MAX] = '\0';
	(void)scene_add(&s, s.entries[0], name);
	at = (size_t)snprintf(pattern, sizeof(pattern), "/*");
	while (at + 3 < sizeof(pattern))
		at += (size_t)snprintf(pattern + at, sizeof(pattern) - at, "/x");
	cr_assert_eq(walk_all(&s, pattern, 1), 0);
	scene_end(&s);
}

/* Others come and go in each pause of the walk; those that stay are found once. */
Test(engine_path, walk__finds_what_stays_though_others_come_and_go)
{
	static struct scene s;
	static struct hmi_walk walk;
	struct hmi_path *parent, *passing[64] = { 0 };
	enum hmi_walk_result result;
	uint64_t random = 5, local = FOUND_MAX + 1;
	uint32_t passed = 0;
	char name[16];

	scene_start(&s, 11);
	parent = scene_add(&s, s.entries[0], "p");
	for (uint32_t i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "stays%u", i);
		(void)scene_add(&s, parent, name);
	}
	memset(found, 0, sizeof(found));
	hmi_walk_begin(&walk, "/p/*");
	do {
		uint32_t steps = 3;
		uint64_t at = hmt_random_below(&random, RTE_DIM(passing));

		while ((result = hmi_walk_next(&s.paths, &walk, &steps)) == HMI_WALK_FOUND)
			found[walk.pid.local]++;
		hmi_path_remove(&s.paths, passing[at]);
		snprintf(name, sizeof(name), "passes%u", passed++);
		cr_assert_eq(hmi_path_add(&s.paths, parent, name, pid_of(local), &passing[at]), 0);
	} while (result == HMI_WALK_MORE);
	cr_assert_gt(passed, 100);
	for (uint32_t i = 2; i < s.count; i++)
		cr_assert_eq(found[s.entries[i]->pid.local], 1, "%s", s.entries[i]->path);
	scene_end(&s);
}

/* The parent of what is walked over goes: the walk ends. */
Test(engine_path, walk__ends_when_the_parent_goes)
{
	static struct scene s;
	static struct hmi_walk walk;
	struct hmi_path *parent, *child;
	uint32_t steps = 1;

	scene_start(&s, 11);
	parent = scene_add(&s, s.entries[0], "p");
	child = scene_add(&s, parent, "c");
	hmi_walk_begin(&walk, "/p/*");
	cr_assert_eq(hmi_walk_next(&s.paths, &walk, &steps), HMI_WALK_FOUND);
	hmi_path_remove(&s.paths, child);
	hmi_path_remove(&s.paths, parent);
	steps = 100;
	cr_assert_eq(hmi_walk_next(&s.paths, &walk, &steps), HMI_WALK_END);
	scene_end(&s);
}
