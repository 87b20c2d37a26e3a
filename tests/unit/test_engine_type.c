/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message types, and protobuf messages that move as C structs.
 */
#include <criterion/criterion.h>

#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_types.pb-c.h"

TestSuite(engine_type, .init = hmt_eal_start);

enum {
	TREE = HMT_TYPE_NEXT,
	FLAT,
	LONG,
	EMPTY
};

static void
types_register(struct hm_system *sys)
{
	static const struct hm_type types[] = { { .id = TREE, .descriptor = &hmt__tree__descriptor },
						{ .id = FLAT, .descriptor = &hmt__flat__descriptor },
						{ .id = LONG, .descriptor = &hmt__long__descriptor },
						{ .id = EMPTY, .descriptor = &hmt__empty__descriptor } };

	for (size_t i = 0; i < RTE_DIM(types); i++)
		cr_assert_eq(hm_type_register(sys, &types[i]), 0);
}

/* ---- Registering ------------------------------------------------------------------- */

Test(engine_type, register__bad_ones_are_refused)
{
	static const struct hm_type
		own = { .id = HM_TYPE_USER - 1, .name = "own" },
		nameless = { .id = HMT_TYPE_NEXT }, empty_name = { .id = HMT_TYPE_NEXT, .name = "" },
		too_big = { .id = HMT_TYPE_NEXT, .name = "big", .size = HM_MSG_BODY_MAX + 1 },
		id_taken = { .id = HMT_NUMBER, .name = "other" },
		name_taken = { .id = HMT_TYPE_NEXT, .name = "number" },
		proto = { .id = HMT_TYPE_NEXT, .descriptor = &hmt__flat__descriptor },
		proto_again = { .id = HMT_TYPE_NEXT + 1, .descriptor = &hmt__flat__descriptor },
		proto_name = { .id = HMT_TYPE_NEXT + 2, .name = "hmt.Flat" },
		biggest = { .id = HM_TYPE_RESERVED - 1, .name = "biggest", .size = HM_MSG_BODY_MAX },
		reserved = { .id = HM_TYPE_RESERVED, .name = "reserved" };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	cr_assert_eq(hm_type_register(node.sys, &own), -EINVAL);
	cr_assert_eq(hm_type_register(node.sys, &nameless), -EINVAL);
	cr_assert_eq(hm_type_register(node.sys, &empty_name), -EINVAL);
	cr_assert_eq(hm_type_register(node.sys, &too_big), -EINVAL);
	cr_assert_eq(hm_type_register(node.sys, &id_taken), -EEXIST);
	cr_assert_eq(hm_type_register(node.sys, &name_taken), -EEXIST);
	cr_assert_eq(hm_type_register(node.sys, &proto), 0);
	cr_assert_eq(hm_type_register(node.sys, &proto_again), -EEXIST);
	cr_assert_eq(hm_type_register(node.sys, &proto_name), -EEXIST);
	cr_assert_eq(hm_type_register(node.sys, &biggest), 0);
	cr_assert_eq(hm_type_register(node.sys, &reserved), -EINVAL);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_type_register(node.sys, &(struct hm_type){ .id = HMT_TYPE_NEXT + 9, .name = "late" }),
		     -EBUSY);
	hmt_node_end(&node);
}

