/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Payloads packed and unpacked: by the table of a plan, or by protobuf-c.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>
#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "codec_pvt.h"
#include "protobuf_pvt.h"

const struct hmi_plan *
hmi_codec_by_hash(const struct hmi_codec *codec, uint32_t hash)
{
	for (uint32_t at = hash & codec->mask;; at = (at + 1) & codec->mask) {
		const struct hmi_plan *plan = codec->by_hash[at];

		/* At most half of the entries are used, so the search ends. */
		if (plan == NULL || plan->hash == hash)
			return plan;
	}
}

static uint64_t
zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static int64_t
unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static uint32_t
load32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint64_t
load64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void
store32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void
store64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* Most strings are short, and a call of memcpy costs more than such a copy. */
static inline void
short_copy(uint8_t *to, const uint8_t *from, size_t length)
{
	uint8_t head[16], tail[16];

	if (length < 8 || length > 2 * sizeof(head)) {
		memcpy(to, from, length);
		return;
	}
	if (length < sizeof(head)) {
		uint64_t first = load64(from), last = load64(from + length - sizeof(last));

		store64(to, first);
		store64(to + length - sizeof(last), last);
		return;
	}
	/* Two copies of constant size that overlap in the middle. */
	memcpy(head, from, sizeof(head));
	memcpy(tail, from + length - sizeof(tail), sizeof(tail));
	memcpy(to, head, sizeof(head));
	memcpy(to + length - sizeof(tail), tail, sizeof(tail));
}

/* ---- Packing ------------------------------------------------------------------ */

static uint64_t
string_length(const uint8_t *member)
{
	const char *text;

	memcpy(&text, member, sizeof(text));
	return text != NULL ? strlen(text) : 0;
}

/* A field's value: the bits of a number as encoded, or the length of a length-delimited field. */
static uint64_t
field_value(const struct hmi_plan_field *field, const uint8_t *member)
{
	switch ((enum hmi_field_kind)field->kind) {
	case HMI_FIELD_FIXED32:
	case HMI_FIELD_UINT32:
		return load32(member);
	case HMI_FIELD_INT32:
		return (uint64_t)(int64_t)(int32_t)load32(member);
	case HMI_FIELD_SINT32:
		return (uint32_t)zigzag((int32_t)load32(member));
	case HMI_FIELD_SINT64:
		return zigzag((int64_t)load64(member));
	case HMI_FIELD_BOOL:
		return load32(member) != 0;
	case HMI_FIELD_STRING:
		return string_length(member);
	case HMI_FIELD_FIXED64:
	case HMI_FIELD_UINT64:
	case HMI_FIELD_BYTES: /* ProtobufCBinaryData starts with the length */
		return load64(member);
	}
	return 0;
}

/* Whether a field is written. */
static bool
field_present(const struct hmi_plan_field *field, const uint8_t *body, uint64_t value)
{
	const void *text;

	if (field->presence == HMI_FIELD_NON_ZERO)
		return value != 0;
	if (field->presence == HMI_FIELD_ALWAYS)
		return true;
	if (field->kind != HMI_FIELD_STRING)
		return load32(body + field->has_offset) != 0;
	memcpy(&text, body + field->offset, sizeof(text));
	return text != NULL && text != field->default_value;
}

static const uint8_t *
field_delimited(const struct hmi_plan_field *field, const uint8_t *member)
{
	const uint8_t *text;

	if (field->kind == HMI_FIELD_BYTES)
		member += offsetof(ProtobufCBinaryData, data);
	memcpy(&text, member, sizeof(text));
	return text;
}

static size_t
field_size(const struct hmi_plan_field *field, uint64_t value)
{
	switch ((enum hmi_field_kind)field->kind) {
	case HMI_FIELD_FIXED32:
		return 4;
	case HMI_FIELD_FIXED64:
		return 8;
	case HMI_FIELD_STRING:
	case HMI_FIELD_BYTES:
		return hmi_varint_size(value) + value;
	default:
		return hmi_varint_size(value);
	}
}

size_t
hmi_plan_packed_size(const struct hmi_plan *plan, const void *body)
{
	size_t size = 0;

	if (unlikely(!plan->table || hmi_body_has_unknown(body)))
		return protobuf_c_message_get_packed_size(body);
	for (uint32_t i = 0; i < plan->fields; i++) {
		const struct hmi_plan_field *field = &plan->field[i];
		uint64_t value = field_value(field, (const uint8_t *)body + field->offset);

		if (field_present(field, body, value))
			size += field->tag_bytes + field_size(field, value);
	}
	return size;
}

