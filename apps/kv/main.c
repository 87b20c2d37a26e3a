/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service for keys and values: actors on all lcores, and clients in threads that are none. docs/guide/service.md walks through it.
 *
 *     console, load            threads: client.h
 *          │  ▲ streams
 *     session, session         one for each client
 *          │  ▲ ask
 *     router ──▶ shards        one on each lcore, each with its part of the keys
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <hermod.h>

#include "console.h"
#include "service.h"

struct settings {
	uint64_t shards, memory_mib, timeout_ms, clients, window;
	const char *commands; /* a file; NULL: standard input */
};

struct program {
	struct settings settings;
	struct client_config client;
	int fd; /* of the commands */
	int rc; /* of the console */
};

/* ---- The thread of the console ------------------------------------------------------------------ */

static void *
console_main(void *arg)
{
	struct program *program = arg;

	program->rc = console_run(&program->client, program->fd);
	hm_system_stop(program->client.sys);
	return NULL;
}

static int
commands_open(struct program *program)
{
	program->fd = STDIN_FILENO;
	if (program->settings.commands != NULL)
		program->fd = open(program->settings.commands, O_RDONLY | O_CLOEXEC);
	return program->fd >= 0 ? 0 : -errno;
}

/* ---- Everything together ---------------------------------------------------------------------------- */

/* The lcores run on this thread, and those of EAL. A signal stops them, and so the console finds its end. */
static int
run(struct program *program)
{
	struct service_config config = { .shards = (uint32_t)program->settings.shards,
					 .bytes_max = program->settings.memory_mib << 20,
					 .timeout_us = program->settings.timeout_ms * 1000,
					 .sessions_max = (uint32_t)program->settings.clients };
	pthread_t console;
	int rc = service_start(program->client.sys, &config, &program->client.service);

	if (rc == 0)
		rc = -pthread_create(&console, NULL, console_main, program);
	if (rc != 0)
		return rc;
	rc = hm_system_run(program->client.sys);
	pthread_join(console, NULL);
	/* The end of the service is no error of the console's. */
	return rc != 0 || program->rc == -ESHUTDOWN ? rc : program->rc;
}

int
main(int argc, char **argv)
{
	struct program program = {
		.settings = { .memory_mib = 64, .timeout_ms = 1000, .clients = 1024, .window = 256 },
	};
	struct settings *settings = &program.settings;
	/* clang-format off */
	const struct hm_option options[] = {
		{ .name = "shards", .help = "parts that the keys are dealt out to; 0: one for each lcore (0)",
		  .kind = HM_OPTION_NUMBER, .value = &settings->shards, .max = KV_SHARDS_MAX },
		{ .name = "memory-mib", .help = "MiB of all keys and values together (64)",
		  .kind = HM_OPTION_NUMBER, .value = &settings->memory_mib, .min = 1, .max = 1 << 20 },
		{ .name = "timeout-ms", .help = "milliseconds until a shard has to answer (1,000)",
		  .kind = HM_OPTION_NUMBER, .value = &settings->timeout_ms, .min = 1, .max = 1 << 20 },
		{ .name = "clients", .help = "clients at once (1,024)",
		  .kind = HM_OPTION_NUMBER, .value = &settings->clients, .min = 1, .max = 1 << 20 },
		{ .name = "window", .help = "requests of a client that are not answered yet (256)",
		  .kind = HM_OPTION_NUMBER, .value = &settings->window, .min = 1, .max = HM_STREAM_SIZE_MAX },
		{ .name = "commands", .help = "a file with commands for the console; without: standard input",
		  .kind = HM_OPTION_TEXT, .value = &settings->commands },
		{ .name = NULL },
	};
	/* clang-format on */
	const struct hm_config config = { .options = options,
					  .summary = "keeps keys and values, in the memory of all lcores" };
	int rc = hm_system_create(&program.client.sys, argc, argv, &config);

	if (rc == 0) {
		program.client.window = (uint32_t)settings->window;
		rc = commands_open(&program);
		if (rc == 0)
			rc = run(&program);
		if (rc != 0)
			fprintf(stderr, "kv: %s\n", strerror(-rc));
	}
	hm_system_destroy(program.client.sys);
	return hm_exit_status(rc);
}
