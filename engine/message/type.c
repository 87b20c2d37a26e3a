/* SPDX-License-Identifier: Apache-2.0 */
#include "type_pvt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "annex_pvt.h"
#include "msg_pvt.h"
#include "proto_copy_pvt.h"
#include "system_pvt.h"

#define FNV_BASIS 2166136261u
#define FNV_PRIME 16777619u

void
hmi_types_destroy(struct hmi_types *types)
{
	free(types->small);
	free(types->none_small);
	free(types->info);
	free(types->place);
	free(types->entries);
	*types = (struct hmi_types){ 0 };
}

const struct hmi_type_entry *
hmi_type_entry(const struct hmi_types *types, uint16_t id)
{
	uint16_t place = types->place[id];

	return place != 0 ? &types->entries[place - 1] : NULL;
}

uint32_t
hm_type_hash(const char *name)
{
	uint32_t hash = FNV_BASIS;

	for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++)
		hash = (hash ^ *c) * FNV_PRIME;
	return hash;
}

static int
entry_check(const struct hmi_types *types, const struct hmi_type_entry *entry)
{
	if (entry->type.name == NULL || entry->type.name[0] == '\0')
		return -EINVAL;
	if (entry->type.id < HM_TYPE_USER || entry->type.id >= HM_TYPE_RESERVED ||
	    entry->type.size > HM_MSG_BODY_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < types->count; i++) {
		const struct hmi_type_entry *other = &types->entries[i];

		/* The names of the engine's own messages are no program's concern. */
		if (other->type.id < HM_TYPE_USER || other->type.id >= HM_TYPE_RESERVED)
			continue;
		if (other->type.id == entry->type.id || strcmp(other->type.name, entry->type.name) == 0)
			return -EEXIST;
		if (entry->type.descriptor != NULL && other->type.descriptor != NULL &&
		    other->hash == entry->hash)
			return -EEXIST;
	}
	return 0;
}

static int
entry_add(struct hmi_types *types, const struct hmi_type_entry *entry)
{
	if (types->count == types->capacity) {
		uint32_t capacity = types->capacity == 0 ? 16 : 2 * types->capacity;
		struct hmi_type_entry *entries = realloc(types->entries, capacity * sizeof(*entries));

		if (entries == NULL)
			return -ENOMEM;
		types->entries = entries;
		types->capacity = capacity;
	}
	types->entries[types->count++] = *entry;
	types->place[entry->type.id] = (uint16_t)types->count;
	return 0;
}

/* The one message of the engine that programs send as they send their own. */
static int
touch_add(struct hmi_types *types)
{
	struct hmi_type_entry entry = { .type = { .id = HM_TOUCH, .name = "touch" } };

	types->info[HM_TOUCH] = HMI_TYPE_KNOWN | HMI_TYPE_HANDLED;
	return entry_add(types, &entry);
}

int
hmi_types_create(struct hmi_types *types)
{
	*types = (struct hmi_types){ 0 };
	types->small = calloc(HMI_TYPES_MAX, sizeof(*types->small));
	types->none_small = calloc(HMI_TYPES_MAX, sizeof(*types->none_small));
	types->info = calloc(HMI_TYPES_MAX, sizeof(*types->info));
	types->place = calloc(HMI_TYPES_MAX, sizeof(*types->place));
	return types->small != NULL && types->none_small != NULL && types->info != NULL &&
			       types->place != NULL
		       ? touch_add(types)
		       : -ENOMEM;
}

/*
 * Of protobuf types none is small: unknown fields need a look, even where there are no others. Nor are types that are
 * handled: the header of a small message is written without a look at its type.
 */
static void
info_set(struct hmi_types *types, const struct hmi_type_entry *entry, uint32_t info)
{
	const struct hm_type *type = &entry->type;

	types->info[type->id] = info | type->size;
	if ((info & (HMI_TYPE_PROTO | HMI_TYPE_HANDLED)) == 0 && type->size <= HMI_SMALL_BODY)
		types->small[type->id] =
			(struct hmi_small_type){ .type = type->id, .length = (uint16_t)type->size };
}

