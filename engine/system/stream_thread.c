/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the thread of a stream calls.
 */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "check_pvt.h"
#include "external_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "rcu_pvt.h"
#include "shortage_pvt.h"
#include "stream_pvt.h"
#include "type_pvt.h"
#include "wake_pvt.h"

#define SECOND_NS 1000000000u

/* Between two tries of a thread that waits for message memory. */
#define MEMORY_PAUSE_US 1000u

struct hm_pid
hm_stream_pid(const struct hm_stream *stream)
{
	return stream->pid;
}

int
hm_stream_fd(const struct hm_stream *stream)
{
	return stream->bell.fd;
}

uint32_t
hm_stream_count(const struct hm_stream *stream)
{
	return hmi_stream_count(stream);
}

/* ---- The lcore is told ---------------------------------------------------------------------- */

/* While nothing runs the thread does itself what the lcore would do. Returns false: something runs. */
static bool
look_direct(struct hm_system *sys, struct hm_ctx *ctx)
{
	bool alone;

	hmi_control_lock(sys);
	alone = hmi_is_single_threaded(sys);
	if (alone) {
		hmi_rcu_enter();
		hmi_streams_look(ctx);
		hmi_rcu_leave();
	}
	pthread_mutex_unlock(&sys->control);
	return alone;
}

void
hmi_stream_tell(struct hm_stream *stream)
{
	struct hm_system *sys = stream->sys;
	struct hm_ctx *ctx = sys->lcores[hmi_local_lcore(stream->pid.local)];

	if (!hmi_is_single_threaded(sys) || !look_direct(sys, ctx))
		hmi_worker_ask(&ctx->worker);
}

static inline bool
is_wanted(const struct hm_stream *stream)
{
	return atomic_load_explicit(&stream->wanted, memory_order_relaxed);
}

/* The thread has put something in, or taken something out: whether the lcore waits for that is looked at behind a fence, or while hot. */
static inline void
tell_if_wanted(struct hm_stream *stream)
{
	if (unlikely(is_wanted(stream)) &&
	    atomic_exchange_explicit(&stream->wanted, false, memory_order_relaxed))
		hmi_stream_tell(stream);
}

/* ---- Waiting ------------------------------------------------------------------------------------ */

static uint64_t
monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* The end of a time-out that begins now; UINT64_MAX: none. */
static uint64_t
until_ns(uint64_t timeout_us)
{
	uint64_t now = monotonic_ns();

	return timeout_us > (UINT64_MAX - now) / 1000 - 1 ? UINT64_MAX : now + timeout_us * 1000;
}

/* Wait for the bell. Returns false: the time is up. */
static bool
bell_await(const struct hm_stream *stream, uint64_t until)
{
	struct pollfd poll = { .fd = stream->bell.fd, .events = POLLIN };
	uint64_t now = monotonic_ns(), ns = until > now ? until - now : 0;
	struct timespec time;

	if (ns == 0)
		return false;
	/* A far end is as good as none, and fits. */
	if (ns > UINT64_C(1) << 60)
		ns = UINT64_C(1) << 60;
	time = (struct timespec){ .tv_sec = (time_t)(ns / SECOND_NS), .tv_nsec = (long)(ns % SECOND_NS) };
	/* allowed: this thread is no lcore */
	(void)ppoll(&poll, 1, &time, NULL);
	return true;
}

/* ---- Reading ---------------------------------------------------------------------------------------- */

/* Take a burst out of the ring. Returns whether there was any. */
static bool
burst_take(struct hm_stream *stream)
{
	stream->taken_next = 0;
	stream->taken_count = hmi_stream_pop(stream, stream->taken);
	if (stream->taken_count == 0)
		return false;
	hmi_wake_fence(); /* ST3 */
	/* Not for each place: the process would be woken for one message. */
	if (unlikely(is_wanted(stream)) && hmi_stream_count(stream) <= stream->size / 2)
		tell_if_wanted(stream);
	return true;
}

static enum hm_result
burst_find(struct hm_stream *stream)
{
	bool ended;

	if (likely(burst_take(stream)))
		return HM_OK;
	hmi_bell_arm(&stream->bell);
	/* Before the last look at the ring. */
	ended = atomic_load_explicit(&stream->ended, memory_order_acquire); /* ST4 */
	if (burst_take(stream)) {
		/* There may be more, and whoever waits in between must find it. */
		hmi_bell_write(&stream->bell);
		return HM_OK;
	}
	if (!ended)
		return HM_WOULD_BLOCK;
	hmi_bell_write(&stream->bell);
	return HM_CLOSED;
}

static void
current_release(struct hm_stream *stream)
{
	if (stream->current == NULL)
		return;
	hmi_msg_release(stream->cache, stream->current);
	stream->current = NULL;
}

