/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back pressure: who sends to an actor that cannot keep up waits for it.
 */
#include <criterion/criterion.h>

#include "actor_pvt.h"
#include "hm_mailbox.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_hold.h"
#include "hmt_shortage.h"
#include "pressure_pvt.h"

TestSuite(engine_pressure, .init = hmt_eal_start);

#define HIGH 8u
#define LOW  3u

static const struct hm_mailbox marks = { .capacity = HIGH, .low = LOW };

/* Sends to another actor for each message that it receives, as a stage of a pipeline; and counts. */
struct stage {
	struct hm_pid to; /* nobody: it is the last one */
	uint64_t received, rounds, most;
	uint32_t fan; /* messages for each that it receives */
	enum stage_send {
		BY_SEND,
		BY_ASK,
		BY_FUTURE,
		BY_RELEASED,
		BY_BATCH
	} by;
	bool watches;
};

static enum hm_result
stage_send(struct hm_ctx *ctx, const struct stage *stage, const void *body)
{
	struct hm_batch_request request = { .to = stage->to, .type = HMT_NUMBER, .body = body };
	struct hm_batch batch = {
		.requests = &request, .count = 1, .timeout_us = 1000000, .on_end = hmt_ignore_reply
	};
	struct hm_future future;
	enum hm_result result;

	switch (stage->by) {
	case BY_ASK:
		return hm_ask(ctx, stage->to, HMT_NUMBER, body, 1000000, hmt_ignore_reply, NULL);
	case BY_FUTURE:
		return hm_request_future(ctx, stage->to, HMT_NUMBER, body, 1000000, &future);
	case BY_RELEASED:
		result = hm_request_future(ctx, stage->to, HMT_NUMBER, body, 1000000, &future);
		hm_future_release(ctx, future);
		return result;
	case BY_BATCH:
		return hm_ask_batch(ctx, &batch);
	default:
		return hm_send(ctx, stage->to, HMT_NUMBER, body);
	}
}

static void
stage_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct stage *stage = *(struct stage **)state;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	stage->received++;
	stage->most = RTE_MAX(stage->most, hm_mailbox_count(ctx));
	for (uint32_t i = 0; i < stage->fan && !hm_pid_is_none(stage->to); i++) {
		cr_assert_eq(stage_send(ctx, stage, hm_msg_body(msg)), HM_OK);
	}
}

static struct hm_props stage_props[4];

static struct hm_pid
stage_spawn(struct hmt_node *node, struct stage *stage, uint32_t lcore, const struct hm_mailbox *mailbox)
{
	struct hm_props *props = &stage_props[lcore * 2 + (mailbox != NULL)];
	struct hm_pid pid;

	*props = (struct hm_props){ .receive = stage_receive,
				    .state_size = sizeof(stage),
				    .args_size = sizeof(stage),
				    .lcore = HM_LCORE(lcore),
				    .mailbox = mailbox };
	if (stage->fan == 0)
		stage->fan = 1;
	cr_assert_eq(hm_system_spawn(node->sys, props, NULL, &stage, &pid), 0);
	return pid;
}

/* ---- One sender ---------------------------------------------------------------------------- */

