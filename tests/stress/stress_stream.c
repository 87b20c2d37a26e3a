/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams to and from threads, of small rings, whose sides wait for each other at all moments:
 *
 *     thread ── writer stream ──▶ relay, on another lcore ── reader stream ──▶ thread
 *
 * Each side sleeps now and then until its eventfd says something, so that a bell that is not rung, or an lcore that is not told,
 * stops the round for good; a watchdog says so. Numbers arrive in order and without a gap. In some rounds the writer closes,
 * and everything arrives before the end; in the others the reader does, and the writer learns of it. At the end all that was sent
 * was received or is a dead letter, and no message is lost.
 */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hm_messages.h"
#include "hm_stream.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define LOST_S 60

enum {
	NUMBER = HM_TYPE_USER, /* body: uint64_t */
};

struct relay {
	struct hm_pid reader;
	struct hm_pid writer; /* nobody: no number has come yet */
};

struct round {
	struct hm_system *sys;
	struct hm_stream *in, *out;
	uint64_t seed, count; /* numbers to be written */
	uint64_t read_max;    /* numbers after which the reader closes; UINT64_MAX: it does not */
	uint64_t written, read;
};

static _Atomic uint64_t rounds_done;

static void
fail(const char *what, uint64_t a, uint64_t b)
{
	fprintf(stderr, "%s: %" PRIu64 ", %" PRIu64 "\n", what, a, b);
	abort();
}

static void
relay_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct relay *relay = state;
	const struct hm_terminated *terminated = hm_msg_body(msg);

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		hmt_must(hm_watch(ctx, relay->reader));
		break;
	case NUMBER:
		if (hm_pid_is_none(relay->writer)) {
			relay->writer = hm_sender(ctx);
			hmt_must(hm_watch(ctx, relay->writer));
		}
		hmt_must(hm_send(ctx, relay->reader, NUMBER, hm_msg_body(msg)));
		break;
	case HM_TERMINATED:
		/* Behind all that it has sent. */
		if (hm_pid_equal(terminated->who, relay->writer))
			hmt_must(hm_poison(ctx, relay->reader));
		hm_stop(ctx, hm_self(ctx));
		break;
	default:
		break;
	}
}

static const struct hm_props relay_props = { .receive = relay_receive,
					     .state_size = sizeof(struct relay),
					     .args_size = sizeof(struct relay),
					     .lcore = HM_LCORE(1) };

/* Wait in one of three ways. */
static void
await(const struct hm_stream *stream, uint64_t *seed)
{
	struct pollfd fd = { .fd = hm_stream_fd(stream), .events = POLLIN };

	switch (hmt_random_below(seed, 3)) {
	case 0:
		(void)poll(&fd, 1, -1);
		break;
	case 1:
		(void)poll(&fd, 1, 1);
		break;
	default:
		break;
	}
}

static void *
writer_main(void *arg)
{
	struct round *round = arg;
	uint64_t seed = round->seed;

	while (round->written < round->count) {
		bool waits = hmt_random_below(&seed, 4) == 0;
		enum hm_result result =
			waits ? hm_stream_write_wait(round->in, NUMBER, &round->written, UINT64_MAX)
			      : hm_stream_write(round->in, NUMBER, &round->written);

		if (result == HM_OK)
			round->written++;
		else if (result == HM_WOULD_BLOCK)
			await(round->in, &seed);
		else if (result == HM_CLOSED)
			break;
		else
			hmt_must(result);
		if (hmt_random_below(&seed, 500) == 0)
			usleep((unsigned int)hmt_random_below(&seed, 200));
	}
	hm_stream_close(round->in);
	return NULL;
}

static void
reader_run(struct round *round)
{
	uint64_t seed = round->seed + 1;

	while (round->read < round->read_max) {
		const struct hm_msg *msg;
		bool waits = hmt_random_below(&seed, 4) == 0;
		enum hm_result result = waits ? hm_stream_read_wait(round->out, &msg, UINT64_MAX)
					      : hm_stream_read(round->out, &msg);

		if (result == HM_CLOSED)
			break;
		if (result == HM_WOULD_BLOCK) {
			await(round->out, &seed);
			continue;
		}
		hmt_must(result);
		if (*(const uint64_t *)hm_msg_body(msg) != round->read)
			fail("another number than that which is next", *(const uint64_t *)hm_msg_body(msg),
			     round->read);
		round->read++;
		if (hmt_random_below(&seed, 500) == 0)
			usleep((unsigned int)hmt_random_below(&seed, 200));
	}
	hm_stream_close(round->out);
}

static void
round_run(struct hm_system *sys, uint64_t *random)
{
	struct round round = { .sys = sys,
			       .seed = hmt_random(random),
			       .count = 1 + hmt_random_below(random, 3000) };
	struct hm_stream_config config = { .size = 1 + (uint32_t)hmt_random_below(random, 70) };
	struct relay relay = { .writer = hm_pid_none() };
	struct hm_pid pid;
	pthread_t writer;

	round.read_max =
		hmt_random_below(random, 2) == 0 ? hmt_random_below(random, round.count) : UINT64_MAX;
	if (hm_stream_open_reader(sys, &config, &round.out) != 0)
		abort();
	relay.reader = hm_stream_pid(round.out);
	config.size = 1 + (uint32_t)hmt_random_below(random, 70);
	if (hm_system_spawn(sys, &relay_props, NULL, &relay, &pid) != 0 ||
	    hm_stream_open_writer(sys, &config, pid, &round.in) != 0 ||
	    pthread_create(&writer, NULL, writer_main, &round) != 0)
		abort();
	reader_run(&round);
	pthread_join(writer, NULL);
	if (round.read_max == UINT64_MAX && (round.read != round.count || round.written != round.count))
		fail("the end came too early", round.read, round.count);
	hmt_count(&rounds_done);
}

/* A wake-up that is lost stops everything. */
static void *
watchdog_main(void *stopped)
{
	uint64_t last = UINT64_MAX;
	double since = hmt_now_s();

	while (!atomic_load((atomic_bool *)stopped)) {
		uint64_t now = hmt_counted(&rounds_done);

		if (now != last)
			since = hmt_now_s();
		last = now;
		if (hmt_now_s() - since > LOST_S)
			fail("no round has ended for too long; rounds, seconds", now, LOST_S);
		hmt_sleep_s(0.05);
	}
	return NULL;
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(3);
	static const struct hm_type number = { .id = NUMBER, .name = "number", .size = sizeof(uint64_t) };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = 2 };
	atomic_bool stopped = false;
	struct hm_system *sys;
	pthread_t watchdog;

	hmt_eal_start_with(3, 256);
	if (hm_system_create(&sys, 0, NULL, &config) != 0 || hm_type_register(sys, &number) != 0 ||
	    hm_system_start(sys) != 0 || pthread_create(&watchdog, NULL, watchdog_main, &stopped) != 0)
		abort();
	do {
		round_run(sys, &stress.random);
	} while (!hmt_stress_is_over(&stress));
	hm_system_stop(sys);
	if (hm_system_join(sys) != 0)
		abort();
	atomic_store(&stopped, true);
	pthread_join(watchdog, NULL);
	hmt_system_drain(sys);
	hmt_books_check(sys);
	hmt_system_free(sys);
	printf("%" PRIu64 " rounds\n", hmt_counted(&rounds_done));
	return EXIT_SUCCESS;
}
