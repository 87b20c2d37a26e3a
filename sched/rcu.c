/* SPDX-License-Identifier: Apache-2.0 */
#include "rcu_pvt.h"

#include <urcu-qsbr.h>

#include "assert_pvt.h"

/* allowed: liburcu has no query for it, and registering twice breaks its list. */
static __thread unsigned int depth;

void
hmi_rcu_enter(void)
{
	if (depth++ == 0)
		rcu_register_thread();
}

void
hmi_rcu_leave(void)
{
	HMI_ASSERT(depth > 0);
	if (--depth == 0)
		rcu_unregister_thread();
}
