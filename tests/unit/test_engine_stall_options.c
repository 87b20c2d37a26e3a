/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether, and after how long, lcores that hang are told of.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>

#include "hm_system.h"
#include "hmt_eal.h"
#include "sample_pvt.h"
#include "system_pvt.h"

TestSuite(engine_stall_options, .init = hmt_eal_start);

/* Whether anybody looks for stalls, and after how long. */
static uint64_t
limit_of(enum hm_mode mode, uint32_t stall_ms, const char *option)
{
	char *argv[] = { (char *)(uintptr_t) "hmt", (char *)(uintptr_t) "--", (char *)(uintptr_t)option,
			 NULL };
	struct hm_config config = { .mode = mode, .lcores = 1, .stall_ms = stall_ms };
	struct hm_system *sys;
	uint64_t limit;

	cr_assert_eq(hm_system_create(&sys, option != NULL ? 3 : 0, argv, &config), 0);
	limit = sys->stalls != NULL ? sys->options.stall : 0;
	cr_assert_eq(hmi_sample_signal() != 0, sys->stalls != NULL, "a signal is taken if need be");
	hm_system_destroy(sys);
	cr_assert_eq(hmi_sample_signal(), 0);
	return limit;
}

Test(engine_stall_options, create__says_after_how_long)
{
	cr_expect_eq(limit_of(HM_MODE_BACKGROUND, 0, NULL), 1000);
	cr_expect_eq(limit_of(HM_MODE_LCORES, 0, NULL), 1000);
	cr_expect_eq(limit_of(HM_MODE_BACKGROUND, 1, NULL), 1);
	cr_expect_eq(limit_of(HM_MODE_BACKGROUND, HM_STALL_NEVER, NULL), 0);
	cr_expect_eq(limit_of(HM_MODE_BACKGROUND, HM_STALL_NEVER - 1, NULL), 3600000);
	cr_expect_eq(limit_of(HM_MODE_BACKGROUND, 5, "--stall=7"), 7);
	cr_expect_eq(limit_of(HM_MODE_BACKGROUND, HM_STALL_NEVER, "--stall=3600000"), 3600000);
	cr_expect_eq(limit_of(HM_MODE_BACKGROUND, 5, "--stall=0"), 0);
	cr_expect_eq(limit_of(HM_MODE_STEPPED, 5, "--stall=7"), 0);
}

static void
nothing(int sig)
{
	(void)sig;
}

Test(engine_stall_options, create__without_a_free_signal)
{
	const struct sigaction taken = { .sa_handler = nothing };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = 1 };
	struct hm_system *sys;

	for (int sig = SIGRTMIN; sig < SIGRTMAX; sig++)
		cr_assert_eq(sigaction(sig, &taken, NULL), 0);
	cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), -EBUSY);
	cr_assert_null(sys);
	config.stall_ms = HM_STALL_NEVER;
	cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), 0);
	hm_system_destroy(sys);
}
