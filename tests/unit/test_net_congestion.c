/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Policies of congestion control: what they make of delay and of loss.
 */
#include <errno.h>

#include <criterion/criterion.h>
#include <rte_common.h>

#include "congestion_pvt.h"

#define PACKET 1000u
#define US     1000ull
#define RTT    (100 * US)

struct path {
	struct hmi_congestion c;
	struct hmi_rtt rtt;
	uint64_t next, now;
};

static struct path
path_of(enum hmi_congestion_kind kind)
{
	struct path path = { .c.kind = kind, .next = 1 };

	hmi_rtt_begin(&path.rtt);
	hmi_congestion_begin(&path.c, PACKET);
	return path;
}

/* One round trip in which a full window is sent, and comes back after `rtt`; `lost` packets of it are lost. */
static void
round_trip(struct path *path, uint64_t rtt, uint32_t lost)
{
	uint32_t packets = (uint32_t)(path->c.window / PACKET);
	struct hmi_acked acked = { .packets = 1, .bytes = PACKET, .has_sample = true, .was_full = true };
	uint64_t first = path->next;

	path->next += packets;
	path->now += rtt;
	for (uint32_t i = 0; i < packets; i++) {
		if (i < lost) {
			hmi_congestion_ops[path->c.kind]->lost(&path->c, first + i, path->next, path->now);
			continue;
		}
		hmi_rtt_sample(&path->rtt, rtt, 0, path->now);
		acked.now = path->now;
		acked.newest = first + i;
		acked.next = path->next;
		hmi_congestion_ops[path->c.kind]->acked(&path->c, &acked, &path->rtt);
	}
}

static void
round_trips(struct path *path, uint32_t count, uint64_t rtt)
{
	while (count-- > 0)
		round_trip(path, rtt, 0);
}

Test(congestion, by_name__each_and_none_else)
{
	enum hmi_congestion_kind kind;

	cr_assert_eq(hmi_congestion_by_name("delay", &kind), 0);
	cr_assert_eq(kind, HMI_CONGESTION_DELAY);
	cr_assert_eq(hmi_congestion_by_name("cubic", &kind), 0);
	cr_assert_eq(kind, HMI_CONGESTION_CUBIC);
	cr_assert_eq(hmi_congestion_by_name("none", &kind), 0);
	cr_assert_eq(kind, HMI_CONGESTION_NONE);
	cr_assert_eq(hmi_congestion_by_name("Delay", &kind), -ENOENT);
	cr_assert_eq(hmi_congestion_by_name("", &kind), -ENOENT);
}

Test(congestion, none__knows_no_limit)
{
	struct path path = path_of(HMI_CONGESTION_NONE);

	hmi_congestion_ops[HMI_CONGESTION_NONE]->lost(&path.c, 1, 2, 3);
	hmi_congestion_ops[HMI_CONGESTION_NONE]->collapsed(&path.c);
	cr_assert_eq(path.c.window, UINT64_MAX);
	cr_assert_eq(path.c.pace_ns, 0);
}

/* ---- delay -------------------------------------------------------------------- */

Test(congestion, delay__grows_while_there_is_no_queue)
{
	struct path path = path_of(HMI_CONGESTION_DELAY);
	uint64_t first = path.c.window;

	round_trips(&path, 8, RTT);
	cr_assert_gt(path.c.window, 8 * first);
	cr_assert_eq(path.c.pace_ns, 0, "nothing is paced without a queue");
}

Test(congestion, delay__a_queue_shrinks_the_window)
{
	struct path path = path_of(HMI_CONGESTION_DELAY);
	uint64_t before;

	round_trips(&path, 5, RTT);
	before = path.c.window;
	round_trips(&path, 3, 3 * RTT);
	cr_assert_lt(path.c.window, before / 2);
	cr_assert_gt(path.c.pace_ns, 0);
	cr_assert_not(path.c.starting);
}

/* Behind slow start a window grows by a packet, whatever its size; and faster only if there is no queue for long. */
Test(congestion, delay__grows_by_a_packet_near_the_target)
{
	struct path path = path_of(HMI_CONGESTION_DELAY);
	uint64_t before;

	round_trips(&path, 5, RTT);
	round_trips(&path, 3, 3 * RTT);
	cr_assert_not(path.c.starting);
	before = path.c.window;
	round_trips(&path, 4, RTT + 20000);
	cr_assert_eq(path.c.window, before + 4 * PACKET);
	before = path.c.window;
	round_trips(&path, 10, RTT);
	cr_assert_gt(path.c.window, before + 20 * PACKET, "nobody else is there");
	cr_assert_leq(path.c.window, before * 4, "by an eighth each time at most");
}

