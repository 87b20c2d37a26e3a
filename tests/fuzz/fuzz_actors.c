/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: a stepped system whose actors do what the input says.
 *
 *     input ──▶ main: turn, let time pass, send, stop, move
 *         └───▶ each call of an actor's function: a byte that says what it does, and bytes of argument
 *
 * Actors of all kinds of supervisors, mailboxes and places on three lcores spawn, stop, fail, ask, watch, move, stash
 * and so on, also while they start, restart, stop, and in reply functions and deciders. When the input is used up they do
 * nothing more, and the system comes to rest.
 *
 * Whatever comes: no crash; an actor begins with HM_STARTED on a new state, and receives nothing of users behind
 * HM_STOPPING; behaviours, receive timeouts and counts of children are what its calls have made of them; messages of one
 * sender come in order; each function that waits is called once, or counted as dropped; who watches is told; nobody stays
 * muted; buffers are freed once; each message was received or is a dead letter; nothing is left.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hermod.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_fault.h"
#include "hmt_hold.h"
#include "fuzz_actors.h"

static struct world world;
static struct hm_props props[PROPS];

static uint8_t
byte_take(void)
{
	return world.at < world.end ? *world.at++ : 0;
}

static uint32_t
pick(uint32_t end)
{
	return byte_take() % end;
}

/* ---- Actors: what they are made of ------------------------------------------------------- */

static hm_receive_fn receive_0, receive_1, receive_2;
static hm_receive_fn *const receive_fns[] = { receive_0, receive_1, receive_2 };

static enum hm_directive
decide(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	(void)state;
	(void)failure;
	switch (pick(12)) {
	case 1:
		hm_fail(ctx, "a decider");
	case 2:
		return HM_DIRECTIVE_ESCALATE;
	case 3:
		return HM_DIRECTIVE_STOP;
	case 4:
	case 5:
		return HM_DIRECTIVE_RESUME;
	default:
		return HM_DIRECTIVE_RESTART;
	}
}

static const struct hm_supervisor supervisors[] = {
	{ .directive = HM_DIRECTIVE_RESTART, .restarts = 3, .window_us = 5000 },
	{ .directive = HM_DIRECTIVE_RESUME, .restarts = HM_RESTARTS_UNLIMITED },
	{ .scope = HM_ALL_FOR_ONE, .restarts = 20 },
	{ .scope = HM_REST_FOR_ONE,
	  .restarts = 20,
	  .decide = decide,
	  .backoff = { .min_us = 100, .max_us = 1000 } },
	{ .restarts = HM_RESTARTS_UNLIMITED, .backoff = { .min_us = 50, .max_us = 5000, .jitter = 50 } },
	{ .scope = HM_ALL_FOR_ONE,
	  .restarts = 20,
	  .decide = decide,
	  .backoff = { .min_us = 100, .max_us = 1000 } },
	{ .directive = HM_DIRECTIVE_ESCALATE, .restarts = HM_RESTARTS_UNLIMITED },
	{ .directive = HM_DIRECTIVE_STOP },
	{ .restarts = HM_RESTARTS_UNLIMITED, .decide = decide },
};

static uint8_t
priority_of(const struct hm_msg *msg)
{
	return (uint8_t)(hm_msg_type(msg) % 9);
}

static const struct hm_mailbox mailboxes[] = {
	{ .capacity = 2 },
	{ .capacity = 1 },
	{ .capacity = 2, .overflow = HM_OVERFLOW_REJECT },
	{ .capacity = 2, .overflow = HM_OVERFLOW_DROP_NEWEST },
	{ .capacity = 2, .overflow = HM_OVERFLOW_DROP_OLDEST },
	{ .order = HM_MAILBOX_PRIORITY, .capacity = 3, .priority = priority_of },
	{ .order = HM_MAILBOX_PRIORITY,
	  .capacity = 3,
	  .priority = priority_of,
	  .overflow = HM_OVERFLOW_DROP_OLDEST },
	{ .order = HM_MAILBOX_CONTROL, .capacity = 2 },
	{ .order = HM_MAILBOX_CONTROL, .capacity = 2, .overflow = HM_OVERFLOW_DROP_OLDEST },
};

