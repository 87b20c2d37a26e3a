/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token buckets, alone, by key, and of a process that throttles.
 */
#include <criterion/criterion.h>

#include <errno.h>

#include "hm_limit.h"
#include "hm_move.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_random.h"

TestSuite(engine_limit, .init = hmt_eal_start);

#define SECOND UINT64_C(1000000000)

/* ---- A bucket ------------------------------------------------------------------------- */

Test(engine_limit, bucket__burst_then_rate)
{
	struct hm_bucket bucket;
	uint64_t now = 5 * SECOND;

	cr_assert_eq(hm_bucket_init(&bucket, 100, 3), 0);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(hm_bucket_take(&bucket, now, 1), 0);
	cr_assert_eq(hm_bucket_take(&bucket, now, 1), SECOND / 100);
	cr_assert_eq(hm_bucket_take(&bucket, now + SECOND / 100 - 1, 1), 1);
	cr_assert_eq(hm_bucket_take(&bucket, now + SECOND / 100, 1), 0);
	cr_assert_eq(hm_bucket_take(&bucket, now + SECOND / 100, 1), SECOND / 100);
	/* What was refused has taken nothing; full again, and no fuller. */
	now += 100 * SECOND;
	cr_assert_eq(hm_bucket_take(&bucket, now, 4), UINT64_MAX);
	cr_assert_eq(hm_bucket_take(&bucket, now, 2), 0);
	cr_assert_eq(hm_bucket_take(&bucket, now, 2), SECOND / 100);
	cr_assert_eq(hm_bucket_take(&bucket, now, 0), 0);
	cr_assert_eq(hm_bucket_take(&bucket, now, 1), 0);
}

Test(engine_limit, bucket__limits)
{
	struct hm_bucket bucket;

	cr_assert_eq(hm_bucket_init(NULL, 1, 1), -EINVAL);
	cr_assert_eq(hm_bucket_init(&bucket, 0, 1), -EINVAL);
	cr_assert_eq(hm_bucket_init(&bucket, 1, 0), -EINVAL);
	cr_assert_eq(hm_bucket_init(&bucket, HM_RATE_MAX + 1, 1), -EINVAL);
	cr_assert_eq(hm_bucket_init(&bucket, 1, HM_RATE_MAX + 1), -EINVAL);
	cr_assert_eq(hm_bucket_init(&bucket, 1, HM_RATE_MAX), 0);
	cr_assert_eq(hm_bucket_take(&bucket, 7, HM_RATE_MAX), 0);
	cr_assert_eq(hm_bucket_take(&bucket, 7, HM_RATE_MAX), HM_RATE_MAX * SECOND);
	cr_assert_eq(hm_bucket_take(&bucket, 7, UINT32_MAX), UINT64_MAX);
	cr_assert_eq(hm_bucket_init(&bucket, HM_RATE_MAX, 1), 0);
	for (uint64_t i = 0; i < 1000; i++)
		cr_assert_eq(hm_bucket_take(&bucket, 1000 * i, 1), 0);
}

/* In any window there are no more than the burst and what the rate gives, and whoever waits as told gets all of that. */
Test(engine_limit, bucket__never_more_than_its_rate)
{
	uint64_t seed = 5;

	for (uint32_t round = 0; round < 50; round++) {
		uint32_t rate = 1 + (uint32_t)hmt_random_below(&seed, 10000);
		uint32_t burst = 1 + (uint32_t)hmt_random_below(&seed, 20);
		uint64_t now = SECOND, taken = 0, end = now + 10 * SECOND;
		struct hm_bucket bucket;

		cr_assert_eq(hm_bucket_init(&bucket, rate, burst), 0);
		while (now < end) {
			uint64_t wait = hm_bucket_take(&bucket, now, 1);

			taken += wait == 0;
			now += wait;
			cr_assert_leq(taken, burst + (now - SECOND) / bucket.interval_ns);
		}
		cr_assert_geq(taken, burst + 10 * SECOND / bucket.interval_ns - 1);
	}
}

/* ---- By key ------------------------------------------------------------------------------ */

