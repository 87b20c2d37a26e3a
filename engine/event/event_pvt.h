/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVENT_PVT_H
#define EVENT_PVT_H

#include "hm_supervisor.h"
#include "lcore_pvt.h"

/* ---- dead_letter.c ---- */

/*
 * Publish some of the dead letters that wait in the lcore's queue, notify who waits for an answer or
 * watches, and free the messages. Returns how many dead letters it was.
 */
uint32_t hmi_dead_letters_publish(struct hm_ctx *ctx);

/* ---- supervision.c ---- */

/* A supervisor has decided: tell the subscribers. */
void hmi_supervision_publish(struct hm_ctx *ctx, const struct hm_supervision *supervision);

/* ---- subscribers.c ---- */

/* The local parts of their PIDs, each once. Returns how many. */
uint32_t hmi_subscribers_read(const struct hmi_subscribers *list, uint64_t locals[HMI_SUBSCRIBERS_MAX]);

/* Any thread. Returns 0, also for one that is there; -ENOSPC; -EINVAL: no process of this node. */
int hmi_subscribers_add(const struct hm_system *sys, struct hmi_subscribers *list, struct hm_pid subscriber);

/* Any thread. One that is not there is ignored. */
void hmi_subscribers_remove(const struct hm_system *sys, struct hmi_subscribers *list,
			    struct hm_pid subscriber);

#endif /* EVENT_PVT_H */
