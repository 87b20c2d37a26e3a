/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Ports over rings: a ring that is full, a link that goes, faults on the way, and what set-up refuses.
 */
#include <errno.h>

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include "test_net_port.h"

#define LINK_NS (100 * MS)

TestSuite(net_port, .init = port_eal_start, .timeout = 60);

/* Take a frame from the ring. Returns its first byte; -1: there is none. */
static int
frame_take(struct fixture *f)
{
	struct rte_mbuf *frame;
	int mark;

	if (rte_ring_dequeue(f->out, (void **)&frame) != 0)
		return -1;
	mark = *rte_pktmbuf_mtod(frame, uint8_t *);
	rte_pktmbuf_free(frame);
	return mark;
}

static uint32_t
buffers_used(const struct fixture *f)
{
	return rte_mempool_in_use_count(f->port->tx_pool);
}

/* ---- Sending -------------------------------------------------------------------------------- */

Test(net_port, flush__in_order_and_none_left)
{
	struct hmi_port_config config = config_plain();
	struct fixture f = fixture_open(&config);

	cr_assert_eq(hmi_port_flush(f.port), 0);
	for (uint8_t i = 0; i < 40; i++)
		hmi_port_send(f.port, frame_make(&f, i));
	cr_assert_eq(hmi_port_room(f.port), HMI_PORT_FIFO - 40);
	cr_assert_eq(hmi_port_flush(f.port), 40);
	cr_assert_eq(hmi_port_room(f.port), HMI_PORT_FIFO);
	for (int i = 0; i < 40; i++)
		cr_assert_eq(frame_take(&f), i);
	cr_assert_eq(f.port->tx_frames, 40);
	cr_assert_eq(f.port->tx_held, 0);
	cr_assert_eq(buffers_used(&f), 0);
	fixture_close(&f);
}

Test(net_port, flush__what_does_not_fit_stays_in_order)
{
	struct hmi_port_config config = config_plain();
	struct fixture f = fixture_open(&config);

	/* The ring takes one less than its size. */
	for (uint8_t i = 0; i < 100; i++)
		hmi_port_send(f.port, frame_make(&f, i));
	cr_assert_eq(hmi_port_flush(f.port), RING - 1);
	cr_assert_eq(f.port->fifo_count, 100 - (RING - 1));
	cr_assert_eq(f.port->tx_held, 100 - (RING - 1));
	cr_assert_eq(hmi_port_flush(f.port), 0);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(frame_take(&f), i);
	/* New ones go behind the old ones. */
	hmi_port_send(f.port, frame_make(&f, 100));
	cr_assert_eq(hmi_port_flush(f.port), 10);
	for (int i = 10; i < 73; i++)
		cr_assert_eq(frame_take(&f), i);
	cr_assert_eq(hmi_port_flush(f.port), 28);
	for (int i = 73; i <= 100; i++)
		cr_assert_eq(frame_take(&f), i);
	cr_assert_eq(frame_take(&f), -1);
	cr_assert_eq(f.port->tx_frames, 101);
	fixture_close(&f);
}

Test(net_port, room__none_when_the_fifo_is_full)
{
	struct hmi_port_config config = config_plain();
	struct fixture f = fixture_open(&config);

	for (uint32_t i = 0; i < HMI_PORT_FIFO; i++) {
		cr_assert_eq(hmi_port_room(f.port), HMI_PORT_FIFO - i);
		hmi_port_send(f.port, frame_make(&f, 1));
	}
	cr_assert_eq(hmi_port_room(f.port), 0);
	(void)hmi_port_flush(f.port);
	cr_assert_eq(hmi_port_room(f.port), RING - 1);
	fixture_close(&f);
}

