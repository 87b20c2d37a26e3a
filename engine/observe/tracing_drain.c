/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Set-up of tracing, and what takes the spans out of the buffers.
 */
#include "tracing_pvt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>

#include "counter_pvt.h"

#define MILLION 1000000u

/* ---- Draining ---------------------------------------------------------------------------- */

static int
burst_write(struct hmi_tracing *tracing, uint32_t count, hm_tracing_write_fn *write, void *arg)
{
	const struct hmi_span_origin origin = { tracing->observers.sys, tracing->options.service,
						tracing->epoch_ns };
	char *json;
	int rc = hmi_otlp_write(&origin, tracing->burst, count, &json);

	if (rc == 0) {
		rc = write(arg, json, strlen(json));
		free(json);
	}
	if (rc != 0)
		hmi_count(&tracing->lost, count);
	return rc;
}

/* Those that are there by now: more may come all the time. */
static int
tracer_drain(struct hmi_tracing *tracing, const struct hmi_tracer *tracer, hm_tracing_write_fn *write,
	     void *arg)
{
	uint32_t left = rte_ring_count(tracer->ring);
	int rc = 0;

	while (left > 0 && rc == 0) {
		uint32_t count =
			rte_ring_sc_dequeue_burst_elem(tracer->ring, tracing->burst, sizeof(*tracing->burst),
						       RTE_MIN(left, HMI_SPANS_BURST), NULL);

		rc = burst_write(tracing, count, write, arg);
		left -= count;
	}
	return rc;
}

int
hmi_tracing_drain(struct hmi_tracing *tracing, hm_tracing_write_fn *write, void *arg)
{
	int rc = 0;

	pthread_mutex_lock(&tracing->draining);
	for (uint32_t i = 0; i < tracing->observers.count && rc == 0; i++)
		rc = tracer_drain(tracing, hmi_observers_of(&tracing->observers, i), write, arg);
	pthread_mutex_unlock(&tracing->draining);
	return rc;
}

int
hm_tracing_drain(struct hm_system *sys, hm_tracing_write_fn *write, void *arg)
{
	struct hmi_tracing *tracing;

	if (sys == NULL || write == NULL)
		return -EINVAL;
	tracing = hmi_tracing_of(sys);
	return tracing != NULL ? hmi_tracing_drain(tracing, write, arg) : -ENOENT;
}

static int
line_write(void *arg, const char *json, size_t bytes)
{
	FILE *out = arg;

	return fwrite(json, 1, bytes, out) == bytes && fputc('\n', out) != EOF ? 0 : -EIO;
}

int
hm_tracing_write(struct hm_system *sys, FILE *out)
{
	int rc;

	if (out == NULL)
		return -EINVAL;
	rc = hm_tracing_drain(sys, line_write, out);
	return rc == 0 && fflush(out) != 0 ? -EIO : rc;
}

void
hm_tracing_stats(const struct hm_system *sys, struct hm_tracing_stats *stats)
{
	const struct hmi_tracing *tracing = hmi_tracing_of(sys);

	*stats = (struct hm_tracing_stats){ 0 };
	if (tracing == NULL)
		return;
	stats->lost = hmi_counted(&tracing->lost);
	for (uint32_t i = 0; i < tracing->observers.count; i++) {
		const struct hmi_tracer *tracer = hmi_observers_of(&tracing->observers, i);

		stats->spans += hmi_counted(&tracer->stats.spans);
		stats->dropped += hmi_counted(&tracer->stats.dropped);
		stats->malformed += hmi_counted(&tracer->stats.malformed);
		stats->unmarked += hmi_counted(&tracer->stats.unmarked);
	}
}

/* ---- Set-up ------------------------------------------------------------------------------ */

static void
tracing_free(struct hmi_tracing *tracing)
{
	for (uint32_t i = 0; tracing->observers.each != NULL && i < tracing->observers.count; i++)
		free(((struct hmi_tracer *)hmi_observers_of(&tracing->observers, i))->ring);
	hmi_observers_fini(&tracing->observers);
	pthread_mutex_destroy(&tracing->draining);
	free(tracing->burst);
	free(tracing);
}