enum hm_result
hm_stream_read(struct hm_stream *stream, const struct hm_msg **msg)
{
	enum hm_result result;

	if (stream == NULL || msg == NULL || stream->is_writer)
		return HM_INVALID;
	HMI_MARKED_HERE();
	current_release(stream);
	if (stream->taken_next == stream->taken_count) {
		result = burst_find(stream);
		if (result != HM_OK)
			return result;
	}
	*msg = stream->current = stream->taken[stream->taken_next++];
	return HM_OK;
}

enum hm_result
hm_stream_read_wait(struct hm_stream *stream, const struct hm_msg **msg, uint64_t timeout_us)
{
	enum hm_result result = hm_stream_read(stream, msg);
	uint64_t until;

	if (likely(result != HM_WOULD_BLOCK) || timeout_us == 0)
		return result;
	until = until_ns(timeout_us);
	while (result == HM_WOULD_BLOCK && bell_await(stream, until))
		result = hm_stream_read(stream, msg);
	return result;
}

/* ---- Writing ---------------------------------------------------------------------------------------- */

static bool
has_ended(const struct hm_stream *stream)
{
	return atomic_load_explicit(&stream->ended, memory_order_acquire); /* ST4 */
}

/* HM_OK: there is room for a message. */
static enum hm_result
room_find(struct hm_stream *stream)
{
	if (unlikely(has_ended(stream)))
		return HM_CLOSED;
	if (likely(hmi_stream_has_room(stream)))
		return HM_OK;
	hmi_bell_arm(&stream->bell);
	if (has_ended(stream)) {
		hmi_bell_write(&stream->bell);
		return HM_CLOSED;
	}
	if (!hmi_stream_has_room(stream))
		return HM_WOULD_BLOCK;
	hmi_bell_write(&stream->bell);
	return HM_OK;
}

/* Few go to the depot. */
static struct hm_msg *
message_make(struct hm_stream *stream, uint16_t type, const void *body, enum hm_result *result)
{
	struct hm_system *sys = stream->sys;
	struct hm_msg *msg;

	hmi_check_body(sys, type, body, "hm_stream_write");
	msg = hmi_msg_make_small(sys->types->small, stream->cache, type, body);
	if (unlikely(msg == NULL))
		msg = hmi_msg_make(sys, stream->cache, type, body, result);
	if (unlikely(msg == NULL) && *result == HM_NO_MEMORY)
		hmi_no_memory_external(sys, type);
	return msg;
}

/* Behind a message: while the lcore looks by itself the compiler's order is enough, see hmi_barrier. */
static inline void
write_fence(const struct hm_stream *stream)
{
	atomic_signal_fence(memory_order_seq_cst); /* ST3 */
	if (unlikely(!atomic_load_explicit(&stream->hot, memory_order_relaxed)))
		hmi_wake_fence();                  /* ST3 */
	atomic_signal_fence(memory_order_seq_cst); /* ST3 */
}

enum hm_result
hm_stream_write(struct hm_stream *stream, uint16_t type, const void *body)
{
	enum hm_result result;
	struct hm_msg *msg;

	if (stream == NULL || !stream->is_writer || (stream->type != 0 && stream->type != type))
		return HM_INVALID;
	HMI_MARKED_HERE();
	result = room_find(stream);
	if (result != HM_OK)
		return result;
	msg = message_make(stream, type, body, &result);
	if (unlikely(msg == NULL))
		return result;
	/* It counts as sent when the lcore takes it out. */
	hmi_stream_push(stream, &msg, 1);
	write_fence(stream);
	tell_if_wanted(stream);
	/* It may have ended meanwhile, and not looked since. */
	if (unlikely(has_ended(stream)))
		hmi_stream_tell(stream);
	return HM_OK;
}

enum hm_result
hm_stream_write_wait(struct hm_stream *stream, uint16_t type, const void *body, uint64_t timeout_us)
{
	enum hm_result result = hm_stream_write(stream, type, body);
	uint64_t until;

	if (likely(result == HM_OK) || timeout_us == 0)
		return result;
	until = until_ns(timeout_us);
	while (result == HM_WOULD_BLOCK || result == HM_NO_MEMORY) {
		/* With room in the ring the bell is rung: memory is waited for by time alone. */
		if (result == HM_NO_MEMORY) {
			const struct timespec pause = { .tv_nsec = 1000L * MEMORY_PAUSE_US };

			if (monotonic_ns() >= until)
				break;
			/* allowed: this thread is no lcore */
			nanosleep(&pause, NULL);
		} else if (!bell_await(stream, until)) {
			break;
		}
		result = hm_stream_write(stream, type, body);
	}
	return result;
}
