/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest actor program: one actor, one message, and an orderly end. */
#include <stdio.h>
#include <hermod.h>

struct greet {
	char whom[16];
};

#define GREETER(MESSAGE) MESSAGE(greeter_greet, struct greet)
HM_MESSAGES(greeter, HM_TYPE_USER, GREETER);

static void
on_started(struct hm_ctx *ctx, void *state)
{
	(void)state;
	(void)greeter_greet_send(ctx, hm_self(ctx), &(struct greet){ "world" });
}

static void
on_greet(struct hm_ctx *ctx, void *state, const struct greet *greet)
{
	(void)state;
	printf("hello, %s\n", greet->whom);
	hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(receive, void, HM_ON_EMPTY(HM_STARTED, on_started) HM_ON(greeter_greet, on_greet));

int
main(int argc, char **argv)
{
	static const struct hm_props props = { .receive = receive };
	static const struct hm_program program = { .prepare = greeter_register, .props = &props };

	return hm_program_run(&program, argc, argv);
}
