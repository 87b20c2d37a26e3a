/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Makes the plans of the codec from protobuf-c's descriptors, at start.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>
#include <rte_bitops.h>
#include <rte_common.h>

#include "codec_pvt.h"
#include "protobuf_pvt.h"

/* Kind, wire type and longest value of a protobuf type; kind -1: not possible in a table. */
struct field_shape {
	int kind;
	uint8_t wire_type;
	uint8_t bytes_max;
};

static const struct field_shape shapes[] = {
	[PROTOBUF_C_TYPE_INT32] = { HMI_FIELD_INT32, 0, 10 },
	[PROTOBUF_C_TYPE_SINT32] = { HMI_FIELD_SINT32, 0, 5 },
	[PROTOBUF_C_TYPE_SFIXED32] = { HMI_FIELD_FIXED32, 5, 4 },
	[PROTOBUF_C_TYPE_INT64] = { HMI_FIELD_UINT64, 0, 10 },
	[PROTOBUF_C_TYPE_SINT64] = { HMI_FIELD_SINT64, 0, 10 },
	[PROTOBUF_C_TYPE_SFIXED64] = { HMI_FIELD_FIXED64, 1, 8 },
	[PROTOBUF_C_TYPE_UINT32] = { HMI_FIELD_UINT32, 0, 5 },
	[PROTOBUF_C_TYPE_FIXED32] = { HMI_FIELD_FIXED32, 5, 4 },
	[PROTOBUF_C_TYPE_UINT64] = { HMI_FIELD_UINT64, 0, 10 },
	[PROTOBUF_C_TYPE_FIXED64] = { HMI_FIELD_FIXED64, 1, 8 },
	[PROTOBUF_C_TYPE_FLOAT] = { HMI_FIELD_FIXED32, 5, 4 },
	[PROTOBUF_C_TYPE_DOUBLE] = { HMI_FIELD_FIXED64, 1, 8 },
	[PROTOBUF_C_TYPE_BOOL] = { HMI_FIELD_BOOL, 0, 1 },
	[PROTOBUF_C_TYPE_ENUM] = { HMI_FIELD_INT32, 0, 10 },
	[PROTOBUF_C_TYPE_STRING] = { HMI_FIELD_STRING, 2, 0 },
	[PROTOBUF_C_TYPE_BYTES] = { HMI_FIELD_BYTES, 2, 0 },
	[PROTOBUF_C_TYPE_MESSAGE] = { -1, 2, 0 },
};

