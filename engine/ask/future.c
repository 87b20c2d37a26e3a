/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures: a process on the asking actor's lcore that takes one answer.
 *
 *     pending ──(answer, deadline, dead letter)──▶ done ──(owner's turn)──▶ slot is free
 *
 * The answer itself is handed to the owner's mailbox, behind what came before it, so that
 * a reply does not overtake a message of the same sender. From done on, every further answer
 * is a dead letter; once the slot is free the PID is stale, with the same effect.
 *
 * An actor's futures that wait are a list, from the youngest on, so that they end with it.
 */
#include <assert.h>

#include "engine_pvt.h"
#include "counter_pvt.h"

static void
deadline_fire(void *worker, struct hmi_timer *timer)
{
	hmi_future_fail(hmi_ctx_of(worker), container_of(timer, struct hmi_cell, future.timer),
			HM_FUTURE_TIMEOUT);
}

struct hmi_cell *
hmi_future_new(struct hm_ctx *ctx, uint64_t timeout_us)
{
	struct hmi_cell *cell = hmi_cells_get(&ctx->cells);
	uint64_t now_ns;

	if (cell == NULL)
		return NULL;
	/* Not the time of the turn's start, which may be older than the timeout. */
	now_ns = ctx->worker.now_ns = hmi_clock_ns(ctx->worker.clock);
	cell->kind = HMI_CELL_FUTURE;
	cell->future.timer.fire = deadline_fire;
	if (timeout_us > (UINT64_MAX - now_ns) / 1000)
		timeout_us = (UINT64_MAX - now_ns) / 1000;
	hmi_wheel_add(&ctx->worker.wheel, &cell->future.timer, now_ns + timeout_us * 1000);
	return cell;
}

static struct hmi_cell *
cell_of(const struct hm_ctx *ctx, uint32_t slot)
{
	return hmi_cells_at(&ctx->cells, (uint64_t)slot << 32);
}

static void
owner_add(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_cell *cell)
{
	uint32_t older = owner->actor.futures;

	cell->future.owner = hmi_pid_of(ctx, owner).local;
	cell->future.older = older;
	if (older != 0)
		cell_of(ctx, older)->future.younger = cell->slot;
	owner->actor.futures = cell->slot;
}

static void
owner_remove(struct hm_ctx *ctx, struct hmi_cell *owner, const struct hmi_cell *cell)
{
	uint32_t older = cell->future.older, younger = cell->future.younger;

	if (older != 0)
		cell_of(ctx, older)->future.younger = younger;
	if (younger != 0)
		cell_of(ctx, younger)->future.older = older;
	else
		owner->actor.futures = older;
}

/* From here on nothing but a mailbox knows the future. */
static void
future_close(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result)
{
	cell->future.done = true;
	cell->future.result = (uint8_t)result;
	hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
	if (cell->future.owner != 0)
		owner_remove(ctx, hmi_cells_at(&ctx->cells, cell->future.owner), cell);
}

/* Put what ends the future into its owner's mailbox. */
static void
owner_notify(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg)
{
	struct hmi_cell *owner = hmi_cells_at(&ctx->cells, cell->future.owner);

	/* A future that waits does not outlive its owner. */
	assert(owner->generation == (uint32_t)cell->future.owner);
	msg->flags = HMI_MSG_REPLY;
	hmi_fifo_push(&owner->box, msg);
	hmi_schedule(ctx, owner);
}

static int
waiter_rc(enum hm_future_result result)
{
	return result == HM_FUTURE_TIMEOUT ? -ETIMEDOUT : -ENOENT;
}

void
hmi_future_fail(struct hm_ctx *ctx, struct hmi_cell *cell, enum hm_future_result result)
{
	struct hm_msg *msg;

	if (cell->future.done)
		return;
	future_close(ctx, cell, result);
	if (cell->future.owner == 0) {
		hmi_call_finish(cell->future.waiter, waiter_rc(result), NULL);
		hmi_cells_put(&ctx->cells, cell);
		return;
	}
	msg = hmi_control(&ctx->cache, HM_TYPE_NONE, 0);
	msg->to = hmi_pid_of(ctx, cell).local;
	owner_notify(ctx, cell, msg);
}

static void
future_reply(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if (cell->future.done) {
		hmi_dead(ctx, msg, HM_DEAD_LATE_REPLY);
		return;
	}
	future_close(ctx, cell, HM_FUTURE_REPLY);
	if (cell->future.owner == 0) {
		hmi_count(&ctx->stats.received, 1);
		hmi_call_finish(cell->future.waiter, 0, msg);
		hmi_msg_release(&ctx->cache, msg);
		hmi_cells_put(&ctx->cells, cell);
	} else {
		owner_notify(ctx, cell, msg);
	}
}

void
hmi_future_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	if ((msg->flags & (HMI_MSG_SYSTEM | HMI_MSG_POISON)) == 0) {
		future_reply(ctx, cell, msg);
		return;
	}
	if (msg->type == HM_SYS_UNDELIVERED)
		hmi_future_fail(ctx, cell, HM_FUTURE_DEAD_LETTER);
	else if (msg->type == HM_SYS_WATCH)
		hmi_terminated_post(ctx, msg->sender, hmi_pid_of(ctx, cell), HM_TERMINATED_NOT_FOUND);
	hmi_msg_release(&ctx->cache, msg);
}

