/* SPDX-License-Identifier: Apache-2.0 */
#include "proto_copy_pvt.h"

#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "msg_pvt.h"

/*
 * Where copies go. While measuring, there is no memory, only a count; what will be copied is read, so that what cannot be
 * read faults before anything is changed.
 */
struct arena {
	char *memory;
	size_t used;
};

static void message_copy(struct arena *arena, ProtobufCMessage *to, const ProtobufCMessage *from);

/* Room for a copy; NULL while measuring. */
static void *
arena_take(struct arena *arena, size_t bytes)
{
	void *room = arena->memory != NULL ? arena->memory + arena->used : NULL;

	arena->used += (bytes + 7) & ~(size_t)7;
	return room;
}

static void *
bytes_copy(struct arena *arena, const void *from, size_t bytes)
{
	void *to = arena_take(arena, bytes);

	if (to == NULL)
		hmi_memory_touch(from, bytes);
	else if (bytes > 0)
		memcpy(to, from, bytes);
	return to;
}

static size_t
element_bytes(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_ENUM:
		return 4;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 8;
	}
}

/* What one element points to. `to` is the element's copy, NULL while measuring. */
static void
element_copy(struct arena *arena, const ProtobufCFieldDescriptor *field, void *to, const void *from)
{
	void *copy;

	if (field->type == PROTOBUF_C_TYPE_STRING) {
		const char *text = *(char *const *)from;

		if (text == NULL || text == field->default_value)
			return;
		copy = bytes_copy(arena, text, strlen(text) + 1);
		if (to != NULL)
			*(void **)to = copy;
	} else if (field->type == PROTOBUF_C_TYPE_BYTES) {
		const ProtobufCBinaryData *data = from;

		if (data->data == NULL)
			return;
		copy = bytes_copy(arena, data->data, data->len);
		if (to != NULL)
			((ProtobufCBinaryData *)to)->data = copy;
	} else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
		const ProtobufCMessage *message = *(ProtobufCMessage *const *)from;

		if (message == NULL || message == field->default_value)
			return;
		copy = arena_take(arena, message->descriptor->sizeof_message);
		message_copy(arena, copy, message);
		if (to != NULL)
			*(void **)to = copy;
	}
}

static void
repeated_copy(struct arena *arena, const ProtobufCFieldDescriptor *field, char *to, const char *from)
{
	size_t count, bytes = element_bytes(field->type);
	const char *elements;
	char *copy;

	memcpy(&count, from + field->quantifier_offset, sizeof(count));
	memcpy(&elements, from + field->offset, sizeof(elements));
	if (count == 0)
		return;
	copy = bytes_copy(arena, elements, count * bytes);
	if (to != NULL)
		memcpy(to + field->offset, &copy, sizeof(copy));
	for (size_t i = 0; i < count; i++)
		element_copy(arena, field, copy != NULL ? copy + i * bytes : NULL, elements + i * bytes);
}

/*
 * A field of a oneof that is not the one in use shares its memory with another's; what optional
 * bytes that are not set point to means nothing.
 */
static bool
in_use(const ProtobufCFieldDescriptor *field, const char *from)
{
	protobuf_c_boolean has;
	uint32_t chosen;

	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
		memcpy(&chosen, from + field->quantifier_offset, sizeof(chosen));
		return chosen == field->id;
	}
	if (field->label != PROTOBUF_C_LABEL_OPTIONAL || field->type != PROTOBUF_C_TYPE_BYTES ||
	    field->quantifier_offset == 0)
		return true;
	memcpy(&has, from + field->quantifier_offset, sizeof(has));
	return has != 0;
}

static void
unknown_copy(struct arena *arena, ProtobufCMessage *to, const ProtobufCMessage *from)
{
	ProtobufCMessageUnknownField *fields;

	if (from->n_unknown_fields == 0)
		return;
	fields = bytes_copy(arena, from->unknown_fields, from->n_unknown_fields * sizeof(*fields));
	for (unsigned int i = 0; i < from->n_unknown_fields; i++) {
		void *data = bytes_copy(arena, from->unknown_fields[i].data, from->unknown_fields[i].len);

		if (fields != NULL)
			fields[i].data = data;
	}
	if (to != NULL)
		to->unknown_fields = fields;
}

static void
message_copy(struct arena *arena, ProtobufCMessage *to, const ProtobufCMessage *from)
{
	const ProtobufCMessageDescriptor *descriptor = from->descriptor;

	if (to != NULL)
		memcpy(to, from, descriptor->sizeof_message);
	for (unsigned int i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		const char *at = (const char *)from;

		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			repeated_copy(arena, field, (char *)to, at);
		else if (in_use(field, at))
			element_copy(arena, field, to != NULL ? (char *)to + field->offset : NULL,
				     at + field->offset);
	}
	unknown_copy(arena, to, from);
}

size_t
hmi_proto_bytes(const ProtobufCMessage *message)
{
	struct arena arena = { .memory = NULL };

	arena_take(&arena, message->descriptor->sizeof_message);
	message_copy(&arena, NULL, message);
	return arena.used;
}

void
hmi_proto_copy(void *to, const ProtobufCMessage *message)
{
	struct arena arena = { .memory = to };

	arena_take(&arena, message->descriptor->sizeof_message);
	message_copy(&arena, to, message);
}

bool
hmi_proto_flat(const ProtobufCMessageDescriptor *descriptor)
{
	/* Unknown fields are all that a message without fields can have. */
	if (descriptor->n_fields == 0)
		return false;
	for (unsigned int i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];

		if (field->label == PROTOBUF_C_LABEL_REPEATED || field->type == PROTOBUF_C_TYPE_STRING ||
		    field->type == PROTOBUF_C_TYPE_BYTES || field->type == PROTOBUF_C_TYPE_MESSAGE)
			return false;
	}
	return true;
}
