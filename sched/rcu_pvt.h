/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RCU_PVT_H
#define RCU_PVT_H

/*
 * Being an RCU reader (liburcu's QSBR flavour) for a while. Calls nest, so that a thread that
 * turns several systems, or spawns from within its own loop, registers once.
 */

/* From here on the thread is an online reader. */
void hmi_rcu_enter(void);

/* The end of what the last hmi_rcu_enter began. */
void hmi_rcu_leave(void);

#endif /* RCU_PVT_H */