/* A sender on an lcore sends to a receiver that is held; then that one goes on. */
static void
pair_check(uint32_t sender_lcore, uint32_t receiver_lcore, enum stage_send by)
{
	static struct stage receiver, sender;
	struct hmt_node node;

	receiver = (struct stage){ 0 };
	hmt_node_start(&node, 2);
	sender = (struct stage){ .to = stage_spawn(&node, &receiver, receiver_lcore, &marks), .by = by };
	struct hm_pid pid = stage_spawn(&node, &sender, sender_lcore, NULL);

	hmt_turn_until_idle(&node);
	hmt_hold(&node, sender.to);
	for (uint32_t i = 0; i < HIGH; i++)
		hmt_number(&node, pid, i);
	hmt_turn_until_idle(&node);
	cr_assert(!hmt_is_muted(&node, pid), "as many as may wait");
	hmt_number(&node, pid, HIGH);
	hmt_turn_until_idle(&node);
	cr_assert(hmt_is_muted(&node, pid), "one more");
	for (uint32_t i = 0; i < 100; i++)
		hmt_number(&node, pid, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(sender.received, HIGH + 1, "a muted actor handles no messages");
	hmt_let_go(&node, sender.to);
	hmt_turn_until_idle(&node);
	cr_assert(!hmt_is_muted(&node, pid));
	cr_assert_eq(receiver.received, HIGH + 101);
	cr_assert_geq(hmt_stats(&node).mutes, 1);
	hmt_node_end(&node);
}

Test(engine_pressure, send__on_the_same_lcore_mutes_the_sender)
{
	pair_check(0, 0, BY_SEND);
}

Test(engine_pressure, send__across_lcores_mutes_the_sender)
{
	pair_check(1, 0, BY_SEND);
}

Test(engine_pressure, ask__mutes_the_owner_of_the_future)
{
	pair_check(0, 0, BY_ASK);
	pair_check(1, 0, BY_ASK);
}

Test(engine_pressure, request_future__mutes_the_owner_of_the_future)
{
	pair_check(0, 0, BY_FUTURE);
	pair_check(1, 0, BY_FUTURE);
}

Test(engine_pressure, ask_batch__mutes_the_owner_of_the_batch)
{
	pair_check(0, 0, BY_BATCH);
	pair_check(1, 0, BY_BATCH);
}

/* The future that it was muted by is gone when it is to be released. */
Test(engine_pressure, request_future__that_is_gone_leaves_nobody_muted)
{
	static struct stage receiver, sender;
	struct hmt_node node;
	struct hm_pid pid;

	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		receiver = (struct stage){ 0 };
		hmt_node_start(&node, 2);
		sender = (struct stage){ .to = stage_spawn(&node, &receiver, 0, &marks),
					 .fan = HIGH + 1,
					 .by = BY_RELEASED };
		pid = stage_spawn(&node, &sender, lcore, NULL);
		hmt_turn_until_idle(&node);
		hmt_hold(&node, sender.to);
		hmt_number(&node, pid, 1);
		hmt_turn_until_idle(&node);
		cr_assert(hmt_is_muted(&node, pid));
		hmt_elapse(&node, 2000000);
		cr_assert(hmt_is_muted(&node, pid));
		hmt_let_go(&node, sender.to);
		hmt_turn_until_idle(&node);
		cr_assert(!hmt_is_muted(&node, pid));
		hmt_node_end(&node);
	}
}

/* It is released at the low mark, not before. */
Test(engine_pressure, drain__to_the_low_mark_releases_the_sender)
{
	static struct stage receiver, sender;
	struct hmt_node node;
	struct hm_pid pid;

	receiver = (struct stage){ 0 };
	hmt_node_start_with(&node, 2, 0, "--quantum 1");
	sender = (struct stage){ .to = stage_spawn(&node, &receiver, 0, &marks), .fan = HIGH + 1 };
	pid = stage_spawn(&node, &sender, 1, NULL);
	hmt_turn_until_idle(&node);
	hmt_hold(&node, sender.to);
	hmt_number(&node, pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert(hmt_is_muted(&node, pid));
	/* One message in each turn. */
	hmt_let_go(&node, sender.to);
	while (hmt_cell_of(&node, sender.to)->box.count > LOW) {
		cr_assert(hmt_is_muted(&node, pid), "%u wait", hmt_cell_of(&node, sender.to)->box.count);
		hm_system_turn(node.sys);
	}
	hmt_turn_until_idle(&node);
	cr_assert(!hmt_is_muted(&node, pid));
	hmt_node_end(&node);
}

/* ---- Who is not muted ------------------------------------------------------------------------ */

static void
send_to_self(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1;

	(void)arg;
	for (uint32_t i = 0; i < 4 * HIGH; i++) {
		cr_assert_eq(hm_send(ctx, hm_self(ctx), HMT_NUMBER, &number), HM_OK);
		cr_assert_eq(hm_request(ctx, hm_self(ctx), HMT_NUMBER, &number), HM_OK);
	}
}

Test(engine_pressure, self__is_never_muted)
{
	static struct hmt_probe probe;
	struct hmt_probe *args = &probe;
	struct hm_props props = *hmt_probe_props(0);
	struct hmt_node node;

	probe = (struct hmt_probe){ 0 };
	props.mailbox = &marks;
	hmt_node_start(&node, 1);
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &args, &probe.pid), 0);
	hmt_do(&node, probe.pid, send_to_self, NULL);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 8 * HIGH);
	cr_assert_eq(hmt_stats(&node).mutes, 0);
	cr_assert_eq(hmt_stats(&node).overloads, 1);
	hmt_node_end(&node);
}

