/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures between two lcores, and requests of external threads: actors ask each other, hand their futures
 * to others, who wait for them too, cancel and release them at random, ask in batches, and end now and then with all
 * of it under way. Some requests are never answered. External threads send requests, wait for some of their
 * eventfds, and give others up. An answer is computed from its request, so that one that is somebody else's, or comes
 * after a cancel, is found. Every round stops in full flight; then no message and no file may be lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hm_call.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define LCORES        2u
#define ACTORS        6u
#define THREADS       2u
#define CALLS         16u /* of a thread */
#define BATCH         5u
#define ROUND_SECONDS 0.3
#define ROUNDS        3u   /* at least */
#define SILENT        16u  /* every so many-th number is not answered */
#define LIFE          400u /* ticks of an actor */

enum {
	TICK = HM_TYPE_USER,
	QUESTION, /* body: uint64_t */
	ANSWER,   /* body: struct answer */
	SHARE,    /* body: struct share */
};

struct answer {
	uint64_t number, answer;
};

/* Somebody else's future, and what it asks. */
struct share {
	struct hm_future future;
	uint64_t number;
};

struct shared {
	struct hm_system *sys;
	struct hm_pid
		actors[ACTORS]; /* written before the system starts; their parents spawn the next ones */
	atomic_int faults;
	atomic_bool stop;
	_Atomic uint64_t answers, failures, batches, calls, cancelled;
};

static struct shared shared;

static void
fault(const char *what)
{
	if (atomic_fetch_add(&shared.faults, 1) < 10)
		fprintf(stderr, "stress_future: %s\n", what);
}

static void
add(_Atomic uint64_t *count)
{
	atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

static uint64_t
answer_to(uint64_t number)
{
	return number * 0x9e3779b97f4a7c15u + 1;
}

static void
answer_check(const struct answer *answer, uint64_t number)
{
	if (answer->number != number || answer->answer != answer_to(number))
		fault("an answer to another question");
	if (number % SILENT == 0)
		fault("an answer that nobody gave");
	add(&shared.answers);
}

/* ---- Actors ---------------------------------------------------------------------------------- */

struct actor {
	uint64_t seed, ticks;
	struct hm_future last; /* the newest, to be cancelled or released */
};

/* arg: the question's number. */
static void
take(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	uint64_t number = (uint64_t)(uintptr_t)arg;

	(void)ctx;
	(void)state;
	if (result == HM_FUTURE_REPLY)
		answer_check(hm_msg_body(reply), number);
	else
		add(&shared.failures);
}

/* arg: the first question's number. */
static void
batch_take(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	uint64_t number = (uint64_t)(uintptr_t)arg;
	uint32_t answered = 0;

	(void)ctx;
	(void)state;
	for (uint32_t i = 0; i < hm_replies_count(reply); i++) {
		const struct hm_msg *answer = hm_replies_get(reply, i);

		if ((answer != NULL) != (hm_replies_result(reply, i) == HM_FUTURE_REPLY))
			fault("an answer that does not fit its result");
		if (answer != NULL)
			answer_check(hm_msg_body(answer), number + i);
		answered += answer != NULL;
	}
	if (answered != hm_replies_answered(reply) || (result == HM_FUTURE_REPLY && answered < 2))
		fault("a batch with a wrong number of answers");
	add(&shared.batches);
}

static struct hm_pid
somebody(struct actor *a)
{
	return shared.actors[hmt_random_below(&a->seed, ACTORS)];
}

static void
batch_ask(struct hm_ctx *ctx, struct actor *a, uint64_t number)
{
	struct hm_batch_request requests[BATCH];
	uint64_t numbers[BATCH];
	struct hm_batch batch = { .requests = requests,
				  .count = BATCH,
				  .enough = hmt_random_below(&a->seed, 2) == 0 ? 0 : 2,
				  .timeout_us = 1 + hmt_random_below(&a->seed, 500),
				  .on_end = batch_take,
				  .arg = (void *)(uintptr_t)number };

	for (uint32_t i = 0; i < BATCH; i++) {
		numbers[i] = number + i;
		requests[i] = (struct hm_batch_request){ somebody(a), QUESTION, &numbers[i] };
	}
	(void)hm_ask_batch(ctx, &batch);
}

/* A future that others wait for as well. */
static void
future_share(struct hm_ctx *ctx, struct actor *a, uint64_t number)
{
	struct share share = { .number = number };

	if (hm_request_future(ctx, somebody(a), QUESTION, &number, 1 + hmt_random_below(&a->seed, 500),
			      &share.future) != HM_OK)
		return;
	a->last = share.future;
	(void)hm_reenter_after(ctx, share.future, take, (void *)(uintptr_t)number);
	for (uint64_t i = hmt_random_below(&a->seed, 4); i > 0; i--)
		(void)hm_send(ctx, somebody(a), SHARE, &share);
	if (hmt_random_below(&a->seed, 4) == 0)
		hm_future_release(ctx, share.future);
}

static void
tick(struct hm_ctx *ctx, struct actor *a)
{
	uint64_t number = hmt_random(&a->seed) >> 8;

	switch (hmt_random_below(&a->seed, 5)) {
	case 0:
		(void)hm_ask(ctx, somebody(a), QUESTION, &number, 1 + hmt_random_below(&a->seed, 500), take,
			     (void *)(uintptr_t)number);
		break;
	case 1:
		batch_ask(ctx, a, number);
		break;
	case 2:
		hm_future_cancel(ctx, a->last);
		break;
	case 3:
		hm_future_release(ctx, a->last);
		break;
	default:
		future_share(ctx, a, number);
		break;
	}
	(void)hm_send_after(ctx, hm_self(ctx), TICK, NULL, 20, 0, NULL);
}

static void
actor_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct share *share = hm_msg_body(msg);
	struct answer answer;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
	case TICK:
		tick(ctx, state);
		break;
	case QUESTION:
		answer.number = *(const uint64_t *)hm_msg_body(msg);
		answer.answer = answer_to(answer.number);
		if (answer.number % SILENT != 0)
			(void)hm_respond(ctx, ANSWER, &answer);
		break;
	case SHARE:
		(void)hm_reenter_after(ctx, share->future, take, (void *)(uintptr_t)share->number);
		break;
	default:
		break;
	}
}

