/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * limit_show: the raw limits alone, for comparison with other programs that measure the same.
 *
 *     limit_show -l 0-1 --no-pci --no-telemetry -- [--repeats N]
 *     limit_show -l 1 … --vdev=net_memif0,role=server,socket=/tmp/l.sock -- --serve
 *     limit_show -l 0 … --vdev=net_memif0,role=client,socket=/tmp/l.sock
 *
 * Without a port: dispatch, and rings if there are two lcores. With a port: frames.
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "bench_clock.h"
#include "bench_options.h"
#include "limit_dispatch.h"
#include "limit_frame.h"
#include "limit_ring.h"

#define MANY          1000000
#define MANY_UNDERWAY 100000
#define LINE_ROUNDS   1000000
#define MESSAGES      30000000
#define LINK_MS       20000
#define SERVE_MS      60000

static void
dispatch_show(struct limit_dispatch *pair, struct limit_dispatch *many)
{
	printf("pair, 1 in flight          %6.2f ns/message\n", limit_dispatch_naive_ns(pair, 1, 20000000));
	printf("pair, 512 in flight        %6.2f ns/message\n", limit_dispatch_naive_ns(pair, 512, 20000000));
	printf("1 M actors, naive          %6.2f ns/message\n",
	       limit_dispatch_naive_ns(many, MANY_UNDERWAY, 5000000));
	printf("1 M actors, deferred       %6.2f ns/message\n",
	       limit_dispatch_deferred_ns(many, MANY_UNDERWAY, 5000000));
	printf("1 M actors, set up         %6.2f ns/actor\n", limit_dispatch_spawn_ns(many));
	fflush(stdout);
}

static int
rings_echo(void *arg)
{
	struct limit_ring *ring = arg;

	limit_line_echo(ring, LINE_ROUNDS);
	limit_pair_echo(ring, LINE_ROUNDS);
	/* the sum has no other use than to make sure that each message is read */
	return limit_messages_receive(ring, MESSAGES) == 0 ? -1 : 0;
}

static void
rings_show(struct limit_ring *ring)
{
	unsigned int lcore = rte_get_next_lcore(rte_lcore_id(), 1, 0);

	rte_eal_remote_launch(rings_echo, ring, lcore);
	printf("cache line round trip      %6.1f ns\n", limit_line_drive(ring, LINE_ROUNDS));
	printf("two rings round trip       %6.1f ns\n", limit_pair_drive(ring, LINE_ROUNDS, NULL));
	printf("64-byte messages           %6.1f M/s\n", 1e3 / limit_messages_send(ring, MESSAGES));
	fflush(stdout);
	rte_eal_wait_lcore(lcore);
}

static int
cores_run(const struct bench_options *options)
{
	struct limit_dispatch *pair = NULL, *many = NULL;
	struct limit_ring *ring = NULL;
	int status = limit_dispatch_create(&pair, 2);

	if (status == 0)
		status = limit_dispatch_create(&many, MANY);
	if (status == 0 && rte_lcore_count() >= 2)
		status = limit_ring_create(&ring);
	for (uint32_t i = 0; status == 0 && i < options->repeats; i++) {
		dispatch_show(pair, many);
		if (ring != NULL)
			rings_show(ring);
	}
	limit_dispatch_destroy(pair);
	limit_dispatch_destroy(many);
	limit_ring_destroy(ring);
	return status;
}

static void
frames_show(struct limit_port *port, struct bench_histogram *ticks)
{
	double us = bench_clock_tick_ns() / 1e3;

	bench_histogram_init(ticks);
	if (isnan(limit_echo_drive(port, 0.5, ticks)))
		return;
	printf("round trip p50 %.2f p99 %.2f p99.9 %.2f us\n",
	       (double)bench_histogram_percentile(ticks, 50) * us,
	       (double)bench_histogram_percentile(ticks, 99) * us,
	       (double)bench_histogram_percentile(ticks, 99.9) * us);
	printf("1500-byte frames, one way: %.2f M/s\n",
	       1e3 / limit_stream_drive(port, 0.5, LIMIT_FRAME_MAX_BYTES));
	fflush(stdout);
}

static int
frames_serve(struct limit_port *port)
{
	int status = 0;

	while (status == 0) {
		status = limit_echo_serve(port, SERVE_MS);
		if (status == 0)
			status = limit_stream_serve(port, SERVE_MS);
	}
	return status;
}

static int
port_run(const struct bench_options *options, bool serve)
{
	struct bench_histogram *ticks = malloc(sizeof(*ticks));
	struct limit_port *port = NULL;
	int status = ticks == NULL ? -ENOMEM : limit_port_open(&port, 0);

	if (status == 0)
		status = limit_port_wait(port, LINK_MS);
	if (status == 0 && serve)
		status = frames_serve(port);
	for (uint32_t i = 0; status == 0 && i < options->repeats; i++)
		frames_show(port, ticks);
	limit_port_close(port);
	free(ticks);
	return status;
}

int
main(int argc, char **argv)
{
	bool serve = false;
	struct bench_options shared;
	struct bench_option table[BENCH_OPTIONS_SHARED + 2] = {
		{ "serve", NULL, "be the other side of the port", bench_set_flag, &serve },
	};
	int used = rte_eal_init(argc, argv), status;

	if (used < 0)
		return EXIT_FAILURE;
	bench_options_init(&shared);
	bench_options_table(&shared, &table[1]);
	status = bench_cli_parse(argc - used, argv + used, "Shows the raw limits of this machine.", table);
	if (status != 0)
		return status == -ECANCELED ? EXIT_SUCCESS : BENCH_EXIT_USAGE;
	status = rte_eth_dev_count_avail() > 0 ? port_run(&shared, serve) : cores_run(&shared);
	if (status != 0)
		fprintf(stderr, "limit_show: %s\n", strerror(-status));
	return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
