/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines that travel with requests: an expired one is dropped before it runs, no other one is.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

#include "hm_buffer.h"
#include "hm_header.h"
#include "hmt_eal.h"
#include "test_engine_future.h"

TestSuite(engine_deadline, .init = hmt_eal_start);

#define TIMEOUT_US 1000u

/* An actor that is slow: it lets the time pass within its turn. */
struct slow {
	struct hmt_node *node;
	struct hm_pid forward_to; /* numbers go on to it; nobody: they stay */
	uint64_t takes_us, deadline_ns;
	uint64_t at_ns; /* what the clock showed */
};

static void
be_slow(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct slow *slow = probe->arg;

	if (hm_msg_type(msg) == HMT_NUMBER) {
		slow->deadline_ns = hm_deadline_ns(ctx);
		slow->at_ns = hm_now_ns(ctx);
	}
	if (hm_msg_type(msg) != HM_STARTED)
		slow->node->now_ns += slow->takes_us * 1000;
	if (hm_msg_type(msg) == HMT_NUMBER && !hm_pid_is_none(slow->forward_to)) {
		cr_assert_eq(hm_forward(ctx, slow->forward_to), HM_OK);
		cr_assert_eq(hm_deadline_ns(ctx), UINT64_MAX, "it was handed on");
	}
}

struct scene {
	struct hmt_node node;
	struct hmt_probe asker, receiver;
	struct slow slow;
	struct future_request request;
};

static struct scene scene;

static void
begin(uint32_t asker_lcore, uint32_t receiver_lcore)
{
	scene.receiver.on_msg = be_slow;
	scene.receiver.arg = &scene.slow;
	scene.slow.node = &scene.node;
	scene.request.timeout_us = TIMEOUT_US;
	/* The lcore looks at the clock after each message. */
	hmt_node_start_with(&scene.node, 3, 0, "--quantum 1");
	hmt_probe_spawn(&scene.node, &scene.asker, asker_lcore, NULL);
	scene.request.to = hmt_probe_spawn(&scene.node, &scene.receiver, receiver_lcore, NULL);
	hmt_turn_until_idle(&scene.node);
}

static uint64_t
expired(void)
{
	return hmt_stats(&scene.node).dead[HM_DEAD_EXPIRED];
}

/* Each of these pairs: one lcore, and two. */
#define EACH_PAIR(lcore) for (uint32_t lcore = 0; lcore < 2; lcore++, scene = (struct scene){ 0 })

/* ---- Dropped, and not dropped -------------------------------------------------------------- */

/* Messages that come first, on which the receiver spends the time: so many that turns end meanwhile. */
#define BUSY 4u

static void
keep_busy(struct hm_ctx *ctx, struct hm_pid who)
{
	for (uint32_t i = 0; i < BUSY; i++)
		cr_assert_eq(hm_send(ctx, who, HMT_EMPTY, NULL), HM_OK);
}

static void
keep_busy_and_ask(struct hm_ctx *ctx, void *arg)
{
	keep_busy(ctx, scene.request.to);
	ask(ctx, arg);
}

Test(engine_deadline, ask__an_expired_request_is_not_received)
{
	EACH_PAIR(lcore)
	{
		begin(0, lcore);
		scene.slow.takes_us = 2 * TIMEOUT_US;
		hmt_do(&scene.node, scene.asker.pid, keep_busy_and_ask, &scene.request);
		hmt_turn_until_idle(&scene.node);
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_EMPTY), BUSY);
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), 0, "lcore %u", lcore);
		cr_assert_eq(expired(), 1);
		cr_assert_eq(scene.request.ends, 1);
		cr_assert_eq(scene.request.result, HM_FUTURE_TIMEOUT, "not by its dead letter");
		hmt_node_end(&scene.node);
	}
}

Test(engine_deadline, ask__a_request_within_its_deadline_is_received)
{
	EACH_PAIR(lcore)
	{
		begin(0, lcore);
		scene.slow.takes_us = TIMEOUT_US / (2 * BUSY);
		hmt_do(&scene.node, scene.asker.pid, keep_busy_and_ask, &scene.request);
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), 1, "lcore %u", lcore);
		cr_assert_eq(expired(), 0);
		hmt_node_end(&scene.node);
	}
}

