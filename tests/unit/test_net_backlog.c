/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What waits for a peer, and what fills its packets: limits, order, and an account of each message.
 */
#include "test_net_lone.h"

#define PAYLOAD_MAX 1448u

TestSuite(net_backlog, .init = pair_eal_start, .timeout = 60);

/* What an actor is asked to do: the message is a pointer to it. */
struct deed {
	void (*fn)(struct hm_ctx *ctx, struct deed *deed);
	struct hm_pid to;
	uint32_t count, done, found, failed;
	const char *address;
};

static void
doer_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct deed *deed;

	(void)state;
	if (hm_msg_type(msg) != PAIR_LOCAL)
		return;
	memcpy(&deed, hm_msg_body(msg), sizeof(deed));
	deed->fn(ctx, deed);
}

static const struct hm_props doer_props = { .receive = doer_receive };

struct fixture {
	struct lone *lone;
	struct lone_peer peer; /* grants what the test says */
	struct hm_pid there, doer;
	uint64_t sent;
};

/* A node with a session that has `credit`. */
static struct fixture *
fixture_create(const char *more, uint16_t credit)
{
	static struct fixture f;
	char words[200];

	snprintf(words, sizeof(words), "--peer-timeout-ms 3600000 --memory 64M %s", more);
	f.lone = lone_create(words);
	cr_assert_eq(hm_system_spawn(f.lone->sys, &doer_props, "doer", NULL, &f.doer), 0);
	f.peer = lone_open(f.lone, 3);
	/* What the HELLO has promised is taken back: only the test may do that. */
	lone_net(f.lone)->peers[0]->session.tx_limit = 1u + credit;
	f.peer.credit = credit;
	f.there = (struct hm_pid){ lone_says(3).node, 42 };
	return &f;
}

static void
numbers_send(struct fixture *f, uint64_t count)
{
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	for (uint64_t i = 0; i < count; i++) {
		numbers.a = ++f->sent;
		cr_assert_eq(hm_system_send(f->lone->sys, f->there, PAIR_NUMBERS, &numbers), HM_OK);
		if (i % 64 == 63)
			lone_turn(f->lone);
	}
	lone_turn(f->lone);
}

static void
doing(struct fixture *f, struct deed *deed)
{
	cr_assert_eq(hm_system_send(f->lone->sys, f->doer, PAIR_LOCAL, &deed), HM_OK);
	lone_turn(f->lone);
}

/* Acknowledge what the node has sent, and give it credit, until all is there. Returns the messages. */
static uint64_t
all_take(struct fixture *f)
{
	uint64_t count = 0, last = 0;

	f->peer.credit = 256;
	for (int quiet = 0; quiet < 3; quiet++) {
		const struct lone_packet *packet;

		lone_send(f->lone, &f->peer, HMI_ACK, NULL, 0);
		while ((packet = lone_take_kind(f->lone, HMI_DATA)) != NULL) {
			struct hmi_reader reader = { packet->payload,
						     packet->payload + packet->header.length };
			struct hmi_envelope envelope;

			cr_assert_eq(packet->header.number, f->peer.ack, "packet %u", packet->header.number);
			f->peer.ack++;
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
		cr_assert_lt(f->sent, 100000);
		numbers_send(f, 1);
	}
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
		cr_assert_lt(f->sent, 100000);
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
watch_many(struct hm_ctx *ctx, struct deed *deed)
{
	for (uint32_t i = 0; i < deed->count; i++) {
		struct hm_pid who = { deed->to.node, 100 + i };

		cr_assert_eq(hm_watch(ctx, who), HM_OK);
		deed->done++;
	}
}

Test(net_backlog, limit__messages_of_the_engine_wait_all_the_same)
{
	struct fixture *f = fixture_create("--peer-queue 0", 0);
	struct deed deed = { .fn = watch_many, .to = f->there, .count = 20 };

	while (pair_dead(f->lone->sys, HM_DEAD_NODE_BUSY) == 0)
		numbers_send(f, 1);
	doing(f, &deed);
	cr_assert_eq(deed.done, 20);
	cr_assert_eq(backlogged(f), 20);
	cr_assert_eq(lone_net(f->lone)->peers[0]->backlog.system_count, 20);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NODE_BUSY), 1);
	(void)all_take(f);
	cr_assert_eq(lone_net(f->lone)->peers[0]->backlog.system_count, 0);
	lone_destroy(f->lone);
}

/* ---- Resolve requests ------------------------------------------------------------------------------ */

static void
on_identity(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	    void *arg)
{
	struct deed *deed = arg;

	(void)ctx;
	(void)state;
	(void)reply;
	deed->found += result == HM_FUTURE_REPLY;
	deed->failed += result != HM_FUTURE_REPLY;
}

static void
resolve_many(struct hm_ctx *ctx, struct deed *deed)
{
	for (uint32_t i = 0; i < deed->count; i++) {
		cr_assert_eq(hm_resolve(ctx, deed->address, 60000000, on_identity, deed), 0);
		deed->done++;
	}
}

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
		reader = (struct hmi_reader){ packet->payload, packet->payload + packet->header.length };
		while (hmi_batch_next(&reader, &envelope) == 1)
			arrived++;
	}
	f->peer.ack = 3;
	f->peer.credit = 0;
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

/* ---- Packets ------------------------------------------------------------------------------------------ */

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

Test(net_backlog, packet__longest_message_and_one_byte_more)
{
	longest_check("", PAYLOAD_MAX);
}

