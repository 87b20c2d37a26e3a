/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What else an lcore does waits no longer than 100 us for actors whose receive functions are slow,
 * in a clock that these turn on.
 */
#include <time.h>

#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"

#define US        1000u
#define PERIOD_US 200u
#define LATE_US   100u
#define WARM_UP   80u

TestSuite(engine_turn, .init = hmt_eal_start);

static struct hmt_node node;
static struct hmt_probe slow[8], prompt;
static uint64_t step_us, due_ns, late_ns_max;
static uint32_t ticks;

static void
take_long(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		node.now_ns += step_us * US;
}

/* A tick of the prompt actor: it notes how late it comes, and asks for the next. */
static void
tick(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_EMPTY) {
		late_ns_max = RTE_MAX(late_ns_max, node.now_ns - due_ns);
		ticks++;
	}
	due_ns = node.now_ns + PERIOD_US * US;
	cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_EMPTY, NULL, PERIOD_US, 0, NULL), HM_OK);
}

struct feed {
	uint32_t actors, messages;
};

static void
feed_send(struct hm_ctx *ctx, void *arg)
{
	const struct feed *feed = arg;

	for (uint64_t k = 0; k < feed->messages; k++) {
		for (uint32_t i = 0; i < feed->actors; i++)
			cr_assert_eq(hm_send(ctx, slow[i].pid, HMT_NUMBER, &k), HM_OK);
	}
}

/* All at once, so that they wait in mailboxes; runs when the test turns. */
static void
send_each(uint32_t actors, uint32_t messages)
{
	static struct feed feed;
	struct hmt_deed deed = { feed_send, &feed };

	feed = (struct feed){ actors, messages };
	cr_assert_eq(hm_system_send(node.sys, prompt.pid, HMT_DO, &deed), HM_OK);
}

static const char *options = "--mailbox 1000000";
static uint32_t late_us = LATE_US;

static void
start(uint32_t actors, uint32_t messages)
{
	/* Who feeds them does not wait for them. */
	hmt_node_start_with(&node, 1, 16384, options);
	prompt.on_msg = tick;
	(void)hmt_probe_spawn(&node, &prompt, 0, "prompt");
	for (uint32_t i = 0; i < actors; i++) {
		slow[i].on_msg = take_long;
		(void)hmt_probe_spawn(&node, &slow[i], 0, NULL);
	}
	/* It takes a few messages to learn that they are slow. */
	send_each(actors, WARM_UP);
	hmt_turn_until_idle(&node);
	late_ns_max = ticks = 0;
	send_each(actors, messages);
}

static void
must_be_in_time(uint32_t actors, uint32_t messages)
{
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < actors; i++)
		cr_assert_eq(slow[i].count, 1 + WARM_UP + messages);
	cr_assert_gt(ticks, 1);
	cr_assert_leq(late_ns_max, late_us * US, "%lu ns late", late_ns_max);
	hmt_node_drop(&node);
}

Test(engine_turn, timer__beside_an_actor_of_a_microsecond)
{
	step_us = 1;
	start(1, 4000);
	must_be_in_time(1, 4000);
}

Test(engine_turn, timer__beside_many_actors_of_a_microsecond)
{
	step_us = 1;
	start(8, 400);
	must_be_in_time(8, 400);
}

/* A quantum of time adds to the bound. */
Test(engine_turn, timer__beside_actors_with_the_longest_quantum)
{
	options = "--mailbox 1000000 --quantum-us 40";
	late_us = LATE_US + HM_QUANTUM_US_MAX;
	step_us = 1;
	start(8, 400);
	must_be_in_time(8, 400);
}

Test(engine_turn, timer__beside_an_actor_of_thirty_microseconds)
{
	step_us = 30;
	start(1, 200);
	must_be_in_time(1, 200);
}

/* One call is what cannot be divided. */
Test(engine_turn, timer__beside_an_actor_of_a_millisecond)
{
	step_us = 1000;
	start(1, 100);
	hmt_turn_until_idle(&node);
	cr_assert_gt(ticks, 10);
	cr_assert_leq(late_ns_max, 2000 * US, "%lu ns late", late_ns_max);
	hmt_node_drop(&node);
}

/* Messages that were not handled in a turn keep their order, and are handled once. */
Test(engine_turn, run__cut_short_keeps_order)
{
	step_us = 7;
	start(1, 170);
	hmt_turn_until_idle(&node);
	cr_assert_eq(slow[0].count, 1 + WARM_UP + 170);
	for (uint32_t i = 0; i < 170; i++)
		cr_assert_eq(slow[0].seen[1 + WARM_UP + i].number, i);
	hmt_node_drop(&node);
}

/* ---- What actors do besides user messages ---- */

#define CHILDREN 1000u

static void
spawn_children(struct hm_ctx *ctx, void *children)
{
	static struct hmt_probe child;

	(void)children;
	for (uint32_t i = 0; i < CHILDREN; i++)
		cr_assert_eq(hmt_probe_child(ctx, &child, HMT_LCORE_SAME, NULL), 0);
}

static void
mourn_long(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) == HM_TERMINATED)
		node.now_ns += step_us * US;
}

/* A parent that stops is notified of the end of many children at once, and takes its time for each. */
Test(engine_turn, timer__beside_a_parent_whose_children_end)
{
	static struct hmt_probe parent = { .on_msg = mourn_long };

	step_us = 4;
	start(0, 0);
	hmt_do(&node, hmt_probe_spawn(&node, &parent, 0, NULL), spawn_children, NULL);
	late_ns_max = ticks = 0;
	cr_assert_eq(hm_system_stop_actor(node.sys, parent.pid), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&parent, HM_STOPPED), 1);
	cr_assert_eq(parent.count, 3 + CHILDREN);
	must_be_in_time(0, 0);
}

/* ---- The time ---- */

static void
time_note(struct hm_ctx *ctx, void *arg)
{
	*(uint64_t *)arg = hm_now_ns(ctx);
}

Test(engine_turn, now__is_that_of_the_clock_given)
{
	static struct hmt_probe probe;
	uint64_t now_ns = 0;

	hmt_node_start(&node, 1);
	node.now_ns += 12345;
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), time_note, &now_ns);
	cr_assert_eq(now_ns, node.now_ns);
	hmt_node_end(&node);
}

static uint64_t
monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Between two readings of CLOCK_MONOTONIC, but for a microsecond; also in the first turn, long after creation. */
Test(engine_turn, now__is_true_in_the_first_turn)
{
	static struct hmt_probe probe;
	struct timespec pause = { .tv_nsec = 200 * 1000 * 1000 };
	uint64_t before, now_ns = 0;

	hmt_node_start(&node, 1);
	/* As if it had been created with the machine's clock. */
	node.sys->clock.read = NULL;
	node.sys->lcores[0]->worker.now_ns = 0;
	(void)hmt_probe_spawn(&node, &probe, 0, NULL);
	nanosleep(&pause, NULL);
	before = monotonic_ns();
	hmt_do(&node, probe.pid, time_note, &now_ns);
	cr_assert_geq(now_ns + US, before);
	cr_assert_leq(now_ns, monotonic_ns() + US);
	hmt_node_end(&node);
}
