/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The lane for control: what goes by it, what holds it up and what does not.
 */
#include "test_net_credit.h"

TestSuite(net_control_lane, .init = pair_eal_start, .timeout = 60);

/* The next packet of a lane that the node has sent; NULL: none. */
static const struct lone_packet *
lane_take(struct lone *lone, enum hmi_net_lane_id lane)
{
	const struct lone_packet *packet;

	while ((packet = lone_take_kind(lone, HMI_DATA)) != NULL && packet->header.lane != lane)
		;
	return packet;
}

/* Messages of a packet that have this number of the engine. */
static uint32_t
systems_of(const struct lone_packet *packet, uint32_t system)
{
	struct hmi_reader reader = hmi_batch_reader(packet->payload, packet->header.length);
	struct hmi_envelope envelope;
	uint32_t count = 0;

	while (hmi_batch_next(&reader, &envelope) == 1)
		count += envelope.system == system;
	return count;
}

static void
poison_one(struct hm_ctx *ctx, struct deed *deed)
{
	hm_poison(ctx, deed->to);
	deed->done++;
}

static void
stop_one(struct hm_ctx *ctx, struct deed *deed)
{
	hm_stop(ctx, deed->to);
	deed->done++;
}

/* ---- Out ------------------------------------------------------------------------------------------- */

Test(net_control_lane, send__not_behind_users_without_credit)
{
	struct fixture *f = fixture_create("", 0);
	struct deed watch = { .fn = watch_many, .to = f->there, .count = 3 };
	struct deed stop = { .fn = stop_one, .to = f->there };
	const struct lone_packet *packet;

	numbers_send(f, 1000);
	cr_assert_null(lone_take_kind(f->lone, HMI_DATA));
	doing(f, &watch);
	packet = lane_take(f->lone, HMI_LANE_CONTROL);
	cr_assert_not_null(packet);
	cr_assert_eq(packet->header.sequence, 1);
	cr_assert_eq(systems_of(packet, HM_SYS_WATCH), 3);
	doing(f, &stop);
	packet = lane_take(f->lone, HMI_LANE_CONTROL);
	cr_assert_not_null(packet);
	cr_assert_eq(packet->header.sequence, 2);
	cr_assert_eq(systems_of(packet, HM_SYS_STOP), 1);
	lone_destroy(f->lone);
}

Test(net_control_lane, send__poison_stays_behind_users)
{
	struct fixture *f = fixture_create("", 0);
	struct deed poison = { .fn = poison_one, .to = f->there };
	const struct lone_packet *packet, *last = NULL;

	numbers_send(f, 100);
	doing(f, &poison);
	cr_assert_null(lone_take_kind(f->lone, HMI_DATA));
	credit_grant(f, 256);
	lone_acknowledge(f->lone, &f->peer);
	while ((packet = lone_take_kind(f->lone, HMI_DATA)) != NULL) {
		cr_assert_eq(packet->header.lane, HMI_LANE_USER);
		last = packet;
	}
	cr_assert_not_null(last);
	cr_assert_eq(systems_of(last, HM_SYS_POISON), 1);
	lone_destroy(f->lone);
}

/* Without an acknowledgement as many packets go as the lane takes; what waits goes then, in order and once. */
Test(net_control_lane, send__as_many_as_the_lane_takes)
{
	struct fixture *f = fixture_create("", 0);
	struct deed watch = { .fn = watch_many, .to = f->there, .count = 1 };
	const struct lone_packet *packet;
	uint32_t sequence = 0, count = 0;

	control_fill(f);
	for (int i = 0; i < 500; i++)
		doing(f, &watch);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_backlogged, 500);
	for (int quiet = 0; quiet < 3; quiet++) {
		while ((packet = lone_take_kind(f->lone, HMI_DATA)) != NULL) {
			cr_assert_eq(packet->header.lane, HMI_LANE_CONTROL);
			cr_assert_eq(packet->header.sequence, ++sequence);
			count += systems_of(packet, HM_SYS_WATCH);
			quiet = 0;
		}
		if (quiet == 0)
			cr_assert_eq(sequence<17, lone_stats(f->lone, "s3").messages_backlogged> 0);
		lone_acknowledge(f->lone, &f->peer);
	}
	cr_assert_eq(count, HMI_CONTROL_RING + 500);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_backlogged, 0);
	lone_destroy(f->lone);
}

/* A batch for users that is open keeps its place, though control packets come and go. */
Test(net_control_lane, send__beside_a_batch_without_credit)
{
	struct fixture *f = fixture_create("", 0);
	struct deed watch = { .fn = watch_many, .to = f->there, .count = 1 };
	const struct lone_packet *packet;

	numbers_send(f, 1);
	cr_assert_not_null(lone_net(f->lone)->peers[0]->batch);
	doing(f, &watch);
	lone_acknowledge(f->lone, &f->peer);
	/* Long enough for the session's memory to be given back, if nothing needed it. */
	lone_pass(f->lone, LONE_SECOND);
	lone_forget(f->lone);
	credit_grant(f, 16);
	lone_acknowledge(f->lone, &f->peer);
	packet = lane_take(f->lone, HMI_LANE_USER);
	cr_assert_not_null(packet);
	cr_assert_eq(packet->header.sequence, 1);
	lone_acknowledge(f->lone, &f->peer);
	lone_destroy(f->lone);
}

