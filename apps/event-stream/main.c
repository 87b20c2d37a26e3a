/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A weather station publishes a hundred readings and knows none of its subscribers: an alarm that wants the hot ones, an archive that
 * takes ten at a time, and whoever counts what that loses.
 */
#include <stdio.h>

#include <hermod.h>

#define READINGS 100
#define ROOM     10u

#define WEATHER(MESSAGE) MESSAGE(weather_reading, int)
HM_MESSAGES(weather, HM_TYPE_USER, WEATHER);

/* ---- Subscribers -------------------------------------------------------------------- */

static bool
is_hot(void *arg, const struct hm_msg *event)
{
	(void)arg;
	return *weather_reading_body(event) > 96;
}

static void
on_hot(struct hm_ctx *ctx, void *state, const int *degrees)
{
	(void)ctx;
	(void)state;
	printf("alarm: %d degrees\n", *degrees);
}

static void
on_reading(struct hm_ctx *ctx, uint32_t *kept, const int *degrees)
{
	(void)ctx;
	if (++*kept == ROOM)
		printf("archive: %u readings, the last one is of %d degrees\n", *kept, *degrees);
}

static void
on_dead_letter(struct hm_ctx *ctx, uint32_t *lost, const struct hm_dead_letter *letter)
{
	if (++*lost < READINGS - ROOM)
		return;
	printf("clerk: %u readings were lost: %s\n", *lost,
	       hm_dead_reason_name((enum hm_dead_reason)letter->reason));
	hm_stop(ctx, hm_parent(ctx));
}

HM_RECEIVE(alarm_receive, void, HM_ON(weather_reading, on_hot));
HM_RECEIVE(archive_receive, uint32_t, HM_ON(weather_reading, on_reading));
HM_RECEIVE(clerk_receive, uint32_t, HM_ON(HM_DEAD_LETTER, on_dead_letter));

/* ---- The station ---------------------------------------------------------------------- */

static const struct hm_props alarm = { .receive = alarm_receive };
static const struct hm_props archive = { .receive = archive_receive, .state_size = sizeof(uint32_t) };
static const struct hm_props clerk = { .receive = clerk_receive, .state_size = sizeof(uint32_t) };

static void
spawn(struct hm_ctx *ctx, const struct hm_props *props, struct hm_event_subscriber subscriber)
{
	if (hm_spawn(ctx, props, NULL, NULL, &subscriber.pid) != 0 ||
	    hm_event_subscribe(hm_system(ctx), &subscriber, NULL) != 0)
		hm_fail(ctx, "no memory");
}

static void
on_started(struct hm_ctx *ctx, void *state)
{
	(void)state;
	spawn(ctx, &archive, (struct hm_event_subscriber){ .first = weather_reading, .limit = ROOM });
	spawn(ctx, &alarm, (struct hm_event_subscriber){ .first = weather_reading, .filter = is_hot });
	spawn(ctx, &clerk, (struct hm_event_subscriber){ .first = HM_DEAD_LETTER });
	for (int degrees = 0; degrees < READINGS; degrees++)
		(void)weather_reading_publish(ctx, &degrees);
}

HM_RECEIVE(receive, void, HM_ON_EMPTY(HM_STARTED, on_started));

int
main(int argc, char **argv)
{
	static const struct hm_props props = { .receive = receive };
	static const struct hm_program program = { .prepare = weather_register, .props = &props };

	return hm_program_run(&program, argc, argv);
}
