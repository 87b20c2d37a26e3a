/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system's own options: what they are called, and what they are without a command line.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deadline_pvt.h"
#include "deploy_pvt.h"
#include "hm_balance.h"
#include "options_pvt.h"

#define MEMORY_DEFAULT (UINT64_C(1) << 30)
#define STALL_MS       1000u
#define STALL_MS_MAX   3600000u /* an hour */
/* A day. */
#define TIMEOUT_MS_MAX 86400000u

static int
idle_set(void *options, const char *value)
{
	static const char *const names[] = {
		[HM_IDLE_ADAPTIVE] = "adaptive",
		[HM_IDLE_SPIN] = "spin",
		[HM_IDLE_PAUSE] = "pause",
		[HM_IDLE_YIELD] = "yield",
	};

	for (size_t i = 0; i < RTE_DIM(names); i++) {
		if (strcmp(value, names[i]) == 0) {
			((struct hmi_options *)options)->idle = (enum hm_idle)i;
			return 0;
		}
	}
	fprintf(stderr, "hermod: --idle '%s': choose adaptive, spin, pause or yield\n", value);
	return -EINVAL;
}

static int
faults_set(void *options, const char *value)
{
	struct hmi_options *o = options;

	o->contain = strcmp(value, "contain") == 0;
	if (o->contain || strcmp(value, "abort") == 0)
		return 0;
	fprintf(stderr, "hermod: --faults '%s': choose contain or abort\n", value);
	return -EINVAL;
}

static int
record_set(void *options, const char *value)
{
	struct hmi_options *o = options;

	o->record_all = strcmp(value, "all") == 0;
	if (o->record_all || strcmp(value, "life") == 0)
		return 0;
	fprintf(stderr, "hermod: --record '%s': choose life or all\n", value);
	return -EINVAL;
}

/* A size in bytes, with a letter for its unit. Returns 0: it is none. */
static uint64_t
size_read(const char *text)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || errno != 0)
		return 0;
	if (*end == '\0')
		return number;
	unit = strchr(units, toupper((unsigned char)*end));
	if (unit == NULL || end[1] != '\0' || number > UINT64_MAX >> 10 * (unit - units + 1))
		return 0;
	return number << 10 * (unit - units + 1);
}

static int
memory_set(void *options, const char *value)
{
	uint64_t bytes = size_read(value);

	if (bytes < HMI_MEMORY_MIN || bytes > HMI_MEMORY_MAX) {
		fprintf(stderr, "hermod: --memory '%s': give a size from 256K to 256G, as in 512M or 4G\n",
			value);
		return -EINVAL;
	}
	((struct hmi_options *)options)->memory = bytes;
	return 0;
}

static int
message_max_set(void *options, const char *value)
{
	uint64_t bytes = size_read(value);

	if (bytes < HMI_MESSAGE_MAX_MIN || bytes > HMI_MESSAGE_MAX_MAX) {
		fprintf(stderr, "hermod: --message-max '%s': give a size from 64K to 1G, as in 16M\n", value);
		return -EINVAL;
	}
	((struct hmi_options *)options)->message_max = bytes;
	return 0;
}

static int
deploy_set(void *options, const char *value)
{
	return hmi_deploy_option_file(container_of(options, struct hm_system, options), value);
}

static int
setting_set(void *options, const char *value)
{
	return hmi_deploy_option_set(container_of(options, struct hm_system, options), value);
}

