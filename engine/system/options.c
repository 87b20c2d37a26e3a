/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line behind `--`: the system's own options, the modules' and the program's, in
 * one table, so that --help lists them all and an unknown one is an error.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deadline_pvt.h"
#include "deploy_pvt.h"
#include "hm_balance.h"
#include "nearest_pvt.h"
#include "options_pvt.h"

#define OWN_OPTIONS    24
#define MEMORY_DEFAULT (UINT64_C(1) << 30)
#define STALL_MS       1000u
#define STALL_MS_MAX   3600000u /* an hour */
#define TABLES_MAX     (HMI_MODULES_MAX + 2)
/* A day. */
#define TIMEOUT_MS_MAX 86400000u

/* Options, and whose they are: "every hermod program", a module's name, "this program". */
struct table {
	const char *owner;
	const struct hm_option *options;
};

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
	fprintf(stderr, "hermod: --idle '%s': choose adaptive, spin, pause or yield\n", value);
	return -EINVAL;
}

static int
faults_set(void *options, const char *value)
{
	struct hmi_options *o = options;

	o->contain = strcmp(value, "contain") == 0;
	if (o->contain || strcmp(value, "abort") == 0)
		return 0;
	fprintf(stderr, "hermod: --faults '%s': choose contain or abort\n", value);
	return -EINVAL;
}

static int
record_set(void *options, const char *value)
{
	struct hmi_options *o = options;

	o->record_all = strcmp(value, "all") == 0;
	if (o->record_all || strcmp(value, "life") == 0)
		return 0;
	fprintf(stderr, "hermod: --record '%s': choose life or all\n", value);
	return -EINVAL;
}

/* A size in bytes, with a letter for its unit. Returns 0: it is none. */
static uint64_t
size_read(const char *text)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || errno != 0)
		return 0;
	if (*end == '\0')
		return number;
	unit = strchr(units, toupper((unsigned char)*end));
	if (unit == NULL || end[1] != '\0' || number > UINT64_MAX >> 10 * (unit - units + 1))
		return 0;
	return number << 10 * (unit - units + 1);
}

static int
memory_set(void *options, const char *value)
{
	uint64_t bytes = size_read(value);

	if (bytes < HMI_MEMORY_MIN || bytes > HMI_MEMORY_MAX) {
		fprintf(stderr, "hermod: --memory '%s': give a size from 256K to 256G, as in 512M or 4G\n",
			value);
		return -EINVAL;
	}
	((struct hmi_options *)options)->memory = bytes;
	return 0;
}

static int
message_max_set(void *options, const char *value)
{
	uint64_t bytes = size_read(value);

	if (bytes < HMI_MESSAGE_MAX_MIN || bytes > HMI_MESSAGE_MAX_MAX) {
		fprintf(stderr, "hermod: --message-max '%s': give a size from 64K to 1G, as in 16M\n", value);
		return -EINVAL;
	}
	((struct hmi_options *)options)->message_max = bytes;
	return 0;
}

static int
deploy_set(void *options, const char *value)
{
	return hmi_deploy_option_file(container_of(options, struct hm_system, options), value);
}

static int
setting_set(void *options, const char *value)
{
	return hmi_deploy_option_set(container_of(options, struct hm_system, options), value);
}

