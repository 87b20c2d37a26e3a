/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters: each counted under its reason, and published.
 */

#include <criterion/criterion.h>

#include "hm_event_stream.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_log.h"

TestSuite(engine_dead_letter, .init = hmt_eal_start);

#define OTHER_NODE 4711u

struct scene {
	struct hmt_node node;
	struct hmt_probe subscriber, sender;
};

static void
scene_start(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	hmt_node_start(&s->node, 3);
	hmt_probe_spawn(&s->node, &s->subscriber, 2, NULL);
	hmt_probe_spawn(&s->node, &s->sender, 0, NULL);
	cr_assert_eq(hm_dead_letters_subscribe(s->node.sys, s->subscriber.pid), 0);
	hmt_turn_until_idle(&s->node);
}

/* One letter was counted, under this reason alone, and published. */
static void
cr_expect_letter(const struct scene *s, enum hm_dead_reason reason, struct hm_pid to, uint16_t type)
{
	const struct hmt_seen *seen = hmt_seen_last(&s->subscriber, HM_DEAD_LETTER);

	cr_assert_eq(hmt_stats(&s->node).dead[reason], 1);
	cr_assert_eq(hmt_dead(&s->node), 1);
	cr_assert_not_null(seen);
	cr_assert_eq(hmt_seen_count(&s->subscriber, HM_DEAD_LETTER), 1);
	cr_assert_eq(seen->length, sizeof(struct hm_dead_letter));
	cr_assert_eq(seen->dead.reason, reason);
	cr_assert_eq(seen->dead.type, type);
	cr_assert(hm_pid_equal(seen->dead.to, to));
}

static struct hm_pid
stale_pid(struct scene *s)
{
	static struct hmt_probe probe;

	hmt_probe_spawn(&s->node, &probe, 1, NULL);
	hmt_turn_until_idle(&s->node);
	hmt_stop(&s->node, probe.pid);
	return probe.pid;
}

static void
request_it(struct hm_ctx *ctx, void *pid)
{
	uint64_t number = 1;

	cr_assert_eq(hm_request(ctx, *(struct hm_pid *)pid, HMT_NUMBER, &number), HM_OK);
}

Test(engine_dead_letter, no_process__stale_pid)
{
	static struct scene s;
	struct hm_pid pid;

	scene_start(&s);
	pid = stale_pid(&s);
	hmt_do(&s.node, s.sender.pid, request_it, &pid);
	cr_expect_letter(&s, HM_DEAD_NO_PROCESS, pid, HMT_NUMBER);
	cr_assert(hm_pid_equal(hmt_seen_last(&s.subscriber, HM_DEAD_LETTER)->dead.sender, s.sender.pid));
	cr_assert_eq(hmt_seen_last(&s.subscriber, HM_DEAD_LETTER)->dead.length, sizeof(uint64_t));
	hmt_node_end(&s.node);
}

Test(engine_dead_letter, no_process__lcore_that_does_not_exist)
{
	static struct scene s;
	struct hm_pid pid;

	scene_start(&s);
	pid = (struct hm_pid){ hm_system_node(s.node.sys), hmi_local(200, 5, 1) };
	hmt_do(&s.node, s.sender.pid, request_it, &pid);
	cr_expect_letter(&s, HM_DEAD_NO_PROCESS, pid, HMT_NUMBER);
	hmt_node_end(&s.node);
}

/* Counted and published all the same. */
Test(engine_dead_letter, log__an_orderly_stop_is_quiet)
{
	static struct scene s;
	uint64_t number = 1;
	struct hmt_log log;
	struct hm_pid pid;
	size_t length;

	scene_start(&s);
	pid = stale_pid(&s);
	hmt_log_start(&log);
	hmt_do(&s.node, s.sender.pid, request_it, &pid);
	cr_assert(hmt_log_has(&log, "dead letter: number"));
	hm_system_stop(s.node.sys);
	length = strlen(hmt_log_text(&log));
	cr_assert_eq(hm_system_send(s.node.sys, pid, HMT_NUMBER, &number), HM_OK);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(strlen(hmt_log_text(&log)), length, "nothing was written: %s", hmt_log_text(&log));
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_PROCESS], 2);
	hmt_log_end(&log);
	hmt_node_end(&s.node);
}

