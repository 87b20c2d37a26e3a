/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes in which control messages overtake, and what is dropped from those that have priorities.
 */
#include "box_pvt.h"
#include "hm_supervisor.h"
#include "hmt_hold.h"
#include "hmt_types.pb-c.h"
#include "test_engine_mailbox.h"

TestSuite(engine_mailbox_control, .init = hmt_eal_start);

#define ORDER    HMT_TYPE_NEXT /* a control message; body: uint64_t */
#define PROTO    (HMT_TYPE_NEXT + 1)
#define IS_ORDER 100u /* added to an order's number */

static const struct hm_mailbox overtaking = { .order = HM_MAILBOX_CONTROL, .capacity = HM_MAILBOX_UNLIMITED };

static void
start(struct hmt_node *node, const struct hm_mailbox *mailbox)
{
	static const struct hm_type order = {
		.id = ORDER, .name = "order", .size = sizeof(uint64_t), .control = true
	};

	mailbox_start(node, mailbox, &order);
}

static void
let_go(struct hmt_node *node)
{
	hmt_let_go(node, actor.pid);
	hmt_turn_until_idle(node);
}

/* What to send: a letter for each message, 'n' a number, 'o' an order, capitals by a request; numbered from 0. */
static void
send_row(struct hm_ctx *ctx, void *row)
{
	uint64_t number = 0;

	for (const char *c = row; *c != '\0'; c++, number++) {
		uint16_t type = *c == 'n' || *c == 'N' ? HMT_NUMBER : ORDER;
		enum hm_result result = *c < 'a' ? hm_request(ctx, actor.pid, type, &number)
						 : hm_send(ctx, actor.pid, type, &number);

		cr_assert_eq(result, HM_OK);
	}
}

/* Check that the actor has received just these; orders have IS_ORDER added. */
static void
received_check(const uint64_t *expected, uint32_t count)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < actor.count; i++) {
		uint64_t number = actor.seen[i].number + (actor.seen[i].type == ORDER ? IS_ORDER : 0);

		if (actor.seen[i].type < HMT_DO)
			continue;
		cr_assert_lt(at, count, "one more: %lu", (unsigned long)number);
		cr_assert_eq(number, expected[at], "%u: %lu", at, (unsigned long)number);
		at++;
	}
	cr_assert_eq(at, count);
}

#define RECEIVED(...)                                                                \
	do {                                                                         \
		static const uint64_t expected_[] = { __VA_ARGS__ };                 \
		received_check(expected_, sizeof(expected_) / sizeof(expected_[0])); \
	} while (0)

/* ---- Order -------------------------------------------------------------------------------- */

Test(engine_mailbox_control, control__overtakes_and_both_are_stable)
{
	static char row[] = "nNoOnoNO";
	struct hmt_node node;

	start(&node, &overtaking);
	hmt_do(&node, sender.pid, send_row, row);
	RECEIVED(102, 103, 105, 107, 0, 1, 4, 6);
	hmt_node_end(&node);
}

/* A type is marked for those that look for it. */
Test(engine_mailbox_control, control__overtakes_in_no_other_mailbox)
{
	static const struct hm_mailbox plain = { .overflow = HM_OVERFLOW_REJECT, .capacity = 100 };
	static char row[] = "nNoOn";
	struct hmt_node node;

	start(&node, NULL);
	hmt_do(&node, sender.pid, send_row, row);
	RECEIVED(0, 1, 102, 103, 4);
	hmt_node_end(&node);
	start(&node, &plain);
	hmt_do(&node, sender.pid, send_row, row);
	RECEIVED(0, 1, 102, 103, 4);
	hmt_node_end(&node);
}

