/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_RANDOM_H
#define HMT_RANDOM_H

/**
 * @file
 * Chance that can be repeated: a seed gives the same sequence on every machine.
 *
 * HMT_SEED in the environment holds another seed than the usual one. A test that fails says
 * which seed it had.
 */

#include <stdint.h>
#include <stdlib.h>

#include "random_pvt.h"

/** Seed of a test: HMT_SEED of the environment, or @p usual. */
static inline uint64_t
hmt_seed(uint64_t usual)
{
	const char *text = getenv("HMT_SEED");

	return text != NULL ? strtoull(text, NULL, 0) : usual;
}

/** Next 64 bits of a sequence. */
static inline uint64_t
hmt_random(uint64_t *state)
{
	return hmi_random(state);
}

/** A number from 0 to @p end - 1. */
static inline uint64_t
hmt_random_below(uint64_t *state, uint64_t end)
{
	return hmt_random(state) % end;
}

/** A number below 2^bits, whose own number of bits is random: small ones are as likely as big ones. */
static inline uint64_t
hmt_random_size(uint64_t *state, unsigned int bits)
{
	unsigned int shift = 64u - bits + (unsigned int)hmt_random_below(state, bits);

	return hmt_random(state) >> shift;
}

#endif /* HMT_RANDOM_H */
