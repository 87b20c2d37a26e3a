/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <rte_log.h>

#include "hmt_log.h"

void
hmt_log_start(struct hmt_log *log)
{
	*log = (struct hmt_log){ 0 };
	log->stream = open_memstream(&log->text, &log->bytes);
	if (log->stream == NULL || rte_openlog_stream(log->stream) != 0 ||
	    rte_log_set_level_pattern("hermod*", RTE_LOG_INFO) < 0) {
		fprintf(stderr, "the log cannot be kept\n");
		exit(EXIT_FAILURE);
	}
}

const char *
hmt_log_text(struct hmt_log *log)
{
	fflush(log->stream);
	return log->text;
}

unsigned int
hmt_log_count(struct hmt_log *log, const char *what)
{
	unsigned int count = 0;

	for (const char *at = hmt_log_text(log); (at = strstr(at, what)) != NULL; at++)
		count++;
	return count;
}

bool
hmt_log_has(struct hmt_log *log, const char *what)
{
	return hmt_log_count(log, what) > 0;
}

void
hmt_log_end(struct hmt_log *log)
{
	rte_openlog_stream(NULL);
	fclose(log->stream);
	free(log->text);
}
