/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * ARP: replies, a cache with ageing, probes and announcements of the own address.
 */
#include <errno.h>
#include <string.h>

#include <rte_arp.h>

#include "neigh_pvt.h"

#define PROBES      3u
#define PROBE_NS    20000000ull   /* between probes */
#define RETRY_NS    2000000000ull /* until a taken address is probed for again */
#define DEFEND_NS   1000000000ull /* between defences */
#define ASK_NS      50000000ull   /* between requests at first; doubles */
#define ASK_LAST_NS 1000000000ull
#define AGE_NS      30000000000ull /* after which an entry is revalidated */
#define ASKED_MAX   5u             /* unanswered requests after which a known address becomes unknown */

static const struct rte_ether_addr broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

void
hmi_neigh_init(struct hmi_neigh *neigh, const struct hmi_address *own)
{
	memset(neigh, 0, sizeof(*neigh));
	neigh->own = *own;
}

void
hmi_neigh_link_up(struct hmi_neigh *neigh, uint64_t now)
{
	if (neigh->state != HMI_NEIGH_WAITING)
		return;
	neigh->state = HMI_NEIGH_PROBING;
	neigh->probes = 0;
	neigh->next_ns = now;
}

/* ---- Writing -------------------------------------------------------------------- */

/* Content of an ARP packet. */
struct arp {
	uint16_t operation;
	struct rte_ether_addr source_mac, target_mac;
	rte_be32_t source_ip, target_ip;
};

static void
arp_write(uint8_t *out, const struct arp *arp, const struct rte_ether_addr *to)
{
	uint32_t at = hmi_frame_ether_write(out, &arp->source_mac, to, RTE_ETHER_TYPE_ARP);
	struct rte_arp_hdr head = { 0 };

	head.arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
	head.arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	head.arp_hlen = RTE_ETHER_ADDR_LEN;
	head.arp_plen = sizeof(rte_be32_t);
	head.arp_opcode = rte_cpu_to_be_16(arp->operation);
	head.arp_data.arp_sha = arp->source_mac;
	head.arp_data.arp_sip = arp->source_ip;
	head.arp_data.arp_tha = arp->target_mac;
	head.arp_data.arp_tip = arp->target_ip;
	memcpy(out + at, &head, sizeof(head));
}

static void
request_write(const struct hmi_neigh *neigh, uint8_t *out, rte_be32_t from, rte_be32_t target,
	      const struct rte_ether_addr *to)
{
	struct arp arp = { .operation = RTE_ARP_OP_REQUEST, .source_ip = from, .target_ip = target };

	arp.source_mac = neigh->own.mac;
	arp_write(out, &arp, to);
}

/* ARP announcement of the own address: broadcast, source and target IP are the same. */
static void
announce_write(const struct hmi_neigh *neigh, uint8_t *out)
{
	request_write(neigh, out, neigh->own.ip, neigh->own.ip, &broadcast);
}

/* ---- Cache ---------------------------------------------------------------------- */

static struct hmi_neighbour *
entry_find(struct hmi_neigh *neigh, rte_be32_t ip)
{
	for (uint32_t i = 0; i < HMI_NEIGHBOURS; i++) {
		if (neigh->entries[i].ip == ip)
			return &neigh->entries[i];
	}
	return NULL;
}

int
hmi_neigh_lookup(struct hmi_neigh *neigh, rte_be32_t ip, uint64_t now, struct rte_ether_addr *mac)
{
	struct hmi_neighbour *entry = ip != 0 ? entry_find(neigh, ip) : NULL;

	if (entry == NULL) {
		entry = entry_find(neigh, 0);
		if (entry == NULL || ip == 0)
			return -ENOSPC;
		*entry = (struct hmi_neighbour){ .ip = ip, .ask_ns = now };
	}
	entry->used_ns = now;
	if (!entry->known)
		return -EAGAIN;
	rte_ether_addr_copy(&entry->mac, mac);
	return 0;
}

/* Update the entry of a packet's source. Addresses that were not looked up get no entry. */
static void
entry_learn(struct hmi_neigh *neigh, const struct arp *arp, uint64_t now)
{
	struct hmi_neighbour *entry = arp->source_ip != 0 ? entry_find(neigh, arp->source_ip) : NULL;

	if (entry == NULL)
		return;
	if (!entry->known || !rte_is_same_ether_addr(&entry->mac, &arp->source_mac))
		neigh->changes++;
	entry->known = true;
	entry->asked = 0;
	entry->mac = arp->source_mac;
	entry->confirmed_ns = now;
	entry->ask_ns = now + AGE_NS;
}

/* Send the request that is due for an entry. Returns whether `out` holds it. */
static bool
entry_tick(struct hmi_neigh *neigh, struct hmi_neighbour *entry, uint64_t now, uint8_t *out)
{
	uint64_t wait = ASK_NS << entry->asked;

	if (entry->ip == 0)
		return false;
	if (now - entry->used_ns > HMI_NEIGH_UNUSED_NS) {
		*entry = (struct hmi_neighbour){ .ip = 0 };
		return false;
	}
	if (now < entry->ask_ns)
		return false;
	if (entry->known && entry->asked >= ASKED_MAX) {
		/* The address may have moved to another station: ask by broadcast. */
		entry->known = false;
		entry->asked = 0;
		neigh->changes++;
		wait = ASK_NS;
	}
	request_write(neigh, out, neigh->own.ip, entry->ip, entry->known ? &entry->mac : &broadcast);
	if (entry->asked < ASKED_MAX)
		entry->asked++;
	entry->ask_ns = now + (wait < ASK_LAST_NS ? wait : ASK_LAST_NS);
	return true;
}