static void
timers_to(struct hm_ctx *ctx, void *to)
{
	uint64_t number = 1;

	for (uint32_t i = 0; i < 2 * HIGH; i++)
		cr_assert_eq(hm_send_after(ctx, *(struct hm_pid *)to, HMT_NUMBER, &number, 10, 0, NULL),
			     HM_OK);
}

Test(engine_pressure, timers__and_external_threads_mute_nobody)
{
	static struct stage receiver;
	static struct hmt_probe probe;
	uint64_t number = 5;
	struct hmt_node node;
	struct hm_pid pid;

	receiver = (struct stage){ 0 };
	probe = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 2);
	pid = stage_spawn(&node, &receiver, 0, &marks);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_turn_until_idle(&node);
	hmt_hold(&node, pid);
	hmt_do(&node, probe.pid, timers_to, &pid);
	hmt_elapse(&node, 1000);
	cr_assert_eq(hmt_stats(&node).mutes, 0);
	cr_assert_eq(hmt_stats(&node).overloads, 1);
	cr_assert_eq(hm_system_send(node.sys, pid, HMT_NUMBER, &number), HM_WOULD_BLOCK);
	hmt_let_go(&node, pid);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_system_send_wait(node.sys, pid, HMT_NUMBER, &number, 0), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(receiver.received, 2 * HIGH + 1);
	hmt_node_end(&node);
}

Test(engine_pressure, unlimited__mailbox_mutes_nobody)
{
	static const struct hm_mailbox unlimited = { .capacity = HM_MAILBOX_UNLIMITED };
	static struct stage receiver, sender;
	struct hmt_node node;
	struct hm_pid pid;

	receiver = (struct stage){ 0 };
	hmt_node_start_with(&node, 1, 0, "--mailbox 4");
	sender = (struct stage){ .to = stage_spawn(&node, &receiver, 0, &unlimited), .fan = 100 };
	pid = stage_spawn(&node, &sender, 0, NULL);
	hmt_turn_until_idle(&node);
	hmt_hold(&node, sender.to);
	hmt_number(&node, pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).overloads, 0);
	hmt_let_go(&node, sender.to);
	hmt_node_end(&node);
}

/* ---- A muted actor ------------------------------------------------------------------------------ */

/* A sender, muted by a receiver that is held. */
static struct hm_pid
muted_start(struct hmt_node *node, struct stage *receiver, struct stage *sender)
{
	struct hm_pid pid;

	*receiver = (struct stage){ 0 };
	hmt_node_start(node, 2);
	*sender = (struct stage){ .to = stage_spawn(node, receiver, 0, &marks), .fan = HIGH + 1 };
	pid = stage_spawn(node, sender, 1, NULL);
	hmt_turn_until_idle(node);
	hmt_hold(node, sender->to);
	hmt_number(node, pid, 1);
	hmt_turn_until_idle(node);
	cr_assert(hmt_is_muted(node, pid));
	return pid;
}

Test(engine_pressure, muted__actor_stops_and_is_watched)
{
	static struct stage receiver, sender;
	static struct hmt_probe watcher;
	struct hmt_node node;
	struct hm_pid pid = muted_start(&node, &receiver, &sender);

	watcher = (struct hmt_probe){ 0 };
	hmt_probe_spawn(&node, &watcher, 0, NULL);
	hmt_do(&node, watcher.pid, hmt_watch, &pid);
	hmt_stop(&node, pid);
	cr_assert_eq(hmt_seen_count(&watcher, HM_TERMINATED), 1);
	hmt_let_go(&node, sender.to);
	hmt_turn_until_idle(&node);
	hmt_node_end(&node);
}

Test(engine_pressure, stop__of_the_receiver_releases_the_sender)
{
	static struct stage receiver, sender;
	struct hmt_node node;
	struct hm_pid pid = muted_start(&node, &receiver, &sender);

	hmt_stop(&node, sender.to);
	cr_assert(!hmt_is_muted(&node, pid));
	hmt_node_end(&node);
}

Test(engine_pressure, drop__of_a_system_with_muted_actors_loses_nothing)
{
	static struct stage receiver, sender;
	struct hmt_node node;
	struct hm_pid pid = muted_start(&node, &receiver, &sender);

	hmt_number(&node, pid, 2);
	hmt_turn_until_idle(&node);
	hmt_system_drain(node.sys);
	hmt_books_check(node.sys);
	hmt_node_drop(&node);
}

