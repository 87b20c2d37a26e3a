/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_HEADER_H
#define TEST_ENGINE_HEADER_H

/*
 * Two actors: one makes messages with headers, the other one writes down what it finds.
 */

#include "hm_header.h"
#include "test_engine_memory.h"

/* What a receiver found. */
struct found {
	uint32_t messages, count;
	uint64_t number;
	char trace[32], tenant[32], all[128];
	struct hm_pid forward_to; /* nobody: it stays */
};

static inline void
keep(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text != NULL ? text : "(none)");
}

static inline void
find(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_header header = { NULL, NULL };
	struct found *found = probe->arg;

	if (hm_msg_type(msg) < HM_TYPE_USER && hm_msg_type(msg) != HM_DEAD_LETTER)
		return;
	found->messages++;
	found->count = hm_msg_headers_count(msg);
	found->number = hm_msg_length(msg) == sizeof(uint64_t) ? *(const uint64_t *)hm_msg_body(msg) : 0;
	keep(found->trace, sizeof(found->trace), hm_msg_header(msg, "trace"));
	cr_assert_null(hm_msg_header(msg, NULL));
	keep(found->tenant, sizeof(found->tenant), hm_msg_header(msg, "tenant"));
	found->all[0] = '\0';
	while (strlen(found->all) < sizeof(found->all) / 2 && hm_msg_headers_next(msg, &header))
		snprintf(found->all + strlen(found->all), sizeof(found->all) - strlen(found->all), "%s=%s;",
			 header.key, header.value);
	if (!hm_pid_is_none(found->forward_to))
		cr_assert_eq(hm_forward(ctx, found->forward_to), HM_OK);
}

/* Two actors: one does, one finds. */
struct scene {
	struct hmt_node node;
	struct hmt_probe from, to;
	struct found found;
};

static struct scene scene;

static inline void
scene_start(uint32_t from_lcore, uint32_t to_lcore, uint64_t memory)
{
	hmt_node_start_with(&scene.node, 3, memory, NULL);
	scene.to.on_msg = find;
	scene.to.arg = &scene.found;
	hmt_probe_spawn(&scene.node, &scene.to, to_lcore, NULL);
	hmt_probe_spawn(&scene.node, &scene.from, from_lcore, NULL);
	hmt_turn_until_idle(&scene.node);
}

static inline void
scene_do(void (*fn)(struct hm_ctx *ctx, void *arg), void *arg)
{
	hmt_do(&scene.node, scene.from.pid, fn, arg);
}

static inline void
scene_end(void)
{
	hmt_node_end(&scene.node);
}

static inline struct hm_msg *
number_new(struct hm_ctx *ctx)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	cr_assert_not_null(msg);
	*(uint64_t *)hm_msg_body_mut(msg) = 42;
	return msg;
}

/* A text of so many characters, until the next one. */
static inline const char *
text_of(size_t length)
{
	static char text[HM_HEADERS_BYTES_MAX + 1];

	memset(text, 'x', length);
	text[length] = '\0';
	return text;
}

#endif /* TEST_ENGINE_HEADER_H */
