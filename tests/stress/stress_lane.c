/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Messages round a ring of lcores, over one lane between each two neighbours.
 *
 *     lcore 0 ──▶ lcore 1 ──▶ ... ──▶ lcore 0
 *
 * Each lcore checks that what comes is in order and whole, changes it, and passes it on; so a
 * message that is read before it was written, or changed after it was passed on, shows. The
 * lanes are shorter than what goes round, so that their overflow lists are used all the time.
 *
 * First two lcores, then more than there may be cores.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_memory.h>
#include <rte_pause.h>

#include "hmt_eal.h"
#include "hmt_msg.h"
#include "hmt_stress.h"
#include "lane_pvt.h"

#define LCORES      4u
#define RING        64u
#define MESSAGES    1000u
#define BURST       32u
#define EMPTY_TURNS 64u

struct station {
	uint32_t index, count; /* of how many */
	struct hmi_lane out;
	struct hmi_lane_rx in;
	uint64_t expected; /* number of the message that comes next */
	uint64_t problems;
	uint64_t random;
};

static struct station stations[LCORES];
static struct hm_msg *messages[MESSAGES];
static _Atomic bool done; /* the first station releases, the others acquire */

/* What the n-th message carries on its way to a station. */
static uint64_t
mark_of(uint64_t n, uint32_t station)
{
	return (n * LCORES + station) * 0x9e3779b97f4a7c15u;
}

static void
pass_on(struct station *s, struct hm_msg *msg, uint64_t n)
{
	uint64_t mark = mark_of(n, (s->index + 1) % s->count);

	msg->next = msg; /* the link is the sender's until it is passed on */
	msg->to = n;
	msg->sender.node = ~mark;
	for (unsigned int i = 0; i < HMT_MSG_BODY / 8; i++)
		msg->body[i] = mark + i;
	hmi_lane_push(&s->out, msg);
}

static void
check(struct station *s, const struct hm_msg *msg)
{
	uint64_t mark = mark_of(s->expected, s->index);
	bool whole = msg->to == s->expected && msg->sender.node == ~mark;

	for (unsigned int i = 0; i < HMT_MSG_BODY / 8; i++)
		whole = whole && msg->body[i] == mark + i;
	if (!whole && s->problems++ == 0)
		fprintf(stderr, "lcore %u of %u: message %lu came as %lu, or broken\n", s->index, s->count,
			s->expected, msg->to);
	s->expected++;
}

/* Take what is there and pass it on; `step` is added to its number. Returns how many. */
static uint32_t
turn(struct station *s, uint64_t step)
{
	struct hm_msg *msgs[BURST];
	uint32_t n = hmi_lane_pop_burst(&s->in, msgs, 1 + (uint32_t)hmt_random_below(&s->random, BURST));

	for (uint32_t i = 0; i < n; i++) {
		check(s, msgs[i]);
		if (step != UINT64_MAX)
			pass_on(s, msgs[i], s->expected - 1 + step);
	}
	hmi_lane_flush(&s->out);
	return n;
}

/* There may be fewer cores than lcores. */
static void
wait_a_little(uint32_t *empty)
{
	if (++*empty % EMPTY_TURNS == 0)
		sched_yield();
	else
		rte_pause();
}

static int
station_main(void *arg)
{
	struct station *s = arg;
	uint32_t empty = 0;

	while (!atomic_load_explicit(&done, memory_order_acquire)) {
		if (turn(s, 0) == 0)
			wait_a_little(&empty);
	}
	return 0;
}

/* The first station numbers the messages anew each time they come round; then it keeps them. */
static uint64_t
first_main(struct station *s, double seconds)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)rte_get_tsc_hz()), last;
	uint32_t empty = 0;

	for (uint32_t i = 0; i < MESSAGES; i++)
		pass_on(s, messages[i], i);
	hmi_lane_flush(&s->out);
	while (rte_rdtsc() < end || s->expected < 10ull * MESSAGES) {
		if (turn(s, MESSAGES) == 0)
			wait_a_little(&empty);
	}
	last = s->expected + MESSAGES;
	while (s->expected < last) {
		if (turn(s, UINT64_MAX) == 0)
			wait_a_little(&empty);
	}
	atomic_store_explicit(&done, true, memory_order_release);
	return last;
}

static void
stations_open(uint32_t count, uint64_t *random)
{
	for (uint32_t i = 0; i < count; i++) {
		struct station *s = &stations[i];

		memset(s, 0, sizeof(*s));
		s->index = i;
		s->count = count;
		s->random = hmt_random(random);
		if (hmi_lane_create(&s->out, RING, SOCKET_ID_ANY) != 0)
			abort();
	}
	for (uint32_t i = 0; i < count; i++)
		stations[(i + 1) % count].in = hmi_lane_receiver(&stations[i].out);
}

static bool
run(uint32_t count, double seconds, uint64_t *random)
{
	uint64_t rounds, overflowed = 0, problems = 0;

	stations_open(count, random);
	atomic_store_explicit(&done, false, memory_order_relaxed);
	for (uint32_t i = 1; i < count; i++)
		hmt_launch(i, station_main, &stations[i]);
	rounds = first_main(&stations[0], seconds);
	for (uint32_t i = 1; i < count; i++)
		hmt_wait(i);
	for (uint32_t i = 0; i < count; i++) {
		overflowed += stations[i].out.overflowed;
		problems += stations[i].problems + (stations[i].expected != rounds);
		problems += hmi_lane_drain(&stations[i].out) != NULL;
		hmi_lane_destroy(&stations[i].out);
	}
	printf("%u lcores: %lu messages went round, %lu waited for room, %lu problems\n", count, rounds,
	       overflowed, problems);
	return problems == 0 && overflowed > 0;
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(1);
	bool is_well;

	hmt_eal_start_with(LCORES, 64);
	hmt_msgs_make(messages, MESSAGES);
	is_well = run(2, stress.seconds / 2, &stress.random);
	return is_well && run(LCORES, stress.seconds / 2, &stress.random) ? EXIT_SUCCESS : EXIT_FAILURE;
}
