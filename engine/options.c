/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line behind `--`: the system's own options, the modules' and the program's, in
 * one table, so that --help lists them all and an unknown one is an error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine_pvt.h"
#include "options_pvt.h"

#define OWN_OPTIONS 8

static int
idle_set(void *options, const char *value)
{
	static const char *const names[] = {
		[HM_IDLE_ADAPTIVE] = "adaptive",
		[HM_IDLE_SPIN] = "spin",
		[HM_IDLE_PAUSE] = "pause",
		[HM_IDLE_YIELD] = "yield",
	};

	for (size_t i = 0; i < RTE_DIM(names); i++) {
		if (strcmp(value, names[i]) == 0) {
			((struct hmi_options *)options)->idle = (enum hm_idle)i;
			return 0;
		}
	}
	fprintf(stderr, "hermod: --idle %s: choose adaptive, spin, pause or yield\n", value);
	return -EINVAL;
}

static void
own_table(struct hmi_options *o, struct hm_option table[OWN_OPTIONS])
{
	const struct hm_option own[OWN_OPTIONS] = {
		{ .name = "node",
		  .help = "name of this node, as others address it",
		  .kind = HM_OPTION_TEXT,
		  .value = &o->node },
		{ .name = "workers",
		  .help = "lcores to use, of those that EAL has; default: all",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->lcores,
		  .min = 1,
		  .max = HM_LCORES_MAX },
		{ .name = "idle",
		  .help = "without work: adaptive (default), spin, pause or yield",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = idle_set },
		{ .name = "messages",
		  .help = "messages of the smallest size class; default 65536",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->messages,
		  .min = 64,
		  .max = 1u << 28 },
		{ .name = "quantum",
		  .help = "messages that an actor handles in one turn; default 300",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->quantum,
		  .min = 1,
		  .max = 1u << 20 },
		{ .name = "lane",
		  .help = "slots of the ring between two lcores, a power of two; default 4096",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->lane,
		  .min = 16,
		  .max = 1u << 20 },
		{ .name = "inject",
		  .help = "slots of the ring for other threads, a power of two; default 4096",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->inject,
		  .min = 16,
		  .max = 1u << 20 },
		{ .name = NULL },
	};

	memcpy(table, own, sizeof(own));
}

void
hmi_options_default(struct hmi_options *o, const struct hm_config *config)
{
	*o = (struct hmi_options){
		.node = "node",
		.idle = HM_IDLE_ADAPTIVE,
		.messages = 65536,
		.quantum = 300,
		.lane = 4096,
		.inject = 4096,
	};
	if (config == NULL)
		return;
	o->lcores = config->lcores;
	if (config->messages != 0)
		o->messages = config->messages;
}

/* ---- Help -------------------------------------------------------------------------- */

static void
help_table(FILE *out, const char *title, const struct hm_option *table)
{
	static const char *const values[] = { [HM_OPTION_FLAG] = "",
					      [HM_OPTION_NUMBER] = " N",
					      [HM_OPTION_TEXT] = " TEXT",
					      [HM_OPTION_CALL] = " VALUE" };
	char name[64];

	if (table == NULL || table->name == NULL)
		return;
	fprintf(out, "\n%s:\n", title);
	for (; table->name != NULL; table++) {
		snprintf(name, sizeof(name), "--%s%s", table->name, values[table->kind]);
		fprintf(out, "  %-22s %s\n", name, table->help);
	}
}

void
hmi_options_help(struct hm_system *sys, const char *program, FILE *out)
{
	struct hm_option own[OWN_OPTIONS];
	char title[64];

	own_table(&sys->options, own);
	if (sys->summary != NULL)
		fprintf(out, "%s\n\n", sys->summary);
	fprintf(out,
		"usage: %s [EAL options] -- [options]\n"
		"EAL options choose lcores, memory and devices, as in `-l 0-1 --no-pci --no-huge`;\n"
		"`%s --no-pci -h` lists them all.\n",
		program, program);
	help_table(out, "options of this program", sys->app_options);
	for (uint32_t i = 0; i < sys->modules_count; i++) {
		const struct hm_module *module = sys->modules[i].module;

		snprintf(title, sizeof(title), "options of %s", module->name);
		if (module->options != NULL)
			help_table(out, title, module->options(sys->modules[i].self));
	}
	help_table(out, "options of every hermod program", own);
	fprintf(out, "  %-22s %s\n", "--help", "this text");
}

