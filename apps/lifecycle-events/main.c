/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three actors print what their lives bring. A house has a tenant, who has a cat. The tenant fails, and begins anew with
 * another cat; then it is stopped, its cat first.
 */
#include <stdio.h>

#include <hermod.h>

/* To the parent: the child has started; to the tenant: it fails. */
#define MESSAGES(MESSAGE) MESSAGE(here) MESSAGE(knock)
HM_MESSAGES(life, HM_TYPE_USER, MESSAGES);

struct house {
	struct hm_pid tenant;
	int tenants; /* that were there */
};

static void
tell(struct hm_ctx *ctx, const char *who, const struct hm_msg *msg)
{
	printf("%s: %s\n", who, hm_type_name(hm_system(ctx), hm_msg_type(msg)));
}

static void
child_spawn(struct hm_ctx *ctx, const struct hm_props *props, struct hm_pid *pid)
{
	if (hm_spawn(ctx, props, NULL, NULL, pid) != 0)
		hm_fail(ctx, "no room for a child");
}

static void
cat_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	tell(ctx, "cat", msg);
	if (hm_msg_type(msg) == HM_STARTED)
		(void)here_send(ctx, hm_parent(ctx));
}

static void
tenant_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hm_props cat = { .receive = cat_receive };

	(void)state;
	tell(ctx, "tenant", msg);
	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		child_spawn(ctx, &cat, NULL);
		break;
	case here:
		(void)here_send(ctx, hm_parent(ctx));
		break;
	case knock:
		hm_fail(ctx, "it does not like visitors");
	default:
		break;
	}
}

static void
house_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hm_props tenant = { .receive = tenant_receive };
	struct house *house = state;

	tell(ctx, "house", msg);
	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		child_spawn(ctx, &tenant, &house->tenant);
		break;
	case here:
		/* It has begun anew: enough of it. */
		if (++house->tenants == 2)
			hm_stop(ctx, house->tenant);
		else
			(void)knock_send(ctx, house->tenant);
		break;
	case HM_TERMINATED:
		hm_stop(ctx, hm_self(ctx));
		break;
	default:
		break;
	}
}

int
main(int argc, char **argv)
{
	static const struct hm_props house = { .receive = house_receive, .state_size = sizeof(struct house) };
	static const struct hm_program program = { .prepare = life_register,
						   .props = &house,
						   .name = "house" };

	return hm_program_run(&program, argc, argv);
}
