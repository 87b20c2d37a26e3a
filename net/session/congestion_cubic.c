/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Congestion by loss: CUBIC (RFC 9438), in bytes; without the TCP-friendly region, since nothing else is on the wires
 * that this is for.
 *
 *     window = C (t - K)^3 + window_max,   K = cbrt(window_max (1 - beta) / C),   C = 0.4 packets/s^3, beta = 0.7
 */
#include <math.h>

#include <rte_common.h>

#include "congestion_pvt.h"

#define SCALE      0.4
#define KEPT       0.7
#define SECOND_NS  1e9
#define WINDOW_MAX (UINT64_C(1) << 30)

static void
cubic_begin(struct hmi_congestion *c)
{
	c->starting = true;
	c->cut_end = 0;
	c->epoch_ns = 0;
}

static void
window_set(struct hmi_congestion *c, uint64_t window)
{
	c->window = RTE_MAX(RTE_MIN(window, WINDOW_MAX), hmi_congestion_least(c));
}

/* The epoch begins with the first acknowledgement behind a cut. */
static void
epoch_begin(struct hmi_congestion *c, uint64_t now)
{
	double missing = 0;

	if (c->window_max > c->window)
		missing = (double)(c->window_max - c->window) / c->packet_bytes;
	else
		c->window_max = c->window;
	c->epoch_ns = now;
	c->origin_ns = (uint64_t)(cbrt(missing / SCALE) * SECOND_NS);
}

static uint64_t
window_at(const struct hmi_congestion *c, uint64_t now)
{
	double t = ((double)(now - c->epoch_ns) - (double)c->origin_ns) / SECOND_NS;
	double window = (double)c->window_max + SCALE * t * t * t * c->packet_bytes;

	return window > 0 ? (uint64_t)window : 0;
}

static void
cubic_acked(struct hmi_congestion *c, const struct hmi_acked *acked, const struct hmi_rtt *rtt)
{
	uint64_t aim;

	if (!acked->was_full || acked->newest < c->cut_end)
		return;
	if (c->starting) {
		window_set(c, c->window + acked->bytes);
		return;
	}
	if (c->epoch_ns == 0)
		epoch_begin(c, acked->now);
	aim = window_at(c, acked->now + hmi_rtt_smoothed(rtt));
	/* Within a round trip it comes half as far again at most. */
	aim = RTE_MIN(aim, c->window + c->window / 2);
	if (aim > c->window)
		window_set(c, c->window + (aim - c->window) * acked->bytes / c->window);
}

static void
cubic_lost(struct hmi_congestion *c, uint64_t number, uint64_t next, uint64_t now)
{
	RTE_SET_USED(now);
	if (number < c->cut_end)
		return;
	c->cut_end = next;
	c->starting = false;
	c->epoch_ns = 0;
	/* Who does not come back to where it was leaves room to others. */
	c->window_max =
		c->window < c->window_max ? (uint64_t)((double)c->window * (1 + KEPT) / 2) : c->window;
	window_set(c, (uint64_t)((double)c->window * KEPT));
}

static void
cubic_collapsed(struct hmi_congestion *c)
{
	c->window_max = c->window;
	c->epoch_ns = 0;
	c->starting = true;
	window_set(c, 0);
}

const struct hmi_congestion_ops hmi_congestion_cubic = {
	.name = "cubic",
	.begin = cubic_begin,
	.acked = cubic_acked,
	.lost = cubic_lost,
	.collapsed = cubic_collapsed,
};
