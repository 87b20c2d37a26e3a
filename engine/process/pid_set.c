/* SPDX-License-Identifier: Apache-2.0 */
#include "hm_pid_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#define CAPACITY_FIRST 8u
#define CAPACITY_MAX   (1u << 30)

/* At most half of the places are taken: runs of them stay short. */
static uint32_t
places_mask(const struct hm_pid_set *set)
{
	return 2 * set->capacity - 1;
}

static uint32_t
home(const struct hm_pid_set *set, struct hm_pid pid)
{
	uint64_t h = pid.local ^ set->seed;

	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15ull;
	h = (h ^ pid.node ^ h >> 29) * 0xbf58476d1ce4e5b9ull;
	return (uint32_t)(h >> 32) & places_mask(set);
}

/* The place of a PID, or the free one where it would be. The set has places. */
static uint32_t
place_find(const struct hm_pid_set *set, struct hm_pid pid)
{
	uint32_t place = home(set, pid);

	while (set->places[place] != 0 && !hm_pid_equal(set->pids[set->places[place] - 1], pid))
		place = (place + 1) & places_mask(set);
	return place;
}

static int
grow(struct hm_pid_set *set, uint32_t capacity)
{
	struct hm_pid_set grown = { .seed = set->seed, .count = set->count, .capacity = capacity };

	if (capacity > CAPACITY_MAX)
		return -ENOMEM;
	grown.pids = malloc(capacity * (sizeof(struct hm_pid) + 2 * sizeof(uint32_t)));
	if (grown.pids == NULL)
		return -ENOMEM;
	if (set->capacity == 0)
		grown.seed = rte_rdtsc() ^ (uint64_t)(uintptr_t)grown.pids;
	grown.places = (uint32_t *)(void *)(grown.pids + capacity);
	memset(grown.places, 0, 2 * (size_t)capacity * sizeof(uint32_t));
	for (uint32_t i = 0; i < set->count; i++) {
		grown.pids[i] = set->pids[i];
		grown.places[place_find(&grown, set->pids[i])] = i + 1;
	}
	free(set->pids);
	*set = grown;
	return 0;
}

int
hm_pid_set_reserve(struct hm_pid_set *set, uint32_t count)
{
	uint32_t capacity = CAPACITY_FIRST;

	if (set == NULL)
		return -EINVAL;
	if (count > CAPACITY_MAX)
		return -ENOMEM;
	while (capacity < count || capacity < set->capacity)
		capacity *= 2;
	return capacity > set->capacity ? grow(set, capacity) : 0;
}

bool
hm_pid_set_contains(const struct hm_pid_set *set, struct hm_pid pid)
{
	return set->count > 0 && set->places[place_find(set, pid)] != 0;
}

int
hm_pid_set_add(struct hm_pid_set *set, struct hm_pid pid)
{
	if (set == NULL || hm_pid_is_none(pid))
		return -EINVAL;
	if (hm_pid_set_contains(set, pid))
		return -EEXIST;
	if (set->count == set->capacity && hm_pid_set_reserve(set, set->count + 1) != 0)
		return -ENOMEM;
	set->pids[set->count++] = pid;
	set->places[place_find(set, pid)] = set->count;
	return 0;
}

/* Whether what is at a place may move to a free one before it: its home is not in between. */
static bool
may_move(const struct hm_pid_set *set, uint32_t from, uint32_t to)
{
	uint32_t mask = places_mask(set), at = home(set, set->pids[set->places[from] - 1]);

	return ((from - at) & mask) >= ((from - to) & mask);
}

/* Free a place, and close the gap in the run that it belongs to. */
static void
place_free(struct hm_pid_set *set, uint32_t place)
{
	uint32_t mask = places_mask(set), next = place;

	for (;;) {
		next = (next + 1) & mask;
		if (set->places[next] == 0)
			break;
		if (may_move(set, next, place)) {
			set->places[place] = set->places[next];
			place = next;
		}
	}
	set->places[place] = 0;
}

bool
hm_pid_set_remove(struct hm_pid_set *set, struct hm_pid pid)
{
	uint32_t place, index;

	if (set->count == 0)
		return false;
	place = place_find(set, pid);
	if (set->places[place] == 0)
		return false;
	index = set->places[place] - 1;
	place_free(set, place);
	set->count--;
	if (index < set->count) {
		struct hm_pid last = set->pids[set->count];

		set->places[place_find(set, last)] = index + 1;
		set->pids[index] = last;
	}
	return true;
}

void
hm_pid_set_clear(struct hm_pid_set *set)
{
	if (set->count > 0)
		memset(set->places, 0, 2 * (size_t)set->capacity * sizeof(uint32_t));
	set->count = 0;
}

void
hm_pid_set_fini(struct hm_pid_set *set)
{
	free(set->pids);
	*set = (struct hm_pid_set){ 0 };
}
