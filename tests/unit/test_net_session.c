/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Two session cores joined by a network of ill will, in virtual time: no port, no mbuf, no clock.
 */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fault_pvt.h"
#include "handshake_pvt.h"
#include "session_pvt.h"

#define STEP_NS         10000ull
#define PACKETS         5000u
#define SECONDS         1000000000ull
#define PEER_TIMEOUT_NS SECONDS

/* What a session keeps: the caller's packet, here only a number. */
struct load {
	uint64_t sequence;
};

/* What is on its way. */
struct flight {
	struct hmi_header header;
	struct hmi_handshake handshake;
	uint64_t sequence;
};

struct end {
	struct hmi_session session;
	struct hmi_handshake own;
	struct hmi_fault link; /* towards the other end */
	uint64_t to_send, sent, received;
	uint64_t duplicates, opened, lost;
	uint64_t ahead; /* packets that a session has behind it when it is opened */
	bool stalled;   /* hands nothing on */
};

struct world {
	uint64_t now;
	struct end ends[2];
	uint64_t loads; /* alive */
};

static uint64_t loads_alive;

static void
load_release(void *arg, void *load)
{
	cr_assert_null(arg);
	cr_assert_not_null(load);
	free(load);
	loads_alive--;
}

static void
flight_send(struct world *world, struct end *end, const struct hmi_header *header, uint64_t sequence)
{
	struct hmi_fault_verdict verdict = hmi_fault_decide(&end->link);

	/* A corrupted packet fails its checksum. */
	if (verdict.drop || verdict.corrupt)
		return;
	for (int copies = verdict.duplicate ? 2 : 1; copies > 0; copies--) {
		struct flight *flight = malloc(sizeof(*flight));

		flight->header = *header;
		flight->handshake = end->own;
		flight->handshake.session = end->session.local_id;
		flight->sequence = sequence;
		if (!hmi_fault_hold(&end->link, flight, world->now + verdict.delay_ns))
			free(flight);
	}
}

static void
handshake_send(struct world *world, struct end *end, enum hmi_kind kind)
{
	struct hmi_header header = { .version = HMI_WIRE_VERSION, .kind = kind };

	header.session = kind == HMI_HELLO ? 0 : end->session.remote_id;
	flight_send(world, end, &header, 0);
}

static void
session_reset(struct end *end)
{
	bool received;
	void *packet;

	while ((packet = hmi_session_drain(&end->session, &received)) != NULL)
		load_release(NULL, packet);
	end->session.state = HMI_SESSION_IDLE;
}

static void
call(struct world *world, struct end *end)
{
	end->own.attempt++;
	hmi_handshake_call(&end->session, (uint32_t)hmi_fault_random(&end->link) | 1, world->now);
}

static void
hello_receive(struct world *world, struct end *end, const struct hmi_handshake *hello)
{
	uint32_t id = (uint32_t)hmi_fault_random(&end->link) | 1;

	switch (hmi_handshake_hello(&end->session, hello, id, world->now)) {
	case HMI_HANDSHAKE_REPLACE:
		end->lost += end->session.state == HMI_SESSION_OPEN;
		session_reset(end);
		cr_assert_eq(hmi_handshake_hello(&end->session, hello, id, world->now), HMI_HANDSHAKE_ANSWER);
		handshake_send(world, end, HMI_WELCOME);
		break;
	case HMI_HANDSHAKE_ANSWER:
		handshake_send(world, end, HMI_WELCOME);
		break;
	default:
		break;
	}
}

static void
deliver(struct end *end, struct load *load)
{
	/* In order, none twice, none left out. */
	cr_assert_eq(load->sequence, end->received, "got %lu, want %lu", load->sequence, end->received);
	end->received++;
	hmi_session_done(&end->session);
	load_release(NULL, load);
}

