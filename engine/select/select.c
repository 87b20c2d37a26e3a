/* SPDX-License-Identifier: Apache-2.0 */
#include "hm_select.h"

#include <errno.h>
#include <stdlib.h>

#include "annex_pvt.h"
#include "ask_pvt.h"
#include "check_pvt.h"
#include "counter_pvt.h"
#include "dead_pvt.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"
#include "receive_pvt.h"
#include "select_pvt.h"
#include "shortage_pvt.h"

/* What an actor sends to several, or lists; or to another node, which has to be asked first. */
struct selection {
	struct hmi_link link;   /* first: pid.local is its number */
	struct hm_msg *msg;     /* of which each receiver gets a copy; NULL: it lists */
	hm_select_fn *on_found; /* lists */
	void *arg;
	bool has_matched, has_sent, is_refused; /* by a stage of middleware, if it was not sent */
	char *address;                          /* of another node; NULL: of this one */
	struct hmi_walk walk;                   /* if of this node */
};

/* ---- Messages ------------------------------------------------------------------------ */

static struct hm_msg *
msg_made(struct hm_ctx *ctx, struct hm_msg *msg, uint16_t type, struct hm_pid sender, enum hm_result result)
{
	if (msg != NULL)
		msg->sender = sender;
	else if (result == HM_NO_MEMORY)
		hmi_no_memory(ctx, type);
	return msg;
}

static struct hm_msg *
msg_make(struct hm_ctx *ctx, uint16_t type, const void *body, struct hm_pid sender, enum hm_result *result)
{
	struct hm_msg *msg = hmi_msg_make(ctx->sys, &ctx->cache, type, body, result);

	return msg_made(ctx, msg, type, sender, *result);
}

/* What may find nobody: with room to say by which path it was sent. */
static struct hm_msg *
msg_lossy(struct hm_ctx *ctx, uint16_t type, const void *body, struct hm_pid sender, enum hm_result *result)
{
	struct hm_msg *msg = hmi_msg_make_word(ctx->sys, &ctx->cache, type, body, result);

	return msg_made(ctx, msg, type, sender, *result);
}

/* It reaches nobody; who waits for an answer is told. */
static void
msg_lose(struct hm_ctx *ctx, struct hm_msg *msg, const char *path, enum hm_dead_reason reason)
{
	/* It is a dead letter all the same if there is no room for the path. */
	(void)hmi_header_set(&ctx->cache, msg, HM_DEAD_LETTER_PATH, path);
	hmi_sent_add(ctx, 1);
	hmi_dead_to(ctx, ctx->sys->dead_letters, msg, reason);
}

static void
msg_post(struct hm_ctx *ctx, struct hm_msg *msg, struct hm_pid to)
{
	hmi_sent_add(ctx, 1);
	(void)hmi_post(ctx, to, msg);
}

/* A copy for one of several. Returns whether there was memory for it; if not, that is a dead letter. */
static bool
msg_copy(struct hm_ctx *ctx, const struct hm_msg *msg, struct hm_pid to)
{
	enum hm_result result;
	struct hm_msg *copy = msg_make(ctx, msg->type, hm_msg_body(msg), msg->sender, &result);
	const struct hm_dead_letter letter = { .to = to,
					       .sender = msg->sender,
					       .type = msg->type,
					       .length = msg->length,
					       .reason = HM_DEAD_NO_MEMORY };

	if (copy != NULL) {
		copy->flags = msg->flags;
		msg_post(ctx, copy, to);
		return true;
	}
	hmi_sent_add(ctx, 1);
	hm_dead_letter_report(ctx, &letter);
	return false;
}

/* ---- Through the stages of middleware ----------------------------------------------------- */

/* A copy on its way through them. */
struct through {
	struct hmi_send how; /* first */
	uint8_t flags;
};

