/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deployment settings: for whom they are, and what they override.
 */
#include <criterion/criterion.h>

#include <errno.h>

#include "deploy_pvt.h"
#include "hm_dispatch.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_log.h"
#include "rank_pvt.h"

TestSuite(engine_deploy, .init = hmt_eal_start);

static char problem[HM_DEPLOY_PROBLEM_MAX];

static void
set(struct hmt_node *node, const char *setting)
{
	cr_assert_eq(hm_deploy_set(node->sys, setting, problem, sizeof(problem)), 0, "%s", problem);
}

static const struct hmi_cell *
cell_of(const struct hmt_node *node, struct hm_pid pid)
{
	return hmi_cells_at(&node->sys->lcores[hm_pid_lcore(pid)]->cells, pid.local);
}

static const struct hm_props *
props_of(const struct hmt_node *node, struct hm_pid pid)
{
	return cell_of(node, pid)->actor.props;
}

/* ---- Which one counts ------------------------------------------------------------------- */

Test(engine_deploy, match__patterns_and_paths)
{
	static const struct {
		const char *pattern, *path;
		bool matches;
	} cases[] = {
		{ "/user/a", "/user/a", true },       { "/user/a", "/user/ab", false },
		{ "/user/ab", "/user/a", false },     { "/user/a", "/user/a/b", false },
		{ "/user/a/b", "/user/a", false },    { "/user/*", "/user/a", true },
		{ "/user/*", "/user/a/b", false },    { "/user/*", "/user", false },
		{ "/user/**", "/user/a", true },      { "/user/**", "/user/a/b/c", true },
		{ "/user/**", "/user", false },       { "/user/a?/c", "/user/ab/c", true },
		{ "/user/a?/c", "/user/a/c", false }, { "/*/a", "/system/a", true },
		{ "/user", "/user", true },           { "/user/**x", "/user/a/x", false },
	};

	for (size_t i = 0; i < RTE_DIM(cases); i++)
		cr_assert_eq(hmi_pattern_matches(cases[i].pattern, cases[i].path), cases[i].matches, "%s %s",
			     cases[i].pattern, cases[i].path);
}

/* Each is less specific than the one behind it. */
Test(engine_deploy, rank__left_segments_first)
{
	static const char *const patterns[] = {
		"/*/**",     "/*/*",     "/*/a",       "/user/**",  "/user/*",     "/user/*/**",  "/user/*/*",
		"/user/*/b", "/user/?a", "/user/*a*b", "/user/abc", "/user/abc/*", "/user/abc/d",
	};

	for (size_t a = 0; a < RTE_DIM(patterns); a++) {
		for (size_t b = 0; b < RTE_DIM(patterns); b++) {
			int rank = hmi_pattern_rank(patterns[a], patterns[b]);

			cr_assert_eq((rank > 0) - (rank < 0), (a > b) - (a < b), "%s %s", patterns[a],
				     patterns[b]);
		}
	}
	cr_assert_eq(hmi_pattern_rank("/user/a*", "/user/*b"), 0);
}

/* Whatever the order in which they come. */
Test(engine_deploy, spawn__most_specific_setting_counts)
{
	static const char *const settings[] = { "/user/**:lcore=1", "/user/a*:lcore=2", "/user/ab:lcore=3" };
	static const char *const names[] = { "x", "ac", "ab" };

	for (int order = 0; order < 6; order++) {
		static struct hmt_probe probes[3];
		int first = order % 3, second = (first + 1 + order / 3) % 3;
		struct hmt_node node;

		memset(probes, 0, sizeof(probes));
		hmt_node_start(&node, 4);
		set(&node, settings[first]);
		set(&node, settings[second]);
		set(&node, settings[3 - first - second]);
		for (uint32_t i = 0; i < 3; i++)
			cr_assert_eq(hm_pid_lcore(hmt_probe_spawn(&node, &probes[i], 0, names[i])), i + 1);
		hmt_node_end(&node);
	}
}

