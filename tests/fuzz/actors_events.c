/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the actors of the fuzz target do with the event stream: subscribe, publish, forward. Filters and callbacks may fault: in an
 * actor's turn that one fails with them.
 */
#include "fuzz_actors.h"

static bool
event_filter(void *arg, const struct hm_msg *event)
{
	uint32_t chance = pick(16);

	HMT_CHECK(*(uint64_t *)arg == world.given_mark, "an event for who is released");
	HMT_CHECK(hm_pid_is_none(hm_msg_sender(event)), "an event with a sender");
	/* What a call has made is lost with it, and a system that is taken apart leaves no function. */
	if (chance == 1 && !world.is_over &&
	    (world.publisher == NULL || (!world.publisher->kept_is_new && !world.publisher->taken_is_new)))
		__builtin_trap();
	return chance % 3 != 0;
}

static void
event_callback(void *arg, const struct hm_msg *event)
{
	(void)event_filter(arg, event);
	if (pick(8) == 1)
		(void)!hm_event_unsubscribe(world.node.sys, world.subscriptions[pick(CALLS)]);
}

static void
event_release(void *arg)
{
	*(uint64_t *)arg = 0;
	free(arg);
	atomic_fetch_add_explicit(&world.given_back, 1, memory_order_relaxed);
}

/* Somebody's, or a function's. */
static void
event_subscribe(struct hm_pid pid)
{
	uint64_t *mark = malloc(sizeof(*mark));
	struct hm_event_subscriber subscriber = { .filter = pick(2) == 0 ? event_filter : NULL,
						  .arg = mark,
						  .release = event_release };
	uint32_t kind = pick(8);

	HMT_CHECK(mark != NULL, "no memory");
	*mark = world.given_mark;
	subscriber.first = kind < 4 ? note_type() : (uint16_t)(HM_LIFECYCLE + kind - 4);
	subscriber.last = pick(3) == 0 ? HM_EVENT_LAST : 0;
	if (pick(3) == 0) {
		subscriber.callback = event_callback;
	} else {
		subscriber.pid = pid;
		subscriber.limit = pick(4);
	}
	world.given++;
	if (hm_event_subscribe(world.node.sys, &subscriber, &world.subscriptions[pick(CALLS)]) == 0)
		return;
	world.given--;
	free(mark);
}

/* To /eventStream, whose subscribers may be whom it was for. */
static void
event_forward(struct hm_ctx *ctx)
{
	for (uint32_t i = 0; i < world.actors_count; i++)
		world.actors[i].reordered = true;
	(void)hm_forward(ctx, hm_system_event_stream(world.node.sys));
}

void
events_do(struct hm_ctx *ctx, struct state *s)
{
	const struct note note = { s->index, ACTORS_MAX, 0 };

	switch (pick(8)) {
	case 0:
	case 1:
		world.publisher = s;
		(void)hm_publish(ctx, note_type(), &note);
		world.publisher = NULL;
		break;
	case 2:
		event_subscribe(hm_self(ctx));
		break;
	case 3:
		event_subscribe(pid_of(anybody()));
		break;
	case 4:
		(void)!hm_event_unsubscribe(world.node.sys, world.subscriptions[pick(CALLS)]);
		break;
	case 5:
		(void)hm_event_unsubscribe_pid(world.node.sys, pid_of(anybody()));
		break;
	case 6:
		event_forward(ctx);
		break;
	default:
		(void)hm_request(ctx, hm_system_event_stream(world.node.sys), note_type(), &note);
		break;
	}
}

void
events_step(void)
{
	const struct note note = { ACTORS_MAX, ACTORS_MAX, 0 };

	if (pick(2) == 0)
		event_subscribe(pid_of(anybody()));
	else
		(void)hm_system_publish(world.node.sys, note_type(), &note);
}

void
events_check(void)
{
	struct hm_subscription_stats stats;

	for (uint32_t i = 0; i < CALLS; i++) {
		if (hm_event_subscription_stats(world.node.sys, world.subscriptions[i], &stats) == 0)
			HMT_CHECK(stats.in_flight <= stats.limit, "%u events in flight, %u may be",
				  stats.in_flight, stats.limit);
	}
}
