/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The first pipeline that one writes: a producer sends all its items in one burst, in one turn, to
 * consumers that are slower than it.
 *
 *     producer ══ 10 M items ══▶ consumers, one for each lcore, in turns
 *
 * With the default --memory every item arrives, once and in order. With less the producer is told
 * of each that is refused, the log names the option, the rest arrives, and the producer can still
 * wake itself up to go on: so everything arrives in the end.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_log.h>

#include "assert_pvt.h"
#include "hermod.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define LCORES        2u
#define MEMORY_LITTLE (16u << 20)
/* Of the consumers, for each item: on average. */
#define WORK_ROUNDS 20u

#if defined(HMI_ASAN) || defined(__SANITIZE_THREAD__)
#define ITEMS UINT64_C(1000000)
#else
#define ITEMS UINT64_C(10000000)
#endif

enum type {
	START = HM_TYPE_USER,
	ITEM,
	GO_ON,
};

struct consumer {
	uint64_t index, received, expected, broken, hash;
};

struct producer {
	struct hm_pid consumers[LCORES];
	uint64_t sent, refused, woken;
	struct hm_system *sys;
};

struct pipeline {
	struct producer producer;
	struct consumer consumers[LCORES];
	_Atomic uint64_t received; /* of all; no order, hm_system_join has it */
	uint32_t work_rounds;
};

static struct pipeline line;

static void
produce(struct hm_ctx *ctx, struct producer *p)
{
	for (; p->sent < ITEMS; p->sent++) {
		if (hm_send(ctx, p->consumers[p->sent % LCORES], ITEM, &p->sent) == HM_OK)
			continue;
		p->refused++;
		/* What the memory is for: this must not be refused. */
		if (hm_send_after(ctx, hm_self(ctx), GO_ON, NULL, 1000, 0, NULL) != HM_OK)
			abort();
		return;
	}
}

static void
producer_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct producer *p = *(struct producer **)state;

	if (hm_msg_type(msg) != START && hm_msg_type(msg) != GO_ON)
		return;
	p->woken += hm_msg_type(msg) == GO_ON;
	produce(ctx, p);
}

static void
consumer_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct consumer *c = *(struct consumer **)state;
	uint64_t number;

	(void)ctx;
	if (hm_msg_type(msg) != ITEM)
		return;
	memcpy(&number, hm_msg_body(msg), sizeof(number));
	c->broken += number != c->expected;
	c->expected = number + LCORES;
	for (uint32_t i = 0; i < line.work_rounds; i++)
		c->hash = (c->hash ^ number) * 0x9e3779b97f4a7c15u;
	c->received++;
	if (atomic_fetch_add_explicit(&line.received, 1, memory_order_relaxed) + 1 == ITEMS)
		hm_system_stop(line.producer.sys);
}

static void
require(bool what, const char *text)
{
	if (!what) {
		fprintf(stderr, "stress_pipeline: %s\n", text);
		exit(EXIT_FAILURE);
	}
}

static void
actors_spawn(struct hm_system *sys)
{
	static const struct hm_props consumers[LCORES] = {
		{ .receive = consumer_receive,
		  .state_size = sizeof(void *),
		  .args_size = sizeof(void *),
		  .lcore = HM_LCORE(0) },
		{ .receive = consumer_receive,
		  .state_size = sizeof(void *),
		  .args_size = sizeof(void *),
		  .lcore = HM_LCORE(1) },
	};
	static const struct hm_props producer = { .receive = producer_receive,
						  .state_size = sizeof(void *),
						  .args_size = sizeof(void *),
						  .lcore = HM_LCORE(0) };
	struct producer *p = &line.producer;
	struct hm_pid pid;

	for (uint32_t i = 0; i < LCORES; i++) {
		struct consumer *c = &line.consumers[i];

		*c = (struct consumer){ .index = i, .expected = i };
		require(hm_system_spawn(sys, &consumers[i], NULL, &c, &p->consumers[i]) == 0, "no consumer");
		require(hm_pid_lcore(p->consumers[i]) == i, "a consumer on another lcore");
	}
	require(hm_system_spawn(sys, &producer, "producer", &p, &pid) == 0, "no producer");
	require(hm_pid_lcore(pid) == 0, "the producer on another lcore");
	require(hm_system_send(sys, pid, START, NULL) == HM_OK, "no start");
}

/* Run the pipeline; memory 0: the default. Returns how many sends were refused. */
static uint64_t
run(uint64_t memory, uint64_t *random)
{
	static const struct hm_type types[] = { { .id = START, .name = "start" },
						{ .id = ITEM, .name = "item", .size = sizeof(uint64_t) },
						{ .id = GO_ON, .name = "go-on" } };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = LCORES, .memory = memory };
	struct hm_stats stats;

	memset(&line, 0, sizeof(line));
	line.work_rounds = WORK_ROUNDS / 2 + (uint32_t)hmt_random_below(random, WORK_ROUNDS);
	require(hm_system_create(&line.producer.sys, 0, NULL, &config) == 0, "no system");
	/* EAL of the tests logs errors alone. */
	require(rte_log_set_level_pattern("hermod", RTE_LOG_INFO) >= 0, "no log level");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		require(hm_type_register(line.producer.sys, &types[i]) == 0, "no type");
	actors_spawn(line.producer.sys);
	require(hm_system_start(line.producer.sys) == 0, "it does not start");
	require(hm_system_join(line.producer.sys) == 0, "it does not end");
	hm_system_stats(line.producer.sys, &stats);
	printf("%" PRIu64 " items: %" PRIu64 " refused, %" PRIu64 " times woken, %" PRIu64
	       " messages from the reserve\n",
	       line.received, line.producer.refused, line.producer.woken, stats.reserved);
	for (uint32_t i = 0; i < LCORES; i++) {
		require(line.consumers[i].broken == 0, "items out of order");
		require(line.consumers[i].received == ITEMS / LCORES, "items are missing");
	}
	require(stats.no_memory == line.producer.refused, "a refusal that nobody was told of");
	hm_system_destroy(line.producer.sys);
	return line.producer.refused;
}

static void
log_check(const char *text)
{
	require(strstr(text, "out of message memory: /user/producer could not send item") != NULL,
		"the log does not name producer and type");
	require(strstr(text, "--memory 16384K") != NULL, "the log does not name the option");
	require(strstr(text, "messages wait for") != NULL, "the log does not name what holds the messages");
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(0);
	size_t bytes = 0;
	char *text = NULL;
	FILE *log = open_memstream(&text, &bytes);

	hmt_eal_start_with(LCORES + 1, 64);
	require(log != NULL && rte_openlog_stream(log) == 0, "no log");
	do {
		require(run(0, &stress.random) == 0, "an item was refused");
		require(run(MEMORY_LITTLE, &stress.random) > 0,
			"nothing was refused: what is this test about?");
	} while (!hmt_stress_is_over(&stress));
	rte_openlog_stream(NULL);
	fclose(log);
	log_check(text);
	free(text);
	return EXIT_SUCCESS;
}