int
hmi_type_add_own(struct hmi_types *types, const struct hm_type *type)
{
	struct hmi_type_entry entry = { .type = *type };
	int rc = entry_add(types, &entry);

	if (rc == 0)
		info_set(types, &entry, HMI_TYPE_KNOWN);
	return rc;
}

int
hm_type_register(struct hm_system *sys, const struct hm_type *type)
{
	struct hmi_type_entry entry;
	uint32_t info = HMI_TYPE_KNOWN;
	int rc;

	if (sys == NULL || type == NULL)
		return -EINVAL;
	entry = (struct hmi_type_entry){ .type = *type };
	if (atomic_load_explicit(&sys->state, memory_order_relaxed) != HMI_CREATED)
		return -EBUSY;
	if (type->descriptor != NULL) {
		entry.type.name = type->descriptor->name;
		entry.type.size = (uint32_t)type->descriptor->sizeof_message;
		entry.hash = hm_type_hash(entry.type.name);
		info |= HMI_TYPE_PROTO | (hmi_proto_flat(type->descriptor) ? 0 : HMI_TYPE_DEEP);
	}
	if (type->auto_respond != NULL)
		info |= HMI_TYPE_HANDLED;
	if (type->no_influence)
		info |= HMI_TYPE_NO_INFLUENCE;
	if (type->control)
		info |= HMI_TYPE_CONTROL;
	rc = entry_check(sys->types, &entry);
	if (rc == 0)
		rc = entry_add(sys->types, &entry);
	if (rc == 0)
		info_set(sys->types, &entry, info);
	return rc;
}

static const char *
own_name(uint16_t type)
{
	switch (type) {
	case HM_TYPE_NONE:
		return "none";
	case HM_STARTED:
		return "started";
	case HM_STOPPING:
		return "stopping";
	case HM_STOPPED:
		return "stopped";
	case HM_TERMINATED:
		return "terminated";
	case HM_DEAD_LETTER:
		return "dead letter";
	case HM_IDENTITY:
		return "identity";
	case HM_RESTARTING:
		return "restarting";
	case HM_RECEIVE_TIMEOUT:
		return "receive timeout";
	case HM_SUPERVISION:
		return "supervision";
	case HM_FUTURE_FAILED:
		return "future failed";
	case HM_TOUCHED:
		return "touched";
	case HM_REPLIES:
		return "replies";
	case HM_MOVED:
		return "moved";
	case HM_LIFECYCLE:
		return "lifecycle";
	case HM_ENDPOINT:
		return "endpoint";
	case HM_OVERLOAD:
		return "overload";
	case HM_STALL:
		return "stall";
	case HMI_OBJECT_ANNEX:
		return "message's headers";
	case HMI_OBJECT_BUFFER:
		return "buffer";
	default:
		return "unknown";
	}
}

const char *
hm_type_name(const struct hm_system *sys, uint16_t type)
{
	const struct hmi_type_entry *entry = hmi_type_entry(sys->types, type);

	return entry != NULL ? entry->type.name : own_name(type);
}

const struct hm_type *
hm_type_by_id(const struct hm_system *sys, uint16_t id)
{
	const struct hmi_type_entry *entry = hmi_type_entry(sys->types, id);

	return entry != NULL ? &entry->type : NULL;
}

const struct hm_type *
hm_type_by_hash(const struct hm_system *sys, uint32_t hash)
{
	for (uint32_t i = 0; i < sys->types->count; i++) {
		const struct hmi_type_entry *entry = &sys->types->entries[i];

		if (entry->type.descriptor != NULL && entry->hash == hash)
			return &entry->type;
	}
	return NULL;
}

uint64_t
hm_type_digest(const struct hm_system *sys)
{
	uint64_t digest = 0;

	/* A sum, so that the order of registration does not matter; mixed, so that two changes do not cancel out. */
	for (uint32_t i = 0; i < sys->types->count; i++) {
		uint64_t h = sys->types->entries[i].hash;

		if (sys->types->entries[i].type.descriptor == NULL)
			continue;
		h = (h ^ h >> 15) * 0x9e3779b97f4a7c15ull;
		digest += h ^ h >> 31;
	}
	return digest;
}

bool
hm_type_is_flat(const struct hm_system *sys, uint16_t id)
{
	return (sys->types->info[id] & HMI_TYPE_DEEP) == 0;
}
