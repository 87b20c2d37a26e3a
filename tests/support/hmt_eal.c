/* SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include "hmt_eal.h"

#define ARGS_MAX 32

/* What runs on an lcore. DPDK's library orders it too, but ThreadSanitizer cannot look into that. */
struct job {
	int (*fn)(void *arg);
	void *arg;
	atomic_int launched;
	atomic_int done;
};

static struct job jobs[RTE_MAX_LCORE];

/* "(0-1)@(0,2,3)": these lcores, on whichever cores this process may use. */
static void
lcores_describe(char *text, size_t size, unsigned int lcores)
{
	cpu_set_t cores;
	int length = snprintf(text, size, "(0-%u)@(", lcores - 1);
	const char *comma = "";

	if (sched_getaffinity(0, sizeof(cores), &cores) != 0)
		CPU_ZERO(&cores);
	if (CPU_COUNT(&cores) == 0)
		CPU_SET(0, &cores);
	for (int core = 0; core < CPU_SETSIZE && (size_t)length + 8 < size; core++) {
		if (!CPU_ISSET(core, &cores))
			continue;
		length += snprintf(text + length, size - (size_t)length, "%s%d", comma, core);
		comma = ",";
	}
	snprintf(text + length, size - (size_t)length, ")");
}

void
hmt_eal_start_with(unsigned int lcores, unsigned int megabytes)
{
	/* EAL keeps pointers into these, and writes into them. */
	static char text[4][1024];
	static char more[1024];
	static char *args[ARGS_MAX];
	char *rest = NULL;
	int count = 0;

	snprintf(text[0], sizeof(text[0]), "hermod-test");
	lcores_describe(text[1], sizeof(text[1]), lcores);
	snprintf(text[2], sizeof(text[2]), "%u", megabytes);
	/* Without shared configuration nothing is kept under the prefix, so tests may share it. */
	snprintf(text[3], sizeof(text[3]), "--file-prefix=hermod-test");
	snprintf(more, sizeof(more), "%s", getenv("HMT_EAL") != NULL ? getenv("HMT_EAL") : "");

	static char fixed[][32] = {
		"--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "--log-level=*:error",
	};

	args[count++] = text[0];
	for (unsigned int i = 0; i < RTE_DIM(fixed); i++)
		args[count++] = fixed[i];
	args[count++] = text[3];
	args[count++] = strdup("-m");
	args[count++] = text[2];
	args[count++] = strdup("--lcores");
	args[count++] = text[1];
	for (char *word = strtok_r(more, " ", &rest); word != NULL && count < ARGS_MAX - 1;
	     word = strtok_r(NULL, " ", &rest))
		args[count++] = word;

	if (rte_eal_init(count, args) < 0) {
		fprintf(stderr, "EAL does not start: %s\n", rte_strerror(rte_errno));
		exit(EXIT_FAILURE);
	}
}

void
hmt_eal_start(void)
{
	hmt_eal_start_with(2, 64);
}

static int
job_run(void *arg)
{
	struct job *job = arg;

	atomic_load_explicit(&job->launched, memory_order_acquire);

	int result = job->fn(job->arg);

	atomic_store_explicit(&job->done, 1, memory_order_release);
	return result;
}

void
hmt_launch(unsigned int lcore, int (*fn)(void *arg), void *arg)
{
	struct job *job = &jobs[lcore];

	job->fn = fn;
	job->arg = arg;
	atomic_store_explicit(&job->launched, 1, memory_order_release);

	int rc = rte_eal_remote_launch(job_run, job, lcore);

	if (rc != 0) {
		fprintf(stderr, "lcore %u does not start: %s\n", lcore, rte_strerror(-rc));
		exit(EXIT_FAILURE);
	}
}

int
hmt_wait(unsigned int lcore)
{
	int result = rte_eal_wait_lcore(lcore);

	atomic_load_explicit(&jobs[lcore].done, memory_order_acquire);
	return result;
}

struct mempools {
	const char *pattern;
	unsigned int count;
};

static void
mempool_count(struct rte_mempool *pool, void *arg)
{
	struct mempools *mempools = arg;

	mempools->count += fnmatch(mempools->pattern, pool->name, 0) == 0;
}

unsigned int
hmt_mempools(const char *pattern)
{
	struct mempools mempools = { .pattern = pattern };

	rte_mempool_walk(mempool_count, &mempools);
	return mempools.count;
}
