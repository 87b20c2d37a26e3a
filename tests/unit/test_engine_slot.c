/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots of actors: those of other lcores, which are held in advance, and those that are used again.
 */
#include "granted_pvt.h"
#include "hmt_death.h"
#include "hmt_shortage.h"
#include "slot_grant_pvt.h"
#include "test_engine_spawn.h"

TestSuite(engine_slot, .init = hmt_eal_start);

/* ---- Slots of other lcores -------------------------------------------------------------------- */

Test(engine_slot, spawn__many_on_another_lcore_before_anything_runs)
{
	enum {
		MANY = 3000
	};
	uint32_t alive = 0, *args = &alive;
	struct hmt_node node;

	hmt_node_start(&node, 3);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(hm_system_spawn(node.sys, &counted_there, NULL, &args, NULL), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(alive, MANY);
	hmt_node_end(&node);
	cr_assert_eq(alive, 0);
}

Test(engine_slot, spawn__many_from_an_actor_on_all_lcores)
{
	enum {
		MANY = 3000
	};
	static struct hmt_probe parent;
	uint32_t alive = 0, *args = &alive;
	struct order order = { .props = &counted_any, .args = &args, .count = MANY };
	struct hmt_node node;

	hmt_node_start(&node, 3);
	hmt_probe_spawn(&node, &parent, 1, NULL);
	hmt_do(&node, parent.pid, spawn_order, &order);
	cr_assert_eq(order.done, MANY);
	cr_assert_eq(alive, MANY);
	hmt_stop(&node, parent.pid);
	cr_assert_eq(alive, 0);
	cr_assert_eq(parent.count, MANY + 3, "started, stopping, each child, stopped");
	hmt_node_end(&node);
}

/* One turn of one lcore. */
static void
lcore_turn(struct hmt_node *node, uint32_t lcore)
{
	rcu_register_thread();
	hmi_worker_turn(&node->sys->lcores[lcore]->worker);
	rcu_unregister_thread();
}

/* A node with an actor on lcore 0, which will spawn. */
static void
parent_start(struct hmt_node *node, uint32_t lcores, struct hmt_probe *parent)
{
	hmt_node_start(node, lcores);
	hmt_probe_spawn(node, parent, 0, NULL);
	hmt_turn_until_idle(node);
}

/* Have the parent spawn, in one turn of its lcore; no other lcore turns. */
static int
order_in_one_turn(struct hmt_node *node, struct hm_pid parent, struct order *order)
{
	struct hmt_deed deed = { spawn_order, order };

	cr_assert_eq(hm_system_send(node->sys, parent, HMT_DO, &deed), HM_OK);
	lcore_turn(node, 0);
	return order->rc;
}

/* In one turn, on all lcores: none is refused for want of a slot. */
Test(engine_slot, spawn__two_thousand_in_one_turn_of_an_lcore)
{
	static struct hmt_probe parent;
	uint32_t alive = 0, *args = &alive;
	struct order order = { .props = &counted_any, .args = &args, .count = 2000 };
	struct hmt_node node;

	parent_start(&node, 3, &parent);
	cr_assert_eq(order_in_one_turn(&node, parent.pid, &order), 0);
	cr_assert_eq(order.done, 2000);
	hmt_turn_until_idle(&node);
	cr_assert_eq(alive, 2000);
	hmt_node_end(&node);
}

/* However many they are, before their lcore turns. */
Test(engine_slot, spawn__three_hundred_thousand_on_another_lcore_in_one_turn, .timeout = 120)
{
	enum {
		MANY = 300000
	};
	static struct hmt_probe parent;
	uint32_t alive = 0, *args = &alive;
	struct order order = { .props = &counted_there, .args = &args, .count = MANY };
	struct hmt_node node;
	uint32_t end;

	parent_start(&node, 2, &parent);
	for (int round = 1; round <= 3; round++) {
		cr_assert_eq(order_in_one_turn(&node, parent.pid, &order), 0);
		cr_assert_eq(order.done, (uint32_t)round * MANY);
		hmt_turn_until_idle(&node);
		cr_assert_eq(alive, MANY);
		end = hmi_cells_end(&node.sys->lcores[1]->cells);
		/* The slots of those that have ended are used before others. */
		cr_assert_leq(end, MANY + 5 * HMI_SLOT_BATCH, "round %d: %u slots", round, end);
		hmt_stop(&node, parent.pid);
		cr_assert_eq(alive, 0);
		parent = (struct hmt_probe){ 0 };
		hmt_probe_spawn(&node, &parent, 0, NULL);
		hmt_turn_until_idle(&node);
	}
	hmt_node_end(&node);
}

/* As if nearly all slots of an lcore were taken: so many were never used. */
static void
never_used_leave(struct hmt_node *node, uint32_t lcore, uint32_t count)
{
	struct hmi_cells *cells = &node->sys->lcores[lcore]->cells;

	cells->lost += HM_SLOTS_MAX - count - cells->bank->next;
	cells->bank->next = HM_SLOTS_MAX - count;
}

static struct hm_pid
spawn_or_none(struct hmt_node *node, struct hm_pid parent, struct order *order)
{
	order->pid = hm_pid_none();
	return order_in_one_turn(node, parent, order) == 0 ? order->pid : hm_pid_none();
}

Test(engine_slot, spawn__takes_the_last_slot_of_an_lcore_and_no_more)
{
	static struct hmt_probe parent;
	uint32_t alive = 0, *args = &alive;
	struct order order = { .props = &counted_there, .args = &args, .count = 1 };
	struct hm_pid last = hm_pid_none(), pid;
	struct hmt_node node;

	parent_start(&node, 2, &parent);
	never_used_leave(&node, 1, 1000);
	while (!hm_pid_is_none(pid = spawn_or_none(&node, parent.pid, &order)))
		last = pid;
	cr_assert_eq(order.rc, -ENOMEM);
	cr_assert_eq(order.done, 1000);
	cr_assert_eq(hm_pid_slot(last), HM_SLOTS_MAX - 1);
	/* Nothing is left behind of one that was refused; its name neither. */
	order.name = "late";
	cr_assert_eq(order_in_one_turn(&node, parent.pid, &order), -ENOMEM);
	hmt_turn_until_idle(&node);
	cr_assert_eq(alive, 1000);
	cr_assert_eq(hm_lookup(node.sys, "/user/late", &pid), -ENOENT);
	/* All but what lcore 1 keeps itself. */
	hmt_stop(&node, parent.pid);
	parent = (struct hmt_probe){ 0 };
	hmt_probe_spawn(&node, &parent, 0, NULL);
	hmt_turn_until_idle(&node);
	order.name = NULL;
	order.done = 0;
	while (!hm_pid_is_none(spawn_or_none(&node, parent.pid, &order)))
		;
	cr_assert_geq(order.done, 1000 - 3 * HMI_SLOT_BATCH);
	hmt_turn_until_idle(&node);
	cr_assert_eq(alive, order.done);
	hmt_node_end(&node);
}

/* Slots that its own actors have used serve other lcores as well. */
Test(engine_slot, bank__has_the_slots_of_actors_that_have_ended)
{
	static struct hmt_probe parents[2];
	uint32_t alive = 0, *args = &alive;
	struct order here = { .props = &counted_here, .args = &args, .count = 2000 };
	struct order there = { .props = &counted_there, .args = &args, .count = 1 };
	struct hmt_node node;

	parent_start(&node, 2, &parents[0]);
	hmt_do(&node, hmt_probe_spawn(&node, &parents[1], 1, NULL), spawn_order, &here);
	hmt_stop(&node, parents[1].pid);
	never_used_leave(&node, 1, 0);
	while (!hm_pid_is_none(spawn_or_none(&node, parents[0].pid, &there)))
		;
	cr_assert_geq(there.done, 2000 - 3 * HMI_SLOT_BATCH);
	hmt_turn_until_idle(&node);
	cr_assert_eq(alive, there.done);
	hmt_node_end(&node);
}

/* And its own again, when it has no other ones. */
Test(engine_slot, bank__gives_slots_back_to_their_lcore)
{
	static struct hmt_probe parent, other;
	uint32_t alive = 0, *args = &alive;
	struct order order = { .props = &counted_here, .args = &args, .count = 2000 };
	struct hmt_node node;
	struct hmi_cells *cells;

	parent_start(&node, 2, &other);
	cells = &node.sys->lcores[0]->cells;
	hmt_do(&node, hmt_probe_spawn(&node, &parent, 0, NULL), spawn_order, &order);
	hmt_stop(&node, parent.pid);
	cr_assert_gt(cells->bank->count, 1000);
	never_used_leave(&node, 0, 0);
	hmt_do(&node, other.pid, spawn_order, &order);
	cr_assert_eq(order.rc, 0);
	cr_assert_eq(alive, 2000);
	cr_assert_eq(cells->bank->count, 0);
	hmt_node_end(&node);
}

/* A PID that somebody has made up: its message waits, as one that has overtaken a spawn, and costs the slot. */
Test(engine_slot, bank__a_slot_that_a_made_up_pid_names_is_left_alone)
{
	static struct hmt_probe parent;
	uint32_t alive = 0, *args = &alive;
	struct order order = { .props = &counted_here, .args = &args, .count = 2000 };
	struct hmt_node node;
	struct hmi_cells *cells;
	struct hm_pid made_up;

	parent_start(&node, 2, &parent);
	cells = &node.sys->lcores[0]->cells;
	hmt_do(&node, parent.pid, spawn_order, &order);
	hmt_stop(&node, parent.pid);
	cr_assert_gt(cells->bank->count, 0);
	made_up = (struct hm_pid){ hm_system_node(node.sys), cells->bank->slots[0] };
	hmt_number(&node, made_up, 1);
	made_up.local = cells->bank->slots[1];
	cr_assert_eq(hm_system_stop_actor(node.sys, made_up), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_probe_spawn(&node, &parent, 0, NULL);
	hmt_turn_until_idle(&node);
	order.done = 0;
	hmt_do(&node, parent.pid, spawn_order, &order);
	cr_assert_eq(order.done, 2000);
	cr_assert_eq(alive, 2000);
	cr_assert_eq(cells->bank->count, 0);
	hmt_stop(&node, parent.pid);
	hm_system_stop(node.sys);
	hmt_turn_until_idle(&node);
	hmt_system_drain(node.sys);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_SHUTDOWN], 1);
	hmt_node_drop(&node);
}

