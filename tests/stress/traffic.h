/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

/*
 * What the parts of stress_engine_traffic share: traffic_actor.c, of the actors, and stress_engine_traffic.c, of the external
 * threads and the rounds.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "hm_actor.h"
#include "hmt_bytes.h"
#include "hmt_random.h"

#define LCORES  3u
#define ROOTS   12u
#define THREADS 2u
#define SENDERS (ROOTS + THREADS)

enum {
	TICK = HM_TYPE_USER,
	ORDERED,
	ACQUAINTANCE,
	REQUEST,
	ANSWER
};

struct ordered {
	uint64_t from, number;
};

struct shared;

struct args {
	struct shared *shared;
	uint64_t seed;
	uint32_t depth;
	uint32_t root; /* roots only */
};

struct shared {
	struct hm_system *sys;
	struct hm_pid roots[ROOTS];
	atomic_bool is_over;
	atomic_int faults;
	_Atomic uint64_t asked, ended, terminated, spawned;
	struct hmt_bytes_books bytes;
};

/* Props of all actors, by their lcore. Their args: struct args. */
extern const struct hm_props traffic_props[LCORES];

/* Something that must not be; the first ten are printed. */
void fault(struct shared *shared, const char *what);

static inline uint32_t
pick(uint64_t *seed, uint32_t below)
{
	return (uint32_t)hmt_random_below(seed, below);
}

#endif /* TRAFFIC_H */
