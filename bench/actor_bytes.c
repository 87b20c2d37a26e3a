/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * actor.bytes: memory that an idle actor takes.
 *
 * Measured as the growth of the process while a million actors are spawned: resident pages, ordinary
 * and huge ones.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor_crowd.h"

#define CROWD 1000000

struct run {
	struct bench_node node;
	struct actor_crowd crowd;
	uint64_t before_bytes;
};

/* "VmRSS" does not include hugepages, which have a line of their own. 0: cannot be read */
static uint64_t
resident_bytes(void)
{
	static const char *const keys[] = { "VmRSS:", "HugetlbPages:" };
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	uint64_t kb = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
			if (strncmp(line, keys[i], strlen(keys[i])) == 0)
				kb += strtoull(line + strlen(keys[i]), NULL, 10);
		}
	}
	if (file != NULL)
		fclose(file);
	return kb * 1024;
}

static void
driver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct run *run = *(struct run **)state;
	uint64_t taken;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		run->before_bytes = resident_bytes();
		actor_crowd_spawn(&run->crowd, ctx);
		break;
	case ACTOR_CROWD_MORE:
		actor_crowd_go_on(&run->crowd, ctx);
		break;
	case ACTOR_CROWD_STARTED:
		taken = resident_bytes() - run->before_bytes;
		run->node.warm = true; /* no warm-up: memory is taken from the system only once */
		bench_node_slice(&run->node, ctx, (double)taken / CROWD, NAN);
		hm_system_stop(hm_system(ctx));
		break;
	default:
		break;
	}
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct run *run = (struct run *)node;
	int status = actor_crowd_init(&run->crowd, node, CROWD);

	bench_row_init(row, "actor.bytes", "bytes");
	row->note = "growth of the process while a million actors were spawned";
	if (status == 0)
		status = bench_node_run(node, "driver", driver_receive, run);
	actor_crowd_fini(&run->crowd);
	return status;
}

int
main(int argc, char **argv)
{
	static const struct bench_program program = {
		.about = "Memory that an idle actor takes, everything included.",
		.bytes = sizeof(struct run),
		.measure = measure,
	};

	return bench_program_main(&program, argc, argv);
}