/* A path longer than a packet of the peer is dropped, which its deadline tells, and holds nothing up. */
Test(net_control_lane, send__path_longer_than_a_packet)
{
	struct fixture *f = fixture_create("", 0);
	char address[32 + HM_PATH_MAX];
	struct deed resolve = { .fn = resolve_many, .address = address, .count = 1 };
	struct deed watch = { .fn = watch_many, .to = f->there, .count = 1 };
	const struct lone_packet *packet;

	lone_net(f->lone)->peers[0]->payload_max = HMI_PAYLOAD_MIN;
	snprintf(address, sizeof(address), "hermod://s3/%0*d", (int)HM_PATH_MAX - 4, 7);
	doing(f, &resolve);
	cr_assert_null(lone_take_kind(f->lone, HMI_DATA));
	cr_assert_eq(lone_stats(f->lone, "s3").messages_backlogged, 0);
	cr_assert_eq(lone_net(f->lone)->frames_kept, 0);
	cr_assert_eq(lone_net(f->lone)->peers[0]->resolves, 0);
	doing(f, &resolve);
	doing(f, &watch);
	packet = lane_take(f->lone, HMI_LANE_CONTROL);
	cr_assert_not_null(packet);
	cr_assert_eq(packet->header.sequence, 1);
	lone_acknowledge(f->lone, &f->peer);
	lone_destroy(f->lone);
}

/* ---- In -------------------------------------------------------------------------------------------- */

/* A packet of a lane with one envelope. */
static void
lane_put(struct fixture *f, enum hmi_net_lane_id lane, uint32_t sequence, const struct hmi_envelope *envelope)
{
	struct hmi_header header = lone_header(&f->peer, HMI_ACK);
	uint8_t payload[600];

	header.kind = HMI_DATA;
	header.lane = (uint8_t)lane;
	header.sequence = sequence;
	header.length = (uint16_t)(hmi_envelope_write(payload, envelope) - payload);
	lone_put(f->lone, f->peer.host, header, payload);
	lone_turn(f->lone);
}

static struct hmi_envelope
resolve_request(void)
{
	static const char path[] = "/user/doer";

	return (struct hmi_envelope){ .from = 7,
				      .path = (const uint8_t *)path,
				      .path_length = sizeof(path) - 1 };
}

/* Answers that were sent since this was asked last, in a packet. */
static uint32_t
answers(struct fixture *f)
{
	const struct lone_packet *packet = lane_take(f->lone, HMI_LANE_CONTROL);

	lone_forget(f->lone);
	return packet != NULL ? systems_of(packet, HM_IDENTITY) : 0;
}

Test(net_control_lane, receive__though_a_packet_of_users_is_missing)
{
	struct fixture *f = fixture_create("", 16);
	struct hmi_envelope request = resolve_request();

	/* Number 1 of users' lane is missing. */
	lane_put(f, HMI_LANE_USER, 2, &request);
	cr_assert_eq(answers(f), 0);
	lane_put(f, HMI_LANE_CONTROL, 1, &request);
	cr_assert_eq(answers(f), 1);
	/* And the other way round. */
	lane_put(f, HMI_LANE_CONTROL, 3, &request);
	cr_assert_eq(answers(f), 0);
	lane_put(f, HMI_LANE_USER, 1, &request);
	cr_assert_eq(answers(f), 2);
	lone_send(f->lone, &f->peer, HMI_BYE, NULL, 0);
	lone_destroy(f->lone);
}

Test(net_control_lane, receive__no_more_than_the_lane_takes)
{
	struct fixture *f = fixture_create("", 16);
	struct hmi_envelope request = resolve_request();

	lane_put(f, HMI_LANE_CONTROL, HMI_CONTROL_RING, &request);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_WINDOW), 0);
	lane_put(f, HMI_LANE_CONTROL, HMI_CONTROL_RING + 1, &request);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_WINDOW), 1);
	lane_put(f, HMI_LANE_CONTROL, HMI_CONTROL_RING, &request);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_DUPLICATE), 1);
	lone_send(f->lone, &f->peer, HMI_BYE, NULL, 0);
	lone_destroy(f->lone);
}

/* A lane says nothing of what may be in it. */
Test(net_control_lane, receive__users_message_by_it)
{
	struct fixture *f = fixture_create("", 16);
	struct hmi_envelope envelope = { .to = 0xffffff00000001u,
					 .type = hm_type_hash("hermod.test.Numbers") };

	lane_put(f, HMI_LANE_CONTROL, 1, &envelope);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NO_PROCESS), 1);
	lane_put(f, HMI_LANE_BULK, 1, &envelope);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_GARBAGE), 1);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NO_PROCESS), 1);
	lone_destroy(f->lone);
}
