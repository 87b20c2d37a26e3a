/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Middleware around calls that send to several: batches of requests, selections, events.
 */
#include <criterion/criterion.h>

#include "hm_dead_letter.h"
#include "hm_event_stream.h"
#include "hm_header.h"
#include "hm_middleware.h"
#include "hm_select.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_fault.h"

TestSuite(engine_middleware_many, .init = hmt_eal_start);

#define MANY 600u /* more than a portion of a selection */
#define ALL  UINT32_MAX

static const struct hm_supervisor resume = { .directive = HM_DIRECTIVE_RESUME };
static struct hmt_node node;
static struct hmt_probe actor, other, third;
static struct hm_props props;

/* Calls of the stage, and what it does at one of them. */
static struct {
	uint32_t calls, at;
	enum {
		PASS,
		REFUSE,
		FAIL,
		FAULT,
		REDIRECT,
		SILENCE
	} what;
	struct hm_pid to; /* of the last one */
} stage;

static enum hm_result
send_stage(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	   void *arg)
{
	bool is_time = ++stage.calls == stage.at || stage.at == ALL;

	(void)arg;
	stage.to = to;
	cr_assert(hm_msg_header_set(ctx, msg, "stage", "was here") == HM_OK);
	if (is_time && stage.what == FAIL)
		hm_fail(ctx, "in a stage");
	if (is_time && stage.what == FAULT)
		hmt_fault_raise(HMT_FAULT_NULL);
	if (is_time && (stage.what == REFUSE || stage.what == SILENCE)) {
		hm_msg_free(ctx, msg);
		return stage.what == REFUSE ? HM_WOULD_BLOCK : HM_OK;
	}
	if (is_time && stage.what == REDIRECT)
		to = third.pid;
	return hm_send_next(ctx, to, msg, next);
}

static const struct hm_middleware sending = { .send = send_stage };
static const struct hm_middleware *const stages[] = { &sending, NULL };

static uint32_t headers;

static void
note_header(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const char *value = hm_msg_header(msg, "stage");

	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER || hm_msg_type(msg) == HMT_EMPTY)
		headers += value != NULL && strcmp(value, "was here") == 0;
}

static void
answer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	note_header(ctx, probe, msg);
	if (hm_msg_type(msg) == HMT_NUMBER && !hm_pid_is_none(hm_sender(ctx)))
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
}

/* /user/other and /user/third answer; the supervisor of `actor`, who has the stage, resumes it. */
static struct hmt_probe parent;

static void
actor_spawn(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *probe = &actor;

	(void)arg;
	cr_assert_eq(hm_spawn(ctx, &props, "actor", &probe, &actor.pid), 0);
}

static void
start(void)
{
	static struct hm_props parent_props;
	struct hmt_probe *probe = &parent;

	actor = parent = (struct hmt_probe){ 0 };
	other = third = (struct hmt_probe){ .on_msg = answer };
	headers = 0;
	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &other, 0, "other");
	hmt_probe_spawn(&node, &third, 1, "third");
	parent_props = *hmt_probe_props(0);
	parent_props.supervisor = &resume;
	props = *hmt_probe_props(0);
	props.middleware = stages;
	cr_assert_eq(hm_system_spawn(node.sys, &parent_props, "parent", &probe, &parent.pid), 0);
	hmt_do(&node, parent.pid, actor_spawn, NULL);
	memset(&stage, 0, sizeof(stage));
}

/* ---- Batches --------------------------------------------------------------------------------- */

static struct {
	uint32_t calls, answered;
	enum hm_future_result result, each[3];
} end;

static void
on_end(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *replies, void *arg)
{
	(void)ctx;
	(void)state;
	(void)arg;
	end.calls++;
	end.result = result;
	end.answered = hm_replies_answered(replies);
	for (uint32_t i = 0; i < hm_replies_count(replies); i++)
		end.each[i] = hm_replies_result(replies, i);
}

static void
ask_three(struct hm_ctx *ctx, void *arg)
{
	const uint64_t number = 1;
	const struct hm_batch_request three[] = { { other.pid, HMT_NUMBER, &number },
						  { third.pid, HMT_NUMBER, &number },
						  { other.pid, HMT_NUMBER, &number } };
	const struct hm_batch batch = { .requests = three, .count = 3, .timeout_us = 1000, .on_end = on_end };

	memset(&end, 0, sizeof(end));
	cr_assert_eq(hm_ask_batch(ctx, &batch), HM_OK);
	if (arg != NULL)
		hm_fail(ctx, "behind it");
}

