/* SPDX-License-Identifier: Apache-2.0 */
#include "write_pvt.h"

#include <string.h>

#include "names_pvt.h"

const char *
hmp_write_path(struct hmp_memory *memory, const char *path)
{
	return hmp_format(memory, "%s.hm.h", hmp_path_stem(memory, path));
}

/* ---- Other files --------------------------------------------------------------------------- */

/* The files whose messages a file's services use, each once. */
struct used {
	const struct hmp_file **files;
	size_t count;
};

static void
used_add(struct used *used, const struct hmp_file *self, const struct hmp_file *file)
{
	if (file == self)
		return;
	for (size_t i = 0; i < used->count; i++)
		if (used->files[i] == file)
			return;
	used->files[used->count++] = file;
}

static struct used
used_find(const struct hmp_model *model, const struct hmp_file *file)
{
	struct used used = { .files =
				     hmp_alloc(model->memory, model->file_count, sizeof(struct hmp_file *)) };

	for (size_t s = 0; s < file->service_count; s++) {
		for (size_t r = 0; r < file->services[s].rpc_count; r++) {
			const struct hmp_rpc *rpc = &file->services[s].rpcs[r];

			if (rpc->is_skipped)
				continue;
			used_add(&used, file, rpc->request->file);
			used_add(&used, file, rpc->response->file);
		}
	}
	return used;
}

static void
includes_write(struct hmp_text *text, const struct hmp_model *model, const struct hmp_file *file,
	       const struct used *used, const char *after)
{
	struct hmp_memory *memory = model->memory;

	hmp_text_add(text, "#include <assert.h>\n\n#include <hm_messages.h>\n#include <hm_service.h>\n\n");
	hmp_text_add(text, "#include \"%s.pb-c.h\"\n", hmp_path_stem(memory, file->path));
	if (after != NULL)
		hmp_text_add(text, "#include \"%s\"\n", hmp_write_path(memory, after));
	for (size_t i = 0; i < used->count; i++)
		if (after == NULL || strcmp(used->files[i]->path, after) != 0)
			hmp_text_add(text, "#include \"%s\"\n", hmp_write_path(memory, used->files[i]->path));
}

/* ---- Tables -------------------------------------------------------------------------------- */

/* The macros' parameters have names that nothing else in them has: see hmp_is_reserved. */

/* Whether a message before this one has the same function. */
static bool
is_declared(const struct hmp_file *file, size_t message)
{
	for (size_t i = 0; i < message; i++)
		if (file->messages[i].auto_respond != NULL &&
		    strcmp(file->messages[i].auto_respond, file->messages[message].auto_respond) == 0)
			return true;
	return false;
}

static void
functions_declare(struct hmp_text *text, const struct hmp_file *file)
{
	bool is_first = true;

	for (size_t i = 0; i < file->message_count; i++) {
		if (file->messages[i].auto_respond == NULL || is_declared(file, i))
			continue;
		hmp_text_add(
			text, "%shm_auto_respond_fn %s;\n",
			is_first
				? "\n/* The program has them. */\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
				: "",
			file->messages[i].auto_respond);
		is_first = false;
	}
	if (!is_first)
		hmp_text_add(text, "#ifdef __cplusplus\n}\n#endif\n");
}

static void
attributes_write(struct hmp_text *text, const struct hmp_message *message)
{
	const char *separator = ", (";

	if (message->is_control) {
		hmp_text_add(text, "%sHM_CONTROL", separator);
		separator = " ";
	}
	if (message->is_without_influence) {
		hmp_text_add(text, "%sHM_NO_INFLUENCE", separator);
		separator = " ";
	}
	if (message->auto_respond != NULL) {
		hmp_text_add(text, "%sHM_AUTO_RESPOND(%s)", separator, message->auto_respond);
		separator = " ";
	}
	if (separator[0] == ' ')
		hmp_text_add(text, ")");
}

