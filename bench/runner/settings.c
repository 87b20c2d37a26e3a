/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define QUICK_DURATION_S 0.6
#define QUICK_REPEATS    3
#define OWN_OPTIONS      5

static const char about[] = "Runs the hermod benchmarks: each row beside the same work without hermod, "
			    "measured in the same run.";

static int
filter_set(void *target, const char *value)
{
	struct settings *settings = target;

	if (settings->filter != NULL)
		regfree(&settings->filter_regex);
	settings->filter = NULL;
	if (regcomp(&settings->filter_regex, value, REG_EXTENDED | REG_NOSUB) != 0)
		return -EINVAL;
	settings->filter = value;
	return 0;
}

/* replaces only defaults, and at once, so that --duration and --repeats win before and after --quick */
static int
quick_set(void *target, const char *value)
{
	struct settings *settings = target;
	struct bench_options defaults;

	(void)value;
	bench_options_init(&defaults);
	settings->quick = true;
	if (settings->shared.duration_s == defaults.duration_s)
		settings->shared.duration_s = QUICK_DURATION_S;
	if (settings->shared.repeats == defaults.repeats)
		settings->shared.repeats = QUICK_REPEATS;
	return 0;
}

int
settings_parse(struct settings *settings, int argc, char **argv)
{
	struct bench_option table[OWN_OPTIONS + BENCH_OPTIONS_SHARED + 1] = {
		{ "eal", "OPTIONS", "further EAL options, quoted as one argument", bench_set_text,
		  &settings->eal },
		{ "quick", NULL, "half of the time: is everything there, and about right?", quick_set,
		  settings },
		{ "filter", "REGEX", "only rows whose name matches", filter_set, settings },
		{ "html", "FILE", "write the report", bench_set_text, &settings->html_path },
		{ "list", NULL, "name the rows and what they measure, run none", bench_set_flag,
		  &settings->list },
	};

	*settings = (struct settings){ .eal = "" };
	bench_options_init(&settings->shared);
	bench_options_table(&settings->shared, &table[OWN_OPTIONS]);
	return bench_cli_parse(argc, argv, about, table);
}

bool
settings_wants(const struct settings *settings, const char *name)
{
	return settings->filter == NULL || regexec(&settings->filter_regex, name, 0, NULL, 0) == 0;
}

void
settings_fini(struct settings *settings)
{
	if (settings->filter != NULL)
		regfree(&settings->filter_regex);
}
