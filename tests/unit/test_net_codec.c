/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The codec beside protobuf-c, on messages made at random from their descriptors, and on what
 * becomes of their encodings when they are spoilt.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <protobuf-c/protobuf-c.h>

#include "hmt_net.pb-c.h"
#include "hmt_net2.pb-c.h"

#include "codec_pvt.h"
#include "protobuf_pvt.h"

#define ROUNDS   4000
#define BYTES    16384
#define LIST_MAX 4
#define SEED     11

static const ProtobufCMessageDescriptor *const descriptors[] = {
	&hermod__test__numbers__descriptor,    &hermod__test__scalars__descriptor,
	&hermod__test__text__descriptor,       &hermod__test__tree__descriptor,
	&hermod__test__empty__descriptor,      &hermod__test2__optional__descriptor,
	&hermod__test2__optionals__descriptor, &hermod__test2__requireds__descriptor,
	&hermod__test__blobs__descriptor,
};

#define TYPES (sizeof(descriptors) / sizeof(descriptors[0]))

/* Memory of one round: enough for all that a round makes. */
struct arena {
	uint64_t words[1 << 17];
	size_t used;
};

static void *
arena_get(struct arena *arena, size_t bytes)
{
	void *memory = &arena->words[arena->used];

	arena->used += (bytes + 7) / 8;
	cr_assert_leq(arena->used, sizeof(arena->words) / 8);
	memset(memory, 0, bytes);
	return memory;
}

/* ---- Messages at random --------------------------------------------------------- */

/* Numbers around the steps of every encoding. */
static uint64_t
number_make(void)
{
	uint64_t value = 1ull << rand() % 64;

	switch (rand() % 5) {
	case 0:
		return 0;
	case 1:
		return value - 1;
	case 2:
		return -value;
	case 3:
		return (uint64_t)rand() << 33 ^ (uint64_t)rand();
	default:
		return value;
	}
}

static void message_fill(struct arena *arena, ProtobufCMessage *message, int depth);

static char *
text_make(struct arena *arena, size_t *length)
{
	char *text;

	*length = (size_t)(rand() % 4 == 0 ? rand() % 300 : rand() % 5);
	text = arena_get(arena, *length + 1);
	for (size_t i = 0; i < *length; i++)
		text[i] = (char)(1 + rand() % 255);
	return text;
}

/* A value of a field's type at `member`. */
static void
value_make(struct arena *arena, const ProtobufCFieldDescriptor *field, void *member, int depth)
{
	const ProtobufCMessageDescriptor *inner = field->descriptor;
	ProtobufCBinaryData data;
	ProtobufCMessage *message;
	uint64_t number = number_make();
	double real = (double)number / 3;
	float less = (float)real;
	uint32_t half = (uint32_t)number, flag = number & 1;
	char *text;

	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		text = text_make(arena, &data.len);
		memcpy(member, &text, sizeof(text));
		break;
	case PROTOBUF_C_TYPE_BYTES:
		data.data = (uint8_t *)text_make(arena, &data.len);
		memcpy(member, &data, sizeof(data));
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		message = arena_get(arena, inner->sizeof_message);
		protobuf_c_message_init(inner, message);
		message_fill(arena, message, depth + 1);
		memcpy(member, &message, sizeof(message));
		break;
	case PROTOBUF_C_TYPE_BOOL:
		memcpy(member, &flag, sizeof(flag));
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		memcpy(member, &real, sizeof(real));
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		memcpy(member, &less, sizeof(less));
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		memcpy(member, &number, sizeof(number));
		break;
	default:
		memcpy(member, &half, sizeof(half));
	}
}

static size_t
value_bytes(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	default:
		return 4;
	}
}

static void
list_make(struct arena *arena, const ProtobufCFieldDescriptor *field, uint8_t *body, int depth)
{
	size_t count = (size_t)rand() % LIST_MAX, bytes = value_bytes(field);
	uint8_t *list = arena_get(arena, LIST_MAX * bytes);

	for (size_t i = 0; i < count; i++)
		value_make(arena, field, list + i * bytes, depth);
	memcpy(body + field->quantifier_offset, &count, sizeof(count));
	memcpy(body + field->offset, &list, sizeof(list));
}

static void
message_fill(struct arena *arena, ProtobufCMessage *message, int depth)
{
	const ProtobufCMessageDescriptor *descriptor = message->descriptor;
	uint8_t *body = (uint8_t *)message;

	for (unsigned int i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		bool oneof = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
		bool pointer =
			field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
		uint32_t is_there = oneof ? field->id : 1;

		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			if (depth < 3)
				list_make(arena, field, body, depth);
			continue;
		}
		/* A later member of a oneof takes the place of an earlier one. */
		if (field->label != PROTOBUF_C_LABEL_REQUIRED && rand() % 3 == 0)
			continue;
		value_make(arena, field, body + field->offset, depth);
		if (oneof || (field->label == PROTOBUF_C_LABEL_OPTIONAL && !pointer))
			memcpy(body + field->quantifier_offset, &is_there, sizeof(is_there));
	}
}

