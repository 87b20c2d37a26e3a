/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CODEC_PVT_H
#define CODEC_PVT_H

/*
 * Encodes and decodes payloads: C structs of registered protobuf types.
 *
 *     descriptor ──plan (at start)──▶ table of fields ──▶ packed, unpacked by a loop over the table
 *                 └─ nested, repeated, oneof: protobuf-c's own functions, with memory of the message
 *
 * A plan produces the same bytes as protobuf-c, with one exception: it writes a negative zero, which
 * protobuf-c omits. It takes a third of the time. A plan is made once for each type, and is constant
 * from then on. Only hmi_codec_create and hmi_codec_create_from allocate from the heap.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "hm_provider.h"

/* Most fields of a type that has a table. Types with more are left to protobuf-c. */
#define HMI_PLAN_FIELDS_MAX 24u

/* How a field's value is stored in the struct, and encoded. */
enum hmi_field_kind {
	HMI_FIELD_FIXED32, /* fixed32, sfixed32, float */
	HMI_FIELD_FIXED64, /* fixed64, sfixed64, double */
	HMI_FIELD_UINT32,
	HMI_FIELD_INT32, /* int32, enum: negative ones take ten bytes */
	HMI_FIELD_SINT32,
	HMI_FIELD_UINT64, /* uint64, int64 */
	HMI_FIELD_SINT64,
	HMI_FIELD_BOOL,
	HMI_FIELD_STRING,
	HMI_FIELD_BYTES,
};

/* When a field is written. */
enum hmi_field_presence {
	HMI_FIELD_NON_ZERO, /* proto3's plain fields */
	HMI_FIELD_ALWAYS,   /* required */
	HMI_FIELD_HAS,      /* optional */
};

/* Fast path for the most common fields, which avoids the switches over kinds. */
enum hmi_field_fast {
	HMI_FAST_NONE,
	HMI_FAST_FIXED64, /* HMI_FIELD_FIXED64, HMI_FIELD_NON_ZERO, tag of one byte */
	HMI_FAST_BYTES,   /* HMI_FIELD_BYTES, likewise */
};

struct hmi_plan_field {
	uint8_t kind;     /* enum hmi_field_kind */
	uint8_t presence; /* enum hmi_field_presence */
	uint8_t tag_bytes;
	uint8_t fast; /* enum hmi_field_fast */
	uint32_t tag; /* as encoded, first byte least significant */
	uint32_t offset;
	uint32_t has_offset;
	const void *default_value;
};

/* One type. */
struct hmi_plan {
	uint32_t hash; /* of its full name: identifies the type in envelopes */
	uint16_t id;   /* identifies the type in messages */
	bool table;    /* false: protobuf-c encodes and decodes it */
	bool flat;     /* no field points to anything */
	uint32_t size; /* bytes of the struct */
	uint32_t fields;
	uint32_t plain_max; /* table: longest encoding of all fields that are not length-delimited */
	uint32_t delimited; /* bit i: field i is a string or bytes */
	uint32_t required;  /* bit i: field i must be present */
	const struct ProtobufCMessageDescriptor *descriptor;
	const uint8_t *initial; /* the struct as protobuf-c initialises it */
	struct hmi_plan_field field[HMI_PLAN_FIELDS_MAX];
};

/* All types of a system. */
struct hmi_codec {
	struct hmi_plan **by_id;   /* ids_count entries; NULL: no protobuf type */
	struct hmi_plan **by_hash; /* open addressing; mask + 1 entries */
	uint32_t ids_count, mask;
	struct hmi_plan *none; /* what by_hash points to without plans */
};

/* Make the plans of all types that are registered. Returns 0 or -ENOMEM. */
int hmi_codec_create(struct hmi_codec *codec, const struct hm_system *sys);

/* As hmi_codec_create, from a list of types. */
int hmi_codec_create_from(struct hmi_codec *codec, const struct hm_type *const *types, uint32_t count);

/* Free the plans: no type is left. A zeroed codec is allowed. */
void hmi_codec_destroy(struct hmi_codec *codec);

/* Plan of a type by id; NULL: not a protobuf type, so it cannot cross the network. */
static inline const struct hmi_plan *
hmi_codec_by_id(const struct hmi_codec *codec, uint16_t id)
{
	return id < codec->ids_count ? codec->by_id[id] : NULL;
}

/* Plan of a type by the hash of its name; NULL: none. */
const struct hmi_plan *hmi_codec_by_hash(const struct hmi_codec *codec, uint32_t hash);

/* Whether a body has unknown fields, of a newer version of its type. Only protobuf-c encodes them. */
static inline bool
hmi_body_has_unknown(const void *body)
{
	return ((const ProtobufCMessage *)body)->n_unknown_fields != 0;
}

/* Bytes of a body's encoding. */
size_t hmi_plan_packed_size(const struct hmi_plan *plan, const void *body);

/* As hmi_plan_packed_bound, for types with strings or bytes. */
size_t hmi_plan_packed_bound_delimited(const struct hmi_plan *plan, const void *body);

/* Upper bound of hmi_plan_packed_size, which is cheaper; for types with a table. */
static inline size_t
hmi_plan_packed_bound(const struct hmi_plan *plan, const void *body)
{
	return plan->delimited == 0 ? plan->plain_max : hmi_plan_packed_bound_delimited(plan, body);
}

/* Write a body's encoding, hmi_plan_packed_size bytes. Returns its end. */
uint8_t *hmi_plan_pack(const struct hmi_plan *plan, const void *body, uint8_t *at);

/* As hmi_plan_pack, for a type with a table and a body without unknown fields. */
uint8_t *hmi_plan_pack_table(const struct hmi_plan *plan, const void *body, uint8_t *at);

/* Room that in most cases is enough for hmi_plan_unpack, which returns -ENOSPC otherwise. */
static inline size_t
hmi_plan_room(const struct hmi_plan *plan, size_t length)
{
	if (plan->flat)
		return plan->size;
	/* Strings get a zero byte; repeated and nested fields grow; protobuf-c needs temporary memory. */
	return plan->table ? plan->size + length : plan->size + 4 * length + 128;
}

/*
 * Decode into a body of `room` bytes, aligned to 8. What its pointers point to is placed behind it.
 *
 * Returns 0; -EBADMSG: not an encoding of this type; -ENOSPC: more room is needed.
 */
int hmi_plan_unpack(const struct hmi_plan *plan, const uint8_t *at, size_t length, void *body, size_t room,
		    size_t *used);

/* As hmi_plan_unpack, by protobuf-c's own function. */
int hmi_unpack_generic(const struct ProtobufCMessageDescriptor *descriptor, const uint8_t *at, size_t length,
		       void *body, size_t room, size_t *used);

#endif /* CODEC_PVT_H */
