/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors that move while they wait for answers: each kind of them, at each point of the way.
 */
#include "test_engine_move_ask.h"

TestSuite(engine_move_ask, .init = hmt_eal_start);

#define TURNS 9u

enum event {
	ANSWER,
	DEADLINE,
	RESTART,
	STOP,
	CANCEL, /* of its own future, when it has moved */
};

static void
event_do(enum event event)
{
	switch (event) {
	case ANSWER:
		send_deed(scene.answerer.pid, answer);
		break;
	case DEADLINE:
		scene.node.now_ns += 2ull * TIMEOUT_US * 1000;
		break;
	case RESTART:
		send_deed(scene.mover.pid, hmt_fail);
		break;
	case STOP:
		cr_assert_eq(hm_system_stop_actor(scene.node.sys, scene.mover.pid), 0);
		break;
	default:
		send_deed(scene.mover.pid, cancel);
		break;
	}
}

static void
result_check(enum event event, const char *way)
{
	static const enum hm_future_result results[] = {
		[ANSWER] = HM_FUTURE_REPLY, [DEADLINE] = HM_FUTURE_TIMEOUT, [CANCEL] = HM_FUTURE_CANCELLED
	};
	const struct heard *heard = &scene.heard;
	struct hm_stats stats = hmt_stats(&scene.node);

	if (event == RESTART || event == STOP) {
		cr_assert_eq(heard->calls, 0, "%s", way);
		cr_assert_eq(stats.continuations_dropped, 1, "%s", way);
		return;
	}
	cr_assert_eq(heard->calls, 1, "%s: %u calls", way, heard->calls);
	cr_assert_eq(heard->result, results[event], "%s", way);
	cr_assert_eq(stats.continuations_dropped, 0, "%s", way);
	if (event == ANSWER)
		cr_assert_eq(heard->number, NUMBER, "%s", way);
}

/* Nothing is left of the futures, and a late answer is a dead letter, once. */
static void
rest_check(enum event event, const char *way)
{
	struct hmt_node *node = &scene.node;
	uint64_t late = hmt_stats(node).dead[HM_DEAD_LATE_REPLY], answers = scene.kind == BATCH ? PAIR : 1;

	hmt_elapse(node, 3 * TIMEOUT_US);
	if (event != ANSWER) {
		hmt_do(node, scene.answerer.pid, answer, NULL);
		/* The other actor's future has got it. */
		if (scene.kind == OTHERS_FUTURE && event != DEADLINE)
			answers = hmt_stats(node).dead[HM_DEAD_LATE_REPLY] - late;
		cr_assert_eq(hmt_stats(node).dead[HM_DEAD_LATE_REPLY], late + answers, "%s", way);
	}
	if (scene.kind == OWN_FUTURE && event != STOP && event != RESTART)
		hmt_do(node, scene.mover.pid, release, NULL);
	else if (scene.kind == OTHERS_FUTURE)
		hmt_do(node, scene.other.pid, release, NULL);
	if (event != STOP)
		hmt_stop(node, scene.mover.pid);
	hmt_turn_until_idle(node);
	cr_assert_eq(live_all(), scene.live - 1, "%s: slots", way);
}

/*
 * It lives on lcore `from`, since it has asked at home; is told to move to `to`, and to `next` when it is there; after some
 * turns the event comes.
 */
struct way {
	uint32_t home, from, to, next;
	bool busy; /* with other messages, so that the answer waits in its mailbox */
	bool event_first;
};

static void
turn_some(uint32_t turns)
{
	for (uint32_t i = 0; i < turns; i++)
		hm_system_turn(scene.node.sys);
}

static void
play(enum kind kind, enum event event, const struct way *way, uint32_t turns)
{
	struct hmt_node *node = &scene.node;
	char text[128];

	snprintf(text, sizeof(text), "kind %d, event %d, home %u, %u to %u to %u, %s%s%u turns", kind, event,
		 way->home, way->from, way->to, way->next, way->busy ? "busy, " : "",
		 way->event_first ? "event first, " : "", turns);
	scene_start(kind, way->home);
	move(node, scene.mover.pid, way->from);
	cr_assert_eq(hmt_stats(node).moved, way->from != way->home, "with an open question: %s", text);
	for (uint32_t i = 0; way->busy && i < BUSY; i++)
		hmt_number(node, scene.mover.pid, i);
	if (way->event_first) {
		event_do(event);
		turn_some(turns);
	}
	cr_assert_eq(hm_system_move(node->sys, scene.mover.pid, way->to), 0);
	if (!way->event_first) {
		turn_some(turns);
		event_do(event);
	}
	hmt_turn_until_idle(node);
	hmt_elapse(node, 1000);
	move(node, scene.mover.pid, way->next);
	hmt_elapse(node, 1000);
	result_check(event, text);
	if (event != STOP)
		cr_assert_eq(lcore_of(node, scene.mover.pid), way->next, "%s", text);
	rest_check(event, text);
	hmt_node_end(node);
}

static void
play_all(enum kind kind, enum event event)
{
	static const struct way ways[] = {
		{ 0, 0, 1, 1, false, false }, { 0, 0, 3, 3, false, false }, { 0, 1, 2, 2, false, false },
		{ 0, 1, 0, 0, false, false }, { 1, 1, 0, 2, false, false }, { 3, 3, 0, 3, false, false },
		{ 1, 2, 3, 1, false, false }, { 0, 0, 1, 1, true, false },  { 0, 0, 1, 1, true, true },
		{ 1, 2, 3, 1, true, true },   { 2, 0, 2, 0, true, true },   { 0, 0, 1, 2, false, true },
	};

	for (uint32_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		for (uint32_t turns = 0; turns < TURNS; turns++)
			play(kind, event, &ways[i], turns);
	}
}

Test(engine_move_ask, move__answer_on_its_way)
{
	for (int kind = 0; kind < KINDS; kind++)
		play_all((enum kind)kind, ANSWER);
}

Test(engine_move_ask, move__deadline_on_its_way)
{
	for (int kind = 0; kind < KINDS; kind++)
		play_all((enum kind)kind, DEADLINE);
}

Test(engine_move_ask, move__restarts_on_its_way)
{
	for (int kind = 0; kind < KINDS; kind++)
		play_all((enum kind)kind, RESTART);
}

Test(engine_move_ask, move__ends_on_its_way)
{
	for (int kind = 0; kind < KINDS; kind++)
		play_all((enum kind)kind, STOP);
}

Test(engine_move_ask, move__cancels_on_its_way)
{
	play_all(OWN_FUTURE, CANCEL);
}
