/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: a session under any sequence of packets: it loses none of its own, and gives none back twice.
 */
#include <stdlib.h>

#include "protobuf_pvt.h"
#include "session_pvt.h"

#define LOADS 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	session_fuzz(data, size);
	return 0;
}
