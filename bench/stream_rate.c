/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * stream.read, stream.write: rate of messages between an actor and a thread that is no lcore, by a stream.
 *
 *     lcore 0: driver ── reader stream ──▶ thread on the second core, whose lcore sleeps      --kind=read
 *              driver ◀── writer stream ── thread                                             --kind=write
 *
 * In turns with messages of the same size by the bare ring of limit_ring.h, between the same two threads. The thread
 * spins: what it costs to sleep and to be woken is idle.wakeup's affair.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include <rte_lcore.h>
#include <rte_pause.h>

#include "bench_clock.h"
#include "bench_node.h"
#include "limit_ring.h"

#define WARM_UP_COUNT 200000
#define RING_SIZE     1024
/* What the driver sends in one call of its function. */
#define PART 256

/* 64 bytes less the header. */
#define BODY_BYTES 24

enum {
	TYPE_NUMBER = HM_TYPE_USER,
	TYPE_MORE, /* the driver to itself: send the next part */
	TYPE_DONE, /* from the thread: it has read all */
};

enum order {
	ORDER_END,
	ORDER_BEGIN, /* open the stream */
	ORDER_LIMIT,
	ORDER_VALUE,
};

struct run {
	struct bench_node node;
	struct bench_option extras[2];
	bool writes; /* the thread does */
	struct limit_ring *ring;
	struct hm_stream *stream;
	struct hm_pid driver;
	pthread_t thread;
	bool has_thread;
	sem_t ordered;             /* posted behind `order` and `order_count` */
	enum order order;          /* of the driver */
	uint64_t order_count;      /* messages */
	uint64_t left;             /* of this slice, still to be sent, or received */
	double limit_ns, value_ns; /* of the last slices */
	uint64_t limit_count, count;
	double start_s;
	uint64_t sum; /* of the driver: makes sure that every body is read */
	uint64_t payload[BODY_BYTES / sizeof(uint64_t)];
};

/* ---- the thread ------------------------------------------------------------------------- */

static int
thread_pin(void)
{
	rte_cpuset_t cpus = rte_lcore_cpuset(rte_get_next_lcore(rte_get_main_lcore(), 1, 1));

	return pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
}

/* Whether there is something to wait for. */
static bool
goes_on(enum hm_result result)
{
	rte_pause();
	return result == HM_WOULD_BLOCK || result == HM_NO_MEMORY;
}

static void
all_read(const struct run *run, uint64_t count)
{
	const struct hm_msg *msg;
	enum hm_result result = HM_OK;
	uint64_t sum = 0;

	for (uint64_t n = 0; n < count; n++) {
		while ((result = hm_stream_read(run->stream, &msg)) != HM_OK && goes_on(result))
			;
		if (result != HM_OK)
			return;
		sum += *(const uint64_t *)hm_msg_body(msg);
	}
	do {
		result = hm_system_send(run->node.sys, run->driver, TYPE_DONE, &sum);
	} while (goes_on(result));
}

static void
all_write(const struct run *run, uint64_t count)
{
	uint64_t body[BODY_BYTES / sizeof(uint64_t)] = { 0 };
	enum hm_result result = HM_OK;

	for (uint64_t n = 0; n < count && result == HM_OK; n++) {
		body[0] = n;
		while ((result = hm_stream_write(run->stream, TYPE_NUMBER, body)) != HM_OK && goes_on(result))
			;
	}
}

static void
order(struct run *run, enum order what, uint64_t count)
{
	run->order = what;
	run->order_count = count;
	sem_post(&run->ordered);
}

/* ---- driver: lcore 0 ---------------------------------------------------------------------- */

/* Whoever sends cannot tell when the other one begins: its clock starts when that has answered once. */
static double
limit_ns(struct run *run)
{
	double start_s;

	if (!run->writes)
		return limit_messages_send(run->ring, run->limit_count);
	start_s = bench_clock_seconds();
	(void)limit_messages_receive(run->ring, run->limit_count);
	return (bench_clock_seconds() - start_s) / (double)run->limit_count * 1e9;
}

static void
part_send(struct hm_ctx *ctx, struct run *run)
{
	struct hm_pid to = hm_stream_pid(run->stream);

	for (uint32_t i = 0; i < PART && run->left > 0; i++, run->left--) {
		run->payload[0] = i;
		bench_node_check(&run->node, ctx, hm_send(ctx, to, TYPE_NUMBER, run->payload));
	}
	if (run->left > 0)
		bench_node_check(&run->node, ctx, hm_send(ctx, hm_self(ctx), TYPE_MORE, NULL));
}

