/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RULE_PVT_H
#define RULE_PVT_H

/*
 * What the balancer decides, of numbers alone. Loads are shares of an lcore's time, in per mille.
 *
 * Actors do not go to and fro: what is moved makes the difference between two lcores smaller, and by no little; the difference
 * has to last; who has moved rests; and those who belong together move together or not at all.
 */

#include <stdbool.h>
#include <stdint.h>

/* Differences up to this are nobody's affair. */
#define HMI_BALANCE_TOLERATED 200u
/* Looks in a row that have to find the same. */
#define HMI_BALANCE_LOOKS 3u
/* Looks for which an actor stays where it has come to. */
#define HMI_BALANCE_REST 10u
/* Of an actor, or of several that belong together, that is worth a move. */
#define HMI_BALANCE_LOAD_MIN 10u
/* In one look, on each lcore. */
#define HMI_BALANCE_MOVES_MAX 16u
#define HMI_BALANCE_JOINS_MAX 4u
/* Messages a second from one actor to another that are worth a move. */
#define HMI_BALANCE_CHAT_MIN 10000u
/* About what a message takes more of an lcore's time that comes from another one, or goes there, in nanoseconds. */
#define HMI_BALANCE_CROSS_NS 50u
/* An lcore's whole time. */
#define HMI_BALANCE_FULL 1000u

#define HMI_BALANCE_NONE UINT32_MAX

/*
 * When an lcore looks next. Lcores look one after the other, at the same moments of each interval, so that none decides by what
 * another one has just changed.
 */
uint64_t hmi_balance_next_ns(uint64_t now_ns, uint64_t interval_ns, uint32_t own, uint32_t count);

/*
 * The lcore that one may give actors to: the busiest one gives to the least busy one, the second to the second last, and so
 * on, so that no two give to the same. HMI_BALANCE_NONE: it is not among those that give.
 */
uint32_t hmi_balance_partner(const uint32_t *busy, uint32_t count, uint32_t own);

/* A look has found a difference. Returns whether it has lasted: `looks`, 0 at first, is how many have found one. */
bool hmi_balance_is_due(uint32_t *looks, uint32_t difference);

/*
 * Which of some loads to move, so that `difference` becomes small: one after the other what halves it best, but nothing beyond three
 * quarters of it, so that what is left is at most half, the other way round. Loads of 0 stay.
 * Returns how many; `chosen`: their indices, HMI_BALANCE_MOVES_MAX at most, the first one first.
 */
uint32_t hmi_balance_choose(const uint32_t *loads, uint32_t count, uint32_t difference, uint32_t *chosen);

/*
 * Whether an actor belongs to another one, by its messages a second: `in` from that one, of `all` that it handles, and `out`
 * that the other one handles from it. They belong together if that holds for both. Those who are together part later than
 * others come together.
 */
bool hmi_balance_belongs(uint64_t in, uint64_t all, uint64_t out, bool together);

/* Whether so many messages a second are worth it, likewise. */
static inline bool
hmi_balance_is_chat(uint64_t rate, bool together)
{
	return rate >= HMI_BALANCE_CHAT_MIN / (together ? 2 : 1);
}

/*
 * Whether an lcore that is so busy has room for an actor, whose `load` is that of its own turns, and which exchanges `rate` messages
 * a second with one of the lcore. They need not cross any more: so those who do little else have room always.
 */
bool hmi_balance_has_room(uint32_t busy, uint32_t load, uint64_t rate);

#endif /* RULE_PVT_H */