/* ---- Encodings, spoilt ----------------------------------------------------------- */

static uint8_t *
unknown_write(uint8_t *at)
{
	at = hmi_varint_write(at, 3000u << 3 | 2);
	*at++ = 3;
	*at++ = 'n';
	*at++ = 'e';
	*at++ = 'w';
	return at;
}

/* Move fields to the end, so that they come in any order. */
static void
fields_shuffle(uint8_t *bytes, size_t length)
{
	static uint8_t field[BYTES];
	const uint8_t *end = bytes + length;

	for (int move = 0; move < 4; move++) {
		const uint8_t *from = bytes, *to = bytes;
		uint64_t tag;

		for (int skip = rand() % 6; skip >= 0 && to < end; skip--) {
			from = to;
			to = hmi_varint_read(to, end, &tag);
			to = hmi_field_skip(to, end, tag);
		}
		memcpy(field, from, (size_t)(to - from));
		memmove(bytes + (from - bytes), to, (size_t)(end - to));
		memcpy(bytes + length - (to - from), field, (size_t)(to - from));
	}
}

/* Make another encoding out of one, which may be none any more. Returns its length. */
static size_t
encoding_spoil(uint8_t *bytes, size_t length)
{
	switch (rand() % 7) {
	case 0: /* truncated */
		return length > 0 ? (size_t)rand() % length : 0;
	case 1: /* one byte is another one */
		if (length > 0)
			bytes[(size_t)rand() % length] = (uint8_t)rand();
		return length;
	case 2: /* all fields twice: the later ones count */
		memcpy(bytes + length, bytes, length);
		return 2 * length;
	case 3: /* a field of a newer version */
		return (size_t)(unknown_write(bytes + length) - bytes);
	case 4:
		fields_shuffle(bytes, length);
		return length;
	case 5: /* a tag with a byte too many, as nobody writes it */
		bytes[length] = 0x88;
		bytes[length + 1] = 0;
		bytes[length + 2] = 5;
		return length + 3;
	default:
		return length;
	}
}

/* Two structs are written alike. */
static void
same_message(const ProtobufCMessage *our, const ProtobufCMessage *their)
{
	static uint8_t ours[BYTES * 4], theirs[BYTES * 4];
	size_t size = protobuf_c_message_pack(their, theirs);

	cr_assert_eq(protobuf_c_message_pack(our, ours), size);
	cr_assert_arr_eq(ours, theirs, size);
}

/* Both read the bytes, or neither does; what was read is the same. */
static void
same_reading(const struct hmi_plan *plan, const uint8_t *bytes, size_t length)
{
	static uint64_t room[65536 / 8];
	uint8_t *exact = malloc(length + 1);
	ProtobufCMessage *message;
	size_t used = 0;
	int rc;

	/* Of exact size, so that a sanitizer sees the first byte too far. */
	memcpy(exact + 1, bytes, length);
	rc = hmi_plan_unpack(plan, exact + 1, length, room, sizeof(room), &used);
	message = protobuf_c_message_unpack(plan->descriptor, NULL, length, exact + 1);
	cr_assert_eq(rc == 0, message != NULL, "%s: %d", plan->descriptor->name, rc);
	if (message != NULL) {
		cr_assert_leq(used, sizeof(room));
		same_message((const ProtobufCMessage *)(const void *)room, message);
		protobuf_c_message_free_unpacked(message, NULL);
	}
	free(exact);
}

/* Both write the same bytes, as many as was said before. Returns how many. */
static size_t
same_writing(const struct hmi_plan *plan, const ProtobufCMessage *message, uint8_t *bytes)
{
	static uint8_t theirs[BYTES];
	size_t length = protobuf_c_message_get_packed_size(message);

	cr_assert_lt(length, BYTES / 2);
	cr_assert_eq(hmi_plan_packed_size(plan, message), length, "%s", plan->descriptor->name);
	cr_assert_eq(hmi_plan_pack(plan, message, bytes), bytes + length);
	protobuf_c_message_pack(message, theirs);
	cr_assert_arr_eq(bytes, theirs, length);
	if (plan->table)
		cr_assert_leq(length, hmi_plan_packed_bound(plan, message));
	return length;
}

static void
codec_make(struct hmi_codec *codec, struct hm_type *types)
{
	const struct hm_type *list[TYPES];

	for (size_t i = 0; i < TYPES; i++) {
		types[i] = (struct hm_type){ .id = (uint16_t)(256 + i), .descriptor = descriptors[i] };
		list[i] = &types[i];
	}
	cr_assert_eq(hmi_codec_create_from(codec, list, TYPES), 0);
}