/* Describe one field. Returns false if a table cannot hold it. */
static bool
field_plan(struct hmi_plan *plan, const ProtobufCFieldDescriptor *from)
{
	struct hmi_plan_field *field = &plan->field[plan->fields];
	uint8_t tag[sizeof(field->tag) + 1] = { 0 };
	const struct field_shape *shape;
	uint64_t number = (uint64_t)from->id << 3;

	if ((unsigned int)from->type >= RTE_DIM(shapes) || from->label == PROTOBUF_C_LABEL_REPEATED ||
	    (from->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
		return false;
	shape = &shapes[from->type];
	number |= shape->wire_type;
	if (shape->kind < 0 || plan->fields == HMI_PLAN_FIELDS_MAX ||
	    hmi_varint_size(number) > sizeof(field->tag))
		return false;

	field->kind = (uint8_t)shape->kind;
	field->tag_bytes = (uint8_t)(hmi_varint_write(tag, number) - tag);
	field->tag = hmi_fixed32_read(tag);
	field->offset = from->offset;
	field->has_offset = from->quantifier_offset;
	field->default_value = from->default_value;
	field->presence = HMI_FIELD_NON_ZERO;
	if (from->label == PROTOBUF_C_LABEL_REQUIRED) {
		field->presence = HMI_FIELD_ALWAYS;
		plan->required |= 1u << plan->fields;
	} else if (from->label == PROTOBUF_C_LABEL_OPTIONAL) {
		field->presence = HMI_FIELD_HAS;
	}

	if (field->presence == HMI_FIELD_NON_ZERO && field->tag_bytes == 1) {
		if (field->kind == HMI_FIELD_FIXED64)
			field->fast = HMI_FAST_FIXED64;
		else if (field->kind == HMI_FIELD_BYTES)
			field->fast = HMI_FAST_BYTES;
	}
	if (shape->wire_type == 2)
		plan->delimited |= 1u << plan->fields;
	else
		plan->plain_max += field->tag_bytes + shape->bytes_max;
	plan->fields++;
	return true;
}

static struct hmi_plan *
plan_create(const struct hm_type *type)
{
	const ProtobufCMessageDescriptor *descriptor = type->descriptor;
	struct hmi_plan *plan = calloc(1, sizeof(*plan));
	uint8_t *initial = calloc(1, descriptor->sizeof_message);

	if (plan == NULL || initial == NULL) {
		free(plan);
		free(initial);
		return NULL;
	}
	plan->hash = hm_type_hash(descriptor->name);
	plan->id = type->id;
	plan->size = (uint32_t)descriptor->sizeof_message;
	plan->descriptor = descriptor;
	protobuf_c_message_init(descriptor, initial);
	plan->initial = initial;
	plan->table = true;
	for (unsigned int i = 0; i < descriptor->n_fields && plan->table; i++)
		plan->table = field_plan(plan, &descriptor->fields[i]);
	plan->flat = plan->table && plan->delimited == 0;
	return plan;
}

static int
codec_add(struct hmi_codec *codec, const struct hm_type *type)
{
	struct hmi_plan *plan = plan_create(type);
	uint32_t at;

	if (plan == NULL)
		return -ENOMEM;
	codec->by_id[type->id] = plan;
	for (at = plan->hash & codec->mask; codec->by_hash[at] != NULL; at = (at + 1) & codec->mask)
		;
	codec->by_hash[at] = plan;
	return 0;
}

int
hmi_codec_create_from(struct hmi_codec *codec, const struct hm_type *const *types, uint32_t count)
{
	uint32_t size = rte_align32pow2(2 * count + 8);
	uint32_t ids_count = 0;

	for (uint32_t i = 0; i < count; i++)
		ids_count = RTE_MAX(ids_count, types[i]->id + 1u);
	memset(codec, 0, sizeof(*codec));
	codec->by_id = calloc(ids_count + 1u, sizeof(*codec->by_id));
	codec->by_hash = calloc(size, sizeof(*codec->by_hash));
	codec->ids_count = ids_count;
	codec->mask = size - 1;
	if (codec->by_id == NULL || codec->by_hash == NULL) {
		codec->ids_count = 0;
		hmi_codec_destroy(codec);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (types[i]->descriptor != NULL && codec_add(codec, types[i]) != 0) {
			hmi_codec_destroy(codec);
			return -ENOMEM;
		}
	}
	return 0;
}

int
hmi_codec_create(struct hmi_codec *codec, const struct hm_system *sys)
{
	const struct hm_type **types = calloc(UINT16_MAX + 1u, sizeof(*types));
	uint32_t count = 0;
	int rc;

	if (types == NULL)
		return -ENOMEM;
	for (uint32_t id = HM_TYPE_USER; id <= UINT16_MAX; id++) {
		types[count] = hm_type_by_id(sys, (uint16_t)id);
		if (types[count] != NULL && types[count]->descriptor != NULL)
			count++;
	}
	rc = hmi_codec_create_from(codec, types, count);
	free(types);
	return rc;
}

void
hmi_codec_destroy(struct hmi_codec *codec)
{
	for (uint32_t id = 0; id < codec->ids_count; id++) {
		struct hmi_plan *plan = codec->by_id[id];

		if (plan != NULL)
			free((void *)(uintptr_t)plan->initial);
		free(plan);
	}
	free(codec->by_id);
	if (codec->by_hash != &codec->none)
		free(codec->by_hash);
	memset(codec, 0, sizeof(*codec));
	codec->by_hash = &codec->none;
}
