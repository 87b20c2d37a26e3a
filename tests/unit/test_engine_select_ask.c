/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked, watched and sent to other nodes by path; and selections of external threads.
 */
#include "hm_provider.h"
#include "test_engine_select.h"

TestSuite(engine_select_ask, .init = hmt_eal_start);

/* ---- Asking ---------------------------------------------------------------------------------- */

static void
replied(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct select_call *call = arg;

	(void)ctx;
	(void)state;
	call->replies++;
	call->ended = result;
	if (reply != NULL)
		call->answer = *(const uint64_t *)hm_msg_body(reply);
}

static void
select_ask(struct hm_ctx *ctx, void *arg)
{
	struct select_call *call = arg;

	call->result = hm_select_ask(ctx, call->path, HMT_NUMBER, &call->number, 1000, replied, call);
}

static void
answer_twice_the_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number;

	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	number = 2 * *(const uint64_t *)hm_msg_body(msg);
	cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
}

static void
ask(struct select_scene *s, struct select_call *call, const char *path)
{
	*call = (struct select_call){ .path = path, .number = 21 };
	hmt_do(&s->node, s->asker.pid, select_ask, call);
	cr_assert_eq(call->result, HM_OK, "%s", path);
}

Test(engine_select_ask, ask__of_one_and_of_several)
{
	static struct select_scene s;
	struct select_call call;

	select_start(&s);
	for (uint32_t i = 0; i < 3; i++)
		s.workers[i].on_msg = answer_twice_the_number;
	ask(&s, &call, "../pool/w1");
	cr_assert_eq(call.replies, 1);
	cr_assert_eq(call.ended, HM_FUTURE_REPLY);
	cr_assert_eq(call.answer, 42);
	/* The first answer is taken, the others come too late. */
	ask(&s, &call, "../pool/*");
	cr_assert_eq(call.replies, 1);
	cr_assert_eq(call.ended, HM_FUTURE_REPLY);
	cr_assert_eq(call.answer, 42);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY] +
			     hmt_stats(&s.node).dead[HM_DEAD_NO_PROCESS],
		     2);
	hmt_node_end(&s.node);
}

/* The asker need not wait. */
Test(engine_select_ask, ask__of_nobody_ends_at_once)
{
	static const char *const paths[] = { "nobody", "x*", "a//b" };
	static struct select_scene s;
	struct select_call call;

	select_start(&s);
	for (uint32_t i = 0; i < RTE_DIM(paths); i++) {
		ask(&s, &call, paths[i]);
		cr_assert_eq(call.replies, 1, "%s", paths[i]);
		cr_assert_eq(call.ended, HM_FUTURE_DEAD_LETTER);
		cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PATH], i + 1);
	}
	hmt_node_end(&s.node);
}

Test(engine_select_ask, ask__without_an_answer_times_out)
{
	static struct select_scene s;
	struct select_call call;

	select_start(&s);
	ask(&s, &call, "../pool/w*");
	cr_assert_eq(call.replies, 0);
	hmt_elapse(&s.node, 1001);
	cr_assert_eq(call.replies, 1);
	cr_assert_eq(call.ended, HM_FUTURE_TIMEOUT);
	hmt_node_end(&s.node);
}

/* ---- Other nodes -------------------------------------------------------------------------------- */

#define OTHER_NODE 4711u

static struct fake {
	int rc; /* of resolve */
	uint32_t resolved, delivered;
	char node[64], path[64];
	struct hm_pid reply_to, sender;
	uint64_t to, number;
} fake;

static int
fake_resolve(void *self, struct hm_ctx *ctx, const char *node, const char *path, struct hm_pid reply_to)
{
	(void)self;
	(void)ctx;
	fake.resolved++;
	snprintf(fake.node, sizeof(fake.node), "%s", node);
	snprintf(fake.path, sizeof(fake.path), "%s", path);
	fake.reply_to = reply_to;
	return fake.rc;
}

static void
fake_deliver(void *self, struct hm_ctx *ctx, struct hm_msg *msg)
{
	(void)self;
	fake.to = msg->to;
	fake.sender = msg->sender;
	if (msg->type == HMT_NUMBER) {
		fake.delivered++;
		fake.number = *(const uint64_t *)hm_msg_body(msg);
	}
	hm_msg_free(ctx, msg);
}

static const struct hm_provider_ops fake_ops = { .resolve = fake_resolve, .deliver = fake_deliver };

static uint16_t
fake_start(struct select_scene *s)
{
	uint16_t index;

	select_start(s);
	fake = (struct fake){ 0 };
	cr_assert_eq(hm_provider_register(s->node.sys, 0, &fake_ops, NULL), 0);
	cr_assert_eq(hm_node_learn(s->node.sys, OTHER_NODE, &index), 0);
	return index;
}

