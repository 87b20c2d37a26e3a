/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tracing: buffers that are full, actors that fail, set-up, and what is written of spans.
 */
#include <errno.h>
#include <inttypes.h>

#include "hm_move.h"
#include "hm_type.h"
#include "hm_version.h"
#include "hmt_fault.h"
#include "test_engine_tracing.h"

TestSuite(engine_tracing_spans, .init = hmt_eal_start);

static const struct hm_tracing_options usual = { 0 };
static struct hmi_span spans[64];

static void
numbers_receive(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		hmt_number(&node, a.pid, i);
	hmt_turn_until_idle(&node);
}

/* ---- Actors -------------------------------------------------------------------------------- */

static void
fail_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_fail(ctx,
			"the number \xff is \"wrong\", and this reason is longer than what a span keeps of it, which is not much");
}

Test(engine_tracing_spans, fail__the_span_ends_with_the_reason)
{
	uint32_t count;

	tracing_start(&usual);
	a.on_msg = fail_number;
	numbers_receive(1);
	count = spans_take(0, spans, 64);
	cr_assert_eq(spans[0].type, HMT_NUMBER);
	cr_assert(spans[0].has_failed);
	cr_assert_eq(strncmp(spans[0].reason, "the number", 10), 0);
	cr_assert_eq(strlen(spans[0].reason), sizeof(spans[0].reason) - 1);
	/* What comes next is no part of it. */
	for (uint32_t i = 1; i < count; i++) {
		cr_assert_not(spans[i].has_failed);
		cr_assert_eq(spans[i].parent, 0);
	}
	cr_assert_not(span_of(spans, count, HM_STARTED).has_failed);
	hmt_node_end(&node);
}

static void
fault(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hmt_fault_raise(HMT_FAULT_NULL);
}

Test(engine_tracing_spans, fail__by_a_signal_ends_the_span_too)
{
	tracing_start(&usual);
	a.on_msg = fault;
	numbers_receive(1);
	cr_assert_gt(spans_take(0, spans, 64), 0);
	cr_assert(spans[0].has_failed);
	cr_assert_eq(strncmp(spans[0].reason, "SIGSEGV", 7), 0, "%s", spans[0].reason);
	hmt_node_end(&node);
}

Test(engine_tracing_spans, fail__without_a_span_leaves_none)
{
	tracing_start(&usual);
	plain.on_msg = fail_number;
	hmt_number(&node, plain.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(spans_take(0, spans, 64), 0);
	hmt_node_end(&node);
}

Test(engine_tracing_spans, move__goes_on_with_the_buffer_of_the_other_lcore)
{
	tracing_start(&usual);
	cr_assert_eq(hm_system_move(node.sys, a.pid, 1), 0);
	hmt_turn_until_idle(&node);
	(void)spans_take(1, spans, 64);
	numbers_receive(1);
	cr_assert_eq(spans_take(1, spans, 64), 1);
	cr_assert_eq(spans[0].lcore_index, 1);
	cr_assert(hm_pid_equal(spans[0].actor, a.pid));
	cr_assert_eq(spans_take(0, spans, 64), 0);
	hmt_node_end(&node);
}

/* Proto.Actor keeps spans in maps of the process. */
Test(engine_tracing_spans, systems__of_one_process_keep_their_spans_apart)
{
	static struct hmt_node first;
	static struct hmt_probe first_a;

	tracing_start(&usual);
	first = node;
	first_a = a;
	a.on_msg = NULL;
	tracing_start(&usual);
	numbers_receive(2);
	cr_assert_eq(spans_take(0, spans, 64), 2);
	hmt_number(&first, first_a.pid, 1);
	hmt_turn_until_idle(&first);
	cr_assert_eq(spans_take(0, spans, 64), 0);
	hmt_node_end(&node);
	node = first;
	cr_assert_eq(spans_take(0, spans, 64), 1);
	hmt_node_end(&node);
}

/* ---- Bounds -------------------------------------------------------------------------------- */

Test(engine_tracing_spans, buffer__that_is_full_drops_and_counts)
{
	const struct hm_tracing_options few = { .spans = 8 };

	tracing_start(&few);
	cr_assert_eq(tracing_stats().dropped, 0);
	numbers_receive(20);
	cr_assert_eq(tracing_stats().dropped, 12);
	cr_assert_eq(hmt_seen_count(&a, HMT_NUMBER), 20);
	/* The oldest are kept, and there is room again. */
	cr_assert_eq(spans_take(0, spans, 64), 8);
	numbers_receive(1);
	cr_assert_eq(spans_take(0, spans, 64), 1);
	cr_assert_eq(tracing_stats().dropped, 12);
	hmt_node_end(&node);
}

static void
forward_big(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_TYPE_NEXT)
		cr_assert_eq(hm_forward(ctx, plain.pid), HM_OK);
}

