/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_TRACING_H
#define TEST_ENGINE_TRACING_H

/*
 * A traced actor beside one that is not, and the spans that they leave.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "hm_header.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "tracing_pvt.h"

#define TRACE  "0af7651916cd43dd8448eb211c80319c"
#define SPAN   "b7ad6b7169203331"
#define PARENT "00-" TRACE "-" SPAN "-01"
/* The same, which is not sampled. */
#define MUTE "00-" TRACE "-" SPAN "-00"

static const struct hm_middleware traced = {
	.name = "tracing", .receive = hm_tracing_receive, .send = hm_tracing_send, .inherited = true
};
static const struct hm_middleware *const traced_stages[] = { &traced, NULL };

static struct hmt_node node;
/* Traced, on lcore 0: a, b; not traced: plain, on lcore 0, which writes down the context of what it gets. */
static struct hmt_probe a, b, plain;
static struct hm_props traced_props;
static char seen_parent[64], seen_state[HMI_TRACESTATE_MAX + 1];

static void
context_note(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const char *parent = hm_msg_header(msg, "traceparent"), *state = hm_msg_header(msg, "tracestate");

	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) < HM_TYPE_USER)
		return;
	snprintf(seen_parent, sizeof(seen_parent), "%s", parent != NULL ? parent : "");
	snprintf(seen_state, sizeof(seen_state), "%s", state != NULL ? state : "none");
}

/* Take the spans of an lcore, the oldest first. Returns how many. */
static uint32_t
spans_take(uint32_t lcore, struct hmi_span *spans, uint32_t max)
{
	const struct hmi_tracing *tracing = hmi_tracing_of(node.sys);
	const struct hmi_tracer *tracer = hmi_observers_of(&tracing->observers, lcore);

	return rte_ring_sc_dequeue_burst_elem(tracer->ring, spans, sizeof(*spans), max, NULL);
}

/* The span of a type that was taken last; the test fails if there is none. */
static struct hmi_span
span_of(const struct hmi_span *spans, uint32_t count, uint16_t type)
{
	while (count-- > 0) {
		if (spans[count].type == type)
			return spans[count];
	}
	cr_assert_fail("no span of type %u", type);
	return spans[0];
}

static void
spawn_traced(struct hmt_probe *probe, const char *name)
{
	cr_assert_eq(hm_system_spawn(node.sys, &traced_props, name, &probe, &probe->pid), 0);
}

static inline void
tracing_start(const struct hm_tracing_options *options)
{
	static struct hmi_span spans[64];

	a = b = (struct hmt_probe){ 0 };
	plain = (struct hmt_probe){ .on_msg = context_note };
	seen_parent[0] = seen_state[0] = '\0';
	hmt_node_start(&node, 2);
	if (options != NULL)
		cr_assert_eq(hm_tracing_start(node.sys, options), 0);
	traced_props = *hmt_probe_props(0);
	traced_props.middleware = traced_stages;
	spawn_traced(&a, "a");
	spawn_traced(&b, "b");
	hmt_probe_spawn(&node, &plain, 0, "plain");
	hmt_turn_until_idle(&node);
	if (options != NULL)
		while (spans_take(0, spans, 64) > 0)
			;
}

/* What the actors that are not traced send with a context. */
struct marked {
	struct hm_pid to;
	const char *parent, *state; /* NULL: none */
	uint16_t type;
};

static inline void
marked_send(struct hm_ctx *ctx, void *arg)
{
	const struct marked *m = arg;
	struct hm_msg *msg = hm_msg_new(ctx, m->type, 0);

	if (m->parent != NULL)
		cr_assert_eq(hm_msg_header_set(ctx, msg, "traceparent", m->parent), HM_OK);
	if (m->state != NULL)
		cr_assert_eq(hm_msg_header_set(ctx, msg, "tracestate", m->state), HM_OK);
	cr_assert_eq(hm_msg_request(ctx, m->to, msg), HM_OK);
}

/* Have `a` receive an empty message with this context. */
static inline void
receive_marked(const char *parent, const char *state)
{
	struct marked m = { a.pid, parent, state, HMT_EMPTY };

	hmt_do(&node, plain.pid, marked_send, &m);
}

static inline struct hm_tracing_stats
tracing_stats(void)
{
	struct hm_tracing_stats stats;

	hm_tracing_stats(node.sys, &stats);
	return stats;
}

#endif /* TEST_ENGINE_TRACING_H */
