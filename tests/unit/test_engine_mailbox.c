/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes other than the default one: bounds, orders, hooks, the user's own.
 */
#include "box_pvt.h"
#include "deliver_pvt.h"
#include "hm_supervisor.h"
#include "test_engine_mailbox.h"

TestSuite(engine_mailbox, .init = hmt_eal_start);

/* Numbers 0 to count - 1, by the sender in one turn. */
static void
send_numbers(struct hm_ctx *ctx, void *count)
{
	for (uint64_t i = 0; i < *(uint32_t *)count; i++)
		cr_assert_eq(hm_send(ctx, actor.pid, HMT_NUMBER, &i), HM_OK);
}

/* ---- Bounds ------------------------------------------------------------------------------ */

static void
bound_check(enum hm_overflow overflow, enum hm_dead_reason reason, uint64_t first)
{
	const struct hm_mailbox bounded = { .overflow = overflow, .capacity = CAPACITY };
	uint32_t count = 10;
	struct hmt_node node;

	mailbox_start(&node, &bounded, NULL);
	hmt_do(&node, sender.pid, send_numbers, &count);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), CAPACITY);
	for (uint32_t i = 0; i < CAPACITY; i++)
		cr_assert_eq(number_seen(i), first + i);
	cr_assert_eq(hmt_stats(&node).dead[reason], count - CAPACITY);
	/* As many as there is room for, and there is room again. */
	count = CAPACITY;
	hmt_do(&node, sender.pid, send_numbers, &count);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), 2 * CAPACITY);
	hmt_node_end(&node);
}

Test(engine_mailbox, reject__turns_the_newest_away)
{
	bound_check(HM_OVERFLOW_REJECT, HM_DEAD_REJECTED, 0);
}

Test(engine_mailbox, drop_newest__keeps_the_oldest)
{
	bound_check(HM_OVERFLOW_DROP_NEWEST, HM_DEAD_DROPPED, 0);
}

Test(engine_mailbox, drop_oldest__keeps_the_newest)
{
	bound_check(HM_OVERFLOW_DROP_OLDEST, HM_DEAD_DROPPED, 10 - CAPACITY);
}

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)reply;
	*(int *)arg = (int)result;
}

static void
ask_when_full(struct hm_ctx *ctx, void *result)
{
	uint32_t count = CAPACITY;

	send_numbers(ctx, &count);
	cr_assert_eq(hm_ask(ctx, actor.pid, HMT_EMPTY, NULL, 1000000, on_reply, result), HM_OK);
}

Test(engine_mailbox, reject__of_a_request_ends_its_future_at_once)
{
	static const struct hm_mailbox bounded = { .overflow = HM_OVERFLOW_REJECT, .capacity = CAPACITY };
	struct hmt_node node;
	int result = -1;

	mailbox_start(&node, &bounded, NULL);
	hmt_do(&node, sender.pid, ask_when_full, &result);
	cr_assert_eq(result, HM_FUTURE_DEAD_LETTER);
	hmt_node_end(&node);
}

static void
fill_then_watch(struct hm_ctx *ctx, void *arg)
{
	uint32_t count = CAPACITY + 2;

	(void)arg;
	send_numbers(ctx, &count);
	cr_assert_eq(hm_watch(ctx, actor.pid), HM_OK);
	hm_stop(ctx, actor.pid);
}

/* System messages, and notifications in the user lane, always have room. */
Test(engine_mailbox, reject__holds_no_system_message)
{
	static const struct hm_mailbox bounded = { .overflow = HM_OVERFLOW_REJECT, .capacity = 1 };
	static struct hmt_probe watched;
	uint32_t count = 3;
	struct hmt_node node;

	mailbox_start(&node, &bounded, NULL);
	watched = (struct hmt_probe){ 0 };
	hmt_probe_spawn(&node, &watched, 1, NULL);
	hmt_do(&node, actor.pid, hmt_watch, &watched.pid);
	cr_assert_eq(hm_system_stop_actor(node.sys, watched.pid), 0);
	hmt_do(&node, sender.pid, send_numbers, &count);
	cr_assert_eq(hmt_seen_count(&actor, HM_TERMINATED), 1);
	hmt_do(&node, sender.pid, fill_then_watch, NULL);
	cr_assert_eq(hmt_seen_count(&sender, HM_TERMINATED), 1);
	hmt_node_end(&node);
}

