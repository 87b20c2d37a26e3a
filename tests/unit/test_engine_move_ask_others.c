/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors that move while they wait for calls of the offload pool, for selections, and for whom a path names; or with requests
 * in their mailbox.
 */
#include "hm_behaviour.h"
#include "hm_mailbox.h"
#include "hm_offload.h"
#include "hm_select.h"
#include "test_engine_move_ask.h"

TestSuite(engine_move_ask_others, .init = hmt_eal_start);

/* ---- The offload pool ------------------------------------------------------------------------------ */

static struct hm_offload call;
static uint32_t works;

static void
work(const struct hm_work *unused, void *args, void *result)
{
	(void)unused;
	(void)args;
	works++;
	*(uint64_t *)result = NUMBER;
}

static void
work_and_move(struct hm_ctx *ctx, void *to)
{
	cr_assert_eq(hm_offload(ctx, work, NULL, 0, HMT_NUMBER, &call), HM_OK);
	cr_assert_eq(hm_move(ctx, hm_self(ctx), *(uint32_t *)to), HM_OK);
}

static void
cancel_work(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_offload_cancel(ctx, call);
}

/* All lcores turn, but no call is made: that is between turns of the system. */
static void
turn_all(struct hmt_node *node, uint32_t turns)
{
	for (uint32_t i = 0; i < turns * LCORES; i++)
		turn_one(node, i % LCORES);
}

static void
work_start(uint32_t home, uint32_t to)
{
	static struct hmt_deed deed;
	static uint32_t where;

	scene_start(ASK, home);
	hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
	where = to;
	works = 0;
	deed = (struct hmt_deed){ work_and_move, &where };
	cr_assert_eq(hm_system_send(scene.node.sys, scene.mover.pid, HMT_DO, &deed), HM_OK);
	turn_all(&scene.node, 12);
	cr_assert_eq(works, 0);
	cr_assert_eq(hmt_stats(&scene.node).moved, 1);
}

Test(engine_move_ask_others, move__gets_the_result_of_a_call)
{
	for (uint32_t lcores = 0; lcores < LCORES * LCORES; lcores++) {
		if (lcores % LCORES == lcores / LCORES)
			continue;
		work_start(lcores % LCORES, lcores / LCORES);
		hmt_turn_until_idle(&scene.node);
		cr_assert_eq(works, 1);
		cr_assert_eq(hmt_seen_count(&scene.mover, HMT_NUMBER), 1);
		cr_assert_eq(hmt_seen_last(&scene.mover, HMT_NUMBER)->number, NUMBER);
		hmt_node_end(&scene.node);
	}
}

Test(engine_move_ask_others, move__cancels_a_call)
{
	struct hmt_deed deed = { cancel_work, NULL };

	work_start(0, 2);
	cr_assert_eq(hm_system_send(scene.node.sys, scene.mover.pid, HMT_DO, &deed), HM_OK);
	turn_all(&scene.node, 4);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(works, 0);
	cr_assert_eq(hmt_seen_count(&scene.mover, HMT_NUMBER), 0);
	hmt_node_end(&scene.node);
}

Test(engine_move_ask_others, move__ends_before_the_result_of_a_call)
{
	/* Before it is made, and when it was. */
	for (int made = 0; made < 2; made++) {
		work_start(0, 2);
		if (made != 0)
			cr_assert_gt(hm_system_turn(scene.node.sys), 0);
		cr_assert_eq(hm_system_stop_actor(scene.node.sys, scene.mover.pid), 0);
		if (made == 0)
			turn_all(&scene.node, 8);
		hmt_turn_until_idle(&scene.node);
		cr_assert_eq(works, (uint32_t)made);
		hmt_node_end(&scene.node);
	}
}

Test(engine_move_ask_others, move__a_system_that_is_destroyed_with_a_call)
{
	for (uint32_t turns = 0; turns < 3; turns++) {
		work_start(1, 2);
		for (uint32_t i = 0; i < turns; i++)
			hm_system_turn(scene.node.sys);
		hmt_node_drop(&scene.node);
	}
}

/* ---- Selections -------------------------------------------------------------------------------------- */

#define MANY 40000u /* children: more than one turn looks at */

static void
child_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	(void)msg;
}

static void
spawn_many(struct hm_ctx *ctx, void *arg)
{
	static const struct hm_props props = { .receive = child_receive };
	struct hm_pid pid;
	char name[16];

	(void)arg;
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		cr_assert_eq(hm_spawn(ctx, &props, name, NULL, &pid), 0);
	}
}

