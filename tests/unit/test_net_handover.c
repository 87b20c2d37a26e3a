/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Packets that arrived, on their way to actors: in order, through holes, without memory, to the end.
 */
#include "test_net_lone.h"

#include <rte_udp.h>

#define TAKEN_MAX 8192u

TestSuite(net_handover, .init = pair_eal_start, .timeout = 60);

/* What the sink saw. */
struct seen {
	uint64_t numbers, last, out_of_order;
};

static void
sink_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct seen *seen = *(struct seen **)state;
	const Hermod__Test__Numbers *numbers = hm_msg_body(msg);

	(void)ctx;
	if (hm_msg_type(msg) != PAIR_NUMBERS)
		return;
	seen->numbers++;
	seen->out_of_order += numbers->a != seen->last + 1;
	seen->last = numbers->a;
}

static const struct hm_props sink_props = { .receive = sink_receive,
					    .state_size = sizeof(void *),
					    .args_size = sizeof(void *) };

struct fixture {
	struct lone *lone;
	struct lone_peer peer;
	struct seen seen;
	struct hm_pid sink;
};

static struct fixture *
fixture_create(const char *more)
{
	static struct fixture f;
	struct seen *seen = &f.seen;

	f.lone = lone_create(more);
	cr_assert_eq(hm_system_spawn(f.lone->sys, &sink_props, "sink", &seen, &f.sink), 0);
	f.peer = lone_open(f.lone, 3);
	return &f;
}

/* Write a batch of `count` numbers for the sink, from `first` on, three in an envelope. Returns its bytes. */
static size_t
batch_write(const struct fixture *f, uint64_t first, uint32_t count, uint8_t *batch)
{
	uint32_t type = hm_type_hash("hermod.test.Numbers");
	uint8_t *envelope = batch, *end = batch;
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	for (uint32_t i = 0; i < count; i++) {
		numbers.a = first + i;
		if (i % 3 == 0) {
			envelope = end;
			end = hmi_envelope_begin(envelope, f->sink.local, 0, type);
		}
		*end = HMI_TAG_PAYLOAD;
		end[1] = (uint8_t)hermod__test__numbers__pack(&numbers, end + 2);
		end += 2 + end[1];
		hmi_envelope_end(envelope, end);
	}
	return (size_t)(end - batch);
}

/* Packet `number` arrives, with `count` numbers from `first` on. */
static void
packet_put(struct fixture *f, uint32_t number, uint64_t first, uint32_t count)
{
	uint8_t batch[1448];

	f->peer.number = number;
	lone_send(f->lone, &f->peer, HMI_DATA, batch, batch_write(f, first, count, batch));
}

/* Write the frame of packet `number`, with `count` numbers from `number` on. Returns its bytes. */
static uint32_t
frame_write(const struct fixture *f, uint32_t number, uint32_t count, uint8_t *frame)
{
	struct hmi_header header = { .version = HMI_WIRE_VERSION,
				     .kind = HMI_DATA,
				     .session = f->peer.session,
				     .number = number,
				     .ack = 1,
				     .credit = 9 };
	struct hmi_address from = lone_station(3);
	uint8_t batch[1448];

	header.length = (uint16_t)batch_write(f, number, count, batch);
	return lone_write(f->lone, &from, header, batch, frame);
}

/* Take the node's message memory. Returns how many messages that are. */
static uint32_t
memory_take(struct fixture *f, struct hm_msg **taken)
{
	uint32_t count = 0;

	while (count < TAKEN_MAX && (taken[count] = hm_msg_alloc(f->lone->sys->lcores[0], PAIR_NUMBERS,
								 sizeof(Hermod__Test__Numbers))) != NULL)
		count++;
	cr_assert_lt(count, TAKEN_MAX);
	return count;
}

static void
memory_give(struct fixture *f, struct hm_msg **taken, uint32_t from, uint32_t to)
{
	while (to > from)
		hm_msg_free(f->lone->sys->lcores[0], taken[--to]);
}

/* The last ACK that the node has sent. */
static struct hmi_header
ack_last(struct fixture *f)
{
	const struct lone_packet *packet;
	struct hmi_header header = { 0 };

	lone_pass(f->lone, LONE_MS);
	while ((packet = lone_take_kind(f->lone, HMI_ACK)) != NULL)
		header = packet->header;
	cr_assert_eq(header.kind, HMI_ACK);
	return header;
}