static void
write_and_stop(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_send(ctx, hm_self(ctx), HMT_EMPTY, NULL), HM_OK);
	hm_stop(ctx, hm_self(ctx));
}

Test(engine_dead_letter, log__names_the_path_of_a_receiver_that_lives_there)
{
	static struct scene s;
	struct hm_pid pid;
	struct hmt_log log;

	scene_start(&s);
	cr_assert_eq(hm_lookup(s.node.sys, "/user", &pid), 0);
	hmt_log_start(&log);
	hmt_do(&s.node, s.sender.pid, request_it, &pid);
	cr_assert(hmt_log_has(&log, " /user: sent to a guardian"));
	pid = stale_pid(&s);
	hmt_do(&s.node, s.sender.pid, request_it, &pid);
	cr_assert(hmt_log_has(&log, ".1: no such process"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	hmt_node_end(&s.node);
}

Test(engine_dead_letter, stopped__left_in_the_mailbox)
{
	static struct scene s;
	static struct hmt_probe probe;
	struct hmt_deed deed = { write_and_stop, NULL };

	scene_start(&s);
	hmt_probe_spawn(&s.node, &probe, 1, NULL);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hm_system_send(s.node.sys, probe.pid, HMT_DO, &deed), HM_OK);
	hmt_number(&s.node, probe.pid, 1);
	hmt_turn_until_idle(&s.node);
	/* The number was there before the actor stopped; what it sent last may be on its way still. */
	cr_assert_geq(hmt_stats(&s.node).dead[HM_DEAD_STOPPED], 1);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_STOPPED] + hmt_stats(&s.node).dead[HM_DEAD_NO_PROCESS],
		     2);
	cr_assert_eq(hmt_seen_count(&s.subscriber, HM_DEAD_LETTER), 2);
	hmt_node_end(&s.node);
}

Test(engine_dead_letter, sent_there__on_purpose)
{
	static struct scene s;
	struct hm_pid pid;

	scene_start(&s);
	pid = hm_system_dead_letters(s.node.sys);
	hmt_do(&s.node, s.sender.pid, request_it, &pid);
	cr_expect_letter(&s, HM_DEAD_SENT_THERE, pid, HMT_NUMBER);
	hmt_stop(&s.node, pid);
	hmt_do(&s.node, s.sender.pid, request_it, &pid);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_SENT_THERE], 2, "it cannot be stopped");
	hmt_node_end(&s.node);
}

static void
ask_end(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	*(enum hm_future_result *)arg = result;
}

static void
ask_parent(struct hm_ctx *ctx, void *result)
{
	cr_assert_eq(hm_ask(ctx, hm_parent(ctx), HMT_EMPTY, NULL, 1000, ask_end, result), HM_OK);
}

Test(engine_dead_letter, guardian__takes_no_messages)
{
	static struct scene s;
	enum hm_future_result result = HM_FUTURE_TIMEOUT;

	scene_start(&s);
	hmt_do(&s.node, s.sender.pid, request_it, &s.node.sys->user);
	cr_expect_letter(&s, HM_DEAD_GUARDIAN, s.node.sys->user, HMT_NUMBER);
	cr_assert(hm_pid_equal(hmt_seen_last(&s.subscriber, HM_DEAD_LETTER)->dead.sender, s.sender.pid));
	/* Whoever asks it need not wait for the deadline. */
	hmt_do(&s.node, s.sender.pid, ask_parent, &result);
	cr_assert_eq(result, HM_FUTURE_DEAD_LETTER);
	cr_assert_eq(hmt_dead(&s.node), 2);
	/* Its children's ends are its own affair. */
	hmt_stop(&s.node, s.sender.pid);
	cr_assert_eq(hmt_dead(&s.node), 2);
	hmt_node_end(&s.node);
}

