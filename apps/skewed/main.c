/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Customers, of whom one has most orders. Each has an actor on the lcore of its key. A monitor looks at the load of
 * the lcores, has the hottest actor move from where others wait, and then all of them back and forth:
 *
 *     lcore 0: feeder 0 ──┐  orders, numbered     ┌─▶ customers: in order?
 *     lcore 1: feeder 1 ──┴───────────────────────┘        │ tallies, HM_MOVED
 *              monitor, of high priority ◀─────────────────┘
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <hermod.h>

#define CUSTOMERS  6u
#define FEEDERS    2u
#define HOT        0u     /* index of the customer with most orders */
#define HOT_ORDERS 256u   /* of it in a round, for each feeder */
#define ORDERS     16u    /* of each of the others */
#define ORDER_NS   1000u  /* the work that an order is */
#define TALLY      512u   /* a customer tells of its orders each time that it has handled so many */
#define KNOWN      20000u /* orders that the monitor has to know of before it judges */
#define LOOK_US    500u
#define DRILLS     4u /* moves of each customer, after the one that load has asked for */
#define SECOND     1000000u

enum {
	ORDER = HM_TYPE_USER,
	HANDLED,       /* a customer, to the monitor: so many orders more */
	SETTLED,       /* a customer, to the monitor: it lives there now */
	LOOK,          /* the monitor, to itself */
	CUSTOMERS_ARE, /* the monitor, to a feeder */
	FINISH,        /* the monitor, to a feeder */
	FINISHED,      /* a feeder: the number of its orders */
	REPORT_TO_ME,  /* the monitor, to a customer */
	REPORT,
};

struct order {
	uint32_t feeder;
	uint64_t number; /* of this feeder and customer */
};

struct settled {
	uint32_t customer, lcore;
};

struct handled {
	uint32_t customer, orders;
};

struct customers {
	struct hm_pid pids[CUSTOMERS];
};

struct report {
	uint64_t orders, disorders;
};

/* ---- Customers -------------------------------------------------------------- */

struct customer {
	uint32_t index; /* an argument */
	uint32_t untold;
	uint64_t orders, disorders;
	uint64_t next[FEEDERS];
};

static void
handle_order(struct hm_ctx *ctx, struct customer *customer, const struct order *order)
{
	const uint64_t end = hm_now_ns(ctx) + ORDER_NS;

	customer->disorders += order->number != customer->next[order->feeder];
	customer->next[order->feeder] = order->number + 1;
	customer->orders++;
	if (++customer->untold == TALLY) {
		(void)hm_send(ctx, hm_parent(ctx), HANDLED, &(struct handled){ customer->index, TALLY });
		customer->untold = 0;
	}
	while (hm_now_ns(ctx) < end)
		;
}

static void
customer_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct customer *customer = state;

	switch (hm_msg_type(msg)) {
	case ORDER:
		handle_order(ctx, customer, hm_msg_body(msg));
		break;
	case HM_STARTED:
	case HM_MOVED:
		(void)hm_send(ctx, hm_parent(ctx), SETTLED,
			      &(struct settled){ customer->index, hm_lcore(ctx) });
		break;
	case REPORT_TO_ME:
		(void)hm_respond(ctx, REPORT, &(struct report){ customer->orders, customer->disorders });
		break;
	default:
		break;
	}
}

/* ---- Feeders: two, one on each lcore ------------------------------------------- */

struct feeder {
	uint32_t index; /* an argument */
	bool finish;
	struct customers customers;
	uint64_t sent[CUSTOMERS];
};

static void feed(struct hm_ctx *ctx, struct feeder *feeder);

static void
round_done(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *replies,
	   void *arg)
{
	struct feeder *feeder = state;
	uint64_t orders = 0;

	(void)replies;
	(void)arg;
	if (result != HM_FUTURE_REPLY)
		hm_fail(ctx, hm_future_result_name(result));
	if (!feeder->finish) {
		feed(ctx, feeder);
		return;
	}
	for (uint32_t i = 0; i < CUSTOMERS; i++)
		orders += feeder->sent[i];
	(void)hm_send(ctx, hm_parent(ctx), FINISHED, &orders);
}

/*
 * A round: the answers to HM_TOUCH come behind all orders. So few orders wait at any time, nobody is muted, and
 * customers, who have asked nothing themselves, may move whenever they like.
 */
static void
feed(struct hm_ctx *ctx, struct feeder *feeder)
{
	struct order orders[HOT_ORDERS];
	struct hm_batch_request requests[CUSTOMERS];
	const struct hm_batch batch = {
		.requests = requests, .count = CUSTOMERS, .timeout_us = 60 * SECOND, .on_end = round_done
	};

	for (uint32_t i = 0; i < CUSTOMERS; i++) {
		const uint32_t count = i == HOT ? HOT_ORDERS : ORDERS;

		for (uint32_t k = 0; k < count; k++)
			orders[k] = (struct order){ feeder->index, feeder->sent[i]++ };
		if (hm_send_batch(ctx, feeder->customers.pids[i], ORDER, orders, count, NULL) != HM_OK)
			hm_fail(ctx, "out of memory");
		requests[i] = (struct hm_batch_request){ feeder->customers.pids[i], HM_TOUCH, NULL };
	}
	if (hm_ask_batch(ctx, &batch) != HM_OK)
		hm_fail(ctx, "out of memory");
}

