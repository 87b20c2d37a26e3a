/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Checksums that the port computes and verifies. The ring's driver does neither: what a port says of itself
 * is changed on the way to the node, and the test does what the port would do.
 */
#include <dlfcn.h>

#include "test_net_lone.h"

#define TX_BOTH  (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define RX_BOTH  (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define TX_FLAGS (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM)

TestSuite(net_offload, .init = pair_eal_start, .timeout = 60);

/* ---- A port with offloads --------------------------------------------------------------------- */

/* What the port can do, and what it was configured for. */
static struct {
	uint64_t tx_capa, rx_capa, tx, rx;
} port;

/* Instead of DPDK's: its answer, with our offloads. */
int
rte_eth_dev_info_get(uint16_t id, struct rte_eth_dev_info *info)
{
	int (*real)(uint16_t id, struct rte_eth_dev_info * info);
	int rc;

	*(void **)&real = dlsym(RTLD_NEXT, "rte_eth_dev_info_get");
	rc = real(id, info);
	info->tx_offload_capa |= port.tx_capa;
	info->rx_offload_capa |= port.rx_capa;
	return rc;
}

/* Instead of DPDK's, which would refuse what the driver cannot do. */
int
rte_eth_dev_configure(uint16_t id, uint16_t rx_queues, uint16_t tx_queues, const struct rte_eth_conf *conf)
{
	int (*real)(uint16_t id, uint16_t rx_queues, uint16_t tx_queues, const struct rte_eth_conf *conf);
	struct rte_eth_conf without = *conf;

	*(void **)&real = dlsym(RTLD_NEXT, "rte_eth_dev_configure");
	port.tx = conf->txmode.offloads;
	port.rx = conf->rxmode.offloads;
	without.txmode.offloads = without.rxmode.offloads = 0;
	return real(id, rx_queues, tx_queues, &without);
}

/* A node whose port says that it can do this. */
static struct lone *
node_create(uint64_t tx_capa, uint64_t rx_capa)
{
	port.tx_capa = tx_capa;
	port.rx_capa = rx_capa;
	return lone_create("--peer-timeout-ms 3600000");
}

Test(net_offload, open__takes_what_it_can_use)
{
	struct lone *lone =
		node_create(TX_BOTH | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
			    RX_BOTH | RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_VLAN_STRIP);
	struct hm_net_stats stats = pair_net(lone->sys);

	cr_assert_eq(port.tx, TX_BOTH);
	cr_assert_eq(port.rx, RX_BOTH);
	cr_assert(stats.tx_checksum_offload);
	cr_assert(stats.tx_udp_checksum);
	cr_assert(stats.rx_checksum_offload);
	lone_destroy(lone);
}

/* ---- Sending ------------------------------------------------------------------------------------ */

/* Frames of UDP, by who has computed their checksums. */
static struct {
	unsigned int port, node;
} checksums_by;

/* Do what a port does that has been asked to: add up what lies behind the headers named. */
static void
port_fill_in(const struct rte_mbuf *frame, uint8_t *data)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(data + frame->l2_len);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(data + frame->l2_len + frame->l3_len);

	cr_assert_eq(frame->ol_flags & TX_FLAGS, TX_FLAGS);
	cr_assert_eq(frame->l2_len, HMI_IP_OFFSET);
	cr_assert_eq(frame->l3_len, HMI_UDP_OFFSET - HMI_IP_OFFSET);
	cr_assert_eq(ip->hdr_checksum, 0, "it was computed already");
	cr_assert_eq(udp->dgram_cksum, rte_ipv4_phdr_cksum(ip, 0),
		     "more than the pseudo header was added up");
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->dgram_cksum = (uint16_t)~rte_raw_cksum(udp, rte_be_to_cpu_16(udp->dgram_len));
}

/* A frame has both checksums once it is on the wire. */
static void
frame_check(const struct rte_mbuf *frame)
{
	struct hmi_address to = lone_station(3);
	struct hmi_frame parts;
	uint8_t data[2048];

	memcpy(data, rte_pktmbuf_mtod(frame, const uint8_t *), frame->pkt_len);
	if (data[13] == 0x06) {
		cr_assert_eq(frame->ol_flags & TX_FLAGS, 0, "ARP has no checksum");
		return;
	}
	if ((frame->ol_flags & TX_FLAGS) != 0)
		port_fill_in(frame, data);
	if ((frame->ol_flags & TX_FLAGS) != 0)
		checksums_by.port++;
	else
		checksums_by.node++;
	hmi_frame_parse(&parts, data, frame->pkt_len, &to, 0);
	cr_assert_eq(parts.kind, HMI_FRAME_UDP, "dropped for reason %d", parts.drop);
	cr_assert_neq(((const struct rte_udp_hdr *)(const void *)(data + HMI_UDP_OFFSET))->dgram_cksum, 0);
}

/* Have the node send a packet with a message. */
static void
answer_provoke(struct lone *lone, struct lone_peer *peer)
{
	struct hmi_envelope request = { .from = 7, .path = (const uint8_t *)"/user", .path_length = 5 };
	uint8_t batch[200];

	(void)hmi_envelope_write(batch, &request);
	lone_send(lone, peer, HMI_DATA, batch, hmi_envelope_size(&request));
}

