/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What fills a peer's packets: which messages share an envelope, how long both may be, and their order.
 */
#include "test_net_credit.h"

#define PAYLOAD_MAX 1432u

TestSuite(net_packets, .init = pair_eal_start, .timeout = 60);

/* Send a text of so many bytes of data. Returns the bytes of its envelope. */
static size_t
text_send(struct fixture *f, size_t bytes)
{
	static uint8_t data[9600];
	struct hmi_envelope envelope = { .to = f->there.local, .type = 1 };
	Hermod__Test__Text text;
	size_t packed;

	hermod__test__text__init(&text);
	text.data.data = data;
	text.data.len = bytes;
	packed = hermod__test__text__get_packed_size(&text);
	cr_assert_eq(hm_system_send(f->lone->sys, f->there, PAIR_TEXT, &text), HM_OK);
	lone_turn(f->lone);
	return hmi_envelope_head_size(&envelope, packed) + packed;
}

/* Bytes of data whose envelope has `size` bytes. */
static size_t
text_fitting(size_t size)
{
	struct hmi_envelope envelope = { .to = 42, .type = 1 };
	Hermod__Test__Text text;

	hermod__test__text__init(&text);
	for (text.data.len = 0; text.data.len < 9600; text.data.len++) {
		size_t packed = hermod__test__text__get_packed_size(&text);

		if (hmi_envelope_head_size(&envelope, packed) + packed == size)
			return text.data.len;
	}
	cr_assert_fail("no text has an envelope of %zu bytes", size);
	return 0;
}

static void
longest_check(const char *more, size_t payload)
{
	struct fixture *f = fixture_create(more, 256);
	const struct lone_packet *packet;
	size_t bytes = text_fitting(payload);

	cr_assert_eq(text_send(f, bytes), payload);
	packet = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(packet);
	cr_assert_eq(packet->header.length, payload);
	cr_assert_eq(text_send(f, bytes + 1), payload + 1);
	cr_assert_null(lone_take_kind(f->lone, HMI_DATA));
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_TOO_BIG), 1);
	/* The node's own limit is that of a packet alone: what is there goes out before. */
	numbers_send(f, 1);
	(void)text_send(f, bytes);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_sent, 3);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_TOO_BIG), 1);
	lone_destroy(f->lone);
}

Test(net_packets, packet__longest_message_and_one_byte_more)
{
	longest_check("", PAYLOAD_MAX);
}

Test(net_packets, packet__longest_message_of_the_least_mtu)
{
	longest_check("--mtu 576", 508);
}

static void
send_many(struct hm_ctx *ctx, struct deed *deed)
{
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	for (uint32_t i = 0; i < deed->count; i++) {
		numbers.a = i + 1;
		cr_assert_eq(hm_send(ctx, deed->to, PAIR_NUMBERS, &numbers), HM_OK);
	}
}

/* Bytes of one of them in a packet: its payload, in an envelope that names no sender. */
static size_t
sent_size(void)
{
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	numbers.a = 1;
	return 2 + hermod__test__numbers__get_packed_size(&numbers);
}

Test(net_packets, packet__filled_as_far_as_a_message_may_be_long)
{
	struct fixture *f = fixture_create("", 256);
	struct deed deed = { .fn = send_many, .to = f->there, .count = 400 };
	const struct lone_packet *packet;
	size_t each = sent_size(), all = 0;

	doing(f, &deed);
	while ((packet = lone_take_kind(f->lone, HMI_DATA)) != NULL) {
		size_t payloads = packet->header.length - hmi_envelope_begin_size(0);

		cr_assert_leq(packet->header.length, PAYLOAD_MAX);
		cr_assert_eq(payloads % each, 0);
		all += payloads / each;
		/* Room is made for the longest form of the message: three more numbers of nine bytes. */
		if (all < deed.count)
			cr_assert_gt(packet->header.length + each + 3 * 9, PAYLOAD_MAX, "%u %zu",
				     packet->header.length, each);
	}
	cr_assert_eq(all, deed.count);
	lone_destroy(f->lone);
}

Test(net_packets, packet__one_for_all_of_a_turn)
{
	struct fixture *f = fixture_create("", 256);
	struct deed deed = { .fn = send_many, .to = f->there, .count = 10 };
	const struct lone_packet *packet;

	for (int i = 0; i < 3; i++) {
		doing(f, &deed);
		packet = lone_take_kind(f->lone, HMI_DATA);
		cr_assert_not_null(packet);
		cr_assert_eq(packet->header.length, hmi_envelope_begin_size(0) + 10 * sent_size(),
			     "%u of %zu", packet->header.length, sent_size());
		cr_assert_eq(packet->when_ns, f->lone->now);
		cr_assert_null(lone_take(f->lone));
	}
	lone_destroy(f->lone);
}