static void
feeder_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct feeder *feeder = state;

	switch (hm_msg_type(msg)) {
	case CUSTOMERS_ARE:
		memcpy(&feeder->customers, hm_msg_body(msg), sizeof(feeder->customers));
		feed(ctx, feeder);
		break;
	case FINISH:
		feeder->finish = true;
		break;
	default:
		break;
	}
}

/* ---- The monitor --------------------------------------------------------------- */

static const char *const names[CUSTOMERS] = { "acme", "globex", "initech", "umbrella", "hooli", "stark" };

struct monitor {
	struct customers customers;
	struct hm_pid feeders[FEEDERS];
	uint64_t handled[CUSTOMERS], known;
	uint32_t lcore[CUSTOMERS]; /* where each lives */
	uint32_t drills[CUSTOMERS];
	uint32_t settled, drilled, finished;
	uint64_t sent;
	bool moved; /* the hottest is asked to move */
};

static void
spawn_customers(struct hm_ctx *ctx, struct monitor *monitor)
{
	/* Short turns: those who share an lcore with the hottest one do not wait long. */
	static const struct hm_props props = { .receive = customer_receive,
					       .state_size = sizeof(struct customer),
					       .args_size = sizeof(uint32_t),
					       .lcore = HM_LCORE_KEY,
					       .quantum_us = 10 };

	for (uint32_t i = 0; i < CUSTOMERS; i++) {
		if (hm_spawn_key(ctx, &props, names[i], &i, hm_key(names[i], strlen(names[i])),
				 &monitor->customers.pids[i]) != 0)
			hm_fail(ctx, "no customer");
	}
}

static void
spawn_feeders(struct hm_ctx *ctx, struct monitor *monitor)
{
	static const struct hm_props props[FEEDERS] = {
		{ .receive = feeder_receive,
		  .state_size = sizeof(struct feeder),
		  .args_size = sizeof(uint32_t),
		  .lcore = HM_LCORE(0) },
		{ .receive = feeder_receive,
		  .state_size = sizeof(struct feeder),
		  .args_size = sizeof(uint32_t),
		  .lcore = HM_LCORE(1) },
	};

	for (uint32_t i = 0; i < FEEDERS; i++) {
		if (hm_spawn(ctx, &props[i], NULL, &i, &monitor->feeders[i]) != 0)
			hm_fail(ctx, "no feeder");
		(void)hm_send(ctx, monitor->feeders[i], CUSTOMERS_ARE, &monitor->customers);
	}
}

static uint32_t
hottest(const struct monitor *monitor)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < CUSTOMERS; i++) {
		if (monitor->handled[i] > monitor->handled[best])
			best = i;
	}
	return best;
}

static void
move(struct hm_ctx *ctx, const struct monitor *monitor, uint32_t customer, uint32_t lcore)
{
	if (hm_move(ctx, monitor->customers.pids[customer], lcore) != HM_OK)
		hm_fail(ctx, "cannot move");
}

/*
 * The load tells whether actors of an lcore wait, not for whom: that the customers tell themselves. A move is worth its
 * while for a customer that has more than half of all orders, and for which others wait.
 */
static void
look(struct hm_ctx *ctx, struct monitor *monitor)
{
	const uint32_t customer = hottest(monitor), from = monitor->lcore[customer];
	struct hm_load load;

	if (hm_system_load(hm_system(ctx), from, &load) != 0)
		hm_fail(ctx, "no such lcore");
	if (monitor->known < KNOWN || 2 * monitor->handled[customer] <= monitor->known || load.waiting == 0) {
		(void)hm_send_after(ctx, hm_self(ctx), LOOK, NULL, LOOK_US, 0, NULL);
		return;
	}
	printf("lcore %u: others wait for %s, which moves to lcore %u\n", from, names[customer], !from);
	monitor->moved = true;
	move(ctx, monitor, customer, !from);
}

