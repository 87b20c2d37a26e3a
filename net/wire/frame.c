/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Ethernet, IPv4 and UDP headers, written and read.
 */
#include <string.h>

#include <rte_byteorder.h>
#include <rte_udp.h>

#include "frame_pvt.h"

#define TIME_TO_LIVE 64
#define NO_FRAGMENT  0x4000 /* "don't fragment": packets fit the MTU of both nodes */
#define FRAGMENT     0x3fff /* "more fragments" and the offset */

/* Sum of the last bytes, fewer than eight. */
static uint64_t
tail_sum(const uint8_t *data, uint32_t length)
{
	uint64_t sum = 0;
	uint32_t word;
	uint16_t half;

	if (length & 4) {
		memcpy(&word, data, sizeof(word));
		sum = word;
		data += sizeof(word);
	}
	if (length & 2) {
		memcpy(&half, data, sizeof(half));
		sum += half;
		data += sizeof(half);
	}
	if (length & 1) {
		half = 0;
		memcpy(&half, data, 1);
		sum += half;
	}
	return sum;
}

uint64_t
hmi_sum(const uint8_t *data, uint32_t length)
{
	uint64_t low = 0, high = 0, words;
	uint32_t i = 0;

	/* Words of 32 bits summed in 64 bits need no carry, and two sums allow vector instructions. */
	for (; i + sizeof(words) <= length; i += sizeof(words)) {
		memcpy(&words, data + i, sizeof(words));
		low += words & UINT32_MAX;
		high += words >> 32;
	}
	return low + high + tail_sum(data + i, length - i);
}

uint32_t
hmi_frame_ether_write(uint8_t *frame, const struct rte_ether_addr *from, const struct rte_ether_addr *to,
		      uint16_t ether_type)
{
	struct rte_ether_hdr ether;

	rte_ether_addr_copy(to, &ether.dst_addr);
	rte_ether_addr_copy(from, &ether.src_addr);
	ether.ether_type = rte_cpu_to_be_16(ether_type);
	memcpy(frame, &ether, sizeof(ether));
	return sizeof(ether);
}

static void
ip_init(struct rte_ipv4_hdr *ip, const struct hmi_address *from, const struct hmi_address *to,
	uint8_t protocol)
{
	memset(ip, 0, sizeof(*ip));
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->fragment_offset = rte_cpu_to_be_16(NO_FRAGMENT);
	ip->time_to_live = TIME_TO_LIVE;
	ip->next_proto_id = protocol;
	ip->src_addr = from->ip;
	ip->dst_addr = to->ip;
}

uint32_t
hmi_frame_ip_write(uint8_t *frame, const struct hmi_address *from, const struct hmi_address *to,
		   uint8_t protocol, uint16_t length)
{
	uint32_t at = hmi_frame_ether_write(frame, &from->mac, &to->mac, RTE_ETHER_TYPE_IPV4);
	struct rte_ipv4_hdr ip;

	ip_init(&ip, from, to, protocol);
	ip.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(ip) + length));
	ip.hdr_checksum = hmi_sum_fold(hmi_sum((const uint8_t *)&ip, sizeof(ip)));
	memcpy(frame + at, &ip, sizeof(ip));
	return at + sizeof(ip);
}

void
hmi_template_init(struct hmi_template *template, const struct hmi_address *from, const struct hmi_address *to)
{
	struct rte_udp_hdr udp = { from->udp_port, to->udp_port, 0, 0 };
	struct {
		rte_be32_t source, destination;
		uint8_t zero, protocol;
		rte_be16_t source_port, destination_port;
	} __attribute__((packed)) pseudo = { from->ip, to->ip, 0, IPPROTO_UDP, from->udp_port, to->udp_port };
	struct rte_ipv4_hdr ip;
	uint32_t at = hmi_frame_ether_write(template->head, &from->mac, &to->mac, RTE_ETHER_TYPE_IPV4);

	ip_init(&ip, from, to, IPPROTO_UDP);
	memcpy(template->head + at, &ip, sizeof(ip));
	memcpy(template->head + at + sizeof(ip), &udp, sizeof(udp));
	template->ip_sum = hmi_sum((const uint8_t *)&ip, sizeof(ip));
	template->udp_sum = hmi_sum((const uint8_t *)&pseudo, sizeof(pseudo));
}

/* Sum of pseudo header and UDP header; both contain the length. */
static uint64_t
udp_head_sum(const struct hmi_template *template, rte_be16_t udp_length)
{
	return template->udp_sum + udp_length + udp_length;
}

void
hmi_template_write(const struct hmi_template *template, uint8_t *frame, uint16_t length, uint64_t sum,
		   enum hmi_checksum checksum)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + HMI_IP_OFFSET);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(frame + HMI_UDP_OFFSET);
	rte_be16_t udp_length = rte_cpu_to_be_16((uint16_t)(sizeof(*udp) + length));

	memcpy(frame, template->head, HMI_HEAD_BYTES);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + sizeof(*udp) + length));
	udp->dgram_len = udp_length;
	if (checksum == HMI_CHECKSUM_OFFLOAD) {
		/* The port expects the sum of the pseudo header alone, not complemented. */
		ip->hdr_checksum = 0;
		udp->dgram_cksum = rte_ipv4_phdr_cksum(ip, 0);
		return;
	}
	ip->hdr_checksum = hmi_sum_fold(template->ip_sum + ip->total_length);
	if (checksum == HMI_CHECKSUM_NO_UDP) {
		udp->dgram_cksum = 0;
		return;
	}
	udp->dgram_cksum = hmi_sum_fold(udp_head_sum(template, udp_length) + sum);
	/* Zero on the wire means "none". */
	if (udp->dgram_cksum == 0)
		udp->dgram_cksum = 0xffff;
}

