/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Wrong settings: one line that names the thing, a status, and a process that lives.
 */
#include <errno.h>
#include <stdio.h>

#include "test_net_pair.h"

#include <criterion/redirect.h>
#include <rte_dev.h>

#include "remote_pvt.h"

/* Try to start a node; returns the status, and what was printed in `text`. */
static int
try_and_read(const char *words, char *text, size_t size)
{
	struct hm_system *sys = NULL;
	FILE *file;
	size_t got;
	int rc;

	rc = pair_try(&sys, words);
	fflush(stderr);
	file = cr_get_redirected_stderr();
	got = fread(text, 1, size - 1, file);
	text[got] = '\0';
	if (rc == 0)
		hm_system_destroy(sys);
	return rc;
}

struct wrong {
	const char *words;
	int rc;
	const char *say[3];
};

static const struct wrong wrongs[] = {
	{ "--port net_memif9 --ip 10.0.0.1/24", -ENODEV, { "net_memif9", "net_ring_a, net_ring_b" } },
	{ "--port net_ring_a", -EINVAL, { "--ip" } },
	{ "--peer b@10.0.0.2", -EINVAL, { "--ip" } },
	{ "--ip 10.0.0.1", -EINVAL, { "--ip 10.0.0.1", "A.B.C.D/LEN" } },
	{ "--ip 10.0.0.256/24", -EINVAL, { "A.B.C.D/LEN" } },
	{ "--ip 10.0.0.1/33", -EINVAL, { "A.B.C.D/LEN" } },
	{ "--ip 10.0.0.1/0", -EINVAL, { "A.B.C.D/LEN" } },
	{ "--ip 224.0.0.1/24", -EINVAL, { "--ip 224.0.0.1/24", "223.255.255.255" } },
	{ "--ip 127.0.0.1/8", -EINVAL, { "--ip 127.0.0.1/8", "but for 127" } },
	{ "--ip 10.0.0.0/24", -EINVAL, { "--ip 10.0.0.0/24", "first and the last" } },
	{ "--ip 10.0.0.255/24", -EINVAL, { "first and the last" } },
	{ "--ip 10.0.0.1/24 --peer b@10.0.0.255", -EINVAL, { "--peer b", "first and the last" } },
	{ "--ip 10.0.0.1/24 --peer b/c@10.0.0.2", -EINVAL, { "--peer b/c@", "letters" } },
	{ "--ip 10.0.0.1/24 --peer b@10.0.0.2:0", -EINVAL, { "NAME@A.B.C.D" } },
	{ "--ip 10.0.0.1/24x", -EINVAL, { "A.B.C.D/LEN" } },
	{ "--ip 10.0.0.1/24 --peer b", -EINVAL, { "--peer b", "NAME@A.B.C.D" } },
	{ "--ip 10.0.0.1/24 --peer @10.0.0.2", -EINVAL, { "NAME@A.B.C.D" } },
	{ "--ip 10.0.0.1/24 --peer b23456789012345678901234567890123456789012345678901234567890123456@10.0.0.2",
	  -EINVAL,
	  { "up to 64 letters" } },
	{ "--ip 10.0.0.1/24 --peer b@10.0.0.2:", -EINVAL, { "NAME@A.B.C.D" } },
	{ "--ip 10.0.0.1/24 --peer b@10.0.0.2:65536", -EINVAL, { "NAME@A.B.C.D" } },
	{ "--ip 10.0.0.1/24 --peer b@10.0.0.2 --peer b@10.0.0.3", -EINVAL, { "b@10.0.0.3", "before" } },
	{ "--ip 10.0.0.1/24 --peer b@10.0.0.2 --peer c@10.0.0.2", -EINVAL, { "c@10.0.0.2", "before" } },
	{ "--ip 10.0.0.1/24 --peer b@10.0.1.2", -EINVAL, { "--peer b", "10.0.0.1/24" } },
	{ "--ip 10.0.0.1/24 --peer b@10.0.0.1", -EINVAL, { "--peer b", "address" } },
	{ "--node b --ip 10.0.0.1/24 --peer b@10.0.0.2", -EINVAL, { "--peer b", "--node" } },
	{ "--ip 10.0.0.1/24 --net-lcore 5", -ENODEV, { "--net-lcore 5" } },
	{ "--ip 10.0.0.1/24 --peer-timeout-ms 1", -EINVAL, { "peer-timeout-ms" } },
	{ "--ip 10.0.0.1/24 --fault-drop 10001", -EINVAL, { "fault-drop" } },
};

