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

/* name.OF=NAME, or skip=OF. */
struct hmp_param_name {
	const char *of, *name;
	bool is_used;
};

/* Those with the same key. */
struct hmp_param_names {
	struct hmp_param_name *items;
	size_t count;
};

struct hmp_params {
	const char *first; /* an id; NULL: that of the engine's header */
	uint32_t first_id; /* the same as a number */
	const char *after; /* a .proto file; NULL: none */
	struct hmp_param_names names, skips;
	struct hmp_param_names control, no_influence, auto_respond; /* of messages */
};

__attribute__((format(printf, 2, 3)))
void hmp_problem(struct hmp_problems *problems, const char *format, ...);

/* @param text  may be NULL; what cannot be read is a problem */
void hmp_params_read(struct hmp_params *params, const char *text, struct hmp_memory *memory,
		     struct hmp_problems *problems);

/* The name that is given to so many characters; NULL: none. */
const char *hmp_param_name(const struct hmp_params *params, const char *of, size_t length);

/* Whether a full name, or what it lies in, is among them. */
bool hmp_param_covers(const struct hmp_param_names *names, const char *full);

/* The function that is to answer a message; NULL: none. */
const char *hmp_param_auto_respond(const struct hmp_params *params, const char *full);

/* Names that were given to nothing are problems. */
void hmp_params_unused(const struct hmp_params *params, struct hmp_problems *problems);

#endif /* PARAMS_PVT_H */
