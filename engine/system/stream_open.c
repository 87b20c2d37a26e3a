/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams are opened and closed by their threads, and freed by the next one that does so, or with the system.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "actor_pvt.h"
#include "external_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "rcu_pvt.h"
#include "lcore_setup_pvt.h"
#include "stream_pvt.h"

/* ---- Memory ------------------------------------------------------------------------------- */

static void
stream_free(struct hm_stream *stream)
{
	free(stream->cache);
	hmi_bell_fini(&stream->bell);
	hmi_lane_destroy(&stream->in);
	free(stream);
}

/*
 * A cache of free messages for the stream's thread, of the smallest class alone: others would hide more memory than they are
 * worth. As that of all external threads it belongs to no lcore.
 */
static int
cache_new(struct hm_system *sys, struct hm_stream *stream)
{
	stream->cache = malloc(sizeof(*stream->cache));
	if (stream->cache == NULL)
		return -ENOMEM;
	hmi_msg_cache_init(stream->cache, &sys->pool, true);
	/* What is taken from the depot is a magazine. */
	stream->cache->capacity = 2 * sys->pool.batch[0];
	return 0;
}

/* Returns 0, -EINVAL, -ENOMEM or an errno of eventfd. */
static int
stream_new(struct hm_system *sys, const struct hm_stream_config *config, struct hm_stream **out)
{
	uint32_t size = config->size != 0 ? config->size : HM_STREAM_SIZE_DEFAULT;
	struct hm_stream *stream;
	int rc;

	if (size > HM_STREAM_SIZE_MAX)
		return -EINVAL;
	stream = aligned_alloc(_Alignof(struct hm_stream), sizeof(*stream));
	if (stream == NULL)
		return -ENOMEM;
	memset(stream, 0, sizeof(*stream));
	stream->sys = sys;
	stream->size = size;
	stream->type = config->type;
	rc = hmi_bell_init(&stream->bell);
	if (rc == 0)
		rc = cache_new(sys, stream);
	if (rc == 0)
		rc = hmi_lane_create(&stream->in, rte_align32pow2(size), SOCKET_ID_ANY);
	if (rc != 0) {
		stream_free(stream);
		return rc;
	}
	stream->out = hmi_lane_receiver(&stream->in);
	stream->may_be_hot = hmi_barrier_init();
	*out = stream;
	return 0;
}

static bool
is_free(const struct hm_stream *stream)
{
	return atomic_load_explicit(&stream->done, memory_order_acquire); /* ST6 */
}

/* Free what nobody uses any more. */
static void
reap(struct hm_system *sys)
{
	struct hm_stream **at = &sys->streams, *stream;

	while ((stream = *at) != NULL) {
		if (!is_free(stream)) {
			at = &stream->next_of_system;
			continue;
		}
		*at = stream->next_of_system;
		stream_free(stream);
	}
}

static void
stream_add(struct hm_system *sys, struct hm_stream *stream)
{
	hmi_control_lock(sys);
	reap(sys);
	stream->next_of_system = sys->streams;
	sys->streams = stream;
	pthread_mutex_unlock(&sys->control);
}

/* It has never had a process. */
static void
stream_remove(struct hm_system *sys, struct hm_stream *stream)
{
	struct hm_stream **at = &sys->streams;

	hmi_control_lock(sys);
	while (*at != stream)
		at = &(*at)->next_of_system;
	*at = stream->next_of_system;
	pthread_mutex_unlock(&sys->control);
	stream_free(stream);
}

/* What the thread has taken, and its free messages. */
static void
thread_release(struct hm_stream *stream)
{
	if (stream->current != NULL)
		hmi_msg_release(stream->cache, stream->current);
	stream->current = NULL;
	hmi_msg_cache_fini(stream->cache);
}

/* Messages that are still in it go back before the pool goes. */
static void
messages_release(struct hm_system *sys, struct hm_stream *stream)
{
	struct hm_msg *msgs[HMI_STREAM_BURST];
	uint32_t n;

	thread_release(stream);
	while (stream->taken_next < stream->taken_count)
		hmi_msg_release(&sys->external, stream->taken[stream->taken_next++]);
	while ((n = hmi_stream_pop(stream, msgs)) > 0) {
		for (uint32_t i = 0; i < n; i++)
			hmi_msg_release(&sys->external, msgs[i]);
	}
}