/* ---- Parents: one actor after the other ends, with all that it waits for -------------------------- */

static const struct hm_props child_props = { .receive = actor_receive,
					     .state_size = sizeof(struct actor),
					     .args_size = sizeof(uint64_t),
					     .lcore = HM_LCORE_ANY };

struct parent {
	uint64_t seed;
	struct hm_pid child;
};

static void
parent_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct parent *p = state;
	struct hm_future gone;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
	case HM_TERMINATED:
		p->seed++;
		if (hm_spawn(ctx, &child_props, NULL, &p->seed, &p->child) == 0)
			(void)hm_send_after(ctx, hm_self(ctx), TICK, NULL, LIFE, 0, NULL);
		break;
	case TICK:
		if (hm_stop_future(ctx, p->child, 1000, &gone) == HM_OK)
			hm_future_release(ctx, gone);
		break;
	default:
		break;
	}
}

/* ---- External threads -------------------------------------------------------------------------------- */

struct call {
	struct hm_call *call;
	uint64_t number;
};

static void
call_begin(struct call *call, uint64_t *seed)
{
	call->number = hmt_random(seed) >> 8;
	if (hm_system_request(shared.sys, shared.actors[hmt_random_below(seed, ACTORS)], QUESTION,
			      &call->number, 1 + hmt_random_below(seed, 2000), &call->call) != 0)
		call->call = NULL;
}

/* Ended by an answer, by time, or by hand. */
static void
call_end(struct call *call, bool is_cancelled)
{
	struct answer answer;
	struct hm_reply reply = { .body = &answer, .size = sizeof(answer) };
	struct pollfd file = { .fd = hm_call_fd(call->call), .events = POLLIN };
	int rc;

	if (is_cancelled)
		hm_call_cancel(call->call);
	while (poll(&file, 1, -1) != 1)
		;
	rc = hm_call_result(call->call, &reply);
	if (rc == 0)
		answer_check(&answer, call->number);
	else if (rc == -EAGAIN)
		fault("a file that was readable too early");
	else if (rc == -ECANCELED)
		add(&shared.cancelled);
	hm_call_free(call->call);
	add(&shared.calls);
}

