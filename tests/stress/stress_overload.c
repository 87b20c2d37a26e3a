/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A thousand senders to one slow receiver, which they offer ten times what it can handle.
 *
 *     500 senders, lcore 0 ──┐
 *                            ├══ 2 M items/s offered ══▶ receiver, lcore 0: 5 us for each, with sanitizers 20 times that
 *     500 senders, lcore 1 ──┘                              ▲
 *     its child, lcore 1 ── fails, and is restarted by it ──┘   system messages to the overloaded actor, and back
 *     a prober, lcore 1 ──── stops an actor of lcore 0             system messages to another one of its lcore, and back
 *
 * Memory is flat: no more messages wait than the marks of the mailbox and of the lanes, and a burst or two of each sender, and
 * the process does not grow. In the end the receiver is stopped amid the overload: all that was sent was received or is a dead
 * letter. The latency of system messages is printed; it fails only where no busy machine explains it.
 *
 * HMT_SECONDS says how long it takes.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_log.h>

#include "assert_pvt.h"
#include "counter_pvt.h"
#include "hermod.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_stress.h"
#include "system_pvt.h"

#define LCORES   2u
#define SENDERS  1000u
#define OVERLOAD 10u /* times what the receiver can handle */
/* For one item; sanitizers make all else slow, too. */
#if defined(HMI_ASAN) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#define SERVICE_NS   100000u
#else
#define IS_SANITIZED false
#define SERVICE_NS   5000u
#endif
#define BURST 20u
/* Of each sender between two bursts, so that all of them together offer as much as they are to. */
#define PERIOD_US (SENDERS * BURST * SERVICE_NS / OVERLOAD / 1000u)
#define PROBE_US  1000u
/* Of the end: how long the senders go on without their receiver, and how long all may take to become quiet. */
#define ALONE_NS    20000000
#define PATIENCE_NS 20000000000ull
#define SAMPLE_NS   20000000
#define POLL_NS     1000000
/* A bound for a machine on which others run; the goal is 1 ms. */
#define P99_MAX_US 100000u
/* Of the time: who waited for a core for more than that, in all threads together, tells nothing by its latencies. */
#define STARVED_MAX 0.2
#define LANE        4096u      /* slots, by default */
#define GROWTH_MAX  (8u << 20) /* bytes of the process in the second half of the time */
/* As many bursts as all together send while each of them is to be released once, at least. */
#define ROUNDS 4u
/* Nothing else waits but ticks and probes. */
#define WAITING_OTHERS 100u

enum type {
	ITEM = HM_TYPE_USER,
	TICK,
	READY,
};

/* Microseconds, one bucket each; the last one has all that took longer. */
#define BUCKETS 200000u

struct latencies {
	uint64_t count, most_us;
	uint32_t buckets[BUCKETS];
};

struct sender {
	uint64_t sent;
	uint64_t first_us; /* when its first burst comes */
};

static struct {
	struct hm_system *sys;
	struct hm_pid receiver;
	struct sender senders[SENDERS];
	uint64_t received, hash;             /* by the receiver's lcore alone; read when it is quiet */
	uint64_t failed_ns, failures;        /* by lcore 1 alone */
	struct latencies overloaded, beside; /* by lcore 1 alone */
	_Atomic bool is_over, is_probed; /* no order: senders, and who probes, look at them now and then */
	_Atomic bool is_idle;            /* no order: the receiver's child fails no more */
	int problems;
} shared;

static void
problem(const char *what)
{
	fprintf(stderr, "stress_overload: %s\n", what);
	shared.problems++;
}

static void
require(bool what, const char *text)
{
	if (!what) {
		fprintf(stderr, "stress_overload: %s\n", text);
		exit(EXIT_FAILURE);
	}
}

/* ---- Latencies ---------------------------------------------------------------------- */

static void
latency_add(struct latencies *l, uint64_t ns)
{
	uint64_t us = ns / 1000;

	l->count++;
	l->most_us = us > l->most_us ? us : l->most_us;
	l->buckets[us < BUCKETS ? us : BUCKETS - 1]++;
}

/* Microseconds that so many of a thousand do not exceed. */
static uint32_t
latency_of(const struct latencies *l, uint64_t per_thousand)
{
	uint64_t seen = 0, wanted = (l->count * per_thousand + 999) / 1000;
	uint32_t us = 0;

	for (; us < BUCKETS - 1; us++) {
		seen += l->buckets[us];
		if (seen >= wanted)
			break;
	}
	return us + 1;
}