static void
props_make(void)
{
	static const uint32_t lcores[] = { HM_LCORE_SAME, HM_LCORE(0),  HM_LCORE(1),
					   HM_LCORE(2),   HM_LCORE_ANY, HM_LCORE_LEAST };

	for (uint32_t i = 0; i < PROPS; i++) {
		uint32_t supervisor = i % (RTE_DIM(supervisors) + 1),
			 mailbox = (i * 7) % (RTE_DIM(mailboxes) * 2);

		props[i] = (struct hm_props){
			.receive = receive_0,
			.state_size = sizeof(struct state),
			.args_size = sizeof(uint32_t),
			/* allowed: of the table above */
			.lcore = lcores[i % RTE_DIM(lcores)],
			.supervisor = supervisor > 0 ? &supervisors[supervisor - 1] : NULL,
			.mailbox = mailbox < RTE_DIM(mailboxes) ? &mailboxes[mailbox] : NULL,
			.stash = i % 3,
			.priority = i % 5 > 2 ? 0 : i % 5,
			.quantum = i % 4,
		};
	}
}

/* ---- Actors: what they do ----------------------------------------------------------------- */

static struct actor *
anybody(void)
{
	return &world.actors[pick(RTE_MAX(world.actors_count, 1u))];
}

static uint32_t
index_of(const struct actor *actor)
{
	return (uint32_t)(actor - world.actors);
}

/* An actor's PID, or one that is not meant to be there. */
static struct hm_pid
pid_of(const struct actor *actor)
{
	static const char *const guardians[] = { "/", "/user", "/system", "/temp" };
	struct hm_pid pid = actor->pid;

	switch (pick(32)) {
	case 1:
		return world.futures[pick(FUTURES)].pid;
	case 2:
		return hm_system_dead_letters(world.node.sys);
	case 3:
		pid.local ^= UINT64_C(1) << 31; /* of another generation */
		return pid;
	case 4:
		pid.node ^= 1;
		return pid;
	case 5:
		(void)!hm_lookup(world.node.sys, guardians[pick(4)], &pid);
		return pid;
	case 6:
		return (struct hm_pid){ pid.node, UINT64_MAX };
	case 7:
		return hm_pid_none();
	case 8:
		return (struct hm_pid){ pid.node, 0 };
	default:
		return pid;
	}
}

static struct actor *
actor_of(struct hm_pid pid)
{
	for (uint32_t i = 0; i < world.actors_count; i++) {
		if (hm_pid_equal(world.actors[i].pid, pid))
			return &world.actors[i];
	}
	return NULL;
}

static struct note
note_to(const struct actor *from, const struct actor *to)
{
	return (struct note){ from != NULL ? index_of(from) : ACTORS_MAX, index_of(to), ++world.seq };
}

static uint16_t
note_type(void)
{
	static const uint16_t types[] = { NOTE, CONTROL, QUIET, ASKED };

	return types[pick(4)];
}

__attribute__((noreturn)) static void
fault(struct hm_ctx *ctx, struct state *s)
{
	uint32_t kind = pick(16);

	if (s->kept_is_new)
		s->kept = NULL;
	if (kind < HMT_FAULTS && kind != HMT_FAULT_OVERFLOW && kind != HMT_FAULT_CALL)
		hmt_fault_raise((enum hmt_fault)kind);
	hm_fail(ctx, "as the input says");
}

static void deed_do(struct hm_ctx *ctx, struct state *s);

static void
state_check(struct state *s, struct hm_ctx *ctx)
{
	const struct actor *me = &world.actors[s->index];

	CHECK(s->magic == me->lives && me->lives > 0, "actor %u: called without HM_STARTED", s->index);
	CHECK(!s->stopped, "actor %u: called behind HM_STOPPED", s->index);
	CHECK(hm_pid_equal(hm_self(ctx), me->pid), "actor %u: another one", s->index);
	CHECK(s->restarts || world.is_passed_on || hm_children_count(ctx) == me->children,
	      "actor %u: %u children, not %u", s->index, hm_children_count(ctx), me->children);
	CHECK(hm_receive_timeout(ctx) == me->timeout_us, "actor %u: another receive timeout", s->index);
	s->kept_is_new = false;
}