void
hmi_streams_destroy(struct hm_system *sys)
{
	struct hm_stream *stream;

	while ((stream = sys->streams) != NULL) {
		sys->streams = stream->next_of_system;
		messages_release(sys, stream);
		/* ST5. A thread that still has it closes it, and frees it then. */
		if (atomic_load_explicit(&stream->closed, memory_order_acquire)) {
			stream_free(stream);
			continue;
		}
		stream->sys = NULL;
		atomic_store_explicit(&stream->ended, true, memory_order_release); /* ST4 */
		hmi_bell_write(&stream->bell);
	}
}

/* ---- Open ------------------------------------------------------------------------------------ */

struct open_call {
	struct hmi_call call; /* first */
	struct hm_spawning child;
	struct hm_stream *stream;
};

static void
open_run(struct hm_ctx *ctx, struct hmi_call *call)
{
	struct open_call *open = (struct open_call *)call;
	struct hm_stream *stream = open->stream;
	int rc = hmi_spawn_under(ctx, ctx->sys->system, &open->child, &stream->pid);

	if (rc == 0 && hmi_local_lcore(stream->pid.local) == hmi_index(ctx))
		hmi_stream_list(ctx, stream);
	(void)hmi_call_finish(call, rc, NULL);
}

/* As hm_system_spawn: while lcore 0 has an inject ring that is full, again. */
static int
process_spawn(struct hm_system *sys, struct hm_stream *stream, const char *name)
{
	struct open_call *open;
	int rc;

	do {
		open = hmi_call_new(sys, sizeof(*open), open_run);
		if (open == NULL)
			return -ENOMEM;
		open->stream = stream;
		open->child = (struct hm_spawning){
			.props = stream->is_writer ? &hmi_stream_writer_props : &hmi_stream_reader_props,
			.name = name,
			.args = &stream,
		};
		rc = hmi_call_do(sys, &open->call, NULL);
	} while (rc == -EAGAIN && !hmi_is_single_threaded(sys) && sched_yield() == 0);
	return rc;
}

static int
open_as(struct hm_system *sys, const struct hm_stream_config *config, const struct hm_pid *to,
	struct hm_stream **out)
{
	static const struct hm_stream_config defaults = { 0 };
	struct hm_stream *stream;
	int rc;

	if (sys == NULL || out == NULL || (to != NULL && hm_pid_is_none(*to)))
		return -EINVAL;
	if (config == NULL)
		config = &defaults;
	HMI_MARKED_HERE();
	rc = stream_new(sys, config, &stream);
	if (rc != 0)
		return rc;
	if (to != NULL) {
		stream->is_writer = true;
		stream->to = *to;
		/* There is room. */
		hmi_bell_write(&stream->bell);
	}
	stream_add(sys, stream);
	rc = process_spawn(sys, stream, config->name);
	if (rc != 0)
		stream_remove(sys, stream);
	else
		*out = stream;
	return rc;
}

int
hm_stream_open_reader(struct hm_system *sys, const struct hm_stream_config *config, struct hm_stream **stream)
{
	return open_as(sys, config, NULL, stream);
}

int
hm_stream_open_writer(struct hm_system *sys, const struct hm_stream_config *config, struct hm_pid to,
		      struct hm_stream **stream)
{
	return open_as(sys, config, &to, stream);
}

/* ---- Close ----------------------------------------------------------------------------------- */

void
hm_stream_close(struct hm_stream *stream)
{
	struct hm_system *sys;

	if (stream == NULL)
		return;
	HMI_MARKED_HERE();
	sys = stream->sys;
	if (sys == NULL) {
		stream_free(stream);
		return;
	}
	thread_release(stream);
	hmi_control_lock(sys);
	atomic_store_explicit(&stream->closed, true, memory_order_release); /* ST5 */
	/* The lock keeps it: nobody else frees it meanwhile. */
	hmi_stream_tell(stream);
	reap(sys);
	pthread_mutex_unlock(&sys->control);
}
