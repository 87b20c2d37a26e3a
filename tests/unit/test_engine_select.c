/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to whom a path or a pattern names, and lists of them.
 */
#include "hm_supervisor.h"
#include "test_engine_select.h"

TestSuite(engine_select, .init = hmt_eal_start);

/* ---- Sending ------------------------------------------------------------------------------ */

Test(engine_select, send__to_whom_a_path_names)
{
	static struct select_scene s;
	static const struct {
		const char *path;
		struct hmt_probe *probe;
	} cases[] = {
		{ "/user/pool/w2", &s.workers[1] },
		{ "w2", &s.own[1] },
		{ "./w1", &s.own[0] },
		{ "../pool", &s.pool },
		{ "../pool/w1/deep", &s.deep },
		{ "..//pool", NULL },
		{ ".", &s.asker },
		{ "hermod://node/user/pool/other", &s.workers[2] },
		{ "../pool/./w1/../w2", &s.workers[1] },
	};
	uint64_t dead = 0;

	select_start(&s);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct hmt_probe *probe = cases[i].probe;
		uint32_t before = probe != NULL ? hmt_seen_count(probe, HMT_NUMBER) : 0;

		select_send_path(&s, cases[i].path);
		if (probe == NULL)
			dead++;
		else
			cr_assert_eq(hmt_seen_count(probe, HMT_NUMBER), before + 1, "%s", cases[i].path);
		cr_assert_eq(hmt_dead(&s.node), dead, "%s", cases[i].path);
	}
	cr_assert(hm_pid_is_none(hmt_seen_last(&s.pool, HMT_NUMBER)->sender));
	hmt_node_end(&s.node);
}

static void
request_pool(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1;

	(void)arg;
	cr_assert_eq(hm_select_request(ctx, "../pool", HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_select_request(ctx, "../pool/w*", HMT_NUMBER, &number), HM_OK);
}

Test(engine_select, request__has_the_sender)
{
	static struct select_scene s;

	select_start(&s);
	hmt_do(&s.node, s.asker.pid, request_pool, NULL);
	cr_assert(hm_pid_equal(hmt_seen_last(&s.pool, HMT_NUMBER)->sender, s.asker.pid));
	cr_assert(hm_pid_equal(hmt_seen_last(&s.workers[0], HMT_NUMBER)->sender, s.asker.pid));
	cr_assert(hm_pid_equal(hmt_seen_last(&s.workers[1], HMT_NUMBER)->sender, s.asker.pid));
	hmt_node_end(&s.node);
}

Test(engine_select, send__to_all_that_a_pattern_matches)
{
	static struct select_scene s;

	select_start(&s);
	select_send_path(&s, "/user/pool/w?");
	cr_assert_eq(hmt_seen_count(&s.workers[0], HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&s.workers[1], HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&s.workers[2], HMT_NUMBER), 0);
	select_send_path(&s, "*");
	cr_assert_eq(hmt_seen_count(&s.own[0], HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&s.own[1], HMT_NUMBER), 1);
	select_send_path(&s, "/user/*/w1");
	cr_assert_eq(hmt_seen_count(&s.own[0], HMT_NUMBER), 2);
	cr_assert_eq(hmt_seen_count(&s.workers[0], HMT_NUMBER), 2);
	select_send_path(&s, "hermod://node/user/pool/**");
	cr_assert_eq(hmt_seen_count(&s.deep, HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&s.workers[2], HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&s.pool, HMT_NUMBER), 0);
	cr_assert_eq(hmt_dead(&s.node), 0);
	cr_assert_eq(hmt_seen_last(&s.deep, HMT_NUMBER)->number, 5);
	hmt_node_end(&s.node);
}

/* Each of them one dead letter, to /deadLetters. */
Test(engine_select, send__that_names_nobody_is_a_dead_letter)
{
	static const char *const paths[] = {
		"/user/nobody", "nobody",   "x*",   "/user/pool/w1/deep/*", "",    "/",
		"a//b",         "../../..", "**/x", "/user/pool/",          "*/.."
	};
	static struct select_scene s;
	static struct hmt_probe subscriber;
	static char too_long[HM_PATH_MAX + 10];

	select_start(&s);
	hmt_probe_spawn(&s.node, &subscriber, 0, NULL);
	cr_assert_eq(hm_dead_letters_subscribe(s.node.sys, subscriber.pid), 0);
	memset(too_long, 'x', sizeof(too_long) - 1);
	for (uint32_t i = 0; i <= RTE_DIM(paths); i++) {
		const char *path = i < RTE_DIM(paths) ? paths[i] : too_long;
		const struct hmt_seen *seen;
		bool is_root = strcmp(path, "/") == 0;

		subscriber.count = 0;
		select_send_path(&s, path);
		seen = hmt_seen_last(&subscriber, HM_DEAD_LETTER);
		cr_assert_not_null(seen, "%s", path);
		cr_assert_eq(seen->dead.reason, is_root ? HM_DEAD_GUARDIAN : HM_DEAD_NO_PATH, "%s", path);
		cr_assert_eq(seen->dead.type, HMT_NUMBER);
		cr_assert_eq(hmt_seen_count(&subscriber, HM_DEAD_LETTER), 1, "%s", path);
		if (!is_root)
			cr_assert(hm_pid_equal(seen->dead.to, hm_system_dead_letters(s.node.sys)));
	}
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PATH], RTE_DIM(paths));
	cr_assert_str_eq(hm_dead_reason_name(HM_DEAD_NO_PATH), "sent by a path that names nobody");
	hmt_node_end(&s.node);
}