static void
on_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct state *s = state;

	world.called++;
	CHECK(s->magic == (uintptr_t)arg, "actor %u: an answer to what another state has asked", s->index);
	CHECK((result == HM_FUTURE_REPLY) == (reply != NULL) || hm_msg_type(reply) == HM_REPLIES,
	      "actor %u: result and answer do not fit", s->index);
	state_check(s, ctx);
	deed_do(ctx, s);
}

static void *
life(const struct state *s)
{
	return (void *)(uintptr_t)s->magic;
}

static void
asked(enum hm_result result)
{
	world.asked += result == HM_OK;
}

static uint64_t
time_take(void)
{
	return 1 + 40u * pick(256);
}

static void
actor_make(struct actor *actor)
{
	actor->props = &props[pick(PROPS)];
	actor->reordered = actor->props->mailbox != NULL && actor->props->mailbox->order != HM_MAILBOX_FIFO;
}

static void
child_spawn(struct hm_ctx *ctx, struct actor *me)
{
	uint32_t index = world.actors_count;
	struct actor *child = &world.actors[index];
	char name[16];
	int rc;

	if (index == ACTORS_MAX)
		return;
	actor_make(child);
	snprintf(name, sizeof(name), "c%u", index);
	rc = hm_spawn(ctx, child->props, pick(2) == 0 ? name : NULL, &index, &child->pid);
	CHECK(rc == 0 || rc == -ESHUTDOWN || (world.is_short && rc == -ENOMEM), "spawn: %d", rc);
	if (rc != 0)
		return;
	world.actors_count++;
	me->children++;
	me->is_parent_of[index] = true;
}

static void
behaviour_change(struct hm_ctx *ctx, struct actor *me)
{
	uint8_t next = (uint8_t)pick(RTE_DIM(receive_fns));

	switch (pick(3)) {
	case 0:
		hm_become(ctx, next == 0 ? NULL : receive_fns[next]);
		me->depth = 0;
		me->behaviours[0] = next;
		break;
	case 1: {
		enum hm_result result = hm_become_push(ctx, receive_fns[next]);

		CHECK(result == HM_OK || (result == HM_WOULD_BLOCK && me->depth == DEPTH_MAX), "push: %d",
		      result);
		if (result == HM_OK)
			me->behaviours[++me->depth] = next;
		break;
	}
	default:
		CHECK(hm_become_pop(ctx) == (me->depth > 0), "pop");
		me->depth -= me->depth > 0;
		break;
	}
}

static void
stash_change(struct hm_ctx *ctx, struct actor *me)
{
	uint32_t count = hm_stash_count(ctx);

	me->reordered = true;
	switch (pick(3)) {
	case 0:
		CHECK(hm_unstash(ctx) == (count > 0), "unstash");
		break;
	case 1:
		CHECK(hm_unstash_all(ctx) == count, "unstash all");
		CHECK(hm_stash_count(ctx) == 0, "something is stashed");
		break;
	default:
		if (hm_stash(ctx) == HM_OK)
			CHECK(hm_stash_count(ctx) == count + 1, "not stashed");
		break;
	}
}

static void
timeout_change(struct hm_ctx *ctx, struct actor *me)
{
	uint64_t us = pick(4) == 0 ? 0 : 100 * (1 + pick(100));

	if (hm_receive_timeout_set(ctx, us) == HM_OK)
		me->timeout_us = us;
}

static void
watch_change(struct hm_ctx *ctx, struct actor *me)
{
	struct actor *whom = anybody();

	if (whom == me)
		return;
	if (pick(3) == 0) {
		hm_unwatch(ctx, whom->pid);
		me->watches[index_of(whom)] = false;
	} else if (hm_watch(ctx, whom->pid) == HM_OK) {
		me->watches[index_of(whom)] = true;
	}
}

static void
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

static void
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

static void
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
	CHECK(*(uint32_t *)data == 0xb0ff, "a buffer is not what it was");
	free(data);
	world.buffers_freed++;
}

static struct hm_buffer *
buffer_make(void)
{
	uint32_t *data = malloc(sizeof(*data));
	struct hm_buffer *buffer;

	CHECK(data != NULL, "no memory");
	*data = 0xb0ff;
	if (hm_buffer_wrap(world.node.sys, data, sizeof(*data), on_free, NULL, &buffer) != 0) {
		free(data);
		return NULL;
	}
	world.buffers++;
	return buffer;
}

