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

#define ITEMS      20000u
#define DELAY_NS   20000000
#define POLL_NS    1000000
#define PATIENCE   20000u /* polls */
#define REPETITION 3u

enum type {
	START = HM_TYPE_USER,
	ITEM,
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
	uint32_t *before = state;

	(void)ctx;
	if (hm_msg_type(msg) != ITEM)
		return;
	if ((*before)++ % ITEMS == 0)
		pause_ns(DELAY_NS);
	atomic_fetch_add_explicit(&received, 1, memory_order_relaxed);
}

static void
sender_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) != START)
		return;
	for (uint32_t i = 0; i < ITEMS; i++) {
		if (hm_send(ctx, receiver, ITEM, NULL) != HM_OK)
			abort();
	}
}

/* Returns whether all arrived. */
static bool
burst(struct hm_system *sys, struct hm_pid sender, uint32_t expected)
{
	if (hm_system_send(sys, sender, START, NULL) != HM_OK)
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
	static const struct hm_props receives = { .receive = receiver_receive,
						  .lcore = HM_LCORE(1),
						  .state_size = sizeof(uint32_t) };
	static const struct hm_type start = { .id = START, .name = "start" };
	static const struct hm_type item = { .id = ITEM, .name = "item" };
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
	struct hm_pid sender;
	struct hm_system *sys;
	bool all = true;

	hmt_eal_start_with(3, 256);
	sys = system_start(&sender);
	for (uint32_t i = 1; all && i <= REPETITION; i++)
		all = burst(sys, sender, i * ITEMS);
	printf("%u bursts of %u messages, %s\n", REPETITION, ITEMS, all ? "all arrived" : "some are stuck");
	if (!all)
		return EXIT_FAILURE;
	hm_system_stop(sys);
	if (hm_system_join(sys) != 0)
		return EXIT_FAILURE;
	hm_system_destroy(sys);
	return EXIT_SUCCESS;
}
