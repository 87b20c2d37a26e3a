/* SPDX-License-Identifier: Apache-2.0 */
#include "check_pvt.h"

#include "type_pvt.h"

#if HMI_DEBUG

#ifdef HMI_ASAN
#include <sanitizer/asan_interface.h>
#endif

void
hmi_check_ctx(const struct hm_ctx *ctx, const char *function)
{
	if (atomic_load_explicit(&ctx->has_thread, memory_order_acquire) && /* S3 */
	    !pthread_equal(ctx->thread, pthread_self()))
		hmi_misuse(
			function,
			"the ctx of lcore %u on another thread; a ctx is for the call that it was given to, "
			"other threads have hm_system_send and its like",
			hmi_index(ctx));
	if (ctx->event.subscription != NULL)
		hmi_misuse(function, "a ctx in a filter or callback of the event stream, which has none; "
				     "hm_system_send and hm_system_publish do without");
}

/* Whether a sanitizer knows that some of the bytes are nobody's. */
static bool
is_short(const void *body, size_t bytes)
{
#ifdef HMI_ASAN
	return bytes > 0 && __asan_region_is_poisoned((void *)(uintptr_t)body, bytes) != NULL;
#else
	(void)body;
	(void)bytes;
	return false;
#endif
}

void
hmi_check_body(const struct hm_system *sys, uint16_t type, const void *body, const char *function)
{
	const struct hm_type *known = hm_type_by_id(sys, type);

	if (known == NULL)
		rte_log(RTE_LOG_WARNING, (uint32_t)sys->logtype,
			"hermod: %s: type %u is not registered; hm_type_register it before the system runs\n",
			function, type);
	else if (body != NULL && is_short(body, known->size))
		hmi_misuse(function, "a %s has %u bytes, the body that was given has less", known->name,
			   known->size);
}

#endif
