/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NODE_TABLE_PVT_H
#define NODE_TABLE_PVT_H

/*
 * Ids of other nodes, by the index that messages on their way to the provider's lcore carry.
 *
 * Written by the provider's lcore, read by all.
 * Ordering: N1: learning a node releases the count behind its id; finding it acquires the count.
 *
 * The index of a node that is down is given to another one only after every lcore has acknowledged
 * that: lanes keep order, and an acknowledgement comes behind all that its lcore sent before.
 */

#include <stdatomic.h>
#include <stdint.h>

#define HMI_NODES_MAX 65536u
/* The last index that is given: those behind it mark messages that are on no way to any node (HMI_TO_NODE_KEPT). */
#define HMI_NODES_LAST 65533u

struct hmi_node_table {
	_Atomic(uint64_t) *ids; /* by index; place 0 is unused; 0: free, or down */
	_Atomic uint32_t count;
	uint8_t *acks_pending; /* by index: lcores that may still send to it; of the provider's lcore */
};

/* Returns 0 or -ENOMEM. */
int hmi_nodes_create(struct hmi_node_table *nodes);

void hmi_nodes_destroy(struct hmi_node_table *nodes);

/* Index of a new id. Returns 0 if there is no free one. On the provider's lcore. */
uint16_t hmi_nodes_add(struct hmi_node_table *nodes, uint64_t id);

/* Index of an id; 0: unknown. */
uint16_t hmi_nodes_find(const struct hmi_node_table *nodes, uint64_t id);

/* Id of an index; 0: free, or down. */
static inline uint64_t
hmi_nodes_id(const struct hmi_node_table *nodes, uint16_t index)
{
	return atomic_load_explicit(&nodes->ids[index], memory_order_relaxed);
}

#endif /* NODE_TABLE_PVT_H */
