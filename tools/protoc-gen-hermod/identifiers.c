/* SPDX-License-Identifier: Apache-2.0 */
#include "identifiers_pvt.h"

#include <stdlib.h>
#include <string.h>

#include "names_pvt.h"

/* What hm_messages.h and hm_service.h make of a name, and the plugin itself; an empty one is the name alone. */
static const char *const of_message[] = { "",
					  "_send",
					  "_request",
					  "_request_from",
					  "_respond",
					  "_ask",
					  "_request_future",
					  "_send_after",
					  "_send_batch",
					  "_system_send",
					  "_system_send_wait",
					  "_stream_write",
					  "_stream_write_wait",
					  "_publish",
					  "_system_publish",
					  "_subscribe",
					  "_body",
					  "_new",
					  NULL };
static const char *const of_table[] = { "_register", "_end", "_before_", "_MESSAGES", "_HM_H", NULL };
static const char *const of_service[] = { "_handlers", "_dispatch", "_RPCS", "_ON", NULL };
static const char *const of_rpc[] = { "_request", "_request_from", "_ask",        "_request_future",
				      "_respond", "_reply",        "_system_ask", NULL };

/* What protobuf-c makes of a message's type, and of what its functions begin with. */
static const char *const of_type[] = { "", "_Closure", NULL };
static const char *const of_lower[] = { "__init",   "__get_packed_size", "__pack",       "__pack_to_buffer",
					"__unpack", "__free_unpacked",   "__descriptor", NULL };

/* Who has an identifier. */
struct owner {
	const char *kind, *name, *path;
	bool is_named; /* it may be given another name */
};

struct identifier {
	const char *name;
	const struct owner *owner;
	size_t order;
};

struct list {
	struct hmp_model *model;
	const char *path; /* of the file that is being added */
	struct identifier *identifiers;
	size_t count, capacity;
};

static const struct owner *
owner_new(const struct list *list, const char *kind, const char *name, bool is_named)
{
	struct owner *owner = hmp_alloc(list->model->memory, 1, sizeof(*owner));

	*owner = (struct owner){ kind, name, list->path, is_named };
	return owner;
}

static void
identifier_add(struct list *list, const char *name, const struct owner *owner)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity > 0 ? 2 * list->capacity : 256;
		struct identifier *more = hmp_alloc(list->model->memory, capacity, sizeof(*more));

		if (list->count > 0)
			memcpy(more, list->identifiers, list->count * sizeof(*more));
		list->identifiers = more;
		list->capacity = capacity;
	}
	list->identifiers[list->count] = (struct identifier){ name, owner, list->count };
	list->count++;
}

static void
all_add(struct list *list, const char *name, const char *const *suffixes, const struct owner *owner)
{
	for (; *suffixes != NULL; suffixes++)
		identifier_add(list, hmp_format(list->model->memory, "%s%s", name, *suffixes), owner);
}

static void
message_add(struct list *list, const struct hmp_message *message)
{
	const struct owner *other = owner_new(list, "protobuf-c's code of", message->full, false);

	if (!message->is_skipped)
		all_add(list, message->name, of_message, owner_new(list, "message", message->full, true));
	if (message->auto_respond != NULL)
		identifier_add(list, message->auto_respond,
			       owner_new(list, "the function of auto_respond", message->full, false));
	all_add(list, message->type, of_type, other);
	all_add(list, message->lower, of_lower, other);
}

static void
service_add(struct list *list, const struct hmp_service *service)
{
	if (service->is_skipped)
		return;
	all_add(list, service->name, of_service, owner_new(list, "service", service->full, true));
	for (size_t r = 0; r < service->rpc_count; r++)
		if (!service->rpcs[r].is_skipped)
			all_add(list, service->rpcs[r].name, of_rpc,
				owner_new(list, "rpc", service->rpcs[r].full, true));
}

/* ---- The same name twice ------------------------------------------------------------------- */

static int
by_name(const void *one, const void *other)
{
	const struct identifier *a = one, *b = other;
	int difference = strcmp(a->name, b->name);

	if (difference == 0)
		difference = a->order < b->order ? -1 : 1;
	return difference;
}