/* A packet with a message, an acknowledgement, and retransmissions, which nobody acknowledges. */
static void
packets_send(struct lone *lone, struct lone_peer *peer)
{
	lone->on_frame = frame_check;
	answer_provoke(lone, peer);
	lone_pass(lone, LONE_SECOND);
	cr_assert_geq(lone_stats(lone, "s3").packets_retransmitted, 2);
	cr_assert_geq(checksums_by.port + checksums_by.node, 4);
	lone_acknowledge(lone, peer);
}

Test(net_offload, send__by_a_port_that_computes_both)
{
	struct lone *lone = node_create(TX_BOTH, 0);
	struct lone_peer peer = lone_open(lone, 3);

	packets_send(lone, &peer);
	cr_assert_eq(checksums_by.node, 0);
	lone_destroy(lone);
}

/* Packets of the handshake are written in another place, and need nothing of the port. */
Test(net_offload, send__handshake_is_complete)
{
	struct lone *lone = node_create(TX_BOTH, 0);

	lone->on_frame = frame_check;
	(void)lone_open(lone, 3);
	cr_assert_eq(checksums_by.node, 1, "the WELCOME");
	lone_destroy(lone);
}

static void
sends_by_itself(uint64_t tx_capa)
{
	struct lone *lone = node_create(tx_capa, RX_BOTH);
	struct lone_peer peer = lone_open(lone, 3);

	cr_assert_not(pair_net(lone->sys).tx_checksum_offload);
	packets_send(lone, &peer);
	cr_assert_eq(checksums_by.port, 0);
	lone_destroy(lone);
}

Test(net_offload, send__by_a_port_that_computes_none)
{
	sends_by_itself(0);
}

Test(net_offload, send__by_a_port_that_computes_that_of_ip_alone)
{
	sends_by_itself(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM);
}

Test(net_offload, send__by_a_port_that_computes_that_of_udp_alone)
{
	sends_by_itself(RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
}

/* ---- Receiving ---------------------------------------------------------------------------------- */

enum wrong {
	WRONG_NONE,
	WRONG_IP,
	WRONG_UDP,
};

/* Whether the node takes a packet whose checksum is wrong or not, with what the port says of it. */
static bool
takes(struct lone *lone, struct lone_peer *peer, enum wrong wrong, uint64_t flags)
{
	struct hmi_header header = lone_header(peer, HMI_ACK);
	uint64_t before = lone_dropped(lone, HM_NET_DROP_CHECKSUM);
	struct rte_mbuf *frame = rte_pktmbuf_alloc(lone->pool);
	struct hmi_address from = lone_station(3);
	uint8_t data[2048];
	uint32_t length = lone_write(lone, &from, header, NULL, data);

	if (wrong == WRONG_IP)
		data[HMI_IP_OFFSET + 10] ^= 0x55;
	if (wrong == WRONG_UDP)
		data[HMI_UDP_OFFSET + 6] ^= 0x55;
	memcpy(rte_pktmbuf_append(frame, (uint16_t)length), data, length);
	frame->ol_flags |= flags;
	cr_assert_eq(rte_ring_enqueue(lone->wire.ba, frame), 0);
	lone_turn(lone);
	return lone_dropped(lone, HM_NET_DROP_CHECKSUM) == before;
}

/* What a port may say of one of the checksums, and whether that makes adding it up needless. */
struct word {
	const char *name;
	uint64_t ip, udp;
	bool vouches;
};

static const struct word words[] = {
	{ "unknown", RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN, RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN, false },
	{ "good", RTE_MBUF_F_RX_IP_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_GOOD, true },
	{ "bad", RTE_MBUF_F_RX_IP_CKSUM_BAD, RTE_MBUF_F_RX_L4_CKSUM_BAD, false },
	/* The packet has crossed no wire, and nobody has filled it in. */
	{ "none", RTE_MBUF_F_RX_IP_CKSUM_NONE, RTE_MBUF_F_RX_L4_CKSUM_NONE, true },
};

Test(net_offload, receive__checksums_that_the_port_does_not_vouch_for)
{
	struct lone *lone = node_create(0, RX_BOTH);
	struct lone_peer peer = lone_open(lone, 3);

	for (size_t i = 0; i < RTE_DIM(words); i++) {
		for (size_t j = 0; j < RTE_DIM(words); j++) {
			const struct word *ip = &words[i], *udp = &words[j];
			uint64_t flags = ip->ip | udp->udp;

			cr_assert(takes(lone, &peer, WRONG_NONE, flags), "IP %s, UDP %s", ip->name,
				  udp->name);
			cr_assert_eq(takes(lone, &peer, WRONG_IP, flags), ip->vouches, "IP %s, UDP %s",
				     ip->name, udp->name);
			cr_assert_eq(takes(lone, &peer, WRONG_UDP, flags), udp->vouches, "IP %s, UDP %s",
				     ip->name, udp->name);
		}
	}
	lone_destroy(lone);
}

/* Over net_ring the flags are whatever the sender has left in them. */
Test(net_offload, receive__flags_of_a_port_that_verifies_nothing)
{
	struct lone *lone = node_create(TX_BOTH, 0);
	struct lone_peer peer = lone_open(lone, 3);

	cr_assert_not(pair_net(lone->sys).rx_checksum_offload);
	for (size_t i = 0; i < RTE_DIM(words); i++) {
		cr_assert(takes(lone, &peer, WRONG_NONE, words[i].ip | words[i].udp));
		cr_assert_not(takes(lone, &peer, WRONG_IP, words[i].ip | words[i].udp));
		cr_assert_not(takes(lone, &peer, WRONG_UDP, words[i].ip | words[i].udp));
	}
	lone_destroy(lone);
}
