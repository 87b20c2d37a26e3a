/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test kit: its time, its steps, its seeds, its failures, and what it finds at the end.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>

#include "hm_messages.h"
#include "hm_testkit.h"
#include "hmt_actor.h"
#include "hmt_death.h"
#include "hmt_eal.h"
#include "lcore_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"

TestSuite(engine_kit, .init = hmt_eal_start);

struct number {
	uint64_t value;
};

#define KIT(MESSAGE)                       \
	MESSAGE(kit_number, struct number) \
	MESSAGE(kit_later, struct number)  \
	MESSAGE(kit_ball, struct hm_pid)   \
	MESSAGE(kit_empty)

HM_MESSAGES(kit, HM_TYPE_USER, KIT);

static struct hm_kit *kit;

/* What the kit has told, which the test asks for. */
static char told[4096];
static uint32_t tellings;

static void
tell(void *arg, const char *text)
{
	cr_assert_eq(arg, &tellings);
	snprintf(told, sizeof(told), "%s", text);
	tellings++;
}

static void
start(struct hm_kit_config config)
{
	config.fail = tell;
	config.fail_arg = &tellings;
	told[0] = '\0';
	tellings = 0;
	cr_assert_eq(hm_kit_create(&kit, &config), 0);
	cr_assert_eq(kit_register(hm_kit_system(kit)), 0);
}

static void
end_well(void)
{
	cr_assert(hm_kit_end(kit), "%s", told);
	cr_assert_eq(tellings, 0, "%s", told);
}

static void
told_check(const char *part)
{
	cr_assert_eq(tellings, 1);
	cr_assert_not_null(strstr(told, part), "%s", told);
	tellings = 0;
}

/* ---- Actors --------------------------------------------------------------------------------- */

/* Sends what it is told to later to its sender. */
static void
delayer(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == kit_later)
		(void)hm_send_after(ctx, hm_sender(ctx), kit_number, hm_msg_body(msg),
				    kit_later_body(msg)->value, 0, NULL);
}

static const struct hm_props delayer_props = { .receive = delayer };

/* Gives the ball to whom its body names, and says that it was its turn. */
static void
player(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hm_pid self = hm_self(ctx);

	(void)state;
	if (hm_msg_type(msg) == kit_ball)
		(void)kit_ball_send(ctx, *kit_ball_body(msg), &self);
}

static const struct hm_props player_props = { .receive = player };

/* Sends its number to a probe for each empty message. */
struct teller {
	struct hm_pid probe;
	uint64_t number;
};

static void
teller(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct teller *self = state;

	if (hm_msg_type(msg) == kit_empty)
		(void)kit_number_send(ctx, self->probe, &(struct number){ self->number });
}

static const struct hm_props teller_props = { .receive = teller,
					      .state_size = sizeof(struct teller),
					      .args_size = sizeof(struct teller) };

/* ---- Creation ------------------------------------------------------------------------------- */

Test(engine_kit, create__refuses_what_it_cannot_use)
{
	struct hm_kit_config config = { .order = (enum hm_kit_order)2 };

	cr_assert_eq(hm_kit_create(NULL, NULL), -EINVAL);
	cr_assert_eq(hm_kit_create(&kit, &config), -EINVAL);
	cr_assert_null(kit);
	config = (struct hm_kit_config){ .system = { .lcores = HM_LCORES_MAX + 1 } };
	cr_assert_neq(hm_kit_create(&kit, &config), 0);
	cr_assert_null(kit);
	cr_assert(hm_kit_end(NULL));
}

Test(engine_kit, create__without_a_configuration)
{
	cr_assert_eq(hm_kit_create(&kit, NULL), 0);
	cr_assert_eq(hm_system_lcores(hm_kit_system(kit)), 1);
	cr_assert_eq(hm_kit_seed(kit), 1);
	cr_assert(hm_kit_end(kit));
}

static void
null_kit(void *arg)
{
	(void)arg;
	(void)hm_kit_settle(NULL);
}

Test(engine_kit, misuse__names_the_function)
{
	char text[512];

	cr_assert(hmt_aborted(hmt_death(null_kit, NULL, text, sizeof(text))));
	cr_assert_not_null(strstr(text, "hm_kit_settle"), "%s", text);
}

/* ---- Time ----------------------------------------------------------------------------------- */

