/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that actors hand to the offload pool: results, refusals, cancelling, and the end of either side.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <sched.h>
#include <semaphore.h>

#include "hm_offload.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_types.pb-c.h"
#include "rcu_pvt.h"

TestSuite(engine_offload, .init = hmt_eal_start);

enum {
	PROTO = HMT_TYPE_NEXT,
};

/* One call, as a probe is told to make it. */
struct order {
	hm_offload_fn *run;
	const void *args;
	size_t size;
	uint16_t type;
	struct hm_offload call;
	enum hm_result result;
};

static void
hand_over(struct hm_ctx *ctx, void *arg)
{
	struct order *order = arg;

	order->result = hm_offload(ctx, order->run, order->args, order->size, order->type, &order->call);
}

static void
cancel(struct hm_ctx *ctx, void *arg)
{
	hm_offload_cancel(ctx, ((struct order *)arg)->call);
}

static void
hand_over_and_cancel(struct hm_ctx *ctx, void *arg)
{
	hand_over(ctx, arg);
	cancel(ctx, arg);
}

static uint32_t calls;

static void
square(const struct hm_work *work, void *args, void *result)
{
	uint64_t *number = args;

	cr_assert_not(hm_work_is_cancelled(work));
	cr_assert_eq(*(uint64_t *)result, 0, "zeroed");
	calls++;
	*(uint64_t *)result = *number * *number;
}

static void
no_result(const struct hm_work *work, void *args, void *result)
{
	(void)work;
	(void)args;
	cr_assert_null(result);
	calls++;
}

Test(engine_offload, offload__result_is_a_message)
{
	static struct hmt_probe probes[2];
	struct hmt_node node;
	uint64_t seven = 7;
	struct order order = { .run = square, .args = &seven, .size = sizeof(seven), .type = HMT_NUMBER };
	struct order empty = { .run = no_result, .type = HMT_EMPTY };

	hmt_node_start(&node, 2);
	for (uint32_t i = 0; i < 2; i++) {
		const struct hmt_seen *seen;

		hmt_probe_spawn(&node, &probes[i], i, NULL);
		hmt_do(&node, probes[i].pid, hand_over, &order);
		hmt_do(&node, probes[i].pid, hand_over, &empty);
		cr_assert_eq(order.result, HM_OK);
		cr_assert_eq(empty.result, HM_OK);
		seen = hmt_seen_last(&probes[i], HMT_NUMBER);
		cr_assert_not_null(seen);
		cr_assert_eq(seen->number, 49);
		cr_assert(hm_pid_is_none(seen->sender));
		cr_assert_eq(hmt_seen_count(&probes[i], HMT_EMPTY), 1);
	}
	cr_assert_eq(calls, 4);
	cr_assert_eq(hmt_stats(&node).offloaded, 4);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

static void
sum_bytes(const struct hm_work *work, void *args, void *result)
{
	const uint8_t *bytes = args;

	(void)work;
	for (size_t i = 0; i < HM_OFFLOAD_ARGS_MAX; i++)
		*(uint64_t *)result += bytes[i];
}

Test(engine_offload, offload__longest_arguments)
{
	static uint8_t bytes[HM_OFFLOAD_ARGS_MAX + 1];
	static struct hmt_probe probe;
	struct hmt_node node;
	struct order order = {
		.run = sum_bytes, .args = bytes, .size = HM_OFFLOAD_ARGS_MAX, .type = HMT_NUMBER
	};

	memset(bytes, 3, sizeof(bytes));
	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, hand_over, &order);
	cr_assert_eq(hmt_seen_last(&probe, HMT_NUMBER)->number, 3u * HM_OFFLOAD_ARGS_MAX);
	order.size++;
	hmt_do(&node, probe.pid, hand_over, &order);
	cr_assert_eq(order.result, HM_TOO_BIG);
	hmt_node_end(&node);
}

Test(engine_offload, offload__wrong_arguments)
{
	static const struct hm_type proto = { .id = PROTO, .descriptor = &hmt__flat__descriptor };
	static struct hmt_probe probe;
	static const struct {
		struct order order;
		enum hm_result result;
	} cases[] = {
		{ { .run = NULL, .type = HMT_EMPTY }, HM_INVALID },
		{ { .run = no_result, .args = NULL, .size = 8, .type = HMT_EMPTY }, HM_INVALID },
		{ { .run = no_result, .type = PROTO }, HM_INVALID },
		{ { .run = no_result, .type = PROTO + 1 }, HM_UNKNOWN_TYPE },
	};
	struct hmt_node node;

	hmt_node_start(&node, 1);
	cr_assert_eq(hm_type_register(node.sys, &proto), 0);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct order order = cases[i].order;

		hmt_do(&node, probe.pid, hand_over, &order);
		cr_assert_eq(order.result, cases[i].result, "case %zu", i);
		cr_assert_eq(order.call.id, 0, "untouched");
	}
	cr_assert_eq(calls, 0);
	hmt_node_end(&node);
}

