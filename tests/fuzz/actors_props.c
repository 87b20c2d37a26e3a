/* SPDX-License-Identifier: Apache-2.0 */
/* What the actors of the fuzz target are made of. */
#include <errno.h>

#include "fuzz_actors.h"

#define WIDE_PROPS  32u
#define KEYED_PROPS 8u

static struct hm_props props[PROPS], wide_props[WIDE_PROPS], keyed_props[KEYED_PROPS];

static enum hm_directive
decide(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	struct state *s = state;

	(void)failure;
	state_check(s, ctx);
	world.handled = 0;
	if (world.is_wide && pick(2) == 1)
		deed_do(ctx, s);
	switch (pick(12)) {
	case 1:
		hm_fail(ctx, "a decider");
	case 2:
		return HM_DIRECTIVE_ESCALATE;
	case 3:
		return HM_DIRECTIVE_STOP;
	case 4:
	case 5:
		return HM_DIRECTIVE_RESUME;
	default:
		return HM_DIRECTIVE_RESTART;
	}
}

static const struct hm_supervisor supervisors[] = {
	{ .directive = HM_DIRECTIVE_RESTART, .restarts = 3, .window_us = 5000 },
	{ .directive = HM_DIRECTIVE_RESUME, .restarts = HM_RESTARTS_UNLIMITED },
	{ .scope = HM_ALL_FOR_ONE, .restarts = 20 },
	{ .scope = HM_REST_FOR_ONE,
	  .restarts = 20,
	  .decide = decide,
	  .backoff = { .min_us = 100, .max_us = 1000 } },
	{ .restarts = HM_RESTARTS_UNLIMITED, .backoff = { .min_us = 50, .max_us = 5000, .jitter = 50 } },
	{ .scope = HM_ALL_FOR_ONE,
	  .restarts = 20,
	  .decide = decide,
	  .backoff = { .min_us = 100, .max_us = 1000 } },
	{ .directive = HM_DIRECTIVE_ESCALATE, .restarts = HM_RESTARTS_UNLIMITED },
	{ .directive = HM_DIRECTIVE_STOP },
	{ .restarts = HM_RESTARTS_UNLIMITED, .decide = decide },
};

static uint8_t
priority_of(const struct hm_msg *msg)
{
	return (uint8_t)(hm_msg_type(msg) % 9);
}

static const struct hm_mailbox mailboxes[] = {
	{ .capacity = 2 },
	{ .capacity = 1 },
	{ .capacity = 2, .overflow = HM_OVERFLOW_REJECT },
	{ .capacity = 2, .overflow = HM_OVERFLOW_DROP_NEWEST },
	{ .capacity = 2, .overflow = HM_OVERFLOW_DROP_OLDEST },
	{ .order = HM_MAILBOX_PRIORITY, .capacity = 3, .priority = priority_of },
	{ .order = HM_MAILBOX_PRIORITY,
	  .capacity = 3,
	  .priority = priority_of,
	  .overflow = HM_OVERFLOW_DROP_OLDEST },
	{ .order = HM_MAILBOX_CONTROL, .capacity = 2 },
	{ .order = HM_MAILBOX_CONTROL, .capacity = 2, .overflow = HM_OVERFLOW_DROP_OLDEST },
};

/* ---- Mailboxes of which the world counts what happens to them -------------------------------------- */

/* The newest first. */
struct queue {
	struct hm_msg *first;
};

/* A negative errno that nothing else has. */
#define NO_QUEUE (-EDOM)

static int
queue_init(void *queue, const void *arg)
{
	(void)arg;
	HMT_CHECK(((struct queue *)queue)->first == NULL, "a queue is not new");
	if (pick(8) == 1)
		return NO_QUEUE;
	world.queues++;
	return 0;
}

static void
queue_fini(void *queue)
{
	HMT_CHECK(((struct queue *)queue)->first == NULL, "a queue is not empty at its end");
	world.queues--;
}

static void
queue_push(void *queue, struct hm_msg *msg)
{
	struct queue *q = queue;

	msg->next = q->first;
	q->first = msg;
}

static struct hm_msg *
queue_pop(void *queue)
{
	struct queue *q = queue;
	struct hm_msg *msg = q->first;

	if (msg != NULL)
		q->first = msg->next;
	return msg;
}

static const struct hm_mailbox_ops queue_ops = { sizeof(struct queue), queue_init, queue_fini, queue_push,
						 queue_pop };

/* What the engine sends waits elsewhere, but for an end that was passed on. */
static void
type_check(uint16_t type)
{
	HMT_CHECK((type != HM_TERMINATED || world.is_passed_on) && type != HM_RECEIVE_TIMEOUT,
		  "a message of type %u in a mailbox of users", type);
}

