/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "hm_pid.h"

static struct hm_pid
pid_of(uint64_t lcore, uint64_t slot, uint64_t generation)
{
	struct hm_pid pid = { 0xfeedu, lcore << 56 | slot << 32 | generation };

	return pid;
}

Test(pid, parts__largest_values_do_not_touch_each_other)
{
	struct hm_pid pid = pid_of(HM_LCORES_MAX - 1, HM_SLOTS_MAX - 1, UINT32_MAX);

	cr_assert_eq(hm_pid_lcore(pid), HM_LCORES_MAX - 1);
	cr_assert_eq(hm_pid_slot(pid), HM_SLOTS_MAX - 1);
	cr_assert_eq(hm_pid_generation(pid), UINT32_MAX);
}

Test(pid, parts__each_stands_alone)
{
	cr_assert_eq(hm_pid_lcore(pid_of(7, 0, 0)), 7);
	cr_assert_eq(hm_pid_slot(pid_of(7, 0, 0)), 0);
	cr_assert_eq(hm_pid_slot(pid_of(0, 9, 0)), 9);
	cr_assert_eq(hm_pid_lcore(pid_of(0, 9, 0)), 0);
	cr_assert_eq(hm_pid_generation(pid_of(0, 0, 3)), 3);
	cr_assert_eq(hm_pid_slot(pid_of(0, 0, 3)), 0);
}

Test(pid, equal__tells_node_and_generation_apart)
{
	struct hm_pid pid = pid_of(1, 2, 3);
	struct hm_pid other_node = { pid.node + 1, pid.local };

	cr_assert(hm_pid_equal(pid, pid_of(1, 2, 3)));
	cr_assert_not(hm_pid_equal(pid, pid_of(1, 2, 4)));
	cr_assert_not(hm_pid_equal(pid, other_node));
}

Test(pid, none__is_nobody)
{
	cr_assert(hm_pid_is_none(hm_pid_none()));
	cr_assert_not(hm_pid_is_none(pid_of(0, 0, 0)));
}

Test(pid, format__longest_fits)
{
	char text[HM_PID_TEXT_SIZE + 1];
	struct hm_pid pid = { UINT64_MAX, UINT64_MAX };

	text[HM_PID_TEXT_SIZE] = '!';
	cr_assert_str_eq(hm_pid_format(pid, text), "ffffffffffffffff:255.16777215.4294967295");
	cr_assert_eq(text[HM_PID_TEXT_SIZE], '!');
}
