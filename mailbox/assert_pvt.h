/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSERT_PVT_H
#define ASSERT_PVT_H

/*
 * Two grades of assertion.
 *
 *     HMI_ASSERT        in every build: an invariant that costs a compare of what is at hand
 *     HMI_DEBUG_ASSERT  in debug and sanitizer builds: one that walks, loads or computes more
 *
 * Both name file, line, function and expression on standard error, and abort. They are for
 * what cannot happen unless this library, or its caller's use of memory, is broken; what a
 * caller may get wrong is an error code.
 *
 * Any thread.
 */

#include <rte_branch_prediction.h>

#if defined(__SANITIZE_ADDRESS__)
#define HMI_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HMI_ASAN 1
#endif
#endif

/* Debug checks are compiled in. */
#if !defined(NDEBUG) || defined(HMI_ASAN)
#define HMI_DEBUG 1
#else
#define HMI_DEBUG 0
#endif

/* Print and abort. */
__attribute__((cold, noreturn))
void hmi_assert_failed(const char *file, int line, const char *function, const char *expression);

/*
 * Print why a caller's use of the library is wrong, and abort. `function` is the public function that
 * was misused.
 */
__attribute__((cold, noreturn, format(printf, 2, 3)))
void hmi_misuse(const char *function, const char *format, ...);

#define HMI_ASSERT(expression) \
	(likely(expression) ? (void)0 : hmi_assert_failed(__FILE__, __LINE__, __func__, #expression))

#if HMI_DEBUG
#define HMI_DEBUG_ASSERT(expression) HMI_ASSERT(expression)
#else
/* Not evaluated, but compiled: it cannot rot, and its variables count as used. */
#define HMI_DEBUG_ASSERT(expression) ((void)sizeof((expression) ? 1 : 0))
#endif

#endif /* ASSERT_PVT_H */
