/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of results and reasons, for logs.
 */
#include <rte_common.h>

#include "hm_actor.h"

const char *
hm_result_name(enum hm_result result)
{
	static const char *const names[] = {
		[HM_OK] = "ok",
		[HM_NO_MEMORY] = "out of messages",
		[HM_WOULD_BLOCK] = "would block",
		[HM_TOO_BIG] = "too big",
		[HM_UNKNOWN_TYPE] = "unknown message type",
		[HM_NO_SENDER] = "no sender to answer",
		[HM_NO_RECEIVER] = "no receiver",
		[HM_INVALID] = "invalid argument",
		[HM_CLOSED] = "closed",
	};

	return (size_t)result < RTE_DIM(names) ? names[result] : "unknown";
}

const char *
hm_future_result_name(enum hm_future_result result)
{
	static const char *const names[] = {
		[HM_FUTURE_REPLY] = "reply",
		[HM_FUTURE_TIMEOUT] = "timeout",
		[HM_FUTURE_DEAD_LETTER] = "dead letter",
		[HM_FUTURE_CANCELLED] = "cancelled",
		[HM_FUTURE_NO_MEMORY] = "out of memory",
	};

	return (size_t)result < RTE_DIM(names) ? names[result] : "unknown";
}
