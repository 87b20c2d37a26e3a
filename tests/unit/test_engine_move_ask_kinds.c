/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors that move while they wait for answers: what is particular to some kinds, order, and want of memory.
 */
#include "claim_pvt.h"
#include "hm_mailbox.h"
#include "hmt_shortage.h"
#include "hmt_slots.h"
#include "replies_pvt.h"
#include "test_engine_move_ask.h"

TestSuite(engine_move_ask_kinds, .init = hmt_eal_start);

/* ---- Where the function is called ----------------------------------------------------------- */

Test(engine_move_ask_kinds, move__does_not_wait_for_answers)
{
	for (int kind = 0; kind < KINDS; kind++) {
		scene_start((enum kind)kind, 0);
		for (uint32_t i = 1; i < 3 * LCORES; i++) {
			move(&scene.node, scene.mover.pid, i % LCORES);
			cr_assert_eq(lcore_of(&scene.node, scene.mover.pid), i % LCORES);
		}
		cr_assert_eq(scene.heard.calls, 0);
		hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
		cr_assert_eq(scene.heard.calls, 1);
		cr_assert_eq(scene.heard.where, LCORES - 1);
		cr_assert_eq(scene.heard.number, NUMBER);
		hmt_node_end(&scene.node);
	}
}

/* What a lane brings to its birthplace stays in order, whether it is for the actor or for what it has asked there. */
static void
answer_between(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1;

	cr_assert_eq(hm_send(ctx, scene.mover.pid, HMT_NUMBER, &number), HM_OK);
	answer(ctx, arg);
	cr_assert_eq(hm_send(ctx, scene.mover.pid, HMT_BIG, (uint64_t[125]){ 2 }), HM_OK);
}

static uint32_t numbers_before, bigs_before;

static void
on_end_between(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	       void *arg)
{
	on_end(ctx, state, result, reply, arg);
	numbers_before = hmt_seen_count(&scene.mover, HMT_NUMBER);
	bigs_before = hmt_seen_count(&scene.mover, HMT_BIG);
}

static void
ask_between(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1;

	(void)arg;
	scene.askers_count = 0;
	cr_assert_eq(hm_ask(ctx, scene.answerer.pid, HMT_NUMBER, &number, TIMEOUT_US, on_end_between,
			    &scene.heard),
		     HM_OK);
}

Test(engine_move_ask_kinds, move__answers_stay_among_the_messages_of_their_sender)
{
	for (uint32_t turns = 0; turns < 12; turns++) {
		for (uint32_t to = 1; to < LCORES - 1; to++) {
			scene_start(ASK, 0);
			hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
			hmt_do(&scene.node, scene.mover.pid, ask_between, NULL);
			cr_assert_eq(hm_system_move(scene.node.sys, scene.mover.pid, to), 0);
			for (uint32_t i = 0; i < turns; i++)
				hm_system_turn(scene.node.sys);
			send_deed(scene.answerer.pid, answer_between);
			hmt_turn_until_idle(&scene.node);
			cr_assert_eq(scene.heard.calls, 2);
			cr_assert_eq(numbers_before, 1, "%u turns, to %u", turns, to);
			cr_assert_eq(bigs_before, 0, "%u turns, to %u", turns, to);
			hmt_node_end(&scene.node);
		}
	}
}

/* ---- Futures with a handle --------------------------------------------------------------------- */

static void
pipe_to_other(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_pipe_to(ctx, scene.future, &scene.other.pid, 1), HM_OK);
}

static void
reenter(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_reenter_after(ctx, scene.future, on_end, &scene.heard), HM_OK);
}

static void
future_start(uint32_t to)
{
	scene_start(OWN_FUTURE, 0);
	hmt_do(&scene.node, scene.mover.pid, pipe_to_other, NULL);
	move(&scene.node, scene.mover.pid, to);
	cr_assert_eq(lcore_of(&scene.node, scene.mover.pid), to);
}