static enum hm_result
copy_last(struct hm_ctx *ctx, const struct hmi_send *how, struct hm_pid to, struct hm_msg *msg)
{
	enum hm_result result;

	if (!hmi_msg_take(ctx, msg, "hm_send_next"))
		return HM_INVALID;
	HMI_MARKED(ctx);
	msg->sender = how->sender;
	msg->flags |= container_of(how, struct through, how)->flags;
	hmi_guard_handed(msg);
	result = hmi_post(ctx, to, msg);
	hmi_sent_add(ctx, result == HM_OK);
	return result;
}

/* The stages are no part of the engine, which may be in the middle of a call. `lost`: goes with one that fails. */
static enum hm_result
copy_send(struct hm_ctx *ctx, const struct hm_msg *msg, struct hm_pid to, struct hmi_owned *lost)
{
	const struct through through = { .how = { .last = copy_last, .sender = msg->sender },
					 .flags = msg->flags & HMI_MSG_REQUEST };
	struct hmi_owned *before = ctx->lost;
	bool is_marked = hmi_mark_is_set(ctx);
	enum hm_result result;

	ctx->lost = lost;
	hmi_mark_clear(ctx);
	result = hmi_send_body_through(ctx, &through.how, to, msg->type, hm_msg_body(msg));
	if (is_marked)
		hmi_mark_set(ctx);
	ctx->lost = before;
	if (result != HM_OK)
		hmi_send_refused(ctx, to, msg->type, result);
	return result;
}

/* ---- Life of a selection ----------------------------------------------------------------- */

static void
selection_give_up(struct hm_ctx *ctx, struct selection *s, enum hm_dead_reason reason)
{
	if (s->msg != NULL && !s->has_sent)
		msg_lose(ctx, s->msg, s->address != NULL ? s->address : s->walk.pattern, reason);
	else if (s->msg != NULL)
		hmi_msg_release(&ctx->cache, s->msg);
	free(s);
}

/* The owner ends. */
static void
selection_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct selection *s = container_of(owned, struct selection, link.owned);

	(void)owner;
	hmi_link_unhash(&ctx->links, &s->link);
	selection_give_up(ctx, s, HM_DEAD_NO_PATH);
}

static const struct hmi_owned_ops selection_ops = {
	.drop = selection_drop,
	.may_move = hmi_link_may_move,
	.leave = hmi_link_leave,
	.arrive = hmi_link_arrive,
	.is_awaited = true,
};

bool
hmi_selections_shut_down(struct hm_ctx *ctx)
{
	bool any = false;

	for (uint32_t i = 0; i <= ctx->links.mask; i++) {
		for (struct hmi_link *link = ctx->links.buckets[i], *next; link != NULL; link = next) {
			next = link->hash_next;
			if (link->kind != HMI_LINK_SELECTION)
				continue;
			hmi_link_remove(&ctx->links, link);
			selection_give_up(ctx, (struct selection *)(void *)link, HM_DEAD_SHUTDOWN);
			any = true;
		}
	}
	return any;
}

/* A selection of the running actor, of another node's address if one is given. NULL: no memory. */
static struct selection *
selection_new(struct hm_ctx *ctx, const char *address)
{
	size_t length = address != NULL ? strlen(address) + 1 : 0;
	struct selection *s = malloc(sizeof(*s) + length);

	if (s == NULL)
		return NULL;
	memset(s, 0, offsetof(struct selection, walk));
	if (address != NULL) {
		s->address = (char *)(s + 1);
		memcpy(s->address, address, length);
	}
	s->link.kind = HMI_LINK_SELECTION;
	s->link.pid = (struct hm_pid){ 0, hmi_local(hmi_index(ctx), 0, 0) | ++ctx->select_serial };
	hmi_link_add(&ctx->links, ctx->cell, hmi_slot_of(ctx, ctx->cell), &s->link, &selection_ops);
	return s;
}

/* The selection of the running actor that what continues it knows by its number; NULL: gone. */
static struct selection *
selection_find(struct hm_ctx *ctx, void *number)
{
	struct hm_pid pid = { 0, (uint64_t)(uintptr_t)number };

	return (struct selection *)(void *)hmi_link_find(&ctx->links, hmi_slot_of(ctx, ctx->cell),
							 HMI_LINK_SELECTION, pid);
}