static void
data_receive(struct world *world, struct end *end, const struct flight *flight)
{
	struct load *load = malloc(sizeof(*load));
	enum hm_net_drop drop = HM_NET_DROPS;

	loads_alive++;
	load->sequence = flight->sequence;
	switch (hmi_session_receive(&end->session, flight->header.number, load, world->now, &drop)) {
	case HMI_DROP:
		end->duplicates += drop == HM_NET_DROP_DUPLICATE;
		load_release(NULL, load);
		break;
	case HMI_DELIVER:
		if (end->stalled)
			hmi_session_park(&end->session, load);
		else
			deliver(end, load);
		break;
	case HMI_KEEP:
		break;
	}
}

static void
opened(struct end *end)
{
	struct hmi_session *s = &end->session;

	end->opened++;
	s->tx_next += end->ahead;
	s->tx_sent += end->ahead;
	s->tx_una += end->ahead;
	s->tx_limit += end->ahead;
	s->rx_expected += end->ahead;
	s->rx_done += end->ahead;
	s->rx_limit += end->ahead;
}

static void
flight_receive(struct world *world, struct end *end, const struct flight *flight)
{
	struct hmi_session *s = &end->session;

	if (flight->header.kind == HMI_HELLO) {
		hello_receive(world, end, &flight->handshake);
		return;
	}
	if (s->local_id == 0 || flight->header.session != s->local_id)
		return;
	if (flight->header.kind == HMI_WELCOME) {
		if (hmi_handshake_welcome(s, &flight->handshake, world->now) == HMI_HANDSHAKE_OPENED)
			opened(end);
		return;
	}
	if (hmi_handshake_confirm(s, world->now))
		opened(end);
	if (s->state != HMI_SESSION_OPEN)
		return;
	cr_assert(hmi_session_acknowledge(s, &flight->header, world->now));
	if (flight->header.kind == HMI_DATA)
		data_receive(world, end, flight);
}

static void
end_send(struct world *world, struct end *end)
{
	struct hmi_session *s = &end->session;
	struct hmi_header header;
	struct load *load;
	uint64_t number;

	while (end->sent < end->to_send && hmi_session_has_room(s)) {
		load = malloc(sizeof(*load));
		loads_alive++;
		load->sequence = end->sent++;
		hmi_session_append(s, load);
	}
	while ((load = hmi_session_retransmit(s, world->now, &number)) != NULL ||
	       (load = hmi_session_send(s, world->now, &number)) != NULL) {
		hmi_session_header(s, &header, HMI_DATA, number, world->now);
		flight_send(world, end, &header, load->sequence);
	}
}

static void
end_turn(struct world *world, struct end *end, struct end *other)
{
	struct hmi_session *s = &end->session;
	struct hmi_header header;
	struct flight *flight;
	struct load *load;
	unsigned int due;

	while ((flight = hmi_fault_due(&other->link, world->now)) != NULL) {
		flight_receive(world, end, flight);
		free(flight);
	}
	if (hmi_handshake_call_is_due(s, world->now))
		handshake_send(world, end, HMI_HELLO);
	if (s->state != HMI_SESSION_OPEN)
		return;
	while (!end->stalled && (load = hmi_session_ready(s)) != NULL)
		deliver(end, load);
	due = hmi_session_timer(s, world->now);
	if ((due & HMI_DUE_LOST) != 0) {
		end->lost++;
		session_reset(end);
		return;
	}
	end_send(world, end);
	if (hmi_session_timer(s, world->now) & HMI_DUE_ACK) {
		hmi_session_header(s, &header, HMI_ACK, s->tx_sent, world->now);
		flight_send(world, end, &header, 0);
	}
}

static void
world_step(struct world *world)
{
	world->now += STEP_NS;
	end_turn(world, &world->ends[0], &world->ends[1]);
	end_turn(world, &world->ends[1], &world->ends[0]);
}

