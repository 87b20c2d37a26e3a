/* SPDX-License-Identifier: Apache-2.0 */
#include "bell_pvt.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "wake_pvt.h"

int
hmi_bell_init(struct hmi_bell *bell)
{
	atomic_init(&bell->state, HMI_BELL_ARMED);
	bell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return bell->fd >= 0 ? 0 : -errno;
}

void
hmi_bell_fini(struct hmi_bell *bell)
{
	if (bell->fd >= 0)
		close(bell->fd);
	bell->fd = -1;
}

void
hmi_bell_arm(struct hmi_bell *bell)
{
	uint64_t count;

	if (atomic_load_explicit(&bell->state, memory_order_acquire) != HMI_BELL_RUNG) /* ST2 */
		return;
	(void)!read(bell->fd, &count, sizeof(count));
	atomic_store_explicit(&bell->state, HMI_BELL_ARMED, memory_order_relaxed);
	hmi_wake_fence(); /* ST1 */
}

void
hmi_bell_write(struct hmi_bell *bell)
{
	int armed = HMI_BELL_ARMED;
	uint64_t one = 1;

	if (!atomic_compare_exchange_strong_explicit(&bell->state, &armed, HMI_BELL_RINGING,
						     memory_order_relaxed, memory_order_relaxed))
		return;
	/* A counter that is full is readable, too. */
	(void)!write(bell->fd, &one, sizeof(one));
	atomic_store_explicit(&bell->state, HMI_BELL_RUNG, memory_order_release); /* ST2 */
}
