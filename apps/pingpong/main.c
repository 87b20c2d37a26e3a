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
#include <string.h>
#include <time.h>

#include <hermod.h>

#include "pingpong.pb-c.h"

#define RESOLVE_TIMEOUT_US 1000000
#define RETRY_US           100000

#define MESSAGES(MESSAGE) MESSAGE(ball, Pingpong__Ball, pingpong__ball__descriptor) MESSAGE(retry)
HM_MESSAGES(game, HM_TYPE_USER, MESSAGES);

struct settings {
	const char *to; /* node whose pong to play with; NULL: this node's */
	bool wait;
	uint64_t count;
};

/* By the options; read only, once they are. */
static struct settings settings = { .count = 1000000 };

struct ping {
	bool is_waiting; /* it waits for pong, and has printed that */
	struct hm_pid pong;
	uint64_t left;
	struct timespec start;
};

/* ---- pong ------------------------------------------------------------------------ */

/* The ball goes back unchanged. */
static void
on_pong(struct hm_ctx *ctx, void *state, const Pingpong__Ball *body)
{
	(void)state;
	(void)ball_respond(ctx, body);
}

HM_RECEIVE(pong_receive, void, HM_ON(ball, on_pong));

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

	printf("%" PRIu64 " round trips in %.3f s: %.0f ns each\n", settings.count, took,
	       took / (double)settings.count * 1e9);
}

static void
serve(struct hm_ctx *ctx, struct ping *ping)
{
	Pingpong__Ball body = PINGPONG__BALL__INIT;
	enum hm_result result;

	body.count = ping->left--;
	result = ball_request(ctx, ping->pong, &body);
	if (result != HM_OK) {
		fprintf(stderr, "pingpong: the ball was not sent: %s\n", hm_result_name(result));
		hm_fail(ctx, "no ball");
	}
}

static void
play(struct hm_ctx *ctx, struct ping *ping, struct hm_pid pong)
{
	char text[HM_PID_TEXT_SIZE];

	printf("playing %" PRIu64 " balls with %s\n", settings.count, hm_pid_format(pong, text));
	ping->pong = pong;
	ping->left = settings.count;
	clock_gettime(CLOCK_MONOTONIC, &ping->start);
	(void)hm_watch(ctx, pong);
	serve(ctx, ping);
}

/* Pong or its node may come later. An unknown node is reported at once, so wait before the next attempt. */
static void
wait_for_pong(struct hm_ctx *ctx, struct ping *ping)
{
	const char *to = settings.to;

	if (!ping->is_waiting) {
		printf("waiting for /user/pong of %s; there, run with --node %s and --wait; "
		       "here, name it by --peer %s@A.B.C.D\n",
		       to, to, to);
		/* It may take long, and the line is for whoever reads a pipe, too. */
		fflush(stdout);
	}
	ping->is_waiting = true;
	(void)retry_send_after(ctx, hm_self(ctx), RETRY_US, 0, NULL);
}

static void
found(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	struct ping *ping = state;
	struct hm_pid pong = hm_pid_none();

	(void)arg;
	if (result == HM_FUTURE_REPLY)
		pong = HM_IDENTITY_body(reply)->pid;
	if (hm_pid_is_none(pong))
		wait_for_pong(ctx, ping);
	else
		play(ctx, ping, pong);
}

static void
find(struct hm_ctx *ctx, struct ping *ping)
{
	const char *to = settings.to;
	char address[HM_PATH_MAX];
	int rc;

	(void)ping;
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
	hm_fail(ctx, "no way to pong");
}

static void
begin(struct hm_ctx *ctx, struct ping *ping)
{
	struct hm_pid pong;

	if (settings.wait)
		return;
	if (settings.to != NULL)
		find(ctx, ping);
	else if (hm_lookup(hm_system(ctx), "/user/pong", &pong) == 0)
		play(ctx, ping, pong);
}

static void
on_ball(struct hm_ctx *ctx, struct ping *ping, const Pingpong__Ball *body)
{
	(void)body;
	if (ping->left > 0) {
		serve(ctx, ping);
		return;
	}
	report(ping);
	hm_unwatch(ctx, ping->pong);
	hm_stop(ctx, hm_self(ctx));
}

static void
on_gone(struct hm_ctx *ctx, struct ping *ping)
{
	(void)ping;
	fprintf(stderr, "pingpong: pong is gone\n");
	hm_fail(ctx, "pong is gone");
}

HM_RECEIVE(ping_receive, struct ping,
	   HM_ON_EMPTY(HM_STARTED, begin) HM_ON(ball, on_ball) HM_ON_EMPTY(retry, find)
		   HM_ON_EMPTY(HM_TERMINATED, on_gone));

/* ---- set-up ---------------------------------------------------------------------- */

static int
prepare(struct hm_system *sys)
{
	static const struct hm_props pong = { .receive = pong_receive };
	int rc = game_register(sys);

	return rc == 0 && settings.to == NULL ? hm_system_spawn(sys, &pong, "pong", NULL, NULL) : rc;
}

int
main(int argc, char **argv)
{
	static const struct hm_module *const modules[] = { &hm_net_module, NULL };
	static const struct hm_option options[] = {
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
	/* Ping gives up for good. */
	static const struct hm_supervisor stop = { .directive = HM_DIRECTIVE_STOP };
	static const struct hm_config config = {
		.options = options,
		.modules = modules,
		.summary = "pingpong: two actors and a ball, on one node or on two.",
		.supervisor = &stop,
	};
	static const struct hm_props ping = { .receive = ping_receive, .state_size = sizeof(struct ping) };
	static const struct hm_program program = {
		.config = &config, .prepare = prepare, .props = &ping, .name = "ping"
	};

	return hm_program_run(&program, argc, argv);
}
