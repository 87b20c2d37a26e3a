/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tracing: spans of what is received, and what goes on with them.
 */
#include "hm_keep.h"
#include "test_engine_tracing.h"

TestSuite(engine_tracing, .init = hmt_eal_start);

static const struct hm_tracing_options usual = { 0 };
static struct hmi_span spans[64];

/* ---- Receive ------------------------------------------------------------------------------- */

Test(engine_tracing, receive__begins_a_trace)
{
	uint32_t count;

	tracing_start(&usual);
	hmt_number(&node, a.pid, 1);
	hmt_number(&node, a.pid, 2);
	hmt_turn_until_idle(&node);
	count = spans_take(0, spans, 64);
	cr_assert_eq(count, 2);
	cr_assert_eq(spans[0].parent, 0);
	cr_assert_eq(spans[0].type, HMT_NUMBER);
	cr_assert(hm_pid_equal(spans[0].actor, a.pid));
	cr_assert(hm_pid_is_none(spans[0].sender));
	cr_assert_str_eq(spans[0].path, "/user/a");
	cr_assert_not(hmi_trace_is_none(&spans[0].own));
	cr_assert_neq(spans[0].own.span, 0);
	/* Each message its own; Proto.Actor's Zipkin tracer gives all spans one id. */
	cr_assert_neq(spans[0].own.span, spans[1].own.span);
	cr_assert_neq(spans[0].own.trace[1], spans[1].own.trace[1]);
	hmt_node_end(&node);
}

static void
take_time(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	(void)msg;
	node.now_ns += 5000;
}

Test(engine_tracing, receive__goes_on_with_the_context_of_the_message)
{
	uint64_t began_ns;

	tracing_start(&usual);
	a.on_msg = take_time;
	began_ns = node.now_ns;
	receive_marked(PARENT, NULL);
	cr_assert_eq(spans_take(0, spans, 64), 1);
	cr_assert_eq(spans[0].own.trace[0], 0x0af7651916cd43dd);
	cr_assert_eq(spans[0].own.trace[1], 0x8448eb211c80319c);
	cr_assert_eq(spans[0].parent, 0xb7ad6b7169203331);
	cr_assert_neq(spans[0].own.span, 0xb7ad6b7169203331);
	cr_assert(hm_pid_equal(spans[0].sender, plain.pid));
	cr_assert_eq(spans[0].began_ns, began_ns);
	cr_assert_eq(spans[0].ended_ns, began_ns + 5000);
	hmt_node_end(&node);
}

Test(engine_tracing, receive__a_malformed_context_begins_anew)
{
	tracing_start(&usual);
	receive_marked("00-" TRACE "-" SPAN "-1", "a=1");
	cr_assert_eq(spans_take(0, spans, 64), 1);
	cr_assert_eq(spans[0].parent, 0);
	cr_assert_neq(spans[0].own.trace[0], 0x0af7651916cd43dd);
	cr_assert_eq(tracing_stats().malformed, 1);
	hmt_node_end(&node);
}

Test(engine_tracing, receive__what_is_not_sampled_has_no_span)
{
	tracing_start(&usual);
	receive_marked(MUTE, NULL);
	cr_assert_eq(spans_take(0, spans, 64), 0);
	receive_marked(PARENT, NULL);
	cr_assert_eq(spans_take(0, spans, 64), 1);
	hmt_node_end(&node);
}

