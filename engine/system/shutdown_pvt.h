/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHUTDOWN_PVT_H
#define SHUTDOWN_PVT_H

/*
 * The stop in phases: hm_shutdown.h.
 *
 *     any thread: tasks, by phase ──(lock)──▶ the guardian / on lcore 0: begins them, watches their actors,
 *                                             ends phases, stops /user, /system and itself
 *
 * All that the guardian does it does in turns of its own: on notifications that an actor has ended, and
 * when one of its futures ends, which are its deadlines.
 */

#include "lcore_pvt.h"

struct hmi_task {
	struct hmi_task *next;
	struct hm_shutdown_task task; /* its name and args point into this */
	uint64_t id;
	struct hm_pid actor; /* once it has begun: whose end is its end */
	char name[HM_NAME_MAX + 1];
	uint64_t args[];
};

/* ---- shutdown_task.c: any thread ---- */

void hmi_shutdown_create(struct hmi_shutdown *shutdown);
void hmi_shutdown_destroy(struct hmi_shutdown *shutdown);

/* Begin a phase: take its tasks, as a list in the order in which they were added. *timeout_us: the phase's time. */
struct hmi_task *hmi_tasks_take(struct hm_system *sys, enum hm_shutdown_phase phase, uint64_t *timeout_us);

/* ---- shutdown.c: lcore 0 ---- */

/* Ask the guardian / to begin with the stop, if it has not; on lcore 0, or before anything runs. */
void hmi_shutdown_ask(struct hm_ctx *ctx);

/* In its turn: an actor that it watches, or a child, has ended. */
void hmi_shutdown_terminated(struct hm_ctx *ctx, struct hm_pid who);

/* ---- stop_report.c ---- */

/* What a thread that is no lcore knows of a stop that lcore 0 may be too stuck for. */
struct hmi_stop_watch {
	uint64_t asked_ns;         /* when it was first seen to be asked for; 0: it was not */
	uint64_t turns, turned_ns; /* of lcore 0, and when that was first seen */
	bool is_told;
};

#define HMI_STUCK_TEXT 640u

/* What an lcore runs that does not end its turn: "actor PID PATH, message type NAME". */
void hmi_stuck_describe(const struct hm_system *sys, struct hm_ctx *ctx, char text[HMI_STUCK_TEXT]);

/* Remember how many turns each lcore has made. */
void hmi_turns_note(struct hm_ctx *ctx);

/* Log the lcores that have not ended a turn since. */
void hmi_stuck_log(struct hm_ctx *ctx);

/* Log which actors have not stopped, of one and all below it: some of those that wait for no child. */
void hmi_stop_report(struct hm_ctx *ctx, struct hm_pid actor);

/* The same on an actor's lcore; HMI_COMMAND_STOP_REPORT. */
void hmi_stop_report_run(struct hm_ctx *ctx, const struct hm_msg *command);

/* To be called every now and then. Returns whether lcore 0 should have forced the stop, and has not. */
bool hmi_stop_watch(const struct hm_system *sys, struct hmi_stop_watch *watch);

/* Make all lcores leave, whatever actors do. Any thread. */
void hmi_stop_force(struct hm_system *sys);

#endif /* SHUTDOWN_PVT_H */