Test(engine_mailbox, poison__waits_for_its_turn_in_a_full_mailbox)
{
	static const struct hm_mailbox bounded = { .overflow = HM_OVERFLOW_DROP_OLDEST,
						   .capacity = CAPACITY };
	struct hmt_node node;

	mailbox_start(&node, &bounded, NULL);
	for (uint64_t i = 0; i < CAPACITY; i++)
		hmt_number(&node, actor.pid, i);
	cr_assert_eq(hm_system_send(node.sys, sender.pid, HMT_EMPTY, NULL), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), CAPACITY);
	hmt_node_end(&node);
}

/* ---- Priorities --------------------------------------------------------------------------- */

static uint8_t
priority_of(const struct hm_msg *msg)
{
	return hm_msg_type(msg) == HMT_NUMBER ? (uint8_t)(*(const uint64_t *)hm_msg_body(msg) % 10) : 0;
}

static void
send_mixed(struct hm_ctx *ctx, void *arg)
{
	static const uint64_t numbers[] = { 10, 13, 27, 20, 33, 9, 47, 0 };

	(void)arg;
	for (size_t i = 0; i < RTE_DIM(numbers); i++) {
		enum hm_result result = i % 2 == 0 ? hm_send(ctx, actor.pid, HMT_NUMBER, &numbers[i])
						   : hm_request(ctx, actor.pid, HMT_NUMBER, &numbers[i]);

		cr_assert_eq(result, HM_OK);
	}
}

/* Greater than the greatest counts as that; equal ones stay in order; a request is as urgent as a plain send. */
Test(engine_mailbox, priority__is_stable_and_the_same_for_requests)
{
	static const struct hm_mailbox ordered = { .order = HM_MAILBOX_PRIORITY,
						   .capacity = HM_MAILBOX_UNLIMITED,
						   .priority = priority_of };
	static const uint64_t expected[] = { 27, 9, 47, 13, 33, 10, 20, 0 };
	struct hmt_node node;

	mailbox_start(&node, &ordered, NULL);
	hmt_do(&node, sender.pid, send_mixed, NULL);
	for (uint32_t i = 0; i < RTE_DIM(expected); i++)
		cr_assert_eq(number_seen(i), expected[i], "%u: %lu", i, (unsigned long)number_seen(i));
	hmt_node_end(&node);
}

/* ---- The user's own ------------------------------------------------------------------------ */

/* The youngest first. */
struct stack {
	struct hm_msg *top;
	uint32_t *finis;
};

static int
stack_init(void *queue, const void *arg)
{
	struct stack *stack = queue;

	cr_assert_null(stack->top);
	if (arg == NULL)
		return -EPERM;
	stack->finis = (uint32_t *)(uintptr_t)arg;
	return 0;
}

static void
stack_fini(void *queue)
{
	++*((struct stack *)queue)->finis;
}

static void
stack_push(void *queue, struct hm_msg *msg)
{
	struct stack *stack = queue;

	msg->next = stack->top;
	stack->top = msg;
}

static struct hm_msg *
stack_pop(void *queue)
{
	struct stack *stack = queue;
	struct hm_msg *msg = stack->top;

	stack->top = msg->next;
	return msg;
}

static const struct hm_mailbox_ops stack_ops = { sizeof(struct stack), stack_init, stack_fini, stack_push,
						 stack_pop };
static uint32_t finis;

Test(engine_mailbox, custom__decides_what_is_next)
{
	static const struct hm_mailbox own = {
		.order = HM_MAILBOX_CUSTOM, .capacity = HM_MAILBOX_UNLIMITED, .ops = &stack_ops, .arg = &finis
	};
	uint32_t count = 5;
	struct hmt_node node;

	finis = 0;
	mailbox_start(&node, &own, NULL);
	hmt_do(&node, sender.pid, send_numbers, &count);
	for (uint32_t i = 0; i < count; i++)
		cr_assert_eq(number_seen(i), count - 1 - i);
	hmt_stop(&node, actor.pid);
	cr_assert_eq(finis, 1);
	hmt_node_end(&node);
}

