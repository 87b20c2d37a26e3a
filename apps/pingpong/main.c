/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two actors that play ping-pong: on one node, or on two.
 *
 *     one node     ping ──ball──▶ pong, both under /user
 *     two nodes    the one with --wait has /user/pong; the other one, with --to NAME, resolves it and serves
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hermod.h>

#include "pingpong.pb-c.h"

#define RESOLVE_TIMEOUT_US 1000000
#define RETRY_US           100000

enum {
	BALL = HM_TYPE_USER,
	RETRY
};

struct settings {
	const char *to; /* node whose pong to play with; NULL: this node's */
	bool wait;
	uint64_t count;
	bool failed; /* written by ping */
};

struct ping {
	struct settings *settings;
	bool is_waiting; /* it waits for pong, and has printed that */
	struct hm_pid pong;
	uint64_t left;
	struct timespec start;
};

/* ---- pong ------------------------------------------------------------------------ */

static void
pong_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	/* The ball goes back unchanged. */
	if (hm_msg_type(msg) == BALL)
		(void)hm_respond(ctx, BALL, hm_msg_body(msg));
}

/* ---- ping ------------------------------------------------------------------------ */

static double
seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) * 1e-9;
}

static void
report(const struct ping *ping)
{
	double took = seconds_since(&ping->start);

	printf("%" PRIu64 " round trips in %.3f s: %.0f ns each\n", ping->settings->count, took,
	       took / (double)ping->settings->count * 1e9);
}

/* Stop with an error, which was printed before. */
static void
give_up(struct hm_ctx *ctx, const struct ping *ping)
{
	ping->settings->failed = true;
	hm_system_stop(hm_system(ctx));
}

static void
serve(struct hm_ctx *ctx, struct ping *ping)
{
	Pingpong__Ball ball = PINGPONG__BALL__INIT;
	enum hm_result result;

	ball.count = ping->left--;
	result = hm_request(ctx, ping->pong, BALL, &ball);
	if (result != HM_OK) {
		fprintf(stderr, "pingpong: the ball was not sent: %s\n", hm_result_name(result));
		give_up(ctx, ping);
	}
}

static void
play(struct hm_ctx *ctx, struct ping *ping, struct hm_pid pong)
{
	char text[HM_PID_TEXT_SIZE];

	printf("playing %" PRIu64 " balls with %s\n", ping->settings->count, hm_pid_format(pong, text));
	ping->pong = pong;
	ping->left = ping->settings->count;
	clock_gettime(CLOCK_MONOTONIC, &ping->start);
	(void)hm_watch(ctx, pong);
	serve(ctx, ping);
}

/* Pong or its node may come later. An unknown node is reported at once, so wait before the next attempt. */
static void
wait_for_pong(struct hm_ctx *ctx, struct ping *ping)
{
	const char *to = ping->settings->to;

	if (!ping->is_waiting) {
		printf("waiting for /user/pong of %s; there, run with --node %s and --wait; "
		       "here, name it by --peer %s@A.B.C.D\n",
		       to, to, to);
		/* It may take long, and the line is for whoever reads a pipe, too. */
		fflush(stdout);
	}
	ping->is_waiting = true;
	(void)hm_send_after(ctx, hm_self(ctx), RETRY, NULL, RETRY_US, 0, NULL);
}

static void
found(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct ping *ping = state;
	struct hm_pid pong = hm_pid_none();

	(void)arg;
	if (result == HM_FUTURE_REPLY)
		pong = ((const struct hm_identity *)hm_msg_body(reply))->pid;
	if (hm_pid_is_none(pong))
		wait_for_pong(ctx, ping);
	else
		play(ctx, ping, pong);
}

static void
find(struct hm_ctx *ctx, const struct ping *ping)
{
	const char *to = ping->settings->to;
	char address[HM_PATH_MAX];
	int rc;

	snprintf(address, sizeof(address), "hermod://%s/user/pong", to);
	rc = hm_resolve(ctx, address, RESOLVE_TIMEOUT_US, found, NULL);
	if (rc == 0)
		return;
	if (rc == -ENETUNREACH)
		fprintf(stderr,
			"pingpong: --to %s: this node has no network: give it a port, --ip A.B.C.D/LEN, and "
			"--peer %s@A.B.C.D\n",
			to, to);
	else
		fprintf(stderr, "pingpong: --to %s: %s\n", to, strerror(-rc));
	give_up(ctx, ping);
}

static void
ping_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct ping *ping = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		if (ping->settings->to != NULL)
			find(ctx, ping);
		else
			play(ctx, ping, ping->pong);
		break;
	case BALL:
		if (ping->left > 0) {
			serve(ctx, ping);
			break;
		}
		report(ping);
		hm_unwatch(ctx, ping->pong);
		hm_system_stop(hm_system(ctx));
		break;
	case RETRY:
		find(ctx, ping);
		break;
	case HM_TERMINATED:
		fprintf(stderr, "pingpong: pong is gone\n");
		give_up(ctx, ping);
		break;
	default:
		break;
	}
}

/* ---- set-up ---------------------------------------------------------------------- */

static const struct hm_props pong_props = { .receive = pong_receive };
static const struct hm_props ping_props = { .receive = ping_receive,
					    .state_size = sizeof(struct ping),
					    .args_size = sizeof(struct ping) };

static int
players_spawn(struct hm_system *sys, struct settings *settings)
{
	struct ping ping = { .settings = settings };
	int rc = 0;

	if (settings->to == NULL)
		rc = hm_system_spawn(sys, &pong_props, "pong", NULL, &ping.pong);
	if (rc == 0 && !settings->wait)
		rc = hm_system_spawn(sys, &ping_props, "ping", &ping, NULL);
	if (rc != 0)
		fprintf(stderr, "pingpong: no actor: %s\n", strerror(-rc));
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct hm_module *const modules[] = { &hm_net_module, NULL };
	struct settings settings = { .count = 1000000 };
	const struct hm_option options[] = {
		{ .name = "count",
		  .help = "balls to play; default 1000000",
		  .kind = HM_OPTION_NUMBER,
		  .value = &settings.count,
		  .min = 1,
		  .max = UINT32_MAX },
		{ .name = "wait",
		  .help = "offer /user/pong to another node until stopped",
		  .kind = HM_OPTION_FLAG,
		  .value = &settings.wait },
		{ .name = "to",
		  .help = "node whose /user/pong to play with; default: one of this node",
		  .kind = HM_OPTION_TEXT,
		  .value = &settings.to },
		{ .name = NULL },
	};
	const struct hm_config config = {
		.options = options,
		.modules = modules,
		.summary = "pingpong: two actors and a ball, on one node or on two.",
	};
	static const struct hm_type retry = { .id = RETRY, .name = "retry" };
	struct hm_type ball = { .id = BALL, .descriptor = &pingpong__ball__descriptor };
	struct hm_system *sys;
	int rc = hm_system_create(&sys, argc, argv, &config);

	if (rc == 0)
		rc = hm_type_register(sys, &ball);
	if (rc == 0)
		rc = hm_type_register(sys, &retry);
	if (rc == 0)
		rc = players_spawn(sys, &settings);
	if (rc == 0)
		rc = hm_system_run(sys);
	hm_system_destroy(sys);
	return rc == 0 && settings.failed ? EXIT_FAILURE : hm_exit_status(rc);
}