Test(engine_deploy, spawn__of_equals_the_later_setting_counts)
{
	static struct hmt_probe ab, ax;
	struct hmt_node node;

	hmt_node_start_with(&node, 4, 0, "--set /user/a*:lcore=1 --set /user/*b:lcore=2");
	cr_assert_eq(hm_pid_lcore(hmt_probe_spawn(&node, &ab, 0, "ab")), 2);
	set(&node, "/user/a*:lcore=3");
	cr_assert_eq(hm_pid_lcore(hmt_probe_spawn(&node, &ax, 0, "ax")), 3);
	hmt_node_end(&node);
}

/* A more specific setting overrides its own key, and no other. */
Test(engine_deploy, spawn__keys_count_by_themselves)
{
	static struct hmt_probe probe;
	const struct hm_props *props;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	set(&node, "/user/a:stash=7");
	set(&node, "/user/*:stash=5");
	set(&node, "/user/*:faults=abort");
	hmt_probe_spawn(&node, &probe, 1, "a");
	hmt_turn_until_idle(&node);
	props = props_of(&node, probe.pid);
	cr_assert_eq(props->stash, 7);
	cr_assert_eq(props->faults, HM_FAULTS_ABORT);
	cr_assert_eq(props->lcore, HM_LCORE(1));
	cr_assert_null(props->supervisor);
	cr_assert_null(props->mailbox);
	hmt_node_end(&node);
}

/* Where it runs, before whom, and for how long. */
Test(engine_deploy, spawn__has_placement_priority_and_quantum)
{
	static struct hmt_probe by_key, by_load, own, plain;
	const struct hm_props *props;
	struct hmt_node node;
	char text[64];

	hmt_node_start_with(&node, 4, 0, "--reserve 1");
	set(&node, "/user/k*:lcore=key");
	set(&node, "/user/k*:priority=high");
	set(&node, "/user/k*:quantum=3");
	set(&node, "/user/k*:quantum-time=7us");
	set(&node, "/user/least:lcore=least");
	set(&node, "/user/own:lcore=own");
	set(&node, "/user/plain:quantum=default");
	for (uint32_t i = 0; i < 8; i++) {
		memset(&by_key, 0, sizeof(by_key));
		snprintf(text, sizeof(text), "k%u", i);
		hmt_probe_spawn(&node, &by_key, 0, text);
		hmt_turn_until_idle(&node);
		cr_assert_eq(hm_pid_lcore(by_key.pid),
			     hm_system_lcore_of_key(node.sys, hm_key(text, strlen(text))), "%s", text);
	}
	props = props_of(&node, by_key.pid);
	cr_assert_eq(props->priority, HM_ACTOR_HIGH);
	cr_assert_eq(props->quantum, 3);
	cr_assert_eq(props->quantum_us, 7);
	hmt_probe_spawn(&node, &by_load, 0, "least");
	hmt_probe_spawn(&node, &own, 0, "own");
	hmt_probe_spawn(&node, &plain, 0, "plain");
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_pid_lcore(own.pid), 3, "the reserved one");
	cr_assert_lt(hm_pid_lcore(by_load.pid), 3);
	cr_assert_eq(props_of(&node, plain.pid)->quantum, 0);
	cr_assert_eq(hm_system_spawn(node.sys, hmt_probe_props(0), "own", &(struct hmt_probe *){ &plain },
				     NULL),
		     -EBUSY, "nobody else has one");
	hmt_node_end(&node);
}

Test(engine_deploy, set__limits_of_quantum)
{
	static const char *const wrong[] = { "/user/a:quantum=0",        "/user/a:quantum=65",
					     "/user/a:quantum-time=0us", "/user/a:quantum-time=41us",
					     "/user/a:quantum-time=1ms", "/user/a:quantum-time=7",
					     "/user/a:priority=highest", "/user/a:lcore=most" };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	set(&node, "/user/a:quantum=64");
	set(&node, "/user/b:quantum=1");
	set(&node, "/user/a:quantum-time=40us");
	set(&node, "/user/b:quantum-time=1us");
	for (size_t i = 0; i < RTE_DIM(wrong); i++)
		cr_assert_eq(hm_deploy_set(node.sys, wrong[i], problem, sizeof(problem)), -EINVAL, "%s",
			     wrong[i]);
	hmt_node_end(&node);
}