static void
send_full(struct hm_ctx *ctx, void *arg)
{
	const uint64_t body[3] = { 1, 2, 3 };

	(void)arg;
	cr_assert_eq(hm_send(ctx, a.pid, HMT_TYPE_NEXT, body), HM_OK);
}

Test(engine_tracing_spans, forward__of_what_has_no_room_is_counted)
{
	static const struct hm_type full = { .id = HMT_TYPE_NEXT, .name = "full", .size = 24 };
	struct hmt_probe *probe = &a;

	a = plain = (struct hmt_probe){ .on_msg = NULL };
	hmt_node_start(&node, 1);
	cr_assert_eq(hm_type_register(node.sys, &full), 0);
	cr_assert_eq(hm_tracing_start(node.sys, NULL), 0);
	traced_props = *hmt_probe_props(0);
	traced_props.middleware = traced_stages;
	a.on_msg = forward_big;
	cr_assert_eq(hm_system_spawn(node.sys, &traced_props, "a", &probe, &a.pid), 0);
	hmt_probe_spawn(&node, &plain, 0, NULL);
	hmt_do(&node, plain.pid, send_full, NULL);
	cr_assert_eq(hmt_seen_last(&plain, HMT_TYPE_NEXT)->words[2], 3);
	cr_assert_eq(tracing_stats().unmarked, 1);
	hmt_node_end(&node);
}

/* ---- Current ------------------------------------------------------------------------------- */

static char current[HM_TRACEPARENT_SIZE];
static bool has_current;

static void
current_note(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_EMPTY || hm_msg_type(msg) == HMT_NUMBER)
		has_current = hm_tracing_current(ctx, current);
}

