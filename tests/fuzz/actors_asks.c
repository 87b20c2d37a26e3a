/* SPDX-License-Identifier: Apache-2.0 */
/* What the actors of the fuzz target do: what has an answer, and messages that they make. */
#include <stdlib.h>
#include <string.h>

#include "fuzz_actors.h"

static void
replies_check(const struct hm_msg *replies)
{
	uint32_t answered = 0;

	if (hm_msg_type(replies) != HM_REPLIES)
		return;
	for (uint32_t i = 0; i < hm_replies_count(replies); i++) {
		bool is_answer = hm_replies_get(replies, i) != NULL;

		HMT_CHECK(is_answer == (hm_replies_result(replies, i) == HM_FUTURE_REPLY),
			  "answer %u and its result do not fit", i);
		answered += is_answer;
	}
	HMT_CHECK(answered == hm_replies_answered(replies), "%u answers, not %u", answered,
		  hm_replies_answered(replies));
}

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct state *s = state;

	world.called++;
	HMT_CHECK(s->magic == (uintptr_t)arg, "actor %u: an answer to what another state has asked",
		  s->index);
	HMT_CHECK((result == HM_FUTURE_REPLY) == (reply != NULL) || hm_msg_type(reply) == HM_REPLIES,
		  "actor %u: result and answer do not fit", s->index);
	if (world.is_wide && reply != NULL) {
		wide_hold(reply);
		replies_check(reply);
	}
	state_check(s, ctx);
	deed_do(ctx, s);
}

void *
life(const struct state *s)
{
	return (void *)(uintptr_t)s->magic;
}

void
asked(enum hm_result result)
{
	world.asked += result == HM_OK;
}

void
ask_one(struct hm_ctx *ctx, struct state *s, const struct note *note, struct actor *whom)
{
	asked(hm_ask(ctx, pid_of(whom), note_type(), note, time_take(), on_reply, life(s)));
}

void
future_make(struct hm_ctx *ctx, struct actor *me)
{
	struct hm_future *future = &world.futures[pick(FUTURES)];
	struct actor *whom = anybody();
	struct note note = note_to(me, whom);
	uint64_t us = time_take();

	switch (pick(4)) {
	case 0:
		(void)hm_future_new(ctx, us, future);
		break;
	case 1:
		(void)hm_request_future(ctx, whom->pid, note_type(), &note, us, future);
		break;
	case 2:
		(void)hm_stop_future(ctx, whom->pid, us, future);
		break;
	default:
		(void)hm_poison_future(ctx, whom->pid, us, future);
		break;
	}
}

void
future_use(struct hm_ctx *ctx, struct state *s)
{
	struct hm_future odd = { pid_of(anybody()) };
	struct hm_future *future = pick(4) == 1 ? &odd : &world.futures[pick(FUTURES)];
	struct hm_pid pids[3] = { pid_of(anybody()), pid_of(anybody()), world.futures[pick(FUTURES)].pid };

	switch (pick(5)) {
	case 0:
		hm_future_cancel(ctx, *future);
		break;
	case 1:
		hm_future_release(ctx, *future);
		break;
	case 2:
		world.is_passed_on = true;
		(void)hm_pipe_to(ctx, *future, pids, 1 + pick(3));
		break;
	case 3:
		(void)hm_request_from(ctx, pids[0], future->pid, NOTE,
				      &(struct note){ ACTORS_MAX, ACTORS_MAX, 0 });
		break;
	default:
		asked(hm_reenter_after(ctx, *future, on_reply, life(s)));
		break;
	}
}

void
batch_ask(struct hm_ctx *ctx, struct state *s, struct actor *me)
{
	struct actor *whom[3] = { anybody(), anybody(), anybody() };
	struct note notes[3];
	struct hm_batch_request requests[3];
	struct hm_batch batch = { requests, 1 + pick(3), 0, time_take(), on_reply, life(s) };

	for (uint32_t i = 0; i < 3; i++) {
		notes[i] = note_to(me, whom[i]);
		requests[i] = (struct hm_batch_request){ whom[i]->pid, note_type(), &notes[i] };
	}
	batch.enough = pick(batch.count + 1);
	asked(hm_ask_batch(ctx, &batch));
}

