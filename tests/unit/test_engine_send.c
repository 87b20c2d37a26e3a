/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending: what arrives, in which order, and what is refused.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include <criterion/criterion.h>

#include "assert_pvt.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_send, .init = hmt_eal_start);

/* What an actor sends, and what it is told. */
struct errand {
	struct hm_pid to;
	uint64_t first, count; /* numbers */
	uint16_t type;
	enum hm_result result;
};

static void
send_numbers(struct hm_ctx *ctx, void *arg)
{
	struct errand *errand = arg;

	for (uint64_t i = 0; i < errand->count; i++) {
		uint64_t number = errand->first + i;

		errand->result = hm_send(ctx, errand->to, HMT_NUMBER, &number);
	}
}

static void
request_number(struct hm_ctx *ctx, void *arg)
{
	struct errand *errand = arg;

	errand->result = hm_request(ctx, errand->to, HMT_NUMBER, &errand->first);
}

static void
respond_plus_one(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct errand *errand = probe->arg;
	uint64_t number;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	number = *(const uint64_t *)hm_msg_body(msg) + 1;
	errand->result = hm_respond(ctx, HMT_NUMBER, &number);
}

static void
cr_expect_numbers(const struct hmt_probe *probe, uint64_t first, uint32_t count)
{
	uint64_t next = first;

	cr_assert_eq(hmt_seen_count(probe, HMT_NUMBER), count);
	for (uint32_t i = 0; i < probe->count; i++) {
		if (probe->seen[i].type == HMT_NUMBER)
			cr_assert_eq(probe->seen[i].number, next++);
	}
}

Test(engine_send, send__arrives_with_type_and_body_and_without_sender)
{
	static struct hmt_probe from, to;
	struct hmt_node node;
	struct errand errand = { .first = 42, .count = 1 };

	hmt_node_start(&node, 1);
	errand.to = hmt_probe_spawn(&node, &to, 0, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &from, 0, NULL), send_numbers, &errand);
	cr_assert_eq(errand.result, HM_OK);
	cr_assert_eq(to.count, 2);
	cr_assert_eq(to.seen[0].type, HM_STARTED);
	cr_assert_eq(to.seen[1].type, HMT_NUMBER);
	cr_assert_eq(to.seen[1].number, 42);
	cr_assert_eq(to.seen[1].length, sizeof(uint64_t));
	cr_assert(hm_pid_is_none(to.seen[1].sender));
	hmt_node_end(&node);
}

Test(engine_send, send__of_an_external_thread_has_no_sender)
{
	static struct hmt_probe to;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_number(&node, hmt_probe_spawn(&node, &to, 1, NULL), 7);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_last(&to, HMT_NUMBER)->number, 7);
	cr_assert(hm_pid_is_none(hmt_seen_last(&to, HMT_NUMBER)->sender));
	hmt_node_end(&node);
}

Test(engine_send, send__to_itself_arrives)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct errand errand = { .first = 1, .count = 3 };

	hmt_node_start(&node, 1);
	errand.to = hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_do(&node, probe.pid, send_numbers, &errand);
	cr_expect_numbers(&probe, 1, 3);
	hmt_node_end(&node);
}

Test(engine_send, request__receiver_answers_the_sender_on_every_pair_of_lcores)
{
	for (uint32_t lcore = 0; lcore < 3; lcore++) {
		static struct hmt_probe asker, answerer;
		struct errand errand = { .first = 5 }, answer = { 0 };
		struct hmt_node node;

		asker = (struct hmt_probe){ 0 };
		answerer = (struct hmt_probe){ .on_msg = respond_plus_one, .arg = &answer };
		hmt_node_start(&node, 3);
		errand.to = hmt_probe_spawn(&node, &answerer, lcore, NULL);
		hmt_do(&node, hmt_probe_spawn(&node, &asker, 1, NULL), request_number, &errand);
		cr_assert(hm_pid_equal(hmt_seen_last(&answerer, HMT_NUMBER)->sender, asker.pid));
		cr_assert_eq(answer.result, HM_OK);
		cr_assert_eq(hmt_seen_last(&asker, HMT_NUMBER)->number, 6);
		cr_assert(hm_pid_equal(hmt_seen_last(&asker, HMT_NUMBER)->sender, answerer.pid));
		hmt_node_end(&node);
	}
}

