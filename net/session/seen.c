/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Numbers of packets that were received.
 */
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "seen_pvt.h"
#include "assert_pvt.h"

static inline bool
bit_is_set(const struct hmi_seen *seen, uint64_t number)
{
	uint64_t i = number % HMI_SEEN;

	return (seen->bits[i / 64] >> i % 64 & 1) != 0;
}

static inline void
bit_set(struct hmi_seen *seen, uint64_t number)
{
	uint64_t i = number % HMI_SEEN;

	seen->bits[i / 64] |= UINT64_C(1) << i % 64;
}

static inline void
bit_clear(struct hmi_seen *seen, uint64_t number)
{
	uint64_t i = number % HMI_SEEN;

	seen->bits[i / 64] &= ~(UINT64_C(1) << i % 64);
}

/* The least number that a bit stands for. */
static inline uint64_t
lowest(const struct hmi_seen *seen)
{
	return seen->largest >= HMI_SEEN ? seen->largest - HMI_SEEN + 1 : 1;
}

void
hmi_seen_begin(struct hmi_seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	seen->run_from = 1;
}

enum hmi_sight
hmi_seen_look(const struct hmi_seen *seen, uint64_t number)
{
	if (likely(number == seen->largest + 1))
		return HMI_SIGHT_NEXT;
	if (number > seen->largest)
		return number - seen->largest <= HMI_SEEN_AHEAD ? HMI_SIGHT_AHEAD : HMI_SIGHT_NONE;
	if (number < lowest(seen))
		return HMI_SIGHT_NONE;
	return bit_is_set(seen, number) ? HMI_SIGHT_AGAIN : HMI_SIGHT_LATE;
}

/* Those between the largest and `number` are missing. */
static void
skip_to(struct hmi_seen *seen, uint64_t number)
{
	if (number - seen->largest >= HMI_SEEN) {
		memset(seen->bits, 0, sizeof(seen->bits));
	} else {
		for (uint64_t n = seen->largest + 1; n < number; n++)
			bit_clear(seen, n);
	}
	seen->run_from = number;
}

/* A gap was filled: the newest run may reach further down. */
static void
run_extend(struct hmi_seen *seen)
{
	uint64_t low = lowest(seen);

	while (seen->run_from > low && bit_is_set(seen, seen->run_from - 1))
		seen->run_from--;
}

void
hmi_seen_note(struct hmi_seen *seen, uint64_t number, uint64_t now)
{
	HMI_ASSERT(hmi_seen_look(seen, number) <= HMI_SIGHT_LATE);
	if (unlikely(number < seen->largest)) {
		bit_set(seen, number);
		if (number + 1 == seen->run_from)
			run_extend(seen);
		return;
	}
	if (unlikely(number != seen->largest + 1))
		skip_to(seen, number);
	bit_set(seen, number);
	seen->largest = number;
	seen->largest_ns = now;
}

/* The greatest number from `low` to `n` whose bit is `set`; low - 1: there is none. */
static uint64_t
find_down(const struct hmi_seen *seen, uint64_t n, uint64_t low, bool set)
{
	while (n >= low) {
		uint64_t i = n % HMI_SEEN, word = seen->bits[i / 64];

		if (!set)
			word = ~word;
		/* Of this word, the bits up to the number's. */
		word <<= 63 - i % 64;
		if (word != 0) {
			n -= (uint64_t)__builtin_clzll(word);
			return n >= low ? n : low - 1;
		}
		if (n <= i % 64)
			break;
		n -= i % 64 + 1;
	}
	return low - 1;
}

uint32_t
hmi_seen_ranges(const struct hmi_seen *seen, struct hmi_range ranges[static HMI_SEEN_RANGES])
{
	uint64_t low = lowest(seen), n;
	uint32_t count = 0;

	if (seen->largest == 0)
		return 0;
	ranges[count++] = (struct hmi_range){ RTE_MAX(seen->run_from, low), seen->largest };
	n = find_down(seen, ranges[0].from - 1, low, true);
	while (n >= low && count < HMI_SEEN_RANGES) {
		uint64_t gap = find_down(seen, n, low, false);

		ranges[count++] = (struct hmi_range){ gap + 1, n };
		n = find_down(seen, gap, low, true);
	}
	return count;
}
