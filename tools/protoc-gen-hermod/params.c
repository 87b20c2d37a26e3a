/* SPDX-License-Identifier: Apache-2.0 */
#include "params_pvt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hm_msg.h"
#include "names_pvt.h"

/* Ids have 16 bits. */
#define ID_MAX UINT16_MAX

void
hmp_problem(struct hmp_problems *problems, const char *format, ...)
{
	char line[1024];
	va_list arguments;

	if (problems->count++ >= HMP_PROBLEMS_MAX)
		return;
	va_start(arguments, format);
	if (vsnprintf(line, sizeof(line), format, arguments) >= (int)sizeof(line))
		memcpy(line + sizeof(line) - 4, "...", 4);
	va_end(arguments);
	hmp_text_add(&problems->text, "%s%s", problems->text.length > 0 ? "\n" : "", line);
}

static void
first_read(struct hmp_params *params, const char *value, struct hmp_problems *problems)
{
	unsigned long id;
	char *end;

	errno = 0;
	id = strtoul(value, &end, 0);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || id < HM_TYPE_USER ||
	    id > ID_MAX)
		hmp_problem(problems, "first=%s: the first type id is a number from %d to %d", value,
			    HM_TYPE_USER, ID_MAX);
	else if (params->first != NULL)
		hmp_problem(problems, "first=%s: there is a first=%s already", value, params->first);
	else
		params->first_id = (uint32_t)id;
	params->first = value;
}

static void
after_read(struct hmp_params *params, const char *value, struct hmp_problems *problems)
{
	if (!hmp_is_path(value))
		hmp_problem(problems, "after=%s: needs the name of a .proto file, as protoc knows it", value);
	else if (params->after != NULL)
		hmp_problem(problems, "after=%s: there is an after=%s already", value, params->after);
	params->after = value;
}

static struct hmp_param_name *
name_find(const struct hmp_param_names *names, const char *of, size_t length)
{
	for (size_t i = 0; i < names->count; i++)
		if (strncmp(names->items[i].of, of, length) == 0 && names->items[i].of[length] == '\0')
			return &names->items[i];
	return NULL;
}

static void
name_add(struct hmp_param_names *names, const char *of, const char *name)
{
	names->items[names->count++] = (struct hmp_param_name){ .of = of, .name = name };
}

static void
name_read(struct hmp_params *params, const char *of, const char *value, struct hmp_problems *problems)
{
	if (of[0] == '\0')
		hmp_problem(problems, "name.=%s: what is called so is missing; instead: name.shop.Order=%s",
			    value, value);
	else if (!hmp_is_identifier(value, strlen(value)))
		hmp_problem(problems, "name.%s=%s: '%s' is no identifier of C", of, value, value);
	if (name_find(&params->names, of, strlen(of)) != NULL)
		hmp_problem(problems, "name.%s=%s: it has been given a name already", of, value);
	else
		name_add(&params->names, of, value);
}

static void
auto_respond_read(struct hmp_params *params, const char *of, const char *value, struct hmp_problems *problems)
{
	if (of[0] == '\0')
		hmp_problem(problems,
			    "auto_respond.=%s: the message is missing; instead: auto_respond.shop.Order=%s",
			    value, value);
	else if (!hmp_is_identifier(value, strlen(value)))
		hmp_problem(problems, "auto_respond.%s=%s: '%s' is no identifier of C", of, value, value);
	else if (hmp_is_keyword(value))
		hmp_problem(problems, "auto_respond.%s=%s: %s is a word of C or C++", of, value, value);
	else if (hmp_is_reserved(value))
		hmp_problem(problems, "auto_respond.%s=%s: names that begin with hm_ are hermod's", of,
			    value);
	if (name_find(&params->auto_respond, of, strlen(of)) != NULL)
		hmp_problem(problems, "auto_respond.%s=%s: it has been given a function already", of, value);
	else
		name_add(&params->auto_respond, of, value);
}

