/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NET_PORT_H
#define TEST_NET_PORT_H

/*
 * One port in virtual time; the test is the other end of its wire.
 *
 *     port ──▶ ring out ──▶ test
 *          ◀── ring in  ◀──
 */

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "hmt_eal.h"
#include "port_pvt.h"

#define RING 64u
#define MS   1000000ull

/* One port, whose frames go out to a short ring and come in from another one. */
struct fixture {
	struct rte_ring *out, *in;
	struct hmi_port *port;
	int number;
};

static inline void
port_eal_start(void)
{
	hmt_eal_start_with(1, 128);
}

static inline struct hmi_port_config
config_plain(void)
{
	return (struct hmi_port_config){ .rx_desc = 64, .tx_desc = 64, .tx_buffers = 512, .tag = 1 };
}

static inline struct fixture
fixture_open(const struct hmi_port_config *config)
{
	struct fixture f = { .number = -1 };

	f.out = rte_ring_create("port_out", RING, SOCKET_ID_ANY, 0);
	f.in = rte_ring_create("port_in", RING, SOCKET_ID_ANY, 0);
	cr_assert(f.out != NULL && f.in != NULL);
	f.number = rte_eth_from_rings("p", &f.in, 1, &f.out, 1, 0);
	cr_assert_geq(f.number, 0);
	f.port = calloc(1, sizeof(*f.port));
	f.port->logtype = RTE_LOGTYPE_USER1;
	cr_assert_eq(hmi_port_open(f.port, config), 0);
	f.port->now = MS;
	cr_assert(hmi_port_tick(f.port, f.port->now));
	return f;
}

static inline void
fixture_close(struct fixture *f)
{
	struct rte_mbuf *frame;

	while (rte_ring_dequeue(f->out, (void **)&frame) == 0)
		rte_pktmbuf_free(frame);
	hmi_port_close(f->port);
	free(f->port);
}

/* A frame of the port whose first byte is `mark`. */
static inline struct rte_mbuf *
frame_make(struct fixture *f, uint8_t mark)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(f->port->tx_pool);

	cr_assert_not_null(frame);
	memset(rte_pktmbuf_append(frame, 60), mark, 60);
	return frame;
}

#endif /* TEST_NET_PORT_H */
