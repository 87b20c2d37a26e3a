/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions that are answered for the actors: the types themselves know how. A lamp does not know of them, a radio wants to
 * be told, a vault hands all on to its guard; and any actor answers a touch.
 */
#include <stdio.h>

#include <hermod.h>

#define WHO_BYTES 48
#define SECOND    1000000u

struct who {
	char path[WHO_BYTES];
};

static hm_auto_respond_fn answer_who, answer_done;

#define MESSAGES(MESSAGE)                                                     \
	MESSAGE(home_who_is_it, (HM_AUTO_RESPOND(answer_who)))                \
	MESSAGE(home_it_is, struct who)                                       \
	MESSAGE(home_play, (HM_AUTO_RESPOND(answer_done))) /* to the radio */ \
	MESSAGE(home_done)
HM_MESSAGES(home, HM_TYPE_USER, MESSAGES);

/* ---- The answers --------------------------------------------------------------- */

/* In the turn of the actor that has got the question, when that has returned. */
static void
answer_who(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct who who;

	(void)state;
	(void)msg;
	(void)snprintf(who.path, sizeof(who.path), "%s", hm_path(ctx));
	(void)home_it_is_respond(ctx, &who);
}

static void
answer_done(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	(void)msg;
	(void)home_done_respond(ctx);
}

/* ---- Those who are asked --------------------------------------------------------- */

static void
lamp_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	(void)msg;
}

static void
radio_play(struct hm_ctx *ctx, void *state)
{
	(void)ctx;
	(void)state;
	printf("the radio plays\n");
}

HM_RECEIVE(radio_receive, void, HM_ON_EMPTY(home_play, radio_play));

/* State: its guard, who answers what was forwarded. */
static void
vault_start(struct hm_ctx *ctx, struct hm_pid *guard)
{
	static const struct hm_props props = { .receive = lamp_receive };

	if (hm_spawn(ctx, &props, "guard", NULL, guard) != 0)
		hm_fail(ctx, "no guard");
}

static void
vault_forward(struct hm_ctx *ctx, struct hm_pid *guard)
{
	(void)hm_forward(ctx, *guard);
}

HM_RECEIVE(vault_receive, struct hm_pid,
	   HM_ON_EMPTY(HM_STARTED, vault_start) HM_ON_EMPTY(home_who_is_it, vault_forward));

/* ---- Who asks ------------------------------------------------------------------------ */

#define THINGS 3u

struct owner {
	struct hm_pid things[THINGS]; /* lamp, radio, vault */
	uint32_t next;
};

static void on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result,
		      const struct hm_msg *reply, void *arg);

/* One after the other; the last ones are the radio's music, and a touch of the lamp. */
static void
ask_next(struct hm_ctx *ctx, struct owner *owner)
{
	uint32_t next = owner->next++;
	enum hm_result result = HM_OK;

	if (next < THINGS)
		result = home_who_is_it_ask(ctx, owner->things[next], SECOND, on_answer, NULL);
	else if (next == THINGS)
		result = home_play_ask(ctx, owner->things[1], SECOND, on_answer, NULL);
	else if (next == THINGS + 1)
		result = hm_ask(ctx, owner->things[0], HM_TOUCH, NULL, SECOND, on_answer, NULL);
	else
		hm_stop(ctx, hm_self(ctx));
	if (result != HM_OK)
		hm_fail(ctx, hm_result_name(result));
}

static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct owner *owner = state;

	(void)arg;
	if (result != HM_FUTURE_REPLY)
		hm_fail(ctx, hm_future_result_name(result));
	if (hm_msg_type(reply) == home_it_is)
		printf("it is %s\n", home_it_is_body(reply)->path);
	else if (hm_msg_type(reply) == home_done)
		printf("and has said so\n");
	else if (hm_pid_equal(HM_TOUCHED_body(reply)->who, owner->things[0]))
		printf("the lamp is there\n");
	ask_next(ctx, owner);
}

static void
owner_start(struct hm_ctx *ctx, struct owner *owner)
{
	static const struct hm_props lamp = { .receive = lamp_receive }, radio = { .receive = radio_receive },
				     vault = { .receive = vault_receive,
					       .state_size = sizeof(struct hm_pid) };

	if (hm_spawn(ctx, &lamp, "lamp", NULL, &owner->things[0]) != 0 ||
	    hm_spawn(ctx, &radio, "radio", NULL, &owner->things[1]) != 0 ||
	    hm_spawn(ctx, &vault, "vault", NULL, &owner->things[2]) != 0)
		hm_fail(ctx, "no room");
	ask_next(ctx, owner);
}

HM_RECEIVE(owner_receive, struct owner, HM_ON_EMPTY(HM_STARTED, owner_start));

int
main(int argc, char **argv)
{
	static const struct hm_props owner = { .receive = owner_receive, .state_size = sizeof(struct owner) };
	static const struct hm_program program = { .prepare = home_register,
						   .props = &owner,
						   .name = "owner" };

	return hm_program_run(&program, argc, argv);
}
