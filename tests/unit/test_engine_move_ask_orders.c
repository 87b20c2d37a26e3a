/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors that move while they ask, are answered, cancel, restart and end, in orders that are drawn: lcores take their turns one
 * by one. Whatever the order, a function is called once, or not at all since its actor has begun anew; and nothing is left.
 */
#include "hm_future.h"
#include "hm_offload.h"
#include "hm_select.h"
#include "hm_supervisor.h"
#include "hmt_random.h"
#include "test_engine_move.h"

TestSuite(engine_move_ask_orders, .init = hmt_eal_start);

#define ROUNDS        250u
#define STEPS         400u
#define QUESTIONS_MAX 512u
#define FUTURES_MAX   64u
#define PAIR          3u

struct question {
	uint32_t epoch, calls; /* the actor's, when it has asked */
};

static struct {
	struct hmt_node node;
	struct hmt_probe parent, mover, sibling, answerer, owner, piped;
	struct question questions[QUESTIONS_MAX];
	struct hm_pid askers[4 * QUESTIONS_MAX];
	struct hm_future futures[FUTURES_MAX];
	uint32_t questions_count, askers_count, futures_count;
	uint32_t epoch, pipes, works;
	uint64_t seed;
	uint32_t sluggish;
} play;

static uint64_t moved, called, dropped;

static uint64_t
draw(uint64_t below)
{
	return hmt_random_below(&play.seed, below);
}

/* ---- The actor ------------------------------------------------------------------------------- */

static void
on_end(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct question *question = arg;

	(void)result;
	(void)reply;
	cr_assert_eq(*(struct hmt_probe **)state, &play.mover);
	cr_assert(hm_pid_equal(hm_self(ctx), play.mover.pid));
	cr_assert_eq(question->calls, 0, "called twice");
	cr_assert_eq(question->epoch, play.epoch, "called after it has begun anew");
	question->calls++;
	if (draw(40) == 0)
		hm_fail(ctx, "on purpose");
}

static void
on_found(struct hm_ctx *ctx, void *state, const char *path, struct hm_pid pid, void *arg)
{
	(void)pid;
	if (path == NULL)
		on_end(ctx, state, HM_FUTURE_REPLY, NULL, arg);
}

static void
work(const struct hm_work *unused, void *args, void *result)
{
	(void)unused;
	(void)args;
	(void)result;
	play.works++;
}

static struct question *
question_new(void)
{
	struct question *question = &play.questions[play.questions_count++];

	question->epoch = play.epoch;
	return question;
}

static struct hm_future
future_some(void)
{
	return play.futures[draw(play.futures_count)];
}

static void
future_make(struct hm_ctx *ctx)
{
	struct hm_future *future = &play.futures[play.futures_count % FUTURES_MAX];
	uint64_t number = 1, timeout_us = 1000 + draw(20000);

	if (play.futures_count == FUTURES_MAX)
		return;
	if (draw(4) == 0)
		cr_assert_eq(hm_future_new(ctx, timeout_us, future), HM_OK);
	else
		cr_assert_eq(hm_request_future(ctx, play.answerer.pid, HMT_NUMBER, &number, timeout_us,
					       future),
			     HM_OK);
	play.futures_count++;
}

static void
ask_batch(struct hm_ctx *ctx, uint64_t timeout_us)
{
	struct hm_batch_request requests[PAIR];
	uint64_t number = 1;

	for (uint32_t i = 0; i < PAIR; i++)
		requests[i] = (struct hm_batch_request){ play.answerer.pid, HMT_NUMBER, &number };
	cr_assert_eq(hm_ask_batch(ctx, &(struct hm_batch){ .requests = requests,
							   .count = PAIR,
							   .enough = (uint32_t)draw(PAIR + 1),
							   .timeout_us = timeout_us,
							   .on_end = on_end,
							   .arg = question_new() }),
		     HM_OK);
}

static void
do_with_future(struct hm_ctx *ctx)
{
	if (play.futures_count == 0) {
		future_make(ctx);
		return;
	}
	switch (draw(6)) {
	case 0:
	case 1:
		cr_assert_eq(hm_reenter_after(ctx, future_some(), on_end, question_new()), HM_OK);
		break;
	case 2:
		cr_assert_eq(hm_pipe_to(ctx, future_some(), &play.piped.pid, 1), HM_OK);
		play.pipes++;
		break;
	case 3:
		hm_future_cancel(ctx, future_some());
		break;
	case 4:
		hm_future_release(ctx, future_some());
		break;
	default:
		future_make(ctx);
		break;
	}
}