Test(engine_limit, limiter__keys_are_apart)
{
	struct hm_limiter *limiter = NULL;

	cr_assert_eq(hm_limiter_create(10, 2, 100, &limiter), 0);
	for (uint64_t key = 0; key < 100; key++) {
		cr_assert_eq(hm_limiter_take(limiter, key, SECOND, 2), 0);
		cr_assert_eq(hm_limiter_take(limiter, key, SECOND, 1), SECOND / 10);
	}
	cr_assert_eq(hm_limiter_count(limiter), 100);
	/* One too many, until the first is full again. */
	cr_assert_eq(hm_limiter_take(limiter, 100, SECOND, 1), 2 * SECOND / 10);
	cr_assert_eq(hm_limiter_take(limiter, 100, SECOND, 0), 0, "nothing is always there");
	cr_assert_eq(hm_limiter_take(limiter, 100, SECOND, 3), UINT64_MAX);
	cr_assert_eq(hm_limiter_take(limiter, 5, SECOND, 1), SECOND / 10, "those that are known go on");
	cr_assert_eq(hm_limiter_take(limiter, 100, SECOND + 2 * SECOND / 10, 1), 0);
	cr_assert_leq(hm_limiter_count(limiter), 100);
	hm_limiter_destroy(limiter);
}

Test(engine_limit, limiter__who_is_forgotten_gets_no_more)
{
	struct hm_limiter *limiter;
	uint64_t now = SECOND, seed = 8, taken[16] = { 0 };

	/* Three keys have room, and sixteen come. */
	cr_assert_eq(hm_limiter_create(100, 5, 3, &limiter), 0);
	for (uint32_t i = 0; i < 200000; i++, now += 100000) {
		uint64_t key = hmt_random_below(&seed, 16) * 1024;

		taken[key / 1024] += hm_limiter_take(limiter, key, now, 1) == 0;
		cr_assert_leq(hm_limiter_count(limiter), 3);
	}
	for (uint32_t key = 0; key < 16; key++)
		cr_assert_leq(taken[key], 5 + (now - SECOND) / (SECOND / 100));
	hm_limiter_destroy(limiter);
}

Test(engine_limit, limiter__wrong_arguments)
{
	struct hm_limiter *limiter = NULL;

	cr_assert_eq(hm_limiter_create(1, 1, 1, NULL), -EINVAL);
	cr_assert_eq(hm_limiter_create(0, 1, 1, &limiter), -EINVAL);
	cr_assert_eq(hm_limiter_create(1, 0, 1, &limiter), -EINVAL);
	cr_assert_eq(hm_limiter_create(1, 1, 0, &limiter), -EINVAL);
	cr_assert_eq(hm_limiter_create(1, 1, (1u << 24) + 1, &limiter), -EINVAL);
	cr_assert_null(limiter);
	cr_assert_eq(hm_limiter_create(1, 1, 1, &limiter), 0);
	cr_assert_eq(hm_limiter_take(limiter, 1, 0, 1), 0);
	cr_assert_eq(hm_limiter_take(limiter, 2, 0, 1), SECOND);
	hm_limiter_destroy(limiter);
	hm_limiter_destroy(NULL);
}

/* ---- A process ---------------------------------------------------------------------------- */

struct spawning {
	struct hm_throttle throttle;
	struct hm_pid pid;
	int rc;
};

static void
spawn(struct hm_ctx *ctx, void *arg)
{
	struct spawning *s = arg;

	s->rc = hm_throttle_spawn(ctx, &s->throttle, NULL, &s->pid);
}

static void
many_send(struct hm_ctx *ctx, void *arg)
{
	const struct hm_pid *to = arg;

	for (uint64_t i = 0; i < 100; i++)
		cr_assert_eq(hm_request(ctx, *to, HMT_NUMBER, &i), HM_OK);
}

static struct hmt_probe owner, sender, sink;

static void
throttle_start(struct hmt_node *node, struct spawning *s, uint32_t rate, uint32_t burst, const char *options)
{
	hmt_node_start_with(node, 2, 0, options);
	hmt_probe_spawn(node, &owner, 0, NULL);
	hmt_probe_spawn(node, &sender, 0, NULL);
	hmt_probe_spawn(node, &sink, 1, NULL);
	s->throttle = (struct hm_throttle){ sink.pid, rate, burst };
	hmt_do(node, owner.pid, spawn, s);
	cr_assert_eq(s->rc, 0);
}

