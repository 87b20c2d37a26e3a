/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NET_SINK_H
#define TEST_NET_SINK_H

/**
 * @file
 * A node whose only peer is the test, which sends numbers to an actor that looks at their order.
 */
#include "test_net_lone.h"

/* What the sink saw. */
struct seen {
	uint64_t numbers, last, out_of_order;
	struct hm_dead_letter letter; /* the last one, if the sink has subscribed to them */
};

static inline void
sink_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct seen *seen = *(struct seen **)state;
	const Hermod__Test__Numbers *numbers = hm_msg_body(msg);

	(void)ctx;
	if (hm_msg_type(msg) == HM_DEAD_LETTER)
		seen->letter = *(const struct hm_dead_letter *)hm_msg_body(msg);
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

static inline struct fixture *
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
static inline size_t
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

/* The number under which data is sent first, if no packet without data but the one that has opened the session was. */
static inline uint32_t
number_of(uint32_t sequence)
{
	return sequence + 1;
}

/* Of data `sequence` in the test's session; the length is missing. */
static inline struct hmi_header
data_header(const struct fixture *f, uint32_t sequence)
{
	struct lone_peer peer = f->peer;

	peer.number = number_of(sequence);
	peer.sequence = sequence;
	return lone_header(&peer, HMI_DATA);
}

/* Data `sequence` arrives, with `count` numbers from `first` on. */
static inline void
packet_put(struct fixture *f, uint32_t sequence, uint64_t first, uint32_t count)
{
	struct hmi_header header = data_header(f, sequence);
	uint8_t batch[LONE_BYTES];

	header.length = (uint16_t)batch_write(f, first, count, batch);
	f->peer.number = RTE_MAX(f->peer.number, header.number + 1);
	f->peer.sequence = RTE_MAX(f->peer.sequence, sequence + 1);
	lone_put(f->lone, f->peer.host, header, batch);
	lone_turn(f->lone);
}

/* Write the frame of data `sequence`, with `count` numbers from `sequence` on. Returns its bytes. */
static inline uint32_t
frame_write(const struct fixture *f, uint32_t sequence, uint32_t count, uint8_t *frame)
{
	struct hmi_header header = data_header(f, sequence);
	struct hmi_address from = lone_station(3);
	uint8_t batch[LONE_BYTES];

	header.length = (uint16_t)batch_write(f, sequence, count, batch);
	return lone_write(f->lone, &from, header, batch, frame);
}

/* The last ACK that the node has sent: what of it is read is valid until the next one. */
static inline const struct lone_packet *
ack_last_packet(struct fixture *f)
{
	const struct lone_packet *packet, *last = NULL;

	lone_pass(f->lone, LONE_MS);
	while ((packet = lone_take_kind(f->lone, HMI_ACK)) != NULL)
		last = packet;
	cr_assert_not_null(last);
	return last;
}

static inline struct hmi_header
ack_last(struct fixture *f)
{
	return ack_last_packet(f)->header;
}

#endif /* TEST_NET_SINK_H */
