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

/* The lcore of a spawn whose hm_props.lcore is valid. The key is for HM_LCORE_KEY. */
uint32_t hmi_placement_choose(struct hm_ctx *ctx, uint32_t where, uint64_t key);

/* The spawn has come off. */
void hmi_placement_done(struct hm_ctx *ctx, uint32_t where, uint32_t lcore);

#endif /* PLACEMENT_PVT_H */