static void
send_proto(struct hm_ctx *ctx, void *arg)
{
	Hmt__Flat proto = HMT__FLAT__INIT;
	uint64_t number = 0;

	(void)arg;
	cr_assert_eq(hm_send(ctx, actor.pid, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_send(ctx, actor.pid, PROTO, &proto), HM_OK);
}

Test(engine_mailbox_control, control__may_be_a_protobuf_type)
{
	static const struct hm_type proto = { .id = PROTO,
					      .descriptor = &hmt__flat__descriptor,
					      .control = true };
	static const uint16_t types[] = { HM_STARTED, PROTO, HMT_NUMBER };
	struct hmt_probe *probe = &actor;
	struct hmt_node node;

	actor = sender = (struct hmt_probe){ 0 };
	props = *hmt_probe_props(0);
	props.mailbox = &overtaking;
	hmt_node_start(&node, 2);
	cr_assert_eq(hm_type_register(node.sys, &proto), 0);
	cr_assert_eq(hm_system_spawn(node.sys, &props, "actor", &probe, &actor.pid), 0);
	hmt_probe_spawn(&node, &sender, 1, NULL);
	hmt_do(&node, sender.pid, send_proto, NULL);
	hmt_sequence_check(&actor, types, RTE_DIM(types));
	hmt_node_end(&node);
}

static void
fail_at_first(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == ORDER && probe->arg == NULL) {
		probe->arg = probe;
		hm_fail(ctx, "told to");
	}
}

Test(engine_mailbox_control, restart__keeps_the_order)
{
	static char row[] = "nonon";
	struct hmt_node node;

	start(&node, &overtaking);
	actor.on_msg = fail_at_first;
	hmt_do(&node, sender.pid, send_row, row);
	cr_assert_eq(hmt_stats(&node).restarted, 1);
	RECEIVED(101, 103, 0, 2, 4);
	hmt_node_end(&node);
}

static void
send_row_poison(struct hm_ctx *ctx, void *row)
{
	send_row(ctx, (char[]){ "nno" });
	cr_assert_eq(hm_poison(ctx, actor.pid), HM_OK);
	send_row(ctx, row);
}

