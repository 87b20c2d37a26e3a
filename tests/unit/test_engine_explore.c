/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exploration: which orders run, what a failing one says, and that it can be repeated.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hm_explore.h"
#include "hm_messages.h"
#include "hmt_death.h"
#include "hmt_eal.h"

TestSuite(engine_explore, .init = hmt_eal_start, .timeout = 100);

struct number {
	uint64_t value;
};

#define EXPLORE(MESSAGE)                       \
	MESSAGE(explore_go)                    \
	MESSAGE(explore_number, struct number) \
	MESSAGE(explore_get)                   \
	MESSAGE(explore_set, struct number)

HM_MESSAGES(explore, HM_TYPE_USER, EXPLORE);

static char told[4096];
static uint32_t tellings;

static void
tell(void *arg, const char *text)
{
	(void)arg;
	snprintf(told, sizeof(told), "%s", text);
	tellings++;
}

/* ---- Senders: which of them comes first? ------------------------------------------------------ */

struct sender {
	struct hm_pid probe;
	uint64_t number;
};

static void
on_go(struct hm_ctx *ctx, struct sender *self)
{
	(void)explore_number_send(ctx, self->probe, &(struct number){ self->number });
}

HM_RECEIVE(sender_receive, struct sender, HM_ON_EMPTY(explore_go, on_go));

static const struct hm_props sender_props[] = {
	{ .receive = sender_receive,
	  .state_size = sizeof(struct sender),
	  .args_size = sizeof(struct sender),
	  .lcore = HM_LCORE(1) },
	{ .receive = sender_receive,
	  .state_size = sizeof(struct sender),
	  .args_size = sizeof(struct sender),
	  .lcore = HM_LCORE(2) },
};

/* Orders in which two senders of lcores 1 and 2 came to a probe of lcore 0. */
static struct seen {
	uint32_t first[2]; /* runs in which each was the first */
	bool must_be_in_order;
} seen;

static void
two_senders(struct hm_kit *kit, void *arg)
{
	struct seen *what = arg;
	struct hm_probe *probe;
	struct hm_pid actors[2];
	uint64_t first;

	hm_kit_check(kit, explore_register(hm_kit_system(kit)) == 0);
	probe = hm_kit_probe(kit, "probe");
	for (uint64_t i = 0; i < 2; i++)
		actors[i] =
			hm_kit_spawn(kit, &sender_props[i], NULL, &(struct sender){ hm_probe_pid(probe), i });
	for (int i = 0; i < 2; i++)
		hm_kit_check(kit, explore_go_system_send(hm_kit_system(kit), actors[i]) == HM_OK);
	first = explore_number_body(hm_probe_expect(probe, explore_number, 0))->value;
	what->first[first]++;
	hm_probe_expect(probe, explore_number, 0);
	hm_kit_check(kit, !what->must_be_in_order || first == 0);
}

static struct hm_explore_config
config_of(hm_explore_fn *scenario, void *arg)
{
	tellings = 0;
	seen = (struct seen){ 0 };
	return (struct hm_explore_config){ .kit = { .system = { .lcores = 3 }, .fail = tell },
					   .scenario = scenario,
					   .arg = arg };
}

Test(engine_explore, explore__finds_both_orders)
{
	struct hm_explore_config config = config_of(two_senders, &seen);
	struct hm_explored explored;

	config.depth = 7;
	cr_assert_eq(hm_explore(&config, &explored), 0, "%s", explored.text);
	/* Behind the race, lcores that are both ready while the system stops go in turn. */
	cr_assert_not(explored.cut_by_runs);
	cr_assert_eq(explored.is_complete, !explored.cut_by_depth);
	cr_assert_gt(seen.first[0], 0);
	cr_assert_gt(seen.first[1], 0);
	cr_assert_geq(explored.runs, 6);
	cr_assert_leq(explored.runs, seen.first[0] + seen.first[1]);
	cr_assert_str_empty(explored.order);
	cr_assert_eq(tellings, 0);
}

Test(engine_explore, explore__tells_of_the_order_that_fails)
{
	struct hm_explore_config config = config_of(two_senders, &seen);
	struct hm_explored explored, again;
	char line[128];

	seen.must_be_in_order = true;
	cr_assert_eq(hm_explore(&config, &explored), -EPROTO);
	cr_assert_eq(tellings, 1);
	snprintf(line, sizeof(line), "HM_ORDER=%s repeats this run", explored.order);
	cr_assert_not_null(strstr(told, line), "%s", told);
	cr_assert_not_null(strstr(explored.text, "does not hold: !what->must_be_in_order || first == 0"),
			   "%s", explored.text);
	cr_assert_not(explored.is_complete);
	/* The same again, at once. */
	setenv("HM_ORDER", explored.order, 1);
	cr_assert_eq(hm_explore(&config, &again), -EPROTO);
	cr_assert_eq(again.runs, 1);
	cr_assert_str_eq(again.order, explored.order);
	cr_assert_str_eq(again.text, explored.text);
	/* Without the mistake this order is as good as others. */
	seen.must_be_in_order = false;
	cr_assert_eq(hm_explore(&config, &again), 0);
	cr_assert_eq(again.runs, 1);
}