/* ---- The own address -------------------------------------------------------------- */

/* Another station uses, or wants, the own address. Returns whether `out` holds an answer. */
static bool
conflict(struct hmi_neigh *neigh, const struct arp *arp, uint64_t now, uint8_t *out)
{
	neigh->conflicts++;
	neigh->rival = arp->source_mac;
	if (neigh->state != HMI_NEIGH_READY) {
		if (neigh->state == HMI_NEIGH_PROBING) {
			neigh->state = HMI_NEIGH_TAKEN;
			/* Different delays, so that two nodes that start together do not collide again. */
			neigh->next_ns = now + RETRY_NS +
					 neigh->own.mac.addr_bytes[RTE_ETHER_ADDR_LEN - 1] * 4000000ull;
		}
		return false;
	}
	if (neigh->defended_ns != 0 && now - neigh->defended_ns < DEFEND_NS)
		return false;
	neigh->defended_ns = now;
	announce_write(neigh, out);
	return true;
}

static int
arp_read(struct arp *arp, const uint8_t *packet, uint32_t length)
{
	struct rte_arp_hdr head;

	if (length < sizeof(head))
		return -EMSGSIZE;
	memcpy(&head, packet, sizeof(head));
	if (head.arp_hardware != rte_cpu_to_be_16(RTE_ARP_HRD_ETHER) ||
	    head.arp_protocol != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) ||
	    head.arp_hlen != RTE_ETHER_ADDR_LEN || head.arp_plen != sizeof(rte_be32_t))
		return -EBADMSG;
	arp->operation = rte_be_to_cpu_16(head.arp_opcode);
	arp->source_mac = head.arp_data.arp_sha;
	arp->source_ip = head.arp_data.arp_sip;
	arp->target_mac = head.arp_data.arp_tha;
	arp->target_ip = head.arp_data.arp_tip;
	return arp->operation == RTE_ARP_OP_REQUEST || arp->operation == RTE_ARP_OP_REPLY ? 0 : -EBADMSG;
}

/* Whether a packet claims the own address, or probes for it while this node probes for it. */
static bool
is_conflict(const struct hmi_neigh *neigh, const struct arp *arp)
{
	if (rte_is_same_ether_addr(&arp->source_mac, &neigh->own.mac))
		return false;
	if (arp->source_ip == neigh->own.ip)
		return true;
	return neigh->state == HMI_NEIGH_PROBING && arp->source_ip == 0 &&
	       arp->operation == RTE_ARP_OP_REQUEST && arp->target_ip == neigh->own.ip;
}

bool
hmi_neigh_receive(struct hmi_neigh *neigh, const uint8_t *packet, uint32_t length, uint64_t now, uint8_t *out,
		  enum hm_net_drop *drop)
{
	struct arp arp, reply = { .operation = RTE_ARP_OP_REPLY };
	int rc = arp_read(&arp, packet, length);

	*drop = rc == 0 ? HM_NET_DROPS : rc == -EMSGSIZE ? HM_NET_DROP_TRUNCATED : HM_NET_DROP_HEADER;
	if (rc != 0)
		return false;
	/* A sender IP of 0 is that of a probe. */
	if (!hmi_mac_is_station(&arp.source_mac) ||
	    (arp.source_ip != 0 && !hmi_ip_is_source(arp.source_ip, &neigh->own))) {
		*drop = HM_NET_DROP_MARTIAN;
		return false;
	}
	if (is_conflict(neigh, &arp))
		return conflict(neigh, &arp, now, out);
	entry_learn(neigh, &arp, now);
	if (arp.operation != RTE_ARP_OP_REQUEST || arp.target_ip != neigh->own.ip ||
	    neigh->state != HMI_NEIGH_READY)
		return false;
	if (arp.source_ip == 0) {
		/* A probe for the own address: the reply below tells the other station that it is taken. */
		neigh->conflicts++;
		neigh->rival = arp.source_mac;
	}
	reply.source_mac = neigh->own.mac;
	reply.source_ip = neigh->own.ip;
	reply.target_mac = arp.source_mac;
	reply.target_ip = arp.source_ip;
	arp_write(out, &reply, &arp.source_mac);
	return true;
}

/* One step of acquiring the own address. Returns whether `out` holds a frame. */
static bool
own_tick(struct hmi_neigh *neigh, uint64_t now, uint8_t *out)
{
	if (now < neigh->next_ns)
		return false;
	if (neigh->state == HMI_NEIGH_TAKEN) {
		neigh->state = HMI_NEIGH_PROBING;
		neigh->probes = 0;
	}
	neigh->next_ns = now + PROBE_NS;
	if (neigh->probes < PROBES) {
		neigh->probes++;
		request_write(neigh, out, 0, neigh->own.ip, &broadcast);
		return true;
	}
	neigh->state = HMI_NEIGH_READY;
	announce_write(neigh, out);
	return true;
}

bool
hmi_neigh_tick(struct hmi_neigh *neigh, uint64_t now, uint8_t *out)
{
	if (neigh->state == HMI_NEIGH_WAITING)
		return false;
	if (neigh->state != HMI_NEIGH_READY)
		return own_tick(neigh, now, out);
	for (uint32_t i = 0; i < HMI_NEIGHBOURS; i++) {
		if (entry_tick(neigh, &neigh->entries[i], now, out))
			return true;
	}
	return false;
}
