/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a turn an actor has: by count and by time, by option and by props, in a clock of the test.
 */
#include "test_engine_spawn.h"

#include "hm_dispatch.h"

#define US 1000u

TestSuite(engine_quantum, .init = hmt_eal_start);

/* An actor that takes so long for each number. */
struct role {
	char letter;
	uint32_t us;
	uint32_t started;
};

static struct hmt_node node;
static char seen[8192];
static uint32_t seen_count;

static void
take(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct role *role = *(struct role **)state;

	role->started += hm_msg_type(msg) == HM_STARTED;
	if (hm_msg_type(msg) == HMT_EMPTY)
		hm_fail(ctx, "asked to");
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	node.now_ns += role->us * US;
	cr_assert_lt(seen_count, sizeof(seen) - 1);
	seen[seen_count++] = role->letter;
}

#define ROLE .receive = take, .state_size = sizeof(struct role *), .args_size = sizeof(struct role *)

static const struct hm_props plain = { ROLE };

static struct hm_pid
enter(struct role *role, const struct hm_props *props)
{
	struct hm_pid pid;

	cr_assert_eq(hm_system_spawn(node.sys, props, NULL, &role, &pid), 0);
	return pid;
}

struct meal {
	struct hm_pid a, b;
	uint32_t count;
};

static void
send_meal(struct hm_ctx *ctx, void *arg)
{
	const struct meal *meal = arg;

	for (uint64_t i = 0; i < meal->count; i++) {
		cr_assert_eq(hm_send(ctx, meal->a, HMT_NUMBER, &i), HM_OK);
		cr_assert_eq(hm_send(ctx, meal->b, HMT_NUMBER, &i), HM_OK);
	}
}

/* So many numbers in the mailboxes of both before either runs. */
static void
feed(struct hm_pid a, struct hm_pid b, uint32_t count)
{
	static struct hmt_probe cook;
	struct meal meal = { a, b, count };

	hmt_turn_until_idle(&node);
	seen_count = 0;
	memset(seen, 0, sizeof(seen));
	hmt_do(&node, hmt_probe_spawn(&node, &cook, 0, NULL), send_meal, &meal);
	cr_assert_eq(seen_count, 2 * count);
}

/* The most numbers in a row of one letter, while the other one waits, from a place on. */
static uint32_t
row_max(char letter, uint32_t from)
{
	char other = letter == 'a' ? 'b' : 'a';
	const char *last = strrchr(seen, other);
	uint32_t row = 0, max = 0;

	for (const char *at = seen + from; at < last; at++) {
		row = *at == letter ? row + 1 : 0;
		max = RTE_MAX(max, row);
	}
	return max;
}

/* ---- By count ----------------------------------------------------------------------------- */

Test(engine_quantum, count__of_the_actor_beside_that_of_the_system)
{
	static struct role a = { .letter = 'a' }, b = { .letter = 'b' };
	static const struct hm_props three = { ROLE, .quantum = 3 };

	hmt_node_start(&node, 1);
	feed(enter(&a, &three), enter(&b, &plain), 100);
	cr_assert_eq(row_max('a', 0), 3);
	/* But for what others have taken of it. */
	cr_assert_gt(row_max('b', 0), HM_QUANTUM_MAX / 2);
	cr_assert_leq(row_max('b', 0), HM_QUANTUM_MAX);
	cr_assert_eq(strncmp(seen, "aaab", 4), 0, "%s", seen);
	hmt_node_end(&node);
}

Test(engine_quantum, count__at_its_limits)
{
	static struct role a = { .letter = 'a' }, b = { .letter = 'b' };
	static const struct hm_props one = { ROLE, .quantum = 1 }, most = { ROLE, .quantum = HM_QUANTUM_MAX };

	hmt_node_start(&node, 1);
	feed(enter(&a, &one), enter(&b, &most), 100);
	cr_assert_eq(row_max('a', 0), 1);
	/* But for what others have taken of it. */
	cr_assert_gt(row_max('b', 0), HM_QUANTUM_MAX / 2);
	cr_assert_leq(row_max('b', 0), HM_QUANTUM_MAX);
	hmt_node_end(&node);
}

