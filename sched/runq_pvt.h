/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNQ_PVT_H
#define RUNQ_PVT_H

/*
 * The run queue of one lcore: what has work, oldest first.
 *
 * A ring of pointers, so that the queue can look ahead and prefetch. A runnable is in it at
 * most once, so a capacity of all runnables can never overflow: the code that makes one reserves
 * room for it, and pushing never fails. The ring never shrinks.
 *
 * Owned by one lcore.
 */

#include <stdbool.h>
#include <stdint.h>

/*
 * First member of whatever can run: what it will touch first, so that it can be prefetched,
 * with the cache line that it stands in.
 */

struct hmi_runnable {
	void *next_work;
};

struct hmi_runq {
	struct hmi_runnable **ring;
	uint32_t mask;       /* capacity - 1 */
	uint32_t head, tail; /* free-running */
};

/* An empty queue. Returns 0 or -ENOMEM. */
int hmi_runq_create(struct hmi_runq *q);

void hmi_runq_destroy(struct hmi_runq *q);

/* Make room for `count` runnables in all, more than there is. Returns 0 or -ENOMEM; then the queue is as before. */
int hmi_runq_grow(struct hmi_runq *q, uint32_t count);

/* Make room for `count` runnables in all. Returns 0 or -ENOMEM; then the queue is as before. */
static inline int
hmi_runq_reserve(struct hmi_runq *q, uint32_t count)
{
	return count <= q->mask + 1 ? 0 : hmi_runq_grow(q, count);
}

static inline uint32_t
hmi_runq_count(const struct hmi_runq *q)
{
	return q->tail - q->head;
}

static inline void
hmi_runq_push(struct hmi_runq *q, struct hmi_runnable *r)
{
	q->ring[q->tail++ & q->mask] = r;
}

/* In front of all others. */
static inline void
hmi_runq_push_first(struct hmi_runq *q, struct hmi_runnable *r)
{
	q->ring[--q->head & q->mask] = r;
}

/* The queue must not be empty. */
static inline struct hmi_runnable *
hmi_runq_pop(struct hmi_runq *q)
{
	return q->ring[q->head++ & q->mask];
}

/* The one at the end. The queue must not be empty. */
static inline struct hmi_runnable *
hmi_runq_pop_last(struct hmi_runq *q)
{
	return q->ring[--q->tail & q->mask];
}

static inline bool
hmi_runq_is_full(const struct hmi_runq *q)
{
	return hmi_runq_count(q) > q->mask;
}

/* What will be popped after `ahead` others; the queue must hold more than `ahead`. */
static inline struct hmi_runnable *
hmi_runq_peek(const struct hmi_runq *q, uint32_t ahead)
{
	return q->ring[(q->head + ahead) & q->mask];
}

#endif /* RUNQ_PVT_H */
