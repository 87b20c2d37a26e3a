/* SPDX-License-Identifier: Apache-2.0 */
#include "cell_pvt.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#define REGION_BYTES ((size_t)HM_SLOTS_MAX * sizeof(struct hmi_cell))

static_assert(sizeof(struct hmi_cell) == 128, "a cell is two cache lines");
static_assert(offsetof(struct hmi_cell, actor.state) == 64,
	      "a message to a small actor touches line 0 alone");
static_assert(offsetof(struct hmi_cell, box.head) == 0, "what a runnable will touch first comes first");

int
hmi_cells_create(struct hmi_cells *cells)
{
	memset(cells, 0, sizeof(*cells));
	cells->base = hmi_memory_reserve(REGION_BYTES);
	return cells->base != NULL ? 0 : -ENOMEM;
}

void
hmi_cells_destroy(struct hmi_cells *cells)
{
	hmi_memory_release(cells->base, REGION_BYTES);
	cells->base = NULL;
}

static struct hmi_cell *
cell_fresh(struct hmi_cells *cells)
{
	uint32_t slot = cells->fresh;

	if (slot == HM_SLOTS_MAX)
		return NULL;
	if (slot == cells->backed) {
		if (hmi_memory_commit(&cells->base[slot], HMI_HUGEPAGE_BYTES) != 0)
			return NULL;
		cells->backed += (uint32_t)HMI_CELLS_CHUNK;
	}
	cells->fresh++;

	struct hmi_cell *cell = &cells->base[slot];

	cell->slot = slot;
	cell->generation = 1;
	return cell;
}

struct hmi_cell *
hmi_cells_get(struct hmi_cells *cells)
{
	struct hmi_cell *cell;

	if (cells->free != 0) {
		cell = hmi_cells_at(cells, (uint64_t)cells->free << 32);
		cells->free = cell->next_free;
		cell->next_free = 0;
		cell->is_small = 0;
	} else {
		cell = cell_fresh(cells);
		if (cell == NULL)
			return NULL;
	}
	cells->live++;
	return cell;
}

void
hmi_cells_put(struct hmi_cells *cells, struct hmi_cell *cell)
{
	uint32_t slot = cell->slot, generation = cell->generation + 1;
	bool future = cell->kind == HMI_CELL_FUTURE;

	assert(cell->kind != HMI_CELL_FREE);
	memset(cell, 0, sizeof(*cell));
	cell->is_small = future;
	cell->slot = slot;
	cell->generation = generation;
	cells->live--;
	/* A slot whose generations are used up is never given out again. */
	if (generation == 0)
		return;
	cell->next_free = cells->free;
	cells->free = slot;
}
