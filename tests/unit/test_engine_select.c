/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to whom a path or a pattern names, and lists of them.
 */
#include "hm_header.h"
#include "hmt_log.h"
#include "hmt_shortage.h"
#include "select_pvt.h"
#include "test_engine_select.h"

TestSuite(engine_select, .init = hmt_eal_start);

/* ---- Sending ------------------------------------------------------------------------------ */

static void
send_path(struct select_scene *s, const char *path)
{
	struct select_call call = { .path = path, .number = 5 };

	hmt_do(&s->node, s->asker.pid, select_send, &call);
	cr_assert_eq(call.result, HM_OK, "%s", path);
}

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

		send_path(&s, cases[i].path);
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
	send_path(&s, "/user/pool/w?");
	cr_assert_eq(hmt_seen_count(&s.workers[0], HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&s.workers[1], HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&s.workers[2], HMT_NUMBER), 0);
	send_path(&s, "*");
	cr_assert_eq(hmt_seen_count(&s.own[0], HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&s.own[1], HMT_NUMBER), 1);
	send_path(&s, "/user/*/w1");
	cr_assert_eq(hmt_seen_count(&s.own[0], HMT_NUMBER), 2);
	cr_assert_eq(hmt_seen_count(&s.workers[0], HMT_NUMBER), 2);
	send_path(&s, "hermod://node/user/pool/**");
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
		send_path(&s, path);
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

/* ---- The path of a dead letter ------------------------------------------------------------ */

#define PATH_SIZED 0x400u

struct lost_path {
	char text[2 * HM_PATH_MAX];
	uint32_t count, others; /* dead letters with a path, and those with other headers */
};

static void
lost_path_read(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct lost_path *lost = probe->arg;
	const char *path = hm_msg_header(msg, HM_DEAD_LETTER_PATH);

	(void)ctx;
	if (hm_msg_type(msg) != HM_DEAD_LETTER)
		return;
	lost->count += path != NULL;
	lost->others += hm_msg_headers_count(msg) != (path != NULL ? 1u : 0u);
	snprintf(lost->text, sizeof(lost->text), "%s", path != NULL ? path : "(none)");
}

static void
lost_path_start(struct select_scene *s, struct hmt_probe *subscriber, struct lost_path *lost)
{
	select_start(s);
	memset(lost, 0, sizeof(*lost));
	*subscriber = (struct hmt_probe){ .on_msg = lost_path_read, .arg = lost };
	hmt_probe_spawn(&s->node, subscriber, 1, NULL);
	cr_assert_eq(hm_dead_letters_subscribe(s->node.sys, subscriber->pid), 0);
}

Test(engine_select, dead_letter__has_the_path_and_the_log_has_it)
{
	static const struct {
		const char *path, *told;
	} cases[] = {
		{ "/user/nobody", "/user/nobody" },
		{ "nobody", "/user/asker/nobody" },
		{ "../pool/z?", "/user/pool/z?" },
		{ "a//b", "a//b" },
		{ "", "" },
		{ "hermod://node/user/nobody", "/user/nobody" },
		{ "hermod://other/user/a", "hermod://other/user/a" },
	};
	static struct select_scene s;
	static struct hmt_probe subscriber;
	static struct lost_path lost;
	struct hmt_log log;

	lost_path_start(&s, &subscriber, &lost);
	hmt_log_start(&log);
	for (uint32_t i = 0; i < RTE_DIM(cases); i++) {
		send_path(&s, cases[i].path);
		cr_assert_str_eq(lost.text, cases[i].told, "%s", cases[i].path);
		cr_assert_eq(lost.count, i + 1);
	}
	cr_assert_eq(lost.others, 0);
	cr_assert(hmt_log_has(&log, " /user/nobody: sent by a path that names nobody"));
	cr_assert(hmt_log_has(&log, " /user/asker/nobody: sent by a path that names nobody"));
	hmt_log_end(&log);
	hmt_node_end(&s.node);
}

