/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NEIGH_PVT_H
#define NEIGH_PVT_H

/*
 * Neighbours: which Ethernet address an IPv4 address has (ARP, RFC 826), and whether this
 * node's own address is free (address conflict detection, RFC 5227).
 *
 *     WAITING ──link up──▶ PROBING ──nobody objects──▶ READY
 *                             │                          │ somebody else announces it
 *                             └──somebody has it──▶ TAKEN ┘ (defended, and told)
 *                                                   └──later──▶ PROBING
 *
 * Pure functions of the state, the packet and the time; what is to be sent is written into a
 * buffer of HMI_ARP_FRAME bytes, ready for the wire. Addresses are in network byte order.
 */

#include <stdbool.h>
#include <stdint.h>

#include "frame_pvt.h"

#define HMI_NEIGHBOURS      128u
#define HMI_NEIGH_UNUSED_NS 60000000000ull /* without a look-up for so long, an entry is freed */
#define HMI_ARP_FRAME       42u            /* Ethernet header and ARP packet */

enum hmi_neigh_state {
	HMI_NEIGH_WAITING = 0, /* for a link */
	HMI_NEIGH_PROBING,     /* is the address free? */
	HMI_NEIGH_READY,       /* it is this node's */
	HMI_NEIGH_TAKEN,       /* another station has it: this node keeps quiet */
};

/* One neighbour. */
struct hmi_neighbour {
	rte_be32_t ip; /* 0: the entry is free */
	bool known;    /* mac is valid */
	uint8_t asked; /* requests without an answer */
	struct rte_ether_addr mac;
	uint64_t confirmed_ns; /* last answer */
	uint64_t used_ns;      /* last look-up; an entry that is not looked up is freed */
	uint64_t ask_ns;       /* next request */
};

struct hmi_neigh {
	struct hmi_address own;
	enum hmi_neigh_state state;
	uint32_t probes;             /* that were sent */
	uint64_t next_ns;            /* next probe, or next attempt */
	uint64_t defended_ns;        /* last time the address was defended */
	struct rte_ether_addr rival; /* who else has the address */
	uint64_t conflicts;          /* times somebody else claimed it */
	uint32_t changes;            /* grows when an entry becomes known, changes or goes */
	struct hmi_neighbour entries[HMI_NEIGHBOURS];
};

void hmi_neigh_init(struct hmi_neigh *neigh, const struct hmi_address *own);

/* The link is up: probe for the own address, unless that was done. */
void hmi_neigh_link_up(struct hmi_neigh *neigh, uint64_t now);

/*
 * Take in an ARP packet. Returns whether `out` holds a frame to be sent.
 * `*drop` is set, to a reason or HM_NET_DROPS, which stands for "none".
 */
bool hmi_neigh_receive(struct hmi_neigh *neigh, const uint8_t *packet, uint32_t length, uint64_t now,
		       uint8_t *out, enum hm_net_drop *drop);

/* Look at the clock. Returns whether `out` holds a frame to be sent; call it until it does not. */
bool hmi_neigh_tick(struct hmi_neigh *neigh, uint64_t now, uint8_t *out);

/*
 * The Ethernet address of a neighbour. If it is not known yet, hmi_neigh_tick asks for it. Whoever
 * relies on the entry looks it up more often than every HMI_NEIGH_UNUSED_NS.
 * Returns 0, -EAGAIN, or -ENOSPC: too many neighbours.
 */
int hmi_neigh_lookup(struct hmi_neigh *neigh, rte_be32_t ip, uint64_t now, struct rte_ether_addr *mac);

#endif /* NEIGH_PVT_H */
