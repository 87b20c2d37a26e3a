/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests in another one's name.
 */
#include "hmt_eal.h"
#include "test_engine_memory.h"
#include "test_engine_shared.h"

TestSuite(engine_request_from, .init = hmt_eal_start);

/* One who asks on lcore 0, and two whom it asks or names. */
struct scene {
	struct hmt_node node;
	struct hmt_probe asker, workers[2];
};

static void
start(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	hmt_node_start(&s->node, 2);
	hmt_probe_spawn(&s->node, &s->asker, 0, NULL);
	for (uint32_t i = 0; i < 2; i++)
		hmt_probe_spawn(&s->node, &s->workers[i], i, NULL);
	hmt_turn_until_idle(&s->node);
}

struct naming {
	struct hm_pid to, sender;
	enum hm_result result;
};

static void
request_from(struct hm_ctx *ctx, void *arg)
{
	struct naming *naming = arg;
	uint64_t number = 21;

	naming->result = hm_request_from(ctx, naming->to, naming->sender, HMT_NUMBER, &number);
}

Test(engine_request_from, request_from__the_answer_goes_to_whom_it_names)
{
	static struct scene s;
	static struct future_oracle oracle;
	static struct naming naming;

	start(&s);
	s.workers[1].on_msg = answer;
	s.workers[1].arg = &oracle;
	naming = (struct naming){ s.workers[1].pid, s.workers[0].pid, HM_INVALID };
	hmt_do(&s.node, s.asker.pid, request_from, &naming);
	cr_assert_eq(naming.result, HM_OK);
	cr_assert(hm_pid_equal(oracle.asker, s.workers[0].pid));
	cr_assert_eq(hmt_seen_last(&s.workers[0], HMT_NUMBER)->number, 42);
	cr_assert_eq(hmt_seen_count(&s.asker, HMT_NUMBER), 0);
	/* Nobody: as a send. */
	oracle.is_slow = true;
	naming.sender = hm_pid_none();
	hmt_do(&s.node, s.asker.pid, request_from, &naming);
	cr_assert(hm_pid_is_none(oracle.asker));
	naming.to = hm_pid_none();
	hmt_do(&s.node, s.asker.pid, request_from, &naming);
	cr_assert_eq(naming.result, HM_NO_RECEIVER);
	hmt_node_end(&s.node);
}

Test(engine_request_from, request_from__a_future_learns_that_it_is_a_dead_letter)
{
	static struct scene s;
	static struct making making;
	static struct naming naming;
	static struct wait wait;

	start(&s);
	making = (struct making){ .timeout_us = 1000 };
	hmt_do(&s.node, s.asker.pid, future_make, &making);
	wait = (struct wait){ .future = making.future };
	hmt_do(&s.node, s.asker.pid, wait_begin, &wait);
	hmt_stop(&s.node, s.workers[1].pid);
	naming = (struct naming){ s.workers[1].pid, hm_future_pid(making.future), HM_INVALID };
	hmt_do(&s.node, s.workers[0].pid, request_from, &naming);
	must_be(&wait, HM_FUTURE_DEAD_LETTER);
	hmt_node_end(&s.node);
}

Test(engine_request_from, request_from__to_oneself_has_the_reserve)
{
	static struct hmt_probe probe, other;
	static struct hoard hoard;
	static struct naming naming;
	struct hmt_node node;

	naming.sender = two_start(&node, &probe, &other);
	do_now(&node, probe.pid, hoard_all, &hoard);
	naming.to = other.pid;
	do_now(&node, probe.pid, request_from, &naming);
	cr_assert_eq(naming.result, HM_NO_MEMORY);
	naming.to = probe.pid;
	do_now(&node, probe.pid, request_from, &naming);
	cr_assert_eq(naming.result, HM_OK);
	cr_assert_eq(hmt_stats(&node).reserved, 1);
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_turn_until_idle(&node);
	cr_assert(hm_pid_equal(hmt_seen_last(&probe, HMT_NUMBER)->sender, other.pid));
	hmt_node_end(&node);
}
