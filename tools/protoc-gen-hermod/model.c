/* SPDX-License-Identifier: Apache-2.0 */
#include "model_pvt.h"

#include <stdlib.h>
#include <string.h>

#include "names_pvt.h"

/* What a file is read into. */
struct reader {
	struct hmp_model *model;
	struct hmp_file *file;
	const char *problem; /* with the request */
};

const char *
hmp_table_name(const struct hmp_model *model, const char *path)
{
	const char *name = hmp_param_name(&model->params, path, strlen(path));

	return name != NULL ? name : hmp_path_identifier(model->memory, path);
}

/* The name in C of a full name: underscores for the dots, from the last part on that has been given a name. */
static const char *
c_name(const struct hmp_model *model, const struct hmp_file *file, const char *full)
{
	const char *base = file->package[0] == '\0' ? file->table : NULL, *rest = full, *end = full;
	struct hmp_memory *memory = model->memory;
	char *name;

	while (*end != '\0') {
		const char *given;

		end += strcspn(end + 1, ".") + 1;
		given = hmp_param_name(&model->params, full, (size_t)(end - full));
		if (given != NULL) {
			base = given;
			rest = end;
		}
	}
	if (*rest == '.')
		rest++;
	name = (char *)(uintptr_t)hmp_format(memory, "%s%s%s", base != NULL ? base : "",
					     base != NULL && *rest != '\0' ? "_" : "", rest);
	for (char *c = name; *c != '\0'; c++)
		if (*c == '.')
			*c = '_';
	return name;
}

/* A name in its package, or in what it is declared in. */
static const char *
full_name(const struct hmp_model *model, const char *parent, const char *name)
{
	return hmp_format(model->memory, "%s%s%s", parent, parent[0] != '\0' ? "." : "", name);
}

/* Names of the request are put into code, so none may be more than a name. */
static bool
is_name(struct reader *reader, const char *name)
{
	if (name != NULL && hmp_is_identifier(name, strlen(name)))
		return true;
	reader->problem = "a name that is none";
	return false;
}

/* ---- Messages ------------------------------------------------------------------------------ */

static bool
is_map_entry(const Hmp__Message *message)
{
	return message->options != NULL && message->options->map_entry;
}

static size_t
messages_count(Hmp__Message *const *messages, size_t count)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += (is_map_entry(messages[i]) ? 0 : 1) +
			 messages_count(messages[i]->nested_type, messages[i]->n_nested_type);
	return total;
}

static const char *
protobuf_c_full(const struct hmp_model *model, const struct hmp_file *file, const char *full)
{
	const char *rest = full + strlen(file->package);

	return full_name(model, file->protobuf_c_package, *rest == '.' ? rest + 1 : rest);
}

static void
message_read(struct reader *reader, struct hmp_message *message, const char *full)
{
	const struct hmp_model *model = reader->model;
	const char *protobuf_c = protobuf_c_full(model, reader->file, full);

	*message = (struct hmp_message){
		.full = full,
		.name = c_name(model, reader->file, full),
		.type = hmp_protobuf_c_type(model->memory, protobuf_c),
		.lower = hmp_protobuf_c_lower(model->memory, protobuf_c),
		.file = reader->file,
		.is_skipped = hmp_param_covers(&model->params.skips, full),
	};
}

static void
messages_read(struct reader *reader, Hmp__Message *const *messages, size_t count, const char *parent)
{
	struct hmp_file *file = reader->file;

	for (size_t i = 0; i < count && reader->problem == NULL; i++) {
		const char *full;

		if (!is_name(reader, messages[i]->name))
			return;
		full = full_name(reader->model, parent, messages[i]->name);
		if (!is_map_entry(messages[i]))
			message_read(reader, &file->messages[file->message_count++], full);
		messages_read(reader, messages[i]->nested_type, messages[i]->n_nested_type, full);
	}
}

/* ---- Services ------------------------------------------------------------------------------ */

/* @param type  begins with a dot, since protoc has found out what it is */
static const char *
type_full(struct reader *reader, const char *type)
{
	if (type != NULL && type[0] == '.' && hmp_is_full_name(type + 1))
		return type + 1;
	reader->problem = "an rpc of a type that is no name";
	return "";
}

static void
rpc_read(struct reader *reader, struct hmp_rpc *rpc, const Hmp__Method *method,
	 const struct hmp_service *service)
{
	const struct hmp_model *model = reader->model;

	if (!is_name(reader, method->name))
		return;
	rpc->full = full_name(model, service->full, method->name);
	rpc->name = c_name(model, reader->file, rpc->full);
	rpc->handler = method->name;
	rpc->request_name = type_full(reader, method->input_type);
	rpc->response_name = type_full(reader, method->output_type);
	rpc->is_stream = method->client_streaming || method->server_streaming;
	rpc->is_skipped = hmp_param_covers(&model->params.skips, rpc->full);
}

static void
service_read(struct reader *reader, struct hmp_service *service, const Hmp__Service *from)
{
	const struct hmp_model *model = reader->model;

	if (!is_name(reader, from->name))
		return;
	service->full = full_name(model, reader->file->package, from->name);
	service->name = c_name(model, reader->file, service->full);
	service->rpcs = hmp_alloc(model->memory, from->n_method, sizeof(*service->rpcs));
	service->rpc_count = from->n_method;
	/* Looked up though there be no rpc, so that the parameter counts as used. */
	(void)hmp_param_covers(&model->params.skips, service->full);
	service->is_skipped = true;
	for (size_t i = 0; i < from->n_method && reader->problem == NULL; i++) {
		rpc_read(reader, &service->rpcs[i], from->method[i], service);
		service->is_skipped = service->is_skipped && service->rpcs[i].is_skipped;
	}
}