void
hmi_future_reply(struct hm_ctx *ctx, struct hm_msg *msg)
{
	struct hmi_cell *cell = hmi_cells_at(&ctx->cells, msg->to);
	hm_reply_fn *on_reply = cell->future.on_reply;
	void *arg = cell->future.arg;
	enum hm_future_result result = cell->future.result;

	hmi_cells_put(&ctx->cells, cell);
	msg->flags = 0;
	on_reply(ctx, hmi_cell_state(ctx->cell), result, result == HM_FUTURE_REPLY ? msg : NULL, arg);
}

void
hmi_future_drop(struct hm_ctx *ctx, struct hm_msg *msg, enum hm_dead_reason reason)
{
	struct hmi_cell *cell = hmi_cells_at(&ctx->cells, msg->to);
	enum hm_future_result result = cell->future.result;

	hmi_cells_put(&ctx->cells, cell);
	msg->flags = 0;
	if (result == HM_FUTURE_REPLY)
		hmi_dead(ctx, msg, reason);
	else
		hmi_msg_release(&ctx->cache, msg);
}

/* A future of the running actor. */
static struct hmi_cell *
future_own(struct hm_ctx *ctx, uint64_t timeout_us, hm_reply_fn *on_reply, void *arg)
{
	struct hmi_cell *cell = hmi_future_new(ctx, timeout_us);

	if (cell != NULL) {
		owner_add(ctx, ctx->cell, cell);
		cell->future.on_reply = on_reply;
		cell->future.arg = arg;
	}
	return cell;
}

static void
future_take_back(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
	owner_remove(ctx, ctx->cell, cell);
	hmi_cells_put(&ctx->cells, cell);
}

void
hmi_futures_drop(struct hm_ctx *ctx, struct hmi_cell *owner)
{
	for (uint32_t slot = owner->actor.futures, older; slot != 0; slot = older) {
		struct hmi_cell *cell = cell_of(ctx, slot);

		older = cell->future.older;
		hmi_wheel_cancel(&ctx->worker.wheel, &cell->future.timer);
		hmi_cells_put(&ctx->cells, cell);
	}
	owner->actor.futures = 0;
}

