/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: the command line behind `--`, and what is said of EAL's options. Arguments end at zero bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hm_net.h"
#include "deploy_pvt.h"
#include "options_pvt.h"

#define ARGUMENTS_MAX 24

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every input is refused with a line of its own; nobody reads thousands of them. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (getenv("HMT_FUZZ_LOUD") == NULL && freopen("/dev/null", "w", stdout) == NULL)
		return 1;
	return 0;
}

static void
parse(int argc, char **argv)
{
	struct hm_system *sys = calloc(1, sizeof(*sys));
	void *net = NULL;

	if (sys == NULL)
		return;
	hmi_options_default(&sys->options, NULL);
	if (hm_net_module.create(sys, &net) == 0) {
		sys->modules[0].module = &hm_net_module;
		sys->modules[0].self = net;
		sys->modules_count = 1;
		if (hmi_options_check(sys) != 0)
			abort();
		if (hmi_options_misplaced(sys, argc, argv) == 0)
			(void)hmi_options_parse(sys, argc - 1, argv + 1);
		(void)hmi_eal_explain(argc, argv);
		hm_net_module.destroy(net);
	}
	hmi_deploy_destroy(sys);
	free(sys);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char program[] = "fuzz", *argv[ARGUMENTS_MAX + 1] = { program }, *text = malloc(size + 1);
	int argc = 1;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t at = 0; at < size && argc < ARGUMENTS_MAX; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	argv[argc] = NULL;
	parse(argc, argv);
	free(text);
	return 0;
}
