/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_TRACING_H
#define HM_TRACING_H

/**
 * @file
 * Tracing: which message has led to which. A span for each message that is received, with W3C trace context in message headers.
 *
 *     static const struct hm_middleware tracing = {
 *             .name = "tracing", .receive = hm_tracing_receive, .send = hm_tracing_send, .inherited = true,
 *     };
 *
 *     hm_tracing_start(sys, &options);        before the system runs
 *     hm_tracing_write(sys, file);            now and then, by any thread: spans as OTLP JSON
 *
 *     message ──▶ span of A ──▶ traceparent of what A sends, requests, asks, forwards ──▶ span of B, whose parent is A's
 *                     └──▶ buffer of the lcore ──▶ hm_tracing_drain
 *
 * A message without a context, or with one that is malformed, begins a trace; HM_STARTED goes on with that in which its actor was
 * spawned. Other messages of the engine but HM_RECEIVE_TIMEOUT begin none. Which traces are sampled is decided where they begin, and goes along; only they have spans.
 *
 * What carries a context: what passes the stages of send (hm_middleware.h). A message that has a context already keeps it, unless
 * it is the one that was received. Functions of hm_ask and its like have no span: what they send goes on with the trace of the answer. Not all
 * messages have room: a request without headers that is forwarded may have none, nor has one of the reserve; hm_tracing_stats counts them.
 *
 * A buffer that is full takes no more spans: they are dropped and counted, and nobody waits. Each lcore has its own.
 *
 * Who may call what: the stages are for hm_middleware alone; hm_tracing_drain and hm_tracing_write are for any thread that may block.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "hm_middleware.h"

#ifdef __cplusplus
extern "C" {
#endif

/** hm_tracing_options.sampled_ppm: no trace that begins here is sampled, and none is begun. */
#define HM_TRACING_NONE UINT32_MAX
/** Spans that an lcore keeps, unless hm_tracing_options says otherwise. */
#define HM_TRACING_SPANS 4096u
/** The most that it may say. */
#define HM_TRACING_SPANS_MAX (1u << 20)
/** Characters of a traceparent, the closing zero included. */
#define HM_TRACEPARENT_SIZE 56u

/**
 * Takes spans: one JSON document of OTLP, an ExportTraceServiceRequest, on one line without its end.
 *
 * Context: that of hm_tracing_drain. Ownership: the text is the caller's, until the return.
 *
 * @param arg    as it was passed
 * @param json   zero-terminated
 * @param bytes  without the closing zero
 * @return 0; a negative errno: hm_tracing_drain returns it, and the spans of the document are lost
 */
typedef int hm_tracing_write_fn(void *arg, const char *json, size_t bytes);

/** How a system is traced; zeroed members mean the default. */
struct hm_tracing_options {
	/** Traces of a million that begin here which are sampled; 0: all; HM_TRACING_NONE. */
	uint32_t sampled_ppm;
	/** Spans that each lcore keeps, 256 bytes each: a power of two up to HM_TRACING_SPANS_MAX; 0: HM_TRACING_SPANS. */
	uint32_t spans;
	/** Takes what is left in hm_system_destroy; NULL: that is lost. */
	hm_tracing_write_fn *write;
	void *arg; /**< for write */
	/** Nanoseconds from 1970 to the zero of hm_now_ns; 0: such that times are those of CLOCK_REALTIME by now. */
	uint64_t epoch_ns;
	/** The attribute service.name; must outlive the system. NULL: hm_system_name. */
	const char *service;
};

/** Counters, all since the start. */
struct hm_tracing_stats {
	uint64_t spans;     /**< put into buffers */
	uint64_t dropped;   /**< that found the buffer full */
	uint64_t lost;      /**< drained, and not written */
	uint64_t malformed; /**< received contexts, traceparent or tracestate, that are no such thing */
	uint64_t
		unmarked; /**< messages that have no room for the context, or for which there was no memory */
};

/* ---- Set-up ------------------------------------------------------------------------------------------ */

/**
 * Have the stages of a system trace, from its start on.
 *
 * Context: the thread that created the system, before it runs; allocates. Ownership: the options are copied.
 *
 * @param options  NULL: the default
 * @return 0; -EINVAL: @p sys is NULL, or a number is out of range; -EEXIST: called before; -EBUSY: the system runs, or has run;
 *         -ENOMEM
 */
__attribute__((warn_unused_result))
int hm_tracing_start(struct hm_system *sys, const struct hm_tracing_options *options);

/* ---- For hm_middleware, whose `arg` is not used ---------------------------------------------------- */

/**
 * Open a span around what is received.
 *
 * Context: as hm_middleware.receive; neither blocks nor allocates. Ownership: nothing passes.
 */
void hm_tracing_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
			const struct hm_receive_next *next, void *arg);

/**
 * Give what is sent the context of the span that is open.
 *
 * Context: as hm_middleware.send; neither blocks nor allocates from the heap. Ownership: as there.
 *
 * @return what hm_send_next has returned
 */
enum hm_result hm_tracing_send(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg,
			       const struct hm_send_next *next, void *arg);

/* ---- Spans ------------------------------------------------------------------------------------------- */

/**
 * The context of the running actor's span, for logs, or for what is asked of other programs.
 *
 * Context: turn.
 *
 * @param[out] traceparent  HM_TRACEPARENT_SIZE characters; untouched if there is no context; not NULL
 * @return true: there is one
 */
bool hm_tracing_current(struct hm_ctx *ctx, char *traceparent);

/**
 * Take the spans that are in the buffers by now, and have them written.
 *
 * Context: any thread but an lcore; waits for other such calls; allocates; takes some microseconds a span. Ownership: nothing passes.
 *
 * @param write  called for each document, of up to 256 spans; not for none; not NULL
 * @param arg    for write
 * @return 0; -EINVAL: @p sys or @p write is NULL; -ENOENT: hm_tracing_start was not called; -ENOTSUP: the library was built without
 *         jansson; -ENOMEM: some spans are lost; else what @p write has returned
 */
__attribute__((warn_unused_result))
int hm_tracing_drain(struct hm_system *sys, hm_tracing_write_fn *write, void *arg);

/**
 * As hm_tracing_drain, to a stream: a document a line, as OpenTelemetry's file exporter writes them.
 *
 * Context: as hm_tracing_drain; may block as the stream does. Ownership: the stream stays the caller's, and open.
 *
 * @param out  not NULL
 * @return as hm_tracing_drain; -EIO: the stream takes no more
 */
__attribute__((warn_unused_result))
int hm_tracing_write(struct hm_system *sys, FILE *out);

/**
 * Counters.
 *
 * Context: any thread; does not block.
 *
 * @param sys         must not be NULL
 * @param[out] stats  zeros without hm_tracing_start; not NULL
 */
void hm_tracing_stats(const struct hm_system *sys, struct hm_tracing_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* HM_TRACING_H */
