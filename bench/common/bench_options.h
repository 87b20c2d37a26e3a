/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

/**
 * @file
 * Options that all benchmark programs have, and that the runner passes on to them.
 */

#include <stdint.h>

#include "bench_cli.h"

struct bench_options {
	double duration_s;     /**< time of all slices, limit and value together */
	uint32_t repeats;      /**< pairs of slices */
	uint32_t payload;      /**< bytes of a message's payload; 0: the scenario's default */
	uint32_t in_flight;    /**< messages in flight; 0: the scenario's default */
	const char *json_path; /**< append rows here instead of printing them; NULL: print */
};

/** Options in a table made by bench_options_table. */
#define BENCH_OPTIONS_SHARED 5

/** Largest payload that may be asked for, in bytes. */
#define BENCH_PAYLOAD_MAX 65000u

/** Defaults: three seconds, nine pairs of slices. */
void bench_options_init(struct bench_options *options);

/**
 * Write the shared options, and the entry that ends a table.
 *
 * @param table  room for BENCH_OPTIONS_SHARED + 1 entries
 */
void bench_options_table(struct bench_options *options, struct bench_option *table);

/** Length of one slice in seconds: a repeat has two, of limit and of value. */
double bench_options_slice_s(const struct bench_options *options);

#endif /* BENCH_OPTIONS_H */
