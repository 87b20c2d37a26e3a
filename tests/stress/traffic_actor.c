/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actors of stress_engine_traffic: what they do at random, and what they check of what they receive.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hm_dead_letter.h"
#include "hm_future.h"
#include "hm_header.h"
#include "hmt_actor.h"
#include "hmt_stress.h"
#include "traffic.h"

#define KNOWN     8u
#define WATCHED   8u
#define CHILDREN  4u
#define DEPTH_MAX 2u
#define TICK_US   50u
#define DEEDS     6u

struct actor {
	struct args args;
	bool is_started, is_stopping;
	struct hm_pid known[KNOWN], watched[WATCHED], children[CHILDREN];
	uint64_t sent[ROOTS];   /* ordered messages to each root; roots only */
	uint64_t seen[SENDERS]; /* by sender; roots only */
	uint32_t asked, ended;
};

static hm_receive_fn actor_receive;

#define PROPS(where)                                                          \
	{                                                                     \
		.receive = actor_receive, .state_size = sizeof(struct actor), \
		.args_size = sizeof(struct args), .lcore = (where)            \
	}

const struct hm_props traffic_props[LCORES] = { PROPS(HM_LCORE(0)), PROPS(HM_LCORE(1)), PROPS(HM_LCORE(2)) };

/* ---- Buffers, and headers beside them ------------------------------------------------ */

/* What any message may bring. */
static void
extras_check(struct shared *shared, const struct hm_msg *msg)
{
	const char *trace = hm_msg_header(msg, "trace");

	if (!hmt_bytes_are_whole(msg))
		fault(shared, "a buffer that was freed, or is not whole");
	if (trace != NULL && strcmp(trace, "0123456789") != 0)
		fault(shared, "a header that has changed");
}

/* ---- Sets of PIDs ----------------------------------------------------------------- */

static bool
set_remove(struct hm_pid *set, uint32_t size, struct hm_pid pid)
{
	for (uint32_t i = 0; i < size; i++) {
		if (hm_pid_equal(set[i], pid)) {
			set[i] = hm_pid_none();
			return true;
		}
	}
	return false;
}

/* A free place; NULL: there is none, or the PID is in the set. */
static struct hm_pid *
set_place(struct hm_pid *set, uint32_t size, struct hm_pid pid)
{
	struct hm_pid *place = NULL;

	for (uint32_t i = 0; i < size; i++) {
		if (!hm_pid_is_none(pid) && hm_pid_equal(set[i], pid))
			return NULL;
		if (hm_pid_is_none(set[i]))
			place = &set[i];
	}
	return place;
}

/* ---- Deeds ------------------------------------------------------------------------- */

static struct hm_pid
anybody(struct actor *a)
{
	struct hm_pid pid = a->known[pick(&a->args.seed, KNOWN)];

	return hm_pid_is_none(pid) || pick(&a->args.seed, 4) == 0
		       ? a->args.shared->roots[pick(&a->args.seed, ROOTS)]
		       : pid;
}

static void
send_ordered(struct hm_ctx *ctx, struct actor *a)
{
	uint32_t to = pick(&a->args.seed, ROOTS);
	struct ordered body = { a->args.root, a->sent[to] + 1 };

	if (a->args.depth == 0 && hm_send(ctx, a->args.shared->roots[to], ORDERED, &body) == HM_OK)
		a->sent[to]++;
}

static void
introduce(struct hm_ctx *ctx, struct actor *a)
{
	struct hm_pid who = anybody(a);

	(void)hm_request(ctx, anybody(a), ACQUAINTANCE, &who);
}

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct actor *a = state;

	(void)ctx;
	(void)arg;
	if ((reply != NULL) != (result == HM_FUTURE_REPLY))
		fault(a->args.shared, "a reply that does not fit its result");
	if (reply != NULL && hm_msg_type(reply) != ANSWER && hm_msg_type(reply) != HM_IDENTITY)
		fault(a->args.shared, "a reply of another type");
	if (reply != NULL)
		extras_check(a->args.shared, reply);
	if (++a->ended > a->asked)
		fault(a->args.shared, "a future ended twice");
	hmt_count(&a->args.shared->ended);
}

static void
asked(struct actor *a)
{
	a->asked++;
	hmt_count(&a->args.shared->asked);
}

static void
ask(struct hm_ctx *ctx, struct actor *a)
{
	uint64_t number = hmt_random(&a->args.seed);
	char path[32];
	int rc;

	if (pick(&a->args.seed, 4) != 0) {
		rc = (int)hm_ask(ctx, anybody(a), REQUEST, &number, 1 + number % 2000, on_reply, NULL);
	} else {
		snprintf(path, sizeof(path), "/user/root-%u", pick(&a->args.seed, ROOTS + 2));
		rc = hm_resolve(ctx, path, 100, on_reply, NULL);
	}
	if (rc == 0)
		asked(a);
}