static void
wire_and_redirect(void)
{
	static struct pair_wire wire;

	pair_eal_start();
	pair_wire_create(&wire);
	cr_redirect_stderr();
}

TestSuite(net_config, .init = wire_and_redirect, .timeout = 60);

/* Each is a case of its own, since stderr can be read once. */
#define WRONG(number)                           \
	Test(net_config, start__wrong_##number) \
	{                                       \
		wrong_check(&wrongs[number]);   \
	}

static void
wrong_check(const struct wrong *wrong)
{
	char text[4096];
	int rc = try_and_read(wrong->words, text, sizeof(text));

	cr_assert_eq(rc, wrong->rc, "%s: %d: %s", wrong->words, rc, text);
	for (int i = 0; i < 3 && wrong->say[i] != NULL; i++)
		cr_assert_not_null(strstr(text, wrong->say[i]), "%s: %s", wrong->words, text);
	/* One line. */
	cr_assert_eq(strchr(text, '\n') + 1, strchr(text, '\0'), "%s: %s", wrong->words, text);
}

WRONG(0)
WRONG(1)
WRONG(2)
WRONG(3)
WRONG(4)
WRONG(5)
WRONG(6)
WRONG(7)
WRONG(8)
WRONG(9)
WRONG(10)
WRONG(11)
WRONG(12)
WRONG(13)
WRONG(14)
WRONG(15)
WRONG(16)
WRONG(17)
WRONG(18)
WRONG(19)
WRONG(20)
WRONG(21)
WRONG(22)
WRONG(23)
WRONG(24)
WRONG(25)
WRONG(26)
WRONG(27)

_Static_assert(sizeof(wrongs) / sizeof(wrongs[0]) == 28, "a WRONG for each");

Test(net_config, start__nothing_asked_for_stays_idle)
{
	struct hm_system *sys = pair_node("--node a");
	struct hm_net_stats stats;

	cr_assert_eq(hm_net_stats(sys, &stats), 0);
	cr_assert_str_empty(stats.port);
	hm_system_turn(sys);
	hm_system_destroy(sys);
}

Test(net_config, stats__system_without_the_module)
{
	struct hm_config config = { .mode = HM_MODE_STEPPED };
	struct hm_net_peer_stats peer;
	struct hm_net_stats stats;
	struct hm_system *sys;

	cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), 0);
	cr_assert_eq(hm_net_stats(sys, &stats), -ENOENT);
	cr_assert_eq(hm_net_peer_stats(sys, 0, &peer), -ENOENT);
	cr_assert_eq(hm_net_peers(sys), 0);
	cr_assert_eq(hm_net_stats(sys, NULL), -EINVAL);
	cr_assert_eq(hm_net_peer_stats(sys, 0, NULL), -EINVAL);
	hm_system_destroy(sys);
	for (int i = 0; i < HM_NET_DROPS; i++)
		cr_assert_str_neq(hm_net_drop_name(i), "unknown");
	cr_assert_str_eq(hm_net_drop_name(HM_NET_DROPS), "unknown");
}

Test(net_config, stats__null_is_refused)
{
	struct hm_system *sys = pair_node("--node a");
	struct hm_net_peer_stats peer;
	struct hm_net_stats stats;

	cr_assert_eq(hm_net_stats(NULL, &stats), -EINVAL);
	cr_assert_eq(hm_net_stats(sys, NULL), -EINVAL);
	cr_assert_eq(hm_net_peer_stats(NULL, 0, &peer), -EINVAL);
	cr_assert_eq(hm_net_peer_stats(sys, 0, NULL), -EINVAL);
	cr_assert_eq(hm_net_peers(NULL), 0);
	hm_system_destroy(sys);
}

