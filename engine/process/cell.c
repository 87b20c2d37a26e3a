/* SPDX-License-Identifier: Apache-2.0 */
#include "cell_pvt.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "assert_pvt.h"

#define CLEAR_BYTES  32u
#define REGION_BYTES ((size_t)HM_SLOTS_MAX * sizeof(struct hmi_cell))

static_assert(sizeof(struct hmi_cell) == 128, "a cell is two cache lines");
static_assert(offsetof(struct hmi_cell, actor.state) == 64,
	      "a message to a small actor touches line 0 alone");
static_assert(offsetof(struct hmi_cell, box.head) == 0, "what a runnable will touch first comes first");

int
hmi_cells_create(struct hmi_cells *cells, const struct hmi_process_ops *shared)
{
	memset(cells, 0, sizeof(*cells));
	cells->shared = shared;
	cells->base = hmi_memory_reserve(REGION_BYTES);
	if (cells->base == NULL)
		return -ENOMEM;
	return shared != NULL ? hmi_slot_bank_create(&cells->bank) : 0;
}

void
hmi_cells_destroy(struct hmi_cells *cells)
{
	hmi_slot_bank_destroy(&cells->bank);
	hmi_memory_release(cells->base, REGION_BYTES);
	cells->base = NULL;
}

/* Put memory behind the chunk of a slot. */
static int
chunk_back(struct hmi_cells *cells, uint32_t slot)
{
	uint32_t chunk = slot / (uint32_t)HMI_CELLS_CHUNK;
	uint64_t bit = 1ull << chunk % 64;
	int rc;

	if ((cells->backed[chunk / 64] & bit) != 0)
		return 0;
	/* The first chunk is of small pages, so that a system of few actors costs little. */
	rc = chunk == 0 ? hmi_memory_commit_small(cells->base, HMI_HUGEPAGE_BYTES)
			: hmi_memory_commit(&cells->base[chunk * HMI_CELLS_CHUNK], HMI_HUGEPAGE_BYTES);
	if (rc != 0)
		return -ENOMEM;
	cells->backed[chunk / 64] |= bit;
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

static void
list_push(struct hmi_cells *cells, struct hmi_cell *cell)
{
	cell->next_free = cells->free;
	cells->free = hmi_cells_slot_of(cells, cell);
	cells->free_count++;
}

/*
 * Let others have some of the older freed slots: from here on messages to them wait, since a spawn may be on
 * its way. Returns false: no memory, nothing happened.
 */
static bool
spare_deposit(struct hmi_cells *cells)
{
	uint64_t slots[HMI_SLOT_BATCH];
	uint32_t count = 0, slot = cells->spare;

	for (; slot != 0 && count < HMI_SLOT_BATCH; slot = hmi_cells_slot(cells, slot)->next_free)
		slots[count++] = (uint64_t)slot << 32 | hmi_cells_slot(cells, slot)->generation;
	if (!hmi_slot_bank_deposit(&cells->bank, slots, count))
		return false;
	cells->spare = slot;
	cells->spare_count -= count;
	cells->live += count;
	/* Others know the numbers already, but whatever they send is delivered here, and so later. */
	for (uint32_t i = 0; i < count; i++) {
		struct hmi_cell *cell = hmi_cells_slot(cells, (uint32_t)(slots[i] >> 32));

		cell->next_free = 0;
		cell->late = 0;
		cell->ops = cells->shared;
	}
	return true;
}

/* The list is full: it becomes the spare one, and others may have what that was. */
static void
free_rotate(struct hmi_cells *cells)
{
	while (cells->spare != 0) {
		if (!spare_deposit(cells))
			return;
	}
	cells->spare = cells->free;
	cells->spare_count = cells->free_count;
	cells->free = cells->free_count = 0;
}

static void
spare_take(struct hmi_cells *cells)
{
	cells->free = cells->spare;
	cells->free_count = cells->spare_count;
	cells->spare = cells->spare_count = 0;
}

/* Take freed slots back. One with a message, which can only be for a made-up PID, is left alone. */
static void
bank_take(struct hmi_cells *cells)
{
	uint64_t slots[HMI_SLOT_BATCH];
	uint32_t count = hmi_slot_bank_withdraw(&cells->bank, slots, HMI_SLOT_BATCH);

	for (uint32_t i = 0; i < count; i++) {
		struct hmi_cell *cell = hmi_cells_slot(cells, (uint32_t)(slots[i] >> 32));

		if (cell->box.head != NULL || cell->actor.system.tail != NULL)
			continue;
		cell->ops = NULL;
		cells->live--;
		list_push(cells, cell);
	}
}

static struct hmi_cell *
get_fresh(struct hmi_cells *cells)
{
	struct hmi_cell *cell;

	if (cells->fresh == cells->fresh_end) {
		uint32_t count = hmi_slot_bank_reserve(&cells->bank, HMI_SLOT_BATCH, &cells->fresh);

		cells->fresh_end = cells->fresh + count;
		if (count == 0)
			return NULL;
	}
	cell = hmi_cells_take(cells, cells->fresh);
	cells->fresh += cell != NULL;
	return cell;
}

__attribute__((noinline)) struct hmi_cell *
hmi_cells_get_more(struct hmi_cells *cells)
{
	if (cells->spare != 0)
		spare_take(cells);
	else
		bank_take(cells);
	return cells->free != 0 ? hmi_cells_get(cells) : get_fresh(cells);
}

/* In pieces: of the whole gcc makes `rep stos`, which takes longer to start than this to end. */
static void
cell_clear(struct hmi_cell *cell)
{
	for (size_t at = 0; at < sizeof(*cell); at += CLEAR_BYTES)
		memset((char *)cell + at, 0, CLEAR_BYTES);
}

void
hmi_cells_put(struct hmi_cells *cells, struct hmi_cell *cell, enum hm_dead_reason late)
{
	uint32_t generation = cell->generation + 1;

	HMI_ASSERT(!hmi_cell_is_free(cell));
	cell_clear(cell);
	cell->late = late;
	cell->generation = generation;
	cells->live--;
	/* A slot whose generations are used up is never given out again. */
	if (generation == 0) {
		cells->retired++;
		return;
	}
	list_push(cells, cell);
	if (cells->free_count >= HMI_SLOT_BATCH && cells->shared != NULL)
		free_rotate(cells);
}
