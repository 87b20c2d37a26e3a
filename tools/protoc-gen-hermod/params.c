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

static void
name_read(struct hmp_params *params, const char *of, const char *value, struct hmp_problems *problems)
{
	if (of[0] == '\0')
		hmp_problem(problems, "name.=%s: what is called so is missing; instead: name.shop.Order=%s",
			    value, value);
	else if (!hmp_is_identifier(value, strlen(value)))
		hmp_problem(problems, "name.%s=%s: '%s' is no identifier of C", of, value, value);
	if (hmp_param_name(params, of, strlen(of)) != NULL)
		hmp_problem(problems, "name.%s=%s: it has been given a name already", of, value);
	else
		params->names[params->name_count++] = (struct hmp_param_name){ .of = of, .name = value };
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
		params->skips[params->skip_count++] = (struct hmp_param_name){ .of = value };
	else if (strncmp(item, "name.", 5) == 0)
		name_read(params, item + 5, value, problems);
	else
		hmp_problem(
			problems,
			"unknown parameter '%s'; there are first=ID, after=FILE.proto, name.X=NAME and skip=X",
			item);
}

void
hmp_params_read(struct hmp_params *params, const char *text, struct hmp_memory *memory,
		struct hmp_problems *problems)
{
	size_t items = 1;
	char *rest, *item;

	*params = (struct hmp_params){ .first_id = HM_TYPE_USER };
	if (text == NULL)
		return;
	for (const char *c = text; *c != '\0'; c++)
		items += *c == ',';
	params->names = hmp_alloc(memory, items, sizeof(*params->names));
	params->skips = hmp_alloc(memory, items, sizeof(*params->skips));
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
	for (size_t i = 0; i < params->name_count; i++) {
		struct hmp_param_name *name = &params->names[i];

		if (strncmp(name->of, of, length) == 0 && name->of[length] == '\0') {
			name->is_used = true;
			return name->name;
		}
	}
	return NULL;
}

bool
hmp_param_skips(const struct hmp_params *params, const char *full)
{
	bool found = false;

	for (size_t i = 0; i < params->skip_count; i++) {
		struct hmp_param_name *skip = &params->skips[i];
		size_t length = strlen(skip->of);

		if (strncmp(skip->of, full, length) == 0 && (full[length] == '\0' || full[length] == '.')) {
			skip->is_used = true;
			found = true;
		}
	}
	return found;
}

void
hmp_params_unused(const struct hmp_params *params, struct hmp_problems *problems)
{
	for (size_t i = 0; i < params->name_count; i++)
		if (!params->names[i].is_used)
			hmp_problem(problems,
				    "name.%s=%s: no package, message, service, rpc or file is called %s",
				    params->names[i].of, params->names[i].name, params->names[i].of);
	for (size_t i = 0; i < params->skip_count; i++)
		if (!params->skips[i].is_used)
			hmp_problem(problems, "skip=%s: no package, message, service or rpc is called %s",
				    params->skips[i].of, params->skips[i].of);
}
