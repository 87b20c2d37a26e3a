/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actor of a router: routees come and go.
 *
 * What changes its table, its members and messages is marked as the engine's. What it sends by public calls marks itself, and may
 * pass through stages of middleware, which are the user's: so the whole function is not.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "actor_pvt.h"
#include "counter_pvt.h"
#include "hm_provider.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "router_pvt.h"

/* A routee that has lived so long may end again at once. */
#define LIFE_NS      1000000000u
#define DELAY_US     1000u
#define DELAY_MAX_US 1000000u
/* When a routee is poisoned that was taken out: what was on its way to it has arrived. */
#define LEAVE_US 1000u
/* When to try again without memory. */
#define RETRY_US 10000u

/* Characters of a number, with its end. */
#define NUMBER_SIZE 24

static bool
is_pool(const struct hmi_router *router)
{
	return router->config.props != NULL;
}

/* Each change that is published later, for want of memory, is published by that. */
static void
fill_later(struct hm_ctx *ctx, struct hmi_router *router, uint64_t delay_us)
{
	if (router->is_filling)
		return;
	router->is_filling =
		hm_send_after(ctx, hm_self(ctx), HMI_ROUTER_FILL, NULL, delay_us, 0, NULL) == HM_OK;
}

static int
table_publish(struct hm_ctx *ctx, struct hmi_router *router)
{
	HMI_MARKED(ctx);
	return hmi_router_publish(router, router->is_ending);
}

static void
publish(struct hm_ctx *ctx, struct hmi_router *router)
{
	if (table_publish(ctx, router) != 0)
		fill_later(ctx, router, RETRY_US);
}

static int
member_add(struct hm_ctx *ctx, struct hmi_router *router, struct hm_pid pid, bool is_own)
{
	HMI_MARKED(ctx);
	return hmi_router_member_add(router, pid, is_own);
}

static void
member_remove(struct hm_ctx *ctx, struct hmi_router *router, uint32_t index)
{
	HMI_MARKED(ctx);
	hmi_router_member_remove(router, index);
}

/* ---- A pool's own routees -------------------------------------------------------------- */

static int
own_spawn(struct hm_ctx *ctx, struct hmi_router *router)
{
	char name[NUMBER_SIZE];
	struct hm_spawning child = { .props = router->config.props, .args = router->config.args };
	struct hm_pid pid;
	int rc = member_add(ctx, router, hm_pid_none(), true);

	if (rc != 0)
		return rc;
	if (router->is_named) {
		snprintf(name, sizeof(name), "%" PRIu64, ++router->serial);
		child.name = name;
	}
	if (child.props->lcore == HM_LCORE_KEY) {
		child.key = router->members[router->count - 1].id;
		child.has_key = true;
	}
	rc = hmi_spawn_as(ctx, &child, HMI_SPAWN_ROUTEE, &pid);
	if (rc != 0) {
		member_remove(ctx, router, router->count - 1);
		return rc;
	}
	router->members[router->count - 1].pid = pid;
	router->members[router->count - 1].born_ns = hm_now_ns(ctx);
	return 0;
}

int
hmi_router_fill(struct hm_ctx *ctx, struct hmi_router *router)
{
	int rc = 0;

	while (rc == 0 && router->own < router->wanted)
		rc = own_spawn(ctx, router);
	return rc;
}

/* A group's, and others that were added. */
static bool
all_watch(struct hm_ctx *ctx, struct hmi_router *router)
{
	bool all = true;

	for (uint32_t i = 0; i < router->count; i++) {
		struct hmi_router_member *member = &router->members[i];

		if (!member->is_own && !member->is_watched)
			member->is_watched = hm_watch(ctx, member->pid) == HM_OK;
		all &= member->is_own || member->is_watched;
	}
	return all;
}

/* Make what is missing: routees, watches, the table. */
static void
complete(struct hm_ctx *ctx, struct hmi_router *router)
{
	uint32_t count = router->count;
	bool all;

	if (router->is_ending)
		return;
	all = hmi_router_fill(ctx, router) == 0;
	all &= all_watch(ctx, router);
	if (router->count != count || router->is_stale)
		publish(ctx, router);
	if (!all)
		fill_later(ctx, router, RETRY_US);
	hmi_router_pull(ctx, router);
}

/* Those that end as soon as they begin are not to take all of the lcore's time. */
static void
own_gone(struct hm_ctx *ctx, struct hmi_router *router, uint64_t born_ns)
{
	if (hm_now_ns(ctx) - born_ns >= LIFE_NS) {
		router->delay_us = 0;
		complete(ctx, router);
		return;
	}
	router->delay_us = RTE_MIN(RTE_MAX(2 * router->delay_us, DELAY_US), DELAY_MAX_US);
	fill_later(ctx, router, router->delay_us);
}

