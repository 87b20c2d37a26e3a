/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Customers, of whom one has most orders. Each has an actor on the lcore of its key. A monitor looks at the load of
 * the lcores, has the hottest actor move from where others wait, and then all of them back and forth:
 *
 *     lcore 0: feeder 0 ──┐  orders, numbered     ┌─▶ customers: in order?
 *     lcore 1: feeder 1 ──┴───────────────────────┘        │ tallies, HM_MOVED
 *              monitor, of high priority ◀─────────────────┘
 */
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

#define MESSAGES(MESSAGE)                                                                              \
	MESSAGE(take_order, struct order)                                                              \
	MESSAGE(handled, struct handled)         /* a customer, to the monitor: so many orders more */ \
	MESSAGE(settled, struct settled)         /* a customer, to the monitor: it lives there now */  \
	MESSAGE(look)                            /* the monitor, to itself */                          \
	MESSAGE(customers_are, struct customers) /* the monitor, to a feeder */                        \
	MESSAGE(finish)                          /* the monitor, to a feeder */                        \
	MESSAGE(finished, uint64_t)              /* a feeder: the number of its orders */              \
	MESSAGE(report_to_me)                    /* the monitor, to a customer */                      \
	MESSAGE(report, struct report)
HM_MESSAGES(shop, HM_TYPE_USER, MESSAGES);

/* ---- Customers -------------------------------------------------------------- */

struct customer {
	uint32_t index; /* an argument */
	uint32_t untold;
	uint64_t orders, disorders;
	uint64_t next[FEEDERS];
};

static void
on_order(struct hm_ctx *ctx, struct customer *customer, const struct order *order)
{
	const uint64_t end = hm_now_ns(ctx) + ORDER_NS;

	customer->disorders += order->number != customer->next[order->feeder];
	customer->next[order->feeder] = order->number + 1;
	customer->orders++;
	if (++customer->untold == TALLY) {
		(void)handled_send(ctx, hm_parent(ctx), &(struct handled){ customer->index, TALLY });
		customer->untold = 0;
	}
	while (hm_now_ns(ctx) < end)
		;
}

static void
settle(struct hm_ctx *ctx, struct customer *customer)
{
	(void)settled_send(ctx, hm_parent(ctx), &(struct settled){ customer->index, hm_lcore(ctx) });
}

static void
tell(struct hm_ctx *ctx, struct customer *customer)
{
	(void)report_respond(ctx, &(struct report){ customer->orders, customer->disorders });
}

HM_RECEIVE(customer_receive, struct customer,
	   HM_ON_EMPTY(HM_STARTED, settle) HM_ON_EMPTY(HM_MOVED, settle) HM_ON(take_order, on_order)
		   HM_ON_EMPTY(report_to_me, tell));

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
	(void)finished_send(ctx, hm_parent(ctx), &orders);
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
		if (take_order_send_batch(ctx, feeder->customers.pids[i], orders, count, NULL) != HM_OK)
			hm_fail(ctx, "out of memory");
		requests[i] = (struct hm_batch_request){ feeder->customers.pids[i], HM_TOUCH, NULL };
	}
	if (hm_ask_batch(ctx, &batch) != HM_OK)
		hm_fail(ctx, "out of memory");
}

static void
begin(struct hm_ctx *ctx, struct feeder *feeder, const struct customers *customers)
{
	feeder->customers = *customers;
	feed(ctx, feeder);
}

static void
on_finish(struct hm_ctx *ctx, struct feeder *feeder)
{
	(void)ctx;
	feeder->finish = true;
}