Test(engine_send, respond__without_sender_is_refused)
{
	static struct hmt_probe probe;
	struct errand answer = { 0 };
	struct hmt_node node;

	probe.on_msg = respond_plus_one;
	probe.arg = &answer;
	hmt_node_start(&node, 1);
	hmt_number(&node, hmt_probe_spawn(&node, &probe, 0, NULL), 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(answer.result, HM_NO_SENDER);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 1);
	hmt_node_end(&node);
}

Test(engine_send, send__more_than_outbox_and_quantum_keeps_order_on_one_lcore)
{
	static struct hmt_probe from, to;
	struct errand errand = { .first = 100, .count = 200 };
	struct hmt_node node;

	hmt_node_start_with(&node, 1, 0, "--quantum 7");
	errand.to = hmt_probe_spawn(&node, &to, 0, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &from, 0, NULL), send_numbers, &errand);
	cr_expect_numbers(&to, 100, 200);
	hmt_node_end(&node);
}

Test(engine_send, send__more_than_a_lane_holds_keeps_order_across_lcores)
{
	static struct hmt_probe from, to;
	struct errand errand = { .first = 1, .count = 250 };
	struct hmt_node node;

	hmt_node_start_with(&node, 3, 0, "--lane 16");
	errand.to = hmt_probe_spawn(&node, &to, 2, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &from, 1, NULL), send_numbers, &errand);
	cr_expect_numbers(&to, 1, 250);
	hmt_node_end(&node);
}

Test(engine_send, send__of_an_external_thread_keeps_order_and_would_block_when_the_ring_is_full)
{
	static struct hmt_probe to;
	enum hm_result result = HM_OK;
	struct hmt_node node;
	uint64_t sent = 0;

	hmt_node_start_with(&node, 1, 0, "--inject 16");
	hmt_probe_spawn(&node, &to, 0, NULL);
	while (sent < 100 && (result = hm_system_send(node.sys, to.pid, HMT_NUMBER, &sent)) == HM_OK)
		sent++;
	cr_assert_eq(result, HM_WOULD_BLOCK);
	cr_assert_gt(sent, 0);
	hmt_turn_until_idle(&node);
	cr_expect_numbers(&to, 0, (uint32_t)sent);
	cr_assert_eq(hmt_stats(&node).sent, sent);
	hmt_node_end(&node);
}

/* ---- Refusals ------------------------------------------------------------------ */

static void
send_type(struct hm_ctx *ctx, void *arg)
{
	struct errand *errand = arg;

	errand->result = hm_send(ctx, errand->to, errand->type, NULL);
}

Test(engine_send, send__unregistered_and_engine_types_are_refused)
{
	static const uint16_t types[] = { HM_TYPE_NONE, HM_STARTED,    HM_TERMINATED,
					  HM_SYS_STOP,  HMT_TYPE_NEXT, UINT16_MAX };
	static struct hmt_probe probe;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	for (size_t i = 0; i < RTE_DIM(types); i++) {
		struct errand errand = { .to = probe.pid, .type = types[i] };

		hmt_do(&node, probe.pid, send_type, &errand);
		cr_assert_eq(errand.result, HM_UNKNOWN_TYPE);
		cr_assert_eq(hm_system_send(node.sys, probe.pid, types[i], NULL), HM_UNKNOWN_TYPE);
	}
	cr_assert_eq(probe.count, 1);
	hmt_node_end(&node);
}

Test(engine_send, send__to_nobody_is_refused)
{
	static struct hmt_probe probe;
	struct errand errand = { .to = hm_pid_none(), .type = HMT_EMPTY };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), send_type, &errand);
	cr_assert_eq(errand.result, HM_NO_RECEIVER);
	cr_assert_eq(hm_system_send(node.sys, hm_pid_none(), HMT_EMPTY, NULL), HM_NO_RECEIVER);
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

