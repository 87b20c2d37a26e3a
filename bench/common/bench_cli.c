/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_cli.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE_HELP  'h'
#define CODE_FIRST 256 /* above all characters, which getopt uses for itself */

int
bench_parse_uint(const char *text, uint64_t low, uint64_t high, uint64_t *number)
{
	char *end;
	unsigned long long parsed;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	parsed = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || parsed < low || parsed > high)
		return -EINVAL;
	*number = parsed;
	return 0;
}

int
bench_parse_double(const char *text, double low, double high, double *number)
{
	char *end;
	double parsed;

	errno = 0;
	parsed = strtod(text, &end);
	if (errno != 0 || end == text || *end != '\0' || !isfinite(parsed) || parsed < low || parsed > high)
		return -EINVAL;
	*number = parsed;
	return 0;
}

int
bench_set_text(void *target, const char *value)
{
	*(const char **)target = value;
	return 0;
}

int
bench_set_flag(void *target, const char *value)
{
	(void)value;
	*(bool *)target = true;
	return 0;
}

static void
help_print(const char *program, const char *about, const struct bench_option *options)
{
	printf("%s\n\nUsage: %s [options]\n\n", about, program);
	for (const struct bench_option *o = options; o->name != NULL; o++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s %s", o->name, o->value != NULL ? o->value : "");
		printf("  %-24s %s\n", left, o->help);
	}
	printf("  %-24s %s\n", "--help", "this text");
}

static void
option_refuse(const char *program, char **argv)
{
	const char *word = argv[optind - 1];

	/* getopt_long leaves the code of a known option in optopt when its value is wrong */
	if (optopt >= CODE_FIRST && strchr(word, '=') != NULL)
		fprintf(stderr, "%s: option '%s' takes no value (see --help)\n", program, word);
	else if (optopt >= CODE_FIRST)
		fprintf(stderr, "%s: option '%s' needs a value (see --help)\n", program, word);
	else if (optopt != 0)
		fprintf(stderr, "%s: unknown option '-%c' (see --help)\n", program, optopt);
	else
		fprintf(stderr, "%s: unknown option '%s' (see --help)\n", program, word);
}

static void
table_fill(struct option *table, const struct bench_option *options)
{
	int count = 0;

	for (; options[count].name != NULL && count < BENCH_OPTIONS_MAX; count++)
		table[count] = (struct option){
			.name = options[count].name,
			.has_arg = options[count].value != NULL ? required_argument : no_argument,
			.val = CODE_FIRST + count,
		};
	table[count++] = (struct option){ .name = "help", .val = CODE_HELP };
	table[count] = (struct option){ .name = NULL };
}

static int
option_take(const char *program, const struct bench_option *option)
{
	if (option->set(option->target, optarg) == 0)
		return 0;
	fprintf(stderr, "%s: --%s: '%s' is not valid: %s\n", program, option->name, optarg, option->help);
	return -EINVAL;
}

int
bench_cli_parse(int argc, char **argv, const char *about, const struct bench_option *options)
{
	struct option table[BENCH_OPTIONS_MAX + 2];
	const char *slash = strrchr(argv[0], '/');
	const char *program = slash != NULL ? slash + 1 : argv[0];
	int code;

	table_fill(table, options);
	opterr = 0;
	optind = 0; /* EAL may have used getopt before; glibc starts anew at 0 */
	while ((code = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (code == CODE_HELP) {
			help_print(program, about, options);
			return -ECANCELED;
		}
		if (code < CODE_FIRST) {
			option_refuse(program, argv);
			return -EINVAL;
		}
		if (option_take(program, &options[code - CODE_FIRST]) != 0)
			return -EINVAL;
	}
	if (optind < argc) {
		fprintf(stderr, "%s: '%s' is not an option (see --help)\n", program, argv[optind]);
		return -EINVAL;
	}
	return 0;
}
