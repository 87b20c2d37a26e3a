/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers: they are freed once, wherever their message ends.
 */
#include "assert_pvt.h"
#include "hm_provider.h"
#include "hmt_shortage.h"
#include "test_engine_buffer.h"

TestSuite(engine_buffer_end, .init = hmt_eal_start);

/* ---- Where else a message ends ------------------------------------------------------------------ */

Test(engine_buffer_end, dead_letter__frees_it)
{
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		begin(lcore);
		hmt_stop(&scene.node, scene.receiver);
		act(send_wrapped, NULL);
		cr_assert_eq(scene.result, HM_OK);
		cr_assert_eq(freed, 1);
		cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_NO_PROCESS], 1);
		hmt_node_end(&scene.node);
		cr_assert_eq(freed, 1);
	}
}

static void
send_and_stop(struct hm_ctx *ctx, void *arg)
{
	for (int i = 0; i < 5; i++)
		send_wrapped(ctx, arg);
	hm_stop(ctx, scene.receiver);
}

Test(engine_buffer_end, stop__frees_those_that_wait)
{
	begin(0);
	act(send_and_stop, NULL);
	cr_assert_eq(freed, 5);
	hmt_node_end(&scene.node);
}

Test(engine_buffer_end, destroy__frees_those_under_way)
{
	struct hmt_deed deed = { send_and_stop, NULL };

	begin(1);
	cr_assert_eq(hm_system_send(scene.node.sys, scene.from.pid, HMT_DO, &deed), HM_OK);
	hm_system_turn(scene.node.sys);
	hmt_node_drop(&scene.node);
	cr_assert_eq(freed, 5);
}

#define OTHER_NODE 4711u

static void
provider_deliver(void *self, struct hm_ctx *ctx, struct hm_msg *msg)
{
	++*(uint32_t *)self;
	hm_msg_free(ctx, msg);
}

static const struct hm_provider_ops provider_ops = { .deliver = provider_deliver };

Test(engine_buffer_end, remote__is_a_dead_letter)
{
	uint32_t taken = 0;
	uint16_t index;

	begin(0);
	cr_assert_eq(hm_provider_register(scene.node.sys, 1, &provider_ops, &taken), 0);
	cr_assert_eq(hm_node_learn(scene.node.sys, OTHER_NODE, &index), 0);
	scene.receiver = (struct hm_pid){ OTHER_NODE, 77 };
	act(send_wrapped, NULL);
	cr_assert_eq(scene.result, HM_OK);
	cr_assert_eq(hmt_stats(&scene.node).dead[HM_DEAD_TOO_BIG], 1);
	cr_assert_eq(taken, 0);
	cr_assert_eq(freed, 1);
	hmt_node_drop(&scene.node);
}

/* ---- Refused --------------------------------------------------------------------------------------- */

static void
send_wrong(struct hm_ctx *ctx, void *arg)
{
	struct hm_system *sys = hm_system(ctx);
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)arg;
	cr_assert_eq(hm_send_buffer(ctx, scene.receiver, HMT_NUMBER, NULL, NULL), HM_INVALID);
	cr_assert_eq(hm_send_buffer(ctx, hm_pid_none(), HMT_NUMBER, NULL, wrap(sys)), HM_NO_RECEIVER);
	cr_assert_eq(freed, 1);
	cr_assert_eq(hm_send_buffer(ctx, scene.receiver, HMT_TYPE_NEXT, NULL, wrap(sys)), HM_UNKNOWN_TYPE);
	cr_assert_eq(freed, 2);
	cr_assert_eq(hm_msg_buffer_set(ctx, NULL, wrap(sys)), HM_INVALID);
	cr_assert_eq(freed, 3);
	cr_assert_eq(hm_msg_buffer_set(ctx, msg, NULL), HM_INVALID);
	hm_msg_free(ctx, msg);
	msg = hm_msg_alloc(ctx, HMT_NUMBER, 24);
	cr_assert_eq(hm_msg_buffer_set(ctx, msg, wrap(sys)), HM_TOO_BIG);
	cr_assert_eq(freed, 4);
	hm_msg_free(ctx, msg);
}

