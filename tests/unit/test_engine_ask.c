/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests from threads that are no lcore.
 */
#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_ask, .init = hmt_eal_start);

/* Answers each number by twice the number; or keeps silent. */
struct oracle {
	bool is_slow;
};

static void
answer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct oracle *oracle = probe->arg;
	uint64_t number;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	number = 2 * *(const uint64_t *)hm_msg_body(msg);
	if (!oracle->is_slow)
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
}

Test(engine_ask, system_ask__without_running_lcores_is_refused)
{
	static struct hmt_probe probe;
	struct hm_reply reply = { 0 };
	uint64_t number = 1;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	cr_assert_eq(hm_system_ask(node.sys, probe.pid, HMT_NUMBER, &number, 1000, &reply), -EDEADLK);
	hmt_node_end(&node);
}

struct background {
	struct hm_system *sys;
	struct hmt_probe answerer;
	struct oracle oracle;
};

static void
background_start(struct background *b)
{
	static const struct hm_type type = { .id = HMT_NUMBER, .name = "number", .size = sizeof(uint64_t) };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND };
	struct hmt_probe *probe = &b->answerer;

	*b = (struct background){ .answerer = { .on_msg = answer, .arg = &b->oracle } };
	cr_assert_eq(hm_system_create(&b->sys, 0, NULL, &config), 0);
	cr_assert_eq(hm_type_register(b->sys, &type), 0);
	cr_assert_eq(hm_system_spawn(b->sys, hmt_probe_props(0), "answerer", &probe, &probe->pid), 0);
	cr_assert_eq(hm_system_start(b->sys), 0);
}

static void
background_end(struct background *b)
{
	hm_system_stop(b->sys);
	cr_assert_eq(hm_system_join(b->sys), 0);
	cr_assert_eq(hmi_pool_in_use(&b->sys->pool), hmi_msg_cache_count(&b->sys->lcores[0]->cache),
		     "the rest is in magazines");
	hm_system_destroy(b->sys);
}

Test(engine_ask, system_ask__reply_is_copied)
{
	static struct background b;
	uint64_t number = 21, twice = 0;
	struct hm_reply reply = { .body = &twice, .size = sizeof(twice) };

	background_start(&b);
	cr_assert_eq(hm_system_ask(b.sys, b.answerer.pid, HMT_NUMBER, &number, 10000000, &reply), 0);
	cr_assert_eq(twice, 42);
	cr_assert_eq(reply.type, HMT_NUMBER);
	cr_assert_eq(reply.length, sizeof(twice));
	/* An answer that nobody reads. */
	cr_assert_eq(hm_system_ask(b.sys, b.answerer.pid, HMT_NUMBER, &number, 10000000, NULL), 0);
	reply.size = 4;
	cr_assert_eq(hm_system_ask(b.sys, b.answerer.pid, HMT_NUMBER, &number, 10000000, &reply), -EMSGSIZE);
	cr_assert_eq(reply.length, sizeof(twice));
	background_end(&b);
}

Test(engine_ask, system_ask__timeout_and_dead_letter)
{
	static struct background b;
	struct hm_pid nowhere;
	uint64_t number = 21;

	background_start(&b);
	nowhere = (struct hm_pid){ hm_system_node(b.sys), 12345 };
	cr_assert_eq(hm_system_ask(b.sys, nowhere, HMT_NUMBER, &number, 10000000, NULL), -ENOENT);
	nowhere.node++;
	cr_assert_eq(hm_system_ask(b.sys, nowhere, HMT_NUMBER, &number, 10000000, NULL), -ENOENT);
	cr_assert_eq(hm_system_ask(b.sys, hm_pid_none(), HMT_NUMBER, &number, 1000, NULL), -EINVAL);
	cr_assert_eq(hm_system_ask(b.sys, nowhere, HMT_EMPTY, &number, 1000, NULL), -EINVAL);
	b.oracle.is_slow = true;
	cr_assert_eq(hm_system_ask(b.sys, b.answerer.pid, HMT_NUMBER, &number, 2000, NULL), -ETIMEDOUT);
	cr_assert_eq(hm_system_ask(b.sys, b.answerer.pid, HMT_NUMBER, &number, 0, NULL), -ETIMEDOUT);
	background_end(&b);
}

static _Atomic bool stuck, freed;

static void
be_stuck(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	stuck = true;
	while (!freed)
		sched_yield();
}

/* The deadline of a caller does not depend on an lcore that does not turn; a full ring is told at once. */
Test(engine_ask, system_ask__ends_though_lcore_0_is_stuck)
{
	static const struct hm_props props = { .receive = be_stuck, .lcore = HM_LCORE(0) };
	static struct background b;
	uint64_t number = 1;
	struct hm_pid pid;
	int rc;

	stuck = freed = false;
	background_start(&b);
	cr_assert_eq(hm_system_spawn(b.sys, &props, NULL, NULL, &pid), 0);
	cr_assert_eq(hm_system_send(b.sys, pid, HMT_NUMBER, &number), HM_OK);
	while (!stuck)
		sched_yield();
	for (int i = 0; i < 3; i++)
		cr_assert_eq(hm_system_ask(b.sys, b.answerer.pid, HMT_NUMBER, &number, 2000, NULL),
			     -ETIMEDOUT);
	while (hm_system_send(b.sys, pid, HMT_NUMBER, &number) == HM_OK)
		;
	cr_assert_eq(hm_system_ask(b.sys, b.answerer.pid, HMT_NUMBER, &number, 10000000, NULL), -EAGAIN);
	cr_assert_eq(hm_lookup(b.sys, "/user/answerer", &pid), 0);
	freed = true;
	/* What was left behind is not done, and once there is room the system is as good as before. */
	do
		rc = hm_system_ask(b.sys, b.answerer.pid, HMT_NUMBER, &number, 10000000, NULL);
	while (rc == -EAGAIN && sched_yield() == 0);
	cr_assert_eq(rc, 0);
	background_end(&b);
}

static void *
ask_for_ever(void *arg)
{
	struct background *b = arg;
	uint64_t number = 1;

	return (void *)(intptr_t)hm_system_ask(b->sys, b->answerer.pid, HMT_NUMBER, &number, UINT64_MAX,
					       NULL);
}

Test(engine_ask, system_ask__the_systems_stop_wakes_the_waiter)
{
	static struct background b;
	struct hm_stats stats;
	pthread_t thread;
	void *rc;

	background_start(&b);
	b.oracle.is_slow = true;
	cr_assert_eq(pthread_create(&thread, NULL, ask_for_ever, &b), 0);
	do {
		hm_system_stats(b.sys, &stats);
	} while (stats.received < 1);
	hm_system_stop(b.sys);
	cr_assert_eq(hm_system_join(b.sys), 0);
	pthread_join(thread, &rc);
	cr_assert_eq((int)(intptr_t)rc, -ESHUTDOWN);
	cr_assert_eq(hm_system_ask(b.sys, b.answerer.pid, HMT_NUMBER, &(uint64_t){ 1 }, 1000, NULL),
		     -ESHUTDOWN);
	hm_system_destroy(b.sys);
}
