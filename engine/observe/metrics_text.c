/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Set-up of metrics, and what is read of them.
 */
#include "metrics_pvt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "counter_pvt.h"

#define SECOND_NS UINT64_C(1000000000)

/* ---- Reading ----------------------------------------------------------------------------- */

_Static_assert(sizeof(struct hm_metrics) % sizeof(uint64_t) == 0, "counters, and nothing else");

void
hmi_metrics_sum(const struct hmi_metrics *metrics, uint32_t row, struct hm_metrics *sum)
{
	uint64_t *words = (uint64_t *)(void *)sum;

	*sum = (struct hm_metrics){ 0 };
	for (uint32_t i = 0; i < metrics->observers.count; i++) {
		const struct hmi_meter *meter = hmi_observers_of(&metrics->observers, i);
		const uint64_t *more = (const uint64_t *)(const void *)&meter->rows[row];

		for (size_t w = 0; w < sizeof(*sum) / sizeof(*words); w++)
			words[w] += hmi_counted(&more[w]);
	}
}

int
hm_metrics_read(const struct hm_system *sys, const struct hm_metrics_type *type, struct hm_metrics *out)
{
	const struct hmi_meter_slot *slot;
	const struct hmi_metrics *metrics;

	if (sys == NULL || type == NULL || out == NULL)
		return -EINVAL;
	metrics = hmi_metrics_of(sys);
	slot = metrics != NULL ? hmi_meter_slot(metrics, type) : NULL;
	if (slot == NULL || slot->type == NULL)
		return -ENOENT;
	hmi_metrics_sum(metrics, slot->row, out);
	return 0;
}

/* ---- Text -------------------------------------------------------------------------------- */

/* A type, read once, so that its lines agree. */
struct row {
	const char *name;
	struct hm_metrics numbers;
};

/* A value of a label. */
static void
name_write(FILE *out, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == '\n')
			fputs("\\n", out);
		else if (*name == '"' || *name == '\\')
			fprintf(out, "\\%c", *name);
		else
			fputc(*name, out);
	}
}

static void
sample_begin(FILE *out, const char *metric, const char *suffix, const char *name)
{
	fprintf(out, "%s%s{type=\"", metric, suffix);
	name_write(out, name);
	fputc('"', out);
}

struct counter {
	const char *name, *help;
	size_t offset;
};

static const struct counter counters[] = {
	{ "hermod_actor_messages_total", "Messages handed to actors.",
	  offsetof(struct hm_metrics, messages) },
	{ "hermod_actor_failures_total", "Failures of actors.", offsetof(struct hm_metrics, failures) },
	{ "hermod_actor_started_total", "Actors that have started, restarts included.",
	  offsetof(struct hm_metrics, started) },
	{ "hermod_actor_restarts_total", "Restarts of actors.", offsetof(struct hm_metrics, restarts) },
	{ "hermod_actor_stopped_total", "Actors that have stopped.", offsetof(struct hm_metrics, stopped) },
};

static void
counter_write(FILE *out, const struct counter *counter, const struct row *rows, uint32_t count)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s counter\n", counter->name, counter->help, counter->name);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&rows[i].numbers + counter->offset, sizeof(value));
		sample_begin(out, counter->name, "", rows[i].name);
		fprintf(out, "} %" PRIu64 "\n", value);
	}
}

/* A histogram: what is counted in each bucket, its upper bound, and the sum of all. */
struct histogram {
	const char *name, *help;
	const uint64_t *(*buckets)(const struct hm_metrics *numbers);
	uint64_t (*bound)(uint32_t bucket);
	uint64_t (*sum)(const struct hm_metrics *numbers);
	void (*value_write)(FILE *out, uint64_t value); /* of bound and sum */
	uint32_t count;                                 /* of buckets, the last of which has no bound */
};

/* Nanoseconds as seconds: of integers, since printf writes the decimal point of the process's locale. */
static void
seconds_write(FILE *out, uint64_t ns)
{
	uint32_t fraction = (uint32_t)(ns % SECOND_NS);
	int digits = 9;

	fprintf(out, "%" PRIu64, ns / SECOND_NS);
	if (fraction == 0)
		return;
	for (; fraction % 10 == 0; fraction /= 10)
		digits--;
	fprintf(out, ".%0*" PRIu32, digits, fraction);
}

static void
number_write(FILE *out, uint64_t number)
{
	fprintf(out, "%" PRIu64, number);
}

static void
histogram_row(FILE *out, const struct histogram *h, const struct row *row)
{
	const uint64_t *buckets = h->buckets(&row->numbers);
	uint64_t so_far = 0;

	for (uint32_t i = 0; i < h->count; i++) {
		so_far += buckets[i];
		sample_begin(out, h->name, "_bucket", row->name);
		fputs(",le=\"", out);
		if (i + 1 < h->count)
			h->value_write(out, h->bound(i));
		else
			fputs("+Inf", out);
		fprintf(out, "\"} %" PRIu64 "\n", so_far);
	}
	sample_begin(out, h->name, "_sum", row->name);
	fputs("} ", out);
	h->value_write(out, h->sum(&row->numbers));
	fputc('\n', out);
	sample_begin(out, h->name, "_count", row->name);
	fprintf(out, "} %" PRIu64 "\n", so_far);
}