size_t
hmi_plan_packed_bound_delimited(const struct hmi_plan *plan, const void *body)
{
	size_t bound = plan->plain_max;

	for (uint32_t left = plan->delimited; left != 0; left &= left - 1) {
		const struct hmi_plan_field *field = &plan->field[__builtin_ctz(left)];
		const uint8_t *member = (const uint8_t *)body + field->offset;
		uint64_t length =
			likely(field->kind == HMI_FIELD_BYTES) ? load64(member) : string_length(member);

		bound += field->tag_bytes + length + (length < 0x80 ? 1 : HMI_VARINT_MAX);
	}
	return bound;
}

static uint8_t *
field_write(const struct hmi_plan_field *field, const uint8_t *member, uint64_t value, uint8_t *at)
{
	/* Most tags have one byte. A longer one is written byte by byte, not beyond its end. */
	if (likely(field->tag_bytes == 1)) {
		*at = (uint8_t)field->tag;
	} else {
		for (uint32_t i = 0; i < field->tag_bytes; i++)
			at[i] = (uint8_t)(field->tag >> 8 * i);
	}
	at += field->tag_bytes;
	switch ((enum hmi_field_kind)field->kind) {
	case HMI_FIELD_FIXED32:
		return hmi_fixed32_write(at, (uint32_t)value);
	case HMI_FIELD_FIXED64:
		return hmi_fixed64_write(at, value);
	case HMI_FIELD_STRING:
	case HMI_FIELD_BYTES:
		at = hmi_varint_write(at, value);
		if (value > 0)
			memcpy(at, field_delimited(field, member), value);
		return at + value;
	default:
		return hmi_varint_write(at, value);
	}
}

/* A field of the fast path: its first 8 bytes are the number, or the length. */
static inline uint8_t *
fast_write(const struct hmi_plan_field *field, const uint8_t *member, uint8_t *at)
{
	uint64_t value = load64(member);

	if (unlikely(value == 0))
		return at;
	*at++ = (uint8_t)field->tag;
	if (likely(field->fast == HMI_FAST_FIXED64))
		return hmi_fixed64_write(at, value);
	at = hmi_varint_write(at, value);
	short_copy(at, field_delimited(field, member), value);
	return at + value;
}

uint8_t *
hmi_plan_pack(const struct hmi_plan *plan, const void *body, uint8_t *at)
{
	if (unlikely(!plan->table || hmi_body_has_unknown(body)))
		return at + protobuf_c_message_pack(body, at);
	return hmi_plan_pack_table(plan, body, at);
}

uint8_t *
hmi_plan_pack_table(const struct hmi_plan *plan, const void *body, uint8_t *at)
{
	const struct hmi_plan_field *field = plan->field, *end = field + plan->fields;

	for (; field < end; field++) {
		const uint8_t *member = (const uint8_t *)body + field->offset;
		uint64_t value;

		if (likely(field->fast != HMI_FAST_NONE)) {
			at = fast_write(field, member, at);
			continue;
		}
		value = field_value(field, member);
		if (field_present(field, body, value))
			at = field_write(field, member, value, at);
	}
	return at;
}

/* ---- Unpacking ---------------------------------------------------------------- */

/* A message's body and the memory behind it, allocated in ascending order. */
struct arena {
	uint8_t *start;
	size_t used, room;
	bool full; /* an allocation failed */
};

static void *
arena_alloc(void *arg, size_t size)
{
	struct arena *arena = arg;
	size_t at = RTE_ALIGN_CEIL(arena->used, sizeof(uint64_t));

	if (at > arena->room || size > arena->room - at) {
		arena->full = true;
		return NULL;
	}
	arena->used = at + size;
	return arena->start + at;
}

/* The memory is part of the message and is freed with it. */
static void
arena_free(void *arg, void *memory)
{
	RTE_SET_USED(arg);
	RTE_SET_USED(memory);
}

__attribute__((noinline)) int
hmi_unpack_generic(const struct ProtobufCMessageDescriptor *descriptor, const uint8_t *at, size_t length,
		   void *body, size_t room, size_t *used)
{
	struct arena arena = { .start = body, .room = room };
	ProtobufCAllocator allocator = { arena_alloc, arena_free, &arena };

	/* Its first allocation is the struct itself, which so becomes the body. Each level of nesting
	 * allocates, too, so the room bounds the depth of its recursion. */
	if (protobuf_c_message_unpack(descriptor, &allocator, length, at) == NULL)
		return arena.full ? -ENOSPC : -EBADMSG;
	*used = arena.used;
	return 0;
}

