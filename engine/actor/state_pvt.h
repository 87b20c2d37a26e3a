/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATE_PVT_H
#define STATE_PVT_H

/*
 * The memory of an actor's state: in the cell, from a slab of the lcore, or from the heap, by size. The
 * arguments are kept beside it, since a restart begins with them.
 */

#include "lcore_pvt.h"

/*
 * Make the state, zeroed, and copy `args` to its start. The cell is changed only when that has
 * succeeded. Returns 0 or -ENOMEM.
 */
int hmi_state_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_props *props, const void *args);

/* Make the state what it was at first: the arguments, and zeros. */
void hmi_state_reset(struct hmi_cell *cell);

void hmi_state_free(struct hm_ctx *ctx, struct hmi_cell *cell);

#endif /* STATE_PVT_H */