/* A pair has mostly many names in common, of which one is said. */
struct told {
	const struct owner *a, *b;
};

static bool
is_told(const struct told *told, size_t count, const struct identifier *a, const struct identifier *b)
{
	for (size_t i = 0; i < count; i++)
		if ((told[i].a == a->owner && told[i].b == b->owner) ||
		    (told[i].a == b->owner && told[i].b == a->owner))
			return true;
	return false;
}

static void
pair_tell(struct hmp_model *model, const struct identifier *a, const struct identifier *b)
{
	const struct owner *named = b->owner->is_named ? b->owner : a->owner;

	hmp_problem(&model->problems,
		    "%s: %s %s and %s %s are both %s in C; the parameter name.%s=NAME gives another",
		    named->path, a->owner->kind, a->owner->name, b->owner->kind, b->owner->name, a->name,
		    named->name);
}

static void
pairs_tell(struct list *list)
{
	struct told told[HMP_PROBLEMS_MAX + 1];
	size_t count = 0;

	if (list->count == 0) /* of no file; then there is no list */
		return;
	qsort(list->identifiers, list->count, sizeof(*list->identifiers), by_name);
	for (size_t i = 1; i < list->count && count <= HMP_PROBLEMS_MAX; i++) {
		const struct identifier *a = &list->identifiers[i - 1], *b = a + 1;

		/* Two that are not named are protobuf-c's affair. */
		if (strcmp(a->name, b->name) != 0 || a->owner == b->owner ||
		    !(a->owner->is_named || b->owner->is_named) || is_told(told, count, a, b))
			continue;
		told[count++] = (struct told){ a->owner, b->owner };
		pair_tell(list->model, a, b);
	}
}

/* ---- Names that cannot be any -------------------------------------------------------------- */

static void
name_check(struct hmp_model *model, const char *path, const char *name, const char *of)
{
	if (hmp_is_keyword(name))
		hmp_problem(
			&model->problems,
			"%s: %s is %s in C, which is a word of C or C++; the parameter name.%s=NAME gives another",
			path, of, name, of);
	else if (hmp_is_reserved(name))
		hmp_problem(&model->problems,
			    "%s: %s is %s in C, where names that begin with hm_ are hermod's; the parameter "
			    "name.%s=NAME gives another",
			    path, of, name, of);
}

static void
message_check(struct hmp_model *model, const struct hmp_file *file, const struct hmp_message *message)
{
	if (message->is_skipped)
		return;
	name_check(model, file->path, message->name, message->full);
	if (!hmp_is_identifier(message->type, strlen(message->type)))
		hmp_problem(
			&model->problems,
			"%s: message %s is '%s' in protobuf-c, which is no identifier; rename it, or give the file a "
			"package",
			file->path, message->full, message->type);
}

static void
names_check(struct hmp_model *model, const struct hmp_file *file)
{
	name_check(model, file->path, file->table, file->path);
	for (size_t i = 0; i < file->message_count; i++)
		message_check(model, file, &file->messages[i]);
	for (size_t s = 0; s < file->service_count; s++) {
		const struct hmp_service *service = &file->services[s];

		if (service->is_skipped)
			continue;
		name_check(model, file->path, service->name, service->full);
		for (size_t r = 0; r < service->rpc_count; r++)
			if (!service->rpcs[r].is_skipped)
				name_check(model, file->path, service->rpcs[r].name, service->rpcs[r].full);
	}
}

static void
file_add(struct list *list, const struct hmp_file *file)
{
	list->path = file->path;
	all_add(list, file->table, of_table, owner_new(list, "the table of", file->path, true));
	for (size_t i = 0; i < file->message_count; i++)
		message_add(list, &file->messages[i]);
	for (size_t i = 0; i < file->service_count; i++)
		service_add(list, &file->services[i]);
}

void
hmp_identifiers_check(struct hmp_model *model)
{
	struct list list = { .model = model };

	for (size_t f = 0; f < model->file_count; f++) {
		const struct hmp_file *file = &model->files[f];

		if (file->is_written)
			names_check(model, file);
		if (file->is_written || file->is_used)
			file_add(&list, file);
	}
	pairs_tell(&list);
}