Test(engine_move_ask_kinds, move__its_futures_serve_who_waits)
{
	future_start(1);
	hmt_do(&scene.node, scene.mover.pid, reenter, NULL);
	hmt_do(&scene.node, scene.mover.pid, pipe_to_other, NULL);
	hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
	cr_assert_eq(scene.heard.calls, 2);
	cr_assert_eq(hmt_seen_count(&scene.other, HMT_NUMBER), 2);
	/* The result is kept, also when it has come back. */
	move(&scene.node, scene.mover.pid, 2);
	hmt_do(&scene.node, scene.mover.pid, reenter, NULL);
	move(&scene.node, scene.mover.pid, 0);
	hmt_do(&scene.node, scene.mover.pid, reenter, NULL);
	cr_assert_eq(scene.heard.calls, 4);
	hmt_do(&scene.node, scene.mover.pid, release, NULL);
	hmt_do(&scene.node, scene.mover.pid, release, NULL);
	hmt_do(&scene.node, scene.mover.pid, cancel, NULL);
	hmt_do(&scene.node, scene.mover.pid, reenter, NULL);
	cr_assert_eq(scene.heard.result, HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(live_all(), scene.live);
	cr_assert_eq(links_all(), scene.links + 1, "that of its parent");
	hmt_node_end(&scene.node);
}

static void
release_and_reenter(struct hm_ctx *ctx, void *arg)
{
	release(ctx, arg);
	reenter(ctx, arg);
}

/* What was ordered is done before what comes later. */
Test(engine_move_ask_kinds, move__releases_a_pending_future)
{
	for (uint32_t to = 0; to < LCORES; to++) {
		future_start(1);
		move(&scene.node, scene.mover.pid, to);
		scene.heard.calls = 0;
		hmt_do(&scene.node, scene.mover.pid, release_and_reenter, NULL);
		cr_assert_eq(scene.heard.calls, 1, "nobody else can wait for it");
		cr_assert_eq(scene.heard.result, HM_FUTURE_DEAD_LETTER);
		/* Those that wait by now get it. */
		hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
		cr_assert_eq(hmt_seen_count(&scene.other, HMT_NUMBER), 1);
		cr_assert_eq(scene.heard.calls, 2);
		/* Away from its birthplace it has two slots. */
		cr_assert_eq(live_all(), scene.live + (to != 0));
		cr_assert_eq(links_all(), scene.links + 1, "that of its parent");
		hmt_node_end(&scene.node);
	}
}

Test(engine_move_ask_kinds, move__its_end_cancels_its_futures)
{
	for (int restarts = 0; restarts < 2; restarts++) {
		future_start(2);
		if (restarts != 0)
			hmt_do(&scene.node, scene.mover.pid, hmt_fail, NULL);
		else
			hmt_stop(&scene.node, scene.mover.pid);
		cr_assert_eq(hmt_seen_count(&scene.other, HM_FUTURE_FAILED), 1);
		cr_assert_eq(hmt_seen_last(&scene.other, HM_FUTURE_FAILED)->words[2] & UINT32_MAX,
			     HM_FUTURE_CANCELLED);
		cr_assert_eq(hmt_stats(&scene.node).continuations_dropped, 1);
		cr_assert_eq(live_all(), restarts == 0 ? scene.live - 1 : scene.live + 1);
		hmt_node_end(&scene.node);
	}
}

/* Whoever it was to answer when it began to wait. */
static void
on_end_respond(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	       void *arg)
{
	uint64_t number = NUMBER;

	on_end(ctx, state, result, reply, arg);
	cr_assert(hm_pid_equal(hm_sender(ctx), scene.other.pid));
	cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &number), HM_OK);
}

static void
wait_for_other(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_BIG)
		cr_assert_eq(hm_reenter_after(ctx, scene.future, on_end_respond, &scene.heard), HM_OK);
}

static void
request_big(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_request(ctx, scene.mover.pid, HMT_BIG, (uint64_t[125]){ 1 }), HM_OK);
}

Test(engine_move_ask_kinds, move__answers_whom_it_was_to_answer)
{
	for (uint32_t busy = 0; busy < 2; busy++) {
		for (int in_time = 0; in_time < 2; in_time++) {
			scene_start(OWN_FUTURE, 0);
			scene.mover.on_msg = wait_for_other;
			hmt_do(&scene.node, scene.other.pid, request_big, NULL);
			for (uint32_t i = 0; i < busy * QUEUED; i++)
				hmt_number(&scene.node, scene.mover.pid, i);
			if (busy != 0 && in_time != 0)
				send_deed(scene.answerer.pid, answer);
			move(&scene.node, scene.mover.pid, 1);
			if (in_time != 0)
				hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
			else
				hmt_elapse(&scene.node, 2ull * TIMEOUT_US);
			cr_assert_eq(scene.heard.calls, 2);
			cr_assert_eq(hmt_seen_count(&scene.other, HMT_NUMBER), 1);
			hmt_node_end(&scene.node);
		}
	}
}

