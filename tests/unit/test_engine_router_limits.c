/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routers: limits, misuse, and memory that is used up.
 */
#include "hmt_slots.h"
#include "pressure_pvt.h"
#include "test_engine_memory.h"
#include "test_engine_router.h"

TestSuite(engine_router_limits, .init = hmt_eal_start, .timeout = 100);

/* ---- What is refused ------------------------------------------------------------------------ */

static int
made(const struct hm_router *config, const char *name)
{
	struct hm_pid pid = { 7, 7 };
	int rc = hm_system_router_spawn(scene.node.sys, config, name, &pid);

	cr_assert(rc == 0 || (pid.node == 7 && pid.local == 7), "it is untouched");
	hmt_turn_until_idle(&scene.node);
	return rc;
}

static int
made_of(struct hm_router config)
{
	return made(&config, NULL);
}

Test(engine_router_limits, spawn__refuses_what_is_no_router)
{
	static const struct hm_props no_receive = { 0 }, with_args = { .receive = routee_receive,
								       .state_size = 8,
								       .args_size = 8 };
	static const struct hm_supervisor bad = { .directive = 77 };
	struct hm_pid pids[2];
	uint64_t spawned;

	scene_start(2);
	spawned = hmt_stats(&scene.node).spawned;
	pids[0] = pids[1] = scene.senders[0].pid;
	cr_assert_eq(hm_system_router_spawn(NULL, &(struct hm_router){ 0 }, NULL, NULL), -EINVAL);
	cr_assert_eq(made(NULL, NULL), -EINVAL);
	cr_assert_eq(hm_router_spawn(NULL, &(struct hm_router){ 0 }, NULL, NULL), -EINVAL);
	cr_assert_eq(made_of((struct hm_router){ .kind = HM_ROUTER_KINDS }), -EINVAL);
	/* A pool of none, and of an unheard-of kind of routees. */
	cr_assert_eq(made_of((struct hm_router){ .props = &any_props }), -EINVAL);
	cr_assert_eq(made_of((struct hm_router){ .props = &no_receive, .size = 1 }), -EINVAL);
	cr_assert_eq(made_of((struct hm_router){ .props = &with_args, .size = 1 }), -EINVAL);
	cr_assert_eq(made_of((struct hm_router){ .props = &any_props, .size = 1, .supervisor = &bad }),
		     -EINVAL);
	cr_assert_eq(made_of((struct hm_router){ .props = &any_props, .size = 1, .routees = pids }), -EINVAL);
	/* Groups: routees without a number of them, and the other way round; one twice; nobody. */
	cr_assert_eq(made_of((struct hm_router){ .routees = pids }), -EINVAL);
	cr_assert_eq(made_of((struct hm_router){ .size = 1 }), -EINVAL);
	cr_assert_eq(made_of((struct hm_router){ .routees = pids, .size = 2 }), -EINVAL);
	pids[1] = hm_pid_none();
	cr_assert_eq(made_of((struct hm_router){ .routees = pids, .size = 2 }), -EINVAL);
	cr_assert_eq(made_of((struct hm_router){ .routees = pids, .size = 1, .args = pids }), -EINVAL);
	cr_assert_eq(made_of((struct hm_router){ .routees = pids, .size = 1, .supervisor = &bad }), -EINVAL);
	/* Of consistent hashing. */
	cr_assert_eq(made_of((struct hm_router){ .kind = HM_ROUTER_HASH }), -EINVAL);
	cr_assert_eq(made_of((struct hm_router){ .key = number_key }), -EINVAL);
	cr_assert_eq(made_of((struct hm_router){ .bound = 200 }), -EINVAL);
	cr_assert_eq(made_of((struct hm_router){ .virtual_nodes = 1 }), -EINVAL);
	cr_assert_eq(made(&(struct hm_router){ 0 }, "a b"), -EINVAL);
	cr_assert_eq(hmt_stats(&scene.node).spawned, spawned);
	scene_end();
}