Test(engine_send, send__type_without_body_is_empty_and_missing_body_is_zeroed)
{
	static struct hmt_probe probe;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	cr_assert_eq(hm_system_send(node.sys, probe.pid, HMT_EMPTY, NULL), HM_OK);
	cr_assert_eq(hm_system_send(node.sys, probe.pid, HMT_NUMBER, NULL), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_last(&probe, HMT_EMPTY)->length, 0);
	cr_assert_eq(hmt_seen_last(&probe, HMT_NUMBER)->length, sizeof(uint64_t));
	cr_assert_eq(hmt_seen_last(&probe, HMT_NUMBER)->number, 0);
	hmt_node_end(&node);
}

/* ---- Bodies of every size ---------------------------------------------------------- */

#define SIZED      0x400u /* and as many types behind it as there are sizes */
#define SIZES_MAX  40u
#define BODY_BYTES 64u

struct sized {
	struct hm_pid to;
	size_t bytes;
};

/* From memory of just that size, so that a sanitizer sees a read behind it. */
static void
send_sized(struct hm_ctx *ctx, void *arg)
{
	const struct sized *sized = arg;
	unsigned char *body = malloc(sized->bytes + (sized->bytes == 0));

	for (size_t i = 0; i < sized->bytes; i++)
		body[i] = (unsigned char)(0xa0 + i);
	cr_assert_eq(hm_send(ctx, sized->to, (uint16_t)(SIZED + sized->bytes), body), HM_OK);
	free(body);
}

static void
cr_expect_sized(const struct hmt_seen *seen, size_t bytes)
{
	const unsigned char *body = (const unsigned char *)seen->words;

	cr_assert_eq(seen->length, bytes);
	for (size_t i = 0; i < bytes; i++)
		cr_assert_eq(body[i], (unsigned char)(0xa0 + i), "byte %zu of %zu", i, bytes);
}

Test(engine_send, send__bodies_of_every_small_size_arrive_whole)
{
	static struct hmt_probe from, to;
	static char names[SIZES_MAX][12];
	struct sized sized;
	struct hmt_node node;

	static_assert(SIZES_MAX <= BODY_BYTES, "what a probe writes down");
	hmt_node_start(&node, 1);
	for (uint16_t bytes = 0; bytes < SIZES_MAX; bytes++) {
		struct hm_type type = { .id = (uint16_t)(SIZED + bytes),
					.name = names[bytes],
					.size = bytes };

		snprintf(names[bytes], sizeof(names[bytes]), "sized %u", bytes);
		cr_assert_eq(hm_type_register(node.sys, &type), 0);
	}
	sized.to = hmt_probe_spawn(&node, &to, 0, NULL);
	hmt_probe_spawn(&node, &from, 0, NULL);
	for (sized.bytes = 0; sized.bytes < SIZES_MAX; sized.bytes++) {
		hmt_do(&node, from.pid, send_sized, &sized);
		cr_expect_sized(hmt_seen_last(&to, (uint16_t)(SIZED + sized.bytes)), sized.bytes);
	}
	hmt_node_end(&node);
}

/* ---- Bodies that are no memory ------------------------------------------------------- */

#ifndef HMI_ASAN
static sigjmp_buf back;

static void
jump_back(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

/* As a receive function does that is contained when it faults. */
static void
send_no_memory(struct hm_ctx *ctx, void *arg)
{
	const struct errand *errand = arg;
	const void *nothing = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (sigsetjmp(back, 1) == 0) {
		(void)hm_send(ctx, errand->to, errand->type, nothing);
		cr_assert_fail("a body that is no memory was read");
	}
}

/* hmt_node_end finds a message that was lost. */
Test(engine_send, send__a_body_that_faults_loses_no_free_message)
{
	static const uint16_t types[] = { HMT_NUMBER, HMT_BIG };
	static struct hmt_probe from, to;
	struct sigaction act = { .sa_handler = jump_back };
	struct errand errand = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, 1);
	errand.to = hmt_probe_spawn(&node, &to, 0, NULL);
	hmt_probe_spawn(&node, &from, 0, NULL);
	sigaction(SIGSEGV, &act, NULL);
	for (uint32_t i = 0; i < 10; i++) {
		errand.type = types[i % RTE_DIM(types)];
		hmt_do(&node, from.pid, send_no_memory, &errand);
		hmt_number(&node, to.pid, i);
		hmt_turn_until_idle(&node);
	}
	cr_assert_eq(hmt_seen_count(&to, HMT_NUMBER), 10);
	hmt_node_end(&node);
}
#endif