static void
nodes_free(struct hm_system **nodes)
{
	pair_stop(nodes, 0);
	pair_stop(nodes, 1);
}

Test(net_config, peers__same_name_has_no_session_and_lives)
{
	struct hm_system *nodes[2] = { NULL, NULL };

	nodes[0] = pair_node("--node same --port net_ring_a --ip 10.0.0.1/24 --peer b@10.0.0.2");
	nodes[1] = pair_node("--node same --port net_ring_b --ip 10.0.0.2/24");
	pair_turn_for(nodes, 0.5);
	cr_assert_eq(pair_state(nodes[0]), HM_NET_PEER_CALLING);
	cr_assert_eq(hm_net_peers(nodes[1]), 0);
	nodes_free(nodes);
}

Test(net_config, peers__other_name_than_expected_has_no_session)
{
	struct hm_system *nodes[2] = { NULL, NULL };

	nodes[0] = pair_node("--node a --port net_ring_a --ip 10.0.0.1/24 --peer b@10.0.0.2");
	nodes[1] = pair_node("--node c --port net_ring_b --ip 10.0.0.2/24");
	pair_turn_for(nodes, 0.5);
	cr_assert_eq(pair_state(nodes[0]), HM_NET_PEER_CALLING);
	cr_assert_eq(hm_net_peers(nodes[1]), 0);
	nodes_free(nodes);
}

Test(net_config, peers__same_address_is_found_by_arp)
{
	struct hm_system *nodes[2] = { NULL, NULL };

	nodes[0] = pair_node("--node a --port net_ring_a --ip 10.0.0.1/24");
	pair_until(nodes, !pair_net(nodes[0]).address_taken && pair_net(nodes[0]).tx_frames >= 4);
	nodes[1] = pair_node("--node b --port net_ring_b --ip 10.0.0.1/24 --peer a@10.0.0.3");
	pair_until(nodes, pair_net(nodes[1]).address_taken);
	cr_assert_not(pair_net(nodes[0]).address_taken);
	nodes_free(nodes);
}

Test(net_config, peers__both_call_one_session)
{
	struct hm_system *nodes[2] = { NULL, NULL };

	nodes[0] = pair_node("--node a --port net_ring_a --ip 10.0.0.1/24 --peer b@10.0.0.2");
	nodes[1] = pair_node("--node b --port net_ring_b --ip 10.0.0.2/24 --peer a@10.0.0.1");
	pair_connect(nodes);
	pair_turn_for(nodes, 0.3);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(pair_peer(nodes[i]).sessions, 1);
		cr_assert_eq(pair_peer(nodes[i]).lost, 0);
		cr_assert_eq(hm_net_peers(nodes[i]), 1);
	}
	nodes_free(nodes);
}

Test(net_config, peers__other_udp_ports)
{
	struct hm_system *nodes[2] = { NULL, NULL };

	nodes[0] = pair_node(
		"--node a --port net_ring_a --ip 10.0.0.1/24 --udp-port 1111 --peer b@10.0.0.2:2222");
	nodes[1] = pair_node("--node b --port net_ring_b --ip 10.0.0.2/24 --udp-port 2222");
	pair_connect(nodes);
	cr_assert_eq(pair_peer(nodes[0]).udp_port, 2222);
	cr_assert_eq(pair_peer(nodes[1]).udp_port, 1111);
	nodes_free(nodes);
}

/* ---- memif ----------------------------------------------------------------------- */

static const struct hmi_port *
port_of(const struct hm_system *sys)
{
	return &((const struct hmi_remote *)hm_module_self(sys, &hm_net_module))->net.port;
}

