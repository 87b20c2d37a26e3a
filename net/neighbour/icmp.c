/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * ICMP echo replies.
 */
#include <string.h>

#include <rte_icmp.h>

#include "icmp_pvt.h"

uint32_t
hmi_icmp_answer(const struct hmi_frame *request, const struct hmi_address *own, uint8_t *out, uint32_t room)
{
	struct rte_icmp_hdr head;
	uint32_t at;

	if (request->length < sizeof(head) ||
	    request->length + sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) > room)
		return 0;
	memcpy(&head, request->payload, sizeof(head));
	if (head.icmp_type != HMI_ICMP_ECHO_REQUEST || head.icmp_code != 0)
		return 0;
	at = hmi_frame_ip_write(out, own, &request->source, IPPROTO_ICMP, (uint16_t)request->length);
	memcpy(out + at, request->payload, request->length);
	head.icmp_type = HMI_ICMP_ECHO_REPLY;
	head.icmp_cksum = 0;
	memcpy(out + at, &head, sizeof(head));
	head.icmp_cksum = hmi_sum_fold(hmi_sum(out + at, request->length));
	memcpy(out + at, &head, sizeof(head));
	return at + request->length;
}
