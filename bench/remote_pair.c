/* SPDX-License-Identifier: Apache-2.0 */
#include "remote_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench_cli.h"
#include "remote_veth.h"

#define ARGUMENTS_MAX 96
#define TEXTS_BYTES   4096
#define QUIT_MS       3000 /* time for one node to end after the other has ended */

/* Command line of one of the two nodes. */
struct command {
	char *argv[ARGUMENTS_MAX];
	uint32_t argc;
	char text[TEXTS_BYTES];
	size_t used;
};

/* The launcher's command line. */
struct pair {
	int argc, separator;
	char **argv;
	const char *transport;
	uint32_t core[2];
	bool over_veth;
};

/* ---- reading the command line ------------------------------------------------------ */

static const char *
option_value(int argc, char **argv, const char *name)
{
	size_t length = strlen(name);

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], name, length) != 0)
			continue;
		if (argv[i][length] == '=')
			return argv[i] + length + 1;
		if (argv[i][length] == '\0' && i + 1 < argc)
			return argv[i + 1];
	}
	return NULL;
}

bool
remote_pair_is_meant(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return false;
	}
	return option_value(argc, argv, "--role") == NULL;
}

static int
separator(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i;
	}
	return argc;
}

/* "-l A,B" or "-l A-B"; EAL's other forms are not needed for two processes of one lcore */
static int
cores_parse(const char *list, uint32_t core[2])
{
	char *end;
	unsigned long first = strtoul(list, &end, 10), second;

	if (end == list || (*end != ',' && *end != '-'))
		return -EINVAL;
	list = end + 1;
	second = strtoul(list, &end, 10);
	if (end == list || (*end != '\0' && *end != ',') || second == first)
		return -EINVAL;
	core[0] = (uint32_t)first;
	core[1] = (uint32_t)second;
	return 0;
}

static int
cores_own(uint32_t core[2])
{
	uint32_t found = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return -errno;
	for (uint32_t i = 0; i < CPU_SETSIZE && found < 2; i++) {
		if (CPU_ISSET(i, &set))
			core[found++] = i;
	}
	return found == 2 ? 0 : -ENODEV;
}

static int
pair_parse(struct pair *pair, int argc, char **argv)
{
	const char *list;
	int status;

	*pair = (struct pair){ .argc = argc, .argv = argv, .separator = separator(argc, argv) };
	pair->transport = option_value(argc, argv, "--transport");
	if (pair->transport == NULL)
		pair->transport = "memif";
	pair->over_veth = strcmp(pair->transport, "af_xdp") == 0 || strcmp(pair->transport, "af_packet") == 0;
	if (!pair->over_veth && strcmp(pair->transport, "memif") != 0) {
		fprintf(stderr, "--transport %s: choose memif, af_xdp or af_packet\n", pair->transport);
		return -EINVAL;
	}
	list = option_value(pair->separator, argv, "-l");
	status = list != NULL ? cores_parse(list, pair->core) : cores_own(pair->core);
	if (status != 0)
		fprintf(stderr, "two cores are needed, as in -l 0,1\n");
	return status;
}

/* ---- the nodes' command lines --------------------------------------------------------- */

static void
argument_add(struct command *command, const char *format, ...)
{
	size_t room = sizeof(command->text) - command->used;
	va_list list;
	int length;

	if (command->argc == ARGUMENTS_MAX - 1)
		return;
	va_start(list, format);
	length = vsnprintf(command->text + command->used, room, format, list);
	va_end(list);
	if (length < 0 || (size_t)length >= room)
		return;
	command->argv[command->argc++] = command->text + command->used;
	command->used += (size_t)length + 1;
}

static void
device_add(struct command *command, const struct pair *pair, bool echo, int number)
{
	if (pair->over_veth)
		argument_add(command, "--vdev=net_%s%d,iface=%s%d", pair->transport, number,
			     echo ? REMOTE_VETH_ECHO : REMOTE_VETH_DRIVER, number);
	else
		argument_add(command, "--vdev=net_memif%d,role=%s,id=%d,socket=hermod-bench-%d", number,
			     echo ? "server" : "client", number, (int)getpid());
}

/* the user's EAL options, except the core list */
static void
eal_add(struct command *command, const struct pair *pair)
{
	for (int i = 1; i < pair->separator; i++) {
		if (strcmp(pair->argv[i], "-l") == 0)
			i++;
		else
			argument_add(command, "%s", pair->argv[i]);
	}
	if (pair->separator <= 1)
		argument_add(command, "--no-pci");
}

