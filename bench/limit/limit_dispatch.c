/* SPDX-License-Identifier: Apache-2.0 */
#include "limit_dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bench_clock.h"

#define RUN_QUEUE_SIZE (1u << 21)
#define QUANTUM        300
#define BURST          32
#define ACTORS_MAX     1000000u

struct message {
	struct message *next;
	struct actor *to;
	uint64_t sender;
	uint32_t type, length;
	uint64_t body[4];
};

typedef void (*receive_fn)(struct limit_dispatch *limit, struct actor *self, struct message *msg);

struct actor {
	receive_fn receive;
	struct message *head, *tail;
	uint32_t scheduled;
	uint64_t handled;
	struct actor *peer;
} __attribute__((aligned(128)));

struct limit_dispatch {
	struct actor **run_queue;
	uint32_t run_head, run_tail;
	uint32_t outbox_count;
	struct message *free_list;
	uint64_t remaining;
	struct actor *outbox_to[BURST];
	struct message *outbox[BURST];
	struct actor *actors;
	uint32_t actor_count;
	struct actor nobody; /* in unused run queue entries, which are dereferenced for prefetching */
};

/* ---- the bare work ------------------------------------------------------ */

static inline struct message *
message_get(struct limit_dispatch *limit)
{
	struct message *msg = limit->free_list;

	if (msg == NULL)
		return calloc(1, sizeof(*msg));
	limit->free_list = msg->next;
	return msg;
}

static inline void
message_put(struct limit_dispatch *limit, struct message *msg)
{
	msg->next = limit->free_list;
	limit->free_list = msg;
}

static inline void
deliver(struct limit_dispatch *limit, struct actor *to, struct message *msg)
{
	msg->next = NULL;
	if (to->head != NULL)
		to->tail->next = msg;
	else
		to->head = msg;
	to->tail = msg;
	if (!to->scheduled) {
		to->scheduled = 1;
		limit->run_queue[limit->run_tail++ % RUN_QUEUE_SIZE] = to;
	}
}

static inline void
outbox_flush(struct limit_dispatch *limit)
{
	for (uint32_t i = 0; i < limit->outbox_count; i++)
		deliver(limit, limit->outbox_to[i], limit->outbox[i]);
	limit->outbox_count = 0;
}

static inline void
deliver_later(struct limit_dispatch *limit, struct actor *to, struct message *msg)
{
	__builtin_prefetch(to, 1);
	limit->outbox_to[limit->outbox_count] = to;
	limit->outbox[limit->outbox_count++] = msg;
	if (limit->outbox_count == BURST)
		outbox_flush(limit);
}

static inline struct message *
reply_make(struct limit_dispatch *limit, struct actor *self, const struct message *msg)
{
	struct message *reply = message_get(limit);

	reply->sender = (uintptr_t)self;
	reply->type = msg->type;
	reply->length = 8;
	reply->body[0] = msg->body[0] + 1;
	return reply;
}

static void
pass_on_naive(struct limit_dispatch *limit, struct actor *self, struct message *msg)
{
	self->handled++;
	if (limit->remaining == 0)
		return;
	limit->remaining--;
	deliver(limit, self->peer, reply_make(limit, self, msg));
}

static void
pass_on_deferred(struct limit_dispatch *limit, struct actor *self, struct message *msg)
{
	self->handled++;
	if (limit->remaining == 0)
		return;
	limit->remaining--;
	deliver_later(limit, self->peer, reply_make(limit, self, msg));
}

static inline void
turn(struct limit_dispatch *limit, struct actor *actor)
{
	struct message *msg;

	for (int n = 0; n < QUANTUM && (msg = actor->head) != NULL; n++) {
		actor->head = msg->next;
		actor->receive(limit, actor, msg);
		message_put(limit, msg);
	}
	if (actor->head != NULL)
		limit->run_queue[limit->run_tail++ % RUN_QUEUE_SIZE] = actor;
	else
		actor->scheduled = 0;
}

static void
run_naive(struct limit_dispatch *limit)
{
	while (limit->run_head != limit->run_tail)
		turn(limit, limit->run_queue[limit->run_head++ % RUN_QUEUE_SIZE]);
}