/* Proto.Actor's propagator adds its stages anew with each spawn. */
Test(engine_tracing, receive__a_stage_that_is_there_twice_makes_one_span)
{
	static const struct hm_middleware *const twice[] = { &traced, &traced, NULL };
	struct hmt_probe *probe = &b;

	tracing_start(&usual);
	traced_props.middleware = twice;
	b = (struct hmt_probe){ 0 };
	cr_assert_eq(hm_system_spawn(node.sys, &traced_props, "twice", &probe, &b.pid), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(spans_take(0, spans, 64), 1);
	hmt_number(&node, b.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(spans_take(0, spans, 64), 1);
	hmt_node_end(&node);
}

Test(engine_tracing, receive__the_end_of_actors_begins_no_trace)
{
	tracing_start(&usual);
	hmt_stop(&node, a.pid);
	cr_assert_eq(hmt_seen_count(&a, HM_STOPPED), 1);
	cr_assert_eq(spans_take(0, spans, 64), 0);
	hmt_node_end(&node);
}

static void
spawn_nameless(struct hm_ctx *ctx, void *arg)
{
	char name[HM_NAME_MAX + 1];

	(void)arg;
	memset(name, 'n', HM_NAME_MAX);
	name[HM_NAME_MAX] = '\0';
	b = plain = (struct hmt_probe){ 0 };
	cr_assert_eq(hmt_probe_child(ctx, &b, HMT_LCORE_SAME, NULL), 0);
	cr_assert_eq(hmt_probe_child(ctx, &plain, HMT_LCORE_SAME, name), 0);
}

Test(engine_tracing, receive__the_end_of_a_long_path_is_kept)
{
	uint32_t count;

	tracing_start(&usual);
	hmt_do(&node, a.pid, spawn_nameless, NULL);
	hmt_do(&node, plain.pid, spawn_nameless, NULL);
	count = spans_take(0, spans, 64);
	for (uint32_t i = 0; i < count; i++) {
		if (hm_pid_equal(spans[i].actor, plain.pid)) {
			cr_assert_eq(strlen(spans[i].path), sizeof(spans[i].path) - 1);
			cr_assert_eq(strncmp(spans[i].path, "...nnn", 6), 0, "%s", spans[i].path);
		} else if (hm_pid_equal(spans[i].actor, b.pid)) {
			cr_assert_str_eq(spans[i].path, "");
		}
	}
	hmt_node_end(&node);
}

/* ---- What goes on with the span --------------------------------------------------------------- */

static void
send_on(struct hm_ctx *ctx, struct hm_pid to)
{
	cr_assert_eq(hm_send(ctx, to, HMT_NUMBER, &(uint64_t){ 1 }), HM_OK);
}

static void
request_on(struct hm_ctx *ctx, struct hm_pid to)
{
	cr_assert_eq(hm_request(ctx, to, HMT_NUMBER, &(uint64_t){ 1 }), HM_OK);
}

static void
ask_on(struct hm_ctx *ctx, struct hm_pid to)
{
	cr_assert_eq(hm_ask(ctx, to, HMT_NUMBER, &(uint64_t){ 1 }, 1000, hmt_ignore_reply, NULL), HM_OK);
}

static void
made_on(struct hm_ctx *ctx, struct hm_pid to)
{
	cr_assert_eq(hm_msg_send(ctx, to, hm_msg_new(ctx, HMT_BIG, 0)), HM_OK);
}

static void
forward_on(struct hm_ctx *ctx, struct hm_pid to)
{
	cr_assert_eq(hm_forward(ctx, to), HM_OK);
}

static void
keep_on(struct hm_ctx *ctx, struct hm_pid to)
{
	struct hm_msg *msg;

	cr_assert_eq(hm_msg_keep(ctx, &msg), HM_OK);
	cr_assert_eq(hm_msg_forward(ctx, to, msg), HM_OK);
}

static void
copy_on(struct hm_ctx *ctx, struct hm_pid to)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_EMPTY, 0);

	cr_assert_eq(hm_msg_headers_copy(ctx, msg), HM_OK);
	cr_assert_eq(hm_msg_send(ctx, to, msg), HM_OK);
}

static void
respond_on(struct hm_ctx *ctx, struct hm_pid to)
{
	(void)to;
	cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &(uint64_t){ 1 }), HM_OK);
}

/* What `a` does for `plain` when it gets an empty message. */
static void (*on)(struct hm_ctx *ctx, struct hm_pid to);

static void
go_on(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_EMPTY)
		on(ctx, plain.pid);
}

static void
parent_check(const char *what, const struct hmi_trace *own)
{
	char text[HM_TRACEPARENT_SIZE];

	hmi_traceparent_format(own, text);
	cr_assert_str_eq(seen_parent, text, "%s", what);
}