/* The other node answers: whom the path names. */
static void
fake_answer(struct select_scene *s, struct hm_pid pid)
{
	struct hm_ctx *ctx = s->node.sys->lcores[0];
	struct hm_msg *msg = hm_msg_alloc(ctx, HM_IDENTITY, sizeof(struct hm_identity));

	*(struct hm_identity *)hm_msg_body_mut(msg) = (struct hm_identity){ pid };
	msg->to = fake.reply_to.local;
	msg->to_node = 0;
	msg->sender = hm_pid_none();
	hm_provider_receive(ctx, msg);
	hmt_turn_until_idle(&s->node);
}

static const struct hm_pid remote = { OTHER_NODE, 5 };

Test(engine_select_ask, send__to_another_node_resolves_first)
{
	static struct select_scene s;
	struct select_call call = { .path = "hermod://there/user/a", .number = 7 };

	(void)fake_start(&s);
	hmt_do(&s.node, s.asker.pid, select_send, &call);
	cr_assert_eq(call.result, HM_OK);
	cr_assert_str_eq(fake.node, "there");
	cr_assert_str_eq(fake.path, "/user/a");
	cr_assert_eq(fake.delivered, 0);
	fake_answer(&s, remote);
	cr_assert_eq(fake.delivered, 1);
	cr_assert_eq(fake.to, 5);
	cr_assert_eq(fake.number, 7);
	cr_assert_eq(hmt_dead(&s.node), 0);
	hmt_node_drop(&s.node);
}

Test(engine_select_ask, send__to_another_node_that_does_not_know_the_path)
{
	static struct select_scene s;
	struct select_call call = { .path = "hermod://there/user/a" };

	(void)fake_start(&s);
	hmt_do(&s.node, s.asker.pid, select_send, &call);
	fake_answer(&s, hm_pid_none());
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PATH], 1);
	cr_assert_eq(fake.delivered, 0);
	hmt_node_drop(&s.node);
}

Test(engine_select_ask, send__to_a_node_that_does_not_answer_or_is_not_known)
{
	static struct select_scene s;
	struct select_call call = { .path = "hermod://there/user/a" };

	(void)fake_start(&s);
	hmt_do(&s.node, s.asker.pid, select_send, &call);
	hmt_elapse(&s.node, HM_SELECT_TIMEOUT_US + 1000);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_NODE], 1);
	fake.rc = -EINVAL;
	hmt_do(&s.node, s.asker.pid, select_send, &call);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_NODE], 2);
	call.path = "hermod://there";
	hmt_do(&s.node, s.asker.pid, select_send, &call);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PATH], 1);
	cr_assert_eq(fake.resolved, 2);
	hmt_node_drop(&s.node);
}

Test(engine_select_ask, send__without_a_network_is_a_dead_letter)
{
	static struct select_scene s;
	struct select_call call = { .path = "hermod://there/user/a" };

	select_start(&s);
	hmt_do(&s.node, s.asker.pid, select_send, &call);
	cr_assert_eq(call.result, HM_OK);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_NODE], 1);
	hmt_node_end(&s.node);
}

Test(engine_select_ask, ask__another_node_until_it_is_lost)
{
	static struct select_scene s;
	struct select_call call;
	uint16_t index = fake_start(&s);

	ask(&s, &call, "hermod://there/user/a");
	fake_answer(&s, remote);
	cr_assert_eq(fake.delivered, 1);
	cr_assert_not(hm_pid_is_none(fake.sender));
	cr_assert_eq(call.replies, 0);
	hm_node_lost(s.node.sys->lcores[0], index);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(call.replies, 1);
	cr_assert_eq(call.ended, HM_FUTURE_DEAD_LETTER);
	hmt_node_drop(&s.node);
}

Test(engine_select_ask, ask__another_node_that_does_not_know_the_path)
{
	static struct select_scene s;
	struct select_call call;

	(void)fake_start(&s);
	ask(&s, &call, "hermod://there/user/a");
	fake_answer(&s, hm_pid_none());
	cr_assert_eq(call.replies, 1);
	cr_assert_eq(call.ended, HM_FUTURE_DEAD_LETTER);
	hmt_node_drop(&s.node);
}

Test(engine_select_ask, all__lists_an_address_of_another_node)
{
	static struct select_scene s;
	struct select_call call = { .path = "hermod://there/user/a" };

	(void)fake_start(&s);
	hmt_do(&s.node, s.asker.pid, select_list, &call);
	cr_assert_eq(call.rc, 0);
	cr_assert_eq(call.ends, 0);
	fake_answer(&s, remote);
	cr_assert_eq(call.found, 1);
	cr_assert_eq(call.ends, 1);
	cr_assert(hm_pid_equal(call.pids[0], remote));
	cr_assert_str_eq(call.paths[0], "hermod://there/user/a");
	hmt_node_drop(&s.node);
}