Test(engine_buffer_end, send__what_is_refused_is_freed)
{
	begin(0);
	act(send_wrong, NULL);
	cr_assert_eq(scene.found.messages, 0);
	hmt_node_end(&scene.node);
	cr_assert_eq(freed, 4);
}

static void
send_without_memory(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;
	struct hm_buffer *buffer = wrap(hm_system(ctx)), *other = NULL;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	cr_assert_eq(hm_msg_header_set(ctx, msg, "k", "v"), HM_OK);
	hoard_all(ctx, hoard);
	cr_assert_eq(hm_buffer_alloc(hm_system(ctx), 10, &other), -ENOMEM);
	cr_assert_eq(hm_buffer_wrap(hm_system(ctx), bytes, 10, count_free, &freed, &other), -ENOMEM);
	cr_assert_null(other);
	cr_assert_eq(freed, 0);
	cr_assert_eq(hm_send_buffer(ctx, scene.receiver, HMT_NUMBER, NULL, buffer), HM_NO_MEMORY);
	cr_assert_eq(freed, 1);
	hm_msg_free(ctx, msg);
	for (uint32_t i = 0; i < hoard->count; i++)
		hm_msg_free(ctx, hoard->msgs[i]);
}

Test(engine_buffer_end, send__without_message_memory_is_refused_and_counted)
{
	static struct hoard hoard;

	begin_with(0, LITTLE, NULL);
	act(send_without_memory, &hoard);
	cr_assert_eq(hmt_stats(&scene.node).no_memory, REFUSED + 3);
	hmt_node_end(&scene.node);
}

#ifndef HMI_ASAN
Test(engine_buffer_end, alloc__without_memory_leaves_nothing)
{
	struct hm_buffer *buffer = NULL;
	int rc;

	begin(0);
	hmt_memory_refuse();
	rc = hm_buffer_alloc(scene.node.sys, 8u << 20, &buffer);
	hmt_memory_allow();
	cr_assert_eq(rc, -ENOMEM);
	cr_assert_null(buffer);
	hmt_node_end(&scene.node);
}
#endif

/* ---- Back pressure ----------------------------------------------------------------------------------- */

#define FLOOD 600u

struct flood {
	bool is_big;
	uint32_t sent;
};

/* One buffer for all of them. */
static void
flood(struct hm_ctx *ctx, void *arg)
{
	struct flood *f = arg;
	struct hm_buffer *buffer = wrap(hm_system(ctx));

	for (uint32_t i = 0; i < FLOOD; i++) {
		enum hm_result result = f->is_big ? hm_send_buffer(ctx, scene.receiver, HMT_NUMBER, NULL,
								   hm_buffer_get(buffer))
						  : hm_send(ctx, scene.receiver, HMT_NUMBER, NULL);

		f->sent += result == HM_OK;
	}
	hm_buffer_put(buffer);
}

/* It has time for one message in a turn. */
static void
find_slowly(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	scene.node.now_ns += 100000;
	find(ctx, probe, msg);
}

/* So many messages would be none too many. */
Test(engine_buffer_end, overload__counts_the_bytes_that_messages_refer_to)
{
	for (uint32_t is_big = 0; is_big < 2; is_big++) {
		struct flood f = { .is_big = is_big };

		begin_with(1, 1 << 20, "--quantum 1");
		scene.to.on_msg = find_slowly;
		act(flood, &f);
		cr_assert_eq(f.sent, FLOOD);
		cr_assert_eq(scene.found.messages, FLOOD);
		cr_assert_eq(hmt_stats(&scene.node).overloads, is_big);
		hmt_node_end(&scene.node);
		cr_assert_eq(freed, 1);
	}
}

