/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Congestion by delay: once a round trip the window is set by the queue that was seen in it.
 *
 * The queue is the least sample of the round above the least of all; the least, since single samples are late for many
 * reasons that have nothing to do with the path: a core that was taken away, a receiver that was busy.
 *
 *     queue <= target: the window grows: by half in slow start; else by a packet, or by twice as much each time, up to an
 *                      eighth, while the queue is less than half the target for rounds in a row
 *     queue >  target: it shrinks in proportion, by half at most
 *
 * A packet, whatever the window: so those that see the same queue come to have the same part of the path.
 *
 * After TIMELY (SIGCOMM 2015) and Swift (SIGCOMM 2020), which adjust to delay; and BBR, in what it makes of loss.
 */
#include <rte_common.h>

#include "congestion_pvt.h"

#define TARGET_NS  25000u /* of the queue, and no less than an eighth of the least round-trip time */
#define LOSS_HEAVY 4u     /* one packet of so many */
#define WINDOW_MAX (UINT64_C(1) << 30)
#define RISES_MAX  16u /* that matter */

static void
round_begin(struct hmi_congestion *c, uint64_t next)
{
	c->round_end = next;
	c->round_least_ns = UINT64_MAX;
	c->round_acked = c->round_lost = 0;
	c->round_full = false;
}

static void
delay_begin(struct hmi_congestion *c)
{
	c->starting = true;
	round_begin(c, 0);
}

static uint64_t
target_of(const struct hmi_rtt *rtt)
{
	return RTE_MAX((uint64_t)TARGET_NS, rtt->least_ns / 8);
}

/*
 * More than the path holds without a queue is in flight: send no faster than it carries. By the round's own time: the
 * smoothed one may be that of an outage which is over.
 */
static void
pace_set(struct hmi_congestion *c, const struct hmi_rtt *rtt, bool congested)
{
	uint64_t kib = c->window / 1024;
	uint64_t trip = c->round_least_ns != UINT64_MAX ? c->round_least_ns : hmi_rtt_smoothed(rtt);

	c->pace_ns = congested && kib > 0 ? trip / kib : 0;
}

static void
window_set(struct hmi_congestion *c, uint64_t window)
{
	c->window = RTE_MAX(RTE_MIN(window, WINDOW_MAX), hmi_congestion_least(c));
}

static void
grow(struct hmi_congestion *c, uint64_t queue, uint64_t target)
{
	uint64_t step;

	if (!c->round_full)
		return;
	if (c->starting) {
		window_set(c, c->window + c->window / 2);
		return;
	}
	c->rises = queue <= target / 2 ? c->rises + 1 : 0;
	step = RTE_MIN((uint64_t)c->packet_bytes << RTE_MIN(c->rises, RISES_MAX), c->window / 8);
	window_set(c, c->window + RTE_MAX(step, (uint64_t)c->packet_bytes));
}

static void
shrink(struct hmi_congestion *c, uint64_t queue, uint64_t target)
{
	c->starting = false;
	c->rises = 0;
	window_set(c, c->window - c->window / 2 * (queue - target) / queue);
}

static void
round_judge(struct hmi_congestion *c, const struct hmi_rtt *rtt)
{
	uint64_t target = target_of(rtt), queue;

	if (c->round_lost * LOSS_HEAVY > c->round_acked + c->round_lost) {
		c->starting = false;
		window_set(c, c->window / 4 * 3);
		pace_set(c, rtt, true);
		return;
	}
	if (c->round_least_ns == UINT64_MAX)
		return;
	queue = c->round_least_ns > rtt->least_ns ? c->round_least_ns - rtt->least_ns : 0;
	if (queue <= target)
		grow(c, queue, target);
	else
		shrink(c, queue, target);
	pace_set(c, rtt, queue > target / 2);
}

static void
delay_acked(struct hmi_congestion *c, const struct hmi_acked *acked, const struct hmi_rtt *rtt)
{
	c->round_acked += acked->packets;
	c->round_full |= acked->was_full;
	if (acked->has_sample)
		c->round_least_ns = RTE_MIN(c->round_least_ns, rtt->latest_ns);
	if (acked->newest < c->round_end)
		return;
	round_judge(c, rtt);
	round_begin(c, acked->next);
}

static void
delay_lost(struct hmi_congestion *c, uint64_t number, uint64_t next, uint64_t now)
{
	RTE_SET_USED(number);
	RTE_SET_USED(next);
	RTE_SET_USED(now);
	c->round_lost++;
}

static void
delay_collapsed(struct hmi_congestion *c)
{
	window_set(c, 0);
	c->starting = true;
	c->pace_ns = 0;
}

const struct hmi_congestion_ops hmi_congestion_delay = {
	.name = "delay",
	.begin = delay_begin,
	.acked = delay_acked,
	.lost = delay_lost,
	.collapsed = delay_collapsed,
};
