/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_LOG_H
#define HMT_LOG_H

/**
 * @file
 * What is logged, kept for the test to read. One log at a time; what fails here ends the process.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** A log that is kept. */
struct hmt_log {
	FILE *stream;
	char *text;
	size_t bytes;
};

/** Keep what is logged from here on; that of systems that exist by now from INFO on. */
void hmt_log_start(struct hmt_log *log);

/** All that was logged; valid until more is. */
const char *hmt_log_text(struct hmt_log *log);

/** How often the log says something. */
unsigned int hmt_log_count(struct hmt_log *log, const char *what);

/** Whether the log says something. */
bool hmt_log_has(struct hmt_log *log, const char *what);

/** Log where it was logged before, and free what was kept. */
void hmt_log_end(struct hmt_log *log);

#endif /* HMT_LOG_H */
