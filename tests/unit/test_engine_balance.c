/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The balancer: busy actors are spread over the lcores, and who may not be moved stays.
 */
#include "test_engine_balance.h"

TestSuite(engine_balance, .init = hmt_eal_start);

#define HOT 4u

static void
hot_start(struct hmt_node *node, struct worker *workers, uint32_t count, const struct hm_props *props)
{
	for (uint32_t i = 0; i < count; i++)
		worker_spawn(node, &workers[i], props, NULL);
	for (uint32_t i = 0; i < count; i++)
		worker_start(node, &workers[i]);
}

/* ---- Spreading ------------------------------------------------------------------------- */

Test(engine_balance, spread__hot_actors_of_one_lcore_share_two)
{
	struct worker workers[HOT] = { 0 };
	struct hmt_node node;

	hmt_node_start_with(&node, 2, 0, BALANCE);
	hot_start(&node, workers, HOT, &worker_props);
	run_looks(&node, 2);
	cr_assert_eq(balance_stats(&node).moved, 0, "it has not lasted");
	run_looks(&node, 4);
	cr_assert_eq(balance_stats(&node).moved, HOT / 2);
	cr_assert_eq(count_on(workers, HOT, 0), HOT / 2);
	cr_assert_eq(count_on(workers, HOT, 1), HOT / 2);
	cr_assert_eq(workers[0].moved + workers[1].moved + workers[2].moved + workers[3].moved, HOT / 2);
	/* And that is it. */
	run_looks(&node, 100);
	cr_assert_eq(balance_stats(&node).moved, HOT / 2);
	cr_assert_eq(balance_stats(&node).joined, 0);
	cr_assert_eq(balance_stats(&node).refused, 0);
	cr_assert_eq(hmt_stats(&node).moved, HOT / 2);
	hmt_node_end(&node);
}

Test(engine_balance, spread__over_four_lcores)
{
	struct worker workers[16] = { 0 };
	struct hmt_node node;

	hmt_node_start_with(&node, 4, 0, BALANCE);
	hot_start(&node, workers, 16, &worker_props);
	run_looks(&node, 60);
	for (uint32_t lcore = 0; lcore < 4; lcore++) {
		cr_assert_geq(count_on(workers, 16, lcore), 2, "lcore %u", lcore);
	}
	cr_assert_leq(balance_stats(&node).moved, 24);
	hmt_node_end(&node);
}

Test(engine_balance, spread__the_hottest_among_many)
{
	static struct worker cold[600];
	struct worker hot[2] = { 0 };
	struct hmt_node node;

	hmt_node_start_with(&node, 2, 0, BALANCE);
	for (uint32_t i = 0; i < 600; i++) {
		cold[i].message_ns = 100;
		worker_spawn(&node, &cold[i], &worker_props, NULL);
	}
	hot[0].message_ns = hot[1].message_ns = 60000;
	hot_start(&node, hot, 2, &worker_props);
	for (uint32_t i = 0; i < 600; i++)
		worker_start(&node, &cold[i]);
	run_looks(&node, 20);
	cr_assert_eq(balance_stats(&node).moved, 1);
	cr_assert_neq(hot[0].lcore, hot[1].lcore);
	cr_assert_eq(count_on(cold, 600, 0), 600);
	hmt_node_end(&node);
}

Test(engine_balance, spread__one_that_is_all_the_load_stays)
{
	struct worker worker = { 0 };
	struct hmt_node node;

	hmt_node_start_with(&node, 2, 0, BALANCE);
	hot_start(&node, &worker, 1, &worker_props);
	run_looks(&node, 50);
	cr_assert_eq(worker.lcore, 0);
	cr_assert_eq(balance_stats(&node).moved, 0);
	hmt_node_end(&node);
}

Test(engine_balance, spread__even_load_moves_nobody)
{
	struct worker workers[HOT] = { 0 };
	struct hmt_node node;

	hmt_node_start_with(&node, 2, 0, BALANCE);
	for (uint32_t i = 0; i < HOT; i++) {
		worker_spawn(&node, &workers[i], &worker_props, NULL);
		cr_assert_eq(hm_system_move(node.sys, workers[i].pid, i % 2), 0);
		some_turns(&node);
		worker_start(&node, &workers[i]);
	}
	run_looks(&node, 100);
	cr_assert_eq(count_on(workers, HOT, 0), 2);
	cr_assert_eq(balance_stats(&node).moved, 0);
	cr_assert_eq(hmt_stats(&node).moved, 2, "by hand");
	hmt_node_end(&node);
}