/* ---- Forwarding ----------------------------------------------------------------- */

static void
forward_it(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct errand *errand = probe->arg;

	if (hm_msg_type(msg) == HMT_NUMBER)
		errand->result = hm_forward(ctx, errand->to);
}

Test(engine_send, forward__keeps_body_and_sender_across_lcores)
{
	static struct hmt_probe asker, middle, last;
	struct errand onward = { 0 }, errand = { .first = 9 };
	struct hmt_node node;

	middle.on_msg = forward_it;
	middle.arg = &onward;
	hmt_node_start(&node, 3);
	onward.to = hmt_probe_spawn(&node, &last, 2, NULL);
	errand.to = hmt_probe_spawn(&node, &middle, 1, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &asker, 0, NULL), request_number, &errand);
	cr_assert_eq(onward.result, HM_OK);
	cr_assert_eq(hmt_seen_last(&last, HMT_NUMBER)->number, 9);
	cr_assert(hm_pid_equal(hmt_seen_last(&last, HMT_NUMBER)->sender, asker.pid));
	hmt_node_end(&node);
}

static void
forward_twice(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct errand *errand = probe->arg;

	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	cr_assert_eq(hm_forward(ctx, errand->to), HM_OK);
	cr_assert(hm_pid_is_none(hm_sender(ctx)));
	errand->result = hm_forward(ctx, errand->to);
}

Test(engine_send, forward__a_second_time_is_refused)
{
	static struct hmt_probe middle, last;
	struct errand onward = { 0 };
	struct hmt_node node;

	middle.on_msg = forward_twice;
	middle.arg = &onward;
	hmt_node_start(&node, 1);
	onward.to = hmt_probe_spawn(&node, &last, 0, NULL);
	hmt_number(&node, hmt_probe_spawn(&node, &middle, 0, NULL), 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(onward.result, HM_NO_RECEIVER);
	cr_assert_eq(hmt_seen_count(&last, HMT_NUMBER), 1);
	hmt_node_end(&node);
}

static void
forward_anything(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct errand *errand = probe->arg;

	(void)msg;
	cr_assert_eq(hm_forward(ctx, errand->to), HM_NO_RECEIVER);
}

Test(engine_send, forward__messages_of_the_life_cycle_stay)
{
	static struct hmt_probe child, other;
	struct errand onward = { 0 };
	struct hmt_node node;

	child.on_msg = forward_anything;
	child.arg = &onward;
	hmt_node_start(&node, 1);
	onward.to = hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_probe_spawn(&node, &child, 0, NULL);
	hmt_stop(&node, child.pid);
	cr_assert_eq(child.count, 3);
	cr_assert_eq(other.count, 1);
	hmt_node_end(&node);
}

/* ---- Messages filled in place ------------------------------------------------------ */

static void
make_and_send(struct hm_ctx *ctx, void *arg)
{
	struct errand *errand = arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 100);
	char *room;

	cr_assert_not_null(msg);
	cr_assert_eq(*(uint64_t *)hm_msg_body_mut(msg), 0);
	*(uint64_t *)hm_msg_body_mut(msg) = errand->first;
	room = hm_msg_reserve(msg, 100);
	cr_assert_not_null(room);
	cr_assert_eq((uintptr_t)room % 8, 0);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(room[i], 0);
	cr_assert_null(hm_msg_reserve(msg, HM_MSG_BODY_MAX));
	errand->result = hm_msg_request(ctx, errand->to, msg);

	cr_assert_null(hm_msg_new(ctx, HMT_TYPE_NEXT, 0));
	cr_assert_null(hm_msg_new(ctx, HMT_NUMBER, HM_MSG_BODY_MAX));
	cr_assert_null(hm_msg_new(ctx, HMT_NUMBER, SIZE_MAX));
	hm_msg_free(ctx, hm_msg_new(ctx, HMT_NUMBER, 0));
	hm_msg_free(ctx, NULL);
	/* Handed over, whatever the answer. */
	cr_assert_eq(hm_msg_send(ctx, hm_pid_none(), hm_msg_new(ctx, HMT_NUMBER, 0)), HM_NO_RECEIVER);
}