Test(engine_middleware_many, batch__each_request_passes_through)
{
	start();
	hmt_do(&node, actor.pid, ask_three, NULL);
	cr_assert_eq(stage.calls, 3);
	cr_assert_eq(headers, 3);
	cr_assert_eq(end.calls, 1);
	cr_assert_eq(end.result, HM_FUTURE_REPLY);
	cr_assert_eq(end.answered, 3);
	hmt_node_end(&node);
}

Test(engine_middleware_many, batch__what_is_refused_has_ended_as_a_dead_letter)
{
	for (uint32_t at = 1; at <= 3; at++) {
		start();
		stage.at = at;
		stage.what = REFUSE;
		hmt_do(&node, actor.pid, ask_three, NULL);
		cr_assert_eq(end.result, HM_FUTURE_DEAD_LETTER);
		cr_assert_eq(end.answered, 2);
		for (uint32_t i = 0; i < 3; i++)
			cr_assert_eq(end.each[i], i + 1 == at ? HM_FUTURE_DEAD_LETTER : HM_FUTURE_REPLY);
		cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_REFUSED], 1);
		hmt_node_end(&node);
	}
}

/* It ends within the call, so its function is called behind it. */
Test(engine_middleware_many, batch__of_which_all_is_refused_has_ended)
{
	start();
	stage.at = ALL;
	stage.what = REFUSE;
	hmt_do(&node, actor.pid, ask_three, NULL);
	cr_assert_eq(end.calls, 1);
	cr_assert_eq(end.result, HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(end.answered, 0);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_REFUSED], 3);
	hmt_node_end(&node);
}

Test(engine_middleware_many, batch__what_is_hidden_ends_in_time)
{
	start();
	stage.at = 2;
	stage.what = SILENCE;
	hmt_do(&node, actor.pid, ask_three, NULL);
	cr_assert_eq(end.calls, 0);
	hmt_elapse(&node, 2000);
	cr_assert_eq(end.calls, 1);
	cr_assert_eq(end.each[1], HM_FUTURE_TIMEOUT);
	cr_assert_eq(end.answered, 2);
	hmt_node_end(&node);
}

Test(engine_middleware_many, batch__a_stage_changes_who_is_asked)
{
	start();
	stage.at = 1;
	stage.what = REDIRECT;
	hmt_do(&node, actor.pid, ask_three, NULL);
	cr_assert_eq(end.answered, 3);
	cr_assert_eq(hmt_seen_count(&third, HMT_NUMBER), 2);
	hmt_node_end(&node);
}

/* The batch is gone, and what has been asked is answered too late. The actor goes on, and asks again. */
Test(engine_middleware_many, batch__a_stage_that_fails_loses_all_of_it)
{
	for (uint32_t at = 1; at <= 6; at++) {
		start();
		stage.at = (at + 1) / 2;
		stage.what = at % 2 == 0 ? FAIL : FAULT;
		hmt_do(&node, actor.pid, ask_three, NULL);
		hmt_elapse(&node, 2000);
		cr_assert_eq(end.calls, 0);
		cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_LATE_REPLY], stage.at - 1);
		hmt_do(&node, actor.pid, ask_three, NULL);
		cr_assert_eq(end.answered, 3);
		hmt_node_end(&node);
	}
}

Test(engine_middleware_many, batch__that_was_asked_outlives_a_failure_behind_it)
{
	start();
	hmt_do(&node, actor.pid, ask_three, &node);
	cr_assert_eq(end.answered, 3);
	hmt_node_end(&node);
}

/* ---- Selections -------------------------------------------------------------------------------- */

/* The actor selects. */
static void
select_by(void (*how)(struct hm_ctx *ctx, void *path), const char *path)
{
	hmt_do(&node, actor.pid, how, (void *)(uintptr_t)path);
}

static void
select_send(struct hm_ctx *ctx, void *path)
{
	cr_assert_eq(hm_select_send(ctx, path, HMT_NUMBER, &(uint64_t){ 3 }),
		     stage.what == REFUSE && strchr(path, '*') == NULL ? HM_WOULD_BLOCK : HM_OK);
}

Test(engine_middleware_many, select__passes_through_for_each_receiver)
{
	start();
	select_by(select_send, "/user/*h*");
	cr_assert_eq(stage.calls, 2, "other and third");
	cr_assert_eq(headers, 2);
	select_by(select_send, "/user/other");
	cr_assert_eq(stage.calls, 3);
	cr_assert(hm_pid_equal(stage.to, other.pid));
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 2);
	hmt_node_end(&node);
}

Test(engine_middleware_many, select__what_is_refused_is_a_dead_letter_if_nobody_is_told)
{
	start();
	stage.what = REFUSE;
	stage.at = 1;
	select_by(select_send, "/user/other");
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_REFUSED], 0, "told by the result");
	stage.at = 2;
	select_by(select_send, "/user/*h*");
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_REFUSED], 1);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER) + hmt_seen_count(&third, HMT_NUMBER), 1);
	hmt_node_end(&node);
}

