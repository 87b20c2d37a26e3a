/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors into which plugins mix something: a number, a count of messages, and an end when nobody needs them any more.
 */
#include <stdio.h>

#include <hermod.h>

#define IDLE_US 20000u

#define HALL(MESSAGE)  \
	MESSAGE(greet) \
	MESSAGE(greeted)
HM_MESSAGES(hall, HM_TYPE_USER, HALL);

/* ---- What is mixed in: each a part of the actor's state -------------------------------------------- */

struct numbered {
	uint32_t number;
};

struct counted {
	uint32_t messages;
};

/* Before the actor gets HM_STARTED. `arg` is shared by all actors with the plugin. */
static void
number_set(struct hm_ctx *ctx, void *mixin, void *arg)
{
	(void)ctx;
	((struct numbered *)mixin)->number = ++*(uint32_t *)arg;
}

static void
message_count(struct hm_ctx *ctx, void *mixin, const struct hm_msg *msg, void *arg)
{
	(void)ctx;
	(void)arg;
	((struct counted *)mixin)->messages += hm_msg_type(msg) >= HM_TYPE_USER;
}

/* ---- A greeter -------------------------------------------------------------------------------------- */

struct greeter {
	struct numbered numbered;
	struct counted counted;
};

static void
on_started(struct hm_ctx *ctx, const struct greeter *greeter)
{
	(void)ctx;
	printf("greeter %u: is there\n", greeter->numbered.number);
}

static void
on_greet(struct hm_ctx *ctx, const struct greeter *greeter)
{
	printf("greeter %u: hello, for the %u. time\n", greeter->numbered.number, greeter->counted.messages);
	(void)greeted_respond(ctx);
}

static void
on_stopping(struct hm_ctx *ctx, const struct greeter *greeter)
{
	(void)ctx;
	printf("greeter %u: nobody comes any more\n", greeter->numbered.number);
}

HM_RECEIVE(greeter_receive, struct greeter,
	   HM_ON_EMPTY(HM_STARTED, on_started) HM_ON_EMPTY(HM_STOPPING, on_stopping)
		   HM_ON_EMPTY(greet, on_greet));

static uint32_t greeters;
static const uint64_t idle_us = IDLE_US;
static const struct hm_plugin numbering = {
	.name = "numbering", .on_start = number_set, .arg = &greeters, HM_MIXIN(struct greeter, numbered)
};
static const struct hm_plugin counting = { .name = "counting",
					   .on_message = message_count,
					   HM_MIXIN(struct greeter, counted) };
static const struct hm_plugin passivation = { .name = "passivation", HM_PASSIVATION(&idle_us) };
static const struct hm_middleware numbering_stage = { HM_PLUGIN(&numbering) };
static const struct hm_middleware counting_stage = { HM_PLUGIN(&counting) };
static const struct hm_middleware passivation_stage = { HM_PLUGIN(&passivation) };
static const struct hm_middleware *const stages[] = { &numbering_stage, &counting_stage, &passivation_stage,
						      NULL };
static const struct hm_props greeter_props = { .receive = greeter_receive,
					       .state_size = sizeof(struct greeter),
					       .middleware = stages };

/* ---- The hall: one greeter after the other ------------------------------------------------------------ */

struct hall {
	struct hm_pid greeter;
	uint32_t answers, ends;
};

static void
greeter_hire(struct hm_ctx *ctx, struct hall *hall)
{
	if (hm_spawn(ctx, &greeter_props, "greeter", NULL, &hall->greeter) != 0)
		hm_fail(ctx, "no greeter");
	(void)greet_request(ctx, hall->greeter);
}

static void
on_greeted(struct hm_ctx *ctx, struct hall *hall)
{
	if (++hall->answers == 1)
		(void)greet_request(ctx, hall->greeter);
}

/* It is gone since no message came: who wants one again spawns one again. */
static void
on_terminated(struct hm_ctx *ctx, struct hall *hall, const struct hm_terminated *terminated)
{
	(void)terminated;
	if (++hall->ends == 1)
		greeter_hire(ctx, hall);
	else
		hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(hall_receive, struct hall,
	   HM_ON_EMPTY(HM_STARTED, greeter_hire) HM_ON_EMPTY(greeted, on_greeted)
		   HM_ON(HM_TERMINATED, on_terminated));

int
main(int argc, char **argv)
{
	static const struct hm_props props = { .receive = hall_receive, .state_size = sizeof(struct hall) };
	static const struct hm_program program = { .prepare = hall_register,
						   .props = &props,
						   .name = "hall" };

	return hm_program_run(&program, argc, argv);
}
