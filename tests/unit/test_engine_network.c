/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine makes of messages from the network that have no receiver, and what it logs of dead
 * letters.
 */
#include <string.h>

#include <criterion/criterion.h>

#include "dead_pvt.h"
#include "granted_pvt.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_log.h"
#include "post_pvt.h"

TestSuite(engine_network, .init = hmt_eal_start);

static struct hm_msg *
number_to(struct hmt_node *node, struct hm_pid to)
{
	struct hm_msg *msg = hm_msg_alloc(node->sys->lcores[0], HMT_NUMBER, sizeof(uint64_t));

	cr_assert_not_null(msg);
	memset(msg->body, 0, sizeof(uint64_t));
	msg->to = to.local;
	msg->to_node = 0;
	msg->sender = hm_pid_none();
	msg->flags = 0;
	return msg;
}

Test(engine_network, granted_slot__takes_no_message_from_the_network)
{
	struct hmt_node node;
	struct hmi_cell *cell;
	struct hm_ctx *ctx;
	struct hm_msg *msg;
	struct hm_pid pid;

	hmt_node_start(&node, 1);
	ctx = node.sys->lcores[0];
	cell = hmi_cells_get(&ctx->cells);
	cr_assert_not_null(cell);
	cell->ops = &hmi_granted_ops;
	pid = hmi_pid_of(ctx, cell);

	/* The PID is known to nobody on another node yet, so whoever names it has guessed. */
	hm_provider_receive(ctx, number_to(&node, pid));
	hmt_turn_until_idle(&node);
	cr_assert_null(cell->box.head);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_PROCESS], 1);
	msg = hm_msg_alloc_control(ctx, HM_SYS_STOP, 0);
	msg->to = pid.local;
	msg->to_node = 0;
	hm_provider_receive(ctx, msg);
	hmt_turn_until_idle(&node);
	cr_assert_null(hmi_cell_pop_system(cell));

	/* What this node's actors send may overtake the spawn, and waits. */
	cr_assert_eq(hm_system_send(node.sys, pid, HMT_NUMBER, &(uint64_t){ 1 }), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_not_null(cell->box.head);
	hmt_node_drop(&node);
}

Test(engine_network, identity__that_nobody_waits_for_is_no_dead_letter)
{
	struct hm_pid gone = { 0 };
	struct hmt_node node;
	struct hm_msg *msg;

	hmt_node_start(&node, 1);
	gone.local = UINT64_MAX >> 8;
	msg = hm_msg_alloc_control(node.sys->lcores[0], HM_IDENTITY, sizeof(struct hm_identity));
	msg->to = gone.local;
	msg->to_node = 0;
	hm_provider_receive(node.sys->lcores[0], msg);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_dead(&node), 0);
	/* As opposed to a message of a user. */
	hm_provider_receive(node.sys->lcores[0], number_to(&node, gone));
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_dead(&node), 1);
	hmt_node_drop(&node);
}

Test(engine_network, receive__for_each_lcore_and_one_that_is_not_there)
{
	static struct hmt_probe probes[3];
	struct hm_pid nowhere = { 0 };
	struct hmt_node node;
	struct hm_msg *msg;

	hmt_node_start(&node, 3);
	memset(probes, 0, sizeof(probes));
	for (uint32_t lcore = 0; lcore < 3; lcore++)
		hmt_probe_spawn(&node, &probes[lcore], lcore, NULL);
	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		hm_provider_receive(node.sys->lcores[1], number_to(&node, probes[lcore].pid));
		hmt_turn_until_idle(&node);
		cr_assert_eq(hmt_seen_count(&probes[lcore], HMT_NUMBER), 1, "lcore %u", lcore);
		/* By the system lane, wherever it is. */
		msg = hm_msg_alloc_control(node.sys->lcores[1], HM_SYS_STOP, 0);
		msg->to = probes[lcore].pid.local;
		msg->to_node = 0;
		hm_provider_receive(node.sys->lcores[1], msg);
		hmt_turn_until_idle(&node);
		cr_assert_eq(hmt_seen_count(&probes[lcore], HM_STOPPED), 1, "lcore %u", lcore);
	}
	cr_assert_eq(hmt_dead(&node), 0);
	nowhere.local = hmi_local(3, 1, 1);
	hm_provider_receive(node.sys->lcores[1], number_to(&node, nowhere));
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_PROCESS], 1);
	hmt_node_drop(&node);
}

/* Another node may stop what lives here, but not all of it. */
Test(engine_network, stop__of_a_guardian_is_refused)
{
	static const uint16_t types[] = { HM_SYS_STOP, HM_SYS_POISON };
	static const char *const paths[] = { "/", "/user", "/system", "/temp", "/deadLetters" };
	struct hm_pid guardian, still;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	for (size_t i = 0; i < RTE_DIM(types) * RTE_DIM(paths); i++) {
		struct hm_ctx *ctx = node.sys->lcores[i % 2];
		struct hm_msg *msg = hm_msg_alloc_control(ctx, types[i % 2], 0);
		const char *path = paths[i / 2];

		cr_assert_eq(hm_lookup(node.sys, path, &guardian), 0);
		msg->to = guardian.local;
		msg->to_node = 0;
		hm_provider_receive(ctx, msg);
		hmt_turn_until_idle(&node);
		cr_assert_eq(hm_lookup(node.sys, path, &still), 0, "%s", path);
		cr_assert_not(atomic_load(&node.sys->actors_gone));
	}
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_MALFORMED], RTE_DIM(types) * HMT_GUARDIANS);
	hmt_node_drop(&node);
}