/* Bytes of a text of so many bytes of data in an envelope. */
static size_t
text_payload(size_t bytes)
{
	Hermod__Test__Text text;
	size_t packed;

	hermod__test__text__init(&text);
	text.data.len = bytes;
	packed = hermod__test__text__get_packed_size(&text);
	return 1 + hmi_varint_size(packed) + packed;
}

/* A long text, and one of `count` bytes of data. */
static void
send_two_texts(struct hm_ctx *ctx, struct deed *deed)
{
	static uint8_t data[PAYLOAD_MAX];
	Hermod__Test__Text text;

	hermod__test__text__init(&text);
	text.data.data = data;
	text.data.len = 700;
	cr_assert_eq(hm_send(ctx, deed->to, PAIR_TEXT, &text), HM_OK);
	text.data.len = deed->count;
	cr_assert_eq(hm_send(ctx, deed->to, PAIR_TEXT, &text), HM_OK);
}

Test(net_packets, packet__second_message_that_just_fits_and_one_byte_more)
{
	struct fixture *f = fixture_create("", 256);
	struct deed deed = { .fn = send_two_texts, .to = f->there };
	size_t first = hmi_envelope_begin_size(0) + text_payload(700);
	const struct lone_packet *packet;

	while (first + text_payload(deed.count) < PAYLOAD_MAX)
		deed.count++;
	cr_assert_eq(first + text_payload(deed.count), PAYLOAD_MAX);
	doing(f, &deed);
	packet = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(packet);
	cr_assert_eq(packet->header.length, PAYLOAD_MAX);
	deed.count++;
	doing(f, &deed);
	packet = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(packet);
	cr_assert_eq(packet->header.length, first);
	packet = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(packet);
	cr_assert_eq(packet->header.length, hmi_envelope_begin_size(0) + text_payload(deed.count));
	lone_destroy(f->lone);
}

/* A text whose envelope has deed->count bytes, and then 11 numbers of the greatest length, 38 bytes in a packet. */
static void
send_text_and_numbers(struct hm_ctx *ctx, struct deed *deed)
{
	static uint8_t data[PAYLOAD_MAX];
	Hermod__Test__Numbers numbers;
	Hermod__Test__Text text;

	hermod__test__text__init(&text);
	text.data.data = data;
	while (hmi_envelope_begin_size(0) + text_payload(text.data.len) < deed->count)
		text.data.len++;
	cr_assert_eq(hm_send(ctx, deed->to, PAIR_TEXT, &text), HM_OK);
	hermod__test__numbers__init(&numbers);
	numbers.a = numbers.b = numbers.c = numbers.d = 1;
	cr_assert_eq(2 + hermod__test__numbers__get_packed_size(&numbers), 38);
	for (int i = 0; i < 11; i++)
		cr_assert_eq(hm_send(ctx, deed->to, PAIR_NUMBERS, &numbers), HM_OK);
}

Test(net_packets, packet__short_message_that_just_fits_and_one_byte_more)
{
	struct fixture *f = fixture_create("", 256);
	struct deed deed = { .fn = send_text_and_numbers, .to = f->there };
	const struct lone_packet *packet;

	deed.count = PAYLOAD_MAX - (uint32_t)hmi_envelope_begin_size(0) - 11 * 38;
	for (uint32_t over = 0; over < 4; over++, deed.count++) {
		doing(f, &deed);
		packet = lone_take_kind(f->lone, HMI_DATA);
		cr_assert_not_null(packet);
		cr_assert_eq(packet->header.length, PAYLOAD_MAX + over - (over > 0 ? 38 : 0), "%u", over);
		packet = lone_take_kind(f->lone, HMI_DATA);
		cr_assert_eq(packet != NULL, over > 0);
	}
	lone_destroy(f->lone);
}

