/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TURN_PVT_H
#define TURN_PVT_H

/*
 * What a turn of an actor is that has a quantum of its own: quantum.c.
 */

#include "lcore_pvt.h"

/* An actor is made that has a quantum of its own. Returns 0 or -ENOMEM. */
int hmi_quantum_make_own(struct hm_ctx *ctx, struct hmi_cell *cell);

/* An actor is made whose props are known. Returns 0 or -ENOMEM. */
static inline int
hmi_quantum_make(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	const struct hm_props *props = cell->actor.props;

	return likely((props->quantum | props->quantum_us) == 0) ? 0 : hmi_quantum_make_own(ctx, cell);
}

/* Its turn begins, of `portion` messages at most by the worker's account. Returns how many it may be. */
uint32_t hmi_quantum_begin(struct hm_ctx *ctx, const struct hmi_cell *cell, uint32_t portion);

/* Its turn ends, after ctx->handled messages. */
void hmi_quantum_end(struct hm_ctx *ctx, const struct hmi_cell *cell);

#endif /* TURN_PVT_H */