static enum hm_future_result asked;

static void
on_asked(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	(void)arg;
	asked = result;
}

static void
select_ask(struct hm_ctx *ctx, void *path)
{
	asked = HM_FUTURE_CANCELLED;
	cr_assert_eq(hm_select_ask(ctx, path, HMT_NUMBER, &(uint64_t){ 3 }, 1000000, on_asked, NULL), HM_OK);
}

/* One that has asked, and of whose requests none was sent, does not wait. */
Test(engine_middleware_many, select__who_asks_is_answered_or_told)
{
	start();
	select_by(select_ask, "/user/oth*");
	cr_assert_eq(asked, HM_FUTURE_REPLY);
	select_by(select_ask, "/user/other");
	cr_assert_eq(asked, HM_FUTURE_REPLY);
	cr_assert_eq(stage.calls, 2);
	stage.what = REFUSE;
	stage.at = 3;
	select_by(select_ask, "/user/oth*");
	cr_assert_eq(asked, HM_FUTURE_DEAD_LETTER);
	hmt_node_end(&node);
}

static struct hmt_probe crowd;

static void
crowd_spawn(struct hm_ctx *ctx, void *arg)
{
	char name[16];

	(void)arg;
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		cr_assert_eq(hmt_probe_child(ctx, &crowd, 0, name), 0);
	}
}

/* The walk goes on in later turns, of the same actor. */
Test(engine_middleware_many, select__passes_through_in_every_portion)
{
	start();
	crowd = (struct hmt_probe){ 0 };
	hmt_do(&node, parent.pid, crowd_spawn, NULL);
	select_by(select_send, "../m*");
	cr_assert_eq(stage.calls, MANY);
	hmt_node_end(&node);
}

/* In the call, or in a later turn: the rest is not sent, and nothing is lost that was not sent. */
Test(engine_middleware_many, select__a_stage_that_fails_ends_it)
{
	static const uint32_t at[] = { 1, 2, MANY };

	for (uint32_t i = 0; i < 2 * RTE_DIM(at); i++) {
		start();
		crowd = (struct hmt_probe){ 0 };
		hmt_do(&node, parent.pid, crowd_spawn, NULL);
		stage.at = at[i / 2];
		stage.what = i % 2 == 0 ? FAIL : FAULT;
		select_by(select_send, "../m*");
		cr_assert_eq(stage.calls, stage.at);
		select_by(select_send, "/user/other");
		cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
		hmt_node_end(&node);
	}
}

/* ---- Events --------------------------------------------------------------------------------------- */

static void
publish(struct hm_ctx *ctx, void *arg)
{
	enum hm_result *result = arg;

	*result = hm_publish(ctx, HMT_NUMBER, &(uint64_t){ 5 });
}

Test(engine_middleware_many, publish__an_event_passes_through_once)
{
	enum hm_result result;

	start();
	hmt_do(&node, actor.pid, publish, &result);
	cr_assert_eq(stage.calls, 0, "nobody wants it");
	cr_assert_eq(hm_event_subscribe_pid(node.sys, HMT_NUMBER, 0, other.pid, NULL), 0);
	cr_assert_eq(hm_event_subscribe_pid(node.sys, HMT_NUMBER, 0, third.pid, NULL), 0);
	hmt_do(&node, actor.pid, publish, &result);
	cr_assert_eq(result, HM_OK);
	cr_assert_eq(stage.calls, 1);
	cr_assert(hm_pid_equal(stage.to, hm_system_event_stream(node.sys)));
	/* What it has added, each subscriber gets. */
	cr_assert_eq(headers, 2);
	cr_assert(hm_pid_is_none(hmt_seen_last(&other, HMT_NUMBER)->sender));
	hmt_node_end(&node);
}

Test(engine_middleware_many, publish__a_stage_refuses_redirects_or_fails)
{
	enum hm_result result = HM_OK;

	start();
	cr_assert_eq(hm_event_subscribe_pid(node.sys, HMT_NUMBER, 0, other.pid, NULL), 0);
	stage.what = REFUSE;
	stage.at = 1;
	hmt_do(&node, actor.pid, publish, &result);
	cr_assert_eq(result, HM_WOULD_BLOCK);
	stage.what = FAIL;
	stage.at = 2;
	hmt_do(&node, actor.pid, publish, &result);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 0);
	stage.what = REDIRECT;
	stage.at = 3;
	hmt_do(&node, actor.pid, publish, &result);
	cr_assert_eq(result, HM_OK);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 0);
	cr_assert_eq(hmt_seen_count(&third, HMT_NUMBER), 1);
	hmt_do(&node, actor.pid, publish, &result);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	hmt_node_end(&node);
}
