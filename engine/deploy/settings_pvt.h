/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SETTINGS_PVT_H
#define SETTINGS_PVT_H

/*
 * Deployment settings as they are read: a batch is what comes at once, and has a text for what is wrong with it.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "hm_actor.h"
#include "hm_deploy.h"
#include "key_pvt.h"

struct hmi_setting {
	char *text; /* of its value; NULL: it is not set */
	uint64_t value;
	uint32_t line; /* 0: of no file */
};

struct hmi_section {
	struct hmi_section *next;
	_Atomic uint64_t actors; /* that it was for */
	char *source;            /* a file, or an option */
	uint32_t line;           /* 0: of no file */
	struct hmi_setting settings[HMI_KEYS];
	char pattern[HM_PATH_MAX];
};

/* What is being read. */
struct hmi_batch {
	struct hmi_section *first; /* in order of their places */
	struct hmi_section **last; /* where the next one goes */
	const char *source;        /* a file, or an option */
	const char *quote;         /* what that option, or call, was given; NULL: it is a file */
	uint32_t line;             /* of what is read; 0: no file */
	uint32_t count;            /* settings */
	char problem[HM_DEPLOY_PROBLEM_MAX];
};

void hmi_section_free(struct hmi_section *section);

void hmi_batch_init(struct hmi_batch *batch, const char *source, const char *quote);
void hmi_batch_fini(struct hmi_batch *batch);

/* Say what is wrong, behind source and line. Returns -EINVAL. */
__attribute__((format(printf, 2, 3))) int hmi_batch_refuse(struct hmi_batch *batch, const char *format, ...);

/* The section of a path begins. Returns 0, -EINVAL (explained), or -ENOMEM. */
int hmi_batch_section(struct hmi_batch *batch, const char *path, struct hmi_section **section);

/* One setting more. Returns as hmi_batch_section. */
int hmi_batch_set(struct hmi_batch *batch, struct hmi_section *section, const char *name, const char *value);

/* One setting, "PATH:key=value". Returns as hmi_batch_section. */
int hmi_batch_text(struct hmi_batch *batch, const char *text);

/* Whether the settings of each section go together, now that there are all. Returns 0 or -EINVAL (explained). */
int hmi_batch_check(struct hmi_batch *batch);

/* Read a file into a batch. Returns as hmi_batch_section, or another negative errno (explained). cfgfile.c. */
int hmi_batch_file(struct hmi_batch *batch, const char *file);

#endif /* SETTINGS_PVT_H */
