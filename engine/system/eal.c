/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting EAL: the part of the command line before `--`, and what a machine without
 * hugepages or devices needs in addition.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "options_pvt.h"

#define EXTRA_MAX 12

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

/* The value of the last such option, by its long name or its letter; NULL if there is none. */
static const char *
value_of(int argc, char **argv, const char *name, const char *letter)
{
	size_t length = strlen(name);
	const char *value = NULL;

	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : "";

		if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
			value = argv[i] + length + 1;
		else if (strcmp(argv[i], name) == 0)
			value = next;
		else if (letter != NULL && strncmp(argv[i], letter, 2) == 0)
			value = argv[i][2] != '\0' ? argv[i] + 2 : next;
	}
	return value;
}

/* Whether the user has said what EAL shares with other processes, or by which files. */
static bool
sharing_given(int argc, char **argv)
{
	static const char *const options[] = {
		"--file-prefix", "--in-memory",   "--no-shconf",  "--proc-type",
		"--huge-dir",    "--huge-unlink", "--legacy-mem",
	};

	for (size_t i = 0; i < RTE_DIM(options); i++) {
		if (given(argc, argv, options[i]))
			return true;
	}
	return false;
}

static bool
memory_given(int argc, char **argv)
{
	static const char *const options[] = { "-m", "--memory-size", "--socket-mem", "--numa-mem" };

	for (size_t i = 0; i < RTE_DIM(options); i++) {
		if (given(argc, argv, options[i]))
			return true;
	}
	return false;
}