Test(engine_kit, advance__goes_from_timer_to_timer)
{
	struct hm_pid actor;
	struct hm_probe *probe;
	uint64_t at_ns;

	start((struct hm_kit_config){ .system = { .lcores = 2 } });
	actor = hm_kit_spawn(kit, &delayer_props, "delayer", NULL);
	probe = hm_kit_probe_on(kit, "probe", 1);
	at_ns = hm_kit_now_ns(kit);
	cr_assert_eq(hm_probe_request(probe, actor, kit_later, &(struct number){ 3600000000u }), HM_OK);
	cr_assert_eq(hm_probe_request(probe, actor, kit_later, &(struct number){ 1000 }), HM_OK);
	hm_kit_advance(kit, 999);
	cr_assert_eq(hm_probe_count(probe), 0);
	cr_assert_eq(hm_kit_now_ns(kit) - at_ns, 999000);
	hm_kit_advance(kit, 2);
	cr_assert_eq(hm_probe_count(probe), 1);
	cr_assert(hm_kit_advance_next(kit));
	cr_assert_eq(hm_probe_count(probe), 2);
	cr_assert_geq(hm_kit_now_ns(kit) - at_ns, 3600000000000u);
	cr_assert_not(hm_kit_advance_next(kit));
	cr_assert_eq(kit_number_body(hm_probe_expect(probe, kit_number, 0))->value, 1000);
	hm_probe_expect(probe, kit_number, 0);
	end_well();
}

Test(engine_kit, settle__tells_of_what_never_ends)
{
	static const struct hm_props far_props = { .receive = player, .lcore = HM_LCORE(1) };
	struct hm_pid one, other;

	start((struct hm_kit_config){ .system = { .lcores = 2 } });
	one = hm_kit_spawn(kit, &far_props, "one", NULL);
	other = hm_kit_spawn(kit, &player_props, "other", NULL);
	cr_assert_eq(kit_ball_system_send(hm_kit_system(kit), one, &other), HM_OK);
	hm_kit_settle(kit);
	told_check("there is still work, and no time has passed");
	hm_system_stop(hm_kit_system(kit));
	cr_assert(hm_kit_end(kit), "%s", told);
}

Test(engine_kit, step__by_message_handles_one)
{
	struct hm_probe *probe;
	struct teller args = { .number = 1 };
	struct hm_pid actor;
	uint64_t steps[2];

	for (int i = 0; i < 2; i++) {
		start((struct hm_kit_config){ .by_message = i == 1 });
		probe = hm_kit_probe(kit, NULL);
		args.probe = hm_probe_pid(probe);
		actor = hm_kit_spawn(kit, &teller_props, NULL, &args);
		hm_kit_settle(kit);
		for (int k = 0; k < 10; k++)
			cr_assert_eq(kit_empty_system_send(hm_kit_system(kit), actor), HM_OK);
		steps[i] = hm_kit_settle(kit);
		cr_assert_eq(hm_probe_count(probe), 10);
		cr_assert_not(hm_kit_step(kit));
		end_well();
	}
	cr_assert_lt(steps[0], 10);
	cr_assert_geq(steps[1], 20);
}

/* ---- Seeds ---------------------------------------------------------------------------------- */

#define TELLERS 6u

/* The order in which tellers of three lcores reach a probe, which some of them have reached before. */
static void
order_behind(uint32_t earlier, uint64_t seed, enum hm_kit_order order, uint64_t *numbers)
{
	struct hm_pid actors[TELLERS];
	struct hm_probe *probe;

	start((struct hm_kit_config){ .system = { .lcores = 3 }, .order = order, .seed = seed });
	probe = hm_kit_probe(kit, NULL);
	for (uint32_t i = 0; i < TELLERS; i++) {
		static struct hm_props props[TELLERS];
		struct teller args = { hm_probe_pid(probe), i };

		props[i] = teller_props;
		props[i].lcore = HM_LCORE(i % 3);
		actors[i] = hm_kit_spawn(kit, &props[i], NULL, &args);
	}
	hm_kit_settle(kit);
	for (uint32_t i = 0; i < earlier; i++) {
		cr_assert_eq(kit_empty_system_send(hm_kit_system(kit), actors[i]), HM_OK);
		hm_kit_settle(kit);
		hm_probe_expect(probe, kit_number, 0);
	}
	for (uint32_t i = 0; i < TELLERS; i++)
		cr_assert_eq(kit_empty_system_send(hm_kit_system(kit), actors[i]), HM_OK);
	for (uint32_t i = 0; i < TELLERS; i++)
		numbers[i] = kit_number_body(hm_probe_expect(probe, kit_number, 0))->value;
	end_well();
}

static void
order_of(uint64_t seed, enum hm_kit_order order, uint64_t *numbers)
{
	order_behind(0, seed, order, numbers);
}

/* Of a test to which a line is added the others go on as before. */
Test(engine_kit, in_turn__begins_with_the_first_lcore_whenever_all_is_done)
{
	uint64_t first[TELLERS], behind[TELLERS];

	order_of(1, HM_KIT_IN_TURN, first);
	cr_assert_eq(first[0], 0);
	for (uint32_t earlier = 1; earlier <= 3; earlier++) {
		order_behind(earlier, 1, HM_KIT_IN_TURN, behind);
		cr_assert_arr_eq(first, behind, sizeof(first), "%u", earlier);
	}
}

