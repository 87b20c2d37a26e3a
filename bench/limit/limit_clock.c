/* SPDX-License-Identifier: Apache-2.0 */
#include "limit_clock.h"

#include "bench_clock.h"

void
limit_clock_watch(uint64_t end_ns, uint64_t gap_ns, struct bench_histogram *late_ns)
{
	uint64_t now_ns = bench_clock_ns(), due_ns = now_ns;

	do {
		due_ns += gap_ns;
		while (now_ns < due_ns)
			now_ns = bench_clock_ns();
		/* Moments that passed while the core was away are noticed together, as timers are. */
		bench_histogram_record(late_ns, now_ns - due_ns);
	} while (due_ns + gap_ns <= end_ns);
}
