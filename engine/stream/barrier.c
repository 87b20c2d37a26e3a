/* SPDX-License-Identifier: Apache-2.0 */
#include "barrier_pvt.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Between two tries. */
#define PAUSE_NS 1000000L

/* glibc has no function for it. */
static bool
membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) == 0;
}

bool
hmi_barrier_init(void)
{
	return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

void
hmi_barrier(void)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) || membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return;
	/* allowed: the kernel had no memory twice, or a filter has come since; no processor keeps a store back for so long */
	nanosleep(&pause, NULL);
}