Test(engine_deploy, spawn__others_have_the_props_of_their_caller)
{
	static struct hmt_probe named, anonymous;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	set(&node, "/user/a:stash=7");
	cr_assert_eq(props_of(&node, hmt_probe_spawn(&node, &named, 0, "b")), hmt_probe_props(0));
	cr_assert_eq(props_of(&node, hmt_probe_spawn(&node, &anonymous, 0, NULL)), hmt_probe_props(0));
	cr_assert_null(cell_of(&node, anonymous.pid)->actor.extra);
	cr_assert_not(cell_of(&node, named.pid)->actor.extra->owns_props);
	hmt_node_end(&node);
}

static void
child_spawn(struct hm_ctx *ctx, void *child)
{
	cr_assert_eq(hmt_probe_child(ctx, child, 0, "c"), 0);
}

Test(engine_deploy, spawn__children_have_paths_below_their_parents)
{
	static struct hmt_probe named, anonymous, children[2];
	struct hmt_node node;

	hmt_node_start(&node, 3);
	set(&node, "/user/p/c:lcore=1");
	set(&node, "/temp/*/c:lcore=2");
	hmt_do(&node, hmt_probe_spawn(&node, &named, 0, "p"), child_spawn, &children[0]);
	hmt_do(&node, hmt_probe_spawn(&node, &anonymous, 0, NULL), child_spawn, &children[1]);
	cr_assert_eq(hm_pid_lcore(children[0].pid), 1);
	cr_assert_eq(hm_pid_lcore(children[1].pid), 2);
	hmt_node_end(&node);
}

/* A path of HM_PATH_MAX characters is refused, with settings as without. */
Test(engine_deploy, spawn__too_long_a_path_is_refused)
{
	static struct hmt_probe probes[8];
	char name[HM_NAME_MAX + 1];
	struct hm_pid pid = hm_pid_none();
	struct hmt_node node;
	int rc = 0;

	memset(name, 'n', HM_NAME_MAX);
	name[HM_NAME_MAX] = '\0';
	hmt_node_start(&node, 1);
	set(&node, "/user/**:stash=7");
	for (uint32_t i = 0; rc == 0 && i < RTE_DIM(probes); i++) {
		struct hmt_probe *probe = &probes[i];
		struct hm_ctx *ctx = node.sys->lcores[0];

		ctx->cell = i == 0 ? hmi_cells_at(&ctx->cells, node.sys->user.local)
				   : hmi_cells_at(&ctx->cells, pid.local);
		rc = hm_spawn(ctx, hmt_probe_props(0), name, &probe, &pid);
		ctx->cell = NULL;
		cr_assert_eq(rc, i < 7 ? 0 : -ENAMETOOLONG);
	}
	hmt_node_end(&node);
}

/* ---- What is overridden ------------------------------------------------------------------ */

static enum hm_directive
resume_always(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	(void)ctx;
	(void)state;
	(void)failure;
	return HM_DIRECTIVE_RESUME;
}

static struct hm_pid
parent_spawn(struct hmt_node *node, struct hmt_probe *probe, const struct hm_supervisor *supervisor)
{
	static struct hm_props props;

	props = *hmt_probe_props(0);
	props.supervisor = supervisor;
	cr_assert_eq(hm_system_spawn(node->sys, &props, "p", &probe, &probe->pid), 0);
	return probe->pid;
}

