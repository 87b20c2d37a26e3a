/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LCORE_PVT_H
#define LCORE_PVT_H

#include "engine_pvt.h"

/* Make an lcore's structures. Returns 0, or a negative errno; then nothing is left behind. */
int hmi_ctx_create(struct hm_ctx **ctx, struct hm_system *sys, uint32_t index);

/* Turn everything that is still under way into dead letters. After all lcores have stopped. */
void hmi_ctx_drain(struct hm_ctx *ctx);

void hmi_ctx_destroy(struct hm_ctx *ctx);

#endif /* LCORE_PVT_H */
