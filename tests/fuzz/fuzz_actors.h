/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FUZZ_ACTORS_H
#define FUZZ_ACTORS_H

/*
 * The parts of the fuzz target of actors, and what it knows of them.
 *
 *     fuzz_actors.c ─▶ actors_props.c    what actors are made of; its deciders do what actors do
 *         │                ▼
 *         │            actors_stages.c   stages around what some of them receive, send and spawn
 *         │            actors_receive.c  what they receive
 *         │                ▼
 *         │            actors_deeds.c    what they do ─▶ actors_asks.c  what has an answer, and messages that they make
 *         │                └───────────┐
 *         ├──────────▶ actors_wide.c ◀─┘ what is done in some worlds only ─▶ actors_stop.c  the stop, and its tasks
 *         │                └─────────────▶ actors_events.c  the event stream
 *         └──────────▶ actors_expect.c   what must be so, which all may ask
 */
#include <stdatomic.h>

#include <rte_common.h>

#include "hermod.h"
#include "hmt_actor.h"
#include "hmt_check.h"

#define LCORES     3u
#define ACTORS_MAX 64u
#define PROPS      64u
#define FUTURES    8u
#define TIMERS     4u
#define CALLS      4u
#define TASKS_MAX  64u
#define DEPTH_MAX  HM_BEHAVIOURS_MAX
#define STEPS_MAX  512u
#define REST_STEPS 40u
#define REST_US    10000u

enum type {
	NOTE = HMT_TYPE_NEXT,
	CONTROL, /* as NOTE, control */
	QUIET,   /* as NOTE, no influence */
	ANSWER,
	ASKED,  /* answered by the engine */
	RESULT, /* of an offloaded call */
};

struct note {
	uint32_t from, to; /* indexes of actors; ACTORS_MAX: none */
	uint64_t seq;
};

struct state {
	uint32_t index;
	uint32_t magic;       /* 0: it has not started */
	struct hm_msg *kept;  /* made */
	struct hm_msg *taken; /* received, and kept */
	bool kept_is_new, taken_is_new, restarts, stops, stopped;
	uint8_t fill[64];
};

/* What the fuzzer knows of an actor, whatever becomes of its state. */
struct actor {
	struct hm_pid pid;
	const struct hm_props *props;
	uint32_t lives;    /* states that have started */
	uint32_t children; /* whose end has not been received */
	uint32_t depth;    /* functions below the current one */
	uint8_t behaviours[DEPTH_MAX + 1];
	uint64_t timeout_us;
	bool has_set_timeout; /* in this life */
	bool gone;            /* HM_STOPPED was received */
	bool is_parent_of[ACTORS_MAX];
	bool watches[ACTORS_MAX];
	bool reordered; /* it handles messages in another order than they came */
	uint64_t seen[ACTORS_MAX + 1];
};

struct world {
	struct hmt_node node;
	const uint8_t *at, *end;
	uint32_t actors_count;
	struct actor actors[ACTORS_MAX];
	uint64_t seq;
	struct hm_future futures[FUTURES];
	struct hm_timer timers[TIMERS];
	struct hm_offload calls[TIMERS];
	uint64_t asked, called, selections;
	uint64_t buffers, buffers_freed;
	uint64_t extensions, extensions_freed;
	bool is_passed_on;       /* HM_TERMINATED of somebody, by a pipe or hm_forward: it may come twice */
	uint16_t handled;        /* type of what is being received */
	bool is_short;           /* of memory: what is not told is not wrong */
	bool is_wide;            /* more is done, and made, than the first inputs of the corpus knew */
	struct hm_shutdown task; /* of the stop: the last one */
	uint32_t task_number;    /* TASKS_MAX: it calls no function */
	uint32_t tasks_count;    /* of those that call one */
	bool is_torn;            /* "/" or "/system" was stopped, without which no task can be run */
	uint64_t tasks_due;      /* a bit for each of them that neither was run nor taken back */
	struct hm_call *calls_out[CALLS];
	struct hm_buffer *held[CALLS];
	uint64_t queues;        /* of mailboxes of its own kind */
	uint64_t posted, taken; /* what hooks of mailboxes were told */
	struct hm_subscription subscriptions[CALLS];
	uint64_t given; /* what subscriptions have, each of which says: */
	uint64_t given_mark;
	_Atomic uint64_t given_back;   /* by a thread of RCU's */
	const struct state *publisher; /* in whose turn an event is published; NULL: in nobody's */
	bool is_over;                  /* nothing faults any more */
};

