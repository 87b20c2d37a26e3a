/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NEAREST_PVT_H
#define NEAREST_PVT_H

/*
 * The name that was meant by one that is none: the one with the fewest edits between them.
 */

#include <stddef.h>

/* Longer names are near to none. */
#define HMI_NEAREST_MAX 64u

/* The best name so far. */
struct hmi_nearest {
	const char *name; /* NULL: none is near */
	size_t edits;
};

/* Look at a candidate for a wrong name of `length` characters. Of equally near ones the first is kept. */
void hmi_nearest_try(struct hmi_nearest *nearest, const char *wrong, size_t length, const char *candidate);

#endif /* NEAREST_PVT_H */
