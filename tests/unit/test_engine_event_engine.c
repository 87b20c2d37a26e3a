/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of the engine itself: what has become of actors, nodes, mailboxes, lcores.
 */
#include "test_engine_event_stream.h"

#include "hm_mailbox.h"
#include "hm_provider.h"
#include "hm_stall.h"
#include "lcore_setup_pvt.h"

TestSuite(engine_event_engine, .init = hmt_eal_start);

static struct event_scene s;

/* What a subscriber has seen, with path. */
struct noted {
	uint32_t count;
	union {
		struct hm_lifecycle lifecycle;
		struct hm_endpoint endpoint;
		struct hm_overload overload;
		struct hm_stalled stall;
		struct hm_supervision supervision;
	} body[16];
	char path[16][HM_PATH_MAX];
};

static struct noted noted;

static void
note(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) < HM_DEAD_LETTER || hm_msg_type(msg) >= HM_TYPE_USER ||
	    hm_msg_type(msg) == HM_TERMINATED)
		return;
	cr_assert_lt(noted.count, RTE_DIM(noted.body));
	memcpy(&noted.body[noted.count], hm_msg_body(msg),
	       RTE_MIN(sizeof(noted.body[0]), hm_msg_length(msg)));
	(void)snprintf(noted.path[noted.count++], HM_PATH_MAX, "%s", hm_event_path(msg));
}

static void
scene_start(uint16_t type)
{
	event_scene_start(&s);
	memset(&noted, 0, sizeof(noted));
	s.sinks[2].on_msg = note;
	cr_assert_eq(hm_event_subscribe_pid(s.node.sys, type, 0, s.sinks[2].pid, NULL), 0);
}

/* ---- Life cycle -------------------------------------------------------------------------------- */

static void
cr_expect_stage(uint32_t at, enum hm_lifecycle_stage stage, struct hm_pid actor, struct hm_pid parent,
		const char *path)
{
	const struct hm_lifecycle *body = &noted.body[at].lifecycle;

	cr_expect_lt(at, noted.count);
	cr_expect_eq(body->stage, stage, "%u: %s", at,
		     hm_lifecycle_stage_name((enum hm_lifecycle_stage)body->stage));
	cr_expect(hm_pid_equal(body->actor, actor));
	cr_expect(hm_pid_equal(body->parent, parent));
	cr_expect_str_eq(noted.path[at], path);
}

static struct hmt_probe child;

static void
child_spawn(struct hm_ctx *ctx, void *name)
{
	cr_assert_eq(hmt_probe_child(ctx, &child, 1, name), 0);
}

Test(engine_event_engine, lifecycle__of_an_actor_and_its_child)
{
	static struct hmt_probe probe;
	char name[] = "child";

	scene_start(HM_LIFECYCLE);
	hmt_probe_spawn(&s.node, &probe, 0, "named");
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(noted.count, 1);
	cr_expect_stage(0, HM_LIFECYCLE_STARTED, probe.pid, s.node.sys->user, "/user/named");
	hmt_do(&s.node, probe.pid, child_spawn, name);
	cr_expect_stage(1, HM_LIFECYCLE_STARTED, child.pid, probe.pid, "/user/named/child");
	hmt_do(&s.node, probe.pid, hmt_fail, NULL);
	/* Its child stops first. */
	cr_assert_eq(noted.count, 4);
	cr_expect_stage(2, HM_LIFECYCLE_STOPPED, child.pid, probe.pid, "/user/named/child");
	cr_expect_eq(noted.body[2].lifecycle.reason, HM_TERMINATED_STOPPED);
	cr_expect_stage(3, HM_LIFECYCLE_RESTARTED, probe.pid, s.node.sys->user, "/user/named");
	hmt_stop(&s.node, probe.pid);
	cr_expect_stage(4, HM_LIFECYCLE_STOPPED, probe.pid, s.node.sys->user, "/user/named");
	cr_assert_eq(noted.count, 5);
	hmt_node_end(&s.node);
}

