/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: everything of net/ that reads bytes from outside. The first byte says what it is fed to.
 */
#include <stdlib.h>

#include "hmt_net.pb-c.h"
#include "hmt_net2.pb-c.h"

#include "codec_pvt.h"
#include "frame_pvt.h"
#include "handshake_pvt.h"
#include "icmp_pvt.h"
#include "neigh_pvt.h"
#include "session_pvt.h"
#include "envelope_pvt.h"
#include "header_pvt.h"
#include "protobuf_pvt.h"
#include "system_body_pvt.h"

#define LOADS 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hmi_address own = { RTE_BE32(0x0a000001), RTE_BE16(17355), { { 2, 0, 0, 0, 0, 1 } }, 0 };

static void
batch_fuzz(const uint8_t *data, size_t size)
{
	struct hmi_reader reader = { data, data + size };
	struct hmi_envelope envelope;

	while (hmi_batch_next(&reader, &envelope) == 1) {
		struct hm_terminated terminated;

		if (envelope.payload != NULL)
			(void)hmi_wire_terminated_read(envelope.payload, envelope.payload_length,
						       &terminated);
	}
}

static void
payload_fuzz(const uint8_t *data, size_t size)
{
	static const struct hm_type types[] = {
		{ .id = 256, .descriptor = &hermod__test__numbers__descriptor },
		{ .id = 257, .descriptor = &hermod__test__scalars__descriptor },
		{ .id = 258, .descriptor = &hermod__test__text__descriptor },
		{ .id = 259, .descriptor = &hermod__test__tree__descriptor },
		{ .id = 260, .descriptor = &hermod__test2__optional__descriptor },
	};
	const struct hm_type *list[] = { &types[0], &types[1], &types[2], &types[3], &types[4] };
	struct hmi_codec codec;
	size_t used;

	if (hmi_codec_create_from(&codec, list, 5) != 0)
		return;
	for (uint16_t id = 256; id < 261; id++) {
		const struct hmi_plan *plan = hmi_codec_by_id(&codec, id);
		size_t room = hmi_plan_room(plan, size);
		void *body = malloc(room);
		uint8_t *again;

		/* What was read can be written. */
		if (body != NULL && hmi_plan_unpack(plan, data, size, body, room, &used) == 0) {
			size_t length = hmi_plan_packed_size(plan, body);

			again = malloc(length + 1);
			if (again == NULL || hmi_plan_pack(plan, body, again) != again + length)
				abort();
			free(again);
		}
		free(body);
	}
	hmi_codec_destroy(&codec);
}

static void
handshake_fuzz(const uint8_t *data, size_t size)
{
	struct hmi_handshake handshake;
	struct hmi_session *s = calloc(1, sizeof(*s));

	(void)hmi_handshake_read_basics(&handshake, data, size);
	if (s != NULL && hmi_handshake_read(&handshake, data, size) == 0) {
		(void)hmi_handshake_hello(s, &handshake, 1, 1);
		(void)hmi_handshake_welcome(s, &handshake, 2);
		(void)hmi_handshake_hello(s, &handshake, 1, 3);
	}
	free(s);
}

static void
frame_fuzz(const uint8_t *data, size_t size)
{
	uint8_t out[2048];
	struct hmi_frame frame;

	for (unsigned int checked = 0; checked < 4; checked++) {
		hmi_frame_parse(&frame, data, (uint32_t)size, &own, checked);
		if (frame.kind == HMI_FRAME_ICMP)
			(void)hmi_icmp_answer(&frame, &own, out, sizeof(out));
	}
}

static void
arp_fuzz(const uint8_t *data, size_t size)
{
	static struct hmi_neigh neigh;
	uint8_t out[HMI_ARP_FRAME];
	enum hm_net_drop drop;

	hmi_neigh_init(&neigh, &own);
	neigh.state = (enum hmi_neigh_state)(size % 4);
	(void)hmi_neigh_receive(&neigh, data, (uint32_t)size, 1, out, &drop);
	(void)hmi_neigh_tick(&neigh, 2, out);
}

static void
load_release(void *arg, void *load)
{
	uint8_t *loads = arg;

	/* Each packet is given back once. */
	if (loads[(uintptr_t)load]++ != 0)
		abort();
}

/* A session under any sequence of packets: it loses none of its own, and gives none back twice. */
static void
session_fuzz(const uint8_t *data, size_t size)
{
	static uint8_t loads[LOADS];
	struct hmi_session *s = calloc(1, sizeof(*s));
	uintptr_t next = 1;
	uint64_t number, now = 1;
	bool received;
	void *load;

	if (s == NULL)
		return;
	memset(loads, 0, sizeof(loads));
	s->release = load_release;
	s->release_arg = loads;
	s->rx_credit = HMI_RX_RING;
	s->peer_timeout_ns = 1000000000;
	hmi_session_begin(s, HMI_RX_RING, now);
	for (; size >= 8; now += data[7] * 100000ull, data += 8, size -= 8) {
		struct hmi_header header = { .kind = HMI_DATA };
		enum hm_net_drop drop;

		header.ack = data[0] % 64 == 0 ? hmi_fixed32_read(data) : (uint32_t)s->tx_una + data[1] % 40;
		header.sack = hmi_fixed32_read(data + 2) & hmi_fixed32_read(data + 4);
		header.credit = data[6];
		header.number = (uint32_t)s->rx_expected + data[3] % 48 - 8;
		if (next + 1 < LOADS && hmi_session_has_room(s))
			hmi_session_append(s, (void *)next++);
		(void)hmi_session_send(s, now, &number);
		(void)hmi_session_retransmit(s, now, &number);
		if (hmi_session_acknowledge(s, &header, now) &&
		    hmi_session_receive(s, header.number, s, now, &drop) == HMI_DELIVER)
			hmi_session_done(s);
		if (hmi_session_ready(s) != NULL)
			hmi_session_done(s);
		(void)hmi_session_timer(s, now);
		hmi_session_header(s, &header, HMI_ACK, 0, now);
	}
	while ((load = hmi_session_drain(s, &received)) != NULL) {
		if (!received)
			load_release(loads, load);
	}
	for (uintptr_t i = 1; i < next; i++) {
		if (loads[i] != 1)
			abort();
	}
	free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(const uint8_t *, size_t) = {
		batch_fuzz, payload_fuzz, handshake_fuzz, frame_fuzz, arp_fuzz, session_fuzz,
	};

	if (size > 0)
		targets[data[0] % 6](data + 1, size - 1);
	return 0;
}