static void
drop(struct hmi_frame *frame, enum hm_net_drop reason)
{
	frame->kind = HMI_FRAME_DROP;
	frame->drop = reason;
}

static void
udp_parse(struct hmi_frame *frame, const struct rte_ipv4_hdr *ip, const struct hmi_address *own,
	  unsigned int checked)
{
	struct rte_udp_hdr udp;
	uint16_t length;

	if (frame->length < sizeof(udp)) {
		drop(frame, HM_NET_DROP_TRUNCATED);
		return;
	}
	memcpy(&udp, frame->payload, sizeof(udp));
	length = rte_be_to_cpu_16(udp.dgram_len);
	if (length < sizeof(udp) || length > frame->length) {
		drop(frame, HM_NET_DROP_TRUNCATED);
		return;
	}
	if (udp.dst_port != own->udp_port) {
		drop(frame, HM_NET_DROP_FOREIGN);
		return;
	}
	if (udp.dgram_cksum != 0 && (checked & HMI_CHECKED_UDP) == 0) {
		uint64_t sum = (uint64_t)ip->src_addr + ip->dst_addr + rte_cpu_to_be_16(IPPROTO_UDP) +
			       udp.dgram_len + hmi_sum(frame->payload, length);

		if (hmi_sum_fold(sum) != 0) {
			drop(frame, HM_NET_DROP_CHECKSUM);
			return;
		}
	}
	frame->kind = HMI_FRAME_UDP;
	frame->source.udp_port = udp.src_port;
	frame->payload += sizeof(udp);
	frame->length = length - (uint32_t)sizeof(udp);
}

static void
icmp_parse(struct hmi_frame *frame)
{
	if (hmi_sum_fold(hmi_sum(frame->payload, frame->length)) != 0)
		drop(frame, HM_NET_DROP_CHECKSUM);
	else
		frame->kind = HMI_FRAME_ICMP;
}

static void
ip_parse(struct hmi_frame *frame, const struct hmi_address *own, unsigned int checked)
{
	struct rte_ipv4_hdr ip;
	uint32_t head, total;

	if (frame->length < sizeof(ip)) {
		drop(frame, HM_NET_DROP_TRUNCATED);
		return;
	}
	memcpy(&ip, frame->payload, sizeof(ip));
	head = rte_ipv4_hdr_len(&ip);
	total = rte_be_to_cpu_16(ip.total_length);
	if ((ip.version_ihl >> 4) != 4 || head < sizeof(ip) || total < head) {
		drop(frame, HM_NET_DROP_HEADER);
		return;
	}
	if (total > frame->length) {
		drop(frame, HM_NET_DROP_TRUNCATED);
		return;
	}
	if ((checked & HMI_CHECKED_IP) == 0 && hmi_sum_fold(hmi_sum(frame->payload, head)) != 0) {
		drop(frame, HM_NET_DROP_CHECKSUM);
		return;
	}
	if (ip.dst_addr != own->ip) {
		drop(frame, HM_NET_DROP_FOREIGN);
		return;
	}
	if ((rte_be_to_cpu_16(ip.fragment_offset) & FRAGMENT) != 0) {
		drop(frame, HM_NET_DROP_FRAGMENT);
		return;
	}
	if (!hmi_ip_is_source(ip.src_addr, own)) {
		drop(frame, HM_NET_DROP_MARTIAN);
		return;
	}
	/* Short frames are padded: use the length of the header, not of the frame. */
	frame->source.ip = ip.src_addr;
	frame->payload += head;
	frame->length = total - head;
	if (ip.next_proto_id == IPPROTO_UDP)
		udp_parse(frame, &ip, own, checked);
	else if (ip.next_proto_id == IPPROTO_ICMP)
		icmp_parse(frame);
	else
		drop(frame, HM_NET_DROP_FOREIGN);
}

void
hmi_frame_parse(struct hmi_frame *frame, const uint8_t *data, uint32_t length, const struct hmi_address *own,
		unsigned int checked)
{
	struct rte_ether_hdr ether;
	uint16_t type;

	if (length < sizeof(ether)) {
		drop(frame, HM_NET_DROP_TRUNCATED);
		return;
	}
	memcpy(&ether, data, sizeof(ether));
	type = rte_be_to_cpu_16(ether.ether_type);
	frame->source.mac = ether.src_addr;
	frame->source.udp_port = 0;
	frame->source.mask = 0;
	frame->payload = data + sizeof(ether);
	frame->length = length - (uint32_t)sizeof(ether);
	if (!rte_is_same_ether_addr(&ether.dst_addr, &own->mac) &&
	    !(rte_is_broadcast_ether_addr(&ether.dst_addr) && type == RTE_ETHER_TYPE_ARP))
		drop(frame, HM_NET_DROP_FOREIGN);
	else if (!hmi_mac_is_station(&ether.src_addr))
		drop(frame, HM_NET_DROP_MARTIAN);
	else if (type == RTE_ETHER_TYPE_IPV4)
		ip_parse(frame, own, checked);
	else if (type == RTE_ETHER_TYPE_ARP)
		frame->kind = HMI_FRAME_ARP;
	else
		drop(frame, HM_NET_DROP_FOREIGN);
}
