/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back pressure whose order to wait has not arrived, or was taken back by mistake: who sends on is told again.
 */
#include <criterion/criterion.h>

#include "actor_pvt.h"
#include "hm_mailbox.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_hold.h"
#include "hmt_shortage.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "pressure_record_pvt.h"
#include "rcu_pvt.h"

TestSuite(engine_pressure_again, .init = hmt_eal_start);

/* Fewer than an lcore takes from a lane in a turn. */
#define HIGH 20u
/* Messages with which a sender is told again, and how many of those beyond pass first. */
#define TWICE  (2 * (HIGH + 1))
#define BEYOND 15u

static const struct hm_mailbox marks = { .capacity = HIGH, .low = 5 };

static struct hmt_node node;
static struct hmt_probe receiver, sender;

static void
send_numbers(struct hm_ctx *ctx, void *count)
{
	for (uint64_t i = 0; i < *(uint32_t *)count; i++)
		cr_assert_eq(hm_send(ctx, receiver.pid, HMT_NUMBER, &i), HM_OK);
}

static void
ask_once(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1;

	(void)arg;
	cr_assert_eq(hm_ask(ctx, receiver.pid, HMT_NUMBER, &number, 1000000, hmt_ignore_reply, NULL), HM_OK);
}

/* A receiver that is held, and a sender on another lcore, or on the same. */
static void
start(uint32_t lcore)
{
	struct hmt_probe *args = &receiver;
	static struct hm_props props;

	receiver = sender = (struct hmt_probe){ 0 };
	props = *hmt_probe_props(0);
	props.mailbox = &marks;
	hmt_node_start(&node, 2);
	cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &args, &receiver.pid), 0);
	hmt_probe_spawn(&node, &sender, lcore, NULL);
	hmt_turn_until_idle(&node);
	hmt_hold(&node, receiver.pid);
}

static void
end(void)
{
	hmt_let_go(&node, receiver.pid);
	hmt_turn_until_idle(&node);
	cr_assert(!hmt_is_muted(&node, sender.pid));
	hmt_node_end(&node);
}

static uint32_t
waiting(void)
{
	return hmt_cell_of(&node, receiver.pid)->box.count;
}

/* Send one by one until the sender is muted. */
static void
send_until_muted(void)
{
	while (!hmt_is_muted(&node, sender.pid)) {
		cr_assert_leq(waiting(), 2 * TWICE, "it may send without end");
		hmt_do(&node, sender.pid, send_numbers, &(uint32_t){ 1 });
	}
}

/* One more message comes than may wait, while an lcore, the sender's or the receiver's, has no memory for what it knows. */
static void
overload_without_memory(uint32_t lcore)
{
	struct hm_ctx *ctx = node.sys->lcores[lcore];
	struct hmt_deed deed = { send_numbers, &(uint32_t){ 1 } };
	struct hmi_slab pressures, links;

	hmt_do(&node, sender.pid, send_numbers, &(uint32_t){ HIGH });
	pressures = hmt_slab_drain(&ctx->pressures);
	links = hmt_slab_drain(&ctx->links.slab);
	cr_assert_eq(hm_system_send(node.sys, sender.pid, HMT_DO, &deed), HM_OK);
	hmt_memory_refuse();
	for (int i = 0; i < 10; i++)
		hm_system_turn(node.sys);
	hmt_memory_allow();
	ctx->pressures = pressures;
	ctx->links.slab = links;
	cr_assert_eq(waiting(), HIGH + 1);
	cr_assert(!hmt_is_muted(&node, sender.pid));
}

/* Both have been overloaded, and muted, before. */
static void
start_again(void)
{
	start(1);
	hmt_do(&node, sender.pid, send_numbers, &(uint32_t){ HIGH + 1 });
	cr_assert(hmt_is_muted(&node, sender.pid));
	hmt_let_go(&node, receiver.pid);
	hmt_turn_until_idle(&node);
	cr_assert(!hmt_is_muted(&node, sender.pid));
	hmt_hold(&node, receiver.pid);
}

