/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routers: which routee gets a message, from which lcore, and who is answered.
 */
#include <inttypes.h>

#include "hm_buffer.h"
#include "hm_header.h"
#include "hm_messages.h"
#include "test_engine_router.h"

TestSuite(engine_router, .init = hmt_eal_start, .timeout = 60);

/* ---- Round robin, random ------------------------------------------------------------- */

Test(engine_router, round_robin__each_has_as_many_on_both_lcores)
{
	const struct asking *all;

	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 4);
	numbers_from(0, 0, 40);
	numbers_from(1, 40, 40);
	all = routees();
	cr_assert_eq(all->count, 4);
	for (uint32_t i = 0; i < 4; i++)
		cr_assert_eq(received(all->pids[i]), 20);
	/* On all lcores. */
	cr_assert_neq(hm_pid_lcore(all->pids[0]), hm_pid_lcore(all->pids[1]));
	cr_assert_eq(received_all(), 80);
	cr_assert_eq(hmt_dead(&scene.node), 0);
	scene_end();
}

Test(engine_router, round_robin__one_after_the_other)
{
	const struct asking *all;

	scene_start(1);
	pool_make(HM_ROUTER_ROUND_ROBIN, 3);
	numbers_from(0, 0, 9);
	all = routees();
	for (uint64_t i = 0; i < 9; i++)
		cr_assert(hm_pid_equal(receiver_of(i), all->pids[i % 3]), "number %" PRIu64, i);
	scene_end();
}

Test(engine_router, random__reaches_all_and_no_one_alone)
{
	const struct asking *all;

	scene_start(2);
	pool_make(HM_ROUTER_RANDOM, 4);
	for (uint64_t i = 0; i < 10; i++)
		numbers_from(i % 2, 100 * i, 100);
	all = routees();
	for (uint32_t i = 0; i < 4; i++) {
		cr_assert_gt(received(all->pids[i]), 180);
		cr_assert_lt(received(all->pids[i]), 320);
	}
	cr_assert_eq(received_all(), 1000);
	scene_end();
}

/* Turns of the system until a number that the sender of lcore 1 sends has been received. */
static uint32_t
turns_to(struct hm_pid to)
{
	struct numbers numbers = { 5, 1, false };
	struct hmt_deed deed = { numbers_send, &numbers };
	struct hm_pid router = scene.router;
	uint32_t turns = 0;

	log_clear();
	scene.router = to;
	cr_assert_eq(hm_system_send(scene.node.sys, scene.senders[1].pid, HMT_DO, &deed), HM_OK);
	for (; received_all() == 0; turns++)
		(void)hm_system_turn(scene.node.sys);
	scene.router = router;
	hmt_turn_until_idle(&scene.node);
	return turns;
}

/* By the router's own lcore, which is another one, it would take longer. */
Test(engine_router, route__is_on_the_lcore_of_the_sender)
{
	static const struct hm_props there = { .receive = routee_receive, .lcore = HM_LCORE(1) };

	scene_start(2);
	router_make(&(struct hm_router){ .size = 1, .props = &there });
	cr_assert_eq(hm_pid_lcore(scene.router), 0);
	cr_assert_eq(turns_to(scene.router), turns_to(routees()->pids[0]));
	scene_end();
}

/* ---- Who is answered -------------------------------------------------------------------- */

static void
requests_are_answered(uint32_t kind, uint32_t answers, uint64_t late)
{
	scene_start(2);
	pool_make(kind, 4);
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		struct asking asking;

		requests_from(lcore, 7, 1);
		cr_assert_eq(hmt_seen_count(&scene.senders[lcore], HMT_NUMBER), answers, "kind %u", kind);
		cr_assert_eq(hmt_seen_last(&scene.senders[lcore], HMT_NUMBER)->number, 1007);
		cr_assert_not(
			hm_pid_equal(hmt_seen_last(&scene.senders[lcore], HMT_NUMBER)->sender, scene.router));
		asking = asked(lcore, 8);
		cr_assert_eq(asking.result, HM_FUTURE_REPLY, "kind %u", kind);
		cr_assert_eq(asking.number, 1008);
		cr_assert_not(hm_pid_equal(asking.from, scene.router));
	}
	/* Of the request by an ask that is a broadcast, or gathers; of the other one only if it gathers. */
	cr_assert_eq(dead_of(HM_DEAD_LATE_REPLY), late);
	scene_end();
}