static void
stay_and_ask(struct hm_ctx *ctx, void *arg)
{
	/* The lcore has read its clock before. */
	scene.node.now_ns += 10 * TIMEOUT_US * 1000;
	ask(ctx, arg);
}

/* What the request carries on one lcore is past at once; its future knows better. */
Test(engine_deadline, ask__late_in_a_long_turn_is_not_late)
{
	EACH_PAIR(lcore)
	{
		begin(0, lcore);
		for (int i = 0; i < 3; i++)
			hmt_do(&scene.node, scene.asker.pid, stay_and_ask, &scene.request);
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), 3, "lcore %u", lcore);
		cr_assert_eq(expired(), 0);
		hmt_node_end(&scene.node);
	}
}

static void
ask_and_stop(struct hm_ctx *ctx, void *arg)
{
	ask(ctx, arg);
	hm_stop(ctx, hm_self(ctx));
}

/* What it has asked for is done all the same, on any lcore. */
Test(engine_deadline, ask__of_an_actor_that_stops_is_received)
{
	EACH_PAIR(lcore)
	{
		begin(0, lcore);
		hmt_do(&scene.node, scene.asker.pid, ask_and_stop, &scene.request);
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), 1, "lcore %u", lcore);
		cr_assert_eq(expired(), 0);
		hmt_node_end(&scene.node);
	}
}

static void
ask_behind_many(struct hm_ctx *ctx, void *arg)
{
	/* As many as a turn of the receiver's; the request waits for the next one. */
	for (int i = 0; i < 64; i++)
		cr_assert_eq(hm_send(ctx, scene.request.to, HMT_EMPTY, NULL), HM_OK);
	ask_and_stop(ctx, arg);
}

Test(engine_deadline, ask__of_an_actor_that_stopped_expires_by_time)
{
	EACH_PAIR(lcore)
	{
		begin(0, lcore);
		scene.slow.takes_us = TIMEOUT_US / 16;
		hmt_do(&scene.node, scene.asker.pid, ask_behind_many, &scene.request);
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), 0);
		cr_assert_eq(expired(), 1);
		hmt_node_end(&scene.node);
	}
}

static void
ask_without_end(struct hm_ctx *ctx, void *arg)
{
	scene.request.timeout_us = UINT64_MAX;
	keep_busy_and_ask(ctx, arg);
}

Test(engine_deadline, ask__one_without_end_never_expires)
{
	EACH_PAIR(lcore)
	{
		begin(0, lcore);
		scene.slow.takes_us = 1000000ull * 86400 * 365 * 10;
		hmt_do(&scene.node, scene.asker.pid, ask_without_end, &scene.request);
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), 1);
		cr_assert_gt(scene.slow.deadline_ns, scene.slow.at_ns + (UINT64_MAX >> 2), "146 years");
		hmt_node_end(&scene.node);
	}
}

/* ---- Forwarded ----------------------------------------------------------------------------------- */

static void
ask_one_who_forwards(struct hm_ctx *ctx, void *arg)
{
	keep_busy(ctx, scene.slow.forward_to);
	ask(ctx, arg);
}

/* From one lcore to the same or another one, and from there to any, whose actor is busy for some time. */
static void
forward_scene(uint32_t middle_lcore, uint32_t last_lcore, uint64_t takes_us, uint32_t received)
{
	static struct hmt_probe last;
	static struct slow slow;

	scene = (struct scene){ 0 };
	last = (struct hmt_probe){ .on_msg = be_slow, .arg = &slow };
	slow = (struct slow){ .node = &scene.node, .takes_us = takes_us };
	begin(0, middle_lcore);
	scene.slow.forward_to = hmt_probe_spawn(&scene.node, &last, last_lcore, NULL);
	hmt_do(&scene.node, scene.asker.pid, ask_one_who_forwards, &scene.request);
	cr_assert_eq(hmt_seen_count(&last, HMT_EMPTY), BUSY);
	if (received > 0 || middle_lcore == last_lcore)
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), 1);
	cr_assert_eq(hmt_seen_count(&last, HMT_NUMBER), received, "by %u to %u", middle_lcore, last_lcore);
	cr_assert_eq(expired(), 1 - received);
	/* On the asker's lcore, where its timer is looked at, it is that of a tick. */
	if (received > 0)
		cr_assert_lt(slow.deadline_ns - scene.slow.deadline_ns + 2048, 4096);
	hmt_node_end(&scene.node);
}

