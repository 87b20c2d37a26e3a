/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_progress.h"

#include <string.h>
#include <unistd.h>

#include "bench_clock.h"

#define BAR_WIDTH 18

void
bench_progress_init(struct bench_progress *progress, FILE *stream, uint32_t steps, double planned_s)
{
	memset(progress, 0, sizeof(*progress));
	progress->stream = stream;
	progress->terminal = isatty(fileno(stream)) == 1;
	progress->steps = steps;
	progress->planned_s = planned_s;
}

/* elapsed time of the present step, at most its planned time */
static double
step_elapsed_s(const struct bench_progress *progress)
{
	double elapsed = bench_clock_seconds() - progress->step_start_s;

	return elapsed < progress->step_planned_s ? elapsed : progress->step_planned_s;
}

static double
left_s(const struct bench_progress *progress)
{
	double planned = progress->planned_s - progress->done_planned_s - step_elapsed_s(progress);
	double pace = 1;

	if (progress->done_planned_s > 0)
		pace = progress->done_taken_s / progress->done_planned_s;
	return planned > 0 ? planned * pace : 0;
}

void
bench_progress_show(const struct bench_progress *progress)
{
	double share = 0;
	char bar[BAR_WIDTH + 1];

	if (!progress->terminal || progress->step == 0)
		return;
	if (progress->planned_s > 0)
		share = (progress->done_planned_s + step_elapsed_s(progress)) / progress->planned_s;
	for (int i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < share * BAR_WIDTH ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	fprintf(progress->stream, "\r\033[K[%2u/%u] %-26s %s %3.0f %%, about %.0f s left", progress->step,
		progress->steps, progress->step_name, bar, share * 100, left_s(progress));
	fflush(progress->stream);
}

void
bench_progress_step(struct bench_progress *progress, const char *name, double planned_s)
{
	progress->step++;
	progress->step_name = name;
	progress->step_planned_s = planned_s;
	progress->step_start_s = bench_clock_seconds();
	if (!progress->terminal)
		fprintf(progress->stream, "[%2u/%u] %-26s about %.0f s left\n", progress->step,
			progress->steps, name, left_s(progress));
	bench_progress_show(progress);
}

void
bench_progress_done(struct bench_progress *progress)
{
	progress->done_planned_s += progress->step_planned_s;
	progress->done_taken_s += bench_clock_seconds() - progress->step_start_s;
	progress->step_planned_s = 0;
}

void
bench_progress_clear(const struct bench_progress *progress)
{
	if (progress->terminal)
		fputs("\r\033[K", progress->stream);
	fflush(progress->stream);
}
