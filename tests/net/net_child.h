/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_CHILD_H
#define NET_CHILD_H

/*
 * Tests of several processes: the program starts itself again, as a node, and reads what the
 * node prints, a line for each thing that happened.
 *
 *     test ──starts──▶ node (this program, "node ROLE ...") ──"got 1000"──▶ test
 *
 * Nothing waits for a time, but for a line, with a limit that a busy machine does not reach.
 * Children end with the test, whichever way it ends.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hmt_eal.h"

#define CHILD_SECONDS  60
#define CHILD_ARGS_MAX 48

struct child {
	pid_t pid;
	int out; /* what it prints */
	size_t used;
	char line[1024];
	const char *name;
};

__attribute__((format(printf, 1, 2), noreturn))
static inline void
child_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "failed: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	/* Children die with their parent: PR_SET_PDEATHSIG. */
	exit(EXIT_FAILURE);
}

/* Start this program again. `words` is its command line, with spaces between. */
static inline void
child_start(struct child *child, const char *name, const char *words)
{
	char *text = strdup(words), *rest = NULL, *argv[CHILD_ARGS_MAX];
	int pipes[2], argc = 0;
	pid_t parent = getpid();

	argv[argc++] = strdup(name);
	for (char *word = strtok_r(text, " ", &rest); word != NULL && argc < CHILD_ARGS_MAX - 1;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[argc] = NULL;
	if (pipe2(pipes, O_CLOEXEC) != 0)
		child_fail("pipe: %s", strerror(errno));
	child->pid = fork();
	if (child->pid < 0)
		child_fail("fork: %s", strerror(errno));
	if (child->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EXIT_FAILURE);
		dup2(pipes[1], STDOUT_FILENO);
		execv("/proc/self/exe", argv);
		_exit(EXIT_FAILURE);
	}
	close(pipes[1]);
	child->out = pipes[0];
	child->used = 0;
	child->name = name;
	free(argv[0]);
	free(text);
}

static inline double
child_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Take the first whole line out of what has been read; NULL: there is none. */
static inline const char *
child_line(struct child *child, char *line, size_t size)
{
	char *end = memchr(child->line, '\n', child->used);
	size_t length;

	if (end == NULL)
		return NULL;
	*end = '\0';
	/* What is longer than there is room for is cut. */
	if (memccpy(line, child->line, '\0', size) == NULL)
		line[size - 1] = '\0';
	length = (size_t)(end - child->line) + 1;
	child->used -= length;
	memmove(child->line, child->line + length, child->used);
	return line;
}

/* Wait until a child prints a line that starts with `want`; others are passed over, unless "wrong". */
static inline void
child_expect(struct child *child, const char *want, char *line, size_t size)
{
	double end = child_now() + CHILD_SECONDS;

	for (;;) {
		struct pollfd fd = { .fd = child->out, .events = POLLIN };
		ssize_t got;

		while (child_line(child, line, size) != NULL) {
			fprintf(stderr, "%s: %s\n", child->name, line);
			if (strncmp(line, "wrong", strlen("wrong")) == 0)
				child_fail("%s saw what must not be", child->name);
			if (strncmp(line, want, strlen(want)) == 0)
				return;
		}
		if (child_now() > end)
			child_fail("%s does not say \"%s\"", child->name, want);
		if (poll(&fd, 1, 200) <= 0)
			continue;
		got = read(child->out, child->line + child->used, sizeof(child->line) - child->used);
		if (got <= 0)
			child_fail("%s ended before it said \"%s\"", child->name, want);
		child->used += (size_t)got;
	}
}

/* Kill a child without warning. */
static inline void
child_kill(struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	close(child->out);
}

/* Ask a child to stop, and wait until it has. Returns its exit status. */
static inline int
child_stop(struct child *child)
{
	double end = child_now() + CHILD_SECONDS;
	int status = 0;

	kill(child->pid, SIGTERM);
	while (waitpid(child->pid, &status, WNOHANG) == 0) {
		if (child_now() > end)
			child_fail("%s does not stop", child->name);
		usleep(10000);
	}
	fprintf(stderr, "%s: ended\n", child->name);
	close(child->out);
	if (WIFSIGNALED(status))
		fprintf(stderr, "%s: died of signal %d\n", child->name, WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * EAL options of a node: any core, plain memory, nothing shared, nothing of the machine's. Nothing is
 * kept under the prefix but an empty folder, so it is that of all tests.
 */
static inline void
child_eal(char *text, size_t size, const char *vdev)
{
	/* The machine's cores as they are; nodes share them. */
	snprintf(
		text, size,
		"--lcores 0@(0-%ld) --no-huge -m 192 --no-pci --no-shconf --no-telemetry --file-prefix hermod-test "
		"--log-level=*:error --log-level=hermod:info --log-level=hermod.net:info --vdev=%s",
		sysconf(_SC_NPROCESSORS_ONLN) - 1, vdev);
}

/* Outlives main, for what atexit calls; mkdtemp puts letters of its own in place of the last six. */
static char child_directory_path[] = "/tmp/hermod-test-XXXXXX";

/* Memif's socket, if it is still there, and the directory around it. */
static inline void
child_directory_remove(void)
{
	char name[sizeof(child_directory_path) + sizeof("/memif")];

	snprintf(name, sizeof(name), "%s/memif", child_directory_path);
	unlink(name);
	rmdir(child_directory_path);
}

/* A directory of this run's own, removed at exit. */
static inline const char *
child_directory(void)
{
	if (mkdtemp(child_directory_path) == NULL)
		child_fail("mkdtemp: %s", strerror(errno));
	atexit(child_directory_remove);
	return child_directory_path;
}

/*
 * Go into a network namespace of this process's own, which ends with it, and where nothing of the
 * machine's network is. Ends the test as skipped where that is not permitted.
 */
static inline void
namespace_enter(void)
{
	if (unshare(CLONE_NEWNET) == 0)
		return;
	fprintf(stderr, "skipped: no network namespace here: %s\n", strerror(errno));
	exit(HMT_SKIPPED);
}

/* Run a command of the shell; returns whether it succeeded. */
__attribute__((format(printf, 1, 2)))
static inline bool
shell(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command) == 0;
}

#endif /* NET_CHILD_H */