static bool
memif_create(const char *name, const char *arguments)
{
	return rte_eal_hotplug_add("vdev", name, arguments) == 0;
}

Test(net_config, memif__one_node_holds_the_interrupt_thread)
{
	struct hm_system *nodes[3];

	/* Its driver's interrupt thread unmaps rings under a burst unless somebody holds it. */
	if (!memif_create("net_memif7", "role=server,id=7,socket=hm-test-config") ||
	    !memif_create("net_memif8", "role=server,id=8,socket=hm-test-config"))
		cr_skip_test("no memif here");
	nodes[0] = pair_node("--node a --port net_memif7 --ip 10.0.0.1/24");
	nodes[1] = pair_node("--node b --port net_memif8 --ip 10.0.0.2/24");
	cr_assert(port_of(nodes[0])->guarded);
	cr_assert(port_of(nodes[0])->guard_shared);
	cr_assert_not(port_of(nodes[1])->guarded);
	hm_system_destroy(nodes[0]);
	hm_system_destroy(nodes[1]);
	nodes[2] = pair_node("--node b --port net_memif8 --ip 10.0.0.2/24");
	cr_assert(port_of(nodes[2])->guarded);
	hm_system_destroy(nodes[2]);
}

Test(net_config, memif__udp_checksum_only_where_it_is_wanted)
{
	static const struct {
		const char *words;
		bool expected;
	} cases[] = {
		{ "--node a --port net_memif7 --ip 10.0.0.1/24", false },
		{ "--node a --port net_memif7 --ip 10.0.0.1/24 --udp-checksum", true },
		/* What is corrupted on purpose has to be noticed. */
		{ "--node a --port net_memif7 --ip 10.0.0.1/24 --fault-corrupt 1", true },
		{ "--node a --port net_ring_a --ip 10.0.0.1/24", true },
	};

	if (!memif_create("net_memif7", "role=server,id=7,socket=hm-test-config"))
		cr_skip_test("no memif here");
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct hm_system *sys = pair_node(cases[i].words);

		cr_assert_eq(pair_net(sys).tx_udp_checksum, cases[i].expected, "%s", cases[i].words);
		hm_system_destroy(sys);
	}
}

struct crc_case {
	const char *words;
	bool expected;
};

static void
crc_check(const struct crc_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct hm_system *sys = pair_node(cases[i].words);

		cr_assert_eq(pair_net(sys).rx_crc, cases[i].expected, "%s", cases[i].words);
		hm_system_destroy(sys);
	}
}

Test(net_config, packet_crc__not_in_memory_unless_it_is_wanted)
{
	static const struct crc_case cases[] = {
		{ "--node a --port net_ring_a --ip 10.0.0.1/24", false },
		{ "--node a --port net_ring_a --ip 10.0.0.1/24 --packet-crc auto", false },
		{ "--node a --port net_ring_a --ip 10.0.0.1/24 --packet-crc on", true },
		{ "--node a --port net_ring_a --ip 10.0.0.1/24 --fault-corrupt 1", true },
		{ "--node a --port net_ring_a --ip 10.0.0.1/24 --fault-corrupt 1 --packet-crc off", false },
	};

	crc_check(cases, RTE_DIM(cases));
}

Test(net_config, packet_crc__over_wires_unless_it_is_not_wanted)
{
	static const struct crc_case cases[] = {
		{ "--node a --port net_null7 --ip 10.0.0.1/24", true },
		{ "--node a --port net_null7 --ip 10.0.0.1/24 --packet-crc off", false },
		{ "--node a --port net_memif7 --ip 10.0.0.1/24", false },
		{ "--node a --port net_memif7 --ip 10.0.0.1/24 --packet-crc on", true },
	};

	if (rte_eal_hotplug_add("vdev", "net_null7", "") != 0 ||
	    !memif_create("net_memif7", "role=server,id=7,socket=hm-test-config"))
		cr_skip_test("no net_null or memif here");
	crc_check(cases, RTE_DIM(cases));
}
