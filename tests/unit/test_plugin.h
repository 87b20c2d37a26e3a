/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_PLUGIN_H
#define TEST_PLUGIN_H

/*
 * Requests as protoc makes them, put together of files, messages, services and calls; and what the plugin answers.
 */
#include <criterion/criterion.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nesting_pvt.h"
#include "plugin.pb-c.h"
#include "plugin_pvt.h"

#define PLUGIN_MAX 512

/* A request under way, and its answer. Freed by plugin_end. */
struct plugin {
	Hmp__Request request;
	Hmp__Answer *answer; /* NULL: the request was refused */
	const char *wrong;   /* why */
	void *memory[8 * PLUGIN_MAX];
	size_t count;
};

static inline void *
plugin_keep(struct plugin *p, size_t bytes)
{
	void *memory = calloc(1, bytes);

	cr_assert_not_null(memory);
	cr_assert_lt(p->count, 8 * PLUGIN_MAX);
	p->memory[p->count++] = memory;
	return memory;
}

static inline char *
plugin_text(struct plugin *p, const char *text)
{
	char *copy = plugin_keep(p, strlen(text) + 1);

	memcpy(copy, text, strlen(text) + 1);
	return copy;
}

/* One element more of a repeated field. */
static inline void
plugin_push(struct plugin *p, void *list, size_t *count, void *element)
{
	void ***elements = list;

	if (*elements == NULL)
		*elements = plugin_keep(p, PLUGIN_MAX * sizeof(void *));
	cr_assert_lt(*count, PLUGIN_MAX);
	(*elements)[(*count)++] = element;
}

static inline void
plugin_start(struct plugin *p, const char *parameter)
{
	memset(p, 0, sizeof(*p));
	hmp__request__init(&p->request);
	p->request.parameter = parameter != NULL ? plugin_text(p, parameter) : NULL;
}

/* A file that is imported only. */
static inline Hmp__File *
plugin_import(struct plugin *p, const char *path, const char *package)
{
	Hmp__File *file = plugin_keep(p, sizeof(*file));

	hmp__file__init(file);
	file->name = plugin_text(p, path);
	file->package = package != NULL ? plugin_text(p, package) : NULL;
	plugin_push(p, &p->request.proto_file, &p->request.n_proto_file, file);
	return file;
}

/* A file whose header is asked for. */
static inline Hmp__File *
plugin_file(struct plugin *p, const char *path, const char *package)
{
	plugin_push(p, &p->request.file_to_generate, &p->request.n_file_to_generate, plugin_text(p, path));
	return plugin_import(p, path, package);
}

static inline Hmp__Message *
plugin_message_new(struct plugin *p, const char *name)
{
	Hmp__Message *message = plugin_keep(p, sizeof(*message));

	hmp__message__init(message);
	message->name = plugin_text(p, name);
	return message;
}

static inline Hmp__Message *
plugin_message(struct plugin *p, Hmp__File *file, const char *name)
{
	Hmp__Message *message = plugin_message_new(p, name);

	plugin_push(p, &file->message_type, &file->n_message_type, message);
	return message;
}

static inline Hmp__Message *
plugin_nested(struct plugin *p, Hmp__Message *parent, const char *name)
{
	Hmp__Message *message = plugin_message_new(p, name);

	plugin_push(p, &parent->nested_type, &parent->n_nested_type, message);
	return message;
}

static inline Hmp__Service *
plugin_service(struct plugin *p, Hmp__File *file, const char *name)
{
	Hmp__Service *service = plugin_keep(p, sizeof(*service));

	hmp__service__init(service);
	service->name = plugin_text(p, name);
	plugin_push(p, &file->service, &file->n_service, service);
	return service;
}

static inline Hmp__Method *
plugin_rpc(struct plugin *p, Hmp__Service *service, const char *name, const char *request,
	   const char *response)
{
	Hmp__Method *method = plugin_keep(p, sizeof(*method));

	hmp__method__init(method);
	method->name = plugin_text(p, name);
	method->input_type = plugin_text(p, request);
	method->output_type = plugin_text(p, response);
	plugin_push(p, &service->method, &service->n_method, method);
	return method;
}

/* The option of protobuf-c for a file's package. */
static inline void
plugin_c_package(struct plugin *p, Hmp__File *file, const char *package)
{
	file->options = plugin_keep(p, sizeof(*file->options));
	hmp__file_options__init(file->options);
	file->options->protobuf_c = plugin_keep(p, sizeof(*file->options->protobuf_c));
	hmp__protobuf_c__init(file->options->protobuf_c);
	file->options->protobuf_c->c_package = plugin_text(p, package);
}

/* A request with a service, shop.Bank, and two messages, shop.A and shop.B, of which the caller makes rpcs; and odd.M. */
static inline Hmp__Service *
plugin_bank(struct plugin *p, const char *parameter)
{
	Hmp__File *file;

	plugin_start(p, parameter);
	plugin_message(p, plugin_import(p, "odd\".proto", "odd"), "M");
	file = plugin_file(p, "a.proto", "shop");
	plugin_message(p, file, "A");
	plugin_message(p, file, "B");
	return plugin_service(p, file, "Bank");
}

/* Hand the request over as bytes of just that length, and read the answer. */
static inline void
plugin_bytes_run(struct plugin *p, const uint8_t *bytes, size_t length)
{
	uint8_t *exact = malloc(length > 0 ? length : 1), *answer = NULL;
	size_t answer_length = 0;

	cr_assert_not_null(exact);
	memcpy(exact, bytes, length);
	p->wrong = hmp_plugin_answer(exact, length, &answer, &answer_length);
	free(exact);
	if (p->answer != NULL)
		hmp__answer__free_unpacked(p->answer, NULL);
	p->answer = NULL;
	if (p->wrong != NULL)
		return;
	p->answer = hmp__answer__unpack(NULL, answer_length, answer);
	free(answer);
	cr_assert_not_null(p->answer);
	cr_assert(p->answer->error == NULL || p->answer->n_file == 0, "either files or problems");
}

static inline size_t
plugin_pack(struct plugin *p, uint8_t **bytes)
{
	size_t length = hmp__request__get_packed_size(&p->request);

	*bytes = plugin_keep(p, length + 1);
	return hmp__request__pack(&p->request, *bytes);
}

static inline void
plugin_run(struct plugin *p)
{
	uint8_t *bytes;
	size_t length = plugin_pack(p, &bytes);

	plugin_bytes_run(p, bytes, length);
}

static inline void
plugin_end(struct plugin *p)
{
	if (p->answer != NULL)
		hmp__answer__free_unpacked(p->answer, NULL);
	for (size_t i = 0; i < p->count; i++)
		free(p->memory[i]);
}

/* Run a request that is to be refused for what its user can mend, and end it. */
static inline void
plugin_problem(struct plugin *p, const char *expected)
{
	plugin_run(p);
	cr_assert_null(p->wrong);
	cr_assert_not_null(p->answer->error, "no problem, instead of: %s", expected);
	cr_assert(strcmp(p->answer->error, expected) == 0, "%s\ninstead of\n%s", p->answer->error, expected);
	plugin_end(p);
}

/* Run a request that is to be answered. @return the header of its nth file */
static inline const char *
plugin_header(struct plugin *p, size_t n)
{
	if (p->answer == NULL)
		plugin_run(p);
	cr_assert_null(p->wrong, "%s", p->wrong);
	cr_assert_null(p->answer->error, "%s", p->answer->error);
	cr_assert_lt(n, p->answer->n_file);
	return p->answer->file[n]->content;
}

#endif /* TEST_PLUGIN_H */