static struct world *
world_create(const struct hmi_fault_odds *odds)
{
	struct world *world = calloc(1, sizeof(*world));

	world->now = SECONDS;
	for (uint32_t i = 0; i < 2; i++) {
		struct end *end = &world->ends[i];
		struct hmi_fault_odds mine = *odds;

		mine.seed = odds->seed * 2 + i;
		if (mine.delay_ns == 0)
			mine.delay_ns = 20000;
		hmi_fault_init(&end->link, &mine);
		end->own.node = 100 + i;
		end->own.started = 1000;
		end->own.window = HMI_RX_RING;
		end->session.rx_credit = HMI_RX_RING;
		end->session.peer_timeout_ns = PEER_TIMEOUT_NS;
		end->session.release = load_release;
		end->to_send = PACKETS;
	}
	return world;
}

static void
world_destroy(struct world *world)
{
	for (uint32_t i = 0; i < 2; i++) {
		void *flight;

		session_reset(&world->ends[i]);
		while ((flight = hmi_fault_due(&world->ends[i].link, UINT64_MAX)) != NULL)
			free(flight);
	}
	cr_assert_eq(loads_alive, 0, "%lu packets leaked", loads_alive);
	free(world);
}

static bool
world_is_done(const struct world *world)
{
	return world->ends[0].received == PACKETS && world->ends[1].received == PACKETS;
}

/* Run until everything has arrived both ways, or `seconds` of virtual time are over. */
static void
world_run(struct world *world, uint64_t seconds)
{
	uint64_t end = world->now + seconds * SECONDS;

	while (world->now < end && !world_is_done(world))
		world_step(world);
}

Test(session, transfer__perfect_network_retransmits_nothing)
{
	struct hmi_fault_odds odds = { .seed = 1 };
	struct world *world = world_create(&odds);

	call(world, &world->ends[0]);
	world_run(world, 10);
	cr_assert(world_is_done(world));
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(world->ends[i].session.packets_retransmitted, 0);
		cr_assert_eq(world->ends[i].session.packets_sent, PACKETS);
		cr_assert_eq(world->ends[i].duplicates, 0);
		cr_assert_eq(world->ends[i].opened, 1);
	}
	world_destroy(world);
}

Test(session, transfer__loss_reorder_duplicates_arrive_once_in_order)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct hmi_fault_odds odds = {
			.drop = 1000, .duplicate = 1000, .reorder = 1000, .corrupt = 100, .seed = seed
		};
		struct world *world = world_create(&odds);

		call(world, &world->ends[0]);
		if (seed % 2 == 0)
			call(world, &world->ends[1]);
		world_run(world, 60);
		cr_assert(world_is_done(world), "seed %lu: %lu and %lu of %u", seed, world->ends[0].received,
			  world->ends[1].received, PACKETS);
		cr_assert_eq(world->ends[0].lost + world->ends[1].lost, 0, "seed %lu", seed);
		world_destroy(world);
	}
}

Test(session, transfer__retransmissions_stay_near_the_losses)
{
	struct hmi_fault_odds odds = { .drop = 100, .seed = 3 };
	struct world *world = world_create(&odds);

	call(world, &world->ends[0]);
	world_run(world, 60);
	cr_assert(world_is_done(world));
	/* One of a hundred is lost; what is sent again on suspicion may double that, not more. */
	cr_assert_lt(world->ends[0].session.packets_retransmitted, PACKETS / 100 * 3);
	cr_assert_gt(world->ends[0].session.packets_retransmitted, 0);
	world_destroy(world);
}

Test(session, transfer__more_packets_than_the_header_can_number)
{
	struct hmi_fault_odds odds = { .drop = 1000, .duplicate = 1000, .reorder = 1000, .seed = 7 };
	struct world *world = world_create(&odds);

	world->ends[0].ahead = world->ends[1].ahead = (1ull << 32) - PACKETS / 2;
	call(world, &world->ends[0]);
	world_run(world, 60);
	cr_assert(world_is_done(world));
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(world->ends[i].lost, 0);
		cr_assert_gt(world->ends[i].session.tx_una, 1ull << 32);
	}
	world_destroy(world);
}

Test(session, transfer__third_of_packets_lost)
{
	struct hmi_fault_odds odds = { .drop = 3300, .seed = 9 };
	struct world *world = world_create(&odds);

	call(world, &world->ends[0]);
	world_run(world, 600);
	cr_assert(world_is_done(world));
	world_destroy(world);
}