Test(engine_tracing, send__whatever_the_call_has_the_span_as_parent)
{
	static const struct {
		const char *name;
		void (*fn)(struct hm_ctx *ctx, struct hm_pid to);
	} calls[] = {
		{ "hm_send", send_on },       { "hm_request", request_on },
		{ "hm_ask", ask_on },         { "hm_msg_send", made_on },
		{ "hm_forward", forward_on }, { "hm_msg_forward", keep_on },
		{ "hm_respond", respond_on }, { "hm_msg_headers_copy", copy_on },
	};

	tracing_start(&usual);
	a.on_msg = go_on;
	for (size_t i = 0; i < RTE_DIM(calls); i++) {
		on = calls[i].fn;
		seen_parent[0] = '\0';
		receive_marked(PARENT, NULL);
		cr_assert_eq(spans_take(0, spans, 64), 1);
		cr_assert_eq(spans[0].own.trace[0], 0x0af7651916cd43dd);
		parent_check(calls[i].name, &spans[0].own);
	}
	/* And without a context before. */
	for (size_t i = 0; i < 2; i++) {
		on = calls[i].fn;
		receive_marked(NULL, NULL);
		cr_assert_eq(spans_take(0, spans, 64), 1);
		parent_check(calls[i].name, &spans[0].own);
	}
	hmt_elapse(&node, 2000);
	cr_assert_eq(tracing_stats().unmarked, 0);
	hmt_node_end(&node);
}

static void
forward_twice(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HMT_EMPTY)
		cr_assert_eq(hm_forward(ctx, probe == &a ? b.pid : plain.pid), HM_OK);
}

Test(engine_tracing, forward__each_hop_is_the_parent_of_the_next)
{
	tracing_start(&usual);
	a.on_msg = b.on_msg = forward_twice;
	receive_marked(NULL, NULL);
	cr_assert_eq(spans_take(0, spans, 64), 2);
	cr_assert_eq(spans[0].parent, 0);
	cr_assert_eq(spans[1].parent, spans[0].own.span);
	cr_assert_eq(spans[1].own.trace[0], spans[0].own.trace[0]);
	cr_assert_eq(spans[1].own.trace[1], spans[0].own.trace[1]);
	/* The sender is the first one still. */
	cr_assert(hm_pid_equal(spans[1].sender, plain.pid));
	parent_check("the last hop", &spans[1].own);
	hmt_node_end(&node);
}

static void
send_of_its_own(struct hm_ctx *ctx, struct hm_pid to)
{
	struct marked m = { to, MUTE, "b=2", HMT_EMPTY };

	marked_send(ctx, &m);
}

Test(engine_tracing, send__a_message_with_a_context_of_its_own_keeps_it)
{
	tracing_start(&usual);
	a.on_msg = go_on;
	on = send_of_its_own;
	receive_marked("00-000000000000000000000000000000ff-" SPAN "-01", "a=1");
	cr_assert_str_eq(seen_parent, MUTE);
	cr_assert_str_eq(seen_state, "b=2");
	hmt_node_end(&node);
}

static struct hm_msg *kept;

static void
keep_first(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_EMPTY && kept == NULL)
		cr_assert_eq(hm_msg_keep(ctx, &kept), HM_OK);
	else if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_msg_forward(ctx, plain.pid, kept), HM_OK);
}

/* Else a retry would belong to what has set it off, a timer perhaps. */
Test(engine_tracing, forward__what_was_kept_stays_in_its_own_trace)
{
	kept = NULL;
	tracing_start(&usual);
	a.on_msg = keep_first;
	receive_marked(PARENT, NULL);
	hmt_number(&node, a.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_str_eq(seen_parent, PARENT);
	hmt_node_end(&node);
}

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
	cr_assert_eq(hm_send(ctx, plain.pid, HMT_NUMBER, &(uint64_t){ 2 }), HM_OK);
}

static void
ask_b(struct hm_ctx *ctx, struct hm_pid to)
{
	(void)to;
	cr_assert_eq(hm_ask(ctx, b.pid, HMT_NUMBER, &(uint64_t){ 1 }, 1000, on_reply, NULL), HM_OK);
}

static void
answer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &(uint64_t){ 2 }), HM_OK);
}

Test(engine_tracing, ask__what_its_function_sends_goes_on_with_the_answers_trace)
{
	tracing_start(&usual);
	a.on_msg = go_on;
	b.on_msg = answer;
	on = ask_b;
	receive_marked(PARENT, NULL);
	cr_assert_eq(spans_take(0, spans, 64), 2);
	cr_assert_eq(spans[1].parent, spans[0].own.span);
	parent_check("the function of hm_ask", &spans[1].own);
	hmt_node_end(&node);
}

