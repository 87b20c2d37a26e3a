/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back pressure where an end is near: senders that stop while they are muted, receivers that restart, or that are muted
 * themselves when they have drained.
 */
#include <criterion/criterion.h>

#include "actor_pvt.h"
#include "full_pvt.h"
#include "hm_mailbox.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_hold.h"
#include "pressure_pvt.h"

TestSuite(engine_pressure_end, .init = hmt_eal_start);

#define HIGH    8u
#define SENDERS (4 * HMI_SYSTEM_PORTION)

static const struct hm_mailbox marks = { .capacity = HIGH, .low = 3 };
/* Overloaded by the last of what a receiver of all senders' messages hands on. */
static const struct hm_mailbox marks_of_all = { .capacity = SENDERS - 1 };

/* Counts numbers, and hands them on. */
struct stage {
	struct hm_pid to; /* nobody: it is the last one */
	uint64_t received;
};

static struct stage receiver, next;
static struct hm_pid receiver_pid, next_pid;

static void
stage_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct stage *stage = *(struct stage **)state;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	stage->received++;
	if (!hm_pid_is_none(stage->to))
		cr_assert_eq(hm_send(ctx, stage->to, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
}

static struct hm_pid
stage_spawn(struct hmt_node *node, struct stage *stage, uint32_t lcore, const struct hm_mailbox *mailbox)
{
	static struct hm_props props[2];
	uint32_t which = stage == &next;
	struct hm_pid pid;

	*stage = (struct stage){ 0 };
	props[which] = (struct hm_props){ .receive = stage_receive,
					  .state_size = sizeof(stage),
					  .args_size = sizeof(stage),
					  .lcore = HM_LCORE(lcore),
					  .mailbox = mailbox };
	cr_assert_eq(hm_system_spawn(node->sys, &props[which], NULL, &stage, &pid), 0);
	hmt_turn_until_idle(node);
	return pid;
}

static void
let_go(struct hmt_node *node, struct hm_pid pid)
{
	hmt_let_go(node, pid);
	hmt_turn_until_idle(node);
}

static void
send_numbers(struct hm_ctx *ctx, void *count)
{
	for (uint64_t i = 0; i < *(uint32_t *)count; i++)
		cr_assert_eq(hm_send(ctx, receiver_pid, HMT_NUMBER, &i), HM_OK);
}

static void
send_at_end(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HM_STOPPED)
		send_numbers(ctx, &(uint32_t){ 1 });
}

/* ---- Senders that stop ---------------------------------------------------------------------- */

/* A receiver that is held and overloaded, and a probe. */
static void
overload(struct hmt_node *node, struct hmt_probe *probe)
{
	static struct hmt_probe flood;

	flood = *probe = (struct hmt_probe){ 0 };
	hmt_node_start(node, 2);
	receiver_pid = stage_spawn(node, &receiver, 0, &marks);
	hmt_hold(node, receiver_pid);
	hmt_probe_spawn(node, &flood, 0, NULL);
	hmt_do(node, flood.pid, send_numbers, &(uint32_t){ HIGH + 1 });
	cr_assert(hmt_is_muted(node, flood.pid));
	hmt_probe_spawn(node, probe, 0, NULL);
	hmt_turn_until_idle(node);
}

/* One in the cell of another that has stopped sends, twice at most, and is muted. */
static void
successor_check(struct hmt_node *node, const struct hmt_probe *first, uint32_t messages)
{
	static struct hmt_probe successor;

	successor = (struct hmt_probe){ 0 };
	hmt_probe_spawn(node, &successor, 0, NULL);
	hmt_turn_until_idle(node);
	cr_assert_eq((uint32_t)(successor.pid.local >> 32), (uint32_t)(first->pid.local >> 32),
		     "not in the same cell");
	cr_assert(!hmt_is_muted(node, successor.pid));
	hmt_do(node, successor.pid, send_numbers, &messages);
	cr_assert(hmt_is_muted(node, successor.pid), "it may send without end");
	let_go(node, receiver_pid);
	cr_assert(!hmt_is_muted(node, successor.pid));
	hmt_node_end(node);
}