/* Copy a length-delimited field behind the body. Returns its encoded end, or NULL: truncated, or no room. */
static const uint8_t *
delimited_read(const struct hmi_plan_field *field, const uint8_t *at, const uint8_t *end, uint8_t *member,
	       struct arena *arena)
{
	bool is_string = field->kind == HMI_FIELD_STRING;
	ProtobufCBinaryData data;
	uint64_t length;
	uint8_t *text;

	at = hmi_varint_read(at, end, &length);
	if (at == NULL || length > (uint64_t)(end - at) || length + is_string > arena->room - arena->used)
		return NULL;
	text = arena->start + arena->used;
	arena->used += length + is_string;
	short_copy(text, at, length);
	if (is_string) {
		text[length] = 0;
		memcpy(member, &text, sizeof(text));
	} else {
		data.len = length;
		data.data = length > 0 ? text : NULL;
		memcpy(member, &data, sizeof(data));
	}
	return at + length;
}

static const uint8_t *
varint_field_read(const struct hmi_plan_field *field, const uint8_t *at, const uint8_t *end, uint8_t *member)
{
	uint64_t value;

	at = hmi_varint_read(at, end, &value);
	if (at == NULL)
		return NULL;
	switch ((enum hmi_field_kind)field->kind) {
	case HMI_FIELD_UINT64:
		store64(member, value);
		break;
	case HMI_FIELD_SINT64:
		store64(member, (uint64_t)unzigzag(value));
		break;
	case HMI_FIELD_SINT32:
		store32(member, (uint32_t)unzigzag((uint32_t)value));
		break;
	case HMI_FIELD_BOOL:
		store32(member, value != 0);
		break;
	default:
		store32(member, (uint32_t)value);
	}
	return at;
}

/* Read a field's value. Returns its end, or NULL: truncated, or no room. */
static const uint8_t *
field_read(const struct hmi_plan_field *field, const uint8_t *at, const uint8_t *end, uint8_t *body,
	   struct arena *arena)
{
	uint8_t *member = body + field->offset;

	if (field->presence == HMI_FIELD_HAS && field->kind != HMI_FIELD_STRING)
		store32(body + field->has_offset, 1);
	switch ((enum hmi_field_kind)field->kind) {
	case HMI_FIELD_FIXED64:
		if (unlikely(end - at < 8))
			return NULL;
		store64(member, hmi_fixed64_read(at));
		return at + 8;
	case HMI_FIELD_FIXED32:
		if (unlikely(end - at < 4))
			return NULL;
		store32(member, hmi_fixed32_read(at));
		return at + 4;
	case HMI_FIELD_STRING:
	case HMI_FIELD_BYTES:
		return delimited_read(field, at, end, member, arena);
	default:
		return varint_field_read(field, at, end, member);
	}
}

/* A tag of several bytes, the first of which is the least significant. */
static uint32_t
tag_read(const uint8_t *at, uint32_t bytes)
{
	uint32_t tag = 0;

	memcpy(&tag, at, bytes);
	return rte_le_to_cpu_32(tag);
}

/* The field whose tag is at `at`; the search starts at field *next. NULL: not in the table. */
static const struct hmi_plan_field *
field_find(const struct hmi_plan *plan, const uint8_t *at, const uint8_t *end, uint32_t *next)
{
	for (uint32_t n = 0; n < plan->fields; n++) {
		uint32_t i = *next + n < plan->fields ? *next + n : *next + n - plan->fields;
		const struct hmi_plan_field *field = &plan->field[i];
		uint32_t tag = 0;

		if (likely(field->tag_bytes == 1))
			tag = at[0];
		else if ((size_t)(end - at) >= field->tag_bytes)
			tag = tag_read(at, field->tag_bytes);
		if (tag == field->tag) {
			*next = i + 1 < plan->fields ? i + 1 : 0;
			return field;
		}
	}
	return NULL;
}

static_assert(sizeof(ProtobufCMessage) >= 16, "initial_copy begins and ends with 16 bytes of the struct");