Test(net_port, receive__a_burst_at_a_time)
{
	struct hmi_port_config config = config_plain();
	struct fixture f = fixture_open(&config);
	struct rte_mbuf *frames[HMI_PORT_BURST];
	uint32_t want = 40;

	cr_assert_eq(hmi_port_receive(f.port, frames), 0);
	cr_assert_eq(f.port->last_rx_ns, 0);
	for (uint8_t i = 0; i < 40; i++)
		cr_assert_eq(rte_ring_enqueue(f.in, frame_make(&f, i)), 0);
	for (uint8_t mark = 0; want > 0;) {
		uint32_t count = hmi_port_receive(f.port, frames);

		cr_assert_eq(count, RTE_MIN(want, HMI_PORT_BURST));
		for (uint32_t i = 0; i < count; i++) {
			cr_assert_eq(*rte_pktmbuf_mtod(frames[i], uint8_t *), mark++);
			rte_pktmbuf_free(frames[i]);
		}
		want -= count;
	}
	cr_assert_eq(f.port->rx_frames, 40);
	cr_assert_eq(f.port->last_rx_ns, f.port->now);
	fixture_close(&f);
}

Test(net_port, usable__not_yet_or_not_any_more)
{
	struct hmi_port_config config = config_plain();
	struct fixture f = fixture_open(&config);
	struct rte_mbuf *frames[HMI_PORT_BURST];

	/* Another thread may be taking the rings away: neither burst may look at them. */
	f.port->usable = false;
	hmi_port_send(f.port, frame_make(&f, 1));
	cr_assert_eq(hmi_port_flush(f.port), 0);
	cr_assert_eq(frame_take(&f), -1);
	cr_assert_eq(rte_ring_enqueue(f.in, frame_make(&f, 2)), 0);
	cr_assert_eq(hmi_port_receive(f.port, frames), 0);
	cr_assert_eq(f.port->rx_frames, 0);
	f.port->usable = true;
	cr_assert_eq(hmi_port_flush(f.port), 1);
	cr_assert_eq(frame_take(&f), 1);
	cr_assert_eq(hmi_port_receive(f.port, frames), 1);
	rte_pktmbuf_free(frames[0]);
	fixture_close(&f);
}

/* ---- Link ------------------------------------------------------------------------------------- */

Test(net_port, tick__says_once_that_the_link_came_up)
{
	struct hmi_port_config config = config_plain();
	struct fixture f = fixture_open(&config);
	uint64_t now = f.port->now;

	cr_assert(f.port->link_up && f.port->usable);
	for (int i = 0; i < 10; i++)
		cr_assert_not(hmi_port_tick(f.port, now += LINK_NS));
	fixture_close(&f);
}

Test(net_port, tick__link_that_goes_takes_with_it_what_waits)
{
	struct hmi_port_config config = config_plain();
	struct fixture f = fixture_open(&config);
	uint64_t now = f.port->now;

	for (uint8_t i = 0; i < 10; i++)
		hmi_port_send(f.port, frame_make(&f, i));
	cr_assert_eq(rte_eth_dev_set_link_down((uint16_t)f.number), 0);
	/* It is looked at ten times a second. */
	cr_assert_not(hmi_port_tick(f.port, now + LINK_NS - 1));
	cr_assert(f.port->link_up);
	cr_assert_not(hmi_port_tick(f.port, now + LINK_NS));
	cr_assert_not(f.port->link_up);
	cr_assert_eq(f.port->tx_dropped, 10);
	cr_assert_eq(hmi_port_room(f.port), HMI_PORT_FIFO);
	cr_assert_eq(buffers_used(&f), 0);
	/* While it is down, every 20 ms. */
	now += LINK_NS;
	cr_assert_eq(rte_eth_dev_set_link_up((uint16_t)f.number), 0);
	cr_assert_not(hmi_port_tick(f.port, now + 20 * MS - 1));
	cr_assert(hmi_port_tick(f.port, now + 20 * MS));
	cr_assert(f.port->link_up);
	fixture_close(&f);
}

/* ---- Faults ----------------------------------------------------------------------------------- */

/* An open port with these faults. */
static struct fixture
fixture_faulty(struct hmi_fault_odds odds)
{
	struct hmi_port_config config = config_plain();

	odds.seed = 1;
	config.faults = odds;
	return fixture_open(&config);
}

