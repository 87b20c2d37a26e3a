/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stop in phases: their tasks, their times, and what is said of what does not end.
 */
#include "hmt_log.h"
#include "rcu_pvt.h"
#include "shutdown_pvt.h"
#include "test_engine_shutdown.h"

TestSuite(engine_shutdown, .init = hmt_eal_start);

/* ---- Phases ----------------------------------------------------------------------------------- */

Test(engine_shutdown, phases__come_in_order_whatever_tasks_were_added_first)
{
	static struct teller teller[HM_SHUTDOWN_PHASES];
	static struct story story;

	story_start(&story, NULL);
	(void)teller_spawn(&story, &tellers, "actor");
	for (uint32_t i = HM_SHUTDOWN_PHASES; i-- > 0;) {
		enum hm_shutdown_phase phase = (enum hm_shutdown_phase)i;

		teller[i] = (struct teller){ &story, hm_shutdown_phase_name(phase), false };
		task_add(&story, &(struct hm_shutdown_task){
					 .phase = phase, .name = "t", .run = run_tell, .arg = &teller[i] });
	}
	stop(&story);
	cr_assert_str_eq(story.text, "before unbind drain services cluster actors -actor system ");
	hmt_node_end(&story.node);
}

Test(engine_shutdown, names__of_phases)
{
	cr_assert_str_eq(hm_shutdown_phase_name(HM_SHUTDOWN_BEFORE), "before");
	cr_assert_str_eq(hm_shutdown_phase_name(HM_SHUTDOWN_SYSTEM), "system");
	cr_assert_str_eq(hm_shutdown_phase_name(HM_SHUTDOWN_PHASES), "unknown");
	cr_assert_str_eq(hm_shutdown_phase_name((enum hm_shutdown_phase) - 1), "unknown");
}

/* A phase waits for all that it has begun; a task's actor is one of /system. */
Test(engine_shutdown, tasks__of_a_phase_begin_together_and_end_before_the_next)
{
	static struct story story;
	struct teller drained = { &story, "drained", false }, last = { &story, "last", false },
		      helper = { &story, "helper", true };
	struct hm_pid found;

	story_start(&story, NULL);
	task_add(&story, &(struct hm_shutdown_task){ .phase = HM_SHUTDOWN_DRAIN,
						     .name = "one",
						     .spawn = &tellers_there,
						     .args = &drained });
	task_add(&story,
		 &(struct hm_shutdown_task){
			 .phase = HM_SHUTDOWN_DRAIN, .name = "helper", .spawn = &tellers, .args = &helper });
	task_add(&story,
		 &(struct hm_shutdown_task){
			 .phase = HM_SHUTDOWN_SERVICES, .name = "last", .run = run_tell, .arg = &last });
	stop(&story);
	cr_assert_eq(strlen(story.text), strlen("+helper +drained -drained "), "%s", story.text);
	cr_assert_not_null(strstr(story.text, "-drained "));
	story.text[0] = '\0';
	cr_assert_eq(hm_lookup(story.node.sys, "/system/helper", &found), 0);
	/* Until its end the system works as ever. */
	hmt_probe_spawn(&story.node, &story.probe, 1, "late");
	hmt_number(&story.node, story.probe.pid, 5);
	hmt_turn_until_idle(&story.node);
	cr_assert_eq(hmt_seen_count(&story.probe, HMT_NUMBER), 1);
	hmt_stop(&story.node, found);
	cr_assert_str_eq(story.text, "-helper last ");
	cr_assert_eq(hmt_seen_count(&story.probe, HM_STOPPED), 1);
	hmt_node_end(&story.node);
}

/* What waits in its mailbox is handled before. */
static void
number_tell(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == HMT_NUMBER)
		tell(probe->arg, "handled");
	else if (hm_msg_type(msg) == HM_STOPPED)
		tell(probe->arg, "poisoned");
}