/* The actor has stopped when the answer comes. */
Test(engine_select_ask, send__to_another_node_ends_with_the_actor)
{
	static struct select_scene s;
	struct select_call call = { .path = "hermod://there/user/a" };

	(void)fake_start(&s);
	hmt_do(&s.node, s.asker.pid, select_send, &call);
	hmt_stop(&s.node, s.asker.pid);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PATH], 1);
	fake_answer(&s, remote);
	cr_assert_eq(fake.delivered, 0);
	hmt_node_drop(&s.node);
}

/* ---- Watching ------------------------------------------------------------------------------------ */

static void
watch_path(struct hm_ctx *ctx, void *arg)
{
	struct select_call *call = arg;

	call->who = (struct hm_pid){ 1, 1 };
	call->result = hm_watch_path(ctx, call->path, &call->who);
}

static void
watch(struct select_scene *s, struct select_call *call, const char *path)
{
	*call = (struct select_call){ .path = path };
	hmt_do(&s->node, s->asker.pid, watch_path, call);
}

Test(engine_select_ask, watch_path__of_an_actor_that_exists)
{
	static struct select_scene s;
	struct select_call call;

	select_start(&s);
	watch(&s, &call, "../pool/w2");
	cr_assert_eq(call.result, HM_OK);
	cr_assert(hm_pid_equal(call.who, s.workers[1].pid));
	cr_assert_eq(hmt_seen_count(&s.asker, HM_TERMINATED), 0);
	hmt_stop(&s.node, s.workers[1].pid);
	cr_assert_eq(hmt_seen_count(&s.asker, HM_TERMINATED), 1);
	cr_assert(hm_pid_equal(hmt_seen_last(&s.asker, HM_TERMINATED)->terminated.who, s.workers[1].pid));
	cr_assert_eq(hmt_seen_last(&s.asker, HM_TERMINATED)->terminated.reason, HM_TERMINATED_STOPPED);
	hmt_node_end(&s.node);
}

static void
watch_three(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_watch_path(ctx, "nobody", NULL), HM_OK);
	cr_assert_eq(hm_watch_path(ctx, "nobody", NULL), HM_OK);
	cr_assert_eq(hm_watch_path(ctx, "a//b", NULL), HM_OK);
	cr_assert_eq(hm_watch_path(ctx, NULL, NULL), HM_INVALID);
	cr_assert_eq(hm_watch_path(ctx, "w*", NULL), HM_INVALID);
	cr_assert_eq(hm_watch_path(ctx, "hermod://there/user/*", NULL), HM_INVALID);
	cr_assert_eq(hm_watch_path(ctx, ".", NULL), HM_NO_RECEIVER);
}

/* One notification for each watch, each time. */
Test(engine_select_ask, watch_path__of_nobody_is_told_for_each_watch)
{
	static struct select_scene s;
	struct select_call call;
	const struct hmt_seen *seen;

	select_start(&s);
	watch(&s, &call, "/user/nobody");
	cr_assert_eq(call.result, HM_OK);
	cr_assert(hm_pid_is_none(call.who));
	seen = hmt_seen_last(&s.asker, HM_TERMINATED);
	cr_assert_not_null(seen);
	cr_assert(hm_pid_is_none(seen->terminated.who));
	cr_assert_eq(seen->terminated.reason, HM_TERMINATED_NOT_FOUND);
	cr_assert(hm_pid_is_none(seen->sender));
	hmt_do(&s.node, s.asker.pid, watch_three, NULL);
	cr_assert_eq(hmt_seen_count(&s.asker, HM_TERMINATED), 4);
	cr_assert_eq(hmt_dead(&s.node), 0);
	hmt_node_end(&s.node);
}

Test(engine_select_ask, watch_path__on_another_node)
{
	static struct select_scene s;
	struct select_call call;
	uint16_t index = fake_start(&s);

	watch(&s, &call, "hermod://there/user/a");
	cr_assert_eq(call.result, HM_OK);
	cr_assert(hm_pid_is_none(call.who));
	fake_answer(&s, remote);
	cr_assert_eq(hmt_seen_count(&s.asker, HM_TERMINATED), 0);
	hm_node_lost(s.node.sys->lcores[0], index);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hmt_seen_last(&s.asker, HM_TERMINATED)->terminated.reason, HM_TERMINATED_NODE_LOST);
	cr_assert(hm_pid_equal(hmt_seen_last(&s.asker, HM_TERMINATED)->terminated.who, remote));
	hmt_node_drop(&s.node);
}