static void
latency_check(const struct latencies *l, const char *whose, bool is_starved)
{
	printf("system messages to %s and back: %" PRIu64 ", p50 %" PRIu32 " us, p99 %" PRIu32
	       " us, p99.9 %" PRIu32 " us, most %" PRIu64 " us\n",
	       whose, l->count, latency_of(l, 500), latency_of(l, 990), latency_of(l, 999), l->most_us);
	if (l->count < 10)
		problem("hardly a system message was answered");
	else if (!is_starved && latency_of(l, 990) > P99_MAX_US)
		problem("system messages are held");
}

/* ---- Senders and receiver --------------------------------------------------------------- */

/* Its next tick comes when this one was handled, so that none pile up while it is muted. */
static void
sender_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct sender *sender = *(struct sender **)state;

	if (hm_msg_type(msg) == HM_STARTED &&
	    hm_send_after(ctx, hm_self(ctx), TICK, NULL, sender->first_us, 0, NULL) != HM_OK)
		abort();
	if (hm_msg_type(msg) != TICK)
		return;
	if (atomic_load_explicit(&shared.is_over, memory_order_relaxed))
		return;
	for (uint32_t i = 0; i < BURST; i++) {
		if (hm_send(ctx, shared.receiver, ITEM, &sender->sent) != HM_OK)
			abort();
		hmi_count(&sender->sent, 1);
	}
	if (hm_send_after(ctx, hm_self(ctx), TICK, NULL, PERIOD_US, 0, NULL) != HM_OK)
		abort();
}

/* Fails again and again. From the failure to the new start two system messages pass, and a decision. */
static void
child_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HM_STARTED) {
		if (shared.failed_ns != 0)
			latency_add(&shared.overloaded, hm_now_ns(ctx) - shared.failed_ns);
		if (atomic_load_explicit(&shared.is_probed, memory_order_relaxed))
			atomic_store_explicit(&shared.is_idle, true, memory_order_relaxed);
		else if (hm_send_after(ctx, hm_self(ctx), TICK, NULL, PROBE_US, 0, NULL) != HM_OK)
			abort();
	} else if (hm_msg_type(msg) == TICK) {
		shared.failures++;
		shared.failed_ns = hm_now_ns(ctx);
		hm_fail(ctx, "to be restarted");
	}
}

static void
receiver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hm_props child = { .receive = child_receive, .lcore = HM_LCORE(1) };
	uint64_t until_ns;

	(void)state;
	if (hm_msg_type(msg) == HM_STARTED && hm_spawn(ctx, &child, NULL, NULL, NULL) != 0)
		abort();
	if (hm_msg_type(msg) != ITEM)
		return;
	for (until_ns = hm_now_ns(ctx) + SERVICE_NS; hm_now_ns(ctx) < until_ns;)
		shared.hash = shared.hash * 31 + hm_msg_length(msg);
	shared.received++;
}

/* ---- The prober --------------------------------------------------------------------------- */

struct prober {
	struct hm_pid victim;
	uint64_t stopped_ns;
};

static void
victim_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HM_STARTED && hm_send(ctx, hm_parent(ctx), READY, NULL) != HM_OK)
		abort();
}

/* An actor on the receiver's lcore, which is stopped when it is ready; then another one. */
static void
prober_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hm_props victim = { .receive = victim_receive, .lcore = HM_LCORE(0) };
	struct prober *prober = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
	case TICK:
		if (hm_spawn(ctx, &victim, NULL, NULL, &prober->victim) != 0)
			abort();
		break;
	case READY:
		prober->stopped_ns = hm_now_ns(ctx);
		hm_stop(ctx, prober->victim);
		break;
	case HM_TERMINATED:
		latency_add(&shared.beside, hm_now_ns(ctx) - prober->stopped_ns);
		if (!atomic_load_explicit(&shared.is_probed, memory_order_relaxed) &&
		    hm_send_after(ctx, hm_self(ctx), TICK, NULL, PROBE_US, 0, NULL) != HM_OK)
			abort();
		break;
	default:
		break;
	}
}

/* ---- Memory -------------------------------------------------------------------------------- */

