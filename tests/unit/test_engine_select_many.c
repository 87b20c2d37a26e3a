/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to many at once, whom a pattern matches: in portions, and without memory.
 */
#include "test_engine_select.h"

TestSuite(engine_select_many, .init = hmt_eal_start);

#define MANY 20000u

static void
named_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == HMT_NUMBER)
		(**(uint32_t **)state)++;
}

static void
many_spawn(struct hm_ctx *ctx, void *count)
{
	static const struct hm_props props = { .receive = named_receive,
					       .state_size = sizeof(uint32_t *),
					       .args_size = sizeof(uint32_t *) };
	char name[16];

	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		cr_assert_eq(hm_spawn(ctx, &props, name, &count, NULL), 0);
	}
}

/* How many of the system's turns it takes until all have it, with another actor busy. */
struct busy {
	uint32_t turns, received;
};

static void
busy_again(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct busy *busy = probe->arg;
	uint64_t number = 1;

	if (hm_msg_type(msg) != HMT_NUMBER || busy->received == MANY)
		return;
	busy->turns++;
	cr_assert_eq(hm_send(ctx, hm_self(ctx), HMT_NUMBER, &number), HM_OK);
}

Test(engine_select_many, send__to_many_names_leaves_turns_to_others, .timeout = 120)
{
	static struct select_scene s;
	static struct hmt_probe other;
	struct select_call call = { .path = "*", .number = 5 };
	struct busy busy = { 0, 0 };

	select_start(&s);
	hmt_do(&s.node, s.pool.pid, many_spawn, &busy.received);
	other = (struct hmt_probe){ .on_msg = busy_again, .arg = &busy };
	hmt_probe_spawn(&s.node, &other, 1, NULL);
	hmt_turn_until_idle(&s.node);
	hmt_number(&s.node, other.pid, 1);
	/* Three others have it, too. */
	hmt_do(&s.node, s.pool.pid, select_send, &call);
	cr_assert_eq(busy.received, MANY);
	/* Each portion is of 64 steps, and 64 of them may be in one turn of the actor. */
	cr_assert_gt(busy.turns, 5, "%u turns", busy.turns);
	cr_assert_eq(hmt_seen_count(&s.workers[1], HMT_NUMBER), 1);
	cr_assert_eq(hmt_dead(&s.node), 0);
	hmt_node_end(&s.node);
}

/* The first of many is asked to stop the selecting actor. */
struct stopper {
	struct select_scene scene;
	uint32_t received;
	enum hm_result result;
};

static void
send_and_stop(struct hm_ctx *ctx, void *arg)
{
	struct stopper *stopper = arg;
	uint64_t number = 5;

	stopper->result = hm_select_send(ctx, "*", HMT_NUMBER, &number);
	hm_stop(ctx, hm_self(ctx));
}

Test(engine_select_many, send__ends_with_the_actor, .timeout = 120)
{
	static struct stopper stopper;
	struct select_scene *s = &stopper.scene;
	uint32_t links;

	select_start(s);
	hmt_do(&s->node, s->pool.pid, many_spawn, &stopper.received);
	links = select_links(&s->node);
	hmt_do(&s->node, s->pool.pid, send_and_stop, &stopper);
	cr_assert_eq(stopper.result, HM_OK);
	cr_assert_gt(stopper.received, 0);
	cr_assert_lt(stopper.received, 1000);
	cr_assert_leq(select_links(&s->node), links);
	cr_assert_eq(hmt_seen_count(&s->pool, HM_STOPPED), 1);
	hmt_node_end(&s->node);
}

/* A pattern of which nothing was looked at yet that matches: what was to be sent is a dead letter. */
static void
miss_and_stop(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 5;

	(void)arg;
	cr_assert_eq(hm_select_send(ctx, "x*", HMT_NUMBER, &number), HM_OK);
	hm_stop(ctx, hm_self(ctx));
}

Test(engine_select_many, send__that_has_reached_nobody_when_the_actor_ends_is_a_dead_letter, .timeout = 120)
{
	static struct stopper stopper;
	struct select_scene *s = &stopper.scene;

	select_start(s);
	hmt_do(&s->node, s->pool.pid, many_spawn, &stopper.received);
	hmt_do(&s->node, s->pool.pid, miss_and_stop, NULL);
	cr_assert_eq(hmt_stats(&s->node).dead[HM_DEAD_NO_PATH], 1);
	hmt_node_end(&s->node);
}

