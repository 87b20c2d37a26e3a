/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_PVT_H
#define RECORDER_PVT_H

/*
 * Reading the flight recorder of an lcore: any thread, and the handler of a signal.
 */

#include "flight_pvt.h"

/* Of an event, with the newline. */
#define HMI_RECORDER_LINE 192u
/* Events that are logged with a fault that is contained, and with a stall; and written when a fault ends the process. */
#define HMI_RECORDER_LOGGED  16u
#define HMI_RECORDER_WRITTEN 64u

/* Copy the newest events, up to `max`, the oldest first. Returns how many. Async-signal-safe. */
uint32_t hmi_recorder_copy(const struct hm_ctx *ctx, struct hm_event *events, uint32_t max);

/* One line about an event. Returns its length. Async-signal-safe. */
size_t hmi_recorder_format(const struct hm_ctx *ctx, const struct hm_event *event,
			   char line[HMI_RECORDER_LINE]);

/* Write HMI_RECORDER_WRITTEN events. Async-signal-safe. */
void hmi_recorder_write(const struct hm_ctx *ctx, int fd);

/* Log HMI_RECORDER_LOGGED events, in one call, so that the lines stay together. */
void hmi_recorder_log(const struct hm_ctx *ctx);

#endif /* RECORDER_PVT_H */