/* A message of a plan's type, at random. */
static ProtobufCMessage *
message_make(struct arena *arena, const struct hmi_plan *plan)
{
	ProtobufCMessage *message = arena_get(arena, plan->descriptor->sizeof_message);

	protobuf_c_message_init(plan->descriptor, message);
	message_fill(arena, message, 0);
	return message;
}

Test(codec, random__as_protobuf_writes_and_reads_it)
{
	static struct arena arena;
	struct hm_type types[TYPES];
	struct hmi_codec codec;

	codec_make(&codec, types);
	srand(SEED);
	for (int round = 0; round < ROUNDS * (int)TYPES; round++) {
		const struct hmi_plan *plan = hmi_codec_by_id(&codec, (uint16_t)(256 + round % (int)TYPES));
		static uint8_t bytes[2 * BYTES];
		size_t length, second;

		arena.used = 0;
		length = same_writing(plan, message_make(&arena, plan), bytes);
		same_reading(plan, bytes, length);
		/* Behind another message of its type it is merged into that: of each field the last one counts. */
		second = same_writing(plan, message_make(&arena, plan), bytes + length);
		same_reading(plan, bytes, length + second);
		same_reading(plan, bytes, encoding_spoil(bytes, length));
	}
	hmi_codec_destroy(&codec);
}

/* Read into memory of exact size. Returns whether the room was enough. */
static bool
room_is_enough(const struct hmi_plan *plan, const uint8_t *bytes, size_t length, size_t size)
{
	static const uint8_t canary[] = { 0xee, 0xee, 0xee, 0xee };
	uint8_t *room = malloc(size + sizeof(canary));
	size_t used = 0;
	int rc;

	memcpy(room + size, canary, sizeof(canary));
	rc = hmi_plan_unpack(plan, bytes, length, room, size, &used);
	cr_assert(rc == 0 || rc == -ENOSPC, "%s: %d", plan->descriptor->name, rc);
	cr_assert_arr_eq(room + size, canary, sizeof(canary), "%s", plan->descriptor->name);
	cr_assert_leq(used, size);
	free(room);
	return rc == 0;
}

Test(codec, unpack__any_room_is_enough_or_said_not_to_be)
{
	static struct arena arena;
	struct hm_type types[TYPES];
	struct hmi_codec codec;

	codec_make(&codec, types);
	srand(SEED);
	for (int round = 0; round < ROUNDS; round++) {
		const struct hmi_plan *plan = hmi_codec_by_id(&codec, (uint16_t)(256 + round % (int)TYPES));
		static uint8_t bytes[2 * BYTES];
		size_t length, room;

		arena.used = 0;
		length = same_writing(plan, message_make(&arena, plan), bytes);
		length += same_writing(plan, message_make(&arena, plan), bytes + length);
		room = hmi_plan_room(plan, length);
		if (plan->table)
			cr_assert(room_is_enough(plan, bytes, length, room), "%s", plan->descriptor->name);
		for (size_t size = room < 40 ? 0 : room - 40; size < room; size++)
			(void)room_is_enough(plan, bytes, length, size);
		cr_assert_not(room_is_enough(plan, bytes, length, plan->size - 1));
	}
	hmi_codec_destroy(&codec);
}

Test(codec, tables__are_there_for_all_kinds)
{
	struct hm_type types[TYPES];
	struct hmi_codec codec;

	/* Else the test above would compare protobuf-c with itself. */
	codec_make(&codec, types);
	for (size_t i = 0; i < TYPES; i++)
		cr_assert_eq(hmi_codec_by_id(&codec, (uint16_t)(256 + i))->table,
			     descriptors[i] != &hermod__test__tree__descriptor, "%s", descriptors[i]->name);
	hmi_codec_destroy(&codec);
}

Test(codec, real__negative_zero_is_kept)
{
	Hermod__Test__Scalars m, *back;
	struct hm_type types[TYPES];
	struct hmi_codec codec;
	const struct hmi_plan *plan;
	uint64_t room[64];
	uint8_t bytes[256];
	size_t used, length;

	codec_make(&codec, types);
	plan = hmi_codec_by_id(&codec, 257);
	hermod__test__scalars__init(&m);
	m.real = -0.0f;
	m.big_real = -0.0;
	length = hmi_plan_packed_size(plan, &m);
	cr_assert_eq(hmi_plan_pack(plan, &m, bytes), bytes + length);
	cr_assert_eq(hmi_plan_unpack(plan, bytes, length, room, sizeof(room), &used), 0);
	back = (Hermod__Test__Scalars *)(void *)room;
	cr_assert(signbit(back->real) && signbit(back->big_real));
	hmi_codec_destroy(&codec);
}