/* Who has moved rests, though it be the best to move again. */
Test(engine_balance, spread__who_has_moved_rests)
{
	static const struct hm_props fixed = { .receive = work,
					       .state_size = sizeof(struct worker *),
					       .args_size = sizeof(struct worker *),
					       .lcore = HM_LCORE(1) };
	struct worker workers[2] = { 0 }, other = { .message_ns = 20000 };
	struct hmt_node node;
	uint64_t moved_ns;

	hmt_node_start_with(&node, 2, 0, BALANCE);
	worker_spawn(&node, &other, &fixed, NULL);
	hot_start(&node, workers, 2, &worker_props);
	while (balance_stats(&node).moved == 0)
		run_for(&node, 100000);
	moved_ns = node.now_ns;
	/* Now it is the other lcore that has too much: the one that came could go back. */
	workers[workers[0].lcore == 1 ? 1 : 0].to = hm_system_dead_letters(node.sys);
	worker_start(&node, &other);
	while (balance_stats(&node).moved == 1)
		run_for(&node, 100000);
	cr_assert_geq(node.now_ns - moved_ns, (HMI_BALANCE_REST - 1) * INTERVAL_NS);
	cr_assert_leq(node.now_ns - moved_ns, (HMI_BALANCE_REST + 10) * INTERVAL_NS);
	cr_assert_eq(balance_stats(&node).moved, 2);
	hmt_node_end(&node);
}

/* ---- Who stays ------------------------------------------------------------------------------ */

/* Hot actors with some props: nobody moves, as it would without. */
static void
check_stay(const struct hm_props *props, const char *options)
{
	struct worker workers[HOT] = { 0 };
	struct hmt_node node;

	hmt_node_start_with(&node, 2, 0, options);
	for (uint32_t i = 0; i < HOT; i++) {
		struct worker *worker = &workers[i];

		*worker = (struct worker){ .node = &node, .message_ns = MESSAGE_NS };
		if (props->lcore == HM_LCORE_KEY)
			cr_assert_eq(hm_system_spawn_key(node.sys, props, NULL, &worker, 7, &worker->pid), 0);
		else
			worker_spawn(&node, worker, props,
				     i == 0   ? "w0"
				     : i == 1 ? "w1"
				     : i == 2 ? "w2"
					      : "w3");
	}
	for (uint32_t i = 0; i < HOT; i++)
		worker_start(&node, &workers[i]);
	run_looks(&node, 50);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	cr_assert_eq(balance_stats(&node).moved, 0);
	cr_assert_eq(balance_stats(&node).refused, 0, "it is not even tried");
	hmt_node_end(&node);
}

Test(engine_balance, stay__who_says_so)
{
	struct hm_props props = worker_props;

	props.balance = HM_BALANCE_STAY;
	check_stay(&props, BALANCE);
}

Test(engine_balance, stay__who_has_a_fixed_lcore)
{
	struct hm_props props = worker_props;

	props.lcore = HM_LCORE(0);
	check_stay(&props, BALANCE);
}

Test(engine_balance, stay__who_has_the_lcore_of_a_key)
{
	struct hm_props props = worker_props;

	props.lcore = HM_LCORE_KEY;
	check_stay(&props, BALANCE);
}

Test(engine_balance, stay__who_has_an_lcore_of_its_own)
{
	struct hm_props props = worker_props;
	struct worker workers[2] = { 0 };
	struct hmt_node node;

	props.lcore = HM_LCORE_OWN;
	hmt_node_start_with(&node, 4, 0, BALANCE " --reserve 2");
	hot_start(&node, workers, 2, &props);
	run_looks(&node, 50);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	cr_assert_null(node.sys->lcores[2]->heat, "reserved lcores have no balancer");
	cr_assert_not_null(node.sys->lcores[1]->heat);
	hmt_node_end(&node);
}

Test(engine_balance, stay__whom_settings_have_stay)
{
	check_stay(&worker_props, BALANCE " --set /user/*:balance=stay");
	check_stay(&worker_props, BALANCE " --set /user/*:lcore=0");
}

Test(engine_balance, stay__all_without_a_balancer)
{
	struct hmt_node node;

	check_stay(&worker_props, NULL);
	check_stay(&worker_props, "--balance 0");
	hmt_node_start(&node, 2);
	cr_assert_null(node.sys->lcores[0]->heat);
	cr_assert_null(node.sys->lcores[0]->balance);
	hmt_node_end(&node);
}

