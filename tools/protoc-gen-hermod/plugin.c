/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin_pvt.h"

#include <stdlib.h>

#include "validate_pvt.h"
#include "nesting_pvt.h"
#include "write_pvt.h"

/* CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL: fields are nothing that the plugin looks at. */
#define FEATURES 1u

static void
pack(const Hmp__Answer *answer, uint8_t **bytes, size_t *length)
{
	*length = hmp__answer__get_packed_size(answer);
	*bytes = malloc(*length + 1);
	if (*bytes == NULL)
		hmp_no_memory();
	hmp__answer__pack(answer, *bytes);
}

static void
files_answer(struct hmp_model *model, Hmp__Answer *answer)
{
	Hmp__Output **outputs = hmp_alloc(model->memory, model->file_count, sizeof(*outputs));
	const struct hmp_file *before = NULL;
	struct hmp_text text = { .length = 0 };

	for (size_t f = 0; f < model->file_count; f++) {
		const struct hmp_file *file = &model->files[f];
		Hmp__Output *output;

		if (!file->is_written)
			continue;
		text.length = 0;
		hmp_write(&text, model, file, before);
		before = file;
		output = hmp_alloc(model->memory, 1, sizeof(*output));
		hmp__output__init(output);
		output->name = (char *)(uintptr_t)hmp_write_path(model->memory, file->path);
		output->content = (char *)(uintptr_t)hmp_copy(model->memory, text.bytes, text.length);
		outputs[answer->n_file++] = output;
	}
	answer->file = outputs;
	hmp_text_free(&text);
}

static void
problems_answer(struct hmp_problems *problems, Hmp__Answer *answer)
{
	if (problems->count > HMP_PROBLEMS_MAX)
		hmp_text_add(&problems->text, "\nand %u more", problems->count - HMP_PROBLEMS_MAX);
	answer->error = problems->text.bytes;
}

static const char *
request_answer(const Hmp__Request *request, struct hmp_memory *memory, uint8_t **bytes, size_t *length)
{
	struct hmp_model model = { .memory = memory };
	Hmp__Answer answer = HMP__ANSWER__INIT;
	const char *wrong = hmp_model_make(&model, request);

	if (wrong == NULL) {
		hmp_validate(&model);
		answer.has_supported_features = true;
		answer.supported_features = FEATURES;
		if (model.problems.count == 0)
			files_answer(&model, &answer);
		else
			problems_answer(&model.problems, &answer);
		pack(&answer, bytes, length);
	}
	hmp_text_free(&model.problems.text);
	return wrong;
}

/* protobuf-c's own would let a request for which there is no memory look like one that is none. */
static void *
request_alloc(void *data, size_t bytes)
{
	void *memory = malloc(bytes);

	(void)data;
	if (memory == NULL && bytes > 0)
		hmp_no_memory();
	return memory;
}

static void
request_free(void *data, void *memory)
{
	(void)data;
	free(memory);
}

const char *
hmp_plugin_answer(const uint8_t *request, size_t bytes, uint8_t **answer, size_t *answer_bytes)
{
	ProtobufCAllocator allocator = { .alloc = request_alloc, .free = request_free };
	struct hmp_memory memory = { .blocks = NULL };
	Hmp__Request *read;
	const char *wrong;

	if (!hmp_nesting_fits(request, bytes))
		return "bytes that are no CodeGeneratorRequest, or messages that are nested too deep";
	read = hmp__request__unpack(&allocator, bytes, request);
	if (read == NULL)
		return "bytes that are no CodeGeneratorRequest";
	wrong = request_answer(read, &memory, answer, answer_bytes);
	hmp__request__free_unpacked(read, &allocator);
	hmp_memory_free(&memory);
	return wrong;
}
