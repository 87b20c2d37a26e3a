/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes of messages in the table of HM_MESSAGES: rows of each kind with and without them.
 */
#include <criterion/criterion.h>

#include "hm_behaviour.h"
#include "hm_mailbox.h"
#include "hm_messages.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_types.pb-c.h"

TestSuite(engine_attributes, .init = hmt_eal_start);

#define TIMEOUT_US 8000u

struct number {
	uint64_t number;
};

static hm_auto_respond_fn double_it;

#define DESK(MESSAGE)                                                                             \
	MESSAGE(desk_word, struct number)                                                         \
	MESSAGE(desk_none, ())                                                                    \
	MESSAGE(desk_also_none, struct number, ())                                                \
	MESSAGE(desk_close, (HM_CONTROL))                                                         \
	MESSAGE(desk_order, struct number, (HM_CONTROL))                                          \
	MESSAGE(desk_flat, Hmt__Flat, hmt__flat__descriptor, (HM_CONTROL))                        \
	MESSAGE(desk_tick, (HM_NO_INFLUENCE))                                                     \
	MESSAGE(desk_leaf, Hmt__Leaf, hmt__leaf__descriptor, (HM_NO_INFLUENCE))                   \
	MESSAGE(desk_doubled, struct number, (HM_AUTO_RESPOND(double_it)))                        \
	MESSAGE(desk_all, struct number, (HM_AUTO_RESPOND(double_it) HM_NO_INFLUENCE HM_CONTROL)) \
	MESSAGE(rc, (HM_CONTROL)) /* a name that a macro could take for its own */

HM_MESSAGES(desk, HMT_TYPE_NEXT, DESK);

static void
double_it(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct number *number =
		hm_msg_type(msg) == desk_all ? desk_all_body(msg) : desk_doubled_body(msg);

	(void)state;
	cr_assert_eq(desk_word_respond(ctx, &(struct number){ 2 * number->number }), HM_OK);
}

/* An actor whose mailbox has control messages overtake, and one that sends. */
struct scene {
	struct hmt_node node;
	struct hmt_probe actor, sender;
};

static struct scene scene;

static void
start(void)
{
	static const struct hm_mailbox overtaking = { .order = HM_MAILBOX_CONTROL,
						      .capacity = HM_MAILBOX_UNLIMITED };
	static struct hm_props props;
	struct hmt_probe *probe = &scene.actor;

	memset(&scene, 0, sizeof(scene));
	props = *hmt_probe_props(0);
	props.mailbox = &overtaking;
	hmt_node_start(&scene.node, 1);
	cr_assert_eq(desk_register(scene.node.sys), 0);
	cr_assert_eq(hm_system_spawn(scene.node.sys, &props, NULL, &probe, &scene.actor.pid), 0);
	hmt_probe_spawn(&scene.node, &scene.sender, 0, NULL);
	hmt_turn_until_idle(&scene.node);
}

Test(engine_attributes, ids__follow_each_other_in_rows_of_each_kind)
{
	static const uint16_t ids[] = { desk_word, desk_none, desk_also_none, desk_close,   desk_order,
					desk_flat, desk_tick, desk_leaf,      desk_doubled, desk_all,
					rc };

	for (uint32_t i = 0; i < RTE_DIM(ids); i++)
		cr_assert_eq(ids[i], HMT_TYPE_NEXT + i);
	cr_assert_eq((int)desk_end, (int)rc + 1);
	start();
	cr_assert_str_eq(hm_type_name(scene.node.sys, desk_close), "desk_close");
	cr_assert_str_eq(hm_type_name(scene.node.sys, desk_order), "desk_order");
	cr_assert_str_eq(hm_type_name(scene.node.sys, desk_flat), "hmt.Flat");
	cr_assert_str_eq(hm_type_name(scene.node.sys, rc), "rc");
	cr_assert_eq(desk_register(scene.node.sys), -EBUSY, "it runs");
	hmt_node_end(&scene.node);
}

