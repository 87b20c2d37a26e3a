/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back pressure of lanes: who sends to an lcore that hangs is muted, before message memory is used up.
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
#include "rcu_pvt.h"

TestSuite(engine_backlog, .init = hmt_eal_start);

#define LANE 64u /* messages in a lane */
#define MANY 20u /* that may wait for it, as in a mailbox */

static struct hmt_probe receiver, other, sender, bystander;

/* Lcores 0 and 1; senders are on lcore 0. */
static void
start_with(struct hmt_node *node, const char *options)
{
	receiver = other = sender = bystander = (struct hmt_probe){ 0 };
	hmt_node_start_with(node, 2, 0, options);
	hmt_probe_spawn(node, &receiver, 1, NULL);
	hmt_probe_spawn(node, &other, 0, NULL);
	hmt_probe_spawn(node, &sender, 0, NULL);
	hmt_probe_spawn(node, &bystander, 0, NULL);
	hmt_turn_until_idle(node);
}

static void
start(struct hmt_node *node)
{
	start_with(node, "--lane 64 --mailbox 20");
}

/* One lcore turns, the other one hangs. */
static void
lcore_turn_alone(const struct hmt_node *node, uint32_t lcore, uint32_t turns)
{
	hmi_rcu_enter();
	for (uint32_t i = 0; i < turns; i++)
		hmi_worker_turn_alone(&node->sys->lcores[lcore]->worker);
	hmi_rcu_leave();
}

static void
turn_alone(const struct hmt_node *node, uint32_t turns)
{
	lcore_turn_alone(node, 0, turns);
}

struct deed {
	const struct hmt_probe *to;
	uint32_t count;
};

static void
send_numbers(struct hm_ctx *ctx, void *arg)
{
	const struct deed *deed = arg;

	for (uint64_t i = 0; i < deed->count; i++)
		cr_assert_eq(hm_send(ctx, deed->to->pid, HMT_NUMBER, &i), HM_OK);
}

/* Have an actor of lcore 0 do something, while lcore 1 hangs. */
static void
do_alone(struct hmt_node *node, const struct hmt_probe *who, void (*fn)(struct hm_ctx *ctx, void *arg),
	 struct deed deed)
{
	static struct deed arg;
	struct hmt_deed body = { fn, &arg };

	arg = deed;
	cr_assert_eq(hm_system_send(node->sys, who->pid, HMT_DO, &body), HM_OK);
	turn_alone(node, 5);
}

static void
send_alone(struct hmt_node *node, const struct hmt_probe *from, const struct hmt_probe *to, uint32_t count)
{
	do_alone(node, from, send_numbers, (struct deed){ to, count });
}

static bool
is_muted(const struct hmt_node *node, const struct hmt_probe *probe)
{
	return hmt_is_muted(node, probe->pid);
}

Test(engine_backlog, lane__that_is_full_mutes_who_sends)
{
	struct hmt_node node;

	start(&node);
	send_alone(&node, &sender, &receiver, LANE + MANY);
	cr_assert(!is_muted(&node, &sender), "as many as may wait");
	send_alone(&node, &sender, &receiver, 1);
	cr_assert(is_muted(&node, &sender), "one more");
	send_alone(&node, &sender, &receiver, 5);
	cr_assert_eq(node.sys->lcores[0]->worker.lanes_out[1].overflow.count, MANY + 1, "it sends on");
	hmt_turn_until_idle(&node);
	cr_assert(!is_muted(&node, &sender));
	cr_assert_eq(hmt_seen_count(&receiver, HMT_NUMBER), LANE + MANY + 1 + 5);
	cr_assert_null(node.sys->lcores[0]->backlog);
	hmt_node_end(&node);
}

/* Lcores that record all messages, or have a balancer, have run stages of their own. */
Test(engine_backlog, lane__that_is_full_mutes_with_every_run_stage)
{
	static const char *const options[] = { "--lane 64 --mailbox 20 --record all",
					       "--lane 64 --mailbox 20 --balance 10",
					       "--lane 64 --mailbox 20 --balance 10 --record all" };
	struct hmt_node node;

	for (uint32_t i = 0; i < 3; i++) {
		start_with(&node, options[i]);
		send_alone(&node, &sender, &receiver, LANE + MANY + 1);
		cr_assert(is_muted(&node, &sender), "%s", options[i]);
		hmt_turn_until_idle(&node);
		cr_assert(!is_muted(&node, &sender), "%s", options[i]);
		hmt_node_end(&node);
	}
}

