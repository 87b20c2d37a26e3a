/* SPDX-License-Identifier: Apache-2.0 */
#include "mark_pvt.h"

#if defined(HMI_ASAN)
__attribute__((no_sanitize("address")))
#endif
__attribute__((noinline)) void
hmi_stack_touch(void)
{
	/* allowed: the writes must happen, though nobody reads them; no other thread is concerned */
	volatile char stack[HMI_STACK_BYTES];

	/* Downwards, as the stack grows: the page that guards it is the first that is met. */
	for (size_t i = HMI_STACK_BYTES; i > 0; i -= HMI_STACK_PAGE)
		stack[i - 1] = 0;
	(void)stack[0];
}

struct hm_ctx *
hmi_ctx_of_thread(void)
{
	struct hmi_recovery *recovery = hmi_recovery_current();

	return recovery != NULL ? container_of(recovery, struct hm_ctx, worker.recovery) : NULL;
}