/* Without a name, whom its supervisor stops since it has failed. */
Test(engine_event_engine, lifecycle__of_one_that_failed_and_its_own_subscriber)
{
	static const struct hm_supervisor strict = { .directive = HM_DIRECTIVE_STOP };
	struct hmt_probe *parent = &s.publisher;
	struct hm_props props;

	scene_start(HM_LIFECYCLE);
	hmt_stop(&s.node, s.publisher.pid);
	props = *hmt_probe_props(0);
	props.supervisor = &strict;
	memset(parent, 0, sizeof(*parent));
	cr_assert_eq(hm_system_spawn(s.node.sys, &props, NULL, &parent, &parent->pid), 0);
	hmt_do(&s.node, parent->pid, child_spawn, NULL);
	memset(&noted, 0, sizeof(noted));
	hmt_do(&s.node, child.pid, hmt_fail, NULL);
	cr_assert_eq(noted.count, 1);
	cr_expect_stage(0, HM_LIFECYCLE_STOPPED, child.pid, parent->pid, "");
	cr_expect_eq(noted.body[0].lifecycle.reason, HM_TERMINATED_FAILED);
	/* Its own end it is not told of. */
	hmt_stop(&s.node, s.sinks[2].pid);
	cr_assert_eq(noted.count, 1);
	cr_assert_eq(hmt_dead(&s.node), 1, "the order to fail");
	cr_assert_str_eq(hm_lifecycle_stage_name((enum hm_lifecycle_stage)9), "unknown");
	hmt_node_end(&s.node);
}

/* ---- Supervision --------------------------------------------------------------------------------- */

Test(engine_event_engine, supervision__is_an_event)
{
	scene_start(HM_SUPERVISION);
	hmt_do(&s.node, s.sinks[0].pid, hmt_fail, NULL);
	cr_assert_eq(noted.count, 1);
	cr_assert(hm_pid_equal(noted.body[0].supervision.failure.actor, s.sinks[0].pid));
	cr_assert_eq(noted.body[0].supervision.directive, HM_DIRECTIVE_RESTART);
	cr_assert_str_eq(noted.body[0].supervision.failure.reason, "on purpose");
	hmt_node_end(&s.node);
}

/* ---- Nodes ---------------------------------------------------------------------------------------- */

Test(engine_event_engine, endpoint__up_lost_and_up_again)
{
	uint16_t index, again;

	scene_start(HM_ENDPOINT);
	cr_assert_eq(hm_node_learn(s.node.sys, 4711, &index), 0);
	cr_assert_eq(hm_node_learn(s.node.sys, 4711, &again), 0);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(noted.count, 1, "it was known");
	cr_assert_eq(noted.body[0].endpoint.node, 4711);
	cr_assert_eq(noted.body[0].endpoint.state, HM_ENDPOINT_UP);
	hm_node_lost(s.node.sys->lcores[0], index);
	hm_node_lost(s.node.sys->lcores[0], index);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(noted.count, 2);
	cr_assert_eq(noted.body[1].endpoint.node, 4711);
	cr_assert_eq(noted.body[1].endpoint.state, HM_ENDPOINT_LOST);
	cr_assert_eq(hm_node_learn(s.node.sys, 4711, &index), 0);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(noted.body[2].endpoint.state, HM_ENDPOINT_UP);
	cr_assert_eq(noted.count, 3);
	hmt_node_end(&s.node);
}

/* ---- Mailboxes -------------------------------------------------------------------------------------- */

static void
send_many(struct hm_ctx *ctx, void *to)
{
	for (uint64_t i = 0; i < 5; i++)
		cr_assert_eq(hm_send(ctx, *(struct hm_pid *)to, HMT_NUMBER, &i), HM_OK);
}