static void
slices_begin(struct hm_ctx *ctx, struct run *run)
{
	run->limit_count = bench_node_count(&run->node, run->limit_ns, WARM_UP_COUNT);
	order(run, ORDER_LIMIT, run->limit_count);
	run->limit_ns = limit_ns(run);
	run->count = run->left = bench_node_count(&run->node, run->value_ns, WARM_UP_COUNT);
	run->start_s = bench_clock_seconds();
	order(run, ORDER_VALUE, run->count);
	if (!run->writes)
		part_send(ctx, run);
}

static void
slices_end(struct hm_ctx *ctx, struct run *run)
{
	run->value_ns = (bench_clock_seconds() - run->start_s) / (double)run->count * 1e9;
	if (bench_node_slice(&run->node, ctx, 1e3 / run->value_ns, 1e3 / run->limit_ns))
		slices_begin(ctx, run);
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		run->driver = hm_self(ctx);
		order(run, ORDER_BEGIN, 0);
		break;
	case TYPE_MORE:
		part_send(ctx, run);
		break;
	case TYPE_NUMBER:
		run->sum += *(const uint64_t *)hm_msg_body(msg);
		if (--run->left == 0)
			slices_end(ctx, run);
		break;
	case TYPE_DONE:
		if (run->count == 0)
			slices_begin(ctx, run);
		else
			slices_end(ctx, run);
		break;
	default:
		break;
	}
}

/* ---- set-up ---------------------------------------------------------------------------------- */

static int
types_register(struct run *run)
{
	int status = bench_node_type(&run->node, TYPE_NUMBER, "number", BODY_BYTES);

	if (status == 0)
		status = bench_node_type(&run->node, TYPE_MORE, "more", 0);
	if (status == 0)
		status = bench_node_type(&run->node, TYPE_DONE, "done", sizeof(uint64_t));
	return status;
}

/* The thread's, since it is a call that an actor cannot make; and the driver is told to begin. */
static void
begin(struct run *run)
{
	static const struct hm_stream_config config = { .size = RING_SIZE };
	int status = 0;

	if (run->writes)
		status = hm_stream_open_writer(run->node.sys, &config, run->driver, &run->stream);
	if (status == 0)
		all_read(run, 0);
	else
		hm_system_stop(run->node.sys);
}

static void *
thread_main(void *arg)
{
	struct run *run = arg;

	(void)thread_pin();
	for (;;) {
		while (sem_wait(&run->ordered) != 0)
			;
		if (run->order == ORDER_END)
			return NULL;
		if (run->order == ORDER_BEGIN)
			begin(run);
		else if (run->order == ORDER_LIMIT && run->writes)
			(void)limit_messages_send(run->ring, run->order_count);
		else if (run->order == ORDER_LIMIT)
			(void)limit_messages_receive(run->ring, run->order_count);
		else if (run->writes)
			all_write(run, run->order_count);
		else
			all_read(run, run->order_count);
	}
}

static int
thread_start(struct run *run)
{
	static const struct hm_stream_config config = { .size = RING_SIZE, .type = TYPE_NUMBER };
	int status = run->writes ? 0 : hm_stream_open_reader(run->node.sys, &config, &run->stream);

	if (status == 0)
		status = -pthread_create(&run->thread, NULL, thread_main, run);
	run->has_thread = status == 0;
	if (status != 0)
		fprintf(stderr, "cannot open a stream, or start its thread: %s\n", strerror(-status));
	return status;
}

static void
thread_end(struct run *run)
{
	if (run->has_thread) {
		order(run, ORDER_END, 0);
		pthread_join(run->thread, NULL);
	}
	hm_stream_close(run->stream);
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	int status = limit_ring_create(&run->ring);

	sem_init(&run->ordered, 0, 0);
	bench_row_init(row, run->writes ? "stream.write" : "stream.read", "M msg/s");
	row->note = "limit: messages of one mempool by a bare ring, between the same lcore and thread";
	if (status != 0)
		fprintf(stderr, "cannot create the rings: %s\n", strerror(-status));
	if (status == 0)
		status = types_register(run);
	if (status == 0)
		status = thread_start(run);
	if (status == 0)
		status = bench_node_run(node, "driver", driver_receive, run);
	thread_end(run);
	limit_ring_destroy(run->ring);
	return status;
}

static int
kind_set(void *target, const char *value)
{
	if (strcmp(value, "read") != 0 && strcmp(value, "write") != 0) {
		fprintf(stderr, "--kind '%s': give read or write\n", value);
		return -EINVAL;
	}
	*(bool *)target = strcmp(value, "write") == 0;
	return 0;
}

static void
prepare(struct bench_node *node)
{
	struct run *run = (struct run *)node;

	run->extras[0] = (struct bench_option){ "kind", "KIND", "what the thread does: read or write (read)",
						kind_set, &run->writes };
	node->extras = run->extras;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "Messages between an actor and a thread that is no lcore.",
		.lcores = 2,
		.bytes = sizeof(struct run),
		.prepare = prepare,
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