static void
cancel_as_another(struct hm_ctx *ctx, void *arg)
{
	cancel(ctx, arg);
	release(ctx, arg);
}

/* Nobody else can, also where the future is. */
Test(engine_move_ask_kinds, move__only_its_owner_cancels_a_future)
{
	struct hmt_probe neighbour = { 0 };

	future_start(1);
	hmt_probe_spawn(&scene.node, &neighbour, 0, NULL);
	hmt_do(&scene.node, neighbour.pid, cancel_as_another, NULL);
	hmt_do(&scene.node, scene.other.pid, cancel_as_another, NULL);
	cr_assert_eq(scene.heard.calls, 0);
	hmt_do(&scene.node, scene.mover.pid, cancel, NULL);
	cr_assert_eq(scene.heard.calls, 1);
	cr_assert_eq(scene.heard.result, HM_FUTURE_CANCELLED);
	hmt_node_end(&scene.node);
}

static void
stop_other(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_poison_future(ctx, scene.other.pid, TIMEOUT_US, &scene.future), HM_OK);
	cr_assert_eq(hm_move(ctx, hm_self(ctx), 1), HM_OK);
}

static void
on_stopped(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	(void)state;
	(void)arg;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	cr_assert_eq(hm_msg_type(reply), HM_TERMINATED);
	scene.heard.calls++;
	scene.heard.where = hm_lcore(ctx);
}

static void
reenter_stopped(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_reenter_after(ctx, scene.future, on_stopped, NULL), HM_OK);
}

Test(engine_move_ask_kinds, move__waits_for_the_end_of_another)
{
	scene_start(ASK, 0);
	hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
	scene.heard.calls = 0;
	for (uint32_t i = 0; i < BUSY; i++)
		hmt_number(&scene.node, scene.other.pid, i);
	send_deed(scene.mover.pid, stop_other);
	hm_system_turn(scene.node.sys);
	hmt_do(&scene.node, scene.mover.pid, reenter_stopped, NULL);
	cr_assert_eq(scene.heard.calls, 1);
	cr_assert_eq(scene.heard.where, 1);
	hmt_node_end(&scene.node);
}

/* ---- Other nodes -------------------------------------------------------------------------------- */

/* Its index, and its id. */
#define NODE    5u
#define NODE_ID 77u

/* What a selection does that has found out whom to ask. */
static void
name_node(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert(hmi_claim_order(ctx, scene.askers[0], HMI_CLAIM_NODE, NODE_ID));
	cr_assert_not(hmi_claim_order(ctx, scene.other.pid, HMI_CLAIM_NODE, NODE_ID),
		      "it is no future of it");
}

static void
lose_node(struct hm_ctx *ctx, void *arg)
{
	struct hmi_cell *cell = hmi_cell_live(ctx, scene.askers[0].local);

	(void)arg;
	cr_assert_eq(cell->future.node, NODE);
	cr_assert_neq(ctx->nodes_referenced[0] & 1u << NODE, 0);
	cell->ops->node_down(ctx, cell, NODE + 1);
	cell->ops->node_down(ctx, cell, NODE);
}

static void
know_node(uint64_t id)
{
	struct hmi_node_table *nodes = &scene.node.sys->nodes;

	atomic_store_explicit(&nodes->ids[NODE], id, memory_order_relaxed);
	atomic_store_explicit(&nodes->count, id != 0 ? NODE : 0, memory_order_relaxed);
}