Test(engine_dead_letter, no_node__unknown_node)
{
	static struct scene s;
	struct hm_pid pid = { OTHER_NODE, 99 };

	scene_start(&s);
	hmt_do(&s.node, s.sender.pid, request_it, &pid);
	cr_expect_letter(&s, HM_DEAD_NO_NODE, pid, HMT_NUMBER);
	/* A watch is told; an external thread has the answer at once. */
	hmt_do(&s.node, s.sender.pid, hmt_watch, &pid);
	cr_assert_eq(hmt_seen_last(&s.sender, HM_TERMINATED)->terminated.reason, HM_TERMINATED_NODE_LOST);
	cr_assert_eq(hm_system_send(s.node.sys, pid, HMT_EMPTY, NULL), HM_NO_RECEIVER);
	hmt_node_end(&s.node);
}

/* ---- What a provider gives back ---------------------------------------------------------- */

struct carrier {
	enum hm_dead_reason reason;
	uint32_t delivered;
};

static void
carrier_deliver(void *self, struct hm_ctx *ctx, struct hm_msg *msg)
{
	struct carrier *carrier = self;

	carrier->delivered++;
	hm_dead_letter_publish(ctx, msg, carrier->reason);
}

static const struct hm_provider_ops carrier_ops = { .deliver = carrier_deliver };

static uint16_t
carrier_join(struct scene *s, struct carrier *carrier, uint32_t lcore)
{
	uint16_t index = 0;

	cr_assert_eq(hm_provider_register(s->node.sys, lcore, &carrier_ops, carrier), 0);
	cr_assert_eq(hm_provider_register(s->node.sys, lcore, &carrier_ops, carrier), -EEXIST);
	cr_assert_eq(hm_node_learn(s->node.sys, OTHER_NODE, &index), 0);
	return index;
}

Test(engine_dead_letter, publish__every_reason_a_provider_may_give)
{
	static const enum hm_dead_reason reasons[] = { HM_DEAD_NOT_REMOTE, HM_DEAD_NODE_LOST,
						       HM_DEAD_TOO_BIG };

	for (size_t i = 0; i < RTE_DIM(reasons); i++) {
		static struct scene s;
		struct carrier carrier = { .reason = reasons[i] };
		struct hm_pid pid = { OTHER_NODE, 99 };

		scene_start(&s);
		carrier_join(&s, &carrier, 1);
		hmt_do(&s.node, s.sender.pid, request_it, &pid);
		cr_assert_eq(carrier.delivered, 1);
		cr_expect_letter(&s, reasons[i], pid, HMT_NUMBER);
		hmt_node_end(&s.node);
	}
}

Test(engine_dead_letter, report__of_what_could_not_become_a_message)
{
	static const enum hm_dead_reason reasons[] = { HM_DEAD_UNKNOWN_TYPE, HM_DEAD_MALFORMED,
						       HM_DEAD_NO_MEMORY };

	for (size_t i = 0; i < RTE_DIM(reasons); i++) {
		static struct scene s;
		struct hm_dead_letter letter = { .reason = reasons[i], .type = 9999 };
		struct hm_stats stats;

		scene_start(&s);
		letter.to = s.sender.pid;
		hm_dead_letter_report(s.node.sys->lcores[1], &letter);
		hmt_turn_until_idle(&s.node);
		cr_expect_letter(&s, reasons[i], s.sender.pid, 9999);
		stats = hmt_stats(&s.node);
		/* It was never sent here, so that the books do not balance. */
		cr_assert_eq(stats.sent, stats.received);
		hmt_node_drop(&s.node);
	}
}

