/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHORTAGE_PVT_H
#define SHORTAGE_PVT_H

/*
 * Message memory is used up, or was lost: the warning, and what holds it.
 */

#include "lcore_pvt.h"

/* A send of this lcore was refused: counted, and every few seconds logged with a report. */
__attribute__((cold))
void hmi_no_memory(struct hm_ctx *ctx, uint16_t type);

/* The same, of a message that was to be filled in place. */
__attribute__((cold))
void hmi_no_memory_new(struct hm_ctx *ctx, uint16_t type);

/* A timer is due, and finds no memory for its message: counted, and logged as above. */
__attribute__((cold))
void hmi_timer_delayed(struct hm_ctx *ctx, const struct hmi_cell *owner, uint16_t type);

/* The same as hmi_no_memory for an external thread. */
__attribute__((cold))
void hmi_no_memory_external(struct hm_system *sys, uint16_t type);

/*
 * Log what holds messages: by size; and on every lcore the fullest mailboxes, the outbox, the lanes, the queue of
 * dead letters, the inject ring, the backlogs of other nodes and what futures keep. The others log their part when
 * they get to it. Walks all slots that were used: milliseconds for a million actors.
 */
void hmi_memory_report(struct hm_ctx *ctx);

/* This lcore's part of a report; HMI_COMMAND_REPORT. */
void hmi_memory_report_lcore(struct hm_ctx *ctx, const struct hm_msg *command);

/* Log, by type, the messages that nobody has freed. No lcore and no cache exists any more. Returns how many. */
uint64_t hmi_memory_leaks(struct hm_system *sys);

#endif /* SHORTAGE_PVT_H */
