/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The flight recorder of lcores that run at full speed, read by another thread.
 *
 *     two pairs of actors, one on each of two lcores, play ball     ◀── reads their last events, over and over
 *
 * Each event that is read is whole and of an actor that there is; those of a read are in order. The run lasts for
 * HMT_SECONDS (2).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hermod.h"
#include "hmt_eal.h"
#include "hmt_stress.h"

#define PAIRS 2u

enum type {
	BALL = HM_TYPE_USER,
	SERVE, /* body: to whom */
};

static struct hm_pid players[2 * PAIRS];

static void
receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == BALL)
		(void)hm_respond(ctx, BALL, NULL);
	else if (hm_msg_type(msg) == SERVE)
		(void)hm_request(ctx, *(const struct hm_pid *)hm_msg_body(msg), BALL, NULL);
}

static bool
is_player(struct hm_pid pid)
{
	for (uint32_t i = 0; i < 2 * PAIRS; i++) {
		if (hm_pid_equal(pid, players[i]))
			return true;
	}
	return false;
}

static bool
is_whole(const struct hm_event *event)
{
	bool is_ball = event->type == BALL || event->type == SERVE;

	if (is_ball && !is_player(event->actor))
		return false;
	return event->kind == HM_EVENT_HANDLES && (is_ball || event->type == HM_STARTED ||
						   event->type == HM_STOPPING || event->type == HM_STOPPED);
}

/* Returns how many were wrong. */
static uint64_t
read_once(const struct hm_system *sys, uint32_t lcore, size_t most, uint64_t *count)
{
	struct hm_event events[HM_RECORDER_EVENTS];
	size_t n = hm_recorder_read(sys, lcore, events, most);
	uint64_t wrong = 0;

	for (size_t i = 0; i < n; i++)
		wrong += !is_whole(&events[i]) || (i > 0 && events[i].time_ns < events[i - 1].time_ns);
	*count += n;
	return wrong;
}

static struct hm_system *
system_start(void)
{
	static const struct hm_props props[2] = { { .receive = receive, .lcore = HM_LCORE(0) },
						  { .receive = receive, .lcore = HM_LCORE(1) } };
	static const struct hm_type ball = { .id = BALL, .name = "ball" };
	static const struct hm_type serves = { .id = SERVE, .name = "serve", .size = sizeof(struct hm_pid) };
	char name[] = "stress_recorder", dashes[] = "--", record[] = "--record", all[] = "all";
	char *arguments[] = { name, dashes, record, all, NULL };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND, .lcores = 2 };
	struct hm_system *sys;

	if (hm_system_create(&sys, 4, arguments, &config) != 0 || hm_type_register(sys, &ball) != 0 ||
	    hm_type_register(sys, &serves) != 0)
		abort();
	for (uint32_t i = 0; i < 2 * PAIRS; i++) {
		if (hm_system_spawn(sys, &props[i / 2 % 2], NULL, NULL, &players[i]) != 0)
			abort();
	}
	if (hm_system_start(sys) != 0)
		abort();
	return sys;
}

static void
serve(struct hm_system *sys)
{
	for (uint32_t i = 0; i < PAIRS; i++) {
		if (hm_system_send(sys, players[2 * i], SERVE, &players[2 * i + 1]) != HM_OK)
			abort();
	}
}

int
main(void)
{
	struct hmt_stress stress = hmt_stress_begin(2);
	uint64_t reads = 0, count = 0, wrong = 0;
	struct hm_system *sys;

	hmt_eal_start_with(3, 256);
	sys = system_start();
	serve(sys);
	for (; !hmt_stress_is_over(&stress); reads++)
		wrong += read_once(sys, (uint32_t)(reads % 2),
				   1 + hmt_random_below(&stress.random, HM_RECORDER_EVENTS), &count);
	hm_system_stop(sys);
	if (hm_system_join(sys) != 0)
		return EXIT_FAILURE;
	hm_system_destroy(sys);
	printf("%" PRIu64 " reads, %" PRIu64 " events, %" PRIu64 " wrong\n", reads, count, wrong);
	return wrong == 0 && count > reads ? EXIT_SUCCESS : EXIT_FAILURE;
}
