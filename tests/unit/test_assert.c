/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdbool.h>

#include <criterion/criterion.h>

#include "assert_pvt.h"

static int evaluated;

static bool
look(bool answer)
{
	evaluated++;
	return answer;
}

Test(assert, true__is_evaluated_once_and_goes_on)
{
	HMI_ASSERT(look(true));
	cr_assert_eq(evaluated, 1);
}

Test(assert, false__aborts, .signal = SIGABRT)
{
	HMI_ASSERT(look(false));
}

Test(assert, debug__true_is_evaluated_in_debug_builds_only)
{
	HMI_DEBUG_ASSERT(look(true));
	cr_assert_eq(evaluated, HMI_DEBUG);
}

#if HMI_DEBUG
Test(assert, debug__false_aborts_in_debug_builds, .signal = SIGABRT)
{
	HMI_DEBUG_ASSERT(look(false));
}
#else
Test(assert, debug__false_goes_on_in_release_builds)
{
	HMI_DEBUG_ASSERT(look(false));
	cr_assert_eq(evaluated, 0);
}
#endif

Test(assert, misuse__aborts, .signal = SIGABRT)
{
	hmi_misuse("hm_msg_free", "message of type %u was freed before", 300u);
}