static void
check_node_is_lost(void)
{
	cr_assert_eq(scene.heard.calls, 1);
	cr_assert_eq(scene.heard.result, HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(scene.heard.where, 1);
}

Test(engine_move_ask_kinds, move__is_told_that_a_node_is_lost)
{
	struct hmt_probe neighbour = { 0 };

	scene_start(ASK, 0);
	hmt_probe_spawn(&scene.node, &neighbour, 0, NULL);
	move(&scene.node, scene.mover.pid, 1);
	know_node(NODE_ID);
	hmt_do(&scene.node, scene.mover.pid, name_node, NULL);
	cr_assert_eq(scene.heard.calls, 0);
	hmt_do(&scene.node, neighbour.pid, lose_node, NULL);
	check_node_is_lost();
	know_node(0);
	hmt_node_end(&scene.node);
}

/* It was lost before the future has learnt that it is asked. */
Test(engine_move_ask_kinds, move__is_told_that_a_node_was_lost)
{
	scene_start(ASK, 0);
	move(&scene.node, scene.mover.pid, 1);
	hmt_do(&scene.node, scene.mover.pid, name_node, NULL);
	check_node_is_lost();
	hmt_node_end(&scene.node);
}

/* And another one has its index by then, since the lcore of the future has not looked into the lane for long. */
Test(engine_move_ask_kinds, move__is_told_that_a_node_was_lost_whose_index_is_another_ones)
{
	struct hmt_deed deed = { name_node, NULL };

	scene_start(ASK, 0);
	move(&scene.node, scene.mover.pid, 1);
	know_node(NODE_ID);
	cr_assert_eq(hm_system_send(scene.node.sys, scene.mover.pid, HMT_DO, &deed), HM_OK);
	turn_one(&scene.node, 0);
	turn_one(&scene.node, 1);
	know_node(NODE_ID + 1);
	hmt_turn_until_idle(&scene.node);
	check_node_is_lost();
	know_node(0);
	hmt_node_end(&scene.node);
}

/* Of two, one after the other, the second one first: it is over, and gone, before all requests were looked at. */
static void
lose_nodes(struct hm_ctx *ctx, void *arg)
{
	struct hmi_cell *cell = hmi_cell_named(ctx, scene.askers[0].local);
	struct hmi_replies *replies = hmi_replies_of(cell->box.head);

	(void)arg;
	for (uint32_t i = 0; i < PAIR; i++)
		replies->entries[i].node = (uint16_t)(NODE + i);
	for (uint32_t i = PAIR; i-- > 0;)
		cell->ops->node_down(ctx, cell, (uint16_t)(NODE + i));
}

Test(engine_move_ask_kinds, move__is_told_that_all_nodes_of_a_batch_are_lost)
{
	struct hmt_probe neighbour = { 0 };

	scene_start(BATCH, 0);
	hmt_probe_spawn(&scene.node, &neighbour, 0, NULL);
	move(&scene.node, scene.mover.pid, 1);
	hmt_do(&scene.node, neighbour.pid, lose_nodes, NULL);
	check_node_is_lost();
	hmt_node_end(&scene.node);
}

/* ---- Functions that fail ------------------------------------------------------------------------ */

static void
on_end_fail(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	    void *arg)
{
	on_end(ctx, state, result, reply, arg);
	hm_fail(ctx, "on purpose");
}

static void
ask_to_fail(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1;

	(void)arg;
	scene.askers_count = 0;
	cr_assert_eq(hm_ask(ctx, scene.answerer.pid, HMT_NUMBER, &number, TIMEOUT_US, on_end_fail,
			    &scene.heard),
		     HM_OK);
}

Test(engine_move_ask_kinds, move__fails_in_its_function)
{
	scene_start(ASK, 0);
	hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
	hmt_do(&scene.node, scene.mover.pid, ask_to_fail, NULL);
	move(&scene.node, scene.mover.pid, 2);
	hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
	cr_assert_eq(scene.heard.calls, 2);
	cr_assert_eq(hmt_seen_count(&scene.mover, HM_STARTED), 2);
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_FAILED], 1, "the answer");
	cr_assert_eq(lcore_of(&scene.node, scene.mover.pid), 2);
	hmt_node_end(&scene.node);
}

/* ---- Mailboxes of another kind ------------------------------------------------------------------------- */

static uint8_t
priority_of(const struct hm_msg *msg)
{
	return hm_msg_type(msg) == HMT_BIG ? 1 : 0;
}

/* Answers wait in it among others, each at its place. */
Test(engine_move_ask_kinds, move__with_an_answer_in_a_mailbox_with_priorities)
{
	static const struct hm_mailbox mailbox = { .order = HM_MAILBOX_PRIORITY, .priority = priority_of };
	static struct hm_props props;
	struct hmt_probe *probe = &scene.mover;

	for (uint32_t turns = 0; turns < 6; turns++) {
		scene_start(ASK, 0);
		hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
		hmt_stop(&scene.node, scene.mover.pid);
		memset(&scene.mover, 0, sizeof(scene.mover));
		props = *hmt_probe_props(0);
		props.mailbox = &mailbox;
		cr_assert_eq(hm_system_spawn(scene.node.sys, &props, NULL, &probe, &probe->pid), 0);
		hmt_do(&scene.node, probe->pid, ask_between, NULL);
		for (uint32_t i = 0; i < QUEUED; i++)
			hmt_number(&scene.node, probe->pid, i);
		send_deed(scene.answerer.pid, answer);
		for (uint32_t i = 0; i < turns; i++)
			hm_system_turn(scene.node.sys);
		cr_assert_eq(hm_system_move(scene.node.sys, probe->pid, 1), 0);
		hmt_turn_until_idle(&scene.node);
		cr_assert_eq(scene.heard.calls, 2);
		cr_assert_gt(numbers_before, 0);
		cr_assert_eq(hmt_seen_count(probe, HMT_NUMBER), QUEUED);
		cr_assert_eq(lcore_of(&scene.node, probe->pid), 1);
		hmt_node_end(&scene.node);
	}
}

