/* SPDX-License-Identifier: Apache-2.0 */
/* Stages around what some actors of the fuzz target receive, send and spawn. */
#include <errno.h>

#include "fuzz_actors.h"

/* What a stage does before it goes on, or in place of that. */
enum whim {
	FAILS = 1,
	SENDS,
	REFUSES,
	MARKS,
	WHIMS = 12, /* most just go on */
};

static void
note_send(struct hm_ctx *ctx)
{
	struct actor *whom = anybody();
	struct note note = note_to(NULL, whom);

	note.seq = UINT64_MAX;
	(void)hm_send(ctx, pid_of(whom), NOTE, &note);
}

/* What is new in the call is lost with it, so as long as nobody knows what is, nothing fails. */
static void
fault_unless_new(struct hm_ctx *ctx, struct state *s)
{
	if (!s->kept_is_new && !s->taken_is_new)
		fault(ctx, s);
}

/* What is not the user's goes on, of which the world keeps account. */
static void
receive_stage(struct hm_ctx *ctx, void *state, const struct hm_msg *msg, const struct hm_receive_next *next,
	      void *arg)
{
	struct state *s = state;
	bool is_note = hm_msg_type(msg) >= NOTE && hm_msg_type(msg) <= ASKED;
	uint32_t whim = is_note ? pick(WHIMS) : 0;

	(void)arg;
	if (whim == FAILS) {
		state_check(s, ctx);
		fault(ctx, s);
	}
	if (whim == SENDS)
		note_send(ctx);
	if (whim == REFUSES)
		return;
	hm_receive_next(ctx, state, msg, next);
	if (is_note && pick(WHIMS) == FAILS)
		fault(ctx, s);
}

static enum hm_result
send_stage(struct hm_ctx *ctx, struct hm_pid to, struct hm_msg *msg, const struct hm_send_next *next,
	   void *arg)
{
	uint32_t whim = pick(WHIMS);

	(void)arg;
	/* A batch whose call is left is dropped, though nobody knows that it was asked. */
	world.selections += whim == FAILS;
	if (whim == FAILS)
		fault_unless_new(ctx, hmi_cell_state(ctx->cell));
	if (whim == SENDS)
		note_send(ctx);
	if (whim == MARKS && !hm_send_is_forward(next))
		(void)hm_msg_header_set(ctx, msg, "stage", "1");
	if (whim != REFUSES)
		return hm_send_next(ctx, to, msg, next);
	if (!hm_send_is_forward(next))
		hm_msg_free(ctx, msg);
	return HM_WOULD_BLOCK;
}

static int
spawn_stage(struct hm_ctx *ctx, const struct hm_spawning *what, struct hm_pid *pid,
	    const struct hm_spawn_next *next, void *arg)
{
	uint32_t whim = pick(WHIMS);

	(void)arg;
	if (whim == FAILS)
		fault_unless_new(ctx, hmi_cell_state(ctx->cell));
	return whim == REFUSES ? -EPERM : hm_spawn_next(ctx, what, pid, next);
}

static const struct hm_middleware all = { .receive = receive_stage,
					  .send = send_stage,
					  .spawn = spawn_stage },
				  inherited = { .send = send_stage, .inherited = true },
				  received = { .receive = receive_stage };

static const struct hm_middleware *const chains[][4] = {
	{ &all, NULL },
	{ &inherited, &all, NULL },
	{ &received, &received, &received, NULL },
};

const struct hm_middleware *const *
stages_of(uint32_t kind)
{
	return kind < RTE_DIM(chains) ? chains[kind] : NULL;
}
