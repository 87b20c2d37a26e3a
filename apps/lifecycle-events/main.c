/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three actors print what their lives bring. A house has a tenant, who has a cat. The tenant fails, and begins anew with
 * another cat; then it is stopped, its cat first.
 */
#include <stdio.h>

#include <hermod.h>

enum {
	HERE = HM_TYPE_USER, /* to the parent: the child has started */
	KNOCK                /* to the tenant: it fails */
};

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
		hm_system_stop(hm_system(ctx));
}

static void
cat_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	tell(ctx, "cat", msg);
	if (hm_msg_type(msg) == HM_STARTED)
		(void)hm_send(ctx, hm_parent(ctx), HERE, NULL);
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
	case HERE:
		(void)hm_send(ctx, hm_parent(ctx), HERE, NULL);
		break;
	case KNOCK:
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
	case HERE:
		/* It has begun anew: enough of it. */
		if (++house->tenants == 2)
			hm_stop(ctx, house->tenant);
		else
			(void)hm_send(ctx, house->tenant, KNOCK, NULL);
		break;
	case HM_TERMINATED:
		hm_system_stop(hm_system(ctx));
		break;
	default:
		break;
	}
}

int
main(int argc, char **argv)
{
	static const struct hm_props house = { .receive = house_receive, .state_size = sizeof(struct house) };
	static const struct hm_type here = { .id = HERE, .name = "here" },
				    knock = { .id = KNOCK, .name = "knock" };
	struct hm_system *sys;
	int rc = hm_system_create(&sys, argc, argv, NULL);

	if (rc == 0 && (rc = hm_type_register(sys, &here)) == 0 &&
	    (rc = hm_type_register(sys, &knock)) == 0 &&
	    (rc = hm_system_spawn(sys, &house, "house", NULL, NULL)) == 0)
		rc = hm_system_run(sys);
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
