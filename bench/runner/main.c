/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * hermod-bench: runs the benchmarks and writes the reports.
 *
 *     plan ──▶ run (a process each) ──▶ rows ──▶ table, bench.json, index.html
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench_build.h"
#include "host.h"
#include "report.h"
#include "run.h"
#include "settings.h"

/* folder of the runner, which also holds the programs */
static int
own_folder(char *folder, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", folder, size - 1);
	char *slash;

	if (length < 0)
		return -errno;
	folder[length] = '\0';
	slash = strrchr(folder, '/');
	if (slash == NULL)
		return -ENOENT;
	*slash = '\0';
	return 0;
}

static void
list_print(const struct settings *settings)
{
	for (const struct plan_row *row = plan_rows(); row->name != NULL; row++) {
		if (settings_wants(settings, row->name))
			printf("%-26s %-11s %s\n", row->name, row->unit, row->title);
	}
}

static bool
filter_fits(const struct settings *settings)
{
	for (const struct plan_row *row = plan_rows(); row->name != NULL; row++) {
		if (settings_wants(settings, row->name))
			return true;
	}
	fprintf(stderr, "hermod-bench: --filter: no row matches '%s' (see --list)\n", settings->filter);
	return false;
}

static json_t *
options_json(const struct settings *settings)
{
	const struct bench_options *shared = &settings->shared;
	json_t *options = json_pack("{s:f, s:i, s:b, s:s}", "duration_s", shared->duration_s, "repeats",
				    (int)shared->repeats, "quick", settings->quick, "eal", settings->eal);

	if (shared->payload != 0)
		json_object_set_new(options, "payload", json_integer(shared->payload));
	if (shared->in_flight != 0)
		json_object_set_new(options, "in_flight", json_integer(shared->in_flight));
	if (settings->filter != NULL)
		json_object_set_new(options, "filter", json_string(settings->filter));
	return options;
}

static json_t *
record_json(const struct settings *settings, const struct host *host)
{
	const char *warning = bench_build_warning();
	char when[64];
	time_t now = time(NULL);
	struct tm utc;
	json_t *record;

	gmtime_r(&now, &utc);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &utc);
	record = json_pack("{s:o, s:o, s:o, s:s}", "machine", host_machine_json(host), "build",
			   host_build_json(), "options", options_json(settings), "time", when);
	if (warning != NULL)
		json_object_set_new(record, "warning", json_string(warning));
	return record;
}

static void
head_print(const struct host *host)
{
	const char *warning = bench_build_warning();
	char line[512];

	host_line(host, line, sizeof(line));
	printf("%s\n", line);
	if (warning != NULL)
		printf("\n*** %s ***\n\n", warning);
	fflush(stdout);
}

static int
file_write(const char *path, const json_t *report, int (*write)(const char *, const json_t *))
{
	int status = path == NULL ? 0 : write(path, report);

	if (status != 0)
		fprintf(stderr, "hermod-bench: cannot write %s: %s\n", path, strerror(-status));
	return status;
}

static int
bench(const struct settings *settings)
{
	char folder[PATH_MAX];
	struct host host;
	json_t *report = json_array();
	int status = own_folder(folder, sizeof(folder)), written;

	if (status != 0) {
		fprintf(stderr, "hermod-bench: cannot find my own folder: %s\n", strerror(-status));
		return status;
	}
	host_read(&host);
	head_print(&host);
	status = run_plan(settings, &host, folder, report);
	json_array_append_new(report, record_json(settings, &host));
	report_table(stdout, report);
	if (status == -EIO)
		printf("\nSome rows failed; the table says why.\n");
	if (report_breaks(stdout, report) > 0 && status == 0)
		status = -EDOM;
	if (bench_build_warning() != NULL)
		printf("\n*** %s ***\n", bench_build_warning());
	written = file_write(settings->shared.json_path, report, report_json);
	if (written == 0)
		written = file_write(settings->html_path, report, report_html);
	json_decref(report);
	return status != 0 ? status : written;
}

int
main(int argc, char **argv)
{
	struct settings settings;
	int status = settings_parse(&settings, argc, argv);

	if (status == -ECANCELED)
		return EXIT_SUCCESS;
	if (status != 0)
		return BENCH_EXIT_USAGE;
	if (!filter_fits(&settings)) {
		settings_fini(&settings);
		return BENCH_EXIT_USAGE;
	}
	if (settings.list)
		list_print(&settings);
	else
		status = bench(&settings);
	settings_fini(&settings);
	return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