Test(engine_limit, throttle__lets_through_at_its_rate_in_order)
{
	struct spawning s;
	struct hmt_node node;

	throttle_start(&node, &s, 1000, 5, NULL);
	hmt_do(&node, sender.pid, many_send, &s.pid);
	cr_assert_eq(hmt_seen_count(&sink, HMT_NUMBER), 5, "the burst");
	hmt_elapse(&node, 20);
	for (uint32_t ms = 1; ms <= 95; ms++) {
		hmt_elapse(&node, 970);
		cr_assert_eq(hmt_seen_count(&sink, HMT_NUMBER), 4 + ms);
		hmt_elapse(&node, 30);
		cr_assert_eq(hmt_seen_count(&sink, HMT_NUMBER), 5 + ms, "after %u ms", ms);
	}
	for (uint32_t i = 0; i < 100; i++) {
		cr_assert_eq(sink.seen[i + 1].number, i);
		cr_assert(hm_pid_equal(sink.seen[i + 1].sender, sender.pid));
	}
	hmt_elapse(&node, 1000000);
	hmt_do(&node, sender.pid, many_send, &s.pid);
	cr_assert_eq(hmt_seen_count(&sink, HMT_NUMBER), 105, "full again");
	for (uint32_t ms = 0; ms < 100; ms++)
		hmt_elapse(&node, 1000);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_limit, throttle__mutes_who_sends_too_much)
{
	struct spawning s;
	struct hmt_node node;

	throttle_start(&node, &s, 1000, 1, "--mailbox 8");
	hmt_do(&node, sender.pid, many_send, &s.pid);
	cr_assert_gt(hmt_stats(&node).mutes, 1, "the throttle, and the sender");
	hmt_number(&node, sender.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&sender, HMT_NUMBER), 0);
	for (uint32_t ms = 0; ms < 120; ms++)
		hmt_elapse(&node, 1002);
	cr_assert_eq(hmt_seen_count(&sender, HMT_NUMBER), 1, "it goes on");
	cr_assert_eq(hmt_seen_count(&sink, HMT_NUMBER), 100);
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

Test(engine_limit, throttle__ends)
{
	struct spawning s;
	struct hmt_node node;

	/* With its receiver, behind what waits, ... */
	throttle_start(&node, &s, 1000, 1, NULL);
	hmt_do(&node, sender.pid, many_send, &s.pid);
	hmt_stop(&node, sink.pid);
	cr_assert_eq(hmt_seen_count(&owner, HM_TERMINATED), 0);
	for (uint32_t ms = 0; ms < 120; ms++)
		hmt_elapse(&node, 1001);
	cr_assert_eq(hmt_seen_count(&owner, HM_TERMINATED), 1);
	cr_assert_eq(hmt_dead(&node), 99);
	hmt_books_check(node.sys);
	/* ... by itself, while it is muted, and its timer with it. */
	hmt_probe_spawn(&node, &sink, 1, NULL);
	s.throttle = (struct hm_throttle){ sink.pid, 1, 1 };
	hmt_do(&node, owner.pid, spawn, &s);
	hmt_do(&node, sender.pid, many_send, &s.pid);
	cr_assert_eq(hm_system_move(node.sys, s.pid, 1), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	hmt_stop(&node, s.pid);
	cr_assert_eq(hmt_seen_count(&owner, HM_TERMINATED), 2);
	hmt_elapse(&node, 5000000);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_limit, throttle__wrong_arguments)
{
	struct spawning s = { 0 };
	struct hmt_node node;

	throttle_start(&node, &s, 1, 1, NULL);
	s.throttle.rate = 0;
	hmt_do(&node, owner.pid, spawn, &s);
	cr_assert_eq(s.rc, -EINVAL);
	s.throttle = (struct hm_throttle){ sink.pid, 1, HM_RATE_MAX + 1 };
	hmt_do(&node, owner.pid, spawn, &s);
	cr_assert_eq(s.rc, -EINVAL);
	s.throttle = (struct hm_throttle){ hm_pid_none(), 1, 1 };
	hmt_do(&node, owner.pid, spawn, &s);
	cr_assert_eq(s.rc, -EINVAL);
	hmt_node_end(&node);
}