Test(engine_deploy, supervisor__directive_takes_the_place_of_a_decider)
{
	static const struct hm_supervisor resumes = { .decide = resume_always };
	static struct hmt_probe parent, child;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	set(&node, "/user/p:supervisor=stop");
	hmt_do(&node, parent_spawn(&node, &parent, &resumes), child_spawn, &child);
	hmt_do(&node, child.pid, hmt_fail, NULL);
	cr_assert_eq(hmt_seen_count(&child, HM_STOPPED), 1);
	cr_assert_eq(hmt_seen_last(&parent, HM_TERMINATED)->terminated.reason, HM_TERMINATED_FAILED);
	hmt_node_end(&node);
}

/* What no setting says is the strategy's of the props, the decider among it. */
Test(engine_deploy, supervisor__members_by_themselves)
{
	static const struct hm_supervisor strategy = { .decide = resume_always,
						       .restarts = 3,
						       .window_us = 5 };
	static struct hmt_probe parent;
	const struct hm_supervisor *own;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	set(&node, "/user/p:supervisor-restarts=unlimited");
	set(&node, "/user/p:supervisor-scope=rest-for-one");
	set(&node, "/user/p:supervisor-window=2min");
	set(&node, "/user/p:backoff-min=10ms");
	set(&node, "/user/p:backoff-max=1h");
	set(&node, "/user/p:backoff-jitter=100");
	set(&node, "/user/p:backoff-reset=7us");
	own = props_of(&node, parent_spawn(&node, &parent, &strategy))->supervisor;
	cr_assert_eq(own->decide, resume_always);
	cr_assert_eq(own->restarts, HM_RESTARTS_UNLIMITED);
	cr_assert_eq(own->scope, HM_REST_FOR_ONE);
	cr_assert_eq(own->window_us, 120000000);
	cr_assert_eq(own->backoff.min_us, 10000);
	cr_assert_eq(own->backoff.max_us, 3600000000);
	cr_assert_eq(own->backoff.jitter, 100);
	cr_assert_eq(own->backoff.reset_us, 7);
	hmt_node_end(&node);
}

/* Props without a strategy have the default one, of which one member is set. */
Test(engine_deploy, supervisor__default_with_another_limit)
{
	static struct hmt_probe parent, child;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	set(&node, "/user/p:supervisor-restarts=1");
	hmt_do(&node, parent_spawn(&node, &parent, NULL), child_spawn, &child);
	hmt_do(&node, child.pid, hmt_fail, NULL);
	cr_assert_eq(hmt_seen_count(&child, HM_STARTED), 2);
	hmt_do(&node, child.pid, hmt_fail, NULL);
	cr_assert_eq(hmt_seen_count(&child, HM_STOPPED), 1);
	hmt_node_end(&node);
}

/* One that restarts has its settings still. */
Test(engine_deploy, restart__keeps_settings)
{
	static struct hmt_probe probe;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	set(&node, "/user/a:stash=7");
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, "a"), hmt_fail, NULL);
	cr_assert_eq(hmt_seen_count(&probe, HM_STARTED), 2);
	cr_assert_eq(props_of(&node, probe.pid)->stash, 7);
	hmt_node_end(&node);
}

Test(engine_deploy, guardian__has_a_strategy_by_its_path)
{
	static struct hmt_probe probe;
	struct hmt_node node;

	hmt_node_start_with(&node, 1, 0, "--set /user:supervisor=stop");
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), hmt_fail, NULL);
	cr_assert_eq(hmt_seen_count(&probe, HM_STOPPED), 1);
	hmt_node_end(&node);
}

Test(engine_deploy, mailbox__bound_and_overflow)
{
	static struct hmt_probe probe;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	set(&node, "/user/a:mailbox-overflow=drop-newest");
	set(&node, "/user/*:mailbox-capacity=2");
	hmt_probe_spawn(&node, &probe, 0, "a");
	hmt_turn_until_idle(&node);
	for (uint64_t i = 1; i <= 4; i++)
		hmt_number(&node, probe.pid, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 2);
	cr_assert_eq(hmt_seen_last(&probe, HMT_NUMBER)->number, 2);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_DROPPED], 2);
	hmt_node_end(&node);
}