static void
tell_friend(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *probes = arg; /* the friend, the child */

	cr_assert_eq(hmt_probe_child(ctx, &probes[1], 2, NULL), 0);
	cr_assert_eq(hm_send(ctx, probes[0].pid, HMT_EMPTY, NULL), HM_OK);
}

static void
write_to_child(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hmt_probe *child = probe->arg;
	uint64_t number = 77;

	if (hm_msg_type(msg) != HMT_EMPTY)
		return;
	cr_assert_eq(hm_send(ctx, child->pid, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_watch(ctx, child->pid), HM_OK);
	hm_stop(ctx, child->pid);
	cr_assert_eq(hm_poison(ctx, child->pid), HM_OK);
}

/* A parent on lcore 0, and its friend on lcore 1, who writes to the child on lcore 2 that it is told of. */
static void
friends_start(struct hmt_node *node, struct hmt_probe *parent, struct hmt_probe *probes)
{
	*parent = probes[1] = (struct hmt_probe){ 0 };
	probes[0] = (struct hmt_probe){ .on_msg = write_to_child, .arg = &probes[1] };
	hmt_node_start(node, 3);
	hmt_probe_spawn(node, &probes[0], 1, NULL);
	hmt_probe_spawn(node, parent, 0, NULL);
	hmt_turn_until_idle(node);
}

/* The parent's lane to lcore 2 is not looked at, the friend's is. */
static void
overtake(struct hmt_node *node, const struct hmt_probe *parent, const struct hmt_deed *deed)
{
	struct hm_ctx *there = node->sys->lcores[2];

	cr_assert_eq(hm_system_send(node->sys, parent->pid, HMT_DO, deed), HM_OK);
	lcore_turn(node, 0);
	lcore_turn(node, 1);
	cr_assert_eq(there->worker.lanes_in_count, 2);
	RTE_SWAP(there->worker.lanes_in[0], there->worker.lanes_in[1]);
	there->worker.lanes_in_count = 1;
	lcore_turn(node, 2);
	there->worker.lanes_in_count = 2;
	RTE_SWAP(there->worker.lanes_in[0], there->worker.lanes_in[1]);
}

Test(engine_slot, granted__what_overtakes_the_spawn_waits_for_it)
{
	static struct hmt_probe parent, probes[2];
	const struct hmt_deed deed = { tell_friend, probes };
	struct hmt_node node;

	friends_start(&node, &parent, probes);
	overtake(&node, &parent, &deed);
	cr_assert_eq(probes[1].count, 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(probes[1].seen[0].type, HM_STARTED);
	cr_assert_eq(hmt_seen_count(&probes[1], HM_STOPPED), 1);
	cr_assert_eq(hmt_seen_count(&probes[0], HM_TERMINATED), 1);
	cr_assert_eq(hmt_seen_last(&probes[0], HM_TERMINATED)->terminated.reason, HM_TERMINATED_STOPPED);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 1, "stop overtakes the number");
	hmt_node_end(&node);
}

static void
tell_friend_of_big(struct hm_ctx *ctx, void *arg)
{
	static const struct hm_props big = { .receive = counted_receive,
					     .state_size = 1000,
					     .lcore = HM_LCORE(2) };
	struct hmt_probe *probes = arg;

	cr_assert_eq(hm_spawn(ctx, &big, NULL, NULL, &probes[1].pid), 0);
	cr_assert_eq(hm_send(ctx, probes[0].pid, HMT_EMPTY, NULL), HM_OK);
}

Test(engine_slot, granted__what_overtakes_a_spawn_that_finds_no_memory_is_told)
{
	static struct hmt_probe parent, probes[2];
	const struct hmt_deed deed = { tell_friend_of_big, probes };
	struct hmt_node node;

	friends_start(&node, &parent, probes);
	overtake(&node, &parent, &deed);
	hmt_memory_refuse();
	hmt_turn_until_idle(&node);
	hmt_memory_allow();
	cr_assert_eq(hmt_seen_last(&parent, HM_TERMINATED)->terminated.reason, HM_TERMINATED_FAILED);
	cr_assert_eq(hmt_seen_count(&probes[0], HM_TERMINATED), 1);
	cr_assert_eq(hmt_seen_last(&probes[0], HM_TERMINATED)->terminated.reason, HM_TERMINATED_NOT_FOUND);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_MEMORY], 1, "the number");
	hmt_node_end(&node);
}

