/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROCESS_H
#define PROCESS_H

/**
 * @file
 * One benchmark program, run in a process group of its own.
 *
 *     runner ──spawn──▶ program ──rows──▶ file in memory ──▶ result.rows
 *                          └──── text ──▶ file in memory ──▶ result.text
 *
 * Whatever the program does (crash, hang, write garbage), the runner goes on: the result then
 * carries the reason. Its whole group is killed at the end, so that no child of it outlives it.
 */

#include <signal.h>

#include <jansson.h>

/** Longest reason, its closing zero included. */
#define PROCESS_REASON_MAX 256

struct process_result {
	json_t *row;                     /**< the row it wrote, or NULL */
	char reason[PROCESS_REASON_MAX]; /**< why there is none; empty if there is one */
};

/** Called some times a second while the program runs. */
typedef void process_tick_fn(void *arg);

/** Block the signals that process_run waits for; call once, before the first of them. */
void process_init(void);

/**
 * Run a program until it ends or its time is over.
 *
 * @param argv     path and arguments, ended by NULL; "--json" and its value are added by the caller
 *                 as process_json_path
 * @param timeout_s  then it is killed
 * @param result   filled in every case; the caller drops result->row
 * @return 0; -EINTR: the user interrupted the run
 */
__attribute__((warn_unused_result))
int process_run(char *const *argv, double timeout_s, process_tick_fn *tick, void *arg,
		struct process_result *result);

/** Where a program started by process_run finds the file for its rows. */
extern const char process_json_path[];

#endif /* PROCESS_H */