Test(engine_kit, seed__repeats_the_order)
{
	uint64_t first[TELLERS], again[TELLERS];
	uint32_t others = 0;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		uint64_t before[TELLERS];

		memcpy(before, first, sizeof(before));
		order_of(seed, HM_KIT_SEEDED, first);
		order_of(seed, HM_KIT_SEEDED, again);
		cr_assert_arr_eq(first, again, sizeof(first));
		others += seed > 1 && memcmp(before, first, sizeof(before)) != 0;
	}
	cr_assert_gt(others, 15);
	order_of(1, HM_KIT_IN_TURN, first);
	order_of(2, HM_KIT_IN_TURN, again);
	cr_assert_arr_eq(first, again, sizeof(first));
}

Test(engine_kit, seed__two_actors_of_one_lcore_run_in_either_order)
{
	uint32_t third_first = 0;

	for (uint64_t seed = 1; seed <= 40; seed++) {
		uint64_t numbers[TELLERS];
		uint32_t at[TELLERS];

		order_of(seed, HM_KIT_SEEDED, numbers);
		for (uint32_t i = 0; i < TELLERS; i++)
			at[numbers[i]] = i;
		third_first += at[3] < at[0];
	}
	cr_assert(third_first > 0 && third_first < 40, "%u", third_first);
}

Test(engine_kit, seed__environment_overrides)
{
	setenv("HM_SEED", "77", 1);
	start((struct hm_kit_config){ .order = HM_KIT_SEEDED, .seed = 5 });
	cr_assert_eq(hm_kit_seed(kit), 77);
	hm_kit_fail(kit, "on purpose");
	told_check("on purpose\nHM_SEED=77 repeats this run");
	cr_assert(hm_kit_end(kit));
}

static void
create_with(void *seed)
{
	setenv("HM_SEED", seed, 1);
	cr_assert_eq(hm_kit_create(&kit, NULL), -EINVAL, "HM_SEED='%s'", (const char *)seed);
	cr_assert_null(kit);
}

Test(engine_kit, seed__that_is_no_number_is_refused)
{
	static const char *const wrong[] = {
		"", "0", "-1", " -5", "+5", " 5", "5 ", "7x", "x", "0x5", "18446744073709551616"
	};
	char text[512], line[128];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int status = hmt_death(create_with, (void *)(uintptr_t)wrong[i], text, sizeof(text));

		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == HMT_SURVIVED, "%s: %s", wrong[i], text);
		snprintf(line, sizeof(line), "hermod: HM_SEED is '%s': it has to be a number from 1 to ",
			 wrong[i]);
		cr_assert_not_null(strstr(text, line), "%s", text);
	}
	setenv("HM_SEED", "18446744073709551615", 1);
	start((struct hm_kit_config){ 0 });
	cr_assert_eq(hm_kit_seed(kit), UINT64_MAX);
	end_well();
}

Test(engine_kit, seed__is_chosen_and_repeats_itself)
{
	char text[32];
	uint64_t seed;

	start((struct hm_kit_config){ .order = HM_KIT_SEEDED });
	seed = hm_kit_seed(kit);
	end_well();
	snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
	setenv("HM_SEED", text, 1);
	start((struct hm_kit_config){ .order = HM_KIT_SEEDED });
	cr_assert_eq(hm_kit_seed(kit), seed);
	end_well();
}

/* ---- Failures ------------------------------------------------------------------------------- */

static void
kit_fails(struct hm_ctx *ctx, void *arg)
{
	(void)ctx;
	hm_kit_fail(kit, "within %s", (const char *)arg);
	cr_assert_eq(tellings, 0, "told in the turn");
}

Test(engine_kit, fail__in_a_turn_is_told_behind_it)
{
	start((struct hm_kit_config){ 0 });
	hm_probe_do(hm_kit_probe(kit, NULL), kit_fails, (void *)(uintptr_t) "a turn");
	told_check("within a turn");
	cr_assert(hm_kit_end(kit));
}

Test(engine_kit, check__names_line_and_condition)
{
	int one = 1;

	start((struct hm_kit_config){ 0 });
	cr_assert(hm_kit_check(kit, one == 1));
	cr_assert_eq(tellings, 0);
	cr_assert_not(hm_kit_check(kit, one == 2));
	told_check("does not hold: one == 2");
	cr_assert_not_null(strstr(told, "test_engine_kit.c:"));
	cr_assert(hm_kit_end(kit));
}