/* Made now; sent, asked, answered or freed now or later, or never. */
static void
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

static void
extension_destroy(void *value)
{
	(void)value;
	world.extensions_freed++;
}

static void
other_do(struct hm_ctx *ctx, struct state *s)
{
	static const struct hm_extension extension = { .name = "fuzz", .destroy = extension_destroy };
	static const char *const paths[] = { "/user/a*", "/user/a1/c*", "/user/**", "c*", "/user/a0",
					     "../a1",    "/user/none",  "x//",      ".." };
	const char *path = paths[pick(RTE_DIM(paths))];
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

static void
deed_do(struct hm_ctx *ctx, struct state *s)
{
	struct actor *me = &world.actors[s->index], *whom = anybody();
	struct note note = note_to(me, whom), notes[3] = { note, note, note };

	if (world.at >= world.end)
		return;
	notes[1].seq = ++world.seq;
	notes[2].seq = ++world.seq;
	switch (pick(30)) {
	case 0:
	case 1:
		(void)hm_send(ctx, pid_of(whom), note_type(), &note);
		break;
	case 2:
		(void)hm_request(ctx, pid_of(whom), note_type(), &note);
		break;
	case 3:
		(void)hm_send_batch(ctx, pid_of(whom), NOTE, notes, pick(4), NULL);
		break;
	case 4:
	case 5:
		asked(hm_ask(ctx, pid_of(whom), note_type(), &note, time_take(), on_reply, life(s)));
		break;
	case 6:
		batch_ask(ctx, s, me);
		break;
	case 7:
	case 8:
	case 9:
		child_spawn(ctx, me);
		break;
	case 10:
		hm_stop(ctx, pid_of(whom));
		break;
	case 11:
		(void)hm_poison(ctx, pid_of(whom));
		break;
	case 12:
	case 13:
	case 14:
		fault(ctx, s);
	case 15:
		watch_change(ctx, me);
		break;
	case 16:
		behaviour_change(ctx, me);
		break;
	case 17:
		stash_change(ctx, me);
		break;
	case 18:
		timeout_change(ctx, me);
		break;
	case 19:
		note.from = ACTORS_MAX; /* overtakes */
		note.seq = UINT64_MAX;
		(void)hm_send_after(ctx, pid_of(whom), note_type(), &note, time_take(), 5000u * pick(2),
				    &world.timers[pick(TIMERS)]);
		break;
	case 20:
		hm_timer_cancel(ctx, world.timers[pick(TIMERS)]);
		break;
	case 21:
		future_make(ctx, me);
		break;
	case 22:
	case 23:
		future_use(ctx, s);
		break;
	case 24:
	case 25:
		(void)!hm_move(ctx, pid_of(whom), pick(LCORES));
		break;
	case 26:
		whom->reordered = true;
		world.is_passed_on |= world.handled == HM_TERMINATED;
		(void)hm_forward(ctx, pid_of(whom));
		break;
	case 27:
		message_make(ctx, s);
		break;
	case 28:
		(void)hm_send_buffer(ctx, pid_of(whom), note_type(), &note, buffer_make());
		break;
	default:
		other_do(ctx, s);
		break;
	}
}

static void
deeds_do(struct hm_ctx *ctx, struct state *s)
{
	for (uint32_t n = 1 + pick(4); n > 0; n--)
		deed_do(ctx, s);
}

/* ---- Actors: what they receive -------------------------------------------------------------- */

static void
started(struct state *s, struct actor *me)
{
	CHECK(s->magic == 0 && s->kept == NULL && !s->restarts && !s->stops && !s->stopped,
	      "actor %u: started on a state that is not new", s->index);
	s->magic = ++me->lives;
	me->depth = 0;
	me->behaviours[0] = 0;
	me->timeout_us = 0;
	me->children = 0;
	for (uint32_t i = 0; i < world.actors_count; i++) {
		/* Of those that a restart stops nothing is told. */
		me->watches[i] &= !me->is_parent_of[i];
		me->is_parent_of[i] = false;
	}
}

static void
terminated(struct state *s, struct actor *me, const struct hm_msg *msg)
{
	const struct hm_terminated *body = hm_msg_body(msg);
	struct actor *who = actor_of(body->who);
	uint32_t index;

	if (who == NULL)
		return;
	index = index_of(who);
	CHECK(me->is_parent_of[index] || me->watches[index] || world.is_passed_on,
	      "actor %u: told of %u, which it does not watch", s->index, index);
	if (me->is_parent_of[index]) {
		if (!world.is_passed_on)
			CHECK(who->gone || world.is_short || who->lives == 0,
			      "actor %u: told of %u, which is there", s->index, index);
		me->children--;
	}
	me->is_parent_of[index] = false;
	me->watches[index] = false;
}

static void
note_check(const struct state *s, struct actor *me, const struct hm_msg *msg)
{
	const struct note *note = hm_msg_body(msg);

	if (note->to != s->index || note->from >= ACTORS_MAX || hm_msg_type(msg) != NOTE)
		return;
	if (!me->reordered)
		CHECK(note->seq > me->seen[note->from], "actor %u: a message of %u overtook", s->index,
		      note->from);
	me->seen[note->from] = note->seq;
}

static void
receive_any(struct hm_ctx *ctx, struct state *s, const struct hm_msg *msg, uint8_t behaviour)
{
	struct actor *me = &world.actors[s->index];
	uint16_t type = hm_msg_type(msg);

	world.handled = type;
	if (type == HM_STARTED) {
		started(s, me);
		deeds_do(ctx, s);
		return;
	}
	if (type == HM_TERMINATED)
		terminated(s, me, msg);
	if (type == HM_RESTARTING)
		me->children = hm_children_count(ctx);
	state_check(s, ctx);
	CHECK(!s->restarts, "actor %u: %u behind HM_RESTARTING", s->index, type);
	CHECK(behaviour == me->behaviours[me->depth] || type == HM_RESTARTING, "actor %u: another behaviour",
	      s->index);
	CHECK(!s->stops || type < HM_TYPE_USER, "actor %u: %u behind HM_STOPPING", s->index, type);
	CHECK(!s->stops || type != HM_RESTARTING, "actor %u: it restarts while it stops", s->index);
	if (type >= NOTE && type <= ASKED && hm_msg_length(msg) >= sizeof(struct note))
		note_check(s, me, msg);
	s->restarts = type == HM_RESTARTING;
	s->stops |= type == HM_STOPPING;
	if (type == HM_STOPPED) {
		s->stopped = me->gone = true;
		hm_msg_free(ctx, s->kept);
		s->kept = NULL;
	}
	if (type >= HM_TYPE_USER && pick(2) == 1)
		(void)hm_respond(ctx, ANSWER, NULL);
	deeds_do(ctx, s);
}

static void
receive_0(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	receive_any(ctx, state, msg, 0);
}

static void
receive_1(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	receive_any(ctx, state, msg, 1);
}

static void
receive_2(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	receive_any(ctx, state, msg, 2);
}

static void
on_asked(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)msg;
	(void)hm_respond(ctx, ANSWER, NULL);
	if (pick(8) == 1 && !((struct state *)state)->kept_is_new)
		fault(ctx, state);
}