/* Lengths around that from which on a length takes two bytes, of a message as long as it was thought it could be. */
Test(net_packets, packet__payloads_around_the_step_of_their_length)
{
	struct fixture *f = fixture_create("", 256);
	uint8_t data[200], packed[300];
	Hermod__Test__Text text;

	hermod__test__text__init(&text);
	text.text = (char *)(uintptr_t) "t";
	text.number = UINT32_MAX;
	text.data.data = memset(data, 'd', sizeof(data));
	/* Not more than may be under way. */
	for (text.data.len = 110; text.data.len < 135; text.data.len++) {
		size_t length = hermod__test__text__pack(&text, packed);
		const struct lone_packet *packet;
		struct hmi_envelope envelope;
		struct hmi_reader reader;

		cr_assert_eq(hm_system_send(f->lone->sys, f->there, PAIR_TEXT, &text), HM_OK);
		lone_turn(f->lone);
		packet = lone_take_kind(f->lone, HMI_DATA);
		cr_assert_not_null(packet);
		reader = hmi_batch_reader(packet->payload, packet->header.length);
		cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
		cr_assert_eq(envelope.payload_length, length);
		cr_assert_arr_eq(envelope.payload, packed, length);
		cr_assert_eq(hmi_batch_next(&reader, &envelope), 0);
	}
	lone_destroy(f->lone);
}

/* A message of a newer version of its type is passed on as it is. */
Test(net_packets, packet__payload_with_an_unknown_field)
{
	struct fixture *f = fixture_create("", 256);
	ProtobufCMessageUnknownField field = {
		.tag = 15, .wire_type = PROTOBUF_C_WIRE_TYPE_VARINT, .len = 1, .data = (uint8_t[]){ 5 }
	};
	const struct lone_packet *packet;
	Hermod__Test__Numbers numbers;
	uint8_t packed[100];
	size_t length;

	hermod__test__numbers__init(&numbers);
	numbers.a = 1;
	numbers.base.n_unknown_fields = 1;
	numbers.base.unknown_fields = &field;
	length = hermod__test__numbers__pack(&numbers, packed);
	cr_assert_eq(length, 9 + 2);
	cr_assert_eq(hm_system_send(f->lone->sys, f->there, PAIR_NUMBERS, &numbers), HM_OK);
	lone_turn(f->lone);
	packet = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(packet);
	cr_assert_eq(packet->header.length, hmi_envelope_begin_size(0) + 2 + length);
	cr_assert_arr_eq(packet->payload + hmi_envelope_begin_size(0) + 2, packed, length);
	lone_destroy(f->lone);
}

/* In turns to two receivers, then two to each. */
static void
send_mixed(struct hm_ctx *ctx, struct deed *deed)
{
	struct hm_pid to[2] = { deed->to, deed->to };
	Hermod__Test__Numbers numbers;
	Hermod__Test__Text text;

	to[1].local++;
	hermod__test__numbers__init(&numbers);
	hermod__test__text__init(&text);
	for (uint32_t i = 0; i < 8; i++) {
		numbers.a = i + 1;
		cr_assert_eq(hm_send(ctx, to[i < 4 ? i % 2 : i / 2 % 2], PAIR_NUMBERS, &numbers), HM_OK);
	}
	cr_assert_eq(hm_send(ctx, to[1], PAIR_TEXT, &text), HM_OK);
	numbers.a = 9;
	cr_assert_eq(hm_request(ctx, to[1], PAIR_NUMBERS, &numbers), HM_OK);
	cr_assert_eq(hm_request(ctx, to[1], PAIR_NUMBERS, &numbers), HM_OK);
	cr_assert_eq(hm_send(ctx, to[1], PAIR_NUMBERS, &numbers), HM_OK);
	cr_assert_eq(hm_request(ctx, to[1], PAIR_NUMBERS, &numbers), HM_OK);
}

/* A message joins an envelope only of the same receiver, sender and type, and the order of all is kept. */
Test(net_packets, packet__envelopes_of_mixed_messages)
{
	static const struct {
		uint32_t messages, to;
		bool from, text;
	} expected[] = { { 1, 0, false, false }, { 1, 1, false, false }, { 1, 0, false, false },
			 { 1, 1, false, false }, { 2, 0, false, false }, { 2, 1, false, false },
			 { 1, 1, false, true },  { 2, 1, true, false },  { 1, 1, false, false },
			 { 1, 1, true, false } };
	struct fixture *f = fixture_create("", 256);
	struct deed deed = { .fn = send_mixed, .to = f->there };
	const struct lone_packet *packet;
	struct hmi_envelope envelope;
	struct hmi_reader reader;
	uint32_t number = 0;

	doing(f, &deed);
	packet = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(packet);
	reader = hmi_batch_reader(packet->payload, packet->header.length);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		for (uint32_t n = 1; n <= expected[i].messages; n++) {
			cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
			cr_assert_eq(envelope.to, f->there.local + expected[i].to);
			cr_assert_eq(envelope.from != 0, expected[i].from);
			cr_assert_eq(reader.at == reader.envelope_end, n == expected[i].messages, "%zu %u", i,
				     n);
			if (!expected[i].text && number < 9)
				cr_assert_eq(hmi_fixed64_read(envelope.payload + 1), ++number);
		}
	}
	cr_assert_eq(hmi_batch_next(&reader, &envelope), 0);
	lone_destroy(f->lone);
}

