/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_NODE_H
#define NET_NODE_H

/*
 * The two nodes of the tests, and what they print.
 *
 *     server   actor /user/sink: counts, answers what asks for it
 *                  "ready", then "got N" each 50,000 messages
 *     client   actor /user/driver: finds the sink, asks it, watches it, sends to it without end
 *                  "found", "answered", "flowing", then when the sink is gone
 *                  "terminated REASON dead N", and all over again
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hermod.h"
#include "hmt_net.pb-c.h"

#define NODE_NUMBERS (HM_TYPE_USER + 0)
#define NODE_POKE    (HM_TYPE_USER + 1)
#define NODE_BATCH   256u /* sent at once, the last of them asks for an answer */
#define NODE_REPORT  50000u

/* ---- Server ----------------------------------------------------------------------- */

struct node_sink {
	uint64_t got, last;
};

static inline void
node_sink_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct node_sink *sink = state;
	const Hermod__Test__Numbers *numbers = hm_msg_body(msg);
	Hermod__Test__Numbers reply;

	if (hm_msg_type(msg) != NODE_NUMBERS)
		return;
	if (numbers->a != 0 && sink->last != 0 && numbers->a != sink->last + 1)
		printf("wrong: %" PRIu64 " after %" PRIu64 "\n", numbers->a, sink->last);
	sink->last = numbers->a;
	if (++sink->got % NODE_REPORT == 0)
		printf("got %" PRIu64 "\n", sink->got);
	if (numbers->d == 0)
		return;
	hermod__test__numbers__init(&reply);
	reply.a = numbers->a;
	(void)hm_respond(ctx, NODE_NUMBERS, &reply);
}

/* ---- Client ----------------------------------------------------------------------- */

struct node_driver {
	struct hm_pid sink;
	uint64_t sent, answered;
};

static inline void node_find(struct hm_ctx *ctx);

static inline void
node_flow(struct hm_ctx *ctx, struct node_driver *driver)
{
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	for (uint32_t i = 0; i < NODE_BATCH; i++) {
		numbers.a = ++driver->sent;
		numbers.d = i + 1 == NODE_BATCH;
		(void)hm_request(ctx, driver->sink, NODE_NUMBERS, &numbers);
	}
}

static inline void
node_on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	       void *arg)
{
	struct node_driver *driver = state;

	(void)reply;
	(void)arg;
	if (result != HM_FUTURE_REPLY) {
		node_find(ctx);
		return;
	}
	printf("answered\n");
	if (hm_watch(ctx, driver->sink) != HM_OK)
		printf("wrong: no watch\n");
	driver->sent = driver->answered = 0;
	/* A few batches on their way at once. */
	for (int i = 0; i < 8; i++)
		node_flow(ctx, driver);
}

static inline void
node_on_identity(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
		 void *arg)
{
	struct node_driver *driver = state;
	Hermod__Test__Numbers numbers;

	(void)arg;
	driver->sink = hm_pid_none();
	if (result == HM_FUTURE_REPLY)
		driver->sink = ((const struct hm_identity *)hm_msg_body(reply))->pid;
	if (hm_pid_is_none(driver->sink)) {
		node_find(ctx);
		return;
	}
	printf("found\n");
	hermod__test__numbers__init(&numbers);
	numbers.d = 1;
	if (hm_ask(ctx, driver->sink, NODE_NUMBERS, &numbers, 5000000, node_on_answer, NULL) != HM_OK)
		printf("wrong: no ask\n");
}

static inline void
node_find(struct hm_ctx *ctx)
{
	if (hm_resolve(ctx, "hermod://server/user/sink", 300000, node_on_identity, NULL) != 0)
		printf("wrong: no resolve\n");
}

static inline void
node_gone(struct hm_ctx *ctx, const struct hm_terminated *terminated)
{
	struct hm_stats stats;

	hm_system_stats(hm_system(ctx), &stats);
	printf("terminated %u dead %" PRIu64 "\n", terminated->reason, stats.dead[HM_DEAD_NODE_LOST]);
	node_find(ctx);
}

static inline void
node_driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct node_driver *driver = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		node_find(ctx);
		break;
	case HM_TERMINATED:
		node_gone(ctx, hm_msg_body(msg));
		break;
	case NODE_NUMBERS:
		if (++driver->answered == 100)
			printf("flowing\n");
		if (!hm_pid_is_none(driver->sink))
			node_flow(ctx, driver);
		break;
	case NODE_POKE:
		/* The test's parent wants the sink stopped. */
		hm_stop(ctx, driver->sink);
		break;
	default:
		break;
	}
}

/* ---- Both ------------------------------------------------------------------------- */

/* Run as a node: `role`, and the command line after it. */
static inline int
node_main(const char *role, int argc, char **argv)
{
	static const struct hm_props sink = { .receive = node_sink_receive,
					      .state_size = sizeof(struct node_sink) };
	static const struct hm_props driver = { .receive = node_driver_receive,
						.state_size = sizeof(struct node_driver) };
	static const struct hm_module *const modules[] = { &hm_net_module, NULL };
	static const struct hm_type numbers = { .id = NODE_NUMBERS,
						.descriptor = &hermod__test__numbers__descriptor };
	static const struct hm_type poke = { .id = NODE_POKE, .name = "poke" };
	struct hm_config config = { .modules = modules };
	struct hm_system *sys;
	int rc;

	setvbuf(stdout, NULL, _IOLBF, 0);
	rc = hm_system_create(&sys, argc, argv, &config);
	if (rc != 0)
		return hm_exit_status(rc);
	if (hm_type_register(sys, &numbers) != 0 || hm_type_register(sys, &poke) != 0)
		return 1;
	if (strcmp(role, "server") == 0)
		rc = hm_system_spawn(sys, &sink, "sink", NULL, NULL);
	else
		rc = hm_system_spawn(sys, &driver, "driver", NULL, NULL);
	if (rc == 0) {
		printf("ready\n");
		rc = hm_system_run(sys);
	}
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}

#endif /* NET_NODE_H */