Test(engine_shutdown, tasks__poison_actors_in_their_phase)
{
	static struct story story;
	struct teller after = { &story, "after", false };

	story_start(&story, NULL);
	(void)teller_spawn(&story, &tellers_there, "actor");
	story.probe = (struct hmt_probe){ .on_msg = number_tell, .arg = &story };
	hmt_probe_spawn(&story.node, &story.probe, 0, NULL);
	hmt_turn_until_idle(&story.node);
	task_add(&story, &(struct hm_shutdown_task){ .phase = HM_SHUTDOWN_UNBIND,
						     .name = "listener",
						     .poison = story.probe.pid });
	/* The same actor again is over at once, and one that is gone as well. */
	task_add(&story, &(struct hm_shutdown_task){
				 .phase = HM_SHUTDOWN_UNBIND, .name = "again", .poison = story.probe.pid });
	task_add(&story, &(struct hm_shutdown_task){
				 .phase = HM_SHUTDOWN_DRAIN, .name = "gone", .poison = story.probe.pid });
	task_add(&story,
		 &(struct hm_shutdown_task){
			 .phase = HM_SHUTDOWN_SERVICES, .name = "after", .run = run_tell, .arg = &after });
	hmt_number(&story.node, story.probe.pid, 5);
	stop(&story);
	cr_assert_str_eq(story.text, "handled poisoned after -actor ");
	hmt_node_end(&story.node);
}

/* A name that is taken under /system is no reason to leave a task out. */
Test(engine_shutdown, tasks__of_one_name_all_run)
{
	static struct story story;
	struct teller teller = { &story, "x", false };

	story_start(&story, NULL);
	for (int i = 0; i < 3; i++)
		task_add(&story, &(struct hm_shutdown_task){ .phase = HM_SHUTDOWN_SYSTEM,
							     .name = "same",
							     .spawn = &tellers,
							     .args = &teller });
	stop(&story);
	cr_assert_eq(strlen(story.text), strlen("+x +x +x -x -x -x "), "%s", story.text);
	hmt_node_end(&story.node);
}

/* ---- How a stop begins --------------------------------------------------------------------------- */

Test(engine_shutdown, begin__by_the_end_of_a_guardian)
{
	static struct story story;
	struct teller teller = { &story, "before", false };

	story_start(&story, NULL);
	(void)teller_spawn(&story, &tellers, "actor");
	task_add(&story, &(struct hm_shutdown_task){
				 .phase = HM_SHUTDOWN_BEFORE, .name = "t", .run = run_tell, .arg = &teller });
	hmt_stop(&story.node, story.node.sys->user);
	cr_assert_str_eq(story.text, "-actor before ");
	cr_assert(atomic_load(&story.node.sys->stop_asked));
	hmt_node_end(&story.node);
}

Test(engine_shutdown, begin__before_the_system_runs)
{
	static struct story story;
	struct teller teller = { &story, "before", false }, actor = { &story, "actor", true };

	story_start(&story, NULL);
	cr_assert_eq(hm_system_spawn(story.node.sys, &tellers, NULL, &actor, NULL), 0);
	hm_system_stop(story.node.sys);
	task_add(&story, &(struct hm_shutdown_task){
				 .phase = HM_SHUTDOWN_BEFORE, .name = "t", .run = run_tell, .arg = &teller });
	cr_assert_str_eq(story.text, "");
	hmt_turn_until_idle(&story.node);
	cr_assert_str_eq(story.text, "+actor before -actor ");
	hmt_node_end(&story.node);
}

/* ---- Times ------------------------------------------------------------------------------------------ */

Test(engine_shutdown, times__what_does_not_end_is_named_and_left_behind)
{
	static struct story story;
	struct teller stayer = { &story, "stayer", true }, next = { &story, "next", false };
	struct hmt_log log;

	story_start(&story, NULL);
	stayer_add(&story, &stayer, HM_SHUTDOWN_DRAIN, 0);
	task_add(&story,
		 &(struct hm_shutdown_task){
			 .phase = HM_SHUTDOWN_SERVICES, .name = "next", .run = run_tell, .arg = &next });
	hmt_log_start(&log);
	stop(&story);
	hmt_elapse(&story.node, 4990000);
	cr_assert_str_eq(story.text, "+stayer ");
	cr_assert_str_empty(hmt_log_text(&log));
	hmt_elapse(&story.node, 20000);
	cr_assert_str_eq(story.text, "+stayer next -stayer ");
	cr_assert(hmt_log_has(&log, "task stayer of phase drain has not ended in its time"), "%s",
		  hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "/system/stayer has not stopped, 0 messages wait"), "%s",
		  hmt_log_text(&log));
	hmt_log_end(&log);
	hmt_node_end(&story.node);
}