/* @param item  KEY=VALUE, which is cut in two */
static void
item_read(struct hmp_params *params, char *item, struct hmp_problems *problems)
{
	char *value = strchr(item, '=');

	if (value == NULL) {
		hmp_problem(problems, "parameter '%s' has no value; instead: KEY=VALUE", item);
		return;
	}
	*value++ = '\0';
	if (strcmp(item, "first") == 0)
		first_read(params, value, problems);
	else if (strcmp(item, "after") == 0)
		after_read(params, value, problems);
	else if (strcmp(item, "skip") == 0)
		name_add(&params->skips, value, NULL);
	else if (strcmp(item, "control") == 0)
		name_add(&params->control, value, NULL);
	else if (strcmp(item, "no_influence") == 0)
		name_add(&params->no_influence, value, NULL);
	else if (strncmp(item, "name.", 5) == 0)
		name_read(params, item + 5, value, problems);
	else if (strncmp(item, "auto_respond.", 13) == 0)
		auto_respond_read(params, item + 13, value, problems);
	else
		hmp_problem(
			problems,
			"unknown parameter '%s'; there are first=ID, after=FILE.proto, name.X=NAME, skip=X, "
			"control=X, no_influence=X and auto_respond.X=FUNCTION",
			item);
}

void
hmp_params_read(struct hmp_params *params, const char *text, struct hmp_memory *memory,
		struct hmp_problems *problems)
{
	struct hmp_param_names *const lists[] = { &params->names, &params->skips, &params->control,
						  &params->no_influence, &params->auto_respond };
	size_t items = 1;
	char *rest, *item;

	*params = (struct hmp_params){ .first_id = HM_TYPE_USER };
	if (text == NULL)
		return;
	for (const char *c = text; *c != '\0'; c++)
		items += *c == ',';
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		lists[i]->items = hmp_alloc(memory, items, sizeof(*lists[i]->items));
	rest = (char *)(uintptr_t)hmp_copy(memory, text, strlen(text));
	while ((item = strsep(&rest, ",")) != NULL)
		if (item[0] != '\0')
			item_read(params, item, problems);
	if (params->first != NULL && params->after != NULL)
		hmp_problem(problems, "first=%s and after=%s say two things; instead: one of them",
			    params->first, params->after);
}

const char *
hmp_param_name(const struct hmp_params *params, const char *of, size_t length)
{
	struct hmp_param_name *name = name_find(&params->names, of, length);

	if (name == NULL)
		return NULL;
	name->is_used = true;
	return name->name;
}

bool
hmp_param_covers(const struct hmp_param_names *names, const char *full)
{
	bool found = false;

	for (size_t i = 0; i < names->count; i++) {
		struct hmp_param_name *name = &names->items[i];
		size_t length = strlen(name->of);

		if (strncmp(name->of, full, length) == 0 && (full[length] == '\0' || full[length] == '.')) {
			name->is_used = true;
			found = true;
		}
	}
	return found;
}

const char *
hmp_param_auto_respond(const struct hmp_params *params, const char *full)
{
	struct hmp_param_name *name = name_find(&params->auto_respond, full, strlen(full));

	if (name == NULL)
		return NULL;
	name->is_used = true;
	return name->name;
}

/* ---- What was given to nothing ------------------------------------------------------------- */

static void
attribute_unused(const struct hmp_param_names *names, const char *key, struct hmp_problems *problems)
{
	for (size_t i = 0; i < names->count; i++)
		if (!names->items[i].is_used)
			hmp_problem(problems, "%s=%s: no message that is written is called %s, or lies in it",
				    key, names->items[i].of, names->items[i].of);
}

void
hmp_params_unused(const struct hmp_params *params, struct hmp_problems *problems)
{
	const struct hmp_param_names *names = &params->names, *skips = &params->skips,
				     *functions = &params->auto_respond;

	for (size_t i = 0; i < names->count; i++)
		if (!names->items[i].is_used)
			hmp_problem(problems,
				    "name.%s=%s: no package, message, service, rpc or file is called %s",
				    names->items[i].of, names->items[i].name, names->items[i].of);
	for (size_t i = 0; i < skips->count; i++)
		if (!skips->items[i].is_used)
			hmp_problem(problems, "skip=%s: no package, message, service or rpc is called %s",
				    skips->items[i].of, skips->items[i].of);
	attribute_unused(&params->control, "control", problems);
	attribute_unused(&params->no_influence, "no_influence", problems);
	for (size_t i = 0; i < functions->count; i++)
		if (!functions->items[i].is_used)
			hmp_problem(problems, "auto_respond.%s=%s: no message that is written is called %s",
				    functions->items[i].of, functions->items[i].name, functions->items[i].of);
}
