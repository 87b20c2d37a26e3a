/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers: how they are made, bytes that are handed over without a copy, and who has references.
 */
#include "hmt_death.h"
#include "test_engine_buffer.h"

TestSuite(engine_buffer, .init = hmt_eal_start);

/* ---- From sender to receiver ----------------------------------------------------------- */

Test(engine_buffer, send__the_same_bytes_arrive_and_are_freed_once_behind_the_receive_function)
{
	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		begin(lcore);
		act(send_wrapped, NULL);
		cr_assert_eq(scene.result, HM_OK);
		cr_assert_eq(scene.found.messages, 1);
		cr_assert_eq(scene.found.data, (void *)bytes, "not a copy");
		cr_assert_eq(scene.found.length, BYTES);
		cr_assert_eq(scene.found.number, 42, "beside the body");
		cr_assert_eq(scene.found.freed_then, 0);
		cr_assert_eq(freed, 1);
		hmt_node_end(&scene.node);
		cr_assert_eq(freed, 1);
	}
}

Test(engine_buffer, data__of_a_message_without_one)
{
	begin(0);
	hmt_number(&scene.node, scene.receiver, 7);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(scene.found.messages, 1);
	cr_assert_null(scene.found.data);
	cr_assert_eq(scene.found.length, 0);
	hmt_node_end(&scene.node);
}

static void
send_allocated(struct hm_ctx *ctx, void *arg)
{
	size_t length = *(size_t *)arg;
	struct hm_buffer *buffer = NULL;
	unsigned char *data;

	cr_assert_eq(hm_buffer_alloc(hm_system(ctx), length, &buffer), 0);
	cr_assert_eq(hm_buffer_length(buffer), length);
	data = hm_buffer_data(buffer);
	cr_assert_eq((uintptr_t)data % 64, 0);
	data[0] = 0x5a;
	data[length - 1] = 0xa5;
	cr_assert_eq(hm_send_buffer(ctx, scene.receiver, HMT_NUMBER, NULL, buffer), HM_OK);
}

static void
look_at_ends(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	const unsigned char *data;

	find(ctx, probe, msg);
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	data = scene.found.data;
	cr_assert(scene.found.length == 1 || data[0] == 0x5a);
	cr_assert_eq(data[scene.found.length - 1], 0xa5);
}

/* The sanitizer finds what was lost. */
Test(engine_buffer, alloc__from_a_byte_to_8_mib_and_no_more)
{
	static const size_t lengths[] = { 1, 63, 64, 65, 65536, 8u << 20 };
	struct hm_buffer *buffer = NULL;

	begin(1);
	scene.to.on_msg = look_at_ends;
	for (size_t i = 0; i < RTE_DIM(lengths); i++) {
		size_t length = lengths[i];

		act(send_allocated, &length);
		cr_assert_eq(scene.found.length, length);
	}
	cr_assert_eq(hm_buffer_length_max(scene.node.sys), 8u << 20);
	cr_assert_eq(hm_buffer_alloc(scene.node.sys, (8u << 20) + 1, &buffer), -EMSGSIZE);
	cr_assert_eq(hm_buffer_alloc(scene.node.sys, SIZE_MAX, &buffer), -EMSGSIZE);
	cr_assert_eq(hm_buffer_wrap(scene.node.sys, bytes, (8u << 20) + 1, count_free, &freed, &buffer),
		     -EMSGSIZE);
	cr_assert_null(buffer);
	hmt_node_end(&scene.node);
	cr_assert_eq(freed, 0);
}

Test(engine_buffer, alloc__message_max_sets_the_limit)
{
	static const struct {
		const char *option;
		size_t bytes;
	} cases[] = { { "--message-max 64K", 64u << 10 },
		      { "--message-max 70001", 70001 },
		      { "--message-max 16M", 16u << 20 },
		      { "--message-max 1G", 1u << 30 } };
	struct hm_buffer *buffer = NULL;

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		begin_with(0, 0, cases[i].option);
		cr_assert_eq(hm_buffer_length_max(scene.node.sys), cases[i].bytes);
		cr_assert_eq(hm_buffer_alloc(scene.node.sys, cases[i].bytes + 1, &buffer), -EMSGSIZE);
		if (cases[i].bytes <= 16u << 20) {
			cr_assert_eq(hm_buffer_alloc(scene.node.sys, cases[i].bytes, &buffer), 0);
			hm_buffer_put(buffer);
			buffer = NULL;
		}
		hmt_node_end(&scene.node);
	}
}

