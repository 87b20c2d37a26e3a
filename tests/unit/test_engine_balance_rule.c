/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the balancer decides, of tables of loads.
 */
#include <criterion/criterion.h>

#include "hmt_random.h"
#include "rule_pvt.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TestSuite(engine_balance_rule);

Test(engine_balance_rule, next__lcores_look_one_after_the_other)
{
	for (uint64_t now = 100000; now < 102000; now++) {
		for (uint32_t own = 0; own < 4; own++) {
			uint64_t next = hmi_balance_next_ns(now, 1000, own, 4);

			cr_assert_gt(next, now);
			cr_assert_leq(next, now + 1000);
			cr_assert_eq(next % 1000, own * 250);
		}
	}
	cr_assert_eq(hmi_balance_next_ns(0, 1000, 0, 1), 1000);
}

/* ---- From where to where ------------------------------------------------------------- */

static uint32_t
partner(const uint32_t *busy, uint32_t count, uint32_t own)
{
	return hmi_balance_partner(busy, count, own);
}

Test(engine_balance_rule, partner__the_busiest_gives_to_the_least_busy)
{
	static const uint32_t busy[] = { 300, 900, 100, 700, 0 };

	cr_assert_eq(partner(busy, COUNT(busy), 1), 4);
	cr_assert_eq(partner(busy, COUNT(busy), 3), 2);
	/* The one in the middle, and those below it, give nothing. */
	cr_assert_eq(partner(busy, COUNT(busy), 0), HMI_BALANCE_NONE);
	cr_assert_eq(partner(busy, COUNT(busy), 2), HMI_BALANCE_NONE);
	cr_assert_eq(partner(busy, COUNT(busy), 4), HMI_BALANCE_NONE);
}

Test(engine_balance_rule, partner__alone_there_is_none)
{
	static const uint32_t busy[] = { 1000 };

	cr_assert_eq(partner(busy, 1, 0), HMI_BALANCE_NONE);
}

/* Whatever the loads, equal ones among them: no two give to the same, and nobody gives to one that gives. */
Test(engine_balance_rule, partner__no_two_give_to_the_same)
{
	uint64_t seed = hmt_seed(7), random = seed;

	for (uint32_t round = 0; round < 2000; round++) {
		uint32_t busy[9], count = 2 + (uint32_t)(hmt_random(&random) % 8), givers = 0;
		bool takes[9] = { false };

		for (uint32_t i = 0; i < count; i++)
			busy[i] = (uint32_t)(hmt_random(&random) % 4) * 250;
		for (uint32_t i = 0; i < count; i++) {
			uint32_t to = partner(busy, count, i);

			if (to == HMI_BALANCE_NONE)
				continue;
			givers++;
			cr_assert_lt(to, count);
			cr_assert_neq(to, i);
			cr_assert_leq(busy[to], busy[i]);
			cr_assert_not(takes[to]);
			cr_assert_eq(partner(busy, count, to), HMI_BALANCE_NONE);
			takes[to] = true;
		}
		cr_assert_eq(givers, count / 2, "seed %lu", seed);
	}
}

/* ---- When -------------------------------------------------------------------------------- */

Test(engine_balance_rule, due__only_a_difference_that_lasts)
{
	uint32_t looks = 0;

	for (uint32_t i = 0; i < 10; i++) {
		cr_assert_not(hmi_balance_is_due(&looks, HMI_BALANCE_TOLERATED + 1));
		cr_assert_not(hmi_balance_is_due(&looks, 1000));
		cr_assert_not(hmi_balance_is_due(&looks, HMI_BALANCE_TOLERATED), "what is tolerated");
	}
	cr_assert_not(hmi_balance_is_due(&looks, HMI_BALANCE_TOLERATED + 1));
	cr_assert_not(hmi_balance_is_due(&looks, HMI_BALANCE_TOLERATED + 1));
	cr_assert(hmi_balance_is_due(&looks, HMI_BALANCE_TOLERATED + 1));
	/* What was done has to show before more is. */
	cr_assert_not(hmi_balance_is_due(&looks, 1000));
	cr_assert_not(hmi_balance_is_due(&looks, 1000));
	cr_assert(hmi_balance_is_due(&looks, 1000));
}

/* ---- Whom -------------------------------------------------------------------------------- */

static uint32_t chosen[HMI_BALANCE_MOVES_MAX];

