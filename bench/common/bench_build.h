/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_BUILD_H
#define BENCH_BUILD_H

/**
 * @file
 * How the benchmarks, and with them hermod, were built.
 */

#include <stdbool.h>

struct bench_build {
	bool optimised;
	bool asserts; /**< built without NDEBUG */
	bool sanitised;
};

/** This build. */
extern const struct bench_build bench_build;

/** Why the figures of this build are not representative; NULL: they are. */
const char *bench_build_warning(void);

#endif /* BENCH_BUILD_H */