static void *
caller_main(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg;
	struct call calls[CALLS] = { 0 };

	while (!atomic_load(&shared.stop)) {
		struct call *call = &calls[hmt_random_below(&seed, CALLS)];
		uint64_t deed = hmt_random_below(&seed, 4);

		if (call->call == NULL) {
			call_begin(call, &seed);
			continue;
		}
		if (deed == 0)
			hm_call_free(call->call);
		else
			call_end(call, deed == 1);
		call->call = NULL;
	}
	for (uint32_t i = 0; i < CALLS; i++) {
		if (calls[i].call != NULL)
			call_end(&calls[i], false);
	}
	return NULL;
}

/* ---- Rounds ------------------------------------------------------------------------------------------------ */

static void
types_register(struct hm_system *sys)
{
	static const struct hm_type types[] = {
		{ .id = TICK, .name = "tick" },
		{ .id = QUESTION, .name = "question", .size = sizeof(uint64_t) },
		{ .id = ANSWER, .name = "answer", .size = sizeof(struct answer) },
		{ .id = SHARE, .name = "share", .size = sizeof(struct share) },
	};

	for (size_t i = 0; i < RTE_DIM(types); i++) {
		if (hm_type_register(sys, &types[i]) != 0)
			abort();
	}
}

static void
system_make(uint64_t seed)
{
	static struct hm_props props[LCORES], parent_props[LCORES];
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = LCORES };
	char *argv[] = { (char *)(uintptr_t) "stress", (char *)(uintptr_t) "--",
			 (char *)(uintptr_t) "--inject=64", NULL };

	if (hm_system_create(&shared.sys, 3, argv, &config) != 0)
		abort();
	types_register(shared.sys);
	for (uint32_t i = 0; i < ACTORS; i++) {
		uint64_t args = seed + 1000 * i;
		struct hm_pid parent;

		props[i % LCORES] = child_props;
		props[i % LCORES].lcore = HM_LCORE(i % LCORES);
		parent_props[i % LCORES] = (struct hm_props){ .receive = parent_receive,
							      .state_size = sizeof(struct parent),
							      .args_size = sizeof(uint64_t),
							      .lcore = HM_LCORE(i % LCORES) };
		if (hm_system_spawn(shared.sys, &props[i % LCORES], NULL, &args, &shared.actors[i]) != 0 ||
		    hm_system_spawn(shared.sys, &parent_props[i % LCORES], NULL, &args, &parent) != 0)
			abort();
	}
}

static int
files_open(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void
round_run(uint64_t seed)
{
	pthread_t threads[THREADS];

	system_make(seed);
	atomic_store(&shared.stop, false);
	if (hm_system_start(shared.sys) != 0)
		abort();
	for (uint64_t i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, caller_main, (void *)(uintptr_t)(seed + i)) != 0)
			abort();
	}
	hmt_sleep_s(ROUND_SECONDS);
	hm_system_stop(shared.sys);
	atomic_store(&shared.stop, true);
	if (hm_system_join(shared.sys) != 0)
		abort();
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	hmt_books_check(shared.sys);
	hmt_system_free(shared.sys);
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(1.5);
	uint64_t seed = stress.seed;
	int files = 0;

	hmt_eal_start_with(LCORES + 1, 128);
	for (uint32_t i = 0; i < ROUNDS || !hmt_stress_is_over(&stress); i++) {
		round_run(seed += 1000000);
		if (i == 0)
			files = files_open();
	}
	if (files_open() != files)
		fault("files are left open");
	if (shared.answers == 0 || shared.failures == 0 || shared.batches == 0 || shared.cancelled == 0)
		fault("nothing was answered, failed, asked in a batch or cancelled");
	printf("%" PRIu64 " answers, %" PRIu64 " futures without one, %" PRIu64 " batches, %" PRIu64
	       " calls, %" PRIu64 " cancelled, %d problems\n",
	       shared.answers, shared.failures, shared.batches, shared.calls, shared.cancelled,
	       shared.faults);
	return shared.faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
