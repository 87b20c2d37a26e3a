/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_DEATH_H
#define HMT_DEATH_H

/**
 * @file
 * What ends a process, and the words with which it does.
 *
 * A function runs in a child process, whose standard error the test reads. The child has the threads of
 * its parent no more, and shares EAL's memory with it: it does what is to end it, and little else.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/** Exit status of a child that its function did not end. */
#define HMT_SURVIVED 33

/** Seconds after which a child ends that neither dies nor returns. */
#define HMT_DEATH_S 20

/** Run @p fn in a child process. @return its wait status; @p text: what it wrote to standard error */
static inline int
hmt_death(void (*fn)(void *arg), void *arg, char *text, size_t size)
{
	size_t length = 0;
	int out[2], status = 0;
	ssize_t n;
	pid_t child;

	if (pipe(out) != 0 || (child = fork()) < 0) {
		perror("a child process");
		abort();
	}
	if (child == 0) {
		dup2(out[1], STDERR_FILENO);
		close(out[0]);
		close(out[1]);
		alarm(HMT_DEATH_S);
		fn(arg);
		_exit(HMT_SURVIVED);
	}
	close(out[1]);
	while ((n = read(out[0], text + length, size - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	close(out[0]);
	if (waitpid(child, &status, 0) != child)
		abort();
	return status;
}

/** Whether a wait status is that of a process that ended itself by abort. */
static inline int
hmt_aborted(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif /* HMT_DEATH_H */