static void
own_table(struct hmi_options *o, struct hm_option table[OWN_OPTIONS])
{
	const struct hm_option own[OWN_OPTIONS] = {
		{ .name = "node",
		  .help = "name of this node, as others address it; default node",
		  .kind = HM_OPTION_TEXT,
		  .value = &o->node },
		{ .name = "workers",
		  .help = "lcores to use, of those that EAL has; default: all",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->lcores,
		  .min = 1,
		  .max = HM_LCORES_MAX },
		{ .name = "reserve",
		  .help = "of them, the last N: for actors that ask for them alone; default 0",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->reserve,
		  .max = HM_LCORES_MAX },
		{ .name = "balance",
		  .help = "milliseconds between looks whether actors should move to another lcore; default 0: never",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->balance_ms,
		  .max = HM_BALANCE_MS_MAX },
		{ .name = "idle",
		  .help = "without work: adaptive (default), spin, pause or yield",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = idle_set },
		{ .name = "faults",
		  .help = "when an actor raises SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT: contain (default), abort",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = faults_set },
		{ .name = "record",
		  .help = "in the flight recorder: life (default), of actors; all, messages and timers, too",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = record_set },
		{ .name = "memory",
		  .help = "of all messages at most, as in 512M or 4G; default 1G, or a quarter of the RAM",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = memory_set },
		{ .name = "message-max",
		  .help = "of a message's buffer at most, as in 512K or 64M, up to 1G; default 8M",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = message_max_set },
		{ .name = "mailbox",
		  .help = "messages in a mailbox beyond which senders wait; default 16384, less with little --memory",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->mailbox,
		  .min = 1,
		  .max = UINT32_MAX - 1 },
		{ .name = "quantum",
		  .help = "messages that an actor handles in one turn at most, up to 64; default 64",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->quantum,
		  .min = 1,
		  .max = HM_QUANTUM_MAX },
		{ .name = "quantum-us",
		  .help = "microseconds that an actor's turn lasts, but for one message, up to 40; default 4",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->quantum_us,
		  .min = 1,
		  .max = HM_QUANTUM_US_MAX },
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
		{ .name = "offload-threads",
		  .help = "threads for calls that block, up to 64; default 4",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->offload_threads,
		  .min = 1,
		  .max = HMI_OFFLOAD_THREADS_MAX },
		{ .name = "offload-queue",
		  .help = "slots for such calls that wait, a power of two; default 1024",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->offload_queue,
		  .min = 16,
		  .max = 1u << 20 },
		{ .name = "stall",
		  .help = "milliseconds after which a turn of an lcore is reported that hangs; default 1000, 0: never",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->stall,
		  .max = STALL_MS_MAX },
		{ .name = "phase-timeout-ms",
		  .help = "of each phase of the stop, what lasts longer is named; default 5000",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->phase_timeout_ms,
		  .min = 1,
		  .max = TIMEOUT_MS_MAX },
		{ .name = "stop-timeout-ms",
		  .help = "of the whole stop, which is forced then; default 0: never",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->stop_timeout_ms,
		  .max = TIMEOUT_MS_MAX },
		{ .name = "deploy",
		  .help = "file of settings for actors, by path; may be given again, for another file",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = deploy_set },
		{ .name = "set",
		  .help = "one such setting, PATH:key=value, as in /user/orders:lcore=1; may be given again",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = setting_set },
		{ .name = "seed",
		  .help = "a number that a stepped run can be repeated by; default 0: another one each time",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->seed,
		  .max = UINT64_MAX },
		{ .name = "help", .help = "this text", .kind = HM_OPTION_FLAG, .value = &o->help },
		{ .name = NULL },
	};

	memcpy(table, own, sizeof(own));
}

/* Much, since only what is used is backed; but not so much that one program takes the machine. */
static uint64_t
memory_default(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
	uint64_t ram = pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : MEMORY_DEFAULT;

	return RTE_MAX(RTE_MIN(MEMORY_DEFAULT, ram / 4), HMI_MEMORY_MIN);
}

void
hmi_options_default(struct hmi_options *o, const struct hm_config *config)
{
	*o = (struct hmi_options){
		.node = "node",
		.idle = HM_IDLE_ADAPTIVE,
		.memory = memory_default(),
		.message_max = HMI_MESSAGE_MAX_DEFAULT,
		.quantum = HM_QUANTUM_MAX,
		.quantum_us = HMI_DEADLINE_LOOK_US,
		.lane = 4096,
		.inject = 4096,
		.offload_threads = 4,
		.offload_queue = 1024,
		.contain = true,
		.stall = STALL_MS,
		.phase_timeout_ms = 5000,
	};
	if (config == NULL)
		return;
	o->lcores = config->lcores;
	o->reserve = config->reserve;
	o->balance_ms = RTE_MIN(config->balance_ms, HM_BALANCE_MS_MAX);
	o->seed = config->seed;
	if (config->stall_ms != 0)
		o->stall = config->stall_ms == HM_STALL_NEVER ? 0 : RTE_MIN(config->stall_ms, STALL_MS_MAX);
	if (config->memory != 0)
		o->memory = RTE_MIN(RTE_MAX(config->memory, HMI_MEMORY_MIN), HMI_MEMORY_MAX);
	o->memory = RTE_MAX(o->memory, (uint64_t)config->messages * HMI_POOL_SMALLEST);
}

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
	struct hm_option own[OWN_OPTIONS];
	struct table tables[TABLES_MAX];

	own_table(&sys->options, own);
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
	struct hm_option own[OWN_OPTIONS];
	struct table tables[TABLES_MAX];
	uint32_t count;

	own_table(&sys->options, own);
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
	struct hm_option own[OWN_OPTIONS];

	own_table(&sys->options, own);
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
	return 0;
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
	struct hm_option own[OWN_OPTIONS];
	int used;

	own_table(&sys->options, own);
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