/* Reserved lcores take nobody; and one lcore alone has nobody to give to. */
Test(engine_balance, stay__all_if_the_other_lcores_are_reserved)
{
	struct worker workers[HOT] = { 0 };
	struct hmt_node node;

	hmt_node_start_with(&node, 2, 0, BALANCE " --reserve 1");
	hot_start(&node, workers, HOT, &worker_props);
	run_looks(&node, 20);
	cr_assert_null(node.sys->lcores[0]->heat);
	hmt_node_end(&node);

	hmt_node_start_with(&node, 3, 0, BALANCE " --reserve 1");
	memset(workers, 0, sizeof(workers));
	hot_start(&node, workers, HOT, &worker_props);
	run_looks(&node, 50);
	cr_assert_eq(count_on(workers, HOT, 0), 2);
	cr_assert_eq(count_on(workers, HOT, 1), 2);
	hmt_node_end(&node);
}

Test(engine_balance, stay__children_of_system)
{
	struct worker workers[HOT] = { 0 };
	struct hmt_node node;

	hmt_node_start_with(&node, 2, 0, BALANCE);
	for (uint32_t i = 0; i < HOT; i++) {
		struct worker *worker = &workers[i];

		*worker = (struct worker){ .node = &node, .message_ns = MESSAGE_NS };
		cr_assert_eq(hm_system_spawn_system(node.sys, &worker_props, NULL, &worker, &worker->pid), 0);
		worker_start(&node, worker);
	}
	run_looks(&node, 50);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	hmt_node_end(&node);
}

/* hm_move is the last word, also where it says what is so already. */
Test(engine_balance, stay__whom_the_program_has_told_to_move)
{
	struct worker workers[HOT] = { 0 };
	struct hmt_node node;

	hmt_node_start_with(&node, 2, 0, BALANCE);
	hot_start(&node, workers, HOT, &worker_props);
	for (uint32_t i = 0; i < HOT; i++)
		cr_assert_eq(hm_system_move(node.sys, workers[i].pid, 0), 0);
	run_looks(&node, 50);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	hmt_node_end(&node);
}

/* With a question open for good. */
static void
ask_and_work(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct worker *worker = *(struct worker **)state;
	uint64_t number = 0;

	if (worker->handled == 0 && hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_ask(ctx, worker->to, HMT_NUMBER, &number, 300000u, hmt_ignore_reply, NULL),
			     HM_OK);
	work(ctx, state, msg);
}

Test(engine_balance, spread__who_waits_for_an_answer)
{
	struct worker workers[HOT] = { 0 };
	struct hmt_probe silent = { 0 };
	struct hm_props props = worker_props;
	struct hmt_node node;

	props.receive = ask_and_work;
	hmt_node_start_with(&node, 2, 0, BALANCE);
	hmt_probe_spawn(&node, &silent, 0, NULL);
	for (uint32_t i = 0; i < HOT; i++)
		workers[i].to = silent.pid;
	hot_start(&node, workers, HOT, &props);
	run_for(&node, INTERVAL_NS / 10);
	for (uint32_t i = 0; i < HOT; i++)
		workers[i].to = hm_pid_none();
	for (uint32_t i = 0; i < HOT; i++)
		worker_start(&node, &workers[i]);
	run_looks(&node, 20);
	cr_assert_eq(balance_stats(&node).moved, HOT / 2);
	cr_assert_eq(balance_stats(&node).refused, 0);
	hmt_node_end(&node);
}

/* Fails when it starts, once. */
static void
child_fail(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	bool *fails = *(bool **)state;

	if (hm_msg_type(msg) == HM_STARTED && *fails) {
		*fails = false;
		hm_fail(ctx, "the test has it fail");
	}
}

static bool child_fails[HOT];

/* With a child whose restart is put off. */
static void
supervise_and_work(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hm_props child = { .receive = child_fail,
					       .state_size = sizeof(bool *),
					       .args_size = sizeof(bool *) };
	const struct worker *worker = *(struct worker **)state;
	bool *fails = &child_fails[worker->message_ns % HOT];

	if (hm_msg_type(msg) == HM_STARTED) {
		*fails = true;
		cr_assert_eq(hm_spawn(ctx, &child, NULL, &fails, NULL), 0);
	}
	work(ctx, state, msg);
}

Test(engine_balance, stay__who_has_a_restart_to_come_and_is_counted)
{
	static const struct hm_supervisor later = { .directive = HM_DIRECTIVE_RESTART,
						    .restarts = 1,
						    .backoff = { .min_us = 300000 } };
	struct worker workers[HOT] = { 0 };
	struct hm_props props = worker_props;
	struct hmt_node node;

	props.receive = supervise_and_work;
	props.supervisor = &later;
	hmt_node_start_with(&node, 2, 0, BALANCE);
	for (uint32_t i = 0; i < HOT; i++)
		workers[i].message_ns = MESSAGE_NS + i;
	hot_start(&node, workers, HOT, &props);
	run_looks(&node, 20);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	cr_assert_geq(balance_stats(&node).refused, HOT);
	/* Their children have restarted. */
	run_looks(&node, 25);
	cr_assert_eq(balance_stats(&node).moved, HOT / 2);
	hmt_node_end(&node);
}