static void *
number_of(const struct selection *s)
{
	return (void *)(uintptr_t)s->link.pid.local;
}

static void
selection_end(struct hm_ctx *ctx, struct selection *s, enum hm_dead_reason reason)
{
	hm_select_fn *on_found = s->on_found;
	void *arg = s->arg;

	hmi_link_remove(&ctx->links, &s->link);
	selection_give_up(ctx, s, reason);
	if (on_found != NULL)
		on_found(ctx, hmi_cell_state(ctx->cell), NULL, hm_pid_none(), arg);
}

/* One of several calls of a user's function: if it fails the others are not made. */
static void
list_call(struct hm_ctx *ctx, struct selection *s, const char *path, struct hm_pid pid)
{
	ctx->lost = &s->link.owned;
	s->on_found(ctx, hmi_cell_state(ctx->cell), path, pid, s->arg);
	ctx->lost = NULL;
	/* What this call has made is not lost if the next one fails. */
	(void)hmi_user_leave(ctx);
	hmi_user_enter(ctx);
}

static void
copy_through(struct hm_ctx *ctx, struct selection *s, struct hm_pid pid)
{
	enum hm_result result = copy_send(ctx, s->msg, pid, &s->link.owned);

	s->has_sent |= result == HM_OK;
	s->is_refused |= result != HM_OK && result != HM_NO_MEMORY;
}

static void
selection_found(struct hm_ctx *ctx, struct selection *s, const char *path, struct hm_pid pid)
{
	s->has_matched = true;
	if (s->msg == NULL)
		list_call(ctx, s, path, pid);
	else if (unlikely(ctx->sending != NULL))
		copy_through(ctx, s, pid);
	else
		s->has_sent |= msg_copy(ctx, s->msg, pid);
}

/* Why nobody got its message, if that is so. */
static enum hm_dead_reason
loss_of(const struct selection *s)
{
	if (s->is_refused)
		return HM_DEAD_REFUSED;
	return s->has_matched ? HM_DEAD_NO_MEMORY : HM_DEAD_NO_PATH;
}

/* ---- Of this node: a walk in portions -------------------------------------------------- */

static void portion_resume(struct hm_ctx *ctx, void *state, enum hm_future_result result,
			   const struct hm_msg *reply, void *number);

/* Have the next portion run in a later turn of the actor. Returns false: no slot. */
static bool
portion_later(struct hm_ctx *ctx, const struct selection *s)
{
	struct hmi_cell *cell = hmi_future_own(ctx, UINT64_MAX, portion_resume, number_of(s));

	if (cell == NULL)
		return false;
	hmi_future_fail(ctx, cell, HM_FUTURE_TIMEOUT);
	return true;
}

static void
portion_run(struct hm_ctx *ctx, struct selection *s)
{
	uint32_t steps = HMI_SELECT_PORTION;
	enum hmi_walk_result result;

	for (;;) {
		result = hmi_walk_next(&ctx->sys->paths, &s->walk, &steps);
		if (result == HMI_WALK_FOUND)
			selection_found(ctx, s, s->walk.path, s->walk.pid);
		else if (result == HMI_WALK_END)
			break;
		else if (portion_later(ctx, s))
			return;
		else
			/* Rather a long turn than half a selection. */
			steps = HMI_SELECT_PORTION;
	}
	selection_end(ctx, s, loss_of(s));
}

static void
portion_resume(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	       void *number)
{
	struct selection *s = selection_find(ctx, number);

	(void)state;
	(void)result;
	(void)reply;
	if (s != NULL)
		portion_run(ctx, s);
}

/* ---- Of another node: resolved first ----------------------------------------------------- */

