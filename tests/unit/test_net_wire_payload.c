/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Payloads: our bytes are protobuf's, and protobuf's bytes are read by us.
 */
#include <errno.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "hmt_net.pb-c.h"
#include "hmt_net2.pb-c.h"

#include "codec_pvt.h"

#define ROOM 4096

static void
codec_make(struct hmi_codec *codec)
{
	static const struct hm_type types[] = {
		{ .id = 256, .descriptor = &hermod__test__numbers__descriptor },
		{ .id = 257, .descriptor = &hermod__test__scalars__descriptor },
		{ .id = 300, .descriptor = &hermod__test__text__descriptor },
		{ .id = 301, .descriptor = &hermod__test__tree__descriptor },
		{ .id = 302, .descriptor = &hermod__test__empty__descriptor },
		{ .id = 303, .descriptor = &hermod__test2__optional__descriptor },
		{ .id = 304, .name = "plain", .size = 8 },
	};
	const struct hm_type *list[7];

	for (int i = 0; i < 7; i++)
		list[i] = &types[i];
	cr_assert_eq(hmi_codec_create_from(codec, list, 7), 0);
}

/* Our bytes are protobuf-c's, and so is what we read from them. */
static void
same_as_protobuf(const struct hmi_plan *plan, const void *body)
{
	uint64_t room[ROOM / 8];
	uint8_t ours[ROOM], theirs[ROOM], again[ROOM], *end = hmi_plan_pack(plan, body, ours);
	size_t length = protobuf_c_message_pack(body, theirs), used = 0;

	cr_assert_eq((size_t)(end - ours), length, "%zu and %zu", (size_t)(end - ours), length);
	cr_assert_eq(hmi_plan_packed_size(plan, body), length);
	cr_assert_arr_eq(ours, theirs, length);
	if (plan->table)
		cr_assert_leq(length, hmi_plan_packed_bound(plan, body));
	cr_assert_eq(hmi_plan_unpack(plan, ours, length, room, sizeof(room), &used), 0);
	cr_assert_leq(used, hmi_plan_room(plan, length));
	cr_assert_eq(protobuf_c_message_pack((const ProtobufCMessage *)(const void *)room, again), length);
	cr_assert_arr_eq(again, theirs, length);
}

Test(codec, scalars__same_as_protobuf)
{
	static const uint64_t values[] = { 0, 1, 127, 128, 1u << 31, UINT32_MAX, 1ull << 63, UINT64_MAX };
	Hermod__Test__Scalars m;
	struct hmi_codec codec;

	codec_make(&codec);
	hermod__test__scalars__init(&m);
	for (int i = 0; i < 8; i++) {
		m.i32 = (int32_t)values[i];
		m.i64 = (int64_t)values[i];
		m.u32 = (uint32_t)values[i];
		m.u64 = values[i];
		m.s32 = (int32_t)values[i];
		m.s64 = (int64_t)values[i];
		m.f32 = (uint32_t)values[i];
		m.f64 = values[i];
		m.sf32 = (int32_t)values[i];
		m.sf64 = (int64_t)values[i];
		m.real = (float)values[i];
		m.big_real = (double)values[i] * -0.5;
		m.flag = i % 2;
		m.colour = i % 2 == 0 ? HERMOD__TEST__COLOUR__NONE : HERMOD__TEST__COLOUR__GREEN;
		m.far = (uint32_t)values[7 - i];
		if (m.big_real == 0)
			m.big_real = 0;
		same_as_protobuf(hmi_codec_by_id(&codec, 257), &m);
	}
	hmi_codec_destroy(&codec);
}

Test(codec, delimited__same_as_protobuf)
{
	uint8_t data[300];
	char text[300] = "";
	Hermod__Test__Text m;
	struct hmi_codec codec;

	codec_make(&codec);
	memset(data, 7, sizeof(data));
	for (size_t length = 0; length < 299; length++) {
		hermod__test__text__init(&m);
		memset(text, 'x', length);
		m.text = text;
		m.data.data = data;
		m.data.len = 299 - length;
		m.number = (uint32_t)length;
		same_as_protobuf(hmi_codec_by_id(&codec, 300), &m);
	}
	hmi_codec_destroy(&codec);
}

Test(codec, optional__same_as_protobuf)
{
	Hermod__Test2__Optional m;
	struct hmi_codec codec;
	uint64_t room[64];
	size_t used;
	char name[] = "somebody";

	codec_make(&codec);
	for (int choice = 0; choice < 16; choice++) {
		hermod__test2__optional__init(&m);
		m.id = (uint32_t)choice;
		m.has_count = choice & 1;
		m.count = 0;
		if ((choice & 2) != 0)
			m.name = name;
		m.has_data = (choice & 4) != 0;
		m.has_real = (choice & 8) != 0;
		m.real = 2.5;
		same_as_protobuf(hmi_codec_by_id(&codec, 303), &m);
	}
	/* Without the required field it is no Optional. */
	cr_assert_eq(hmi_plan_unpack(hmi_codec_by_id(&codec, 303), NULL, 0, room, sizeof(room), &used),
		     -EBADMSG);
	hmi_codec_destroy(&codec);
}