static uint8_t
priority_of(const struct hm_msg *msg)
{
	(void)msg;
	return 0;
}

/* What fitted to the capacity or the order of the props does not stay behind. */
Test(engine_deploy, mailbox__members_that_go_together)
{
	static const struct hm_mailbox sorted = {
		.order = HM_MAILBOX_PRIORITY, .priority = priority_of, .capacity = 1000, .low = 500
	};
	static struct hmt_probe probe, *at = &probe;
	static struct hm_props props;
	const struct hm_mailbox *own;
	struct hmt_node node;

	props = *hmt_probe_props(0);
	props.mailbox = &sorted;
	hmt_node_start(&node, 1);
	set(&node, "/user/a:mailbox-order=fifo");
	set(&node, "/user/a:mailbox-capacity=10");
	cr_assert_eq(hm_system_spawn(node.sys, &props, "a", &at, &probe.pid), 0);
	own = props_of(&node, probe.pid)->mailbox;
	cr_assert_eq(own->order, HM_MAILBOX_FIFO);
	cr_assert_null(own->priority);
	cr_assert_eq(own->capacity, 10);
	cr_assert_eq(own->low, 0);
	set(&node, "/user/b:mailbox-low=400");
	cr_assert_eq(hm_system_spawn(node.sys, &props, "b", &at, &probe.pid), 0);
	own = props_of(&node, probe.pid)->mailbox;
	cr_assert_eq(own->priority, priority_of);
	cr_assert_eq(own->low, 400);
	cr_assert_eq(own->capacity, 1000);
	set(&node, "/user/c:mailbox-order=control");
	cr_assert_eq(hm_system_spawn(node.sys, &props, "c", &at, &probe.pid), 0);
	cr_assert_eq(props_of(&node, probe.pid)->mailbox->order, HM_MAILBOX_CONTROL);
	hmt_node_end(&node);
}

Test(engine_deploy, mailbox__that_cannot_be_is_refused_and_named)
{
	static struct hmt_probe probe, *at = &probe;
	struct hmt_node node;
	struct hmt_log log;

	hmt_node_start(&node, 2);
	set(&node, "/user/a:mailbox-overflow=reject");
	hmt_log_start(&log);
	for (uint32_t lcore = 0; lcore < 2; lcore++)
		cr_assert_eq(hm_system_spawn(node.sys, hmt_probe_props(lcore), "a", &at, NULL), -EINVAL);
	cr_assert(hmt_log_has(&log, "/user/a is not spawned: with hm_deploy_set: mailbox-overflow = reject"));
	cr_assert(hmt_log_has(&log, "need a mailbox-capacity"));
	hmt_log_end(&log);
	hmt_node_end(&node);
}

/* ---- Whose memory it is: what is left shows under the address sanitizer --------------------- */

Test(engine_deploy, memory__of_spawns_that_fail)
{
	static struct hmt_probe probe, *at = &probe;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	set(&node, "/user/*:stash=7");
	hmt_probe_spawn(&node, &probe, 1, "a");
	for (uint32_t lcore = 0; lcore < 2; lcore++)
		cr_assert_eq(hm_system_spawn(node.sys, hmt_probe_props(lcore), "a", &at, NULL), -EEXIST);
	hmt_node_end(&node);
}

/* Some live, and some are under way to another lcore. */
Test(engine_deploy, memory__of_actors_that_are_left_behind)
{
	static struct hmt_probe probes[4];
	struct hmt_node node;

	hmt_node_start(&node, 2);
	set(&node, "/user/*:stash=7");
	hmt_probe_spawn(&node, &probes[0], 0, "a");
	hmt_probe_spawn(&node, &probes[1], 1, "b");
	hmt_turn_until_idle(&node);
	hmt_probe_spawn(&node, &probes[2], 0, "c");
	hmt_probe_spawn(&node, &probes[3], 1, "d");
	hmt_node_drop(&node);
}

