/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_BALANCE_H
#define HM_BALANCE_H

/**
 * @file
 * The balancer: it moves actors between lcores by itself. Off, unless --balance or hm_config.balance_ms says how often it is
 * to look.
 *
 *     lcore 0, 90 % busy: a 40 %, b 30 %, c 20 %  ── a moves ──▶  lcore 1, 10 % busy      busy actors are spread
 *     lcore 0: d ◀──── most of their messages ────▶ e :lcore 1    ── d or e moves         those who talk are joined
 *
 * Spread: in each interval an lcore looks how busy all have been (hm_load.busy_ns). When it was busier than the least busy one by
 * more than a fifth of a core, three times in a row, it gives actors away that halve the difference, and never one that
 * makes it no smaller. Of more than two lcores the second busiest gives to the second least busy one, and so on.
 *
 * Joined: two actors of which each one gets at least half of its messages from the other, or handles next to none; 10,000 messages a
 * second and more; three times in a row. One of them moves to where the other lives, to the lcore that is less busy if that has room.
 * Such pairs are spread as one.
 *
 * Who has moved stays for ten intervals. Not moved are: actors with hm_props.balance = HM_BALANCE_STAY; with HM_LCORE(index), HM_LCORE_KEY
 * or HM_LCORE_OWN; children of /system; on reserved lcores; and those that the program has told to move by hm_move, ever. Who cannot move at
 * the moment (hm_move.h: one with a child whose restart is delayed) is not waited for. HM_LCORE_SAME is where an actor begins: it
 * may be moved away from its parent. One that moves receives HM_MOVED, as by hm_move.
 *
 * Limits: an lcore knows some 250 of its actors, the hottest ones; one below a hundredth of its time is not moved for that. So an
 * lcore that is busy with thousands of small actors stays so: place them by HM_LCORE_ANY. Of lcores that are busy all the time
 * none is busier. Two actors that talk by hm_ask are not found, since their futures are what the answers go to.
 * Two who talk are one load also where together they need more than one lcore has: they stay on one, though another is idle,
 * until they exchange less than half of what joins. Place such actors yourself, and have both stay.
 *
 * Cost: of run stages of fast actors, one in 64 is measured, with two looks at the clock for each actor's turn in it. Where it is off,
 * nothing.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hm_system;

/** hm_props.balance. */
enum hm_balance {
	HM_BALANCE_MOVE = 0, /**< the balancer, if there is one, may move the actor */
	HM_BALANCE_STAY,     /**< it may not: what its state points to, say, is of its lcore */
};

/** Most milliseconds between two looks, of --balance and hm_config.balance_ms. */
#define HM_BALANCE_MS_MAX 60000u

/** What the balancer has done, since start-up. Beside moved of hm_stats, in which these moves are counted, too. */
struct hm_balance_stats {
	uint64_t moved;   /**< actors, for load; each one of those that move together */
	uint64_t joined;  /**< actors, to who sends to them */
	uint64_t refused; /**< times that one was not moved, since it could not move at once */
};

/**
 * What the balancer has done.
 *
 * Context: any thread; neither blocks nor allocates.
 *
 * @param[out] stats  all 0 if there is no balancer; untouched on error
 * @return 0; -EINVAL: an argument is NULL
 */
__attribute__((warn_unused_result))
int hm_system_balance_stats(const struct hm_system *sys, struct hm_balance_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* HM_BALANCE_H */