/* The asker of a message to a node that is lost is told. */
static void
asker_of_node(struct hm_ctx *ctx, const struct hm_msg *msg, uint64_t node)
{
	struct hmi_cell *future;

	if ((msg->flags & HMI_MSG_REQUEST) == 0 || node == ctx->node)
		return;
	future = hmi_cell_live(ctx, msg->sender.local);
	if (future != NULL && future->ops == &hmi_future_ops)
		future->future.node = hmi_node_reference(ctx, node);
	else
		(void)hmi_claim_order(ctx, msg->sender, HMI_CLAIM_NODE, node);
}

static void
remote_resolved(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
		void *number)
{
	struct selection *s = selection_find(ctx, number);
	const struct hm_identity *identity = result == HM_FUTURE_REPLY ? hm_msg_body(reply) : NULL;

	(void)state;
	if (s == NULL)
		return;
	if (identity == NULL || hm_pid_is_none(identity->pid)) {
		selection_end(ctx, s, identity == NULL ? HM_DEAD_NO_NODE : HM_DEAD_NO_PATH);
		return;
	}
	if (s->msg != NULL)
		asker_of_node(ctx, s->msg, identity->pid.node);
	selection_found(ctx, s, s->address, identity->pid);
	selection_end(ctx, s, loss_of(s));
}

static int
remote_begin(struct hm_ctx *ctx, const struct selection *s)
{
	return hm_resolve(ctx, s->address, HM_SELECT_TIMEOUT_US, remote_resolved, number_of(s));
}

/* ---- Sending ------------------------------------------------------------------------------ */

static enum hm_dead_reason
refusal_reason(int rc)
{
	if (rc == -ENOMEM)
		return HM_DEAD_NO_MEMORY;
	return rc == -ENETUNREACH ? HM_DEAD_NO_NODE : HM_DEAD_NO_PATH;
}

/* To several, or to another node; takes the message over if that is HM_OK. */
static enum hm_result
send_by_selection(struct hm_ctx *ctx, const struct hmi_target *target, const char *path, struct hm_msg *msg)
{
	bool is_remote = target->kind == HMI_TARGET_REMOTE;
	struct selection *s = selection_new(ctx, is_remote ? path : NULL);
	int rc;

	if (s == NULL)
		return HM_NO_MEMORY;
	s->msg = msg;
	if (!is_remote) {
		hmi_walk_begin(&s->walk, target->pattern);
		portion_run(ctx, s);
		return HM_OK;
	}
	rc = remote_begin(ctx, s);
	if (rc != 0)
		selection_end(ctx, s, refusal_reason(rc));
	return HM_OK;
}

/* Anything but to one actor that was found; takes the message over if that is HM_OK. */
static enum hm_result
send_any(struct hm_ctx *ctx, const struct hmi_target *target, const char *path, struct hm_msg *msg)
{
	if (target->kind == HMI_TARGET_MANY || target->kind == HMI_TARGET_REMOTE)
		return send_by_selection(ctx, target, path, msg);
	msg_lose(ctx, msg, target->pattern, HM_DEAD_NO_PATH);
	return HM_OK;
}

/* Whether the target is one actor of this node, who exists. */
static bool
is_found(struct hm_ctx *ctx, const struct hmi_target *target, struct hm_pid *pid)
{
	return target->kind == HMI_TARGET_ONE && hmi_path_find(&ctx->sys->paths, target->pattern, pid) == 0;
}

static enum hm_result
send(struct hm_ctx *ctx, const char *path, uint16_t type, const void *body, bool has_sender)
{
	struct hmi_target target;
	enum hm_result result;
	struct hm_msg *msg;
	struct hm_pid pid;

	if (path == NULL)
		return HM_INVALID;
	hmi_target_read_here(&target, ctx, path);
	if (target.kind == HMI_TARGET_REMOTE_MANY)
		return HM_INVALID;
	if (is_found(ctx, &target, &pid))
		return has_sender ? hm_request(ctx, pid, type, body) : hm_send(ctx, pid, type, body);
	msg = msg_lossy(ctx, type, body, has_sender ? hmi_pid_of(ctx, ctx->cell) : hm_pid_none(), &result);
	if (msg == NULL)
		return result;
	HMI_MARKED(ctx);
	result = send_any(ctx, &target, path, msg);
	if (result != HM_OK)
		hmi_msg_release(&ctx->cache, msg);
	return result;
}