/* The context with which `plain` answers. */
static const char *answer_parent, *answer_state;

static void
answer_with(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_msg *made;

	context_note(ctx, probe, msg);
	if (hm_msg_type(msg) != HMT_BIG)
		return;
	made = hm_msg_new(ctx, HMT_EMPTY, 0);
	cr_assert_eq(hm_msg_header_set(ctx, made, "traceparent", answer_parent), HM_OK);
	if (answer_state != NULL)
		cr_assert_eq(hm_msg_header_set(ctx, made, "tracestate", answer_state), HM_OK);
	cr_assert_eq(hm_msg_respond(ctx, made), HM_OK);
}

/* What they send beyond the first time has the context as well. */
static void
on_reply_twice(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	       void *arg)
{
	char text[HM_TRACEPARENT_SIZE];

	on_reply(ctx, state, result, reply, arg);
	(void)hm_tracing_current(ctx, text);
	on_reply(ctx, state, result, reply, arg);
}

static void
ask_plain(struct hm_ctx *ctx, struct hm_pid to)
{
	static const uint64_t body[HMT_BIG_BYTES / sizeof(uint64_t)];

	cr_assert_eq(hm_ask(ctx, to, HMT_BIG, body, 1000, on_reply_twice, NULL), HM_OK);
}

static void
answered_start(void)
{
	tracing_start(&usual);
	a.on_msg = go_on;
	plain.on_msg = answer_with;
	on = ask_plain;
}

Test(engine_tracing, ask__what_its_function_sends_has_the_answers_tracestate)
{
	answered_start();
	answer_parent = PARENT;
	answer_state = "rojo=00f067aa0ba902b7,congo=t61";
	receive_marked(NULL, NULL);
	cr_assert_str_eq(seen_parent, PARENT);
	cr_assert_str_eq(seen_state, answer_state);
	answer_state = NULL;
	receive_marked(NULL, NULL);
	cr_assert_str_eq(seen_parent, PARENT);
	cr_assert_str_eq(seen_state, "none");
	cr_assert_eq(tracing_stats().malformed, 0);
	hmt_node_end(&node);
}

Test(engine_tracing, ask__an_answer_that_is_malformed_counts_once)
{
	answered_start();
	answer_parent = PARENT "?";
	answer_state = NULL;
	for (uint32_t i = 1; i <= 5; i++) {
		receive_marked(NULL, NULL);
		cr_assert_str_eq(seen_parent, "");
		cr_assert_eq(tracing_stats().malformed, i);
	}
	answer_parent = PARENT;
	answer_state = "A=1";
	for (uint32_t i = 6; i <= 10; i++) {
		receive_marked(NULL, NULL);
		cr_assert_str_eq(seen_parent, PARENT);
		cr_assert_str_eq(seen_state, "none");
		cr_assert_eq(tracing_stats().malformed, i);
	}
	hmt_node_end(&node);
}

Test(engine_tracing, ask__without_an_answer_its_function_has_no_trace)
{
	tracing_start(&usual);
	a.on_msg = go_on;
	on = ask_b;
	receive_marked(PARENT, NULL);
	seen_parent[0] = '?';
	hmt_elapse(&node, 2000);
	cr_assert_str_eq(seen_parent, "");
	hmt_node_end(&node);
}

/* ---- Spawn --------------------------------------------------------------------------------- */

static uint32_t child_lcore;

static void
spawn_on(struct hm_ctx *ctx, struct hm_pid to)
{
	(void)to;
	b = (struct hmt_probe){ 0 };
	cr_assert_eq(hmt_probe_child(ctx, &b, child_lcore, NULL), 0);
}

