/* SPDX-License-Identifier: Apache-2.0 */
#include "idle_pvt.h"

#include <sched.h>
#include <time.h>

#include <rte_pause.h>
#include <urcu-qsbr.h>

/* About 20 us of spinning and as much of pausing, at 10 and 40 ns an empty turn. */
#define SPIN_TURNS    2000u
#define PAUSE_TURNS   500u
#define CROWDED_TURNS 8u
#define YIELD_TURNS   16u
#define SLEEP_NS_MIN  1000u
#define SLEEP_NS_MAX  100000u

void
hmi_idle_init(struct hmi_idle *idle, enum hm_idle policy, bool crowded)
{
	idle->policy = policy;
	idle->empty_turns = 0;
	idle->spin_turns = crowded ? CROWDED_TURNS : SPIN_TURNS;
	idle->pause_turns = crowded ? 0 : PAUSE_TURNS;
	idle->sleep_ns = SLEEP_NS_MIN;
}

/* A sleeping lcore holds up no grace period. */
static void
give_core_away(uint64_t sleep_ns)
{
	struct timespec t = { .tv_sec = 0, .tv_nsec = (long)sleep_ns };

	rcu_thread_offline();
	if (sleep_ns == 0)
		sched_yield();
	else
		nanosleep(&t, NULL);
	rcu_thread_online();
}

static void
wait_adaptive(struct hmi_idle *idle, uint64_t until_ns)
{
	uint32_t turn = idle->empty_turns++;

	if (turn < idle->spin_turns)
		return;
	turn -= idle->spin_turns;
	if (turn < idle->pause_turns) {
		rte_pause();
		return;
	}
	turn -= idle->pause_turns;
	if (turn < YIELD_TURNS || until_ns < SLEEP_NS_MIN) {
		if (turn == 0)
			idle->sleep_ns = SLEEP_NS_MIN;
		give_core_away(0);
		return;
	}
	give_core_away(idle->sleep_ns < until_ns ? idle->sleep_ns : until_ns);
	if (idle->sleep_ns < SLEEP_NS_MAX)
		idle->sleep_ns *= 2;
	if (idle->sleep_ns > SLEEP_NS_MAX)
		idle->sleep_ns = SLEEP_NS_MAX;
	/* Stay in this stage however long it lasts. */
	idle->empty_turns--;
}

void
hmi_idle_wait(struct hmi_idle *idle, uint64_t until_ns)
{
	switch (idle->policy) {
	case HM_IDLE_SPIN:
		break;
	case HM_IDLE_PAUSE:
		rte_pause();
		break;
	case HM_IDLE_YIELD:
		give_core_away(0);
		break;
	case HM_IDLE_ADAPTIVE:
		wait_adaptive(idle, until_ns);
		break;
	}
}
