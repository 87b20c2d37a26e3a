/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

/**
 * @file
 * A progress line: how far a long run is, and how long it will still take.
 *
 *     [ 7/19] cross.tell          ######............  41 %, about 52 s left
 *
 * On a terminal the line is rewritten in place; elsewhere (a log file) each step gets a line. The time
 * left is the planned time of the remaining steps, scaled by how long the finished ones took compared
 * with their plan.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct bench_progress {
	FILE *stream;
	bool terminal;
	uint32_t steps, step; /**< step: from 1; 0: not begun */
	double planned_s;     /**< of all steps */
	double done_planned_s, done_taken_s;
	double step_planned_s, step_start_s;
	const char *step_name;
};

/** @param planned_s  expected time of all steps */
void bench_progress_init(struct bench_progress *progress, FILE *stream, uint32_t steps, double planned_s);

/** Begin the next step. */
void bench_progress_step(struct bench_progress *progress, const char *name, double planned_s);

/** Redraw; call a few times a second. */
void bench_progress_show(const struct bench_progress *progress);

/** The step is over. */
void bench_progress_done(struct bench_progress *progress);

/** Erase the line. */
void bench_progress_clear(const struct bench_progress *progress);

#endif /* BENCH_PROGRESS_H */