/* ---- Order -------------------------------------------------------------------------------------- */

Test(net_handover, packet__backwards_is_handed_on_forwards)
{
	struct fixture *f = fixture_create("");
	struct hmi_header ack;

	for (uint32_t number = 20; number > 1; number--)
		packet_put(f, number, number, 1);
	cr_assert_eq(f->seen.numbers, 0);
	packet_put(f, 1, 1, 1);
	cr_assert_eq(f->seen.numbers, 20);
	cr_assert_eq(f->seen.out_of_order, 0);
	ack = ack_last(f);
	cr_assert_eq(ack.ack, 21);
	cr_assert_eq(ack.sack, 0);
	lone_destroy(f->lone);
}

Test(net_handover, packet__hole_is_told_at_once)
{
	struct fixture *f = fixture_create("");
	const struct lone_packet *ack;

	packet_put(f, 1, 1, 1);
	packet_put(f, 3, 3, 1);
	ack = lone_take_kind(f->lone, HMI_ACK);
	cr_assert_not_null(ack);
	cr_assert_eq(ack->when_ns, f->lone->now);
	cr_assert_eq(ack->header.ack, 2);
	cr_assert_eq(ack->header.sack, 1);
	packet_put(f, 2, 2, 1);
	cr_assert_eq(f->seen.numbers, 3);
	lone_destroy(f->lone);
}

Test(net_handover, packet__twice_is_handed_on_once_and_acknowledged_twice)
{
	struct fixture *f = fixture_create("");
	struct hmi_header ack;

	packet_put(f, 1, 1, 5);
	ack = ack_last(f);
	cr_assert_eq(ack.ack, 2);
	for (int i = 0; i < 3; i++) {
		packet_put(f, 1, 1, 5);
		ack = ack_last(f);
		cr_assert_eq(ack.ack, 2);
	}
	cr_assert_eq(f->seen.numbers, 5);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_DUPLICATE), 3);
	cr_assert_eq(lone_stats(f->lone, "s3").packets_received, 1);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_received, 5);
	lone_destroy(f->lone);
}

Test(net_handover, packet__last_of_the_credit_and_one_beyond)
{
	struct fixture *f = fixture_create("--rx-desc 64");
	uint32_t credit = lone_net(f->lone)->peers[0]->session.rx_credit;

	/* 64 descriptors are three quarters of 64 for its only session. */
	cr_assert_eq(credit, 48);
	packet_put(f, credit + 1, 1, 1);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_WINDOW), 1);
	packet_put(f, credit, credit, 1);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_WINDOW), 1);
	for (uint32_t number = 1; number < credit; number++)
		packet_put(f, number, number, 1);
	cr_assert_eq(f->seen.numbers, credit);
	cr_assert_eq(f->seen.out_of_order, 0);
	lone_destroy(f->lone);
}

Test(net_handover, packet__early_one_with_ipv4_options)
{
	struct fixture *f = fixture_create("");
	uint8_t frame[2048];
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + HMI_IP_OFFSET);
	uint32_t length = frame_write(f, 2, 3, frame);

	/* It is kept, and read once more when its turn comes: its payload is 40 bytes further on. */
	memmove(frame + HMI_UDP_OFFSET + 40, frame + HMI_UDP_OFFSET, length - HMI_UDP_OFFSET);
	memset(frame + HMI_UDP_OFFSET, 1, 40);
	ip->version_ihl = 0x4f;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(length + 40 - HMI_IP_OFFSET));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = hmi_sum_fold(hmi_sum(frame + HMI_IP_OFFSET, 60));
	lone_frame(f->lone, frame, length + 40);
	lone_turn(f->lone);
	cr_assert_eq(f->seen.numbers, 0);
	packet_put(f, 1, 1, 1);
	cr_assert_eq(f->seen.numbers, 4);
	cr_assert_eq(f->seen.out_of_order, 0);
	lone_destroy(f->lone);
}

