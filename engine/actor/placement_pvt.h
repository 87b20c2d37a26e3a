/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLACEMENT_PVT_H
#define PLACEMENT_PVT_H

/*
 * Where new actors go: hm_dispatch.h.
 */

#include "lcore_pvt.h"

/* What an lcore knows of the others' load. Returns 0 or -ENOMEM. */
int hmi_placement_create(struct hm_ctx *ctx);

void hmi_placement_destroy(struct hm_ctx *ctx);

/* Whether hm_props.lcore may have this value. */
bool hmi_placement_is_valid(const struct hm_ctx *ctx, uint32_t where);

/*
 * The lcore of a spawn whose hm_props.lcore is valid. The key is for HM_LCORE_KEY. Returns 0; -EBUSY: all are taken that
 * it may be.
 */
int hmi_placement_choose(struct hm_ctx *ctx, uint32_t where, uint64_t key, uint32_t *lcore);

/* The spawn has come off. */
void hmi_placement_done(struct hm_ctx *ctx, uint32_t where, uint32_t lcore);

/* An lcore that an actor had for itself is free. */
void hmi_placement_own_leave(struct hm_system *sys, uint32_t lcore);

/* The spawn has not, or the actor has ended that came to live there by it. */
static inline void
hmi_placement_leave(struct hm_system *sys, uint32_t where, uint32_t lcore)
{
	if (unlikely(where == HM_LCORE_OWN))
		hmi_placement_own_leave(sys, lcore);
}

#endif /* PLACEMENT_PVT_H */
