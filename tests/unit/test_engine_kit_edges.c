/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test kit where it is used wrongly, left in the middle, or has stopped already; and what it counts where lcores are threads.
 */
#include <criterion/criterion.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <unistd.h>

#include "hm_extension.h"
#include "hm_future.h"
#include "hm_messages.h"
#include "hm_testkit.h"
#include "hmt_eal.h"

TestSuite(engine_kit_edges, .init = hmt_eal_start);

/* Two lcores beside the one of the test's own thread. */
static void
three_lcores(void)
{
	hmt_eal_start_with(3, 256);
}

TestSuite(engine_kit_edges_real, .init = three_lcores, .timeout = 60);

#define EDGES(MESSAGE)       \
	MESSAGE(edges_go)    \
	MESSAGE(edges_never) \
	MESSAGE(edges_quit)

HM_MESSAGES(edges, HM_TYPE_USER, EDGES);

static struct hm_kit *kit;
static struct hm_probe *probe;

static char told[4096];
static uint32_t tellings;
static jmp_buf out;
static bool leaves; /* who is told of a failure leaves the call, as an assertion does */

static void
tell(void *arg, const char *text)
{
	(void)arg;
	snprintf(told, sizeof(told), "%s", text);
	tellings++;
	if (leaves)
		longjmp(out, 1);
}

static void
told_check(const char *part)
{
	cr_assert_eq(tellings, 1, "%u: %s", tellings, told);
	cr_assert_not_null(strstr(told, part), "%s", told);
	tellings = 0;
}

static void
start(struct hm_kit_config config)
{
	config.system.lcores = 2;
	config.fail = tell;
	cr_assert_eq(hm_kit_create(&kit, &config), 0);
	cr_assert_eq(edges_register(hm_kit_system(kit)), 0);
	probe = hm_kit_probe_on(kit, "probe", 1);
}

static void
real_start(const struct hm_supervisor *supervisor)
{
	static char name[] = "real";

	start((struct hm_kit_config){ .system = { .supervisor = supervisor },
				      .real_time = true,
				      .argc = 1,
				      .argv = (char *[]){ name, NULL } });
}

static void
end_well(void)
{
	cr_assert(hm_kit_end(kit), "%s", told);
	cr_assert_eq(tellings, 0, "%s", told);
}

/* ---- Calls within a turn ---------------------------------------------------------------------- */

static void
quiet(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == edges_quit)
		hm_stop(ctx, hm_self(ctx));
}

static const struct hm_props quiet_props = { .receive = quiet };

static bool
step_here(void)
{
	return hm_kit_step(kit);
}

static bool
settle_here(void)
{
	return hm_kit_settle(kit) != 0;
}

static bool
advance_here(void)
{
	uint64_t at_ns = hm_kit_now_ns(kit);

	hm_kit_advance(kit, 1000000);
	return hm_kit_now_ns(kit) - at_ns >= 1000000000;
}

static bool
advance_next_here(void)
{
	return hm_kit_advance_next(kit);
}

static bool
spawn_here(void)
{
	return !hm_pid_is_none(hm_kit_spawn(kit, &quiet_props, NULL, NULL));
}

static bool
probe_here(void)
{
	return hm_kit_probe(kit, NULL) != NULL;
}

static bool
send_here(void)
{
	return hm_probe_send(probe, hm_probe_pid(probe), edges_go, NULL) != HM_INVALID;
}

static bool
next_here(void)
{
	return hm_probe_next(probe, 0) != NULL;
}

static bool
none_here(void)
{
	return hm_probe_expect_none(probe, 0);
}

static bool
stop_here(void)
{
	hm_probe_stop(probe);
	return false;
}

static bool
left_here(void)
{
	struct hm_kit_left left;

	return hm_kit_left(kit, &left);
}

static bool
nothing_left_here(void)
{
	return hm_kit_expect_nothing_left(kit);
}

static bool
end_here(void)
{
	return hm_kit_end(kit);
}

/* What is called where it must not be, and how the failure names it. */
static const struct misplaced {
	const char *name;
	bool (*call)(void);
} misplaced[] = {
	{ "hm_kit_step", step_here },
	{ "hm_kit_settle", settle_here },
	{ "hm_kit_advance", advance_here },
	{ "hm_kit_advance_next", advance_next_here },
	{ "hm_kit_spawn", spawn_here },
	{ "hm_kit_probe", probe_here },
	{ "hm_probe_do", send_here },
	{ "hm_probe_next", next_here },
	{ "hm_probe_expect_none", none_here },
	{ "hm_probe_stop", stop_here },
	{ "hm_kit_left", left_here },
	{ "hm_kit_expect_nothing_left", nothing_left_here },
	{ "hm_kit_end", end_here },
};

#define MISPLACED (sizeof(misplaced) / sizeof(misplaced[0]))