/* ---- Files --------------------------------------------------------------------------------- */

/* protobuf-c has an option for the package, which it puts into C. */
static void
package_read(struct reader *reader, const Hmp__File *from)
{
	const char *given = from->options != NULL && from->options->protobuf_c != NULL
				    ? from->options->protobuf_c->c_package
				    : NULL;
	struct hmp_file *file = reader->file;

	file->package = from->package != NULL ? from->package : "";
	if (file->package[0] != '\0' && !hmp_is_full_name(file->package))
		reader->problem = "a package that is no name";
	file->protobuf_c_package = given != NULL ? given : file->package;
	if (given != NULL && !hmp_is_full_name(given))
		hmp_problem(&reader->model->problems, "%s: its option c_package is no name of a package",
			    file->path);
}

static void
file_read(struct reader *reader, const Hmp__File *from)
{
	struct hmp_model *model = reader->model;
	struct hmp_file *file = reader->file;

	if (from->name == NULL || from->name[0] == '\0') {
		reader->problem = "a file without a name";
		return;
	}
	file->path = from->name;
	file->table = hmp_table_name(model, file->path);
	package_read(reader, from);
	if (reader->problem != NULL)
		return;
	file->messages = hmp_alloc(model->memory, messages_count(from->message_type, from->n_message_type),
				   sizeof(*file->messages));
	messages_read(reader, from->message_type, from->n_message_type, file->package);
	file->services = hmp_alloc(model->memory, from->n_service, sizeof(*file->services));
	file->service_count = from->n_service;
	for (size_t i = 0; i < from->n_service && reader->problem == NULL; i++)
		service_read(reader, &file->services[i], from->service[i]);
	model->message_count += file->message_count;
}

/* ---- All of them --------------------------------------------------------------------------- */

static int
by_full_name(const void *a, const void *b)
{
	return strcmp((*(struct hmp_message *const *)a)->full, (*(struct hmp_message *const *)b)->full);
}

static void
index_make(struct hmp_model *model)
{
	size_t count = 0;

	model->by_name = hmp_alloc(model->memory, model->message_count, sizeof(struct hmp_message *));
	for (size_t i = 0; i < model->file_count; i++)
		for (size_t m = 0; m < model->files[i].message_count; m++)
			model->by_name[count++] = &model->files[i].messages[m];
	qsort(model->by_name, count, sizeof(struct hmp_message *), by_full_name);
}

static struct hmp_message *
message_find(const struct hmp_model *model, const char *full)
{
	const struct hmp_message wanted = { .full = full }, *key = &wanted;
	struct hmp_message *const *found;

	found = bsearch(&key, model->by_name, model->message_count, sizeof(struct hmp_message *),
			by_full_name);
	return found != NULL ? *found : NULL;
}

static struct hmp_message *
message_use(const struct hmp_model *model, const struct hmp_file *file, const struct hmp_rpc *rpc,
	    const char *full)
{
	struct hmp_message *message = message_find(model, full);

	if (message != NULL && file->is_written && !rpc->is_skipped)
		message->file->is_used = true;
	return message;
}

static void
rpcs_resolve(const struct hmp_model *model)
{
	for (size_t f = 0; f < model->file_count; f++) {
		const struct hmp_file *file = &model->files[f];

		for (size_t s = 0; s < file->service_count; s++) {
			struct hmp_service *service = &file->services[s];

			for (size_t r = 0; r < service->rpc_count; r++) {
				struct hmp_rpc *rpc = &service->rpcs[r];

				rpc->request = message_use(model, file, rpc, rpc->request_name);
				rpc->response = message_use(model, file, rpc, rpc->response_name);
			}
		}
	}
}

static const char *
files_mark(struct hmp_model *model, const Hmp__Request *request)
{
	for (size_t i = 0; i < request->n_file_to_generate; i++) {
		size_t f = 0;

		while (f < model->file_count &&
		       strcmp(model->files[f].path, request->file_to_generate[i]) != 0)
			f++;
		if (f == model->file_count)
			return "a file to generate that is not among its files";
		model->files[f].is_written = true;
	}
	return NULL;
}

/* Of those messages alone that are written: what is given to others would have no effect. */
static void
attributes_read(struct hmp_model *model)
{
	const struct hmp_params *params = &model->params;

	for (size_t f = 0; f < model->file_count; f++) {
		for (size_t m = 0; model->files[f].is_written && m < model->files[f].message_count; m++) {
			struct hmp_message *message = &model->files[f].messages[m];

			if (message->is_skipped)
				continue;
			message->is_control = hmp_param_covers(&params->control, message->full);
			message->is_without_influence =
				hmp_param_covers(&params->no_influence, message->full);
			message->auto_respond = hmp_param_auto_respond(params, message->full);
		}
	}
}

const char *
hmp_model_make(struct hmp_model *model, const Hmp__Request *request)
{
	struct reader reader = { .model = model };

	hmp_params_read(&model->params, request->parameter, model->memory, &model->problems);
	/* Its name may be given, too, and counts as used. */
	if (model->params.after != NULL)
		(void)hmp_table_name(model, model->params.after);
	model->file_count = request->n_proto_file;
	model->files = hmp_alloc(model->memory, model->file_count, sizeof(*model->files));
	for (size_t i = 0; i < model->file_count && reader.problem == NULL; i++) {
		reader.file = &model->files[i];
		file_read(&reader, request->proto_file[i]);
	}
	if (reader.problem == NULL)
		reader.problem = files_mark(model, request);
	if (reader.problem != NULL)
		return reader.problem;
	attributes_read(model);
	index_make(model);
	rpcs_resolve(model);
	return NULL;
}
