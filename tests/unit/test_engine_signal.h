/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_SIGNAL_H
#define TEST_ENGINE_SIGNAL_H

/*
 * Systems of two lcores that start EAL themselves, so that none of EAL's threads takes signals away; and programs in
 * processes of their own, which may end.
 */

#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/wait.h>

#include "hmt_actor.h"

/* As long as a program may take that a test runs: it takes one or two. */
#define CHILD_S 60

/* `options`: behind `--`, one word each; up to 6, ending with NULL; may be NULL. `level`: of what is logged. */
static inline struct hm_system *
signal_make(enum hm_mode mode, const struct hm_module *const *modules, const char *const *options,
	    const char *level)
{
	static char lcores[32], logged[32];
	char *argv[20] = { (char *)(uintptr_t) "hmt",
			   (char *)(uintptr_t) "--no-huge",
			   (char *)(uintptr_t) "--no-pci",
			   (char *)(uintptr_t) "--no-shconf",
			   (char *)(uintptr_t) "--no-telemetry",
			   (char *)(uintptr_t) "-m64",
			   logged,
			   lcores };
	struct hm_config config = { .modules = modules, .mode = mode };
	static const struct hm_type type = { .id = HMT_NUMBER, .name = "number", .size = sizeof(uint64_t) };
	struct hm_system *sys;
	int argc = 8, core = 0;
	cpu_set_t cores;

	cr_assert_eq(sched_getaffinity(0, sizeof(cores), &cores), 0);
	while (!CPU_ISSET(core, &cores))
		core++;
	snprintf(lcores, sizeof(lcores), "--lcores=(0-%d)@%d", mode == HM_MODE_BACKGROUND ? 2 : 1, core);
	snprintf(logged, sizeof(logged), "--log-level=*:%s", level);
	if (options != NULL)
		argv[argc++] = (char *)(uintptr_t) "--";
	for (; options != NULL && *options != NULL; options++)
		argv[argc++] = (char *)(uintptr_t)*options;
	cr_assert_eq(hm_system_create(&sys, argc, argv, &config), 0);
	cr_assert_eq(hm_type_register(sys, &type), 0);
	return sys;
}

/* Run a program in a process of its own, made before there are any threads. Returns its exit status. */
static inline int
child_run(void (*program)(void), char *text, size_t size)
{
	size_t length = 0;
	int out[2], status;
	ssize_t n;
	pid_t child;

	cr_assert_eq(pipe(out), 0);
	child = fork();
	if (child == 0) {
		/* A process that never ends is no good end. */
		alarm(CHILD_S);
		dup2(out[1], STDERR_FILENO);
		program();
	}
	close(out[1]);
	while ((n = read(out[0], text + length, size - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	close(out[0]);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status), "signal %d: %s", WTERMSIG(status), text);
	return WEXITSTATUS(status);
}

#endif /* TEST_ENGINE_SIGNAL_H */
