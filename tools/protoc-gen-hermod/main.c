/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protoc-gen-hermod: a plugin of protoc, which runs it, hands it a request on standard input, and reads the answer from standard
 * output. What a user can mend is in the answer; for all else it ends with a message and status 1, as protoc asks of plugins.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin_pvt.h"

#define PROGRAM "protoc-gen-hermod"

static const char usage[] =
	"usage: protoc --c_out=DIR --hermod_out=[PARAMETERS:]DIR FILE.proto...\n"
	"\n"
	"A plugin of protoc, which finds it by its name, or by --plugin=PATH/" PROGRAM
	". Beside FILE.pb-c.h of protobuf-c\n"
	"it writes FILE.hm.h: of all messages ids, their registration, and typed functions to send and receive them\n"
	"(hm_messages.h); of services typed requests, answers and tables of handlers (hm_service.h).\n"
	"\n"
	"PARAMETERS, with commas between them:\n"
	"  first=ID            type id of the first message (HM_TYPE_USER, which is 256); the others follow\n"
	"  after=FILE.proto    begin behind the ids of another file, whose header was written in another run;\n"
	"                      files of one run follow each other\n"
	"  name.X=NAME         what X is called in C: a package, message, service or rpc, with what lies in it,\n"
	"                      or FILE.proto, whose table has the name of the file (name.shop.Order=order)\n"
	"  skip=X              leave X out: a package, message, service or rpc, with what lies in it\n"
	"  control=X, no_influence=X, auto_respond.X=FUNCTION\n"
	"                      attributes of the type (hm_type.h) of a message; the first two of all messages that\n"
	"                      lie in X, too; the program has the function\n"
	"\n"
	"  --help, --version   what they say\n";

static int
fail(const char *what)
{
	fprintf(stderr, PROGRAM ": %s\n", what);
	return EXIT_FAILURE;
}

/* All of standard input. */
static bool
input_read(uint8_t **input, size_t *length)
{
	size_t capacity = 0;
	ssize_t n;

	*input = NULL;
	*length = 0;
	do {
		if (*length == capacity) {
			size_t more = capacity > 0 ? 2 * capacity : 1 << 16;
			uint8_t *bytes = realloc(*input, more);

			if (bytes == NULL)
				return false;
			*input = bytes;
			capacity = more;
		}
		do
			n = read(STDIN_FILENO, *input + *length, capacity - *length);
		while (n < 0 && errno == EINTR);
		if (n > 0)
			*length += (size_t)n;
	} while (n > 0);
	return n == 0;
}

static int
answer(void)
{
	uint8_t *input, *output = NULL;
	size_t length, output_length = 0;
	int status = EXIT_SUCCESS;
	const char *wrong;

	if (!input_read(&input, &length)) {
		free(input);
		return fail("cannot read the request");
	}
	wrong = hmp_plugin_answer(input, length, &output, &output_length);
	free(input);
	if (wrong != NULL) {
		fprintf(stderr, PROGRAM ": the request has %s\n", wrong);
		return EXIT_FAILURE;
	}
	if (fwrite(output, 1, output_length, stdout) != output_length || fflush(stdout) != 0)
		status = fail("cannot write the answer");
	free(output);
	return status;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf(PROGRAM " %s\n", HMP_VERSION) < 0 || fflush(stdout) != 0 ? EXIT_FAILURE
										       : EXIT_SUCCESS;
	if (argc > 1 || isatty(STDIN_FILENO)) {
		fputs(usage, stderr);
		return 2;
	}
	return answer();
}