Test(engine_dead_letter, malformed__types_that_no_node_may_send)
{
	static const uint16_t types[] = { HM_TYPE_NONE,           HM_STARTED,        HM_TERMINATED,
					  HM_DEAD_LETTER,         HMI_COMMAND_SPAWN, HMI_COMMAND_CALL,
					  HMI_COMMAND_STOP_SYSTEM };
	static struct scene s;
	struct carrier carrier = { .reason = HM_DEAD_NODE_LOST };
	uint16_t index;

	scene_start(&s);
	index = carrier_join(&s, &carrier, 1);
	for (size_t i = 0; i < RTE_DIM(types); i++) {
		struct hm_msg *msg = hm_msg_alloc(s.node.sys->lcores[1], types[i], 8);

		cr_assert_not_null(msg);
		memset(hm_msg_body_mut(msg), 0xff, 8);
		msg->to = hmi_local(0, HMI_SLOT_LCORE, 1);
		msg->sender = (struct hm_pid){ OTHER_NODE, 1 };
		hm_provider_receive(s.node.sys->lcores[1], msg);
		hmt_turn_until_idle(&s.node);
		cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_MALFORMED], i + 1);
	}
	cr_assert_gt(index, 0);
	hmt_node_drop(&s.node);
}

static void
lose_node(struct hm_ctx *ctx, void *index)
{
	hm_node_lost(ctx, *(uint16_t *)index);
}

Test(engine_dead_letter, node_lost__watchers_are_told_once_and_sends_have_no_node)
{
	static struct scene s;
	static struct hmt_probe watchers[3];
	struct carrier carrier = { .reason = HM_DEAD_NODE_LOST };
	struct hm_pid pid = { OTHER_NODE, 99 };
	uint16_t index, again;

	scene_start(&s);
	index = carrier_join(&s, &carrier, 0);
	for (uint32_t i = 0; i < 3; i++) {
		hmt_probe_spawn(&s.node, &watchers[i], i, NULL);
		hmt_turn_until_idle(&s.node);
	}
	/* The provider gives the watch back: the node is lost already. */
	hmt_do(&s.node, watchers[0].pid, hmt_watch, &pid);
	cr_assert_eq(hmt_seen_count(&watchers[0], HM_TERMINATED), 1);
	cr_assert_eq(hmt_seen_last(&watchers[0], HM_TERMINATED)->terminated.reason, HM_TERMINATED_NODE_LOST);
	hmt_do(&s.node, s.sender.pid, lose_node, &index);
	hmt_do(&s.node, s.sender.pid, lose_node, &index);
	cr_assert_eq(hm_node_id(s.node.sys, index), 0);
	hmt_do(&s.node, s.sender.pid, request_it, &pid);
	cr_expect_letter(&s, HM_DEAD_NO_NODE, pid, HMT_NUMBER);
	hmt_do(&s.node, watchers[2].pid, hmt_watch, &pid);
	cr_assert_eq(hmt_seen_count(&watchers[2], HM_TERMINATED), 1);
	/* It may come back. */
	cr_assert_eq(hm_node_learn(s.node.sys, OTHER_NODE, &again), 0);
	cr_assert_eq(hm_node_id(s.node.sys, again), OTHER_NODE);
	hmt_node_end(&s.node);
}

/* ---- Subscribers ------------------------------------------------------------------------ */

Test(engine_dead_letter, subscribe__many_and_actors_of_this_node_alone)
{
	static struct hmt_probe probes[9];
	struct hm_pid stranger = { 1, 2 };
	struct hmt_node node;

	hmt_node_start(&node, 2);
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, stranger), -EINVAL);
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, hm_pid_none()), -EINVAL);
	stranger = (struct hm_pid){ hm_system_node(node.sys), hmi_local(2, 5, 1) };
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, stranger), -EINVAL, "there are two lcores");
	stranger.local = 0;
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, stranger), -EINVAL);
	for (int i = 0; i < 9; i++) {
		hmt_probe_spawn(&node, &probes[i], (uint32_t)i % 2, NULL);
		cr_assert_eq(hm_dead_letters_subscribe(node.sys, probes[i].pid), 0);
	}
	hmt_number(&node, hm_system_dead_letters(node.sys), 1);
	hmt_turn_until_idle(&node);
	for (int i = 0; i < 9; i++)
		cr_assert_eq(hmt_seen_count(&probes[i], HM_DEAD_LETTER), 1);
	hmt_node_end(&node);
}

