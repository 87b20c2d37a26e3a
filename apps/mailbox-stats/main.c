/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Five desks get the same orders at once, each into a mailbox of another kind; hooks count what happens there.
 */
#include <inttypes.h>
#include <stdio.h>

#include <hermod.h>

#define ORDERS  6u
#define DESKS   5u
#define BOUND   4u
#define NEXT_US 2000

struct order {
	uint32_t number, urgency;
};

#define MESSAGES(MESSAGE) \
	MESSAGE(desk_order, struct order) MESSAGE(desk_close, (HM_CONTROL)) MESSAGE(desk_next)
HM_MESSAGES(desk, HM_TYPE_USER, MESSAGES);

static const struct order orders[ORDERS] = { { 1, 0 }, { 2, 5 }, { 3, 0 }, { 4, 7 }, { 5, 5 }, { 6, 0 } };

/* ---- What is counted -------------------------------------------------------------- */

struct count {
	uint32_t posted, received, most, emptied;
};

static void
posted(void *arg, struct hm_pid actor, const struct hm_msg *msg, uint32_t waiting)
{
	struct count *count = arg;

	(void)actor;
	(void)msg;
	count->posted++;
	count->most = waiting > count->most ? waiting : count->most;
}

static void
received(void *arg, struct hm_pid actor, uint16_t type, uint32_t waiting)
{
	(void)actor;
	(void)type;
	(void)waiting;
	((struct count *)arg)->received++;
}

static void
empty(void *arg, struct hm_pid actor)
{
	(void)actor;
	((struct count *)arg)->emptied++;
}

static struct count counts[DESKS];

#define HOOKS(desk)                                    \
	{                                              \
		posted, received, empty, &counts[desk] \
	}

static const struct hm_mailbox_hooks hooks[DESKS] = { HOOKS(0), HOOKS(1), HOOKS(2), HOOKS(3), HOOKS(4) };

/* ---- Mailboxes -------------------------------------------------------------------------- */

static uint8_t
urgency(const struct hm_msg *msg)
{
	return hm_msg_type(msg) == desk_order ? (uint8_t)desk_order_body(msg)->urgency : 0;
}

static const char *const names[DESKS] = { "first in, first out", "by urgency", "control first",
					  "four, drop the oldest", "four, reject" };
static const struct hm_mailbox mailboxes[DESKS] = {
	{ .hooks = &hooks[0] },
	{ .order = HM_MAILBOX_PRIORITY, .priority = urgency, .hooks = &hooks[1] },
	{ .order = HM_MAILBOX_CONTROL, .hooks = &hooks[2] },
	{ .overflow = HM_OVERFLOW_DROP_OLDEST, .capacity = BOUND, .hooks = &hooks[3] },
	{ .overflow = HM_OVERFLOW_REJECT, .capacity = BOUND, .hooks = &hooks[4] },
};

/* ---- Actors --------------------------------------------------------------------------------- */

static void
on_order(struct hm_ctx *ctx, void *state, const struct order *order)
{
	(void)ctx;
	(void)state;
	printf(" %" PRIu32, order->number);
}

static void
on_close(struct hm_ctx *ctx, void *state)
{
	(void)ctx;
	(void)state;
	printf(" close");
}

HM_RECEIVE(desk_receive, void, HM_ON(desk_order, on_order) HM_ON_EMPTY(desk_close, on_close));

#define DESK(desk)                                                   \
	{                                                            \
		.receive = desk_receive, .mailbox = &mailboxes[desk] \
	}

static const struct hm_props desks[DESKS] = { DESK(0), DESK(1), DESK(2), DESK(3), DESK(4) };

static void
count_print(const struct count *count)
{
	printf("\n    %" PRIu32 " posted, %" PRIu32 " received, at most %" PRIu32 " waited, %s\n",
	       count->posted, count->received, count->most,
	       count->emptied > 0 ? "empty in the end" : "never empty");
}

/* All that a desk gets comes to it within one turn of the clerk. */
static void
desk_open(struct hm_ctx *ctx, uint32_t desk)
{
	struct hm_pid pid;

	printf("%s:", names[desk]);
	if (hm_spawn(ctx, &desks[desk], NULL, NULL, &pid) != 0)
		hm_fail(ctx, "no desk");
	for (uint32_t i = 0; i < ORDERS; i++)
		(void)desk_order_send(ctx, pid, &orders[i]);
	(void)desk_close_send(ctx, pid);
	(void)desk_next_send_after(ctx, hm_self(ctx), NEXT_US, 0, NULL);
}

static void
begin(struct hm_ctx *ctx, uint32_t *desk)
{
	desk_open(ctx, *desk);
}

static void
next(struct hm_ctx *ctx, uint32_t *desk)
{
	count_print(&counts[(*desk)++]);
	if (*desk < DESKS)
		desk_open(ctx, *desk);
	else
		hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(clerk_receive, uint32_t, HM_ON_EMPTY(HM_STARTED, begin) HM_ON_EMPTY(desk_next, next));

int
main(int argc, char **argv)
{
	static const struct hm_props clerk = { .receive = clerk_receive, .state_size = sizeof(uint32_t) };
	static const struct hm_program program = { .prepare = desk_register,
						   .props = &clerk,
						   .name = "clerk" };

	return hm_program_run(&program, argc, argv);
}
