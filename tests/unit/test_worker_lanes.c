/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * How messages leave an lcore and reach others: which lanes are to be flushed, and when.
 */
#include <criterion/criterion.h>

#include "hmt_workers.h"

TestSuite(worker_lanes, .init = hmt_workers_start, .fini = hmt_workers_end);

Test(worker_lanes, push__more_than_a_buffer_in_one_turn)
{
	hmt_push_range(0, 1, 0, HMI_LANE_BUFFER + 30);
	cr_assert_eq(hmt_nodes[0].worker.lanes_dirty_count, 1);
	hmt_turn(0);
	cr_assert_eq(hmt_nodes[0].worker.lanes_dirty_count, 0);
	cr_assert_not(hmt_nodes[0].worker.lanes_out[1].dirty);
	for (unsigned int i = 0; i < 5; i++)
		hmt_turn(1);
	hmt_must_have_received(1, 0, HMI_LANE_BUFFER + 30);
}

/* The buffer left by itself just now, so there is nothing to flush; the mark must go all the same. */
Test(worker_lanes, push__exactly_a_buffer_in_one_turn)
{
	hmt_push_range(0, 1, 0, HMI_LANE_BUFFER);
	hmt_turn(0);
	cr_assert_eq(hmt_nodes[0].worker.lanes_dirty_count, 0);
	hmt_push_range(0, 1, HMI_LANE_BUFFER, HMI_LANE_BUFFER + 1);
	cr_assert_eq(hmt_nodes[0].worker.lanes_dirty_count, 1);
	hmt_turn(0);
	for (unsigned int i = 0; i < 5; i++)
		hmt_turn(1);
	hmt_must_have_received(1, 0, HMI_LANE_BUFFER + 1);
}

Test(worker_lanes, push__each_lane_is_marked_once)
{
	for (unsigned int i = 0; i < 10; i++)
		hmt_push_range(0, 1 + i % 2, i, i + 1);
	cr_assert_eq(hmt_nodes[0].worker.lanes_dirty_count, 2);
	hmt_turn(0);
	hmt_turn(1);
	hmt_turn(2);
	cr_assert_eq(hmt_nodes[1].received_count, 5);
	cr_assert_eq(hmt_nodes[2].received_count, 5);
}

/* A lane that is full stays marked, and its turn comes without another push. */
Test(worker_lanes, push__full_lane_is_flushed_when_there_is_room)
{
	hmt_push_range(0, 1, 0, 500);
	hmt_turn(0);
	cr_assert_eq(hmt_nodes[0].worker.lanes_dirty_count, 1);
	hmt_push_range(0, 2, 500, 501);
	cr_assert_eq(hmt_nodes[0].worker.lanes_dirty_count, 2);
	hmt_turn(0);
	cr_assert_eq(hmt_nodes[0].worker.lanes_dirty_count, 1, "the other lane had room");
	for (unsigned int i = 0; i < 100; i++) {
		hmt_turn(1);
		hmt_turn(0);
	}
	cr_assert_eq(hmt_nodes[0].worker.lanes_dirty_count, 0);
	hmt_must_have_received(1, 0, 500);
	hmt_turn(2);
	hmt_must_have_received(2, 500, 501);
}

Test(worker_lanes, push__waiting_for_room_is_no_work)
{
	hmt_push_range(0, 1, 0, 500);
	hmt_turn(0);
	cr_assert_eq(hmt_turn(0), 0);
}

Test(worker_lanes, push__room_that_was_made_is_work)
{
	hmt_push_range(0, 1, 0, 500);
	hmt_turn(0);
	hmt_turn(1);
	cr_assert_gt(hmt_turn(0), 0);
	cr_assert_eq(hmt_nodes[0].worker.lanes_dirty_count, 1, "was there room for all?");
}

/* One busy sender must not keep the loop from the others, and from timers. */
Test(worker_lanes, turn__takes_a_bounded_burst_from_each_lane)
{
	hmt_push_range(0, 2, 0, 100);
	hmt_push_range(1, 2, 100, 200);
	hmt_turn(0);
	hmt_turn(1);
	hmt_turn(2);
	cr_assert_lt(hmt_nodes[2].biggest_burst, 100);
	cr_assert_eq(hmt_nodes[2].received[hmt_nodes[2].biggest_burst], hmt_messages[100],
		     "the second lane had no turn");
}
