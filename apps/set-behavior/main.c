/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A door handles messages by what it is: a function each for open, closed and locked. Who wants to go through while it is not open
 * waits in its stash, and goes through when it is.
 */
#include <stdio.h>

#include <hermod.h>

#define NAME_BYTES 16

struct pass {
	char name[NAME_BYTES];
};

/* Passing is answered when it is done. */
#define MESSAGES(MESSAGE)    \
	MESSAGE(door_open)   \
	MESSAGE(door_close)  \
	MESSAGE(door_lock)   \
	MESSAGE(door_unlock) \
	MESSAGE(door_pass, struct pass) MESSAGE(door_passed)
HM_MESSAGES(door, HM_TYPE_USER, MESSAGES);

static const char *const words[] = { "open", "close", "lock", "unlock" };

/* ---- Door: each function is what it does in one state -------------------------------- */

static hm_receive_fn door_is_open, door_is_closed, door_is_locked;

static void
senseless(const char *what, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) >= door_open && hm_msg_type(msg) <= door_unlock)
		printf("door: is %s, and cannot %s\n", what, words[hm_msg_type(msg) - door_open]);
}

static void
pass_later(struct hm_ctx *ctx, void *state, const struct pass *pass)
{
	(void)state;
	(void)pass;
	(void)hm_stash(ctx);
}

/* Locked on top of closed: unlocking goes back to what it was before. */
static void
unlock(struct hm_ctx *ctx, void *state)
{
	(void)state;
	printf("door: unlocked\n");
	(void)hm_become_pop(ctx);
}

static void
locked_other(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	senseless("locked", msg);
}

HM_RECEIVE(door_is_locked, void,
	   HM_ON_EMPTY(door_unlock, unlock) HM_ON(door_pass, pass_later) HM_ON_OTHER(locked_other));

static void
open_up(struct hm_ctx *ctx, void *state)
{
	(void)state;
	hm_become(ctx, door_is_open);
	printf("door: open, %u wait\n", hm_stash_count(ctx));
	(void)hm_unstash_all(ctx);
}

static void
lock(struct hm_ctx *ctx, void *state)
{
	(void)state;
	printf("door: locked\n");
	if (hm_become_push(ctx, door_is_locked) != HM_OK)
		hm_fail(ctx, "no memory for a lock");
}

static void
closed_other(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	senseless("closed", msg);
}

HM_RECEIVE(door_is_closed, void,
	   HM_ON_EMPTY(door_open, open_up) HM_ON_EMPTY(door_lock, lock) HM_ON(door_pass, pass_later)
		   HM_ON_OTHER(closed_other));

static void
shut(struct hm_ctx *ctx, void *state)
{
	(void)state;
	printf("door: closed\n");
	hm_become(ctx, door_is_closed);
}

static void
pass_now(struct hm_ctx *ctx, void *state, const struct pass *pass)
{
	(void)state;
	printf("%s: goes through\n", pass->name);
	(void)door_passed_respond(ctx);
}

static void
open_other(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	senseless("open", msg);
}

HM_RECEIVE(door_is_open, void,
	   HM_ON_EMPTY(door_close, shut) HM_ON(door_pass, pass_now) HM_ON_OTHER(open_other));

/* ---- Who uses it ---------------------------------------------------------------------- */

static void
visit(struct hm_ctx *ctx, struct hm_pid door)
{
	static const struct pass ann = { "Ann" }, bob = { "Bob" }, cy = { "Cy" };

	(void)door_open_send(ctx, door);
	(void)door_pass_request(ctx, door, &ann);
	(void)door_close_send(ctx, door);
	(void)door_lock_send(ctx, door);
	(void)door_open_send(ctx, door);
	(void)door_pass_request(ctx, door, &bob);
	(void)door_pass_request(ctx, door, &cy);
	(void)door_unlock_send(ctx, door);
	(void)door_lock_send(ctx, door);
	(void)door_unlock_send(ctx, door);
	(void)door_open_send(ctx, door);
}

static void
begin(struct hm_ctx *ctx, unsigned int *passed)
{
	static const struct hm_props door = { .receive = door_is_closed };
	struct hm_pid pid;

	*passed = 0;
	if (hm_spawn(ctx, &door, "door", NULL, &pid) != 0)
		hm_fail(ctx, "no door");
	visit(ctx, pid);
}

static void
one_passed(struct hm_ctx *ctx, unsigned int *passed)
{
	if (++*passed == 3)
		hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(street_receive, unsigned int, HM_ON_EMPTY(HM_STARTED, begin) HM_ON_EMPTY(door_passed, one_passed));

int
main(int argc, char **argv)
{
	static const struct hm_props street = { .receive = street_receive,
						.state_size = sizeof(unsigned int) };
	static const struct hm_program program = { .prepare = door_register,
						   .props = &street,
						   .name = "street" };

	return hm_program_run(&program, argc, argv);
}