Test(engine_select, dead_letter__has_as_much_of_the_path_as_is_promised)
{
	static struct select_scene s;
	static struct hmt_probe subscriber;
	static struct lost_path lost;
	char path[HM_PATH_MAX + 2];

	lost_path_start(&s, &subscriber, &lost);
	/* What is no path is cut. */
	memset(path, 'x', sizeof(path));
	path[HM_PATH_MAX + 1] = '\0';
	send_path(&s, path);
	cr_assert_eq(strlen(lost.text), HM_PATH_MAX - 1);
	/* An address is not. */
	memcpy(path, "hermod://other/", strlen("hermod://other/"));
	path[HM_PATH_MAX] = '\0';
	send_path(&s, path);
	cr_assert_str_eq(lost.text, path);
	cr_assert_eq(lost.count, 2);
	hmt_node_end(&s.node);
}

static void
ask_ended(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct select_call *call = arg;

	(void)ctx;
	(void)state;
	(void)reply;
	call->replies++;
	call->ended = result;
}

static void
ask_nobody(struct hm_ctx *ctx, void *arg)
{
	struct select_call *call = arg;

	call->result = hm_select_ask(ctx, call->path, HMT_NUMBER, &call->number, 1000, ask_ended, call);
}

Test(engine_select, dead_letter__of_a_question_has_the_path_too)
{
	static const char *const paths[] = { "/user/nobody", "/user/x*" };
	static struct select_scene s;
	static struct hmt_probe subscriber;
	static struct lost_path lost;

	lost_path_start(&s, &subscriber, &lost);
	for (uint32_t i = 0; i < RTE_DIM(paths); i++) {
		struct select_call call = { .path = paths[i], .number = 1 };

		hmt_do(&s.node, s.asker.pid, ask_nobody, &call);
		cr_assert_eq(call.result, HM_OK);
		cr_assert_eq(call.replies, 1);
		cr_assert_eq(call.ended, HM_FUTURE_DEAD_LETTER);
		cr_assert_str_eq(lost.text, paths[i]);
	}
	hmt_node_end(&s.node);
}

static void
send_sized(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hm_select_send(ctx, "/user/nobody", *(uint16_t *)arg, NULL), HM_OK);
}

/* Around the edges of size classes. */
Test(engine_select, dead_letter__has_the_path_beside_a_body_of_any_size)
{
	static const uint32_t sizes[] = { 0, 16, 17, 24, 25, 88, 89, HM_MSG_BODY_MAX };
	static char names[RTE_DIM(sizes)][16];
	static struct hmt_probe subscriber, asker;
	static struct lost_path lost;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	for (uint32_t i = 0; i < RTE_DIM(sizes); i++) {
		struct hm_type type = { .id = (uint16_t)(PATH_SIZED + i),
					.name = names[i],
					.size = sizes[i] };

		snprintf(names[i], sizeof(names[i]), "sized %u", sizes[i]);
		cr_assert_eq(hm_type_register(node.sys, &type), 0);
	}
	subscriber.on_msg = lost_path_read;
	subscriber.arg = &lost;
	hmt_probe_spawn(&node, &subscriber, 0, NULL);
	hmt_probe_spawn(&node, &asker, 0, NULL);
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, subscriber.pid), 0);
	for (uint32_t i = 0; i < RTE_DIM(sizes); i++) {
		uint16_t type = (uint16_t)(PATH_SIZED + i);

		hmt_do(&node, asker.pid, send_sized, &type);
		cr_assert_eq(lost.count, i + 1, "%u bytes", sizes[i]);
		cr_assert_eq(hmt_seen_last(&subscriber, HM_DEAD_LETTER)->dead.length, sizes[i]);
	}
	hmt_node_end(&node);
}

#define SMALL_MEMORY (UINT64_C(256) << 10)
#define MADE_MAX     (SMALL_MEMORY / 64)

