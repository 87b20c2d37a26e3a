/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An actor goes wrong in every way that a C function can; its neighbour on the same lcore counts on. A witness prints what
 * was decided of each fault.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hermod.h>

enum {
	FAULT = HM_TYPE_USER, /* to the victim */
	COUNT,                /* to the neighbour */
	COUNTED,              /* its answer */
};

enum fault {
	NOWHERE, /* a pointer to no memory */
	CALL,    /* and to no function */
	ABORT,
	RECURSION,
	FAIL, /* and one that knows that it cannot go on */
	FAULTS
};

/* A state is zeroed at first, and nobody has filled this one in. */
struct victim {
	int *nowhere;
	void (*no_function)(void);
};

struct witness {
	struct hm_pid victim, neighbour;
	uint32_t next; /* enum fault */
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
go_wrong(struct hm_ctx *ctx, const struct victim *victim, enum fault fault)
{
	switch (fault) {
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

static void
victim_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == FAULT)
		go_wrong(ctx, state, (enum fault) * (const uint32_t *)hm_msg_body(msg));
}

/* ---- Neighbour -------------------------------------------------------------------- */

static void
neighbour_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint64_t *count = state;

	if (hm_msg_type(msg) != COUNT)
		return;
	++*count;
	(void)hm_respond(ctx, COUNTED, count);
}

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
		hm_system_stop(hm_system(ctx));
	(void)hm_request(ctx, w->neighbour, COUNT, NULL);
}

static void
witness_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct hm_supervision *decision = hm_msg_body(msg);
	struct witness *w = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		start(ctx, w);
		break;
	case COUNTED:
		printf("the neighbour has counted to %" PRIu64 "\n", *(const uint64_t *)hm_msg_body(msg));
		if (w->next == FAULTS)
			hm_system_stop(hm_system(ctx));
		else
			(void)hm_send(ctx, w->victim, FAULT, &w->next);
		break;
	case HM_SUPERVISION:
		printf("%s: %s\n", decision->failure.reason,
		       hm_directive_name((enum hm_directive)decision->directive));
		w->next++;
		(void)hm_request(ctx, w->neighbour, COUNT, NULL);
		break;
	default:
		break;
	}
}

int
main(int argc, char **argv)
{
	static const struct hm_props witness = { .receive = witness_receive,
						 .state_size = sizeof(struct witness) };
	static const struct hm_type fault = { .id = FAULT, .name = "fault", .size = sizeof(uint32_t) },
				    count = { .id = COUNT, .name = "count" },
				    counted = { .id = COUNTED, .name = "counted", .size = sizeof(uint64_t) };
	struct hm_system *sys;
	int rc = hm_system_create(&sys, argc, argv, NULL);

	if (rc == 0 && (rc = hm_type_register(sys, &fault)) == 0 &&
	    (rc = hm_type_register(sys, &count)) == 0 && (rc = hm_type_register(sys, &counted)) == 0 &&
	    (rc = hm_system_spawn(sys, &witness, "witness", NULL, NULL)) == 0)
		rc = hm_system_run(sys);
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
