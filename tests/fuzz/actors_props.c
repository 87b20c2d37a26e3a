/* SPDX-License-Identifier: Apache-2.0 */
/* What the actors of the fuzz target are made of. */
#include "fuzz_actors.h"

static struct hm_props props[PROPS];

static enum hm_directive
decide(struct hm_ctx *ctx, void *state, const struct hm_failure *failure)
{
	(void)state;
	(void)failure;
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
}

void
actor_make(struct actor *actor)
{
	actor->props = &props[pick(PROPS)];
	actor->reordered = actor->props->mailbox != NULL && actor->props->mailbox->order != HM_MAILBOX_FIFO;
}