static void
pause_ns(long ns)
{
	struct timespec pause = { .tv_nsec = ns };

	nanosleep(&pause, NULL);
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t
dead_sum(const struct hm_stats *stats)
{
	uint64_t sum = 0;

	for (int reason = 0; reason < HM_DEAD_REASONS; reason++)
		sum += stats->dead[reason];
	return sum;
}

/* Messages that wait; about, since the lcores go on. */
static uint64_t
waiting(void)
{
	struct hm_stats stats;
	uint64_t gone;

	hm_system_stats(shared.sys, &stats);
	gone = stats.received + dead_sum(&stats);
	return stats.sent > gone ? stats.sent - gone : 0;
}

struct usage {
	uint64_t waiting, resident; /* the most that was seen */
};

static struct usage
watch_for(double seconds)
{
	uint64_t until_ns = now_ns() + (uint64_t)(seconds * 1e9), messages, bytes;
	struct usage usage = { 0 };

	while (now_ns() < until_ns) {
		pause_ns(SAMPLE_NS);
		messages = waiting();
		bytes = hmt_resident();
		usage.waiting = messages > usage.waiting ? messages : usage.waiting;
		usage.resident = bytes > usage.resident ? bytes : usage.resident;
	}
	return usage;
}

static void
usage_check(struct usage first, struct usage second)
{
	/* An lcore that has no core mutes nobody: then its lane does, from its own mark on. */
	uint64_t high = shared.sys->marks.high,
		 most = high + LCORES * (LANE + high) + SENDERS * (2 * BURST + 1) + WAITING_OTHERS;

	printf("waiting: %" PRIu64 " in the first half, %" PRIu64 " in the second, at most %" PRIu64
	       " may; resident: %.1f and %.1f MiB\n",
	       first.waiting, second.waiting, most, (double)first.resident / 1048576,
	       (double)second.resident / 1048576);
	if (first.waiting > most || second.waiting > most)
		problem("too many messages wait");
	if (first.waiting < high / 2)
		problem("there is no overload");
	/* Sanitizers keep freed memory. */
	if (!IS_SANITIZED && second.resident > first.resident + GROWTH_MAX)
		problem("the process grows");
}

/* ---- Start and end --------------------------------------------------------------------------- */

static void
actors_spawn(uint64_t *random)
{
	static const struct hm_supervisor restart = { .restarts = HM_RESTARTS_UNLIMITED };
	static const struct hm_props receiver = { .receive = receiver_receive,
						  .lcore = HM_LCORE(0),
						  .supervisor = &restart };
	static const struct hm_props prober = { .receive = prober_receive,
						.state_size = sizeof(struct prober),
						.lcore = HM_LCORE(1) };
	static struct hm_props senders[LCORES];

	require(hm_system_spawn(shared.sys, &receiver, "receiver", NULL, &shared.receiver) == 0,
		"no receiver");
	require(hm_system_spawn(shared.sys, &prober, "prober", NULL, NULL) == 0, "no prober");
	for (uint32_t lcore = 0; lcore < LCORES; lcore++)
		senders[lcore] = (struct hm_props){ .receive = sender_receive,
						    .state_size = sizeof(void *),
						    .args_size = sizeof(void *),
						    .lcore = HM_LCORE(lcore) };
	for (uint32_t i = 0; i < SENDERS; i++) {
		struct sender *sender = &shared.senders[i];

		sender->first_us = hmt_random_below(random, PERIOD_US);
		require(hm_system_spawn(shared.sys, &senders[i % LCORES], NULL, &sender, NULL) == 0,
			"no sender");
	}
}

static void
system_make(uint64_t *random)
{
	static const struct hm_type types[] = { { .id = ITEM, .name = "item", .size = sizeof(uint64_t) },
						{ .id = TICK, .name = "tick" },
						{ .id = READY, .name = "ready" } };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = LCORES };

	require(hm_system_create(&shared.sys, 0, NULL, &config) == 0, "no system");
	/* Failures are logged otherwise. */
	rte_log_set_level_pattern("hermod", RTE_LOG_ERR);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		require(hm_type_register(shared.sys, &types[i]) == 0, "no type");
	actors_spawn(random);
	require(hm_system_start(shared.sys) == 0, "it does not start");
}