/* Plain sends name the sender's cell, which is another actor's later. */
Test(engine_pressure_end, sender__that_stops_while_muted_leaves_no_licence)
{
	static struct hmt_probe first;
	struct hmt_node node;

	overload(&node, &first);
	hmt_do(&node, first.pid, send_numbers, &(uint32_t){ 1 });
	cr_assert(hmt_is_muted(&node, first.pid));
	hmt_stop(&node, first.pid);
	successor_check(&node, &first, 1);
}

Test(engine_pressure_end, sender__that_is_gone_when_it_is_to_be_muted_leaves_no_licence)
{
	static struct hmt_probe first;
	struct hmt_node node;

	overload(&node, &first);
	first.on_msg = send_at_end;
	hmt_stop(&node, first.pid);
	cr_assert_eq(hmt_seen_count(&first, HM_STOPPED), 1);
	successor_check(&node, &first, 1);
}

/* The receiver is gone before it hears that its sender is. */
Test(engine_pressure_end, sender__that_stops_with_its_receiver)
{
	static struct hmt_probe first;
	struct hmt_node node;

	overload(&node, &first);
	hmt_do(&node, first.pid, send_numbers, &(uint32_t){ 1 });
	cr_assert_eq(hm_system_stop_actor(node.sys, receiver_pid), 0);
	cr_assert_eq(hm_system_stop_actor(node.sys, first.pid), 0);
	hmt_turn_until_idle(&node);
	hmt_node_end(&node);
}

/* ---- Whom external threads have to wait for -------------------------------------------------- */

/* As many as promised are known; the others are forgotten without harm, and there is room again. */
Test(engine_pressure_end, full__of_more_than_are_known)
{
	static struct hmi_full full;

	for (uint64_t local = 1; local <= HMI_FULL_MAX + 2; local++)
		hmi_full_add(&full, local);
	for (uint64_t local = 1; local <= HMI_FULL_MAX + 2; local++)
		cr_assert_eq(hmi_full_has(&full, local), local <= HMI_FULL_MAX, "%lu", (unsigned long)local);
	for (uint64_t local = HMI_FULL_MAX + 2; local > 1; local--)
		hmi_full_remove(&full, local);
	cr_assert(hmi_full_has(&full, 1) && !hmi_full_has(&full, 2));
	cr_assert_eq(full.count, 1);
	hmi_full_add(&full, HMI_FULL_MAX + 1);
	cr_assert(hmi_full_has(&full, HMI_FULL_MAX + 1));
}

/* ---- A receiver that is muted itself ----------------------------------------------------------- */

/*
 * It has drained, and releases its senders in portions, when the one that it sends to mutes it: the rest of them must be
 * released all the same, though it has nothing else to do.
 */
Test(engine_pressure_end, receiver__that_is_muted_when_drained_releases_all)
{
	static struct hmt_probe senders[SENDERS];
	struct hmt_node node;

	hmt_node_start(&node, 2);
	receiver_pid = stage_spawn(&node, &receiver, 0, &marks);
	next_pid = stage_spawn(&node, &next, 0, &marks_of_all);
	receiver.to = next_pid;
	for (uint32_t i = 0; i < SENDERS; i++) {
		senders[i] = (struct hmt_probe){ 0 };
		hmt_probe_spawn(&node, &senders[i], 0, NULL);
	}
	hmt_hold(&node, receiver_pid);
	hmt_hold(&node, next_pid);
	for (uint32_t i = 0; i < SENDERS; i++)
		hmt_do(&node, senders[i].pid, send_numbers, &(uint32_t){ 1 });
	cr_assert_eq(hmt_stats(&node).mutes, SENDERS - HIGH);
	let_go(&node, receiver_pid);
	cr_assert_eq(receiver.received, SENDERS);
	cr_assert(hmt_is_muted(&node, receiver_pid));
	for (uint32_t i = 0; i < SENDERS; i++)
		cr_assert(!hmt_is_muted(&node, senders[i].pid), "sender %u waits for one that has drained",
			  i);
	let_go(&node, next_pid);
	cr_assert_eq(next.received, SENDERS);
	hmt_node_end(&node);
}

