/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OPTIONS_PVT_H
#define OPTIONS_PVT_H

#include <stdio.h>

#include "system_pvt.h"

void hmi_options_default(struct hmi_options *options, const struct hm_config *config);

/* The system's own options, which set these values; the last one has no name. */
#define HMI_OWN_OPTIONS 24
void hmi_own_options(struct hmi_options *options, struct hm_option table[HMI_OWN_OPTIONS]);

/* Whether every option has a name of its own. Returns 0 or -EINVAL, printed. */
int hmi_options_check(struct hm_system *sys);

/* Print all options of system, modules and program. */
void hmi_options_help(struct hm_system *sys, const char *program, FILE *out);

/* Parse what stands behind `--`. Returns 0 or -EINVAL, printed. */
int hmi_options_parse(struct hm_system *sys, int argc, char **argv);

/* Whether EAL has an option of this name, which is a letter, or stands without its two dashes. */
bool hmi_eal_has_option(const char *name, size_t length);

/* The first argument that is neither an option of EAL nor may be one's value; NULL: there is none. */
const char *hmi_eal_stray(int argc, char **argv);

/* Print what is wrong with EAL's options, if that can be found out; returns whether it was printed. */
bool hmi_eal_explain(int argc, char **argv);

/* Whether EAL can write to the folder of its files, sockets among them. */
bool hmi_eal_files_usable(void);

/*
 * Whether EAL can keep its files under the prefix, for so much memory in pages of 4 KiB, and whether
 * no other process holds them if this one is to be the primary one. Returns 0 or an errno, printed.
 */
int hmi_eal_files_check(const char *prefix, unsigned long megabytes, bool is_primary);

/* Whether what stands before `--` is for EAL. Returns 0 or -EINVAL, printed. */
int hmi_options_misplaced(struct hm_system *sys, int argc, char **argv);

/*
 * Parse the command line, and start EAL with what stands before `--`, unless it runs already.
 * Returns 0; -ECANCELED: help was asked for, and given; or an errno, printed.
 */
int hmi_command_line(struct hm_system *sys, int argc, char **argv);

/* Whether EAL has been started, by a system or by the program. */
bool hmi_eal_runs(void);

#endif /* OPTIONS_PVT_H */