Test(net_handover, packet__in_pieces_is_put_together)
{
	struct fixture *f = fixture_create("");
	uint8_t frame[2048];
	struct rte_mbuf *head, *tail;
	uint32_t length = frame_write(f, 1, 10, frame);

	for (uint32_t cut = 1; cut < 100; cut += 49) {
		head = rte_pktmbuf_alloc(f->lone->pool);
		tail = rte_pktmbuf_alloc(f->lone->pool);
		memcpy(rte_pktmbuf_append(head, (uint16_t)cut), frame, cut);
		memcpy(rte_pktmbuf_append(tail, (uint16_t)(length - cut)), frame + cut, length - cut);
		cr_assert_eq(rte_pktmbuf_chain(head, tail), 0);
		cr_assert_eq(rte_ring_enqueue(f->lone->wire.ba, head), 0);
		lone_turn(f->lone);
		cr_assert_eq(f->seen.numbers, 10);
	}
	/* The second and the third were duplicates; none was too much for a buffer. */
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_DUPLICATE), 2);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_NO_FRAME), 0);
	lone_destroy(f->lone);
}

/* A packet as full of messages as it can be: each of two bytes. */
static uint32_t
full_put(struct fixture *f, uint32_t number)
{
	uint32_t count = (uint32_t)(1448 - hmi_envelope_begin_size(0)) / 2;
	uint8_t batch[1448];
	uint8_t *end = hmi_envelope_begin(batch, f->sink.local, 0, hm_type_hash("hermod.test.Numbers"));
	struct hmi_header header = { .version = HMI_WIRE_VERSION,
				     .kind = HMI_DATA,
				     .session = f->peer.session,
				     .number = number,
				     .ack = 1,
				     .credit = 9 };

	for (uint32_t i = 0; i < count; i++) {
		*end++ = HMI_TAG_PAYLOAD;
		*end++ = 0;
	}
	hmi_envelope_end(batch, end);
	header.length = (uint16_t)(end - batch);
	lone_put(f->lone, f->peer.host, header, batch);
	return count;
}

Test(net_handover, poll__packets_full_of_messages_are_few_in_a_turn)
{
	struct fixture *f = fixture_create("");
	uint64_t each = 0, before = 0, now;

	for (uint32_t number = 1; number <= 40; number++)
		each = full_put(f, number);
	for (int turn = 0; turn < 60; turn++, before = now) {
		hm_system_turn(f->lone->sys);
		now = lone_stats(f->lone, "s3").messages_received;
		cr_assert_lt(now - before, HMI_POLL_MESSAGES + each, "turn %d: %lu", turn, now - before);
		/* As many as it may, if there are. */
		if (before + HMI_POLL_MESSAGES <= 40 * each)
			cr_assert_geq(now - before, HMI_POLL_MESSAGES, "turn %d: %lu", turn, now - before);
	}
	cr_assert_eq(before, 40 * each);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_DUPLICATE), 0);
	lone_destroy(f->lone);
}

/* What the port's own function receives, by multiples of eight: as drivers with vector instructions do. */
static eth_rx_burst_t receive_any;

static uint16_t
receive_by_eight(void *queue, struct rte_mbuf **frames, uint16_t count)
{
	return receive_any(queue, frames, count & ~7u);
}

Test(net_handover, poll__port_that_receives_multiples_of_eight)
{
	struct fixture *f = fixture_create("");
	uint16_t port = lone_net(f->lone)->port.id;
	uint64_t each = 0;

	receive_any = rte_eth_fp_ops[port].rx_pkt_burst;
	rte_eth_fp_ops[port].rx_pkt_burst = receive_by_eight;
	for (uint32_t number = 1; number <= 40; number++)
		each = full_put(f, number);
	for (int turn = 0; turn < 60; turn++)
		hm_system_turn(f->lone->sys);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_received, 40 * each);
	rte_eth_fp_ops[port].rx_pkt_burst = receive_any;
	lone_destroy(f->lone);
}