Test(engine_send, msg_new__room_behind_the_body_travels_with_it)
{
	static struct hmt_probe from, to;
	struct errand errand = { .first = 3 };
	struct hmt_node node;

	hmt_node_start(&node, 2);
	errand.to = hmt_probe_spawn(&node, &to, 1, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &from, 0, NULL), make_and_send, &errand);
	cr_assert_eq(errand.result, HM_OK);
	cr_assert_eq(hmt_seen_last(&to, HMT_NUMBER)->number, 3);
	cr_assert_eq(hmt_seen_last(&to, HMT_NUMBER)->length, 108);
	cr_assert(hm_pid_equal(hmt_seen_last(&to, HMT_NUMBER)->sender, from.pid));
	hmt_node_end(&node);
}

static void
reserve_all(struct hm_ctx *ctx, void *arg)
{
	struct errand *errand = arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, HM_MSG_BODY_MAX - sizeof(uint64_t));

	cr_assert_not_null(msg);
	cr_assert_not_null(hm_msg_reserve(msg, HM_MSG_BODY_MAX - sizeof(uint64_t)));
	cr_assert_eq(hm_msg_length(msg), HM_MSG_BODY_MAX);
	cr_assert_null(hm_msg_reserve(msg, 1));
	errand->result = hm_msg_send(ctx, errand->to, msg);
}

Test(engine_send, msg_new__longest_body_arrives)
{
	static struct hmt_probe from, to;
	struct errand errand = { 0 };
	struct hmt_node node;

	hmt_node_start(&node, 2);
	errand.to = hmt_probe_spawn(&node, &to, 1, NULL);
	hmt_do(&node, hmt_probe_spawn(&node, &from, 0, NULL), reserve_all, &errand);
	cr_assert_eq(hmt_seen_last(&to, HMT_NUMBER)->length, HM_MSG_BODY_MAX);
	hmt_node_end(&node);
}

/* ---- Inspecting ---------------------------------------------------------------------- */

static void
look_around(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *probe = arg;

	cr_assert(hm_pid_equal(hm_self(ctx), probe->pid));
	cr_assert_eq(hm_lcore(ctx), 2);
	cr_assert_eq(hm_pid_lcore(hm_self(ctx)), 2);
	cr_assert(hm_pid_equal(hm_parent(ctx), hm_system(ctx)->user));
	cr_assert(hm_pid_is_none(hm_sender(ctx)));
	cr_assert_eq(hm_children_count(ctx), 0);
	cr_assert_eq(hm_mailbox_count(ctx), 2);
}

Test(engine_send, inspect__an_actor_knows_itself)
{
	static struct hmt_probe probe;
	struct hmt_deed deed = { look_around, &probe };
	struct hmt_node node;

	hmt_node_start(&node, 3);
	hmt_probe_spawn(&node, &probe, 2, NULL);
	cr_assert_eq(hm_system_send(node.sys, probe.pid, HMT_DO, &deed), HM_OK);
	hmt_number(&node, probe.pid, 1);
	hmt_number(&node, probe.pid, 2);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 2);
	cr_assert_eq(hm_system_lcores(node.sys), 3);
	hmt_node_end(&node);
}

Test(engine_send, quantum__a_busy_actor_does_not_hold_up_its_neighbour)
{
	static struct hmt_probe busy, other;
	struct hmt_node node;
	uint64_t number = 0;

	hmt_node_start_with(&node, 1, 0, "--quantum 2 --inject 64");
	hmt_probe_spawn(&node, &busy, 0, NULL);
	hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_turn_until_idle(&node);
	other.arg = &busy;
	for (int i = 0; i < 20; i++)
		hmt_number(&node, busy.pid, number++);
	hmt_number(&node, other.pid, 1);
	while (hmt_seen_count(&other, HMT_NUMBER) == 0 && hmt_seen_count(&busy, HMT_NUMBER) < 20)
		hm_system_turn(node.sys);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&busy, HMT_NUMBER), 20);
	hmt_node_end(&node);
}
