/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "hm_pid.h"

char *
hm_pid_format(struct hm_pid pid, char *text)
{
	snprintf(text, HM_PID_TEXT_SIZE, "%" PRIx64 ":%u.%u.%u", pid.node, hm_pid_lcore(pid),
		 hm_pid_slot(pid), hm_pid_generation(pid));
	return text;
}