Test(net_handover, poll__packets_behind_a_hole_are_few_in_a_turn)
{
	struct fixture *f = fixture_create("--memory 64M");
	uint64_t each = 0, before = 0, now;

	for (uint32_t number = 2; number <= 20; number++)
		each = full_put(f, number);
	lone_turn(f->lone);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_received, 0);
	full_put(f, 1);
	/* Two packets in the poll; from then on it is those that wait. */
	for (int turn = 0; turn < 20; turn++, before = now) {
		hm_system_turn(f->lone->sys);
		now = lone_stats(f->lone, "s3").messages_received;
		cr_assert_leq(now - before, 3 * each, "turn %d: %lu", turn, now - before);
		if (turn > 0)
			cr_assert_leq(now - before, 2 * each, "turn %d: %lu", turn, now - before);
	}
	cr_assert_eq(before, 20 * each);
	cr_assert_eq(ack_last(f).ack, 21);
	cr_assert_not(lone_net(f->lone)->stalled);
	lone_destroy(f->lone);
}

Test(net_handover, poll__peers_that_wait_take_turns)
{
	struct fixture *f = fixture_create("--memory 64M");
	struct lone_peer peers[2] = { f->peer, lone_open(f->lone, 4) };
	uint64_t each = 0, first, second;

	for (uint32_t i = 0; i < 2; i++) {
		f->peer = peers[i];
		for (uint32_t number = 2; number <= 30; number++)
			each = full_put(f, number);
		lone_turn(f->lone);
	}
	for (uint32_t i = 0; i < 2; i++) {
		f->peer = peers[i];
		full_put(f, 1);
	}
	/* In each turn one of them delivers two packets, and the other one. */
	for (int turn = 0; turn < 12; turn++)
		hm_system_turn(f->lone->sys);
	first = lone_stats(f->lone, "s3").messages_received;
	second = lone_stats(f->lone, "s4").messages_received;
	cr_assert_lt(first, 30 * each);
	cr_assert_leq(first, second + 2 * each, "%lu %lu", first, second);
	cr_assert_leq(second, first + 2 * each, "%lu %lu", first, second);
	for (int turn = 0; turn < 30; turn++)
		hm_system_turn(f->lone->sys);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_received, 30 * each);
	cr_assert_eq(lone_stats(f->lone, "s4").messages_received, 30 * each);
	lone_destroy(f->lone);
}

Test(net_handover, stop__with_frames_that_wait_for_a_turn)
{
	struct fixture *f = fixture_create("--memory 64M");
	struct lone *lone = f->lone;

	for (uint32_t number = 1; number <= 30; number++)
		(void)full_put(f, number);
	hm_system_turn(lone->sys);
	cr_assert_lt(lone_net(lone)->rx_next, lone_net(lone)->rx_count);
	hm_system_stop(lone->sys);
	hm_system_destroy(lone->sys);
	pair_wire_empty(&lone->wire);
	cr_assert_eq(rte_mempool_in_use_count(lone->pool), 0);
}

Test(net_handover, poll__what_waits_for_a_turn_is_delivered_when_the_session_ends)
{
	struct fixture *f = fixture_create("--memory 64M");
	struct hmi_header bye = { .version = HMI_WIRE_VERSION, .kind = HMI_BYE };
	uint64_t each = 0;

	for (uint32_t number = 2; number <= 20; number++)
		each = full_put(f, number);
	lone_turn(f->lone);
	full_put(f, 1);
	bye.session = f->peer.session;
	bye.number = 21;
	bye.ack = 1;
	lone_put(f->lone, 3, bye, NULL);
	hm_system_turn(f->lone->sys);
	hm_system_turn(f->lone->sys);
	cr_assert_eq(lone_stats(f->lone, "s3").lost, 1);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_received, 20 * each);
	lone_destroy(f->lone);
}

/* ---- Without memory ------------------------------------------------------------------------------- */

Test(net_handover, memory__none_is_no_loss_and_no_credit)
{
	static struct hm_msg *taken[TAKEN_MAX];
	struct fixture *f = fixture_create("--rx-desc 64");
	uint32_t count = memory_take(f, taken);
	struct hmi_header ack;

	for (uint32_t number = 1; number <= 10; number++)
		packet_put(f, number, 3 * number - 2, 3);
	cr_assert_eq(f->seen.numbers, 0);
	ack = ack_last(f);
	cr_assert_eq(ack.ack, 11);
	cr_assert_eq(ack.credit, 38);
	/* Half a packet at a time. */
	memory_give(f, taken, count - 1, count);
	for (int i = 0; i < 40; i++)
		lone_turn(f->lone);
	memory_give(f, taken, 0, count - 1);
	lone_turn(f->lone);
	cr_assert_eq(f->seen.numbers, 30);
	cr_assert_eq(f->seen.out_of_order, 0);
	ack = ack_last(f);
	cr_assert_eq(ack.credit, 48);
	lone_destroy(f->lone);
}

