/* SPDX-License-Identifier: Apache-2.0 */
#include "assert_pvt.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Whatever handles the signal otherwise: this end is not to be prevented. */
__attribute__((noreturn)) static void
die(void)
{
	struct sigaction end = { .sa_handler = SIG_DFL };

	(void)sigaction(SIGABRT, &end, NULL);
	abort();
}

void
hmi_assert_failed(const char *file, int line, const char *function, const char *expression)
{
	fprintf(stderr, "hermod: %s:%d: %s: assertion failed: %s\n", file, line, function, expression);
	die();
}

void
hmi_misuse(const char *function, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "hermod: %s: %s\n", function, text);
	die();
}
