/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an actor passes to the engine may be no memory at all. The fault is the actor's: it comes before the engine
 * has changed anything, so nothing is lost, however often it happens.
 */
#include <criterion/criterion.h>
#include <sys/mman.h>

#include "hm_buffer.h"
#include "hm_offload.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_types.pb-c.h"

#define TREE  HMT_TYPE_NEXT
#define TIMES 50u

static const struct hm_supervisor resume = { .directive = HM_DIRECTIVE_RESUME };
static struct hmt_node node;
static struct hmt_probe actor, other;
static void *nowhere;

static void
start(void)
{
	static const struct hm_type tree = { .id = TREE, .descriptor = &hmt__tree__descriptor };

	hmt_eal_start();
	nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert(nowhere != MAP_FAILED);
	actor = other = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 2);
	cr_assert_eq(hm_type_register(node.sys, &tree), 0);
	node.sys->guardian.supervisor = &resume;
	hmt_probe_spawn(&node, &actor, 0, NULL);
	hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_turn_until_idle(&node);
}

TestSuite(engine_bad_memory, .init = start);

/* What the lcore has in use. Messages that are lost hmt_node_end finds. */
struct in_use {
	uint32_t cells, links;
	const void *timers, *bodies[HMI_POOL_CLASSES], *states[HMI_STATE_CLASSES], *records;
};

static struct in_use
in_use(void)
{
	const struct hm_ctx *ctx = node.sys->lcores[0];
	struct in_use now = { .cells = ctx->cells.live, .links = ctx->links.count };

	now.timers = ctx->timers.fresh;
	now.records = ctx->records.fresh;
	for (unsigned int c = 0; c < HMI_POOL_CLASSES; c++)
		now.bodies[c] = ctx->timer_bodies[c].fresh;
	for (unsigned int c = 0; c < HMI_STATE_CLASSES; c++)
		now.states[c] = ctx->states[c].fresh;
	return now;
}

/* Each call fails, and leaves all as it was. */
static void
fails(void (*call)(struct hm_ctx *ctx, void *arg))
{
	uint64_t before = hmt_stats(&node).failed;
	struct in_use first;

	hmt_do(&node, actor.pid, call, nowhere);
	first = in_use();
	for (uint32_t i = 1; i < TIMES; i++) {
		struct in_use now;

		hmt_do(&node, actor.pid, call, nowhere);
		now = in_use();
		cr_assert_eq(memcmp(&first, &now, sizeof(now)), 0, "call %u", i);
	}
	cr_assert_eq(hmt_stats(&node).failed, before + TIMES);
	/* The engine goes on. */
	hmt_number(&node, other.pid, 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_last(&other, HMT_NUMBER)->number, 1);
}

/* ---- Messages ----------------------------------------------------------------------- */

static void
send_small(struct hm_ctx *ctx, void *bad)
{
	(void)hm_send(ctx, other.pid, HMT_NUMBER, bad);
}

static void
request_big(struct hm_ctx *ctx, void *bad)
{
	(void)hm_request(ctx, other.pid, HMT_BIG, bad);
}

Test(engine_bad_memory, send__loses_no_message)
{
	fails(send_small);
	fails(request_big);
	hmt_node_end(&node);
}

static void
send_external(struct hm_ctx *ctx, void *bad)
{
	(void)hm_system_send(hm_system(ctx), other.pid, HMT_BIG, bad);
}

static void
send_external_small(struct hm_ctx *ctx, void *bad)
{
	(void)hm_system_send(hm_system(ctx), other.pid, HMT_NUMBER, bad);
}

Test(engine_bad_memory, system_send__loses_no_message)
{
	fails(send_external);
	fails(send_external_small);
	hmt_node_end(&node);
}

static void
buffer_alloc(struct hm_ctx *ctx, void *bad)
{
	(void)!hm_buffer_alloc(hm_system(ctx), 100, bad);
}

static void
buffer_wrap(struct hm_ctx *ctx, void *bad)
{
	(void)!hm_buffer_wrap(hm_system(ctx), &other, 100, NULL, NULL, bad);
}

static void
buffer_put(struct hm_ctx *ctx, void *bad)
{
	(void)ctx;
	hm_buffer_put(bad);
}

Test(engine_bad_memory, buffer__loses_none)
{
	fails(buffer_alloc);
	fails(buffer_wrap);
	fails(buffer_put);
	hmt_node_end(&node);
}