/* ---- Looking at them ------------------------------------------------------------------------ */

struct list {
	char text[1024];
};

static void
list_add(void *arg, const struct hm_deploy_setting *s)
{
	struct list *list = arg;
	size_t length = strlen(list->text);

	snprintf(list->text + length, sizeof(list->text) - length, "%s %s=%s (%s) %u; ", s->path, s->key,
		 s->value, s->source, (unsigned int)s->actors);
}

Test(engine_deploy, each__shows_what_was_for_whom)
{
	static struct hmt_probe a, b;
	struct list list = { "" };
	struct hmt_node node;
	struct hmt_log log;

	hmt_node_start_with(&node, 1, 0, "--set /user/a:stash=7");
	hm_deploy_each(node.sys, list_add, &list);
	cr_assert_str_eq(list.text, "/user/a stash=7 (--set) 0; ");
	set(&node, "/user/nobody:supervisor=stop");
	set(&node, "/user/./*:lcore=any");
	hmt_probe_spawn(&node, &a, 0, "a");
	hmt_probe_spawn(&node, &b, 0, "b");
	list.text[0] = '\0';
	hm_deploy_each(node.sys, list_add, &list);
	cr_assert_str_eq(list.text, "/user/* lcore=any (hm_deploy_set) 2; /user/a stash=7 (--set) 1; "
				    "/user/nobody supervisor=stop (hm_deploy_set) 0; ");
	hmt_log_start(&log);
	hmt_node_end(&node);
	cr_assert(hmt_log_has(&log, "hm_deploy_set: no actor of the path /user/nobody was spawned"));
	cr_assert_eq(hmt_log_count(&log, "was spawned"), 1);
	hmt_log_end(&log);
}

Test(engine_deploy, each__without_settings)
{
	struct list list = { "" };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hm_deploy_each(node.sys, list_add, &list);
	cr_assert_str_empty(list.text);
	hmt_node_end(&node);
}

/* ---- Misuse ------------------------------------------------------------------------------------ */

Test(engine_deploy, set__arguments_that_are_wrong)
{
	char text[8] = "before", none = 'x';
	struct hmt_node node;

	hmt_node_start(&node, 2);
	cr_assert_eq(hm_deploy_set(NULL, "/user/a:lcore=0", NULL, 0), -EINVAL);
	cr_assert_eq(hm_deploy_set(node.sys, NULL, NULL, 0), -EINVAL);
	cr_assert_eq(hm_deploy_load(NULL, "file", NULL, 0), -EINVAL);
	cr_assert_eq(hm_deploy_load(node.sys, NULL, NULL, 0), -EINVAL);
	cr_assert_eq(hm_deploy_set(node.sys, "/user/a:lcore=2", NULL, 0), -EINVAL);
	cr_assert_eq(hm_deploy_set(node.sys, "/user/a:lcore=2", &none, 0), -EINVAL);
	cr_assert_eq(none, 'x');
	cr_assert_eq(hm_deploy_set(node.sys, "/user/a:lcore=0", text, sizeof(text)), 0);
	cr_assert_str_eq(text, "before");
	cr_assert_eq(hm_deploy_set(node.sys, "/user/a:lcore=2", text, sizeof(text)), -EINVAL);
	cr_assert_str_eq(text, "hm_depl");
	cr_assert_eq(hm_deploy_set(node.sys, "/user/a:lcore=2", problem, sizeof(problem)), -EINVAL);
	cr_assert_str_eq(problem,
			 "hm_deploy_set '/user/a:lcore=2': /user/a: lcore = 2: the lcores are 0 to 1");
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_deploy_set(node.sys, "/user/a:lcore=0", problem, sizeof(problem)), -EBUSY);
	cr_assert_eq(hm_deploy_load(node.sys, "file", problem, sizeof(problem)), -EBUSY);
	hmt_node_end(&node);
}
