/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The balancer at work: two players who talk from different lcores come to live on one, and of four mills that keep
 * one lcore busy some move to the other.
 *
 *     lcore 0: ping ◀──ball──▶ lcore 1: pong         then         lcore 0: mill 0, mill 1, mill 2, mill 3
 *                 who has moved ──▶ director, who asks the balancer each tenth of a second
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include <hermod.h>

#define PLAYERS    2u
#define MILLS      4u
#define GRIND_NS   20000u /* the work of a mill's message */
#define LOOK_US    100000u
#define LOOKS_MAX  100u /* ten seconds */
#define BALANCE_MS 100u

enum {
	BALL = HM_TYPE_USER, /* from player to player */
	PEER,                /* the director, to a player: whom to play with */
	GRIND,               /* a mill, to itself */
	HOME,                /* to the director: somebody lives there now */
	LOOK,                /* the director, to itself */
};

struct home {
	uint32_t who, lcore;
};

struct peer {
	struct hm_pid pid;
};

struct actor {
	struct hm_pid director, peer;
	uint32_t who;
};

struct director {
	struct hm_pid pids[MILLS];
	uint32_t lcores[MILLS];
	uint32_t count; /* of players, or of mills */
	uint32_t looks;
	bool mills; /* the second act */
	bool has_moved;
};

/* ---- Players and mills ----------------------------------------------------------------- */

static void
home_tell(struct hm_ctx *ctx, const struct actor *actor)
{
	const struct home home = { actor->who, hm_lcore(ctx) };

	(void)hm_send(ctx, actor->director, HOME, &home);
}

static void
player_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct actor *player = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
	case HM_MOVED:
		home_tell(ctx, player);
		break;
	case PEER:
		player->peer = ((const struct peer *)hm_msg_body(msg))->pid;
		if (player->who == 0)
			(void)hm_send(ctx, player->peer, BALL, NULL);
		break;
	case BALL:
		(void)hm_send(ctx, player->peer, BALL, NULL);
		break;
	default:
		break;
	}
}

static void
mill_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint64_t end = hm_now_ns(ctx) + GRIND_NS;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		home_tell(ctx, state);
		(void)hm_send(ctx, hm_self(ctx), GRIND, NULL);
		break;
	case HM_MOVED:
		home_tell(ctx, state);
		break;
	case GRIND:
		while (hm_now_ns(ctx) < end)
			;
		(void)hm_send(ctx, hm_self(ctx), GRIND, NULL);
		break;
	default:
		break;
	}
}

/* Where they begin; HM_LCORE(index) would be where they stay. */
static const struct hm_props player_props = {
	.receive = player_receive,
	.lcore = HM_LCORE_ANY,
	.state_size = sizeof(struct actor),
	.args_size = sizeof(struct actor),
};

static const struct hm_props mill_props = {
	.receive = mill_receive,
	.lcore = HM_LCORE_SAME,
	.state_size = sizeof(struct actor),
	.args_size = sizeof(struct actor),
};

/* ---- The director -------------------------------------------------------------------------- */

static void
homes_print(const struct director *director, const char *when)
{
	printf("%s, %s on lcores", director->mills ? "mills" : "players", when);
	for (uint32_t i = 0; i < director->count; i++)
		printf(" %" PRIu32, director->lcores[i]);
	printf("\n");
}

static void
play_begin(struct hm_ctx *ctx, const struct director *director)
{
	for (uint32_t i = 0; i < PLAYERS; i++) {
		const struct peer peer = { director->pids[1 - i] };

		(void)hm_send(ctx, director->pids[i], PEER, &peer);
	}
}

static void
act_begin(struct hm_ctx *ctx, struct director *director)
{
	const struct hm_props *props = director->mills ? &mill_props : &player_props;
	struct actor actor = { .director = hm_self(ctx) };

	director->count = director->mills ? MILLS : PLAYERS;
	director->looks = 0;
	director->has_moved = false;
	for (uint32_t i = 0; i < director->count; i++) {
		actor.who = i;
		if (hm_spawn(ctx, props, NULL, &actor, &director->pids[i]) != 0) {
			hm_system_stop(hm_system(ctx));
			return;
		}
	}
	if (!director->mills)
		play_begin(ctx, director);
	(void)hm_send_after(ctx, hm_self(ctx), LOOK, NULL, LOOK_US, 0, NULL);
}

static void
act_end(struct hm_ctx *ctx, struct director *director)
{
	homes_print(director, director->has_moved ? "then" : "after ten seconds still");
	for (uint32_t i = 0; i < director->count; i++)
		hm_stop(ctx, director->pids[i]);
	if (director->mills) {
		hm_system_stop(hm_system(ctx));
		return;
	}
	director->mills = true;
	act_begin(ctx, director);
}

/* Ends one look after the balancer has done something: who has moved has said so by then. */
static void
look(struct hm_ctx *ctx, struct director *director)
{
	struct hm_balance_stats stats = { 0 };
	bool had_moved = director->has_moved;

	if (director->looks++ == 0)
		homes_print(director, "first");
	(void)!hm_system_balance_stats(hm_system(ctx), &stats);
	director->has_moved = (director->mills ? stats.moved : stats.joined) > 0;
	if (had_moved || director->looks == LOOKS_MAX)
		act_end(ctx, director);
	else
		(void)hm_send_after(ctx, hm_self(ctx), LOOK, NULL, LOOK_US, 0, NULL);
}

static void
director_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct director *director = state;
	const struct home *home;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		act_begin(ctx, director);
		break;
	case HOME:
		home = hm_msg_body(msg);
		director->lcores[home->who] = home->lcore;
		break;
	case LOOK:
		look(ctx, director);
		break;
	default:
		break;
	}
}

int
main(int argc, char **argv)
{
	static const struct hm_props director = {
		.receive = director_receive,
		.lcore = HM_LCORE(0),
		.state_size = sizeof(struct director),
	};
	static const struct hm_type types[] = {
		{ .id = BALL, .name = "ball" },   { .id = PEER, .name = "peer", .size = sizeof(struct peer) },
		{ .id = GRIND, .name = "grind" }, { .id = HOME, .name = "home", .size = sizeof(struct home) },
		{ .id = LOOK, .name = "look" },
	};
	const struct hm_config config = { .balance_ms = BALANCE_MS };
	struct hm_system *sys;
	int rc = hm_system_create(&sys, argc, argv, &config);

	for (size_t i = 0; rc == 0 && i < sizeof(types) / sizeof(types[0]); i++)
		rc = hm_type_register(sys, &types[i]);
	if (rc == 0 && hm_system_lcores(sys) < 2) {
		fprintf(stderr, "balanced: one lcore has nothing to balance; give two, by -l 0-1\n");
		rc = -EINVAL;
	}
	if (rc == 0 && (rc = hm_system_spawn(sys, &director, "director", NULL, NULL)) == 0)
		rc = hm_system_run(sys);
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