/* ---- The end ----------------------------------------------------------------------------- */

/* Who sends from here on finds no routee. */
static void
end_begin(struct hm_ctx *ctx, struct hmi_router *router)
{
	if (router->is_ending)
		return;
	router->is_ending = true;
	publish(ctx, router);
	(void)hmi_router_pull_drop(ctx, router, HM_DEAD_STOPPED);
}

static void
end_look(struct hm_ctx *ctx, const struct hmi_router *router)
{
	if (router->is_ending && hm_children_count(ctx) == 0)
		hm_stop(ctx, hm_self(ctx));
}

/* Its own routees handle what they have, and what waits for them. */
static void
poisoned(struct hm_ctx *ctx, struct hmi_router *router)
{
	router->is_draining = true;
	if (router->is_ending || router->queue.count > 0)
		return;
	end_begin(ctx, router);
	for (uint32_t i = 0; i < router->count; i++) {
		if (router->members[i].is_own)
			(void)hm_poison(ctx, router->members[i].pid);
	}
	end_look(ctx, router);
}

/* It restarts: its children stop first, and others come. */
static void
restarting(struct hm_ctx *ctx, struct hmi_router *router)
{
	for (uint32_t i = router->count; i-- > 0;) {
		if (router->members[i].is_own)
			member_remove(ctx, router, i);
	}
	publish(ctx, router);
}

static void
terminated(struct hm_ctx *ctx, struct hmi_router *router, const struct hm_terminated *gone)
{
	uint32_t i = hmi_router_member_find(router, gone->who);

	if (i < router->count) {
		struct hmi_router_member member = router->members[i];

		member_remove(ctx, router, i);
		if (!router->is_ending)
			publish(ctx, router);
		if (!router->is_ending && member.is_own)
			own_gone(ctx, router, member.born_ns);
		if (router->is_draining)
			poisoned(ctx, router);
	}
	end_look(ctx, router);
}

/* ---- Orders -------------------------------------------------------------------------------- */

static int
add(struct hm_ctx *ctx, struct hmi_router *router, struct hm_pid pid)
{
	int rc;

	if (hm_pid_is_none(pid) || hm_pid_equal(pid, hm_self(ctx)))
		return -EINVAL;
	if (hmi_router_member_find(router, pid) < router->count)
		return -EEXIST;
	/* A pool that has fewer than it should keeps their room. */
	if (router->count - router->own + router->wanted >= HM_ROUTEES_MAX)
		return -ENOSPC;
	rc = member_add(ctx, router, pid, false);
	if (rc == 0 && table_publish(ctx, router) != 0) {
		member_remove(ctx, router, router->count - 1);
		rc = -ENOMEM;
	}
	if (rc == 0)
		complete(ctx, router);
	return rc;
}

/* Nobody takes its place. Lcores that have the old table may still have sent to it. */
static void
own_leave(struct hm_ctx *ctx, struct hmi_router *router, uint32_t index)
{
	struct hm_routee leaving = { router->members[index].pid };

	member_remove(ctx, router, index);
	router->wanted--;
	if (hm_send_after(ctx, hm_self(ctx), HMI_ROUTER_LEAVE, &leaving, LEAVE_US, 0, NULL) != HM_OK)
		(void)hm_poison(ctx, leaving.pid);
}

static int
remove_one(struct hm_ctx *ctx, struct hmi_router *router, struct hm_pid pid)
{
	uint32_t i = hmi_router_member_find(router, pid);

	if (i == router->count)
		return -ENOENT;
	if (router->members[i].is_own) {
		own_leave(ctx, router, i);
	} else {
		hm_unwatch(ctx, pid);
		member_remove(ctx, router, i);
	}
	publish(ctx, router);
	return 0;
}

static void
shrink(struct hm_ctx *ctx, struct hmi_router *router, uint32_t wanted)
{
	for (uint32_t i = router->count; i-- > 0 && router->own > wanted;) {
		if (router->members[i].is_own)
			own_leave(ctx, router, i);
	}
	/* Those that were missing are not missed any more. */
	router->wanted = wanted;
	publish(ctx, router);
}

static int
adjust(struct hm_ctx *ctx, struct hmi_router *router, int32_t by)
{
	int64_t wanted = (int64_t)router->wanted + by;

	if (!is_pool(router) || wanted < 1)
		return -EINVAL;
	if (wanted + (router->count - router->own) > HM_ROUTEES_MAX)
		return -ENOSPC;
	if (by < 0) {
		shrink(ctx, router, (uint32_t)wanted);
	} else {
		router->wanted = (uint32_t)wanted;
		complete(ctx, router);
	}
	return 0;
}

