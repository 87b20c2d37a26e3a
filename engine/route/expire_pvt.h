/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EXPIRE_PVT_H
#define EXPIRE_PVT_H

/*
 * Deadlines that travel with requests. What a request to the same lcore carries is early, by the time for which the
 * lcore has not read its clock: once that has passed, the asking process knows. What it carries to other lcores
 * is exact.
 */

#include "lcore_pvt.h"

/* Whether a message with HMI_MSG_EXPIRES comes too late, by a reading of the clock in this turn. */
bool hmi_is_expired(struct hm_ctx *ctx, const struct hm_msg *msg);

/* A request with a deadline leaves for another lcore, where nobody can be asked. */
void hmi_deadline_settle(struct hm_ctx *ctx, struct hm_msg *msg);

/* The same for a message that its receiver has not taken yet. */
static inline void
hmi_deadline_settle_handed(struct hm_ctx *ctx, struct hm_msg *msg)
{
	hmi_guard_received(msg);
	hmi_deadline_settle(ctx, msg);
	hmi_guard_handed(msg);
}

#endif /* EXPIRE_PVT_H */
