/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What EAL's options are called, and what may be wrong with those that EAL refuses.
 *
 * EAL alone judges; this explains. So a later EAL may know more options than stand here.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <rte_version.h>

#include "options_pvt.h"

#define CORES_TEXT 256

/* Without the two dashes; first those of all versions. */
static const char *const names[] = {
	"allow",
	"base-virtaddr",
	"block",
	"create-uio-dev",
	"file-prefix",
	"force-max-simd-bitwidth",
	"help",
	"huge-dir",
	"huge-unlink",
	"huge-worker-stack",
	"in-memory",
	"iova-mode",
	"lcores",
	"legacy-mem",
	"log-level",
	"main-lcore",
	"match-allocations",
	"mbuf-pool-ops-name",
	"no-hpet",
	"no-huge",
	"no-pci",
	"no-shconf",
	"no-telemetry",
	"proc-type",
	"single-file-segments",
	"socket-limit",
	"socket-mem",
	"syslog",
	"telemetry",
	"trace",
	"trace-bufsz",
	"trace-dir",
	"trace-mode",
	"vdev",
	"vfio-intr",
	"vfio-vf-token",
	"vmware-tsc-map",
#if RTE_VERSION >= RTE_VERSION_NUM(24, 11, 0, 0)
	"log-color",
	"log-timestamp",
#endif
#if RTE_VERSION >= RTE_VERSION_NUM(25, 7, 0, 0)
	"numa-limit",
	"numa-mem",
#endif
#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
	"coremask",
	"driver-path",
	"memory-channels",
	"memory-ranks",
	"memory-size",
	"remap-lcore-ids",
	"service-corelist",
	"service-coremask",
	"version",
#endif
#if RTE_VERSION >= RTE_VERSION_NUM(26, 7, 0, 0)
	"auto-probing",
	"no-auto-probing",
	"pagesz-mem",
#endif
};

static const char letters[] = "abcdhlmnrsSv"
#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
			      "R"
#endif
#if RTE_VERSION >= RTE_VERSION_NUM(26, 7, 0, 0)
			      "A"
#endif
	;

bool
hmi_eal_has_option(const char *name, size_t length)
{
	if (length == 1)
		return strchr(letters, name[0]) != NULL;
	for (size_t i = 0; i < RTE_DIM(names); i++) {
		if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
			return true;
	}
	return false;
}

/* Those of all versions that have no value. */
static const char *const flags[] = {
	"--create-uio-dev", "--in-memory", "--legacy-mem", "--match-allocations",
	"--no-hpet",        "--no-huge",   "--no-pci",     "--no-shconf",
	"--no-telemetry",   "--telemetry", "-v",           "--single-file-segments",
};

/* Whether the next argument may be this one's value. */
static bool
may_want_value(const char *argument)
{
	if (argument[0] != '-' || argument[1] == '\0')
		return false;
	/* As in -l0; but -vl may be two of them. */
	if (argument[1] != '-' && argument[1] != 'v' && argument[2] != '\0')
		return false;
	for (size_t i = 0; i < RTE_DIM(flags); i++) {
		if (strcmp(argument, flags[i]) == 0)
			return false;
	}
	return strchr(argument, '=') == NULL;
}

const char *
hmi_eal_stray(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if ((argv[i][0] != '-' || argv[i][1] == '\0') && (i == 1 || !may_want_value(argv[i - 1])))
			return argv[i];
	}
	return NULL;
}

/* ---- Cores ------------------------------------------------------------------------ */

static bool
core_exists(unsigned long core)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%lu", core);
	return access(path, F_OK) == 0;
}

/* The cores that this process may use, as in "0-1,4". */
static void
cores_describe(char *text, size_t size)
{
	size_t length = 0;
	cpu_set_t cores;

	if (sched_getaffinity(0, sizeof(cores), &cores) != 0)
		CPU_ZERO(&cores);
	snprintf(text, size, "0");
	for (int first = 0, end; first < CPU_SETSIZE && length + 16 < size; first = end + 1) {
		for (end = first; end < CPU_SETSIZE && CPU_ISSET(end, &cores); end++)
			;
		if (end > first)
			length += (size_t)snprintf(text + length, size - length, "%s%d",
						   length > 0 ? "," : "", first);
		if (end > first + 1)
			length += (size_t)snprintf(text + length, size - length, "-%d", end - 1);
	}
}

/* A core that is named but not there; or: */
#define CORES_FINE (-1)
#define CORES_BAD  (-2) /* no cores are named */

/* "3" or "0-3", or "3-0" for the same where EAL takes it so; *text moves behind it. */
static int
range_fault(const char **text, bool backwards)
{
	unsigned long first, last;
	char *end;

	if (!isdigit((unsigned char)**text))
		return CORES_BAD;
	first = last = strtoul(*text, &end, 10);
	if (*end == '-') {
		if (!isdigit((unsigned char)end[1]))
			return CORES_BAD;
		last = strtoul(end + 1, &end, 10);
	}
	*text = end;
	if (first > last && !backwards)
		return CORES_BAD;
	for (unsigned long core = RTE_MIN(first, last); core <= RTE_MAX(first, last); core++) {
		if (!core_exists(core))
			return (int)RTE_MIN(core, (unsigned long)INT_MAX);
	}
	return CORES_FINE;
}