Test(net_port, faults__none_asked_for_is_none)
{
	struct fixture f = fixture_faulty((struct hmi_fault_odds){ .reorder_ns = 5 });

	cr_assert_not(f.port->faulty);
	fixture_close(&f);
}

Test(net_port, faults__drop_gives_the_buffer_back)
{
	struct fixture f = fixture_faulty((struct hmi_fault_odds){ .drop = HMI_FAULT_PARTS });

	for (uint8_t i = 0; i < 50; i++)
		hmi_port_send(f.port, frame_make(&f, i));
	cr_assert_eq(hmi_port_flush(f.port), 0);
	cr_assert_eq(frame_take(&f), -1);
	cr_assert_eq(buffers_used(&f), 0);
	fixture_close(&f);
}

Test(net_port, faults__duplicate_is_sent_twice_in_its_place)
{
	struct fixture f = fixture_faulty((struct hmi_fault_odds){ .duplicate = HMI_FAULT_PARTS });

	for (uint8_t i = 0; i < 5; i++)
		hmi_port_send(f.port, frame_make(&f, i));
	cr_assert_eq(hmi_port_flush(f.port), 10);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(frame_take(&f), i / 2);
	cr_assert_eq(buffers_used(&f), 0);
	fixture_close(&f);
}

Test(net_port, faults__duplicate_into_the_last_place_is_sent_once)
{
	struct fixture f = fixture_faulty((struct hmi_fault_odds){ .duplicate = HMI_FAULT_PARTS });

	f.port->faulty = false;
	while (hmi_port_room(f.port) > 1)
		hmi_port_send(f.port, frame_make(&f, 1));
	f.port->faulty = true;
	hmi_port_send(f.port, frame_make(&f, 2));
	cr_assert_eq(hmi_port_room(f.port), 0);
	cr_assert_eq(rte_mbuf_refcnt_read(f.port->fifo[HMI_PORT_FIFO - 1]), 1);
	fixture_close(&f);
}

Test(net_port, faults__corrupted_is_a_copy_with_one_bit_other)
{
	struct fixture f = fixture_faulty((struct hmi_fault_odds){ .corrupt = HMI_FAULT_PARTS });

	for (int round = 0; round < 50; round++) {
		struct rte_mbuf *frame = frame_make(&f, 0x5a), *got;
		unsigned int bits = 0;

		/* As of a session, which keeps it. The port is to compute its checksums. */
		frame->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
		rte_mbuf_refcnt_update(frame, 1);
		hmi_port_send(f.port, frame);
		cr_assert_eq(hmi_port_flush(f.port), 1);
		cr_assert_eq(rte_ring_dequeue(f.out, (void **)&got), 0);
		cr_assert_neq(got, frame);
		cr_assert_eq(got->pkt_len, 60);
		cr_assert_eq(got->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM), 0,
			     "the port would compute checksums that agree with the other bit");
		for (uint32_t at = 0; at < 60; at++) {
			cr_assert_eq(rte_pktmbuf_mtod(frame, uint8_t *)[at], 0x5a);
			bits += (unsigned int)__builtin_popcount(rte_pktmbuf_mtod(got, uint8_t *)[at] ^
								 0x5au);
		}
		cr_assert_eq(bits, 1);
		rte_pktmbuf_free(got);
		rte_pktmbuf_free(frame);
	}
	cr_assert_eq(buffers_used(&f), 0);
	fixture_close(&f);
}

Test(net_port, faults__delay_exactly_as_long_as_it_says)
{
	struct fixture f = fixture_faulty((struct hmi_fault_odds){ .delay_ns = 700 });
	uint64_t start = f.port->now;

	hmi_port_send(f.port, frame_make(&f, 1));
	f.port->now = start + 300;
	hmi_port_send(f.port, frame_make(&f, 2));
	f.port->now = start + 699;
	cr_assert_eq(hmi_port_flush(f.port), 0);
	f.port->now = start + 700;
	cr_assert_eq(hmi_port_flush(f.port), 1);
	cr_assert_eq(frame_take(&f), 1);
	f.port->now = start + 1000;
	cr_assert_eq(hmi_port_flush(f.port), 1);
	cr_assert_eq(frame_take(&f), 2);
	fixture_close(&f);
}

