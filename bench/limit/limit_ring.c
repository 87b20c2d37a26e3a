/* SPDX-License-Identifier: Apache-2.0 */
#include "limit_ring.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <rte_errno.h>
#include <rte_mempool.h>
#include <rte_pause.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include "bench_clock.h"

#define BURST      32
#define RING_SIZE  1024
#define POOL_SIZE  32767
#define POOL_CACHE 256

struct message {
	uint64_t word[8];
};

struct limit_ring {
	struct rte_ring *there, *back;
	struct rte_mempool *pool;
	_Alignas(128) _Atomic uint64_t ping; /* written by the driver */
	_Alignas(128) _Atomic uint64_t pong; /* written by the echo side */
};

/* ---- set-up and tear-down ----------------------------------------------- */

/* DPDK's names must be unique in a process; the address makes them so */
static struct rte_ring *
ring_new(const struct limit_ring *limit, const char *role)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "limit_%s_%p", role, (const void *)limit);
	return rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static struct rte_mempool *
pool_new(const struct limit_ring *limit)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "limit_%p", (const void *)limit);
	return rte_mempool_create(name, POOL_SIZE, sizeof(struct message), POOL_CACHE, 0, NULL, NULL, NULL,
				  NULL, SOCKET_ID_ANY, 0);
}

int
limit_ring_create(struct limit_ring **limit)
{
	struct limit_ring *made = aligned_alloc(128, sizeof(*made));

	if (made == NULL)
		return -ENOMEM;
	*made = (struct limit_ring){ 0 };
	made->there = ring_new(made, "there");
	made->back = ring_new(made, "back");
	made->pool = pool_new(made);
	if (made->there == NULL || made->back == NULL || made->pool == NULL) {
		int error = rte_errno != 0 ? rte_errno : ENOMEM;

		limit_ring_destroy(made);
		return -error;
	}
	*limit = made;
	return 0;
}

void
limit_ring_destroy(struct limit_ring *limit)
{
	if (limit == NULL)
		return;
	rte_ring_free(limit->there);
	rte_ring_free(limit->back);
	rte_mempool_free(limit->pool);
	free(limit);
}

/* ---- cache line ----------------------------------------------------------- */

static inline void
line_round(struct limit_ring *limit, uint64_t i)
{
	/* release and acquire, as code that publishes data by such a line needs them, although here the line
	 * carries only its own value */
	atomic_store_explicit(&limit->ping, i, memory_order_release);
	while (atomic_load_explicit(&limit->pong, memory_order_acquire) != i)
		rte_pause();
}

double
limit_line_drive(struct limit_ring *limit, uint64_t rounds)
{
	/* the count continues from slice to slice, so that no reset can be missed by the other side */
	uint64_t first = atomic_load_explicit(&limit->ping, memory_order_relaxed) + 1;
	double start;

	line_round(limit, first);
	start = bench_clock_seconds();
	for (uint64_t i = first + 1; i <= first + rounds; i++)
		line_round(limit, i);
	return (bench_clock_seconds() - start) / (double)rounds * 1e9;
}

void
limit_line_echo(struct limit_ring *limit, uint64_t rounds)
{
	uint64_t first = atomic_load_explicit(&limit->pong, memory_order_relaxed) + 1;

	for (uint64_t i = first; i <= first + rounds; i++) {
		while (atomic_load_explicit(&limit->ping, memory_order_acquire) != i)
			rte_pause();
		atomic_store_explicit(&limit->pong, i, memory_order_release);
	}
}

/* ---- two rings ------------------------------------------------------------ */

static inline void *
pair_round(struct limit_ring *limit, void *obj)
{
	rte_ring_sp_enqueue(limit->there, obj);
	while (rte_ring_sc_dequeue(limit->back, &obj) != 0)
		rte_pause();
	return obj;
}

double
limit_pair_drive(struct limit_ring *limit, uint64_t rounds, struct bench_histogram *chunks)
{
	void *obj = pair_round(limit, limit);
	double start = bench_clock_seconds();
	uint64_t last = bench_clock_ticks();

	for (uint64_t i = 1; i <= rounds; i++) {
		obj = pair_round(limit, obj);
		if (chunks != NULL && i % LIMIT_PAIR_CHUNK == 0) {
			uint64_t now = bench_clock_ticks();

			bench_histogram_record(chunks, now - last);
			last = now;
		}
	}
	return (bench_clock_seconds() - start) / (double)rounds * 1e9;
}

void
limit_pair_stamp(struct limit_ring *limit, uint64_t rounds, struct bench_histogram *ticks)
{
	void *obj = pair_round(limit, limit);
	uint64_t last = bench_clock_ticks();

	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t now;

		obj = pair_round(limit, obj);
		now = bench_clock_ticks();
		bench_histogram_record(ticks, now - last);
		last = now;
	}
}

void
limit_pair_echo(struct limit_ring *limit, uint64_t rounds)
{
	void *obj;

	for (uint64_t i = 0; i <= rounds; i++) {
		while (rte_ring_sc_dequeue(limit->there, &obj) != 0)
			rte_pause();
		rte_ring_sp_enqueue(limit->back, obj);
	}
}

/* ---- messages ------------------------------------------------------------- */

static inline void
burst_send(struct limit_ring *limit, uint64_t done)
{
	void *burst[BURST];

	while (rte_mempool_get_bulk(limit->pool, burst, BURST) != 0)
		rte_pause();
	for (uint32_t i = 0; i < BURST; i++)
		*(struct message *)burst[i] = (struct message){ .word = { 0, done, 1, done + i, 5 } };
	for (uint32_t n = 0; n < BURST;)
		n += rte_ring_sp_enqueue_burst(limit->there, burst + n, BURST - n, NULL);
}

double
limit_messages_send(struct limit_ring *limit, uint64_t messages)
{
	void *obj = pair_round(limit, limit);
	uint64_t done = 0;
	double start = bench_clock_seconds();

	for (; done < messages; done += BURST)
		burst_send(limit, done);
	while (rte_ring_sc_dequeue(limit->back, &obj) != 0)
		rte_pause();
	return (bench_clock_seconds() - start) / (double)done * 1e9;
}

uint64_t
limit_messages_receive(struct limit_ring *limit, uint64_t messages)
{
	void *burst[BURST];
	uint64_t sum = 0;

	limit_pair_echo(limit, 0);
	/* The sender sends whole bursts: what was left would be taken for something else later. */
	messages = (messages + BURST - 1) / BURST * BURST;
	for (uint64_t done = 0; done < messages;) {
		uint32_t n = rte_ring_sc_dequeue_burst(limit->there, burst, BURST, NULL);

		for (uint32_t i = 0; i < n; i++)
			rte_prefetch0(burst[i]);
		for (uint32_t i = 0; i < n; i++)
			sum += ((struct message *)burst[i])->word[3];
		if (n > 0)
			rte_mempool_put_bulk(limit->pool, burst, n);
		done += n;
	}
	rte_ring_sp_enqueue(limit->back, limit);
	return sum;
}
