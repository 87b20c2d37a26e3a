/* SPDX-License-Identifier: Apache-2.0 */
#include "idle_pvt.h"

#include <sched.h>

#include <rte_common.h>
#include <urcu-qsbr.h>

/*
 * Some 50 to 200 us of spinning: an empty turn takes 30 to 50 ns, and 100 or more with looks at lanes or at a
 * port. Then some 50 us of pausing, which looks at no lane between turns.
 */
#define SPIN_TURNS    1500u
#define PAUSE_TURNS   500u
#define CROWDED_TURNS 8u
#define YIELD_TURNS   16u
/* What is nearer is not slept for: falling asleep and waking up take as long. */
#define SLEEP_NS_MIN 5000u
#define POLL_NS_MIN  1000u

void
hmi_idle_init(struct hmi_idle *idle, enum hm_idle policy, bool crowded)
{
	idle->policy = policy;
	idle->empty_turns = 0;
	idle->spin_turns = crowded ? CROWDED_TURNS : SPIN_TURNS;
	idle->pause_turns = crowded ? 0 : PAUSE_TURNS;
	idle->poll_ns = POLL_NS_MIN;
}

static enum hmi_idle_step
next_adaptive(struct hmi_idle *idle, uint64_t until_ns)
{
	uint32_t turn = idle->empty_turns++;

	if (turn < idle->spin_turns)
		return HMI_IDLE_TURN;
	turn -= idle->spin_turns;
	if (turn < idle->pause_turns)
		return HMI_IDLE_PAUSE;
	turn -= idle->pause_turns;
	if (turn == 0)
		idle->poll_ns = POLL_NS_MIN;
	if (turn < YIELD_TURNS)
		return HMI_IDLE_YIELD;
	/* Stay in this stage however long it lasts. */
	idle->empty_turns--;
	return until_ns < SLEEP_NS_MIN ? HMI_IDLE_YIELD : HMI_IDLE_SLEEP;
}

enum hmi_idle_step
hmi_idle_next(struct hmi_idle *idle, uint64_t until_ns)
{
	switch (idle->policy) {
	case HM_IDLE_SPIN:
		return HMI_IDLE_TURN;
	case HM_IDLE_PAUSE:
		return HMI_IDLE_PAUSE;
	case HM_IDLE_YIELD:
		return HMI_IDLE_YIELD;
	default:
		return next_adaptive(idle, until_ns);
	}
}

uint64_t
hmi_idle_poll_ns(struct hmi_idle *idle, uint64_t until_ns)
{
	uint64_t now_ns = idle->poll_ns;

	idle->poll_ns = RTE_MIN(idle->poll_ns * 2, HMI_IDLE_POLL_NS_MAX);
	return RTE_MIN(now_ns, until_ns);
}

/* A sleeping lcore holds up no grace period. */
void
hmi_idle_yield(void)
{
	rcu_thread_offline();
	sched_yield();
	rcu_thread_online();
}