/* ---- External threads -------------------------------------------------------------------------------- */

Test(engine_buffer_end, system_send__brings_it_from_an_external_thread)
{
	uint64_t number = 3;
	struct hm_system *sys;

	begin_with(1, 0, "--inject 16");
	sys = scene.node.sys;
	cr_assert_eq(hm_system_send_buffer(sys, scene.receiver, HMT_NUMBER, &number, wrap(sys)), HM_OK);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(scene.found.data, (void *)bytes);
	cr_assert_eq(scene.found.number, 3);
	cr_assert_eq(freed, 1);
	cr_assert_eq(hm_system_send_buffer(NULL, scene.receiver, HMT_NUMBER, &number, wrap(sys)), HM_INVALID);
	cr_assert_eq(hm_system_send_buffer(sys, hm_pid_none(), HMT_NUMBER, &number, wrap(sys)),
		     HM_NO_RECEIVER);
	cr_assert_eq(hm_system_send_buffer(sys, scene.receiver, HMT_NUMBER, &number, NULL), HM_INVALID);
	cr_assert_eq(hm_system_send_buffer(sys, scene.receiver, HMT_TYPE_NEXT, NULL, wrap(sys)),
		     HM_UNKNOWN_TYPE);
	cr_assert_eq(freed, 4);
	/* Of a full ring the same. */
	scene.result = HM_OK;
	for (int i = 0; i < 17 && scene.result == HM_OK; i++)
		scene.result = hm_system_send_buffer(sys, scene.receiver, HMT_NUMBER, &number, wrap(sys));
	cr_assert_eq(scene.result, HM_WOULD_BLOCK);
	cr_assert_eq(freed, 5);
	hmt_turn_until_idle(&scene.node);
	hmt_node_end(&scene.node);
	cr_assert_eq(freed, scene.found.messages + 4);
}

static void
answer_with_buffer(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hm_msg *answer;

	(void)state;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	answer = hm_msg_new(ctx, HMT_NUMBER, 0);
	cr_assert_eq(hm_msg_buffer_set(ctx, answer, wrap(hm_system(ctx))), HM_OK);
	cr_assert_eq(hm_msg_respond(ctx, answer), HM_OK);
}

Test(engine_buffer_end, system_ask__the_answers_bytes_are_copied)
{
	static const struct hm_type type = { .id = HMT_NUMBER, .name = "number", .size = sizeof(uint64_t) };
	static const struct hm_props props = { .receive = answer_with_buffer };
	static unsigned char copy[BYTES] __attribute__((aligned(8)));
	struct hm_reply reply = { .body = copy, .size = BYTES };
	struct hm_system *sys;
	struct hm_kit *kit;
	struct hm_pid pid;

	memset(bytes, 0x77, sizeof(bytes));
	cr_assert_eq(hm_kit_create(&kit, &(struct hm_kit_config){ .real_time = true }), 0);
	sys = hm_kit_system(kit);
	cr_assert_eq(hm_type_register(sys, &type), 0);
	pid = hm_kit_spawn(kit, &props, NULL, NULL);
	hm_kit_advance(kit, 0);
	cr_assert_eq(hm_system_ask(sys, pid, HMT_NUMBER, NULL, 10000000, &reply), 0);
	cr_assert_eq(reply.length, BYTES);
	cr_assert_eq(memcmp(copy, bytes, BYTES), 0);
	reply.size = BYTES - 1;
	cr_assert_eq(hm_system_ask(sys, pid, HMT_NUMBER, NULL, 10000000, &reply), -EMSGSIZE);
	cr_assert_eq(reply.length, BYTES);
	cr_assert_eq(hm_system_ask(sys, pid, HMT_NUMBER, NULL, 10000000, NULL), 0);
	cr_assert(hm_kit_end(kit));
	cr_assert_eq(freed, 3);
}