/* What the system says is the most. */
Test(engine_quantum, count__more_than_the_option_is_the_option)
{
	static struct role a = { .letter = 'a' }, b = { .letter = 'b' };
	static const struct hm_props most = { ROLE, .quantum = 10, .quantum_us = HM_QUANTUM_US_MAX };

	hmt_node_start_with(&node, 1, 0, "--quantum 2");
	feed(enter(&a, &most), enter(&b, &plain), 100);
	cr_assert_eq(row_max('a', 0), 2);
	cr_assert_eq(row_max('b', 0), 2);
	hmt_node_end(&node);
}

/* ---- By time, of the system ------------------------------------------------------------------ */

/* Rows of an actor whose messages take so long, once that is known. */
static uint32_t
row_by_option(const char *option, uint32_t us)
{
	static struct role a, b;
	uint32_t row;

	a = (struct role){ .letter = 'a', .us = us };
	b = (struct role){ .letter = 'b', .us = us };
	hmt_node_start_with(&node, 1, 0, option);
	feed(enter(&a, &plain), enter(&b, &plain), 1000);
	row = RTE_MAX(row_max('a', 1000), row_max('b', 1000));
	hmt_node_end(&node);
	return row;
}

Test(engine_quantum, time__four_microseconds_if_nothing_is_said)
{
	cr_assert_leq(row_by_option("", 1), 4 + 1);
	cr_assert_geq(row_by_option("", 1), 2);
	cr_assert_eq(row_by_option("", 5), 1);
}

Test(engine_quantum, time__by_option)
{
	cr_assert_eq(row_by_option("--quantum-us 1", 2), 1);
	cr_assert_leq(row_by_option("--quantum-us 12", 2), 6 + 1);
	cr_assert_geq(row_by_option("--quantum-us 12", 2), 3);
	cr_assert_leq(row_by_option("--quantum-us 40", 5), 8 + 1);
	cr_assert_geq(row_by_option("--quantum-us 40", 5), 4);
}

/* ---- By time, of one actor --------------------------------------------------------------------- */

static const struct hm_props brief = { ROLE, .quantum_us = 20 };

/* The longest that an actor went on while the other one waited, in microseconds. */
static uint32_t
turn_us_max(const struct role *role, uint32_t from)
{
	return row_max(role->letter, from) * role->us;
}

/* The worker takes its messages for fast ones, since most of those that it runs are. */
Test(engine_quantum, actor__yields_after_its_time)
{
	for (uint32_t us = 1; us <= 30; us++) {
		static struct role slow, fast;

		slow = (struct role){ .letter = 'a', .us = us };
		fast = (struct role){ .letter = 'b' };
		hmt_node_start_with(&node, 1, 0, "--quantum-us 40");
		feed(enter(&slow, &brief), enter(&fast, &plain), 300);
		/* From the first turn on: it begins with one message. */
		cr_assert_leq(turn_us_max(&slow, 0), RTE_MAX(20u, us), "%u us each: %s", us, seen);
		hmt_node_end(&node);
	}
}

Test(engine_quantum, actor__uses_the_time_that_it_has)
{
	static struct role fast = { .letter = 'a', .us = 1 }, other = { .letter = 'b' };
	struct hm_pid pid, beside;

	hmt_node_start_with(&node, 1, 0, "--quantum-us 40");
	pid = enter(&fast, &brief);
	beside = enter(&other, &plain);
	feed(pid, beside, 300);
	feed(pid, beside, 300);
	cr_assert_geq(row_max('a', 0), 10, "%s", seen);
	hmt_node_end(&node);
}

/* Its messages turn slow at once: one turn is too long, by as many as it handled before; none after it. */
Test(engine_quantum, actor__learns_from_one_turn_that_is_too_long)
{
	static struct role slow = { .letter = 'a' }, other = { .letter = 'b' };
	struct hm_pid pid, beside;
	uint32_t first;

	hmt_node_start_with(&node, 1, 0, "--quantum-us 40");
	pid = enter(&slow, &brief);
	beside = enter(&other, &plain);
	feed(pid, beside, 300);
	slow.us = 100;
	feed(pid, beside, 300);
	first = (uint32_t)strspn(seen, "a");
	cr_assert_leq(first, HM_QUANTUM_MAX);
	cr_assert_eq(row_max('a', first), 1, "%s", seen);
	hmt_node_end(&node);
}

