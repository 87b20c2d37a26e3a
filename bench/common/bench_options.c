/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_options.h"

#include <errno.h>
#include <string.h>

#include "bench_stats.h"

void
bench_options_init(struct bench_options *options)
{
	*options = (struct bench_options){ .duration_s = 3, .repeats = 9 };
}

static int
duration_set(void *target, const char *value)
{
	return bench_parse_double(value, 0.01, 3600, target);
}

static int
number_set(uint32_t *target, const char *value, uint32_t low, uint32_t high)
{
	uint64_t number;

	if (bench_parse_uint(value, low, high, &number) != 0)
		return -EINVAL;
	*target = (uint32_t)number;
	return 0;
}

static int
repeats_set(void *target, const char *value)
{
	return number_set(target, value, 1, BENCH_SLICES_MAX);
}

static int
payload_set(void *target, const char *value)
{
	return number_set(target, value, 1, BENCH_PAYLOAD_MAX);
}

static int
in_flight_set(void *target, const char *value)
{
	return number_set(target, value, 1, 1000000);
}

void
bench_options_table(struct bench_options *options, struct bench_option *table)
{
	const struct bench_option shared[BENCH_OPTIONS_SHARED + 1] = {
		{ "duration", "S", "seconds to measure a row for, 0.01 to 3600 (3)", duration_set,
		  &options->duration_s },
		{ "repeats", "N", "slices of limit and of value in turn, 1 to 256 (9)", repeats_set,
		  &options->repeats },
		{ "payload", "BYTES", "payload of a message, 1 to 65000, where a row has one", payload_set,
		  &options->payload },
		{ "in-flight", "N", "messages in flight, 1 to 1000000, where a row has a choice",
		  in_flight_set, &options->in_flight },
		{ "json", "FILE", "write rows as JSON", bench_set_text, &options->json_path },
		{ NULL, NULL, NULL, NULL, NULL },
	};

	memcpy(table, shared, sizeof(shared));
}

double
bench_options_slice_s(const struct bench_options *options)
{
	return options->duration_s / options->repeats / 2;
}