static void
on_settled(struct hm_ctx *ctx, struct monitor *monitor, const struct settled *settled)
{
	const uint32_t customer = settled->customer;

	monitor->lcore[customer] = settled->lcore;
	if (++monitor->settled == CUSTOMERS) {
		for (uint32_t i = 0; i < CUSTOMERS; i++)
			printf("%s: lcore %u\n", names[i], monitor->lcore[i]);
		spawn_feeders(ctx, monitor);
		(void)hm_send(ctx, hm_self(ctx), LOOK, NULL);
	}
	if (!monitor->moved)
		return;
	if (monitor->settled == CUSTOMERS + 1) { /* the one that load has asked for: the drill begins */
		for (uint32_t i = 0; i < CUSTOMERS; i++)
			move(ctx, monitor, i, !monitor->lcore[i]);
	} else if (++monitor->drills[customer] < DRILLS) {
		move(ctx, monitor, customer, !settled->lcore);
	} else if (++monitor->drilled == CUSTOMERS) {
		for (uint32_t i = 0; i < FEEDERS; i++)
			(void)hm_send(ctx, monitor->feeders[i], FINISH, NULL);
	}
}

static void
on_reports(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *replies,
	   void *arg)
{
	const struct monitor *monitor = state;
	struct report sum = { 0 };
	struct hm_stats stats;

	(void)arg;
	if (result != HM_FUTURE_REPLY)
		hm_fail(ctx, hm_future_result_name(result));
	for (uint32_t i = 0; i < CUSTOMERS; i++) {
		const struct report *report = hm_msg_body(hm_replies_get(replies, i));

		sum.orders += report->orders;
		sum.disorders += report->disorders;
	}
	hm_system_stats(hm_system(ctx), &stats);
	printf("%llu moves under load\n", (unsigned long long)stats.moved);
	printf("%llu orders, %llu lost, %llu out of order\n", (unsigned long long)sum.orders,
	       (unsigned long long)(monitor->sent - sum.orders), (unsigned long long)sum.disorders);
	hm_system_stop(hm_system(ctx));
}

static void
on_finished(struct hm_ctx *ctx, struct monitor *monitor, const uint64_t *orders)
{
	struct hm_batch_request requests[CUSTOMERS];
	const struct hm_batch batch = {
		.requests = requests, .count = CUSTOMERS, .timeout_us = 60 * SECOND, .on_end = on_reports
	};

	monitor->sent += *orders;
	if (++monitor->finished < FEEDERS)
		return;
	for (uint32_t i = 0; i < CUSTOMERS; i++)
		requests[i] = (struct hm_batch_request){ monitor->customers.pids[i], REPORT_TO_ME, NULL };
	if (hm_ask_batch(ctx, &batch) != HM_OK)
		hm_fail(ctx, "out of memory");
}

static void
monitor_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct monitor *monitor = state;
	const struct handled *handled = hm_msg_body(msg);

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		spawn_customers(ctx, monitor);
		break;
	case SETTLED:
		on_settled(ctx, monitor, hm_msg_body(msg));
		break;
	case HANDLED:
		monitor->handled[handled->customer] += handled->orders;
		monitor->known += handled->orders;
		break;
	case LOOK:
		look(ctx, monitor);
		break;
	case FINISHED:
		on_finished(ctx, monitor, hm_msg_body(msg));
		break;
	default:
		break;
	}
}

/* ---- The program --------------------------------------------------------------- */

static int
set_up(struct hm_system *sys)
{
	static const struct hm_type types[] = {
		{ .id = ORDER, .name = "order", .size = sizeof(struct order) },
		{ .id = HANDLED, .name = "handled", .size = sizeof(struct handled) },
		{ .id = SETTLED, .name = "settled", .size = sizeof(struct settled) },
		{ .id = LOOK, .name = "look" },
		{ .id = CUSTOMERS_ARE, .name = "customers are", .size = sizeof(struct customers) },
		{ .id = FINISH, .name = "finish" },
		{ .id = FINISHED, .name = "finished", .size = sizeof(uint64_t) },
		{ .id = REPORT_TO_ME, .name = "report to me" },
		{ .id = REPORT, .name = "report", .size = sizeof(struct report) },
	};
	/* Beside actors that never pause, it has its turn first. */
	static const struct hm_props monitor = { .receive = monitor_receive,
						 .state_size = sizeof(struct monitor),
						 .lcore = HM_LCORE(1),
						 .priority = HM_ACTOR_HIGH };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(types) / sizeof(types[0]); i++)
		rc = hm_type_register(sys, &types[i]);
	return rc == 0 ? hm_system_spawn(sys, &monitor, "monitor", NULL, NULL) : rc;
}

int
main(int argc, char **argv)
{
	/* Whoever fails has the system stop: without it, nobody would. */
	static const struct hm_supervisor stop_all = { .directive = HM_DIRECTIVE_ESCALATE };
	static const struct hm_config config = { .summary = "A hot key, and a monitor that moves actors.",
						 .supervisor = &stop_all };
	struct hm_system *sys;
	int rc = hm_system_create(&sys, argc, argv, &config);

	if (rc == 0 && hm_system_lcores_shared(sys) != 2) {
		fprintf(stderr, "skewed: runs on two lcores: -l 0-1\n");
		rc = -EINVAL;
	} else if (rc == 0 && (rc = set_up(sys)) == 0) {
		rc = hm_system_run(sys);
	}
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