Test(engine_buffer, alloc__wrong_arguments_are_refused)
{
	struct hm_buffer *buffer = NULL;
	struct hm_system *sys;

	begin(0);
	sys = scene.node.sys;
	cr_assert_eq(hm_buffer_alloc(NULL, 1, &buffer), -EINVAL);
	cr_assert_eq(hm_buffer_alloc(sys, 0, &buffer), -EINVAL);
	cr_assert_eq(hm_buffer_alloc(sys, 1, NULL), -EINVAL);
	cr_assert_eq(hm_buffer_wrap(NULL, bytes, 1, NULL, NULL, &buffer), -EINVAL);
	cr_assert_eq(hm_buffer_wrap(sys, NULL, 1, NULL, NULL, &buffer), -EINVAL);
	cr_assert_eq(hm_buffer_wrap(sys, bytes, 0, NULL, NULL, &buffer), -EINVAL);
	cr_assert_eq(hm_buffer_wrap(sys, bytes, 1, NULL, NULL, NULL), -EINVAL);
	cr_assert_null(buffer);
	cr_assert_null(hm_buffer_get(NULL));
	hm_buffer_put(NULL);
	cr_assert_eq(hm_buffer_wrap(sys, bytes, 1, NULL, NULL, &buffer), 0, "nobody has to know");
	hm_buffer_put(buffer);
	hmt_node_end(&scene.node);
}

Test(engine_buffer, shorten__to_what_was_filled_in)
{
	struct hm_buffer *buffer = NULL;

	begin(0);
	cr_assert_eq(hm_buffer_alloc(scene.node.sys, 100, &buffer), 0);
	cr_assert_eq(hm_buffer_shorten(NULL, 1), -EINVAL);
	cr_assert_eq(hm_buffer_shorten(buffer, 0), -EINVAL);
	cr_assert_eq(hm_buffer_shorten(buffer, 101), -EINVAL);
	cr_assert_eq(hm_buffer_length(buffer), 100);
	cr_assert_eq(hm_buffer_shorten(buffer, 100), 0);
	cr_assert_eq(hm_buffer_shorten(buffer, 60), 0);
	cr_assert_eq(hm_buffer_shorten(buffer, 61), -EINVAL);
	cr_assert_eq(hm_buffer_length(buffer), 60);
	hm_buffer_put(buffer);
	hmt_node_end(&scene.node);
}

/* ---- References ------------------------------------------------------------------------------- */

#define RECEIVERS 6u

static struct hmt_probe receivers[RECEIVERS];
static struct found finds[RECEIVERS];

static void
send_to_all(struct hm_ctx *ctx, void *arg)
{
	struct hm_buffer *buffer = wrap(hm_system(ctx));

	(void)arg;
	for (uint32_t i = 0; i < RECEIVERS; i++)
		cr_assert_eq(hm_send_buffer(ctx, receivers[i].pid, HMT_NUMBER, NULL, hm_buffer_get(buffer)),
			     HM_OK);
	hm_buffer_put(buffer);
	cr_assert_eq(freed, 0);
}

Test(engine_buffer, get__several_receivers_share_one)
{
	begin(0);
	for (uint32_t i = 0; i < RECEIVERS; i++) {
		receivers[i] = (struct hmt_probe){ .on_msg = find, .arg = &finds[i] };
		hmt_probe_spawn(&scene.node, &receivers[i], i % 3, NULL);
	}
	act(send_to_all, NULL);
	for (uint32_t i = 0; i < RECEIVERS; i++) {
		cr_assert_eq(finds[i].data, (void *)bytes);
		cr_assert_eq(finds[i].freed_then, 0);
	}
	cr_assert_eq(freed, 1);
	hmt_node_end(&scene.node);
}