/* ---- Many, and none --------------------------------------------------------------------------------------- */

#define QUESTIONS 3000u

static void
ask_many(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1;

	(void)arg;
	for (uint32_t i = 0; i < QUESTIONS; i++) {
		cr_assert_eq(hm_ask(ctx, scene.other.pid, HMT_NUMBER, &number, TIMEOUT_US + i, on_end,
				    &scene.heard),
			     HM_OK);
	}
}

Test(engine_move_ask_kinds, move__with_many_questions)
{
	for (int ends = 0; ends < 2; ends++) {
		scene_start(ASK, 0);
		hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
		hmt_do(&scene.node, scene.mover.pid, ask_many, NULL);
		for (uint32_t i = 1; i < LCORES; i++)
			move(&scene.node, scene.mover.pid, i);
		cr_assert_eq(lcore_of(&scene.node, scene.mover.pid), LCORES - 1);
		scene.heard.calls = 0;
		if (ends != 0)
			hmt_stop(&scene.node, scene.mover.pid);
		hmt_elapse(&scene.node, 2ull * TIMEOUT_US);
		cr_assert_eq(scene.heard.calls, ends != 0 ? 0 : QUESTIONS);
		cr_assert_eq(hmt_stats(&scene.node).continuations_dropped, ends != 0 ? QUESTIONS : 0);
		cr_assert_eq(live_all(), ends != 0 ? scene.live - 1 : scene.live + 1);
		hmt_node_end(&scene.node);
	}
}

/* It stays where it is, as it was, and is answered there; when there is memory it moves. */
Test(engine_move_ask_kinds, move__without_memory_for_a_claim_it_stays)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct hmi_slab full;
		struct hm_ctx *ctx;

		scene_start((enum kind)kind, 0);
		ctx = scene.node.sys->lcores[0];
		/* The order itself has memory. */
		move(&scene.node, scene.mover.pid, 0);
		full = hmt_slab_drain(&ctx->claims);
		hmt_memory_refuse();
		move(&scene.node, scene.mover.pid, 1);
		hmt_elapse(&scene.node, 1000);
		hmt_memory_allow();
		ctx->claims = full;
		cr_assert_eq(hmt_stats(&scene.node).moved, 0);
		cr_assert_eq(lcore_of(&scene.node, scene.mover.pid), 0);
		hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
		cr_assert_eq(scene.heard.calls, 1);
		cr_assert_eq(scene.heard.where, 0);
		hmt_elapse(&scene.node, 2000);
		cr_assert_eq(lcore_of(&scene.node, scene.mover.pid), 1);
		hmt_node_end(&scene.node);
	}
}

Test(engine_move_ask_kinds, move__without_a_slot_there_it_stays)
{
	struct hmt_slots slots;
	struct hmi_cells *cells;

	scene_start(ASK, 0);
	cells = &scene.node.sys->lcores[1]->cells;
	slots = hmt_slots_use_all(cells);
	move(&scene.node, scene.mover.pid, 1);
	cr_assert_eq(lcore_of(&scene.node, scene.mover.pid), 0);
	hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
	cr_assert_eq(scene.heard.calls, 1);
	hmt_slots_give_back(cells, &slots);
	hmt_elapse(&scene.node, 2000);
	cr_assert_eq(lcore_of(&scene.node, scene.mover.pid), 1);
	hmt_node_end(&scene.node);
}

Test(engine_move_ask_kinds, move__a_system_that_is_destroyed_with_answers)
{
	for (uint32_t turns = 0; turns < 12 * KINDS; turns++) {
		scene_start((enum kind)(turns % KINDS), 0);
		if (turns % 3 == 0)
			move(&scene.node, scene.mover.pid, 1);
		cr_assert_eq(hm_system_move(scene.node.sys, scene.mover.pid, 2), 0);
		send_deed(scene.answerer.pid, answer);
		for (uint32_t i = 0; i < turns / KINDS; i++)
			hm_system_turn(scene.node.sys);
		hmt_node_drop(&scene.node);
	}
}