/* What protobuf-c's initialiser makes of the struct. */
static inline void
initial_copy(uint8_t *body, const struct hmi_plan *plan)
{
	const uint8_t *from = plan->initial, *last = from + plan->size - 32;

	if (unlikely(plan->size < 32)) {
		memcpy(body, from, 16);
		memcpy(body + plan->size - 16, from + plan->size - 16, 16);
		return;
	}
	for (; from < last; from += 32, body += 32)
		memcpy(body, from, 32);
	memcpy(body + (last - from), last, 32);
}

/* Where the fast path decodes to: the struct, and the memory behind it, of which there is enough. */
struct target {
	uint8_t *body, *behind;
};

/* A bytes field, as delimited_read; NULL also if it is empty, or its length takes more than a byte. */
static inline const uint8_t *
fast_bytes_read(const uint8_t *at, const uint8_t *end, uint8_t *member, struct target *target)
{
	uint64_t length;

	if (unlikely(end - at < 2))
		return NULL;
	length = at[1];
	at += 2;
	if (unlikely(length - 1 >= 0x7f || length > (uint64_t)(end - at)))
		return NULL;
	short_copy(target->behind, at, length);
	store64(member, length);
	memcpy(member + offsetof(ProtobufCBinaryData, data), &target->behind, sizeof(target->behind));
	target->behind += length;
	return at + length;
}

/* A field whose tag is at `at`. Returns its end, or NULL: it is not of the fast path, or not whole. */
static inline const uint8_t *
fast_read(const struct hmi_plan_field *field, const uint8_t *at, const uint8_t *end, struct target *target)
{
	uint8_t *member = target->body + field->offset;

	if (field->fast == HMI_FAST_BYTES)
		return fast_bytes_read(at, end, member, target);
	if (unlikely(field->fast != HMI_FAST_FIXED64 || end - at < 9))
		return NULL;
	store64(member, hmi_fixed64_read(at + 1));
	return at + 9;
}

/* Decode what the fast path cannot, by the table from field `next` on. Returns false if that cannot, either. */
static __attribute__((noinline)) bool
table_unpack_rest(const struct hmi_plan *plan, uint32_t next, const uint8_t *at, const uint8_t *end,
		  struct arena *arena)
{
	uint32_t seen = 0;

	while (at < end) {
		const struct hmi_plan_field *field = &plan->field[next];

		if (field->fast == HMI_FAST_FIXED64 && at[0] == field->tag && end - at >= 9) {
			store64(arena->start + field->offset, hmi_fixed64_read(at + 1));
			at += 9;
			next = next + 1 < plan->fields ? next + 1 : 0;
			continue;
		}
		field = field_find(plan, at, end, &next);
		if (unlikely(field == NULL))
			return false;
		seen |= 1u << (field - plan->field);
		at = field_read(field, at + field->tag_bytes, end, arena->start, arena);
		if (unlikely(at == NULL))
			return false;
	}
	return (seen & plan->required) == plan->required;
}

int
hmi_plan_unpack(const struct hmi_plan *plan, const uint8_t *at, size_t length, void *body, size_t room,
		size_t *used)
{
	const struct hmi_plan_field *field = plan->field, *last = field + plan->fields;
	struct target target = { body, (uint8_t *)body + plan->size };
	const uint8_t *rest = at, *end = at + length;
	struct arena arena;

	if (unlikely(room < plan->size))
		return -ENOSPC;
	if (unlikely(!plan->table))
		return hmi_unpack_generic(plan->descriptor, at, length, body, room, used);
	initial_copy(body, plan);
	/* All bytes fields together are shorter than the payload. */
	if (unlikely(plan->delimited != 0 && room - plan->size < length))
		last = field;
	/* Fields come in the order of the table. Those that are required are none of the fast path's. */
	for (; rest < end && field < last; field++) {
		const uint8_t *next;

		if (rest[0] != field->tag)
			continue;
		next = fast_read(field, rest, end, &target);
		if (unlikely(next == NULL))
			break;
		rest = next;
	}
	*used = (size_t)(target.behind - (uint8_t *)body);
	if (likely(rest == end && plan->required == 0))
		return 0;
	arena = (struct arena){ .start = body, .used = *used, .room = room };
	if (table_unpack_rest(plan, field < last ? (uint32_t)(field - plan->field) : 0, rest, end, &arena)) {
		*used = arena.used;
		return 0;
	}
	/* protobuf-c decodes it, or finds the error. */
	return hmi_unpack_generic(plan->descriptor, at, length, body, room, used);
}