static bool
call_misplaced(struct hm_ctx *ctx, const struct hm_msg *msg, void *arg)
{
	const struct misplaced *what = arg;

	(void)ctx;
	(void)msg;
	cr_assert_not(what->call(), "%s", what->name);
	cr_assert_eq(tellings, 0, "told in the turn");
	return false;
}

static void
refused_check(const struct misplaced *what)
{
	cr_assert_not_null(strstr(told, what->name), "%s: %s", what->name, told);
	told_check("called within a turn, or on another thread than the test's");
}

Test(engine_kit_edges, turn__calls_that_would_begin_one_are_refused)
{
	for (uint32_t i = 0; i < MISPLACED; i++) {
		start((struct hm_kit_config){ .by_message = i % 2 == 1 });
		hm_probe_autopilot(probe, call_misplaced, (void *)(uintptr_t)&misplaced[i]);
		cr_assert_eq(edges_go_system_send(hm_kit_system(kit), hm_probe_pid(probe)), HM_OK);
		hm_kit_settle(kit);
		refused_check(&misplaced[i]);
		/* It has done no harm. */
		hm_probe_autopilot(probe, NULL, NULL);
		cr_assert_eq(hm_probe_send(probe, hm_probe_pid(probe), edges_go, NULL), HM_OK);
		cr_assert_not_null(hm_probe_expect(probe, edges_go, HM_KIT_WITHIN));
		end_well();
	}
}

Test(engine_kit_edges_real, turn__calls_of_an_lcore_are_refused)
{
	for (uint32_t i = 0; i < MISPLACED; i++) {
		real_start(NULL);
		hm_probe_autopilot(probe, call_misplaced, (void *)(uintptr_t)&misplaced[i]);
		cr_assert_eq(edges_go_system_send(hm_kit_system(kit), hm_probe_pid(probe)), HM_OK);
		cr_assert_null(hm_probe_next(probe, HM_KIT_WITHIN));
		refused_check(&misplaced[i]);
		end_well();
	}
}

static void *
call_all(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < MISPLACED; i++)
		cr_assert_not(misplaced[i].call(), "%s", misplaced[i].name);
	return NULL;
}

Test(engine_kit_edges, thread__calls_of_another_one_are_refused)
{
	pthread_t thread;

	start((struct hm_kit_config){ 0 });
	cr_assert_eq(pthread_create(&thread, NULL, call_all, NULL), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_eq(tellings, 0);
	cr_assert_not(hm_kit_end(kit));
	refused_check(&misplaced[0]);
}

/* ---- What is left, of lcores that are threads -------------------------------------------------- */

/* Starts a timer of a minute, and asks itself for what never comes. */
static void
waiting(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HM_STARTED)
		(void)hm_send_after(ctx, hm_self(ctx), edges_go, NULL, 60000000, 0, NULL);
}

static const struct hm_props waiting_props[] = {
	{ .receive = waiting, .lcore = HM_LCORE(0) },
	{ .receive = waiting, .lcore = HM_LCORE(1) },
};

static void
no_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	(void)ctx;
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
}

static void
ask(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hm_ask(ctx, *(struct hm_pid *)arg, edges_never, NULL, 60000000, no_answer, NULL), HM_OK);
}

Test(engine_kit_edges_real, left__counts_timers_and_processes)
{
	struct hm_pid actors[2];
	struct hm_kit_left left;

	real_start(NULL);
	cr_assert(hm_kit_left(kit, &left));
	cr_assert_eq(left.actors + left.timers + left.processes + left.messages + left.kept, 0);
	for (int i = 0; i < 2; i++) {
		actors[i] = hm_kit_spawn(kit, &waiting_props[i], i == 0 ? "one" : "two", NULL);
		cr_assert(hm_probe_do(probe, ask, &actors[i]));
	}
	hm_kit_advance(kit, 50000);
	cr_assert(hm_kit_left(kit, &left));
	cr_assert(left.actors == 2 && left.timers == 4 && left.processes == 2 && left.messages == 0,
		  "%lu actors, %lu timers, %lu processes, %lu messages", left.actors, left.timers,
		  left.processes, left.messages);
	cr_assert_not(hm_kit_expect_nothing_left(kit));
	told_check("left: 2 actors: /user/one, /user/two; 4 timers, 2 futures and their like, 0 messages");
	for (int i = 0; i < 2; i++)
		cr_assert_eq(hm_system_stop_actor(hm_kit_system(kit), actors[i]), 0);
	hm_kit_advance(kit, 50000);
	cr_assert(hm_kit_left(kit, &left));
	/* The futures end with who was asked, or when their time is up. */
	cr_assert(left.actors == 0 && left.messages == 0);
	end_well();
}

Test(engine_kit_edges_real, left__when_the_system_has_stopped)
{
	struct hm_kit_left left;

	real_start(NULL);
	(void)hm_kit_spawn(kit, &waiting_props[0], NULL, NULL);
	hm_kit_advance(kit, 10000);
	hm_system_stop(hm_kit_system(kit));
	/* Lcores leave meanwhile: each look finds them there or not. */
	for (int i = 0; i < 50; i++) {
		cr_assert(hm_kit_left(kit, &left));
		cr_assert_leq(left.actors, 1);
		cr_assert_leq(left.timers, 1);
		hm_kit_advance(kit, 1000);
	}
	cr_assert_eq(left.actors, 0);
	cr_assert_eq(left.timers, 0);
	end_well();
}

