/* SPDX-License-Identifier: Apache-2.0 */
#include "wake_pvt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <urcu-qsbr.h>

#define NS_PER_S 1000000000u

void
hmi_wake_init(struct hmi_wake *wake)
{
	atomic_init(&wake->asleep, false);
	wake->fd = -1;
}

void
hmi_wake_fini(struct hmi_wake *wake)
{
	if (wake->fd >= 0)
		close(wake->fd);
	wake->fd = -1;
}

bool
hmi_wake_prepare(struct hmi_wake *wake)
{
	if (wake->fd < 0)
		wake->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake->fd < 0)
		return false;
	atomic_store_explicit(&wake->asleep, true, memory_order_release); /* W3 */
	hmi_wake_fence();                                                 /* W2 */
	return true;
}

void
hmi_wake_cancel(struct hmi_wake *wake)
{
	atomic_store_explicit(&wake->asleep, false, memory_order_relaxed);
}

void
hmi_wake_sleep(struct hmi_wake *wake, uint64_t ns)
{
	struct timespec time = { .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };
	struct pollfd poll = { .fd = wake->fd, .events = POLLIN };
	uint64_t count;

	rcu_thread_offline();
	if (ppoll(&poll, 1, ns != UINT64_MAX ? &time : NULL, NULL) > 0)
		(void)!read(wake->fd, &count, sizeof(count));
	rcu_thread_online();
	hmi_wake_cancel(wake);
}

void
hmi_wake_write(struct hmi_wake *wake)
{
	uint64_t one = 1;

	/* A counter that is full is readable, too. */
	if (atomic_exchange_explicit(&wake->asleep, false, memory_order_acquire)) /* W3 */
		(void)!write(wake->fd, &one, sizeof(one));
}