/* ---- Who is released first ---------------------------------------------------------------------- */

#define CROWD (2 * HMI_SYSTEM_PORTION)

static struct hmt_probe crowd[CROWD];

/* A receiver that is held, and has muted the crowd in order. */
static void
crowd_start(struct hmt_node *node)
{
	hmt_node_start(node, 2);
	receiver_pid = stage_spawn(node, &receiver, 0, &marks);
	for (uint32_t i = 0; i < CROWD; i++) {
		crowd[i] = (struct hmt_probe){ 0 };
		hmt_probe_spawn(node, &crowd[i], i % 2, NULL);
	}
	hmt_turn_until_idle(node);
	hmt_hold(node, receiver_pid);
	for (uint32_t i = 0; i < CROWD; i++)
		hmt_do(node, crowd[i].pid, send_numbers, &(uint32_t){ HIGH + 1 });
	cr_assert_eq(hmt_stats(node).mutes, CROWD);
}

/* So many of the crowd, from the first on, are muted no more; the others are. */
static void
released_check(const struct hmt_node *node, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < CROWD; i++)
		cr_assert_eq(hmt_is_muted(node, crowd[i].pid), i < from || i >= to, "%u of the crowd", i);
}

/* In portions, between which others may send again: who has waited longest is first, or some would wait for ever. */
Test(engine_pressure_end, drain__releases_who_has_waited_longest)
{
	struct hmt_node node;

	crowd_start(&node);
	cr_assert(hmi_pressure_relieve(node.sys->lcores[0], hmt_cell_of(&node, receiver_pid), 0));
	hmt_turn_until_idle(&node);
	released_check(&node, 0, HMI_SYSTEM_PORTION);
	/* These are behind the others now. */
	for (uint32_t i = 0; i < HMI_SYSTEM_PORTION; i++)
		hmt_do(&node, crowd[i].pid, send_numbers, &(uint32_t){ 1 });
	released_check(&node, 0, 0);
	cr_assert(hmi_pressure_relieve(node.sys->lcores[0], hmt_cell_of(&node, receiver_pid), 0));
	hmt_turn_until_idle(&node);
	released_check(&node, HMI_SYSTEM_PORTION, CROWD);
	let_go(&node, receiver_pid);
	released_check(&node, 0, CROWD);
	hmt_node_end(&node);
}

/* The end of the list is one of those that stop. */
Test(engine_pressure_end, drain__releases_all_when_some_have_stopped)
{
	struct hmt_node node;

	crowd_start(&node);
	hmt_stop(&node, crowd[CROWD - 1].pid);
	hmt_stop(&node, crowd[CROWD - 2].pid);
	hmt_stop(&node, crowd[0].pid);
	crowd[CROWD - 1] = crowd[CROWD - 2] = crowd[0] = (struct hmt_probe){ 0 };
	hmt_probe_spawn(&node, &crowd[0], 1, NULL);
	hmt_probe_spawn(&node, &crowd[CROWD - 2], 1, NULL);
	hmt_probe_spawn(&node, &crowd[CROWD - 1], 0, NULL);
	hmt_turn_until_idle(&node);
	hmt_do(&node, crowd[CROWD - 1].pid, send_numbers, &(uint32_t){ 1 });
	cr_assert(hmt_is_muted(&node, crowd[CROWD - 1].pid));
	let_go(&node, receiver_pid);
	released_check(&node, 0, CROWD);
	hmt_node_end(&node);
}

/* ---- A receiver that restarts -------------------------------------------------------------------- */

static struct hmt_probe child;

static void
fail_at_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) != HMT_NUMBER || probe->arg != NULL)
		return;
	probe->arg = probe;
	hm_fail(ctx, "told to");
}

static void
child_spawn(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hmt_probe_child(ctx, &child, 1, NULL), 0);
}

