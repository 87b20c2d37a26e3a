/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers: how many there may be, beside which bodies, and what is refused.
 */
#include "test_engine_header.h"

TestSuite(engine_header_limits, .init = hmt_eal_start);

/* ---- Bodies of every size ------------------------------------------------------------------- */

#define SIZED 0x400u

/* Around the edges of size classes. */
static const uint32_t sizes[] = {
	0, 1, 16, 17, 24, 25, 80, 81, 88, 89, 208, 209, 216, 217, 32720, 32728, 32729, HM_MSG_BODY_MAX,
};

struct sized {
	uint32_t bytes;
	uint16_t type;
	bool reserve;
};

static void
send_sized(struct hm_ctx *ctx, void *arg)
{
	const struct sized *sized = arg;
	struct hm_msg *msg = hm_msg_new(ctx, sized->type, 0);

	cr_assert_not_null(msg);
	memset(hm_msg_body_mut(msg), 0xa5, sized->bytes);
	while (sized->reserve && hm_msg_reserve(msg, 8) != NULL)
		;
	cr_assert_eq(hm_msg_header_set(ctx, msg, "trace", "t"), HM_OK, "%u bytes", sized->bytes);
	for (uint32_t i = 0; i < sized->bytes; i++)
		cr_assert_eq(((const unsigned char *)hm_msg_body(msg))[i], 0xa5, "byte %u of %u", i,
			     sized->bytes);
	cr_assert_eq(hm_msg_send(ctx, scene.to.pid, msg), HM_OK);
}

Test(engine_header_limits, set__beside_a_body_of_any_size)
{
	static char names[RTE_DIM(sizes)][16];

	hmt_node_start(&scene.node, 1);
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		struct hm_type type = { .id = (uint16_t)(SIZED + i), .name = names[i], .size = sizes[i] };

		snprintf(names[i], sizeof(names[i]), "sized %u", sizes[i]);
		cr_assert_eq(hm_type_register(scene.node.sys, &type), 0);
	}
	scene.to.on_msg = find;
	scene.to.arg = &scene.found;
	hmt_probe_spawn(&scene.node, &scene.to, 0, NULL);
	hmt_probe_spawn(&scene.node, &scene.from, 0, NULL);
	for (size_t i = 0; i < 2 * RTE_DIM(sizes); i++) {
		struct sized sized = { sizes[i / 2], (uint16_t)(SIZED + i / 2), i % 2 != 0 };

		scene.found.trace[0] = '\0';
		scene_do(send_sized, &sized);
		cr_assert_str_eq(scene.found.trace, "t", "%u bytes", sized.bytes);
	}
	scene_end();
}

/* ---- Limits ------------------------------------------------------------------------------------ */

static void
send_most_pairs(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = number_new(ctx);
	char key[8];

	(void)arg;
	for (uint32_t i = 0; i < HM_HEADERS_MAX; i++) {
		snprintf(key, sizeof(key), "%u", i);
		cr_assert_eq(hm_msg_header_set(ctx, msg, key, "v"), HM_OK);
	}
	cr_assert_eq(hm_msg_header_set(ctx, msg, "one more", "v"), HM_TOO_BIG);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "31", "another value"), HM_OK);
	cr_assert_null(hm_msg_header(msg, "one more"));
	cr_assert_eq(hm_msg_send(ctx, scene.to.pid, msg), HM_OK);
}

Test(engine_header_limits, set__32_pairs_and_no_more)
{
	scene_start(0, 1, 0);
	scene_do(send_most_pairs, NULL);
	cr_assert_eq(HM_HEADERS_MAX, 32);
	cr_assert_eq(scene.found.count, 32);
	scene_end();
}