/* What is sent behind a poison pill is not handled, whatever it overtakes. */
Test(engine_mailbox_control, poison__waits_for_as_many_as_were_before_it)
{
	static char row[] = "n";
	struct hmt_node node;

	start(&node, &overtaking);
	hmt_do(&node, sender.pid, send_row_poison, row);
	RECEIVED(102, 0, 1);
	cr_assert_eq(hmt_seen_count(&actor, HM_STOPPED), 1);
	hmt_node_end(&node);
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

static uint8_t
by_number(const struct hm_msg *msg)
{
	return hm_msg_type(msg) == HMT_NUMBER ? (uint8_t)(*(const uint64_t *)hm_msg_body(msg) % 8) : 0;
}

/* What a mailbox keeps of a row, and how many dead letters of a reason there are. */
static void
bound_check(struct hmt_node *node, const struct hm_mailbox *mailbox, const char *row,
	    enum hm_dead_reason reason, uint64_t dead)
{
	start(node, mailbox);
	hmt_do(node, sender.pid, send_row, (void *)(uintptr_t)row);
	cr_assert_eq(hmt_stats(node).dead[reason], dead);
}

Test(engine_mailbox_control, reject__takes_control_messages_for_others)
{
	static const struct hm_mailbox bounded = { .order = HM_MAILBOX_CONTROL,
						   .overflow = HM_OVERFLOW_REJECT,
						   .capacity = CAPACITY };
	struct hmt_node node;

	bound_check(&node, &bounded, "nnonon", HM_DEAD_REJECTED, 2);
	RECEIVED(102, 0, 1, 3);
	hmt_node_end(&node);
}

Test(engine_mailbox_control, drop_newest__takes_control_messages_for_others)
{
	static const struct hm_mailbox bounded = { .order = HM_MAILBOX_CONTROL,
						   .overflow = HM_OVERFLOW_DROP_NEWEST,
						   .capacity = CAPACITY };
	struct hmt_node node;

	bound_check(&node, &bounded, "nonoo", HM_DEAD_DROPPED, 1);
	RECEIVED(101, 103, 0, 2);
	hmt_node_end(&node);
}

static const struct hm_mailbox control_oldest = { .order = HM_MAILBOX_CONTROL,
						  .overflow = HM_OVERFLOW_DROP_OLDEST,
						  .capacity = CAPACITY };

Test(engine_mailbox_control, drop_oldest__spares_control_messages)
{
	struct hmt_node node;

	bound_check(&node, &control_oldest, "onnnono", HM_DEAD_DROPPED, 3);
	RECEIVED(100, 104, 106, 5);
	hmt_node_end(&node);
}

Test(engine_mailbox_control, drop_oldest__drops_what_finds_control_messages_alone)
{
	struct hmt_node node;

	bound_check(&node, &control_oldest, "oooonoo", HM_DEAD_DROPPED, 3);
	RECEIVED(102, 103, 105, 106);
	hmt_node_end(&node);
}

/* The oldest of the lowest priority, which may be the new one. */
Test(engine_mailbox_control, drop_oldest__of_priorities_spares_the_urgent)
{
	static const struct hm_mailbox bounded = { .order = HM_MAILBOX_PRIORITY,
						   .overflow = HM_OVERFLOW_DROP_OLDEST,
						   .capacity = CAPACITY,
						   .priority = by_number };
	struct hmt_node node;

	/* Priorities 0 to 7, and 0 to 2 again; in the end 4 to 7 are left. */
	bound_check(&node, &bounded, "nnnnnnnnnnn", HM_DEAD_DROPPED, 7);
	RECEIVED(7, 6, 5, 4);
	hmt_node_end(&node);
}

/* ---- Back pressure ---------------------------------------------------------------------------- */

static bool
is_sender_muted(const struct hmt_node *node)
{
	return hmt_is_muted(node, sender.pid);
}

static const struct hm_mailbox marks = { .order = HM_MAILBOX_CONTROL, .capacity = CAPACITY };

Test(engine_mailbox_control, mute__is_not_for_who_sends_control_messages)
{
	static struct hmt_probe flood;
	struct hmt_node node;

	start(&node, &marks);
	hmt_probe_spawn(&node, &flood, 0, NULL);
	hmt_hold(&node, actor.pid);
	hmt_do(&node, flood.pid, send_row, (char[]){ "nnnnnnnn" });
	cr_assert_eq(hmt_stats(&node).mutes, 1);
	hmt_do(&node, sender.pid, send_row, (char[]){ "oooo" });
	cr_assert(!is_sender_muted(&node), "as many as may wait");
	hmt_do(&node, sender.pid, send_row, (char[]){ "o" });
	cr_assert(is_sender_muted(&node), "one more");
	let_go(&node);
	cr_assert(!is_sender_muted(&node));
	cr_assert_eq(hmt_seen_count(&actor, ORDER), 5);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 8);
	hmt_node_end(&node);
}

/* Control messages alone, before anybody is muted. */
Test(engine_mailbox_control, mute__is_for_who_floods_with_control_messages)
{
	struct hmt_node node;

	start(&node, &marks);
	hmt_hold(&node, actor.pid);
	hmt_do(&node, sender.pid, send_row, (char[]){ "oooo" });
	cr_assert(!is_sender_muted(&node));
	hmt_do(&node, sender.pid, send_row, (char[]){ "o" });
	cr_assert(is_sender_muted(&node));
	let_go(&node);
	cr_assert(!is_sender_muted(&node));
	hmt_node_end(&node);
}

/* ---- Refusals ------------------------------------------------------------------------------------ */

static int
stack_less(void *queue, const void *arg)
{
	(void)queue;
	(void)arg;
	return 0;
}

Test(engine_mailbox_control, props__with_functions_of_others_are_refused)
{
	static const struct hm_mailbox_ops ops = { .init = stack_less };
	static const struct hm_mailbox wrong[] = {
		{ .order = HM_MAILBOX_CONTROL, .priority = by_number },
		{ .order = HM_MAILBOX_CONTROL, .ops = &ops },
		{ .order = HM_MAILBOX_CONTROL, .overflow = HM_OVERFLOW_REJECT },
	};
	struct hmt_probe *probe = &actor;
	struct hmt_node node;
	struct hm_pid pid;

	start(&node, NULL);
	for (size_t i = 0; i < RTE_DIM(wrong); i++) {
		props.mailbox = &wrong[i];
		cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &pid), -EINVAL, "%zu", i);
	}
	hmt_node_end(&node);
}
