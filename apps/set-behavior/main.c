/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A door handles messages by what it is: a function each for open, closed and locked. Who wants to go through while it is not open
 * waits in its stash, and goes through when it is.
 */
#include <stdio.h>

#include <hermod.h>

enum {
	OPEN = HM_TYPE_USER,
	CLOSE,
	LOCK,
	UNLOCK,
	PASS, /* with a name; answered when it has gone through */
	PASSED
};

#define NAME_BYTES 16

struct pass {
	char name[NAME_BYTES];
};

static const char *const words[] = { "open", "close", "lock", "unlock" };

/* ---- Door: each function is what it does in one state -------------------------------- */

static void door_is_open(struct hm_ctx *ctx, void *state, const struct hm_msg *msg);

static void
senseless(const char *what, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) >= OPEN && hm_msg_type(msg) <= UNLOCK)
		printf("door: is %s, and cannot %s\n", what, words[hm_msg_type(msg) - OPEN]);
}

/* Locked on top of closed: unlocking goes back to what it was before. */
static void
door_is_locked(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == UNLOCK) {
		printf("door: unlocked\n");
		(void)hm_become_pop(ctx);
	} else if (hm_msg_type(msg) == PASS) {
		(void)hm_stash(ctx);
	} else {
		senseless("locked", msg);
	}
}

static void
door_is_closed(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	switch (hm_msg_type(msg)) {
	case OPEN:
		hm_become(ctx, door_is_open);
		printf("door: open, %u wait\n", hm_stash_count(ctx));
		(void)hm_unstash_all(ctx);
		break;
	case LOCK:
		printf("door: locked\n");
		if (hm_become_push(ctx, door_is_locked) != HM_OK)
			hm_fail(ctx, "no memory for a lock");
		break;
	case PASS:
		(void)hm_stash(ctx);
		break;
	default:
		senseless("closed", msg);
		break;
	}
}

static void
door_is_open(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct pass *pass = hm_msg_body(msg);

	(void)state;
	switch (hm_msg_type(msg)) {
	case CLOSE:
		printf("door: closed\n");
		hm_become(ctx, door_is_closed);
		break;
	case PASS:
		printf("%s: goes through\n", pass->name);
		(void)hm_respond(ctx, PASSED, NULL);
		break;
	default:
		senseless("open", msg);
		break;
	}
}

/* ---- Who uses it ---------------------------------------------------------------------- */

static void
visit(struct hm_ctx *ctx, struct hm_pid door)
{
	static const uint16_t first[] = { OPEN, PASS, CLOSE, LOCK, OPEN },
			      then[] = { UNLOCK, LOCK, UNLOCK, OPEN };
	static const struct pass ann = { "Ann" }, bob = { "Bob" }, cy = { "Cy" };

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		(void)hm_request(ctx, door, first[i], first[i] == PASS ? &ann : NULL);
	(void)hm_request(ctx, door, PASS, &bob);
	(void)hm_request(ctx, door, PASS, &cy);
	for (size_t i = 0; i < sizeof(then) / sizeof(then[0]); i++)
		(void)hm_request(ctx, door, then[i], NULL);
}

static void
street_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hm_props door = { .receive = door_is_closed };
	unsigned int *passed = state;
	struct hm_pid pid;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		if (hm_spawn(ctx, &door, "door", NULL, &pid) == 0)
			visit(ctx, pid);
		else
			hm_system_stop(hm_system(ctx));
		break;
	case PASSED:
		if (++*passed == 3)
			hm_system_stop(hm_system(ctx));
		break;
	default:
		break;
	}
}

int
main(int argc, char **argv)
{
	static const struct hm_props street = { .receive = street_receive,
						.state_size = sizeof(unsigned int) };
	static const struct hm_type types[] = {
		{ .id = OPEN, .name = "open" },
		{ .id = CLOSE, .name = "close" },
		{ .id = LOCK, .name = "lock" },
		{ .id = UNLOCK, .name = "unlock" },
		{ .id = PASS, .name = "pass", .size = sizeof(struct pass) },
		{ .id = PASSED, .name = "passed" },
	};
	struct hm_system *sys;
	int rc = hm_system_create(&sys, argc, argv, NULL);

	for (size_t i = 0; rc == 0 && i < sizeof(types) / sizeof(types[0]); i++)
		rc = hm_type_register(sys, &types[i]);
	if (rc == 0)
		rc = hm_system_spawn(sys, &street, "street", NULL, NULL);
	if (rc == 0)
		rc = hm_system_run(sys);
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
