/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SETTINGS_H
#define SETTINGS_H

/**
 * @file
 * The runner's command line.
 */

#include <regex.h>
#include <stdbool.h>

#include "bench_options.h"

struct settings {
	struct bench_options shared; /**< passed on to the programs, except json_path */
	const char *eal;             /**< further EAL options, as one text; may be empty */
	const char *html_path;       /**< NULL: no page */
	const char *filter;          /**< NULL: all rows */
	regex_t filter_regex;        /**< compiled, if there is a filter */
	bool quick, list;
};

/**
 * Read the command line.
 *
 * @return 0; -EINVAL: wrong, and an error was printed; -ECANCELED: --help was printed
 */
__attribute__((warn_unused_result))
int settings_parse(struct settings *settings, int argc, char **argv);

/** Whether a row of that name is selected. */
bool settings_wants(const struct settings *settings, const char *name);

/** Free what settings_parse has allocated. */
void settings_fini(struct settings *settings);

#endif /* SETTINGS_H */
