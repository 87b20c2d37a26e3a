/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The module's functions: create, options, start, stop, destroy.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>

#include "hm_actor.h"
#include "remote_pvt.h"
#include "table_pvt.h"

static int
memory_failed(void)
{
	fprintf(stderr,
		"hermod: no memory for the network's tables; end other programs, or raise the limit of this one "
		"(ulimit -v)\n");
	return -ENOMEM;
}

static int
net_create(struct hm_system *sys, void **self)
{
	struct hmi_remote *remote = calloc(1, sizeof(*remote));

	if (remote == NULL)
		return memory_failed();
	remote->net.sys = sys;
	remote->idle = true;
	hmi_net_options_init(remote);
	*self = remote;
	return 0;
}

static const struct hm_option *
net_options(void *self)
{
	struct hmi_remote *remote = self;

	return remote->options.table;
}

static int
memory_create(struct hmi_net *net)
{
	net->peer_by_node = calloc(UINT16_MAX + 1u, sizeof(*net->peer_by_node));
	net->unpack_arena = calloc(1, HM_MSG_BODY_MAX);
	return net->peer_by_node != NULL && net->unpack_arena != NULL ? 0 : memory_failed();
}

static int
port_open(struct hmi_remote *remote, struct hmi_address *own)
{
	const struct hmi_net_options *o = &remote->options;
	struct hmi_net *net = &remote->net;
	struct hmi_port_config config = {
		.name = o->port,
		.tag = net->node,
		.mtu = o->mtu,
		.rx_desc = o->rx_desc,
		.tx_desc = o->tx_desc,
		.tx_buffers = HMI_FRAMES_KEPT,
		.udp_checksum = o->udp_checksum,
		.crc = o->crc,
		.logtype = net->logtype,
		.faults = o->faults,
	};
	int rc;

	config.faults.delay_ns = o->fault_delay_us * 1000;
	config.faults.reorder_ns = 100000;
	rc = hmi_port_open(&net->port, &config);
	own->mac = net->port.mac;
	return rc;
}

/* Call the configured peers. The first HELLO is sent when this node's address is ready. */
static void
peers_call(struct hmi_net *net)
{
	for (uint32_t i = 0; i < hmi_peers_count(net); i++) {
		struct hmi_peer *peer = net->peers[i];

		peer->session.peer_timeout_ns = net->peer_timeout_ns;
		hmi_peer_credit_first(net, peer);
		peer->attempt = 1;
		hmi_handshake_call(&peer->session, hmi_peer_session_id(net, peer), 0);
	}
}

/* Before main: a new type moves DPDK's table, and threads that create systems would do so at once. */
RTE_INIT(log_type_register)
{
	(void)rte_log_register_type_and_pick_level("hermod.net", RTE_LOG_INFO);
}

static int
net_start(void *self, struct hm_system *sys)
{
	struct hmi_remote *remote = self;
	struct hmi_net *net = &remote->net;
	struct hmi_address own = { 0 };
	struct timespec now;
	int rc;

	if (!hmi_net_options_wanted(remote))
		return 0;
	net->logtype = rte_log_register_type_and_pick_level("hermod.net", RTE_LOG_INFO);
	net->node = hm_system_node(sys);
	net->peer_timeout_ns = remote->options.peer_timeout_ms * 1000000ull;
	net->backlog_max = remote->options.peer_queue;
	rc = hmi_net_options_check(remote, &own);
	if (rc == 0)
		rc = port_open(remote, &own);
	if (rc == 0)
		rc = memory_create(net);
	if (rc != 0)
		return rc;
	rc = hm_provider_register(sys, (uint32_t)remote->options.net_lcore, &hmi_remote_ops, remote);
	if (rc != 0) {
		unsigned int lcore = (unsigned int)remote->options.net_lcore;

		if (rc == -EEXIST) {
			fprintf(stderr,
				"hermod: --net-lcore %u: another module of the system is its network; give only one "
				"in hm_config.modules\n",
				lcore);
			return rc;
		}
		fprintf(stderr,
			"hermod: --net-lcore %u: choose from 0 to %u, or give EAL more lcores with -l\n",
			lcore, hm_system_lcores(sys) - 1);
		return -ENODEV;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	net->started = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	net->random = hm_system_random(sys);
	hmi_neigh_init(&net->neigh, &own);
	peers_call(net);
	remote->idle = false;
	return 0;
}

static void
net_stop(void *self)
{
	struct hmi_remote *remote = self;
	struct hmi_net *net = &remote->net;

	if (!remote->idle && net->ctx != NULL)
		hmi_remote_shutdown(net);
}

static void
net_destroy(void *self)
{
	struct hmi_remote *remote = self;
	struct hmi_net *net = &remote->net;

	for (uint32_t i = 0; i < hmi_peers_count(net); i++)
		free(net->peers[i]);
	hmi_port_close(&net->port);
	hmi_codec_destroy(&net->codec);
	free(net->peer_by_node);
	free(net->unpack_arena);
	free(remote);
}

const struct hm_module hm_net_module = {
	.name = "net",
	.create = net_create,
	.options = net_options,
	.start = net_start,
	.stop = net_stop,
	.destroy = net_destroy,
};