/* Wait until all is done that was begun: twice in a row the counters say the same, and nothing waits. */
static void
quiet_wait(void)
{
	uint64_t until_ns = now_ns() + PATIENCE_NS;
	uint32_t quiet = 0;

	while (quiet < 20) {
		require(now_ns() < until_ns, "senders wait for ever, or messages are lost");
		pause_ns(POLL_NS);
		quiet = waiting() == 0 ? quiet + 1 : 0;
	}
}

/* What each sender has sent since the last call. */
struct share {
	uint64_t least, most, sum;
};

static struct share
share_look(void)
{
	static uint64_t before[SENDERS];
	struct share share = { .least = UINT64_MAX };

	for (uint32_t i = 0; i < SENDERS; i++) {
		uint64_t sent = hmi_counted(&shared.senders[i].sent), more = sent - before[i];

		share.least = more < share.least ? more : share.least;
		share.most = more > share.most ? more : share.most;
		share.sum += more;
		before[i] = sent;
	}
	return share;
}

/* Who was muted first is released first: in so many rounds all have their turn. */
static void
share_check(struct share share)
{
	printf("items of one sender in the second half: %" PRIu64 " to %" PRIu64 "\n", share.least,
	       share.most);
	if (share.least == 0 && share.sum >= ROUNDS * SENDERS * BURST)
		problem("a sender waits while others have their turn again and again");
}

/* The receiver is stopped amid the overload, and the senders go on for a while. Nothing but items is a dead letter. */
static void
receiver_stop(void)
{
	uint64_t until_ns = now_ns() + PATIENCE_NS;

	atomic_store_explicit(&shared.is_probed, true, memory_order_relaxed);
	while (!atomic_load_explicit(&shared.is_idle, memory_order_relaxed)) {
		require(now_ns() < until_ns, "a child that fails is not restarted");
		pause_ns(POLL_NS);
	}
	require(hm_system_stop_actor(shared.sys, shared.receiver) == 0, "no stop");
	pause_ns(ALONE_NS);
	atomic_store_explicit(&shared.is_over, true, memory_order_relaxed);
	/* Timers that are still to come. */
	pause_ns(2 * PERIOD_US * 1000l);
	quiet_wait();
}

static void
account_check(void)
{
	uint64_t sent = 0, dead;
	struct hm_stats stats;

	require(hm_system_join(shared.sys) == 0, "it does not end");
	hm_system_stats(shared.sys, &stats);
	for (uint32_t i = 0; i < SENDERS; i++)
		sent += shared.senders[i].sent;
	dead = dead_sum(&stats) - stats.dead[HM_DEAD_FAILED];
	printf("%" PRIu64 " items sent, %" PRIu64 " received, %" PRIu64 " dead letters; %" PRIu64
	       " times muted\n",
	       sent, shared.received, dead, stats.mutes);
	if (sent != shared.received + dead)
		problem("items are lost, or counted twice");
	if (dead == 0 || stats.mutes < SENDERS || stats.overloads == 0)
		problem("it was not about overload");
	if (stats.no_memory != 0 || stats.timers_delayed != 0 || stats.circles != 0)
		problem("memory was used up, or somebody waited for himself");
	if (stats.dead[HM_DEAD_FAILED] != shared.failures)
		problem("failures that are no dead letters");
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(2);
	struct usage first, second;
	struct share share;
	double starved_s;
	bool is_starved;

	hmt_eal_start_with(LCORES + 1, 64);
	system_make(&stress.random);
	printf("%u senders, %.0f s, %u times overloaded: %u items each, all %u us; %u us to handle one\n",
	       SENDERS, stress.seconds, OVERLOAD, BURST, PERIOD_US, SERVICE_NS / 1000);
	(void)watch_for(stress.seconds / 10);
	first = watch_for(stress.seconds * 0.4);
	(void)share_look();
	second = watch_for(stress.seconds * 0.5);
	starved_s = hmt_starved_s();
	is_starved = starved_s > STARVED_MAX * stress.seconds;
	share = share_look();
	receiver_stop();
	hm_system_stop(shared.sys);
	account_check();
	usage_check(first, second);
	share_check(share);
	printf("without a core for %.2f s%s\n", starved_s, is_starved ? ": latencies are not judged" : "");
	latency_check(&shared.overloaded, "the overloaded actor", is_starved);
	latency_check(&shared.beside, "another one of its lcore", is_starved);
	hmt_system_drain(shared.sys);
	hmt_books_check(shared.sys);
	hmt_system_free(shared.sys);
	return shared.problems == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
