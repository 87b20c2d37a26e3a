/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Actors on all lcores, and a thread, send through a router, while another actor adds and removes its routees, more than
 * 1,000 times in all, and some of those end.
 *
 *     senders, thread ──▶ router ──▶ routees that come and go
 *     manager ──add, remove, stop──▶
 *
 * Each message is received once, or is a dead letter; and what one sender sends to one routee stays in order.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hm_router.h"
#include "hm_system.h"
#include "hm_type.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define LCORES  3u
#define SENDERS 6u
#define ROUTEES 12u
/* Of each kind of router: thread sanitizers and busy machines need a second for ten. */
#define CHANGES 150u
#define BURST   16u

enum {
	GO = HM_TYPE_USER, /* no body */
	NUMBER,            /* body: struct number */
};

struct number {
	uint32_t sender, reserved;
	uint64_t serial;
};

struct shared {
	struct hm_system *sys;
	struct hm_pid router;
	uint32_t burst; /* messages of a sender's turn */
	_Atomic bool stop;
	_Atomic uint64_t changes, received, problems;
};

static void
problem(struct shared *shared, const char *what, uint64_t number)
{
	if (atomic_fetch_add_explicit(&shared->problems, 1, memory_order_relaxed) < 5)
		fprintf(stderr, "%s: %" PRIu64 "\n", what, number);
}

/* ---- Routees --------------------------------------------------------------------------------- */

struct routee {
	struct shared *shared;
	uint64_t last[SENDERS];
};

static void
routee_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct routee *routee = state;
	const struct number *number = hm_msg_body(msg);

	(void)ctx;
	if (hm_msg_type(msg) != NUMBER)
		return;
	if (number->serial <= routee->last[number->sender])
		problem(routee->shared, "out of order", number->serial);
	routee->last[number->sender] = number->serial;
	atomic_fetch_add_explicit(&routee->shared->received, 1, memory_order_relaxed);
}

static const struct hm_props routee_props = { .receive = routee_receive,
					      .state_size = sizeof(struct routee),
					      .args_size = sizeof(struct shared *),
					      .lcore = HM_LCORE_ANY };

/* ---- Senders ---------------------------------------------------------------------------------- */

struct sender {
	struct shared *shared;
	uint32_t index;
	uint64_t serial;
};

static void
sender_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct sender *sender = state;

	if (hm_msg_type(msg) != HM_STARTED && hm_msg_type(msg) != GO)
		return;
	if (atomic_load_explicit(&sender->shared->stop, memory_order_relaxed))
		return;
	for (uint32_t i = 0; i < sender->shared->burst; i++) {
		struct number number = { .sender = sender->index, .serial = ++sender->serial };

		if (hm_send(ctx, sender->shared->router, NUMBER, &number) != HM_OK)
			problem(sender->shared, "not sent", number.serial);
	}
	if (hm_send(ctx, hm_self(ctx), GO, NULL) != HM_OK)
		problem(sender->shared, "does not go on", sender->index);
}

static const struct hm_props sender_props = { .receive = sender_receive,
					      .state_size = sizeof(struct sender),
					      .args_size = sizeof(struct sender),
					      .lcore = HM_LCORE_ANY };

/* ---- The manager: adds, removes and stops ------------------------------------------------------- */

struct manager {
	struct shared *shared;
	uint64_t random;
	struct hm_pid routees[ROUTEES];
	bool is_in[ROUTEES];
};

static void
routee_new(struct hm_ctx *ctx, struct manager *manager, uint32_t i)
{
	if (hm_spawn(ctx, &routee_props, NULL, &manager->shared, &manager->routees[i]) != 0)
		problem(manager->shared, "not spawned", i);
	manager->is_in[i] = false;
}

static void
change(struct hm_ctx *ctx, struct manager *manager)
{
	struct hm_pid router = manager->shared->router;
	uint32_t i = (uint32_t)hmt_random_below(&manager->random, ROUTEES);

	if (manager->is_in[i] && hmt_random_below(&manager->random, 4) == 0) {
		hm_stop(ctx, manager->routees[i]);
		routee_new(ctx, manager, i);
	} else if (manager->is_in[i]) {
		(void)hm_router_remove(ctx, router, manager->routees[i]);
		manager->is_in[i] = false;
	} else {
		(void)hm_router_add(ctx, router, manager->routees[i]);
		manager->is_in[i] = true;
	}
	atomic_fetch_add_explicit(&manager->shared->changes, 1, memory_order_relaxed);
	/* The answer says that the change was made. */
	(void)hm_router_list(ctx, router);
}

