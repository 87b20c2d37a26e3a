/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is told that messages are out, or were lost: what the log says of it.
 */
#include <sys/mman.h>

#include "hm_behaviour.h"
#include "hm_mailbox.h"
#include "hmt_log.h"
#include "shortage_pvt.h"
#include "test_engine_memory.h"

TestSuite(engine_memory_told, .init = hmt_eal_start);

static void
fill_and_send(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;
	uint64_t number = 1;

	for (uint32_t i = 0; i < 100; i++)
		cr_assert_eq(hm_send(ctx, hoard->to, HMT_NUMBER, &number), HM_OK);
	hoard_use(ctx, arg);
}

Test(engine_memory_told, warning__names_actor_type_and_option_and_what_holds_messages)
{
	static struct hmt_probe probe, other;
	static struct hoard hoard;
	struct hmt_node node;
	struct hmt_log log;

	hmt_node_start_with(&node, 2, LITTLE, NULL);
	hmt_log_start(&log);
	hoard.to = hmt_probe_spawn(&node, &other, 0, "slow");
	hmt_probe_spawn(&node, &probe, 0, "hoarder");
	hmt_turn_until_idle(&node);
	/* Delivered, and not handled: the lcore turns later. */
	do_now(&node, probe.pid, fill_and_send, &hoard);
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_turn_until_idle(&node);
	cr_assert(hmt_log_has(&log, "out of message memory: /user/hoarder could not make number"), "%s",
		  hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "1 messages were refused"), "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "--memory 256K"), "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "message memory: 256K of 256K belong to a size"), "%s",
		  hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "lcore 0: 100 messages in the mailboxes of 1 actors"), "%s",
		  hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "100 messages wait for /user/slow, the first is a number"), "%s",
		  hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "lcore 1: 0 messages"), "%s", hmt_log_text(&log));
	/* More were refused, one is told. */
	cr_assert_eq(hmt_stats(&node).no_memory, REFUSED + 2);
	cr_assert_eq(hmt_log_count(&log, "out of message"), 1, "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	hmt_node_end(&node);
}

static uint8_t
urgency(const struct hm_msg *msg)
{
	return hm_msg_type(msg) == HMT_NUMBER;
}

static void
own_push(void *queue, struct hm_msg *msg)
{
	msg->next = *(struct hm_msg **)queue;
	*(struct hm_msg **)queue = msg;
}

static struct hm_msg *
own_pop(void *queue)
{
	struct hm_msg *msg = *(struct hm_msg **)queue;

	*(struct hm_msg **)queue = msg->next;
	return msg;
}

static void
stash_numbers(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_stash(ctx), HM_OK);
}

