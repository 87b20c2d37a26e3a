/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WAKE_PVT_H
#define WAKE_PVT_H

/*
 * How an lcore sleeps, and how others wake it.
 *
 *     sleeper                                   waker
 *     asleep = true                             publish work: lane, inject ring, stop
 *     full fence            (W2)                full fence            (W2)
 *     look for work: none ─▶ ppoll(eventfd)     asleep? ─▶ write(eventfd)
 *
 * One of the two sees what the other one has written, so no wake-up is lost: either the sleeper finds
 * the work, or the waker finds the sleeper. The waker takes `asleep` back, so that of many wakers
 * one writes.
 *
 * Who may call what: wake any thread; the rest is the lcore's. The eventfd is opened when the lcore first
 * sleeps and closed when it is destroyed: a late waker never writes into a file of somebody else.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>

struct hmi_wake {
	_Alignas(64) _Atomic bool asleep; /* written at each sleep only: wakers read it from their cache */
	int fd;                           /* -1: none; written before `asleep` is set for the first time */
};

/* The full fence of W2. ThreadSanitizer knows no fences; an exchange is one on the machines that it runs on. */
static inline void
hmi_wake_fence(void)
{
#ifdef __SANITIZE_THREAD__
	_Atomic bool own = false;

	(void)atomic_exchange_explicit(&own, true, memory_order_seq_cst); /* W2 */
#else
	atomic_thread_fence(memory_order_seq_cst); /* W2 */
#endif
}

void hmi_wake_init(struct hmi_wake *wake);
void hmi_wake_fini(struct hmi_wake *wake);

/* Announce a sleep; look for work once more then. Returns whether the lcore can be woken; else it must not sleep long. */
bool hmi_wake_prepare(struct hmi_wake *wake);

/* There was work after all. */
void hmi_wake_cancel(struct hmi_wake *wake);

/* Sleep until woken, or for `ns` nanoseconds; UINT64_MAX: for ever. May end early. RCU offline meanwhile. */
void hmi_wake_sleep(struct hmi_wake *wake, uint64_t ns);

/* Wake an lcore that was found asleep; unless another one has done so. */
void hmi_wake_write(struct hmi_wake *wake);

/* After publishing work and hmi_wake_fence: wake the lcore if it sleeps. */
static inline void
hmi_wake(struct hmi_wake *wake)
{
	if (unlikely(atomic_load_explicit(&wake->asleep, memory_order_relaxed)))
		hmi_wake_write(wake);
}

#endif /* WAKE_PVT_H */
