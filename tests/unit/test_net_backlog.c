/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What waits for a peer: limits, order, and an account of each message.
 */
#include "hmt_log.h"
#include "shortage_pvt.h"
#include "test_net_credit.h"

#define WAY_MAX 400000u /* more than fit into the packets that a session keeps */

TestSuite(net_backlog, .init = pair_eal_start, .timeout = 60);

/* Acknowledge what the node has sent, and give it credit, until all is there. Returns the messages of users' lane. */
static uint64_t
all_take(struct fixture *f)
{
	/* What is before that was acknowledged. */
	uint32_t sequence = (uint32_t)lone_lane(f->lone, 0)->una;
	uint64_t count = 0, last = 0;

	for (int quiet = 0; quiet < 3; quiet++) {
		const struct lone_packet *packet;

		credit_grant(f, 256);
		lone_acknowledge(f->lone, &f->peer);
		while ((packet = lone_take_kind(f->lone, HMI_DATA)) != NULL) {
			struct hmi_reader reader = hmi_batch_reader(packet->payload, packet->header.length);
			struct hmi_envelope envelope;

			if (packet->header.lane != HMI_LANE_USER)
				continue;
			cr_assert_eq(packet->header.sequence, sequence, "data %u", packet->header.sequence);
			sequence++;
			quiet = 0;
			while (hmi_batch_next(&reader, &envelope) == 1) {
				uint64_t number = envelope.payload_length > 8
							  ? hmi_fixed64_read(envelope.payload + 1)
							  : 0;

				count++;
				cr_assert(number == 0 || number > last, "%lu after %lu", number, last);
				last = number;
			}
		}
	}
	return count;
}

static uint32_t
backlogged(const struct fixture *f)
{
	return lone_stats(f->lone, "s3").messages_backlogged;
}

/* Fill the packets that the session keeps, until the next message has to wait. */
static void
way_fill(struct fixture *f)
{
	while (backlogged(f) == 0) {
		cr_assert_lt(f->sent, WAY_MAX);
		numbers_send(f, 1);
	}
}

/* The report of what holds message memory counts it. */
Test(net_backlog, report__says_how_many_wait)
{
	struct fixture *f = fixture_create("", 0);
	struct hmt_log log;

	way_fill(f);
	numbers_send(f, 6);
	cr_assert_eq(backlogged(f), 7);
	hmt_log_start(&log);
	hmi_memory_report(f->lone->sys->lcores[0]);
	cr_assert(hmt_log_has(&log, " 7 that wait for other nodes"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	(void)all_take(f);
	lone_destroy(f->lone);
}

/* ---- Limits -------------------------------------------------------------------------------------- */

/* As many as the option says wait; one more is a dead letter, and each message is one of the two. */
static void
limit_check(const char *more, uint32_t limit)
{
	struct fixture *f = fixture_create(more, 0);
	uint64_t arrived;

	way_fill(f);
	numbers_send(f, limit - 1);
	cr_assert_eq(backlogged(f), limit);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NODE_BUSY), 0);
	numbers_send(f, 1);
	cr_assert_eq(backlogged(f), limit);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NODE_BUSY), 1);
	numbers_send(f, 9);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NODE_BUSY), 10);
	arrived = all_take(f);
	cr_assert_eq(arrived, f->sent - 10);
	cr_assert_eq(backlogged(f), 0);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_sent, arrived);
	lone_destroy(f->lone);
}

Test(net_backlog, limit__of_one)
{
	limit_check("--peer-queue 1", 1);
}

Test(net_backlog, limit__of_some)
{
	limit_check("--peer-queue 100", 100);
}

Test(net_backlog, limit__usual_one)
{
	limit_check("", 8192);
}

