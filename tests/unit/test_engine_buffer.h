/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_BUFFER_H
#define TEST_ENGINE_BUFFER_H

/*
 * Two actors: one sends bytes of the test's own, whose frees are counted; the other one writes down what it finds.
 */

#include <errno.h>

#include "hm_buffer.h"
#include "hm_header.h"
#include "test_engine_memory.h"

/* Bytes of the test's own, and how often they were freed. */
#define BYTES 300000u

static unsigned char bytes[BYTES];
static uint32_t freed;

static inline void
count_free(void *data, void *arg)
{
	cr_assert_eq(data, (void *)bytes);
	cr_assert_eq(arg, &freed);
	freed++;
}

static inline struct hm_buffer *
wrap(struct hm_system *sys)
{
	struct hm_buffer *buffer = NULL;

	cr_assert_eq(hm_buffer_wrap(sys, bytes, BYTES, count_free, &freed, &buffer), 0);
	cr_assert_not_null(buffer);
	return buffer;
}

/* What a receiver found. */
struct found {
	uint32_t messages, freed_then; /* how often they had been freed by then */
	const void *data;
	size_t length;
	uint64_t number;
	bool keep;
	struct hm_buffer *kept;
	struct hm_pid forward_to;
};

static inline void
find(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct found *found = probe->arg;

	if (hm_msg_type(msg) < HM_TYPE_USER)
		return;
	found->messages++;
	found->freed_then = freed;
	found->data = hm_msg_data(msg, &found->length);
	cr_assert_eq(hm_msg_data(msg, NULL), found->data);
	cr_assert_eq(hm_msg_buffer(msg) == NULL, found->data == NULL);
	found->number = *(const uint64_t *)hm_msg_body(msg);
	if (found->keep)
		found->kept = hm_buffer_get(hm_msg_buffer(msg));
	if (!hm_pid_is_none(found->forward_to))
		cr_assert_eq(hm_forward(ctx, found->forward_to), HM_OK);
}

struct scene {
	struct hmt_node node;
	struct hmt_probe from, to;
	struct found found;
	struct hm_pid receiver; /* `to`, unless the case says otherwise */
	enum hm_result result;
};

static struct scene scene;

static inline void
begin_with(uint32_t to_lcore, uint64_t memory, const char *options)
{
	freed = 0;
	scene = (struct scene){ .to = { .on_msg = find, .arg = &scene.found } };
	hmt_node_start_with(&scene.node, 3, memory, options);
	scene.receiver = hmt_probe_spawn(&scene.node, &scene.to, to_lcore, NULL);
	hmt_probe_spawn(&scene.node, &scene.from, 0, NULL);
	hmt_turn_until_idle(&scene.node);
}

static inline void
begin(uint32_t to_lcore)
{
	begin_with(to_lcore, 0, NULL);
}

static inline void
act(void (*fn)(struct hm_ctx *ctx, void *arg), void *arg)
{
	hmt_do(&scene.node, scene.from.pid, fn, arg);
}

static inline void
send_wrapped(struct hm_ctx *ctx, void *arg)
{
	uint64_t number = 42;

	(void)arg;
	scene.result = hm_send_buffer(ctx, scene.receiver, HMT_NUMBER, &number, wrap(hm_system(ctx)));
}

#endif /* TEST_ENGINE_BUFFER_H */
