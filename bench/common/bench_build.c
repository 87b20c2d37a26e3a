/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_build.h"

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITISED true
#else
#define SANITISED false
#endif

const struct bench_build bench_build = {
#ifdef __OPTIMIZE__
	.optimised = true,
#endif
#ifndef NDEBUG
	.asserts = true,
#endif
	.sanitised = SANITISED,
};

const char *
bench_build_warning(void)
{
	if (bench_build.sanitised)
		return "Built with a sanitizer: every figure is several times too slow";
	if (!bench_build.optimised)
		return "Built WITHOUT OPTIMISATION: the figures say nothing about hermod";
	if (bench_build.asserts)
		return "Built with assertions: slower than a release";
	return NULL;
}