Test(net_backlog, limit__of_none_is_a_dead_letter_each)
{
	struct fixture *f = fixture_create("--peer-queue 0", 0);
	uint64_t arrived;

	while (pair_dead(f->lone->sys, HM_DEAD_NODE_BUSY) == 0) {
		cr_assert_lt(f->sent, WAY_MAX);
		numbers_send(f, 1);
	}
	cr_assert_eq(backlogged(f), 0);
	numbers_send(f, 50);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NODE_BUSY), 51);
	arrived = all_take(f);
	cr_assert_eq(arrived, f->sent - 51);
	/* There is room again. */
	numbers_send(f, 5);
	cr_assert_eq(all_take(f), 5);
	lone_destroy(f->lone);
}

static void
poison_many(struct hm_ctx *ctx, struct deed *deed)
{
	for (uint32_t i = 0; i < deed->count; i++) {
		struct hm_pid who = { deed->to.node, 100 + i };

		cr_assert_eq(hm_poison(ctx, who), HM_OK);
		deed->done++;
	}
}

/* They come after what users have sent, so they wait for it; no limit makes dead letters of them. */
Test(net_backlog, limit__messages_of_the_engine_wait_all_the_same)
{
	struct fixture *f = fixture_create("--peer-queue 0", 0);
	struct deed deed = { .fn = poison_many, .to = f->there, .count = 20 };

	while (pair_dead(f->lone->sys, HM_DEAD_NODE_BUSY) == 0)
		numbers_send(f, 1);
	doing(f, &deed);
	cr_assert_eq(deed.done, 20);
	cr_assert_eq(backlogged(f), 20);
	cr_assert_eq(lone_net(f->lone)->peers[0]->backlog.system_count, 20);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NODE_BUSY), 1);
	cr_assert_eq(all_take(f), f->sent - 1 + 20);
	cr_assert_eq(lone_net(f->lone)->peers[0]->backlog.system_count, 0);
	lone_destroy(f->lone);
}

/* Those that may overtake users' messages have a lane of their own: no credit holds them up. */
Test(net_backlog, limit__control_messages_do_not_wait_for_users)
{
	struct fixture *f = fixture_create("--peer-queue 0", 0);
	struct deed deed = { .fn = watch_many, .to = f->there, .count = 20 };
	const struct lone_packet *packet;
	struct hmi_envelope envelope;
	struct hmi_reader reader;
	uint32_t watches = 0;

	while (pair_dead(f->lone->sys, HM_DEAD_NODE_BUSY) == 0)
		numbers_send(f, 1);
	lone_forget(f->lone);
	doing(f, &deed);
	cr_assert_eq(backlogged(f), 0);
	packet = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(packet);
	cr_assert_eq(packet->header.lane, HMI_LANE_CONTROL);
	cr_assert_eq(packet->header.sequence, 1);
	reader = hmi_batch_reader(packet->payload, packet->header.length);
	for (; hmi_batch_next(&reader, &envelope) == 1; watches++)
		cr_assert_eq(envelope.system, HM_SYS_WATCH);
	cr_assert_eq(watches, 20);
	(void)all_take(f);
	lone_destroy(f->lone);
}

/* ---- Resolve requests ------------------------------------------------------------------------------ */

Test(net_backlog, resolves__as_many_as_may_wait_and_one_more)
{
	struct fixture *f = fixture_create("--peer b@10.0.0.2", 0);
	struct deed deed = { .fn = resolve_many, .count = HMI_RESOLVES_MAX, .address = "hermod://b/user/x" };

	/* b never answers. */
	doing(f, &deed);
	cr_assert_eq(deed.done, HMI_RESOLVES_MAX);
	cr_assert_eq(deed.failed, 0);
	cr_assert_eq(lone_stats(f->lone, "b").messages_backlogged, HMI_RESOLVES_MAX);
	deed.count = 1;
	doing(f, &deed);
	/* Who asks is told at once, not when its time is over. */
	cr_assert_eq(deed.failed, 1);
	cr_assert_eq(lone_stats(f->lone, "b").messages_backlogged, HMI_RESOLVES_MAX);
	lone_destroy(f->lone);
}

