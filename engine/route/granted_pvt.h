/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GRANTED_PVT_H
#define GRANTED_PVT_H

/*
 * A granted slot: another lcore may spawn an actor in it, or holds it already. The PID is known before the
 * spawn arrives, so messages that overtake it wait in the cell's mailbox, which becomes the actor's.
 */

#include "lcore_pvt.h"

extern const struct hmi_process_ops hmi_granted_ops;

/* Take the reserved slot of a local part, which is granted already. NULL: no memory. */
struct hmi_cell *hmi_granted_take(struct hm_ctx *ctx, uint64_t local);

/* Dead-letter a message that was taken out of a mailbox. */
void hmi_waiting_dead_letter(struct hm_ctx *ctx, struct hm_msg *msg, enum hm_dead_reason reason);

/*
 * Dead-letter what is in the mailbox and the system lane of a cell, up to *budget messages, which are
 * subtracted. Returns whether there was anything.
 */
bool hmi_mailbox_dead_letter(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_dead_reason reason,
			     uint32_t *budget);

#endif /* GRANTED_PVT_H */