static struct list {
	uint32_t found, ends, where;
} lists[2];

static void
on_found(struct hm_ctx *ctx, void *state, const char *path, struct hm_pid pid, void *arg)
{
	struct list *list = arg;

	(void)pid;
	cr_assert_eq(*(struct hmt_probe **)state, &scene.mover);
	if (path != NULL)
		list->found++;
	else
		list->ends++;
	list->where = hm_lcore(ctx);
}

static void
list_many(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_select_all(ctx, "/user/many/*", on_found, &lists[hm_lcore(ctx)]), 0);
}

static void
list_and_move(struct hm_ctx *ctx, void *arg)
{
	list_many(ctx, arg);
	cr_assert_eq(hm_move(ctx, hm_self(ctx), 1), HM_OK);
}

/* And begins another one there, which is told apart. */
Test(engine_move_ask_others, move__goes_on_listing)
{
	struct hmt_probe many = { 0 };

	scene_start(ASK, 0);
	hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
	hmt_probe_spawn(&scene.node, &many, 2, "many");
	hmt_do(&scene.node, many.pid, spawn_many, NULL);
	send_deed(scene.mover.pid, list_and_move);
	for (uint32_t i = 0; i < 10 && hmt_stats(&scene.node).moved == 0; i++)
		hm_system_turn(scene.node.sys);
	cr_assert_eq(hmt_stats(&scene.node).moved, 1);
	cr_assert_eq(lists[0].ends, 0, "it is still listing");
	hmt_do(&scene.node, scene.mover.pid, list_many, NULL);
	for (uint32_t i = 0; i < 2; i++) {
		cr_assert_eq(lists[i].ends, 1);
		cr_assert_eq(lists[i].where, 1);
		cr_assert_eq(lists[i].found, MANY);
	}
	hmt_node_end(&scene.node);
}

static void
on_identity(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	    void *arg)
{
	const struct hm_identity *identity = hm_msg_body(reply);

	(void)state;
	(void)arg;
	cr_assert_eq(result, HM_FUTURE_REPLY);
	cr_assert(hm_pid_equal(identity->pid, scene.node.sys->user));
	scene.heard.calls++;
	scene.heard.where = hm_lcore(ctx);
}

/* It comes at once, and waits behind others in the mailbox. */
static void
resolve(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_resolve(ctx, "/user", TIMEOUT_US, on_identity, NULL), 0);
}

Test(engine_move_ask_others, move__resolves_a_path)
{
	scene_start(ASK, 0);
	hmt_do(&scene.node, scene.answerer.pid, answer, NULL);
	scene.heard.calls = 0;
	cr_assert_eq(hm_system_move(scene.node.sys, scene.mover.pid, 2), 0);
	send_deed(scene.mover.pid, resolve);
	for (uint32_t i = 0; i < QUEUED; i++)
		hmt_number(&scene.node, scene.mover.pid, i);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(scene.heard.calls, 1);
	cr_assert_eq(scene.heard.where, 2);
	cr_assert_eq(hmt_seen_count(&scene.mover, HMT_NUMBER), QUEUED);
	hmt_node_end(&scene.node);
}

/* ---- Requests whose deadline the asking lcore knows ------------------------------------------------- */

static uint8_t
priority_of(const struct hm_msg *msg)
{
	return hm_msg_type(msg) == HMT_BIG ? 1 : 0;
}

static bool stashes;

/* Answers requests, at once or when it has taken them out of its stash. */
static void
respond(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER || hm_pid_is_none(hm_sender(ctx)))
		return;
	if (stashes)
		cr_assert_eq(hm_stash(ctx), HM_OK);
	else
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
}

static void
unstash(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	stashes = false;
	cr_assert_eq(hm_unstash_all(ctx), 1);
}

static void
on_response(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	    void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	(void)arg;
	scene.heard.calls++;
	scene.heard.result = result;
}

/* The turn goes on after it, for longer than the request may take: its time begins at the turn's end. */
static void
ask_and_take_long(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 3;

	(void)arg;
	cr_assert_eq(hm_ask(ctx, scene.mover.pid, HMT_NUMBER, &number, 1000, on_response, NULL), HM_OK);
	scene.node.now_ns += 5000000;
}

/* A queue of the user's own, first in, first out. */
struct own_queue {
	struct hm_msg *head, **end;
};

