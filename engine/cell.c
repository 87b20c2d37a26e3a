/* SPDX-License-Identifier: Apache-2.0 */
#include "cell_pvt.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK_BYTES (HMI_CELLS_CHUNK * sizeof(struct hmi_cell))

static_assert(sizeof(struct hmi_cell) == 128, "a cell is two cache lines");
static_assert(offsetof(struct hmi_cell, actor) == 64, "a message touches line 0 alone");
static_assert(offsetof(struct hmi_cell, box.head) == 0, "what a runnable will touch first comes first");
static_assert(CHUNK_BYTES == HMI_HUGEPAGE_BYTES, "a chunk is one hugepage");

int
hmi_cells_create(struct hmi_cells *cells)
{
	/* Read-only and never written, so the kernel backs all of it by its one page of zeros. */
	void *zeros = mmap(NULL, CHUNK_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	memset(cells, 0, sizeof(*cells));
	if (zeros == MAP_FAILED)
		return -ENOMEM;
	cells->zeros = zeros;
	for (uint32_t i = 0; i < HMI_CELLS_CHUNKS; i++)
		cells->chunks[i] = zeros;
	return 0;
}

void
hmi_cells_destroy(struct hmi_cells *cells)
{
	if (cells->zeros == NULL)
		return;
	for (uint32_t i = 0; i < HMI_CELLS_CHUNKS && cells->chunks[i] != cells->zeros; i++)
		hmi_memory_unmap(cells->chunks[i], CHUNK_BYTES);
	munmap(cells->zeros, CHUNK_BYTES);
	cells->zeros = NULL;
}

static struct hmi_cell *
cell_fresh(struct hmi_cells *cells)
{
	uint32_t slot = cells->fresh, chunk = slot >> HMI_CELLS_CHUNK_SHIFT;

	if (slot == HM_SLOTS_MAX)
		return NULL;
	if (cells->chunks[chunk] == cells->zeros) {
		struct hmi_cell *memory = hmi_memory_map(CHUNK_BYTES);

		if (memory == NULL)
			return NULL;
		cells->chunks[chunk] = memory;
	}
	cells->fresh++;

	struct hmi_cell *cell = &cells->chunks[chunk][slot & (HMI_CELLS_CHUNK - 1)];

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

	assert(cell->kind != HMI_CELL_FREE);
	memset(cell, 0, sizeof(*cell));
	cell->slot = slot;
	cell->generation = generation;
	cells->live--;
	/* A slot whose generations are used up is never given out again. */
	if (generation == 0)
		return;
	cell->next_free = cells->free;
	cells->free = slot;
}