/* A message with a buffer, headers, or both; what there is no memory for is left out. NULL: none at all. */
static struct hm_msg *
made_new(struct hm_ctx *ctx, struct actor *a, uint16_t type, struct hm_buffer *buffer)
{
	struct hm_msg *msg = hm_msg_new(ctx, type, pick(&a->args.seed, 40));

	if (msg == NULL)
		return NULL;
	if (type == ACQUAINTANCE)
		*(struct hm_pid *)hm_msg_body_mut(msg) = anybody(a);
	if (pick(&a->args.seed, 2) == 0)
		(void)hm_msg_header_set(ctx, msg, "trace", "0123456789");
	if (pick(&a->args.seed, 2) == 0)
		(void)hm_msg_headers_copy(ctx, msg);
	if (pick(&a->args.seed, 4) != 0)
		(void)hm_msg_buffer_set(ctx, msg, hm_buffer_get(buffer));
	return msg;
}

/* One buffer to some receivers. */
static void
share(struct hm_ctx *ctx, struct actor *a)
{
	struct hm_buffer *buffer = hmt_bytes_new(hm_system(ctx), &a->args.shared->bytes, &a->args.seed);

	for (uint32_t n = pick(&a->args.seed, 4); buffer != NULL && n > 0; n--) {
		uint16_t type = pick(&a->args.seed, 2) == 0 ? ACQUAINTANCE : REQUEST;
		struct hm_msg *msg = made_new(ctx, a, type, buffer);

		if (msg == NULL)
			break;
		if (pick(&a->args.seed, 8) == 0)
			hm_msg_free(ctx, msg);
		else if (type == ACQUAINTANCE)
			(void)hm_msg_send(ctx, anybody(a), msg);
		else if (hm_msg_ask(ctx, anybody(a), msg, 1 + pick(&a->args.seed, 2000), on_reply, NULL) ==
			 HM_OK)
			asked(a);
	}
	hm_buffer_put(buffer);
}

static void
watch(struct hm_ctx *ctx, struct actor *a)
{
	struct hm_pid who = anybody(a), *place = set_place(a->watched, WATCHED, who);

	if (place != NULL && !hm_pid_equal(who, hm_self(ctx)) && hm_watch(ctx, who) == HM_OK)
		*place = who;
}

static void
unwatch(struct hm_ctx *ctx, struct actor *a)
{
	struct hm_pid who = a->watched[pick(&a->args.seed, WATCHED)];

	hm_unwatch(ctx, who);
	if (!hm_pid_is_none(who))
		set_remove(a->watched, WATCHED, who);
}

static void
spawn(struct hm_ctx *ctx, struct actor *a)
{
	struct hm_pid *place = set_place(a->children, CHILDREN, hm_pid_none()), pid;
	struct args args = { a->args.shared, hmt_random(&a->args.seed), a->args.depth + 1, 0 };
	const char *const names[] = { NULL, NULL, "left", "right" };
	int rc;

	if (place == NULL || a->args.depth == DEPTH_MAX)
		return;
	rc = hm_spawn(ctx, &traffic_props[pick(&a->args.seed, LCORES)], names[pick(&a->args.seed, 4)], &args,
		      &pid);
	if (rc == 0) {
		*place = pid;
		a->known[pick(&a->args.seed, KNOWN)] = pid;
		hmt_count(&a->args.shared->spawned);
	} else if (rc != -EEXIST && !(rc == -ESHUTDOWN && a->is_stopping)) {
		fault(a->args.shared, "a spawn that fails for no reason");
	}
}

static void
end_somebody(struct hm_ctx *ctx, struct actor *a)
{
	struct hm_pid who = a->known[pick(&a->args.seed, KNOWN)];

	/* Roots stay. */
	for (uint32_t i = 0; i < ROOTS; i++) {
		if (hm_pid_equal(who, a->args.shared->roots[i]))
			return;
	}
	if (pick(&a->args.seed, 2) == 0)
		hm_stop(ctx, who);
	else
		(void)hm_poison(ctx, who);
}

static void
set_timer(struct hm_ctx *ctx, struct actor *a)
{
	struct hm_pid who = anybody(a);
	struct hm_timer timer;

	if (hm_send_after(ctx, anybody(a), ACQUAINTANCE, &who, pick(&a->args.seed, 300), 0, &timer) ==
		    HM_OK &&
	    pick(&a->args.seed, 2) == 0)
		hm_timer_cancel(ctx, timer);
}

static void
look_up(struct hm_ctx *ctx, struct actor *a)
{
	struct hm_pid pid;
	char path[48];

	snprintf(path, sizeof(path), "/user/root-%u/left", pick(&a->args.seed, ROOTS));
	if (hm_lookup(hm_system(ctx), path, &pid) == 0)
		a->known[pick(&a->args.seed, KNOWN)] = pid;
}

