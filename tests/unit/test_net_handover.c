/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Packets that arrived, on their way to actors: in order, through holes, without memory, to the end.
 */
#include "ranges_pvt.h"
#include "test_net_sink.h"

#include <rte_udp.h>

#define TAKEN_MAX 8192u

TestSuite(net_handover, .init = pair_eal_start, .timeout = 60);

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

/* ---- Order -------------------------------------------------------------------------------------- */

Test(net_handover, packet__backwards_is_handed_on_forwards)
{
	struct fixture *f = fixture_create("");
	const struct lone_packet *ack;

	for (uint32_t sequence = 20; sequence > 1; sequence--)
		packet_put(f, sequence, sequence, 1);
	cr_assert_eq(f->seen.numbers, 0);
	packet_put(f, 1, 1, 1);
	cr_assert_eq(f->seen.numbers, 20);
	cr_assert_eq(f->seen.out_of_order, 0);
	ack = ack_last_packet(f);
	cr_assert_eq(ack->header.ack, number_of(20));
	cr_assert_eq(ack->header.run, number_of(20) - 1);
	cr_assert_eq(ack->header.length, 0);
	lone_destroy(f->lone);
}

Test(net_handover, packet__hole_is_told_at_once)
{
	struct fixture *f = fixture_create("");
	struct hmi_range ranges[HMI_RANGES];
	const struct lone_packet *ack;

	packet_put(f, 1, 1, 1);
	packet_put(f, 3, 3, 1);
	ack = lone_take_kind(f->lone, HMI_ACK);
	cr_assert_not_null(ack);
	cr_assert_eq(ack->when_ns, f->lone->now);
	cr_assert_eq(ack->header.ack, number_of(3));
	cr_assert_eq(ack->header.run, 0);
	cr_assert_eq(hmi_ranges_read(ranges, ack->header.ack, ack->payload, ack->header.length), 1);
	cr_assert_eq(ranges[0].from, 1);
	cr_assert_eq(ranges[0].to, number_of(1));
	packet_put(f, 2, 2, 1);
	cr_assert_eq(f->seen.numbers, 3);
	/* What fills it is told at once, too. */
	ack = lone_take_kind(f->lone, HMI_ACK);
	cr_assert_not_null(ack);
	cr_assert_eq(ack->when_ns, f->lone->now);
	cr_assert_eq(ack->header.ack, number_of(3));
	cr_assert_eq(ack->header.run, number_of(3) - 1);
	cr_assert_eq(ack->header.length, 0);
	lone_destroy(f->lone);
}

/* The network has doubled it. */
Test(net_handover, packet__twice_is_handed_on_once)
{
	struct fixture *f = fixture_create("");

	packet_put(f, 1, 1, 5);
	cr_assert_eq(ack_last(f).ack, number_of(1));
	for (int i = 0; i < 3; i++)
		packet_put(f, 1, 1, 5);
	cr_assert_eq(f->seen.numbers, 5);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_DUPLICATE), 3);
	cr_assert_eq(lone_stats(f->lone, "s3").packets_received, 1);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_received, 5);
	lone_destroy(f->lone);
}

/* Whoever sends it again does not know that it was received. */
Test(net_handover, data__again_is_handed_on_once_and_acknowledged_at_once)
{
	struct fixture *f = fixture_create("");
	uint8_t batch[LONE_BYTES];
	size_t length = batch_write(f, 1, 5, batch);

	packet_put(f, 1, 1, 5);
	cr_assert_eq(ack_last(f).ack, number_of(1));
	for (uint32_t number = number_of(1) + 1; number < number_of(1) + 4; number++) {
		const struct lone_packet *ack;

		f->peer.sequence = 1;
		lone_send(f->lone, &f->peer, HMI_DATA, batch, length);
		ack = lone_take_kind(f->lone, HMI_ACK);
		cr_assert_not_null(ack);
		cr_assert_eq(ack->when_ns, f->lone->now);
		cr_assert_eq(ack->header.ack, number);
		cr_assert_eq(ack->header.run, number - 1);
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
	uint32_t credit = (uint32_t)lone_lane(f->lone, 0)->rx_limit - 1;

	/* In flight may be three quarters of 64 descriptors; behind a gap may wait four times as much. */
	cr_assert_eq(lone_net(f->lone)->peers[0]->session.rx_window, 48);
	cr_assert_eq(credit, 4 * 48);
	packet_put(f, credit + 1, 1, 1);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_WINDOW), 1);
	packet_put(f, credit, credit, 1);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_WINDOW), 1);
	for (uint32_t sequence = 1; sequence < credit; sequence++)
		packet_put(f, sequence, sequence, 1);
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