/* More senders than are released in one turn. */
Test(engine_pressure, drain__releases_many_senders_in_portions)
{
	static struct stage receiver, senders[2 * HMI_SYSTEM_PORTION];
	static struct hm_pid pids[2 * HMI_SYSTEM_PORTION];
	struct hmt_node node;

	receiver = (struct stage){ 0 };
	hmt_node_start(&node, 2);
	senders[0] = (struct stage){ .to = stage_spawn(&node, &receiver, 0, &marks), .fan = HIGH + 1 };
	for (uint32_t i = 0; i < RTE_DIM(senders); i++) {
		senders[i] = senders[0];
		pids[i] = stage_spawn(&node, &senders[i], i % 2, NULL);
	}
	hmt_turn_until_idle(&node);
	hmt_hold(&node, senders[0].to);
	for (uint32_t i = 0; i < RTE_DIM(senders); i++)
		hmt_number(&node, pids[i], i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).mutes, RTE_DIM(senders));
	hmt_let_go(&node, senders[0].to);
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < RTE_DIM(senders); i++)
		cr_assert(!hmt_is_muted(&node, pids[i]));
	cr_assert_eq(receiver.received, RTE_DIM(senders) * (HIGH + 1));
	hmt_node_end(&node);
}

/* ---- Circles -------------------------------------------------------------------------------------- */

/* A ring of actors, each of which sends on what it receives, with more messages than their mailboxes may hold. */
static void
ring_check(uint32_t count, uint32_t lcores)
{
	static struct stage ring[16];
	struct hm_pid pids[16];
	struct hmt_node node;
	uint64_t before, sum = 0;

	hmt_node_start(&node, 2);
	for (uint32_t i = 0; i < count; i++) {
		ring[i] = (struct stage){ 0 };
		pids[i] = stage_spawn(&node, &ring[i], i % lcores, &marks);
	}
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < count; i++) {
		ring[i].to = pids[(i + 1) % count];
		hmt_hold(&node, pids[i]);
	}
	for (uint32_t i = 0; i < count; i++) {
		/* Past the mark, as messages that are under way when it is reached. */
		for (uint32_t n = 0; n < 3 * HIGH; n++) {
			enum hm_result result =
				hm_system_send(node.sys, pids[i], HMT_NUMBER, &(uint64_t){ n });

			cr_assert_eq(result, HM_OK);
		}
	}
	for (int turn = 0; turn < 10; turn++)
		hm_system_turn(node.sys);
	for (uint32_t i = 0; i < count; i++)
		hmt_let_go(&node, pids[i]);
	before = 0;
	for (int round = 0; round < 20; round++) {
		for (int turn = 0; turn < 50; turn++)
			hm_system_turn(node.sys);
		sum = 0;
		for (uint32_t i = 0; i < count; i++)
			sum += ring[i].received;
		cr_assert_gt(sum, before, "nobody of %u has received anything in round %d", count, round);
		before = sum;
	}
	cr_assert_gt(hmt_stats(&node).circles, 0);
	for (uint32_t i = 0; i < count; i++) {
		cr_assert_gt(ring[i].received, 0);
		cr_assert_leq(ring[i].most, count * 3 * HIGH, "messages do not become more");
	}
	hmt_node_drop(&node);
}

Test(engine_pressure, circle__of_two_makes_progress)
{
	ring_check(2, 1);
	ring_check(2, 2);
}

Test(engine_pressure, circle__of_many_makes_progress)
{
	ring_check(7, 2);
	ring_check(16, 2);
}

/* The longest circle that is found. */
#define RING_MAX 1000u
/* More than an actor handles in a turn. */
#define FLOOD 100u

static void
flood(struct hmt_node *node, struct hm_pid pid)
{
	for (uint32_t n = 0; n < FLOOD; n++)
		hmt_number(node, pid, n);
	hmt_turn_until_idle(node);
}

/*
 * From the last one on each is muted by the next one, which is muted and overloaded already; the first one closes the circle
 * and asks.
 */
