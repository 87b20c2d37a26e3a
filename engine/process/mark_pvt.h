/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MARK_PVT_H
#define MARK_PVT_H

/*
 * The engine's mark. What an actor's function does is its own affair, and a fault in it is contained; but the calls of
 * hermod that it makes change structures of the engine. While they do, the mark is set, and a fault ends the process.
 *
 *     hm_ask(ctx, to, type, body) ─▶ body is read ─▶ mark set ─▶ future, message, mailbox change ─▶ cleared
 *                                    fault: the actor's            fault: the engine's
 *
 * A call that changes nothing sets no mark. Memory of the user, that to which results are written included, is touched
 * before. The mark is a bit of the word that counts what was sent: so a send, which counts, needs two stores and a load for both.
 *
 * The lcore's own thread, and the handler of signals on it.
 */

#include <stddef.h>

#include "lcore_pvt.h"

#define HMI_STACK_PAGE  4096u
#define HMI_STACK_BYTES 16384u
/* So far above where the stack was touched a frame is taken to be on the same one. */
#define HMI_STACK_SAME (UINT64_C(1) << 20)

/*
 * A stack that ends within a call is to end here, where nothing is changed: 16 KiB below the caller's frame are
 * touched, page by page. No call needs more.
 */
void hmi_stack_touch(void);

/* The same of 4 KiB, for calls that cannot afford more. */
static inline void
hmi_stack_touch_page(void)
{
	/* Where the stack is; the frame's address would take the function that this becomes part of a register. */
	char here;

	/* What release builds do in place, debug builds call; and AddressSanitizer would object. */
	if (HMI_DEBUG) {
		hmi_stack_touch();
		return;
	}
	/* allowed: the read must happen, though nobody uses what it finds; no other thread is concerned */
	(void)*(const volatile char *)((uintptr_t)&here - HMI_STACK_PAGE);
}

/* Unless that stack was touched before: it stays as it is. */
static inline void
hmi_stack_touch_once(struct hm_ctx *ctx)
{
#if defined(HMI_ASAN)
	/* A variable may lie on the heap, where it is poisoned when its function returns. */
	uintptr_t low = (uintptr_t)__builtin_frame_address(0) - HMI_STACK_BYTES;
#else
	char here;
	uintptr_t low = (uintptr_t)&here - HMI_STACK_BYTES;
#endif

	if (likely(low - ctx->stack_low < HMI_STACK_SAME))
		return;
	hmi_stack_touch();
	ctx->stack_low = low;
}

/* The lcore alone writes; other threads read the count, and the handler of signals the mark. */
static inline uint64_t
hmi_sent_and_mark(const struct hm_ctx *ctx)
{
	return atomic_load_explicit(&ctx->sent_and_mark, memory_order_relaxed);
}

/* Where the compiler may not move it. */
static inline void
hmi_mark_store(struct hm_ctx *ctx, uint64_t sent_and_mark)
{
	rte_compiler_barrier();
	atomic_store_explicit(&ctx->sent_and_mark, sent_and_mark, memory_order_relaxed);
	rte_compiler_barrier();
}

static inline bool
hmi_mark_is_set(const struct hm_ctx *ctx)
{
	return (hmi_sent_and_mark(ctx) & HMI_MARK) != 0;
}

/* What the word is while the mark is not set. */
static inline uint64_t
hmi_mark_without(const struct hm_ctx *ctx)
{
	return hmi_sent_and_mark(ctx) & ~(uint64_t)HMI_MARK;
}

static inline void
hmi_mark_set(struct hm_ctx *ctx)
{
	hmi_mark_store(ctx, hmi_sent_and_mark(ctx) | HMI_MARK);
}

static inline void
hmi_mark_clear(struct hm_ctx *ctx)
{
	hmi_mark_store(ctx, hmi_mark_without(ctx));
}

/* Messages are sent. Whether the mark is set does not matter. */
static inline void
hmi_sent_add(struct hm_ctx *ctx, uint64_t count)
{
	atomic_store_explicit(&ctx->sent_and_mark, hmi_sent_and_mark(ctx) + HMI_SENT_ONE * count,
			      memory_order_relaxed);
}

/* Messages that were sent. Any thread. */
static inline uint64_t
hmi_sent(const struct hm_ctx *ctx)
{
	return hmi_sent_and_mark(ctx) / HMI_SENT_ONE;
}

/* The way, to another node, is longer than a call that has touched a page expects. */
static inline void
hmi_mark_touch(struct hm_ctx *ctx)
{
	hmi_mark_clear(ctx);
	hmi_stack_touch_once(ctx);
	hmi_mark_set(ctx);
}

struct hmi_mark {
	struct hm_ctx *ctx; /* NULL: of no lcore, or no function of a user runs */
	bool before;
};

static inline struct hmi_mark
hmi_mark_begin(struct hm_ctx *ctx)
{
	struct hmi_mark mark = { ctx, false };

	if (ctx == NULL || !ctx->in_user) {
		mark.ctx = NULL;
		return mark;
	}
	mark.before = hmi_mark_is_set(ctx);
	if (!mark.before)
		hmi_stack_touch_once(ctx);
	hmi_mark_set(ctx);
	return mark;
}

static inline void
hmi_mark_end(const struct hmi_mark *mark)
{
	if (mark->ctx == NULL)
		return;
	hmi_mark_store(mark->ctx, hmi_mark_without(mark->ctx) | (mark->before ? HMI_MARK : 0));
}

/*
 * As HMI_MARKED, for calls that cannot afford it, do nothing but change the engine's structures, and send nothing. Returns
 * what hmi_mark_restore is told at each end.
 */
static inline uint64_t
hmi_mark_save(struct hm_ctx *ctx)
{
	uint64_t before = hmi_sent_and_mark(ctx);

	hmi_stack_touch_once(ctx);
	hmi_mark_store(ctx, before | HMI_MARK);
	return before;
}

static inline void
hmi_mark_restore(struct hm_ctx *ctx, uint64_t before)
{
	hmi_mark_store(ctx, before);
}

/* From here to the end of the block. */
#define HMI_MARKED(ctx) \
	__attribute__((cleanup(hmi_mark_end), unused)) const struct hmi_mark hmi_mark = hmi_mark_begin(ctx)

/*
 * The lcore that the calling thread runs, of whatever system, for calls that take no ctx: an actor may make them, too.
 * NULL: the thread is no lcore's.
 */
struct hm_ctx *hmi_ctx_of_thread(void);

/* As HMI_MARKED, where there is no ctx. */
#define HMI_MARKED_HERE() HMI_MARKED(hmi_ctx_of_thread())

/* The lcore of a cache; of that of external threads, the thread's, if it is one. */
static inline struct hm_ctx *
hmi_ctx_of_cache(struct hmi_msg_cache *cache)
{
	return cache->number != 0 ? container_of(cache, struct hm_ctx, cache) : hmi_ctx_of_thread();
}

#endif /* MARK_PVT_H */
