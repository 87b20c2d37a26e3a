/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: Ethernet, IPv4, UDP, ICMP and ARP. The first byte says which headers the frame is given.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "frame_pvt.h"
#include "icmp_pvt.h"
#include "neigh_pvt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hmi_address own = { RTE_BE32(0x0a000001), RTE_BE16(17355), { { 2, 0, 0, 0, 0, 1 } }, 0 };

static const struct hmi_address peer = { RTE_BE32(0x0a000002), RTE_BE16(17355), { { 2, 0, 0, 0, 0, 2 } }, 0 };

#define FRAME_MAX 2048

/* The headers of a good frame, in front of what came as input; so that this is looked at too. */
enum headers {
	NONE,
	ETHER,
	IP,
	ICMP, /* with a good checksum */
	UDP,
	HEADERS,
};

static uint32_t
frame_make(uint8_t *frame, enum headers headers, const uint8_t *data, size_t size)
{
	uint32_t at = 0;

	if (size > FRAME_MAX - 128)
		size = FRAME_MAX - 128;
	switch (headers) {
	case ETHER:
		at = hmi_frame_ether_write(frame, &peer.mac, &own.mac, RTE_ETHER_TYPE_IPV4);
		break;
	case IP:
	case ICMP:
		at = hmi_frame_ip_write(frame, &peer, &own,
					headers == ICMP || size == 0 ? IPPROTO_ICMP : data[0],
					(uint16_t)size);
		break;
	case UDP: {
		struct hmi_template template;

		hmi_template_init(&template, &peer, &own);
		at = HMI_HEAD_BYTES;
		hmi_template_write(&template, frame, (uint16_t)size, hmi_sum(data, (uint32_t)size),
				   HMI_CHECKSUM_SOFTWARE);
		break;
	}
	default:
		break;
	}
	if (size > 0)
		memcpy(frame + at, data, size);
	if (headers == ICMP && size >= 4) {
		uint16_t sum;

		memset(frame + at + 2, 0, 2);
		sum = hmi_sum_fold(hmi_sum(frame + at, (uint32_t)size));
		memcpy(frame + at + 2, &sum, 2);
	}
	return at + (uint32_t)size;
}

/* What is answered to a good request is a good frame for who asked. */
static void
answer_check(const uint8_t *answer, uint32_t length, const struct hmi_address *to)
{
	struct hmi_frame frame;

	if (length == 0)
		return;
	hmi_frame_parse(&frame, answer, length, to, 0);
	if (frame.kind != HMI_FRAME_ICMP || frame.source.ip != own.ip)
		abort();
}

static void
frame_fuzz(enum headers headers, const uint8_t *data, size_t size)
{
	uint8_t made[FRAME_MAX], out[FRAME_MAX], *exact;
	uint32_t length = frame_make(made, headers, data, size);
	struct hmi_frame frame;

	/* Of exact size, so that a sanitizer sees the first byte too far. */
	exact = malloc(length > 0 ? length : 1);
	if (exact == NULL)
		return;
	memcpy(exact, made, length);
	for (unsigned int checked = 0; checked < 4; checked++) {
		hmi_frame_parse(&frame, exact, length, &own, checked);
		if (frame.kind != HMI_FRAME_ICMP)
			continue;
		length = hmi_icmp_answer(&frame, &own, out, sizeof(out));
		answer_check(out, length, &frame.source);
		break;
	}
	free(exact);
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % (HEADERS + 1) == HEADERS)
		arp_fuzz(data + 1, size - 1);
	else
		frame_fuzz((enum headers)(data[0] % (HEADERS + 1)), data + 1, size - 1);
	return 0;
}