static void
do_something(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1, timeout_us = 1000 + draw(20000);

	(void)arg;
	if (play.questions_count == QUESTIONS_MAX)
		return;
	switch (draw(12)) {
	case 0:
	case 1:
	case 2:
		cr_assert_eq(hm_ask(ctx, play.answerer.pid, HMT_NUMBER, &number, timeout_us, on_end,
				    question_new()),
			     HM_OK);
		break;
	case 3:
	case 4:
		ask_batch(ctx, timeout_us);
		break;
	case 5:
		cr_assert_eq(hm_offload(ctx, work, NULL, 0, HMT_BIG, NULL), HM_OK);
		break;
	case 6:
		cr_assert_eq(hm_select_all(ctx, "/user/*", on_found, question_new()), 0);
		break;
	case 7:
		cr_assert_eq(hm_resolve(ctx, "/user", timeout_us, on_end, question_new()), 0);
		break;
	default:
		do_with_future(ctx);
		break;
	}
}

static void
mover_saw(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	play.epoch += hm_msg_type(msg) == HM_STARTED;
}

/* ---- Those beside it ---------------------------------------------------------------------------- */

static void
answerer_saw(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER && play.askers_count < 4 * QUESTIONS_MAX)
		play.askers[play.askers_count++] = hm_sender(ctx);
}

static void
answer_one(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 2;

	(void)arg;
	if (play.askers_count > 0)
		cr_assert_eq(hm_send(ctx, play.askers[draw(play.askers_count)], HMT_NUMBER, &number), HM_OK);
}

static void
answer_last(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 2;

	(void)arg;
	for (uint32_t i = 1; i <= 4 && i <= play.askers_count; i++)
		cr_assert_eq(hm_send(ctx, play.askers[play.askers_count - i], HMT_NUMBER, &number), HM_OK);
}

static void
owner_makes(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	future_make(ctx);
}

static void
spawn_both(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hmt_probe_child(ctx, &play.mover, (uint32_t)draw(LCORES), NULL), 0);
	cr_assert_eq(hmt_probe_child(ctx, &play.sibling, (uint32_t)draw(LCORES), NULL), 0);
}

/* ---- The play ------------------------------------------------------------------------------------ */

static void
play_start(uint64_t seed)
{
	static const struct hm_supervisor together = { .scope = HM_ALL_FOR_ONE,
						       .restarts = HM_RESTARTS_UNLIMITED };
	static const char *const options[] = { "", "--quantum 1", "--mailbox=10 --quantum 2" };
	static struct hm_props props;
	struct hmt_probe *parent = &play.parent;

	memset(&play, 0, sizeof(play));
	play.seed = seed * 0x9e3779b97f4a7c15u;
	play.mover.on_msg = mover_saw;
	play.answerer.on_msg = answerer_saw;
	props = *hmt_probe_props(0);
	props.supervisor = &together;
	/* Messages wait, or are too many. */
	hmt_node_start_with(&play.node, LCORES, 0, options[seed % 3]);
	cr_assert_eq(hm_system_spawn(play.node.sys, &props, NULL, &parent, &parent->pid), 0);
	hmt_probe_spawn(&play.node, &play.answerer, (uint32_t)draw(LCORES), "answerer");
	hmt_probe_spawn(&play.node, &play.owner, (uint32_t)draw(LCORES), NULL);
	hmt_probe_spawn(&play.node, &play.piped, (uint32_t)draw(LCORES), "piped");
	hmt_do(&play.node, parent->pid, spawn_both, NULL);
}

static void
deed_send(struct hm_pid to, void (*fn)(struct hm_ctx *ctx, void *arg))
{
	struct hmt_deed deed = { fn, NULL };
	enum hm_result result = hm_system_send(play.node.sys, to, HMT_DO, &deed);

	/* Not while its mailbox is full. */
	cr_assert(result == HM_OK || result == HM_WOULD_BLOCK);
}

static void
move_some(void)
{
	struct hm_pid who = play.mover.pid;

	if (draw(4) == 0)
		who = draw(2) == 0 ? play.answerer.pid : play.owner.pid;
	cr_assert_eq(hm_system_move(play.node.sys, who, (uint32_t)draw(LCORES)), 0);
}