static int
own_init(void *queue, const void *arg)
{
	struct own_queue *own = queue;

	(void)arg;
	own->end = &own->head;
	return 0;
}

static void
own_push(void *queue, struct hm_msg *msg)
{
	struct own_queue *own = queue;

	msg->next = NULL;
	*own->end = msg;
	own->end = &msg->next;
}

static struct hm_msg *
own_pop(void *queue)
{
	struct own_queue *own = queue;
	struct hm_msg *msg = own->head;

	if (msg == NULL)
		return NULL;
	own->head = msg->next;
	if (own->head == NULL)
		own->end = &own->head;
	return msg;
}

static const struct hm_mailbox_ops own_ops = {
	.size = sizeof(struct own_queue), .init = own_init, .push = own_push, .pop = own_pop
};

enum place {
	IN_MAILBOX,
	IN_STASH,
	IN_PRIORITIES,
	IN_BOUNDED,
	IN_OWN,
	PLACES,
};

/* A request waits while its receiver moves, to be received there. */
static void
request_moves(enum place place, void (*deed)(struct hm_ctx *ctx, void *arg))
{
	static const struct hm_mailbox mailboxes[PLACES] = {
		[IN_PRIORITIES] = { .order = HM_MAILBOX_PRIORITY, .priority = priority_of },
		[IN_BOUNDED] = { .overflow = HM_OVERFLOW_REJECT, .capacity = 1000 },
		[IN_OWN] = { .order = HM_MAILBOX_CUSTOM, .ops = &own_ops },
	};
	static struct hm_props props[PLACES];
	struct hmt_probe *probe = &scene.mover;

	memset(&scene, 0, sizeof(scene));
	stashes = place == IN_STASH;
	props[place] = *hmt_probe_props(0);
	if (place >= IN_PRIORITIES)
		props[place].mailbox = &mailboxes[place];
	scene.mover.on_msg = respond;
	hmt_node_start(&scene.node, LCORES);
	hmt_probe_spawn(&scene.node, &scene.other, 0, NULL);
	cr_assert_eq(hm_system_spawn(scene.node.sys, &props[place], NULL, &probe, &probe->pid), 0);
	hmt_turn_until_idle(&scene.node);
	for (uint32_t i = 0; i < QUEUED && place != IN_STASH; i++)
		hmt_number(&scene.node, probe->pid, i);
	send_deed(scene.other.pid, deed);
	if (place == IN_STASH)
		turn_all(&scene.node, 2);
	cr_assert_eq(hm_system_move(scene.node.sys, probe->pid, 1), 0);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(lcore_of(&scene.node, probe->pid), 1);
	if (place == IN_STASH)
		hmt_do(&scene.node, probe->pid, unstash, NULL);
}

static void
request_waits(enum place place)
{
	request_moves(place, ask_and_take_long);
	cr_assert_eq(scene.heard.calls, 1, "%d", place);
	cr_assert_eq(scene.heard.result, HM_FUTURE_REPLY, "%d", place);
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_EXPIRED], 0);
	hmt_node_end(&scene.node);
}

Test(engine_move_ask_others, move__requests_that_wait_keep_their_time)
{
	for (int place = 0; place <= IN_BOUNDED; place++)
		request_waits((enum place)place);
}

static void
ask_with_time(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 3;

	(void)arg;
	cr_assert_eq(hm_ask(ctx, scene.mover.pid, HMT_NUMBER, &number, 6000, on_response, NULL), HM_OK);
	scene.node.now_ns += 5000000;
}

/*
 * Nobody can look into a queue of the user's own: there a request's time begins when it is asked, not at the turn's end. One
 * that is longer than that turn suffices; of a shorter one the asker learns that its time was up, at its deadline.
 */
Test(engine_move_ask_others, move__requests_in_a_queue_of_the_users_own_lose_a_turn)
{
	request_moves(IN_OWN, ask_with_time);
	cr_assert_eq(scene.heard.calls, 1);
	cr_assert_eq(scene.heard.result, HM_FUTURE_REPLY);
	hmt_node_end(&scene.node);

	request_moves(IN_OWN, ask_and_take_long);
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_EXPIRED], 1);
	cr_assert_eq(scene.heard.calls, 0);
	hmt_elapse(&scene.node, 2000);
	cr_assert_eq(scene.heard.calls, 1);
	cr_assert_eq(scene.heard.result, HM_FUTURE_TIMEOUT);
	hmt_node_end(&scene.node);
}