/* All message memory is in use but for one small message. */
static void
send_without_memory(struct hm_ctx *ctx, void *arg)
{
	static struct hm_msg *made[MADE_MAX];
	uint32_t *count = arg, n = 0;

	for (size_t extra = 1000; extra > 0; extra /= 8) {
		while (n < MADE_MAX && (made[n] = hm_msg_new(ctx, HMT_NUMBER, extra)) != NULL)
			n++;
	}
	while (n < MADE_MAX && (made[n] = hm_msg_new(ctx, HMT_NUMBER, 0)) != NULL)
		n++;
	cr_assert_gt(n, 0);
	hm_msg_free(ctx, made[--n]);
	cr_assert_eq(hm_select_send(ctx, "/user/nobody", HMT_NUMBER, NULL), HM_OK);
	cr_assert_eq(hm_select_send(ctx, "/user/nobody", HMT_NUMBER, NULL), HM_NO_MEMORY);
	*count = n;
	while (n > 0)
		hm_msg_free(ctx, made[--n]);
}

Test(engine_select, dead_letter__has_no_path_without_memory_for_it)
{
	static struct hmt_probe subscriber, asker;
	static struct lost_path lost;
	struct hmt_node node;
	uint32_t made = 0;

	hmt_node_start_with(&node, 1, SMALL_MEMORY, NULL);
	subscriber.on_msg = lost_path_read;
	subscriber.arg = &lost;
	hmt_probe_spawn(&node, &subscriber, 0, NULL);
	hmt_probe_spawn(&node, &asker, 0, NULL);
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, subscriber.pid), 0);
	hmt_do(&node, asker.pid, send_without_memory, &made);
	cr_assert_gt(made, 100);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_PATH], 1);
	cr_assert_eq(hmt_seen_count(&subscriber, HM_DEAD_LETTER), 1);
	cr_assert_eq(lost.count, 0);
	cr_assert_str_eq(lost.text, "(none)");
	hmt_node_end(&node);
}

static void
ignore_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	     void *arg)
{
	(void)ctx;
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
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
	cr_assert_eq(hm_select_ask(ctx, NULL, HMT_NUMBER, &number, 1, ignore_reply, call), HM_INVALID);
	cr_assert_eq(hm_select_ask(ctx, "w1", HMT_NUMBER, &number, 0, ignore_reply, call), HM_INVALID);
	cr_assert_eq(hm_select_ask(ctx, "w1", HMT_NUMBER, &number, 1, NULL, call), HM_INVALID);
	cr_assert_eq(hm_select_ask(ctx, "hermod://other/user/*", HMT_NUMBER, &number, 1, ignore_reply, call),
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
	send_path(&s, "child");
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PATH], 1);
	select_spawn(&s, &nameless, &child, 1, "child");
	send_path(&s, "child");
	send_path(&s, "c*");
	send_path(&s, "./*");
	send_path(&s, "/temp/*/child");
	cr_assert_eq(hmt_seen_count(&child, HMT_NUMBER), 4);
	send_path(&s, "/user/pool");
	cr_assert_eq(hmt_seen_count(&s.pool, HMT_NUMBER), 1);
	/* What is beside it is not known. */
	send_path(&s, "../pool");
	send_path(&s, "../*");
	send_path(&s, "..");
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

/* ---- Many names ------------------------------------------------------------------------------ */

#define MANY 20000u

static void
named_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == HMT_NUMBER)
		(**(uint32_t **)state)++;
}

static void
many_spawn(struct hm_ctx *ctx, void *count)
{
	static const struct hm_props props = { .receive = named_receive,
					       .state_size = sizeof(uint32_t *),
					       .args_size = sizeof(uint32_t *) };
	char name[16];

	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		cr_assert_eq(hm_spawn(ctx, &props, name, &count, NULL), 0);
	}
}

/* How many of the system's turns it takes until all have it, with another actor busy. */
struct busy {
	uint32_t turns, received;
};

static void
busy_again(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct busy *busy = probe->arg;
	uint64_t number = 1;

	if (hm_msg_type(msg) != HMT_NUMBER || busy->received == MANY)
		return;
	busy->turns++;
	cr_assert_eq(hm_send(ctx, hm_self(ctx), HMT_NUMBER, &number), HM_OK);
}

