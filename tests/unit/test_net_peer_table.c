/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The table of peers: full and one more, who is found by what, ids of sessions, and the credit of each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "table_pvt.h"

/* A node without a port; the table needs none. */
static struct hmi_net *
net_create(uint32_t rx_desc)
{
	struct hmi_net *net = calloc(1, sizeof(*net));

	cr_assert_not_null(net);
	net->port.rx_desc = rx_desc;
	net->peer_timeout_ns = 12345;
	net->random = 1;
	return net;
}

static void
net_free(struct hmi_net *net)
{
	for (uint32_t i = 0; i < net->peers_count; i++)
		free(net->peers[i]);
	free(net);
}

/* Add a peer that is called by its number, and has an address by it. */
static struct hmi_peer *
add(struct hmi_net *net, uint32_t number)
{
	struct hmi_peer *peer;
	char name[16];

	snprintf(name, sizeof(name), "p%u", number);
	peer = hmi_peer_add(net, name);
	if (peer != NULL) {
		peer->address.ip = rte_cpu_to_be_32(0x0a000100 + number);
		peer->address.udp_port = rte_cpu_to_be_16(17355);
	}
	return peer;
}

/* A full table. */
static struct hmi_net *
net_full(uint32_t rx_desc)
{
	struct hmi_net *net = net_create(rx_desc);

	for (uint32_t i = 0; i < HM_NET_PEERS_MAX; i++)
		cr_assert_not_null(add(net, i));
	return net;
}

/* ---- Peers ----------------------------------------------------------------------------------- */

Test(peer_table, add__as_many_as_there_may_be_and_one_more)
{
	struct hmi_net *net = net_create(1024);

	for (uint32_t i = 0; i < HM_NET_PEERS_MAX; i++) {
		struct hmi_peer *peer = add(net, i);

		cr_assert_not_null(peer, "peer %u", i);
		cr_assert_eq(peer->number, i);
		cr_assert_eq(net->peers[i], peer);
		cr_assert_eq(net->peers_count, i + 1);
		cr_assert_eq(peer->session.state, HMI_SESSION_IDLE);
		cr_assert_eq(peer->session.peer_timeout_ns, 12345);
		cr_assert_eq(peer->session.owner, net);
		cr_assert_not_null(peer->session.ops);
		cr_assert_not(peer->configured);
	}
	cr_assert_null(add(net, HM_NET_PEERS_MAX));
	cr_assert_eq(net->peers_count, HM_NET_PEERS_MAX);
	net_free(net);
}

Test(peer_table, add__longest_name_is_kept_whole)
{
	struct hmi_net *net = net_create(1024);
	char name[HMI_NODE_NAME_MAX + 1];
	struct hmi_peer *peer;

	memset(name, 'n', sizeof(name));
	name[HMI_NODE_NAME_MAX] = '\0';
	peer = hmi_peer_add(net, name);
	cr_assert_str_eq(peer->name, name);
	cr_assert_eq(hmi_peer_by_name(net, name), peer);
	/* One letter less is another name. */
	name[HMI_NODE_NAME_MAX - 1] = '\0';
	cr_assert_null(hmi_peer_by_name(net, name));
	net_free(net);
}

Test(peer_table, find__each_by_name_and_by_address)
{
	struct hmi_net *net = net_full(1024);
	char name[16];

	for (uint32_t i = 0; i < HM_NET_PEERS_MAX; i++) {
		struct hmi_peer *peer = net->peers[i];

		snprintf(name, sizeof(name), "p%u", i);
		cr_assert_eq(hmi_peer_by_name(net, name), peer);
		cr_assert_eq(hmi_peer_by_address(net, peer->address.ip, peer->address.udp_port), peer);
		/* The port is a part of the address. */
		cr_assert_null(hmi_peer_by_address(net, peer->address.ip, RTE_BE16(17356)));
	}
	cr_assert_null(hmi_peer_by_name(net, "p64"));
	cr_assert_null(hmi_peer_by_name(net, ""));
	cr_assert_null(hmi_peer_by_address(net, RTE_BE32(0x0a000140), RTE_BE16(17355)));
	net_free(net);
}

