/* SPDX-License-Identifier: Apache-2.0 */
/* What the actors of the fuzz target do. */
#include <stdio.h>

#include "fuzz_actors.h"
#include "hm_passivation.h"
#include "hmt_fault.h"

struct hm_pid
pid_of(struct actor *actor)
{
	static const char *const guardians[] = { "/", "/user", "/system", "/temp" };
	struct hm_pid pid = actor->pid;

	switch (pick(32)) {
	case 1:
		actor->reordered = true; /* by pipes to it, perhaps several */
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

struct hm_pid
pid_to_end(struct actor *actor)
{
	struct hm_pid pid = pid_of(actor);

	world.is_torn |= hm_pid_equal(pid, world.node.sys->root) || hm_pid_equal(pid, world.node.sys->system);
	return pid;
}

struct note
note_to(const struct actor *from, const struct actor *to)
{
	return (struct note){ from != NULL ? index_of(from) : ACTORS_MAX, index_of(to), ++world.seq };
}

uint16_t
note_type(void)
{
	static const uint16_t types[] = { NOTE, CONTROL, QUIET, ASKED };

	return types[pick(4)];
}

__attribute__((noreturn)) void
fault(struct hm_ctx *ctx, struct state *s)
{
	uint32_t kind = pick(16);

	if (s->kept_is_new)
		s->kept = NULL;
	if (s->taken_is_new)
		s->taken = NULL;
	if (kind < HMT_FAULTS && kind != HMT_FAULT_OVERFLOW && kind != HMT_FAULT_CALL)
		hmt_fault_raise((enum hmt_fault)kind);
	hm_fail(ctx, "as the input says");
}

uint64_t
time_take(void)
{
	return 1 + 40u * pick(256);
}

void
child_spawn(struct hm_ctx *ctx, struct actor *me, bool by_key)
{
	uint32_t index = world.actors_count;
	struct actor *child = &world.actors[index];
	char name[16];
	int rc;

	if (index == ACTORS_MAX)
		return;
	actor_make(child, by_key);
	snprintf(name, sizeof(name), "c%u", index);
	rc = by_key ? hm_spawn_key(ctx, child->props, name, &index, key_take(), &child->pid)
		    : hm_spawn(ctx, child->props, pick(2) == 0 ? name : NULL, &index, &child->pid);
	HMT_CHECK(spawn_may_say(child, rc), "spawn: %d", rc);
	if (rc != 0)
		return;
	world.actors_count++;
	me->children++;
	me->is_parent_of[index] = true;
}

static void
behaviour_change(struct hm_ctx *ctx, struct actor *me)
{
	uint8_t next = (uint8_t)pick(BEHAVIOURS);

	switch (pick(3)) {
	case 0:
		hm_become(ctx, next == 0 ? NULL : receive_fns[next]);
		me->depth = 0;
		me->behaviours[0] = next;
		break;
	case 1: {
		enum hm_result result = hm_become_push(ctx, receive_fns[next]);

		HMT_CHECK(result == HM_OK || (result == HM_WOULD_BLOCK && me->depth == DEPTH_MAX), "push: %d",
			  result);
		if (result == HM_OK)
			me->behaviours[++me->depth] = next;
		break;
	}
	default:
		HMT_CHECK(hm_become_pop(ctx) == (me->depth > 0), "pop");
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
		HMT_CHECK(hm_unstash(ctx) == (count > 0), "unstash");
		break;
	case 1:
		HMT_CHECK(hm_unstash_all(ctx) == count, "unstash all");
		HMT_CHECK(hm_stash_count(ctx) == 0, "something is stashed");
		break;
	default:
		if (hm_stash(ctx) == HM_OK)
			HMT_CHECK(hm_stash_count(ctx) == count + 1, "not stashed");
		break;
	}
}

static void
timeout_change(struct hm_ctx *ctx, struct actor *me)
{
	uint64_t us = pick(4) == 0 ? 0 : 100 * (1 + pick(100));

	/* Some of them are to be passive. */
	if (us > 8000)
		(void)hm_passivation_set(ctx, us / 4);
	if (hm_receive_timeout_set(ctx, us) == HM_OK) {
		me->timeout_us = us;
		me->has_set_timeout |= us != 0;
	}
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

void
deed_do(struct hm_ctx *ctx, struct state *s)
{
	struct actor *me = &world.actors[s->index], *whom = anybody();
	struct note note = note_to(me, whom), notes[3] = { note, note, note };

	if (world.at >= world.end)
		return;
	notes[1].seq = ++world.seq;
	notes[2].seq = ++world.seq;
	switch (pick(world.is_wide ? 40 : 30)) {
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
		ask_one(ctx, s, &note, whom);
		break;
	case 6:
		batch_ask(ctx, s, me);
		break;
	case 7:
	case 8:
	case 9:
		child_spawn(ctx, me, false);
		break;
	case 10:
		hm_stop(ctx, pid_to_end(whom));
		break;
	case 11:
		(void)hm_poison(ctx, pid_to_end(whom));
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
	case 29:
		other_do(ctx, s);
		break;
	default:
		wide_do(ctx, s);
		break;
	}
}

void
deeds_do(struct hm_ctx *ctx, struct state *s)
{
	for (uint32_t n = 1 + pick(4); n > 0; n--)
		deed_do(ctx, s);
}