/* The smoothed round-trip time is that of an outage for a while: the pace is not. */
Test(congestion, delay__pace_of_the_round_and_not_of_an_outage)
{
	struct path path = path_of(HMI_CONGESTION_DELAY);
	struct hmi_acked acked = { .packets = 1, .bytes = PACKET, .has_sample = true, .was_full = true };

	round_trips(&path, 5, RTT);
	for (uint32_t i = 0; i < 20; i++)
		hmi_rtt_sample(&path.rtt, 10000 * RTT, 0, path.now);
	hmi_rtt_sample(&path.rtt, 3 * RTT, 0, path.now);
	/* The round that had begun, and one of its own. */
	for (uint32_t i = 0; i < 2; i++) {
		acked.newest = path.c.round_end;
		acked.next = path.next + i;
		hmi_congestion_ops[HMI_CONGESTION_DELAY]->acked(&path.c, &acked, &path.rtt);
	}
	cr_assert_gt(path.rtt.smoothed_ns, 1000 * RTT);
	cr_assert_gt(path.c.pace_ns, 0);
	cr_assert_lt(path.c.pace_ns, 4 * RTT / (path.c.window / 1024));
}

/* Single packets that are late, however late, say nothing of the path. */
Test(congestion, delay__one_late_sample_in_a_round)
{
	struct path path = path_of(HMI_CONGESTION_DELAY);
	struct hmi_acked acked = { .packets = 1, .bytes = PACKET, .has_sample = true, .was_full = true };
	uint64_t before;

	round_trips(&path, 3, RTT);
	before = path.c.window;
	hmi_rtt_sample(&path.rtt, 100 * RTT, 0, path.now);
	acked.newest = path.c.round_end - 1;
	acked.next = path.next;
	hmi_congestion_ops[HMI_CONGESTION_DELAY]->acked(&path.c, &acked, &path.rtt);
	round_trip(&path, RTT, 0);
	cr_assert_gt(path.c.window, before);
}

Test(congestion, delay__some_loss_is_no_queue)
{
	struct path path = path_of(HMI_CONGESTION_DELAY);
	uint64_t before = path.c.window;

	for (uint32_t i = 0; i < 10; i++)
		round_trip(&path, RTT, (uint32_t)(path.c.window / PACKET / 10));
	cr_assert_gt(path.c.window, before);
}

Test(congestion, delay__heavy_loss_is)
{
	struct path path = path_of(HMI_CONGESTION_DELAY);
	uint64_t before = path.c.window;

	for (uint32_t i = 0; i < 10; i++)
		round_trip(&path, RTT, (uint32_t)(path.c.window / PACKET / 2));
	cr_assert_lt(path.c.window, before);
	cr_assert_geq(path.c.window, hmi_congestion_least(&path.c));
}

/* Who does not use the window learns nothing of what the path could carry. */
Test(congestion, delay__what_is_not_used_does_not_grow)
{
	struct path path = path_of(HMI_CONGESTION_DELAY);
	struct hmi_acked acked = { .packets = 1, .bytes = PACKET, .has_sample = true };
	uint64_t before = path.c.window;

	hmi_rtt_sample(&path.rtt, RTT, 0, 0);
	for (uint64_t n = 1; n < 1000; n++) {
		acked.newest = n;
		acked.next = n + 1;
		hmi_congestion_ops[HMI_CONGESTION_DELAY]->acked(&path.c, &acked, &path.rtt);
	}
	cr_assert_eq(path.c.window, before);
}

Test(congestion, delay__collapsed)
{
	struct path path = path_of(HMI_CONGESTION_DELAY);

	round_trips(&path, 8, RTT);
	hmi_congestion_ops[HMI_CONGESTION_DELAY]->collapsed(&path.c);
	cr_assert_eq(path.c.window, hmi_congestion_least(&path.c));
	round_trips(&path, 10, RTT);
	cr_assert_gt(path.c.window, 30 * PACKET, "it starts anew");
}

/* ---- cubic -------------------------------------------------------------------- */

Test(congestion, cubic__one_cut_for_the_losses_of_one_window)
{
	struct path path = path_of(HMI_CONGESTION_CUBIC);
	uint64_t before;

	round_trips(&path, 4, RTT);
	before = path.c.window;
	round_trip(&path, RTT, 5);
	cr_assert_eq(path.c.window, (uint64_t)((double)before * 0.7));
}

Test(congestion, cubic__comes_back_to_where_it_was)
{
	struct path path = path_of(HMI_CONGESTION_CUBIC);
	uint64_t before, trips = 0;

	round_trips(&path, 3, 1000 * RTT);
	before = path.c.window;
	round_trip(&path, 1000 * RTT, 1);
	/* K = cbrt(0.3 window / 0.4) seconds, a round trip is a tenth of one. */
	while (path.c.window < before && trips++ < 1000)
		round_trip(&path, 1000 * RTT, 0);
	cr_assert_lt(trips, 80, "it took %lu round trips", trips);
	cr_assert_gt(trips, 20, "it took %lu round trips", trips);
}

Test(congestion, cubic__never_below_the_least)
{
	struct path path = path_of(HMI_CONGESTION_CUBIC);

	for (uint32_t i = 0; i < 50; i++)
		round_trip(&path, RTT, 1);
	cr_assert_eq(path.c.window, hmi_congestion_least(&path.c));
	hmi_congestion_ops[HMI_CONGESTION_CUBIC]->collapsed(&path.c);
	cr_assert_eq(path.c.window, hmi_congestion_least(&path.c));
}