/* More than may wait, in one turn. */
static void
hand_over_many(struct hm_ctx *ctx, void *arg)
{
	struct order *order = arg;

	for (int i = 0; i < 15; i++) {
		hand_over(ctx, order);
		cr_assert_eq(order->result, HM_OK);
	}
	hand_over(ctx, order);
}

Test(engine_offload, offload__as_many_as_may_wait)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct order order = { .run = no_result, .type = HMT_EMPTY };

	hmt_node_start_with(&node, 1, 0, "--offload-queue 16");
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, hand_over_many, &order);
	cr_assert_eq(order.result, HM_WOULD_BLOCK);
	cr_assert_eq(hmt_stats(&node).offload_refused, 1);
	cr_assert_eq(hmt_seen_count(&probe, HMT_EMPTY), 15);
	hmt_do(&node, probe.pid, hand_over, &order);
	cr_assert_eq(order.result, HM_OK, "there is room again");
	hmt_node_end(&node);
}

Test(engine_offload, cancel__waiting_call_is_not_made)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct order order = { .run = no_result, .type = HMT_EMPTY };

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, hand_over_and_cancel, &order);
	cr_assert_eq(calls, 0);
	cr_assert_eq(hmt_seen_count(&probe, HMT_EMPTY), 0);
	cr_assert_eq(hmt_dead(&node), 0);
	/* Over, or never there. */
	hmt_do(&node, probe.pid, hand_over, &order);
	hmt_do(&node, probe.pid, cancel, &order);
	order.call.id = 12345;
	hmt_do(&node, probe.pid, cancel, &order);
	cr_assert_eq(hmt_seen_count(&probe, HMT_EMPTY), 1);
	hmt_node_end(&node);
}

static void
hand_over_and_stop(struct hm_ctx *ctx, void *arg)
{
	hand_over(ctx, arg);
	hm_stop(ctx, hm_self(ctx));
}

Test(engine_offload, stop__waiting_call_of_an_actor_that_ends_is_not_made)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct order order = { .run = no_result, .type = HMT_EMPTY };

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, hand_over_and_stop, &order);
	cr_assert_eq(order.result, HM_OK);
	cr_assert_eq(calls, 0);
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

/* ---- With threads -------------------------------------------------------------------- */

/* A call that waits until the test lets it go on. */
static struct {
	sem_t runs, may_end;
	bool saw_cancel;
} gate;

static void
wait_at_gate(const struct hm_work *work, void *args, void *result)
{
	(void)args;
	(void)result;
	sem_post(&gate.runs);
	while (sem_wait(&gate.may_end) != 0)
		;
	gate.saw_cancel = hm_work_is_cancelled(work);
}

static void
await(sem_t *sem)
{
	while (sem_wait(sem) != 0)
		;
}

/* What the probe of a background system does for each number. */
enum deed {
	HAND_OVER,
	CANCEL,
	STOP,
};

static void
do_deed(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	switch (*(const uint64_t *)hm_msg_body(msg)) {
	case HAND_OVER:
		hand_over(ctx, probe->arg);
		break;
	case CANCEL:
		cancel(ctx, probe->arg);
		break;
	default:
		hm_stop(ctx, hm_self(ctx));
		break;
	}
}

static struct hm_system *
background(struct hmt_probe *probe, struct order *order)
{
	static const struct hm_type types[] = {
		{ .id = HMT_NUMBER, .name = "number", .size = sizeof(uint64_t) },
		{ .id = HMT_EMPTY, .name = "empty" },
	};
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = 1 };
	struct hm_system *sys;

	sem_init(&gate.runs, 0, 0);
	sem_init(&gate.may_end, 0, 0);
	cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), 0);
	cr_assert_eq(hm_type_register(sys, &types[0]), 0);
	cr_assert_eq(hm_type_register(sys, &types[1]), 0);
	*order = (struct order){ .run = wait_at_gate, .type = HMT_EMPTY };
	*probe = (struct hmt_probe){ .on_msg = do_deed, .arg = order };
	cr_assert_eq(hm_system_spawn(sys, hmt_probe_props(HMT_LCORE_SAME), NULL, &probe, &probe->pid), 0);
	cr_assert_eq(hm_system_start(sys), 0);
	cr_assert_eq(hm_system_send(sys, probe->pid, HMT_NUMBER, &(uint64_t){ HAND_OVER }), HM_OK);
	await(&gate.runs);
	return sys;
}

static void
end(struct hm_system *sys)
{
	hm_system_stop(sys);
	cr_assert_eq(hm_system_join(sys), 0);
	hmt_books_check(sys);
	hmt_system_free(sys);
}

static void
wait_for_stats(const struct hm_system *sys, bool (*is_there)(const struct hm_stats *stats))
{
	struct hm_stats stats;

	do {
		sched_yield();
		hm_system_stats(sys, &stats);
	} while (!is_there(&stats));
}

static bool
two_numbers_received(const struct hm_stats *stats)
{
	return stats->received >= 2;
}