Test(engine_buffer, get__keeps_it_behind_the_receive_function)
{
	begin(1);
	scene.found.keep = true;
	act(send_wrapped, NULL);
	cr_assert_not_null(scene.found.kept);
	cr_assert_eq(freed, 0);
	cr_assert_eq(hm_buffer_data(scene.found.kept), (void *)bytes);
	hm_buffer_put(scene.found.kept);
	cr_assert_eq(freed, 1);
	hmt_node_end(&scene.node);
}

Test(engine_buffer, forward__keeps_it_across_lcores)
{
	static struct hmt_probe last;
	static struct found found;

	begin(1);
	last = (struct hmt_probe){ .on_msg = find, .arg = &found };
	scene.found.forward_to = hmt_probe_spawn(&scene.node, &last, 2, NULL);
	act(send_wrapped, NULL);
	cr_assert_eq(found.data, (void *)bytes);
	cr_assert_eq(found.length, BYTES);
	cr_assert_eq(found.freed_then, 0);
	cr_assert_eq(freed, 1);
	hmt_node_end(&scene.node);
}

static void
make_and_replace(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);
	struct hm_buffer *other;

	(void)arg;
	cr_assert_eq(hm_msg_buffer_set(ctx, msg, wrap(hm_system(ctx))), HM_OK);
	cr_assert_eq(hm_buffer_alloc(hm_system(ctx), 10, &other), 0);
	cr_assert_eq(hm_msg_buffer_set(ctx, msg, other), HM_OK);
	cr_assert_eq(freed, 1, "the first one");
	/* With headers beside it both are in an annex. */
	cr_assert_eq(hm_msg_header_set(ctx, msg, "k", "v"), HM_OK);
	cr_assert_eq(hm_msg_buffer(msg), other);
	cr_assert_eq(hm_msg_buffer_set(ctx, msg, wrap(hm_system(ctx))), HM_OK);
	cr_assert_eq(hm_msg_data(msg, NULL), (void *)bytes);
	cr_assert_str_eq(hm_msg_header(msg, "k"), "v");
	cr_assert_eq(freed, 1);
	hm_msg_free(ctx, msg);
	cr_assert_eq(freed, 2);
	/* Once more the other way round, and sent. */
	msg = hm_msg_new(ctx, HMT_NUMBER, 0);
	cr_assert_eq(hm_msg_header_set(ctx, msg, "k", "v"), HM_OK);
	cr_assert_eq(hm_msg_buffer_set(ctx, msg, wrap(hm_system(ctx))), HM_OK);
	cr_assert_eq(hm_msg_send(ctx, scene.receiver, msg), HM_OK);
}

Test(engine_buffer, msg_buffer_set__replaces_the_last_one_and_lies_beside_headers)
{
	begin(1);
	act(make_and_replace, NULL);
	cr_assert_eq(scene.found.messages, 1);
	cr_assert_eq(scene.found.data, (void *)bytes);
	cr_assert_eq(freed, 3);
	hmt_node_end(&scene.node);
}

#if HMI_DEBUG
static void
put_twice(void *arg)
{
	struct hm_buffer *buffer = arg;

	hm_buffer_put(buffer);
	hm_buffer_put(buffer);
}

static void
get_freed(void *arg)
{
	struct hm_buffer *buffer = arg;

	hm_buffer_put(buffer);
	(void)hm_buffer_get(buffer);
}

Test(engine_buffer, put__twice_ends_the_process)
{
	static void (*const deeds[])(void *arg) = { put_twice, get_freed };
	static const char *const names[] = { "hm_buffer_put: buffer", "hm_buffer_get: buffer" };
	char text[4096];

	begin(0);
	for (size_t i = 0; i < RTE_DIM(deeds); i++) {
		struct hm_buffer *buffer = wrap(scene.node.sys);
		int status = hmt_death(deeds[i], buffer, text, sizeof(text));

		cr_assert(hmt_aborted(status), "status 0x%x: %s", (unsigned int)status, text);
		cr_assert_not_null(strstr(text, names[i]), "%s", text);
		cr_assert_not_null(strstr(text, "was freed before"), "%s", text);
		hm_buffer_put(buffer);
	}
	hmt_node_end(&scene.node);
}
#endif