static void
lose_one(struct scene *s)
{
	hmt_number(&s->node, hm_system_dead_letters(s->node.sys), 1);
	hmt_turn_until_idle(&s->node);
}

Test(engine_dead_letter, subscribe__twice_is_once)
{
	static struct scene s;

	scene_start(&s);
	cr_assert_eq(hm_dead_letters_subscribe(s.node.sys, s.subscriber.pid), 0);
	lose_one(&s);
	cr_assert_eq(hmt_seen_count(&s.subscriber, HM_DEAD_LETTER), 1);
	/* So that unsubscribing once is enough. */
	hm_dead_letters_unsubscribe(s.node.sys, s.subscriber.pid);
	lose_one(&s);
	cr_assert_eq(hmt_seen_count(&s.subscriber, HM_DEAD_LETTER), 1);
	/* Whoever is no subscriber is ignored. */
	hm_dead_letters_unsubscribe(s.node.sys, s.subscriber.pid);
	hm_dead_letters_unsubscribe(s.node.sys, hm_pid_none());
	hm_dead_letters_unsubscribe(s.node.sys, (struct hm_pid){ OTHER_NODE, s.sender.pid.local });
	cr_assert_eq(hm_dead_letters_subscribe(s.node.sys, s.subscriber.pid), 0);
	lose_one(&s);
	cr_assert_eq(hmt_seen_count(&s.subscriber, HM_DEAD_LETTER), 2);
	hmt_node_end(&s.node);
}

static void
subscribe_itself(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_dead_letters_subscribe(hm_system(ctx), hm_self(ctx)), 0);
}

static void
unsubscribe_itself(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_dead_letters_unsubscribe(hm_system(ctx), hm_self(ctx));
}

Test(engine_dead_letter, subscribe__from_an_actors_turn)
{
	static struct scene s;

	scene_start(&s);
	hmt_do(&s.node, s.sender.pid, subscribe_itself, NULL);
	lose_one(&s);
	hmt_do(&s.node, s.sender.pid, unsubscribe_itself, NULL);
	lose_one(&s);
	cr_assert_eq(hmt_seen_count(&s.sender, HM_DEAD_LETTER), 1);
	cr_assert_eq(hmt_seen_count(&s.subscriber, HM_DEAD_LETTER), 2);
	hmt_node_end(&s.node);
}

Test(engine_dead_letter, subscribe__a_subscriber_that_stops_makes_room)
{
	static struct scene s;
	static struct hmt_probe last;

	scene_start(&s);
	hmt_stop(&s.node, s.subscriber.pid);
	lose_one(&s);
	cr_assert_eq(hmt_dead(&s.node), 1, "nothing is sent to who is gone");
	hmt_probe_spawn(&s.node, &last, 2, NULL);
	for (uint32_t i = 0; i + 1 < HM_EVENT_SUBSCRIPTIONS_MAX; i++)
		cr_assert_eq(hm_event_subscribe_pid(s.node.sys, HMT_EMPTY, 0, s.sender.pid, NULL), 0);
	cr_assert_eq(hm_dead_letters_subscribe(s.node.sys, last.pid), 0);
	cr_assert_eq(hm_dead_letters_subscribe(s.node.sys, s.sender.pid), -ENOSPC);
	hmt_turn_until_idle(&s.node);
	hmt_stop(&s.node, last.pid);
	cr_assert_eq(hm_dead_letters_subscribe(s.node.sys, s.sender.pid), 0);
	lose_one(&s);
	cr_assert_eq(hmt_seen_count(&s.sender, HM_DEAD_LETTER), 1);
	hmt_node_end(&s.node);
}

