/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Configures and starts an ethdev, in the order that DPDK documents, and stops it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_string_fns.h>
#include <urcu-qsbr.h>

#include "frame_pvt.h"
#include "port_pvt.h"

#define MTU_DEFAULT 1500u
#define POOL_CACHE  256u
#define OWNER       "hermod"
#define TX_RESERVE  512u /* buffers for acknowledgements, handshakes, ARP, copies, and the fifo */
#define RX_OFFLOADS (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define TX_OFFLOADS (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)

/* What to choose instead of a port that is not there: names of all ethdevs, as "choose from a, b, c". */
static void
ports_list(char *text, size_t size)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	size_t used = 0;
	uint16_t id;

	text[0] = '\0';
	RTE_ETH_FOREACH_DEV(id) {
		if (rte_eth_dev_get_name_by_port(id, name) != 0 || used >= size)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "choose from ",
					 name);
	}
	if (used == 0)
		rte_strscpy(text, "there is none; make one by EAL's --vdev or -a", size);
}

/* Find the port of a name; NULL: the first one. */
static int
port_find(struct hmi_port *port, const char *name)
{
	char list[256];

	ports_list(list, sizeof(list));
	if (name == NULL) {
		port->id = (uint16_t)rte_eth_find_next(0);
		if (port->id < RTE_MAX_ETHPORTS)
			return rte_eth_dev_get_name_by_port(port->id, port->name);
		fprintf(stderr, "hermod: no port: %s\n", list);
		return -ENODEV;
	}
	if (rte_eth_dev_get_port_by_name(name, &port->id) != 0) {
		fprintf(stderr, "hermod: --port %s: no such port; %s\n", name, list);
		return -ENODEV;
	}
	rte_strscpy(port->name, name, sizeof(port->name));
	return 0;
}

#define OTHER_PORT "choose another one by --port, or give its driver other arguments (EAL's --vdev or -a)"

/* Print what the driver refuses, why, and what helps. Returns the status to give up with. */
static int
port_failed(const struct hmi_port *port, const char *what, int rc, const char *remedy)
{
	fprintf(stderr, "hermod: port %s: %s: %s; %s\n", port->name, what, rte_strerror(-rc), remedy);
	return rc == -ENOMEM ? -ENOMEM : -EIO;
}

/* As port_failed, of a queue and the option that sets its length. */
static int
queue_failed(const struct hmi_port *port, const char *option, uint16_t desc, int rc)
{
	char what[64], remedy[64];

	snprintf(what, sizeof(what), "its driver refuses a queue of %u descriptors", desc);
	snprintf(remedy, sizeof(remedy), "give another number by %s, or another --port", option);
	return port_failed(port, what, rc, remedy);
}

static int
mtu_failed(const struct hmi_port *port)
{
	fprintf(stderr,
		"hermod: port %s: its MTU is %u, less than the %u that the network needs; raise it (ip link set DEVICE "
		"mtu 1500), or choose another one by --port\n",
		port->name, port->mtu, HMI_MTU_MIN);
	return -EIO;
}

static bool
is_memif(const struct rte_eth_dev_info *info)
{
	return info->driver_name != NULL && strcmp(info->driver_name, "net_memif") == 0;
}

/* Whether frames are copied from memory to memory. */
static bool
is_in_memory(const struct rte_eth_dev_info *info)
{
	return is_memif(info) || (info->driver_name != NULL && strcmp(info->driver_name, "net_ring") == 0);
}

/* Whether packets need a CRC: where they leave memory, or corruption is wanted. */
static bool
wants_crc(const struct hmi_port *port, const struct hmi_port_config *config)
{
	if (config->crc != HMI_PORT_CRC_AUTO)
		return config->crc == HMI_PORT_CRC_ON;
	return !port->in_memory || config->faults.corrupt != 0;
}

/* One queue pair, with those of the wanted offloads that the port supports. */
static int
port_configure(struct hmi_port *port, const struct hmi_port_config *config,
	       const struct rte_eth_dev_info *info)
{
	struct rte_eth_conf conf = { 0 };
	uint16_t mtu = 0;
	int rc;

	conf.rxmode.offloads = RX_OFFLOADS & info->rx_offload_capa;
	conf.txmode.offloads = TX_OFFLOADS & info->tx_offload_capa;
	conf.rxmode.mtu =
		config->mtu != 0 ? (uint32_t)config->mtu : RTE_MIN(MTU_DEFAULT, (uint32_t)info->max_mtu);
	rc = rte_eth_dev_configure(port->id, 1, 1, &conf);
	if (rc != 0 && config->mtu != 0) {
		fprintf(stderr,
			"hermod: --mtu %" PRIu64 ": port %s: %s; give a smaller one, or leave it out\n",
			config->mtu, port->name, rte_strerror(-rc));
		return -EINVAL;
	}
	if (rc != 0)
		return port_failed(port, "its driver refuses one queue each way", rc, OTHER_PORT);
	port->rx_offload = conf.rxmode.offloads != 0;
	port->in_memory = is_in_memory(info);
	port->crc = wants_crc(port, config);
	/* Both transmit offloads or none: a frame's checksums are computed in one place. */
	if (conf.txmode.offloads == TX_OFFLOADS)
		port->tx_checksum = HMI_CHECKSUM_OFFLOAD;
	else if (is_memif(info) && !config->udp_checksum && config->faults.corrupt == 0)
		port->tx_checksum = HMI_CHECKSUM_NO_UDP;
	port->mtu = conf.rxmode.mtu;
	if (config->mtu == 0 && rte_eth_dev_get_mtu(port->id, &mtu) == 0 && mtu != 0)
		port->mtu = RTE_MIN(port->mtu, mtu);
	return port->mtu >= HMI_MTU_MIN ? 0 : mtu_failed(port);
}

