/* SPDX-License-Identifier: Apache-2.0 */
#include "validate_pvt.h"

#include <inttypes.h>
#include <string.h>

#include "hm_msg.h"
#include "identifiers_pvt.h"
#include "names_pvt.h"

/* Ids have 16 bits. */
#define ID_COUNT (UINT16_MAX + 1u)

static void
message_used(struct hmp_model *model, const struct hmp_file *file, const struct hmp_rpc *rpc,
	     const char *name, const struct hmp_message *message)
{
	if (message == NULL)
		hmp_problem(&model->problems, "%s: rpc %s uses %s, which is no message of the files",
			    file->path, rpc->full, name);
	else if (message->is_skipped)
		hmp_problem(&model->problems,
			    "%s: rpc %s uses %s, which is left out; skip=%s leaves the rpc out, too",
			    file->path, rpc->full, name, rpc->full);
	else if (!hmp_is_path(message->file->path))
		hmp_problem(
			&model->problems,
			"%s: rpc %s uses a message of '%s', whose name cannot stand in an #include; rename the file",
			file->path, rpc->full, message->file->path);
}

/* Two calls that the receiver could not tell from each other. */
static void
request_twice(struct hmp_model *model, const struct hmp_file *file, const struct hmp_service *service,
	      size_t later)
{
	const struct hmp_rpc *rpc = &service->rpcs[later];

	for (size_t r = 0; r < later; r++) {
		const struct hmp_rpc *other = &service->rpcs[r];

		if (other->is_skipped || other->request == NULL || other->request != rpc->request)
			continue;
		hmp_problem(
			&model->problems,
			"%s: rpc %s and rpc %s both take %s, by which they are told from each other; give one a "
			"message of its own, or leave it out by skip=%s",
			file->path, other->full, rpc->full, rpc->request_name, rpc->full);
		return;
	}
}

/* In the macro for HM_RECEIVE handlers are parameters, which must not be the name of anything else in it. */
static void
handler_taken(struct hmp_model *model, const struct hmp_file *file, const struct hmp_service *service,
	      size_t r)
{
	const char *handler = hmp_format(model->memory, "handler_%s", service->rpcs[r].handler);

	for (size_t i = 0; i < service->rpc_count; i++) {
		const struct hmp_rpc *rpc = &service->rpcs[i];

		if (!rpc->is_skipped && rpc->request != NULL && strcmp(rpc->request->name, handler) == 0)
			hmp_problem(
				&model->problems,
				"%s: message %s and the handler of rpc %s are both %s in C; the parameter "
				"name.%s=NAME gives another",
				file->path, rpc->request->full, service->rpcs[r].full, handler,
				rpc->request->full);
	}
}

/* The one name of an rpc that the table of a service cannot have, since it is the macro's parameter. */
#define PARAMETER "HM_RPC"

static void
service_check(struct hmp_model *model, const struct hmp_file *file, const struct hmp_service *service)
{
	for (size_t r = 0; r < service->rpc_count; r++) {
		const struct hmp_rpc *rpc = &service->rpcs[r];

		if (rpc->is_skipped)
			continue;
		if (rpc->is_stream)
			hmp_problem(
				&model->problems,
				"%s: rpc %s is a stream, which is not one request and one answer; leave it out by "
				"skip=%s",
				file->path, rpc->full, rpc->full);
		if (strcmp(rpc->handler, PARAMETER) == 0)
			hmp_problem(&model->problems,
				    "%s: rpc %s has a name of hermod's; leave it out by skip=%s", file->path,
				    rpc->full, rpc->full);
		message_used(model, file, rpc, rpc->request_name, rpc->request);
		message_used(model, file, rpc, rpc->response_name, rpc->response);
		request_twice(model, file, service, r);
		handler_taken(model, file, service, r);
	}
}

static void
file_check(struct hmp_model *model, const struct hmp_file *file)
{
	if (!hmp_is_path(file->path))
		hmp_problem(
			&model->problems,
			"'%s' cannot stand in an #include: it has a quote, a backslash, '*', '?' or a character "
			"that is not printed; rename the file",
			file->path);
	for (size_t s = 0; s < file->service_count; s++)
		service_check(model, file, &file->services[s]);
}

/* Ids go on from file to file. Behind after=FILE the compiler counts. */
static void
ids_check(struct hmp_model *model)
{
	uint64_t id = model->params.first_id;

	for (size_t f = 0; f < model->file_count; f++) {
		const struct hmp_file *file = &model->files[f];
		uint64_t first = id;

		if (!file->is_written)
			continue;
		for (size_t m = 0; m < file->message_count; m++)
			id += file->messages[m].is_skipped ? 0 : 1;
		if (id <= ID_COUNT)
			continue;
		hmp_problem(
			&model->problems,
			"%s: its %" PRIu64 " messages have ids from %" PRIu64 " to %" PRIu64
			", but %u is the last; a lower first=ID, or skip=X for what is not sent by itself",
			file->path, id - first, first, id - 1, ID_COUNT - 1);
		return;
	}
}

static void
after_check(struct hmp_model *model)
{
	for (size_t f = 0; f < model->file_count; f++)
		if (model->params.after != NULL && model->files[f].is_written &&
		    strcmp(model->files[f].path, model->params.after) == 0)
			hmp_problem(
				&model->problems,
				"after=%s: is itself written in this run, whose files follow each other anyway; "
				"leave the parameter out, or run protoc for each file",
				model->params.after);
}

void
hmp_validate(struct hmp_model *model)
{
	after_check(model);
	hmp_identifiers_check(model);
	for (size_t f = 0; f < model->file_count; f++)
		if (model->files[f].is_written)
			file_check(model, &model->files[f]);
	ids_check(model);
	hmp_params_unused(&model->params, &model->problems);
}
