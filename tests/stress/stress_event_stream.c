/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Events that are published while others subscribe and unsubscribe.
 *
 *     publishers, one on each of two lcores ──▶ EVENT ◀── a thread, by way of lcore 0
 *                                                 │
 *       steady actors: from each source in order ◀┼─▶ guests, which subscribe themselves and end
 *                                                 └─▶ filters and callbacks of two threads, which come and go
 *
 * What a filter or callback was given is freed by its release function, and once: a sanitizer sees a use after that. The run lasts
 * for HMT_SECONDS (2).
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "hermod.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define LCORES  2u
#define BURST   8u
#define VISITS  10u /* events of a guest */
#define HELD    16u /* subscriptions of a thread, at most */
#define SOURCES (LCORES + 1)
#define PRESENT UINT64_C(0x70726573656e7421)

enum type {
	EVENT = HM_TYPE_USER, /* body: struct event */
	MORE,
};

struct event {
	uint32_t source;
	uint32_t reserved;
	uint64_t number;
};

static struct {
	struct hm_system *sys;
	_Atomic bool ends;
	_Atomic uint64_t published, received, called, wrong, guests, gone, subscribed, released;
} shared;

/* ---- Actors ------------------------------------------------------------------------------ */

struct publisher {
	uint32_t source;
	uint64_t number;
};

static void
publisher_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct publisher *publisher = state;

	if ((hm_msg_type(msg) != HM_STARTED && hm_msg_type(msg) != MORE) || shared.ends)
		return;
	for (uint32_t i = 0; i < BURST; i++) {
		struct event event = { publisher->source, 0, ++publisher->number };

		if (hm_publish(ctx, EVENT, &event) == HM_OK)
			hmt_count(&shared.published);
	}
	hmt_must(hm_send(ctx, hm_self(ctx), MORE, NULL));
}

struct steady {
	uint64_t last[SOURCES];
};

static void
steady_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct steady *steady = state;
	const struct event *event = hm_msg_body(msg);

	if (hm_msg_type(msg) == HM_STARTED &&
	    hm_event_subscribe_pid(hm_system(ctx), EVENT, 0, hm_self(ctx), NULL) != 0)
		abort();
	if (hm_msg_type(msg) != EVENT)
		return;
	hmt_count(&shared.received);
	if (event->number <= steady->last[event->source])
		hmt_count(&shared.wrong);
	steady->last[event->source] = event->number;
}

static void
guest_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint32_t *visits = state;

	if (hm_msg_type(msg) == HM_STARTED) {
		struct hm_event_subscriber subscriber = { .first = EVENT, .pid = hm_self(ctx), .limit = 4 };

		if (hm_event_subscribe(hm_system(ctx), &subscriber, NULL) != 0)
			hm_stop(ctx, hm_self(ctx));
	}
	if (hm_msg_type(msg) == EVENT && ++*visits == VISITS)
		hm_stop(ctx, hm_self(ctx));
	if (hm_msg_type(msg) == HM_STOPPED)
		hmt_count(&shared.gone);
}

static void
actors_spawn(void)
{
	static struct hm_props publishers[LCORES], steadies[LCORES];

	for (uint32_t i = 0; i < LCORES; i++) {
		struct publisher publisher = { i, 0 };

		steadies[i] = (struct hm_props){ .receive = steady_receive,
						 .state_size = sizeof(struct steady),
						 .lcore = HM_LCORE(i) };
		publishers[i] = (struct hm_props){ .receive = publisher_receive,
						   .state_size = sizeof(publisher),
						   .args_size = sizeof(publisher),
						   .lcore = HM_LCORE(i) };
		if (hm_system_spawn(shared.sys, &steadies[i], NULL, NULL, NULL) != 0 ||
		    hm_system_spawn(shared.sys, &publishers[i], NULL, &publisher, NULL) != 0)
			abort();
	}
}

/* ---- Threads that come and go --------------------------------------------------------------- */

/* What a function is given. */
struct given {
	uint64_t present;
	_Atomic uint64_t calls;
};

static bool
filter(void *arg, const struct hm_msg *event)
{
	struct given *given = arg;

	if (given->present != PRESENT || hm_msg_type(event) != EVENT)
		hmt_count(&shared.wrong);
	return ((const struct event *)hm_msg_body(event))->number % 2 == 0;
}

static void
callback(void *arg, const struct hm_msg *event)
{
	struct given *given = arg;

	if (given->present != PRESENT || ((const struct event *)hm_msg_body(event))->source >= SOURCES)
		hmt_count(&shared.wrong);
	hmt_count(&given->calls);
	hmt_count(&shared.called);
}

