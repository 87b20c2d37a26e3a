/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAULTS_H
#define FAULTS_H

/*
 * What the parts of stress_faults share: faults_child.c, of the children, and stress_faults.c, of their parents and the rounds.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hm_actor.h"
#include "hmt_fault.h"
#include "hmt_random.h"

#define LCORES   2u
#define PARENTS  10u
#define CHILDREN 100u /* of each */
#define ACTORS   (PARENTS * CHILDREN)

enum {
	TICK = HM_TYPE_USER,
	TOKEN,
	QUESTION,
	ANSWER,
	BIG,
};

enum place {
	IN_RECEIVE,
	IN_REPLY,
	IN_STARTED,
	IN_RESTARTING,
	IN_STOPPING,
	IN_STOPPED,
	IN_TERMINATED,
	IN_DECIDER,
	PLACES,
};

/* One more than the signals: hm_fail. */
#define KINDS (HMT_FAULTS + 1u)

struct shared {
	struct hm_system *sys;
	_Atomic uint64_t locals[ACTORS]; /* of their PIDs; 0: none */
	atomic_int problems;
	_Atomic uint64_t in_place[PLACES], of_kind[KINDS];
	_Atomic uint64_t injected, with_message, escalated, incarnations;
};

extern struct shared shared;

/* Something that must not be; the first ten are printed. */
void problem(const char *what);

static inline uint32_t
pick(uint64_t *seed, uint32_t below)
{
	return (uint32_t)hmt_random_below(seed, below);
}

static inline void
count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Fail in one of all ways, by chance. `has_message`: that costs the message that is being received. */
__attribute__((noreturn)) void fault(struct hm_ctx *ctx, uint64_t *seed, enum place place, bool has_message);

struct args {
	uint32_t index; /* among all children; of a parent: among the parents */
	uint32_t reserved;
	uint64_t seed; /* where it begins */
};

/* Props of a child: by its lcore, and with a mailbox that its place among its siblings chooses. */
const struct hm_props *faults_child_props(uint32_t lcore, uint32_t place);

/* Body of tokens, questions and answers. */
struct token {
	uint64_t words[2]; /* the hops that are left, and a random number */
	uint64_t sum;
};

#endif /* FAULTS_H */
