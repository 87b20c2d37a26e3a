/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NET_PAIR_H
#define TEST_NET_PAIR_H

/*
 * Two nodes in one process, turned by the test: their ports are two DPDK rings, crosswise.
 *
 *     node a ──▶ ring ab ──▶ node b
 *            ◀── ring ba ◀──
 *
 * A test may take frames out of the rings, spoil them, or put its own in. Nodes' clocks are real,
 * so a test turns until something has happened, and gives up after some seconds.
 */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <criterion/criterion.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "hermod.h"
#include "hmt_eal.h"
#include "hmt_net.pb-c.h"

#define PAIR_ARGS_MAX  32
#define PAIR_SECONDS   20
#define PAIR_NODES_MAX 8

enum pair_type {
	PAIR_NUMBERS = HM_TYPE_USER,
	PAIR_TEXT,
	PAIR_TREE,
	PAIR_LOCAL,  /* a plain C struct */
	PAIR_ONLY_A, /* known to node a alone */
};

struct pair_wire {
	struct rte_ring *ab, *ba;
	char name[2][32];
};

static const struct hm_module *const pair_modules[] = { &hm_net_module, NULL };

static inline void
pair_eal_start(void)
{
	hmt_eal_start_with(1, 384);
}

/* Two ports, joined crosswise. */
static inline void
pair_wire_create(struct pair_wire *wire)
{
	wire->ab = rte_ring_create("pair_ab", 2048, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	wire->ba = rte_ring_create("pair_ba", 2048, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	cr_assert(wire->ab != NULL && wire->ba != NULL);
	cr_assert_geq(rte_eth_from_rings("a", &wire->ba, 1, &wire->ab, 1, 0), 0);
	cr_assert_geq(rte_eth_from_rings("b", &wire->ab, 1, &wire->ba, 1, 0), 0);
	snprintf(wire->name[0], sizeof(wire->name[0]), "net_ring_a");
	snprintf(wire->name[1], sizeof(wire->name[1]), "net_ring_b");
}

/* Create a node: `words` is its command line. Returns what hm_system_create does. */
static inline int
pair_try(struct hm_system **sys, const char *words)
{
	/* Systems keep pointers into these; a case of Criterion is a process of its own. */
	static char texts[PAIR_NODES_MAX][512], program[] = "test", dashes[] = "--";
	static unsigned int used;
	char *argv[PAIR_ARGS_MAX] = { program, dashes }, *text = texts[used++], *rest = NULL;
	struct hm_config config = { .modules = pair_modules, .mode = HM_MODE_STEPPED, .memory = 512u << 10 };
	int argc = 2;

	cr_assert_leq(used, PAIR_NODES_MAX);
	snprintf(text, sizeof(texts[0]), "%s", words);
	for (char *word = strtok_r(text, " ", &rest); word != NULL && argc < PAIR_ARGS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	return hm_system_create(sys, argc, argv, &config);
}

static inline struct hm_system *
pair_node(const char *words)
{
	static const struct hm_type types[] = {
		{ .id = PAIR_NUMBERS, .descriptor = &hermod__test__numbers__descriptor },
		{ .id = PAIR_TEXT, .descriptor = &hermod__test__text__descriptor },
		{ .id = PAIR_TREE, .descriptor = &hermod__test__tree__descriptor },
		{ .id = PAIR_LOCAL, .name = "local", .size = 8 },
	};
	struct hm_system *sys = NULL;

	cr_assert_eq(pair_try(&sys, words), 0, "node does not start: %s", words);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		cr_assert_eq(hm_type_register(sys, &types[i]), 0);
	return sys;
}

/* The two nodes, a calling b, with more options for both. */
static inline void
pair_nodes(struct hm_system **nodes, const char *more)
{
	char words[512];

	snprintf(words, sizeof(words), "--node a --port net_ring_a --ip 10.0.0.1/24 --peer b@10.0.0.2 %s",
		 more);
	nodes[0] = pair_node(words);
	snprintf(words, sizeof(words), "--node b --port net_ring_b --ip 10.0.0.2/24 %s", more);
	nodes[1] = pair_node(words);
}

static inline double
pair_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline void
pair_turn(struct hm_system **nodes)
{
	for (int i = 0; i < 2; i++) {
		if (nodes[i] != NULL)
			hm_system_turn(nodes[i]);
	}
}

/* Turn both until `condition` holds; fails the test if that takes too long. */
#define pair_until(nodes, condition)                                                               \
	do {                                                                                       \
		double pair_end = pair_seconds() + PAIR_SECONDS;                                   \
		while (!(condition)) {                                                             \
			cr_assert_lt(pair_seconds(), pair_end, "never came true: %s", #condition); \
			pair_turn(nodes);                                                          \
		}                                                                                  \
	} while (0)

static inline void
pair_turn_for(struct hm_system **nodes, double seconds)
{
	for (double end = pair_seconds() + seconds; pair_seconds() < end;)
		pair_turn(nodes);
}

static inline enum hm_net_peer_state
pair_state(const struct hm_system *sys)
{
	struct hm_net_peer_stats stats;

	return hm_net_peer_stats(sys, 0, &stats) == 0 ? stats.state : HM_NET_PEER_IDLE;
}

static inline struct hm_net_stats
pair_net(const struct hm_system *sys)
{
	struct hm_net_stats stats;

	cr_assert_eq(hm_net_stats(sys, &stats), 0);
	return stats;
}

static inline struct hm_net_peer_stats
pair_peer(const struct hm_system *sys)
{
	struct hm_net_peer_stats stats;

	cr_assert_eq(hm_net_peer_stats(sys, 0, &stats), 0);
	return stats;
}

static inline uint64_t
pair_dead(const struct hm_system *sys, enum hm_dead_reason reason)
{
	struct hm_stats stats;

	hm_system_stats(sys, &stats);
	return stats.dead[reason];
}

static inline void
pair_connect(struct hm_system **nodes)
{
	pair_until(nodes,
		   pair_state(nodes[0]) == HM_NET_PEER_OPEN && pair_state(nodes[1]) == HM_NET_PEER_OPEN);
}

/* Stop a node in order, with the other one turning, and free it. */
static inline void
pair_stop(struct hm_system **nodes, int which)
{
	hm_system_stop(nodes[which]);
	pair_turn_for(nodes, 0.01);
	hm_system_destroy(nodes[which]);
	nodes[which] = NULL;
}

/* Free what is left in the rings; returns how many frames. */
static inline unsigned int
pair_wire_empty(struct pair_wire *wire)
{
	struct rte_mbuf *frame;
	unsigned int count = 0;

	while (rte_ring_dequeue(wire->ab, (void **)&frame) == 0 ||
	       rte_ring_dequeue(wire->ba, (void **)&frame) == 0) {
		rte_pktmbuf_free(frame);
		count++;
	}
	return count;
}

#endif /* TEST_NET_PAIR_H */
