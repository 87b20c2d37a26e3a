/* SPDX-License-Identifier: Apache-2.0 */
#include "cell_pvt.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "assert_pvt.h"

#define REGION_BYTES ((size_t)HM_SLOTS_MAX * sizeof(struct hmi_cell))

static_assert(sizeof(struct hmi_cell) == 128, "a cell is two cache lines");
static_assert(offsetof(struct hmi_cell, actor.state) == 64,
	      "a message to a small actor touches line 0 alone");
static_assert(offsetof(struct hmi_cell, box.head) == 0, "what a runnable will touch first comes first");

int
hmi_cells_create(struct hmi_cells *cells)
{
	uint32_t first;

	memset(cells, 0, sizeof(*cells));
	cells->base = hmi_memory_reserve(REGION_BYTES);
	cells->bank = hmi_slot_bank_create();
	if (cells->base == NULL || cells->bank == NULL) {
		hmi_cells_destroy(cells);
		return -ENOMEM;
	}
	cells->free = cells->bank->own;
	/* Those in front are for what every lcore has, and what comes first; nobody else is here yet. */
	cells->fresh_end = hmi_slot_bank_reserve(cells->bank, HMI_CELLS_ROUTERS, &cells->fresh);
	(void)hmi_slot_bank_reserve(cells->bank, HMI_CELLS_ROUTERS, &first);
	HMI_ASSERT(cells->fresh == 0 && hmi_local_is_router((uint64_t)first << 32));
	return 0;
}

void
hmi_cells_destroy(struct hmi_cells *cells)
{
	hmi_slot_bank_destroy(cells->bank);
	cells->bank = NULL;
	hmi_memory_release(cells->base, REGION_BYTES);
	cells->base = NULL;
}

/* Put memory behind the chunk of a slot, and so that all slots with memory can be deposited. */
static int
chunk_back(struct hmi_cells *cells, uint32_t slot)
{
	uint32_t chunk = slot / (uint32_t)HMI_CELLS_CHUNK;
	uint64_t bit = 1ull << chunk % 64;
	int rc;

	if ((cells->backed[chunk / 64] & bit) != 0)
		return 0;
	if (hmi_slot_bank_back(cells->bank, (cells->chunks + 1) * (uint32_t)HMI_CELLS_CHUNK) != 0)
		return -ENOMEM;
	/* The first chunk is of small pages, so that a system of few actors costs little. */
	rc = chunk == 0 ? hmi_memory_commit_small(cells->base, HMI_HUGEPAGE_BYTES)
			: hmi_memory_commit(&cells->base[chunk * HMI_CELLS_CHUNK], HMI_HUGEPAGE_BYTES);
	if (rc != 0)
		return -ENOMEM;
	cells->backed[chunk / 64] |= bit;
	cells->chunks++;
	return 0;
}

struct hmi_cell *
hmi_cells_take(struct hmi_cells *cells, uint32_t slot)
{
	struct hmi_cell *cell = hmi_cells_slot(cells, slot);

	if (chunk_back(cells, slot) != 0)
		return NULL;
	HMI_ASSERT(cell->generation == 0);
	cell->generation = 1;
	cells->live++;
	return cell;
}

/* ---- Freed slots -------------------------------------------------------------------- */

__attribute__((noinline)) struct hmi_cell *
hmi_cells_get_fresh(struct hmi_cells *cells)
{
	struct hmi_cell *cell;

	if (cells->fresh == cells->fresh_end) {
		uint32_t count = hmi_slot_bank_reserve(cells->bank, HMI_SLOT_BATCH, &cells->fresh);

		cells->fresh_end = cells->fresh + count;
		if (count == 0)
			return NULL;
	}
	cell = hmi_cells_take(cells, cells->fresh);
	cells->fresh += cell != NULL;
	return cell;
}

__attribute__((noinline)) bool
hmi_cells_refill(struct hmi_cells *cells)
{
	cells->free_count = hmi_slot_bank_withdraw(cells->bank, cells->free, HMI_SLOT_BATCH);
	return cells->free_count > 0;
}

void
hmi_cells_deposit(struct hmi_cells *cells)
{
	hmi_slot_bank_deposit(cells->bank, cells->free, HMI_SLOT_BATCH);
	memcpy(cells->free, cells->free + HMI_SLOT_BATCH, HMI_SLOT_BATCH * sizeof(cells->free[0]));
	cells->free_count -= HMI_SLOT_BATCH;
}

struct hmi_cell *
hmi_cells_get_many(struct hmi_cells *cells, uint32_t pids)
{
	struct hmi_cell *cell = hmi_cells_get(cells);

	/* A slot with too few generations left is never given out again, nor is its last generation. */
	while (cell != NULL && UINT32_MAX - cell->generation < pids) {
		cell->generation = UINT32_MAX;
		cells->live--;
		cells->retired++;
		cell = hmi_cells_get(cells);
	}
	return cell;
}

/* ---- Slots of routers --------------------------------------------------------------- */

static_assert(HMI_CELLS_ROUTERS == HMI_SLOT_BATCH, "they are reserved as a batch");
static_assert(2 * HMI_CELLS_ROUTERS <= HMI_CELLS_CHUNK, "they are in the first chunk");

bool
hmi_cells_lend(struct hmi_cells *cells)
{
	for (uint32_t i = 0; i < HMI_CELLS_ROUTERS; i++) {
		struct hmi_cell *cell = hmi_cells_slot(cells, HMI_CELLS_ROUTERS + i);

		/* A message may have taken it, which can only be for a made-up PID. */
		if ((cells->routers[i / 64] >> i % 64 & 1) != 0 || !hmi_cell_is_free(cell))
			continue;
		if (cell->generation == 0)
			cell->generation = 1;
		cells->routers[i / 64] |= 1ull << i % 64;
		cells->free[cells->free_count++] = hmi_cells_slot_bits(cells, cell) | cell->generation;
		return true;
	}
	return false;
}

void
hmi_cells_unlend(struct hmi_cells *cells)
{
	uint64_t local = cells->free_count > 0 ? cells->free[cells->free_count - 1] : 0;
	uint32_t i = (uint32_t)(local >> 32) % HMI_CELLS_ROUTERS;

	/* If it is not there its generations are used up. */
	if (!hmi_local_is_router(local))
		return;
	cells->free_count--;
	cells->routers[i / 64] &= ~(1ull << i % 64);
}

void
hmi_cells_put_router(struct hmi_cells *cells, struct hmi_cell *cell, enum hm_dead_reason late)
{
	hmi_cells_put(cells, cell, late);
	hmi_cells_unlend(cells);
}