static void
subscribe(struct hm_ctx *ctx, struct actor *a)
{
	if (pick(&a->args.seed, 4) != 0)
		hm_dead_letters_unsubscribe(hm_system(ctx), hm_self(ctx));
	else if (hm_dead_letters_subscribe(hm_system(ctx), hm_self(ctx)) == -EINVAL)
		fault(a->args.shared, "a subscription that fails for no reason");
}

static void
deed_do(struct hm_ctx *ctx, struct actor *a)
{
	static void (*const deeds[])(struct hm_ctx * ctx, struct actor * a) = {
		send_ordered, send_ordered, introduce, introduce, ask,       watch, unwatch, spawn,
		spawn,        end_somebody, set_timer, look_up,   subscribe, share, share,
	};

	deeds[pick(&a->args.seed, RTE_DIM(deeds))](ctx, a);
}

/* ---- What an actor receives ------------------------------------------------------------ */

static void
started(struct hm_ctx *ctx, struct actor *a)
{
	if (a->is_started)
		fault(a->args.shared, "started twice");
	a->is_started = true;
	/* The ticks of most children soon end with them. */
	(void)hm_send_after(ctx, hm_self(ctx), TICK, NULL, 1 + pick(&a->args.seed, TICK_US), TICK_US, NULL);
}

static void
terminated(struct actor *a, const struct hm_msg *msg)
{
	const struct hm_terminated *body = hm_msg_body(msg);
	bool watched = set_remove(a->watched, WATCHED, body->who);
	bool child = set_remove(a->children, CHILDREN, body->who);

	if (!watched && !child)
		fault(a->args.shared, "the end of somebody not watched, or told twice");
	hmt_count(&a->args.shared->terminated);
}

static void
ordered(struct actor *a, const struct hm_msg *msg)
{
	const struct ordered *body = hm_msg_body(msg);

	if (body->number != a->seen[body->from] + 1)
		fault(a->args.shared, "a message lost, or out of order");
	a->seen[body->from] = body->number;
}

static void
stopped(struct hm_ctx *ctx, struct actor *a)
{
	for (uint32_t i = 0; i < CHILDREN; i++) {
		if (!hm_pid_is_none(a->children[i]))
			fault(a->args.shared, "stopped before a child");
	}
	if (!a->is_stopping || hm_children_count(ctx) != 0)
		fault(a->args.shared, "stopped before its time");
	/* What is done last is undone with it. */
	for (uint32_t i = 0; i < DEEDS; i++)
		deed_do(ctx, a);
}

static void
respond(struct hm_ctx *ctx, struct actor *a, const struct hm_msg *msg)
{
	struct hm_msg *answer =
		pick(&a->args.seed, 4) == 0 ? made_new(ctx, a, ANSWER, hm_msg_buffer(msg)) : NULL;

	if (answer == NULL) {
		(void)hm_respond(ctx, ANSWER, hm_msg_body(msg));
		return;
	}
	*(uint64_t *)hm_msg_body_mut(answer) = *(const uint64_t *)hm_msg_body(msg);
	(void)hm_msg_respond(ctx, answer);
}

static void
user_receive(struct hm_ctx *ctx, struct actor *a, const struct hm_msg *msg)
{
	extras_check(a->args.shared, msg);
	switch (hm_msg_type(msg)) {
	case TICK:
		for (uint32_t i = 0; i < DEEDS; i++)
			deed_do(ctx, a);
		if (a->args.depth > 0 && pick(&a->args.seed, 40) == 0)
			hm_stop(ctx, hm_self(ctx));
		break;
	case ORDERED:
		ordered(a, msg);
		break;
	case ACQUAINTANCE:
		a->known[pick(&a->args.seed, KNOWN)] = *(const struct hm_pid *)hm_msg_body(msg);
		if (pick(&a->args.seed, 3) == 0)
			(void)hm_forward(ctx, anybody(a));
		break;
	case REQUEST:
		if (pick(&a->args.seed, 8) == 0)
			(void)hm_forward(ctx, anybody(a));
		else if (pick(&a->args.seed, 8) != 0)
			respond(ctx, a, msg);
		break;
	default:
		break;
	}
}

static void
actor_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct actor *a = state;

	if (!a->is_started && hm_msg_type(msg) != HM_STARTED)
		fault(a->args.shared, "something came before started");
	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		started(ctx, a);
		break;
	case HM_STOPPING:
		if (a->is_stopping)
			fault(a->args.shared, "stopping twice");
		a->is_stopping = true;
		deed_do(ctx, a);
		break;
	case HM_STOPPED:
		stopped(ctx, a);
		break;
	case HM_TERMINATED:
		terminated(a, msg);
		break;
	default:
		if (a->is_stopping)
			fault(a->args.shared, "a user message after stopping");
		user_receive(ctx, a, msg);
		break;
	}
}