static void
on_posted(void *arg, struct hm_pid actor, const struct hm_msg *msg, uint32_t count)
{
	(void)arg;
	(void)actor;
	HMT_CHECK(count > 0, "nothing waits in a mailbox that was posted to");
	type_check(hm_msg_type(msg));
	world.posted++;
}

static void
on_received(void *arg, struct hm_pid actor, uint16_t type, uint32_t count)
{
	(void)arg;
	(void)actor;
	(void)count;
	type_check(type);
	world.taken++;
	HMT_CHECK(world.taken <= world.posted, "a mailbox has given more than was posted");
}

static void
on_empty(void *arg, struct hm_pid actor)
{
	(void)arg;
	(void)actor;
	HMT_CHECK(world.posted > 0, "a mailbox is empty again that never had a message");
}

static const struct hm_mailbox_hooks hooks = { on_posted, on_received, on_empty, NULL };

static const struct hm_mailbox wide_mailboxes[] = {
	{ .hooks = &hooks },
	{ .capacity = 3, .low = 1, .hooks = &hooks },
	{ .order = HM_MAILBOX_CUSTOM, .ops = &queue_ops, .hooks = &hooks },
	{ .order = HM_MAILBOX_CUSTOM, .ops = &queue_ops, .capacity = 2, .overflow = HM_OVERFLOW_REJECT },
	{ .order = HM_MAILBOX_CUSTOM,
	  .ops = &queue_ops,
	  .capacity = 2,
	  .overflow = HM_OVERFLOW_DROP_OLDEST,
	  .hooks = &hooks },
	{ .capacity = HM_MAILBOX_UNLIMITED },
	{ .order = HM_MAILBOX_PRIORITY, .capacity = 2, .priority = priority_of, .hooks = &hooks },
	{ .order = HM_MAILBOX_CONTROL, .capacity = 2, .overflow = HM_OVERFLOW_REJECT, .hooks = &hooks },
};

/* ---- Props ------------------------------------------------------------------------------------------ */

static void
wide_props_make(void)
{
	for (uint32_t i = 0; i < WIDE_PROPS; i++) {
		wide_props[i] = props[2 * i];
		wide_props[i].mailbox = &wide_mailboxes[i % RTE_DIM(wide_mailboxes)];
		if (i % 5 == 4)
			wide_props[i].lcore = HM_LCORE_OWN;
		wide_props[i].quantum_us = i % 3 < 2 ? i % 3 : HM_QUANTUM_US_MAX;
		wide_props[i].balance = i % 4 == 3 ? HM_BALANCE_STAY : 0;
		wide_props[i].middleware = stages_of(i % 7);
	}
	for (uint32_t i = 0; i < KEYED_PROPS; i++) {
		keyed_props[i] = props[7 * i];
		keyed_props[i].lcore = HM_LCORE_KEY;
	}
}

void
props_make(void)
{
	static const uint32_t lcores[] = { HM_LCORE_SAME, HM_LCORE(0),  HM_LCORE(1),
					   HM_LCORE(2),   HM_LCORE_ANY, HM_LCORE_LEAST };

	for (uint32_t i = 0; i < PROPS; i++) {
		uint32_t supervisor = i % (RTE_DIM(supervisors) + 1),
			 mailbox = (i * 7) % (RTE_DIM(mailboxes) * 2);

		props[i] = (struct hm_props){
			.receive = receive_fns[0],
			.state_size = sizeof(struct state),
			.args_size = sizeof(uint32_t),
			/* allowed: of the table above */
			.lcore = lcores[i % RTE_DIM(lcores)],
			.supervisor = supervisor > 0 ? &supervisors[supervisor - 1] : NULL,
			.mailbox = mailbox < RTE_DIM(mailboxes) ? &mailboxes[mailbox] : NULL,
			.stash = i % 3,
			.priority = i % 5 > 2 ? 0 : i % 5,
			.quantum = i % 4,
		};
	}
	wide_props_make();
}

void
actor_make(struct actor *actor, bool by_key)
{
	if (by_key)
		actor->props = &keyed_props[pick(KEYED_PROPS)];
	else if (world.is_wide && pick(2) == 1)
		actor->props = &wide_props[pick(WIDE_PROPS)];
	else
		actor->props = &props[pick(PROPS)];
	actor->reordered = actor->props->mailbox != NULL && actor->props->mailbox->order != HM_MAILBOX_FIFO;
}

bool
spawn_may_say(const struct actor *actor, int rc)
{
	const struct hm_props *with = actor->props;

	return rc == 0 || rc == -ESHUTDOWN || (world.is_short && rc == -ENOMEM) ||
	       (rc == -EBUSY && with->lcore == HM_LCORE_OWN) ||
	       /* A stage of the parent's refuses, or too many are handed down. */
	       (world.is_wide && (rc == -EPERM || rc == -E2BIG)) ||
	       (rc == NO_QUEUE && with->mailbox != NULL && with->mailbox->ops != NULL);
}
