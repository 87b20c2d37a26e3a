/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OPTIONS_PVT_H
#define OPTIONS_PVT_H

#include <stdio.h>

#include "engine_pvt.h"

void hmi_options_default(struct hmi_options *options, const struct hm_config *config);

/* Whether every option has a name of its own. Returns 0 or -EINVAL, printed. */
int hmi_options_check(struct hm_system *sys);

/* Print all options of system, modules and program. */
void hmi_options_help(struct hm_system *sys, const char *program, FILE *out);

/* Parse what stands behind `--`. Returns 0 or -EINVAL, printed. */
int hmi_options_parse(struct hm_system *sys, int argc, char **argv);

/* Whether EAL has an option of this name, which is a letter, or stands without its two dashes. */
bool hmi_eal_has_option(const char *name, size_t length);

/* Print what is wrong with EAL's options, if that can be told; returns whether it was. */
bool hmi_eal_explain(int argc, char **argv);

/* Whether what stands before `--` is for EAL. Returns 0 or -EINVAL, printed. */
int hmi_options_misplaced(struct hm_system *sys, int argc, char **argv);

/*
 * Parse the command line, and start EAL with what stands before `--`, unless it runs already.
 * Returns 0; -ECANCELED: help was asked for, and given; or an errno, printed.
 */
int hmi_command_line(struct hm_system *sys, int argc, char **argv);

#endif /* OPTIONS_PVT_H */