static void
turn_some(void)
{
	uint32_t lcore = (uint32_t)draw(LCORES);

	if (lcore != play.sluggish || draw(8) == 0)
		turn_one(&play.node, lcore);
}

static void
step(bool ends)
{
	uint64_t drawn = draw(128);

	if (drawn < 16)
		deed_send(play.mover.pid, do_something);
	else if (drawn < 22)
		deed_send(play.answerer.pid, draw(2) == 0 ? answer_one : answer_last);
	else if (drawn < 30)
		move_some();
	else if (drawn < 32)
		deed_send(play.owner.pid, owner_makes);
	else if (drawn < 33)
		deed_send(draw(2) == 0 ? play.sibling.pid : play.mover.pid, hmt_fail);
	else if (drawn < 36)
		play.node.now_ns += draw(3000000);
	else if (drawn < 37)
		(void)hmi_offload_run_here(&play.node.sys->offload);
	else if (drawn < 39)
		play.sluggish = (uint32_t)draw(LCORES + 1);
	else if (drawn == 39 && ends && draw(8) == 0)
		cr_assert_eq(hm_system_stop_actor(play.node.sys, play.mover.pid), 0);
	else
		turn_some();
}

static uint32_t
live_all(void)
{
	return (uint32_t)hmt_lcores_sum(&play.node, hmt_slots_live);
}

/* Of an actor that lives, each function of its last life was called. Returns how many were not called in all. */
static uint32_t
questions_check(uint64_t seed, bool lives)
{
	uint32_t not_called = 0;

	for (uint32_t i = 0; i < play.questions_count; i++) {
		const struct question *question = &play.questions[i];

		not_called += question->calls == 0;
		called += question->calls;
		if (lives && question->epoch == play.epoch)
			cr_assert_eq(question->calls, 1, "seed %lu: question %u of %u was not answered",
				     (unsigned long)seed, i, play.questions_count);
	}
	return not_called;
}

static void
play_end(uint64_t seed, uint32_t live)
{
	struct hmt_node *node = &play.node;
	bool lives;

	hmt_turn_until_idle(node);
	for (int i = 0; i < 30; i++)
		hmt_elapse(node, 2000);
	lives = hmt_seen_count(&play.mover, HM_STOPPED) == 0;
	dropped += questions_check(seed, lives);
	if (lives)
		(void)lcore_of(node, play.mover.pid);
	cr_assert_eq(hmt_seen_count(&play.piped, HMT_NUMBER) + hmt_seen_count(&play.piped, HM_FUTURE_FAILED),
		     play.pipes, "seed %lu: pipes", (unsigned long)seed);
	moved += hmt_stats(node).moved;
	hmt_stop(node, play.parent.pid);
	hmt_stop(node, play.answerer.pid);
	hmt_stop(node, play.owner.pid);
	hmt_stop(node, play.piped.pid);
	hmt_elapse(node, 2000);
	cr_assert_eq(live_all(), live, "seed %lu: slots", (unsigned long)seed);
	hmt_node_end(node);
}

static void
play_all(bool ends)
{
	uint64_t first = hmt_seed(1);
	uint32_t live = 0;

	for (uint64_t seed = first; seed < first + ROUNDS; seed++) {
		play_start(seed);
		/* All but the six of them. */
		live = live_all() - 6;
		for (uint32_t i = 0; i < STEPS; i++)
			step(ends);
		play_end(seed, live);
	}
	cr_assert_gt(moved, 2 * ROUNDS);
	cr_assert_gt(called, 2 * ROUNDS);
	cr_assert_gt(dropped, ROUNDS / 2);
}

Test(engine_move_ask_orders, move__in_any_order_each_question_ends_once)
{
	play_all(false);
}

Test(engine_move_ask_orders, move__in_any_order_its_end_ends_all)
{
	play_all(true);
}

/* Nothing is lost either when the system goes down at any point. */
Test(engine_move_ask_orders, move__in_any_order_the_system_is_destroyed)
{
	uint64_t first = hmt_seed(1);

	for (uint64_t seed = first; seed < first + ROUNDS; seed++) {
		play_start(seed);
		for (uint32_t i = 0; i < STEPS / 2; i++)
			step(true);
		hmt_node_drop(&play.node);
	}
}