Test(net_handover, memory__none_for_a_second_is_a_dead_letter_each)
{
	static struct hm_msg *taken[TAKEN_MAX];
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint32_t count = memory_take(f, taken);

	packet_put(f, 1, 1, 4);
	packet_put(f, 2, 5, 1);
	lone_pass(f->lone, LONE_SECOND - LONE_MS);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NO_MEMORY), 0);
	lone_pass(f->lone, 2 * LONE_MS);
	/* The wait is over for all that find none, until there is a message again. */
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NO_MEMORY), 5);
	memory_give(f, taken, 0, count);
	f->seen.last = 5;
	packet_put(f, 3, 6, 2);
	cr_assert_eq(f->seen.numbers, 2);
	cr_assert_eq(f->seen.out_of_order, 0);
	lone_destroy(f->lone);
}

Test(net_handover, memory__a_message_starts_the_second_anew)
{
	static struct hm_msg *taken[TAKEN_MAX];
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint32_t count = memory_take(f, taken);

	packet_put(f, 1, 1, 1);
	lone_pass(f->lone, LONE_SECOND - LONE_MS);
	memory_give(f, taken, 0, count);
	lone_turn(f->lone);
	cr_assert_eq(f->seen.numbers, 1);
	count = memory_take(f, taken);
	packet_put(f, 2, 2, 1);
	lone_pass(f->lone, LONE_SECOND - LONE_MS);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NO_MEMORY), 0);
	memory_give(f, taken, 0, count);
	lone_turn(f->lone);
	cr_assert_eq(f->seen.numbers, 2);
	lone_destroy(f->lone);
}

Test(net_handover, memory__a_message_of_the_same_envelope_starts_the_second_anew)
{
	static struct hm_msg *taken[TAKEN_MAX];
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint32_t count = memory_take(f, taken);

	packet_put(f, 1, 1, 1);
	lone_pass(f->lone, LONE_SECOND + LONE_MS);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NO_MEMORY), 1);
	/* One of three finds memory: the others wait. */
	memory_give(f, taken, count - 1, count);
	f->seen.last = 1;
	packet_put(f, 2, 2, 3);
	cr_assert_geq(f->seen.numbers, 1);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NO_MEMORY), 1);
	memory_give(f, taken, 0, count - 1);
	lone_turn(f->lone);
	cr_assert_eq(f->seen.numbers, 3);
	cr_assert_eq(f->seen.out_of_order, 0);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NO_MEMORY), 1);
	lone_destroy(f->lone);
}

/* ---- To the end ------------------------------------------------------------------------------------ */

Test(net_handover, bye__what_came_early_is_the_senders_to_report)
{
	struct fixture *f = fixture_create("");

	packet_put(f, 1, 1, 2);
	packet_put(f, 3, 5, 2);
	lone_send(f->lone, &f->peer, HMI_BYE, NULL, 0);
	cr_assert_eq(lone_stats(f->lone, "s3").state, HM_NET_PEER_IDLE);
	cr_assert_eq(lone_stats(f->lone, "s3").lost, 1);
	cr_assert_eq(f->seen.numbers, 2);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NODE_LOST), 0);
	/* The hole's packet, late, finds no session. */
	packet_put(f, 2, 3, 2);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_SESSION), 1);
	cr_assert_eq(f->seen.numbers, 2);
	lone_destroy(f->lone);
}

Test(net_handover, bye__twice_is_one_end)
{
	struct fixture *f = fixture_create("");

	lone_send(f->lone, &f->peer, HMI_BYE, NULL, 0);
	lone_send(f->lone, &f->peer, HMI_BYE, NULL, 0);
	cr_assert_eq(lone_stats(f->lone, "s3").lost, 1);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_SESSION), 1);
	lone_destroy(f->lone);
}

