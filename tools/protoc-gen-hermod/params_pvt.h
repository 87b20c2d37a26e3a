/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PARAMS_PVT_H
#define PARAMS_PVT_H

/*
 * What stands between --hermod_out= and the colon: KEY=VALUE, with commas between them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "arena_pvt.h"

/* What went wrong, a line each, for protoc to show. */
struct hmp_problems {
	struct hmp_text text;
	uint32_t count; /* also of those that are not in the text, since there were too many */
};

#define HMP_PROBLEMS_MAX 20u

/* name.OF=NAME, and skip=OF. */
struct hmp_param_name {
	const char *of, *name;
	bool is_used;
};

struct hmp_params {
	const char *first; /* an id; NULL: that of the engine's header */
	uint32_t first_id; /* the same as a number */
	const char *after; /* a .proto file; NULL: none */
	struct hmp_param_name *names, *skips;
	size_t name_count, skip_count;
};

__attribute__((format(printf, 2, 3)))
void hmp_problem(struct hmp_problems *problems, const char *format, ...);

/* @param text  may be NULL; what cannot be read is a problem */
void hmp_params_read(struct hmp_params *params, const char *text, struct hmp_memory *memory,
		     struct hmp_problems *problems);

/* The name that is given to so many characters; NULL: none. */
const char *hmp_param_name(const struct hmp_params *params, const char *of, size_t length);

/* Whether a full name, or what it lies in, is to be left out. */
bool hmp_param_skips(const struct hmp_params *params, const char *full);

/* Names that were given to nothing are problems. */
void hmp_params_unused(const struct hmp_params *params, struct hmp_problems *problems);

#endif /* PARAMS_PVT_H */