Test(engine_explore, explore__keeps_to_its_bounds)
{
	struct hm_explore_config config = config_of(two_senders, &seen);
	struct hm_explored explored;

	config.runs = 3;
	cr_assert_eq(hm_explore(&config, &explored), 0);
	cr_assert_eq(explored.runs, 3);
	cr_assert(explored.cut_by_runs);
	cr_assert_not(explored.is_complete);
	config.runs = 0;
	config.depth = 1;
	cr_assert_eq(hm_explore(&config, &explored), 0);
	cr_assert(explored.cut_by_depth);
	cr_assert_not(explored.cut_by_runs);
	cr_assert_not(explored.is_complete);
	cr_assert_leq(explored.runs, 3);
}

static void
differs(struct hm_kit *kit, void *arg)
{
	uint32_t *run = arg;

	hm_kit_check(kit, explore_register(hm_kit_system(kit)) == 0);
	for (uint32_t i = 0; i < 3 && *run == 0; i++)
		(void)hm_kit_probe_on(kit, NULL, i);
	++*run;
}

static void
explore_blindly(void *config)
{
	cr_assert_eq(hm_explore(config, NULL), 0);
}

Test(engine_explore, explore__a_cut_is_printed_where_nobody_has_asked)
{
	struct hm_explore_config config = config_of(two_senders, &seen);
	uint32_t run = 1;
	char text[4096];

	config.runs = 3;
	(void)hmt_death(explore_blindly, &config, text, sizeof(text));
	cr_assert_not_null(strstr(text, "hm_explore: 3 orders ran, and there are more"), "%s", text);
	config.runs = 0;
	config.depth = 1;
	(void)hmt_death(explore_blindly, &config, text, sizeof(text));
	cr_assert_not_null(strstr(text, "which are all up to hm_explore_config.depth"), "%s", text);
	config = config_of(differs, &run);
	config.kit.system.lcores = 1;
	(void)hmt_death(explore_blindly, &config, text, sizeof(text));
	cr_assert_null(strstr(text, "hm_explore"), "%s", text);
}

static void
explore_in_order(void *order)
{
	struct hm_explore_config config = config_of(two_senders, &seen);

	setenv("HM_ORDER", order, 1);
	if (hm_explore(&config, NULL) != -EINVAL)
		abort();
}

Test(engine_explore, explore__says_what_is_wrong_with_an_order)
{
	char wrong[] = "01-", upper[] = "0A", longer[HM_EXPLORE_DEPTH_MAX + 2] = "", text[8192];
	int status = hmt_death(explore_in_order, wrong, text, sizeof(text));

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == HMT_SURVIVED, "%s", text);
	cr_assert_not_null(strstr(text, "hermod: HM_ORDER is '01-': it has to be at most "), "%s", text);
	cr_assert_not_null(strstr(text, "or unset"), "%s", text);
	(void)hmt_death(explore_in_order, upper, text, sizeof(text));
	cr_assert_not_null(strstr(text, "HM_ORDER is '0A'"), "%s", text);
	memset(longer, '0', sizeof(longer) - 1);
	status = hmt_death(explore_in_order, longer, text, sizeof(text));
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == HMT_SURVIVED, "%s", text);
	cr_assert_not_null(strstr(text, "HM_ORDER is '000"), "%s", text);
}

Test(engine_explore, explore__refuses_what_it_cannot_use)
{
	struct hm_explore_config config = config_of(NULL, NULL);

	cr_assert_eq(hm_explore(NULL, NULL), -EINVAL);
	cr_assert_eq(hm_explore(&config, NULL), -EINVAL);
	config = config_of(two_senders, &seen);
	config.depth = HM_EXPLORE_DEPTH_MAX + 1;
	cr_assert_eq(hm_explore(&config, NULL), -EINVAL);
	config = config_of(two_senders, &seen);
	config.kit.real_time = true;
	cr_assert_eq(hm_explore(&config, NULL), -EINVAL);
	config = config_of(two_senders, &seen);
	config.kit.system.lcores = HM_EXPLORE_LCORES_MAX + 1;
	cr_assert_eq(hm_explore(&config, NULL), -EINVAL);
	config = config_of(two_senders, &seen);
	setenv("HM_ORDER", "01-", 1);
	cr_assert_eq(hm_explore(&config, NULL), -EINVAL);
	setenv("HM_ORDER", "0000000000000000000000000000000000000000000000000000000000000000", 1);
	cr_assert_eq(hm_explore(&config, NULL), -EINVAL);
	/* An order of other lcores, and one of another scenario. */
	setenv("HM_ORDER", "z", 1);
	cr_assert_eq(hm_explore(&config, NULL), -EPROTO);
	cr_assert_not_null(strstr(told, "step 0: lcore 35 has no work"), "%s", told);
	setenv("HM_ORDER", "012000000000", 1);
	cr_assert_eq(hm_explore(&config, NULL), -EPROTO);
	cr_assert_not_null(strstr(told, "has no work: the scenario does not do the same"), "%s", told);
}

