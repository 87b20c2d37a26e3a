/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths that are resolved: the reply is whom they name, or nobody.
 */
#include "hmt_eal.h"
#include "test_engine_future.h"

TestSuite(engine_resolve, .init = hmt_eal_start);

struct address {
	const char *text;
	int rc;
	struct future_request request;
};

static void
resolve(struct hm_ctx *ctx, void *arg)
{
	struct address *address = arg;

	address->rc = hm_resolve(ctx, address->text, 1000, on_reply, &address->request);
}

Test(engine_resolve, resolve__finds_a_name_or_nobody)
{
	static struct future_scene s;
	struct address here = { .text = "/user/answerer" }, nobody = { .text = "/user/nobody" };

	scene_start(&s, 1, 2);
	hmt_do(&s.node, s.asker.pid, resolve, &here);
	cr_assert_eq(here.rc, 0);
	cr_assert_eq(here.request.ends, 1);
	cr_assert(hm_pid_equal(here.request.from, s.answerer.pid));
	hmt_do(&s.node, s.asker.pid, resolve, &nobody);
	cr_assert_eq(nobody.request.result, HM_FUTURE_REPLY);
	cr_assert(hm_pid_is_none(nobody.request.from));
	hmt_node_end(&s.node);
}

/* The same program runs on one node and on two. */
Test(engine_resolve, resolve__the_own_nodes_address_needs_no_network)
{
	static struct future_scene s;
	struct address here = { .text = "hermod://node/user/answerer" };

	scene_start(&s, 1, 2);
	cr_assert_str_eq(hm_system_name(s.node.sys), "node");
	hmt_do(&s.node, s.asker.pid, resolve, &here);
	cr_assert_eq(here.rc, 0);
	cr_assert(hm_pid_equal(here.request.from, s.answerer.pid));
	hmt_node_end(&s.node);
}

Test(engine_resolve, resolve__bad_addresses_are_refused)
{
	static char too_long[HM_PATH_MAX + 20];
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ NULL, -EINVAL },
		{ "", -EINVAL },
		{ "user/a", -EINVAL },
		{ too_long, -EINVAL },
		{ "hermod://", -EINVAL },
		{ "hermod:///user/a", -EINVAL },
		{ "hermod://node", -EINVAL },
		{ "hermod://node/", -EINVAL },
		{ "hermod://elsewhere/user/a", -ENETUNREACH },
	};
	static struct future_scene s;
	uint32_t live;

	memset(too_long, '/', sizeof(too_long) - 1);
	scene_start(&s, 0, 0);
	live = cells_live(&s.node);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct address address = { .text = cases[i].text };

		hmt_do(&s.node, s.asker.pid, resolve, &address);
		cr_assert_eq(address.rc, cases[i].rc, "%s", cases[i].text);
		cr_assert_eq(address.request.ends, 0);
	}
	cr_assert_eq(cells_live(&s.node), live);
	hmt_node_end(&s.node);
}

/* Each of them alone. */
static void
resolve_wrongly(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hm_resolve(ctx, NULL, 1000, on_reply, arg), -EINVAL);
	cr_assert_eq(hm_resolve(ctx, "/user/answerer", 0, on_reply, arg), -EINVAL);
	cr_assert_eq(hm_resolve(ctx, "/user/answerer", 1000, NULL, arg), -EINVAL);
	cr_assert_eq(hm_resolve(NULL, "/user/answerer", 1000, on_reply, arg), -EINVAL);
}

Test(engine_resolve, resolve__null_and_no_timeout_are_refused)
{
	static struct future_scene s;
	struct future_request request = { 0 };
	uint32_t live;

	scene_start(&s, 0, 0);
	live = cells_live(&s.node);
	hmt_do(&s.node, s.asker.pid, resolve_wrongly, &request);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(request.ends, 0);
	cr_assert_eq(cells_live(&s.node), live);
	hmt_node_end(&s.node);
}

/* ---- Another node's answer ---------------------------------------------------------------- */

#define OTHER_NODE 4711u

static struct hm_pid asked_for;

static int
provider_resolve(void *self, struct hm_ctx *ctx, const char *node, const char *path, struct hm_pid reply_to)
{
	(void)self;
	(void)ctx;
	(void)node;
	(void)path;
	asked_for = reply_to;
	return 0;
}

static void
provider_answer(struct hm_ctx *ctx, uint16_t type, const void *body, size_t bytes)
{
	struct hm_msg *msg = hm_msg_alloc(ctx, type, bytes);

	memcpy(hm_msg_body_mut(msg), body, bytes);
	msg->to = asked_for.local;
	msg->sender = hm_pid_none();
	hm_provider_receive(ctx, msg);
}

/* Whoever knows the future's PID could hand its actor a message of any type as the identity. */
Test(engine_resolve, resolve__takes_nothing_but_an_identity)
{
	static const struct hm_provider_ops ops = { .resolve = provider_resolve };
	static struct future_scene s;
	struct address there = { .text = "hermod://there/user/a" };
	struct hm_identity identity = { { OTHER_NODE, 5 } };
	uint64_t number = 1;
	uint16_t index;

	scene_start(&s, 0, 0);
	cr_assert_eq(hm_provider_register(s.node.sys, 0, &ops, NULL), 0);
	cr_assert_eq(hm_node_learn(s.node.sys, OTHER_NODE, &index), 0);
	hmt_do(&s.node, s.asker.pid, resolve, &there);
	cr_assert_eq(there.rc, 0);
	provider_answer(s.node.sys->lcores[0], HMT_NUMBER, &number, sizeof(number));
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(there.request.ends, 0);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_UNEXPECTED], 1);
	provider_answer(s.node.sys->lcores[0], HM_IDENTITY, &identity, sizeof(identity));
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(there.request.ends, 1);
	cr_assert_eq(there.request.from.node, OTHER_NODE);
	hmt_node_drop(&s.node);
}
