/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRACING_PVT_H
#define TRACING_PVT_H

/*
 * Tracing: the span that is open on an lcore, and those that are over.
 *
 *     tracing.c ──▶ open ──▶ ring of the lcore ──▶ tracing_drain.c ──▶ otlp_jansson.c ──▶ text
 *     lcore                  rte_ring, one to one   any thread, one at a time
 */

#include <pthread.h>

#include <rte_ring.h>

#include "hm_tracing.h"
#include "observe_pvt.h"
#include "trace_context_pvt.h"

/* Spans of a document. */
#define HMI_SPANS_BURST 256u

/* Constant once it is in the ring; 256 bytes. */
struct hmi_span {
	struct hmi_trace own;
	uint64_t parent; /* 0: none */
	uint64_t began_ns, ended_ns;
	struct hm_pid actor, sender;
	uint16_t type;
	uint16_t lcore_index;
	bool has_failed;
	char path[80];   /* the end of it, if it is longer; "": none */
	char reason[83]; /* of the failure, or its beginning */
};

_Static_assert(sizeof(struct hmi_span) == 256, "as hm_tracing.h says; and rings copy words");

/* What is received, and has its span. */
struct hmi_open_span {
	bool is_open;
	struct hmi_trace own; /* none: what is not sampled, and would not be elsewhere */
	uint64_t parent, began_ns;
	struct hm_pid sender;
	uint16_t type;
	char state[HMI_TRACESTATE_MAX + 1]; /* tracestate; "": none */
};

/* Of an lcore. */
struct hmi_tracer {
	struct hmi_observer observer; /* first */
	uint64_t threshold;           /* of half the low half of traces that are sampled */
	uint64_t random;
	struct rte_ring *ring;
	struct hm_tracing_stats stats; /* written by the lcore, but for lost; read by any thread */
	/* The message whose context was counted as malformed last, and which of the lcore's messages it was. */
	struct {
		const struct hm_msg *msg;
		uint64_t at;
	} malformed;
	struct hmi_open_span open;
};

struct hmi_tracing {
	struct hmi_observers observers; /* of struct hmi_tracer */
	struct hm_tracing_options options;
	uint64_t epoch_ns;
	pthread_mutex_t draining;
	uint64_t lost; /* spans, under the mutex; read by any thread */
	struct hmi_span *burst;
};

extern const struct hmi_observer_ops hmi_tracing_ops;

/* NULL: hm_tracing_start was not called. */
struct hmi_tracing *hmi_tracing_of(const struct hm_system *sys);

/* What spans share. */
struct hmi_span_origin {
	const struct hm_system *sys;
	const char *service;
	uint64_t epoch_ns;
};

/*
 * Spans as a document of OTLP, which the caller frees. Returns 0; -ENOMEM; -ENOTSUP: built without a writer of JSON.
 */
int hmi_otlp_write(const struct hmi_span_origin *origin, const struct hmi_span *spans, uint32_t count,
		   char **json);

/* Drain the buffers. Returns as hm_tracing_drain. */
int hmi_tracing_drain(struct hmi_tracing *tracing, hm_tracing_write_fn *write, void *arg);

#endif /* TRACING_PVT_H */
