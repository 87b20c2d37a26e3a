/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outbox is bounded: actors that others than their lcore's actors keep busy cannot fill it, and are muted by the mailboxes
 * of those to whom they send.
 */
#include <criterion/criterion.h>

#include "actor_pvt.h"
#include "hm_buffer.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "outbox_pvt.h"

TestSuite(engine_outbox, .init = hmt_eal_start);

#define SINKS     48u
#define FAN       64u /* messages that the producer sends in its turn */
#define SINK_US   5u
#define PERIOD_US 40u
#define SLACK     (2 * FAN) /* what is sent until the outbox is looked at */

static struct hmt_node node;
static struct hmt_probe producer, sinks[SINKS];
static struct hm_pid sink_pids[SINKS];
static uint64_t sent, received, next[SINKS];
static uint32_t fan;
static struct hm_buffer *buffer;

/* In the order in which they were sent. */
static void
take_long(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t *expected = &next[probe - sinks];

	(void)ctx;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_assert_eq(*(const uint64_t *)hm_msg_body(msg), *expected);
	*expected += 1;
	received++;
	node.now_ns += SINK_US * 1000;
}

/* One to each sink in turn. */
static void
burst(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < fan; i++) {
		uint64_t number = sent / SINKS;
		struct hm_pid to = sink_pids[sent++ % SINKS];

		if (buffer == NULL)
			cr_assert_eq(hm_send(ctx, to, HMT_NUMBER, &number), HM_OK);
		else
			cr_assert_eq(hm_send_buffer(ctx, to, HMT_NUMBER, &number, hm_buffer_get(buffer)),
				     HM_OK);
	}
}

static void
fan_out(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_EMPTY)
		burst(ctx, NULL);
}

static void
tick_start(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_EMPTY, NULL, PERIOD_US, PERIOD_US, NULL), HM_OK);
}

static void
start_on(uint32_t lcores, uint64_t memory, const char *options)
{
	producer = (struct hmt_probe){ .on_msg = fan_out };
	sent = received = 0;
	fan = FAN;
	buffer = NULL;
	hmt_node_start_with(&node, lcores, memory, options);
	for (uint32_t i = 0; i < SINKS; i++) {
		sinks[i] = (struct hmt_probe){ .on_msg = take_long };
		sink_pids[i] = hmt_probe_spawn(&node, &sinks[i], 0, NULL);
		next[i] = 0;
	}
	hmt_probe_spawn(&node, &producer, 0, NULL);
	hmt_turn_until_idle(&node);
}

static void
start(uint64_t memory, const char *options)
{
	start_on(1, memory, options);
}

static void
producer_do(void (*fn)(struct hm_ctx *ctx, void *arg))
{
	struct hmt_deed deed = { fn, NULL };

	cr_assert_eq(hm_system_send(node.sys, producer.pid, HMT_DO, &deed), HM_OK);
}

/* Let timers drive the producer for so many turns. Returns how many messages waited in the outbox at most. */
static uint32_t
drive(uint32_t turns)
{
	const struct hmi_outbox *outbox = &node.sys->lcores[0]->outbox;
	uint32_t most = 0;

	producer_do(tick_start);
	for (uint32_t i = 0; i < turns; i++) {
		(void)hm_system_turn(node.sys);
		node.now_ns += 1000;
		most = RTE_MAX(most, hmi_outbox_count(outbox));
	}
	return most;
}

/* All that was sent arrives. */
static void
end(void)
{
	cr_assert_eq(hm_system_stop_actor(node.sys, producer.pid), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(received, sent);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* How many wait in outbox and mailboxes, of which there may be so many in the outbox. */
static void
waiting_check(uint32_t most, uint32_t outbox, uint32_t mailbox)
{
	uint64_t waiting = sent - received;

	cr_assert_leq(most, outbox + SLACK, "%u waited in the outbox", most);
	cr_assert_geq(most, outbox, "%u waited in the outbox", most);
	cr_assert_gt(hmt_stats(&node).mutes, 0);
	cr_assert_leq(waiting, most + SINKS * (mailbox + SLACK), "%lu of %lu wait", waiting, sent);
	cr_assert_eq(hmt_stats(&node).no_memory, 0);
}

Test(engine_outbox, over__mailboxes_fill_and_mute)
{
	start(0, "--mailbox 1000");
	waiting_check(drive(12000), HMI_OUTBOX_HIGH, 1000);
	end();
}

/* What is much by its bytes: a sixteenth of message memory, which has room for outbox and mailboxes. */
Test(engine_outbox, over__fewer_messages_of_more_bytes)
{
	uint64_t bytes = sizeof(struct hm_msg) + sizeof(uint64_t);

	start(UINT64_C(8) << 20, "--mailbox 200");
	waiting_check(drive(3000), (uint32_t)(node.sys->marks.bytes / bytes), 200);
	end();
}

/* Of few messages the size does not matter. */
Test(engine_outbox, over__buffers_count)
{
	struct hm_buffer *whole;

	start(UINT64_C(64) << 20, "--mailbox 100");
	cr_assert_eq(hm_buffer_alloc(node.sys, 1 << 20, &whole), 0);
	buffer = whole;
	waiting_check(drive(2000), HMI_OUTBOX_LOOK, 100);
	hm_buffer_put(whole);
	end();
}

/* A message each for many actors is none too many, and mutes nobody. */
Test(engine_outbox, under__nobody_is_muted)
{
	const struct hmi_outbox *outbox;

	start(0, "--mailbox 1000");
	outbox = &node.sys->lcores[0]->outbox;
	fan = 40000;
	producer_do(burst);
	(void)hm_system_turn(node.sys);
	cr_assert_gt(hmi_outbox_count(outbox), fan / 2);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).mutes, 0);
	cr_assert_eq(received, fan);
	hmt_node_end(&node);
}

/* Of slow actors a balancer has all stages measured. */
Test(engine_outbox, over__with_a_balancer)
{
	start_on(2, 0, "--mailbox 1000 --balance 1000");
	waiting_check(drive(12000), HMI_OUTBOX_HIGH, 1000);
	end();
}

/* All actors stop, or the system is taken down, while none of them runs. */
Test(engine_outbox, over__stop)
{
	start(0, "--mailbox 1000");
	cr_assert_gt(drive(12000), HMI_OUTBOX_HIGH);
	hmt_node_end(&node);
}

Test(engine_outbox, over__drop)
{
	start(0, "--mailbox 1000");
	cr_assert_gt(drive(12000), HMI_OUTBOX_HIGH);
	hmt_node_drop(&node);
}