static void
run_deferred(struct limit_dispatch *limit)
{
	for (;;) {
		struct actor *actor;

		if (limit->run_head == limit->run_tail)
			outbox_flush(limit);
		if (limit->run_head == limit->run_tail)
			return;
		actor = limit->run_queue[limit->run_head++ % RUN_QUEUE_SIZE];
		__builtin_prefetch(limit->run_queue[(limit->run_head + 3) % RUN_QUEUE_SIZE], 1);
		if (limit->run_head != limit->run_tail)
			__builtin_prefetch(limit->run_queue[limit->run_head % RUN_QUEUE_SIZE]->head);
		turn(limit, actor);
	}
}

/* ---- slices ------------------------------------------------------------- */

static void
actors_set(struct limit_dispatch *limit, receive_fn receive)
{
	uint32_t count = limit->actor_count;

	if (limit->actors[0].receive == receive)
		return;
	for (uint32_t i = 0; i < count; i++)
		limit->actors[i].receive = receive;
}

static void
messages_inject(struct limit_dispatch *limit, uint32_t in_flight, uint64_t messages)
{
	/* those injected count as handled, too: otherwise short slices would look too expensive */
	limit->remaining = messages > in_flight ? messages - in_flight : 0;
	for (uint32_t i = 0; i < in_flight; i++) {
		uint64_t to = (i * 131ull) % limit->actor_count;

		deliver(limit, &limit->actors[to], message_get(limit));
	}
}

double
limit_dispatch_naive_ns(struct limit_dispatch *limit, uint32_t in_flight, uint64_t messages)
{
	double start;

	actors_set(limit, pass_on_naive);
	messages_inject(limit, in_flight, messages);
	start = bench_clock_cpu_seconds();
	run_naive(limit);
	return (bench_clock_cpu_seconds() - start) / (double)messages * 1e9;
}

double
limit_dispatch_deferred_ns(struct limit_dispatch *limit, uint32_t in_flight, uint64_t messages)
{
	double start;

	actors_set(limit, pass_on_deferred);
	messages_inject(limit, in_flight, messages);
	start = bench_clock_cpu_seconds();
	run_deferred(limit);
	return (bench_clock_cpu_seconds() - start) / (double)messages * 1e9;
}

static void
actor_init(struct limit_dispatch *limit, uint64_t index)
{
	uint64_t peer = (index * 7919 + 13) % limit->actor_count;

	if (limit->actor_count == 2)
		peer = !index;
	limit->actors[index] = (struct actor){
		.receive = pass_on_naive,
		.peer = &limit->actors[peer],
	};
}

double
limit_dispatch_spawn_ns(struct limit_dispatch *limit)
{
	double start = bench_clock_cpu_seconds();

	limit->remaining = 0;
	for (uint32_t i = 0; i < limit->actor_count; i++) {
		actor_init(limit, i);
		deliver(limit, &limit->actors[i], message_get(limit));
		/* an actor handles its first message soon after its spawn, not a million spawns later */
		if (i % BURST == BURST - 1)
			run_naive(limit);
	}
	run_naive(limit);
	return (bench_clock_cpu_seconds() - start) / limit->actor_count * 1e9;
}

/* ---- set-up and tear-down ----------------------------------------------- */

int
limit_dispatch_create(struct limit_dispatch **limit, uint32_t actors)
{
	struct limit_dispatch *made;

	if (actors < 2 || actors > ACTORS_MAX)
		return -EINVAL;
	made = aligned_alloc(128, sizeof(*made));
	if (made == NULL)
		return -ENOMEM;
	*made = (struct limit_dispatch){ .actor_count = actors };
	made->actors = mmap(NULL, actors * sizeof(*made->actors), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	made->run_queue = calloc(RUN_QUEUE_SIZE, sizeof(struct actor *));
	if (made->actors == MAP_FAILED || made->run_queue == NULL) {
		limit_dispatch_destroy(made);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < RUN_QUEUE_SIZE; i++)
		made->run_queue[i] = &made->nobody;
	for (uint32_t i = 0; i < actors; i++)
		actor_init(made, i);
	*limit = made;
	return 0;
}

void
limit_dispatch_destroy(struct limit_dispatch *limit)
{
	struct message *msg;

	if (limit == NULL)
		return;
	while ((msg = limit->free_list) != NULL) {
		limit->free_list = msg->next;
		free(msg);
	}
	if (limit->actors != MAP_FAILED)
		munmap(limit->actors, limit->actor_count * sizeof(*limit->actors));
	free(limit->run_queue);
	free(limit);
}