/* ---- The end ----------------------------------------------------------------------------------- */

static uint32_t
run_until_moved(struct hmt_node *node, struct worker *workers, uint32_t turns)
{
	uint32_t turn = 0;

	memset(workers, 0, HOT * sizeof(*workers));
	hmt_node_start_with(node, 2, 0, BALANCE);
	hot_start(node, workers, HOT, &worker_props);
	for (; turn < turns && hmt_stats(node).moved < HOT / 2; turn++)
		hm_system_turn(node->sys);
	return turn;
}

/* At each turn about the one in which actors are ordered to move, leave and come. */
Test(engine_balance, stop__while_actors_move)
{
	struct worker workers[HOT];
	struct hmt_node node;
	uint32_t turns = run_until_moved(&node, workers, UINT32_MAX);

	hmt_node_end(&node);
	for (uint32_t turn = turns - 20; turn < turns + 5; turn++) {
		run_until_moved(&node, workers, turn);
		hmt_node_end(&node);
		run_until_moved(&node, workers, turn);
		hmt_node_drop(&node);
	}
}

/* Actors that are known as hot end; others have their slots. */
Test(engine_balance, end__of_hot_actors)
{
	struct worker workers[HOT];
	struct hmt_node node;

	hmt_node_start_with(&node, 2, 0, BALANCE);
	for (uint32_t round = 0; round < 40; round++) {
		memset(workers, 0, sizeof(workers));
		hot_start(&node, workers, HOT, &worker_props);
		run_for(&node, (1 + round % 8) * INTERVAL_NS / 2);
		for (uint32_t i = 0; i < HOT; i++)
			worker_stop(&node, &workers[i]);
	}
	hmt_node_end(&node);
}

/* ---- Limits and misuse ---------------------------------------------------------------------------- */

Test(engine_balance, stats__misuse)
{
	struct hm_balance_stats stats = { .moved = 7 };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	cr_assert_eq(hm_system_balance_stats(NULL, &stats), -EINVAL);
	cr_assert_eq(hm_system_balance_stats(node.sys, NULL), -EINVAL);
	cr_assert_eq(stats.moved, 7);
	cr_assert_eq(hm_system_balance_stats(node.sys, &stats), 0);
	cr_assert_eq(stats.moved + stats.joined + stats.refused, 0);
	hmt_node_end(&node);
}

Test(engine_balance, props__of_no_kind_are_refused)
{
	struct hm_props props = worker_props;
	struct worker worker = { 0 }, *arg = &worker;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	props.balance = HM_BALANCE_STAY + 1;
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &arg, NULL), -EINVAL);
	hmt_node_end(&node);
}

Test(engine_balance, config__has_the_option_override_it)
{
	struct hm_config config = { .mode = HM_MODE_STEPPED, .lcores = 2, .balance_ms = 20 };
	char *argv[] = { (char *)(uintptr_t) "app", (char *)(uintptr_t) "--", (char *)(uintptr_t) "--balance",
			 (char *)(uintptr_t) "60000" };
	struct hm_system *sys;

	cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), 0);
	cr_assert_eq(sys->options.balance_ms, 20);
	cr_assert_not_null(sys->lcores[0]->balance);
	hm_system_destroy(sys);
	cr_assert_eq(hm_system_create(&sys, 4, argv, &config), 0);
	cr_assert_eq(sys->options.balance_ms, HM_BALANCE_MS_MAX);
	hm_system_destroy(sys);
	config.balance_ms = UINT32_MAX;
	cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), 0);
	cr_assert_eq(sys->options.balance_ms, HM_BALANCE_MS_MAX);
	hm_system_destroy(sys);
}

/* ---- Busy time ------------------------------------------------------------------------------------- */

Test(engine_balance, load__says_how_long_an_lcore_was_busy)
{
	struct worker worker = { 0 };
	struct hm_load loads[2];
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hot_start(&node, &worker, 1, &worker_props);
	run_looks(&node, 3);
	for (uint32_t i = 0; i < 2; i++)
		cr_assert_eq(hm_system_load(node.sys, i, &loads[i]), 0);
	cr_assert_eq(loads[0].busy_ns, worker.handled * worker.message_ns);
	cr_assert_eq(loads[1].busy_ns, 0);
	hmt_node_end(&node);
}
