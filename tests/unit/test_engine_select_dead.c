/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path that a dead letter was sent by: its subscribers and the log are told.
 */
#include "hm_header.h"
#include "hmt_log.h"
#include "test_engine_select.h"

TestSuite(engine_select_dead, .init = hmt_eal_start);

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

Test(engine_select_dead, dead_letter__has_the_path_and_the_log_has_it)
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
		select_send_path(&s, cases[i].path);
		cr_assert_str_eq(lost.text, cases[i].told, "%s", cases[i].path);
		cr_assert_eq(lost.count, i + 1);
	}
	cr_assert_eq(lost.others, 0);
	cr_assert(hmt_log_has(&log, " /user/nobody: sent by a path that names nobody"));
	cr_assert(hmt_log_has(&log, " /user/asker/nobody: sent by a path that names nobody"));
	hmt_log_end(&log);
	hmt_node_end(&s.node);
}

Test(engine_select_dead, dead_letter__has_as_much_of_the_path_as_is_promised)
{
	static struct select_scene s;
	static struct hmt_probe subscriber;
	static struct lost_path lost;
	char path[HM_PATH_MAX + 2];

	lost_path_start(&s, &subscriber, &lost);
	/* What is no path is cut. */
	memset(path, 'x', sizeof(path));
	path[HM_PATH_MAX + 1] = '\0';
	select_send_path(&s, path);
	cr_assert_eq(strlen(lost.text), HM_PATH_MAX - 1);
	/* An address is not. */
	memcpy(path, "hermod://other/", strlen("hermod://other/"));
	path[HM_PATH_MAX] = '\0';
	select_send_path(&s, path);
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

Test(engine_select_dead, dead_letter__of_a_question_has_the_path_too)
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
Test(engine_select_dead, dead_letter__has_the_path_beside_a_body_of_any_size)
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

Test(engine_select_dead, dead_letter__has_no_path_without_memory_for_it)
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
