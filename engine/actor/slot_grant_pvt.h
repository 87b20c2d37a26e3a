/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLOT_GRANT_PVT_H
#define SLOT_GRANT_PVT_H

/*
 * Slots of other lcores that an lcore holds in advance, to spawn actors in them without asking: the PID is
 * known at once, and the spawn is one message.
 *
 *     lcore 1's bank ──freed slots, or a range of never used ones──▶ lcore 0's slot cache of lcore 1
 *     lcore 0 ── spawn(slot) ──────────────────────────────────────▶ lcore 1: the slot becomes an actor
 *     lcore 1: the actor ends ──slot──▶ lcore 1's own list ──▶ its bank
 *
 * A cache is filled when it is empty, with HMI_SLOT_BATCH slots at most. So a spawn fails for want of a
 * slot only when the other lcore's bank is empty: all of its 16 M slots are taken, but for those that
 * lcores hold in advance, as many as a batch each, and up to three that it keeps itself.
 */

#include "lcore_pvt.h"

struct hmi_grants;

/* Make an lcore's caches of slots on the others. Returns 0 or -ENOMEM. */
int hmi_grants_create(struct hm_ctx *ctx);

void hmi_grants_destroy(struct hm_ctx *ctx);

/* The next slot on another lcore that may be spawned in. Returns 0; -ENOMEM: that lcore has no more. */
int hmi_grant_peek(struct hm_ctx *ctx, uint32_t lcore, uint64_t *local);

/* Use the slot that hmi_grant_peek returned. */
void hmi_grant_use(struct hm_ctx *ctx, uint32_t lcore);

/* The slot of a spawn that has arrived here. NULL: no memory, and the slot is lost. */
struct hmi_cell *hmi_grant_arrive(struct hm_ctx *ctx, uint64_t local);

/* A spawn never arrived. While nothing runs. */
void hmi_grant_lost(struct hm_system *sys, uint64_t local);

/* Assert that no slot is lost, and none there twice. While nothing runs, and nothing is under way. */
void hmi_grants_check(const struct hm_system *sys);

#endif /* SLOT_GRANT_PVT_H */