/* What was learnt is kept, whether a turn ends by a failure or not. */
Test(engine_quantum, actor__is_as_brief_after_a_restart)
{
	static struct role slow = { .letter = 'a', .us = 15 }, other = { .letter = 'b' };
	struct hm_pid pid, beside;

	hmt_node_start_with(&node, 1, 0, "--quantum-us 40");
	pid = enter(&slow, &brief);
	beside = enter(&other, &plain);
	feed(pid, beside, 100);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(hm_system_send(node.sys, pid, HMT_EMPTY, NULL), HM_OK);
		feed(pid, beside, 100); /* behind the failure */
		cr_assert_eq(slow.started, 2 + i);
		cr_assert_eq(row_max('a', 0), 1, "%s", seen);
	}
	hmt_node_end(&node);
}

/* One that does not end stays within its time, and so does one of a priority. */
Test(engine_quantum, actor__with_priority_and_bounded_mailbox)
{
	static struct role slow = { .letter = 'a', .us = 3 }, other = { .letter = 'b' };
	static const struct hm_props low = { ROLE, .quantum_us = 6, .priority = HM_ACTOR_LOW },
				     brief_too = { ROLE, .quantum_us = 1, .priority = HM_ACTOR_LOW };

	hmt_node_start_with(&node, 1, 0, "--quantum-us 40 --mailbox 4");
	feed(enter(&slow, &low), enter(&other, &brief_too), 100);
	cr_assert_eq(row_max('a', 0), 2, "%s", seen);
	hmt_node_end(&node);
}

/* A receiver of timers that has a quantum runs at once, as others do. */
static void
send_timers(struct hm_ctx *ctx, void *arg)
{
	const struct hm_pid *pids = arg;
	uint64_t number = 1;

	for (uint32_t i = 0; i < 2; i++)
		cr_assert_eq(hm_send_after(ctx, pids[i], HMT_NUMBER, &number, 100, 0, NULL), HM_OK);
}

Test(engine_quantum, actor__timer_runs_it_at_once)
{
	static struct role a = { .letter = 'a' }, b = { .letter = 'b' };
	static struct hmt_probe sender;
	struct hm_pid pids[2];

	hmt_node_start(&node, 1);
	pids[0] = enter(&a, &brief);
	pids[1] = enter(&b, &plain);
	hmt_do(&node, hmt_probe_spawn(&node, &sender, 0, NULL), send_timers, pids);
	node.now_ns += 1000 * US;
	/* Sent before it is due, and yet behind. */
	hmt_number(&node, pids[1], 1);
	hmt_turn_until_idle(&node);
	cr_assert_str_eq(seen, "abb", "%s", seen);
	hmt_node_end(&node);
}

/* ---- Misuse ---------------------------------------------------------------------------------------- */

Test(engine_quantum, spawn__more_than_the_most_is_refused)
{
	static const struct hm_props wrong[] = { { ROLE, .quantum = HM_QUANTUM_MAX + 1 },
						 { ROLE, .quantum = UINT32_MAX },
						 { ROLE, .quantum_us = HM_QUANTUM_US_MAX + 1 },
						 { ROLE, .quantum_us = UINT32_MAX } };
	static struct role role = { .letter = 'a' };
	struct role *arg = &role;
	struct hm_pid pid = { 7, 7 };

	hmt_node_start(&node, 1);
	for (uint32_t i = 0; i < RTE_DIM(wrong); i++)
		cr_assert_eq(hm_system_spawn(node.sys, &wrong[i], NULL, &arg, &pid), -EINVAL);
	cr_assert_eq(pid.local, 7);
	hmt_node_end(&node);
	cr_assert_eq(role.started, 0);
}