Test(engine_type, inspect__names_hashes_and_digest)
{
	static const struct hm_type flat = { .id = 1000, .descriptor = &hmt__flat__descriptor },
				    tree = { .id = 1001, .descriptor = &hmt__tree__descriptor };
	struct hmt_node a, b;

	hmt_node_start(&a, 1);
	hmt_node_start(&b, 1);
	cr_assert_eq(hm_type_digest(a.sys), hm_type_digest(b.sys));
	cr_assert_eq(hm_type_register(a.sys, &flat), 0);
	cr_assert_neq(hm_type_digest(a.sys), hm_type_digest(b.sys));
	cr_assert_eq(hm_type_register(a.sys, &tree), 0);
	cr_assert_eq(hm_type_register(b.sys, &tree), 0);
	cr_assert_neq(hm_type_digest(a.sys), hm_type_digest(b.sys));
	cr_assert_eq(hm_type_register(b.sys, &flat), 0);
	cr_assert_eq(hm_type_digest(a.sys), hm_type_digest(b.sys), "whatever the order");

	cr_assert_str_eq(hm_type_name(a.sys, 1001), "hmt.Tree");
	cr_assert_str_eq(hm_type_name(a.sys, HMT_NUMBER), "number");
	cr_assert_str_eq(hm_type_name(a.sys, HM_STARTED), "started");
	cr_assert_str_eq(hm_type_name(a.sys, 5000), "unknown");
	cr_assert_str_eq(hm_type_name(a.sys, HM_TYPE_NONE), "none");
	for (uint16_t own = HM_STARTED; own <= HM_MOVED; own++)
		cr_assert_str_neq(hm_type_name(a.sys, own), "unknown", "%u", own);
	cr_assert_eq(hm_type_hash(""), 2166136261u);
	cr_assert_eq(hm_type_hash("a"), 0xe40c292cu, "FNV-1a");
	cr_assert_eq(hm_type_by_hash(a.sys, hm_type_hash("hmt.Tree"))->id, 1001);
	cr_assert_null(hm_type_by_hash(a.sys, hm_type_hash("number")), "no protobuf type");
	cr_assert_null(hm_type_by_id(a.sys, 5000));
	cr_assert_eq(hm_type_by_id(a.sys, 1000)->size, sizeof(Hmt__Flat));
	cr_assert(hm_type_is_flat(a.sys, 1000));
	cr_assert_not(hm_type_is_flat(a.sys, 1001));
	hmt_node_end(&a);
	hmt_node_end(&b);
}

/* ---- Trees ----------------------------------------------------------------------------- */

static char *
text_new(const char *text)
{
	return strdup(text);
}

static ProtobufCBinaryData
data_new(const char *text)
{
	ProtobufCBinaryData data = { strlen(text), (uint8_t *)strdup(text) };

	return data;
}

static Hmt__Leaf *
leaf_new(const char *name)
{
	Hmt__Leaf *leaf = malloc(sizeof(*leaf));

	hmt__leaf__init(leaf);
	leaf->name = text_new(name);
	leaf->has_data = 1;
	leaf->data = data_new(name);
	return leaf;
}

static void
unknown_add(ProtobufCMessage *message, const char *text)
{
	message->n_unknown_fields = 2;
	message->unknown_fields = calloc(2, sizeof(ProtobufCMessageUnknownField));
	for (int i = 0; i < 2; i++) {
		message->unknown_fields[i].tag = 100 + (uint32_t)i;
		message->unknown_fields[i].wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
		message->unknown_fields[i].len = strlen(text);
		message->unknown_fields[i].data = (uint8_t *)strdup(text);
		message->unknown_fields[i].data[0] = (uint8_t)(strlen(text) - 1);
	}
}

/* One of everything, in memory of the heap; freed by hmt__tree__free_unpacked. */
static Hmt__Tree *
tree_new(int depth)
{
	Hmt__Tree *tree = malloc(sizeof(*tree));

	hmt__tree__init(tree);
	tree->text = text_new("some text");
	tree->has_data = 1;
	tree->data = data_new("data");
	tree->n_numbers = 3;
	tree->numbers = malloc(3 * sizeof(uint32_t));
	tree->n_flags = 3;
	tree->flags = malloc(3 * sizeof(protobuf_c_boolean));
	tree->n_ratios = 3;
	tree->ratios = malloc(3 * sizeof(double));
	tree->n_names = 2;
	tree->names = malloc(2 * sizeof(char *));
	tree->n_blobs = 2;
	tree->blobs = malloc(2 * sizeof(ProtobufCBinaryData));
	tree->n_leaves = 2;
	tree->leaves = malloc(2 * sizeof(Hmt__Leaf *));
	for (int i = 0; i < 3; i++) {
		tree->numbers[i] = (uint32_t)i * 1000000;
		tree->flags[i] = i % 2;
		tree->ratios[i] = i * 0.5;
	}
	for (int i = 0; i < 2; i++) {
		tree->names[i] = text_new(i == 0 ? "" : "name");
		tree->blobs[i] = data_new(i == 0 ? "" : "blob");
		tree->leaves[i] = leaf_new(i == 0 ? "left" : "right");
	}
	tree->choice_case = HMT__TREE__CHOICE_LEAF;
	tree->leaf = leaf_new("chosen");
	unknown_add(&tree->base, "unknown");
	if (depth > 0)
		tree->child = tree_new(depth - 1);
	return tree;
}