/* ---- The world -------------------------------------------------------------------------------- */

static void
actor_spawn(void)
{
	uint32_t index = world.actors_count;
	struct actor *actor = &world.actors[index];
	char name[16];

	if (index == ACTORS_MAX)
		return;
	actor_make(actor);
	snprintf(name, sizeof(name), "a%u", index);
	if (hm_system_spawn(world.node.sys, actor->props, name, &index, &actor->pid) == 0)
		world.actors_count++;
}

static void
world_begin(void)
{
	static const struct hm_type types[] = {
		{ .id = NOTE, .name = "note", .size = sizeof(struct note) },
		{ .id = CONTROL, .name = "control", .size = sizeof(struct note), .control = true },
		{ .id = QUIET, .name = "quiet", .size = sizeof(struct note), .no_influence = true },
		{ .id = ANSWER, .name = "answer" },
		{ .id = ASKED, .name = "asked", .size = sizeof(struct note), .auto_respond = on_asked },
		{ .id = RESULT, .name = "result", .size = sizeof(uint64_t) },
	};
	uint8_t kind = byte_take();

	world.is_short = kind % 8 == 1;
	hmt_node_start_with(&world.node, LCORES, world.is_short ? 256u << 10 : 4u << 20,
			    kind % 8 == 2   ? "--balance 1"
			    : kind % 8 == 3 ? "--mailbox 2"
					    : NULL);
	for (size_t i = 0; i < RTE_DIM(types); i++)
		CHECK(hm_type_register(world.node.sys, &types[i]) == 0, "type %zu", i);
	for (uint32_t n = 2 + pick(4); n > 0; n--)
		actor_spawn();
}