enum hm_result
hm_ask(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body, uint64_t timeout_us,
       hm_reply_fn *on_reply, void *arg)
{
	enum hm_result result;
	struct hmi_cell *cell;
	struct hm_msg *msg;

	if (unlikely(timeout_us == 0 || on_reply == NULL))
		return HM_INVALID;
	if (unlikely(hm_pid_is_none(to)))
		return HM_NO_RECEIVER;
	msg = hmi_msg_make(ctx->sys, &ctx->cache, type, body, &result);
	if (unlikely(msg == NULL)) {
		if (result == HM_NO_MEMORY)
			hmi_count(&ctx->stats.no_memory, 1);
		return result;
	}
	cell = future_own(ctx, timeout_us, on_reply, arg);
	if (unlikely(cell == NULL)) {
		hmi_msg_release(&ctx->cache, msg);
		return HM_NO_MEMORY;
	}
	if (unlikely(to.node != ctx->node))
		cell->future.node = hmi_node_meet(ctx, to.node);
	msg->sender = hmi_pid_of(ctx, cell);
	msg->flags = HMI_MSG_REQUEST;
	hmi_count(&ctx->stats.sent, 1);
	return hmi_post(ctx, to, msg);
}

/* ---- Paths ---------------------------------------------------------------------- */

static void
identity_post(struct hm_ctx *ctx, struct hm_pid to, const char *path)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HM_IDENTITY, sizeof(struct hm_identity));
	struct hm_identity *body = hm_msg_body_mut(msg);

	msg->flags = 0;
	hmi_count(&ctx->stats.sent, 1);
	if (hmi_name_find(&ctx->sys->names, path, &body->pid) != 0)
		body->pid = hm_pid_none();
	(void)hmi_post(ctx, to, msg);
}

static int
resolve_remote(struct hm_ctx *ctx, const char *address, struct hm_pid reply_to)
{
	struct hm_system *sys = ctx->sys;
	struct hm_pid core = { ctx->node, hmi_local(sys->provider_lcore, HMI_SLOT_CORE, 1) };
	size_t length = strlen(address) + 1;
	struct hm_msg *msg;

	if (sys->provider_ops == NULL || sys->provider_ops->resolve == NULL)
		return -ENETUNREACH;
	msg = hmi_control(&ctx->cache, HMI_CORE_RESOLVE, length);
	msg->sender = reply_to;
	memcpy(msg->body, address, length);
	(void)hmi_post(ctx, core, msg);
	return 0;
}

/* "node/path" behind the scheme, both not empty and not too long. */
static bool
address_valid(const char *rest)
{
	const char *slash = strchr(rest, '/');

	return slash != NULL && slash > rest && slash - rest <= HM_NAME_MAX && slash[1] != '\0' &&
	       strlen(slash) < HM_PATH_MAX;
}

/* Whether "node/path" names this node. */
static bool
is_own(const struct hm_system *sys, const char *rest)
{
	size_t length = strlen(hm_system_name(sys));

	return strncmp(rest, hm_system_name(sys), length) == 0 && rest[length] == '/';
}

int
hm_resolve(struct hm_ctx *ctx, const char *address, uint64_t timeout_us, hm_reply_fn *on_reply, void *arg)
{
	size_t scheme = strlen(HMI_SCHEME);
	bool remote = address != NULL && strncmp(address, HMI_SCHEME, scheme) == 0;
	struct hmi_cell *cell;
	int rc = 0;

	if (address == NULL || on_reply == NULL || timeout_us == 0 ||
	    (remote ? !address_valid(address + scheme) : address[0] != '/' || strlen(address) >= HM_PATH_MAX))
		return -EINVAL;
	if (remote && is_own(ctx->sys, address + scheme)) {
		address = strchr(address + scheme, '/');
		remote = false;
	}
	cell = future_own(ctx, timeout_us, on_reply, arg);
	if (cell == NULL)
		return -ENOMEM;
	if (remote)
		rc = resolve_remote(ctx, address + scheme, hmi_pid_of(ctx, cell));
	else
		identity_post(ctx, hmi_pid_of(ctx, cell), address);
	if (rc != 0)
		future_take_back(ctx, cell);
	return rc;
}