/* A message's encoding: what tells two messages apart. */
static size_t
encode(const ProtobufCMessage *message, uint8_t **bytes)
{
	size_t length = protobuf_c_message_get_packed_size(message);

	*bytes = malloc(length + 1);
	cr_assert_eq(protobuf_c_message_pack(message, *bytes), length);
	return length;
}

static bool
same(const ProtobufCMessage *a, const uint8_t *bytes, size_t length)
{
	uint8_t *own;
	size_t own_length = encode(a, &own);
	bool equal = own_length == length && memcmp(own, bytes, length) == 0;

	free(own);
	return equal;
}

/* What the receiver compares with. */
struct expected {
	uint16_t type;
	uint8_t *bytes;
	size_t length;
	uint32_t matches;
};

static void
compare(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct expected *expected = probe->arg;
	const char *body = hm_msg_body(msg);

	(void)ctx;
	if (hm_msg_type(msg) != expected->type)
		return;
	cr_assert_geq(hm_msg_length(msg),
		      ((const ProtobufCMessage *)hm_msg_body(msg))->descriptor->sizeof_message);
	expected->matches += same(hm_msg_body(msg), expected->bytes, expected->length);
	if (expected->type == TREE) {
		const Hmt__Tree *tree = hm_msg_body(msg);

		/* All of it lies in the message. */
		cr_assert(tree->text > body && tree->text < body + hm_msg_length(msg));
		cr_assert((const char *)tree->leaves[1] > body &&
			  (const char *)tree->leaves[1] < body + hm_msg_length(msg));
		cr_assert_str_eq(tree->greeting, "hello");
	}
}

struct errand {
	struct hm_pid to;
	uint16_t type;
	const void *body;
	enum hm_result result;
};

static void
send_body(struct hm_ctx *ctx, void *arg)
{
	struct errand *errand = arg;

	errand->result = hm_send(ctx, errand->to, errand->type, errand->body);
}

static void
forward_body(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) >= HMT_TYPE_NEXT)
		cr_assert_eq(hm_forward(ctx, *(struct hm_pid *)probe->arg), HM_OK);
}

Test(engine_type, send__a_tree_is_copied_with_all_that_it_points_to)
{
	static struct hmt_probe from, middle, to;
	struct expected expected = { .type = TREE };
	struct errand errand = { .type = TREE };
	Hmt__Tree *tree = tree_new(2);
	struct hmt_node node;

	expected.length = encode(&tree->base, &expected.bytes);
	to.on_msg = compare;
	to.arg = &expected;
	middle.on_msg = forward_body;
	middle.arg = &to.pid;
	hmt_node_start(&node, 3);
	types_register(node.sys);
	hmt_probe_spawn(&node, &to, 2, NULL);
	errand.to = hmt_probe_spawn(&node, &middle, 1, NULL);
	errand.body = tree;
	hmt_probe_spawn(&node, &from, 0, NULL);
	hmt_do(&node, from.pid, send_body, &errand);
	cr_assert_eq(errand.result, HM_OK);
	/* From an external thread, and the original is gone when it is read. */
	cr_assert_eq(hm_system_send(node.sys, to.pid, TREE, tree), HM_OK);
	hmt__tree__free_unpacked(tree, NULL);
	hmt_turn_until_idle(&node);
	cr_assert_eq(expected.matches, 2);
	hmt_node_end(&node);
	free(expected.bytes);
}