static void
set_most_bytes(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = number_new(ctx);
	size_t all = HM_HEADERS_BYTES_MAX, first = sizeof("first") + sizeof("f"), rest = all - first;

	(void)arg;
	cr_assert_eq(hm_msg_header_set(ctx, msg, "first", "f"), HM_OK);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "k", text_of(rest - 2)), HM_TOO_BIG, "a byte more");
	cr_assert_null(hm_msg_header(msg, "k"));
	cr_assert_eq(hm_msg_header_set(ctx, msg, "k", text_of(rest - 3)), HM_OK);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "z", ""), HM_TOO_BIG);
	/* In place of the first: as long, and longer by one. */
	cr_assert_eq(hm_msg_header_set(ctx, msg, "first", "g"), HM_OK);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "first", "gg"), HM_TOO_BIG);
	cr_assert_str_eq(hm_msg_header(msg, "first"), "g");
	cr_assert_str_eq(hm_msg_header(msg, "k"), text_of(rest - 3));
	hm_msg_free(ctx, msg);

	msg = number_new(ctx);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "k", text_of(all)), HM_TOO_BIG);
	cr_assert_eq(hm_msg_header_set(ctx, msg, text_of(all), ""), HM_TOO_BIG);
	cr_assert_eq(hm_msg_header_set(ctx, msg, text_of(all - 1), ""), HM_TOO_BIG);
	cr_assert_eq(hm_msg_header_set(ctx, msg, text_of(all - 2), ""), HM_OK, "the longest key");
	hm_msg_free(ctx, msg);
}

Test(engine_header_limits, set__4096_bytes_and_no_more)
{
	scene_start(0, 0, 0);
	cr_assert_eq(HM_HEADERS_BYTES_MAX, 4096);
	scene_do(set_most_bytes, NULL);
	scene_end();
}

static void
set_wrong(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = number_new(ctx);

	(void)arg;
	cr_assert_eq(hm_msg_header_set(ctx, NULL, "k", "v"), HM_INVALID);
	cr_assert_eq(hm_msg_header_set(ctx, msg, NULL, "v"), HM_INVALID);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "", "v"), HM_INVALID);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "k", NULL), HM_INVALID);
	cr_assert_eq(hm_msg_headers_copy(ctx, NULL), HM_INVALID);
	cr_assert_eq(hm_msg_headers_count(msg), 0);
	hm_msg_free(ctx, msg);
}

Test(engine_header_limits, set__without_key_value_or_message_is_refused)
{
	scene_start(0, 0, 0);
	scene_do(set_wrong, NULL);
	scene_end();
}

/* A message of a provider's, whose body fills its object. */
static void
set_full(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_alloc(ctx, HMT_NUMBER, 24);

	(void)arg;
	cr_assert_eq(hm_msg_header_set(ctx, msg, "k", "v"), HM_TOO_BIG);
	hm_msg_free(ctx, msg);
	msg = hm_msg_alloc(ctx, HMT_NUMBER, 16);
	cr_assert_eq(hm_msg_capacity(msg), 24);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "k", "v"), HM_OK);
	cr_assert_eq(hm_msg_capacity(msg), 16);
	hm_msg_free(ctx, msg);
}

Test(engine_header_limits, set__where_the_body_fills_the_object_is_refused)
{
	scene_start(0, 0, 0);
	scene_do(set_full, NULL);
	scene_end();
}

/* ---- Out of memory ------------------------------------------------------------------------------ */

static void
set_without_memory(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;
	struct hm_msg *msg = number_new(ctx);

	cr_assert_eq(hm_msg_header_set(ctx, msg, "trace", "t"), HM_OK);
	hoard_all(ctx, hoard);
	hoard->send = hm_msg_header_set(ctx, msg, "more", text_of(2000));
	cr_assert_eq(hm_msg_headers_count(msg), 1);
	cr_assert_eq(hm_msg_send(ctx, scene.to.pid, msg), HM_OK);
	hoard->ask = hm_msg_header_set(ctx, hoard->msgs[0], "trace", "t");
	for (uint32_t i = 0; i < hoard->count; i++)
		hm_msg_free(ctx, hoard->msgs[i]);
}

Test(engine_header_limits, set__without_memory_leaves_the_message_as_it_is)
{
	static struct hoard hoard;

	scene_start(0, 0, LITTLE);
	scene_do(set_without_memory, &hoard);
	cr_assert_eq(hoard.send, HM_NO_MEMORY);
	cr_assert_eq(hoard.ask, HM_NO_MEMORY);
	cr_assert_eq(hmt_stats(&scene.node).no_memory, REFUSED + 2);
	cr_assert_str_eq(scene.found.all, "trace=t;");
	scene_end();
}