Test(engine_mailbox, custom__init_that_fails_fails_the_spawn)
{
	static const struct hm_mailbox own = { .order = HM_MAILBOX_CUSTOM,
					       .capacity = HM_MAILBOX_UNLIMITED,
					       .ops = &stack_ops };
	struct hmt_probe *probe = &actor;
	struct hmt_node node;
	struct hm_pid pid;

	mailbox_start(&node, NULL, NULL);
	props.mailbox = &own;
	cr_assert_eq(hm_system_spawn(node.sys, &props, "other", &probe, &pid), -EPERM);
	cr_assert_eq(hm_lookup(node.sys, "/user/other", &pid), -ENOENT);
	hmt_node_end(&node);
}

/* ---- Hooks ---------------------------------------------------------------------------------- */

struct told {
	uint32_t posted, received, empty, most;
};

static void
told_posted(void *arg, struct hm_pid pid, const struct hm_msg *msg, uint32_t count)
{
	struct told *told = arg;

	cr_assert(hm_pid_equal(pid, actor.pid));
	cr_assert_eq(hm_msg_type(msg), HMT_NUMBER);
	told->posted++;
	told->most = RTE_MAX(told->most, count);
}

static void
told_received(void *arg, struct hm_pid pid, uint16_t type, uint32_t count)
{
	struct told *told = arg;

	cr_assert(hm_pid_equal(pid, actor.pid));
	cr_assert_eq(type, HMT_NUMBER);
	cr_assert_eq(count, told->posted - told->received - 1);
	told->received++;
}

static void
told_empty(void *arg, struct hm_pid pid)
{
	(void)pid;
	((struct told *)arg)->empty++;
}

static void
fail_on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_fail(ctx, "told to");
}

Test(engine_mailbox, hooks__are_told_of_each_message)
{
	static struct told told;
	static const struct hm_mailbox_hooks hooks = { told_posted, told_received, told_empty, &told };
	static const struct hm_mailbox told_of = { .hooks = &hooks };
	uint32_t count = 100;
	struct hmt_node node;

	told = (struct told){ 0 };
	mailbox_start(&node, &told_of, NULL);
	hmt_do(&node, sender.pid, send_numbers, &count);
	cr_assert_eq(told.posted, count);
	cr_assert_eq(told.received, count);
	cr_assert_geq(told.empty, 1);
	cr_assert_gt(told.most, 1);
	/* What it fails at was not handled. */
	actor.on_msg = fail_on_number;
	hmt_number(&node, actor.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(told.posted, count + 1);
	cr_assert_eq(told.received, count);
	told.posted--;
	hmt_node_end(&node);
}

/* ---- Life cycle ------------------------------------------------------------------------------- */

Test(engine_mailbox, restart__keeps_order_and_bound)
{
	static const struct hm_mailbox ordered = { .order = HM_MAILBOX_PRIORITY,
						   .overflow = HM_OVERFLOW_REJECT,
						   .capacity = CAPACITY,
						   .priority = priority_of };
	struct hmt_node node;

	mailbox_start(&node, &ordered, NULL);
	actor.on_msg = fail_on_number;
	for (uint64_t i = 0; i < CAPACITY + 3; i++)
		hmt_number(&node, actor.pid, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), CAPACITY);
	for (uint32_t i = 0; i < CAPACITY; i++)
		cr_assert_eq(number_seen(i), CAPACITY - 1 - i);
	cr_assert_eq(hmt_stats(&node).restarted, CAPACITY);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_REJECTED], 3);
	hmt_node_end(&node);
}

static void
stop_self(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_stop(ctx, hm_self(ctx));
}

Test(engine_mailbox, stop__leaves_what_waits_to_dead_letters)
{
	static const struct hm_mailbox bounded = { .overflow = HM_OVERFLOW_REJECT, .capacity = CAPACITY };
	struct hmt_node node;

	mailbox_start(&node, &bounded, NULL);
	actor.on_msg = stop_self;
	for (uint64_t i = 0; i < CAPACITY; i++)
		hmt_number(&node, actor.pid, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], CAPACITY - 1);
	hmt_node_end(&node);
}

