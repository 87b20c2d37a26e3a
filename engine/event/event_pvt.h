/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVENT_PVT_H
#define EVENT_PVT_H

#include "lcore_pvt.h"

/*
 * Publish some of the dead letters that wait in the lcore's queue, notify who waits for an answer or
 * watches, and free the messages. Returns how many dead letters it was.
 */
uint32_t hmi_dead_letters_publish(struct hm_ctx *ctx);

#endif /* EVENT_PVT_H */
