/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A burst that is longer than a lane, to a receiver that is slow to begin; then nothing more is sent.
 *
 *     sender ══ lane, full ══▶ receiver     the rest waits at the sender, whose lcore has nothing else to do
 *
 * The sender's lcore may sleep, but not on what waits for room: all arrives without another wake-up.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hermod.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define ITEMS_MIN  10000u
#define ITEMS_MAX  30000u
#define DELAY_MAX  40u /* ms */
#define POLL_NS    1000000
#define PATIENCE   20000u /* polls */
#define REPETITION 3u     /* at least */

enum type {
	START = HM_TYPE_USER, /* body: struct burst */
	ITEM,                 /* body: ms that its receiver sleeps first */
};

struct burst {
	uint32_t items, delay;
};

static struct hm_pid receiver;
static _Atomic uint32_t received; /* no order: only its value matters */

static void
pause_ns(long ns)
{
	struct timespec pause = { .tv_nsec = ns };

	nanosleep(&pause, NULL);
}

static void
receiver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) != ITEM)
		return;
	if (*(const uint32_t *)hm_msg_body(msg) != 0)
		pause_ns(*(const uint32_t *)hm_msg_body(msg) * 1000000l);
	atomic_fetch_add_explicit(&received, 1, memory_order_relaxed);
}

static void
sender_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct burst burst;

	(void)state;
	if (hm_msg_type(msg) != START)
		return;
	burst = *(const struct burst *)hm_msg_body(msg);
	for (uint32_t i = 0; i < burst.items; i++) {
		if (hm_send(ctx, receiver, ITEM, &burst.delay) != HM_OK)
			abort();
		burst.delay = 0;
	}
}

/* Returns whether all arrived. */
static bool
burst_run(struct hm_system *sys, struct hm_pid sender, const struct burst *burst)
{
	static uint32_t expected;

	expected += burst->items;
	if (hm_system_send(sys, sender, START, burst) != HM_OK)
		abort();
	for (uint32_t i = 0; i < PATIENCE; i++) {
		if (atomic_load_explicit(&received, memory_order_relaxed) == expected)
			return true;
		pause_ns(POLL_NS);
	}
	fprintf(stderr, "%" PRIu32 " of %" PRIu32 " messages arrived\n",
		atomic_load_explicit(&received, memory_order_relaxed), expected);
	return false;
}

static struct hm_system *
system_start(struct hm_pid *sender)
{
	static const struct hm_props sends = { .receive = sender_receive, .lcore = HM_LCORE(0) };
	static const struct hm_props receives = { .receive = receiver_receive, .lcore = HM_LCORE(1) };
	static const struct hm_type start = { .id = START, .name = "start", .size = sizeof(struct burst) };
	static const struct hm_type item = { .id = ITEM, .name = "item", .size = sizeof(uint32_t) };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = 2 };
	struct hm_system *sys;

	if (hm_system_create(&sys, 0, NULL, &config) != 0 || hm_type_register(sys, &start) != 0 ||
	    hm_type_register(sys, &item) != 0 ||
	    hm_system_spawn(sys, &receives, NULL, NULL, &receiver) != 0 ||
	    hm_system_spawn(sys, &sends, NULL, NULL, sender) != 0 || hm_system_start(sys) != 0)
		abort();
	return sys;
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(0);
	struct hm_pid sender;
	struct hm_system *sys;
	uint32_t bursts;
	bool all = true;

	hmt_eal_start_with(3, 256);
	sys = system_start(&sender);
	for (bursts = 0; all && (bursts < REPETITION || !hmt_stress_is_over(&stress)); bursts++) {
		struct burst burst = { ITEMS_MIN + (uint32_t)hmt_random_below(&stress.random,
									      ITEMS_MAX - ITEMS_MIN),
				       1 + (uint32_t)hmt_random_below(&stress.random, DELAY_MAX) };

		all = burst_run(sys, sender, &burst);
	}
	printf("%" PRIu32 " bursts, %s\n", bursts, all ? "all arrived" : "some are stuck");
	if (!all)
		return EXIT_FAILURE;
	hm_system_stop(sys);
	if (hm_system_join(sys) != 0)
		return EXIT_FAILURE;
	hm_system_destroy(sys);
	return EXIT_SUCCESS;
}