/* Spawns are lost with the system: at each turn something else is under way. */
Test(engine_slot, destroy__with_spawns_under_way)
{
	enum {
		MANY = 300
	};
	for (int turns = 0; turns < 12; turns++) {
		static struct hmt_probe parent;
		uint32_t alive = 0, *args = &alive;
		struct order order = { .props = &counted_there, .args = &args, .count = MANY };
		struct hmt_deed deed = { spawn_order, &order };
		struct hmt_node node;

		hmt_node_start(&node, 2);
		hmt_probe_spawn(&node, &parent, 0, NULL);
		hmt_turn_until_idle(&node);
		cr_assert_eq(hm_system_send(node.sys, parent.pid, HMT_DO, &deed), HM_OK);
		/* By turns of one lcore: a turn of the system leaves nothing in a lane for long. */
		for (int i = 0; i < turns; i++)
			lcore_turn(&node, (uint32_t)i % 2);
		hmt_node_drop(&node);
	}
}

/* A slot of a spawn that was lost counts, or one that was used without a spawn does not. */
static void
slots_miscount(void *difference)
{
	struct hmt_node node;
	uint64_t local;

	hmt_node_start(&node, 2);
	cr_assert_eq(hmi_grant_peek(node.sys->lcores[0], 1, &local), 0);
	hmi_grant_use(node.sys->lcores[0], 1);
	if (*(int *)difference == 0)
		hmi_grant_lost(node.sys, local);
	hm_system_destroy(node.sys);
}

