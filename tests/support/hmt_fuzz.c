/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Runs a fuzz target without libFuzzer: on seeded random inputs, and on the files of folders.
 *
 *     fuzz_frame                          10,000 inputs from seed 1
 *     fuzz_frame --seed 7 --inputs 500    500 from seed 7
 *     fuzz_frame FILE... FOLDER...        each file once
 *
 * The target is libFuzzer's, which ./dev fuzz runs on the same source without this file.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "random_pvt.h"

#define INPUTS     10000
#define LENGTH_MAX 2048
/* Of a block for an empty input; keeps its end aligned. */
#define EMPTY_BYTES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A target may have it. */
__attribute__((weak))
int LLVMFuzzerInitialize(int *argc, char ***argv);

/*
 * The target gets a copy of exact size, so that a sanitizer sees the first byte too far. An empty one is the end of
 * a block, since sanitizers make a byte of none.
 */
static int
input_run(const uint8_t *data, size_t length)
{
	size_t bytes = length > 0 ? length : EMPTY_BYTES;
	uint8_t *block = malloc(bytes), *exact;

	if (block == NULL)
		return EXIT_FAILURE;
	exact = block + bytes - length;
	if (length > 0)
		memcpy(exact, data, length);
	LLVMFuzzerTestOneInput(exact, length);
	free(block);
	return EXIT_SUCCESS;
}

static int
seed_run(uint64_t seed, unsigned long inputs)
{
	uint64_t state = seed;
	uint8_t *data = malloc(LENGTH_MAX);
	int status = data != NULL ? EXIT_SUCCESS : EXIT_FAILURE;

	for (unsigned long n = 0; n < inputs && status == EXIT_SUCCESS; n++) {
		size_t length = hmi_random(&state) % LENGTH_MAX;

		/* Small values and high bits, as lengths and varints have them, more often than chance. */
		for (size_t i = 0; i < length; i++) {
			uint64_t r = hmi_random(&state);

			data[i] = (r >> 8 & 3) == 0 ? r & 7 : (uint8_t)r;
		}
		status = input_run(data, length);
	}
	free(data);
	return status;
}

static int
file_run(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size + 1);
	int status = EXIT_FAILURE;

	if (file != NULL && data != NULL && fread(data, 1, size, file) == size)
		status = input_run(data, size);
	else
		fprintf(stderr, "%s: %s\n", path, errno != 0 ? strerror(errno) : "ends too soon");
	if (file != NULL)
		fclose(file);
	free(data);
	return status;
}

/* A file, or each file of a folder. A folder without any has no corpus, which is an error. */
static int
path_run(const char *path)
{
	struct stat info;
	int status = EXIT_SUCCESS, count = 0;
	struct dirent *entry;
	DIR *folder;

	if (stat(path, &info) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return EXIT_FAILURE;
	}
	if (!S_ISDIR(info.st_mode))
		return file_run(path, (size_t)info.st_size);
	folder = opendir(path);
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		char file[PATH_MAX];

		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(file, sizeof(file), "%s/%s", path, entry->d_name) < (int)sizeof(file))
			status |= path_run(file);
		count++;
	}
	if (folder != NULL)
		closedir(folder);
	if (count == 0)
		fprintf(stderr, "%s: no file\n", path);
	return count > 0 ? status : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	unsigned long inputs = INPUTS;
	int status = EXIT_SUCCESS, i = 1;
	uint64_t seed = 1;

	if (LLVMFuzzerInitialize != NULL && LLVMFuzzerInitialize(&argc, &argv) != 0)
		return EXIT_FAILURE;
	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--inputs") == 0)
			inputs = strtoul(argv[i + 1], NULL, 0);
		else
			break;
	}
	if (i >= argc)
		return seed_run(seed, inputs);
	for (; i < argc; i++)
		status |= path_run(argv[i]);
	return status;
}