static void
resize(struct hm_ctx *ctx, struct hmi_router *router)
{
	uint32_t wanted =
		router->is_ending || router->is_draining ? router->wanted : hmi_router_resize(ctx, router);

	/* There may be no room beside those that were added. */
	if (wanted != router->wanted)
		(void)adjust(ctx, router, (int32_t)wanted - (int32_t)router->wanted);
}

/* Again and again. Without memory it does not resize itself. */
static void
resizer_start(struct hm_ctx *ctx, const struct hmi_router *router)
{
	uint64_t interval_us = router->resizer.interval_us;

	if (interval_us != 0)
		(void)hm_send_after(ctx, hm_self(ctx), HMI_ROUTER_RESIZE, NULL, interval_us, interval_us,
				    NULL);
}

static void
done(struct hm_ctx *ctx, const struct hmi_router *router, int error)
{
	struct hm_router_done body = { .error = error, .count = router->count };

	if (!hm_pid_is_none(hm_sender(ctx)))
		(void)hm_respond(ctx, HM_ROUTER_DONE, &body);
}

/* Nobody waits for an answer for which there is no memory longer than for any other. */
static void
list(struct hm_ctx *ctx, const struct hmi_router *router)
{
	uint32_t count = router->is_ending ? 0 : router->count;
	struct hm_pid to = hm_sender(ctx);
	struct hm_routees *body;
	struct hm_msg *msg;

	if (hm_pid_is_none(to))
		return;
	msg = hm_msg_alloc(ctx, HM_ROUTEES, sizeof(*body) + count * sizeof(body->pids[0]));
	if (msg == NULL)
		return;
	HMI_MARKED(ctx);
	body = hm_msg_body_mut(msg);
	*body = (struct hm_routees){ .count = count };
	for (uint32_t i = 0; i < count; i++)
		body->pids[i] = router->members[i].pid;
	msg->sender = hm_self(ctx);
	hmi_sent_add(ctx, 1);
	(void)hmi_post(ctx, to, msg);
}

static void
order(struct hm_ctx *ctx, struct hmi_router *router, const struct hm_msg *msg)
{
	const void *body = hm_msg_body(msg);
	int rc = -ESHUTDOWN;

	if (router->is_ending)
		;
	else if (hm_msg_type(msg) == HM_ROUTER_ADD)
		rc = add(ctx, router, ((const struct hm_routee *)body)->pid);
	else if (hm_msg_type(msg) == HM_ROUTER_REMOVE)
		rc = remove_one(ctx, router, ((const struct hm_routee *)body)->pid);
	else
		rc = adjust(ctx, router, ((const struct hm_router_change *)body)->by);
	done(ctx, router, rc);
}

void
hmi_router_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hmi_router *router = *(struct hmi_router **)state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		/* A restart drops timers. */
		router->is_filling = false;
		resizer_start(ctx, router);
		complete(ctx, router);
		break;
	case HM_RESTARTING:
		restarting(ctx, router);
		break;
	case HM_STOPPING:
		end_begin(ctx, router);
		break;
	case HM_TERMINATED:
		terminated(ctx, router, hm_msg_body(msg));
		break;
	case HMI_ROUTER_FILL:
		router->is_filling = false;
		complete(ctx, router);
		break;
	case HMI_ROUTER_RESIZE:
		resize(ctx, router);
		break;
	case HMI_ROUTER_LEAVE:
		(void)hm_poison(ctx, ((const struct hm_routee *)hm_msg_body(msg))->pid);
		break;
	case HMI_ROUTER_POISON:
		poisoned(ctx, router);
		break;
	case HM_TOUCHED:
		hmi_router_pull_idle(ctx, router, ((const struct hm_touched *)hm_msg_body(msg))->who);
		if (router->is_draining)
			poisoned(ctx, router);
		break;
	case HM_ROUTER_ADD:
	case HM_ROUTER_REMOVE:
	case HM_ROUTER_ADJUST:
		order(ctx, router, msg);
		break;
	case HM_ROUTER_LIST:
		list(ctx, router);
		break;
	default:
		/* Of a balancing one: others' are routed before they come here. */
		if (hm_msg_type(msg) >= HM_TYPE_USER && hm_msg_type(msg) < HM_TYPE_RESERVED)
			hmi_router_pull_message(ctx, router);
		break;
	}
}