static struct rte_mempool *
pool_create(const struct hmi_port *port, const char *kind, const struct hmi_port_config *config,
	    uint32_t count, const struct rte_eth_dev_info *info)
{
	uint32_t room = port->mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN;
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;

	snprintf(name, sizeof(name), "hm%s%016" PRIx64, kind, config->tag);
	room = RTE_MAX(room, info->min_rx_bufsize);
	room = RTE_MAX(room, 2048u);
	room = RTE_ALIGN_CEIL(room, RTE_CACHE_LINE_SIZE) + RTE_PKTMBUF_HEADROOM;
	room = RTE_MIN(room, (uint32_t)UINT16_MAX);
	pool = rte_pktmbuf_pool_create(name, count, POOL_CACHE, 0, (uint16_t)room,
				       rte_eth_dev_socket_id(port->id));
	/* Of the port's NUMA node if that has any left, else of any. */
	if (pool == NULL)
		pool = rte_pktmbuf_pool_create(name, count, POOL_CACHE, 0, (uint16_t)room, SOCKET_ID_ANY);
	if (pool == NULL)
		fprintf(stderr,
			"hermod: port %s: no memory for %u frame buffers; give EAL more (-m), or lower --rx-desc and "
			"--tx-desc\n",
			port->name, count);
	return pool;
}

static int
queues_setup(struct hmi_port *port, const struct hmi_port_config *config, const struct rte_eth_dev_info *info)
{
	uint16_t rx_desc = (uint16_t)config->rx_desc, tx_desc = (uint16_t)config->tx_desc;
	int socket = rte_eth_dev_socket_id(port->id);
	int rc;

	rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx_desc, &tx_desc);
	if (rc != 0)
		return port_failed(port, "its driver refuses the numbers of descriptors", rc,
				   "give others by --rx-desc and --tx-desc, or another --port");
	port->rx_desc = rx_desc;
	/* Sessions keep received frames, too: behind a lost one, or while message memory is short. */
	port->rx_pool = pool_create(port, "rx", config, 4u * rx_desc + 2 * POOL_CACHE, info);
	port->tx_pool = pool_create(port, "tx", config, tx_desc + config->tx_buffers + TX_RESERVE, info);
	if (port->rx_pool == NULL || port->tx_pool == NULL)
		return -ENOMEM;
	rc = rte_eth_rx_queue_setup(port->id, 0, rx_desc, (unsigned int)socket, NULL, port->rx_pool);
	if (rc != 0)
		return queue_failed(port, "--rx-desc", rx_desc, rc);
	rc = rte_eth_tx_queue_setup(port->id, 0, tx_desc, (unsigned int)socket, NULL);
	return rc != 0 ? queue_failed(port, "--tx-desc", tx_desc, rc) : 0;
}

/* Whether the port is a memif client, which neither waits for its server nor reconnects to it. */
static bool
is_memif_client(const struct rte_eth_dev_info *info)
{
	const struct rte_devargs *args = info->device != NULL ? rte_dev_devargs(info->device) : NULL;

	return args == NULL || args->args == NULL || strstr(args->args, "role=server") == NULL;
}

/* Whether another node of this process uses the port with a guard. */
static bool
is_owned(uint16_t id)
{
	struct rte_eth_dev_owner owner;

	return rte_eth_dev_owner_get(id, &owner) == 0 && strcmp(owner.name, OWNER) == 0;
}

/*
 * memif needs an interrupt guard. A process has one interrupt thread, so only one of its nodes may have a
 * guard. It releases the guard regularly if the process has more memif ports, so that these can connect.
 */
static void
memif_prepare(struct hmi_port *port, const struct rte_eth_dev_info *own)
{
	struct rte_eth_dev_owner owner = { .name = OWNER };
	struct rte_eth_dev_info info;
	bool taken = false;

	if (!is_memif(own))
		return;
	port->memif_client = is_memif_client(own);
	for (uint64_t id = rte_eth_find_next(0); id < RTE_MAX_ETHPORTS;
	     id = rte_eth_find_next((uint16_t)(id + 1))) {
		if (id == port->id || rte_eth_dev_info_get((uint16_t)id, &info) != 0 || !is_memif(&info))
			continue;
		port->guard_shared = true;
		taken |= is_owned((uint16_t)id);
	}
	port->guarded = !taken && hmi_guard_init(&port->guard) == 0;
	if (port->guarded && rte_eth_dev_owner_new(&owner.id) == 0 &&
	    rte_eth_dev_owner_set(port->id, &owner) == 0)
		port->owner = owner.id;
}

