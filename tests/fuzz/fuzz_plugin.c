/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: a request to protoc-gen-hermod. What is answered is a response, with files or with problems.
 */
#include <stdlib.h>
#include <string.h>

#include "plugin.pb-c.h"
#include "plugin_pvt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
answer_check(const uint8_t *bytes, size_t length)
{
	Hmp__Answer *answer = hmp__answer__unpack(NULL, length, bytes);

	if (answer == NULL || (answer->error != NULL && answer->n_file > 0) ||
	    (answer->error != NULL && answer->error[0] == '\0'))
		abort();
	for (size_t i = 0; i < answer->n_file; i++)
		if (strstr(answer->file[i]->content, "\nHM_MESSAGES(") == NULL)
			abort();
	hmp__answer__free_unpacked(answer, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *answer = NULL;
	size_t length = 0;

	if (hmp_plugin_answer(data, size, &answer, &length) == NULL)
		answer_check(answer, length);
	free(answer);
	return 0;
}
