/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line behind `--`: the system's own options (own_options.c), the modules' and the program's, as
 * one table, so that --help lists them all and an unknown one is an error.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearest_pvt.h"
#include "options_pvt.h"

#define TABLES_MAX (HMI_MODULES_MAX + 2)

/* Options, and whose they are: "every hermod program", a module's name, "this program". */
struct table {
	const char *owner;
	const struct hm_option *options;
};

/* The tables of a command line, whose own one was made before. Returns how many there are. */
static uint32_t
tables_list(const struct hm_system *sys, const struct hm_option *own, struct table tables[TABLES_MAX])
{
	uint32_t count = 0;

	tables[count++] = (struct table){ "every hermod program", own };
	for (uint32_t i = 0; i < sys->modules_count; i++) {
		const struct hm_module *module = sys->modules[i].module;

		if (module->options != NULL)
			tables[count++] =
				(struct table){ module->name, module->options(sys->modules[i].self) };
	}
	if (sys->app_options != NULL)
		tables[count++] = (struct table){ "this program", sys->app_options };
	return count;
}

/* ---- Help -------------------------------------------------------------------------- */

static void
help_table(FILE *out, const char *owner, const struct hm_option *table)
{
	static const char *const values[] = { [HM_OPTION_FLAG] = "",
					      [HM_OPTION_NUMBER] = " N",
					      [HM_OPTION_TEXT] = " TEXT",
					      [HM_OPTION_CALL] = " VALUE" };
	char name[64];

	if (table->name == NULL)
		return;
	fprintf(out, "\noptions of %s:\n", owner);
	for (; table->name != NULL; table++) {
		snprintf(name, sizeof(name), "--%s%s", table->name, values[table->kind]);
		fprintf(out, "  %-22s %s\n", name, table->help);
	}
}

void
hmi_options_help(struct hm_system *sys, const char *program, FILE *out)
{
	struct hm_option own[HMI_OWN_OPTIONS];
	struct table tables[TABLES_MAX];

	hmi_own_options(&sys->options, own);
	if (sys->summary != NULL)
		fprintf(out, "%s\n\n", sys->summary);
	fprintf(out,
		"usage: %s [EAL options] -- [options]\n"
		"EAL options choose lcores, memory and devices, as in `-l 0-1 --no-pci --no-huge`;\n"
		"`%s --no-pci -h` lists them all.\n",
		program, program);
	for (uint32_t i = tables_list(sys, own, tables); i-- > 0;)
		help_table(out, tables[i].owner, tables[i].options);
}

/* ---- Parsing ------------------------------------------------------------------------ */

static const struct hm_option *
table_find(const struct hm_option *table, const char *name, size_t length)
{
	for (; table->name != NULL; table++) {
		if (strlen(table->name) == length && strncmp(table->name, name, length) == 0)
			return table;
	}
	return NULL;
}

static const struct hm_option *
option_find(const struct hm_system *sys, const struct hm_option *own, const char *name, size_t length)
{
	struct table tables[TABLES_MAX];
	uint32_t count = tables_list(sys, own, tables);
	const struct hm_option *option = NULL;

	for (uint32_t i = 0; option == NULL && i < count; i++)
		option = table_find(tables[i].options, name, length);
	return option;
}

/* Whose a name is that stands in a table, at this place or earlier. */
static const char *
owner_before(const struct table *tables, const struct table *table, const struct hm_option *option)
{
	for (const struct table *t = tables; t <= table; t++) {
		const struct hm_option *there = table_find(t->options, option->name, strlen(option->name));

		if (there != NULL && there != option)
			return t->owner;
	}
	return NULL;
}

int
hmi_options_check(struct hm_system *sys)
{
	struct hm_option own[HMI_OWN_OPTIONS];
	struct table tables[TABLES_MAX];
	uint32_t count;

	hmi_own_options(&sys->options, own);
	count = tables_list(sys, own, tables);
	for (uint32_t i = 1; i < count; i++) {
		for (const struct hm_option *o = tables[i].options; o->name != NULL; o++) {
			const char *owner = owner_before(tables, &tables[i], o);

			if (owner == NULL)
				continue;
			fprintf(stderr,
				"hermod: --%s of %s is an option of %s already; give it another name\n",
				o->name, tables[i].owner, owner);
			return -EINVAL;
		}
	}
	return 0;
}

static int
number_refuse(const struct hm_option *option, const char *text, const char *what)
{
	char range[64];

	snprintf(range, sizeof(range), " to %" PRIu64, option->max);
	fprintf(stderr, "hermod: --%s '%s': give a %s from %" PRIu64 "%s (%s)\n", option->name, text, what,
		option->min, option->max != 0 && option->max != UINT64_MAX ? range : " up", option->help);
	return -EINVAL;
}

static int
number_set(const struct hm_option *option, const char *text)
{
	char *end;
	uint64_t number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < option->min ||
	    (option->max != 0 && number > option->max))
		return number_refuse(option, text, "whole number");
	*(uint64_t *)option->value = number;
	return 0;
}

static int
option_set(const struct hm_option *option, const char *value)
{
	switch (option->kind) {
	case HM_OPTION_FLAG:
		*(bool *)option->value = true;
		return 0;
	case HM_OPTION_NUMBER:
		return number_set(option, value);
	case HM_OPTION_TEXT:
		*(const char **)option->value = value;
		return 0;
	case HM_OPTION_CALL:
		return option->call(option->value, value);
	}
	return -EINVAL;
}

/* Whether what follows an option is the next one. A text that begins so is written --name=--text. */
static bool
is_option(const char *argument)
{
	return strncmp(argument, "--", 2) == 0 && argument[2] != '\0';
}

