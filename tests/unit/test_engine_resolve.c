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
	struct future_question question;
};

static void
resolve(struct hm_ctx *ctx, void *arg)
{
	struct address *address = arg;

	address->rc = hm_resolve(ctx, address->text, 1000, on_reply, &address->question);
}

Test(engine_resolve, resolve__finds_a_name_or_nobody)
{
	static struct future_scene s;
	struct address here = { .text = "/user/answerer" }, nobody = { .text = "/user/nobody" };

	scene_start(&s, 1, 2);
	hmt_do(&s.node, s.asker.pid, resolve, &here);
	cr_assert_eq(here.rc, 0);
	cr_assert_eq(here.question.ends, 1);
	cr_assert(hm_pid_equal(here.question.from, s.answerer.pid));
	hmt_do(&s.node, s.asker.pid, resolve, &nobody);
	cr_assert_eq(nobody.question.result, HM_FUTURE_REPLY);
	cr_assert(hm_pid_is_none(nobody.question.from));
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
	cr_assert(hm_pid_equal(here.question.from, s.answerer.pid));
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
		cr_assert_eq(address.question.ends, 0);
	}
	cr_assert_eq(cells_live(&s.node), live);
	hmt_node_end(&s.node);
}
