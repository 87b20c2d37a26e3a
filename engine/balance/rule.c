/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_pvt.h"

/* ---- When ----------------------------------------------------------------------------- */

uint64_t
hmi_balance_next_ns(uint64_t now_ns, uint64_t interval_ns, uint32_t own, uint32_t count)
{
	uint64_t offset_ns = interval_ns * own / count;

	return (now_ns + interval_ns - offset_ns) / interval_ns * interval_ns + offset_ns;
}

/* ---- From where to where ------------------------------------------------------------ */

/* How many are busier; of equals those before it. */
static uint32_t
rank_of(const uint32_t *busy, uint32_t count, uint32_t index)
{
	uint32_t rank = 0;

	for (uint32_t i = 0; i < count; i++)
		rank += busy[i] > busy[index] || (busy[i] == busy[index] && i < index);
	return rank;
}

uint32_t
hmi_balance_partner(const uint32_t *busy, uint32_t count, uint32_t own)
{
	uint32_t wanted = count - 1 - rank_of(busy, count, own);

	if (2 * wanted < count)
		return HMI_BALANCE_NONE;
	for (uint32_t i = 0; i < count; i++) {
		if (i != own && rank_of(busy, count, i) == wanted)
			return i;
	}
	return HMI_BALANCE_NONE;
}

bool
hmi_balance_is_due(uint32_t *looks, uint32_t difference)
{
	*looks = difference > HMI_BALANCE_TOLERATED ? *looks + 1 : 0;
	if (*looks < HMI_BALANCE_LOOKS)
		return false;
	*looks = 0;
	return true;
}

/* ---- Whom ------------------------------------------------------------------------------ */

/* The difference when a load has moved. */
static uint32_t
rest_of(uint32_t difference, uint32_t load)
{
	return difference > 2 * load ? difference - 2 * load : 2 * load - difference;
}

static bool
is_among(const uint32_t *chosen, uint32_t count, uint32_t index)
{
	for (uint32_t i = 0; i < count; i++) {
		if (chosen[i] == index)
			return true;
	}
	return false;
}

static uint32_t
best_of(const uint32_t *loads, uint32_t count, uint32_t difference, const uint32_t *chosen, uint32_t n)
{
	uint32_t best = HMI_BALANCE_NONE, least = difference - 2 * HMI_BALANCE_LOAD_MIN + 1;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t rest = rest_of(difference, loads[i]);

		if (loads[i] > 0 && rest < least && 4 * loads[i] <= 3 * difference &&
		    !is_among(chosen, n, i)) {
			best = i;
			least = rest;
		}
	}
	return best;
}

uint32_t
hmi_balance_choose(const uint32_t *loads, uint32_t count, uint32_t difference, uint32_t *chosen)
{
	uint32_t n = 0;

	while (n < HMI_BALANCE_MOVES_MAX && difference > 2 * HMI_BALANCE_LOAD_MIN) {
		uint32_t least, best = best_of(loads, count, difference, chosen, n);

		if (best == HMI_BALANCE_NONE)
			break;
		least = rest_of(difference, loads[best]);
		chosen[n++] = best;
		/* What it is beyond the half is the other lcore's now. */
		if (2 * loads[best] >= difference)
			break;
		difference = least;
	}
	return n;
}

/* ---- Who belongs together ----------------------------------------------------------------- */

bool
hmi_balance_belongs(uint64_t in, uint64_t all, uint64_t out, bool together)
{
	uint64_t part = together ? 3 : 2;

	/* Most of what it handles; or next to nothing, as one that only sends. */
	return part * in >= all || 4 * all < part * out;
}

bool
hmi_balance_has_room(uint32_t busy, uint32_t load, uint64_t rate)
{
	uint64_t saved = rate * HMI_BALANCE_CROSS_NS / (1000000000u / HMI_BALANCE_FULL);

	return load <= saved || busy + load - saved <= HMI_BALANCE_FULL;
}
