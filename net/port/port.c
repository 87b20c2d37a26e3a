/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Frames to and from an ethdev, and its link.
 */
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_log.h>

#include "port_pvt.h"
#include "counter_pvt.h"

#define TX_TRIES     4
#define LINK_NS      100000000ull
#define MEMIF_NS     250000000ull /* between attempts to connect to memif's server */
#define LINK_DOWN_NS 20000000ull  /* between looks at a link that is down; LINK_NS if it is up */
#define QUIET_NS     100000000ull /* without a frame for this time, the guard is released for GUARD_NS */
#define HOLD_NS      500000000ull /* after this time a shared guard is released in any case */
#define GUARD_NS     200000ull    /* how long it stays released */

/* ---- Frames ------------------------------------------------------------------- */

uint32_t
hmi_port_receive(struct hmi_port *port, struct rte_mbuf **frames)
{
	uint32_t count;

	if (unlikely(!port->usable))
		return 0;
	count = rte_eth_rx_burst(port->id, 0, frames, HMI_PORT_BURST);
	if (count > 0)
		port->last_rx_ns = port->now;
	hmi_count(&port->rx_frames, count);
	return count;
}

/* Move frames that the fault layer held back, and that are due, into the fifo. */
static void
fault_release(struct hmi_port *port)
{
	struct rte_mbuf *frame;

	while (hmi_port_room(port) > 0 && (frame = hmi_fault_due(&port->fault, port->now)) != NULL)
		port->fifo[port->fifo_count++] = frame;
}

uint32_t
hmi_port_flush(struct hmi_port *port)
{
	uint32_t sent = 0;

	if (unlikely(port->faulty))
		fault_release(port);
	if (port->fifo_count == 0 || unlikely(!port->usable))
		return 0;
	for (int tries = 0; tries < TX_TRIES && sent < port->fifo_count; tries++)
		sent += rte_eth_tx_burst(port->id, 0, port->fifo + sent, (uint16_t)(port->fifo_count - sent));
	port->fifo_count -= sent;
	hmi_count(&port->tx_frames, sent);
	if (unlikely(port->fifo_count > 0)) {
		hmi_count(&port->tx_held, port->fifo_count);
		memmove(port->fifo, port->fifo + sent, port->fifo_count * sizeof(port->fifo[0]));
	}
	return sent;
}

/* A copy with some bits flipped: the frame itself may be shared with a session. */
static struct rte_mbuf *
corrupted(struct hmi_port *port, struct rte_mbuf *frame, uint32_t bits)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(frame, port->tx_pool, 0, UINT32_MAX);

	rte_pktmbuf_free(frame);
	if (copy != NULL) {
		while (bits-- > 0)
			hmi_fault_flip(&port->fault, rte_pktmbuf_mtod(copy, uint8_t *),
				       rte_pktmbuf_data_len(copy));
		/* Otherwise the port would compute a correct checksum over the corrupted bytes. */
		copy->ol_flags &= ~(RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM);
	}
	return copy;
}

static void
fault_pass(struct hmi_port *port, struct rte_mbuf *frame, uint64_t delay_ns)
{
	if (delay_ns == 0 || !hmi_fault_hold(&port->fault, frame, port->now + delay_ns))
		port->fifo[port->fifo_count++] = frame;
}

void
hmi_port_send_faulty(struct hmi_port *port, struct rte_mbuf *frame)
{
	struct hmi_fault_verdict verdict = hmi_fault_decide(&port->fault);

	if (verdict.drop) {
		rte_pktmbuf_free(frame);
		return;
	}
	if (verdict.corrupt > 0)
		frame = corrupted(port, frame, verdict.corrupt);
	if (frame == NULL)
		return;
	if (verdict.duplicate && hmi_port_room(port) > 1) {
		rte_mbuf_refcnt_update(frame, 1);
		fault_pass(port, frame, 0);
	}
	fault_pass(port, frame, verdict.delay_ns);
}

/* ---- Link --------------------------------------------------------------------- */

/* Without a link queued frames would only get old. Sessions retransmit their packets. */
static void
fifo_drop(struct hmi_port *port)
{
	hmi_count(&port->tx_dropped, port->fifo_count);
	rte_pktmbuf_free_bulk(port->fifo, port->fifo_count);
	port->fifo_count = 0;
}

/* Try to connect to memif's server again. The driver logs each failed attempt; one line is enough. */
static void
memif_restart(struct hmi_port *port, uint64_t now)
{
	bool first = port->start_ns == 0;

	if (now < port->start_ns)
		return;
	port->start_ns = now + MEMIF_NS;
	/* The attempt of the set-up may still be under way. */
	if (first && port->started)
		return;
	if (port->started)
		(void)rte_eth_dev_stop(port->id);
	port->started = rte_eth_dev_start(port->id) == 0;
	if (!port->started && !port->start_logged) {
		port->start_logged = true;
		(void)rte_log_set_level_pattern("pmd.net.memif", RTE_LOG_CRIT);
		rte_log(RTE_LOG_INFO, (uint32_t)port->logtype, "hermod: port %s: waiting for its server\n",
			port->name);
	}
}

/* What may be done only while the guard is held. Returns whether to keep holding it. */
static bool
held_tick(struct hmi_port *port, uint64_t now)
{
	if (!port->link_up) {
		if (port->memif_client)
			memif_restart(port, now);
		return false;
	}
	if (!port->usable)
		port->last_rx_ns = port->held_ns = now;
	if (port->guard_shared && now - port->held_ns >= HOLD_NS)
		return false;
	/* If the other side has disconnected, the interrupt thread must run to notice it. */
	return now - port->last_rx_ns < QUIET_NS;
}

static void
guard_tick(struct hmi_port *port, uint64_t now)
{
	if (!hmi_guard_is_held(&port->guard)) {
		bool wanted = port->link_up || (port->memif_client && now >= port->start_ns);

		if (wanted && now >= port->guard_ns && !hmi_guard_request(&port->guard))
			port->guard_ns = now + LINK_NS;
		return;
	}
	port->usable = held_tick(port, now);
	if (!port->usable) {
		hmi_guard_release(&port->guard);
		port->guard_ns = now + GUARD_NS;
	}
}

static void
link_look(struct hmi_port *port, uint64_t now)
{
	struct rte_eth_link link = { 0 };
	bool was_up = port->link_up;

	port->link_up = port->started && rte_eth_link_get_nowait(port->id, &link) == 0 &&
			link.link_status == RTE_ETH_LINK_UP;
	port->link_ns = now + (port->link_up ? LINK_NS : LINK_DOWN_NS);
	if (port->link_up != was_up)
		rte_log(RTE_LOG_INFO, (uint32_t)port->logtype, "hermod: port %s: link is %s\n", port->name,
			port->link_up ? "up" : "down");
	if (!port->link_up)
		fifo_drop(port);
}

bool
hmi_port_tick(struct hmi_port *port, uint64_t now)
{
	bool was_up = port->link_up;

	if (now >= port->link_ns)
		link_look(port, now);
	if (port->guarded) {
		guard_tick(port, now);
	} else {
		if (!port->link_up && port->memif_client)
			memif_restart(port, now);
		port->usable = port->started;
	}
	return port->link_up && !was_up;
}
