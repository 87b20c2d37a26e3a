/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The balancer at work: two players who talk from different lcores come to live on one, and of four mills that keep
 * one lcore busy some move to the other.
 *
 *     lcore 0: ping ◀──ball──▶ lcore 1: pong         then         lcore 0: mill 0, mill 1, mill 2, mill 3
 *                 who has moved ──▶ director, who asks the balancer each tenth of a second
 */
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

struct home {
	uint32_t who, lcore;
};

#define MESSAGES(MESSAGE)                                                          \
	MESSAGE(ball)                     /* from player to player */              \
	MESSAGE(play_with, struct hm_pid) /* the director, to a player */          \
	MESSAGE(grind)                    /* a mill, to itself */                  \
	MESSAGE(live_here, struct home)   /* to the director: somebody does now */ \
	MESSAGE(look)                     /* the director, to itself */
HM_MESSAGES(game, HM_TYPE_USER, MESSAGES);

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
home_tell(struct hm_ctx *ctx, struct actor *actor)
{
	(void)live_here_send(ctx, actor->director, &(struct home){ actor->who, hm_lcore(ctx) });
}

static void
on_peer(struct hm_ctx *ctx, struct actor *player, const struct hm_pid *peer)
{
	player->peer = *peer;
	if (player->who == 0)
		(void)ball_send(ctx, player->peer);
}

static void
on_ball(struct hm_ctx *ctx, struct actor *player)
{
	(void)ball_send(ctx, player->peer);
}

HM_RECEIVE(player_receive, struct actor,
	   HM_ON_EMPTY(HM_STARTED, home_tell) HM_ON_EMPTY(HM_MOVED, home_tell) HM_ON(play_with, on_peer)
		   HM_ON_EMPTY(ball, on_ball));

static void
on_grind(struct hm_ctx *ctx, struct actor *mill)
{
	uint64_t end = hm_now_ns(ctx) + GRIND_NS;

	(void)mill;
	while (hm_now_ns(ctx) < end)
		;
	(void)grind_send(ctx, hm_self(ctx));
}

static void
mill_start(struct hm_ctx *ctx, struct actor *mill)
{
	home_tell(ctx, mill);
	(void)grind_send(ctx, hm_self(ctx));
}

HM_RECEIVE(mill_receive, struct actor,
	   HM_ON_EMPTY(HM_STARTED, mill_start) HM_ON_EMPTY(HM_MOVED, home_tell) HM_ON_EMPTY(grind, on_grind));

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
	for (uint32_t i = 0; i < PLAYERS; i++)
		(void)play_with_send(ctx, director->pids[i], &director->pids[1 - i]);
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
			hm_stop(ctx, hm_self(ctx));
			return;
		}
	}
	if (!director->mills)
		play_begin(ctx, director);
	(void)look_send_after(ctx, hm_self(ctx), LOOK_US, 0, NULL);
}

static void
act_end(struct hm_ctx *ctx, struct director *director)
{
	homes_print(director, director->has_moved ? "then" : "after ten seconds still");
	for (uint32_t i = 0; i < director->count; i++)
		hm_stop(ctx, director->pids[i]);
	if (director->mills) {
		hm_stop(ctx, hm_self(ctx));
		return;
	}
	director->mills = true;
	act_begin(ctx, director);
}

/* Ends one look after the balancer has done something: who has moved has said so by then. */
static void
on_look(struct hm_ctx *ctx, struct director *director)
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
		(void)look_send_after(ctx, hm_self(ctx), LOOK_US, 0, NULL);
}

static void
on_home(struct hm_ctx *ctx, struct director *director, const struct home *home)
{
	(void)ctx;
	director->lcores[home->who] = home->lcore;
}

HM_RECEIVE(director_receive, struct director,
	   HM_ON_EMPTY(HM_STARTED, act_begin) HM_ON(live_here, on_home) HM_ON_EMPTY(look, on_look));

int
main(int argc, char **argv)
{
	static const struct hm_props director = {
		.receive = director_receive,
		.lcore = HM_LCORE(0),
		.state_size = sizeof(struct director),
	};
	static const struct hm_config config = { .balance_ms = BALANCE_MS };
	static const struct hm_program program = { .config = &config,
						   .prepare = game_register,
						   .props = &director,
						   .name = "director",
						   .lcores_min = 2 };

	return hm_program_run(&program, argc, argv);
}
