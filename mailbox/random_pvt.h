/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RANDOM_PVT_H
#define RANDOM_PVT_H

/*
 * Random numbers that a seed repeats: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). Not for secrets.
 *
 * One thread at a time.
 */

#include <stdint.h>

/* The next number; any value of the state is a seed. */
static inline uint64_t
hmi_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

#endif /* RANDOM_PVT_H */
