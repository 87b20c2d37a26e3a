/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Options of the module, and checks of them.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_string_fns.h>

#include "remote_pvt.h"
#include "table_pvt.h"

#define RX_DESC         1024u
#define TX_DESC         1024u
#define PEER_TIMEOUT_MS 1000u
#define PEER_QUEUE      8192u

#define STATIONS "from 1.0.0.0 to 223.255.255.255, but for 127"
#define ENDS     "the first and the last address of a network are no node's; give one between them"

static_assert(HMI_NODE_NAME_MAX == 64 && HM_NET_PEERS_MAX == 64, "as the texts of refusals say");

/* Print why a peer is refused, and what helps. */
static int
peer_refuse(const char *peer, const char *why)
{
	fprintf(stderr, "hermod: --peer %s: %s\n", peer, why);
	return -EINVAL;
}

/* --peer NAME@A.B.C.D[:UDP] */
static int
peer_option(void *arg, const char *value)
{
	struct hmi_net *net = arg;
	const char *at = strrchr(value, '@'), *end;
	char name[HMI_NODE_NAME_MAX + 1], given[HMI_NODE_NAME_MAX + 2];
	uint32_t udp_port = 0; /* as --udp-port */
	struct hmi_peer *peer;
	rte_be32_t ip = 0;

	end = at != NULL ? hmi_ip_read(at + 1, &ip) : NULL;
	if (end != NULL && *end == ':') {
		end = hmi_number_read(end + 1, UINT16_MAX, &udp_port);
		if (udp_port == 0)
			end = NULL;
	}
	if (end == NULL || *end != '\0' || at == value)
		return peer_refuse(value,
				   "not of the form NAME@A.B.C.D[:UDPPORT], with UDPPORT from 1 to 65535");
	if (!hmi_ip_is_station(ip))
		return peer_refuse(value, "no node's address; give one " STATIONS);
	snprintf(given, sizeof(given), "%.*s", (int)RTE_MIN((size_t)(at - value), sizeof(given)), value);
	if (hmi_node_name_take(name, given) != 0)
		return peer_refuse(
			value,
			"no node's name; give what its --node says: up to 64 letters, digits, or -_.~+@");
	if (hmi_peer_by_name(net, name) != NULL ||
	    hmi_peer_by_address(net, ip, rte_cpu_to_be_16((uint16_t)udp_port)))
		return peer_refuse(value, "a peer of that name or address was given before; give each once");
	if (hmi_peers_count(net) == HM_NET_PEERS_MAX)
		return peer_refuse(value,
				   "more than 64 peers; leave out those that have this node as --peer");
	peer = hmi_peer_add(net, name);
	if (peer == NULL) {
		(void)peer_refuse(value,
				  "no memory for the peer; end other programs, or raise the limit of this "
				  "one (ulimit -v)");
		return -ENOMEM;
	}
	peer->configured = true;
	peer->address.ip = ip;
	peer->address.udp_port = rte_cpu_to_be_16((uint16_t)udp_port);
	return 0;
}

static struct hm_option
number(const char *name, uint64_t *value, uint64_t min, uint64_t max, const char *help)
{
	return (struct hm_option){
		.name = name,
		.help = help,
		.kind = HM_OPTION_NUMBER,
		.value = value,
		.min = min,
		.max = max,
	};
}

static struct hm_option
text(const char *name, const char **value, const char *help)
{
	return (struct hm_option){ .name = name, .help = help, .kind = HM_OPTION_TEXT, .value = value };
}

void
hmi_net_options_init(struct hmi_remote *remote)
{
	struct hmi_net_options *o = &remote->options;
	struct hm_option *t = o->table;

	o->udp_port = HMI_UDP_PORT;
	o->rx_desc = RX_DESC;
	o->tx_desc = TX_DESC;
	o->peer_timeout_ms = PEER_TIMEOUT_MS;
	o->peer_queue = PEER_QUEUE;
	o->faults.seed = 1;
	o->faults.corrupt_bits = 1;

	*t++ = text("port", &o->port, "NAME of the ethdev to use; default: the first one");
	*t++ = text("ip", &o->ip, "A.B.C.D/LEN: this node's address");
	*t++ = (struct hm_option){
		.name = "peer",
		.help = "NAME@A.B.C.D[:UDPPORT]: node to keep a session with; may be repeated",
		.kind = HM_OPTION_CALL,
		.value = &remote->net,
		.call = peer_option,
	};
	*t++ = number("udp-port", &o->udp_port, 1, UINT16_MAX, "UDP port of this node (17355)");
	*t++ = number("net-lcore", &o->net_lcore, 0, HM_LCORES_MAX - 1,
		      "index of the lcore that owns the port (0)");
	*t++ = number("mtu", &o->mtu, HMI_MTU_MIN, HMI_MTU_MAX,
		      "bytes of an IP packet (1500, or less if the port requires it)");
	*t++ = (struct hm_option){
		.name = "udp-checksum",
		.help = "give frames a UDP checksum over memif, too",
		.kind = HM_OPTION_FLAG,
		.value = &o->udp_checksum,
	};
	*t++ = text(
		"packet-crc", &o->packet_crc,
		"on, off, auto: whether packets that are received need a CRC; auto (default): not over memif");
	*t++ = number("rx-desc", &o->rx_desc, 64, 16384, "receive descriptors (1024)");
	*t++ = number("tx-desc", &o->tx_desc, 64, 16384, "send descriptors (1024)");
	*t++ = number("peer-timeout-ms", &o->peer_timeout_ms, 10, 3600000,
		      "a peer is lost when nothing is received for this time (1000)");
	*t++ = number("peer-queue", &o->peer_queue, 0, 1u << 24, "messages in the backlog of a peer (8192)");
	*t++ = number("fault-drop", &o->faults.drop, 0, HMI_FAULT_PARTS, "lose N of 10,000 sent frames");
	*t++ = number("fault-duplicate", &o->faults.duplicate, 0, HMI_FAULT_PARTS, "send N of 10,000 twice");
	*t++ = number("fault-reorder", &o->faults.reorder, 0, HMI_FAULT_PARTS, "hold back N of 10,000");
	*t++ = number("fault-corrupt", &o->faults.corrupt, 0, HMI_FAULT_PARTS, "corrupt N of 10,000");
	*t++ = number("fault-corrupt-bits", &o->faults.corrupt_bits, 1, HMI_FAULT_BITS_MAX,
		      "flip N bits in a corrupted frame (1)");
	*t++ = number("fault-delay-us", &o->fault_delay_us, 0, 1000000, "delay all by N microseconds");
	*t++ = number("fault-seed", &o->faults.seed, 0, UINT64_MAX,
		      "faults are the same for the same seed (1)");
	t->name = NULL;
}

