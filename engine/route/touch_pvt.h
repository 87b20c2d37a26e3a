/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOUCH_PVT_H
#define TOUCH_PVT_H

#include "lcore_pvt.h"

/* Answer HM_TOUCH in the name of a process, and release it. */
void hmi_touch_answer(struct hm_ctx *ctx, struct hm_pid who, struct hm_msg *msg);

/*
 * Send HM_TOUCH, in the running actor's name, behind what it has sent before. It is a control message, so that no answer is missed
 * for want of memory, and every mailbox has room for it.
 */
void hmi_touch_post(struct hm_ctx *ctx, struct hm_pid to);

#endif /* TOUCH_PVT_H */