Test(codec, tree__grows_into_the_room)
{
	Hermod__Test__Tree root, child, *children[3] = { &child, &child, &child };
	uint32_t numbers[100] = { 0 };
	struct hmi_codec codec;
	const struct hmi_plan *plan;
	uint8_t bytes[ROOM];
	uint64_t *room = malloc(65536);
	size_t length, used = 0;
	char name[] = "child";

	codec_make(&codec);
	plan = hmi_codec_by_id(&codec, 301);
	hermod__test__tree__init(&root);
	hermod__test__tree__init(&child);
	child.name = name;
	child.n_numbers = 100;
	child.numbers = numbers;
	root.n_children = 3;
	root.children = children;
	root.kind_case = HERMOD__TEST__TREE__KIND_NUMBER;
	root.number = 5;
	length = (size_t)(hmi_plan_pack(plan, &root, bytes) - bytes);
	/* Any room is enough, or is said not to be; nothing is written beyond it. */
	for (size_t size = 0; size < 8192; size += 8) {
		int rc;

		memset(room, 0xee, 65536);
		rc = hmi_plan_unpack(plan, bytes, length, room, size, &used);
		cr_assert(rc == 0 || rc == -ENOSPC, "%d", rc);
		cr_assert_eq(((uint8_t *)room)[size], 0xee);
		if (rc == 0)
			cr_assert_leq(used, size);
	}
	cr_assert_eq(hmi_plan_unpack(plan, bytes, length, room, 65536, &used), 0);
	cr_assert_eq(((Hermod__Test__Tree *)(void *)room)->n_children, 3);
	free(room);
	hmi_codec_destroy(&codec);
}

Test(codec, unpack__fields_of_a_newer_version_are_kept)
{
	static const uint8_t bytes[] = { 0x09, 1, 0, 0, 0, 0, 0, 0, 0, 0x52, 3, 'n', 'e', 'w' };
	struct hmi_codec codec;
	const struct hmi_plan *plan;
	uint64_t room[64];
	uint8_t again[64];
	size_t used;

	codec_make(&codec);
	plan = hmi_codec_by_id(&codec, 256);
	cr_assert_eq(hmi_plan_unpack(plan, bytes, sizeof(bytes), room, hmi_plan_room(plan, sizeof(bytes)),
				     &used),
		     -ENOSPC);
	cr_assert_eq(hmi_plan_unpack(plan, bytes, sizeof(bytes), room, sizeof(room), &used), 0);
	cr_assert_eq(((Hermod__Test__Numbers *)(void *)room)->a, 1);
	cr_assert_eq(hmi_plan_packed_size(plan, room), sizeof(bytes));
	hmi_plan_pack(plan, room, again);
	cr_assert_arr_eq(again, bytes, sizeof(bytes));
	hmi_codec_destroy(&codec);
}

Test(codec, unpack__garbage_is_refused_or_read_as_protobuf_reads_it)
{
	static const uint16_t ids[] = { 256, 257, 300, 301, 302, 303 };
	struct hmi_codec codec;
	uint64_t *room = malloc(65536);
	size_t used;

	codec_make(&codec);
	srand(3);
	for (int i = 0; i < 60000; i++) {
		const struct hmi_plan *plan = hmi_codec_by_id(&codec, ids[i % 6]);
		size_t length = (size_t)rand() % 64;
		uint8_t *exact = malloc(length + 1), *bytes = exact + 1, ours[ROOM * 4], theirs[ROOM * 4];
		ProtobufCMessage *message;
		int rc;

		for (size_t at = 0; at < length; at++)
			bytes[at] = (uint8_t)(rand() % 3 == 0 ? rand() : rand() % 48);
		rc = hmi_plan_unpack(plan, bytes, length, room, 65536, &used);
		message = protobuf_c_message_unpack(plan->descriptor, NULL, length, bytes);
		cr_assert_eq(rc == 0, message != NULL, "type %u", plan->id);
		if (message != NULL) {
			size_t size = protobuf_c_message_pack(message, theirs);

			cr_assert_eq(protobuf_c_message_pack((const void *)room, ours), size);
			cr_assert_arr_eq(ours, theirs, size);
			protobuf_c_message_free_unpacked(message, NULL);
		}
		free(exact);
	}
	free(room);
	hmi_codec_destroy(&codec);
}

Test(codec, find__by_hash_and_id)
{
	struct hmi_codec codec;

	codec_make(&codec);
	cr_assert_eq(hmi_codec_by_hash(&codec, hm_type_hash("hermod.test.Text")),
		     hmi_codec_by_id(&codec, 300));
	cr_assert_null(hmi_codec_by_hash(&codec, 1));
	cr_assert_null(hmi_codec_by_id(&codec, 304));
	cr_assert_null(hmi_codec_by_id(&codec, 65535));
	hmi_codec_destroy(&codec);
	cr_assert_null(hmi_codec_by_hash(&codec, hm_type_hash("hermod.test.Text")));
	cr_assert_null(hmi_codec_by_id(&codec, 300));
}