static void
step_run(void)
{
	struct actor *whom = anybody();
	struct note note = { ACTORS_MAX, ACTORS_MAX, 0 };

	switch (pick(12)) {
	case 0:
	case 1:
		for (uint32_t n = 1 + pick(8); n > 0; n--)
			hm_system_turn(world.node.sys);
		break;
	case 2:
		world.node.now_ns += time_take() * 1000;
		hm_system_turn(world.node.sys);
		break;
	case 3:
		hmt_turn_until_idle(&world.node);
		break;
	case 4:
		actor_spawn();
		break;
	case 5:
		(void)!hm_system_stop_actor(world.node.sys, whom->pid);
		break;
	case 6:
		(void)!hm_system_move(world.node.sys, whom->pid, pick(LCORES));
		break;
	default:
		(void)hm_system_send(world.node.sys, whom->pid, note_type(), &note);
		break;
	}
}

/* What must hold when nothing is under way. */
static void
rest_check(void)
{
	struct hm_stats stats = hmt_stats(&world.node);

	for (uint32_t i = 0; i < world.actors_count; i++) {
		const struct actor *actor = &world.actors[i];

		for (uint32_t j = 0; !actor->gone && !world.is_short && j < world.actors_count; j++) {
			CHECK(!actor->watches[j] || !world.actors[j].gone, "actor %u is not told of %u", i,
			      j);
			CHECK(!actor->is_parent_of[j] || !world.actors[j].gone,
			      "actor %u is not told of its %u", i, j);
		}
	}
	for (uint32_t lcore = 0; lcore < LCORES; lcore++) {
		struct hm_ctx *ctx = world.node.sys->lcores[lcore];

		for (uint32_t slot = 0;
		     (slot = hmi_cells_next(&ctx->cells, slot)) < hmi_cells_end(&ctx->cells); slot++) {
			const struct hmi_cell *cell = hmi_cells_slot(&ctx->cells, slot);

			CHECK(!hmi_cell_is_actor(cell) || (cell->pending & HMI_PENDING_MUTED) == 0,
			      "slot %u of lcore %u stays muted", slot, lcore);
			CHECK(!hmi_cell_is_actor(cell) || (cell->pending & HMI_PENDING_FAILED) == 0,
			      "slot %u of lcore %u stays failed", slot, lcore);
		}
	}
	/* Selections, and /user once when it stops, go on by functions of their own. */
	CHECK(world.is_short ||
		      (world.asked <= world.called + stats.continuations_dropped &&
		       world.asked + world.selections + 1 >= world.called + stats.continuations_dropped),
	      "%" PRIu64 " asked, %" PRIu64 " called, %" PRIu64 " dropped", world.asked, world.called,
	      stats.continuations_dropped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool has_begun;
	bool in_order;

	if (!has_begun) {
		hmt_eal_start();
		props_make();
		has_begun = true;
	}
	world = (struct world){ .at = data, .end = data + size };
	world_begin();
	in_order = pick(8) != 1;
	for (uint32_t i = 0; i < STEPS_MAX && world.at < world.end; i++)
		step_run();
	if (in_order) {
		world.at = world.end;
		for (uint32_t i = 0; i < REST_STEPS; i++)
			hmt_elapse(&world.node, REST_US);
		rest_check();
		hmt_node_end(&world.node);
	} else {
		hmt_node_drop(&world.node);
	}
	CHECK(world.buffers == world.buffers_freed, "%" PRIu64 " buffers, %" PRIu64 " freed", world.buffers,
	      world.buffers_freed);
	CHECK(world.extensions == world.extensions_freed, "%" PRIu64 " extensions, %" PRIu64 " freed",
	      world.extensions, world.extensions_freed);
	return 0;
}