Test(engine_balance_rule, choose__what_halves_the_difference_best)
{
	static const uint32_t loads[] = { 500, 90, 260, 240, 0 };

	/* 1,000: 500 leaves nothing. */
	cr_assert_eq(hmi_balance_choose(loads, COUNT(loads), 1000, chosen), 1);
	cr_assert_eq(chosen[0], 0);
	/* 400: 240 is too much by 80, 260 by 120, and 90 would leave 220. */
	cr_assert_eq(hmi_balance_choose(loads, COUNT(loads), 400, chosen), 1);
	cr_assert_eq(chosen[0], 3);
	/* 700: 260 leaves 180, and 90 of that nothing. */
	cr_assert_eq(hmi_balance_choose(loads, COUNT(loads), 700, chosen), 2);
	cr_assert_eq(chosen[0], 2);
	cr_assert_eq(chosen[1], 1);
}

Test(engine_balance_rule, choose__never_what_is_as_much_as_the_difference)
{
	for (uint32_t difference = 0; difference <= 1000; difference++) {
		const uint32_t loads[] = { difference, 3 * difference / 4 + 1, 1000 };

		cr_assert_eq(hmi_balance_choose(loads, COUNT(loads), difference, chosen), 0);
	}
}

Test(engine_balance_rule, choose__its_limits)
{
	static const uint32_t least[] = { HMI_BALANCE_LOAD_MIN };
	static const uint32_t less[] = { HMI_BALANCE_LOAD_MIN - 1 };
	static const uint32_t most[] = { 375 };
	static const uint32_t more[] = { 376 };

	cr_assert_eq(hmi_balance_choose(least, 1, 500, chosen), 1);
	cr_assert_eq(hmi_balance_choose(less, 1, 500, chosen), 0);
	cr_assert_eq(hmi_balance_choose(most, 1, 500, chosen), 1);
	cr_assert_eq(hmi_balance_choose(more, 1, 500, chosen), 0);
	cr_assert_eq(hmi_balance_choose(least, 1, 2 * HMI_BALANCE_LOAD_MIN, chosen), 0);
	cr_assert_eq(hmi_balance_choose(NULL, 0, 1000, chosen), 0, "there is nobody");
}

Test(engine_balance_rule, choose__no_more_than_so_many)
{
	uint32_t loads[100];

	for (uint32_t i = 0; i < COUNT(loads); i++)
		loads[i] = HMI_BALANCE_LOAD_MIN;
	cr_assert_eq(hmi_balance_choose(loads, COUNT(loads), 1000, chosen), HMI_BALANCE_MOVES_MAX);
	for (uint32_t i = 0; i < HMI_BALANCE_MOVES_MAX; i++) {
		for (uint32_t k = 0; k < i; k++)
			cr_assert_neq(chosen[i], chosen[k]);
	}
}

/* ---- All of it: lcores with random actors, until nobody moves any more -------------------------- */

#define ACTORS 40u
#define LCORES 5u

struct world {
	uint32_t lcores, actors;
	uint32_t load[ACTORS], lcore[ACTORS];
	uint32_t looks[LCORES], busy[LCORES];
	uint32_t moves;
};

static void
world_look(struct world *w)
{
	memset(w->busy, 0, sizeof(w->busy));
	for (uint32_t i = 0; i < w->actors; i++)
		w->busy[w->lcore[i]] += w->load[i];
}

/* An lcore's turn to decide. Each move makes the difference between the two smaller than it was. */
static void
world_decide(struct world *w, uint32_t own)
{
	uint32_t to = partner(w->busy, w->lcores, own), loads[ACTORS] = { 0 }, n, before, after;

	before = to == HMI_BALANCE_NONE ? 0 : w->busy[own] - w->busy[to];
	if (!hmi_balance_is_due(&w->looks[own], before))
		return;
	for (uint32_t i = 0; i < w->actors; i++)
		loads[i] = w->lcore[i] == own && w->load[i] >= HMI_BALANCE_LOAD_MIN ? w->load[i] : 0;
	n = hmi_balance_choose(loads, w->actors, before, chosen);
	for (uint32_t i = 0; i < n; i++) {
		cr_assert_eq(w->lcore[chosen[i]], own);
		w->lcore[chosen[i]] = to;
	}
	world_look(w);
	w->moves += n;
	after = w->busy[own] > w->busy[to] ? w->busy[own] - w->busy[to] : w->busy[to] - w->busy[own];
	cr_assert(n == 0 || after + 2 * HMI_BALANCE_LOAD_MIN <= before);
}

static uint32_t
world_run(struct world *w, uint32_t rounds)
{
	w->moves = 0;
	for (uint32_t round = 0; round < rounds; round++) {
		world_look(w);
		for (uint32_t i = 0; i < w->lcores; i++)
			world_decide(w, i);
	}
	return w->moves;
}