Test(engine_tracing, spawn__the_child_starts_in_the_span_on_any_lcore)
{
	for (child_lcore = 0; child_lcore < 2; child_lcore++) {
		struct hmi_span own, child;

		tracing_start(&usual);
		a.on_msg = go_on;
		on = spawn_on;
		receive_marked(PARENT, NULL);
		own = span_of(spans, spans_take(0, spans, 64), HMT_EMPTY);
		/* The first one of its lcore was handed out already if it is the same. */
		if (child_lcore == 0)
			child = span_of(spans, 2, HM_STARTED);
		else
			child = span_of(spans, spans_take(1, spans, 64), HM_STARTED);
		cr_assert(hm_pid_equal(child.actor, b.pid));
		cr_assert_eq(child.parent, own.own.span);
		cr_assert_eq(child.own.trace[1], own.own.trace[1]);
		/* Once: its next life is another matter, and so is its next message. */
		hmt_do(&node, b.pid, hmt_fail, NULL);
		child = span_of(spans, spans_take(child_lcore, spans, 64), HM_STARTED);
		cr_assert_eq(child.parent, 0);
		hmt_node_end(&node);
	}
}

/* ---- Sampling ------------------------------------------------------------------------------ */

Test(engine_tracing, sampled__not_is_not_with_who_comes_next_either)
{
	tracing_start(&usual);
	a.on_msg = b.on_msg = forward_twice;
	receive_marked(MUTE, NULL);
	cr_assert_eq(spans_take(0, spans, 64), 0);
	cr_assert_eq(strncmp(seen_parent, "00-" TRACE "-", 36), 0);
	cr_assert_str_eq(seen_parent + 52, "-00");
	cr_assert_neq(strncmp(seen_parent + 36, SPAN, 16), 0, "the parent is who has sent it");
	hmt_node_end(&node);
}

Test(engine_tracing, sampled__none_begins_no_trace_and_hands_others_on)
{
	const struct hm_tracing_options none = { .sampled_ppm = HM_TRACING_NONE };

	tracing_start(&none);
	a.on_msg = go_on;
	on = send_on;
	receive_marked(NULL, NULL);
	cr_assert_str_eq(seen_parent, "");
	receive_marked(PARENT, NULL);
	cr_assert_eq(spans_take(0, spans, 64), 1);
	parent_check("what comes from outside", &spans[0].own);
	receive_marked(NULL, NULL);
	cr_assert_str_eq(seen_parent, "");
	hmt_node_end(&node);
}

Test(engine_tracing, sampled__a_part_is_that_part_and_goes_on_whole)
{
	const struct hm_tracing_options quarter = { .sampled_ppm = 250000 };
	uint32_t sampled = 0;

	tracing_start(&quarter);
	a.on_msg = go_on;
	on = send_on;
	for (uint32_t i = 0; i < 2000; i++) {
		uint32_t count;

		receive_marked(NULL, NULL);
		count = spans_take(0, spans, 64);
		sampled += count;
		cr_assert_str_eq(seen_parent + 52, count > 0 ? "-01" : "-00");
	}
	cr_assert(sampled > 400 && sampled < 600, "%u", sampled);
	hmt_node_end(&node);
}

/* ---- tracestate ---------------------------------------------------------------------------- */

Test(engine_tracing, tracestate__is_handed_on)
{
	tracing_start(&usual);
	a.on_msg = go_on;
	on = send_on;
	receive_marked(PARENT, "rojo=00f067aa0ba902b7,congo=t61");
	cr_assert_str_eq(seen_state, "rojo=00f067aa0ba902b7,congo=t61");
	receive_marked(PARENT, NULL);
	cr_assert_str_eq(seen_state, "none");
	hmt_node_end(&node);
}

Test(engine_tracing, tracestate__that_is_malformed_ends_and_the_trace_goes_on)
{
	tracing_start(&usual);
	a.on_msg = go_on;
	on = send_on;
	receive_marked(PARENT, "A=1");
	cr_assert_str_eq(seen_state, "none");
	cr_assert_eq(spans_take(0, spans, 64), 1);
	cr_assert_eq(spans[0].parent, 0xb7ad6b7169203331);
	on = forward_on;
	receive_marked(PARENT, "A=1");
	cr_assert_str_eq(seen_state, "");
	cr_assert_eq(tracing_stats().malformed, 2);
	hmt_node_end(&node);
}

Test(engine_tracing, tracestate__without_a_traceparent_is_nothing)
{
	tracing_start(&usual);
	a.on_msg = go_on;
	on = send_on;
	receive_marked(NULL, "a=1");
	cr_assert_str_eq(seen_state, "none");
	receive_marked("00-" TRACE, "a=1");
	cr_assert_str_eq(seen_state, "none");
	hmt_node_end(&node);
}
