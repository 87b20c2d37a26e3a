/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service of protoc-gen-hermod between two nodes, one of which has other ids: as if its .proto file had got a message between
 * two others.
 */
#include "test_net_pair.h"

#include "hmt_bank.hm.h"

TestSuite(net_generated, .init = pair_eal_start);

/* What the bank's node calls the types; the customer's has 300 and so on. */
enum {
	OTHER_LINE = 1000,
	OTHER_OPEN_REQUEST,
	OTHER_ACCOUNT = 2000,
};

static struct {
	uint32_t opened, others, replies, wrong;
	char asked[32], answered[32];
} seen;

static void
bank_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	Hmt__Bank__Account account = HMT__BANK__ACCOUNT__INIT;
	const Hmt__Bank__OpenRequest *open = hm_msg_body(msg);

	(void)state;
	if (hm_msg_type(msg) != OTHER_OPEN_REQUEST) {
		seen.others += hm_msg_type(msg) != HM_STARTED && hm_msg_type(msg) != HM_STOPPING &&
			       hm_msg_type(msg) != HM_STOPPED;
		return;
	}
	seen.opened++;
	snprintf(seen.asked, sizeof(seen.asked), "%s", open->owner);
	account.owner = seen.asked;
	cr_assert_eq(hm_respond(ctx, OTHER_ACCOUNT, &account), HM_OK);
}

static void
on_account(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	const Hmt__Bank__Account *account = hmt_bank_Bank_Open_reply(reply);

	(void)ctx;
	(void)state;
	(void)arg;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	seen.replies++;
	seen.wrong += hmt_bank_Bank_Strike_reply(reply) != NULL;
	if (account != NULL)
		snprintf(seen.answered, sizeof(seen.answered), "%s", account->owner);
}

static void
customer_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	Hmt__Bank__OpenRequest open = HMT__BANK__OPEN_REQUEST__INIT;
	const struct hm_pid *bank = state;
	char owner[] = "Ada";

	if (hm_msg_type(msg) != HM_STARTED)
		return;
	open.whom_case = HMT__BANK__OPEN_REQUEST__WHOM_OWNER;
	open.owner = owner;
	cr_assert_eq(hmt_bank_Bank_Open_ask(ctx, *bank, &open, 10000000, on_account, NULL), HM_OK);
}

static const struct hm_props bank_props = { .receive = bank_receive };
static const struct hm_props customer_props = { .receive = customer_receive,
						.state_size = sizeof(struct hm_pid),
						.args_size = sizeof(struct hm_pid) };

Test(net_generated, ids__may_differ_between_nodes)
{
	static const struct hm_type others[] = {
		{ .id = OTHER_LINE, .descriptor = &hmt__bank__account__line__descriptor },
		{ .id = OTHER_ACCOUNT, .descriptor = &hmt__bank__account__descriptor },
		{ .id = OTHER_OPEN_REQUEST, .descriptor = &hmt__bank__open_request__descriptor },
	};
	struct hm_system *nodes[2];
	struct pair_wire wire;
	struct hm_pid bank, customer;

	pair_wire_create(&wire);
	pair_nodes(nodes, "");
	cr_assert_eq(hmt_bank_register(nodes[0]), 0);
	for (size_t i = 0; i < RTE_DIM(others); i++)
		cr_assert_eq(hm_type_register(nodes[1], &others[i]), 0);
	cr_assert_eq(hm_system_spawn(nodes[1], &bank_props, NULL, NULL, &bank), 0);
	pair_connect(nodes);
	cr_assert_eq(hm_system_spawn(nodes[0], &customer_props, NULL, &bank, &customer), 0);
	pair_until(nodes, seen.replies == 1);
	cr_assert_eq(seen.opened, 1);
	cr_assert_eq(seen.others, 0);
	cr_assert_eq(seen.wrong, 0);
	cr_assert_str_eq(seen.answered, "Ada");
	pair_stop(nodes, 0);
	pair_stop(nodes, 1);
	pair_wire_empty(&wire);
}
