/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Runs a fuzz target without libFuzzer: on the files named, or on seeded random inputs.
 *
 *     fuzz_frame                   10,000 inputs from seed 1
 *     fuzz_frame --seed 7          the same from seed 7
 *     fuzz_frame FILE...           each file once
 *
 * The target is libFuzzer's: `clang -fsanitize=fuzzer` takes the same source without this file.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS     10000
#define LENGTH_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* splitmix64: every seed gives another sequence, the same on every machine. */
static uint64_t
random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int
seed_run(uint64_t seed)
{
	uint64_t state = seed;
	uint8_t *data = malloc(LENGTH_MAX);

	if (data == NULL)
		return EXIT_FAILURE;
	for (unsigned int n = 0; n < INPUTS; n++) {
		size_t length = random_next(&state) % LENGTH_MAX;

		/* Small values and high bits, as lengths and varints have them, more often than chance. */
		for (size_t i = 0; i < length; i++) {
			uint64_t r = random_next(&state);

			data[i] = (r >> 8 & 3) == 0 ? r & 7 : (uint8_t)r;
		}

		/* A copy of exact size, so that a sanitizer sees the first byte too far. */
		uint8_t *exact = malloc(length + 1);

		if (exact == NULL)
			break;
		memcpy(exact + 1, data, length);
		LLVMFuzzerTestOneInput(exact + 1, length);
		free(exact);
	}
	free(data);
	return EXIT_SUCCESS;
}

static int
file_run(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(1 << 20);
	int status = EXIT_FAILURE;

	if (file != NULL && data != NULL) {
		LLVMFuzzerTestOneInput(data, fread(data, 1, 1 << 20, file));
		status = EXIT_SUCCESS;
	} else {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	}
	if (file != NULL)
		fclose(file);
	free(data);
	return status;
}

int
main(int argc, char **argv)
{
	int status = EXIT_SUCCESS;

	if (argc == 1)
		return seed_run(1);
	if (argc == 3 && strcmp(argv[1], "--seed") == 0)
		return seed_run(strtoull(argv[2], NULL, 0));
	for (int i = 1; i < argc; i++)
		status |= file_run(argv[i]);
	return status;
}