Test(engine_type, send__fields_that_are_not_set_are_not_looked_at)
{
	static struct hmt_probe from, to;
	struct expected expected = { .type = TREE };
	struct errand errand = { .type = TREE };
	Hmt__Tree tree = HMT__TREE__INIT, child = HMT__TREE__INIT;
	Hmt__Leaf *never = (Hmt__Leaf *)(uintptr_t)16;
	struct hmt_node node;

	tree.text = (char *)(uintptr_t) "t";
	/* Bytes that are not set, and a oneof in which another field is in use. */
	tree.data.data = (uint8_t *)never;
	tree.data.len = 1000;
	tree.choice_case = HMT__TREE__CHOICE_NUMBER;
	tree.number = (uint64_t)(uintptr_t)never;
	tree.child = &child;
	tree.n_leaves = 1;
	tree.leaves = (Hmt__Leaf *[]){ &(Hmt__Leaf)HMT__LEAF__INIT };
	child.choice_case = HMT__TREE__CHOICE_WORD;
	child.word = (char *)(uintptr_t) "word";
	expected.length = encode(&tree.base, &expected.bytes);
	hmt_node_start(&node, 1);
	types_register(node.sys);
	errand.to = hmt_probe_spawn(&node, &to, 0, NULL);
	errand.body = &tree;
	to.arg = &expected;
	hmt_do(&node, hmt_probe_spawn(&node, &from, 0, NULL), send_body, &errand);
	cr_assert_eq(hmt_seen_last(&to, TREE)->type, TREE);
	hmt_node_end(&node);
	free(expected.bytes);
}

/* What was not set up by its ..._INIT says nothing, or something else, of what it points to. */
Test(engine_type, send__zeros_and_messages_of_another_type_are_refused)
{
	static struct hmt_probe from, to;
	struct errand errand = { .type = TREE };
	Hmt__Tree zeros, other = HMT__TREE__INIT;
	struct hmt_node node;

	memset(&zeros, 0, sizeof(zeros));
	other.base.descriptor = &hmt__flat__descriptor;
	hmt_node_start(&node, 1);
	types_register(node.sys);
	errand.to = hmt_probe_spawn(&node, &to, 0, NULL);
	hmt_probe_spawn(&node, &from, 0, NULL);
	for (int i = 0; i < 2; i++) {
		errand.body = i == 0 ? &zeros : &other;
		hmt_do(&node, from.pid, send_body, &errand);
		cr_assert_eq(errand.result, HM_INVALID);
		cr_assert_eq(hm_system_send(node.sys, to.pid, TREE, errand.body), HM_INVALID);
	}
	cr_assert_eq(hmt_seen_count(&to, TREE), 0);
	hmt_node_end(&node);
}

Test(engine_type, send__a_flat_message_and_an_empty_one)
{
	static struct hmt_probe from, to;
	struct expected expected = { .type = FLAT };
	struct errand errand = { .type = FLAT };
	Hmt__Flat flat = HMT__FLAT__INIT;
	Hmt__Empty empty = HMT__EMPTY__INIT;
	struct hmt_node node;

	flat.has_id = flat.has_amount = flat.has_ratio = 1;
	flat.id = 7;
	flat.amount = -3;
	flat.ratio = 0.25;
	expected.length = encode(&flat.base, &expected.bytes);
	to.on_msg = compare;
	to.arg = &expected;
	hmt_node_start(&node, 2);
	types_register(node.sys);
	errand.to = hmt_probe_spawn(&node, &to, 1, NULL);
	errand.body = &flat;
	hmt_do(&node, hmt_probe_spawn(&node, &from, 0, NULL), send_body, &errand);
	cr_assert_eq(expected.matches, 1);
	cr_assert_eq(hmt_seen_last(&to, FLAT)->length, sizeof(flat));
	free(expected.bytes);
	expected = (struct expected){ .type = EMPTY };
	expected.length = encode(&empty.base, &expected.bytes);
	errand.type = EMPTY;
	errand.body = &empty;
	hmt_do(&node, from.pid, send_body, &errand);
	cr_assert_eq(expected.matches, 1);
	hmt_node_end(&node);
	free(expected.bytes);
}

