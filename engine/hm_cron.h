/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_CRON_H
#define HM_CRON_H

/**
 * @file
 * Schedules by the calendar, as of cron, in any time zone.
 *
 *     "0 9 * * mon-fri", "Europe/Berlin" ─▶ hm_cron ─▶ hm_send_cron ─▶ a message at 9:00 local time on working days
 *
 * Five fields: minute (0-59), hour (0-23), day of the month (1-31), month (1-12, or jan to dec), day of the week (0-7, or sun
 * to sat; 0 and 7 are Sunday); a sixth one before them are seconds (0-59), which are 0 else. Each is `*`, a value, a range
 * `a-b`, a step `* /n` (without the blank), `a-b/n` or `a/n` (from a on), or several of them with commas. If both days leave something
 * out, one of them has to match; else both. And the words `@hourly`, `@daily` or `@midnight`, `@weekly`,
 * `@monthly`, `@yearly` or `@annually`.
 *
 * Zones are those of tzdata (/usr/share/zoneinfo), by their names. Neither TZ nor anything else of the process is read or
 * changed.
 *
 * Where clocks are put forward, local times are missing; where they are put back, some come twice:
 *
 *     hours                     missing times                                twice
 *     some are left out         once, at the first moment behind the gap     the first time
 *     `*`: every hour           not at all                                   both times
 *
 * So what is to happen at 2:30 happens once on every day, and what is to happen every ten minutes happens every ten minutes.
 *
 * A schedule is constant: any number of threads may use it at the same time.
 *
 * Limits: years 1 to 9999; files of tzdata without leap seconds.
 */

#include <stdint.h>

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_cron;

/* ---- Set-up ------------------------------------------------------------------- */

/**
 * Make a schedule.
 *
 * Context: any thread, for example before the system runs; allocates, and reads a file. Ownership: the schedule is the
 * caller's, until hm_cron_destroy; the texts are only read.
 *
 * @param text       as above
 * @param zone       such as "Europe/Berlin"; NULL: UTC
 * @param[out] cron  untouched on error
 * @return 0; -EINVAL: an argument is NULL, the text is none, or the zone is no name; -ERANGE: no date matches, as 30 February;
 *         -ENOENT or another errno: the zone's file cannot be read; -EBADMSG: it is none; -ENOMEM
 */
__attribute__((warn_unused_result))
int hm_cron_create(const char *text, const char *zone, struct hm_cron **cron);

/**
 * The caller needs a schedule no more. Timers that were started with it go on. NULL is allowed.
 *
 * Context: any thread. Ownership: the schedule is gone, when its last timer is.
 */
void hm_cron_destroy(struct hm_cron *cron);

/* ---- What runs ------------------------------------------------------------------ */

/**
 * The next time of a schedule.
 *
 * Context: any thread; neither blocks nor allocates. Ownership: the schedule stays the caller's.
 *
 * @param cron       must not be NULL
 * @param after_s    seconds since 1970, UTC: the answer is later
 * @param[out] at_s  seconds since 1970, UTC; must not be NULL; untouched on error
 * @return 0; -ERANGE: beyond the years of this header
 */
__attribute__((warn_unused_result))
int hm_cron_next(const struct hm_cron *cron, int64_t after_s, int64_t *at_s);

/**
 * Send a message at each time of a schedule. The timer is like one of hm_send_after, and ends with its actor.
 *
 * By CLOCK_REALTIME; in a stepped system with hm_config.clock, by that one's, whose 0 is 1970. If the clock is set, that is noticed
 * within a minute. Times that were missed, since the lcore was busy or the clock was put forward, bring one message together. If
 * the clock is put back by up to an hour, no time comes again; by more, the schedule begins anew.
 *
 * Context: turn; does not block; allocates. Ownership: the body is copied; the schedule stays the caller's, who may destroy it.
 *
 * @param to          often hm_self(ctx)
 * @param body        as of hm_send
 * @param cron        NULL is HM_INVALID
 * @param[out] timer  may be NULL
 * @return as hm_send; HM_INVALID also: it has no time any more
 */
enum hm_result hm_send_cron(struct hm_ctx *ctx, struct hm_pid to, uint16_t type, const void *body,
			    struct hm_cron *cron, struct hm_timer *timer);

#ifdef __cplusplus
}
#endif

#endif /* HM_CRON_H */