Test(engine_router, request__is_answered_to_who_has_sent)
{
	requests_are_answered(HM_ROUTER_ROUND_ROBIN, 1, 0);
	requests_are_answered(HM_ROUTER_RANDOM, 1, 0);
	requests_are_answered(HM_ROUTER_HASH, 1, 0);
	requests_are_answered(HM_ROUTER_BROADCAST, 4, 2 * 3);
	requests_are_answered(HM_ROUTER_SMALLEST, 1, 0);
	requests_are_answered(HM_ROUTER_BALANCING, 1, 0);
	requests_are_answered(HM_ROUTER_FIRST, 1, 2 * 2 * 3);
	requests_are_answered(HM_ROUTER_TAIL_CHOPPING, 1, 0);
}

Test(engine_router, thread__sends_by_the_lcore_of_the_router)
{
	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 4);
	for (uint64_t i = 0; i < 8; i++)
		hmt_number(&scene.node, scene.router, i);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(received_all(), 8);
	for (uint32_t i = 0; i < 4; i++)
		cr_assert_eq(received(routees()->pids[i]), 2);
	scene_end();
}

static void
forward_on(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER && !hm_pid_is_none(hm_sender(ctx)))
		cr_assert_eq(hm_forward(ctx, scene.router), HM_OK);
}

struct to_probe {
	struct hm_pid to;
	struct asking asking;
	uint64_t number;
};

static void
ask_probe(struct hm_ctx *ctx, void *arg)
{
	struct to_probe *to = arg;

	cr_assert_eq(hm_ask(ctx, to->to, HMT_NUMBER, &to->number, 1000, asking_end, &to->asking), HM_OK);
}

/* A request that is handed on to a router, which has come from another lcore and goes to a third one. */
Test(engine_router, forward__keeps_the_sender)
{
	static struct to_probe to;

	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 2);
	scene.senders[1].on_msg = forward_on;
	for (uint64_t i = 0; i < 4; i++) {
		to = (struct to_probe){ .to = scene.senders[1].pid, .number = i };
		hmt_do(&scene.node, scene.senders[0].pid, ask_probe, &to);
		cr_assert_eq(to.asking.result, HM_FUTURE_REPLY);
		cr_assert_eq(to.asking.number, 1000 + i);
	}
	cr_assert_eq(received_all(), 4);
	scene_end();
}

/* Those that wait to be delivered, and come when the router is looked up. */
Test(engine_router, order__of_one_sender_is_kept_for_each_routee)
{
	static uint64_t last[8];
	const struct asking *all;

	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 8);
	numbers_from(1, 0, 2000);
	all = routees();
	memset(last, 0, sizeof(last));
	for (uint32_t i = 0; i < scene.count; i++) {
		for (uint32_t r = 0; r < 8 && scene.log[i].number < STOPS; r++) {
			if (!hm_pid_equal(all->pids[r], scene.log[i].who))
				continue;
			cr_assert_geq(scene.log[i].number, last[r]);
			last[r] = scene.log[i].number;
		}
	}
	cr_assert_eq(received_all(), 2000);
	scene_end();
}

/* ---- Broadcast ----------------------------------------------------------------------------- */

Test(engine_router, broadcast__all_get_it_with_the_sender)
{
	scene_start(2);
	pool_make(HM_ROUTER_BROADCAST, 5);
	requests_from(1, 3, 2);
	for (uint32_t i = 0; i < 5; i++)
		cr_assert_eq(received(routees()->pids[i]), 2);
	for (uint32_t i = 0; i < scene.count; i++) {
		if (scene.log[i].number < STOPS)
			cr_assert(hm_pid_equal(scene.log[i].sender, scene.senders[1].pid));
	}
	cr_assert_eq(hmt_seen_count(&scene.senders[1], HMT_NUMBER), 10);
	scene_end();
}

struct call {
	enum hm_result result;
	uint32_t sent;
	struct hm_pid to;
	uint16_t type;
};