Test(engine_select, send__to_many_names_leaves_turns_to_others, .timeout = 120)
{
	static struct select_scene s;
	static struct hmt_probe other;
	struct select_call call = { .path = "*", .number = 5 };
	struct busy busy = { 0, 0 };

	select_start(&s);
	hmt_do(&s.node, s.pool.pid, many_spawn, &busy.received);
	other = (struct hmt_probe){ .on_msg = busy_again, .arg = &busy };
	hmt_probe_spawn(&s.node, &other, 1, NULL);
	hmt_turn_until_idle(&s.node);
	hmt_number(&s.node, other.pid, 1);
	/* Three others have it, too. */
	hmt_do(&s.node, s.pool.pid, select_send, &call);
	cr_assert_eq(busy.received, MANY);
	/* Each portion is of 64 steps, and 64 of them may be in one turn of the actor. */
	cr_assert_gt(busy.turns, 5, "%u turns", busy.turns);
	cr_assert_eq(hmt_seen_count(&s.workers[1], HMT_NUMBER), 1);
	cr_assert_eq(hmt_dead(&s.node), 0);
	hmt_node_end(&s.node);
}

/* The first of many is asked to stop the selecting actor. */
struct stopper {
	struct select_scene scene;
	uint32_t received;
	enum hm_result result;
};

static void
send_and_stop(struct hm_ctx *ctx, void *arg)
{
	struct stopper *stopper = arg;
	uint64_t number = 5;

	stopper->result = hm_select_send(ctx, "*", HMT_NUMBER, &number);
	hm_stop(ctx, hm_self(ctx));
}

Test(engine_select, send__ends_with_the_actor, .timeout = 120)
{
	static struct stopper stopper;
	struct select_scene *s = &stopper.scene;
	uint32_t links;

	select_start(s);
	hmt_do(&s->node, s->pool.pid, many_spawn, &stopper.received);
	links = select_links(&s->node);
	hmt_do(&s->node, s->pool.pid, send_and_stop, &stopper);
	cr_assert_eq(stopper.result, HM_OK);
	cr_assert_gt(stopper.received, 0);
	cr_assert_lt(stopper.received, 1000);
	cr_assert_leq(select_links(&s->node), links);
	cr_assert_eq(hmt_seen_count(&s->pool, HM_STOPPED), 1);
	hmt_node_end(&s->node);
}

/* A pattern of which nothing was looked at yet that matches: what was to be sent is a dead letter. */
static void
miss_and_stop(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 5;

	(void)arg;
	cr_assert_eq(hm_select_send(ctx, "x*", HMT_NUMBER, &number), HM_OK);
	hm_stop(ctx, hm_self(ctx));
}

Test(engine_select, send__that_has_reached_nobody_when_the_actor_ends_is_a_dead_letter, .timeout = 120)
{
	static struct stopper stopper;
	struct select_scene *s = &stopper.scene;

	select_start(s);
	hmt_do(&s->node, s->pool.pid, many_spawn, &stopper.received);
	hmt_do(&s->node, s->pool.pid, miss_and_stop, NULL);
	cr_assert_eq(hmt_stats(&s->node).dead[HM_DEAD_NO_PATH], 1);
	hmt_node_end(&s->node);
}