/* ---- Without memory ------------------------------------------------------------------------------- */

Test(net_handover, memory__none_is_no_loss_and_no_credit)
{
	static struct hm_msg *taken[TAKEN_MAX];
	struct fixture *f = fixture_create("--rx-desc 64");
	uint32_t count = memory_take(f, taken);
	struct hmi_header ack;

	for (uint32_t sequence = 1; sequence <= 10; sequence++)
		packet_put(f, sequence, 3 * sequence - 2, 3);
	cr_assert_eq(f->seen.numbers, 0);
	ack = ack_last(f);
	cr_assert_eq(ack.ack, number_of(10));
	cr_assert_eq(ack.limit_user, 1 + 4 * 48);
	/* Half a packet at a time. */
	memory_give(f, taken, count - 1, count);
	for (int i = 0; i < 40; i++)
		lone_turn(f->lone);
	memory_give(f, taken, 0, count - 1);
	lone_turn(f->lone);
	cr_assert_eq(f->seen.numbers, 30);
	cr_assert_eq(f->seen.out_of_order, 0);
	cr_assert_eq(ack_last(f).limit_user, 11 + 4 * 48);
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

/* It was acknowledged, so its sender has forgotten it. */
Test(net_handover, bye__what_came_early_is_a_dead_letter_here)
{
	struct fixture *f = fixture_create("");

	cr_assert_eq(hm_dead_letters_subscribe(f->lone->sys, f->sink), 0);
	packet_put(f, 1, 1, 2);
	packet_put(f, 3, 5, 2);
	lone_send(f->lone, &f->peer, HMI_BYE, NULL, 0);
	cr_assert_eq(lone_stats(f->lone, "s3").state, HM_NET_PEER_IDLE);
	cr_assert_eq(lone_stats(f->lone, "s3").lost, 1);
	cr_assert_eq(f->seen.numbers, 2);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NODE_LOST), 2);
	cr_assert(hm_pid_equal(f->seen.letter.to, f->sink));
	cr_assert(hm_pid_is_none(f->seen.letter.sender));
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

	f->peer.ack = (uint32_t)lone_net(f->lone)->peers[0]->session.flight.next;
	lone_send(f->lone, &f->peer, HMI_BYE, NULL, 0);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_ACK), 1);
	cr_assert_eq(lone_stats(f->lone, "s3").state, HM_NET_PEER_OPEN);
	lone_destroy(f->lone);
}

Test(net_handover, batch__what_stands_before_the_fault_is_handed_on)
{
	struct fixture *f = fixture_create("");
	uint8_t batch[LONE_BYTES];
	size_t length = batch_write(f, 1, 4, batch);

	/* The second envelope is one byte short; its packet counts as received all the same. */
	lone_send(f->lone, &f->peer, HMI_DATA, batch, length - 1);
	cr_assert_eq(f->seen.numbers, 3);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_BATCH), 1);
	/* The last payload of an envelope says that it is longer. */
	length = batch_write(f, 4, 3, batch);
	batch[length - 1 - 9]++;
	lone_send(f->lone, &f->peer, HMI_DATA, batch, length);
	cr_assert_eq(f->seen.numbers, 5);
	cr_assert_eq(lone_dropped(f->lone, HM_NET_DROP_BATCH), 2);
	packet_put(f, 3, 6, 1);
	cr_assert_eq(f->seen.numbers, 6);
	cr_assert_eq(f->seen.out_of_order, 0);
	lone_destroy(f->lone);
}

static void
leaver_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == PAIR_NUMBERS)
		hm_stop(ctx, hm_self(ctx));
}

