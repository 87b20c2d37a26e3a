/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TSAN_PVT_H
#define TSAN_PVT_H

/*
 * What the thread sanitizer cannot see: liburcu is a library that it does not instrument. An entry of
 * the table of paths, which crosses there, is annotated, release where it is given up and acquire where it is
 * taken over.
 *
 * So is what crosses a ring of relaxed tail, messages from outside and full magazines: rte_ring writes that tail as 8 bytes and reads 4
 * of them, which the sanitizer takes for two different things. HMI_TSAN_OFF stands before the
 * functions that touch such a ring.
 */

#if defined(__SANITIZE_THREAD__)
#define HMI_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HMI_TSAN 1
#endif
#endif

#ifdef HMI_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define HMI_TSAN_ACQUIRE(addr) __tsan_acquire((void *)(uintptr_t)(addr))
#define HMI_TSAN_RELEASE(addr) __tsan_release((void *)(uintptr_t)(addr))
#define HMI_TSAN_OFF           __attribute__((no_sanitize("thread")))
#else
#define HMI_TSAN_ACQUIRE(addr) ((void)(addr))
#define HMI_TSAN_RELEASE(addr) ((void)(addr))
#define HMI_TSAN_OFF
#endif

#endif /* TSAN_PVT_H */
