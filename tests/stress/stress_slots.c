/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Slots of one lcore are taken by threads that stand for other lcores, and freed on their own.
 *
 *     owner's cells ──bank──▶ takers: a slot that is out twice shows ──ring──▶ owner: takes the cell, frees it
 *           └──▶ the owner itself takes some, and frees them
 *
 * Few slots were never used, so that most are those that come back. At the end each slot is where it is expected.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "hmt_eal.h"
#include "hmt_stress.h"
#include "inject_pvt.h"
#include "lcore_pvt.h"

#define TAKERS 3u
#define RING   4096u
/* Slots in all: lists and caches hold some of them, takers the others. */
#define SLOTS (9u * HMI_SLOT_BATCH)
#define FIRST (HM_SLOTS_MAX - SLOTS)
#define OWN   700u

struct taker {
	uint64_t slots[HMI_SLOT_BATCH];
	uint64_t random, taken, starved;
	pthread_t thread;
};

static struct hmi_cells cells;
static struct hmi_inject back; /* pointers into the table that follows */
static uint64_t locals[SLOTS]; /* of slots on their way back: slot << 32 | generation */
static struct taker takers[TAKERS];
static _Atomic bool out[SLOTS]; /* relaxed: only whether it was set */
static _Atomic bool stop;       /* no order: takers end some time later */
static _Atomic uint32_t problems, running;

static void
problem(const char *what, uint32_t slot)
{
	if (atomic_fetch_add_explicit(&problems, 1, memory_order_relaxed) < 10)
		fprintf(stderr, "slot %u %s\n", slot, what);
}

static void
mark_out(uint32_t slot)
{
	if (slot < FIRST || slot >= HM_SLOTS_MAX)
		problem("does not exist", slot);
	else if (atomic_exchange_explicit(&out[slot - FIRST], true, memory_order_relaxed))
		problem("is out twice", slot);
}

static void
mark_back(uint32_t slot)
{
	if (!atomic_exchange_explicit(&out[slot - FIRST], false, memory_order_relaxed))
		problem("came back, and was not out", slot);
}

/* ---- Takers ----------------------------------------------------------------------------- */

static uint32_t
some_take(struct taker *t)
{
	uint32_t most = 1 + (uint32_t)hmt_random_below(&t->random, HMI_SLOT_BATCH);
	uint32_t count = hmi_slot_bank_withdraw(cells.bank, t->slots, most), first;

	if (count > 0)
		return count;
	count = hmi_slot_bank_reserve(cells.bank, most, &first);
	for (uint32_t i = 0; i < count; i++)
		t->slots[i] = hmi_local(0, first + i, 1);
	return count;
}

static void *
take(void *arg)
{
	struct taker *t = arg;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		uint32_t count = some_take(t);

		t->taken += count;
		t->starved += count == 0;
		for (uint32_t i = 0; i < count; i++)
			mark_out((uint32_t)(t->slots[i] >> 32));
		for (uint32_t i = 0; i < count; i++) {
			uint64_t *local = &locals[(t->slots[i] >> 32) - FIRST];

			*local = t->slots[i];
			while (!hmi_inject_push(&back, (struct hm_msg *)(void *)local))
				sched_yield();
		}
		if (count == 0)
			sched_yield();
	}
	atomic_fetch_sub_explicit(&running, 1,
				  memory_order_release); /* allowed: with the owner's look at it */
	return NULL;
}

/* ---- The owner --------------------------------------------------------------------------- */

static const struct hmi_process_ops taken_ops;

static void
one_back(uint64_t local)
{
	struct hmi_cell *cell = hmi_cells_at(&cells, local);

	mark_back((uint32_t)(local >> 32));
	if (hmi_cells_is_reserved(&cells, local))
		cell = hmi_cells_take(&cells, (uint32_t)(local >> 32));
	else if (cell->ops != NULL)
		problem("is not free", (uint32_t)(local >> 32));
	else
		cells.live++;
	if (cell == NULL || cell->generation != (uint32_t)local) {
		problem("has another generation", (uint32_t)(local >> 32));
		return;
	}
	cell->ops = &taken_ops;
	hmi_cells_put(&cells, cell, HM_DEAD_NO_PROCESS);
}

static uint32_t
all_back(void)
{
	struct hm_msg *slots[64];
	uint32_t n = hmi_inject_pop_burst(&back, slots, RTE_DIM(slots));

	for (uint32_t i = 0; i < n; i++)
		one_back(*(uint64_t *)(void *)slots[i]);
	return n;
}

/* Some for the owner's own actors. */
static void
own_churn(uint32_t most)
{
	static struct hmi_cell *own[OWN];
	uint32_t count = 0;

	while (count < most && (own[count] = hmi_cells_get(&cells)) != NULL) {
		own[count]->ops = &taken_ops;
		mark_out(hmi_cells_slot_of(&cells, own[count]));
		count++;
	}
	while (count > 0) {
		count--;
		mark_back(hmi_cells_slot_of(&cells, own[count]));
		hmi_cells_put(&cells, own[count], HM_DEAD_NO_PROCESS);
	}
}

static void
owner_run(struct hmt_stress *stress)
{
	while (!hmt_stress_is_over(stress)) {
		if (all_back() == 0)
			sched_yield();
		own_churn((uint32_t)hmt_random_below(&stress->random, OWN + 1));
	}
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	while (atomic_load_explicit(&running, memory_order_acquire) > 0) /* allowed: see take */
		(void)all_back();
	while (all_back() > 0)
		;
}

/* ---- The end ----------------------------------------------------------------------------- */

static bool
books_check(void)
{
	uint32_t there = cells.free_count + atomic_load(&cells.bank->count) +
			 (cells.fresh_end - cells.fresh) + (HM_SLOTS_MAX - hmi_cells_end(&cells));

	if (cells.live != 0)
		fprintf(stderr, "%u slots are taken\n", cells.live);
	if (there != SLOTS)
		fprintf(stderr, "%u slots of %u are there\n", there, SLOTS);
	return cells.live == 0 && there == SLOTS && atomic_load(&problems) == 0;
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(1);
	uint64_t taken = 0, starved = 0;

	hmt_eal_start();
	if (hmi_cells_create(&cells) != 0 || hmi_inject_create(&back, RING, SOCKET_ID_ANY) != 0)
		return EXIT_FAILURE;
	atomic_store(&cells.bank->next, FIRST);
	cells.fresh = cells.fresh_end = 0;
	atomic_store(&running, TAKERS);
	for (uint32_t i = 0; i < TAKERS; i++) {
		takers[i].random = hmt_random(&stress.random);
		if (pthread_create(&takers[i].thread, NULL, take, &takers[i]) != 0)
			return EXIT_FAILURE;
	}
	owner_run(&stress);
	for (uint32_t i = 0; i < TAKERS; i++) {
		pthread_join(takers[i].thread, NULL);
		taken += takers[i].taken;
		starved += takers[i].starved;
	}
	printf("%" PRIu64 " slots taken by others, %" PRIu64 " times none was there\n", taken, starved);
	return books_check() ? EXIT_SUCCESS : EXIT_FAILURE;
}
