/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <stdbool.h>
#include <stdint.h>

#include "merge.h"
#include "messages.h"

struct session {
	struct session_args args;
	uint32_t open;   /* requests without an answer */
	bool is_closing; /* nothing new is taken */
};

/* A closing session ends with its last answer. */
static void
end_if_done(struct hm_ctx *ctx, struct session *session)
{
	if (session->is_closing && session->open == 0)
		hm_stop(ctx, hm_self(ctx));
}

static void
refuse(struct hm_ctx *ctx, struct session *session, uint64_t id, Kv__Status status)
{
	Kv__Answer body = KV__ANSWER__INIT;

	body.id = id;
	body.status = status;
	/* Who cannot be told that there is no answer finds that out by the end of its stream. */
	if (kv_answer_send(ctx, session->args.answers, &body) != HM_OK)
		hm_fail(ctx, "no memory for an answer");
}

static Kv__Status
status_of(enum hm_future_result result)
{
	return result == HM_FUTURE_TIMEOUT ? KV__STATUS__TIMEOUT : KV__STATUS__UNAVAILABLE;
}

/* ---- Requests with a key: to its shard ---------------------------------------------------------- */

/* arg: the id. The answer has it, too, and goes on as it came. */
static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct session *session = state;

	(void)reply;
	session->open--;
	if (result == HM_FUTURE_REPLY)
		(void)hm_forward(ctx, session->args.answers);
	else
		refuse(ctx, session, (uintptr_t)arg, status_of(result));
	end_if_done(ctx, session);
}

static void
ask(struct hm_ctx *ctx, struct session *session, const struct hm_msg *msg, uint64_t id)
{
	if (session->is_closing)
		refuse(ctx, session, id, KV__STATUS__CLOSING);
	else if (hm_ask(ctx, session->args.shards, hm_msg_type(msg), hm_msg_body(msg),
			session->args.timeout_us, on_answer, (void *)(uintptr_t)id) == HM_OK)
		session->open++;
	else
		refuse(ctx, session, id, KV__STATUS__UNAVAILABLE);
}

static void
on_put(struct hm_ctx *ctx, struct session *session, const struct hm_msg *msg)
{
	ask(ctx, session, msg, kv_put_body(msg)->id);
}

static void
on_get(struct hm_ctx *ctx, struct session *session, const struct hm_msg *msg)
{
	ask(ctx, session, msg, kv_get_body(msg)->id);
}

static void
on_delete(struct hm_ctx *ctx, struct session *session, const struct hm_msg *msg)
{
	ask(ctx, session, msg, kv_delete_body(msg)->id);
}

static void
on_break(struct hm_ctx *ctx, struct session *session, const struct hm_msg *msg)
{
	ask(ctx, session, msg, kv_break_body(msg)->id);
}

/* ---- Requests to all shards ---------------------------------------------------------------------- */

static uint64_t
id_of(const struct hm_msg *request)
{
	return hm_msg_type(request) == kv_scan ? kv_scan_body(request)->id : kv_inspect_body(request)->id;
}

/* The request is over, with an answer or without. */
static void
gather_end(struct hm_ctx *ctx, struct session *session, struct hm_msg *request, Kv__Status status)
{
	session->open--;
	if (status != KV__STATUS__OK)
		refuse(ctx, session, id_of(request), status);
	hm_msg_free(ctx, request);
	end_if_done(ctx, session);
}

/* All shards have answered, or there is none: keys would be missing, and nobody would know. */
static void
on_gathered(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *replies,
	    void *arg)
{
	struct session *session = state;
	struct hm_msg *request = arg;
	enum hm_result sent = HM_OK;

	if (result == HM_FUTURE_REPLY && hm_msg_type(request) == kv_scan)
		sent = pages_send(ctx, session->args.answers, kv_scan_body(request), replies);
	else if (result == HM_FUTURE_REPLY)
		sent = stats_send(ctx, session->args.answers, kv_inspect_body(request), replies);
	gather_end(ctx, session, request,
		   result != HM_FUTURE_REPLY ? status_of(result)
		   : sent != HM_OK           ? KV__STATUS__UNAVAILABLE
					     : KV__STATUS__OK);
}

/* The same request to each of them. */
static void
on_routees(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	struct session *session = state;
	struct hm_msg *request = arg;
	struct hm_batch_request each[KV_SHARDS_MAX];
	struct hm_batch batch = { .requests = each,
				  .timeout_us = session->args.timeout_us,
				  .on_end = on_gathered,
				  .arg = request };

	if (result == HM_FUTURE_REPLY)
		batch.count = HM_ROUTEES_body(reply)->count;
	for (uint32_t i = 0; i < batch.count; i++)
		each[i] = (struct hm_batch_request){ .to = HM_ROUTEES_body(reply)->pids[i],
						     .type = hm_msg_type(request),
						     .body = hm_msg_body(request) };
	if (hm_ask_batch(ctx, &batch) != HM_OK)
		gather_end(ctx, session, request, KV__STATUS__UNAVAILABLE);
}

/* A shard that was replaced has another PID, so the router is asked each time; the request is kept meanwhile. */
static void
on_gather(struct hm_ctx *ctx, struct session *session, const struct hm_msg *msg)
{
	struct hm_msg *request;

	if (session->is_closing) {
		refuse(ctx, session, id_of(msg), KV__STATUS__CLOSING);
		return;
	}
	if (hm_msg_keep(ctx, &request) != HM_OK) {
		refuse(ctx, session, id_of(msg), KV__STATUS__UNAVAILABLE);
		return;
	}
	session->open++;
	if (hm_ask(ctx, session->args.shards, HM_ROUTER_LIST, NULL, session->args.timeout_us, on_routees,
		   request) != HM_OK)
		gather_end(ctx, session, request, KV__STATUS__UNAVAILABLE);
}

/* ---- Life ------------------------------------------------------------------------------------------ */

static void
on_started(struct hm_ctx *ctx, struct session *session)
{
	(void)hm_watch(ctx, session->args.answers);
}

/* The client is gone: nobody waits for an answer. */
static void
on_terminated(struct hm_ctx *ctx, struct session *session, const struct hm_terminated *terminated)
{
	(void)session;
	(void)terminated;
	hm_stop(ctx, hm_self(ctx));
}

static void
on_close(struct hm_ctx *ctx, struct session *session)
{
	session->is_closing = true;
	end_if_done(ctx, session);
}

/* However it ends, its client reads what was answered, and then finds the end. */
static void
on_stopped(struct hm_ctx *ctx, struct session *session)
{
	(void)hm_poison(ctx, session->args.answers);
}

/* clang-format off */
HM_RECEIVE(receive, struct session,
	HM_ON_EMPTY(HM_STARTED, on_started)
	HM_ON_MESSAGE(kv_put, on_put)
	HM_ON_MESSAGE(kv_get, on_get)
	HM_ON_MESSAGE(kv_delete, on_delete)
	HM_ON_MESSAGE(kv_break, on_break)
	HM_ON_MESSAGE(kv_scan, on_gather)
	HM_ON_MESSAGE(kv_inspect, on_gather)
	HM_ON_EMPTY(kv_close, on_close)
	HM_ON(HM_TERMINATED, on_terminated)
	HM_ON_EMPTY(HM_STOPPED, on_stopped));
/* clang-format on */

const struct hm_props session_props = {
	.receive = receive,
	.state_size = sizeof(struct session),
	.args_size = sizeof(struct session_args),
	.lcore = HM_LCORE_ANY,
};
