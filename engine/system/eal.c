/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting EAL: the part of the command line before `--`, and what a machine without
 * hugepages or devices needs in addition.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "options_pvt.h"

#define EXTRA_MAX 8

/* Free hugepages of any size. EAL wants some of its own; ours are taken only if they are free. */
static bool
hugepages_free(void)
{
	DIR *sizes = opendir("/sys/kernel/mm/hugepages");
	struct dirent *entry;
	bool any = false;

	while (sizes != NULL && !any && (entry = readdir(sizes)) != NULL) {
		char path[320], text[32];
		FILE *file;

		snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%s/free_hugepages", entry->d_name);
		file = fopen(path, "r");
		if (file == NULL)
			continue;
		any = fgets(text, sizeof(text), file) != NULL && strtoul(text, NULL, 10) > 0;
		fclose(file);
	}
	if (sizes != NULL)
		closedir(sizes);
	return any;
}

/* Without a mount of hugetlbfs EAL can use hugepages by memory files alone. */
static bool
hugetlbfs_mounted(void)
{
	FILE *mounts = fopen("/proc/self/mounts", "r");
	char line[512];
	bool found = false;

	while (mounts != NULL && !found && fgets(line, sizeof(line), mounts) != NULL)
		found = strstr(line, " hugetlbfs ") != NULL;
	if (mounts != NULL)
		fclose(mounts);
	return found;
}

static bool
given(int argc, char **argv, const char *option)
{
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], option, strlen(option)) == 0)
			return true;
	}
	return false;
}

/* What the user left open, by what the machine has. Returns how many arguments were added. */
static int
extra_arguments(int argc, char **argv, const char *extra[EXTRA_MAX])
{
	int n = 0;

	if (argc <= 1) {
		/* Nothing was said: no device is touched, and nothing is left in the file system. */
		extra[n++] = "--no-pci";
		extra[n++] = hugepages_free() ? "--in-memory" : "--no-shconf";
		extra[n++] = "--no-telemetry";
	}
	/* What EAL and telemetry say of a good start is noise to whoever runs a program; errors stay. */
	if (!given(argc, argv, "--log-level")) {
		extra[n++] = "--log-level=lib.eal:error";
		extra[n++] = "--log-level=lib.telemetry:error";
	}
	if (given(argc, argv, "--no-huge"))
		return n;
	if (hugepages_free()) {
		if (argc > 1 && !given(argc, argv, "--in-memory") && !given(argc, argv, "--huge-dir") &&
		    !hugetlbfs_mounted())
			extra[n++] = "--in-memory";
		return n;
	}
	extra[n++] = "--no-huge";
	if (!given(argc, argv, "-m") && !given(argc, argv, "--socket-mem")) {
		extra[n++] = "-m";
		extra[n++] = "512";
	}
	return n;
}

/*
 * EAL cannot start a second time, and other systems may live in it: it ends with the process. Not
 * in a child of that process, nor under lcores that still run.
 *
 * Only where it has files to clean up: otherwise the kernel takes everything back, and DPDK 22.11
 * crashes now and then when it cleans up behind a memif server, whose listener it never takes out
 * of its interrupt thread.
 */
static void
eal_end(int status, void *pid)
{
	unsigned int lcore;

	(void)status;
	if ((pid_t)(intptr_t)pid != getpid())
		return;
	RTE_LCORE_FOREACH_WORKER(lcore) {
		if (rte_eal_get_lcore_state(lcore) != WAIT)
			return;
	}
	rte_eal_cleanup();
}

static bool
added(int n, const char *const *extra, const char *option)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(extra[i], option) == 0)
			return true;
	}
	return false;
}

/* Whether EAL is asked to print something, and end the process. */
static bool
help_wanted(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strstr(argv[i], "help") != NULL ||
		    (argv[i][0] == '-' && argv[i][1] != '-' && strchr(argv[i], 'h') != NULL))
			return true;
	}
	return false;
}

