/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOLDS_PVT_H
#define HOLDS_PVT_H

/*
 * What the workers of a pool hold: so many numbers each, with a time, oldest first. Owned by the pool's lcore.
 */

#include <stdbool.h>
#include <stdint.h>

struct hmi_hold;

struct hmi_holds {
	struct hmi_hold *holds; /* `each` of every worker */
	uint32_t *counts;       /* of each worker */
	uint32_t each, total;
};

/* Returns 0 or -ENOMEM. */
int hmi_holds_create(struct hmi_holds *holds, uint32_t workers, uint32_t each);
void hmi_holds_destroy(struct hmi_holds *holds);

/* Returns whether there was room. */
bool hmi_holds_add(struct hmi_holds *holds, uint32_t worker, uint64_t number, uint64_t until_ns);

/* The oldest one with that number. Returns whether there was one. */
bool hmi_holds_remove(struct hmi_holds *holds, uint32_t worker, uint64_t number);

/* Those whose time is over: all, for UINT64_MAX. Returns how many. */
uint32_t hmi_holds_expire(struct hmi_holds *holds, uint32_t worker, uint64_t now_ns);

#endif /* HOLDS_PVT_H */