Test(engine_router_limits, hash__values_at_their_limits)
{
	struct hm_router config = { .kind = HM_ROUTER_HASH, .key = number_key };

	scene_start(1);
	config.virtual_nodes = HM_VIRTUAL_NODES_MAX;
	cr_assert_eq(made(&config, NULL), 0);
	config.virtual_nodes++;
	cr_assert_eq(made(&config, NULL), -EINVAL);
	config.virtual_nodes = 1;
	config.bound = HM_ROUTER_BOUND_MIN - 1;
	cr_assert_eq(made(&config, NULL), -EINVAL);
	config.bound++;
	cr_assert_eq(made(&config, NULL), 0);
	config.bound = HM_ROUTER_BOUND_MAX;
	cr_assert_eq(made(&config, NULL), 0);
	config.bound++;
	cr_assert_eq(made(&config, NULL), -EINVAL);
	scene_end();
}

Test(engine_router_limits, name__taken_costs_nothing)
{
	uint32_t live;

	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 2);
	live = scene.node.sys->lcores[0]->cells.live;
	for (uint32_t i = 0; i < 2 * HM_ROUTERS_MAX; i++)
		cr_assert_eq(made(&(struct hm_router){ 0 }, "router"), -EEXIST);
	cr_assert_eq(scene.node.sys->lcores[0]->cells.live, live);
	cr_assert_eq(made(&(struct hm_router){ 0 }, NULL), 0);
	scene_end();
}

/* ---- Numbers ----------------------------------------------------------------------------------- */

Test(engine_router_limits, routers__as_many_as_an_lcore_may_have)
{
	static struct hm_pid pids[HM_ROUTERS_MAX];

	scene_start(2);
	for (uint32_t i = 0; i < HM_ROUTERS_MAX; i++) {
		cr_assert_eq(hm_system_router_spawn(scene.node.sys, &(struct hm_router){ 0 }, NULL, &pids[i]),
			     0);
		for (uint32_t j = 0; j < i; j++)
			cr_assert_not(hm_pid_equal(pids[i], pids[j]));
	}
	cr_assert_eq(made(&(struct hm_router){ 0 }, NULL), -ENOSPC);
	hmt_stop(&scene.node, pids[77]);
	cr_assert_eq(hm_system_router_spawn(scene.node.sys, &(struct hm_router){ 0 }, NULL, &scene.router),
		     0);
	cr_assert_eq(hm_pid_slot(scene.router), hm_pid_slot(pids[77]));
	cr_assert_eq(made(&(struct hm_router){ 0 }, NULL), -ENOSPC);
	scene_end();
}

/* An ordinary actor never gets a slot of theirs. */
Test(engine_router_limits, slots__of_routers_are_for_routers_alone)
{
	struct hm_pid pid;

	scene_start(2);
	for (uint32_t i = 0; i < 3 * HM_ROUTERS_MAX; i++) {
		cr_assert_eq(hm_system_spawn(scene.node.sys, &any_props, NULL, NULL, &pid), 0);
		cr_assert_not(hm_pid_is_router(scene.node.sys, pid));
		if (i % 3 == 0)
			continue;
		hmt_stop(&scene.node, pid);
		if (i % 2 == 0)
			continue;
		cr_assert_eq(hm_system_router_spawn(scene.node.sys, &(struct hm_router){ 0 }, NULL, &pid), 0);
		cr_assert(hm_pid_is_router(scene.node.sys, pid));
		hmt_stop(&scene.node, pid);
	}
	scene_end();
}

Test(engine_router_limits, slot__whose_generations_are_used_up_is_not_used_again)
{
	struct hmi_cells *cells;
	struct hm_pid last, next;

	scene_start(1);
	cells = &scene.node.sys->lcores[0]->cells;
	cr_assert(hmi_cells_lend(cells));
	hmi_cells_unlend(cells);
	hmi_cells_slot(cells, HMI_CELLS_ROUTERS)->generation = UINT32_MAX;
	cr_assert_eq(hm_system_router_spawn(scene.node.sys, &(struct hm_router){ 0 }, NULL, &last), 0);
	cr_assert_eq(hm_pid_generation(last), UINT32_MAX);
	cr_assert_eq(hm_pid_slot(last), HMI_CELLS_ROUTERS);
	hmt_turn_until_idle(&scene.node);
	hmt_stop(&scene.node, last);
	cr_assert_eq(hm_system_router_spawn(scene.node.sys, &(struct hm_router){ 0 }, NULL, &next), 0);
	cr_assert_eq(hm_pid_slot(next), HMI_CELLS_ROUTERS + 1);
	cr_assert_eq(cells->retired, 1);
	scene_end();
}

