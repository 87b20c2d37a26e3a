/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVER_PVT_H
#define OBSERVER_PVT_H

/*
 * What observes the actors of an lcore: by stages of middleware, each of which is left where an actor fails, and by the hook
 * that is called then.
 *
 *     hm_ctx.observers ─▶ logging ─▶ tracing ─▶ ...        set before the system runs
 *
 * An observer is found by its table, so that the lower folders know none of them by name. Owned by one lcore.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hm_ctx;
struct hm_failure;
struct hmi_observer;

struct hmi_observer_ops {
	/* The running actor has failed, at the message ctx->msg if that is not NULL. NULL: of no interest. */
	void (*failed)(struct hm_ctx *ctx, struct hmi_observer *observer, const struct hm_failure *failure);
};

struct hmi_observer {
	const struct hmi_observer_ops *ops;
	struct hmi_observer *next;
};

/* A span, as what it leads to knows it. */
struct hmi_trace {
	uint64_t trace[2]; /* high and low half; both 0: there is none */
	uint64_t span;
	bool is_sampled;
};

static inline bool
hmi_trace_is_none(const struct hmi_trace *trace)
{
	return (trace->trace[0] | trace->trace[1]) == 0;
}

/* The one of a list that has this table; NULL: there is none. */
static inline struct hmi_observer *
hmi_observer_find(struct hmi_observer *observer, const struct hmi_observer_ops *ops)
{
	while (observer != NULL && observer->ops != ops)
		observer = observer->next;
	return observer;
}

#endif /* OBSERVER_PVT_H */
