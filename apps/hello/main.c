/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest actor program: one actor, one message, and an orderly end. */
#include <stdio.h>
#include <hermod.h>

#define GREET HM_TYPE_USER

struct greet {
	char whom[16];
};

static void
receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct greet *greet = hm_msg_body(msg);

	(void)state;
	if (hm_msg_type(msg) != GREET)
		return;
	printf("hello, %s\n", greet->whom);
	hm_system_stop(hm_system(ctx));
}

int
main(int argc, char **argv)
{
	static const struct hm_props props = { .receive = receive };
	static const struct hm_type type = { .id = GREET, .name = "greet", .size = sizeof(struct greet) };
	struct greet greet = { "world" };
	struct hm_system *sys;
	struct hm_pid greeter;
	int rc = hm_system_create(&sys, argc, argv, NULL);

	if (rc == 0 && (rc = hm_type_register(sys, &type)) == 0 &&
	    (rc = hm_system_spawn(sys, &props, "greeter", NULL, &greeter)) == 0 &&
	    (rc = -(int)hm_system_send(sys, greeter, GREET, &greet)) == 0)
		rc = hm_system_run(sys);
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
