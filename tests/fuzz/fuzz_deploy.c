/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: a file of deployment settings. The first line is taken for a path that is spawned then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "settings_pvt.h"
#include "deploy_pvt.h"
#include "rank_pvt.h"
#include "system_pvt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What holds for each pair of sections, and for a path. */
static void
sections_check(const struct hmi_batch *batch, const char *path)
{
	for (const struct hmi_section *a = batch->first; a != NULL; a = a->next) {
		(void)hmi_pattern_matches(a->pattern, path);
		for (const struct hmi_section *b = batch->first; b != NULL; b = b->next) {
			int one = hmi_pattern_rank(a->pattern, b->pattern),
			    other = hmi_pattern_rank(b->pattern, a->pattern);

			if ((one > 0) != (other < 0) || (one == 0) != (other == 0))
				abort();
		}
	}
}

static void
read_file(const char *name, const char *path)
{
	struct hmi_batch batch;
	int rc;

	hmi_batch_init(&batch, name, NULL);
	rc = hmi_batch_file(&batch, name);
	if ((rc == 0) != (batch.problem[0] == '\0'))
		abort();
	if (rc == 0)
		sections_check(&batch, path);
	hmi_batch_fini(&batch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int file = memfd_create("deploy", MFD_CLOEXEC);
	char name[64], path[HM_PATH_MAX];
	size_t length = size < sizeof(path) - 1 ? size : sizeof(path) - 1;

	if (file < 0)
		return 0;
	memcpy(path, data, length);
	path[length] = '\0';
	path[strcspn(path, "\n")] = '\0';
	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	if (write(file, data, size) == (ssize_t)size)
		read_file(name, path);
	close(file);
	return 0;
}
