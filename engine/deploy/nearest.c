/* SPDX-License-Identifier: Apache-2.0 */
#include "nearest_pvt.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_common.h>

/* Letters to add, to drop, to change, or to swap with the next one: the restricted distance of Damerau. */
static size_t
distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	uint8_t rows[3][HMI_NEAREST_MAX + 1];
	uint8_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_length; j++)
		last[j] = (uint8_t)j;
	for (size_t i = 1; i <= a_length; i++) {
		uint8_t *oldest = before;

		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= b_length; j++) {
			uint8_t change = (uint8_t)(last[j - 1] + (a[i - 1] != b[j - 1]));
			uint8_t edits = RTE_MIN(change, (uint8_t)(RTE_MIN(last[j], row[j - 1]) + 1));

			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				edits = RTE_MIN(edits, (uint8_t)(before[j - 2] + 1));
			row[j] = edits;
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[b_length];
}

/* A name of which more than a third is wrong was not meant, unless it is the beginning of the right one. */
static bool
is_near(size_t edits, const char *wrong, size_t length, const char *candidate)
{
	return edits <= 1 + length / 3 || (length > 1 && strncmp(wrong, candidate, length) == 0);
}

void
hmi_nearest_try(struct hmi_nearest *nearest, const char *wrong, size_t length, const char *candidate)
{
	size_t candidate_length = strlen(candidate), edits;

	if (length == 0 || length > HMI_NEAREST_MAX || candidate_length > HMI_NEAREST_MAX)
		return;
	edits = distance(wrong, length, candidate, candidate_length);
	if (!is_near(edits, wrong, length, candidate) || edits >= length + candidate_length)
		return;
	if (nearest->name == NULL || edits < nearest->edits) {
		nearest->name = candidate;
		nearest->edits = edits;
	}
}
