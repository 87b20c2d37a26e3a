/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FRAME_PVT_H
#define FRAME_PVT_H

/*
 * Frames: Ethernet, IPv4 and UDP around a session packet.
 *
 *     ┌──────────┬─────────┬───────┬────────────────┬─────────────────┐
 *     │ Ethernet │  IPv4   │  UDP  │ session header │ batch ...       │
 *     │    14    │   20    │   8   │       24       │                 │
 *     └──────────┴─────────┴───────┴────────────────┴─────────────────┘
 *
 * All functions are pure. Addresses and ports are in network byte order, as DPDK has them.
 * A received frame is only read: over net_ring it may be the mbuf that its sender keeps.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "address_pvt.h"
#include "hm_net.h"

#define HMI_HEAD_BYTES 42u /* headers before the session header */
#define HMI_IP_OFFSET  14u
#define HMI_UDP_OFFSET 34u

/* Headers for frames to one station, made once. Only lengths and checksums differ from packet to packet. */
struct hmi_template {
	uint8_t head[HMI_HEAD_BYTES];
	uint64_t ip_sum;  /* of the IPv4 header without its length */
	uint64_t udp_sum; /* of pseudo header and ports without the lengths */
};

/* Who computes the checksums of a frame. */
enum hmi_checksum {
	HMI_CHECKSUM_SOFTWARE = 0,
	HMI_CHECKSUM_OFFLOAD, /* the port, both of them */
	HMI_CHECKSUM_NO_UDP,  /* software for IPv4; none for UDP, encoded as 0 (RFC 768) */
};

/* Checksums of a received frame that the port has verified. */
#define HMI_CHECKED_IP  1u
#define HMI_CHECKED_UDP 2u

enum hmi_frame_kind {
	HMI_FRAME_DROP = 0, /* see drop */
	HMI_FRAME_ARP,
	HMI_FRAME_ICMP,
	HMI_FRAME_UDP,
};

/* A parsed frame; the pointer is into the frame. */
struct hmi_frame {
	enum hmi_frame_kind kind;
	enum hm_net_drop drop;
	struct hmi_address source;
	const uint8_t *payload; /* of ARP, ICMP or UDP */
	uint32_t length;        /* bytes of payload */
};

/* Sum of 16-bit words in memory order, to be folded by hmi_sum_fold. */
uint64_t hmi_sum(const uint8_t *data, uint32_t length);

/* Internet checksum of a sum: its one's complement in 16 bits. */
static inline uint16_t
hmi_sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Prepare the headers from one station to another. */
void hmi_template_init(struct hmi_template *template, const struct hmi_address *from,
		       const struct hmi_address *to);

/*
 * Write the headers before a UDP payload of `length` bytes. `sum`: its hmi_sum, used only with
 * HMI_CHECKSUM_SOFTWARE.
 */
void hmi_template_write(const struct hmi_template *template, uint8_t *frame, uint16_t length, uint64_t sum,
			enum hmi_checksum checksum);

/* Parse a frame received by the station `own`. `checked`: HMI_CHECKED_ bits. */
void hmi_frame_parse(struct hmi_frame *frame, const uint8_t *data, uint32_t length,
		     const struct hmi_address *own, unsigned int checked);

/* Write Ethernet and IPv4 headers for a payload of another protocol than UDP. Returns their bytes. */
uint32_t hmi_frame_ip_write(uint8_t *frame, const struct hmi_address *from, const struct hmi_address *to,
			    uint8_t protocol, uint16_t length);

/* Write an Ethernet header. Returns its bytes. */
uint32_t hmi_frame_ether_write(uint8_t *frame, const struct rte_ether_addr *from,
			       const struct rte_ether_addr *to, uint16_t ether_type);

#endif /* FRAME_PVT_H */
