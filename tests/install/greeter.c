/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody builds of greeting.proto, in C and in C++: an actor that is the service, and one that asks it.
 */
#include <stdio.h>
#include <string.h>

#include <hermod.h>

#include "greeting.hm.h"

static void
on_greet(struct hm_ctx *ctx, void *state, const Install__Greeting *greeting)
{
	Install__Thanks thanks = INSTALL__THANKS__INIT;

	(void)state;
	thanks.letters = (uint32_t)strlen(greeting->whom);
	(void)install_Greeter_Greet_respond(ctx, &thanks);
}

static void
greeter_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct install_Greeter_handlers handlers = { on_greet };

	(void)install_Greeter_dispatch(&handlers, ctx, state, msg);
}

static void
on_thanks(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	const Install__Thanks *thanks = install_Greeter_Greet_reply(reply);

	(void)state;
	(void)arg;
	printf("%s, letters: %u\n", hm_future_result_name(result),
	       thanks != NULL ? (unsigned int)thanks->letters : 0);
	hm_system_stop(hm_system(ctx));
}

static void
on_started(struct hm_ctx *ctx, struct hm_pid *greeter)
{
	Install__Greeting greeting = INSTALL__GREETING__INIT;
	char whom[] = "world";

	greeting.whom = whom;
	(void)install_Greeter_Greet_ask(ctx, *greeter, &greeting, 10000000, on_thanks, NULL);
}

HM_RECEIVE(guest_receive, struct hm_pid, HM_ON_EMPTY(HM_STARTED, on_started));

int
main(int argc, char **argv)
{
	static struct hm_props greeter, guest; /* whose state is the PID of the greeter */
	struct hm_system *sys = NULL;
	struct hm_pid pid;
	int rc = hm_system_create(&sys, argc, argv, NULL);

	greeter.receive = greeter_receive;
	guest.receive = guest_receive;
	guest.state_size = guest.args_size = sizeof(struct hm_pid);
	if (rc == 0 && (rc = greeting_register(sys)) == 0 &&
	    (rc = hm_system_spawn(sys, &greeter, NULL, NULL, &pid)) == 0 &&
	    (rc = hm_system_spawn(sys, &guest, NULL, &pid, &pid)) == 0)
		rc = hm_system_run(sys);
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