Test(net_backlog, packet__longest_message_of_the_least_mtu)
{
	longest_check("--mtu 576", 524);
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

/* Bytes of the envelope of one of them, which names no sender. */
static size_t
sent_size(const struct fixture *f)
{
	struct hmi_envelope envelope = { .to = f->there.local, .type = 1 };
	Hermod__Test__Numbers numbers;
	size_t packed;

	hermod__test__numbers__init(&numbers);
	numbers.a = 1;
	packed = hermod__test__numbers__get_packed_size(&numbers);
	return hmi_envelope_head_size(&envelope, packed) + packed;
}

Test(net_backlog, packet__filled_as_far_as_a_message_may_be_long)
{
	struct fixture *f = fixture_create("", 256);
	struct deed deed = { .fn = send_many, .to = f->there, .count = 200 };
	const struct lone_packet *packet;
	size_t each = sent_size(f), all = 0;

	doing(f, &deed);
	while ((packet = lone_take_kind(f->lone, HMI_DATA)) != NULL) {
		cr_assert_leq(packet->header.length, PAYLOAD_MAX);
		cr_assert_eq(packet->header.length % each, 0);
		all += packet->header.length / each;
		/* Room is made for the longest form of the message: three more numbers of nine bytes. */
		if (all < deed.count)
			cr_assert_gt(packet->header.length + each + 3 * 9, PAYLOAD_MAX, "%u %zu",
				     packet->header.length, each);
	}
	cr_assert_eq(all, deed.count);
	lone_destroy(f->lone);
}

Test(net_backlog, packet__one_for_all_of_a_turn)
{
	struct fixture *f = fixture_create("", 256);
	struct deed deed = { .fn = send_many, .to = f->there, .count = 10 };
	const struct lone_packet *packet;

	for (int i = 0; i < 3; i++) {
		doing(f, &deed);
		packet = lone_take_kind(f->lone, HMI_DATA);
		cr_assert_not_null(packet);
		cr_assert_eq(packet->header.length, 10 * sent_size(f), "%u of %zu", packet->header.length,
			     sent_size(f));
		cr_assert_eq(packet->when_ns, f->lone->now);
		cr_assert_null(lone_take(f->lone));
	}
	lone_destroy(f->lone);
}

Test(net_backlog, packet__frames_kept_are_those_not_acknowledged)
{
	struct fixture *f = fixture_create("", 256);
	struct hmi_net *net = lone_net(f->lone);

	for (uint32_t i = 1; i <= 20; i++) {
		numbers_send(f, 1);
		cr_assert_eq(net->frames_kept, i);
		cr_assert_eq(lone_stats(f->lone, "s3").packets_unacknowledged, i);
	}
	f->peer.ack = 11;
	lone_send(f->lone, &f->peer, HMI_ACK, NULL, 0);
	cr_assert_eq(net->frames_kept, 10);
	cr_assert_eq(lone_stats(f->lone, "s3").packets_unacknowledged, 10);
	f->peer.ack = 21;
	lone_send(f->lone, &f->peer, HMI_ACK, NULL, 0);
	cr_assert_eq(net->frames_kept, 0);
	lone_destroy(f->lone);
}

Test(net_backlog, packet__frames_kept_for_those_that_take_nothing)
{
	struct fixture *f = fixture_create("--peer-queue 1000000", 0);
	struct hmi_net *net = lone_net(f->lone);
	size_t bytes = text_fitting(PAYLOAD_MAX);

	/* 512 each is what a session holds; all together leave 8 for each peer that there may be. */
	for (uint8_t host = 3; host < 8; host++) {
		if (host > 3)
			(void)lone_open(f->lone, host);
		net->peers[host - 3]->session.tx_limit = 1;
		f->there.node = lone_says(host).node;
		for (uint32_t i = 0; i < HMI_TX_RING + 50; i++)
			(void)text_send(f, bytes);
	}
	for (uint32_t i = 0; i < 5; i++) {
		const struct hmi_session *s = &net->peers[i]->session;
		uint64_t kept = s->tx_next - s->tx_una + (net->peers[i]->batch != NULL);

		if (i < 3)
			cr_assert_eq(kept, HMI_TX_RING, "peer %u keeps %lu", i, kept);
		else
			cr_assert_eq(kept, HMI_FRAMES_OWN, "peer %u keeps %lu", i, kept);
	}
	cr_assert_eq(net->frames_kept, 3 * HMI_TX_RING + 2 * HMI_FRAMES_OWN);
	lone_destroy(f->lone);
}

Test(net_backlog, packet__lost_one_is_sent_again_with_the_same_bytes)
{
	struct fixture *f = fixture_create("", 256);
	const struct lone_packet *again;
	struct lone_packet first;

	numbers_send(f, 3);
	first = *lone_take_kind(f->lone, HMI_DATA);
	lone_forget(f->lone);
	/* A time-out of 20 ms, since no round trip was measured. */
	lone_pass(f->lone, 20 * LONE_MS - LONE_STEP_NS);
	cr_assert_null(lone_take_kind(f->lone, HMI_DATA));
	lone_pass(f->lone, LONE_MS);
	again = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(again);
	cr_assert_eq(again->header.number, first.header.number);
	cr_assert_eq(again->header.length, first.header.length);
	cr_assert_arr_eq(again->payload, first.payload, first.header.length);
	cr_assert_eq(lone_stats(f->lone, "s3").packets_retransmitted, 1);
	cr_assert_eq(lone_stats(f->lone, "s3").packets_sent, 1);
	lone_destroy(f->lone);
}