Test(session, credit__stalled_receiver_stops_the_sender)
{
	struct hmi_fault_odds odds = { .seed = 4 };
	struct world *world = world_create(&odds);
	struct end *sender = &world->ends[0], *receiver = &world->ends[1];

	receiver->stalled = true;
	receiver->to_send = 0;
	call(world, sender);
	world_run(world, 3);
	cr_assert_eq(receiver->received, 0);
	cr_assert_eq(sender->session.packets_sent, HMI_RX_RING);
	/* Received is acknowledged: nothing is sent again, and the session lives. */
	cr_assert_eq(sender->session.packets_retransmitted, 0);
	cr_assert_eq(sender->lost, 0);
	receiver->stalled = false;
	for (int i = 0; i < 100000 && receiver->received < PACKETS; i++)
		world_step(world);
	cr_assert_eq(receiver->received, PACKETS);
	world_destroy(world);
}

Test(session, timer__silent_peer_is_given_up)
{
	struct hmi_fault_odds odds = { .seed = 5 };
	struct world *world = world_create(&odds);

	call(world, &world->ends[0]);
	world_run(world, 10);
	cr_assert(world_is_done(world));
	world->ends[1].link.odds.drop = HMI_FAULT_PARTS;
	for (uint64_t until = world->now + PEER_TIMEOUT_NS / 2; world->now < until;)
		world_step(world);
	cr_assert_eq(world->ends[0].lost, 0);
	for (uint64_t until = world->now + PEER_TIMEOUT_NS; world->now < until;)
		world_step(world);
	cr_assert_eq(world->ends[0].lost, 1);
	world_destroy(world);
}

Test(session, timer__heartbeats_keep_an_idle_session)
{
	struct hmi_fault_odds odds = { .drop = 2000, .seed = 6 };
	struct world *world = world_create(&odds);

	world->ends[0].to_send = world->ends[1].to_send = 0;
	call(world, &world->ends[0]);
	world_run(world, 20);
	cr_assert_eq(world->ends[0].opened, 1);
	cr_assert_eq(world->ends[1].opened, 1);
	cr_assert_eq(world->ends[0].lost + world->ends[1].lost, 0);
	world_destroy(world);
}

Test(session, hello__restarted_peer_replaces_its_old_session)
{
	struct hmi_fault_odds odds = { .seed = 7 };
	struct world *world = world_create(&odds);
	struct end *stays = &world->ends[0], *restarts = &world->ends[1];

	call(world, restarts);
	for (int i = 0; i < 100; i++)
		world_step(world);
	cr_assert_eq(stays->opened, 1);
	session_reset(restarts);
	restarts->sent = 0;
	restarts->own.node = 999;
	restarts->own.started = 2000;
	stays->received = 0;
	call(world, restarts);
	for (int i = 0; i < 100; i++)
		world_step(world);
	cr_assert_eq(stays->lost, 1);
	cr_assert_eq(stays->opened, 2);
	cr_assert_eq(stays->session.peer_node, 999);
	world_destroy(world);
}

Test(session, hello__late_one_of_an_old_attempt_is_ignored)
{
	struct hmi_fault_odds odds = { .seed = 8 };
	struct world *world = world_create(&odds);
	struct hmi_handshake late = world->ends[1].own;

	late.attempt = 1;
	late.session = 77;
	world->ends[1].own.attempt = 1;
	call(world, &world->ends[1]);
	world_run(world, 10);
	cr_assert_eq(hmi_handshake_hello(&world->ends[0].session, &late, 5, world->now),
		     HMI_HANDSHAKE_IGNORE);
	late.node = 98;
	late.started = 999;
	cr_assert_eq(hmi_handshake_hello(&world->ends[0].session, &late, 5, world->now),
		     HMI_HANDSHAKE_IGNORE);
	cr_assert_eq(world->ends[0].session.state, HMI_SESSION_OPEN);
	world_destroy(world);
}
