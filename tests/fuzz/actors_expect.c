/* SPDX-License-Identifier: Apache-2.0 */
/* What must be so of the actors of the fuzz target, whatever they have done. */
#include <inttypes.h>

#include "fuzz_actors.h"
#include "hmt_hold.h"

struct actor *
actor_of(struct hm_pid pid)
{
	for (uint32_t i = 0; i < world.actors_count; i++) {
		if (hm_pid_equal(world.actors[i].pid, pid))
			return &world.actors[i];
	}
	return NULL;
}

void
state_check(struct state *s, struct hm_ctx *ctx)
{
	const struct actor *me = &world.actors[s->index];

	HMT_CHECK(s->magic == me->lives && me->lives > 0, "actor %u: called without HM_STARTED", s->index);
	HMT_CHECK(!s->stopped, "actor %u: called behind HM_STOPPED", s->index);
	HMT_CHECK(hm_pid_equal(hm_self(ctx), me->pid), "actor %u: another one", s->index);
	HMT_CHECK(s->restarts || world.is_passed_on || hm_children_count(ctx) == me->children,
		  "actor %u: %u children, not %u", s->index, hm_children_count(ctx), me->children);
	HMT_CHECK(hm_receive_timeout(ctx) == me->timeout_us, "actor %u: another receive timeout", s->index);
	s->kept_is_new = s->taken_is_new = false;
}

void
started(struct state *s, struct actor *me)
{
	HMT_CHECK(s->magic == 0 && s->kept == NULL && !s->restarts && !s->stops && !s->stopped,
		  "actor %u: started on a state that is not new", s->index);
	s->magic = ++me->lives;
	me->depth = 0;
	me->behaviours[0] = 0;
	me->timeout_us = 0;
	me->has_set_timeout = false;
	me->children = 0;
	for (uint32_t i = 0; i < world.actors_count; i++) {
		/* Of those that a restart stops nothing is told. */
		me->watches[i] &= !me->is_parent_of[i];
		me->is_parent_of[i] = false;
	}
}

void
terminated(struct state *s, struct actor *me, const struct hm_msg *msg)
{
	const struct hm_terminated *body = hm_msg_body(msg);
	struct actor *who = actor_of(body->who);
	uint32_t index;

	if (who == NULL)
		return;
	index = index_of(who);
	HMT_CHECK(me->is_parent_of[index] || me->watches[index] || world.is_passed_on,
		  "actor %u: told of %u, which it does not watch", s->index, index);
	if (me->is_parent_of[index]) {
		if (!world.is_passed_on)
			HMT_CHECK(who->gone || world.is_short || who->lives == 0,
				  "actor %u: told of %u, which is there", s->index, index);
		me->children--;
	}
	me->is_parent_of[index] = false;
	me->watches[index] = false;
}

void
note_check(const struct state *s, struct actor *me, const struct hm_msg *msg)
{
	const struct note *note = hm_msg_body(msg);

	if (note->to != s->index || note->from >= ACTORS_MAX || hm_msg_type(msg) != NOTE)
		return;
	if (!me->reordered)
		HMT_CHECK(note->seq > me->seen[note->from], "actor %u: a message of %u overtook", s->index,
			  note->from);
	me->seen[note->from] = note->seq;
}

/* ---- When all has come to rest ------------------------------------------------------------------- */

void
rest_check(void)
{
	struct hm_stats stats = hmt_stats(&world.node);

	for (uint32_t i = 0; i < world.actors_count; i++) {
		const struct actor *actor = &world.actors[i];

		for (uint32_t j = 0; !actor->gone && !world.is_short && j < world.actors_count; j++) {
			HMT_CHECK(!actor->watches[j] || !world.actors[j].gone, "actor %u is not told of %u",
				  i, j);
			HMT_CHECK(!actor->is_parent_of[j] || !world.actors[j].gone,
				  "actor %u is not told of its %u", i, j);
		}
	}
	for (uint32_t lcore = 0; lcore < LCORES; lcore++) {
		struct hm_ctx *ctx = world.node.sys->lcores[lcore];

		for (uint32_t slot = 0;
		     (slot = hmi_cells_next(&ctx->cells, slot)) < hmi_cells_end(&ctx->cells); slot++) {
			const struct hmi_cell *cell = hmi_cells_slot(&ctx->cells, slot);

			HMT_CHECK(!hmi_cell_is_actor(cell) || (cell->pending & HMI_PENDING_MUTED) == 0,
				  "slot %u of lcore %u stays muted", slot, lcore);
			HMT_CHECK(!hmi_cell_is_actor(cell) || (cell->pending & HMI_PENDING_FAILED) == 0,
				  "slot %u of lcore %u stays failed", slot, lcore);
		}
	}
	/* Selections, watches of paths and tasks go on by functions of their own, and so do the guardians when they stop. */
	HMT_CHECK(world.is_short ||
			  (world.asked <= world.called + stats.continuations_dropped &&
			   world.asked + world.selections + 4 >= world.called + stats.continuations_dropped),
		  "%" PRIu64 " asked, %" PRIu64 " called, %" PRIu64 " dropped, %" PRIu64 " others",
		  world.asked, world.called, stats.continuations_dropped, world.selections);
}