enum hm_result
hm_select_send(struct hm_ctx *ctx, const char *path, uint16_t type, const void *body)
{
	hmi_check_send(ctx, type, body, "hm_select_send");
	return send(ctx, path, type, body, false);
}

enum hm_result
hm_select_request(struct hm_ctx *ctx, const char *path, uint16_t type, const void *body)
{
	hmi_check_send(ctx, type, body, "hm_select_request");
	return send(ctx, path, type, body, true);
}

/* ---- Asking -------------------------------------------------------------------------------- */

static enum hm_result
ask_any(struct hm_ctx *ctx, const struct hmi_target *target, const char *path, struct hm_msg *msg,
	struct hmi_cell *future)
{
	enum hm_result result;

	msg->sender = hmi_pid_of(ctx, future);
	msg->flags = HMI_MSG_REQUEST;
	result = send_any(ctx, target, path, msg);
	if (result != HM_OK)
		hmi_future_undo(ctx, future);
	return result;
}

enum hm_result
hm_select_ask(struct hm_ctx *ctx, const char *path, uint16_t type, const void *body, uint64_t timeout_us,
	      hm_reply_fn *on_reply, void *arg)
{
	struct hmi_target target;
	struct hmi_cell *future;
	enum hm_result result;
	struct hm_msg *msg;
	struct hm_pid pid;

	hmi_check_send(ctx, type, body, "hm_select_ask");
	if (path == NULL || timeout_us == 0 || on_reply == NULL)
		return HM_INVALID;
	hmi_target_read_here(&target, ctx, path);
	if (target.kind == HMI_TARGET_REMOTE_MANY)
		return HM_INVALID;
	if (is_found(ctx, &target, &pid))
		return hm_ask(ctx, pid, type, body, timeout_us, on_reply, arg);
	msg = msg_lossy(ctx, type, body, hm_pid_none(), &result);
	if (msg == NULL)
		return result;
	HMI_MARKED(ctx);
	future = hmi_future_ask(ctx, timeout_us, on_reply, arg);
	result = future != NULL ? ask_any(ctx, &target, path, msg, future) : HM_NO_MEMORY;
	if (result != HM_OK)
		hmi_msg_release(&ctx->cache, msg);
	return result;
}

/* ---- Listing ------------------------------------------------------------------------------- */

static int
list_begin(struct hm_ctx *ctx, const struct hmi_target *target, struct selection *s)
{
	int rc;

	if (s->address == NULL) {
		hmi_walk_begin(&s->walk, target->pattern);
		rc = portion_later(ctx, s) ? 0 : -ENOMEM;
	} else {
		rc = remote_begin(ctx, s);
	}
	if (rc != 0) {
		s->on_found = NULL;
		selection_end(ctx, s, HM_DEAD_NO_MEMORY);
	}
	return rc;
}

int
hm_select_all(struct hm_ctx *ctx, const char *path, hm_select_fn *on_found, void *arg)
{
	struct hmi_target target;
	struct selection *s;

	if (ctx == NULL)
		return -EINVAL;
	hmi_check_ctx(ctx, "hm_select_all");
	if (path == NULL || on_found == NULL)
		return -EINVAL;
	hmi_target_read_here(&target, ctx, path);
	if (target.kind == HMI_TARGET_REMOTE_MANY)
		return -ENOTSUP;
	if (target.kind == HMI_TARGET_NONE)
		return -EINVAL;
	HMI_MARKED(ctx);
	s = selection_new(ctx, target.kind == HMI_TARGET_REMOTE ? path : NULL);
	if (s == NULL)
		return -ENOMEM;
	s->on_found = on_found;
	s->arg = arg;
	return list_begin(ctx, &target, s);
}
