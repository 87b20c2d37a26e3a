/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LINES_H
#define LINES_H

/*
 * Lines of a file that is polled: stdio would hide those that it has read ahead.
 */
#include <stdbool.h>
#include <stddef.h>

#define LINE_MAX_BYTES 512u

struct lines {
	int fd;
	size_t count; /* bytes in text */
	bool is_over; /* no more come */
	char text[LINE_MAX_BYTES];
};

/*
 * The next whole line, without its end: true. It is cut at LINE_MAX_BYTES - 1. The last one need have no end.
 */
bool lines_take(struct lines *lines, char line[LINE_MAX_BYTES]);

/* Read what is there; to be called when fd is readable. 0; or a negative errno. */
int lines_read(struct lines *lines);

#endif /* LINES_H */