static void
tracing_destroy(void *value)
{
	struct hmi_tracing *tracing = value;

	/* Nobody is left to be told of an error. */
	if (tracing->options.write != NULL)
		(void)hmi_tracing_drain(tracing, tracing->options.write, tracing->options.arg);
	tracing_free(tracing);
}

static const struct hm_extension extension = { .name = "tracing", .destroy = tracing_destroy };

struct hmi_tracing *
hmi_tracing_of(const struct hm_system *sys)
{
	return hm_system_extension(sys, &extension);
}

static int
ring_make(uint32_t spans, struct rte_ring **ring)
{
	/* The next power of two holds one more than is asked for. */
	uint32_t size = spans * 2;
	size_t bytes = RTE_ALIGN_CEIL((size_t)rte_ring_get_memsize_elem(sizeof(struct hmi_span), size),
				      RTE_CACHE_LINE_SIZE);

	*ring = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);
	if (*ring == NULL)
		return -ENOMEM;
	memset(*ring, 0, bytes);
	return rte_ring_init(*ring, "hermod", spans, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
}

/* Of the half of a low half that is below 2^63. */
static uint64_t
threshold_of(uint32_t ppm)
{
	if (ppm == HM_TRACING_NONE)
		return 0;
	return ppm == 0 || ppm == MILLION ? UINT64_C(1) << 63 : (UINT64_C(1) << 63) / MILLION * ppm;
}

static int
tracers_make(struct hmi_tracing *tracing, struct hm_system *sys)
{
	const struct hm_tracing_options *options = &tracing->options;
	int rc = hmi_observers_init(&tracing->observers, sys, sizeof(struct hmi_tracer));

	for (uint32_t i = 0; rc == 0 && i < tracing->observers.count; i++) {
		struct hmi_tracer *tracer = hmi_observers_of(&tracing->observers, i);

		tracer->threshold = threshold_of(options->sampled_ppm);
		tracer->random = hm_system_random(sys);
		rc = ring_make(options->spans != 0 ? options->spans : HM_TRACING_SPANS, &tracer->ring);
	}
	return rc;
}

static uint64_t
epoch_find(struct hm_system *sys, const struct hm_tracing_options *options)
{
	struct timespec now;

	if (options->epoch_ns != 0)
		return options->epoch_ns;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec -
	       hmi_worker_clock(&sys->lcores[0]->worker);
}

static int
tracing_make(struct hm_system *sys, const struct hm_tracing_options *options, struct hmi_tracing **out)
{
	struct hmi_tracing *tracing = calloc(1, sizeof(*tracing));
	int rc;

	if (tracing == NULL)
		return -ENOMEM;
	tracing->options = *options;
	pthread_mutex_init(&tracing->draining, NULL);
	tracing->burst = calloc(HMI_SPANS_BURST, sizeof(*tracing->burst));
	rc = tracing->burst != NULL ? tracers_make(tracing, sys) : -ENOMEM;
	if (rc != 0) {
		tracing_free(tracing);
		return rc;
	}
	tracing->epoch_ns = epoch_find(sys, options);
	*out = tracing;
	return 0;
}

static bool
options_are_valid(const struct hm_tracing_options *options)
{
	return (options->sampled_ppm <= MILLION || options->sampled_ppm == HM_TRACING_NONE) &&
	       options->spans <= HM_TRACING_SPANS_MAX && (options->spans & (options->spans - 1)) == 0;
}

int
hm_tracing_start(struct hm_system *sys, const struct hm_tracing_options *options)
{
	static const struct hm_tracing_options usual = { 0 };
	struct hmi_tracing *tracing;
	int rc;

	if (options == NULL)
		options = &usual;
	if (sys == NULL || !options_are_valid(options))
		return -EINVAL;
	if (atomic_load_explicit(&sys->state, memory_order_relaxed) != HMI_CREATED)
		return -EBUSY;
	rc = tracing_make(sys, options, &tracing);
	if (rc != 0)
		return rc;
	rc = hm_system_extension_set(sys, &extension, tracing);
	if (rc != 0)
		tracing_free(tracing);
	else
		hmi_observers_attach(&tracing->observers, &hmi_tracing_ops);
	return rc;
}