/* By the time that it is read the original is gone. */
static void
send_and_free(struct hm_ctx *ctx, void *arg)
{
	struct errand *errand = arg;
	ProtobufCMessage *message = (ProtobufCMessage *)(uintptr_t)errand->body;

	errand->result = hm_send(ctx, errand->to, errand->type, message);
	protobuf_c_message_free_unpacked(message, NULL);
}

Test(engine_type, send__unknown_fields_of_a_flat_and_of_an_empty_message_are_copied)
{
	for (int i = 0; i < 2; i++) {
		static struct hmt_probe from, to;
		struct expected expected = { .type = i == 0 ? FLAT : EMPTY };
		struct errand errand = { .type = expected.type };
		ProtobufCMessage *message = malloc(RTE_MAX(sizeof(Hmt__Flat), sizeof(Hmt__Empty)));
		struct hmt_node node;

		from = (struct hmt_probe){ 0 };
		to = (struct hmt_probe){ .on_msg = compare, .arg = &expected };
		protobuf_c_message_init(i == 0 ? &hmt__flat__descriptor : &hmt__empty__descriptor, message);
		unknown_add(message, "something");
		expected.length = encode(message, &expected.bytes);
		hmt_node_start(&node, 2);
		types_register(node.sys);
		errand.to = hmt_probe_spawn(&node, &to, 1, NULL);
		errand.body = message;
		hmt_probe_spawn(&node, &from, 0, NULL);
		cr_assert_eq(hm_system_send(node.sys, to.pid, errand.type, message), HM_OK);
		hmt_do(&node, from.pid, send_and_free, &errand);
		hmt_turn_until_idle(&node);
		cr_assert_eq(expected.matches, 2);
		hmt_node_end(&node);
		free(expected.bytes);
	}
}

static void
send_long(struct hm_ctx *ctx, void *arg)
{
	struct errand *errand = arg;
	uint64_t values[HM_MSG_BODY_MAX / 8] = { 0 };
	Hmt__Long message = HMT__LONG__INIT;

	message.values = values;
	message.n_values = (HM_MSG_BODY_MAX - sizeof(message)) / sizeof(values[0]);
	cr_assert_eq(hm_send(ctx, errand->to, LONG, &message), HM_OK, "the longest");
	message.n_values++;
	errand->result = hm_send(ctx, errand->to, LONG, &message);
}

Test(engine_type, send__too_long_is_refused)
{
	static struct hmt_probe from, to;
	struct errand errand = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	types_register(node.sys);
	errand.to = hmt_probe_spawn(&node, &to, 0, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &from, 0, NULL), send_long, &errand);
	cr_assert_eq(errand.result, HM_TOO_BIG);
	cr_assert_eq(hmt_seen_count(&to, LONG), 1);
	hmt_node_end(&node);
}

Test(engine_type, send__without_body_is_an_initialised_message)
{
	static struct hmt_probe from, to;
	Hmt__Tree tree = HMT__TREE__INIT;
	struct expected expected = { .type = TREE };
	struct errand errand = { .type = TREE };
	struct hmt_node node;

	expected.length = encode(&tree.base, &expected.bytes);
	hmt_node_start(&node, 1);
	types_register(node.sys);
	errand.to = hmt_probe_spawn(&node, &to, 0, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &from, 0, NULL), send_body, &errand);
	cr_assert_eq(hmt_seen_last(&to, TREE)->length, sizeof(Hmt__Tree));
	hmt_node_end(&node);
	free(expected.bytes);
}

