/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NUMA_SITUATION_H
#define NUMA_SITUATION_H

/*
 * How the machine and EAL are set up for tests, and where memory is to lie then. The main lcore is 0, on the first
 * node, unless an option says so.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_system.h"
#include "numa_machine.h"

/* Which of the two nodes have hugepages. */
enum layout {
	LAYOUT_NONE,
	LAYOUT_FIRST,
	LAYOUT_SECOND,
	LAYOUT_BOTH
};

/* Where memory lies that is meant for an lcore's node. */
enum home {
	HOME_OWN,
	HOME_FIRST, /* the first node has all there is */
	HOME_SECOND
};

struct situation {
	const char *name;
	enum layout layout;
	enum home eal_home;   /* of EAL's memory */
	enum home plain_home; /* of all other */
	enum home port_home;  /* of frame buffers, where the own node is the main lcore's */
	const char *eal;      /* EAL options */
	const char *behind;   /* options behind the -- */
	enum hm_mode mode;
	uint32_t lcores;
	uint32_t before;  /* lcores of another system that runs already */
	bool has_small;   /* all of EAL's memory is of small pages */
	bool bound;       /* to the second node */
	int refused;      /* the errno with which no system comes to be; 0: it does */
	bool huge_is_far; /* plain memory's hugepages come from the other node, if its own has none */
};

#define ALL  .lcores = MACHINE_LCORES
#define PORT .behind = "--ip 10.9.0.1/24 --node a"

static const struct situation situations[] = {
	{ "hugepages_on_both_nodes", LAYOUT_BOTH, HOME_OWN, .eal = "", ALL },
	{ "main_lcore_on_second_node", LAYOUT_BOTH, HOME_OWN, .eal = "--main-lcore=2", ALL },
	{ "in_background", LAYOUT_BOTH, HOME_OWN, .eal = "", .mode = HM_MODE_BACKGROUND, .lcores = 3 },
	{ "in_background_beside_another", LAYOUT_BOTH, HOME_OWN, .eal = "--main-lcore=3",
	  .mode = HM_MODE_BACKGROUND, .lcores = 1, .before = 2 },
	{ "no_huge_beside_hugepages", LAYOUT_BOTH, HOME_OWN, .eal = "--no-huge -m 64", ALL,
	  .has_small = true },
	{ "memory_of_one_node_asked_for", LAYOUT_BOTH, HOME_OWN, .eal = "--socket-mem=64,0", ALL },
	{ "memory_of_one_node_limited", LAYOUT_BOTH, HOME_FIRST,
	  .eal = "--socket-mem=64,0 --socket-limit=0,1", ALL },
	{ "port_on_second_node", LAYOUT_BOTH, HOME_OWN, .eal = "--main-lcore=2 --vdev=net_ring0", PORT, ALL },
	{ "port_on_node_of_limited_memory", LAYOUT_BOTH, HOME_OWN, HOME_OWN, HOME_FIRST,
	  .eal = "--main-lcore=2 --vdev=net_ring0 --socket-mem=64,2 --socket-limit=0,4", PORT, ALL },
	{ "legacy_memory_of_one_node", LAYOUT_BOTH, HOME_FIRST,
	  .eal = "--legacy-mem --file-prefix=hermod-numa --socket-mem=64,0", ALL },
	{ "hugepages_on_first_node", LAYOUT_FIRST, HOME_FIRST, .eal = "", ALL, .huge_is_far = true },
	{ "hugepages_on_first_node_main_on_second", LAYOUT_FIRST, HOME_FIRST, .eal = "--main-lcore=2", ALL,
	  .huge_is_far = true },
	{ "bound_to_node_without_hugepages", LAYOUT_FIRST, HOME_FIRST, HOME_SECOND, .eal = "", ALL,
	  .bound = true },
	{ "memory_of_node_without_hugepages", LAYOUT_FIRST, HOME_OWN, .eal = "--socket-mem=0,64", ALL,
	  .refused = ENOMEM },
	{ "port_on_node_without_hugepages", LAYOUT_FIRST, HOME_OWN, .eal = "--main-lcore=2 --vdev=net_ring0",
	  PORT, ALL, .refused = ENODEV },
	{ "hugepages_on_second_node", LAYOUT_SECOND, HOME_SECOND, .eal = "", ALL, .huge_is_far = true },
	{ "no_hugepages", LAYOUT_NONE, HOME_OWN, .eal = "", ALL, .has_small = true },
	{ "no_hugepages_bound_to_second_node", LAYOUT_NONE, HOME_SECOND, HOME_SECOND, .eal = "", ALL,
	  .bound = true, .has_small = true },
	{ "no_hugepages_main_on_second", LAYOUT_NONE, HOME_OWN, .eal = "--main-lcore=2", ALL,
	  .has_small = true },
};

#endif /* NUMA_SITUATION_H */
