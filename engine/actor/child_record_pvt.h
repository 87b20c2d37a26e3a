/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHILD_RECORD_PVT_H
#define CHILD_RECORD_PVT_H

/*
 * What a supervisor knows of a child that has failed, and, if it restarts those that follow one, of each child.
 */

#include "actor_pvt.h"

/* In the list of what the supervisor owns, with hmi_record_ops. */
struct hmi_record {
	struct hmi_link link; /* first; pid: the child */
	struct hmi_timer timer;
	uint64_t serial;   /* of the spawn calls; 0: the strategy needs no order */
	uint64_t *times;   /* of the last failures, a ring; NULL: without limit */
	uint32_t capacity; /* of the ring */
	uint32_t count;    /* of failures, at most the ring's capacity if there is one */
	uint32_t next;     /* place in the ring */
	uint32_t delays;   /* restarts in a row */
	uint64_t last_ns;  /* when it failed last */
	bool escalated;    /* it waits for what becomes of its supervisor */
	bool delayed;      /* it waits for a restart of its own */
};

extern const struct hmi_owned_ops hmi_record_ops;

static inline struct hmi_record *
hmi_record_of(struct hmi_owned *owned)
{
	return container_of(owned, struct hmi_record, link.owned);
}

/* That of a child; NULL: there is none. */
struct hmi_record *hmi_record_find(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_pid child);

/* The strategy for the children of an actor. */
const struct hm_supervisor *hmi_strategy_of(const struct hmi_cell *cell);

#endif /* CHILD_RECORD_PVT_H */
