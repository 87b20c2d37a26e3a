/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A pipeline as one writes it first, with nothing but defaults: no bound, no marks, no answer to any send.
 *
 *     producer ══ items ══▶ 4 workers, in turns ══▶ slow sink
 *     lcore 0               lcores 0 and 1           lcore 1
 *
 * The sink is slower than all others, which are muted until it has drained: every item arrives once and, of each worker, in
 * order; memory is flat; nobody is refused. The first argument says how many items; HMT_SECONDS, for how long it is done again
 * and again.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "assert_pvt.h"
#include "hermod.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_stress.h"
#include "system_pvt.h"

#define LCORES  2u
#define WORKERS 4u
/* Items that the producer makes before it lets others run. */
#define BATCH 100u
/* Of an item: rounds of arithmetic in a worker. */
#define WORKER_ROUNDS 20u

#define ROUNDS_MAX 10u /* until somebody had to wait */
#define SAMPLE_NS  5000000
#define GROWTH_MAX (8u << 20) /* bytes of the process, once it has done a tenth of its work */
/* Beyond the high marks of mailboxes and lanes: what was sent before the sender was told. */
#define UNDER_WAY ((WORKERS + 1 + LCORES) * 4096u)

#if defined(HMI_ASAN) || defined(__SANITIZE_THREAD__)
#define ITEMS        UINT64_C(100000)
#define IS_SANITIZED true
/* In the sink, at least. Sanitizers make all else slow, too. */
#define SINK_ROUNDS 2000u
#else
#define ITEMS        UINT64_C(1000000)
#define IS_SANITIZED false
#define SINK_ROUNDS  400u
#endif

enum type {
	ITEM = HM_TYPE_USER,
	DONE,
	MORE,
};

struct item {
	uint64_t number, value;
};

static struct {
	struct hm_system *sys;
	uint64_t items;
	uint32_t sink_rounds;
	struct hm_pid workers[WORKERS], sink;
	uint64_t expected[WORKERS], broken, sum; /* by the sink alone */
	_Atomic uint64_t received;               /* no order: hm_system_join has it */
} line;

static void
require(bool what, const char *text)
{
	if (!what) {
		fprintf(stderr, "stress_slow_sink: %s\n", text);
		exit(EXIT_FAILURE);
	}
}

static uint64_t
work(uint64_t value, uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++)
		value = (value ^ value >> 29) * 0x9e3779b97f4a7c15u;
	return value;
}

/* ---- The actors --------------------------------------------------------------------- */

static void
producer_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint64_t *made = state;
	uint64_t end;

	if (hm_msg_type(msg) != MORE)
		return;
	end = *made + BATCH < line.items ? *made + BATCH : line.items;
	for (; *made < end; ++*made) {
		struct item item = { *made, *made };

		require(hm_send(ctx, line.workers[*made % WORKERS], ITEM, &item) == HM_OK,
			"an item is refused");
	}
	if (*made < line.items)
		require(hm_send(ctx, hm_self(ctx), MORE, NULL) == HM_OK, "the producer does not go on");
}

static void
worker_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct item item;

	(void)state;
	if (hm_msg_type(msg) != ITEM)
		return;
	item = *(const struct item *)hm_msg_body(msg);
	item.value = work(item.value, WORKER_ROUNDS);
	require(hm_send(ctx, line.sink, DONE, &item) == HM_OK, "a result is refused");
}

static void
sink_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct item *item = hm_msg_body(msg);
	uint64_t *expected;

	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) != DONE)
		return;
	expected = &line.expected[item->number % WORKERS];
	line.broken += item->number != *expected || item->value != work(item->number, WORKER_ROUNDS);
	*expected = item->number + WORKERS;
	line.sum += work(item->value, line.sink_rounds);
	atomic_fetch_add_explicit(&line.received, 1, memory_order_relaxed);
}

/* ---- Memory ---------------------------------------------------------------------------- */

/* Messages that wait; about, since the lcores go on. */
static uint64_t
waiting(void)
{
	struct hm_stats stats;

	hm_system_stats(line.sys, &stats);
	return stats.sent > stats.received ? stats.sent - stats.received : 0;
}

struct usage {
	uint64_t waiting, early,
		late; /* the most that was seen: messages; bytes in the first tenth, and behind it */
};