static void
release(void *arg)
{
	struct given *given = arg;

	if (given->present != PRESENT)
		hmt_count(&shared.wrong);
	given->present = 0;
	free(given);
	hmt_count(&shared.released);
}

static struct hm_subscription
subscribe(uint64_t chance)
{
	struct hm_event_subscriber subscriber = { .first = EVENT, .callback = callback, .release = release };
	struct hm_subscription subscription = { 0 };
	struct given *given = malloc(sizeof(*given));

	if (given == NULL)
		abort();
	*given = (struct given){ .present = PRESENT };
	subscriber.arg = given;
	if (chance % 2 == 0)
		subscriber.filter = filter;
	if (chance % 3 == 0)
		subscriber.last = HM_EVENT_LAST;
	if (hm_event_subscribe(shared.sys, &subscriber, &subscription) != 0)
		abort();
	hmt_count(&shared.subscribed);
	return subscription;
}

static void *
subscriber_main(void *arg)
{
	struct hm_subscription held[HELD] = { 0 };
	uint64_t random = *(uint64_t *)arg;

	while (!shared.ends) {
		uint64_t at = hmt_random_below(&random, HELD);

		if (held[at].id == 0)
			held[at] = subscribe(hmt_random(&random));
		else if (hm_event_unsubscribe(shared.sys, held[at]) != 0)
			abort();
		else
			held[at].id = 0;
		hmt_sleep_s(0.0002);
	}
	return NULL;
}

/* Publishes, and has guests come: no more than a few at once. */
static void *
publisher_main(void *arg)
{
	static const struct hm_props guest = { .receive = guest_receive,
					       .state_size = sizeof(uint32_t),
					       .lcore = HM_LCORE_ANY };
	struct event event = { .source = LCORES };

	(void)arg;
	while (!shared.ends) {
		event.number++;
		if (hm_system_publish(shared.sys, EVENT, &event) == HM_OK)
			hmt_count(&shared.published);
		if (event.number % 16 == 0 && hmt_counted(&shared.guests) < hmt_counted(&shared.gone) + 8 &&
		    hm_system_spawn(shared.sys, &guest, NULL, NULL, NULL) == 0)
			hmt_count(&shared.guests);
		hmt_sleep_s(0.0001);
	}
	return NULL;
}

/* ---- The run ----------------------------------------------------------------------------------- */

static void
system_start(void)
{
	static const struct hm_type types[] = {
		{ .id = EVENT, .name = "event", .size = sizeof(struct event) },
		{ .id = MORE, .name = "more" },
	};
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = LCORES };

	if (hm_system_create(&shared.sys, 0, NULL, &config) != 0 ||
	    hm_type_register(shared.sys, &types[0]) != 0 || hm_type_register(shared.sys, &types[1]) != 0 ||
	    hm_system_start(shared.sys) != 0)
		abort();
}

static bool
is_right(void)
{
	return hmt_counted(&shared.wrong) == 0 && hmt_counted(&shared.received) > 0 &&
	       hmt_counted(&shared.called) > 0 && hmt_counted(&shared.guests) == hmt_counted(&shared.gone) &&
	       hmt_counted(&shared.subscribed) > 0 &&
	       hmt_counted(&shared.subscribed) == hmt_counted(&shared.released);
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(2);
	pthread_t threads[3];
	uint64_t seeds[2];

	hmt_eal_start_with(3, 256);
	system_start();
	actors_spawn();
	for (uint32_t i = 0; i < 2; i++) {
		seeds[i] = hmt_random(&stress.random);
		if (pthread_create(&threads[i], NULL, subscriber_main, &seeds[i]) != 0)
			abort();
	}
	if (pthread_create(&threads[2], NULL, publisher_main, NULL) != 0)
		abort();
	hmt_stress_wait(&stress);
	shared.ends = true;
	for (uint32_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	hm_system_stop(shared.sys);
	if (hm_system_join(shared.sys) != 0)
		return EXIT_FAILURE;
	hm_system_destroy(shared.sys);
	printf("%" PRIu64 " published, %" PRIu64 " received, %" PRIu64 " calls, %" PRIu64 " guests, %" PRIu64
	       " subscriptions, %" PRIu64 " released, %" PRIu64 " wrong\n",
	       hmt_counted(&shared.published), hmt_counted(&shared.received), hmt_counted(&shared.called),
	       hmt_counted(&shared.guests), hmt_counted(&shared.subscribed), hmt_counted(&shared.released),
	       hmt_counted(&shared.wrong));
	return is_right() ? EXIT_SUCCESS : EXIT_FAILURE;
}