/* Ports such as net_ring may have no Ethernet address; the peer needs one to send to. */
static int
address_get(struct hmi_port *port)
{
	int rc = rte_eth_macaddr_get(port->id, &port->mac);

	if (rc != 0)
		return port_failed(port, "its driver does not tell its Ethernet address", rc, OTHER_PORT);
	if (rte_is_zero_ether_addr(&port->mac)) {
		rte_eth_random_addr(port->mac.addr_bytes);
		(void)rte_eth_dev_default_mac_addr_set(port->id, &port->mac);
	}
	return 0;
}

int
hmi_port_open(struct hmi_port *port, const struct hmi_port_config *config)
{
	struct rte_eth_dev_info info;
	int rc = port_find(port, config->name);

	if (rc != 0)
		return rc;
	port->logtype = config->logtype;
	rc = rte_eth_dev_info_get(port->id, &info);
	if (rc != 0)
		return port_failed(port, "its driver does not tell what it can do", rc, OTHER_PORT);
	rc = port_configure(port, config, &info);
	if (rc != 0)
		return rc;
	port->probed = true;
	rc = queues_setup(port, config, &info);
	if (rc != 0)
		return rc;
	rc = address_get(port);
	if (rc != 0)
		return rc;
	memif_prepare(port, &info);
	hmi_fault_init(&port->fault, &config->faults);
	port->faulty = hmi_fault_is_on(&port->fault);
	rc = rte_eth_dev_start(port->id);
	if (rc != 0 && !port->memif_client)
		return port_failed(port, "its driver does not start it", rc,
				   "end what else uses the device, or choose another one by --port");
	port->started = rc == 0;
	return 0;
}

/* ---- Closing --------------------------------------------------------------------- */

/* A pool of a closed port, of whose buffers some are elsewhere. */
struct left {
	struct left *next;
	struct rte_mempool *pool;
};

/* Of all systems: the buffers come back when another one has released them. */
static struct left *_Atomic left_pools;

static void
left_push(struct left *left)
{
	left->next = atomic_load_explicit(&left_pools, memory_order_relaxed);
	/* PL1, release: pairs with the acquire in left_free. */
	while (!atomic_compare_exchange_weak_explicit(&left_pools, &left->next, left, memory_order_release,
						      memory_order_relaxed))
		;
}

/* Free a pool. Over net_ring a peer in this process may hold buffers of it: then it is left for another time. */
static void
pool_free(struct rte_mempool *pool)
{
	struct left *left;

	if (pool == NULL)
		return;
	if (rte_mempool_full(pool)) {
		rte_mempool_free(pool);
		return;
	}
	/* Without memory for that it stays. */
	left = malloc(sizeof(*left));
	if (left != NULL) {
		left->pool = pool;
		left_push(left);
	}
}

/* Free the pools of closed ports whose buffers are back by now. */
static void
left_free(void)
{
	/* PL1, acquire: pairs with the release in left_push; what is taken is this thread's alone. */
	struct left *left = atomic_exchange_explicit(&left_pools, NULL, memory_order_acquire);
	struct left *full = NULL, *next;

	for (; left != NULL; left = next) {
		next = left->next;
		if (rte_mempool_full(left->pool)) {
			left->next = full;
			full = left;
		} else {
			left_push(left);
		}
	}
	/* The lcore that gave the last buffer back may not have returned from that yet. */
	if (full != NULL)
		synchronize_rcu();
	for (; full != NULL; full = next) {
		next = full->next;
		rte_mempool_free(full->pool);
		free(full);
	}
}

void
hmi_port_close(struct hmi_port *port)
{
	struct rte_mbuf *frame;

	if (!port->probed)
		return;
	rte_pktmbuf_free_bulk(port->fifo, port->fifo_count);
	port->fifo_count = 0;
	while ((frame = hmi_fault_due(&port->fault, UINT64_MAX)) != NULL)
		rte_pktmbuf_free(frame);
	/* Otherwise the driver could close the same connection twice: here, and when the peer disconnects. */
	if (port->guarded)
		(void)hmi_guard_wait(&port->guard);
	if (port->started)
		(void)rte_eth_dev_stop(port->id);
	if (port->guarded)
		hmi_guard_fini(&port->guard);
	if (port->owner != 0)
		(void)rte_eth_dev_owner_unset(port->id, port->owner);
	port->started = port->usable = false;
	/* The ethdev itself belongs to EAL, and a later system of this process may use it. */
	pool_free(port->rx_pool);
	pool_free(port->tx_pool);
	left_free();
	memset(port, 0, sizeof(*port));
}