static void
messages_write(struct hmp_text *text, const struct hmp_file *file, const char *first)
{
	functions_declare(text, file);
	hmp_text_add(text,
		     "\n/* Ids, %s_register, and typed functions: hm_messages.h. */\n"
		     "#define %s_MESSAGES(HM_MESSAGE)",
		     file->table, file->table);
	for (size_t i = 0; i < file->message_count; i++) {
		const struct hmp_message *message = &file->messages[i];

		if (message->is_skipped)
			continue;
		hmp_text_add(text, " \\\n\tHM_MESSAGE(%s, %s, %s__descriptor", message->name, message->type,
			     message->lower);
		attributes_write(text, message);
		hmp_text_add(text, ")");
	}
	hmp_text_add(text, "\n\nHM_MESSAGES(%s, %s, %s_MESSAGES);\n", file->table, first, file->table);
}

/* What is known only where the ids of all files are. */
static void
asserts_write(struct hmp_text *text, const struct hmp_file *file, const struct used *used, const char *after)
{
	hmp_text_add(
		text,
		"\nstatic_assert((int)%s_before_ + 1 >= HM_TYPE_USER && (int)%s_end <= 65536,\n"
		"\t      \"type ids of %s: from HM_TYPE_USER to 65535; the plugin's first= or after= says where\");\n",
		file->table, file->table, file->path);
	for (size_t i = 0; i < used->count; i++) {
		const struct hmp_file *other = used->files[i];

		if (after != NULL && strcmp(other->path, after) == 0)
			continue;
		hmp_text_add(
			text,
			"static_assert((int)%s_end <= (int)%s_before_ + 1 || (int)%s_end <= (int)%s_before_ + 1,\n"
			"\t      \"type ids of %s and of %s are the same; the plugin's after=%s gives others\");\n",
			file->table, other->table, other->table, file->table, file->path, other->path,
			other->path);
	}
}

static void
service_write(struct hmp_text *text, const struct hmp_service *service)
{
	const char *comma = "";

	hmp_text_add(text, "\n/* Service %s: hm_service.h. */\n#define %s_RPCS(HM_RPC)", service->full,
		     service->name);
	for (size_t r = 0; r < service->rpc_count; r++) {
		const struct hmp_rpc *rpc = &service->rpcs[r];

		if (!rpc->is_skipped)
			hmp_text_add(text, " \\\n\tHM_RPC(%s, %s, %s, %s)", rpc->name, rpc->handler,
				     rpc->request->name, rpc->response->name);
	}
	hmp_text_add(text, "\n\nHM_SERVICE(%s, %s_RPCS);\n", service->name, service->name);
	hmp_text_add(text, "\n/* In HM_RECEIVE: a handler(ctx, state, body) of each rpc. */\n#define %s_ON(",
		     service->name);
	for (size_t r = 0; r < service->rpc_count; r++) {
		if (service->rpcs[r].is_skipped)
			continue;
		hmp_text_add(text, "%shandler_%s", comma, service->rpcs[r].handler);
		comma = ", ";
	}
	hmp_text_add(text, ")");
	for (size_t r = 0; r < service->rpc_count; r++)
		if (!service->rpcs[r].is_skipped)
			hmp_text_add(text, " \\\n\tHM_ON(%s, handler_%s)", service->rpcs[r].request->name,
				     service->rpcs[r].handler);
	hmp_text_add(text, "\n");
}

void
hmp_write(struct hmp_text *text, const struct hmp_model *model, const struct hmp_file *file,
	  const struct hmp_file *after)
{
	const struct hmp_params *params = &model->params;
	const char *path = after != NULL ? after->path : params->after, *first = "HM_TYPE_USER";
	struct used used = used_find(model, file);

	if (path != NULL)
		first = hmp_format(model->memory, "%s_end", hmp_table_name(model, path));
	else if (params->first != NULL)
		first = params->first;
	hmp_text_add(text,
		     "/* Made of %s by protoc-gen-hermod. Changes belong there. */\n"
		     "#ifndef %s_HM_H\n#define %s_HM_H\n\n",
		     file->path, file->table, file->table);
	includes_write(text, model, file, &used, path);
	messages_write(text, file, first);
	asserts_write(text, file, &used, path);
	for (size_t s = 0; s < file->service_count; s++)
		if (!file->services[s].is_skipped)
			service_write(text, &file->services[s]);
	hmp_text_add(text, "\n#endif /* %s_HM_H */\n", file->table);
}