Test(engine_dead_letter, subscribe__another_node_cannot_take_it_back)
{
	static struct scene s;
	struct hm_msg *msg;

	scene_start(&s);
	msg = hm_msg_alloc(s.node.sys->lcores[0], HM_DEAD_LETTER, sizeof(struct hm_dead_letter));
	cr_assert_not_null(msg);
	memset(hm_msg_body_mut(msg), 0, sizeof(struct hm_dead_letter));
	msg->to = s.subscriber.pid.local;
	msg->sender = hm_pid_none();
	hm_provider_receive(s.node.sys->lcores[0], msg);
	lose_one(&s);
	cr_assert_eq(hmt_seen_count(&s.subscriber, HM_DEAD_LETTER), 1);
	hmt_node_drop(&s.node);
}

/* Who takes no messages loses its place with the first one, and that one is not told of again. */
Test(engine_dead_letter, subscribe__who_takes_nothing_is_found_out_at_once)
{
	static struct scene s;
	struct hm_pid nobodies[3];

	scene_start(&s);
	nobodies[0] = stale_pid(&s);
	nobodies[1] = s.node.sys->user;
	nobodies[2] = hm_system_dead_letters(s.node.sys);
	for (size_t i = 0; i < RTE_DIM(nobodies); i++)
		cr_assert_eq(hm_dead_letters_subscribe(s.node.sys, nobodies[i]), 0);
	for (uint32_t i = 1; i <= 5; i++) {
		lose_one(&s);
		cr_assert_eq(hmt_seen_count(&s.subscriber, HM_DEAD_LETTER), i);
		cr_assert_eq(hmt_dead(&s.node), RTE_DIM(nobodies) + i);
	}
	hmt_node_end(&s.node);
}

Test(engine_dead_letter, drop__notifications_among_lcores_that_are_drained_are_freed)
{
	static struct scene s;
	static struct hmt_probe near, far;

	scene_start(&s);
	/* Subscribers that are dead-lettered before, and after, what they are told of. */
	hmt_probe_spawn(&s.node, &near, 0, NULL);
	hmt_probe_spawn(&s.node, &far, 1, NULL);
	cr_assert_eq(hm_dead_letters_subscribe(s.node.sys, s.sender.pid), 0);
	cr_assert_eq(hm_dead_letters_subscribe(s.node.sys, near.pid), 0);
	hmt_turn_until_idle(&s.node);
	for (uint64_t i = 0; i < 50; i++) {
		hmt_number(&s.node, near.pid, i);
		hmt_number(&s.node, far.pid, i);
		hmt_number(&s.node, s.subscriber.pid, i);
	}
	hmt_node_drop(&s.node);
}

Test(engine_dead_letter, names__of_every_reason_and_of_numbers_that_are_none)
{
	for (unsigned int i = 0; i < HM_DEAD_REASONS; i++) {
		cr_assert_not_null(hm_dead_reason_name((enum hm_dead_reason)i));
		cr_assert_str_neq(hm_dead_reason_name((enum hm_dead_reason)i), "unknown");
	}
	cr_assert_str_eq(hm_dead_reason_name(HM_DEAD_REASONS), "unknown");
	cr_assert_str_eq(hm_result_name(HM_OK), "ok");
	cr_assert_str_eq(hm_result_name((enum hm_result)99), "unknown");
	cr_assert_str_eq(hm_future_result_name(HM_FUTURE_DEAD_LETTER), "dead letter");
	cr_assert_str_eq(hm_future_result_name(HM_FUTURE_CANCELLED), "cancelled");
	cr_assert_str_eq(hm_future_result_name(HM_FUTURE_NO_MEMORY), "out of memory");
	cr_assert_str_eq(hm_future_result_name((enum hm_future_result)5), "unknown");
	cr_assert_str_eq(hm_terminated_reason_name(HM_TERMINATED_NODE_LOST), "node lost");
	cr_assert_str_eq(hm_terminated_reason_name((enum hm_terminated_reason)4), "unknown");
}