Test(net_port, faults__more_late_frames_than_can_be_held_go_out_at_once)
{
	struct fixture f = fixture_faulty((struct hmi_fault_odds){ .delay_ns = MS });

	for (uint32_t i = 0; i < HMI_FAULT_HELD; i++)
		hmi_port_send(f.port, frame_make(&f, 1));
	cr_assert_eq(f.port->fifo_count, 0);
	hmi_port_send(f.port, frame_make(&f, 2));
	cr_assert_eq(hmi_port_flush(f.port), 1);
	cr_assert_eq(frame_take(&f), 2);
	/* Those that are held when the port is closed go back to their pool. */
	fixture_close(&f);
}

/* ---- Set-up ------------------------------------------------------------------------------------ */

Test(net_port, close__of_a_port_that_was_never_open)
{
	struct hmi_port *port = calloc(1, sizeof(*port));

	hmi_port_close(port);
	free(port);
}

Test(net_port, close__everything_and_open_again)
{
	struct hmi_port_config config = config_plain();
	struct fixture f = fixture_open(&config);

	for (int round = 0; round < 3; round++) {
		hmi_port_send(f.port, frame_make(&f, 1));
		hmi_port_close(f.port);
		cr_assert_null(rte_mempool_lookup("hmrx0000000000000001"));
		cr_assert_null(rte_mempool_lookup("hmtx0000000000000001"));
		f.port->logtype = RTE_LOGTYPE_USER1;
		cr_assert_eq(hmi_port_open(f.port, &config), 0);
	}
	fixture_close(&f);
}

/* Over net_ring a peer gives the buffers of a port back when that is closed already. */
Test(net_port, close__pool_is_freed_after_its_last_buffer)
{
	struct hmi_port_config config = config_plain();
	struct fixture f = fixture_open(&config);

	for (uint32_t round = 1; round <= 3; round++) {
		hmi_port_send(f.port, frame_make(&f, 1));
		cr_assert_eq(hmi_port_flush(f.port), 1);
		hmi_port_close(f.port);
		cr_assert_eq(hmt_mempools("?mtx*"), round, "a frame is on the wire");
		config.tag++;
		cr_assert_eq(hmi_port_open(f.port, &config), 0);
		f.port->usable = true;
		cr_assert_eq(hmt_mempools("?mtx*"), round + 1);
	}
	cr_assert_eq(frame_take(&f), 1);
	hmi_port_close(f.port);
	cr_assert_eq(hmt_mempools("?mtx*"), 2, "one frame is back, and nothing is open");
	while (frame_take(&f) == 1)
		;
	cr_assert_eq(hmi_port_open(f.port, &config), 0);
	cr_assert_eq(hmt_mempools("?mtx*"), 3);
	fixture_close(&f);
	cr_assert_eq(hmt_mempools("?mtx*"), 0);
}

Test(net_port, open__without_any_port)
{
	struct hmi_port_config config = config_plain();
	struct hmi_port *port = calloc(1, sizeof(*port));

	cr_redirect_stderr();
	cr_assert_eq(hmi_port_open(port, &config), -ENODEV);
	config.name = "nobody";
	cr_assert_eq(hmi_port_open(port, &config), -ENODEV);
	cr_assert_eq(port->probed, false);
	hmi_port_close(port);
	free(port);
}

Test(net_port, open__has_an_address_and_the_usual_mtu)
{
	struct hmi_port_config config = config_plain();
	struct fixture f = fixture_open(&config);

	cr_assert(hmi_mac_is_station(&f.port->mac));
	cr_assert_eq(f.port->mtu, 1500);
	cr_assert_eq(f.port->rx_desc, 64);
	cr_assert_not(f.port->guarded);
	cr_assert_eq(f.port->tx_checksum, HMI_CHECKSUM_SOFTWARE);
	fixture_close(&f);
}