/* ---- A lost update ---------------------------------------------------------------------------- */

/* Reads a number of another actor, and writes one more: twice at the same time one of them is lost. */
static void
on_get(struct hm_ctx *ctx, struct number *self)
{
	(void)explore_number_respond(ctx, self);
}

static void
on_set(struct hm_ctx *ctx, struct number *self, const struct number *number)
{
	(void)ctx;
	*self = *number;
}

HM_RECEIVE(cell_receive, struct number, HM_ON_EMPTY(explore_get, on_get) HM_ON(explore_set, on_set));

static void
on_go_get(struct hm_ctx *ctx, struct sender *self)
{
	(void)explore_get_request(ctx, self->probe);
}

static void
on_got(struct hm_ctx *ctx, struct sender *self, const struct number *number)
{
	(void)explore_set_send(ctx, self->probe, &(struct number){ number->value + 1 });
}

HM_RECEIVE(adder_receive, struct sender, HM_ON_EMPTY(explore_go, on_go_get) HM_ON(explore_number, on_got));

static const struct hm_props cell_props = { .receive = cell_receive, .state_size = sizeof(struct number) };
static const struct hm_props adder_props[] = {
	{ .receive = adder_receive,
	  .state_size = sizeof(struct sender),
	  .args_size = sizeof(struct sender),
	  .lcore = HM_LCORE(1) },
	{ .receive = adder_receive,
	  .state_size = sizeof(struct sender),
	  .args_size = sizeof(struct sender),
	  .lcore = HM_LCORE(2) },
};

static void
two_adders(struct hm_kit *kit, void *arg)
{
	struct hm_pid cell, adders[2];
	struct hm_probe *probe;

	(void)arg;
	hm_kit_check(kit, explore_register(hm_kit_system(kit)) == 0);
	cell = hm_kit_spawn(kit, &cell_props, "cell", NULL);
	for (int i = 0; i < 2; i++)
		adders[i] = hm_kit_spawn(kit, &adder_props[i], NULL, &(struct sender){ .probe = cell });
	hm_kit_settle(kit);
	for (int i = 0; i < 2; i++)
		hm_kit_check(kit, explore_go_system_send(hm_kit_system(kit), adders[i]) == HM_OK);
	hm_kit_settle(kit);
	probe = hm_kit_probe(kit, NULL);
	hm_probe_request(probe, cell, explore_get, NULL);
	hm_kit_check(kit, explore_number_body(hm_probe_expect(probe, explore_number, 0))->value == 2);
}

Test(engine_explore, explore__finds_a_lost_update)
{
	struct hm_explore_config config = config_of(two_adders, NULL);
	struct hm_explored explored;

	cr_assert_eq(hm_explore(&config, &explored), -EPROTO);
	cr_assert_not_null(strstr(explored.text, "value == 2"), "%s", explored.text);
	cr_assert_gt(strlen(explored.order), 0);
}

/* ---- Failures at the end, and scenarios that differ -------------------------------------------- */

static void
leaves_an_expectation(struct hm_kit *kit, void *arg)
{
	struct hm_probe *probe = hm_kit_probe(kit, NULL);

	(void)arg;
	hm_probe_expect(probe, HM_TYPE_USER, 1000);
	cr_assert(false, "a failure leaves the scenario");
}

Test(engine_explore, explore__a_failure_leaves_the_scenario)
{
	struct hm_explore_config config = config_of(leaves_an_expectation, NULL);

	config.kit.by_message = true;
	cr_assert_eq(hm_explore(&config, NULL), -EPROTO);
	cr_assert_not_null(strstr(told, "within 1000 us of virtual time"), "%s", told);
	cr_assert_not_null(strstr(told, "test_engine_explore.c:"), "%s", told);
}

Test(engine_explore, explore__tells_of_a_scenario_that_differs)
{
	uint32_t run = 0;
	struct hm_explore_config config = config_of(differs, &run);

	cr_assert_eq(hm_explore(&config, NULL), -EPROTO);
	cr_assert_not_null(strstr(told, "the scenario does not do the same in each run"), "%s", told);
}

Test(engine_explore, explore__one_lcore_has_one_order)
{
	struct hm_explore_config config = config_of(leaves_an_expectation, NULL);
	struct hm_explored explored;
	uint32_t run = 1;

	config.kit.system.lcores = 0;
	config.scenario = differs;
	config.arg = &run;
	cr_assert_eq(hm_explore(&config, &explored), 0);
	cr_assert_eq(explored.runs, 1);
	cr_assert(explored.is_complete);
	cr_assert_not(explored.cut_by_depth);
}