Test(net_handover, bye__with_a_bad_acknowledgement_ends_nothing)
{
	struct fixture *f = fixture_create("");

	f->peer.ack = 2;
	lone_send(f->lone, &f->peer, HMI_BYE, NULL, 0);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_ACK), 1);
	cr_assert_eq(lone_stats(f->lone, "s3").state, HM_NET_PEER_OPEN);
	lone_destroy(f->lone);
}

Test(net_handover, batch__what_stands_before_the_fault_is_handed_on)
{
	struct fixture *f = fixture_create("");
	uint8_t batch[1448];
	size_t length = batch_write(f, 1, 4, batch);

	/* The second envelope is one byte short; its packet counts as received all the same. */
	lone_send(f->lone, &f->peer, HMI_DATA, batch, length - 1);
	cr_assert_eq(f->seen.numbers, 3);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_BATCH), 1);
	/* The last payload of an envelope says that it is longer. */
	length = batch_write(f, 4, 3, batch);
	batch[length - 1 - 9]++;
	f->peer.number = 2;
	lone_send(f->lone, &f->peer, HMI_DATA, batch, length);
	cr_assert_eq(f->seen.numbers, 5);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_BATCH), 2);
	packet_put(f, 3, 6, 1);
	cr_assert_eq(f->seen.numbers, 6);
	cr_assert_eq(f->seen.out_of_order, 0);
	lone_destroy(f->lone);
}

Test(net_handover, batch__empty_one_is_a_packet)
{
	struct fixture *f = fixture_create("");

	lone_send(f->lone, &f->peer, HMI_DATA, NULL, 0);
	packet_put(f, 2, 1, 1);
	cr_assert_eq(f->seen.numbers, 1);
	cr_assert_eq(ack_last(f).ack, 3);
	lone_destroy(f->lone);
}

/* Slots that one lcore has granted to another one exist for this node's own actors alone. */
Test(net_handover, envelope__for_a_granted_slot_is_for_nobody)
{
	struct fixture *f = fixture_create("--workers 2");
	struct hmi_envelope envelope = { .type = hm_type_hash("hermod.test.Numbers") };
	uint64_t sent = 0, reserved = 0;
	uint8_t batch[1448];

	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		const struct hmi_cells *cells = &f->lone->sys->lcores[lcore]->cells;

		for (uint32_t slot = 0; slot < 400; slot += 7) {
			bool before;

			envelope.to = hmi_local(lcore, slot, 1);
			if (envelope.to == f->sink.local)
				continue;
			before = hmi_cells_is_reserved(cells, envelope.to);
			lone_send(f->lone, &f->peer, HMI_DATA, batch,
				  (size_t)(hmi_envelope_write(batch, &envelope) - batch));
			/* A guess takes no memory for the slot. */
			cr_assert_eq(hmi_cells_is_reserved(cells, envelope.to), before, "slot %u", slot);
			reserved += before;
			sent++;
		}
	}
	lone_pass(f->lone, LONE_MS);
	cr_assert_gt(reserved, 100);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NO_PROCESS) + pair_dead(f->lone->sys, HM_DEAD_GUARDIAN) +
			     pair_dead(f->lone->sys, HM_DEAD_SENT_THERE) +
			     pair_dead(f->lone->sys, HM_DEAD_LATE_REPLY),
		     sent);
	lone_destroy(f->lone);
}

Test(net_handover, end__without_memory_and_then_another_session)
{
	static struct hm_msg *taken[TAKEN_MAX];
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint32_t count = memory_take(f, taken);

	packet_put(f, 1, 1, 2);
	lone_send(f->lone, &f->peer, HMI_BYE, NULL, 0);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NO_MEMORY), 2);
	/* What the next session brings waits again, for its second. */
	f->peer = lone_open(f->lone, 3);
	packet_put(f, 1, 1, 2);
	lone_pass(f->lone, LONE_SECOND / 2);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NO_MEMORY), 2);
	memory_give(f, taken, 0, count);
	lone_turn(f->lone);
	cr_assert_eq(f->seen.numbers, 2);
	cr_assert_eq(f->seen.out_of_order, 0);
	lone_destroy(f->lone);
}