/* Print what was held back, but for EAL's usage. */
static void
held_print(int held, bool with_usage)
{
	FILE *file = fdopen(held, "r");
	char line[512];

	if (file == NULL) {
		close(held);
		return;
	}
	rewind(file);
	while (fgets(line, sizeof(line), file) != NULL && (with_usage || strncmp(line, "Usage: ", 7) != 0)) {
		if (with_usage || line[0] != '\n')
			fputs(line, stdout);
	}
	fclose(file);
}

/*
 * As rte_eal_init. When an argument is wrong EAL prints a hundred lines of usage to standard
 * output, behind which nobody would find the error: they are held back.
 */
static int
init_without_usage(int argc, char **argv)
{
	int held = help_wanted(argc, argv) ? -1 : memfd_create("hermod-eal", MFD_CLOEXEC), out = -1, rc;

	fflush(stdout);
	if (held >= 0)
		out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	if (out >= 0)
		dup2(held, STDOUT_FILENO);
	rc = rte_eal_init(argc, argv);
	fflush(stdout);
	if (out >= 0) {
		dup2(out, STDOUT_FILENO);
		close(out);
	}
	if (held >= 0)
		held_print(held, rc >= 0 || rte_errno != EINVAL);
	return rc;
}

/* Start EAL with its own arguments and ours, whose texts outlive it. Returns as rte_eal_init. */
static int
eal_call(int argc, char **argv, int n, const char *const *extra)
{
	char **all = calloc((size_t)(argc + n + 1), sizeof(*all));
	bool no_huge = given(argc, argv, "--no-huge") || added(n, extra, "--no-huge");
	int rc;

	if (all == NULL) {
		rte_errno = ENOMEM;
		return -1;
	}
	for (int i = 0; i < argc; i++)
		all[i] = argv[i];
	for (int i = 0; i < n; i++)
		all[argc + i] = (char *)(uintptr_t)extra[i];
	/* EAL refuses --in-memory without hugepages, where --no-shconf leaves as few files behind. */
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--in-memory") == 0 && no_huge)
			all[i] = (char *)(uintptr_t) "--no-shconf";
	}
	rc = init_without_usage(argc + n, all);
	free(all);
	return rc;
}

static int
eal_init(int argc, char **argv)
{
	const char *extra[EXTRA_MAX];
	int n = extra_arguments(argc, argv, extra);

	/* A thread of EAL's: it runs already. */
	if (rte_lcore_id() != LCORE_ID_ANY)
		return 0;
	if (eal_call(argc, argv, n, extra) >= 0) {
		if (rte_eal_has_hugepages() && !given(argc, argv, "--in-memory") &&
		    !added(n, extra, "--in-memory"))
			on_exit(eal_end, (void *)(intptr_t)getpid());
		return 0;
	}
	if (rte_errno == EALREADY)
		return 0;
	if (rte_errno == EINVAL && hmi_eal_explain(argc, argv))
		return -EINVAL;
	fprintf(stderr,
		"hermod: EAL does not start: %s; look at the EAL options before `--` (lcores with -l, "
		"memory with -m or --no-huge, devices with --vdev and --no-pci)\n",
		rte_strerror(rte_errno));
	return rte_errno == ENOMEM ? -ENOMEM : -EINVAL;
}

/* Place of `--`; argc if there is none. */
static int
separator(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i;
	}
	return argc;
}

int
hmi_command_line(struct hm_system *sys, int argc, char **argv)
{
	char *none[] = { (char *)(uintptr_t) "hermod", NULL };
	int n = argc > 0 ? argc : 1;
	char **args = argc > 0 ? argv : none;
	int eal = separator(n, args), rc = hmi_options_check(sys);

	if (rc != 0)
		return rc;
	for (int i = 1; i < n; i++) {
		if (strcmp(args[i], "--help") == 0) {
			hmi_options_help(sys, args[0], stdout);
			return -ECANCELED;
		}
	}
	/* A mistake in what is ours is told before EAL takes its time. */
	rc = hmi_options_misplaced(sys, eal, args);
	if (rc != 0)
		return rc;
	rc = eal < n ? hmi_options_parse(sys, n - eal - 1, args + eal + 1) : hmi_options_parse(sys, 0, NULL);
	return rc == 0 ? eal_init(eal, args) : rc;
}