/* A message of its own is all right, but not what it points to. */
static Hmt__Tree
tree_of(void *bad)
{
	Hmt__Tree tree = HMT__TREE__INIT;

	tree.has_data = 1;
	tree.data = (ProtobufCBinaryData){ 100, bad };
	return tree;
}

static void
send_deep(struct hm_ctx *ctx, void *bad)
{
	Hmt__Tree tree = tree_of(bad);

	(void)hm_send(ctx, other.pid, TREE, &tree);
}

static void
send_numbers(struct hm_ctx *ctx, void *bad)
{
	Hmt__Tree tree = HMT__TREE__INIT;

	tree.n_numbers = 10;
	tree.numbers = bad;
	(void)hm_send(ctx, other.pid, TREE, &tree);
}

static void
send_external_deep(struct hm_ctx *ctx, void *bad)
{
	Hmt__Tree tree = tree_of(bad);

	(void)hm_system_send(hm_system(ctx), other.pid, TREE, &tree);
}

Test(engine_bad_memory, send__of_what_points_to_it_loses_no_message)
{
	fails(send_deep);
	fails(send_numbers);
	fails(send_external_deep);
	hmt_node_end(&node);
}

/* ---- Futures, timers, calls ------------------------------------------------------------ */

static void
ask(struct hm_ctx *ctx, void *bad)
{
	(void)hm_ask(ctx, other.pid, HMT_BIG, bad, 1000, hmt_ignore_reply, NULL);
}

static void
resolve(struct hm_ctx *ctx, void *bad)
{
	(void)!hm_resolve(ctx, bad, 1000, hmt_ignore_reply, NULL);
}

Test(engine_bad_memory, ask__loses_no_future)
{
	fails(ask);
	fails(resolve);
	hmt_node_end(&node);
}

static void
send_after(struct hm_ctx *ctx, void *bad)
{
	(void)hm_send_after(ctx, hm_self(ctx), HMT_NUMBER, bad, 1000, 0, NULL);
}

static void
send_after_big(struct hm_ctx *ctx, void *bad)
{
	(void)hm_send_after(ctx, hm_self(ctx), HMT_BIG, bad, 1000, 0, NULL);
}

static void
send_after_deep(struct hm_ctx *ctx, void *bad)
{
	Hmt__Tree tree = tree_of(bad);

	(void)hm_send_after(ctx, hm_self(ctx), TREE, &tree, 1000, 0, NULL);
}

Test(engine_bad_memory, send_after__loses_no_timer)
{
	fails(send_after);
	fails(send_after_big);
	fails(send_after_deep);
	hmt_node_end(&node);
}

static void
work(const struct hm_work *self, void *args, void *result)
{
	(void)self;
	(void)args;
	(void)result;
}

static void
offload(struct hm_ctx *ctx, void *bad)
{
	(void)hm_offload(ctx, work, bad, 500, HMT_NUMBER, NULL);
}

Test(engine_bad_memory, offload__loses_no_call)
{
	fails(offload);
	hmt_node_end(&node);
}

/* ---- Actors ------------------------------------------------------------------------------ */

static void
spawn_props(struct hm_ctx *ctx, void *bad)
{
	(void)!hm_spawn(ctx, bad, NULL, NULL, NULL);
}

static void
spawn_args(struct hm_ctx *ctx, void *bad)
{
	(void)!hm_spawn(ctx, hmt_probe_props(0), NULL, bad, NULL);
}

static void
spawn_name_there(struct hm_ctx *ctx, void *bad)
{
	struct hmt_probe *probe = &other;

	(void)!hm_spawn(ctx, hmt_probe_props(1), bad, &probe, NULL);
}

Test(engine_bad_memory, spawn__loses_no_slot)
{
	fails(spawn_props);
	fails(spawn_args);
	fails(spawn_name_there);
	hmt_node_end(&node);
}

static void
fail_by(struct hm_ctx *ctx, void *bad)
{
	hm_fail(ctx, bad);
}

static void
lookup(struct hm_ctx *ctx, void *bad)
{
	(void)!hm_lookup(hm_system(ctx), bad, NULL);
	(void)!hm_lookup(hm_system(ctx), bad, &other.pid);
}

Test(engine_bad_memory, fail_and_lookup__fail)
{
	fails(fail_by);
	fails(lookup);
	hmt_node_end(&node);
}
