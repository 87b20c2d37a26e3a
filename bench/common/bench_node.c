/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_node.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_build.h"
#include "bench_clock.h"

#define COUNT_MIN 1000
#define COUNT_MAX 1e10

void
bench_node_init(struct bench_node *node, const char *about)
{
	memset(node, 0, sizeof(*node));
	node->about = about;
	bench_options_init(&node->options);
}

/* both tables describe options by name, help and a function */
static void
options_append(struct hm_option *table, uint32_t *count, const struct bench_option *options)
{
	for (; options != NULL && options->name != NULL; options++)
		table[(*count)++] = (struct hm_option){
			.name = options->name,
			.help = options->help,
			.kind = HM_OPTION_CALL,
			.call = options->set,
			.value = options->target,
		};
}

/* 0, or the exit status plus one: after --help the exit status is 0 */
static int
node_open(struct bench_node *node, int argc, char **argv)
{
	struct bench_option shared[BENCH_OPTIONS_SHARED + 1];
	const struct hm_config config = {
		.options = node->table,
		.modules = node->modules,
		.summary = node->about,
		.messages = node->messages,
		.balance_ms = node->balance_ms,
	};
	uint32_t count = 0;
	int status;

	bench_options_table(&node->options, shared);
	options_append(node->table, &count, shared);
	options_append(node->table, &count, node->extras);
	status = hm_system_create(&node->sys, argc, argv, &config);
	if (status != 0)
		return 1 + hm_exit_status(status);
	if (hm_system_lcores(node->sys) < node->lcores) {
		fprintf(stderr, "needs %u lcores, as in -l 0-%u\n", node->lcores, node->lcores - 1);
		hm_system_destroy(node->sys);
		return 1 + EXIT_FAILURE;
	}
	return 0;
}

int
bench_node_type(struct bench_node *node, uint16_t id, const char *name, uint32_t size)
{
	const struct hm_type type = { .id = id, .name = name, .size = size };
	int status = hm_type_register(node->sys, &type);

	if (status != 0)
		fprintf(stderr, "cannot register message type %s: %s\n", name, strerror(-status));
	return status;
}

int
bench_node_run(struct bench_node *node, const char *name, hm_receive_fn *receive, void *run)
{
	const struct hm_props props = {
		.receive = receive,
		.state_size = sizeof(run),
		.args_size = sizeof(run),
		.lcore = HM_LCORE(0),
	};
	int status = hm_system_spawn(node->sys, &props, name, &run, NULL);

	if (status != 0) {
		fprintf(stderr, "cannot spawn the actor that measures: %s\n", strerror(-status));
		return status;
	}
	status = hm_system_run(node->sys);
	if (status != 0)
		fprintf(stderr, "run ended early: %s\n", strerror(-status));
	return status;
}

static int
node_close(struct bench_node *node, struct bench_row *row, int status)
{
	hm_system_destroy(node->sys);
	if (status != 0)
		return EXIT_FAILURE;
	if (node->failure != NULL) {
		fprintf(stderr, "%s\n", node->failure);
		return EXIT_FAILURE;
	}
	if (row->name == NULL)
		return EXIT_SUCCESS;
	if (node->slices.count == 0) {
		fprintf(stderr, "stopped before anything was measured\n");
		return EXIT_FAILURE;
	}
	if (node->options.json_path == NULL && bench_build_warning() != NULL)
		fprintf(stderr, "*** %s ***\n", bench_build_warning());
	row->summary = bench_slices_summary(&node->slices);
	status = bench_row_write(row, node->options.json_path);
	if (status != 0)
		fprintf(stderr, "cannot write the row: %s\n", strerror(-status));
	return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
bench_node_main(struct bench_node *node, int argc, char **argv, bench_measure_fn *measure)
{
	struct bench_row row = { .name = NULL };
	int status = node_open(node, argc, argv);

	if (status != 0)
		return status - 1;
	status = measure(node, &row);
	return node_close(node, &row, status);
}

int
bench_program_main(const struct bench_program *program, int argc, char **argv)
{
	struct bench_node *node = calloc(1, program->bytes);
	int status;

	if (node == NULL)
		return EXIT_FAILURE;
	bench_node_init(node, program->about);
	node->lcores = program->lcores;
	if (program->prepare != NULL)
		program->prepare(node);
	status = bench_node_main(node, argc, argv, program->measure);
	free(node);
	return status;
}

/* ---- within the driver ------------------------------------------------------------- */

bool
bench_node_slice(struct bench_node *node, struct hm_ctx *ctx, double value, double limit)
{
	if (node->warm)
		bench_slices_add(&node->slices, value, limit);
	node->warm = true;
	if (node->slices.count < node->options.repeats)
		return true;
	hm_system_stop(hm_system(ctx));
	return false;
}

void
bench_node_fail(struct bench_node *node, struct hm_ctx *ctx, const char *why)
{
	if (node->failure == NULL)
		node->failure = why;
	hm_system_stop(hm_system(ctx));
}

void
bench_node_check(struct bench_node *node, struct hm_ctx *ctx, enum hm_result result)
{
	if (result != HM_OK)
		bench_node_fail(node, ctx,
				result == HM_NO_MEMORY ? "out of messages: --memory gives more"
						       : hm_result_name(result));
}

uint64_t
bench_node_count(const struct bench_node *node, double last_ns, uint64_t warm_up_count)
{
	double count = bench_options_slice_s(&node->options) * 1e9 / last_ns;

	if (!node->warm)
		return warm_up_count;
	if (!(count >= COUNT_MIN))
		return COUNT_MIN;
	return (uint64_t)fmin(count, COUNT_MAX);
}

uint64_t
bench_node_slice_ticks(const struct bench_node *node)
{
	return (uint64_t)(bench_options_slice_s(&node->options) * 1e9 / bench_clock_tick_ns());
}