static void
misuse(struct hm_ctx *ctx, void *arg)
{
	struct select_call *call = arg;
	uint64_t number = 1;

	cr_assert_eq(hm_select_send(ctx, NULL, HMT_NUMBER, &number), HM_INVALID);
	cr_assert_eq(hm_select_request(ctx, NULL, HMT_NUMBER, &number), HM_INVALID);
	cr_assert_eq(hm_select_send(ctx, "w1", UINT16_MAX, &number), HM_UNKNOWN_TYPE);
	cr_assert_eq(hm_select_send(ctx, "w*", UINT16_MAX, &number), HM_UNKNOWN_TYPE);
	cr_assert_eq(hm_select_send(ctx, "nobody", UINT16_MAX, &number), HM_UNKNOWN_TYPE);
	cr_assert_eq(hm_select_send(ctx, "hermod://other/user/*", HMT_NUMBER, &number), HM_INVALID);
	cr_assert_eq(hm_select_ask(ctx, NULL, HMT_NUMBER, &number, 1, hmt_ignore_reply, call), HM_INVALID);
	cr_assert_eq(hm_select_ask(ctx, "w1", HMT_NUMBER, &number, 0, hmt_ignore_reply, call), HM_INVALID);
	cr_assert_eq(hm_select_ask(ctx, "w1", HMT_NUMBER, &number, 1, NULL, call), HM_INVALID);
	cr_assert_eq(hm_select_ask(ctx, "hermod://other/user/*", HMT_NUMBER, &number, 1, hmt_ignore_reply,
				   call),
		     HM_INVALID);
	cr_assert_eq(hm_select_all(NULL, "*", select_listed, call), -EINVAL);
	cr_assert_eq(hm_select_all(ctx, NULL, select_listed, call), -EINVAL);
	cr_assert_eq(hm_select_all(ctx, "*", NULL, call), -EINVAL);
	cr_assert_eq(hm_select_all(ctx, "a//b", select_listed, call), -EINVAL);
	cr_assert_eq(hm_select_all(ctx, "hermod://other/user/*", select_listed, call), -ENOTSUP);
	cr_assert_eq(hm_select_all(ctx, "hermod://other/user/a", select_listed, call), -ENETUNREACH);
	cr_assert_eq(hm_select_all(ctx, "hermod://other", select_listed, call), -EINVAL);
}

Test(engine_select, calls__bad_arguments_are_refused)
{
	static struct select_scene s;
	struct select_call call = { 0 };

	select_start(&s);
	hmt_do(&s.node, s.asker.pid, misuse, &call);
	cr_assert_eq(call.found + call.ends, 0);
	cr_assert_eq(hmt_dead(&s.node), 0);
	hmt_node_end(&s.node);
}

/* ---- Actors without a name --------------------------------------------------------------- */

Test(engine_select, nameless__selects_its_own_children_and_absolute_paths)
{
	static struct select_scene s;
	static struct hmt_probe nameless, child;

	select_start(&s);
	nameless = child = (struct hmt_probe){ 0 };
	hmt_probe_spawn(&s.node, &nameless, 0, NULL);
	s.asker = nameless;
	select_send_path(&s, "child");
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PATH], 1);
	select_spawn(&s, &nameless, &child, 1, "child");
	select_send_path(&s, "child");
	select_send_path(&s, "c*");
	select_send_path(&s, "./*");
	select_send_path(&s, "/temp/*/child");
	cr_assert_eq(hmt_seen_count(&child, HMT_NUMBER), 4);
	select_send_path(&s, "/user/pool");
	cr_assert_eq(hmt_seen_count(&s.pool, HMT_NUMBER), 1);
	/* What is beside it is not known. */
	select_send_path(&s, "../pool");
	select_send_path(&s, "../*");
	select_send_path(&s, "..");
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PATH], 4);
	hmt_node_end(&s.node);
}

