/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORT_PVT_H
#define PORT_PVT_H

/*
 * A port: one DPDK ethdev, one queue pair.
 *
 *     frame ──hmi_port_send──▶ [fault] ──▶ fifo ──hmi_port_flush──▶ ethdev
 *     frame ◀──hmi_port_receive──────────────────────────────────── ethdev
 *
 * Works with any driver: offloads are used if there are any, none is required. A frame that the
 * ethdev does not take stays in the fifo, in order. When the link is down, the fifo is emptied; sessions
 * retransmit their packets.
 *
 * memif: EAL's interrupt thread is blocked while bursts may run (guard_pvt.h). Its frames are copied from
 * memory to memory, so they have no UDP checksum, unless --udp-checksum or --fault-corrupt is given, and need no CRC: nor
 * do those of net_ring.
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
#define HMI_PORT_BURST 16u /* drivers with vector instructions round down to a multiple of 8 */
#define HMI_MTU_MAX    9600u
#define HMI_MTU_MIN    576u /* bytes of an IP packet that every station takes: RFC 791 */

/* Whether received packets need a CRC. */
enum hmi_port_crc {
	HMI_PORT_CRC_AUTO = 0, /* unless frames are copied from memory to memory, and not corrupted */
	HMI_PORT_CRC_ON,
	HMI_PORT_CRC_OFF,
};

/* How to set it up. */
struct hmi_port_config {
	const char *name; /* NULL: the first one */
	uint64_t tag;     /* makes names of pools unique */
	uint64_t mtu;     /* 0: 1,500, or the port's maximum if that is less */
	uint64_t rx_desc, tx_desc;
	uint32_t tx_buffers; /* most that sessions keep */
	bool udp_checksum;   /* UDP checksums over memif, too */
	enum hmi_port_crc crc;
	int logtype;
	struct hmi_fault_odds faults;
};

struct hmi_port {
	/* Hot. */
	uint16_t id;
	bool usable;    /* it is started, and no other thread works on it */
	bool in_memory; /* frames are copied from memory to memory: there is no path to be congested */
	bool crc;       /* packets that are received need a CRC */
	enum hmi_checksum tx_checksum;
	bool faulty;
	uint32_t fifo_count;
	struct rte_mempool *rx_pool, *tx_pool;
	uint64_t now;        /* time of the present turn */
	uint64_t last_rx_ns; /* when the last frame was received */
	struct rte_mbuf *fifo[HMI_PORT_FIFO];

	/* Counters. */
	uint64_t rx_frames, tx_frames, tx_held, tx_dropped;

	/* Set-up and link state. */
	bool rx_offload;
	bool started, link_up;
	bool guarded;      /* there is an interrupt guard */
	bool guard_shared; /* the process has other memif ports, which need the interrupt thread, too */
	bool memif_client; /* has to be restarted to reconnect to its server */
	bool start_logged; /* it was logged that it waits for its server */
	bool probed;       /* the ethdev is configured; pools may exist */
	uint32_t mtu;
	uint32_t rx_desc;
	uint64_t link_ns;  /* when to look at the link again */
	uint64_t start_ns; /* when to start it again */
	uint64_t guard_ns; /* when to request the guard again */
	uint64_t held_ns;  /* since when the guard is held */
	uint64_t owner;    /* owner id by which the ethdev is taken; 0: not taken */
	struct hmi_guard guard;
	int logtype;
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_ether_addr mac;
	struct hmi_fault fault;
};

/* ---- Set-up ------------------------------------------------------------------- */

/* Find an ethdev and bring it up. Errors are printed. Returns 0, -ENODEV, -EINVAL, -ENOMEM or -EIO. */
int hmi_port_open(struct hmi_port *port, const struct hmi_port_config *config);

/*
 * Stop the ethdev and free buffers and pools. A zeroed port is allowed. A pool whose buffers a peer in this
 * process still holds, over net_ring, is freed when a port is closed after they have come back.
 */
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

/* Put a frame into the fifo, which must have room. */
static inline void
hmi_port_send(struct hmi_port *port, struct rte_mbuf *frame)
{
	if (__builtin_expect(port->faulty, 0))
		hmi_port_send_faulty(port, frame);
	else
		port->fifo[port->fifo_count++] = frame;
}

/* Send the frames of the fifo, as many as the ethdev takes. Returns how many. */
uint32_t hmi_port_flush(struct hmi_port *port);

/* Receive up to HMI_PORT_BURST frames. */
uint32_t hmi_port_receive(struct hmi_port *port, struct rte_mbuf **frames);

/* ---- Time ----------------------------------------------------------------------- */

/* Check the link, and handle guard and reconnection. Returns whether the link has just come up. */
bool hmi_port_tick(struct hmi_port *port, uint64_t now);

#endif /* PORT_PVT_H */
