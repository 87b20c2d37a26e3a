/* SPDX-License-Identifier: Apache-2.0 */
#include "hm_msg.h"

#include <rte_common.h>

const char *
hm_terminated_reason_name(enum hm_terminated_reason reason)
{
	static const char *const names[] = {
		[HM_TERMINATED_STOPPED] = "stopped",
		[HM_TERMINATED_FAILED] = "failed",
		[HM_TERMINATED_NOT_FOUND] = "not found",
		[HM_TERMINATED_NODE_LOST] = "node lost",
	};

	return (size_t)reason < RTE_DIM(names) ? names[reason] : "unknown";
}