Test(engine_event_engine, overload__begins_and_ends)
{
	static const struct hm_mailbox small = { .capacity = 4, .low = 1 };
	static struct hmt_probe slow;
	struct hmt_probe *probe = &slow;
	struct hm_props props;

	scene_start(HM_OVERLOAD);
	memset(&slow, 0, sizeof(slow));
	props = *hmt_probe_props(1);
	props.mailbox = &small;
	cr_assert_eq(hm_system_spawn(s.node.sys, &props, "slow", &probe, &slow.pid), 0);
	hmt_turn_until_idle(&s.node);
	hmt_do(&s.node, s.publisher.pid, send_many, &slow.pid);
	cr_assert_eq(noted.count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		cr_expect(hm_pid_equal(noted.body[i].overload.actor, slow.pid));
		cr_expect_str_eq(noted.path[i], "/user/slow");
		cr_expect_eq(noted.body[i].overload.is_over, i == 0);
		cr_expect_eq(noted.body[i].overload.messages, i == 0 ? 5 : 0);
	}
	hmt_node_end(&s.node);
}

/* ---- Lcores ------------------------------------------------------------------------------------------- */

/* As the thread does that looks for stalls, of which a stepped system has none. */
Test(engine_event_engine, stall__comes_by_way_of_another_lcore)
{
	struct hm_stall stall = { .event = HM_STALL_GOES_ON,
				  .state = HM_STALL_WAITS,
				  .lcore_index = 2,
				  .duration_ns = 123456,
				  .path = "/user/stuck",
				  .type = HMT_NUMBER };

	scene_start(HM_STALL);
	stall.actor = s.sinks[0].pid;
	hmi_stall_event(s.node.sys, &stall);
	stall.path = NULL;
	stall.lcore_index = 0;
	stall.event = HM_STALL_ENDED;
	hmi_stall_event(s.node.sys, &stall);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(noted.count, 2);
	cr_expect(hm_pid_equal(noted.body[0].stall.actor, s.sinks[0].pid));
	cr_expect_eq(noted.body[0].stall.event, HM_STALL_GOES_ON);
	cr_expect_eq(noted.body[0].stall.state, HM_STALL_WAITS);
	cr_expect_eq(noted.body[0].stall.lcore_index, 2);
	cr_expect_eq(noted.body[0].stall.duration_ns, 123456);
	cr_expect_eq(noted.body[0].stall.type, HMT_NUMBER);
	cr_expect_str_eq(noted.path[0], "/user/stuck");
	cr_expect_eq(noted.body[1].stall.event, HM_STALL_ENDED);
	cr_expect_str_eq(noted.path[1], "");
	hmt_node_end(&s.node);
}

Test(engine_event_engine, stall__that_does_not_fit_into_the_ring_is_counted)
{
	struct hm_stall stall = { .lcore_index = 1 };
	uint64_t number = 1;

	scene_start(HM_STALL);
	while (hm_system_send(s.node.sys, s.sinks[2].pid, HMT_NUMBER, &number) == HM_OK)
		;
	hmi_stall_event(s.node.sys, &stall);
	cr_assert_eq(hmt_stats(&s.node).events_dropped, 1);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(noted.count, 0);
	hmi_stall_event(s.node.sys, &stall);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(noted.count, 1);
	cr_assert_eq(hmt_stats(&s.node).events_dropped, 1);
	hmt_node_end(&s.node);
}

/* What is under way when the system is destroyed is freed. */
Test(engine_event_engine, drop__events_under_way)
{
	struct hm_stall stall = { .lcore_index = 0 };

	scene_start(HM_STALL);
	hmi_stall_event(s.node.sys, &stall);
	cr_assert_eq(hm_event_subscribe_pid(s.node.sys, HMT_NUMBER, 0, s.sinks[2].pid, NULL), 0);
	for (uint64_t i = 0; i < 10; i++)
		cr_assert_eq(hm_system_publish(s.node.sys, HMT_NUMBER, &i), HM_OK);
	hmt_node_drop(&s.node);
	cr_assert_eq(noted.count, 0);
}

/* ---- None of them ---------------------------------------------------------------------------------- */

Test(engine_event_engine, path__of_other_messages_is_empty)
{
	static const struct hm_msg msg = { .type = HMT_NUMBER, .length = 8 };

	cr_assert_str_eq(hm_event_path(&msg), "");
}