static void
fail_by_default(void *arg)
{
	(void)arg;
	cr_assert_eq(hm_kit_create(&kit, NULL), 0);
	hm_kit_fail(kit, "for a number: %d", 7);
}

Test(engine_kit, fail__by_default_ends_the_process)
{
	char text[512];

	cr_assert(hmt_aborted(hmt_death(fail_by_default, NULL, text, sizeof(text))));
	cr_assert_not_null(strstr(text, "for a number: 7"), "%s", text);
}

Test(engine_kit, spawn__that_is_refused_is_a_failure)
{
	start((struct hm_kit_config){ 0 });
	cr_assert(hm_pid_is_none(hm_kit_spawn(kit, &teller_props, "bad name", NULL)));
	told_check("hm_kit_spawn of bad name: Invalid argument");
	cr_assert_null(hm_kit_probe_on(kit, NULL, 1));
	told_check("on lcore 1: Invalid argument");
	cr_assert_not_null(hm_kit_probe(kit, "probe"));
	cr_assert_null(hm_kit_probe(kit, "probe"));
	told_check("hm_kit_probe of probe on lcore 0: File exists");
	cr_assert(hm_kit_end(kit));
}

/* ---- The end -------------------------------------------------------------------------------- */

static void
ask_and_wait(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hm_ask(ctx, *(struct hm_pid *)arg, kit_empty, NULL, 1000000, hmt_ignore_reply, NULL),
		     HM_OK);
}

Test(engine_kit, nothing_left__names_what_is_left)
{
	struct hm_kit_left left;
	struct hm_probe *probe;
	struct hm_pid actor;

	start((struct hm_kit_config){ .system = { .lcores = 2 } });
	probe = hm_kit_probe_on(kit, "probe", 1);
	cr_assert(hm_kit_expect_nothing_left(kit), "%s", told);
	actor = hm_kit_spawn(kit, &delayer_props, "delayer", NULL);
	hm_probe_request(probe, actor, kit_later, &(struct number){ 1000 });
	hm_probe_do(probe, ask_and_wait, &actor);
	hm_probe_send(probe, hm_probe_pid(probe), kit_empty, NULL);
	cr_assert_not(hm_kit_expect_nothing_left(kit));
	told_check(
		"left: 1 actors: /user/delayer; 2 timers, 1 futures and their like, 0 messages under way, 1");
	cr_assert_eq(kit_empty_system_send(hm_kit_system(kit), actor), HM_OK);
	hm_kit_left(kit, &left);
	cr_assert(left.actors == 1 && left.timers == 2 && left.processes == 1 && left.messages == 1 &&
		  left.kept == 1);
	hm_kit_advance(kit, 2000000);
	cr_assert_not_null(hm_probe_expect(probe, kit_empty, 0));
	cr_assert_not_null(hm_probe_expect(probe, kit_number, 0));
	cr_assert_eq(hm_system_stop_actor(hm_kit_system(kit), actor), 0);
	cr_assert(hm_kit_expect_nothing_left(kit), "%s", told);
	end_well();
}

Test(engine_kit, end__finds_wrong_accounts)
{
	start((struct hm_kit_config){ 0 });
	hm_kit_probe(kit, NULL);
	hm_kit_settle(kit);
	hmi_sent_add(hm_kit_system(kit)->lcores[0], 1);
	cr_assert_not(hm_kit_end(kit));
	told_check("accounts: 1 messages sent, 0 received, 0 dead letters; 4 actors spawned, 4 stopped");
}

Test(engine_kit, end__finds_lost_memory)
{
	start((struct hm_kit_config){ 0 });
	(void)hmi_control(&hm_kit_system(kit)->external, HMI_COMMAND_REPORT, 0);
	cr_assert_not(hm_kit_end(kit));
	told_check("the memory of 1 messages is lost");
}

static void
stay(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == kit_empty)
		(void)hm_send_after(ctx, hm_self(ctx), kit_number, NULL, 1000, 1000, NULL);
	if (hm_msg_type(msg) == HM_STOPPING)
		(void)kit_empty_send(ctx, hm_parent(ctx));
}

Test(engine_kit, end__stops_what_is_busy)
{
	static const struct hm_props props = { .receive = stay, .lcore = HM_LCORE_ANY };
	struct hm_pid actor;

	start((struct hm_kit_config){ .system = { .lcores = 3 } });
	for (int i = 0; i < 7; i++) {
		actor = hm_kit_spawn(kit, &props, NULL, NULL);
		cr_assert_eq(kit_empty_system_send(hm_kit_system(kit), actor), HM_OK);
	}
	end_well();
	/* What never ran, too. */
	start((struct hm_kit_config){ .system = { .lcores = 3 } });
	hm_kit_probe_on(kit, NULL, 2);
	end_well();
}