/* ---- Parsing ------------------------------------------------------------------------ */

static const struct hm_option *
table_find(const struct hm_option *table, const char *name, size_t length)
{
	for (; table != NULL && table->name != NULL; table++) {
		if (strlen(table->name) == length && strncmp(table->name, name, length) == 0)
			return table;
	}
	return NULL;
}

static const struct hm_option *
option_find(struct hm_system *sys, const struct hm_option *own, const char *name, size_t length)
{
	const struct hm_option *option = table_find(sys->app_options, name, length);

	if (option == NULL)
		option = table_find(own, name, length);
	for (uint32_t i = 0; option == NULL && i < sys->modules_count; i++) {
		const struct hm_module *module = sys->modules[i].module;

		if (module->options != NULL)
			option = table_find(module->options(sys->modules[i].self), name, length);
	}
	return option;
}

static int
number_set(const struct hm_option *option, const char *text)
{
	char *end;
	uint64_t number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < option->min ||
	    (option->max != 0 && number > option->max)) {
		fprintf(stderr, "hermod: --%s %s: give a number from %" PRIu64 " to %" PRIu64 "\n",
			option->name, text, option->min, option->max != 0 ? option->max : UINT64_MAX);
		return -EINVAL;
	}
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

/* One option and its value, `--name value` or `--name=value`. Returns how many arguments it took. */
static int
argument_parse(struct hm_system *sys, const struct hm_option *own, int left, char **argv)
{
	const char *name = argv[0] + 2, *equals = strchr(argv[0], '=');
	size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct hm_option *option = option_find(sys, own, name, length);
	const char *value = equals != NULL ? equals + 1 : NULL;
	int rc, used = 1;

	if (option == NULL) {
		fprintf(stderr, "hermod: unknown option '--%.*s'; `-- --help` lists them\n", (int)length,
			name);
		return -EINVAL;
	}
	if (option->kind == HM_OPTION_FLAG && value != NULL) {
		fprintf(stderr, "hermod: --%s takes no value\n", option->name);
		return -EINVAL;
	}
	if (option->kind != HM_OPTION_FLAG && value == NULL) {
		if (left < 2) {
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
rings_check(const struct hmi_options *o)
{
	if ((o->lane & (o->lane - 1)) != 0 || (o->inject & (o->inject - 1)) != 0) {
		fprintf(stderr, "hermod: --lane and --inject: give a power of two, such as 4096\n");
		return -EINVAL;
	}
	if (o->node[0] == '\0' || strlen(o->node) > HM_NAME_MAX || hmi_name_check(o->node) != 0) {
		fprintf(stderr, "hermod: --node '%s': give up to %u letters, digits, or -_.~+@\n", o->node,
			HM_NAME_MAX);
		return -EINVAL;
	}
	return 0;
}

int
hmi_options_parse(struct hm_system *sys, int argc, char **argv)
{
	struct hm_option own[OWN_OPTIONS];

	own_table(&sys->options, own);
	for (int i = 0; i < argc;) {
		int used;

		if (strncmp(argv[i], "--", 2) != 0 || argv[i][2] == '\0') {
			fprintf(stderr, "hermod: unexpected argument '%s'; `-- --help` lists the options\n",
				argv[i]);
			return -EINVAL;
		}
		used = argument_parse(sys, own, argc - i, argv + i);
		if (used < 0)
			return used;
		i += used;
	}
	return rings_check(&sys->options);
}