/* A message for a router that has never been does not keep one from coming to be. */
Test(engine_router_limits, slot__that_a_made_up_message_has_taken_is_passed_over)
{
	struct hm_pid made_up, pid;

	scene_start(2);
	made_up = (struct hm_pid){ scene.senders[0].pid.node, hmi_local(0, HMI_CELLS_ROUTERS, 1) };
	hmt_number(&scene.node, made_up, 1);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(hm_system_router_spawn(scene.node.sys, &(struct hm_router){ 0 }, NULL, &pid), 0);
	cr_assert_eq(hm_pid_slot(pid), HMI_CELLS_ROUTERS + 1);
	hmt_node_drop(&scene.node);
}

Test(engine_router_limits, routees__as_many_as_a_pool_may_have)
{
	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, HM_ROUTEES_MAX);
	cr_assert_eq(routees()->count, HM_ROUTEES_MAX);
	numbers_from(0, 0, HM_ROUTEES_MAX);
	for (uint32_t i = 0; i < HM_ROUTEES_MAX; i += 100)
		cr_assert_eq(received(routees()->pids[i]), 1);
	cr_assert_eq(pool_adjust(1).error, -ENOSPC);
	cr_assert_eq(routee_add(scene.senders[0].pid).error, -ENOSPC);
	cr_assert_eq(made_of((struct hm_router){ .size = HM_ROUTEES_MAX + 1, .props = &any_props }), -EINVAL);
	cr_assert_eq(pool_adjust(-1).error, 0);
	cr_assert_eq(routee_add(scene.senders[0].pid).error, 0);
	cr_assert_eq(pool_adjust(1).error, -ENOSPC);
	cr_assert_eq(routees()->count, HM_ROUTEES_MAX);
	scene_end();
}

Test(engine_router_limits, ring__of_most_routees_and_places)
{
	scene_start(1);
	router_make(&(struct hm_router){ .kind = HM_ROUTER_HASH,
					 .size = HM_ROUTEES_MAX,
					 .props = &same_props,
					 .key = number_key,
					 .virtual_nodes = HM_VIRTUAL_NODES_MAX });
	log_clear();
	numbers_from(0, 0, 4000);
	cr_assert_eq(received_all(), 4000);
	cr_assert_eq(pool_adjust(-1).error, 0);
	cr_assert_eq(pool_adjust(1).error, 0);
	scene_end();
}

/* ---- Memory -------------------------------------------------------------------------------------- */

struct short_call {
	struct hoard hoard;
	uint32_t left, sent;
	bool by_kind;
	enum hm_result result;
};

/* All message memory is taken but for some. */
static void
broadcast_short(struct hm_ctx *ctx, void *arg)
{
	struct short_call *call = arg;
	uint64_t number = 5;

	hoard_all(ctx, &call->hoard);
	for (uint32_t i = 0; i < call->left; i++)
		hm_msg_free(ctx, call->hoard.msgs[--call->hoard.count]);
	call->sent = 99;
	if (call->by_kind)
		call->result = hm_send(ctx, scene.router, HMT_NUMBER, &number);
	else
		call->result = hm_router_broadcast(ctx, scene.router, HMT_NUMBER, &number, &call->sent);
	hoard_free(ctx, &call->hoard);
}

#define ROUTEES 10u