Test(engine_slot, destroy__asserts_that_no_slot_was_lost)
{
	int difference = 0, status;
	char text[4096];

	cr_assert_eq(WEXITSTATUS(hmt_death(slots_miscount, &difference, text, sizeof(text))), HMT_SURVIVED,
		     "a slot of a lost spawn: %s", text);
	difference = 1;
	status = hmt_death(slots_miscount, &difference, text, sizeof(text));
	cr_assert(hmt_aborted(status), "status 0x%x", (unsigned int)status);
	cr_assert_not_null(strstr(text, "hmi_grants_check: assertion failed: cells->live"), "%s", text);
}

/* ---- Generations ---------------------------------------------------------------------------- */

static void
slot_take_twice(void *cells)
{
	if (hmi_cells_take(cells, 7) != NULL)
		(void)hmi_cells_take(cells, 7);
}

static void
slot_put_twice(void *cells)
{
	struct hmi_cell *cell = hmi_cells_get(cells);

	cell->ops = &hmi_granted_ops;
	hmi_cells_put(cells, cell, HM_DEAD_NO_PROCESS);
	hmi_cells_put(cells, cell, HM_DEAD_NO_PROCESS);
}

static void
cells_die(void (*fn)(void *cells), const char *expression)
{
	struct hmi_cells cells;
	char text[4096];
	int status;

	cr_assert_eq(hmi_cells_create(&cells), 0);
	status = hmt_death(fn, &cells, text, sizeof(text));
	cr_assert(hmt_aborted(status), "status 0x%x: %s", (unsigned int)status, text);
	cr_assert_not_null(strstr(text, expression), "%s", text);
	hmi_cells_destroy(&cells);
}

