/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FUZZ_ACTORS_H
#define FUZZ_ACTORS_H

/*
 * What the fuzz target of actors knows of them: what they must look like after what they have done.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "hermod.h"
#include "hmt_actor.h"

#define LCORES     3u
#define ACTORS_MAX 64u
#define PROPS      64u
#define FUTURES    8u
#define TIMERS     4u
#define DEPTH_MAX  HM_BEHAVIOURS_MAX
#define STEPS_MAX  512u
#define REST_STEPS 40u
#define REST_US    10000u

/* Not contained, wherever it is. */
__attribute__((noreturn)) static void
give_up(void)
{
	struct sigaction usual = { .sa_handler = SIG_DFL };

	(void)sigaction(SIGABRT, &usual, NULL);
	abort();
}

#define CHECK(what, ...)                                                \
	do {                                                            \
		if (!(what)) {                                          \
			fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
			fprintf(stderr, __VA_ARGS__);                   \
			fputc('\n', stderr);                            \
			give_up();                                      \
		}                                                       \
	} while (0)

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
	uint32_t magic; /* 0: it has not started */
	struct hm_msg *kept;
	bool kept_is_new, restarts, stops, stopped;
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
	bool gone; /* HM_STOPPED was received */
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
	bool is_passed_on; /* HM_TERMINATED of somebody, by a pipe or hm_forward: it may come twice */
	uint16_t handled;  /* type of what is being received */
	bool is_short;     /* of memory: what is not told is not wrong */
};

#endif /* FUZZ_ACTORS_H */