Test(net_backlog, resolves__of_nodes_that_nobody_named)
{
	struct fixture *f = fixture_create("", 256);
	struct deed deed = { .fn = resolve_many, .count = 1, .address = "hermod://nobody/user/x" };

	doing(f, &deed);
	cr_assert_eq(deed.failed, 1);
	/* One that has called can be asked, as long as its session is open. */
	deed.address = "hermod://s3/user/x";
	doing(f, &deed);
	cr_assert_eq(deed.failed, 1);
	lone_send(f->lone, &f->peer, HMI_BYE, NULL, 0);
	doing(f, &deed);
	cr_assert_geq(deed.failed, 2);
	cr_assert_eq(deed.found, 0);
	lone_destroy(f->lone);
}

/* ---- The end of the session ------------------------------------------------------------------------- */

Test(net_backlog, lost__each_message_is_accounted_for)
{
	struct fixture *f = fixture_create("--peer-queue 50", 4);
	uint64_t busy, arrived = 0;
	const struct lone_packet *packet;

	way_fill(f);
	numbers_send(f, 60);
	busy = pair_dead(f->lone->sys, HM_DEAD_NODE_BUSY);
	cr_assert_eq(busy, 11);
	/* Two packets are acknowledged; what they held has arrived. */
	for (int i = 0; i < 2; i++) {
		struct hmi_reader reader;
		struct hmi_envelope envelope;

		packet = lone_take_kind(f->lone, HMI_DATA);
		cr_assert_not_null(packet);
		reader = hmi_batch_reader(packet->payload, packet->header.length);
		while (hmi_batch_next(&reader, &envelope) == 1)
			arrived++;
	}
	f->peer.ack = packet->header.number;
	lone_send(f->lone, &f->peer, HMI_BYE, NULL, 0);
	for (int i = 0; i < 1000; i++)
		lone_turn(f->lone);
	cr_assert_eq(arrived + busy + pair_dead(f->lone->sys, HM_DEAD_NODE_LOST), f->sent,
		     "%lu arrived, %lu had no place, %lu were lost of %lu", arrived, busy,
		     pair_dead(f->lone->sys, HM_DEAD_NODE_LOST), f->sent);
	cr_assert_eq(backlogged(f), 0);
	cr_assert_eq(lone_net(f->lone)->frames_kept, 0);
	lone_destroy(f->lone);
}

Test(net_backlog, lost__resolve_requests_wait_for_the_next_session)
{
	struct fixture *f = fixture_create("--peer b@10.0.0.2", 256);
	struct deed deed = { .fn = resolve_many, .count = 3, .address = "hermod://b/user/x" };
	struct hmi_handshake welcome = lone_says(2);
	const struct lone_packet *hello, *data;

	doing(f, &deed);
	lone_pass(f->lone, LONE_SECOND);
	hello = lone_take_kind(f->lone, HMI_HELLO);
	cr_assert_not_null(hello);
	lone_shake(f->lone, 2, HMI_WELCOME, hello->handshake.session, &welcome);
	data = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(data);
	cr_assert_eq(data->to, lone_station(2).ip);
	cr_assert_eq(lone_stats(f->lone, "b").messages_backlogged, 0);
	cr_assert_eq(lone_stats(f->lone, "b").messages_sent, 3);
	lone_destroy(f->lone);
}

Test(net_backlog, lost__resolve_requests_of_one_that_nobody_named_are_freed)
{
	struct fixture *f = fixture_create("", 0);
	struct deed deed = { .fn = resolve_many, .count = 5, .address = "hermod://s3/user/x" };

	way_fill(f);
	/* Requests wait when there are as many packets for control as the session keeps. */
	for (deed.count = 1; deed.done < HMI_CONTROL_RING;)
		doing(f, &deed);
	deed.count = 5;
	doing(f, &deed);
	cr_assert_eq(lone_net(f->lone)->peers[0]->resolves, 5);
	lone_send(f->lone, &f->peer, HMI_BYE, NULL, 0);
	for (int i = 0; i < 1000; i++)
		lone_turn(f->lone);
	/* The node will never call it, so they would wait for ever. */
	cr_assert_eq(backlogged(f), 0);
	cr_assert_eq(lone_net(f->lone)->peers[0]->resolves, 0);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NODE_LOST), f->sent);
	lone_destroy(f->lone);
}
