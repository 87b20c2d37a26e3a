/* SPDX-License-Identifier: Apache-2.0 */
/* What is done in those worlds of the fuzz target of actors that are wide. */
#include "fuzz_actors.h"

uint64_t
key_take(void)
{
	return hm_key(&(uint8_t){ (uint8_t)pick(8) }, 1);
}

/* ---- Buffers that are kept beyond their messages --------------------------------------------------- */

void
wide_hold(const struct hm_msg *msg)
{
	struct hm_buffer *buffer = hm_msg_buffer(msg), **held;
	struct hm_header header = { NULL, NULL };
	uint32_t headers = 0;

	while (hm_msg_headers_next(msg, &header))
		headers++;
	HMT_CHECK(headers == hm_msg_headers_count(msg), "%u headers, not %u", headers,
		  hm_msg_headers_count(msg));
	if (buffer == NULL)
		return;
	HMT_CHECK(*(uint32_t *)hm_buffer_data(buffer) == 0xb0ff, "a buffer of a message is not what it was");
	held = &world.held[pick(CALLS)];
	hm_buffer_put(*held);
	*held = hm_buffer_get(buffer);
}

/* ---- In the actors' turns --------------------------------------------------------------------------- */

static void
on_found(struct hm_ctx *ctx, void *state, const char *path, struct hm_pid pid, void *arg)
{
	struct state *s = state;

	HMT_CHECK((path == NULL) == hm_pid_is_none(pid), "a path and its actor do not fit");
	HMT_CHECK(s->magic == (uintptr_t)arg, "actor %u: found what another state has looked for", s->index);
	state_check(s, ctx);
	deed_do(ctx, s);
}

static void
path_watch(struct hm_ctx *ctx, struct actor *me)
{
	struct hm_pid pid = hm_pid_none();
	struct actor *whom;

	if (hm_watch_path(ctx, path_take(), &pid) != HM_OK)
		return;
	world.selections++;
	whom = actor_of(pid);
	if (whom != NULL)
		me->watches[index_of(whom)] = true;
}

static void
subscribe_no_more(struct hm_ctx *ctx)
{
	if (pick(2) == 0)
		hm_dead_letters_unsubscribe(world.node.sys, hm_self(ctx));
	else
		hm_supervision_unsubscribe(world.node.sys, hm_self(ctx));
}

/* What it has taken is handed on, sent or freed later, or left to the engine. */
static void
taken_use(struct hm_ctx *ctx, struct state *s)
{
	struct actor *whom = anybody();
	struct hm_msg *msg = s->taken;

	if (msg == NULL) {
		s->taken_is_new = hm_msg_keep(ctx, &s->taken) == HM_OK;
		return;
	}
	whom->reordered = true;
	s->taken = NULL;
	switch (pick(4)) {
	case 0:
		hm_msg_free(ctx, msg);
		break;
	case 1:
		(void)hm_msg_send(ctx, whom->pid, msg);
		break;
	default:
		if (hm_msg_forward(ctx, pid_of(whom), msg) != HM_OK)
			s->taken = msg;
		break;
	}
}

void
wide_do(struct hm_ctx *ctx, struct state *s)
{
	struct actor *me = &world.actors[s->index];
	const struct note nobodys = { ACTORS_MAX, ACTORS_MAX, 0 };
	struct hm_buffer **held;

	switch (pick(18)) {
	case 0:
		path_watch(ctx, me);
		break;
	case 1:
		world.selections++;
		(void)hm_select_request(ctx, path_take(), note_type(), &nobodys);
		break;
	case 2:
	case 3:
		world.selections++;
		(void)!hm_select_all(ctx, path_take(), on_found, life(s));
		break;
	case 4:
		hm_receive_timeout_cancel(ctx);
		me->timeout_us = 0;
		break;
	case 5:
		subscribe_no_more(ctx);
		break;
	case 6:
		child_spawn(ctx, me, true);
		break;
	case 7:
		held = &world.held[pick(CALLS)];
		hm_buffer_put(*held);
		*held = NULL;
		break;
	case 8:
		stop_maybe();
		break;
	case 9:
		task_add(pid_to_end(anybody()));
		break;
	case 10:
		task_change();
		break;
	case 11:
	case 12:
		taken_use(ctx, s);
		break;
	case 13:
	case 14:
	case 15:
	case 16:
		events_do(ctx, s);
		break;
	default: {
		struct hm_pid from = pid_of(anybody()), to = pid_of(anybody());

		(void)hm_request_from(ctx, to, from, note_type(), &nobodys);
		break;
	}
	}
}

/* ---- From outside ----------------------------------------------------------------------------------- */

static void
call_end(struct hm_call **call)
{
	if (*call == NULL)
		return;
	(void)!hm_call_result(*call, NULL);
	hm_call_free(*call);
	*call = NULL;
}

static void
call_make(struct hm_pid to)
{
	const struct note nobodys = { ACTORS_MAX, ACTORS_MAX, 0 };
	struct hm_call **call = &world.calls_out[pick(CALLS)];

	call_end(call);
	(void)!hm_system_request(world.node.sys, to, note_type(), &nobodys, time_take(), call);
}

static void
found(const char *path, struct hm_pid pid, void *arg)
{
	(void)arg;
	HMT_CHECK(path != NULL && !hm_pid_is_none(pid), "nobody was found");
}

void
wide_step(void)
{
	const struct note nobodys = { ACTORS_MAX, ACTORS_MAX, 0 };
	struct actor *whom = anybody();
	struct hm_call **call = &world.calls_out[pick(CALLS)];

	switch (pick(12)) {
	case 0:
	case 1:
		call_make(pid_of(whom));
		break;
	case 2:
		if (*call != NULL)
			hm_call_cancel(*call);
		break;
	case 3:
		(void)hm_system_send_buffer(world.node.sys, pid_of(whom), note_type(), &nobodys,
					    buffer_make());
		break;
	case 4:
		world.selections++;
		(void)hm_system_select_send(world.node.sys, path_take(), note_type(), &nobodys);
		break;
	case 5:
		actor_spawn(true);
		break;
	case 6:
		(void)!hm_system_select(world.node.sys, path_take(), found, NULL);
		break;
	case 7:
		task_add(pid_to_end(whom));
		break;
	case 8:
		task_change();
		break;
	case 9:
	case 10:
		events_step();
		break;
	default:
		stop_maybe();
		break;
	}
}

void
wide_end(void)
{
	for (uint32_t i = 0; i < CALLS; i++) {
		call_end(&world.calls_out[i]);
		hm_buffer_put(world.held[i]);
		world.held[i] = NULL;
	}
}