/* Messages of 1, 2, 3 arrive together on lcore 1. */
static void
three_receive(struct hmt_node *node, struct hm_pid to, struct hm_pid sender)
{
	const struct hm_address address = { .to = to.local, .sender = sender };
	struct hm_msg *msgs[3];

	for (uint64_t i = 0; i < 3; i++) {
		msgs[i] = number_to(node, hm_pid_none());
		msgs[i]->body[0] = i + 1;
	}
	hm_provider_receive_burst(node->sys->lcores[1], &address, msgs, 3);
	hmt_turn_until_idle(node);
}

Test(engine_network, receive_burst__for_each_lcore_in_order_and_with_the_sender)
{
	const struct hm_pid sender = { 4711, 42 };
	static struct hmt_probe probes[3];
	struct hmt_node node;

	hmt_node_start(&node, 3);
	memset(probes, 0, sizeof(probes));
	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		hmt_probe_spawn(&node, &probes[lcore], lcore, NULL);
		hmt_turn_until_idle(&node);
		three_receive(&node, probes[lcore].pid, sender);
		cr_assert_eq(probes[lcore].count, 4, "lcore %u", lcore);
		for (uint32_t i = 1; i <= 3; i++) {
			cr_assert_eq(probes[lcore].seen[i].type, HMT_NUMBER);
			cr_assert_eq(probes[lcore].seen[i].number, i);
			cr_assert(hm_pid_equal(probes[lcore].seen[i].sender, sender));
		}
	}
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_drop(&node);
}

Test(engine_network, receive_burst__without_a_receiver_is_a_dead_letter_each)
{
	static struct hmt_probe probe;
	struct hm_pid nowhere = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, 2);
	memset(&probe, 0, sizeof(probe));
	hmt_probe_spawn(&node, &probe, 1, NULL);
	hmt_turn_until_idle(&node);
	/* Another generation of its slot. */
	nowhere.local = probe.pid.local + 1;
	three_receive(&node, nowhere, hm_pid_none());
	cr_assert_eq(probe.count, 1);
	cr_assert_eq(hmt_dead(&node), 3);
	hmt_stop(&node, probe.pid);
	three_receive(&node, probe.pid, hm_pid_none());
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED] + hmt_stats(&node).dead[HM_DEAD_NO_PROCESS], 6);
	nowhere.local = hmi_local(5, 1, 1);
	three_receive(&node, nowhere, hm_pid_none());
	cr_assert_eq(hmt_dead(&node), 9);
	/* /user takes no messages of users. */
	three_receive(&node, node.sys->user, hm_pid_none());
	cr_assert_eq(hmt_dead(&node), 12);
	hmt_node_drop(&node);
}

static void
die(struct hmt_node *node, unsigned int count)
{
	struct hm_pid nobody = { hm_system_node(node->sys), UINT64_MAX >> 8 };

	for (unsigned int i = 0; i < count; i++)
		cr_assert_eq(hm_system_send(node->sys, nobody, HMT_NUMBER, &(uint64_t){ 1 }), HM_OK);
	hmt_turn_until_idle(node);
}

/* Let time pass, and the lcore look at its clock, which it does every few turns. */
static void
elapse(struct hmt_node *node, uint64_t us)
{
	hmt_elapse(node, us);
	for (int i = 0; i < 1000; i++)
		hm_system_turn(node->sys);
}

Test(engine_network, log__three_dead_letters_a_second)
{
	struct hmt_node node;
	struct hmt_log log;

	hmt_node_start(&node, 1);
	hmt_log_start(&log);
	elapse(&node, 2000000);
	die(&node, 2);
	cr_assert_eq(hmt_log_count(&log, "dead letter"), 2);
	cr_assert_eq(hmt_log_count(&log, "no more of these"), 0);
	die(&node, 20);
	cr_assert_eq(hmt_log_count(&log, "dead letter"), 3);
	cr_assert_eq(hmt_log_count(&log, "no more of these"), 1);
	/* Within the second: none. */
	elapse(&node, 900000);
	die(&node, 20);
	cr_assert_eq(hmt_log_count(&log, "dead letter"), 3);
	/* In the next one: three more. */
	elapse(&node, 200000);
	die(&node, 20);
	cr_assert_eq(hmt_log_count(&log, "dead letter"), 6, "%s", hmt_log_text(&log));
	cr_assert_eq(hmt_log_count(&log, "no more of these"), 2);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_PROCESS], 62);
	hmt_log_end(&log);
	hmt_node_drop(&node);
}
