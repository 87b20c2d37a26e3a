/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_MOVE_H
#define TEST_ENGINE_MOVE_H

/*
 * Actors that move about four lcores, and what they have.
 */
#include <criterion/criterion.h>

#include "hm_extension.h"
#include "hm_move.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "rcu_pvt.h"

#define LCORES 4u

static struct hm_pid self_seen;
static uint32_t lcore_seen;

static inline void
look(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	self_seen = hm_self(ctx);
	lcore_seen = hm_lcore(ctx);
}

/* Where it lives, by its own words. */
static inline uint32_t
lcore_of(struct hmt_node *node, struct hm_pid pid)
{
	hmt_do(node, pid, look, NULL);
	cr_assert(hm_pid_equal(self_seen, pid), "it keeps its PID");
	return lcore_seen;
}

static inline void
move(struct hmt_node *node, struct hm_pid pid, uint32_t lcore)
{
	cr_assert_eq(hm_system_move(node->sys, pid, lcore), 0);
	hmt_turn_until_idle(node);
}

/* Which of these has a PID; one has. */
static inline uint32_t
probe_index(const struct hmt_probe *probes, uint32_t count, struct hm_pid pid)
{
	uint32_t i = 0;

	while (i < count && !hm_pid_equal(probes[i].pid, pid))
		i++;
	cr_assert_lt(i, count, "nobody's PID");
	return i;
}

/* A turn of one lcore alone. */
static inline void
turn_one(struct hmt_node *node, uint32_t lcore)
{
	hmi_rcu_enter();
	(void)hmi_worker_turn_alone(&node->sys->lcores[lcore]->worker);
	hmi_rcu_leave();
}

static inline void
ask_where(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER && !hm_pid_is_none(hm_sender(ctx)))
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
}

static inline void
request(struct hm_ctx *ctx, void *pid)
{
	uint64_t number = 7;

	cr_assert_eq(hm_request(ctx, *(struct hm_pid *)pid, HMT_NUMBER, &number), HM_OK);
}

static inline void
start_timers(struct hm_ctx *ctx, void *arg)
{
	struct hm_timer *timers = arg;
	uint64_t number = 1;
	uint64_t words[125] = { 2 };

	cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_NUMBER, &number, 1000, 0, &timers[0]), HM_OK);
	cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_BIG, words, 1500, 1000, &timers[1]), HM_OK);
	cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_EMPTY, NULL, 1000, 0, &timers[2]), HM_OK);
}

static uint32_t destroyed;

static inline void
value_destroy(void *value)
{
	(void)value;
	destroyed++;
}

static const struct hm_extension extension = { .name = "moved", .destroy = value_destroy };

static inline void
set_extension(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hm_actor_extension_set(ctx, &extension, arg), 0);
}

#endif /* TEST_ENGINE_MOVE_H */