Test(engine_mailbox, drop__of_a_system_frees_what_waits)
{
	static const struct hm_mailbox own = {
		.order = HM_MAILBOX_CUSTOM, .capacity = HM_MAILBOX_UNLIMITED, .ops = &stack_ops, .arg = &finis
	};
	struct hmt_node node;

	mailbox_start(&node, &own, NULL);
	for (uint64_t i = 0; i < 5; i++)
		hmt_number(&node, actor.pid, i);
	hmt_system_drain(node.sys);
	hmt_books_check(node.sys);
	hmt_node_drop(&node);
}

/* ---- Counting, refusals --------------------------------------------------------------------------- */

static void
count_waiting(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HMT_NUMBER && probe->arg == NULL)
		probe->arg = (void *)(uintptr_t)(hm_mailbox_count(ctx) + 1);
}

Test(engine_mailbox, count__is_that_of_messages_that_wait)
{
	static const struct hm_mailbox bounded = { .overflow = HM_OVERFLOW_REJECT, .capacity = 100 };
	uint32_t count = 10;
	struct hmt_node node;

	mailbox_start(&node, &bounded, NULL);
	actor.on_msg = count_waiting;
	hmt_do(&node, sender.pid, send_numbers, &count);
	cr_assert_eq((uintptr_t)actor.arg, count);
	hmt_node_end(&node);
}

/* As an external thread would find it: full, and with room again. */
static void
look_when_full(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number = 77;

	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER || *(const uint64_t *)hm_msg_body(msg) != 0)
		return;
	cr_assert_eq(hm_mailbox_count(ctx), CAPACITY - 1);
	cr_assert_eq(hm_system_send(hm_system(ctx), hm_self(ctx), HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_send(ctx, hm_self(ctx), HMT_NUMBER, &number), HM_OK);
	hmi_outbox_flush(ctx);
	cr_assert_eq(hm_mailbox_count(ctx), CAPACITY);
	cr_assert_eq(hm_system_send(hm_system(ctx), hm_self(ctx), HMT_NUMBER, &number), HM_WOULD_BLOCK);
	cr_assert_eq(hm_system_send_wait(hm_system(ctx), hm_self(ctx), HMT_NUMBER, &number, 2000),
		     HM_WOULD_BLOCK);
}

Test(engine_mailbox, external__send_to_a_full_mailbox_would_block)
{
	static const struct hm_mailbox bounded = { .overflow = HM_OVERFLOW_REJECT, .capacity = CAPACITY };
	uint64_t number = 1;
	struct hmt_node node;

	mailbox_start(&node, &bounded, NULL);
	actor.on_msg = look_when_full;
	for (uint32_t i = 0; i < CAPACITY; i++)
		hmt_number(&node, actor.pid, i);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&actor, HMT_NUMBER), CAPACITY + 2);
	cr_assert_eq(hm_system_send(node.sys, actor.pid, HMT_NUMBER, &number), HM_OK, "there is room again");
	hmt_turn_until_idle(&node);
	hmt_node_end(&node);
}

Test(engine_mailbox, props__with_a_wrong_mailbox_are_refused)
{
	const struct hm_mailbox wrong[] = {
		{ .order = (enum hm_mailbox_order)4 },
		{ .overflow = (enum hm_overflow)4, .capacity = 1 },
		{ .overflow = HM_OVERFLOW_REJECT },
		{ .overflow = HM_OVERFLOW_REJECT, .capacity = 10, .low = 5 },
		{ .capacity = 10, .low = 10 },
		{ .low = 1 },
		{ .order = HM_MAILBOX_PRIORITY },
		{ .order = HM_MAILBOX_CUSTOM },
		{ .priority = priority_of },
		{ .ops = &stack_ops },
	};
	struct hmt_probe *probe = &actor;
	struct hmt_node node;
	struct hm_pid pid;

	mailbox_start(&node, NULL, NULL);
	for (size_t i = 0; i < RTE_DIM(wrong); i++) {
		props.mailbox = &wrong[i];
		cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &probe, &pid), -EINVAL, "%zu", i);
	}
	hmt_node_end(&node);
}