static struct usage
watch(void)
{
	struct timespec pause = { .tv_nsec = SAMPLE_NS };
	uint64_t received, messages, bytes, *bytes_most;
	struct usage usage = { .early = hmt_resident() };

	do {
		nanosleep(&pause, NULL);
		received = atomic_load_explicit(&line.received, memory_order_relaxed);
		bytes_most = received < line.items / 10 ? &usage.early : &usage.late;
		messages = waiting();
		bytes = hmt_resident();
		usage.waiting = messages > usage.waiting ? messages : usage.waiting;
		*bytes_most = bytes > *bytes_most ? bytes : *bytes_most;
	} while (received < line.items);
	return usage;
}

/* ---- The run ------------------------------------------------------------------------------ */

static void
actors_spawn(void)
{
	static const struct hm_props producer = { .receive = producer_receive,
						  .state_size = sizeof(uint64_t),
						  .lcore = HM_LCORE(0) };
	static const struct hm_props workers[LCORES] = { { .receive = worker_receive, .lcore = HM_LCORE(0) },
							 { .receive = worker_receive,
							   .lcore = HM_LCORE(1) } };
	static const struct hm_props sink = { .receive = sink_receive, .lcore = HM_LCORE(1) };
	struct hm_pid pid;

	require(hm_system_spawn(line.sys, &sink, "sink", NULL, &line.sink) == 0, "no sink");
	for (uint64_t i = 0; i < WORKERS; i++) {
		line.expected[i] = i;
		require(hm_system_spawn(line.sys, &workers[i % LCORES], NULL, NULL, &line.workers[i]) == 0,
			"no worker");
	}
	require(hm_system_spawn(line.sys, &producer, "producer", NULL, &pid) == 0, "no producer");
	require(hm_system_send(line.sys, pid, MORE, NULL) == HM_OK, "no beginning");
}

static void
system_make(void)
{
	static const struct hm_type types[] = { { .id = ITEM, .name = "item", .size = sizeof(struct item) },
						{ .id = DONE, .name = "done", .size = sizeof(struct item) },
						{ .id = MORE, .name = "more" } };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = LCORES };

	require(hm_system_create(&line.sys, 0, NULL, &config) == 0, "no system");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		require(hm_type_register(line.sys, &types[i]) == 0, "no type");
	actors_spawn();
	require(hm_system_start(line.sys) == 0, "it does not start");
}

/* Returns how often somebody had to wait. */
static uint64_t
end_check(const struct usage *usage)
{
	uint64_t most = (WORKERS + 1 + LCORES) * line.sys->marks.high + UNDER_WAY;
	struct hm_stats stats;

	hm_system_stop(line.sys);
	require(hm_system_join(line.sys) == 0, "it does not end");
	hm_system_stats(line.sys, &stats);
	printf("%" PRIu64 " items; at most %" PRIu64 " messages wait, of %" PRIu64
	       "; resident: %.1f MiB in the first tenth, then %.1f; %" PRIu64 " times muted\n",
	       line.received, usage->waiting, most, (double)usage->early / 1048576,
	       (double)usage->late / 1048576, stats.mutes);
	require(line.received == line.items && line.broken == 0, "items are lost, doubled or out of order");
	for (int reason = 0; reason < HM_DEAD_REASONS; reason++)
		require(stats.dead[reason] == 0, "a dead letter");
	require(stats.no_memory == 0 && stats.reserved == 0, "memory was used up");
	require(usage->waiting <= most, "too many messages wait");
	/* Sanitizers keep freed memory. */
	require(IS_SANITIZED || usage->late <= usage->early + GROWTH_MAX, "the process grows");
	return stats.mutes;
}

/* Returns how often somebody had to wait. */
static uint64_t
round_run(uint64_t items, uint64_t *random)
{
	struct usage usage;
	uint64_t mutes;

	memset(&line, 0, sizeof(line));
	line.items = items;
	line.sink_rounds = SINK_ROUNDS + (uint32_t)hmt_random_below(random, SINK_ROUNDS);
	system_make();
	usage = watch();
	mutes = end_check(&usage);
	hmt_system_drain(line.sys);
	hmt_books_check(line.sys);
	hmt_system_free(line.sys);
	return mutes;
}

int
main(int argc, char **argv)
{
	struct hmt_stress stress = hmt_stress_begin(0);
	uint64_t items = argc > 1 ? strtoull(argv[1], NULL, 0) : ITEMS, mutes = 0;
	uint32_t rounds = 0;

	hmt_eal_start_with(LCORES + 1, 64);
	do {
		mutes += round_run(items, &stress.random);
		rounds++;
		/* Where the machine takes the producer's core away, the sink keeps up with it. */
	} while (!hmt_stress_is_over(&stress) || (mutes < WORKERS && rounds < ROUNDS_MAX));
	require(mutes >= WORKERS, "nobody had to wait: what is this test about?");
	return EXIT_SUCCESS;
}
