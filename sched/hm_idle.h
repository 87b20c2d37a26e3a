/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_IDLE_H
#define HM_IDLE_H

/**
 * @file
 * What an lcore does when a turn of its loop found no work.
 */

#ifdef __cplusplus
extern "C" {
#endif

/** Idle policy, chosen by --idle. */
enum hm_idle {
	/**
	 * Spin for some 50 to 200 microseconds, then pause for some 50, then yield, then sleep until the
	 * next timer, or until another lcore or thread sends something and wakes it. With more lcores than
	 * cores it yields after a few turns. An lcore that polls a network sleeps up to 100 microseconds at
	 * a time. Cool when idle, and within some nanoseconds of HM_IDLE_SPIN when busy. The default.
	 */
	HM_IDLE_ADAPTIVE = 0,
	/** Never give the core away. Shortest reaction; for dedicated cores. */
	HM_IDLE_SPIN,
	/** As spin, with the CPU's pause instruction: kinder to a sibling hyperthread. */
	HM_IDLE_PAUSE,
	/** Yield the core after every empty turn: for more lcores than cores. */
	HM_IDLE_YIELD,
};

#ifdef __cplusplus
}
#endif

#endif /* HM_IDLE_H */
