/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors that were to be muted while they moved, and that have ended: whoever has a slot of theirs later is muted as anybody
 * else. Plain sends name the sender's cell, so that its receiver might take the next one in it for one that waits already.
 */
#include "forward_pvt.h"
#include "hmt_hold.h"
#include "test_engine_move.h"

TestSuite(engine_move_mute_gone, .init = hmt_eal_start);

#define HIGH  20u
#define FLOOD (HIGH + 10u)

/* Lcores: of the receiver, which is held; where the mover was born, and where it goes to. */
#define RECEIVER 0u
#define HOME     1u
#define PLACE    2u
#define FURTHER  3u

struct scene {
	struct hmt_node node;
	struct hmt_probe receiver, mover, successor;
	struct hmt_probe parents
		[LCORES]; /* of the successor: a slot of its own lcore is the one that was freed last */
	struct hmt_deed flood;
};

static struct scene scene;

static void
flood(struct hm_ctx *ctx, void *pid)
{
	for (uint64_t i = 0; i < FLOOD; i++)
		cr_assert_eq(hm_send(ctx, *(struct hm_pid *)pid, HMT_NUMBER, &i), HM_OK);
}

/* The cell of an actor on the lcore where it lives. */
static struct hmi_cell *
cell_on(const struct hmt_node *node, struct hm_pid pid, uint32_t lcore)
{
	struct hm_ctx *ctx = node->sys->lcores[lcore];
	const struct hmi_route *route = hmi_route_find(ctx, pid.local);
	struct hmi_cell *cell = hmi_cell_live(ctx, route != NULL ? route->target : pid.local);

	cr_assert(cell != NULL && hmi_cell_is_actor(cell));
	return cell;
}

static bool
is_muted_on(const struct hmt_node *node, struct hm_pid pid, uint32_t lcore)
{
	return (cell_on(node, pid, lcore)->pending & HMI_PENDING_MUTED) != 0;
}

static void
scene_start(void)
{
	struct hmt_node *node = &scene.node;

	memset(&scene, 0, sizeof(scene));
	hmt_node_start_with(node, LCORES, 0, "--mailbox=20");
	hmt_probe_spawn(node, &scene.receiver, RECEIVER, NULL);
	for (uint32_t i = 0; i < LCORES; i++)
		hmt_probe_spawn(node, &scene.parents[i], i, NULL);
	hmt_probe_spawn(node, &scene.mover, HOME, NULL);
	hmt_turn_until_idle(node);
	scene.flood = (struct hmt_deed){ flood, &scene.receiver.pid };
}

/* All lcores but the receiver's. */
static void
turn_others(uint32_t times)
{
	for (uint32_t n = 0; n < times; n++) {
		for (uint32_t lcore = 0; lcore < LCORES; lcore++) {
			if (lcore != RECEIVER)
				turn_one(&scene.node, lcore);
		}
	}
}

/* The mover floods, and moves on before the receiver's lcore has seen anything of that. */
static void
flood_and_leave(uint32_t lcore)
{
	cr_assert_eq(hm_system_send(scene.node.sys, scene.mover.pid, HMT_DO, &scene.flood), HM_OK);
	turn_others(3);
	cr_assert_eq(hm_system_move(scene.node.sys, scene.mover.pid, lcore), 0);
	turn_others(6);
	cr_assert_eq(scene.receiver.count, 1);
}

static void
successor_spawn(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hmt_probe_child(ctx, &scene.successor, HMT_LCORE_SAME, NULL), 0);
}

/* Another one is born in a slot that the mover has had: it is muted if it floods, and released. */
static void
successor_check(uint32_t lcore, uint32_t slot)
{
	struct hmt_node *node = &scene.node;
	struct hmi_cell *cell;

	hmt_do(node, scene.parents[lcore].pid, successor_spawn, NULL);
	cr_assert_eq((uint32_t)(scene.successor.pid.local >> 32) & (HM_SLOTS_MAX - 1), slot,
		     "not in the same cell");
	cr_assert(!hmt_is_muted(node, scene.successor.pid));
	hmt_do(node, scene.successor.pid, flood, &scene.receiver.pid);
	hmt_do(node, scene.successor.pid, flood, &scene.receiver.pid);
	cr_assert(hmt_is_muted(node, scene.successor.pid), "it may send without end");
	for (uint32_t i = 0; i < LCORES; i++) {
		cell = hmi_cell_live(node->sys->lcores[i], scene.receiver.pid.local);
		if (cell == NULL || !hmi_cell_is_actor(cell))
			continue;
		cell->pending &= (uint8_t)~HMI_PENDING_FAILED;
		hmi_schedule(node->sys->lcores[i], cell);
	}
	hmt_turn_until_idle(node);
	cr_assert(!hmt_is_muted(node, scene.successor.pid));
	cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), 3 * FLOOD);
	hmt_node_end(node);
}

static uint32_t
slot_on(uint32_t lcore)
{
	return hmi_slot_of(scene.node.sys->lcores[lcore], cell_on(&scene.node, scene.mover.pid, lcore));
}

/* The order comes to its birthplace, is forwarded, and mutes it; and it ends while it is muted. */
Test(engine_move_mute_gone, mute__by_its_birthplace_leaves_no_licence_there)
{
	struct hmt_node *node = &scene.node;
	uint32_t slot;

	scene_start();
	slot = slot_on(HOME);
	hmt_hold(node, scene.receiver.pid);
	flood_and_leave(PLACE);
	hmt_turn_until_idle(node);
	cr_assert(is_muted_on(node, scene.mover.pid, PLACE));
	hmt_stop(node, scene.mover.pid);
	cr_assert_eq(hmt_seen_count(&scene.mover, HM_STOPPED), 1);
	successor_check(HOME, slot);
}

/* The order comes to a slot that it has had in between, and finds it gone from there. */
Test(engine_move_mute_gone, mute__by_a_place_that_it_has_left_leaves_no_licence_there)
{
	struct hmt_node *node = &scene.node;
	uint32_t slot;

	scene_start();
	move(node, scene.mover.pid, PLACE);
	slot = slot_on(PLACE);
	hmt_hold(node, scene.receiver.pid);
	cr_assert_eq(hm_system_send(node->sys, scene.mover.pid, HMT_DO, &scene.flood), HM_OK);
	turn_others(3);
	cr_assert_eq(hm_system_move(node->sys, scene.mover.pid, FURTHER), 0);
	/* Until it has just left. */
	for (uint32_t n = 0; hmi_cell_is_actor(hmi_cells_slot(&node->sys->lcores[PLACE]->cells, slot)); n++) {
		cr_assert_lt(n, 100);
		turn_one(node, n % 3 + 1);
	}
	turn_one(node, RECEIVER);
	turn_one(node, PLACE);
	hmt_turn_until_idle(node);
	successor_check(PLACE, slot);
}