Test(engine_kit_edges, left__when_the_system_has_stopped)
{
	struct hm_kit_left left;

	start((struct hm_kit_config){ 0 });
	(void)hm_kit_spawn(kit, &quiet_props, NULL, NULL);
	hm_kit_settle(kit);
	hm_system_stop(hm_kit_system(kit));
	hm_kit_settle(kit);
	cr_assert(hm_kit_left(kit, &left));
	cr_assert_eq(left.actors, 0);
	cr_assert(hm_kit_expect_nothing_left(kit), "%s", told);
	end_well();
}

/* ---- Calls that end early ---------------------------------------------------------------------- */

/* Written by what a probe does, for who must not be back before. */
struct slow {
	bool fails;
	bool has_ended;
};

static void
fail_and_go_on(struct hm_ctx *ctx, void *arg)
{
	struct slow *slow = arg;

	hm_kit_fail(kit, "in the middle");
	usleep(200000);
	slow->has_ended = true;
	if (slow->fails)
		hm_fail(ctx, "on purpose");
}

Test(engine_kit_edges_real, do__waits_for_what_has_begun)
{
	static const struct hm_supervisor resume = { .directive = HM_DIRECTIVE_RESUME };
	struct slow slow = { .fails = false };

	real_start(&resume);
	(void)hm_probe_do(probe, fail_and_go_on, &slow);
	cr_assert(slow.has_ended);
	told_check("in the middle");
	/* A probe that is resumed is told nothing of its failure. */
	slow = (struct slow){ .fails = true };
	cr_assert_not(hm_probe_do(probe, fail_and_go_on, &slow));
	cr_assert(slow.has_ended);
	told_check("in the middle");
	cr_assert_eq(hm_probe_send(probe, hm_probe_pid(probe), edges_go, NULL), HM_OK);
	cr_assert_not_null(hm_probe_expect(probe, edges_go, HM_KIT_WITHIN));
	end_well();
}

static uint32_t done;

static void
count(struct hm_ctx *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
	done++;
}

static bool
fail_first(struct hm_ctx *ctx, const struct hm_msg *msg, void *arg)
{
	(void)ctx;
	(void)msg;
	(void)arg;
	hm_kit_fail(kit, "before it");
	return false;
}

Test(engine_kit_edges, do__that_a_failure_has_left_is_not_done_later)
{
	start((struct hm_kit_config){ .by_message = true });
	hm_kit_settle(kit);
	hm_probe_autopilot(probe, fail_first, NULL);
	cr_assert_eq(edges_go_system_send(hm_kit_system(kit), hm_probe_pid(probe)), HM_OK);
	leaves = true;
	if (setjmp(out) == 0) {
		(void)hm_probe_do(probe, count, NULL);
		cr_assert(false, "who is told of the failure leaves the call");
	}
	leaves = false;
	told_check("before it");
	hm_kit_settle(kit);
	cr_assert_eq(done, 0);
	hm_probe_autopilot(probe, NULL, NULL);
	cr_assert(hm_probe_do(probe, count, NULL));
	cr_assert_eq(done, 1);
	end_well();
}

/* ---- An end that is left ------------------------------------------------------------------------ */

static void
note(void *value)
{
	*(bool *)value = true;
}

static const struct hm_extension noted = { .name = "noted", .destroy = note };

/* At its end, which is in hm_kit_end. */
static void
fail_at_end(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) == HM_STOPPING)
		hm_kit_fail(kit, "at the end");
}

static const struct hm_props fail_at_end_props = { .receive = fail_at_end };

static void
leave_the_end(struct hm_kit_config config)
{
	bool is_destroyed = false;

	start(config);
	cr_assert_eq(hm_system_extension_set(hm_kit_system(kit), &noted, &is_destroyed), 0);
	(void)hm_kit_spawn(kit, &fail_at_end_props, NULL, NULL);
	leaves = true;
	if (setjmp(out) == 0) {
		(void)hm_kit_end(kit);
		cr_assert(false, "who is told of the failure leaves the call");
	}
	leaves = false;
	cr_assert(is_destroyed);
	told_check("at the end");
}

Test(engine_kit_edges, end__who_leaves_it_leaves_nothing_behind)
{
	leave_the_end((struct hm_kit_config){ 0 });
	leave_the_end((struct hm_kit_config){ .order = HM_KIT_SEEDED, .seed = 3 });
}

Test(engine_kit_edges_real, end__who_leaves_it_leaves_nothing_behind)
{
	static char name[] = "real";

	for (int i = 0; i < 2; i++)
		leave_the_end((struct hm_kit_config){
			.real_time = true, .argc = 1, .argv = (char *[]){ name, NULL } });
}
