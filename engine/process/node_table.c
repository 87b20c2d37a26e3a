/* SPDX-License-Identifier: Apache-2.0 */
#include "node_table_pvt.h"

#include <errno.h>
#include <stdlib.h>

int
hmi_nodes_create(struct hmi_node_table *nodes)
{
	nodes->ids = calloc(HMI_NODES_MAX, sizeof(*nodes->ids));
	nodes->acks_pending = calloc(HMI_NODES_MAX, sizeof(*nodes->acks_pending));
	return nodes->ids != NULL && nodes->acks_pending != NULL ? 0 : -ENOMEM;
}

void
hmi_nodes_destroy(struct hmi_node_table *nodes)
{
	free(nodes->ids);
	free(nodes->acks_pending);
}

/* An index that no message carries any more, or that none ever did; 0: there is none. */
static uint32_t
index_free(const struct hmi_node_table *nodes, uint32_t count)
{
	for (uint32_t i = 1; i <= count; i++) {
		if (hmi_nodes_id(nodes, (uint16_t)i) == 0 && nodes->acks_pending[i] == 0)
			return i;
	}
	return count < HMI_NODES_LAST ? count + 1 : 0;
}

uint16_t
hmi_nodes_add(struct hmi_node_table *nodes, uint64_t id)
{
	uint32_t count = atomic_load_explicit(&nodes->count, memory_order_relaxed);
	uint32_t i = index_free(nodes, count);

	if (i == 0)
		return 0;
	atomic_store_explicit(&nodes->ids[i], id, memory_order_relaxed);
	if (i > count)
		atomic_store_explicit(&nodes->count, i, memory_order_release); /* N1 */
	return (uint16_t)i;
}

uint16_t
hmi_nodes_find(const struct hmi_node_table *nodes, uint64_t id)
{
	uint32_t count = atomic_load_explicit(&nodes->count, memory_order_acquire); /* N1 */

	/* The newest incarnations are the likely ones. */
	for (uint32_t i = count; id != 0 && i > 0; i--) {
		if (hmi_nodes_id(nodes, (uint16_t)i) == id)
			return (uint16_t)i;
	}
	return 0;
}