Test(engine_tracing_spans, current__is_the_span_that_is_open)
{
	char text[HM_TRACEPARENT_SIZE];

	tracing_start(&usual);
	a.on_msg = plain.on_msg = current_note;
	receive_marked(PARENT, NULL);
	cr_assert(has_current);
	cr_assert_eq(spans_take(0, spans, 64), 1);
	hmi_traceparent_format(&spans[0].own, text);
	cr_assert_str_eq(current, text);
	hmt_number(&node, plain.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_not(has_current);
	hmt_node_end(&node);
}

/* ---- Set-up -------------------------------------------------------------------------------- */

Test(engine_tracing_spans, start__without_it_stages_only_go_on)
{
	tracing_start(NULL);
	has_current = true;
	a.on_msg = current_note;
	receive_marked(PARENT, NULL);
	cr_assert_not(has_current);
	cr_assert_eq(hmt_seen_count(&a, HMT_EMPTY), 1);
	cr_assert_eq(tracing_stats().spans, 0);
	cr_assert_eq(hm_tracing_write(node.sys, stderr), -ENOENT);
	hmt_node_end(&node);
}

Test(engine_tracing_spans, start__is_refused_twice_late_and_with_numbers_out_of_range)
{
	const struct hm_tracing_options wrong[] = {
		{ .sampled_ppm = 1000001 },
		{ .sampled_ppm = UINT32_MAX - 1 },
		{ .spans = 3 },
		{ .spans = HM_TRACING_SPANS_MAX * 2 },
	};

	hmt_node_start(&node, 1);
	cr_assert_eq(hm_tracing_start(NULL, NULL), -EINVAL);
	for (size_t i = 0; i < RTE_DIM(wrong); i++)
		cr_assert_eq(hm_tracing_start(node.sys, &wrong[i]), -EINVAL);
	cr_assert_eq(hm_tracing_start(node.sys, NULL), 0);
	cr_assert_eq(hm_tracing_start(node.sys, NULL), -EEXIST);
	hmt_node_end(&node);
	hmt_node_start(&node, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_tracing_start(node.sys, NULL), -EBUSY);
	hmt_node_end(&node);
}

/* ---- Draining ------------------------------------------------------------------------------ */

/* What was written. */
static char documents[65536];
static uint32_t documents_count;
static int write_rc;

static int
document_keep(void *arg, const char *json, size_t bytes)
{
	(void)arg;
	cr_assert_eq(strlen(json), bytes);
	snprintf(documents, sizeof(documents), "%s", json);
	documents_count++;
	return write_rc;
}

/* The library may have been built without jansson. */
static bool
can_write(void)
{
	documents_count = 0;
	write_rc = 0;
	return hm_tracing_drain(node.sys, document_keep, NULL) != -ENOTSUP;
}

static const struct hm_tracing_options dated = { .epoch_ns = 1700000000000000000, .service = "shop" };

static struct hm_pid document_actor;
static uint64_t document_began;

/* As the one document of one span of `a`, which was sent by `plain`, has to be, with `end` behind the attributes. */
static void
document_check(const struct hmi_trace *own, const char *end)
{
	char expected[2048], pids[2][HM_PID_TEXT_SIZE];

	snprintf(expected, sizeof(expected),
		 "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
		 "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}},"
		 "{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"%016" PRIx64 "\"}}]},"
		 "\"scopeSpans\":[{\"scope\":{\"name\":\"hermod\",\"version\":\"%s\"},\"spans\":[{"
		 "\"traceId\":\"" TRACE "\",\"spanId\":\"%016" PRIx64 "\",\"parentSpanId\":\"" SPAN "\","
		 "\"name\":\"receive empty\",\"kind\":5,"
		 "\"startTimeUnixNano\":\"%" PRIu64 "\",\"endTimeUnixNano\":\"%" PRIu64 "\",\"attributes\":["
		 "{\"key\":\"messaging.system\",\"value\":{\"stringValue\":\"hermod\"}},"
		 "{\"key\":\"hermod.message.type\",\"value\":{\"stringValue\":\"empty\"}},"
		 "{\"key\":\"hermod.actor.pid\",\"value\":{\"stringValue\":\"%s\"}},"
		 "{\"key\":\"hermod.actor.path\",\"value\":{\"stringValue\":\"/user/a\"}},"
		 "{\"key\":\"hermod.sender.pid\",\"value\":{\"stringValue\":\"%s\"}},"
		 "{\"key\":\"hermod.lcore\",\"value\":{\"intValue\":\"0\"}}]%s}]}]}]}",
		 hm_system_node(node.sys), hm_version(), own->span, dated.epoch_ns + document_began,
		 dated.epoch_ns + node.now_ns, hm_pid_format(document_actor, pids[0]),
		 hm_pid_format(plain.pid, pids[1]), end);
	cr_assert_str_eq(documents, expected);
}

static void
note_own(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) != HMT_EMPTY)
		return;
	has_current = hm_tracing_current(ctx, current);
	node.now_ns += 70;
	if (write_rc != 0)
		hm_fail(ctx, "\xff\"wrong\"");
}

static void
document_make(void)
{
	document_actor = a.pid;
	document_began = node.now_ns;
	a.on_msg = note_own;
	receive_marked(PARENT, NULL);
}