Test(engine_slot, cells__assert_that_a_slot_is_taken_and_put_once)
{
	cells_die(slot_take_twice, "hmi_cells_take: assertion failed: cell->generation == 0");
	cells_die(slot_put_twice, "hmi_cells_put: assertion failed: !hmi_cell_is_free(cell)");
}

/* ---- Slots ------------------------------------------------------------------------------ */

Test(engine_slot, slot__is_used_again_under_another_pid)
{
	static struct hmt_probe first, second;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_stop(&node, hmt_probe_spawn(&node, &first, 0, NULL));
	hmt_probe_spawn(&node, &second, 0, NULL);
	cr_assert_eq(hm_pid_slot(first.pid), hm_pid_slot(second.pid));
	cr_assert_not(hm_pid_equal(first.pid, second.pid));
	hmt_number(&node, first.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&second, HMT_NUMBER), 0);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_PROCESS], 1);
	hmt_node_end(&node);
}

Test(engine_slot, slot__whose_generations_are_used_up_is_not_used_again)
{
	static struct hmt_probe first, second;
	struct hm_pid last;
	struct hmi_cell *cell;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &first, 0, NULL);
	hmt_turn_until_idle(&node);
	hmt_stop(&node, first.pid);
	/* The slot's next process is its last. */
	cell = hmi_cells_at(&node.sys->lcores[0]->cells, first.pid.local);
	cell->generation = UINT32_MAX;
	last = hmt_probe_spawn(&node, &second, 0, NULL);
	cr_assert_eq(hm_pid_generation(last), UINT32_MAX);
	hmt_turn_until_idle(&node);
	hmt_stop(&node, last);
	second = (struct hmt_probe){ 0 };
	hmt_probe_spawn(&node, &second, 0, NULL);
	cr_assert_neq(hm_pid_slot(second.pid), hm_pid_slot(last));
	/* Nor does a PID of generation 0 name anybody. */
	last.local &= ~(uint64_t)UINT32_MAX;
	hmt_number(&node, last, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_PROCESS], 1);
	hmt_node_end(&node);
}

Test(engine_slot, pid__of_any_bits_names_nobody)
{
	static const uint64_t locals[] = { 0,
					   5,
					   UINT64_MAX,
					   (uint64_t)1 << 56,
					   (uint64_t)2 << 56,
					   0xffffffull << 32 | 1,
					   (uint64_t)254 << 56 | 1 };
	static struct hmt_probe probe;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	for (size_t i = 0; i < RTE_DIM(locals); i++) {
		struct hm_pid pid = { hm_system_node(node.sys), locals[i] };
		enum hm_result result = hm_system_send(node.sys, pid, HMT_EMPTY, NULL);

		cr_assert(result == HM_OK || result == HM_NO_RECEIVER);
		hmt_do(&node, probe.pid, hmt_watch, &pid);
		cr_assert_eq(hmt_seen_last(&probe, HM_TERMINATED)->terminated.reason,
			     HM_TERMINATED_NOT_FOUND);
		hmt_do(&node, probe.pid, hmt_stop_that, &pid);
	}
	cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), RTE_DIM(locals));
	hmt_node_end(&node);
}

Test(engine_slot, lcore_process__obeys_no_actor)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_pid core;

	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	core = (struct hm_pid){ hm_system_node(node.sys), hmi_local(1, HMI_SLOT_LCORE, 1) };
	hmt_do(&node, probe.pid, hmt_stop_that, &core);
	hmt_number(&node, core, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_PROCESS], 1);
	probe = (struct hmt_probe){ 0 };
	hmt_probe_spawn(&node, &probe, 1, NULL);
	hmt_turn_until_idle(&node);
	cr_assert_eq(probe.count, 1, "lcore 1 still spawns");
	hmt_node_end(&node);
}
