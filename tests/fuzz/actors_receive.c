/* SPDX-License-Identifier: Apache-2.0 */
/* What the actors of the fuzz target receive. */
#include "fuzz_actors.h"

static void
receive_any(struct hm_ctx *ctx, struct state *s, const struct hm_msg *msg, uint8_t behaviour)
{
	struct actor *me = &world.actors[s->index];
	uint16_t type = hm_msg_type(msg);

	world.handled = type;
	if (world.is_wide)
		wide_hold(msg);
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
	HMT_CHECK(type != HM_RECEIVE_TIMEOUT || me->has_set_timeout,
		  "actor %u: the receive timeout of another life", s->index);
	HMT_CHECK(!s->restarts, "actor %u: %u behind HM_RESTARTING", s->index, type);
	HMT_CHECK(behaviour == me->behaviours[me->depth] || type == HM_RESTARTING,
		  "actor %u: another behaviour", s->index);
	HMT_CHECK(!s->stops || type < HM_TYPE_USER, "actor %u: %u behind HM_STOPPING", s->index, type);
	HMT_CHECK(!s->stops || type != HM_RESTARTING, "actor %u: it restarts while it stops", s->index);
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

hm_receive_fn *const receive_fns[BEHAVIOURS] = { receive_0, receive_1, receive_2 };

void
on_asked(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)msg;
	(void)hm_respond(ctx, ANSWER, NULL);
	if (pick(8) == 1 && !((struct state *)state)->kept_is_new && !((struct state *)state)->taken_is_new)
		fault(ctx, state);
}