static void
manager_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct manager *manager = state;

	if (hm_msg_type(msg) == HM_STARTED) {
		for (uint32_t i = 0; i < ROUTEES; i++)
			routee_new(ctx, manager, i);
		change(ctx, manager);
	} else if (hm_msg_type(msg) == HM_ROUTEES) {
		uint32_t count = ((const struct hm_routees *)hm_msg_body(msg))->count, wanted = 0;

		for (uint32_t i = 0; i < ROUTEES; i++)
			wanted += manager->is_in[i];
		/* And those that were stopped, until they have ended. */
		if (count < wanted)
			problem(manager->shared, "routees", count);
		if (!atomic_load_explicit(&manager->shared->stop, memory_order_relaxed))
			change(ctx, manager);
	}
}

static const struct hm_props manager_props = { .receive = manager_receive,
					       .state_size = sizeof(struct manager),
					       .args_size = sizeof(struct manager) };

/* ---- ------------------------------------------------------------------------------------------- */

static uint64_t
key_of(const struct hm_msg *msg, void *arg)
{
	(void)arg;
	return ((const struct number *)hm_msg_body(msg))->serial;
}

static void
system_start(struct shared *shared, uint32_t kind, uint64_t *random)
{
	static const struct hm_type types[] = {
		{ .id = GO, .name = "go" }, { .id = NUMBER, .name = "number", .size = sizeof(struct number) }
	};
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = LCORES };
	struct hm_router router = { .kind = kind, .key = kind == HM_ROUTER_HASH ? key_of : NULL };
	struct manager manager = { .shared = shared, .random = hmt_random(random) };
	struct hm_pid pid;

	if (hm_system_create(&shared->sys, 0, NULL, &config) != 0 ||
	    hm_type_register(shared->sys, &types[0]) != 0 || hm_type_register(shared->sys, &types[1]) != 0 ||
	    hm_system_router_spawn(shared->sys, &router, "router", &shared->router) != 0 ||
	    hm_system_spawn(shared->sys, &manager_props, "manager", &manager, &pid) != 0)
		exit(EXIT_FAILURE);
	for (uint32_t i = 0; i < SENDERS - 1; i++) {
		struct sender sender = { .shared = shared, .index = i };

		if (hm_system_spawn(shared->sys, &sender_props, NULL, &sender, &pid) != 0)
			exit(EXIT_FAILURE);
	}
	if (hm_system_start(shared->sys) != 0)
		exit(EXIT_FAILURE);
}

/* The last sender is this thread. Returns how many it has sent. */
static uint64_t
thread_send(struct shared *shared, const struct hmt_stress *stress)
{
	uint64_t sent = 0;

	while (atomic_load_explicit(&shared->changes, memory_order_relaxed) < CHANGES ||
	       !hmt_stress_is_over(stress)) {
		struct number number = { .sender = SENDERS - 1, .serial = sent + 1 };

		if (sent % BURST == 0)
			hmt_sleep_s(1e-4);
		sent += hm_system_send_wait(shared->sys, shared->router, NUMBER, &number, 1000) == HM_OK;
	}
	return sent;
}

static void
round_run(struct shared *shared, uint32_t kind, struct hmt_stress *stress)
{
	struct hm_stats stats;
	uint64_t dead = 0;

	/* Orders wait behind them at a balancing router. */
	shared->burst = kind == HM_ROUTER_BALANCING ? 1 : BURST;
	system_start(shared, kind, &stress->random);
	(void)thread_send(shared, stress);
	atomic_store_explicit(&shared->stop, true, memory_order_relaxed);
	hm_system_stop(shared->sys);
	if (hm_system_join(shared->sys) != 0)
		problem(shared, "not joined", 0);
	hm_system_stats(shared->sys, &stats);
	for (uint32_t i = 0; i < HM_DEAD_REASONS; i++)
		dead += stats.dead[i];
	if (stats.sent != stats.received + dead)
		problem(shared, "messages are missing", stats.sent - stats.received - dead);
	if (atomic_load(&shared->received) == 0)
		problem(shared, "none was received", kind);
	printf("kind %u: %" PRIu64 " changes, %" PRIu64 " received, %" PRIu64 " dead letters\n", kind,
	       atomic_load(&shared->changes), atomic_load(&shared->received), dead);
	hm_system_destroy(shared->sys);
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(2);
	uint64_t problems = 0;

	hmt_eal_start_with(LCORES + 1, 64);
	for (uint32_t kind = 0; kind < HM_ROUTER_KINDS; kind++) {
		static struct shared shared;

		memset(&shared, 0, sizeof(shared));
		round_run(&shared, kind, &stress);
		problems += atomic_load(&shared.problems);
	}
	return problems == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
