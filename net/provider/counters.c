/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Inspection: counters for any thread.
 */
#include <errno.h>
#include <string.h>

#include <rte_string_fns.h>

#include "remote_pvt.h"

static const struct hmi_remote *
remote_of(const struct hm_system *sys)
{
	return hm_module_self(sys, &hm_net_module);
}

static const struct hmi_net *
net_of(const struct hm_system *sys)
{
	const struct hmi_remote *remote = remote_of(sys);

	return remote != NULL ? &remote->net : NULL;
}

int
hm_net_stats(const struct hm_system *sys, struct hm_net_stats *stats)
{
	const struct hmi_remote *remote;
	const struct hmi_net *net;

	if (sys == NULL || stats == NULL)
		return -EINVAL;
	remote = remote_of(sys);
	if (remote == NULL)
		return -ENOENT;
	memset(stats, 0, sizeof(*stats));
	if (remote->idle)
		return 0;
	net = &remote->net;
	rte_strscpy(stats->port, net->port.name, sizeof(stats->port));
	stats->mtu = net->port.mtu;
	stats->link_up = net->port.link_up;
	stats->address_taken = net->neigh.state == HMI_NEIGH_TAKEN;
	stats->tx_checksum_offload = net->port.tx_checksum == HMI_CHECKSUM_OFFLOAD;
	stats->tx_udp_checksum = net->port.tx_checksum != HMI_CHECKSUM_NO_UDP;
	stats->rx_checksum_offload = net->port.rx_offload;
	stats->rx_crc = net->port.crc;
	stats->rx_frames = hmi_counted(&net->port.rx_frames);
	stats->rx_bytes = hmi_counted(&net->rx_bytes);
	stats->tx_frames = hmi_counted(&net->port.tx_frames);
	stats->tx_bytes = hmi_counted(&net->tx_bytes);
	stats->tx_held = hmi_counted(&net->port.tx_held);
	stats->tx_dropped = hmi_counted(&net->port.tx_dropped);
	for (int i = 0; i < HM_NET_DROPS; i++)
		stats->rx_dropped[i] = hmi_counted(&net->rx_dropped[i]);
	stats->arp_replies = hmi_counted(&net->arp_replies);
	stats->echo_replies = hmi_counted(&net->echo_replies);
	stats->rx_buffers_used = rte_mempool_in_use_count(net->port.rx_pool);
	stats->tx_buffers_used = rte_mempool_in_use_count(net->port.tx_pool);
	return 0;
}

uint32_t
hm_net_peers(const struct hm_system *sys)
{
	const struct hmi_net *net = sys != NULL ? net_of(sys) : NULL;

	return net != NULL ? atomic_load_explicit(&net->peers_count, memory_order_relaxed) : 0;
}

/* A peer by its number; NULL: there is none. */
static const struct hmi_peer *
peer_at(const struct hmi_net *net, uint32_t number)
{
	/* NP1, acquire: pairs with the release in hmi_peer_add; the peers below the count are complete. */
	uint32_t count = atomic_load_explicit(&net->peers_count, memory_order_acquire);

	return number < count ? net->peers[number] : NULL;
}

int
hm_net_peer_stats(const struct hm_system *sys, uint32_t number, struct hm_net_peer_stats *stats)
{
	const struct hmi_session *s;
	const struct hmi_peer *peer;
	const struct hmi_net *net;

	if (sys == NULL || stats == NULL)
		return -EINVAL;
	net = net_of(sys);
	peer = net != NULL ? peer_at(net, number) : NULL;
	if (peer == NULL)
		return -ENOENT;
	s = &peer->session;
	memset(stats, 0, sizeof(*stats));
	rte_strscpy(stats->name, peer->name, sizeof(stats->name));
	stats->ip = rte_be_to_cpu_32(peer->address.ip);
	stats->udp_port = rte_be_to_cpu_16(peer->address.udp_port);
	stats->state = (enum hm_net_peer_state)s->state;
	stats->node = hmi_counted(&s->peer_node);
	stats->rtt_ns = hmi_counted(&s->flight.rtt.smoothed_ns);
	stats->sessions = hmi_counted(&peer->sessions);
	stats->lost = hmi_counted(&peer->lost);
	stats->packets_sent = hmi_counted(&s->packets_sent);
	stats->packets_retransmitted = hmi_counted(&s->packets_retransmitted);
	stats->packets_received = hmi_counted(&s->packets_received);
	stats->messages_sent = hmi_counted(&peer->messages_sent);
	stats->messages_received = hmi_counted(&peer->messages_received);
	stats->messages_backlogged = atomic_load_explicit(&peer->backlog.count, memory_order_relaxed);
	stats->packets_unacknowledged = hmi_counted_word(&s->flight.count);
	return 0;
}

const char *
hm_net_drop_name(enum hm_net_drop drop)
{
	static const char *const names[] = {
		[HM_NET_DROP_TRUNCATED] = "truncated",
		[HM_NET_DROP_FOREIGN] = "for another address or protocol",
		[HM_NET_DROP_HEADER] = "bad header",
		[HM_NET_DROP_CHECKSUM] = "bad checksum",
		[HM_NET_DROP_FRAGMENT] = "fragment",
		[HM_NET_DROP_GARBAGE] = "garbage",
		[HM_NET_DROP_VERSION] = "other protocol version",
		[HM_NET_DROP_LENGTH] = "bad length",
		[HM_NET_DROP_SESSION] = "unknown session",
		[HM_NET_DROP_SOURCE] = "wrong source",
		[HM_NET_DROP_DUPLICATE] = "duplicate",
		[HM_NET_DROP_WINDOW] = "beyond the window",
		[HM_NET_DROP_ACK] = "acknowledges what was never sent",
		[HM_NET_DROP_HANDSHAKE] = "bad or late handshake",
		[HM_NET_DROP_BATCH] = "bad batch",
		[HM_NET_DROP_MARTIAN] = "impossible source address",
		[HM_NET_DROP_NO_FRAME] = "no buffer",
		[HM_NET_DROP_CRC] = "bad CRC",
	};

	return (unsigned int)drop < HM_NET_DROPS ? names[drop] : "unknown";
}
