/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRANTED_PVT_H
#define GRANTED_PVT_H

/*
 * Granted slots: any lcore may take the number of a free one, and spawn an actor in it. The PID is known before
 * the spawn arrives, so a message that overtakes it takes the slot, and waits in the mailbox, which becomes the
 * actor's.
 */

#include "lcore_pvt.h"

extern const struct hmi_process_ops hmi_granted_ops;

/* Whether a local part is of a free slot: of the PID that the slot's next process will have. */
static inline bool
hmi_granted_is_free(const struct hm_ctx *ctx, uint64_t local)
{
	const struct hmi_cell *cell = hmi_cells_at(&ctx->cells, local);

	return hmi_cells_is_reserved(&ctx->cells, local) ||
	       (cell->generation == (uint32_t)local && cell->generation != 0 && hmi_cell_is_free(cell));
}

/* Take the free slot of a local part. NULL: no memory. */
struct hmi_cell *hmi_granted_take(struct hm_ctx *ctx, uint64_t local);

/* Take the free slot of a message's receiver. NULL: no memory, or it cannot have been given to anybody. */
struct hmi_cell *hmi_granted_take_early(struct hm_ctx *ctx, const struct hm_msg *msg);

/* Dead-letter a message that was taken out of the mailbox of a cell. */
void hmi_waiting_dead_letter(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg,
			     enum hm_dead_reason reason);

/*
 * Dead-letter what is in the mailbox and the system lane of a cell, up to *budget messages, which are
 * subtracted. Returns whether there was anything.
 */
bool hmi_mailbox_dead_letter(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_dead_reason reason,
			     uint32_t *budget);

#endif /* GRANTED_PVT_H */