/* What the user left open, by what the machine has. Returns how many arguments were added. */
static int
extra_arguments(int argc, char **argv, const char *extra[EXTRA_MAX])
{
	bool has_huge = !given(argc, argv, "--no-huge") && hugepages_free();
	bool telemetry_given = given(argc, argv, "--no-telemetry") || given(argc, argv, "--telemetry");
	int n = 0;

	/* Nothing was said: no device is touched. */
	if (argc <= 1)
		extra[n++] = "--no-pci";
	/* Two programs on one host do not share files unless an option says so, so that both of them start. */
	if (!sharing_given(argc, argv))
		extra[n++] = has_huge ? "--in-memory" : "--no-shconf";
	/* Telemetry's sockets lie in that folder too. */
	if (!telemetry_given && (argc <= 1 || !hmi_eal_files_usable()))
		extra[n++] = "--no-telemetry";
	/* What EAL and telemetry log of a good start is noise; errors stay. */
	if (!given(argc, argv, "--log-level")) {
		extra[n++] = "--log-level=lib.eal:error";
		extra[n++] = "--log-level=lib.telemetry:error";
	}
	if (given(argc, argv, "--no-huge"))
		return n;
	if (has_huge) {
		if (sharing_given(argc, argv) && !given(argc, argv, "--in-memory") &&
		    !given(argc, argv, "--huge-dir") && !given(argc, argv, "--legacy-mem") &&
		    !hugetlbfs_mounted())
			extra[n++] = "--in-memory";
		return n;
	}
	extra[n++] = "--no-huge";
	if (!memory_given(argc, argv)) {
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

/* One start of EAL. It lives as long as the process, like the handler that was given it. */
struct start {
	bool is_running; /* in rte_eal_init */
	int out;         /* standard output's place, and */
	int held;        /* where it goes meanwhile; -1: nowhere else */
	int argc;
	char **argv; /* with ours, ended by NULL; EAL changes their order */
	pid_t pid;
};

static void
output_restore(struct start *start)
{
	fflush(stdout);
	if (start->out >= 0) {
		dup2(start->out, STDOUT_FILENO);
		close(start->out);
	}
	start->out = -1;
}

/* Print why EAL has not started; `rc` is what it said. */
static void
start_explain(int rc, int argc, char **argv)
{
	if (rc == -EINVAL && hmi_eal_explain(argc, argv))
		return;
	fprintf(stderr,
		"hermod: EAL does not start: %s; look at the EAL options before `--` (lcores with -l, "
		"memory with -m or --no-huge, devices with --vdev and --no-pci, files shared with other "
		"programs with --file-prefix or --in-memory)\n",
		rc != -EIO ? rte_strerror(-rc) : "the reason stands above");
}

/*
 * From 25.11 on EAL ends the process itself when an option is unknown, misses its value, or stands
 * twice. The reason is printed all the same, and the status is that of a wrong option: glibc goes on
 * with the handlers that are left, and with the last status.
 */
static void
start_exited(int status, void *arg)
{
	struct start *start = arg;

	if (!start->is_running || start->pid != getpid())
		return;
	start->is_running = false;
	output_restore(start);
	if (status == 0)
		return;
	start_explain(-EINVAL, start->argc, start->argv);
	exit(hm_exit_status(-EINVAL)); /* allowed: EAL ends the process; this gives it the status */
}

/*
 * As rte_eal_init. When an argument is wrong EAL prints a hundred lines of usage to standard
 * output, behind which nobody would find the error: they are held back.
 */
static int
init_without_usage(struct start *start, int argc, char **argv)
{
	int rc;

	start->held = help_wanted(argc, argv) ? -1 : memfd_create("hermod-eal", MFD_CLOEXEC);
	fflush(stdout);
	if (start->held >= 0)
		start->out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	if (start->out >= 0)
		dup2(start->held, STDOUT_FILENO);
	start->is_running = on_exit(start_exited, start) == 0;
	rc = rte_eal_init(argc, argv);
	start->is_running = false;
	output_restore(start);
	if (start->held >= 0)
		held_print(start->held, rc >= 0 || rte_errno != EINVAL);
	return rc;
}

/*
 * EAL's own arguments behind ours, so that none of ours is the value that one of its lacks. Their texts
 * outlive it. NULL: no memory.
 */
static char **
arguments_join(int *argc, char **argv, int n, const char *const *extra)
{
	char **all = calloc((size_t)(*argc + n + 1), sizeof(*all));
	bool has_huge;
	int count = 0;

	if (all == NULL)
		return NULL;
	all[count++] = argv[0];
	for (int i = 0; i < n; i++)
		all[count++] = (char *)(uintptr_t)extra[i];
	has_huge = !given(*argc, argv, "--no-huge") && !given(count, all, "--no-huge");
	for (int i = 1; i < *argc; i++) {
		/* EAL refuses it without hugepages, where --no-shconf, once, leaves as few files behind. */
		if (has_huge || strcmp(argv[i], "--in-memory") != 0)
			all[count++] = argv[i];
		else if (!given(*argc, argv, "--no-shconf") && !given(count, all, "--no-shconf"))
			all[count++] = (char *)(uintptr_t) "--no-shconf";
	}
	*argc = count;
	return all;
}

/* Before EAL keeps files: whether it can. Returns 0 or an errno, printed. */
static int
files_check(int argc, char **argv)
{
	const char *prefix = value_of(argc, argv, "--file-prefix", NULL);
	const char *kind = value_of(argc, argv, "--proc-type", NULL);
	const char *megabytes = value_of(argc, argv, "--memory-size", "-m");
	bool has_small_pages = given(argc, argv, "--no-huge") && megabytes != NULL;

	if (given(argc, argv, "--in-memory") || given(argc, argv, "--no-shconf") || help_wanted(argc, argv))
		return 0;
	return hmi_eal_files_check(prefix != NULL ? prefix : "rte",
				   has_small_pages ? strtoul(megabytes, NULL, 10) : 0,
				   kind == NULL || strcmp(kind, "primary") == 0);
}

/* Start EAL with all of its arguments, which it takes over. Returns 0 or an errno; `explained` when it is printed. */
static int
eal_call(int argc, char **argv, bool *explained)
{
	struct start *start = calloc(1, sizeof(*start));
	int rc = files_check(argc, argv);

	*explained = rc != 0;
	if (rc != 0 || start == NULL) {
		free(start);
		free(argv);
		return rc != 0 ? rc : -ENOMEM;
	}
	start->out = start->held = -1;
	start->argc = argc;
	start->argv = argv;
	start->pid = getpid();
	rte_errno = 0;
	if (init_without_usage(start, argc, argv) < 0)
		return rte_errno != 0 ? -rte_errno : -EIO;
	if (rte_eal_has_hugepages() && !given(argc, argv, "--in-memory"))
		on_exit(eal_end, (void *)(intptr_t)getpid());
	return 0;
}

/* Also for threads that EAL does not know: it prints an error when it is asked to start again. */
bool
hmi_eal_runs(void)
{
	return rte_lcore_id() != LCORE_ID_ANY ||
	       (rte_lcore_count() > 0 && rte_eal_iova_mode() != RTE_IOVA_DC);
}

static int
eal_init(int argc, char **argv)
{
	const char *extra[EXTRA_MAX];
	bool explained = false;
	char **all;
	int n, all_count, rc;

	if (hmi_eal_runs())
		return 0;
	n = extra_arguments(argc, argv, extra);
	/* EAL and the handler of its end keep pointers to these. */
	all_count = argc;
	all = arguments_join(&all_count, argv, n, extra);
	rc = all != NULL ? eal_call(all_count, all, &explained) : -ENOMEM;
	if (rc == 0 || rc == -EALREADY || explained)
		return rc == -EALREADY ? 0 : rc;
	start_explain(rc, argc, argv);
	return rc == -ENOMEM ? -ENOMEM : -EINVAL;
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
	/* A mistake in our own options is reported before EAL takes its time. */
	rc = hmi_options_misplaced(sys, eal, args);
	if (rc != 0)
		return rc;
	rc = eal < n ? hmi_options_parse(sys, n - eal - 1, args + eal + 1) : hmi_options_parse(sys, 0, NULL);
	return rc == 0 ? eal_init(eal, args) : rc;
}