/* Its receiver thinks that it waits. */
Test(engine_pressure_again, mute__that_found_no_memory_at_the_sender)
{
	start_again();
	overload_without_memory(1);
	send_until_muted();
	cr_assert_eq(waiting(), TWICE + BEYOND);
	end();
}

/* The next message finds some. */
Test(engine_pressure_again, mute__that_found_no_memory_at_the_receiver)
{
	start(1);
	overload_without_memory(0);
	send_until_muted();
	cr_assert_eq(waiting(), HIGH + 2);
	end();
}

/* It knows whom it has looked at last, but could not note that it mutes it; and nobody else sends. */
Test(engine_pressure_again, mute__that_could_not_be_noted)
{
	start_again();
	overload_without_memory(0);
	send_until_muted();
	cr_assert_leq(waiting(), TWICE + BEYOND);
	end();
}

/* What was under way when it was told is no reason to tell it again. */
Test(engine_pressure_again, mute__is_said_once_to_who_waits)
{
	start(1);
	hmt_do(&node, sender.pid, send_numbers, &(uint32_t){ TWICE + BEYOND - 1 });
	cr_assert(hmt_is_muted(&node, sender.pid));
	cr_assert_eq(hmt_stats(&node).mutes, 1);
	end();
}

/* A turn of one lcore alone. */
static void
turn_one(uint32_t lcore)
{
	hmi_rcu_enter();
	(void)hmi_worker_turn_alone(&node.sys->lcores[lcore]->worker);
	hmi_rcu_leave();
}

/*
 * It was muted by the name of a future, and released; and is muted again, by its cell, in the turn in which the receiver
 * learns its actor's name: which that takes for one that is to be released.
 */
Test(engine_pressure_again, mute__that_was_taken_back_by_another_name)
{
	struct hmt_deed many = { send_numbers, &(uint32_t){ HIGH + 1 } };
	struct hmt_deed ask = { ask_once, NULL };

	start(1);
	hmt_do(&node, sender.pid, send_numbers, &(uint32_t){ HIGH });
	cr_assert_eq(hm_system_send(node.sys, sender.pid, HMT_DO, &ask), HM_OK);
	turn_one(1);
	turn_one(0);
	hmt_let_go(&node, receiver.pid);
	while (waiting() > 0)
		turn_one(0);
	hmt_hold(&node, receiver.pid);
	cr_assert_eq(hm_system_send(node.sys, sender.pid, HMT_DO, &many), HM_OK);
	turn_one(1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).mutes, 2);
	cr_assert_eq(waiting(), HIGH + 1);
	cr_assert(!hmt_is_muted(&node, sender.pid), "it was not taken back");
	send_until_muted();
	end();
}

/* ---- Who has sent without a name, and is gone ---------------------------------------------------- */

/* As a receiver does that looks only now at what an actor has sent that had the slot before. */
static void
mute_who_had_the_slot(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HMI_COMMAND_MUTE, sizeof(struct hmi_mute));

	*(struct hmi_mute *)hm_msg_body_mut(msg) =
		(struct hmi_mute){ { 0, (uintptr_t) * (struct hmi_cell **)arg }, receiver.pid };
	(void)hmi_post(ctx, hmi_lcore_process(ctx->sys, 0), msg);
}

Test(engine_pressure_again, mute__of_a_slot_that_a_future_has_by_now_leaves_its_owner)
{
	struct hmi_cell *future;

	start(0);
	hmt_do(&node, sender.pid, ask_once, NULL);
	future = hmi_cells_at(&node.sys->lcores[0]->cells,
			      hmt_cell_of(&node, receiver.pid)->box.head->sender.local);
	cr_assert(!hmi_cell_is_free(future) && !hmi_cell_is_actor(future));
	hmt_do(&node, sender.pid, mute_who_had_the_slot, &future);
	cr_assert(!hmt_is_muted(&node, sender.pid));
	end();
}