/* The node has sent one packet of these envelopes, each of one message. */
static void
envelopes_are(struct fixture *f, const struct hmi_envelope *expected, uint32_t count)
{
	const struct lone_packet *packet = lone_take_kind(f->lone, HMI_DATA);
	struct hmi_envelope envelope;
	struct hmi_reader reader;

	cr_assert_not_null(packet);
	reader = hmi_batch_reader(packet->payload, packet->header.length);
	for (uint32_t i = 0; i < count; i++) {
		cr_assert_eq(hmi_batch_next(&reader, &envelope), 1);
		cr_assert_eq(reader.at, reader.envelope_end, "%u", i);
		cr_assert_eq(envelope.to, f->there.local);
		cr_assert_eq(envelope.from_node, expected[i].from_node, "%u", i);
		cr_assert_eq(envelope.from != 0, expected[i].from != 0, "%u", i);
		cr_assert_eq(envelope.system, expected[i].system, "%u", i);
		cr_assert_eq(envelope.type != 0, expected[i].system == 0, "%u", i);
	}
	cr_assert_eq(hmi_batch_next(&reader, &envelope), 0);
	cr_assert_null(lone_take_kind(f->lone, HMI_DATA));
}

static void
send_and_poison(struct hm_ctx *ctx, struct deed *deed)
{
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	cr_assert_eq(hm_send(ctx, deed->to, PAIR_NUMBERS, &numbers), HM_OK);
	cr_assert_eq(hm_poison(ctx, deed->to), HM_OK);
	cr_assert_eq(hm_send(ctx, deed->to, PAIR_NUMBERS, &numbers), HM_OK);
}

/* Poison stays behind users' messages. What comes behind it does not join the envelope before that. */
Test(net_packets, packet__message_of_the_engine_between_others)
{
	static const struct hmi_envelope expected[] = { { 0 }, { .system = HM_SYS_POISON }, { 0 } };
	struct fixture *f = fixture_create("", 256);
	struct deed deed = { .fn = send_and_poison, .to = f->there };

	doing(f, &deed);
	envelopes_are(f, expected, 3);
	lone_destroy(f->lone);
}

/* Sends a message, forwards what it received, and sends another. */
static void
forwarder_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct hm_pid *to = state;
	Hermod__Test__Numbers numbers;

	if (hm_msg_type(msg) != PAIR_NUMBERS)
		return;
	hermod__test__numbers__init(&numbers);
	cr_assert_eq(hm_send(ctx, *to, PAIR_NUMBERS, &numbers), HM_OK);
	cr_assert_eq(hm_forward(ctx, *to), HM_OK);
	cr_assert_eq(hm_send(ctx, *to, PAIR_NUMBERS, &numbers), HM_OK);
}

Test(net_packets, packet__forwarded_message_between_others)
{
	static const struct hm_props props = { .receive = forwarder_receive,
					       .state_size = sizeof(struct hm_pid),
					       .args_size = sizeof(struct hm_pid) };
	struct hmi_envelope expected[] = { { 0 }, { .from = 7, .from_node = lone_says(4).node }, { 0 } };
	struct fixture *f = fixture_create("", 256);
	struct hmi_envelope envelope = { .from = 7, .type = hm_type_hash("hermod.test.Numbers") };
	struct lone_peer other = lone_open(f->lone, 4);
	struct hm_pid forwarder;
	uint8_t batch[100];

	cr_assert_eq(hm_system_spawn(f->lone->sys, &props, "forwarder", &f->there, &forwarder), 0);
	lone_turn(f->lone);
	lone_forget(f->lone);
	envelope.to = forwarder.local;
	lone_send(f->lone, &other, HMI_DATA, batch, (size_t)(hmi_envelope_write(batch, &envelope) - batch));
	envelopes_are(f, expected, 3);
	lone_destroy(f->lone);
}

