/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "hmt_stress.h"

static uint64_t
seed_of_day(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) & UINT32_MAX;
}

static uint64_t
seed_given(void)
{
	const char *text = getenv("HMT_SEED");
	char *end = NULL;
	uint64_t seed;

	if (text == NULL)
		return seed_of_day();
	errno = 0;
	seed = strtoull(text, &end, 0);
	if (end == text || *end != '\0' || errno != 0) {
		fprintf(stderr, "HMT_SEED is no number: %s\n", text);
		exit(EXIT_FAILURE);
	}
	return seed;
}

static double
seconds_given(double usual)
{
	const char *text = getenv("HMT_SECONDS");
	char *end = NULL;
	double seconds = text != NULL ? strtod(text, &end) : usual;

	if (text != NULL && (end == text || *end != '\0' || !(seconds >= 0) || seconds > 1e9)) {
		fprintf(stderr, "HMT_SECONDS is no number of seconds: %s\n", text);
		exit(EXIT_FAILURE);
	}
	return seconds;
}

struct hmt_stress
hmt_stress_begin(double usual)
{
	struct hmt_stress stress = { .seed = seed_given(), .seconds = seconds_given(usual) };

	stress.random = stress.seed;
	stress.end_s = hmt_now_s() + stress.seconds;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("again: HMT_SEED=%" PRIu64 " HMT_SECONDS=%g\n", stress.seed, stress.seconds);
	return stress;
}

bool
hmt_stress_is_over(const struct hmt_stress *stress)
{
	return hmt_now_s() >= stress->end_s;
}

void
hmt_stress_wait(const struct hmt_stress *stress)
{
	double left = stress->end_s - hmt_now_s();

	if (left > 0)
		hmt_sleep_s(left);
}

/* The second number of its file, in pages. */
uint64_t
hmt_resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	char line[128], *at = line, *end = line;
	uint64_t pages = 0;

	if (file == NULL || fgets(line, sizeof(line), file) == NULL) {
		perror("/proc/self/statm");
		exit(EXIT_FAILURE);
	}
	fclose(file);
	for (int i = 0; i < 2; i++, at = end)
		pages = strtoull(at, &end, 10);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The second number of a thread's file, in nanoseconds. */
static uint64_t
thread_starved_ns(const char *thread)
{
	char path[64], line[128], *end;
	uint64_t ns = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/schedstat", thread);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	if (fgets(line, sizeof(line), file) != NULL) {
		(void)strtoull(line, &end, 10);
		ns = strtoull(end, NULL, 10);
	}
	fclose(file);
	return ns;
}

double
hmt_starved_s(void)
{
	DIR *threads = opendir("/proc/self/task");
	const struct dirent *thread;
	uint64_t ns = 0;

	while (threads != NULL && (thread = readdir(threads)) != NULL)
		ns += thread->d_name[0] != '.' ? thread_starved_ns(thread->d_name) : 0;
	if (threads != NULL)
		closedir(threads);
	return (double)ns * 1e-9;
}

double
hmt_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void
hmt_sleep_s(double seconds)
{
	struct timespec left = { .tv_sec = (time_t)seconds,
				 .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}