Test(peer_table, find__two_at_one_address_by_their_ports)
{
	struct hmi_net *net = net_create(1024);
	struct hmi_peer *a = add(net, 1), *b = add(net, 2);

	b->address.ip = a->address.ip;
	b->address.udp_port = RTE_BE16(1);
	cr_assert_eq(hmi_peer_by_address(net, a->address.ip, RTE_BE16(17355)), a);
	cr_assert_eq(hmi_peer_by_address(net, a->address.ip, RTE_BE16(1)), b);
	net_free(net);
}

Test(peer_table, find__in_an_empty_table)
{
	struct hmi_net *net = net_create(1024);

	cr_assert_null(hmi_peer_by_name(net, "p0"));
	cr_assert_null(hmi_peer_by_address(net, RTE_BE32(0x0a000100), RTE_BE16(17355)));
	for (uint32_t session = 0; session < 200; session++)
		cr_assert_null(hmi_peer_by_session(net, session));
	cr_assert_null(hmi_peer_reuse(net));
	net_free(net);
}

/* ---- Ids of sessions -------------------------------------------------------------------------- */

Test(peer_table, session_id__names_its_peer_and_is_never_the_one_before)
{
	struct hmi_net *net = net_full(1024);

	for (uint32_t i = 0; i < HM_NET_PEERS_MAX; i++) {
		struct hmi_peer *peer = net->peers[i];

		for (int round = 0; round < 200; round++) {
			uint32_t before = peer->session.local_id, id = hmi_peer_session_id(net, peer);

			cr_assert_neq(id, before);
			cr_assert_eq(id % HM_NET_PEERS_MAX, i);
			/* 0 is none, and peer 0 must not have it either. */
			cr_assert_neq(id >> HMI_PEER_BITS, 0);
			peer->session.local_id = id;
			cr_assert_eq(hmi_peer_by_session(net, id), peer);
			cr_assert(before == 0 || hmi_peer_by_session(net, before) == NULL);
		}
	}
	net_free(net);
}

Test(peer_table, by_session__one_bit_off_is_nobodys)
{
	struct hmi_net *net = net_full(1024);

	for (uint32_t i = 0; i < HM_NET_PEERS_MAX; i++)
		net->peers[i]->session.local_id = hmi_peer_session_id(net, net->peers[i]);
	for (uint32_t bit = 0; bit < 32; bit++)
		cr_assert_null(hmi_peer_by_session(net, net->peers[21]->session.local_id ^ 1u << bit),
			       "bit %u", bit);
	net_free(net);
}

Test(peer_table, by_session__zero_is_none_though_idle_peers_have_it)
{
	struct hmi_net *net = net_full(1024);

	for (uint32_t session = 0; session < HM_NET_PEERS_MAX; session++)
		cr_assert_null(hmi_peer_by_session(net, session));
	net_free(net);
}

/* ---- Places of those that are gone -------------------------------------------------------------- */

Test(peer_table, reuse__those_that_are_named_or_in_use_are_not)
{
	static const enum hmi_session_state states[] = { HMI_SESSION_CALLING, HMI_SESSION_ANSWERED,
							 HMI_SESSION_OPEN };
	struct hmi_net *net = net_full(1024);

	for (uint32_t i = 0; i < HM_NET_PEERS_MAX; i++) {
		if (i % 4 == 0)
			net->peers[i]->configured = true;
		else
			net->peers[i]->session.state = states[i % 4 - 1];
	}
	cr_assert_null(hmi_peer_reuse(net));
	net->peers[40]->session.state = HMI_SESSION_IDLE;
	cr_assert_null(hmi_peer_reuse(net), "a named one is kept though it is idle");
	net->peers[62]->session.state = HMI_SESSION_IDLE;
	net->peers[62]->ending = true;
	cr_assert_null(hmi_peer_reuse(net), "one is kept until its session has ended");
	net->peers[63]->session.state = HMI_SESSION_IDLE;
	cr_assert_eq(hmi_peer_reuse(net), net->peers[63]);
	net_free(net);
}

