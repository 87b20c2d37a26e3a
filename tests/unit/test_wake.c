/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Falling asleep and being woken, told by what is left for the next sleep, not by how long one takes.
 */
#include <poll.h>

#include <criterion/criterion.h>

#include "rcu_pvt.h"
#include "wake_pvt.h"

static struct hmi_wake wake;

static void
start(void)
{
	hmi_rcu_enter();
	hmi_wake_init(&wake);
}

static void
end(void)
{
	hmi_wake_fini(&wake);
	hmi_rcu_leave();
}

TestSuite(wake, .init = start, .fini = end, .timeout = 60);

static bool
is_told(void)
{
	struct pollfd poll_fd = { .fd = wake.fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

Test(wake, prepare__opens_the_file_once)
{
	int fd;

	cr_assert_lt(wake.fd, 0, "a system that never sleeps needs no file");
	cr_assert(hmi_wake_prepare(&wake));
	fd = wake.fd;
	cr_assert(hmi_wake_prepare(&wake));
	cr_assert_eq(wake.fd, fd);
}

Test(wake, wake__awake_is_not_told)
{
	cr_assert(hmi_wake_prepare(&wake));
	hmi_wake_cancel(&wake);
	hmi_wake(&wake);
	cr_assert_not(is_told());
}

/* Of many wakers one writes. */
Test(wake, wake__once_for_each_sleep)
{
	cr_assert(hmi_wake_prepare(&wake));
	hmi_wake(&wake);
	cr_assert(is_told());
	cr_assert_not(atomic_load(&wake.asleep));
	hmi_wake_write(&wake);
	/* Ends at once, and takes what was written: for ever otherwise. */
	hmi_wake_sleep(&wake, UINT64_MAX);
	cr_assert_not(is_told());
}

Test(wake, sleep__ends_by_itself)
{
	cr_assert(hmi_wake_prepare(&wake));
	hmi_wake_sleep(&wake, 1000);
	cr_assert_not(atomic_load(&wake.asleep));
	hmi_wake(&wake);
	cr_assert_not(is_told());
}