/* The first of two messages stops their receiver: the sender of the second is told. */
Test(net_handover, envelope__message_that_its_receiver_did_not_handle)
{
	static const struct hm_props props = { .receive = leaver_receive };
	struct fixture *f = fixture_create("");
	const struct lone_packet *packet;
	struct hmi_envelope envelope;
	struct hmi_reader reader;
	struct hm_pid leaver;
	uint8_t batch[100], *end;

	cr_assert_eq(hm_system_spawn(f->lone->sys, &props, "leaver", NULL, &leaver), 0);
	lone_turn(f->lone);
	lone_forget(f->lone);
	end = hmi_envelope_begin(batch, leaver.local, 7, hm_type_hash("hermod.test.Numbers"));
	memcpy(end, (const uint8_t[]){ HMI_TAG_PAYLOAD, 0, HMI_TAG_PAYLOAD, 0 }, 4);
	hmi_envelope_end(batch, end + 4);
	lone_send(f->lone, &f->peer, HMI_DATA, batch, (size_t)(end + 4 - batch));
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_STOPPED), 1);
	packet = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(packet);
	reader = hmi_batch_reader(packet->payload, packet->header.length);
	cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
	cr_assert_eq(envelope.to, 7);
	cr_assert_eq(envelope.system, HM_SYS_UNDELIVERED);
	cr_assert_eq(hmi_batch_next(&reader, &envelope), 0);
	lone_destroy(f->lone);
}

/* Of a newer version of its type: it needs more room than messages of the type usually do. */
Test(net_handover, envelope__message_with_an_unknown_field)
{
	static const uint8_t unknown[] = { 15 << 3 | 2, 5, 'h', 'e', 'l', 'l', 'o' };
	struct fixture *f = fixture_create("");
	struct hmi_envelope envelope = { .to = f->sink.local, .type = hm_type_hash("hermod.test.Numbers") };
	Hermod__Test__Numbers numbers;
	uint8_t payload[100], batch[200];

	hermod__test__numbers__init(&numbers);
	numbers.a = 1;
	envelope.payload_length = (uint32_t)hermod__test__numbers__pack(&numbers, payload);
	/* Field 15: five bytes. */
	memcpy(payload + envelope.payload_length, unknown, sizeof(unknown));
	envelope.payload_length += (uint32_t)sizeof(unknown);
	envelope.payload = payload;
	lone_send(f->lone, &f->peer, HMI_DATA, batch, (size_t)(hmi_envelope_write(batch, &envelope) - batch));
	cr_assert_eq(f->seen.numbers, 1);
	cr_assert_eq(f->seen.out_of_order, 0);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_MALFORMED), 0);
	lone_destroy(f->lone);
}

/* Of type, system and path the first that is there counts. */
Test(net_handover, envelope__with_a_type_and_more)
{
	struct fixture *f = fixture_create("");
	struct hmi_envelope envelope = { .to = f->sink.local,
					 .type = hm_type_hash("hermod.test.Numbers"),
					 .system = HM_SYS_STOP };
	Hermod__Test__Numbers numbers;
	uint8_t payload[100], batch[200], *end;

	hermod__test__numbers__init(&numbers);
	envelope.payload = payload;
	for (numbers.a = 1; numbers.a <= 2; numbers.a++) {
		envelope.payload_length = (uint32_t)hermod__test__numbers__pack(&numbers, payload);
		end = hmi_envelope_write(batch, &envelope);
		lone_send(f->lone, &f->peer, HMI_DATA, batch, (size_t)(end - batch));
		cr_assert_eq(f->seen.numbers, numbers.a);
	}
	lone_destroy(f->lone);
}

Test(net_handover, batch__empty_one_is_a_packet)
{
	struct fixture *f = fixture_create("");

	lone_send(f->lone, &f->peer, HMI_DATA, NULL, 0);
	packet_put(f, 2, 1, 1);
	cr_assert_eq(f->seen.numbers, 1);
	cr_assert_eq(ack_last(f).ack, number_of(2));
	lone_destroy(f->lone);
}

/* Slots of one lcore that another one holds exist for this node's own actors alone. */
Test(net_handover, envelope__for_a_granted_slot_is_for_nobody)
{
	struct fixture *f = fixture_create("--workers 2");
	struct hmi_envelope envelope = { .type = hm_type_hash("hermod.test.Numbers") };
	uint64_t sent = 0, reserved = 0;
	uint8_t batch[LONE_BYTES];

	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		struct hmi_cells *cells = &f->lone->sys->lcores[lcore]->cells;
		uint32_t first;

		cells->lost += hmi_slot_bank_reserve(cells->bank, 1000, &first);
		for (uint32_t slot = 0; slot < 1000; slot += 7) {
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
