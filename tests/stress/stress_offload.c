/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors on two lcores hand calls to the offload pool as fast as it takes them, cancel some, and end with calls
 * under way; the pool's threads bring results back through small inject rings. Each call computes from its
 * arguments what the actor knows beforehand: a result that comes twice, is somebody else's, or is that of a call
 * cancelled before the last one, is a fault. Every round stops in full flight; then no message may be lost.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hm_offload.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define LCORES        2u
#define ACTORS        8u
#define IN_FLIGHT     24u /* of an actor: all together more than the queue takes */
#define ROUND_SECONDS 0.3
#define ROUNDS        3u /* at least */

enum {
	TICK = HM_TYPE_USER,
	RESULT,
};

struct shared {
	struct hm_system *sys;
	atomic_int faults;
	_Atomic uint64_t made, results, refused, cancelled;
};

struct question {
	uint64_t actor, slot, number;
};

struct result {
	struct question question;
	uint64_t answer;
};

struct call {
	struct hm_offload handle;
	uint64_t number;    /* 0: none is under way */
	uint64_t cancelled; /* the last one that was; its result may have been in the mailbox */
};

struct args {
	struct shared *shared;
	uint64_t seed, index;
};

struct actor {
	struct args args;
	struct call calls[IN_FLIGHT];
	uint64_t last; /* number of the last call */
};

static void
fault(struct shared *shared, const char *what)
{
	if (atomic_fetch_add(&shared->faults, 1) < 10)
		fprintf(stderr, "stress_offload: %s\n", what);
}

static uint64_t
answer_to(const struct question *q)
{
	return (q->number * ACTORS + q->actor) * 0x9e3779b97f4a7c15u + q->slot;
}

static void
answer(const struct hm_work *work, void *args, void *result)
{
	struct result *r = result;

	(void)hm_work_is_cancelled(work);
	memcpy(&r->question, args, sizeof(r->question));
	r->answer = answer_to(&r->question);
}

static void
call_make(struct hm_ctx *ctx, struct actor *a, uint32_t slot)
{
	struct question q = { a->args.index, slot, a->last + 1 };
	struct call *call = &a->calls[slot];
	enum hm_result rc = hm_offload(ctx, answer, &q, sizeof(q), RESULT, &call->handle);

	if (rc == HM_OK) {
		call->number = ++a->last;
		atomic_fetch_add_explicit(&a->args.shared->made, 1, memory_order_relaxed);
	} else if (rc == HM_WOULD_BLOCK) {
		atomic_fetch_add_explicit(&a->args.shared->refused, 1, memory_order_relaxed);
	} else {
		fault(a->args.shared, "a call was refused for no reason");
	}
}

/* Some are given up, whether they wait, run, or are on their way back. */
static void
tick(struct hm_ctx *ctx, struct actor *a)
{
	for (uint32_t slot = 0; slot < IN_FLIGHT; slot++) {
		struct call *call = &a->calls[slot];

		if (call->number != 0 && hmt_random_below(&a->args.seed, 8) == 0) {
			hm_offload_cancel(ctx, call->handle);
			call->cancelled = call->number;
			call->number = 0;
			atomic_fetch_add_explicit(&a->args.shared->cancelled, 1, memory_order_relaxed);
		}
		if (call->number == 0)
			call_make(ctx, a, slot);
	}
	(void)hm_send_after(ctx, hm_self(ctx), TICK, NULL, 50, 0, NULL);
}

static void
result_take(struct actor *a, const struct result *r)
{
	const struct question *q = &r->question;
	struct call *call = &a->calls[q->slot % IN_FLIGHT];

	if (q->actor != a->args.index || q->slot >= IN_FLIGHT)
		fault(a->args.shared, "somebody else's result");
	else if (r->answer != answer_to(q))
		fault(a->args.shared, "a wrong result");
	else if (q->number == call->number)
		call->number = 0;
	else if (q->number == call->cancelled)
		call->cancelled = 0;
	else
		fault(a->args.shared, "a result that came twice, or of a call that was cancelled long ago");
	atomic_fetch_add_explicit(&a->args.shared->results, 1, memory_order_relaxed);
}

static void
actor_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	switch (hm_msg_type(msg)) {
	case HM_STARTED:
	case TICK:
		tick(ctx, state);
		break;
	case RESULT:
		result_take(state, hm_msg_body(msg));
		break;
	default:
		break;
	}
}

static void
types_register(struct hm_system *sys)
{
	static const struct hm_type tick_type = { .id = TICK, .name = "tick" }, result_type = {
		.id = RESULT, .name = "result", .size = sizeof(struct result)
	};

	if (hm_type_register(sys, &tick_type) != 0 || hm_type_register(sys, &result_type) != 0)
		abort();
}

static struct hm_system *
system_make(struct shared *shared, uint64_t seed)
{
	char *argv[] = { (char *)(uintptr_t) "stress", (char *)(uintptr_t) "--",
			 (char *)(uintptr_t) "--offload-queue=64", (char *)(uintptr_t) "--inject=16", NULL };
	static struct hm_props props[LCORES];
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = LCORES };

	if (hm_system_create(&shared->sys, 4, argv, &config) != 0)
		abort();
	types_register(shared->sys);
	for (uint32_t i = 0; i < ACTORS; i++) {
		struct args args = { shared, seed + i, i };
		struct hm_pid pid;

		props[i % LCORES] = (struct hm_props){ .receive = actor_receive,
						       .state_size = sizeof(struct actor),
						       .args_size = sizeof(struct args),
						       .lcore = HM_LCORE(i % LCORES) };
		if (hm_system_spawn(shared->sys, &props[i % LCORES], NULL, &args, &pid) != 0)
			abort();
	}
	return shared->sys;
}

static void
round_run(struct shared *shared, uint64_t seed)
{
	struct hm_system *sys = system_make(shared, seed);

	if (hm_system_start(sys) != 0)
		abort();
	hmt_sleep_s(ROUND_SECONDS);
	hm_system_stop(sys);
	if (hm_system_join(sys) != 0)
		abort();
	hmt_books_check(sys);
	hmt_system_free(sys);
}

int
main(void)
{
	static struct shared shared;
	struct hmt_stress stress = hmt_stress_begin(1.5);
	uint64_t seed = stress.seed;

	hmt_eal_start_with(LCORES + 1, 128);
	for (uint32_t i = 0; i < ROUNDS || !hmt_stress_is_over(&stress); i++)
		round_run(&shared, seed += ACTORS);
	if (shared.results == 0 || shared.cancelled == 0 || shared.refused == 0)
		fault(&shared, "nothing was made, cancelled or refused");
	printf("%" PRIu64 " calls, %" PRIu64 " results, %" PRIu64 " cancelled, %" PRIu64
	       " refused, %d problems\n",
	       shared.made, shared.results, shared.cancelled, shared.refused, shared.faults);
	return shared.faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
