/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_PVT_H
#define REMOTE_PVT_H

/*
 * The provider of remote PIDs, and the module that it is part of.
 *
 *     remote.c: what the engine calls    options.c: --ip, --peer    module.c: start, stop
 *     shutdown.c: after the last turn    counters.c: counters, for any thread
 */

#include <stdbool.h>
#include <stdint.h>

#include "peer_pvt.h"

/* Values of the options. */
struct hmi_net_options {
	const char *port, *ip;
	const char *packet_crc;
	uint64_t udp_port, net_lcore, mtu, rx_desc, tx_desc, peer_timeout_ms, peer_queue;
	struct hmi_fault_odds faults;
	uint64_t fault_delay_us;
	bool udp_checksum;
	enum hmi_port_crc crc; /* by packet_crc */
	struct hm_option table[20];
};

struct hmi_remote {
	struct hmi_net net;
	bool idle;  /* no port: nothing to do */
	bool begun; /* the first turn has begun: all types are registered */
	struct hmi_net_options options;
};

/* ---- options.c ---- */

void hmi_net_options_init(struct hmi_remote *remote);

/* Whether an option is given that requires a network. */
bool hmi_net_options_wanted(const struct hmi_remote *remote);

/* Read --ip, and check the peers against it. Errors are printed. Returns 0 or -EINVAL. */
int hmi_net_options_check(struct hmi_remote *remote, struct hmi_address *own);

/* ---- remote.c ---- */

extern const struct hm_provider_ops hmi_remote_ops;

/* ---- shutdown.c ---- */

/* After the lcores have stopped: send what is left, wait for acknowledgements, send BYE, end the sessions. */
void hmi_remote_shutdown(struct hmi_net *net);

#endif /* REMOTE_PVT_H */
