/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_OPTIONS_H
#define TEST_ENGINE_OPTIONS_H

/*
 * Systems that are created of a command line, and what was printed.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hermod.h"

#define WORDS_MAX 24
#define TEXT_SIZE 8192

/* A command line, what came of it, and what was printed. */
struct attempt {
	struct hm_config config;
	char words[512];
	int rc;
	struct hm_system *sys;
	char out[TEXT_SIZE], err[TEXT_SIZE];
};

static inline FILE *
capture(FILE *stream, int *saved)
{
	FILE *file = tmpfile();

	cr_assert_not_null(file);
	fflush(stream);
	*saved = dup(fileno(stream));
	dup2(fileno(file), fileno(stream));
	return file;
}

static inline void
release(FILE *stream, int saved, FILE *file, char *text)
{
	size_t length;

	fflush(stream);
	dup2(saved, fileno(stream));
	close(saved);
	rewind(file);
	length = fread(text, 1, TEXT_SIZE - 1, file);
	text[length] = '\0';
	fclose(file);
}

static inline void
try(struct attempt *a, const char *line)
{
	char *argv[WORDS_MAX + 1], *rest = NULL;
	int argc = 0, saved_out, saved_err;
	FILE *out, *err;

	snprintf(a->words, sizeof(a->words), "%s", line);
	for (char *word = strtok_r(a->words, " ", &rest); word != NULL && argc < WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[argc] = NULL;
	a->sys = (struct hm_system *)(uintptr_t)1;
	out = capture(stdout, &saved_out);
	err = capture(stderr, &saved_err);
	a->rc = hm_system_create(&a->sys, argc, argv, &a->config);
	release(stdout, saved_out, out, a->out);
	release(stderr, saved_err, err, a->err);
	if (a->rc != 0)
		cr_assert_null(a->sys);
}

/* Refused with one line that holds all of these, before EAL starts. */
static inline void
cr_expect_refused(struct attempt *a, const char *line, const char *text)
{
	try(a, line);
	cr_assert_eq(a->rc, -EINVAL, "%s: %d", line, a->rc);
	cr_assert_eq(hm_exit_status(a->rc), 2);
	cr_assert_eq(strncmp(a->err, "hermod: ", 8), 0, "%s", a->err);
	cr_assert_not_null(strstr(a->err, text), "%s", a->err);
	cr_assert_eq(strchr(a->err, '\n'), a->err + strlen(a->err) - 1, "more than one line: %s", a->err);
	cr_assert_str_eq(a->out, "");
}

#endif /* TEST_ENGINE_OPTIONS_H */