int
hmi_options_misplaced(struct hm_system *sys, int argc, char **argv)
{
	const char *stray = hmi_eal_stray(argc, argv);
	struct hm_option own[HMI_OWN_OPTIONS];

	hmi_own_options(&sys->options, own);
	for (int i = 1; i < argc; i++) {
		size_t length;

		if (!is_option(argv[i]))
			continue;
		length = strcspn(argv[i] + 2, "=");
		if (hmi_eal_has_option(argv[i] + 2, length) ||
		    option_find(sys, own, argv[i] + 2, length) == NULL)
			continue;
		fprintf(stderr, "hermod: %s is no EAL option: it belongs after `--`, as in `%s -- %s`\n",
			argv[i], argv[0], argv[i]);
		return -EINVAL;
	}
	if (stray == NULL)
		return 0;
	/* EAL would overlook it, but take it for a sign that devices are wanted. */
	fprintf(stderr, "hermod: unexpected argument '%s': it belongs to no option; `%s --help` lists them\n",
		stray, argv[0]);
	return -EINVAL;
}

/* The option that may be meant; NULL: none. */
static const char *
option_nearest(const struct hm_system *sys, const struct hm_option *own, const char *name, size_t length)
{
	struct table tables[TABLES_MAX];
	uint32_t count = tables_list(sys, own, tables);
	struct hmi_nearest nearest = { NULL, 0 };

	for (uint32_t i = 0; i < count; i++) {
		for (const struct hm_option *o = tables[i].options; o->name != NULL; o++)
			hmi_nearest_try(&nearest, name, length, o->name);
	}
	return nearest.name;
}

static int
unknown_refuse(const struct hm_system *sys, const struct hm_option *own, const char *name, size_t length)
{
	const char *nearest = option_nearest(sys, own, name, length);

	if (hmi_eal_has_option(name, length))
		fprintf(stderr, "hermod: --%.*s is an EAL option: it belongs before `--`\n", (int)length,
			name);
	else
		fprintf(stderr, "hermod: unknown option '--%.*s'; %s%s%s`-- --help` lists them\n",
			(int)length, name, nearest != NULL ? "did you mean --" : "",
			nearest != NULL ? nearest : "", nearest != NULL ? "? " : "");
	return -EINVAL;
}

/* What is no option; `before`: the option before it, which has all its values; NULL: none. */
static int
argument_refuse(const char *argument, const struct hm_option *before)
{
	if (argument[0] == '-' && isalpha((unsigned char)argument[1]) && hmi_eal_has_option(argument + 1, 1))
		fprintf(stderr, "hermod: -%c is an EAL option: it belongs before `--`\n", argument[1]);
	else if (before != NULL && before->kind == HM_OPTION_FLAG)
		fprintf(stderr, "hermod: unexpected argument '%s': --%s takes no value\n", argument,
			before->name);
	else
		fprintf(stderr, "hermod: unexpected argument '%s'; `-- --help` lists the options\n",
			argument);
	return -EINVAL;
}

/* One option and its value, `--name value` or `--name=value`. Returns how many arguments it took. */
static int
argument_parse(const struct hm_option *option, int left, char **argv)
{
	const char *equals = strchr(argv[0], '=');
	const char *value = equals != NULL ? equals + 1 : NULL;
	int rc, used = 1;

	if (option->kind == HM_OPTION_FLAG && value != NULL) {
		fprintf(stderr, "hermod: %s: --%s takes no value\n", argv[0], option->name);
		return -EINVAL;
	}
	if (option->kind != HM_OPTION_FLAG && value == NULL) {
		if (left < 2 || is_option(argv[1])) {
			fprintf(stderr, "hermod: --%s needs a value: %s\n", option->name, option->help);
			return -EINVAL;
		}
		value = argv[1];
		used = 2;
	}
	rc = option_set(option, value);
	return rc != 0 ? rc : used;
}

static int
ring_check(const struct hm_option *own, const char *name, uint64_t slots)
{
	char text[24];

	if ((slots & (slots - 1)) == 0)
		return 0;
	snprintf(text, sizeof(text), "%" PRIu64, slots);
	return number_refuse(table_find(own, name, strlen(name)), text, "power of two");
}

/* What the values have to be beyond a range. */
static int
values_check(const struct hmi_options *o, const struct hm_option *own)
{
	int rc = ring_check(own, "lane", o->lane);

	if (rc == 0)
		rc = ring_check(own, "inject", o->inject);
	if (rc == 0)
		rc = ring_check(own, "offload-queue", o->offload_queue);
	/* A dollar may stand in an actor's name, which is chosen where it is used. */
	if (rc == 0 && (hmi_name_check(o->node) != 0 || strchr(o->node, '$') != NULL)) {
		fprintf(stderr, "hermod: --node '%s': give up to %u letters, digits, or -_.~+@\n", o->node,
			HM_NAME_MAX);
		rc = -EINVAL;
	}
	return rc;
}

int
hmi_options_parse(struct hm_system *sys, int argc, char **argv)
{
	const struct hm_option *option = NULL;
	struct hm_option own[HMI_OWN_OPTIONS];
	int used;

	hmi_own_options(&sys->options, own);
	for (int i = 0; i < argc; i += used) {
		const char *name;
		size_t length;

		if (!is_option(argv[i]))
			return argument_refuse(argv[i], option);
		name = argv[i] + 2;
		length = strcspn(name, "=");
		option = option_find(sys, own, name, length);
		if (option == NULL)
			return unknown_refuse(sys, own, name, length);
		used = argument_parse(option, argc - i, argv + i);
		if (used < 0)
			return used;
	}
	return values_check(&sys->options, own);
}