Test(net_packets, packet__frames_kept_are_those_not_acknowledged)
{
	struct fixture *f = fixture_create("", 256);
	struct hmi_net *net = lone_net(f->lone);

	for (uint32_t i = 1; i <= 20; i++) {
		numbers_send(f, 1);
		cr_assert_eq(net->frames_kept, i);
		cr_assert_eq(lone_stats(f->lone, "s3").packets_unacknowledged, i);
	}
	lone_receive_to(f->lone, &f->peer, 10);
	lone_send(f->lone, &f->peer, HMI_ACK, NULL, 0);
	cr_assert_eq(net->frames_kept, 10);
	cr_assert_eq(lone_stats(f->lone, "s3").packets_unacknowledged, 10);
	lone_acknowledge(f->lone, &f->peer);
	cr_assert_eq(net->frames_kept, 0);
	lone_destroy(f->lone);
}

Test(net_packets, packet__frames_kept_for_those_that_take_nothing)
{
	struct fixture *f = fixture_create("--peer-queue 1000000", 0);
	struct hmi_net *net = lone_net(f->lone);
	size_t bytes = text_fitting(PAYLOAD_MAX);
	const uint64_t all = HMI_FRAMES_KEPT - HMI_FRAMES_OWN * HM_NET_PEERS_MAX;

	/* 1,024 each is what a session holds; all together leave 6 for each peer that there may be. */
	for (uint8_t host = 3; host < 8; host++) {
		if (host > 3)
			(void)lone_open(f->lone, host);
		lone_lane(f->lone, host - 3)->tx_limit = 1;
		f->there.node = lone_says(host).node;
		for (uint32_t i = 0; i < HMI_TX_RING + 50; i++)
			(void)text_send(f, bytes);
	}
	for (uint32_t i = 0; i < 5; i++) {
		const struct hmi_net_lane *lane = lone_lane(f->lone, i);
		uint64_t kept = lane->next - lane->una + (net->peers[i]->batch != NULL);
		uint64_t want = i == 0 ? HMI_TX_RING : i == 1 ? all - HMI_TX_RING : HMI_FRAMES_USER;

		cr_assert_eq(kept, want, "peer %u keeps %lu", i, kept);
	}
	cr_assert_eq(net->frames_kept, all + 3 * HMI_FRAMES_USER);
	lone_destroy(f->lone);
}

static void
stop_there(struct hm_ctx *ctx, struct deed *deed)
{
	hm_stop(ctx, deed->to);
}

/* The session has nothing under way, and would give its memory back: but a packet is being filled. */
Test(net_packets, packet__filled_for_long_while_there_is_no_credit)
{
	struct fixture *f = fixture_create("", 1);
	struct deed deed = { .fn = stop_there, .to = f->there };
	const struct lone_packet *packet;

	numbers_send(f, 1);
	lone_acknowledge(f->lone, &f->peer);
	numbers_send(f, 1);
	/* What goes by another lane meanwhile changes nothing. */
	lone_forget(f->lone);
	doing(f, &deed);
	packet = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(packet);
	cr_assert_eq(packet->header.lane, HMI_LANE_CONTROL);
	lone_acknowledge(f->lone, &f->peer);
	lone_pass(f->lone, LONE_SECOND);
	cr_assert_null(lone_take_kind(f->lone, HMI_DATA));
	credit_grant(f, 1);
	lone_send(f->lone, &f->peer, HMI_ACK, NULL, 0);
	cr_assert_not_null(lone_take_kind(f->lone, HMI_DATA));
	lone_acknowledge(f->lone, &f->peer);
	/* And now it does. */
	lone_pass(f->lone, LONE_SECOND);
	cr_assert_null(lone_net(f->lone)->peers[0]->session.window);
	lone_destroy(f->lone);
}

Test(net_packets, packet__lost_one_is_sent_again_with_the_same_bytes)
{
	struct fixture *f = fixture_create("", 256);
	const struct lone_packet *again;
	struct lone_packet first;

	numbers_send(f, 3);
	first = *lone_take_kind(f->lone, HMI_DATA);
	lone_forget(f->lone);
	/* Twice a round trip of 1 ms, since none was measured, and the time that an acknowledgement may be held. */
	lone_pass(f->lone, 2 * LONE_MS);
	cr_assert_null(lone_take_kind(f->lone, HMI_DATA));
	lone_pass(f->lone, LONE_MS);
	again = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(again);
	cr_assert_gt(again->header.number, first.header.number);
	cr_assert_eq(again->header.sequence, first.header.sequence);
	cr_assert_eq(again->header.lane, HMI_LANE_USER);
	cr_assert_eq(again->header.length, first.header.length);
	cr_assert_arr_eq(again->payload, first.payload, first.header.length);
	cr_assert_eq(lone_stats(f->lone, "s3").packets_retransmitted, 1);
	cr_assert_eq(lone_stats(f->lone, "s3").packets_sent, 1);
	lone_destroy(f->lone);
}