Test(peer_table, reuse__counters_begin_anew_and_the_number_stays)
{
	struct hmi_net *net = net_full(1024);
	struct hmi_peer *peer = net->peers[0];

	peer->sessions = peer->lost = peer->messages_sent = peer->messages_received = 7;
	peer->session.packets_sent = peer->session.packets_received = 8;
	peer->session.packets_retransmitted = 9;
	cr_assert_eq(hmi_peer_reuse(net), peer);
	cr_assert_eq(peer->sessions | peer->lost | peer->messages_sent | peer->messages_received, 0);
	cr_assert_eq(peer->session.packets_sent | peer->session.packets_received, 0);
	cr_assert_eq(peer->session.packets_retransmitted, 0);
	cr_assert_eq(peer->number, 0);
	cr_assert_eq(net->peers_count, HM_NET_PEERS_MAX);
	net_free(net);
}

/* ---- Credit ------------------------------------------------------------------------------------- */

/* So many packets may be in flight, and four times as much waits for a gap to be filled, up to what a lane keeps. */
static void
dealt_is(const struct hmi_session *s, uint32_t window)
{
	cr_assert_eq(s->rx_window, window, "%u instead of %u", s->rx_window, window);
	for (uint32_t lane = HMI_LANE_USER; lane < HMI_LANES; lane++)
		cr_assert_eq(s->lanes[lane].credit, RTE_MIN(4 * window, HMI_RX_RING), "%u in flight, lane %u",
			     window, lane);
	cr_assert_eq(s->lanes[HMI_LANE_CONTROL].credit, window > 0 ? HMI_CONTROL_RING : 0);
}

Test(peer_table, credit_deal__share_of_three_quarters_of_the_descriptors)
{
	static const uint32_t descriptors[] = { 64, 65, 512, 1024, 4096, 16384 };

	for (size_t i = 0; i < RTE_DIM(descriptors); i++) {
		struct hmi_net *net = net_full(descriptors[i]);

		for (uint32_t open = 1; open <= HM_NET_PEERS_MAX; open++) {
			uint32_t share = descriptors[i] * 3 / 4 / open,
				 want = RTE_MAX(RTE_MIN(share, 255u), 8u);

			net->peers[open - 1]->session.state = HMI_SESSION_OPEN;
			net->sessions_open = open;
			hmi_peer_credit_deal(net);
			for (uint32_t p = 0; p < HM_NET_PEERS_MAX; p++)
				dealt_is(&net->peers[p]->session, p < open ? want : 0);
		}
		net_free(net);
	}
}

Test(peer_table, credit_deal__all_that_may_come_at_once_fits_the_descriptors)
{
	for (uint32_t open = 1; open <= HM_NET_PEERS_MAX; open++) {
		struct hmi_net *net = net_full(1024);
		uint32_t sum = 0, kept = 0;

		for (uint32_t p = 0; p < open; p++)
			net->peers[p]->session.state = HMI_SESSION_OPEN;
		net->sessions_open = open;
		hmi_peer_credit_deal(net);
		for (uint32_t p = 0; p < open; p++) {
			sum += net->peers[p]->session.rx_window;
			kept += net->peers[p]->session.lanes[HMI_LANE_USER].credit;
		}
		cr_assert_leq(sum, 1024 * 3 / 4, "%u sessions", open);
		/* The pool has four buffers for each descriptor, of which one is in the queue. */
		cr_assert_leq(kept, 1024 * 3, "%u sessions", open);
		net_free(net);
	}
}

Test(peer_table, credit_first__half_a_window_at_most_whoever_is_there)
{
	struct hmi_net *net = net_create(1024);

	for (uint32_t i = 0; i < HM_NET_PEERS_MAX; i++) {
		struct hmi_peer *peer = add(net, i);
		uint32_t share = 768 / (i + 1);

		hmi_peer_credit_first(net, peer);
		dealt_is(&peer->session, RTE_MAX(RTE_MIN(share, 127u), 8u));
	}
	net_free(net);
}

/* ---- Lines in the log ------------------------------------------------------------------------------ */

Test(peer_log, allows__three_lines_in_a_second)
{
	struct hmi_log_limit limit = { 0 };
	uint64_t now = 5 * HMI_LOG_SECOND_NS;

	for (int second = 0; second < 3; second++) {
		for (int line = 0; line < 3; line++)
			cr_assert(hmi_log_allows(&limit, now), "second %d, line %d", second, line);
		cr_assert_not(hmi_log_allows(&limit, now));
		cr_assert_not(hmi_log_allows(&limit, now + HMI_LOG_SECOND_NS - 1));
		now += HMI_LOG_SECOND_NS;
	}
}