static void
path_tell(struct hm_ctx *ctx, void *arg)
{
	const char *path = hm_path(ctx);

	snprintf(arg, HM_PATH_MAX, "%s", path != NULL ? path : "none");
}

Test(engine_select, path__of_the_running_actor)
{
	static struct select_scene s;
	static struct hmt_probe nameless;
	char path[HM_PATH_MAX];

	select_start(&s);
	hmt_do(&s.node, s.deep.pid, path_tell, path);
	cr_assert_str_eq(path, "/user/pool/w1/deep");
	hmt_do(&s.node, hmt_probe_spawn(&s.node, &nameless, 0, NULL), path_tell, path);
	cr_assert_str_eq(path, "none");
	hmt_node_end(&s.node);
}

/* ---- Lists ------------------------------------------------------------------------------- */

Test(engine_select, all__lists_each_match_and_then_the_end)
{
	static struct select_scene s;
	struct select_call call = { .path = "/user/pool/*" };

	select_start(&s);
	hmt_do(&s.node, s.asker.pid, select_list, &call);
	cr_assert_eq(call.rc, 0);
	cr_assert_eq(call.ends, 1);
	cr_assert_eq(call.found, 3);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert(select_has(&call, &s.workers[i]));
	for (uint32_t i = 0; i < 3; i++) {
		struct hm_pid pid;

		cr_assert_eq(hm_lookup(s.node.sys, call.paths[i], &pid), 0, "%s", call.paths[i]);
		cr_assert(hm_pid_equal(pid, call.pids[i]));
	}
	call = (struct select_call){ .path = "w1" };
	hmt_do(&s.node, s.asker.pid, select_list, &call);
	cr_assert_eq(call.found, 1);
	cr_assert_eq(call.ends, 1);
	cr_assert(select_has(&call, &s.own[0]));
	call = (struct select_call){ .path = "/user/x/*" };
	hmt_do(&s.node, s.asker.pid, select_list, &call);
	cr_assert_eq(call.found, 0);
	cr_assert_eq(call.ends, 1);
	cr_assert_eq(hmt_dead(&s.node), 0);
	hmt_node_end(&s.node);
}

/* Of an actor that lists: the second of the matches that it is told is too much for it. */
struct failing {
	struct hm_msg *kept; /* made when the first one was told */
	uint32_t calls, links;
};

static void
keep_then_fail(struct hm_ctx *ctx, void *state, const char *path, struct hm_pid pid, void *arg)
{
	struct failing *failing = arg;

	(void)state;
	(void)pid;
	cr_assert_not_null(path);
	if (failing->calls++ > 0)
		hm_fail(ctx, "one too many");
	hm_msg_free(ctx, failing->kept);
	failing->kept = hm_msg_new(ctx, HMT_EMPTY, 0);
	cr_assert_not_null(failing->kept);
}

static void
list_and_fail(struct hm_ctx *ctx, void *arg)
{
	struct failing *failing = arg;

	failing->links = ctx->links.count;
	cr_assert_eq(hm_select_all(ctx, "/user/pool/*", keep_then_fail, failing), 0);
}

/* The state lives on, and with it what the calls before have put there. */
static void
kept_send(struct hm_ctx *ctx, void *arg)
{
	const struct failing *failing = arg;

	cr_assert_eq(ctx->links.count, failing->links);
	cr_assert_eq(hm_msg_send(ctx, hm_self(ctx), failing->kept), HM_OK);
}

Test(engine_select, all__whose_function_fails_is_over_and_what_earlier_calls_made_stays)
{
	static const struct hm_supervisor resume = { .directive = HM_DIRECTIVE_RESUME,
						     .restarts = HM_RESTARTS_UNLIMITED };
	static struct select_scene s;
	static struct hm_props props;
	struct hmt_probe parent = { 0 }, lister = { 0 }, *at = &parent;
	struct select_child child = { &lister, NULL, 0 };
	struct failing failing = { NULL, 0, 0 };

	select_start(&s);
	props = *hmt_probe_props(0);
	props.supervisor = &resume;
	cr_assert_eq(hm_system_spawn(s.node.sys, &props, NULL, &at, &parent.pid), 0);
	hmt_do(&s.node, parent.pid, select_child_spawn, &child);
	/* Of the first failure its supervisor keeps a record, which is a link, too. */
	for (uint32_t i = 1; i <= 2; i++) {
		failing.calls = 0;
		hmt_do(&s.node, lister.pid, list_and_fail, &failing);
		cr_assert_eq(failing.calls, 2);
		cr_assert_eq(hmt_stats(&s.node).failed, i);
	}
	hmt_do(&s.node, lister.pid, kept_send, &failing);
	cr_assert_eq(hmt_seen_count(&lister, HMT_EMPTY), 1);
	cr_assert_eq(failing.calls, 2);
	hmt_node_end(&s.node);
}