static void
both_begin(struct hm_ctx *ctx, void *arg)
{
	struct select_call *call = arg;
	uint64_t number = 5;

	cr_assert_eq(hm_select_send(ctx, "x*", HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_select_all(ctx, "n*", select_listed, call), 0);
}

/* Destroyed while they are under way, as by force: nothing is lost. */
Test(engine_select, drop__with_selections_under_way, .timeout = 120)
{
	static struct stopper stopper;
	struct select_scene *s = &stopper.scene;
	struct select_call call = { 0 };
	struct hm_ctx *ctx;

	select_start(s);
	hmt_do(&s->node, s->pool.pid, many_spawn, &stopper.received);
	/* As in a turn that is the last. */
	ctx = s->node.sys->lcores[1];
	ctx->cell = hmi_cell_live(ctx, s->pool.pid.local);
	both_begin(ctx, &call);
	ctx->cell = NULL;
	hmt_system_drain(s->node.sys);
	cr_assert_eq(hmt_stats(&s->node).dead[HM_DEAD_SHUTDOWN], 1);
	cr_assert_eq(call.ends, 0);
	hmt_node_drop(&s->node);
}

/* ---- No memory --------------------------------------------------------------------------------- */

struct hoarder {
	struct hm_msg *msgs[65536];
	uint32_t count;
	enum hm_result result;
};

static void
hoard_and_send(struct hm_ctx *ctx, void *arg)
{
	struct hoarder *hoarder = arg;
	uint64_t number = 5;

	while ((hoarder->msgs[hoarder->count] = hm_msg_new(ctx, HMT_NUMBER, 0)) != NULL)
		hoarder->count++;
	hoarder->result = hm_select_send(ctx, "w*", HMT_NUMBER, &number);
	/* One for what is kept, one for the first of two receivers. */
	hm_msg_free(ctx, hoarder->msgs[--hoarder->count]);
	hm_msg_free(ctx, hoarder->msgs[--hoarder->count]);
	cr_assert_eq(hm_select_send(ctx, "w*", HMT_NUMBER, &number), HM_OK);
	while (hoarder->count > 0)
		hm_msg_free(ctx, hoarder->msgs[--hoarder->count]);
}

Test(engine_select, send__without_message_memory_is_refused_or_a_dead_letter)
{
	static struct hoarder hoarder;
	static struct hmt_probe asker, own[2];
	struct select_scene s;

	memset(&s, 0, sizeof(s));
	asker = own[0] = own[1] = (struct hmt_probe){ 0 };
	hmt_node_start_with(&s.node, 1, HMI_MEMORY_MIN, NULL);
	hmt_probe_spawn(&s.node, &asker, 0, "asker");
	select_spawn(&s, &asker, &own[0], 0, "w1");
	select_spawn(&s, &asker, &own[1], 0, "w2");
	hmt_do(&s.node, asker.pid, hoard_and_send, &hoarder);
	cr_assert_eq(hoarder.result, HM_NO_MEMORY);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_MEMORY], 1);
	cr_assert_eq(hmt_seen_count(&own[0], HMT_NUMBER) + hmt_seen_count(&own[1], HMT_NUMBER), 1);
	hmt_node_end(&s.node);
}

/* As if every slot of the lcore were taken: it goes on all the same, in one turn. */
static void
slots_none_list(struct hm_ctx *ctx, void *arg)
{
	struct hmi_cells *cells = &ctx->cells;
	uint32_t fresh = cells->fresh, end = cells->fresh_end, free = cells->free_count,
		 next = cells->bank->next;
	struct select_call *call = arg;
	uint64_t number = 5;

	cells->bank->next = HM_SLOTS_MAX;
	cells->fresh = cells->fresh_end = HM_SLOTS_MAX;
	cells->free_count = 0;
	call->rc = hm_select_all(ctx, "n1*", select_listed, call);
	call->result = hm_select_send(ctx, "n*", HMT_NUMBER, &number);
	cells->fresh = fresh;
	cells->fresh_end = end;
	cells->bank->next = next;
	cells->free_count = free;
}

Test(engine_select, send__without_a_slot_to_go_on_later_goes_on_at_once, .timeout = 120)
{
	static struct stopper stopper;
	struct select_scene *s = &stopper.scene;
	struct select_call call = { 0 };

	select_start(s);
	hmt_do(&s->node, s->pool.pid, many_spawn, &stopper.received);
	hmt_do(&s->node, s->pool.pid, slots_none_list, &call);
	cr_assert_eq(call.rc, -ENOMEM);
	cr_assert_eq(call.found + call.ends, 0);
	cr_assert_eq(call.result, HM_OK);
	cr_assert_eq(stopper.received, MANY);
	hmt_node_end(&s->node);
}
