/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_clock.h"

#define TICK_NS   200000000
#define ROWS_FD   3
#define TEXT_TAIL 8192

const char process_json_path[] = "/dev/fd/3";

static void
signals_fill(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

void
process_init(void)
{
	sigset_t set;

	signals_fill(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* ---- start ---------------------------------------------------------------- */

static int
spawn(char *const *argv, int rows, int text, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int status;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, text, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, text, STDERR_FILENO);
	posix_spawn_file_actions_adddup2(&actions, rows, ROWS_FD);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	status = posix_spawn(pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -status;
}

/* files in memory: they need not be drained while the program runs, and disappear with the runner. The
 * number is above ROWS_FD: dup2 onto itself would leave close-on-exec set. */
static int
file_new(const char *name)
{
	int low = memfd_create(name, MFD_CLOEXEC);
	int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, ROWS_FD + 1);

	if (low >= 0)
		close(low);
	return fd;
}

/* ---- wait ----------------------------------------------------------------- */

enum ending {
	ENDING_EXITED,
	ENDING_TIMEOUT,
	ENDING_INTERRUPTED,
};

static enum ending
wait_until(pid_t pid, double deadline_s, process_tick_fn *tick, void *arg)
{
	const struct timespec pause = { .tv_nsec = TICK_NS };
	siginfo_t info;
	sigset_t set;

	signals_fill(&set);
	for (;;) {
		int signal = sigtimedwait(&set, NULL, &pause);

		if (signal == SIGINT || signal == SIGTERM)
			return ENDING_INTERRUPTED;
		info.si_pid = 0;
		/* WNOWAIT leaves it unreaped: its id must not be reused before the group has been killed */
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid)
			return ENDING_EXITED;
		if (bench_clock_seconds() > deadline_s)
			return ENDING_TIMEOUT;
		tick(arg);
	}
}

/* ---- result ---------------------------------------------------------------- */

static void
rows_read(int fd, struct process_result *result)
{
	json_error_t error;
	FILE *file;

	if (lseek(fd, 0, SEEK_SET) != 0 || (file = fdopen(dup(fd), "r")) == NULL)
		return;
	result->row = json_loadf(file, JSON_DISABLE_EOF_CHECK, &error);
	if (result->row != NULL && !json_is_object(result->row)) {
		json_decref(result->row);
		result->row = NULL;
	}
	fclose(file);
}

/* the last line that is not blank: programs print their error last */
static void
last_line(int fd, char *line, size_t size)
{
	char text[TEXT_TAIL];
	off_t end = lseek(fd, 0, SEEK_END);
	off_t from = end > TEXT_TAIL - 1 ? end - (TEXT_TAIL - 1) : 0;
	ssize_t got = pread(fd, text, TEXT_TAIL - 1, from);
	char *start;

	line[0] = '\0';
	if (got <= 0)
		return;
	while (got > 0 && (text[got - 1] == '\n' || text[got - 1] == ' '))
		got--;
	text[got] = '\0';
	start = strrchr(text, '\n');
	snprintf(line, size, "%.*s", (int)size - 1, start != NULL ? start + 1 : text);
}

static void
reason_fill(struct process_result *result, const char *what, int text)
{
	char line[PROCESS_REASON_MAX / 2];

	last_line(text, line, sizeof(line));
	snprintf(result->reason, sizeof(result->reason), line[0] != '\0' ? "%s: %s" : "%s", what, line);
}

static void
ending_explain(struct process_result *result, enum ending ending, int status, int text)
{
	char what[PROCESS_REASON_MAX / 4];

	if (ending == ENDING_TIMEOUT)
		snprintf(what, sizeof(what), "took too long, killed");
	else if (ending == ENDING_INTERRUPTED)
		snprintf(what, sizeof(what), "interrupted");
	else if (WIFSIGNALED(status))
		snprintf(what, sizeof(what), "crashed (%s)", strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		snprintf(what, sizeof(what), "exit status %d", WEXITSTATUS(status));
	else
		snprintf(what, sizeof(what), "wrote no result");
	reason_fill(result, what, text);
}

static void
result_read(struct process_result *result, enum ending ending, int status, int rows, int text)
{
	rows_read(rows, result);
	/* a row is not used if its program has failed */
	if (result->row != NULL && ending == ENDING_EXITED && status == 0)
		return;
	json_decref(result->row);
	result->row = NULL;
	ending_explain(result, ending, status, text);
}

int
process_run(char *const *argv, double timeout_s, process_tick_fn *tick, void *arg,
	    struct process_result *result)
{
	int rows = file_new("rows"), text = file_new("text");
	enum ending ending = ENDING_EXITED;
	int status = 0, error;
	pid_t pid = 0;

	memset(result, 0, sizeof(*result));
	error = rows < 0 || text < 0 ? -errno : spawn(argv, rows, text, &pid);
	if (error == 0) {
		ending = wait_until(pid, bench_clock_seconds() + timeout_s, tick, arg);
		kill(-pid, SIGKILL);
		waitpid(pid, &status, 0);
		result_read(result, ending, status, rows, text);
	} else {
		snprintf(result->reason, sizeof(result->reason), "cannot start %s: %s", argv[0],
			 strerror(-error));
	}
	if (rows >= 0)
		close(rows);
	if (text >= 0)
		close(text);
	return ending == ENDING_INTERRUPTED ? -EINTR : 0;
}
