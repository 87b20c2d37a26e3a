/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool
lines_take(struct lines *lines, char line[LINE_MAX_BYTES])
{
	char *end = memchr(lines->text, '\n', lines->count);
	bool is_whole =
		end != NULL || lines->count == LINE_MAX_BYTES - 1 || (lines->is_over && lines->count > 0);
	size_t length = end != NULL ? (size_t)(end - lines->text) : lines->count;
	size_t used = end != NULL ? length + 1 : length;

	if (!is_whole)
		return false;
	memcpy(line, lines->text, length);
	line[length] = '\0';
	lines->count -= used;
	memmove(lines->text, lines->text + used, lines->count);
	return true;
}

int
lines_read(struct lines *lines)
{
	ssize_t got = read(lines->fd, lines->text + lines->count, LINE_MAX_BYTES - 1 - lines->count);

	if (got < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	lines->is_over = got == 0;
	lines->count += (size_t)got;
	return 0;
}
