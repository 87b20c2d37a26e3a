/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks of the stop: which are refused, taken back, added late, and cannot begin.
 */
#include "hmt_log.h"
#include "test_engine_shutdown.h"

TestSuite(engine_shutdown_task, .init = hmt_eal_start);

/* ---- Adding and taking back --------------------------------------------------------------------------------- */

Test(engine_shutdown_task, add__refuses_what_is_no_task)
{
	static struct story story;
	struct teller teller = { &story, "x", false };
	const struct hm_props no_receive = { .state_size = 8 };
	const struct hm_shutdown_task good = { .name = "t", .run = run_tell, .arg = &teller };
	struct hm_shutdown_task bad[9];
	struct hm_pid somebody = { 1, 1 };

	story_start(&story, NULL);
	for (uint32_t i = 0; i < RTE_DIM(bad); i++)
		bad[i] = good;
	bad[0].phase = HM_SHUTDOWN_PHASES;
	bad[1].name = NULL;
	bad[2].name = "a b";
	bad[3].name = "";
	bad[4].run = NULL;
	bad[5].poison = somebody;
	bad[6].spawn = &tellers;
	bad[6].args = &teller;
	bad[7].run = NULL;
	bad[7].spawn = &tellers; /* without args */
	bad[8].run = NULL;
	bad[8].spawn = &no_receive;
	for (uint32_t i = 0; i < RTE_DIM(bad); i++)
		cr_assert_eq(hm_shutdown_add(story.node.sys, &bad[i], NULL), -EINVAL, "%u", i);
	cr_assert_eq(hm_shutdown_add(NULL, &good, NULL), -EINVAL);
	cr_assert_eq(hm_shutdown_add(story.node.sys, NULL, NULL), -EINVAL);
	cr_assert_eq(hm_shutdown_timeout(NULL, HM_SHUTDOWN_DRAIN, 1), -EINVAL);
	cr_assert_eq(hm_shutdown_timeout(story.node.sys, HM_SHUTDOWN_PHASES, 1), -EINVAL);
	cr_assert_eq(hm_shutdown_timeout(story.node.sys, HM_SHUTDOWN_DRAIN, 0), -EINVAL);
	cr_assert_not(hm_shutdown_remove(NULL, (struct hm_shutdown){ 1 }));
	cr_assert_not(hm_shutdown_remove(story.node.sys, (struct hm_shutdown){ 0 }));
	stop(&story);
	cr_assert_str_eq(story.text, "");
	hmt_node_end(&story.node);
}

Test(engine_shutdown_task, remove__takes_back_what_has_not_begun)
{
	static struct story story;
	struct teller teller[3] = { { &story, "a", false }, { &story, "b", false }, { &story, "c", false } };
	struct hm_shutdown handles[3];

	story_start(&story, NULL);
	for (uint32_t i = 0; i < 3; i++) {
		struct hm_shutdown_task task = { .name = "t", .run = run_tell, .arg = &teller[i] };

		cr_assert_eq(hm_shutdown_add(story.node.sys, &task, &handles[i]), 0);
	}
	cr_assert(hm_shutdown_remove(story.node.sys, handles[1]));
	cr_assert_not(hm_shutdown_remove(story.node.sys, handles[1]));
	stop(&story);
	cr_assert_str_eq(story.text, "a c ");
	cr_assert_not(hm_shutdown_remove(story.node.sys, handles[0]));
	hmt_node_end(&story.node);
}

/* What an actor adds while the stop is under way. */
static void
add_late(struct hm_ctx *ctx, void *arg)
{
	static struct teller teller;
	struct story *story = arg;
	struct hm_shutdown_task task = { .name = "late", .run = run_tell, .arg = &teller };

	teller = (struct teller){ story, "late", false };
	tell(story, "adds");
	task.phase = HM_SHUTDOWN_UNBIND;
	cr_assert_eq(hm_shutdown_add(hm_system(ctx), &task, NULL), -ESHUTDOWN);
	cr_assert_eq(hm_shutdown_timeout(hm_system(ctx), HM_SHUTDOWN_UNBIND, 1), -ESHUTDOWN);
	task.phase = HM_SHUTDOWN_DRAIN;
	cr_assert_eq(hm_shutdown_add(hm_system(ctx), &task, NULL), 0);
	cr_assert_eq(hm_shutdown_timeout(hm_system(ctx), HM_SHUTDOWN_DRAIN, 1000), 0);
}

