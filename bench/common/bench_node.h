/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_NODE_H
#define BENCH_NODE_H

/**
 * @file
 * A benchmark that is a hermod node: set-up, slices, and the row.
 *
 *     bench_node_main ──▶ measure: bench_node_type, bench_node_run ──▶ row
 *                                            │
 *                      driver actor: bench_node_slice … bench_node_slice ──▶ system stops
 *
 * The driver takes slices of limit and value in turns on its own lcore. For the limit it calls a
 * function within its receive function; for the value it sends messages and waits for the last.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench_options.h"
#include "bench_row.h"

#include "hermod.h"

/** Most options of one program beside the shared ones. */
#define BENCH_NODE_EXTRAS_MAX 6

struct bench_node {
	/* in */
	const char *about;                 /**< one sentence for --help */
	const struct bench_option *extras; /**< further options, ended by a NULL name; NULL: none */
	const struct hm_module *const *modules;
	uint32_t messages;   /**< hm_config.messages; 0: hermod's default */
	uint32_t lcores;     /**< least number of lcores; 0: one */
	uint32_t balance_ms; /**< hm_config.balance_ms */
	/* in and out */
	struct bench_options options; /**< defaults, then what the command line says */
	/* out */
	struct hm_system *sys;
	struct bench_slices slices;
	bool warm; /**< the first pair of slices, which is discarded, is over */
	/* private */
	const char *failure;
	struct hm_option table[BENCH_OPTIONS_SHARED + BENCH_NODE_EXTRAS_MAX + 1];
};

/**
 * A program's own part between start-up and row: registers types, and runs.
 *
 * @param row  to be initialised and filled in, but for the summary, which bench_node_main computes; if
 *             it is not initialised, no row is written
 * @return 0 or negative errno, printed
 */
typedef int bench_measure_fn(struct bench_node *node, struct bench_row *row);

/** Set defaults; the caller fills in the rest. */
void bench_node_init(struct bench_node *node, const char *about);

/**
 * The whole program: start the node, measure, write the row, free the node. Errors are printed.
 *
 * @return exit status
 */
int bench_node_main(struct bench_node *node, int argc, char **argv, bench_measure_fn *measure);

/** A program whose data begin with its node. */
struct bench_program {
	const char *about;                        /**< as in struct bench_node */
	uint32_t lcores;                          /**< as in struct bench_node */
	size_t bytes;                             /**< of its data, zeroed at first */
	void (*prepare)(struct bench_node *node); /**< fills in the rest; NULL: there is none */
	bench_measure_fn *measure;
};

/** As bench_node_main, for data on the heap. */
int bench_program_main(const struct bench_program *program, int argc, char **argv);

/* ---- Within measure ------------------------------------------------------------ */

/** Register a plain type. @return 0 or negative errno, printed */
__attribute__((warn_unused_result))
int bench_node_type(struct bench_node *node, uint16_t id, const char *name, uint32_t size);

/**
 * Spawn an actor on the first lcore, and run until it stops the system.
 *
 * @param name     of the actor, usually "driver"
 * @param receive  its receive function; its state is a pointer to @p run
 * @return 0 or negative errno, printed
 */
__attribute__((warn_unused_result))
int bench_node_run(struct bench_node *node, const char *name, hm_receive_fn *receive, void *run);

/* ---- Within the driver ---------------------------------------------------------- */

/**
 * A pair of slices is over. The first pair only warms up.
 *
 * @param limit  NaN: there is none
 * @return whether another pair is to be taken; if not, the system stops
 */
bool bench_node_slice(struct bench_node *node, struct hm_ctx *ctx, double value, double limit);

/** Abort: the system stops, and the program fails with this message, unless it has failed before. */
void bench_node_fail(struct bench_node *node, struct hm_ctx *ctx, const char *why);

/** bench_node_fail, if the result of a sending call is not HM_OK. */
void bench_node_check(struct bench_node *node, struct hm_ctx *ctx, enum hm_result result);

/**
 * Number of operations that fill a slice.
 *
 * @param last_ns        time of one in the last slice
 * @param warm_up_count  returned for the first slice
 */
uint64_t bench_node_count(const struct bench_node *node, double last_ns, uint64_t warm_up_count);

/** Length of a slice in clock ticks, for programs that read the clock for each operation anyway. */
uint64_t bench_node_slice_ticks(const struct bench_node *node);

#endif /* BENCH_NODE_H */