/* The lane's buffer is flushed when it is full, in the turn of somebody else: nothing waits any more when the turn ends. */
Test(engine_backlog, muted__goes_on_when_the_lane_has_drained_amid_a_turn)
{
	const uint32_t lane = 2 * HMI_LANE_BUFFER;
	struct hmt_node node;

	start_with(&node, "--lane 128 --mailbox 20");
	send_alone(&node, &sender, &receiver, lane + MANY + 1);
	cr_assert(is_muted(&node, &sender));
	lcore_turn_alone(&node, 1, 2 * lane);
	cr_assert_eq(hmt_seen_count(&receiver, HMT_NUMBER), lane);
	send_alone(&node, &bystander, &receiver, HMI_LANE_BUFFER);
	cr_assert_eq(node.sys->lcores[0]->worker.lanes_out[1].overflow.count, 0);
	cr_assert(!is_muted(&node, &sender));
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&receiver, HMT_NUMBER), lane + MANY + 1 + HMI_LANE_BUFFER);
	hmt_node_end(&node);
}

/* Who has sent before it was full, or sends to other lcores, goes on. */
Test(engine_backlog, lane__that_is_full_mutes_no_others)
{
	struct hmt_node node;

	start(&node);
	send_alone(&node, &bystander, &receiver, MANY / 2);
	send_alone(&node, &sender, &receiver, LANE + MANY);
	send_alone(&node, &bystander, &other, MANY / 2);
	cr_assert(is_muted(&node, &sender));
	cr_assert(!is_muted(&node, &bystander));
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), MANY / 2);
	send_alone(&node, &bystander, &receiver, 1);
	cr_assert(is_muted(&node, &bystander));
	cr_assert_eq(hmt_stats(&node).mutes, 2);
	hmt_turn_until_idle(&node);
	cr_assert(!is_muted(&node, &sender) && !is_muted(&node, &bystander));
	hmt_node_end(&node);
}

/* It handles its system lane. */
Test(engine_backlog, muted__actor_stops)
{
	struct hmt_node node;

	start(&node);
	send_alone(&node, &sender, &receiver, LANE + MANY + 1);
	cr_assert(is_muted(&node, &sender));
	cr_assert_eq(hm_system_stop_actor(node.sys, sender.pid), 0);
	turn_alone(&node, 5);
	cr_assert_eq(hmt_seen_count(&sender, HM_STOPPED), 1);
	cr_assert_null(node.sys->lcores[0]->backlog);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&receiver, HMT_NUMBER), LANE + MANY + 1);
	hmt_node_end(&node);
}

/* Of both it is released. */
Test(engine_backlog, muted__by_a_lane_and_by_a_mailbox)
{
	struct hmt_node node;

	start(&node);
	hmt_hold(&node, other.pid);
	send_alone(&node, &sender, &receiver, LANE + MANY + 1);
	cr_assert(is_muted(&node, &sender));
	hmt_turn_until_idle(&node);
	cr_assert(!is_muted(&node, &sender));
	send_alone(&node, &sender, &other, MANY + 1);
	cr_assert(is_muted(&node, &sender));
	hmt_turn_until_idle(&node);
	cr_assert(is_muted(&node, &sender), "the other one has not drained");
	hmt_let_go(&node, other.pid);
	hmt_turn_until_idle(&node);
	cr_assert(!is_muted(&node, &sender));
	hmt_node_end(&node);
}

static void
stop_often(struct hm_ctx *ctx, void *arg)
{
	const struct deed *deed = arg;

	for (uint32_t i = 0; i < deed->count; i++)
		hm_stop(ctx, deed->to->pid);
}

/* Nobody is held for what the engine sends. */
Test(engine_backlog, lane__with_system_messages_mutes_nobody)
{
	struct hmt_node node;

	start(&node);
	do_alone(&node, &sender, stop_often, (struct deed){ &receiver, LANE + 3 * MANY });
	cr_assert_gt(node.sys->lcores[0]->worker.lanes_out[1].overflow.count, MANY);
	cr_assert_eq(hmt_stats(&node).mutes, 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&receiver, HM_STOPPED), 1);
	hmt_node_end(&node);
}

Test(engine_backlog, drop__of_a_system_with_a_full_lane_loses_nothing)
{
	struct hmt_node node;

	start(&node);
	send_alone(&node, &sender, &receiver, LANE + 2 * MANY);
	cr_assert(is_muted(&node, &sender));
	hmt_system_drain(node.sys);
	hmt_books_check(node.sys);
	hmt_node_drop(&node);
}

/* Without memory to know whom it has muted, nobody is. */
Test(engine_backlog, mute__without_memory_mutes_nobody)
{
	struct hmi_slab full;
	struct hmt_node node;
	struct hm_ctx *ctx;

	start(&node);
	ctx = node.sys->lcores[0];
	full = hmt_slab_drain(&ctx->links.slab);
	hmt_memory_refuse();
	send_alone(&node, &sender, &receiver, LANE + MANY + 1);
	hmt_memory_allow();
	ctx->links.slab = full;
	cr_assert(!is_muted(&node, &sender));
	cr_assert_null(ctx->backlog);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&receiver, HMT_NUMBER), LANE + MANY + 1);
	hmt_node_end(&node);
}