static void
on_free(void *data, void *arg)
{
	(void)arg;
	HMT_CHECK(*(uint32_t *)data == 0xb0ff, "a buffer is not what it was");
	free(data);
	world.buffers_freed++;
}

struct hm_buffer *
buffer_make(void)
{
	uint32_t *data = malloc(sizeof(*data));
	struct hm_buffer *buffer;

	HMT_CHECK(data != NULL, "no memory");
	*data = 0xb0ff;
	if (hm_buffer_wrap(world.node.sys, data, sizeof(*data), on_free, NULL, &buffer) != 0) {
		free(data);
		return NULL;
	}
	world.buffers++;
	return buffer;
}

/* Made now; sent, asked, answered or freed now or later, or never. */
void
message_make(struct hm_ctx *ctx, struct state *s)
{
	struct actor *whom = anybody();
	struct note note = note_to(NULL, whom);
	struct hm_msg *msg = s->kept;
	uint32_t way = pick(7);

	if (s->stopped && way == 0)
		way = 1; /* nobody would free it */
	if (msg == NULL) {
		msg = hm_msg_new(ctx, note_type(), pick(64));
		if (msg == NULL)
			return;
		memcpy(hm_msg_body_mut(msg), &note, sizeof(note));
		if (pick(2) == 0)
			(void)hm_msg_header_set(ctx, msg, "seq", "1");
		if (pick(4) == 0)
			(void)hm_msg_headers_copy(ctx, msg);
		if (pick(3) == 0)
			(void)hm_msg_buffer_set(ctx, msg, buffer_make());
		if (pick(3) == 0)
			(void)hm_msg_reserve(msg, pick(64));
		s->kept_is_new = way == 0;
	}
	s->kept = NULL;
	if (way == 0)
		s->kept = msg;
	else if (way == 1)
		hm_msg_free(ctx, msg);
	else if (way == 2)
		(void)hm_msg_request(ctx, whom->pid, msg);
	else if (way == 3)
		(void)hm_msg_respond(ctx, msg);
	else if (way == 4)
		asked(hm_msg_ask(ctx, whom->pid, msg, time_take(), on_reply, life(s)));
	else
		(void)hm_msg_send(ctx, whom->pid, msg);
}

static void
work(const struct hm_work *self, void *args, void *result)
{
	(void)self;
	memcpy(result, args, sizeof(uint64_t));
}

const char *
path_take(void)
{
	static const char *const paths[] = { "/user/a*", "/user/a1/c*", "/user/**", "c*", "/user/a0",
					     "../a1",    "/user/none",  "x//",      ".." };

	return paths[pick(RTE_DIM(paths))];
}

static void
extension_destroy(void *value)
{
	(void)value;
	world.extensions_freed++;
}

void
other_do(struct hm_ctx *ctx, struct state *s)
{
	static const struct hm_extension extension = { .name = "fuzz", .destroy = extension_destroy };
	const char *path = path_take();
	struct hm_child_iter iter = { 0 };
	struct hm_pid child;
	uint64_t number = 7;
	uint32_t what = pick(8);

	world.selections += what == 1 || what == 2;
	switch (what) {
	case 0:
		if (hm_actor_extension_set(ctx, &extension, (void *)(uintptr_t)(world.extensions + 1)) == 0)
			world.extensions++;
		break;
	case 1:
		(void)hm_select_send(ctx, path, HMT_EMPTY, NULL);
		break;
	case 2:
		asked(hm_select_ask(ctx, path, HMT_EMPTY, NULL, time_take(), on_reply, life(s)));
		break;
	case 3:
		asked(hm_resolve(ctx, path, time_take(), on_reply, life(s)) == 0 ? HM_OK : HM_INVALID);
		break;
	case 4:
		(void)hm_offload(ctx, work, &number, sizeof(number), RESULT, &world.calls[pick(TIMERS)]);
		break;
	case 5:
		hm_offload_cancel(ctx, world.calls[pick(TIMERS)]);
		break;
	case 6:
		for (uint32_t n = pick(4); n > 0 && hm_child_next(ctx, &iter, &child); n--)
			hm_stop(ctx, child);
		break;
	default:
		if (pick(2) == 0)
			(void)!hm_dead_letters_subscribe(world.node.sys, hm_self(ctx));
		else
			(void)!hm_supervision_subscribe(world.node.sys, hm_self(ctx));
		break;
	}
}