Test(engine_balance_rule, all__comes_to_rest)
{
	uint64_t seed = hmt_seed(7), random = seed;

	for (uint32_t round = 0; round < 300; round++) {
		struct world w = { .lcores = 2 + (uint32_t)(hmt_random(&random) % (LCORES - 1)),
				   .actors = 1 + (uint32_t)(hmt_random(&random) % ACTORS) };
		uint32_t first = 0;

		for (uint32_t i = 0; i < w.actors; i++) {
			w.load[i] = (uint32_t)(hmt_random(&random) % (2000 / w.actors + 1));
			w.lcore[i] = (uint32_t)(hmt_random(&random) % w.lcores);
		}
		first = world_run(&w, 200);
		cr_assert_leq(first, 4 * w.actors, "seed %lu: %u moves of %u actors", seed, first, w.actors);
		cr_assert_eq(world_run(&w, 50), 0, "seed %lu: they never come to rest", seed);
	}
}

/* All hot actors on one of two lcores: the difference becomes one that is tolerated, by few moves. */
Test(engine_balance_rule, all__is_even_where_it_can_be)
{
	for (uint32_t actors = 5; actors <= ACTORS; actors++) {
		struct world w = { .lcores = 2, .actors = actors };
		uint32_t moves;

		for (uint32_t i = 0; i < actors; i++)
			w.load[i] = 1000 / actors;
		moves = world_run(&w, 50);
		world_look(&w);
		cr_assert_leq(w.busy[0], w.busy[1] + HMI_BALANCE_TOLERATED);
		cr_assert_leq(w.busy[1], w.busy[0] + HMI_BALANCE_TOLERATED);
		cr_assert_leq(moves, actors / 2 + 1);
	}
}

/* ---- Who belongs together ------------------------------------------------------------------- */

static bool
together(uint64_t there, uint64_t back, uint64_t all_a, uint64_t all_b)
{
	return hmi_balance_belongs(back, all_a, there, false) &&
	       hmi_balance_belongs(there, all_b, back, false);
}

Test(engine_balance_rule, belongs__both_have_most_of_each_other)
{
	cr_assert(together(1000, 1000, 1000, 1000), "question and answer");
	cr_assert(together(1000, 1000, 2000, 2000), "half of what each has");
	cr_assert_not(together(1000, 1000, 2001, 2000));
	cr_assert_not(together(1000, 1000, 2000, 2001));
	/* One that only sends, but for a little. */
	cr_assert(together(1000, 0, 0, 1000));
	cr_assert(together(1000, 0, 499, 1000));
	cr_assert_not(together(1000, 0, 500, 1000));
}

/* What does not bring them together need not part them. */
Test(engine_balance_rule, belongs__who_are_together_part_later)
{
	cr_assert(hmi_balance_belongs(1000, 2000, 0, false));
	cr_assert_not(hmi_balance_belongs(1000, 2001, 0, false));
	cr_assert(hmi_balance_belongs(1000, 3000, 0, true));
	cr_assert_not(hmi_balance_belongs(1000, 3001, 0, true));
	cr_assert_not(hmi_balance_belongs(0, 500, 1000, false));
	cr_assert(hmi_balance_belongs(0, 500, 1000, true));
	cr_assert_not(hmi_balance_belongs(0, 750, 1000, true));
	cr_assert(hmi_balance_is_chat(HMI_BALANCE_CHAT_MIN, false));
	cr_assert_not(hmi_balance_is_chat(HMI_BALANCE_CHAT_MIN - 1, false));
	cr_assert(hmi_balance_is_chat(HMI_BALANCE_CHAT_MIN / 2, true));
	cr_assert_not(hmi_balance_is_chat(HMI_BALANCE_CHAT_MIN / 2 - 1, true));
}

/* Four that ask, and one that answers all of them. */
Test(engine_balance_rule, belongs__nobody_to_who_serves_many)
{
	cr_assert_not(together(1000, 1000, 1000, 4000));
	cr_assert_not(together(1000, 0, 10, 4000));
}

Test(engine_balance_rule, room__up_to_the_whole_lcore)
{
	cr_assert(hmi_balance_has_room(0, HMI_BALANCE_FULL, 0));
	cr_assert(hmi_balance_has_room(600, 400, 0));
	cr_assert_not(hmi_balance_has_room(600, 401, 0));
	cr_assert_not(hmi_balance_has_room(HMI_BALANCE_FULL, 1, 0));
}

/* A million messages a second that need not cross save a twentieth of an lcore. */
Test(engine_balance_rule, room__what_need_not_cross_makes_some)
{
	cr_assert(hmi_balance_has_room(600, 450, 1000000));
	cr_assert_not(hmi_balance_has_room(600, 451, 1000000));
	cr_assert(hmi_balance_has_room(HMI_BALANCE_FULL, 50, 1000000));
	cr_assert_not(hmi_balance_has_room(HMI_BALANCE_FULL, 51, 1000000));
}
