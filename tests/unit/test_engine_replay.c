/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run that is repeated by its seed and its clock: actors on several lcores that spawn, send to each other
 * and wait, all by random numbers, and what each of them received and when.
 */
#include <criterion/criterion.h>

#include <errno.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_replay, .init = hmt_eal_start);

#define LCORES     3u
#define ACTORS_MAX 200u
#define TRACE      20000u
#define TURNS      4000u

struct event {
	uint64_t ns, sender, number;
	uint32_t actor, type; /* without padding, which memcmp would see */
};

/* One run. */
struct run {
	struct hm_system *sys;
	uint64_t now_ns;
	struct hm_pid actors[ACTORS_MAX];
	uint32_t actors_count, events_count;
	struct event events[TRACE];
};

static struct run *run; /* the one that is under way */

/* Goes on a little each time it is read, so that it also matters how often that is. */
static uint64_t
clock_read(void *arg)
{
	return ((struct run *)arg)->now_ns += 50;
}

static uint32_t
random_below(uint32_t end)
{
	return (uint32_t)(hm_system_random(run->sys) % end);
}

static void receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg);

static const struct hm_props props = { .receive = receive,
				       .state_size = sizeof(uint32_t),
				       .args_size = sizeof(uint32_t),
				       .lcore = HM_LCORE_ANY };

static void
trace(struct hm_ctx *ctx, uint32_t actor, const struct hm_msg *msg)
{
	if (run->events_count < TRACE)
		run->events[run->events_count++] = (struct event){
			.ns = hm_now_ns(ctx),
			.sender = hm_sender(ctx).local,
			.number = hm_msg_type(msg) == HMT_NUMBER ? *(const uint64_t *)hm_msg_body(msg) : 0,
			.actor = actor,
			.type = hm_msg_type(msg),
		};
}

static void
spawn_one(struct hm_ctx *ctx)
{
	uint32_t index = run->actors_count;

	if (index < ACTORS_MAX && hm_spawn(ctx, &props, NULL, &index, &run->actors[index]) == 0)
		run->actors_count++;
}

static void
receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint64_t number = random_below(1000);

	trace(ctx, *(uint32_t *)state, msg);
	if (hm_msg_type(msg) == HM_STARTED || hm_msg_type(msg) == HMT_EMPTY) {
		cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_EMPTY, NULL, random_below(3000), 0, NULL),
			     HM_OK);
		cr_assert_eq(hm_send(ctx, run->actors[random_below(run->actors_count)], HMT_NUMBER, &number),
			     HM_OK);
	}
	if (random_below(8) == 0)
		spawn_one(ctx);
}

static void
run_start(uint64_t seed)
{
	static const struct hm_type types[] = {
		{ .id = HMT_NUMBER, .name = "number", .size = sizeof(uint64_t) },
		{ .id = HMT_EMPTY, .name = "empty" },
	};
	struct hm_config config = {
		.mode = HM_MODE_STEPPED, .lcores = LCORES, .seed = seed, .clock = { clock_read, run }
	};
	uint32_t index = 0;

	cr_assert_eq(hm_system_create(&run->sys, 0, NULL, &config), 0);
	for (size_t i = 0; i < RTE_DIM(types); i++)
		cr_assert_eq(hm_type_register(run->sys, &types[i]), 0);
	run->actors_count = 1;
	cr_assert_eq(hm_system_spawn(run->sys, &props, "first", &index, &run->actors[0]), 0);
}

static struct run *
run_of(uint64_t seed)
{
	run = calloc(1, sizeof(*run));
	cr_assert_not_null(run);
	run_start(seed);
	for (uint32_t i = 0; i < TURNS; i++) {
		run->now_ns += 20000;
		(void)hm_system_turn(run->sys);
	}
	cr_assert_eq(run->actors_count, ACTORS_MAX);
	cr_assert_gt(run->events_count, 1000);
	hm_system_destroy(run->sys);
	return run;
}

static bool
are_same(const struct run *a, const struct run *b)
{
	return a->events_count == b->events_count && memcmp(a->events, b->events, sizeof(a->events)) == 0;
}

Test(engine_replay, run__is_repeated_by_seed_and_clock)
{
	struct run *first = run_of(7), *again = run_of(7), *other = run_of(8);

	cr_assert(are_same(first, again));
	cr_assert_not(are_same(first, other), "another seed");
	free(first);
	free(again);
	free(other);
}

static uint64_t
of_the_machine(void *arg)
{
	(void)arg;
	return 1;
}

/* Threads sleep by the machine's clock. */
Test(engine_replay, clock__is_for_stepped_systems)
{
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .clock = { of_the_machine, NULL } };
	struct hm_system *sys;

	cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), -EINVAL);
	cr_assert_null(sys);
}