Test(engine_tracing_spans, drain__writes_spans_as_otlp)
{
	struct hmi_trace own;

	tracing_start(&dated);
	if (can_write()) {
		document_make();
		cr_assert_eq(hm_tracing_drain(node.sys, document_keep, NULL), 0);
		cr_assert_eq(documents_count, 1);
		cr_assert(hmi_traceparent_parse(current, &own));
		document_check(&own, "");
		/* They are out. */
		cr_assert_eq(hm_tracing_drain(node.sys, document_keep, NULL), 0);
		cr_assert_eq(documents_count, 1);
	}
	hmt_node_end(&node);
}

Test(engine_tracing_spans, drain__of_a_failure_has_a_status_though_it_be_no_text)
{
	tracing_start(&dated);
	if (can_write()) {
		write_rc = 1;
		document_make();
		write_rc = 0;
		cr_assert_eq(hm_tracing_drain(node.sys, document_keep, NULL), 0);
		cr_assert_not_null(strstr(documents,
					  "\"status\":{\"code\":2,\"message\":\"?\\\"wrong\\\"\"}"),
				   "%s", documents);
	}
	hmt_node_end(&node);
}

Test(engine_tracing_spans, drain__writes_many_spans_in_documents)
{
	tracing_start(&usual);
	if (can_write()) {
		for (int i = 0; i < 10; i++)
			numbers_receive(60);
		cr_assert_eq(tracing_stats().dropped, 0);
		cr_assert_eq(hm_tracing_drain(node.sys, document_keep, NULL), 0);
		cr_assert_eq(documents_count, 3);
		cr_assert_eq(tracing_stats().lost, 0);
	}
	hmt_node_end(&node);
}

Test(engine_tracing_spans, drain__that_fails_counts_what_is_lost)
{
	tracing_start(&usual);
	if (can_write()) {
		for (int i = 0; i < 5; i++)
			numbers_receive(60);
		write_rc = -ENOSPC;
		cr_assert_eq(hm_tracing_drain(node.sys, document_keep, NULL), -ENOSPC);
		cr_assert_eq(tracing_stats().lost, 256);
		write_rc = 0;
		cr_assert_eq(hm_tracing_drain(node.sys, document_keep, NULL), 0);
		cr_assert_eq(documents_count, 2);
		cr_assert_eq(tracing_stats().lost, 256);
	}
	cr_assert_eq(hm_tracing_drain(NULL, document_keep, NULL), -EINVAL);
	cr_assert_eq(hm_tracing_drain(node.sys, NULL, NULL), -EINVAL);
	cr_assert_eq(hm_tracing_write(node.sys, NULL), -EINVAL);
	hmt_node_end(&node);
}

Test(engine_tracing_spans, write__is_a_line_for_each_document)
{
	char *text = NULL;
	size_t bytes = 0, lines = 0;
	FILE *out = open_memstream(&text, &bytes), *full = fopen("/dev/full", "w");

	cr_assert(out != NULL && full != NULL);
	tracing_start(&usual);
	if (can_write()) {
		for (int i = 0; i < 5; i++)
			numbers_receive(60);
		cr_assert_eq(hm_tracing_write(node.sys, out), 0);
		for (size_t i = 0; i < bytes; i++)
			lines += text[i] == '\n';
		cr_assert_eq(lines, 2);
		cr_assert_eq(text[bytes - 1], '\n');
		numbers_receive(1);
		cr_assert_eq(hm_tracing_write(node.sys, full), -EIO);
	}
	hmt_node_end(&node);
	fclose(out);
	fclose(full);
	free(text);
}

Test(engine_tracing_spans, destroy__writes_what_is_left)
{
	const struct hm_tracing_options keeping = { .write = document_keep };
	bool can;

	tracing_start(&keeping);
	can = can_write();
	numbers_receive(1);
	hmt_node_end(&node);
	cr_assert_eq(documents_count, can ? 1 : 0);
	cr_assert(!can || strstr(documents, "receive number") != NULL);
}
