/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_CLI_H
#define BENCH_CLI_H

/**
 * @file
 * Table-driven command lines, for programs that are no hermod nodes (those have hm_option).
 *
 * Options are long ones only, `--name VALUE`, `--name=VALUE` or `--name`. A wrong command line
 * gives one line on stderr; the program then exits with BENCH_EXIT_USAGE.
 */

#include <stdint.h>

/** Exit status for a wrong command line. */
#define BENCH_EXIT_USAGE 2

/** Most options of one program. */
#define BENCH_OPTIONS_MAX 24

/** One option. */
struct bench_option {
	const char *name;  /**< without dashes; NULL ends a table */
	const char *value; /**< name of the value in --help; NULL: the option takes none */
	const char *help;  /**< one line */
	/** @param value  NULL when the option takes none. @return 0 or -EINVAL */
	int (*set)(void *target, const char *value);
	void *target;
};

/**
 * Parse a command line.
 *
 * @param argc, argv  argv[0] is the program's name
 * @param about       one sentence for --help, which every program has
 * @param options     ended by one whose name is NULL
 * @return 0; -EINVAL: wrong, and one line about it was printed; -ECANCELED: --help was printed
 */
__attribute__((warn_unused_result))
int bench_cli_parse(int argc, char **argv, const char *about, const struct bench_option *options);

/** Read a whole number from @p low to @p high. @return 0 or -EINVAL */
__attribute__((warn_unused_result))
int bench_parse_uint(const char *text, uint64_t low, uint64_t high, uint64_t *number);

/** Read a finite number from @p low to @p high. @return 0 or -EINVAL */
__attribute__((warn_unused_result))
int bench_parse_double(const char *text, double low, double high, double *number);

/** set functions: target is a `const char *`, and a `bool`. */
int bench_set_text(void *target, const char *value);
int bench_set_flag(void *target, const char *value);

#endif /* BENCH_CLI_H */