Test(engine_offload, cancel__call_that_runs_learns_of_it)
{
	static struct hmt_probe probe;
	struct order order;
	struct hm_system *sys = background(&probe, &order);

	cr_assert_eq(hm_system_send(sys, probe.pid, HMT_NUMBER, &(uint64_t){ CANCEL }), HM_OK);
	wait_for_stats(sys, two_numbers_received);
	sem_post(&gate.may_end);
	end(sys);
	cr_assert(gate.saw_cancel);
	cr_assert_eq(hmt_seen_count(&probe, HMT_EMPTY), 0);
}

static bool
probe_stopped(const struct hm_stats *stats)
{
	return stats->stopped >= 1;
}

static bool
one_dead(const struct hm_stats *stats)
{
	return stats->dead[HM_DEAD_NO_PROCESS] == 1;
}

Test(engine_offload, stop__result_of_an_actor_that_ended_is_a_dead_letter)
{
	static struct hmt_probe probe;
	struct order order;
	struct hm_system *sys = background(&probe, &order);

	cr_assert_eq(hm_system_send(sys, probe.pid, HMT_NUMBER, &(uint64_t){ STOP }), HM_OK);
	wait_for_stats(sys, probe_stopped);
	sem_post(&gate.may_end);
	wait_for_stats(sys, one_dead);
	end(sys);
	cr_assert(gate.saw_cancel);
}

/* Lets the call go on once the system is being stopped. */
static void *
open_behind_stop(void *sys)
{
	while (!hmi_offload_is_stopping(&((struct hm_system *)sys)->offload))
		sched_yield();
	sem_post(&gate.may_end);
	return NULL;
}

Test(engine_offload, join__waits_for_a_call_that_runs)
{
	static struct hmt_probe probe;
	struct order order;
	struct hm_system *sys = background(&probe, &order);
	pthread_t helper;

	pthread_create(&helper, NULL, open_behind_stop, sys);
	end(sys);
	pthread_join(helper, NULL);
	cr_assert(gate.saw_cancel, "a call can see that the system stops");
}

/* In a call, while the system stops: who would wait for an lcore is told that there is none any more. */
static struct {
	struct hm_system *sys;
	struct hm_pid pid;
	int spawned, asked;
} late;

static void
call_the_system(const struct hm_work *work, void *args, void *result)
{
	wait_at_gate(work, args, result);
	late.spawned = hm_system_spawn(late.sys, hmt_probe_props(HMT_LCORE_SAME), NULL,
				       &(struct hmt_probe *){ NULL }, NULL);
	late.asked = hm_system_ask(late.sys, late.pid, HMT_EMPTY, NULL, 60000000, NULL);
}

static void *
open_both_behind_stop(void *sys)
{
	(void)open_behind_stop(sys);
	sem_post(&gate.may_end);
	return NULL;
}

Test(engine_offload, join__a_call_asks_while_the_system_stops)
{
	static struct hmt_probe probe;
	struct order order;
	struct hm_system *sys = background(&probe, &order);
	pthread_t helper;

	late.sys = sys;
	late.pid = probe.pid;
	order.run = call_the_system;
	cr_assert_eq(hm_system_send(sys, probe.pid, HMT_NUMBER, &(uint64_t){ HAND_OVER }), HM_OK);
	await(&gate.runs);
	pthread_create(&helper, NULL, open_both_behind_stop, sys);
	hm_system_stop(sys);
	cr_assert_eq(hm_system_join(sys), 0);
	pthread_join(helper, NULL);
	cr_assert_eq(late.spawned, -ESHUTDOWN);
	cr_assert_eq(late.asked, -ESHUTDOWN);
	hmt_system_free(sys);
}

/* All that there is goes to the caller's own messages. */
static void
hand_over_without_memory(struct hm_ctx *ctx, void *arg)
{
	static struct hm_msg *held[8192];
	struct order *order = arg;
	uint32_t count = 0;

	while (count < RTE_DIM(held) && (held[count] = hm_msg_new(ctx, HMT_BIG, 0)) != NULL)
		count++;
	cr_assert_lt(count, RTE_DIM(held));
	hand_over(ctx, order);
	while (count > 0)
		hm_msg_free(ctx, held[--count]);
}

Test(engine_offload, offload__without_memory_is_refused)
{
	static uint8_t bytes[HM_OFFLOAD_ARGS_MAX];
	static struct hmt_probe probe;
	struct hmt_node node;
	struct order order = { .run = no_result, .args = bytes, .size = sizeof(bytes), .type = HMT_EMPTY };

	hmt_node_start_with(&node, 1, 256u << 10, NULL);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, hand_over_without_memory, &order);
	cr_assert_eq(order.result, HM_NO_MEMORY);
	cr_assert_eq(calls, 0);
	hmt_node_end(&node);
}

Test(engine_offload, destroy__system_that_never_ran)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct order order = { .run = no_result, .type = HMT_EMPTY };

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	/* Handed over, and dropped before the call. */
	hm_system_send(node.sys, probe.pid, HMT_DO, &(struct hmt_deed){ hand_over, &order });
	hmi_rcu_enter();
	for (int i = 0; i < 3; i++)
		hmi_worker_turn(&node.sys->lcores[0]->worker);
	hmi_rcu_leave();
	cr_assert_eq(order.result, HM_OK);
	hmt_node_drop(&node);
	cr_assert_eq(calls, 0);
}