Test(engine_shutdown_task, add__for_a_phase_that_has_not_begun)
{
	static struct story story;

	story_start(&story, NULL);
	task_add(&story, &(struct hm_shutdown_task){
				 .phase = HM_SHUTDOWN_UNBIND, .name = "t", .run = add_late, .arg = &story });
	stop(&story);
	cr_assert_str_eq(story.text, "adds late ");
	hmt_node_end(&story.node);
}

/* Freed with the system, those that wait and those that have begun. */
Test(engine_shutdown_task, destroy__with_tasks)
{
	static struct story story;
	struct teller stayer = { &story, "stayer", true };

	story_start(&story, NULL);
	stayer_add(&story, &stayer, HM_SHUTDOWN_BEFORE, 0);
	stayer_add(&story, &stayer, HM_SHUTDOWN_DRAIN, 0);
	stop(&story);
	cr_assert_str_eq(story.text, "+stayer ");
	hmt_node_drop(&story.node);
}

/* ---- Tasks that cannot begin ------------------------------------------------------------------------------------ */

/* As if every slot of lcore 0 were taken. */
static void
slots_take(struct hmt_node *node)
{
	struct hmi_cells *cells = &node->sys->lcores[0]->cells;

	cells->lost +=
		HM_SLOTS_MAX - cells->bank->next + (cells->fresh_end - cells->fresh) + cells->free_count;
	cells->bank->next = HM_SLOTS_MAX;
	cells->fresh = cells->fresh_end = HM_SLOTS_MAX;
	cells->free_count = 0;
}

/* It stops all the same, if without its phases. */
Test(engine_shutdown_task, begin__without_a_slot_stops_all_actors)
{
	static struct story story;
	struct teller teller = { &story, "before", false };

	story_start(&story, NULL);
	(void)teller_spawn(&story, &tellers_there, "actor");
	task_add(&story, &(struct hm_shutdown_task){
				 .phase = HM_SHUTDOWN_BEFORE, .name = "t", .run = run_tell, .arg = &teller });
	slots_take(&story.node);
	stop(&story);
	cr_assert_str_eq(story.text, "-actor ");
	hmt_node_end(&story.node);
}

static void
all_slots_take(struct hm_ctx *ctx, void *arg)
{
	(void)ctx;
	slots_take(&((struct story *)arg)->node);
}

Test(engine_shutdown_task, tasks__that_cannot_begin_are_named_and_left_out)
{
	static struct story story;
	struct teller teller = { &story, "no", false };
	struct hmt_log log;

	story_start(&story, NULL);
	(void)teller_spawn(&story, &tellers_there, "actor");
	task_add(&story, &(struct hm_shutdown_task){ .phase = HM_SHUTDOWN_BEFORE,
						     .name = "taker",
						     .run = all_slots_take,
						     .arg = &story });
	task_add(&story,
		 &(struct hm_shutdown_task){
			 .phase = HM_SHUTDOWN_BEFORE, .name = "second", .spawn = &tellers, .args = &teller });
	for (int i = 0; i < 3; i++)
		task_add(&story, &(struct hm_shutdown_task){ .phase = HM_SHUTDOWN_DRAIN,
							     .name = "third",
							     .spawn = &tellers,
							     .args = &teller });
	hmt_log_start(&log);
	stop(&story);
	/* Slots that have come back since serve one, and its time. */
	cr_assert(hmt_log_has(&log, "of phase drain cannot begin: Cannot allocate memory"), "%s",
		  hmt_log_text(&log));
	cr_assert_not_null(strstr(story.text, "-actor "), "%s", story.text);
	hmt_log_end(&log);
	hmt_node_end(&story.node);
}

/* The guardian of all runs the phases: it cannot be one of their tasks. */
Test(engine_shutdown_task, tasks__do_not_poison_who_runs_them)
{
	static struct story story;
	struct hm_pid root;
	struct hmt_log log;

	story_start(&story, NULL);
	(void)teller_spawn(&story, &tellers_there, "actor");
	cr_assert_eq(hm_lookup(story.node.sys, "/", &root), 0);
	task_add(&story,
		 &(struct hm_shutdown_task){ .phase = HM_SHUTDOWN_UNBIND, .name = "all", .poison = root });
	task_add(&story, &(struct hm_shutdown_task){ .phase = HM_SHUTDOWN_DRAIN,
						     .name = "later",
						     .run = run_tell,
						     .arg = &(struct teller){ &story, "later", false } });
	hmt_log_start(&log);
	stop(&story);
	cr_assert(hmt_log_has(&log, "task all of phase unbind cannot begin: Invalid argument"), "%s",
		  hmt_log_text(&log));
	cr_assert_not_null(strstr(story.text, "later -actor "), "%s", story.text);
	hmt_log_end(&log);
	hmt_node_end(&story.node);
}
