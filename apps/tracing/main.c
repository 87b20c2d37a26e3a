/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An order goes from the shop to the kitchen, from there to a cook, and comes back as a dish: one trace, whose spans go to standard
 * output as OTLP JSON, or to a file. No actor knows of it.
 */
#include <errno.h>
#include <stdio.h>

#include <hermod.h>

struct dish {
	uint32_t table;
};

#define SHOP(MESSAGE)               \
	MESSAGE(order, struct dish) \
	MESSAGE(served, struct dish)
HM_MESSAGES(shop, HM_TYPE_USER, SHOP);

static const struct hm_middleware tracing = {
	.name = "tracing",
	.receive = hm_tracing_receive,
	.send = hm_tracing_send,
	.inherited = true,
};
static const struct hm_middleware *const stages[] = { &tracing, NULL };

/* ---- A cook, for one dish --------------------------------------------------------------------- */

static void
cook_order(struct hm_ctx *ctx, void *state, const struct dish *dish)
{
	(void)state;
	/* To who has ordered: the kitchen has forwarded the request. */
	(void)served_respond(ctx, dish);
	hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(cook, void, HM_ON(order, cook_order));

static const struct hm_props cook_props = { .receive = cook };

/* ---- The kitchen ------------------------------------------------------------------------------ */

static void
kitchen_order(struct hm_ctx *ctx, void *state, const struct dish *dish)
{
	struct hm_pid pid;

	(void)state;
	(void)dish;
	if (hm_spawn(ctx, &cook_props, "cook", NULL, &pid) != 0)
		hm_fail(ctx, "no cook");
	(void)hm_forward(ctx, pid);
}

HM_RECEIVE(kitchen, void, HM_ON(order, kitchen_order));

static const struct hm_props kitchen_props = { .receive = kitchen };

/* ---- The shop --------------------------------------------------------------------------------- */

static void
on_started(struct hm_ctx *ctx, void *state)
{
	struct hm_pid pid;

	(void)state;
	if (hm_spawn(ctx, &kitchen_props, "kitchen", NULL, &pid) != 0)
		hm_fail(ctx, "no kitchen");
	(void)order_request(ctx, pid, &(struct dish){ 7 });
}

static void
on_served(struct hm_ctx *ctx, void *state, const struct dish *dish)
{
	(void)state;
	printf("table %u is served\n", dish->table);
	hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(shop, void, HM_ON_EMPTY(HM_STARTED, on_started) HM_ON(served, on_served));

/* ---- Spans ------------------------------------------------------------------------------------ */

static FILE *out;

static int
line_write(void *arg, const char *json, size_t bytes)
{
	(void)arg;
	(void)bytes;
	return fprintf(out, "%s\n", json) > 0 ? 0 : -EIO;
}

static int
out_open(void *arg, const char *path)
{
	(void)arg;
	out = fopen(path, "w");
	return out != NULL ? 0 : -errno;
}

static int
prepare(struct hm_system *sys)
{
	static const struct hm_tracing_options options = { .write = line_write, .service = "restaurant" };
	int rc = shop_register(sys);

	if (out == NULL)
		out = stdout;
	return rc != 0 ? rc : hm_tracing_start(sys, &options);
}

int
main(int argc, char **argv)
{
	static const struct hm_option options[] = {
		{ .name = "out",
		  .help = "the file that spans go to (standard output)",
		  .kind = HM_OPTION_CALL,
		  .call = out_open },
		{ .name = NULL },
	};
	static const struct hm_config config = { .options = options,
						 .summary = "An order, and its trace as OTLP JSON." };
	static const struct hm_props props = { .receive = shop, .middleware = stages };
	static const struct hm_program program = {
		.config = &config, .prepare = prepare, .props = &props, .name = "shop"
	};
	int status = hm_program_run(&program, argc, argv);

	return out != NULL && fflush(out) != 0 ? 1 : status;
}