/* The system lane of an actor is not looked at. */
static void
freeze(const struct hmt_node *node, struct hm_pid pid)
{
	hmt_cell_of(node, pid)->scheduled |= HMI_SCHEDULED_QUEUED;
}

static void
thaw(struct hmt_node *node, struct hm_pid pid)
{
	struct hmi_cell *cell = hmt_cell_of(node, pid);

	cell->scheduled &= (uint8_t)~HMI_SCHEDULED_QUEUED;
	hmi_schedule(node->sys->lcores[hm_pid_lcore(pid)], cell);
	hmt_turn_until_idle(node);
}

/* An actor that waits for its children to begin anew drains as little as any other. */
static void
restart_check(const struct hm_mailbox *mailbox, const char *options, uint32_t high)
{
	static struct hmt_probe actor, sender;
	struct hmt_probe *args = &actor;
	struct hm_props props = *hmt_probe_props(0);
	uint32_t one = 1, sent = 0;
	struct hmt_node node;

	actor = sender = child = (struct hmt_probe){ 0 };
	props.mailbox = mailbox;
	hmt_node_start_with(&node, 2, 0, options);
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &args, &receiver_pid), 0);
	hmt_probe_spawn(&node, &sender, 1, NULL);
	hmt_do(&node, receiver_pid, child_spawn, NULL);
	freeze(&node, child.pid);
	actor.on_msg = fail_at_number;
	hmt_do(&node, sender.pid, send_numbers, &one);
	cr_assert_eq(hmt_seen_count(&actor, HM_RESTARTING), 1);
	while (sent <= 2 * high && !hmt_is_muted(&node, sender.pid)) {
		hmt_do(&node, sender.pid, send_numbers, &one);
		sent++;
	}
	cr_assert_eq(sent, high + 1);
	cr_assert_eq(hmt_seen_count(&actor, HM_STARTED), 1);
	thaw(&node, child.pid);
	cr_assert_eq(hmt_seen_count(&actor, HM_STARTED), 2);
	cr_assert(!hmt_is_muted(&node, sender.pid));
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 1 + sent);
	hmt_node_end(&node);
}

Test(engine_pressure_end, restart__that_waits_mutes_senders)
{
	restart_check(&marks, NULL, HIGH);
	restart_check(NULL, "--mailbox 20", 20);
}

Test(engine_pressure_end, restart__that_waits_mutes_senders_to_a_mailbox_of_its_own)
{
	static const struct hm_mailbox control = { .order = HM_MAILBOX_CONTROL, .capacity = HIGH };

	restart_check(&control, NULL, HIGH);
}

/* Those that were muted before are not released by it. */
Test(engine_pressure_end, restart__keeps_senders_muted)
{
	static struct hmt_probe actor, sender;
	struct hmt_probe *args = &actor;
	struct hm_props props = *hmt_probe_props(0);
	struct hmt_node node;

	actor = sender = child = (struct hmt_probe){ 0 };
	props.mailbox = &marks;
	hmt_node_start(&node, 2);
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &args, &receiver_pid), 0);
	hmt_probe_spawn(&node, &sender, 1, NULL);
	hmt_do(&node, receiver_pid, child_spawn, NULL);
	freeze(&node, child.pid);
	hmt_hold(&node, receiver_pid);
	actor.on_msg = fail_at_number;
	hmt_do(&node, sender.pid, send_numbers, &(uint32_t){ 2 * HIGH });
	cr_assert(hmt_is_muted(&node, sender.pid));
	let_go(&node, receiver_pid);
	cr_assert_eq(hmt_seen_count(&actor, HM_RESTARTING), 1);
	cr_assert(hmt_is_muted(&node, sender.pid), "it waits for its child");
	cr_assert_eq(hm_system_send(node.sys, receiver_pid, HMT_EMPTY, NULL), HM_WOULD_BLOCK);
	thaw(&node, child.pid);
	cr_assert(!hmt_is_muted(&node, sender.pid));
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 2 * HIGH);
	hmt_node_end(&node);
}