Test(engine_deadline, forward__keeps_the_deadline)
{
	for (uint32_t lcores = 0; lcores < 4; lcores++) {
		forward_scene(lcores % 2, lcores / 2, 2 * TIMEOUT_US, 0);
		forward_scene(lcores % 2, lcores / 2, 0, 1);
	}
}

static void
stay_and_forward(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)msg;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_forward(ctx, ((struct slow *)probe->arg)->forward_to), HM_OK);
}

/* What it carried on its first lcore is past, since that has not read its clock; there nobody could be asked. */
Test(engine_deadline, forward__to_another_lcore_within_the_turn_is_not_late)
{
	static struct hmt_probe last;

	begin(0, 0);
	scene.receiver.on_msg = stay_and_forward;
	scene.slow.forward_to = hmt_probe_spawn(&scene.node, &last, 1, NULL);
	hmt_do(&scene.node, scene.asker.pid, stay_and_ask, &scene.request);
	cr_assert_eq(hmt_seen_count(&last, HMT_NUMBER), 1);
	cr_assert_eq(expired(), 0);
	hmt_node_end(&scene.node);
}

/* ---- Told to the receiver ----------------------------------------------------------------------------- */

Test(engine_deadline, deadline_ns__of_a_request_and_of_other_messages)
{
	EACH_PAIR(lcore)
	{
		begin(0, lcore);
		hmt_do(&scene.node, scene.asker.pid, ask, &scene.request);
		cr_assert_geq(scene.slow.deadline_ns, scene.slow.at_ns + TIMEOUT_US * 1000 - 1);
		cr_assert_leq(scene.slow.deadline_ns, scene.slow.at_ns + TIMEOUT_US * 1000 + 2048, "lcore %u",
			      lcore);
		hmt_number(&scene.node, scene.request.to, 1);
		hmt_turn_until_idle(&scene.node);
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), 2);
		cr_assert_eq(scene.slow.deadline_ns, UINT64_MAX);
		hmt_node_end(&scene.node);
	}
}

/* ---- Bodies and annexes ------------------------------------------------------------------------------- */

#define FULL 0x500u /* a body of 24 bytes, which fills the smallest object */

struct full {
	uint64_t words[3];
};

static void
ask_full(struct hm_ctx *ctx, void *arg)
{
	struct full full = { { 1, 2, 3 } };

	(void)arg;
	keep_busy(ctx, scene.request.to);
	cr_assert_eq(hm_ask(ctx, scene.request.to, FULL, &full, TIMEOUT_US, on_reply, &scene.request), HM_OK);
}

Test(engine_deadline, ask__a_body_that_fills_the_smallest_object)
{
	static const struct hm_type full = { .id = FULL, .name = "full", .size = sizeof(struct full) };

	for (uint64_t times = 0; times < 2; times++) {
		const struct hmt_seen *seen;

		scene = (struct scene){ .slow = { .node = &scene.node, .takes_us = 2 * times * TIMEOUT_US } };
		scene.receiver = (struct hmt_probe){ .on_msg = be_slow, .arg = &scene.slow };
		hmt_node_start_with(&scene.node, 1, 0, "--quantum 1");
		cr_assert_eq(hm_type_register(scene.node.sys, &full), 0);
		hmt_probe_spawn(&scene.node, &scene.asker, 0, NULL);
		scene.request.to = hmt_probe_spawn(&scene.node, &scene.receiver, 0, NULL);
		hmt_do(&scene.node, scene.asker.pid, ask_full, NULL);
		seen = hmt_seen_last(&scene.receiver, FULL);
		cr_assert_eq(seen == NULL, times == 1);
		if (seen != NULL)
			cr_assert(seen->length == 24 && seen->words[0] == 1 && seen->words[2] == 3);
		cr_assert_eq(expired(), times);
		hmt_node_end(&scene.node);
	}
}

enum extra {
	PLAIN,
	HEADERS,
	BUFFER,
	BOTH,
	EXTRAS
};

static void
ask_made(struct hm_ctx *ctx, void *arg)
{
	enum extra extra = *(enum extra *)arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);
	struct hm_buffer *buffer;

	keep_busy(ctx, scene.request.to);
	if (extra == HEADERS || extra == BOTH)
		cr_assert_eq(hm_msg_header_set(ctx, msg, "k", "v"), HM_OK);
	if (extra == BUFFER || extra == BOTH) {
		cr_assert_eq(hm_buffer_alloc(hm_system(ctx), 100, &buffer), 0);
		cr_assert_eq(hm_msg_buffer_set(ctx, msg, buffer), HM_OK);
	}
	cr_assert_eq(hm_msg_ask(ctx, scene.request.to, msg, TIMEOUT_US, on_reply, &scene.request), HM_OK);
}

