/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "limit_frame.h"
#include "limit_port.h"

#define POOL_SIZE    16383
#define POOL_CACHE   256
#define DESCRIPTORS  1024
#define ETHER_TYPE   0x88b5 /* reserved by IEEE 802 for local experiments */
#define CONTROL_MARK 0x4c494d49u
#define TRIES_MAX    200

struct control {
	struct rte_ether_hdr ether;
	uint16_t kind;
	uint32_t slice;
	uint32_t mark;
};

_Static_assert(sizeof(struct control) <= LIMIT_CONTROL_BYTES, "a control frame holds its content");
_Static_assert(LIMIT_CONTROL_BYTES != LIMIT_FRAME_BYTES, "control frames are told by their length");

/* ---- set-up and tear-down ----------------------------------------------- */

static int
queues_setup(struct limit_port *port)
{
	struct rte_eth_conf conf = { 0 };
	uint16_t rx = DESCRIPTORS, tx = DESCRIPTORS;
	int status = rte_eth_dev_configure(port->id, 1, 1, &conf);

	if (status == 0)
		status = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx, &tx);
	if (status == 0)
		status = rte_eth_rx_queue_setup(port->id, 0, rx, SOCKET_ID_ANY, NULL, port->pool);
	if (status == 0)
		status = rte_eth_tx_queue_setup(port->id, 0, tx, SOCKET_ID_ANY, NULL);
	return status;
}

int
limit_port_open(struct limit_port **port, uint16_t port_id)
{
	struct limit_port *made;
	char name[RTE_MEMPOOL_NAMESIZE];
	int status;

	if (!rte_eth_dev_is_valid_port(port_id))
		return -ENODEV;
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return -ENOMEM;
	made->id = port_id;
	made->lost_ticks = rte_get_tsc_hz() / 1000 * LIMIT_LOST_MS;
	snprintf(name, sizeof(name), "limit_port_%u", port_id);
	made->pool = rte_pktmbuf_pool_create(name, POOL_SIZE, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					     SOCKET_ID_ANY);
	status = made->pool == NULL ? -rte_errno : queues_setup(made);
	if (status == 0)
		status = rte_eth_dev_start(port_id);
	made->started = status == 0;
	if (status != 0) {
		limit_port_close(made);
		return status;
	}
	*port = made;
	return 0;
}

int
limit_port_wait(const struct limit_port *port, uint32_t timeout_ms)
{
	for (uint32_t waited = 0; waited <= timeout_ms; waited += 10) {
		struct rte_eth_link link;

		if (rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP)
			return 0;
		rte_delay_us_sleep(10000);
	}
	return -ETIMEDOUT;
}

void
limit_port_close(struct limit_port *port)
{
	if (port == NULL)
		return;
	/* the pool is freed last: until it is closed, the port holds frames of it */
	if (port->started)
		(void)rte_eth_dev_stop(port->id);
	(void)rte_eth_dev_close(port->id);
	rte_mempool_free(port->pool);
	free(port);
}

/* ---- frames --------------------------------------------------------------- */

struct rte_mbuf *
limit_frame_new(struct limit_port *port, uint32_t bytes)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(port->pool);
	struct rte_ether_hdr *ether;

	if (frame == NULL)
		return NULL;
	ether = (struct rte_ether_hdr *)rte_pktmbuf_append(frame, (uint16_t)bytes);
	if (ether == NULL) {
		rte_pktmbuf_free(frame);
		return NULL;
	}
	/* broadcast, so that the other side's address is not needed; from a locally administered address */
	memset(&ether->dst_addr, 0xff, sizeof(ether->dst_addr));
	memset(&ether->src_addr, 0x02, sizeof(ether->src_addr));
	ether->ether_type = rte_cpu_to_be_16(ETHER_TYPE);
	return frame;
}

static bool
control_read(const struct rte_mbuf *frame, struct control *control)
{
	if (frame->pkt_len != LIMIT_CONTROL_BYTES || frame->data_len < sizeof(*control))
		return false;
	memcpy(control, rte_pktmbuf_mtod(frame, const void *), sizeof(*control));
	return control->mark == CONTROL_MARK && control->ether.ether_type == rte_cpu_to_be_16(ETHER_TYPE);
}

static bool
control_send(struct limit_port *port, enum limit_control kind)
{
	struct rte_mbuf *frame = limit_frame_new(port, LIMIT_CONTROL_BYTES);
	struct control *control;

	if (frame == NULL)
		return false;
	control = rte_pktmbuf_mtod(frame, struct control *);
	control->kind = (uint16_t)kind;
	control->slice = port->slice;
	control->mark = CONTROL_MARK;
	limit_frames_send(port, &frame, 1);
	return true;
}

/* frames that arrive before the answer belong to an earlier slice, and are dropped */
static bool
control_await(struct limit_port *port)
{
	uint64_t start = bench_clock_ticks();
	struct rte_mbuf *burst[LIMIT_BURST];
	bool answered = false;

	while (!answered && bench_clock_ticks() - start < port->lost_ticks) {
		uint16_t n = rte_eth_rx_burst(port->id, 0, burst, LIMIT_BURST);

		for (uint16_t i = 0; i < n; i++) {
			struct control control;

			if (control_read(burst[i], &control) && control.slice == port->slice)
				answered = true;
		}
		rte_pktmbuf_free_bulk(burst, n);
	}
	return answered;
}

bool
limit_control_exchange(struct limit_port *port, enum limit_control kind)
{
	port->slice++;
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		if (control_send(port, kind) && control_await(port))
			return true;
	}
	return false;
}

bool
limit_control_answer(struct limit_port *port, struct rte_mbuf *frame)
{
	struct control control;
	bool ends;

	if (!control_read(frame, &control)) {
		rte_pktmbuf_free(frame);
		return false;
	}
	/* the driver repeats a control frame whose answer is late: a late END must not end the next slice */
	ends = control.kind == LIMIT_CONTROL_END && control.slice > port->last_ended;
	if (ends)
		port->last_ended = control.slice;
	limit_frames_send(port, &frame, 1);
	return ends;
}