static void
holder_check(const struct hm_mailbox *mailbox, bool stashes, const char *first)
{
	static struct hmt_probe probe, other;
	static struct hm_props props;
	static struct hoard hoard;
	struct hmt_probe *holder = &other;
	struct hmt_node node;
	struct hmt_log log;
	char text[128];

	other = (struct hmt_probe){ .on_msg = stashes ? stash_numbers : NULL };
	props = *hmt_probe_props(0);
	props.mailbox = mailbox;
	hmt_node_start_with(&node, 1, LITTLE, NULL);
	cr_assert_eq(hm_system_spawn(node.sys, &props, "holder", &holder, &hoard.to), 0);
	hmt_probe_spawn(&node, &probe, 0, "hoarder");
	for (uint32_t i = 0; stashes && i < 100; i++)
		hmt_number(&node, hoard.to, i);
	hmt_turn_until_idle(&node);
	hmt_log_start(&log);
	do_now(&node, probe.pid, stashes ? hoard_use : fill_and_send, &hoard);
	cr_assert(hmt_log_has(&log, "lcore 0: 100 messages in the mailboxes of 1 actors"), "%s",
		  hmt_log_text(&log));
	snprintf(text, sizeof(text), "100 messages wait for /user/holder, the first is a %s", first);
	cr_assert(hmt_log_has(&log, text), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_node_end(&node);
}

/* In mailboxes of each kind, and in a stash. */
Test(engine_memory_told, report__of_who_holds_messages_wherever_they_wait)
{
	static const struct hm_mailbox_ops ops = { .size = sizeof(void *), .push = own_push, .pop = own_pop };
	static const struct hm_mailbox by_priority = { .order = HM_MAILBOX_PRIORITY, .priority = urgency },
				       bounded = { .overflow = HM_OVERFLOW_REJECT, .capacity = 1000 },
				       own = { .order = HM_MAILBOX_CUSTOM, .ops = &ops };

	holder_check(&by_priority, false, "number");
	holder_check(&bounded, false, "number");
	holder_check(&own, false, "message that is not known");
	holder_check(NULL, true, "number");
}

Test(engine_memory_told, warning__comes_again_after_seconds)
{
	static struct hmt_probe probe, other;
	static struct hoard hoard;
	struct hmt_node node;
	struct hmt_log log;

	hmt_node_start_with(&node, 1, LITTLE, NULL);
	hmt_log_start(&log);
	hoard.to = hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_probe_spawn(&node, &probe, 0, "hoarder");
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < 3; i++) {
		do_now(&node, probe.pid, hoard_use, &hoard);
		do_now(&node, probe.pid, hoard_free, &hoard);
		hmt_elapse(&node, i == 0 ? 4999000 : 2000);
	}
	/* Four in each round. */
	cr_assert(hmt_log_has(&log, " 1 messages were refused"), "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, " 9 messages were refused"), "%s", hmt_log_text(&log));
	cr_assert_eq(hmt_log_count(&log, "messages were refused"), 2, "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	hmt_node_end(&node);
}

static void
send_until_refused(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;
	uint64_t number = 1;

	while ((hoard->send = hm_send(ctx, hoard->to, HMT_NUMBER, &number)) == HM_OK)
		;
}

Test(engine_memory_told, warning__of_a_send)
{
	static struct hmt_probe probe, other;
	static struct hoard hoard;
	struct hmt_node node;
	struct hmt_log log;

	hmt_node_start_with(&node, 1, LITTLE, NULL);
	hmt_log_start(&log);
	hoard.to = hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_probe_spawn(&node, &probe, 0, "sender");
	hmt_turn_until_idle(&node);
	do_now(&node, probe.pid, send_until_refused, &hoard);
	cr_assert_eq(hoard.send, HM_NO_MEMORY);
	cr_assert(hmt_log_has(&log, "out of message memory: /user/sender could not send number"), "%s",
		  hmt_log_text(&log));
	hmt_log_end(&log);
	hmt_node_end(&node);
}

/* The timer is due when the warning of who has taken all is over. */
static void
tick_late_then_hoard(struct hm_ctx *ctx, void *arg)
{
	struct hoard *hoard = arg;
	uint64_t number = 1;

	cr_assert_eq(hm_send_after(ctx, hoard->to, HMT_NUMBER, &number, 6000000, 0, NULL), HM_OK);
	hoard_all(ctx, arg);
}

Test(engine_memory_told, warning__of_a_timer_that_is_delayed)
{
	static struct hmt_probe probe, other;
	static struct hoard hoard;
	struct hmt_node node;
	struct hmt_log log;

	hmt_node_start_with(&node, 1, LITTLE, NULL);
	hoard.to = hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_probe_spawn(&node, &probe, 0, "ticker");
	hmt_turn_until_idle(&node);
	do_now(&node, probe.pid, tick_late_then_hoard, &hoard);
	hmt_log_start(&log);
	hmt_elapse(&node, 6000100);
	cr_assert_eq(hmt_stats(&node).timers_delayed, 1);
	cr_assert(hmt_log_has(&log,
			      "out of message memory: /user/ticker has a timer that waits for memory to "
			      "send number"),
		  "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "--memory 256K"), "%s", hmt_log_text(&log));
	/* It is tried again, and told once. */
	hmt_elapse(&node, 100000);
	cr_assert_eq(hmt_log_count(&log, "out of message memory"), 1, "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_elapse(&node, 1010);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	hmt_node_end(&node);
}

static uint64_t
provider_waiting(const void *self)
{
	return *(const uint64_t *)self;
}

/* Five to nobody, and then all that there is. */
static void
send_to_nobody_and_hoard(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 1;

	for (uint32_t i = 0; i < 5; i++)
		cr_assert_eq(hm_send(ctx, hm_system_dead_letters(hm_system(ctx)), HMT_NUMBER, &number),
			     HM_OK);
	hoard_all(ctx, arg);
}

Test(engine_memory_told, report__of_dead_letters_and_what_waits_for_the_lcore_and_for_other_nodes)
{
	static const struct hm_provider_ops ops = { .waiting = provider_waiting };
	static uint64_t waiting = 42;
	static struct hmt_probe probe;
	static struct hoard hoard;
	struct hmt_node node;
	struct hmt_log log;

	one_start(&node, 1, &probe);
	cr_assert_eq(hm_provider_register(node.sys, 0, &ops, &waiting), 0);
	hmt_log_start(&log);
	for (uint32_t i = 0; i < 3; i++)
		hmt_number(&node, probe.pid, i);
	do_now(&node, probe.pid, send_to_nobody_and_hoard, &hoard);
	cr_assert(hmt_log_has(&log, " 5 dead letters to be published"), "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, " 3 in the inject ring"), "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, " 42 that wait for other nodes"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_node_end(&node);
}

/* Of what lcores hold of each other most was never used, and has no memory to be read. */
Test(engine_memory_told, report__reads_no_slots_that_were_never_used)
{
	struct hmi_cells *cells;
	struct hmt_node node;
	struct hmt_log log;
	uint32_t first;
	size_t bytes;

	hmt_node_start(&node, 2);
	hmt_turn_until_idle(&node);
	cells = &node.sys->lcores[0]->cells;
	cr_assert_eq(hmi_slot_bank_reserve(cells->bank, 2 * HMI_CELLS_CHUNK, &first), 2 * HMI_CELLS_CHUNK);
	cr_assert_geq(hmi_cells_next(cells, HMI_CELLS_CHUNK), hmi_cells_end(cells),
		      "nothing but the first chunk is used");
	bytes = (HM_SLOTS_MAX - HMI_CELLS_CHUNK) * sizeof(struct hmi_cell);
	cr_assert_eq(mprotect(&cells->base[HMI_CELLS_CHUNK], bytes, PROT_NONE), 0);
	hmt_log_start(&log);
	hmi_memory_report(node.sys->lcores[0]);
	cr_assert(hmt_log_has(&log, "lcore 0: 0 messages in the mailboxes"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	cr_assert_eq(mprotect(&cells->base[HMI_CELLS_CHUNK], bytes, PROT_READ), 0);
	/* Nobody holds them. */
	cells->lost += 2 * (uint32_t)HMI_CELLS_CHUNK;
	hmt_node_end(&node);
}

Test(engine_memory_told, warning__of_an_external_thread)
{
	static struct hmt_probe probe, other;
	static struct hoard hoard;
	struct hmt_node node;
	uint64_t number = 1;
	struct hmt_log log;

	hmt_node_start_with(&node, 1, LITTLE, NULL);
	hmt_log_start(&log);
	hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_turn_until_idle(&node);
	do_now(&node, probe.pid, hoard_all, &hoard);
	/* After the warning of that. */
	hmt_elapse(&node, 5000100);
	cr_assert_eq(hm_system_send(node.sys, other.pid, HMT_NUMBER, &number), HM_NO_MEMORY);
	cr_assert(hmt_log_has(&log, "an external thread could not send number"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	do_now(&node, probe.pid, hoard_free, &hoard);
	hmt_node_end(&node);
}

static void
lose_three(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_not_null(hm_msg_new(ctx, HMT_NUMBER, 0));
	cr_assert_not_null(hm_msg_new(ctx, HMT_NUMBER, 1000));
	cr_assert_not_null(hm_msg_new(ctx, HMT_BIG, 0));
}

Test(engine_memory_told, destroy__names_the_type_of_what_was_lost)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hmt_log log;

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, NULL), lose_three, NULL);
	hmt_log_start(&log);
	hm_system_stop(node.sys);
	hmt_turn_until_idle(&node);
	hm_system_destroy(node.sys);
	cr_assert(hmt_log_has(&log, "3 messages were lost"), "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "of these 2 are a number"), "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, "of these 1 are a big"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
}