extern struct world world;

static inline uint8_t
byte_take(void)
{
	return world.at < world.end ? *world.at++ : 0;
}

static inline uint32_t
pick(uint32_t end)
{
	return byte_take() % end;
}

static inline struct actor *
anybody(void)
{
	return &world.actors[pick(RTE_MAX(world.actors_count, 1u))];
}

static inline uint32_t
index_of(const struct actor *actor)
{
	return (uint32_t)(actor - world.actors);
}

/* ---- What actors are made of ------------------------------------------------------------------ */

#define BEHAVIOURS 3u

extern hm_receive_fn *const receive_fns[BEHAVIOURS];

/* Once, before all else. */
void props_make(void);

/* Of a new actor: its props, by the input. */
void actor_make(struct actor *actor, bool by_key);

/* Below /user. */
void actor_spawn(bool by_key);

/* Stages of middleware, of one of a few kinds; NULL: none. */
const struct hm_middleware *const *stages_of(uint32_t kind);

/* Whether a spawn may say so. */
bool spawn_may_say(const struct actor *actor, int rc);

/* ---- What they do ------------------------------------------------------------------------------ */

/* One deed that the input says, or some; none when it is used up. */
void deed_do(struct hm_ctx *ctx, struct state *s);
void deeds_do(struct hm_ctx *ctx, struct state *s);

/* Fail as the input says. */
__attribute__((noreturn)) void fault(struct hm_ctx *ctx, struct state *s);

/* An actor's PID, or one that is not meant to be there. */
struct hm_pid pid_of(struct actor *actor);

/* As pid_of, of one that is to stop. */
struct hm_pid pid_to_end(struct actor *actor);

/* A message that nobody else has sent; from: NULL: it may overtake. */
struct note note_to(const struct actor *from, const struct actor *to);
uint16_t note_type(void);
uint64_t time_take(void);

void ask_one(struct hm_ctx *ctx, struct state *s, const struct note *note, struct actor *whom);
void batch_ask(struct hm_ctx *ctx, struct state *s, struct actor *me);
void future_make(struct hm_ctx *ctx, struct actor *me);
void future_use(struct hm_ctx *ctx, struct state *s);

/* One that the world counts; NULL: there is no memory. */
struct hm_buffer *buffer_make(void);
void message_make(struct hm_ctx *ctx, struct state *s);
void other_do(struct hm_ctx *ctx, struct state *s);

/* A path, which may be wrong, and a key for a place, of one in eight. */
const char *path_take(void);
uint64_t key_take(void);

/* Count a function that waits; what tells it whose it is: an actor's incarnation. */
void asked(enum hm_result result);
void *life(const struct state *s);

void child_spawn(struct hm_ctx *ctx, struct actor *me, bool by_key);

/* In a world that is wide: deeds, steps, and what is held of a message; when the input is used up, what is given back. */
void wide_do(struct hm_ctx *ctx, struct state *s);
void wide_step(void);
void wide_hold(const struct hm_msg *msg);
void wide_end(void);

/* The event stream: deeds, steps, and what must be so. */
void events_do(struct hm_ctx *ctx, struct state *s);
void events_step(void);
void events_check(void);

/* The stop, seldom, since nothing much comes behind; and its tasks. pid: of whom one may poison. */
void stop_maybe(void);
void task_add(struct hm_pid pid);
void task_change(void);

/* ---- What they receive, and what must be so ------------------------------------------------------ */

/* Answers for the actor: see hm_type. */
void on_asked(struct hm_ctx *ctx, void *state, const struct hm_msg *msg);

/* NULL: none of those that the world knows. */
struct actor *actor_of(struct hm_pid pid);

/* Of an actor that is called. */
void state_check(struct state *s, struct hm_ctx *ctx);

/* Of HM_STARTED, HM_TERMINATED and a note, as they are received. */
void started(struct state *s, struct actor *me);
void terminated(struct state *s, struct actor *me, const struct hm_msg *msg);
void note_check(const struct state *s, struct actor *me, const struct hm_msg *msg);

/* What must hold when nothing is under way. */
void rest_check(void);

#endif /* FUZZ_ACTORS_H */
