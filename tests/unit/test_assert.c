/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>

#include <criterion/criterion.h>

#include "assert_pvt.h"
#include "hmt_death.h"

static int evaluated;

static bool
look(bool answer)
{
	evaluated++;
	return answer;
}

/* It ends the process with these words. */
static void
dies(void (*fn)(void *arg), const char *words)
{
	char text[4096];
	int status = hmt_death(fn, NULL, text, sizeof(text));

	cr_assert(hmt_aborted(status), "status 0x%x: %s", (unsigned int)status, text);
	cr_assert_not_null(strstr(text, words), "%s", text);
}

Test(assert, true__is_evaluated_once_and_goes_on)
{
	HMI_ASSERT(look(true));
	cr_assert_eq(evaluated, 1);
}

static void
assert_false(void *arg)
{
	(void)arg;
	HMI_ASSERT(look(false));
}

Test(assert, false__aborts_with_file_function_and_expression)
{
	dies(assert_false, "test_assert.c:");
	dies(assert_false, ": assert_false: assertion failed: look(false)");
}

Test(assert, debug__true_is_evaluated_in_debug_builds_only)
{
	HMI_DEBUG_ASSERT(look(true));
	cr_assert_eq(evaluated, HMI_DEBUG);
}

#if HMI_DEBUG
static void
debug_assert_false(void *arg)
{
	(void)arg;
	HMI_DEBUG_ASSERT(look(false));
}

Test(assert, debug__false_aborts_in_debug_builds)
{
	dies(debug_assert_false, ": debug_assert_false: assertion failed: look(");
}
#else
Test(assert, debug__false_goes_on_in_release_builds)
{
	HMI_DEBUG_ASSERT(look(false));
	cr_assert_eq(evaluated, 0);
}
#endif

static void
misuse(void *arg)
{
	(void)arg;
	hmi_misuse("hm_msg_free", "message of type %u was freed before", 300u);
}

Test(assert, misuse__aborts_with_function_and_reason)
{
	dies(misuse, "hermod: hm_msg_free: message of type 300 was freed before");
}