Test(engine_pressure, circle__of_as_many_as_promised_makes_progress)
{
	static struct stage ring[RING_MAX];
	static struct hm_pid pids[RING_MAX];
	struct hmt_node node;

	hmt_node_start(&node, 2);
	for (uint32_t i = 0; i < RING_MAX; i++) {
		ring[i] = (struct stage){ 0 };
		pids[i] = stage_spawn(&node, &ring[i], i % 2, &marks);
	}
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < RING_MAX; i++)
		ring[i].to = pids[(i + 1) % RING_MAX];
	hmt_hold(&node, pids[0]);
	flood(&node, pids[0]);
	for (uint32_t i = RING_MAX - 1; i > 0; i--) {
		hmt_number(&node, pids[i], i);
		hmt_turn_until_idle(&node);
		cr_assert(hmt_is_muted(&node, pids[i]), "%u", i);
		flood(&node, pids[i]);
	}
	cr_assert_eq(hmt_stats(&node).circles, 0);
	hmt_let_go(&node, pids[0]);
	/* A question takes a turn or less for each. */
	for (uint32_t turn = 0; turn < 2 * RING_MAX; turn++)
		hm_system_turn(node.sys);
	cr_assert_geq(hmt_stats(&node).circles, 1);
	cr_assert_geq(ring[0].received, FLOOD);
	cr_assert_gt(ring[RING_MAX - 1].received, 1);
	hmt_node_drop(&node);
}

/* ---- Defaults ---------------------------------------------------------------------------------------- */

/* However little memory there is: one mailbox does not use it up. */
static void
marks_check(uint64_t memory)
{
	struct hmt_node node;

	hmt_node_start_with(&node, 1, memory, NULL);
	cr_assert_leq((uint64_t)node.sys->marks.high * HMI_POOL_SMALLEST, memory / 8);
	cr_assert_leq(node.sys->marks.bytes, memory / 16);
	cr_assert_geq(node.sys->marks.look, 64);
	hmt_node_end(&node);
}

Test(engine_pressure, marks__are_a_part_of_message_memory)
{
	marks_check(262144);
	marks_check(1ull << 30);
}

static void
send_big(struct hm_ctx *ctx, void *to)
{
	cr_assert_eq(hm_send(ctx, *(struct hm_pid *)to, HMT_BIG, NULL), HM_OK);
}

/* By bytes, before there are many of them. */
Test(engine_pressure, big__messages_mute_earlier)
{
	static struct stage receiver;
	static struct hmt_probe producer;
	uint32_t sent = 0;
	struct hmt_node node;
	struct hm_pid pid;

	receiver = (struct stage){ 0 };
	producer = (struct hmt_probe){ 0 };
	hmt_node_start_with(&node, 1, 16u << 20, NULL);
	pid = stage_spawn(&node, &receiver, 0, NULL);
	hmt_probe_spawn(&node, &producer, 0, NULL);
	hmt_turn_until_idle(&node);
	hmt_hold(&node, pid);
	while (!hmt_is_muted(&node, producer.pid)) {
		hmt_do(&node, producer.pid, send_big, &pid);
		cr_assert_lt(++sent, node.sys->marks.high);
	}
	cr_assert_geq(sent, node.sys->marks.look);
	cr_assert_leq(sent * HMT_BIG_BYTES, 4 * node.sys->marks.bytes);
	hmt_let_go(&node, pid);
	hmt_node_end(&node);
}

/* ---- Shortage ------------------------------------------------------------------------------------------- */

/* Without memory to know whom it has muted, nobody is. */
Test(engine_pressure, mute__without_memory_mutes_nobody)
{
	static struct stage receiver, sender;
	struct hmi_slab full;
	struct hmt_node node;
	struct hm_ctx *ctx;
	struct hm_pid pid;

	receiver = (struct stage){ 0 };
	hmt_node_start(&node, 1);
	sender = (struct stage){ .to = stage_spawn(&node, &receiver, 0, &marks), .fan = 3 * HIGH };
	pid = stage_spawn(&node, &sender, 0, NULL);
	hmt_turn_until_idle(&node);
	hmt_hold(&node, sender.to);
	ctx = node.sys->lcores[0];
	full = hmt_slab_drain(&ctx->pressures);
	hmt_number(&node, pid, 1);
	hmt_memory_refuse();
	for (int i = 0; i < 2; i++)
		hm_system_turn(node.sys);
	hmt_memory_allow();
	ctx->pressures = full;
	cr_assert_eq(hmt_cell_of(&node, sender.to)->box.count, 3 * HIGH);
	cr_assert(!hmt_is_muted(&node, pid));
	hmt_let_go(&node, sender.to);
	hmt_turn_until_idle(&node);
	cr_assert_eq(receiver.received, 3 * HIGH);
	hmt_node_end(&node);
}