static const uint64_t *
times_of(const struct hm_metrics *numbers)
{
	return numbers->times;
}

static uint64_t
time_bound(uint32_t bucket)
{
	return UINT64_C(256) << bucket;
}

static uint64_t
time_sum(const struct hm_metrics *numbers)
{
	return numbers->time_ns;
}

static const uint64_t *
lengths_of(const struct hm_metrics *numbers)
{
	return numbers->lengths;
}

static uint64_t
length_bound(uint32_t bucket)
{
	return (UINT64_C(1) << bucket) - 1;
}

static uint64_t
length_sum(const struct hm_metrics *numbers)
{
	return numbers->lengths_sum;
}

static const struct histogram histograms[] = {
	{ "hermod_actor_receive_seconds", "Time that messages have taken.", times_of, time_bound, time_sum,
	  seconds_write, HM_METRICS_TIMES },
	{ "hermod_actor_mailbox_messages", "Messages that waited in a mailbox, sampled.", lengths_of,
	  length_bound, length_sum, number_write, HM_METRICS_LENGTHS },
};

static void
rows_write(FILE *out, const struct row *rows, uint32_t count)
{
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		counter_write(out, &counters[i], rows, count);
	for (size_t i = 0; i < sizeof(histograms) / sizeof(histograms[0]); i++) {
		const struct histogram *h = &histograms[i];

		fprintf(out, "# HELP %s %s\n# TYPE %s histogram\n", h->name, h->help, h->name);
		for (uint32_t r = 0; r < count; r++)
			histogram_row(out, h, &rows[r]);
	}
}

int
hm_metrics_write(const struct hm_system *sys, FILE *out)
{
	struct row rows[HM_METRICS_TYPES_MAX];
	const struct hmi_metrics *metrics;

	if (sys == NULL || out == NULL)
		return -EINVAL;
	metrics = hmi_metrics_of(sys);
	if (metrics == NULL)
		return -ENOENT;
	for (uint32_t i = 0; i < metrics->count; i++) {
		rows[i].name = metrics->types[i]->name;
		hmi_metrics_sum(metrics, i, &rows[i].numbers);
	}
	rows_write(out, rows, metrics->count);
	return fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
}

/* ---- Set-up ------------------------------------------------------------------------------ */

static void
metrics_destroy(void *value)
{
	struct hmi_metrics *metrics = value;

	hmi_observers_fini(&metrics->observers);
	free(metrics);
}

static const struct hm_extension extension = { .name = "metrics", .destroy = metrics_destroy };

struct hmi_metrics *
hmi_metrics_of(const struct hm_system *sys)
{
	return hm_system_extension(sys, &extension);
}

static int
types_add(struct hmi_metrics *metrics, const struct hm_metrics_type *const *types)
{
	for (; *types != NULL; types++) {
		struct hmi_meter_slot *slot = hmi_meter_slot(metrics, *types);

		if ((*types)->name == NULL)
			return -EINVAL;
		if (metrics->count == HM_METRICS_TYPES_MAX)
			return -E2BIG;
		for (uint32_t i = 0; i < metrics->count; i++) {
			if (strcmp(metrics->types[i]->name, (*types)->name) == 0)
				return -EINVAL;
		}
		*slot = (struct hmi_meter_slot){ *types, metrics->count };
		metrics->types[metrics->count++] = *types;
	}
	return 0;
}

static int
meters_make(struct hmi_metrics *metrics, struct hm_system *sys)
{
	int rc = hmi_observers_init(&metrics->observers, sys,
				    sizeof(struct hmi_meter) + metrics->count * sizeof(struct hm_metrics));

	for (uint32_t i = 0; rc == 0 && i < metrics->observers.count; i++)
		((struct hmi_meter *)hmi_observers_of(&metrics->observers, i))->metrics = metrics;
	return rc;
}

int
hm_metrics_start(struct hm_system *sys, const struct hm_metrics_type *const *types)
{
	struct hmi_metrics *metrics;
	int rc;

	if (sys == NULL || types == NULL)
		return -EINVAL;
	metrics = calloc(1, sizeof(*metrics));
	if (metrics == NULL)
		return -ENOMEM;
	rc = types_add(metrics, types);
	if (rc == 0)
		rc = meters_make(metrics, sys);
	if (rc == 0)
		rc = hm_system_extension_set(sys, &extension, metrics);
	if (rc != 0)
		metrics_destroy(metrics);
	else
		hmi_observers_attach(&metrics->observers, &hmi_metrics_ops);
	return rc;
}
