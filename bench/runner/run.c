/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bench_progress.h"
#include "plan.h"
#include "process.h"

#define ARGUMENTS_MAX 64
#define TEXTS_BYTES   4096

/* A row may take this much longer than planned before it counts as hung. */
#define TIMEOUT_FACTOR 2
#define TIMEOUT_MORE_S 10

/* The arguments of one program, and memory for their texts. */
struct command {
	char *argv[ARGUMENTS_MAX];
	uint32_t argc;
	char text[TEXTS_BYTES];
	size_t used;
};

/* ---- command line of a program ------------------------------------------------ */

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
	command->argv[command->argc] = NULL;
	command->used += (size_t)length + 1;
}

/* the user's EAL options, split at blanks, without quoting */
static void
eal_user_add(struct command *command, const char *options)
{
	while (*options != '\0') {
		size_t blanks = strspn(options, " \t");
		size_t length = strcspn(options + blanks, " \t");

		if (length > 0)
			argument_add(command, "%.*s", (int)length, options + blanks);
		options += blanks + length;
	}
}

/* EAL refuses a second core list, so the user's replaces the default */
static bool
eal_names_cores(const char *options)
{
	static const char *const names[] = { "-l", "-c", "--lcores" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *at = strstr(options, names[i]);

		if (at != NULL && (at == options || at[-1] == ' '))
			return true;
	}
	return false;
}

static void
eal_add(struct command *command, const struct plan_row *row, const struct settings *settings,
	const struct host *host)
{
	if (!eal_names_cores(settings->eal)) {
		argument_add(command, "-l");
		if (row->cores == 1)
			argument_add(command, "%u", host->core[0]);
		else
			argument_add(command, "%u,%u", host->core[0], host->core[1]);
	}
	argument_add(command, "--no-pci");
	argument_add(command, "--no-telemetry");
	if (host_has_hugepages(host)) {
		argument_add(command, "--in-memory");
	} else {
		/* EAL refuses --in-memory with --no-huge; of its effects --no-shconf remains */
		argument_add(command, "--no-huge");
		argument_add(command, "--no-shconf");
		argument_add(command, "-m");
		argument_add(command, "%d", row->memory_mb);
	}
	eal_user_add(command, settings->eal);
}

/* what the user says, else what the row needs */
static double
duration_s(const struct plan_row *row, const struct bench_options *shared)
{
	struct bench_options defaults;

	bench_options_init(&defaults);
	if (shared->duration_s != defaults.duration_s || row->duration_s == 0)
		return shared->duration_s;
	return row->duration_s;
}

static void
command_fill(struct command *command, const struct plan_row *row, const struct settings *settings,
	     const struct host *host, const char *folder)
{
	const struct bench_options *shared = &settings->shared;

	memset(command, 0, sizeof(*command));
	argument_add(command, "%s/%s", folder, row->program);
	eal_add(command, row, settings, host);
	argument_add(command, "--");
	argument_add(command, row->sleeps ? "--idle=adaptive" : "--idle=spin");
	argument_add(command, "--duration=%g", duration_s(row, shared));
	argument_add(command, "--repeats=%u", shared->repeats);
	if (shared->payload != 0)
		argument_add(command, "--payload=%u", shared->payload);
	if (shared->in_flight != 0)
		argument_add(command, "--in-flight=%u", shared->in_flight);
	argument_add(command, "--json=%s", process_json_path);
	if (row->extra != NULL)
		argument_add(command, "%s", row->extra);
}

/* ---- one row ------------------------------------------------------------------ */

static const char *
obstacle(const struct plan_row *row, const struct host *host)
{
	if (host->cores < row->cores)
		return "needs two cores, and there is one";
	if (row->needs_root && !host->is_root)
		return "needs root, to make network namespaces and open raw sockets";
	return NULL;
}

static void
tick(void *arg)
{
	bench_progress_show(arg);
}

static double
planned_s(const struct plan_row *row, const struct settings *settings, const struct host *host)
{
	return obstacle(row, host) != NULL ? 0 : row->setup_s + duration_s(row, &settings->shared);
}

static json_t *
reason_row(const struct plan_row *row, const char *reason)
{
	return json_pack("{s:s, s:s, s:s}", "name", row->name, "unit", row->unit, "reason", reason);
}

/* name and unit are the plan's, since the reports look up rows by name */
static json_t *
row_take(const struct plan_row *row, struct process_result *result)
{
	if (result->row == NULL)
		return reason_row(row, result->reason);
	json_object_set_new(result->row, "name", json_string(row->name));
	json_object_set_new(result->row, "unit", json_string(row->unit));
	return result->row;
}

static void
disturbance_note(json_t *row, const struct host_disturbance *before, const struct host_disturbance *after)
{
	if (row == NULL)
		return;
	json_object_set_new(row, "steal_percent", json_real(host_steal_percent(before, after)));
	json_object_set_new(row, "load", json_real(after->load));
}

/* Rows that need root (namespaces, AF_XDP) may fail because of the machine; a failure of any other row is
 * an error. */
static int
row_run(const struct plan_row *row, struct command *command, double planned, struct bench_progress *progress,
	json_t *rows)
{
	struct host_disturbance before, after;
	struct process_result result;
	double timeout_s = planned * TIMEOUT_FACTOR + TIMEOUT_MORE_S;
	int status;

	bench_progress_step(progress, row->name, planned);
	host_disturbance_read(&before);
	status = process_run(command->argv, timeout_s, tick, progress, &result);
	host_disturbance_read(&after);
	disturbance_note(result.row, &before, &after);
	bench_progress_done(progress);
	if (status == 0 && result.row == NULL && !row->needs_root)
		status = -EIO;
	json_array_append_new(rows, row_take(row, &result));
	return status;
}

/* ---- all rows ----------------------------------------------------------------- */

static void
progress_start(struct bench_progress *progress, const struct settings *settings, const struct host *host)
{
	uint32_t steps = 0;
	double total_s = 0;

	for (const struct plan_row *row = plan_rows(); row->name != NULL; row++) {
		if (!settings_wants(settings, row->name) || obstacle(row, host) != NULL)
			continue;
		steps++;
		total_s += planned_s(row, settings, host);
	}
	bench_progress_init(progress, stderr, steps, total_s);
}

int
run_plan(const struct settings *settings, const struct host *host, const char *folder, json_t *rows)
{
	struct bench_progress progress;
	struct command command;
	int status = 0, worst = 0;

	process_init();
	progress_start(&progress, settings, host);
	for (const struct plan_row *row = plan_rows(); row->name != NULL; row++) {
		const char *reason = obstacle(row, host);

		if (!settings_wants(settings, row->name))
			continue;
		if (reason == NULL && status == -EINTR)
			reason = "interrupted before its turn";
		if (reason != NULL) {
			json_array_append_new(rows, reason_row(row, reason));
			continue;
		}
		command_fill(&command, row, settings, host, folder);
		status = row_run(row, &command, planned_s(row, settings, host), &progress, rows);
		if (status != 0)
			worst = status;
	}
	bench_progress_clear(&progress);
	return worst;
}
