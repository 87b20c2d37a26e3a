/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NEIGH_PVT_H
#define NEIGH_PVT_H

/*
 * Neighbours: which Ethernet address an IPv4 address has (ARP, RFC 826), and whether this
 * node's own address is free (address conflict detection, RFC 5227).
 *
 *     WAITING ──link up──▶ PROBING ──no conflict──▶ READY ──conflict──▶ READY (announces its address)
 *                           │   ▲
 *                    conflict   after 2 s or more
 *                           ▼   │
 *                           TAKEN
 *
 * Pure functions of the state, the packet and the time. Frames to be sent are written into a
 * buffer of HMI_ARP_FRAME bytes. Addresses are in network byte order.
 */

#include <stdbool.h>
#include <stdint.h>

#include "frame_pvt.h"

#define HMI_NEIGHBOURS      128u
#define HMI_NEIGH_UNUSED_NS 60000000000ull /* an entry without a look-up for this time is freed */
#define HMI_ARP_FRAME       42u            /* Ethernet header and ARP packet */

enum hmi_neigh_state {
	HMI_NEIGH_WAITING = 0, /* for a link */
	HMI_NEIGH_PROBING,     /* finds out whether the address is free */
	HMI_NEIGH_READY,       /* this node uses the address */
	HMI_NEIGH_TAKEN,       /* another station has it: this node sends nothing */
};

/* One neighbour. */
struct hmi_neighbour {
	rte_be32_t ip; /* 0: the entry is free */
	bool known;    /* mac is valid */
	uint8_t asked; /* requests since the last answer */
	struct rte_ether_addr mac;
	uint64_t confirmed_ns; /* last answer */
	uint64_t used_ns;      /* last look-up; an entry that is not looked up is freed */
	uint64_t ask_ns;       /* time of the next request */
};

struct hmi_neigh {
	struct hmi_address own;
	enum hmi_neigh_state state;
	uint32_t probes;             /* probes sent */
	uint64_t next_ns;            /* time of the next probe, or of the next attempt */
	uint64_t defended_ns;        /* last time the address was defended */
	struct rte_ether_addr rival; /* the other station in the last conflict */
	uint64_t conflicts;          /* conflicts seen */
	uint32_t changes;            /* grows when an entry becomes known, changes or becomes unknown */
	struct hmi_neighbour entries[HMI_NEIGHBOURS];
};

void hmi_neigh_init(struct hmi_neigh *neigh, const struct hmi_address *own);

/* The link is up: probe for the own address, unless that was done before. */
void hmi_neigh_link_up(struct hmi_neigh *neigh, uint64_t now);

/*
 * Process an ARP packet. Returns whether `out` holds a frame to be sent.
 * `*drop`: the reason if the packet was dropped, HM_NET_DROPS otherwise.
 */
bool hmi_neigh_receive(struct hmi_neigh *neigh, const uint8_t *packet, uint32_t length, uint64_t now,
		       uint8_t *out, enum hm_net_drop *drop);

/* Process timers. Returns whether `out` holds a frame to be sent; call it until it returns false. */
bool hmi_neigh_tick(struct hmi_neigh *neigh, uint64_t now, uint8_t *out);

/*
 * The Ethernet address of a neighbour. If it is not known yet, hmi_neigh_tick sends requests for it. An
 * entry stays as long as it is looked up at least once in HMI_NEIGH_UNUSED_NS.
 * Returns 0; -EAGAIN: not known yet; -ENOSPC: too many neighbours, or the address is 0.
 */
int hmi_neigh_lookup(struct hmi_neigh *neigh, rte_be32_t ip, uint64_t now, struct rte_ether_addr *mac);

#endif /* NEIGH_PVT_H */