bool
hmi_net_options_wanted(const struct hmi_remote *remote)
{
	return remote->options.port != NULL || remote->options.ip != NULL ||
	       hmi_peers_count(&remote->net) > 0;
}

static int
peer_check(struct hmi_remote *remote, struct hmi_peer *peer, const struct hmi_address *own, uint32_t mask)
{
	uint32_t ip = rte_be_to_cpu_32(peer->address.ip), mine = rte_be_to_cpu_32(own->ip);

	if (peer->address.udp_port == 0)
		peer->address.udp_port = own->udp_port;
	if (strcmp(peer->name, hm_system_name(remote->net.sys)) == 0)
		return peer_refuse(peer->name, "this node's own name; give it another by --node");
	if (ip == mine)
		return peer_refuse(peer->name, "this node's own address; give the peer's, or another --ip");
	if ((ip & mask) != (mine & mask)) {
		fprintf(stderr,
			"hermod: --peer %s: not in the network of --ip %s; give addresses of one network, or a shorter "
			"LEN\n",
			peer->name, remote->options.ip);
		return -EINVAL;
	}
	if (hmi_ip_is_network_or_broadcast(peer->address.ip, mask))
		return peer_refuse(peer->name, ENDS);
	return 0;
}

/* --packet-crc */
static int
crc_check(struct hmi_remote *remote)
{
	static const char *const words[] = {
		[HMI_PORT_CRC_AUTO] = "auto", [HMI_PORT_CRC_ON] = "on", [HMI_PORT_CRC_OFF] = "off"
	};
	struct hmi_net_options *o = &remote->options;

	if (o->packet_crc == NULL)
		return 0;
	for (uint32_t i = 0; i < RTE_DIM(words); i++) {
		if (strcmp(o->packet_crc, words[i]) != 0)
			continue;
		o->crc = (enum hmi_port_crc)i;
		return 0;
	}
	fprintf(stderr, "hermod: --packet-crc %s: neither on, off nor auto; give one of these\n",
		o->packet_crc);
	return -EINVAL;
}

int
hmi_net_options_check(struct hmi_remote *remote, struct hmi_address *own)
{
	const struct hmi_net_options *o = &remote->options;
	struct hmi_net *net = &remote->net;
	uint32_t bits = 0, mask;
	const char *end;

	if (o->ip == NULL) {
		fprintf(stderr,
			"hermod: --ip A.B.C.D/LEN is missing: give this node an address on its port\n");
		return -EINVAL;
	}
	if (crc_check(remote) != 0)
		return -EINVAL;
	end = hmi_ip_read(o->ip, &own->ip);
	end = end != NULL && *end == '/' ? hmi_number_read(end + 1, 32, &bits) : NULL;
	if (end == NULL || *end != '\0' || bits == 0) {
		fprintf(stderr, "hermod: --ip %s: not of the form A.B.C.D/LEN, with LEN from 1 to 32\n",
			o->ip);
		return -EINVAL;
	}
	if (!hmi_ip_is_station(own->ip)) {
		fprintf(stderr, "hermod: --ip %s: no node's address; give one " STATIONS "\n", o->ip);
		return -EINVAL;
	}
	own->udp_port = rte_cpu_to_be_16((uint16_t)o->udp_port);
	mask = UINT32_MAX << (32 - bits);
	own->mask = mask;
	if (hmi_ip_is_network_or_broadcast(own->ip, mask)) {
		fprintf(stderr, "hermod: --ip %s: " ENDS "\n", o->ip);
		return -EINVAL;
	}
	for (uint32_t i = 0; i < hmi_peers_count(net); i++) {
		if (peer_check(remote, net->peers[i], own, mask) != 0)
			return -EINVAL;
	}
	return 0;
}