static void
cr_expect_made(const struct hm_msg *msg, enum extra extra)
{
	size_t length;

	cr_assert_eq(hm_msg_header(msg, "k") != NULL, extra == HEADERS || extra == BOTH);
	cr_assert_eq(hm_msg_data(msg, &length) != NULL, extra == BUFFER || extra == BOTH);
	cr_assert_eq(length, extra == BUFFER || extra == BOTH ? 100 : 0);
}

static enum extra extra_now;

static void
look_at_made(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HMT_NUMBER) {
		cr_expect_made(msg, extra_now);
		cr_assert_lt(hm_deadline_ns(ctx), UINT64_MAX);
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
	}
	be_slow(ctx, probe, msg);
}

Test(engine_deadline, msg_ask__with_headers_and_buffer)
{
	for (unsigned int run = 0; run < 4 * EXTRAS; run++) {
		uint64_t late = run / (2 * EXTRAS);

		scene = (struct scene){ 0 };
		extra_now = (enum extra)(run % EXTRAS);
		begin(0, run / EXTRAS % 2);
		scene.receiver.on_msg = look_at_made;
		scene.slow.takes_us = late * 2 * TIMEOUT_US;
		hmt_do(&scene.node, scene.asker.pid, ask_made, &extra_now);
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), 1 - late);
		cr_assert_eq(expired(), late);
		hmt_turn_until_idle(&scene.node);
		cr_assert_eq(scene.request.ends, 1);
		cr_assert_eq(scene.request.result, late ? HM_FUTURE_TIMEOUT : HM_FUTURE_REPLY);
		hmt_node_end(&scene.node);
	}
}

static void
ask_wrong(struct hm_ctx *ctx, void *arg)
{
	struct hm_pid to = scene.request.to;

	(void)arg;
	cr_assert_eq(hm_msg_ask(ctx, to, NULL, 1, on_reply, NULL), HM_INVALID);
	cr_assert_eq(hm_msg_ask(ctx, to, hm_msg_new(ctx, HMT_NUMBER, 0), 0, on_reply, NULL), HM_INVALID);
	cr_assert_eq(hm_msg_ask(ctx, to, hm_msg_new(ctx, HMT_NUMBER, 0), 1, NULL, NULL), HM_INVALID);
	cr_assert_eq(hm_msg_ask(ctx, hm_pid_none(), hm_msg_new(ctx, HMT_NUMBER, 0), 1, on_reply, NULL),
		     HM_NO_RECEIVER);
	cr_assert_eq(hm_msg_respond(ctx, NULL), HM_INVALID);
	cr_assert_eq(hm_msg_respond(ctx, hm_msg_new(ctx, HMT_NUMBER, 0)), HM_NO_SENDER);
}

/* What is refused is freed: hmt_node_end would find it. */
Test(engine_deadline, msg_ask__wrong_ones_are_refused)
{
	begin(0, 0);
	hmt_do(&scene.node, scene.asker.pid, ask_wrong, NULL);
	cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), 0);
	hmt_node_end(&scene.node);
}

/* ---- Dead letters ------------------------------------------------------------------------------------------ */

Test(engine_deadline, dead_letter__of_an_expired_request_is_published)
{
	static struct hmt_probe subscriber;

	begin(0, 1);
	hmt_probe_spawn(&scene.node, &subscriber, 2, NULL);
	cr_assert_eq(hm_dead_letters_subscribe(scene.node.sys, subscriber.pid), 0);
	scene.slow.takes_us = 2 * TIMEOUT_US;
	hmt_do(&scene.node, scene.asker.pid, keep_busy_and_ask, &scene.request);
	hmt_turn_until_idle(&scene.node);
	cr_assert_eq(hmt_seen_count(&subscriber, HM_DEAD_LETTER), 1);
	cr_assert_eq(hmt_seen_last(&subscriber, HM_DEAD_LETTER)->dead.reason, HM_DEAD_EXPIRED);
	cr_assert(hm_pid_equal(hmt_seen_last(&subscriber, HM_DEAD_LETTER)->dead.to, scene.request.to));
	cr_assert_str_eq(hm_dead_reason_name(HM_DEAD_EXPIRED), "the request's deadline had passed");
	hmt_node_end(&scene.node);
}