static void
send_in_turn(struct hm_ctx *ctx, void *arg)
{
	struct hm_pid to = scene.actor.pid;
	struct number number = { 1 };
	Hmt__Flat flat = HMT__FLAT__INIT;
	Hmt__Leaf leaf = HMT__LEAF__INIT;

	(void)arg;
	cr_assert_eq(desk_word_send(ctx, to, &number), HM_OK);
	cr_assert_eq(desk_close_send(ctx, to), HM_OK);
	cr_assert_eq(desk_none_send(ctx, to), HM_OK);
	cr_assert_eq(desk_order_send(ctx, to, &number), HM_OK);
	cr_assert_eq(desk_leaf_send(ctx, to, &leaf), HM_OK);
	cr_assert_eq(desk_flat_send(ctx, to, &flat), HM_OK);
	cr_assert_eq(desk_also_none_send(ctx, to, &number), HM_OK);
	cr_assert_eq(desk_tick_send(ctx, to), HM_OK);
	cr_assert_eq(desk_doubled_send(ctx, to, &number), HM_OK);
	cr_assert_eq(desk_all_send(ctx, to, &number), HM_OK);
	cr_assert_eq(rc_send(ctx, to), HM_OK);
}

Test(engine_attributes, control__overtakes_those_without)
{
	start();
	hmt_do(&scene.node, scene.sender.pid, send_in_turn, NULL);
	HMT_SEQUENCE(&scene.actor, HM_STARTED, desk_close, desk_order, desk_flat, desk_all, rc, desk_word,
		     desk_none, desk_leaf, desk_also_none, desk_tick, desk_doubled);
	cr_assert_eq(hmt_seen_last(&scene.actor, desk_order)->number, 1);
	hmt_node_end(&scene.node);
}

static void
wait_for_silence(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_receive_timeout_set(ctx, TIMEOUT_US), HM_OK);
}

/* One message each eighth of the receive timeout. @return how often that came */
static uint32_t
timeouts_beside(uint16_t type)
{
	static const struct number number = { 1 };
	const uint32_t before = hmt_seen_count(&scene.actor, HM_RECEIVE_TIMEOUT);

	hmt_do(&scene.node, scene.actor.pid, wait_for_silence, NULL);
	for (uint32_t i = 0; i < 24; i++) {
		const void *body = type == desk_tick || type == desk_close ? NULL : &number;

		cr_assert_eq(hm_system_send(scene.node.sys, scene.actor.pid, type, body), HM_OK);
		hmt_turn_until_idle(&scene.node);
		hmt_elapse(&scene.node, TIMEOUT_US / 8);
	}
	return hmt_seen_count(&scene.actor, HM_RECEIVE_TIMEOUT) - before;
}

Test(engine_attributes, no_influence__lets_a_receive_timeout_come)
{
	start();
	cr_assert_eq(timeouts_beside(desk_word), 0);
	cr_assert_eq(timeouts_beside(desk_close), 0);
	cr_assert_eq(timeouts_beside(desk_doubled), 0);
	cr_assert_geq(timeouts_beside(desk_tick), 2);
	cr_assert_geq(timeouts_beside(desk_all), 2);
	hmt_node_end(&scene.node);
}

static void
ask_all(struct hm_ctx *ctx, void *arg)
{
	struct hm_pid to = scene.actor.pid;

	(void)arg;
	cr_assert_eq(desk_doubled_request(ctx, to, &(struct number){ 10 }), HM_OK);
	cr_assert_eq(desk_word_request(ctx, to, &(struct number){ 20 }), HM_OK);
	cr_assert_eq(desk_none_request(ctx, to), HM_OK);
	cr_assert_eq(desk_all_request(ctx, to, &(struct number){ 30 }), HM_OK);
}

Test(engine_attributes, auto_respond__answers_its_messages_alone)
{
	start();
	hmt_do(&scene.node, scene.sender.pid, ask_all, NULL);
	/* The control message was first. */
	HMT_SEQUENCE(&scene.sender, HM_STARTED, desk_word, desk_word);
	cr_assert_eq(scene.sender.seen[1].number, 60);
	cr_assert_eq(scene.sender.seen[2].number, 20);
	cr_assert_eq(hmt_seen_count(&scene.actor, desk_doubled), 1);
	hmt_node_end(&scene.node);
}