/* "0-3,7" */
static int
list_fault(const char *text)
{
	int fault = range_fault(&text, false);

	while (fault == CORES_FINE && *text == ',') {
		text++;
		fault = range_fault(&text, false);
	}
	return fault == CORES_FINE && *text != '\0' ? CORES_BAD : fault;
}

/* "(0-3)@0,4@(1,2)": cores stand behind an @, or are lcores too where there is none. */
static int
map_fault(const char *text)
{
	bool has_at = strchr(text, '@') != NULL, is_core = !has_at;

	if (text[0] == '\0' || strspn(text, "0123456789-,()@") != strlen(text))
		return CORES_BAD;
	while (*text != '\0') {
		int fault;

		if (!isdigit((unsigned char)*text)) {
			is_core |= *text == '@';
			is_core &= !has_at || *text != ')';
			text++;
			continue;
		}
		fault = range_fault(&text, true);
		if (fault == CORES_BAD || (is_core && fault != CORES_FINE))
			return fault;
	}
	return CORES_FINE;
}

/* "0xf" */
static int
mask_fault(const char *text)
{
	size_t length;

	if (strncasecmp(text, "0x", 2) == 0)
		text += 2;
	length = strlen(text);
	for (size_t i = 0; i < length; i++) {
		char digit[2] = { text[length - 1 - i], '\0' };
		unsigned long bits = strtoul(digit, NULL, 16);

		if (!isxdigit((unsigned char)digit[0]))
			return CORES_BAD;
		for (unsigned int bit = 0; bit < 4; bit++) {
			if ((bits >> bit & 1) != 0 && !core_exists(4 * i + bit))
				return (int)(4 * i + bit);
		}
	}
	return length > 0 ? CORES_FINE : CORES_BAD;
}

/* ---- Explaining -------------------------------------------------------------------- */

struct core_option {
	const char *name;
	const char *what;
	int (*fault)(const char *text);
};

/* Whether argument i is the option; its value is the rest of it, or the next argument. */
static bool
is_given(const char *name, int i, int argc, char **argv, const char **value)
{
	size_t length = strlen(name);
	const char *rest = argv[i] + length;

	if (strncmp(argv[i], name, length) != 0)
		return false;
	if (*rest == '\0')
		*value = i + 1 < argc ? argv[i + 1] : "";
	else
		*value = length > 2 ? rest + 1 : rest;
	return *rest == '\0' || length == 2 || *rest == '=';
}

static bool
cores_explain(const struct core_option *option, const char *value)
{
	/* EAL overlooks blanks in most places, and not in others. */
	int fault = strpbrk(value, " \t") != NULL ? CORES_FINE : option->fault(value);
	char cores[CORES_TEXT];

	if (fault == CORES_FINE)
		return false;
	cores_describe(cores, sizeof(cores));
	if (fault == CORES_BAD)
		fprintf(stderr, "hermod: %s '%s': no %s; ", option->name, value, option->what);
	else
		fprintf(stderr, "hermod: %s '%s': there is no core %d; ", option->name, value, fault);
	fprintf(stderr, "this process may use the cores %s: try -l %s\n", cores, cores);
	return true;
}

/* EAL takes the beginning of a name for all of it. */
static bool
may_be_known(const char *argument)
{
	if (argument[1] != '-')
		return hmi_eal_has_option(argument + 1, 1);
	for (size_t i = 0; i < RTE_DIM(names); i++) {
		if (strncmp(names[i], argument + 2, strcspn(argument + 2, "=")) == 0)
			return true;
	}
	return false;
}

bool
hmi_eal_explain(int argc, char **argv)
{
	static const struct core_option options[] = {
		/* From 25.07 on -l takes what --lcores does. */
		{ "-l", "list of cores",
		  RTE_VERSION >= RTE_VERSION_NUM(25, 7, 0, 0) ? map_fault : list_fault },
		{ "-c", "hexadecimal mask of cores", mask_fault },
		{ "--lcores", "map of lcores to cores", map_fault },
	};

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-' && argv[i][1] != '\0' && !may_be_known(argv[i])) {
			fprintf(stderr,
				"hermod: EAL has no option '%s'; `%s --no-pci -h` lists those that it has, "
				"`%s --help` those that stand behind `--`\n",
				argv[i], argv[0], argv[0]);
			return true;
		}
		for (size_t o = 0; o < RTE_DIM(options); o++) {
			const char *value;

			if (is_given(options[o].name, i, argc, argv, &value) &&
			    cores_explain(&options[o], value))
				return true;
		}
	}
	return false;
}