Test(engine_shutdown, times__of_the_option_the_phase_and_the_task)
{
	static struct story story;
	struct teller a = { &story, "a", true }, b = { &story, "b", true }, c = { &story, "c", true };

	story_start(&story, "--phase-timeout-ms 100");
	stayer_add(&story, &a, HM_SHUTDOWN_BEFORE, 0);
	stayer_add(&story, &b, HM_SHUTDOWN_UNBIND, 0);
	stayer_add(&story, &c, HM_SHUTDOWN_UNBIND, 30000);
	cr_assert_eq(hm_shutdown_timeout(story.node.sys, HM_SHUTDOWN_UNBIND, 20000), 0);
	stop(&story);
	hmt_elapse(&story.node, 99000);
	cr_assert_str_eq(story.text, "+a ");
	hmt_elapse(&story.node, 2000);
	cr_assert_str_eq(story.text, "+a +b +c ");
	/* The phase has to wait for the longer time, of a task. */
	hmt_elapse(&story.node, 21000);
	cr_assert_str_eq(story.text, "+a +b +c ");
	hmt_elapse(&story.node, 11000);
	cr_assert_not_null(strstr(story.text, "-a"));
	cr_assert_not_null(strstr(story.text, "-b"));
	cr_assert_not_null(strstr(story.text, "-c"));
	hmt_node_end(&story.node);
}

static void
lcore_turn(struct hmt_node *node, uint32_t lcore)
{
	hmi_rcu_enter();
	hmi_worker_turn(&node->sys->lcores[lcore]->worker);
	hmi_rcu_leave();
}

/* Turns of lcore 0 alone: as if the other one were stuck. */
static void
elapse_alone(struct story *story, uint64_t us)
{
	story->node.now_ns += us * 1000;
	for (int i = 0; i < 40; i++)
		lcore_turn(&story->node, 0);
}

static void
children_spawn(struct hm_ctx *ctx, void *arg)
{
	struct story *story = arg;
	struct teller teller = { story, "child", true };

	cr_assert_eq(hm_spawn(ctx, &tellers, "here", &teller, NULL), 0);
	cr_assert_eq(hm_spawn(ctx, &tellers_there, "there", &teller, NULL), 0);
}

/* Actors are waited for, and named each time, those that wait for nobody else. */
Test(engine_shutdown, times__actors_that_do_not_stop_are_named_again_and_again)
{
	static struct story story;
	struct hmt_log log;

	story_start(&story, "--phase-timeout-ms 1000");
	hmt_do(&story.node, hmt_probe_spawn(&story.node, &story.probe, 0, "parent"), children_spawn, &story);
	hmt_log_start(&log);
	hm_system_stop(story.node.sys);
	for (int i = 0; i < 40; i++)
		lcore_turn(&story.node, 0);
	cr_assert_str_empty(hmt_log_text(&log));
	elapse_alone(&story, 1001000);
	cr_assert_eq(hmt_log_count(&log, "actors have not stopped in the time of phase actors"), 1, "%s",
		     hmt_log_text(&log));
	/* Its lcore has ended no turn since; it runs no actor at the moment. */
	cr_assert(hmt_log_has(&log, "lcore 1 is stuck in actor no actor"), "%s", hmt_log_text(&log));
	elapse_alone(&story, 1001000);
	cr_assert_eq(hmt_log_count(&log, "actors have not stopped in the time of phase actors"), 2);
	/* What lcore 1 has to say it says when it turns again: before the child there stops. */
	cr_assert_not(hmt_log_has(&log, "/user/parent/here"));
	cr_assert_not(atomic_load(&story.node.sys->actors_gone));
	hmt_turn_until_idle(&story.node);
	cr_assert(atomic_load(&story.node.sys->actors_gone));
	hmt_log_end(&log);
	hmt_node_end(&story.node);
}

