/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLOT_GRANT_PVT_H
#define SLOT_GRANT_PVT_H

/*
 * Slots that an lcore grants to another one in advance, which may spawn actors in them without
 * asking: the PID is known at once, and the spawn is one message.
 *
 *     lcore 1 ── a range of slots that were never used, at start-up ──▶ lcore 0's slot cache
 *     lcore 0 ── spawn(slot) ─────────────────────────────────────────▶ lcore 1: the slot becomes an actor
 *     lcore 1 ── grant: 64 more, each time 64 are used ───────────────▶ lcore 0's slot cache
 *     lcore 0 ── grant request, when its cache is empty ──────────────▶ lcore 1: grants what it owes
 *
 * What is in the cache, on its way, or owed is always the same number, so a cache never overflows. Each grant that
 * arrives, and the end of the system, assert it.
 *
 * Limits: HMI_GRANTED_SLOTS slots for each ordered pair of lcores, and fewer with many lcores. An
 * actor that spawns more than that on one lcore before that lcore has turned gets -EAGAIN.
 */

#include "lcore_pvt.h"

#define HMI_GRANTED_SLOTS 65536u

struct hmi_grants;

/* Make an lcore's caches of slots on the others. Returns 0 or -ENOMEM. */
int hmi_grants_create(struct hm_ctx *ctx);

void hmi_grants_destroy(struct hm_ctx *ctx);

/* Grant a range of slots to every other lcore, while nothing runs. Returns 0 or -ENOMEM. */
int hmi_grants_exchange(struct hm_system *sys);

/* The next granted slot on an lcore. Returns 0; -EAGAIN: not yet; -ENOMEM: that lcore has no more. */
int hmi_grant_peek(struct hm_ctx *ctx, uint32_t lcore, uint64_t *local);

/* Use the slot that hmi_grant_peek returned. */
void hmi_grant_use(struct hm_ctx *ctx, uint32_t lcore);

/* A slot that this lcore has granted to another one is used: it is owed another one. */
void hmi_grant_used(struct hm_ctx *ctx, uint32_t lcore);

/* A spawn never arrived: the slot is owed all the same. While nothing runs. */
void hmi_grant_lost(struct hm_system *sys, uint64_t local, uint32_t lcore);

/* Assert that no slot is lost, and none there twice. While nothing runs, and nothing is under way. */
void hmi_grants_check(const struct hm_system *sys);

/* Commands. */
void hmi_grant_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_grant_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);
void hmi_grant_request_run(struct hm_ctx *ctx, const struct hm_msg *msg);

#endif /* SLOT_GRANT_PVT_H */