static void
broadcast(struct hm_ctx *ctx, void *arg)
{
	struct call *call = arg;
	uint64_t number = 77;

	call->sent = 99;
	call->result = hm_router_broadcast(ctx, call->to, call->type, &number, &call->sent);
	(void)hm_router_broadcast(ctx, call->to, call->type, &number, NULL);
}

Test(engine_router, broadcast_call__reaches_all_of_another_kind)
{
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		struct call call = { .type = HMT_NUMBER };

		scene_start(2);
		pool_make(HM_ROUTER_ROUND_ROBIN, 5);
		call.to = scene.router;
		hmt_do(&scene.node, scene.senders[lcore].pid, broadcast, &call);
		cr_assert_eq(call.result, HM_OK);
		cr_assert_eq(call.sent, 5);
		for (uint32_t i = 0; i < 5; i++)
			cr_assert_eq(received(routees()->pids[i]), 2);
		cr_assert_eq(hmt_seen_count(&scene.senders[lcore], HMT_NUMBER), 10);
		scene_end();
	}
}

/* What a message has beside its body. */
#define BUFFER_BYTES 100000u

static uint32_t buffers_seen;
static const void *buffer_at;

static void
buffer_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hm_buffer *buffer;

	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) != HMT_EMPTY)
		return;
	buffer = hm_msg_buffer(msg);
	cr_assert_not_null(buffer);
	if (buffer_at != NULL)
		cr_assert_eq(hm_buffer_data(buffer), buffer_at);
	buffer_at = hm_buffer_data(buffer);
	buffers_seen++;
}

static void
buffer_send(struct hm_ctx *ctx, void *arg)
{
	struct hm_buffer *buffer;

	(void)arg;
	cr_assert_eq(hm_buffer_alloc(hm_system(ctx), BUFFER_BYTES, &buffer), 0);
	cr_assert_eq(hm_send_buffer(ctx, scene.router, HMT_EMPTY, NULL, buffer), HM_OK);
}

Test(engine_router, broadcast__shares_one_buffer)
{
	static const struct hm_props props = { .receive = buffer_receive, .lcore = HM_LCORE_ANY };

	scene_start(2);
	router_make(&(struct hm_router){ .kind = HM_ROUTER_BROADCAST, .size = 6, .props = &props });
	hmt_do(&scene.node, scene.senders[1].pid, buffer_send, NULL);
	cr_assert_eq(buffers_seen, 6);
	scene_end();
}

/* ---- Groups and routers in each other --------------------------------------------------------- */

static void
routers_route(uint32_t depth)
{
	struct hm_pid below;

	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 2);
	for (uint32_t i = 1; i < depth; i++) {
		below = scene.router;
		cr_assert_eq(hm_system_router_spawn(scene.node.sys,
						    &(struct hm_router){ .kind = HM_ROUTER_RANDOM,
									 .size = 1,
									 .routees = &below },
						    NULL, &scene.router),
			     0);
	}
	hmt_turn_until_idle(&scene.node);
	numbers_from(0, 0, 4);
	numbers_from(1, 4, 4);
}

Test(engine_router, depth__of_routers_in_routers_is_bounded)
{
	routers_route(HM_ROUTER_DEPTH_MAX);
	cr_assert_eq(received_all(), 8);
	cr_assert_eq(hmt_dead(&scene.node), 0);
	scene_end();
	routers_route(HM_ROUTER_DEPTH_MAX + 1);
	cr_assert_eq(received_all(), 0);
	cr_assert_eq(dead_of(HM_DEAD_NO_ROUTEE), 8);
	scene_end();
}

Test(engine_router, circle__of_routers_ends_in_dead_letters)
{
	struct hm_pid first, second;

	scene_start(2);
	router_make(&(struct hm_router){ .kind = HM_ROUTER_RANDOM });
	first = scene.router;
	cr_assert_eq(hm_system_router_spawn(scene.node.sys,
					    &(struct hm_router){
						    .kind = HM_ROUTER_RANDOM, .size = 1, .routees = &first },
					    NULL, &scene.router),
		     0);
	hmt_turn_until_idle(&scene.node);
	second = scene.router;
	scene.router = first;
	cr_assert_eq(routee_add(second).error, 0);
	numbers_from(0, 0, 3);
	numbers_from(1, 3, 3);
	cr_assert_eq(dead_of(HM_DEAD_NO_ROUTEE), 6);
	scene_end();
}