Test(engine_select_ask, watch_path__on_another_node_of_nobody_and_without_an_answer)
{
	static struct select_scene s;
	struct select_call call;

	(void)fake_start(&s);
	watch(&s, &call, "hermod://there/user/a");
	fake_answer(&s, hm_pid_none());
	cr_assert_eq(hmt_seen_last(&s.asker, HM_TERMINATED)->terminated.reason, HM_TERMINATED_NOT_FOUND);
	watch(&s, &call, "hermod://there/user/a");
	hmt_elapse(&s.node, HM_SELECT_TIMEOUT_US + 1000);
	cr_assert_eq(hmt_seen_last(&s.asker, HM_TERMINATED)->terminated.reason, HM_TERMINATED_NODE_LOST);
	watch(&s, &call, "hermod://there");
	cr_assert_eq(hmt_seen_last(&s.asker, HM_TERMINATED)->terminated.reason, HM_TERMINATED_NOT_FOUND);
	cr_assert_eq(hmt_seen_count(&s.asker, HM_TERMINATED), 3);
	cr_assert(hm_pid_is_none(hmt_seen_last(&s.asker, HM_TERMINATED)->terminated.who));
	hmt_node_drop(&s.node);
}

/* It is among its actor's own: one that stops meanwhile is not told. */
Test(engine_select_ask, watch_path__ends_with_the_actor)
{
	static struct select_scene s;
	struct select_call call;

	(void)fake_start(&s);
	watch(&s, &call, "hermod://there/user/a");
	hmt_stop(&s.node, s.asker.pid);
	fake_answer(&s, remote);
	cr_assert_eq(hmt_seen_count(&s.asker, HM_TERMINATED), 2, "its children");
	hmt_node_drop(&s.node);
}

/* ---- External threads ----------------------------------------------------------------------------- */

static void
found(const char *path, struct hm_pid pid, void *arg)
{
	struct select_call *call = arg;

	if (call->found < RTE_DIM(call->pids)) {
		snprintf(call->paths[call->found], sizeof(call->paths[0]), "%s", path);
		call->pids[call->found] = pid;
	}
	call->found++;
}

Test(engine_select_ask, system_select__lists_and_counts)
{
	static struct select_scene s;
	struct select_call call = { 0 };

	select_start(&s);
	cr_assert_eq(hm_system_select(s.node.sys, "/user/pool/*", found, &call), 3);
	cr_assert_eq(call.found, 3);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert(select_has(&call, &s.workers[i]));
	cr_assert_eq(hm_system_select(s.node.sys, "hermod://node/user/pool/w1", found, &call), 1);
	cr_assert_eq(hm_system_select(s.node.sys, "/user/nobody", found, &call), 0);
	cr_assert_eq(hm_system_select(s.node.sys, "/", found, &call), 1);
	cr_assert_eq(hm_system_select(s.node.sys, "w1", found, &call), -EINVAL);
	cr_assert_eq(hm_system_select(s.node.sys, "hermod://there/user/a", found, &call), -EINVAL);
	cr_assert_eq(hm_system_select(NULL, "/user", found, &call), -EINVAL);
	cr_assert_eq(hm_system_select(s.node.sys, NULL, found, &call), -EINVAL);
	cr_assert_eq(hm_system_select(s.node.sys, "/user", NULL, &call), -EINVAL);
	hmt_node_end(&s.node);
}

Test(engine_select_ask, system_select_send__reaches_all)
{
	static struct select_scene s;
	uint64_t number = 3;

	select_start(&s);
	cr_assert_eq(hm_system_select_send(s.node.sys, "/user/**", HMT_NUMBER, &number), HM_OK);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hmt_seen_count(&s.deep, HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&s.asker, HMT_NUMBER), 1);
	cr_assert_eq(hmt_stats(&s.node).sent, 8 + 6, "eight actors, and what each was told to spawn");
	cr_assert_eq(hm_system_select_send(s.node.sys, "/user/x*", HMT_NUMBER, &number), HM_NO_RECEIVER);
	cr_assert_eq(hm_system_select_send(s.node.sys, "x", HMT_NUMBER, &number), HM_INVALID);
	cr_assert_eq(hm_system_select_send(NULL, "/user", HMT_NUMBER, &number), HM_INVALID);
	cr_assert_eq(hm_system_select_send(s.node.sys, NULL, HMT_NUMBER, &number), HM_INVALID);
	cr_assert_eq(hm_system_select_send(s.node.sys, "/user/*", UINT16_MAX, &number), HM_UNKNOWN_TYPE);
	hmt_node_end(&s.node);
}