/* What fails is told, counted, and a dead letter each. */
static void
broadcast_with(uint32_t left, bool by_kind)
{
	static struct short_call call;
	uint64_t no_memory;
	uint32_t sent;

	call = (struct short_call){ .left = left, .by_kind = by_kind };
	scene_start_with(1, LITTLE, "");
	router_make(
		&(struct hm_router){ .kind = HM_ROUTER_BROADCAST, .size = ROUTEES, .props = &same_props });
	no_memory = hmt_stats(&scene.node).no_memory;
	hmt_do(&scene.node, scene.senders[0].pid, broadcast_short, &call);
	sent = received_all();
	cr_assert_leq(sent, left);
	cr_assert_gt(hmt_stats(&scene.node).no_memory, no_memory);
	if (left == 0) {
		cr_assert_eq(call.result, HM_NO_MEMORY);
		cr_assert_eq(sent, 0);
		cr_assert_eq(hmt_dead(&scene.node), 0);
	} else {
		cr_assert_eq(call.result, by_kind ? HM_OK : HM_NO_MEMORY);
		cr_assert_gt(sent, 0);
		cr_assert_eq(dead_of(HM_DEAD_NO_MEMORY), ROUTEES - sent);
	}
	if (!by_kind)
		cr_assert_eq(call.sent, sent, "%u", call.sent);
	/* There is some again. */
	log_clear();
	numbers_from(0, 1, 1);
	cr_assert_eq(received_all(), ROUTEES);
	scene_end();
}

Test(engine_router_limits, broadcast__without_message_memory)
{
	for (uint32_t left = 0; left < ROUTEES; left += 3) {
		broadcast_with(left, false);
		broadcast_with(left, true);
	}
}

/* ---- The heap, and slots ------------------------------------------------------------------------- */

/* There are no slots for routees: the router comes without them, and gets them when there are. */
Test(engine_router_limits, pool__without_slots_is_filled_later)
{
	struct hmt_slots slots;
	struct hmi_cells *cells;

	scene_start(1);
	cells = &scene.node.sys->lcores[0]->cells;
	slots = hmt_slots_use_all(cells);
	cr_assert_eq(hm_system_router_spawn(scene.node.sys,
					    &(struct hm_router){ .size = 3, .props = &same_props }, "router",
					    &scene.router),
		     0);
	hmt_slots_give_back(cells, &slots);
	hmt_number(&scene.node, scene.router, 1);
	hmt_turn_until_idle(&scene.node);
	hmt_elapse(&scene.node, 20000);
	cr_assert_eq(routees()->count, 3);
	numbers_from(0, 0, 3);
	cr_assert_eq(received_all() + dead_of(HM_DEAD_NO_ROUTEE), 4);
	cr_assert_geq(received_all(), 3);
	scene_end();
}

/* ---- Overload ---------------------------------------------------------------------------------------- */

/* A routee that is overloaded mutes who has sent to it: of what a thread has sent that is the router. */
Test(engine_router_limits, overload__holds_threads_up_and_not_the_router)
{
	struct hm_ctx *home;
	struct hmi_cell *cell;
	struct hm_pid muters[2];
	uint64_t number = 1;

	scene_start(2);
	pool_make(HM_ROUTER_ROUND_ROBIN, 2);
	home = scene.node.sys->lcores[0];
	cell = hmi_cells_at(&home->cells, scene.router.local);
	memcpy(muters, routees()->pids, sizeof(muters));
	cr_assert(hmi_pressure_mute(home, cell, muters[0]));
	cr_assert(hmi_pressure_mute(home, cell, muters[1]));
	cr_assert_not(hmi_pressure_mute(home, cell, muters[1]), "it is already");
	cr_assert_eq(hm_system_send(scene.node.sys, scene.router, HMT_NUMBER, &number), HM_WOULD_BLOCK);
	/* Actors still send, and the router still does what it is told. */
	numbers_from(0, 0, 2);
	numbers_from(1, 0, 2);
	cr_assert_eq(received_all(), 4);
	cr_assert_eq(pool_adjust(1).count, 3);
	hmi_pressure_unmute(home, cell, muters[0]);
	cr_assert_eq(hm_system_send(scene.node.sys, scene.router, HMT_NUMBER, &number), HM_WOULD_BLOCK);
	hmi_pressure_unmute(home, cell, muters[1]);
	cr_assert_eq(hm_system_send(scene.node.sys, scene.router, HMT_NUMBER, &number), HM_OK);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(received_all(), 5);
	/* One that ends is not full for ever. */
	cr_assert(hmi_pressure_mute(home, cell, muters[0]));
	hmt_stop(&scene.node, scene.router);
	cr_assert_eq(hm_system_send(scene.node.sys, scene.router, HMT_NUMBER, &number), HM_OK);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(atomic_load(&scene.node.sys->full.count), 0);
	scene_end();
}
