/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of lcores, and time.
 *
 *     step: an lcore by the order ─▶ its turn ─▶ work: that was the step
 *                                        └─▶ none: it is quiet; when all are, three turns long, only time helps
 */
#include <time.h>

#include "lcore_setup_pvt.h"
#include "random_pvt.h"
#include "testkit_pvt.h"

#define STEPS_MAX 100000u

/* ---- Time ----------------------------------------------------------------------------------- */

static uint64_t
real_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t
hm_kit_now_ns(const struct hm_kit *kit)
{
	hmi_kit_check_pointer(kit, "hm_kit_now_ns");
	return kit->config.real_time ? real_now_ns() : kit->now_ns;
}

uint64_t
hmi_kit_until_ns(const struct hm_kit *kit, uint64_t us)
{
	uint64_t now_ns = hm_kit_now_ns(kit);

	return us < (UINT64_MAX - now_ns) / 1000 ? now_ns + us * 1000 : UINT64_MAX;
}

bool
hmi_kit_wait(struct hm_kit *kit, uint64_t until_ns)
{
	struct timespec until = { .tv_sec = (time_t)(until_ns / 1000000000u),
				  .tv_nsec = (long)(until_ns % 1000000000u) };

	return pthread_cond_timedwait(&kit->came, &kit->lock, &until) == 0;
}

/* A time before which no timer fires; UINT64_MAX: there is none. */
static uint64_t
timer_next_ns(const struct hm_kit *kit)
{
	uint64_t next_ns = UINT64_MAX;

	for (uint32_t i = 0; i < kit->sys->lcores_count; i++) {
		const struct hmi_wheel *wheel = &kit->sys->lcores[i]->worker.wheel;

		if (wheel->count > 0)
			next_ns = RTE_MIN(next_ns, hmi_wheel_next_ns(wheel));
	}
	return next_ns == UINT64_MAX ? next_ns : RTE_MAX(next_ns, kit->now_ns + 1);
}

/* ---- Order ---------------------------------------------------------------------------------- */

bool
hmi_kit_is_ready(const struct hm_kit *kit, uint32_t lcore)
{
	const struct hm_ctx *ctx = kit->sys->lcores[lcore];
	const struct hmi_worker *worker = &ctx->worker;

	for (uint32_t i = 0; i < worker->lanes_in_count; i++) {
		if (hmi_lane_is_ready(&worker->lanes_in[i]))
			return true;
	}
	return hmi_inject_count(&worker->inject) > 0 || hmi_worker_waiting(worker) > 0 ||
	       hmi_outbox_count(&ctx->outbox) > 0 || ctx->dead.head != NULL ||
	       worker->lanes_dirty_count > 0 ||
	       (worker->wheel.count > 0 && hmi_wheel_next_ns(&worker->wheel) <= kit->now_ns);
}

uint32_t
hmi_kit_unquiet(const struct hm_kit *kit, uint32_t lcore)
{
	uint32_t count = kit->sys->lcores_count;

	for (uint32_t i = 0; i < count; i++, lcore++) {
		if (kit->quiet[lcore % count] < HMI_KIT_QUIET)
			return lcore % count;
	}
	return UINT32_MAX;
}

static uint32_t
random_below(struct hm_kit *kit, uint32_t end)
{
	return (uint32_t)(hmi_random(&kit->random) % end);
}

/* Any order of what waits is one that could have come about: each may have waited for its first message longest. */
static void
shuffle(struct hm_kit *kit, struct hmi_runq *queue)
{
	for (uint32_t i = hmi_runq_count(queue); i > 1; i--) {
		struct hmi_runnable **last = &queue->ring[(queue->head + i - 1) & queue->mask];
		struct hmi_runnable **other =
			&queue->ring[(queue->head + random_below(kit, i)) & queue->mask];
		struct hmi_runnable *moved = *last;

		*last = *other;
		*other = moved;
	}
}

