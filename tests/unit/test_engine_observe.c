/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What threads read of logs, traces and metrics while lcores run; and all of them around one actor.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <criterion/criterion.h>

#include "hm_logging.h"
#include "hm_metrics.h"
#include "hm_supervisor.h"
#include "hm_system.h"
#include "hm_tracing.h"
#include "hm_type.h"
#include "hmt_eal.h"

TestSuite(engine_observe, .init = hmt_eal_start);

#define MESSAGES 20000u

enum {
	COUNT_DOWN = HM_TYPE_USER
};

static struct hm_metrics_type counters = { .name = "counter" };
static const struct hm_metrics_type *const types[] = { &counters, NULL };
static const struct hm_middleware metrics = { .receive = hm_metrics_receive, .arg = &counters };
static const struct hm_middleware tracing = { .receive = hm_tracing_receive, .send = hm_tracing_send };
static const struct hm_middleware logging = { .receive = hm_logging_receive, .send = hm_logging_send };
static const struct hm_middleware *const stages[] = { &logging, &tracing, &metrics, NULL };

static atomic_bool done;

/* Sends itself the next number, and fails then where that ends with 999. */
static void
count_down(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint32_t left;

	(void)state;
	if (hm_msg_type(msg) != COUNT_DOWN)
		return;
	left = *(const uint32_t *)hm_msg_body(msg);
	if (left == 0) {
		atomic_store(&done, true);
		return;
	}
	left--;
	cr_assert_eq(hm_send(ctx, hm_self(ctx), COUNT_DOWN, &left), HM_OK);
	if (left % 1000 == 999)
		hm_fail(ctx, "on purpose");
}

static uint64_t drained;

static int
spans_count(void *arg, const char *json, size_t bytes)
{
	(void)arg;
	(void)bytes;
	for (; (json = strstr(json, "\"traceId\"")) != NULL; json++)
		drained++;
	return 0;
}

static const struct hm_supervisor patient = { .directive = HM_DIRECTIVE_RESTART,
					      .restarts = HM_RESTARTS_UNLIMITED };

static void
run_begin(struct hm_system **sys)
{
	static const struct hm_type type = { .id = COUNT_DOWN,
					     .name = "count down",
					     .size = sizeof(uint32_t) };
	static const struct hm_props props = { .receive = count_down, .middleware = stages };
	const struct hm_tracing_options options = { .spans = 256 };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .supervisor = &patient };
	struct hm_pid pid;

	cr_assert_eq(hm_system_create(sys, 0, NULL, &config), 0);
	cr_assert_eq(hm_type_register(*sys, &type), 0);
	cr_assert_eq(hm_tracing_start(*sys, &options), 0);
	cr_assert_eq(hm_metrics_start(*sys, types), 0);
	cr_assert_eq(hm_logging_start(*sys, NULL), 0);
	cr_assert_eq(hm_system_start(*sys), 0);
	cr_assert_eq(hm_system_spawn(*sys, &props, NULL, NULL, &pid), 0);
	cr_assert_eq(hm_system_send(*sys, pid, COUNT_DOWN, &(uint32_t){ MESSAGES - 1 }), HM_OK);
}

/* What grows may not shrink from one look to the next. */
static uint64_t
look(struct hm_system *sys, uint64_t before)
{
	struct hm_metrics now;

	cr_assert_eq(hm_metrics_read(sys, &counters, &now), 0);
	cr_assert_geq(now.messages, before);
	cr_assert_geq(now.messages, now.failures);
	return now.messages;
}

Test(engine_observe, read__beside_lcores_that_run)
{
	struct hm_tracing_stats spans;
	struct hm_metrics numbers;
	struct hm_system *sys;
	uint64_t seen = 0;
	int rc = 0;

	run_begin(&sys);
	while (!atomic_load(&done)) {
		seen = look(sys, seen);
		rc = hm_tracing_drain(sys, spans_count, NULL);
		cr_assert(rc == 0 || rc == -ENOTSUP);
		sched_yield();
	}
	hm_system_stop(sys);
	cr_assert_eq(hm_system_join(sys), 0);
	rc = hm_tracing_drain(sys, spans_count, NULL);
	hm_tracing_stats(sys, &spans);
	cr_assert_eq(hm_metrics_read(sys, &counters, &numbers), 0);
	/* The first of its life, once more behind each failure, and its end. */
	cr_assert_eq(numbers.failures, MESSAGES / 1000 - 1);
	cr_assert_eq(numbers.started, 1 + numbers.failures);
	cr_assert_eq(numbers.messages, MESSAGES + numbers.started + numbers.restarts + 2);
	/* Each message has a span, or was counted; what brings HM_STARTED of a new life among them. */
	cr_assert_eq(spans.spans + spans.dropped, MESSAGES + numbers.started);
	cr_assert_eq(spans.unmarked, 0);
	if (rc == 0) {
		cr_assert_eq(spans.lost, 0);
		cr_assert_eq(drained, spans.spans);
	}
	hm_system_destroy(sys);
}
