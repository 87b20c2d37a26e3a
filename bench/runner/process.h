/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROCESS_H
#define PROCESS_H

/**
 * @file
 * One benchmark program, run in a process group of its own.
 *
 *     runner ──spawn──▶ program ──row───▶ file in memory ──▶ result.row
 *                          └──── text ──▶ file in memory ──▶ last line in result.reason
 *
 * If the program crashes, hangs or writes no valid row, the result holds the reason, and the runner
 * continues. The whole process group is killed at the end, so that no child of the program outlives it.
 */

#include <signal.h>

#include <jansson.h>

/** Size of a reason, terminating zero included. */
#define PROCESS_REASON_MAX 256

struct process_result {
	json_t *row;                     /**< the row it wrote, or NULL */
	char reason[PROCESS_REASON_MAX]; /**< why there is none; empty if there is one */
};

/** Called about five times a second while the program runs. */
typedef void process_tick_fn(void *arg);

/** Block the signals that process_run waits for; call once, before the first of them. */
void process_init(void);

/**
 * Run a program until it ends or its time is over.
 *
 * @param argv       path and arguments, ended by NULL; they include "--json" with process_json_path
 * @param timeout_s  time after which the program is killed
 * @param result     always filled in; the caller releases result->row
 * @return 0; -EINTR: the user interrupted the run
 */
__attribute__((warn_unused_result))
int process_run(char *const *argv, double timeout_s, process_tick_fn *tick, void *arg,
		struct process_result *result);

/** Path by which a program started by process_run opens the file for its row. */
extern const char process_json_path[];

#endif /* PROCESS_H */