static uint32_t
pick(struct hm_kit *kit)
{
	uint32_t lcore;

	if (kit->explorer != NULL)
		return hmi_explorer_pick(kit->explorer, kit);
	if (kit->config.order == HM_KIT_IN_TURN)
		return hmi_kit_unquiet(kit, kit->next);
	lcore = hmi_kit_unquiet(kit, random_below(kit, kit->sys->lcores_count));
	if (lcore != UINT32_MAX)
		shuffle(kit, &kit->sys->lcores[lcore]->worker.runq);
	return lcore;
}

/* ---- Steps ---------------------------------------------------------------------------------- */

static uint32_t
turn(struct hm_kit *kit, uint32_t lcore)
{
	uint32_t work;

	kit->turning = kit->sys->lcores[lcore];
	work = hmi_system_turn_lcore(kit->sys, lcore);
	kit->turning = NULL;
	kit->next = lcore + 1;
	return work;
}

bool
hm_kit_step(struct hm_kit *kit)
{
	uint32_t lcore;

	hmi_kit_check_pointer(kit, "hm_kit_step");
	if (!hmi_kit_may(kit, "hm_kit_step") || !hmi_kit_start(kit) || kit->config.real_time)
		return false;
	/* The test may have sent something. */
	memset(kit->quiet, 0, sizeof(kit->quiet));
	while ((lcore = pick(kit)) != UINT32_MAX) {
		if (turn(kit, lcore) > 0) {
			if (kit->explorer != NULL)
				hmi_explorer_took(kit->explorer, lcore);
			(void)hmi_kit_tell(kit);
			return true;
		}
		kit->quiet[lcore] = (uint8_t)RTE_MIN(kit->quiet[lcore] + 1u, HMI_KIT_QUIET);
	}
	/* What is done from here on goes in the same order, whatever was done before. */
	kit->next = 0;
	return false;
}

/* Count a step. Returns false after a failure: there are too many. */
static bool
step_count(struct hm_kit *kit, uint64_t *steps)
{
	if (++*steps < STEPS_MAX)
		return true;
	hm_kit_fail(kit, "after %u steps there is still work, and no time has passed", STEPS_MAX);
	return false;
}

uint64_t
hm_kit_settle(struct hm_kit *kit)
{
	uint64_t steps = 0;

	hmi_kit_check_pointer(kit, "hm_kit_settle");
	if (!hmi_kit_may(kit, "hm_kit_settle"))
		return 0;
	while (hm_kit_step(kit) && step_count(kit, &steps))
		;
	return steps;
}

bool
hmi_kit_go_on(struct hm_kit *kit, uint64_t until_ns, uint64_t *steps)
{
	uint64_t next_ns;

	if (hm_kit_step(kit))
		return step_count(kit, steps);
	if (kit->now_ns >= until_ns)
		return false;
	next_ns = timer_next_ns(kit);
	kit->now_ns = RTE_MIN(next_ns, until_ns);
	*steps = 0;
	return true;
}

void
hmi_kit_sleep(uint64_t us)
{
	struct timespec left = { .tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000 * 1000) };

	/* allowed: this thread is no lcore */
	while (nanosleep(&left, &left) != 0)
		;
}

void
hm_kit_advance(struct hm_kit *kit, uint64_t us)
{
	uint64_t until_ns, steps = 0;

	hmi_kit_check_pointer(kit, "hm_kit_advance");
	until_ns = hmi_kit_until_ns(kit, us);
	if (!hmi_kit_may(kit, "hm_kit_advance") || !hmi_kit_start(kit))
		return;
	if (kit->config.real_time) {
		hmi_kit_sleep(us);
		(void)hmi_kit_tell(kit);
	}
	while (!kit->config.real_time && hmi_kit_go_on(kit, until_ns, &steps))
		;
}

bool
hm_kit_advance_next(struct hm_kit *kit)
{
	uint64_t next_ns, steps;

	hmi_kit_check_pointer(kit, "hm_kit_advance_next");
	if (!hmi_kit_may(kit, "hm_kit_advance_next"))
		return false;
	(void)hm_kit_settle(kit);
	if (kit->config.real_time)
		return false;
	/* What the wheel says is a time before which none fires. */
	do {
		next_ns = timer_next_ns(kit);
		if (next_ns == UINT64_MAX)
			return false;
		kit->now_ns = next_ns;
		steps = hm_kit_settle(kit);
	} while (steps == 0);
	return true;
}