HM_RECEIVE(feeder_receive, struct feeder, HM_ON(customers_are, begin) HM_ON_EMPTY(finish, on_finish));

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
		(void)customers_are_send(ctx, monitor->feeders[i], &monitor->customers);
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
on_look(struct hm_ctx *ctx, struct monitor *monitor)
{
	const uint32_t customer = hottest(monitor), from = monitor->lcore[customer];
	struct hm_load load;

	if (hm_system_load(hm_system(ctx), from, &load) != 0)
		hm_fail(ctx, "no such lcore");
	if (monitor->known < KNOWN || 2 * monitor->handled[customer] <= monitor->known || load.waiting == 0) {
		(void)look_send_after(ctx, hm_self(ctx), LOOK_US, 0, NULL);
		return;
	}
	printf("lcore %u: others wait for %s, which moves to lcore %u\n", from, names[customer], !from);
	monitor->moved = true;
	move(ctx, monitor, customer, !from);
}

static void
on_settled(struct hm_ctx *ctx, struct monitor *monitor, const struct settled *home)
{
	const uint32_t customer = home->customer;

	monitor->lcore[customer] = home->lcore;
	if (++monitor->settled == CUSTOMERS) {
		for (uint32_t i = 0; i < CUSTOMERS; i++)
			printf("%s: lcore %u\n", names[i], monitor->lcore[i]);
		spawn_feeders(ctx, monitor);
		(void)look_send(ctx, hm_self(ctx));
	}
	if (!monitor->moved)
		return;
	if (monitor->settled == CUSTOMERS + 1) { /* the one that load has asked for: the drill begins */
		for (uint32_t i = 0; i < CUSTOMERS; i++)
			move(ctx, monitor, i, !monitor->lcore[i]);
	} else if (++monitor->drills[customer] < DRILLS) {
		move(ctx, monitor, customer, !home->lcore);
	} else if (++monitor->drilled == CUSTOMERS) {
		for (uint32_t i = 0; i < FEEDERS; i++)
			(void)finish_send(ctx, monitor->feeders[i]);
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
		const struct report *one = report_body(hm_replies_get(replies, i));

		sum.orders += one->orders;
		sum.disorders += one->disorders;
	}
	hm_system_stats(hm_system(ctx), &stats);
	printf("%llu moves under load\n", (unsigned long long)stats.moved);
	printf("%llu orders, %llu lost, %llu out of order\n", (unsigned long long)sum.orders,
	       (unsigned long long)(monitor->sent - sum.orders), (unsigned long long)sum.disorders);
	hm_stop(ctx, hm_self(ctx));
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
		requests[i] = (struct hm_batch_request){ monitor->customers.pids[i], report_to_me, NULL };
	if (hm_ask_batch(ctx, &batch) != HM_OK)
		hm_fail(ctx, "out of memory");
}

static void
on_handled(struct hm_ctx *ctx, struct monitor *monitor, const struct handled *tally)
{
	(void)ctx;
	monitor->handled[tally->customer] += tally->orders;
	monitor->known += tally->orders;
}

HM_RECEIVE(monitor_receive, struct monitor,
	   HM_ON_EMPTY(HM_STARTED, spawn_customers) HM_ON(settled, on_settled) HM_ON(handled, on_handled)
		   HM_ON_EMPTY(look, on_look) HM_ON(finished, on_finished));

int
main(int argc, char **argv)
{
	/* Beside actors that never pause, it has its turn first. */
	static const struct hm_props monitor = { .receive = monitor_receive,
						 .state_size = sizeof(struct monitor),
						 .lcore = HM_LCORE(1),
						 .priority = HM_ACTOR_HIGH };
	/* Whoever fails has the system stop: without it, nobody would. */
	static const struct hm_supervisor stop_all = { .directive = HM_DIRECTIVE_ESCALATE };
	static const struct hm_config config = { .summary = "A hot key, and a monitor that moves actors.",
						 .supervisor = &stop_all };
	static const struct hm_program program = { .config = &config,
						   .prepare = shop_register,
						   .props = &monitor,
						   .name = "monitor",
						   .lcores_min = 2,
						   .lcores_max = 2 };

	return hm_program_run(&program, argc, argv);
}
