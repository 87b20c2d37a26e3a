/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody builds against the installed library, in C and in C++: an actor on a system, which
 * receives a message of an external thread, sets a timer, and stops the system when that is over.
 */
#include <stdio.h>
#include <string.h>

#include <hermod.h>

#define REQUEST (HM_TYPE_USER)
#define LATER   (HM_TYPE_USER + 1)

struct number {
	uint64_t value;
};

static void
receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct number *number = (const struct number *)hm_msg_body(msg);
	struct number next;

	(void)state;
	switch (hm_msg_type(msg)) {
	case REQUEST:
		next.value = 2 * number->value;
		(void)hm_send_after(ctx, hm_self(ctx), LATER, &next, 1000, 0, NULL);
		break;
	case LATER:
		printf("received %u\n", (unsigned int)number->value);
		hm_system_stop(hm_system(ctx));
		break;
	default:
		break;
	}
}

static const struct hm_props props = { .receive = receive };

static int
run(struct hm_system *sys)
{
	static struct hm_type types[2];
	struct number request = { 21 };
	struct hm_pid actor;
	int rc;

	types[0].id = REQUEST;
	types[0].name = "request";
	types[1].id = LATER;
	types[1].name = "later";
	types[0].size = types[1].size = sizeof(struct number);
	rc = hm_type_register(sys, &types[0]);
	if (rc == 0)
		rc = hm_type_register(sys, &types[1]);
	if (rc == 0)
		rc = hm_system_spawn(sys, &props, "actor", NULL, &actor);
	if (rc == 0)
		rc = -(int)hm_system_send(sys, actor, REQUEST, &request);
	return rc == 0 ? hm_system_run(sys) : rc;
}

int
main(int argc, char **argv)
{
	struct hm_system *sys = NULL;
	int rc;

	if (strcmp(hm_version(), HM_VERSION) != 0)
		return 3;
	printf("hermod %s\n", hm_version());
	rc = hm_system_create(&sys, argc, argv, NULL);
	if (rc == 0)
		rc = run(sys);
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