static void
fill_in_place(struct hm_ctx *ctx, void *arg)
{
	struct errand *errand = arg;
	struct hm_msg *msg = hm_msg_new(ctx, TREE, 64);
	Hmt__Tree *tree = hm_msg_body_mut(msg);

	cr_assert_eq(tree->base.descriptor, &hmt__tree__descriptor);
	tree->text = hm_msg_reserve(msg, 10);
	cr_assert_not_null(tree->text);
	memcpy(tree->text, "some text", 10);
	errand->result = hm_msg_send(ctx, errand->to, msg);
}

Test(engine_type, msg_new__a_tree_filled_in_place_is_moved)
{
	static struct hmt_probe from, to;
	Hmt__Tree tree = HMT__TREE__INIT;
	struct expected expected = { .type = TREE };
	struct errand errand = { .type = TREE };
	struct hmt_node node;

	tree.text = (char *)(uintptr_t) "some text";
	expected.length = encode(&tree.base, &expected.bytes);
	hmt_node_start(&node, 2);
	types_register(node.sys);
	errand.to = hmt_probe_spawn(&node, &to, 1, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &from, 0, NULL), fill_in_place, &errand);
	cr_assert_eq(errand.result, HM_OK);
	cr_assert_eq(hmt_seen_count(&to, TREE), 1);
	hmt_node_end(&node);
	free(expected.bytes);
}

static void
send_tree_later(struct hm_ctx *ctx, void *arg)
{
	struct errand *errand = arg;

	errand->result = hm_send_after(ctx, errand->to, TREE, errand->body, 100, 100, NULL);
}

Test(engine_type, send_after__each_period_has_a_copy_of_its_own)
{
	static struct hmt_probe from, to;
	struct expected expected = { .type = TREE };
	struct errand errand = { .type = TREE };
	Hmt__Tree *tree = tree_new(1);
	struct hmt_node node;

	expected.length = encode(&tree->base, &expected.bytes);
	to.on_msg = compare;
	to.arg = &expected;
	hmt_node_start(&node, 2);
	types_register(node.sys);
	errand.to = hmt_probe_spawn(&node, &to, 1, NULL);
	errand.body = tree;
	hmt_do(&node, hmt_probe_spawn(&node, &from, 0, NULL), send_tree_later, &errand);
	hmt__tree__free_unpacked(tree, NULL);
	for (int i = 0; i < 3; i++)
		hmt_elapse(&node, 150);
	cr_assert_eq(expected.matches, 3);
	hmt_node_end(&node);
	free(expected.bytes);
}

/* ---- A reply to an external thread --------------------------------------------------------- */

static void
answer_with_tree(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == FLAT)
		cr_assert_eq(hm_respond(ctx, TREE, probe->arg), HM_OK);
}

Test(engine_type, system_ask__a_tree_is_copied_into_the_callers_memory)
{
	static struct hmt_probe probe;
	struct hmt_probe *args = &probe;
	static uint64_t memory[8192];
	struct hm_reply reply = { .body = memory, .size = sizeof(memory) };
	struct hm_system *sys;
	struct hm_kit *kit;
	uint8_t *bytes;
	size_t length;

	probe.on_msg = answer_with_tree;
	probe.arg = tree_new(1);
	length = encode(probe.arg, &bytes);
	cr_assert_eq(hm_kit_create(&kit, &(struct hm_kit_config){ .real_time = true }), 0);
	sys = hm_kit_system(kit);
	types_register(sys);
	probe.pid = hm_kit_spawn(kit, hmt_probe_props(0), NULL, &args);
	hm_kit_advance(kit, 0);
	cr_assert_eq(hm_system_ask(sys, probe.pid, FLAT, NULL, 10000000, &reply), 0);
	reply.size = reply.length - 1;
	cr_assert_eq(hm_system_ask(sys, probe.pid, FLAT, NULL, 10000000, &reply), -EMSGSIZE);
	cr_assert(hm_kit_end(kit));
	/* The system and its messages are gone. */
	cr_assert(same((const ProtobufCMessage *)(const void *)memory, bytes, length));
	hmt__tree__free_unpacked(probe.arg, NULL);
	free(bytes);
}
