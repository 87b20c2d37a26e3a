/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

/**
 * @file
 * One line that says how far a long run is, and how long it will still take.
 *
 *     [ 7/19] cross.tell          ######............  41 %, about 52 s left
 *
 * On a terminal the line is rewritten in place; elsewhere (a log file) each step gets one line.
 * What is left is what the plan still holds, corrected by how the finished steps compared with
 * their plan.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct bench_progress {
	FILE *stream;
	bool terminal;
	uint32_t steps, step; /**< step counts from 1; 0: not begun */
	double planned_s;     /**< all steps together */
	double done_planned_s, done_taken_s;
	double step_planned_s, step_start_s;
	const char *step_name;
};

/** @param planned_s  what all steps together are thought to take */
void bench_progress_init(struct bench_progress *progress, FILE *stream, uint32_t steps, double planned_s);

/** Begin the next step. */
void bench_progress_step(struct bench_progress *progress, const char *name, double planned_s);

/** Redraw; call a few times a second. */
void bench_progress_show(const struct bench_progress *progress);

/** The step is over. */
void bench_progress_done(struct bench_progress *progress);

/** Take the line away. */
void bench_progress_clear(const struct bench_progress *progress);

#endif /* BENCH_PROGRESS_H */