/* A report names leaves of the tree on all lcores, and not more than some. */
Test(engine_shutdown, report__names_those_that_wait_for_nobody)
{
	static struct story story;
	struct hmt_log log;

	story_start(&story, NULL);
	hmt_do(&story.node, hmt_probe_spawn(&story.node, &story.probe, 0, "parent"), children_spawn, &story);
	hmt_do(&story.node, hmt_probe_spawn(&story.node, &story.other, 1, "other"), children_spawn, &story);
	for (int i = 0; i < 100; i++)
		(void)teller_spawn(&story, i % 2 == 0 ? &tellers : &tellers_there, NULL);
	hmt_log_start(&log);
	hmi_stop_report(story.node.sys->lcores[0], story.probe.pid);
	hmt_turn_until_idle(&story.node);
	cr_assert_eq(hmt_log_count(&log, "has not stopped"), 2, "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "/user/parent/here has not stopped"));
	cr_assert(hmt_log_has(&log, "/user/parent/there has not stopped"));
	hmt_log_end(&log);
	hmt_log_start(&log);
	hmi_stop_report(story.node.sys->lcores[0], story.node.sys->root);
	hmt_turn_until_idle(&story.node);
	cr_assert_leq(hmt_log_count(&log, "has not stopped"), 16, "%s", hmt_log_text(&log));
	cr_assert_gt(hmt_log_count(&log, "has not stopped"), 4, "%s", hmt_log_text(&log));
	/* Nobody is no reason to say anything. */
	hmi_stop_report(story.node.sys->lcores[0], (struct hm_pid){ 4711, 5 });
	hmi_stop_report(story.node.sys->lcores[0], (struct hm_pid){ story.probe.pid.node, UINT64_MAX });
	hmi_stop_report(story.node.sys->lcores[0], hm_system_dead_letters(story.node.sys));
	hmt_turn_until_idle(&story.node);
	hmt_log_end(&log);
	hmt_node_end(&story.node);
}

/* ---- The whole stop ------------------------------------------------------------------------------------ */

Test(engine_shutdown, whole__is_forced_when_its_time_is_up)
{
	static struct story story;
	struct teller stayer = { &story, "stayer", true };
	struct hmt_log log;

	story_start(&story, "--stop-timeout-ms 2000");
	stayer_add(&story, &stayer, HM_SHUTDOWN_SERVICES, UINT64_C(3600000000));
	hmt_log_start(&log);
	stop(&story);
	hmt_elapse(&story.node, 1999000);
	cr_assert_str_empty(hmt_log_text(&log));
	hmt_elapse(&story.node, 2000);
	cr_assert(hmt_log_has(&log, "not within 2000 ms (--stop-timeout-ms), in phase services; forced"),
		  "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "/system/stayer has not stopped"), "%s", hmt_log_text(&log));
	cr_assert_not(atomic_load(&story.node.sys->forced));
	hmt_elapse(&story.node, 101000);
	cr_assert(atomic_load(&story.node.sys->forced));
	cr_assert_not(atomic_load(&story.node.sys->actors_gone));
	cr_assert_eq(hm_system_turn(story.node.sys), 0);
	cr_assert_eq(hm_system_send(story.node.sys, story.node.sys->user, HMT_EMPTY, NULL), HM_NO_RECEIVER);
	cr_assert_str_eq(story.text, "+stayer ");
	hmt_log_end(&log);
	hmt_node_drop(&story.node);
}

/* In order, and in time. */
Test(engine_shutdown, whole__that_ends_in_time_is_not_forced)
{
	static struct story story;

	story_start(&story, "--stop-timeout-ms 2000 --phase-timeout-ms 10");
	(void)teller_spawn(&story, &tellers, "actor");
	stop(&story);
	hmt_elapse(&story.node, 5000000);
	cr_assert_not(atomic_load(&story.node.sys->forced));
	cr_assert_str_eq(story.text, "-actor ");
	hmt_node_end(&story.node);
}