static void
command_fill(struct command *command, const struct pair *pair, bool echo)
{
	memset(command, 0, sizeof(*command));
	argument_add(command, "%s", pair->argv[0]);
	argument_add(command, "-l");
	argument_add(command, "%u", pair->core[echo]);
	eal_add(command, pair);
	/* under --in-memory the driver warns at each start that it cannot serve secondary processes */
	argument_add(command, "--log-level=pmd.net.memif:error");
	/* the same in each run, since EAL leaves an empty folder behind for each prefix */
	argument_add(command, "--file-prefix=hermod-bench-%s", echo ? "echo" : "driver");
	device_add(command, pair, echo, 0);
	device_add(command, pair, echo, 1);
	argument_add(command, "--");
	for (int i = pair->separator + 1; i < pair->argc; i++)
		argument_add(command, "%s", pair->argv[i]);
	argument_add(command, "--role=%s", echo ? "echo" : "driver");
	argument_add(command, "--node=%s", echo ? "echo" : "driver");
	argument_add(command, "--port=net_%s0", pair->transport);
	argument_add(command, "--ip=192.0.2.%d/24", echo ? 2 : 1);
	/* during raw slices a node does not poll the port of its session */
	argument_add(command, "--peer-timeout-ms=5000");
	/* the benchmark itself bounds the messages in flight */
	argument_add(command, "--peer-queue=1000000");
	if (!echo)
		argument_add(command, "--peer=echo@192.0.2.2");
}

/* ---- processes -------------------------------------------------------------------------- */

static void
child_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static pid_t
driver_start(const struct pair *pair)
{
	struct command command;
	pid_t pid;

	command_fill(&command, pair, false);
	pid = fork();
	if (pid == 0) {
		execv("/proc/self/exe", command.argv);
		_exit(EXIT_FAILURE);
	}
	return pid;
}

static _Noreturn void
echo_run(const struct pair *pair, struct command *command, const struct remote_veth_pipes *pipes, int ready)
{
	if (pair->over_veth && remote_veth_enter(pipes) != 0)
		_exit(EXIT_FAILURE);
	if (fcntl(ready, F_SETFD, 0) == 0) /* to be inherited */
		execv("/proc/self/exe", command->argv);
	_exit(EXIT_FAILURE);
}

/* start the echo node and wait until both its ports are open; -1: failed */
static pid_t
echo_start(const struct pair *pair)
{
	struct command command;
	struct remote_veth_pipes pipes;
	int ready[2];
	char word;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) != 0 || (pair->over_veth && remote_veth_pipes_open(&pipes) != 0))
		return -1;
	command_fill(&command, pair, true);
	argument_add(&command, "--ready-fd=%d", ready[1]);
	pid = fork();
	if (pid == 0)
		echo_run(pair, &command, &pipes, ready[1]);
	close(ready[1]);
	if (pid < 0)
		return -1;
	if ((pair->over_veth && remote_veth_hand_over(&pipes, pid) != 0) || read(ready[0], &word, 1) != 1) {
		child_kill(pid);
		pid = -1;
	}
	close(ready[0]);
	return pid;
}

/* wait for a child to end; 0: none did in time */
static pid_t
wait_any(int *status, int timeout_ms)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	for (int waited = 0; timeout_ms < 0 || waited < timeout_ms; waited += 5) {
		pid_t pid = waitpid(-1, status, WNOHANG);

		if (pid != 0)
			return pid;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int
outcome(const char *who, int status)
{
	if (WIFSIGNALED(status))
		fprintf(stderr, "the %s node crashed: %s\n", who, strsignal(WTERMSIG(status)));
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static int
pair_wait(pid_t driver, pid_t echo)
{
	int status = 0, result;
	pid_t first = wait_any(&status, -1);

	if (first == driver) {
		result = outcome("driver", status);
		if (wait_any(&status, result == EXIT_SUCCESS ? QUIT_MS : 0) == echo)
			return result != EXIT_SUCCESS ? result : outcome("echo", status);
		child_kill(echo);
		return result;
	}
	/* the echo node ends when the driver sends Quit, and the driver right after: if it does not, it
	 * waits for an echo that will not come */
	result = outcome("echo", status);
	if (wait_any(&status, QUIT_MS) == driver)
		return result != EXIT_SUCCESS ? result : outcome("driver", status);
	fprintf(stderr, "the echo node ended before the driver\n");
	child_kill(driver);
	return EXIT_FAILURE;
}

int
remote_pair_run(int argc, char **argv)
{
	struct pair pair;
	pid_t driver, echo;

	if (pair_parse(&pair, argc, argv) != 0)
		return BENCH_EXIT_USAGE;
	if (pair.over_veth && remote_veth_make() != 0)
		return EXIT_FAILURE;
	echo = echo_start(&pair);
	if (echo < 0)
		return EXIT_FAILURE;
	driver = driver_start(&pair);
	if (driver < 0) {
		child_kill(echo);
		return EXIT_FAILURE;
	}
	return pair_wait(driver, echo);
}