/* Many, so that slots of futures are used again meanwhile. */
static void
ask_many(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	keep_busy(ctx, scene.request.to);
	for (int i = 0; i < 100; i++)
		ask(ctx, &scene.request);
}

Test(engine_deadline, ask__all_that_expire_are_dropped_though_their_futures_are_gone)
{
	EACH_PAIR(lcore)
	{
		begin(0, lcore);
		scene.slow.takes_us = 2 * TIMEOUT_US;
		for (int i = 0; i < 5; i++)
			hmt_do(&scene.node, scene.asker.pid, ask_many, NULL);
		hmt_turn_until_idle(&scene.node);
		cr_assert_eq(hmt_seen_count(&scene.receiver, HMT_NUMBER), 0);
		cr_assert_eq(expired(), 500);
		cr_assert_eq(scene.request.ends, 500);
		hmt_node_end(&scene.node);
	}
}

/* ---- External threads, by the machine's clock ---------------------------------------------------------------- */

static void
three_lcores(void)
{
	hmt_eal_start_with(3, 64);
}

TestSuite(engine_deadline_external, .init = three_lcores);

static atomic_bool stuck, free_again;
static atomic_uint numbers;

static void
answer_unless_stuck(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HMT_NUMBER) {
		atomic_fetch_add(&numbers, 1);
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
	} else if (hm_msg_type(msg) == HMT_EMPTY) {
		atomic_store(&stuck, true);
		while (!atomic_load(&free_again))
			sched_yield();
	}
}

static uint64_t
sent(const struct hm_system *sys)
{
	struct hm_stats stats;

	hm_system_stats(sys, &stats);
	return stats.sent;
}

/* On a busy machine no lcore may begin with a call in time; then it is withdrawn, and nothing sent. */
static void
ask_until_sent(struct hm_system *sys, struct hm_pid pid, const uint64_t *number)
{
	uint64_t before = sent(sys);

	for (uint64_t timeout_us = 5000; sent(sys) == before; timeout_us *= 2)
		cr_assert_eq(hm_system_ask(sys, pid, HMT_NUMBER, number, timeout_us, NULL), -ETIMEDOUT);
}

/* Its lcore is not that of the future, and may not have read its clock for some turns. */
Test(engine_deadline_external, system_ask__an_expired_request_is_not_received)
{
	static const struct hm_type types[] = {
		{ .id = HMT_NUMBER, .name = "number", .size = sizeof(uint64_t) },
		{ .id = HMT_EMPTY, .name = "empty" },
	};
	static const struct hm_props props = { .receive = answer_unless_stuck, .lcore = HM_LCORE(1) };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND };
	struct hm_system *sys;
	uint64_t number = 1, before;
	struct hm_stats stats;
	struct hm_pid pid;

	cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), 0);
	cr_assert_eq(hm_system_lcores(sys), 2);
	cr_assert_eq(hm_type_register(sys, &types[0]), 0);
	cr_assert_eq(hm_type_register(sys, &types[1]), 0);
	cr_assert_eq(hm_system_spawn(sys, &props, NULL, NULL, &pid), 0);
	cr_assert_eq(hm_system_start(sys), 0);
	cr_assert_eq(hm_system_send(sys, pid, HMT_EMPTY, NULL), HM_OK);
	while (!atomic_load(&stuck))
		sched_yield();
	before = sent(sys);
	ask_until_sent(sys, pid, &number);
	atomic_store(&free_again, true);
	cr_assert_eq(hm_system_ask(sys, pid, HMT_NUMBER, &number, 60000000, NULL), 0);
	cr_assert_eq(atomic_load(&numbers), 1, "the second one alone");
	hm_system_stats(sys, &stats);
	/* Beside those that were late, one request was sent, and its answer. */
	cr_assert_gt(stats.dead[HM_DEAD_EXPIRED], 0);
	cr_assert_eq(stats.sent - before, stats.dead[HM_DEAD_EXPIRED] + 2);
	hm_system_stop(sys);
	cr_assert_eq(hm_system_join(sys), 0);
	hm_system_destroy(sys);
}
