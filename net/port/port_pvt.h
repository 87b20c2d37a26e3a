/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORT_PVT_H
#define PORT_PVT_H

/*
 * A port: one DPDK ethdev, one queue pair.
 *
 *     frame ──hmi_port_send──▶ [fault] ──▶ fifo ──hmi_port_flush──▶ ethdev
 *     frame ◀──hmi_port_receive──────────────────────────────────── ethdev
 *
 * Any driver will do: offloads are used where there are any, nothing is required. When the
 * ethdev does not take a frame, it stays in the fifo, in order; when the link is down, the
 * fifo is emptied, since a session retransmits what matters.
 *
 * memif: EAL's interrupt thread is blocked while bursts may run (guard_pvt.h). Its frames are copied from
 * memory to memory, so they have no UDP checksum unless it is asked for, or frames are to be corrupted.
 *
 * One lcore owns the port.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "fault_pvt.h"
#include "frame_pvt.h"
#include "guard_pvt.h"
#include "hm_net.h"

#define HMI_PORT_FIFO  512u
#define HMI_PORT_BURST 16u
#define HMI_MTU_MIN    576u /* bytes of an IP packet that every station takes: RFC 791 */

/* How to set it up. */
struct hmi_port_config {
	const char *name; /* NULL: the first one */
	uint64_t tag;     /* makes names of pools unique */
	uint64_t mtu;     /* 0: 1,500, or what the port can */
	uint64_t rx_desc, tx_desc;
	uint32_t tx_buffers; /* that sessions keep */
	bool udp_checksum;   /* give frames one even where memory carries them */
	int logtype;
	struct hmi_fault_odds faults;
};

struct hmi_port {
	/* Hot. */
	uint16_t id;
	bool usable; /* it is started, and no other thread works on it */
	enum hmi_checksum tx_checksum;
	bool faulty;
	uint32_t fifo_count;
	struct rte_mempool *rx_pool, *tx_pool;
	uint64_t now;        /* of the turn */
	uint64_t last_rx_ns; /* when the last frame came */
	struct rte_mbuf *fifo[HMI_PORT_FIFO];

	/* Counters. */
	uint64_t rx_frames, tx_frames, tx_held, tx_dropped;

	/* Set-up, and what is looked at a few times a second. */
	bool rx_offload;
	bool started, link_up;
	bool guarded;      /* there is an interrupt guard */
	bool guard_shared; /* the process has other memif ports, which need the interrupt thread, too */
	bool memif_client; /* has to be restarted to reconnect to its server */
	bool start_logged; /* that it does not start was logged */
	bool probed;       /* rx_pool and tx_pool are there, the ethdev is configured */
	uint32_t mtu;
	uint32_t rx_desc;
	uint64_t link_ns;  /* when to look at the link again */
	uint64_t start_ns; /* when to start it again */
	uint64_t guard_ns; /* when to request the guard again */
	uint64_t held_ns;  /* since when the guard is held */
	uint64_t owner;    /* as which ethdev knows this node; 0: as none */
	struct hmi_guard guard;
	int logtype;
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_ether_addr mac;
	struct hmi_fault fault;
};

/* ---- Set-up ------------------------------------------------------------------- */

/* Find an ethdev and bring it up. Errors are printed. Returns 0, -ENODEV, -EINVAL, -ENOMEM or -EIO. */
int hmi_port_open(struct hmi_port *port, const struct hmi_port_config *config);

/* Stop the ethdev and free everything. A zeroed port is allowed. */
void hmi_port_close(struct hmi_port *port);

/* ---- Hot path ------------------------------------------------------------------- */

/* Frames that can be sent now. */
static inline uint32_t
hmi_port_room(const struct hmi_port *port)
{
	return HMI_PORT_FIFO - port->fifo_count;
}

/* As hmi_port_send, with faults. */
void hmi_port_send_faulty(struct hmi_port *port, struct rte_mbuf *frame);

/* Take a frame to be sent, for which there is room. */
static inline void
hmi_port_send(struct hmi_port *port, struct rte_mbuf *frame)
{
	if (__builtin_expect(port->faulty, 0))
		hmi_port_send_faulty(port, frame);
	else
		port->fifo[port->fifo_count++] = frame;
}

/* Hand the fifo to the ethdev, as far as it takes it. Returns how many frames it took. */
uint32_t hmi_port_flush(struct hmi_port *port);

/* Take up to HMI_PORT_BURST frames that arrived. */
uint32_t hmi_port_receive(struct hmi_port *port, struct rte_mbuf **frames);

/* ---- Time ----------------------------------------------------------------------- */

/* Look after the link, a few times a second. Returns whether it came up just now. */
bool hmi_port_tick(struct hmi_port *port, uint64_t now);

#endif /* PORT_PVT_H */
