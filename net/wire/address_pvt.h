/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ADDRESS_PVT_H
#define ADDRESS_PVT_H

/*
 * Addresses of stations. IP addresses and UDP ports are in network byte order, as DPDK has them.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

/* Room for an IPv4 address as text. */
#define HMI_IP_TEXT 16u

/* Address of a station. */
struct hmi_address {
	rte_be32_t ip;
	rte_be16_t udp_port;
	struct rte_ether_addr mac;
	uint32_t mask; /* netmask in host byte order; 0: not known */
};

/* Write an IPv4 address as text. Returns `text`, of HMI_IP_TEXT characters. */
char *hmi_ip_format(rte_be32_t ip, char *text);

/* Read "A.B.C.D". Returns its end; NULL: not an address. */
const char *hmi_ip_read(const char *at, rte_be32_t *ip);

/* Read a decimal number up to `max`. Returns its end; NULL: there is none. */
const char *hmi_number_read(const char *at, uint32_t max, uint32_t *number);

/* Whether an address can be a station's: not "this network", loopback, multicast or reserved. */
static inline bool
hmi_ip_is_station(rte_be32_t ip)
{
	uint32_t first = rte_be_to_cpu_32(ip) >> 24;

	return first != 0 && first != 127 && first < 224;
}

/* Whether an address is its network's own or broadcast address. A /31 (RFC 3021) or /32 has neither. */
bool hmi_ip_is_network_or_broadcast(rte_be32_t ip, uint32_t mask);

/* Whether an address can be the source of a packet in the network of `own`. */
static inline bool
hmi_ip_is_source(rte_be32_t ip, const struct hmi_address *own)
{
	return hmi_ip_is_station(ip) && (own->mask == 0 || !hmi_ip_is_network_or_broadcast(ip, own->mask));
}

/* Whether an Ethernet address can be a station's: neither multicast, nor broadcast, nor 0. */
static inline bool
hmi_mac_is_station(const struct rte_ether_addr *mac)
{
	return rte_is_valid_assigned_ether_addr(mac) != 0;
}

#endif /* ADDRESS_PVT_H */
