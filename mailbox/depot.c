/* SPDX-License-Identifier: Apache-2.0 */
#include "depot_pvt.h"

#include <stddef.h>
#include <string.h>

#include <rte_common.h>

#include "assert_pvt.h"
#include "tsan_pvt.h"

#define INDEX  UINT64_C(0xffff)
#define CHANGE (INDEX + 1)

_Static_assert(HMI_DEPOT_MAGAZINES < INDEX, "an index fits");
_Static_assert(sizeof(struct hmi_magazine) == 512, "a magazine is eight cache lines");

#define RING_SIZE (HMI_DEPOT_MAGAZINES + 1)

size_t
hmi_depot_bytes(void)
{
	return HMI_DEPOT_MAGAZINES * sizeof(struct hmi_magazine) +
	       RTE_ALIGN((size_t)rte_ring_get_memsize(RING_SIZE), sizeof(struct hmi_magazine));
}

void
hmi_depot_init(struct hmi_depot *depot, void *memory, uint32_t aging)
{
	int rc;

	memset(depot, 0, sizeof(*depot));
	depot->aging = aging;
	depot->magazines = memory;
	depot->full = (void *)(depot->magazines + HMI_DEPOT_MAGAZINES);
	rc = rte_ring_init(depot->full, "hermod", RING_SIZE, RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ);
	/* So that behind a preempted thread the others see a full or an empty ring, rather than spin. */
	if (rc == 0)
		rc = rte_ring_set_prod_htd_max(depot->full, HMI_DEPOT_MAGAZINES);
	if (rc == 0)
		rc = rte_ring_set_cons_htd_max(depot->full, HMI_DEPOT_MAGAZINES);
	HMI_ASSERT(rc == 0);
}

void
hmi_magazine_push(struct hmi_depot *depot, struct hmi_stack *stack, struct hmi_magazine *magazine)
{
	uint64_t name = (uint64_t)(magazine - depot->magazines) + 1;
	uint64_t head = atomic_load_explicit(&stack->head, memory_order_relaxed), next;

	do {
		atomic_store_explicit(&magazine->next, (uint32_t)(head & INDEX), memory_order_relaxed);
		next = ((head & ~INDEX) + CHANGE) | name;
		/* P1, release: what was done with the objects, and the magazine's content. */
	} while (!atomic_compare_exchange_weak_explicit(&stack->head, &head, next, memory_order_release,
							memory_order_relaxed));
}

struct hmi_magazine *
hmi_magazine_pop(struct hmi_depot *depot, struct hmi_stack *stack)
{
	uint64_t head = atomic_load_explicit(&stack->head, memory_order_acquire); /* P1 */

	while ((head & INDEX) != 0) {
		struct hmi_magazine *magazine = &depot->magazines[(head & INDEX) - 1];
		uint64_t below = atomic_load_explicit(&magazine->next, memory_order_relaxed);

		/* P1, acquire: pairs with the push, of which all later changes are a part. */
		if (atomic_compare_exchange_weak_explicit(&stack->head, &head,
							  ((head & ~INDEX) + CHANGE) | below,
							  memory_order_acquire, memory_order_acquire))
			return magazine;
	}
	return NULL;
}

HMI_TSAN_OFF bool
hmi_magazine_store(struct hmi_depot *depot, struct hmi_magazine *magazine)
{
	HMI_TSAN_RELEASE(magazine); /* P1 */
	return rte_ring_enqueue(depot->full, magazine) == 0;
}

HMI_TSAN_OFF static struct hmi_magazine *
oldest_full(struct hmi_depot *depot)
{
	void *magazine;

	if (rte_ring_dequeue(depot->full, &magazine) != 0)
		return NULL;
	HMI_TSAN_ACQUIRE(magazine); /* P1 */
	return magazine;
}

struct hmi_magazine *
hmi_magazine_empty(struct hmi_depot *depot)
{
	struct hmi_magazine *magazine = hmi_magazine_pop(depot, &depot->empty);
	uint32_t fresh;

	if (magazine != NULL)
		return magazine;
	fresh = atomic_load_explicit(&depot->fresh, memory_order_relaxed);
	while (fresh < HMI_DEPOT_MAGAZINES) {
		/* Relaxed: nobody has written a fresh magazine. */
		if (atomic_compare_exchange_weak_explicit(&depot->fresh, &fresh, fresh + 1,
							  memory_order_relaxed, memory_order_relaxed))
			return &depot->magazines[fresh];
	}
	return NULL;
}

struct hmi_magazine *
hmi_magazine_any(struct hmi_depot *depot)
{
	struct hmi_magazine *magazine = oldest_full(depot);

	return magazine != NULL ? magazine : hmi_magazine_pop(depot, &depot->some);
}