static void
both_begin(struct hm_ctx *ctx, void *arg)
{
	struct select_call *call = arg;
	uint64_t number = 5;

	cr_assert_eq(hm_select_send(ctx, "x*", HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_select_all(ctx, "n*", select_listed, call), 0);
}

/* Destroyed while they are under way, as by force: nothing is lost. */
Test(engine_select_many, drop__with_selections_under_way, .timeout = 120)
{
	static struct stopper stopper;
	struct select_scene *s = &stopper.scene;
	struct select_call call = { 0 };
	struct hm_ctx *ctx;

	select_start(s);
	hmt_do(&s->node, s->pool.pid, many_spawn, &stopper.received);
	/* As in a turn that is the last. */
	ctx = s->node.sys->lcores[1];
	ctx->cell = hmi_cell_live(ctx, s->pool.pid.local);
	both_begin(ctx, &call);
	ctx->cell = NULL;
	hmt_system_drain(s->node.sys);
	cr_assert_eq(hmt_stats(&s->node).dead[HM_DEAD_SHUTDOWN], 1);
	cr_assert_eq(call.ends, 0);
	hmt_node_drop(&s->node);
}

/* ---- No memory --------------------------------------------------------------------------------- */

struct hoarder {
	struct hm_msg *msgs[65536];
	uint32_t count;
	enum hm_result result;
};

static void
hoard_and_send(struct hm_ctx *ctx, void *arg)
{
	struct hoarder *hoarder = arg;
	uint64_t number = 5;

	while ((hoarder->msgs[hoarder->count] = hm_msg_new(ctx, HMT_NUMBER, 0)) != NULL)
		hoarder->count++;
	hoarder->result = hm_select_send(ctx, "w*", HMT_NUMBER, &number);
	/* One for what is kept, one for the first of two receivers. */
	hm_msg_free(ctx, hoarder->msgs[--hoarder->count]);
	hm_msg_free(ctx, hoarder->msgs[--hoarder->count]);
	cr_assert_eq(hm_select_send(ctx, "w*", HMT_NUMBER, &number), HM_OK);
	while (hoarder->count > 0)
		hm_msg_free(ctx, hoarder->msgs[--hoarder->count]);
}

Test(engine_select_many, send__without_message_memory_is_refused_or_a_dead_letter)
{
	static struct hoarder hoarder;
	static struct hmt_probe asker, own[2];
	struct select_scene s;

	memset(&s, 0, sizeof(s));
	asker = own[0] = own[1] = (struct hmt_probe){ 0 };
	hmt_node_start_with(&s.node, 1, HMI_MEMORY_MIN, NULL);
	hmt_probe_spawn(&s.node, &asker, 0, "asker");
	select_spawn(&s, &asker, &own[0], 0, "w1");
	select_spawn(&s, &asker, &own[1], 0, "w2");
	hmt_do(&s.node, asker.pid, hoard_and_send, &hoarder);
	cr_assert_eq(hoarder.result, HM_NO_MEMORY);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_NO_MEMORY], 1);
	cr_assert_eq(hmt_seen_count(&own[0], HMT_NUMBER) + hmt_seen_count(&own[1], HMT_NUMBER), 1);
	hmt_node_end(&s.node);
}

/* As if every slot of the lcore were taken: it goes on all the same, in one turn. */
static void
slots_none_list(struct hm_ctx *ctx, void *arg)
{
	struct hmi_cells *cells = &ctx->cells;
	uint32_t fresh = cells->fresh, end = cells->fresh_end, free = cells->free_count,
		 next = cells->bank->next;
	struct select_call *call = arg;
	uint64_t number = 5;

	cells->bank->next = HM_SLOTS_MAX;
	cells->fresh = cells->fresh_end = HM_SLOTS_MAX;
	cells->free_count = 0;
	call->rc = hm_select_all(ctx, "n1*", select_listed, call);
	call->result = hm_select_send(ctx, "n*", HMT_NUMBER, &number);
	cells->fresh = fresh;
	cells->fresh_end = end;
	cells->bank->next = next;
	cells->free_count = free;
}

Test(engine_select_many, send__without_a_slot_to_go_on_later_goes_on_at_once, .timeout = 120)
{
	static struct stopper stopper;
	struct select_scene *s = &stopper.scene;
	struct select_call call = { 0 };

	select_start(s);
	hmt_do(&s->node, s->pool.pid, many_spawn, &stopper.received);
	hmt_do(&s->node, s->pool.pid, slots_none_list, &call);
	cr_assert_eq(call.rc, -ENOMEM);
	cr_assert_eq(call.found + call.ends, 0);
	cr_assert_eq(call.result, HM_OK);
	cr_assert_eq(stopper.received, MANY);
	hmt_node_end(&s->node);
}
