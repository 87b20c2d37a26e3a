/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An actor goes wrong in every way that a C function can; its neighbour on the same lcore counts on. A witness prints what
 * was decided of each fault.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hermod.h>

enum fault {
	NOWHERE, /* a pointer to no memory */
	CALL,    /* and to no function */
	ABORT,
	RECURSION,
	FAIL, /* and one that knows that it cannot go on */
	FAULTS
};

#define MESSAGES(MESSAGE)                                           \
	MESSAGE(victim_go_wrong, enum fault) /* to the victim */    \
	MESSAGE(neighbour_count)             /* to the neighbour */ \
	MESSAGE(neighbour_counted, uint64_t) /* its answer */
HM_MESSAGES(faults, HM_TYPE_USER, MESSAGES);

/* A state is zeroed at first, and nobody has filled this one in. */
struct victim {
	int *nowhere;
	void (*no_function)(void);
};

struct witness {
	struct hm_pid victim, neighbour;
	enum fault next;
};

/* ---- Victim --------------------------------------------------------------------- */

static int
deeper(int depth)
{
	volatile char frame[1024];

	frame[0] = (char)depth;
	return depth < 0 ? 0 : deeper(depth + 1) + frame[0];
}

/* UndefinedBehaviorSanitizer would end the process before the fault. */
__attribute__((no_sanitize("undefined"))) static void
go_wrong(struct hm_ctx *ctx, struct victim *victim, const enum fault *fault)
{
	switch (*fault) {
	case NOWHERE:
		*victim->nowhere = 1;
		break;
	case CALL:
		victim->no_function();
		break;
	case ABORT:
		abort();
	case RECURSION:
		(void)deeper(0);
		break;
	default:
		hm_fail(ctx, "it gives up");
	}
}

HM_RECEIVE(victim_receive, struct victim, HM_ON(victim_go_wrong, go_wrong));

/* ---- Neighbour -------------------------------------------------------------------- */

static void
count(struct hm_ctx *ctx, uint64_t *counted)
{
	++*counted;
	(void)neighbour_counted_respond(ctx, counted);
}

HM_RECEIVE(neighbour_receive, uint64_t, HM_ON_EMPTY(neighbour_count, count));

/* ---- Witness ------------------------------------------------------------------------ */

static void
start(struct hm_ctx *ctx, struct witness *w)
{
	static const struct hm_props victim = { .receive = victim_receive,
						.state_size = sizeof(struct victim) },
				     neighbour = { .receive = neighbour_receive,
						   .state_size = sizeof(uint64_t) };

	if (hm_spawn(ctx, &victim, "victim", NULL, &w->victim) != 0 ||
	    hm_spawn(ctx, &neighbour, "neighbour", NULL, &w->neighbour) != 0 ||
	    hm_supervision_subscribe(hm_system(ctx), hm_self(ctx)) != 0)
		hm_stop(ctx, hm_self(ctx));
	(void)neighbour_count_request(ctx, w->neighbour);
}

static void
on_counted(struct hm_ctx *ctx, struct witness *w, const uint64_t *counted)
{
	printf("the neighbour has counted to %" PRIu64 "\n", *counted);
	if (w->next == FAULTS)
		hm_stop(ctx, hm_self(ctx));
	else
		(void)victim_go_wrong_send(ctx, w->victim, &w->next);
}

static void
on_decision(struct hm_ctx *ctx, struct witness *w, const struct hm_supervision *decision)
{
	printf("%s: %s\n", decision->failure.reason,
	       hm_directive_name((enum hm_directive)decision->directive));
	w->next++;
	(void)neighbour_count_request(ctx, w->neighbour);
}

HM_RECEIVE(witness_receive, struct witness,
	   HM_ON_EMPTY(HM_STARTED, start) HM_ON(neighbour_counted, on_counted)
		   HM_ON(HM_SUPERVISION, on_decision));

int
main(int argc, char **argv)
{
	static const struct hm_props witness = { .receive = witness_receive,
						 .state_size = sizeof(struct witness) };
	static const struct hm_program program = { .prepare = faults_register,
						   .props = &witness,
						   .name = "witness" };

	return hm_program_run(&program, argc, argv);
}
