/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routing tables: constant, once they are published.
 *
 * Ordering: R2: the home's store of a table releases it, and the router itself; who loads it acquires them. A table that another one
 * has replaced is freed after a grace period of RCU.
 */
#include "router_pvt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tsan_pvt.h"

/* With its ring, and its ids, in one piece of memory. */
struct hmi_router_table *
hmi_router_table_new(const struct hmi_router *router, uint32_t count)
{
	size_t routees = count * sizeof(struct hm_pid), ids = count * sizeof(uint64_t), ring = 0;
	struct hmi_router_table *table;

	if (router->config.kind == HM_ROUTER_HASH)
		ring = hmi_ring_bytes(count, router->config.virtual_nodes);
	table = calloc(1, sizeof(*table) + routees + ids + ring);
	if (table == NULL)
		return NULL;
	table->ids = (uint64_t *)(void *)((char *)table->routees + routees);
	return table;
}

static void
table_fill(struct hmi_router_table *table, struct hmi_router *router, const struct hmi_router_table *old)
{
	table->router = router;
	table->local = router->local;
	for (uint32_t i = 0; i < table->count; i++) {
		table->routees[i] = router->members[i].pid;
		table->ids[i] = router->members[i].id;
	}
	if (router->config.kind == HM_ROUTER_HASH && table->count > 0)
		hmi_ring_make(&table->ring, table->ids + table->count, table->ids, table->count,
			      router->config.virtual_nodes, old);
}

static void
table_free(struct rcu_head *head)
{
	struct hmi_router_table *table = caa_container_of(head, struct hmi_router_table, rcu);

	HMI_TSAN_ACQUIRE(table);
	free(table);
}

static void
router_free(struct rcu_head *head)
{
	struct hmi_router *router = caa_container_of(head, struct hmi_router, rcu);

	HMI_TSAN_ACQUIRE(router);
	hmi_router_free(router);
}

/* The home's own, which nobody else changes. */
static struct hmi_router_table *
current(const struct hmi_router *router)
{
	return atomic_load_explicit(router->place, memory_order_relaxed);
}

static void
replace(const struct hmi_router *router, struct hmi_router_table *table)
{
	struct hmi_router_table *old = current(router);

	atomic_store_explicit(router->place, table, memory_order_release); /* R2 */
	if (old == NULL)
		return;
	HMI_TSAN_RELEASE(old);
	call_rcu(&old->rcu, table_free);
}

void
hmi_router_table_use(struct hmi_router *router, struct hmi_router_table *table, uint32_t count)
{
	table->count = count;
	table_fill(table, router, current(router));
	replace(router, table);
}

int
hmi_router_publish(struct hmi_router *router, bool is_closed)
{
	uint32_t count = is_closed ? 0 : router->count;
	struct hmi_router_table *table = hmi_router_table_new(router, count);

	router->is_stale = table == NULL;
	if (table == NULL)
		return -ENOMEM;
	table->is_closed = is_closed;
	hmi_router_table_use(router, table, count);
	return 0;
}

void
hmi_router_unpublish(struct hmi_router *router)
{
	replace(router, NULL);
	HMI_TSAN_RELEASE(router);
	call_rcu(&router->rcu, router_free);
}
