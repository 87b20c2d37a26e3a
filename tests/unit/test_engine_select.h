/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_SELECT_H
#define TEST_ENGINE_SELECT_H

/*
 * A small tree of actors, and what one of them selects.
 *
 *     /user ─┬─ asker ── w1, w2        asks, on lcore 0
 *            └─ pool ─┬─ w1 ── deep
 *                     ├─ w2            on lcore 1
 *                     └─ other
 */

#include <criterion/criterion.h>

#include "hm_select.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

struct select_scene {
	struct hmt_node node;
	struct hmt_probe asker, own[2], pool, workers[3], deep;
};

struct select_child {
	struct hmt_probe *probe;
	const char *name;
	uint32_t lcore;
};

static inline void
select_child_spawn(struct hm_ctx *ctx, void *arg)
{
	const struct select_child *child = arg;

	cr_assert_eq(hmt_probe_child(ctx, child->probe, child->lcore, child->name), 0);
}

static inline void
select_spawn(struct select_scene *s, const struct hmt_probe *parent, struct hmt_probe *probe, uint32_t lcore,
	     const char *name)
{
	struct select_child child = { probe, name, lcore };

	hmt_do(&s->node, parent->pid, select_child_spawn, &child);
}

static inline void
select_start(struct select_scene *s)
{
	memset(s, 0, sizeof(*s));
	hmt_node_start(&s->node, 2);
	hmt_probe_spawn(&s->node, &s->asker, 0, "asker");
	hmt_probe_spawn(&s->node, &s->pool, 1, "pool");
	select_spawn(s, &s->asker, &s->own[0], 0, "w1");
	select_spawn(s, &s->asker, &s->own[1], 1, "w2");
	select_spawn(s, &s->pool, &s->workers[0], 0, "w1");
	select_spawn(s, &s->pool, &s->workers[1], 1, "w2");
	select_spawn(s, &s->pool, &s->workers[2], 1, "other");
	select_spawn(s, &s->workers[0], &s->deep, 0, "deep");
}

/* What an actor selects, and how it was answered. */
struct select_call {
	const char *path;
	uint64_t number;
	enum hm_result result;
	int rc;
	/* listed */
	char paths[16][64];
	struct hm_pid pids[16];
	uint32_t found, ends;
	/* asked */
	uint32_t replies;
	enum hm_future_result ended;
	uint64_t answer;
	/* watched */
	struct hm_pid who;
};

static inline void
select_send(struct hm_ctx *ctx, void *arg)
{
	struct select_call *call = arg;

	call->result = hm_select_send(ctx, call->path, HMT_NUMBER, &call->number);
}

/* The asker sends to a path: that is answered well, whomever it names. */
static inline void
select_send_path(struct select_scene *s, const char *path)
{
	struct select_call call = { .path = path, .number = 5 };

	hmt_do(&s->node, s->asker.pid, select_send, &call);
	cr_assert_eq(call.result, HM_OK, "%s", path);
}

static inline void
select_listed(struct hm_ctx *ctx, void *state, const char *path, struct hm_pid pid, void *arg)
{
	struct select_call *call = arg;

	(void)ctx;
	cr_assert_not_null(*(struct hmt_probe **)state);
	cr_assert_eq((path == NULL), hm_pid_is_none(pid));
	cr_assert_eq(call->ends, 0);
	if (path == NULL) {
		call->ends++;
		return;
	}
	if (call->found < RTE_DIM(call->pids)) {
		snprintf(call->paths[call->found], sizeof(call->paths[0]), "%s", path);
		call->pids[call->found] = pid;
	}
	call->found++;
}

static inline void
select_list(struct hm_ctx *ctx, void *arg)
{
	struct select_call *call = arg;

	call->rc = hm_select_all(ctx, call->path, select_listed, call);
	cr_assert_eq(call->found + call->ends, 0, "not before it returns");
}

/* Whether a list has an actor, once. */
static inline bool
select_has(const struct select_call *call, const struct hmt_probe *probe)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < RTE_MIN(call->found, RTE_DIM(call->pids)); i++)
		count += hm_pid_equal(call->pids[i], probe->pid);
	return count == 1;
}

static inline uint32_t
select_links(const struct hmt_node *node)
{
	uint32_t links = 0;

	for (uint32_t i = 0; i < node->sys->lcores_count; i++)
		links += node->sys->lcores[i]->links.count;
	return links;
}

#endif /* TEST_ENGINE_SELECT_H */