void
hmi_own_options(struct hmi_options *o, struct hm_option table[HMI_OWN_OPTIONS])
{
	const struct hm_option own[HMI_OWN_OPTIONS] = {
		{ .name = "node",
		  .help = "name of this node, as others address it; default node",
		  .kind = HM_OPTION_TEXT,
		  .value = &o->node },
		{ .name = "workers",
		  .help = "lcores to use, of those that EAL has; default: all",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->lcores,
		  .min = 1,
		  .max = HM_LCORES_MAX },
		{ .name = "reserve",
		  .help = "of them, the last N: for actors that ask for them alone; default 0",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->reserve,
		  .max = HM_LCORES_MAX },
		{ .name = "balance",
		  .help = "milliseconds between looks whether actors should move to another lcore; default 0: never",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->balance_ms,
		  .max = HM_BALANCE_MS_MAX },
		{ .name = "idle",
		  .help = "without work: adaptive (default), spin, pause or yield",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = idle_set },
		{ .name = "faults",
		  .help = "when an actor raises SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT: contain (default), abort",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = faults_set },
		{ .name = "record",
		  .help = "in the flight recorder: life (default), of actors; all, messages and timers, too",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = record_set },
		{ .name = "memory",
		  .help = "of all messages at most, as in 512M or 4G; default 1G, or a quarter of the RAM",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = memory_set },
		{ .name = "message-max",
		  .help = "of a message's buffer at most, as in 512K or 64M, up to 1G; default 8M",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = message_max_set },
		{ .name = "mailbox",
		  .help = "messages in a mailbox beyond which senders wait; default 16384, less with little --memory",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->mailbox,
		  .min = 1,
		  .max = UINT32_MAX - 1 },
		{ .name = "quantum",
		  .help = "messages that an actor handles in one turn at most, up to 64; default 64",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->quantum,
		  .min = 1,
		  .max = HM_QUANTUM_MAX },
		{ .name = "quantum-us",
		  .help = "microseconds that an actor's turn lasts, but for one message, up to 40; default 4",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->quantum_us,
		  .min = 1,
		  .max = HM_QUANTUM_US_MAX },
		{ .name = "lane",
		  .help = "slots of the ring between two lcores, a power of two; default 4096",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->lane,
		  .min = 16,
		  .max = 1u << 20 },
		{ .name = "inject",
		  .help = "slots of the ring for other threads, a power of two; default 4096",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->inject,
		  .min = 16,
		  .max = 1u << 20 },
		{ .name = "offload-threads",
		  .help = "threads for calls that block, up to 64; default 4",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->offload_threads,
		  .min = 1,
		  .max = HMI_OFFLOAD_THREADS_MAX },
		{ .name = "offload-queue",
		  .help = "slots for such calls that wait, a power of two; default 1024",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->offload_queue,
		  .min = 16,
		  .max = 1u << 20 },
		{ .name = "stall",
		  .help = "milliseconds after which a turn of an lcore is reported that hangs; default 1000, 0: never",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->stall,
		  .max = STALL_MS_MAX },
		{ .name = "phase-timeout-ms",
		  .help = "of each phase of the stop, what lasts longer is named; default 5000",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->phase_timeout_ms,
		  .min = 1,
		  .max = TIMEOUT_MS_MAX },
		{ .name = "stop-timeout-ms",
		  .help = "of the whole stop, which is forced then; default 0: never",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->stop_timeout_ms,
		  .max = TIMEOUT_MS_MAX },
		{ .name = "deploy",
		  .help = "file of settings for actors, by path; may be given again, for another file",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = deploy_set },
		{ .name = "set",
		  .help = "one such setting, PATH:key=value, as in /user/orders:lcore=1; may be given again",
		  .kind = HM_OPTION_CALL,
		  .value = o,
		  .call = setting_set },
		{ .name = "seed",
		  .help = "a number that a stepped run can be repeated by; default 0: another one each time",
		  .kind = HM_OPTION_NUMBER,
		  .value = &o->seed,
		  .max = UINT64_MAX },
		{ .name = "help", .help = "this text", .kind = HM_OPTION_FLAG, .value = &o->help },
		{ .name = NULL },
	};

	memcpy(table, own, sizeof(own));
}

/* Much, since only what is used is backed; but not so much that one program takes the machine. */
static uint64_t
memory_default(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
	uint64_t ram = pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : MEMORY_DEFAULT;

	return RTE_MAX(RTE_MIN(MEMORY_DEFAULT, ram / 4), HMI_MEMORY_MIN);
}

void
hmi_options_default(struct hmi_options *o, const struct hm_config *config)
{
	*o = (struct hmi_options){
		.node = "node",
		.idle = HM_IDLE_ADAPTIVE,
		.memory = memory_default(),
		.message_max = HMI_MESSAGE_MAX_DEFAULT,
		.quantum = HM_QUANTUM_MAX,
		.quantum_us = HMI_DEADLINE_LOOK_US,
		.lane = 4096,
		.inject = 4096,
		.offload_threads = 4,
		.offload_queue = 1024,
		.contain = true,
		.stall = STALL_MS,
		.phase_timeout_ms = 5000,
	};
	if (config == NULL)
		return;
	o->lcores = config->lcores;
	o->reserve = config->reserve;
	o->balance_ms = RTE_MIN(config->balance_ms, HM_BALANCE_MS_MAX);
	o->seed = config->seed;
	if (config->stall_ms != 0)
		o->stall = config->stall_ms == HM_STALL_NEVER ? 0 : RTE_MIN(config->stall_ms, STALL_MS_MAX);
	if (config->memory != 0)
		o->memory = RTE_MIN(RTE_MAX(config->memory, HMI_MEMORY_MIN), HMI_MEMORY_MAX);
	o->memory = RTE_MAX(o->memory, (uint64_t)config->messages * HMI_POOL_SMALLEST);
}
