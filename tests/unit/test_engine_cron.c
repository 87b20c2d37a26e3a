/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schedules by the calendar: texts, times, and what becomes of those that summer time takes or doubles.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cron_pvt.h"
#include "cron_wait_pvt.h"
#include "hmt_random.h"

/* "2026-03-29 01:00:00", UTC. */
static int64_t
utc(const char *text)
{
	struct tm tm = { 0 };

	cr_assert_not_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm), "%s", text);
	return timegm(&tm);
}

static struct hm_cron *
cron_of(const char *text, const char *zone)
{
	struct hm_cron *cron;

	cr_assert_eq(hm_cron_create(text, zone, &cron), 0, "%s in %s", text, zone);
	return cron;
}

/* Check that the times after `after` are just these, all UTC. */
static void
times_check(const char *text, const char *zone, const char *after, const char *const *times)
{
	struct hm_cron *cron = cron_of(text, zone);
	int64_t at = utc(after);

	for (; *times != NULL; times++) {
		int64_t next = 0;

		cr_assert_eq(hm_cron_next(cron, at, &next), 0);
		cr_assert_eq(next, utc(*times), "%s in %s: %ld, not %s", text, zone, next, *times);
		at = next;
	}
	hm_cron_destroy(cron);
}

#define TIMES(text, zone, after, ...) \
	times_check(text, zone, after, (const char *const[]){ __VA_ARGS__, NULL })

/* ---- Texts ------------------------------------------------------------------------------ */

Test(engine_cron, create__texts)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ "* * * * *", 0 },
		{ "  0\t9  * * mon-FRI ", 0 },
		{ "*/5,59 0-23/2 1,15,31 jan-dec 0-7", 0 },
		{ "30 */5 * * * *", 0 },
		{ "7/10 * * * *", 0 },
		{ "@hourly", 0 },
		{ "@midnight", 0 },
		{ "@annually", 0 },
		{ "0 0 29 2 *", 0 },
		{ "0 0 31 2 mon", 0 }, /* Mondays */
		{ "", -EINVAL },
		{ "* * * *", -EINVAL },
		{ "* * * * * * *", -EINVAL },
		{ "60 * * * *", -EINVAL },
		{ "* 24 * * *", -EINVAL },
		{ "* * 0 * *", -EINVAL },
		{ "* * 32 * *", -EINVAL },
		{ "* * * 13 *", -EINVAL },
		{ "* * * 0 *", -EINVAL },
		{ "* * * * 8", -EINVAL },
		{ "5-1 * * * *", -EINVAL },
		{ "*/0 * * * *", -EINVAL },
		{ "*/60 * * * *", -EINVAL },
		{ "1, * * * *", -EINVAL },
		{ ",1 * * * *", -EINVAL },
		{ "1- * * * *", -EINVAL },
		{ "1/ * * * *", -EINVAL },
		{ "-1 * * * *", -EINVAL },
		{ "*1 * * * *", -EINVAL },
		{ "* * * janu *", -EINVAL },
		{ "* * * mon *", -EINVAL },
		{ "99999999999999999999 * * * *", -EINVAL },
		{ "@never", -EINVAL },
		{ "@hourly ", -EINVAL },
		{ "0 0 30 2 *", -ERANGE },
		{ "0 0 31 4,6,9,11 *", -ERANGE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hm_cron *cron = NULL;
		int rc = hm_cron_create(cases[i].text, NULL, &cron);

		cr_assert_eq(rc, cases[i].rc, "'%s': %d", cases[i].text, rc);
		cr_assert_eq(cron != NULL, rc == 0);
		hm_cron_destroy(cron);
	}
}

Test(engine_cron, create__wrong_arguments)
{
	struct hm_cron *cron = NULL;

	cr_assert_eq(hm_cron_create(NULL, NULL, &cron), -EINVAL);
	cr_assert_eq(hm_cron_create("* * * * *", NULL, NULL), -EINVAL);
	cr_assert_eq(hm_cron_create("* * * * *", "", &cron), -EINVAL);
	cr_assert_eq(hm_cron_create("* * * * *", "../UTC", &cron), -EINVAL);
	cr_assert_eq(hm_cron_create("* * * * *", "Mars/Olympus_Mons", &cron), -ENOENT);
	cr_assert_eq(hm_cron_create("* * * * *", "zone.tab", &cron), -EINVAL);
	cr_assert_null(cron);
	hm_cron_destroy(NULL);
}

/* ---- Times ------------------------------------------------------------------------------ */

Test(engine_cron, next__fields)
{
	TIMES("*/20 * * * *", NULL, "2026-01-31 23:35:01", "2026-01-31 23:40:00", "2026-02-01 00:00:00");
	TIMES("15 30 9 * * *", NULL, "2026-01-01 09:30:15", "2026-01-02 09:30:15");
	TIMES("0 0 29 2 *", NULL, "2096-02-29 00:00:00", "2104-02-29 00:00:00", "2108-02-29 00:00:00");
	TIMES("0 12 31 * *", NULL, "2026-01-31 12:00:00", "2026-03-31 12:00:00", "2026-05-31 12:00:00");
	TIMES("0 0 * * 7", NULL, "2026-06-01 00:00:00", "2026-06-07 00:00:00", "2026-06-14 00:00:00");
	TIMES("@weekly", NULL, "2026-06-01 00:00:00", "2026-06-07 00:00:00");
	TIMES("@monthly", NULL, "2026-12-01 00:00:00", "2027-01-01 00:00:00");
	/* Both days leave something out: one is enough. */
	TIMES("0 0 13 * fri", NULL, "2026-02-10 00:00:00", "2026-02-13 00:00:00", "2026-02-20 00:00:00",
	      "2026-02-27 00:00:00", "2026-03-06 00:00:00", "2026-03-13 00:00:00");
	/* Before 1970. */
	TIMES("0 0 1 1 *", NULL, "1968-06-01 00:00:00", "1969-01-01 00:00:00", "1970-01-01 00:00:00");
}

Test(engine_cron, next__of_a_zone)
{
	TIMES("0 9 * * mon-fri", "Europe/Berlin", "2026-01-02 08:00:00", "2026-01-05 08:00:00",
	      "2026-01-06 08:00:00");
	TIMES("0 9 * * *", "Europe/Berlin", "2026-07-01 00:00:00", "2026-07-01 07:00:00");
	TIMES("0 0 * * *", "Asia/Kolkata", "2026-07-01 00:00:00", "2026-07-01 18:30:00");
	/* By the rule behind the last change that the file names. */
	TIMES("0 9 1 7 *", "Europe/Berlin", "2090-01-01 00:00:00", "2090-07-01 07:00:00");
	TIMES("0 9 1 12 *", "Europe/Berlin", "2090-01-01 00:00:00", "2090-12-01 08:00:00");
	/* A whole day that was left out: 30 December 2011. */
	TIMES("0 12 * * *", "Pacific/Apia", "2011-12-29 12:00:00", "2011-12-29 22:00:00",
	      "2011-12-30 10:00:00", "2011-12-30 22:00:00");
}

/* Berlin, 29 March 2026: 1:59:59 is followed by 3:00:00, at 1:00 UTC. */
Test(engine_cron, gap__a_missing_time_comes_at_its_end_once)
{
	TIMES("30 2 * * *", "Europe/Berlin", "2026-03-28 00:00:00", "2026-03-28 01:30:00",
	      "2026-03-29 01:00:00", "2026-03-30 00:30:00");
	/* Several in the gap, and one just behind it. */
	TIMES("*/15 2-3 * * *", "Europe/Berlin", "2026-03-29 00:00:00", "2026-03-29 01:00:00",
	      "2026-03-29 01:15:00", "2026-03-29 01:30:00");
	/* The gap's ends: 2:00 is missing, 3:00 is not. */
	TIMES("0 2 * * *", "Europe/Berlin", "2026-03-29 00:00:00", "2026-03-29 01:00:00",
	      "2026-03-30 00:00:00");
	TIMES("0 3 * * *", "Europe/Berlin", "2026-03-29 00:00:00", "2026-03-29 01:00:00",
	      "2026-03-30 01:00:00");
	TIMES("59 59 1 * * *", "Europe/Berlin", "2026-03-29 00:00:00", "2026-03-29 00:59:59",
	      "2026-03-29 23:59:59");
	/* Half an hour, in the south. */
	TIMES("15 2 * * *", "Australia/Lord_Howe", "2026-10-03 00:00:00", "2026-10-03 15:30:00",
	      "2026-10-04 15:15:00");
}

Test(engine_cron, gap__every_hour_goes_on_by_elapsed_time)
{
	TIMES("*/30 * * * *", "Europe/Berlin", "2026-03-29 00:15:00", "2026-03-29 00:30:00",
	      "2026-03-29 01:00:00", "2026-03-29 01:30:00");
	TIMES("30 * * * *", "Europe/Berlin", "2026-03-29 00:00:00", "2026-03-29 00:30:00",
	      "2026-03-29 01:30:00");
}

/* Berlin, 25 October 2026: 2:59:59 is followed by 2:00:00, at 1:00 UTC. */
Test(engine_cron, overlap__a_time_that_comes_twice_is_the_first)
{
	TIMES("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00:00", "2026-10-25 00:30:00",
	      "2026-10-26 01:30:00");
	TIMES("*/30 2-3 * * *", "Europe/Berlin", "2026-10-24 23:00:00", "2026-10-25 00:00:00",
	      "2026-10-25 00:30:00", "2026-10-25 02:00:00", "2026-10-25 02:30:00");
	/* From within the second time. */
	TIMES("30 2 * * *", "Europe/Berlin", "2026-10-25 01:10:00", "2026-10-26 01:30:00");
	TIMES("30 1 * * *", "America/New_York", "2026-11-01 00:00:00", "2026-11-01 05:30:00",
	      "2026-11-02 06:30:00");
}

Test(engine_cron, overlap__every_hour_has_both)
{
	TIMES("30 * * * *", "Europe/Berlin", "2026-10-24 23:45:00", "2026-10-25 00:30:00",
	      "2026-10-25 01:30:00", "2026-10-25 02:30:00");
}

/* ---- Beside a search by hand --------------------------------------------------------------- */

static bool
matches(const struct hm_cron *cron, const struct tm *tm)
{
	bool by_date = (cron->days >> tm->tm_mday & 1) != 0,
	     by_week = (cron->weekdays >> tm->tm_wday & 1) != 0;
	bool any_date = cron->days == 0xfffffffe, any_week = cron->weekdays == 0x7f;

	return (cron->minutes >> tm->tm_min & 1) != 0 && (cron->hours >> tm->tm_hour & 1) != 0 &&
	       (cron->months >> (tm->tm_mon + 1) & 1) != 0 &&
	       (any_date || any_week ? by_date && by_week : by_date || by_week);
}

/* Of a local time that is taken for UTC. */
static bool
local_matches(const struct hm_cron *cron, time_t local)
{
	struct tm tm;

	gmtime_r(&local, &tm);
	return matches(cron, &tm);
}

static time_t
local_of(time_t at)
{
	struct tm tm;

	localtime_r(&at, &tm);
	return at + tm.tm_gmtoff;
}

/* Whether a schedule without seconds has a time at a full minute, by its rules in words. */
static bool
is_time(const struct hm_cron *cron, time_t at)
{
	time_t before = local_of(at - 60), now = local_of(at);
	bool hourly = cron->hours == 0xffffff;

	if (hourly)
		return local_matches(cron, now);
	/* A gap ends here. */
	for (time_t missing = before + 60; missing < now; missing += 60) {
		if (local_matches(cron, missing))
			return true;
	}
	/* It has come before. */
	for (time_t earlier = at - 60; earlier > at - 3 * 3600; earlier -= 60) {
		if (local_of(earlier) == now)
			return false;
	}
	return local_matches(cron, now);
}

static void
text_make(uint64_t *seed, char *text, size_t size)
{
	static const char *const minutes[] = { "*", "0", "30", "*/7", "*/15", "59", "10-20" };
	static const char *const hours[] = { "*", "2", "1-3", "*/2", "0,3", "23", "1" };
	static const char *const days[] = { "*", "1-31", "29", "*/3", "25,29" };
	static const char *const week[] = { "*", "0", "mon-sat", "sun,tue" };

	snprintf(text, size, "%s %s %s * %s", minutes[hmt_random_below(seed, 7)],
		 hours[hmt_random_below(seed, 7)], days[hmt_random_below(seed, 5)],
		 week[hmt_random_below(seed, 4)]);
}

Test(engine_cron, next__as_a_search_by_hand)
{
	static const struct {
		const char *zone, *from;
	} places[] = {
		{ "Europe/Berlin", "2026-03-27 20:00:00" },
		{ "Europe/Berlin", "2026-10-23 20:00:00" },
		{ "America/New_York", "2026-10-31 00:00:00" },
		{ "Australia/Lord_Howe", "2026-10-02 00:00:00" },
		{ "Australia/Lord_Howe", "2026-04-03 00:00:00" },
		{ "America/Sao_Paulo", "2018-11-02 00:00:00" }, /* at midnight */
	};
	uint64_t seed = 99;

	for (size_t i = 0; i < 6 * 25; i++) {
		const char *zone = places[i % 6].zone;
		int64_t begin = utc(places[i % 6].from), at, next = 0;
		struct hm_cron *cron;
		char text[64];

		text_make(&seed, text, sizeof(text));
		cron = cron_of(text, zone);
		setenv("TZ", zone, 1);
		tzset();
		cr_assert_eq(hm_cron_next(cron, begin, &next), 0);
		for (at = begin + 60; at < begin + 4 * 86400; at += 60) {
			cr_assert_eq(is_time(cron, at), at == next, "'%s' in %s at %ld, next %ld", text, zone,
				     at, next);
			if (at == next)
				cr_assert_eq(hm_cron_next(cron, at, &next), 0);
		}
		hm_cron_destroy(cron);
	}
}

Test(engine_cron, next__to_the_end_of_time)
{
	struct hm_cron *cron = cron_of("0 0 1 1 *", NULL);
	int64_t at = 7;

	cr_assert_eq(hm_cron_next(cron, INT64_MIN, &at), 0);
	cr_assert_eq(at, -INT64_C(62135596800), "1 January of year 1");
	cr_assert_eq(hm_cron_next(cron, utc("9998-06-01 00:00:00"), &at), 0);
	cr_assert_eq(at, utc("9999-01-01 00:00:00"));
	at = 7;
	cr_assert_eq(hm_cron_next(cron, utc("9999-01-01 00:00:00"), &at), -ERANGE);
	cr_assert_eq(hm_cron_next(cron, INT64_MAX, &at), -ERANGE);
	cr_assert_eq(at, 7);
	hm_cron_destroy(cron);
}

/* ---- Waiting, while the clock is set -------------------------------------------------------- */

static uint64_t clock_ns;

static uint64_t
clock_read(void *arg)
{
	(void)arg;
	return clock_ns;
}

struct waiting {
	struct hmi_clock clock;
	struct hmi_worker worker;
	struct hmi_cron_wait *wait;
	uint64_t at_ns;
};

#define SECOND UINT64_C(1000000000)

static void
wait_begin(struct waiting *w, const char *text, int64_t now_s)
{
	struct hm_cron *cron = cron_of(text, NULL);

	w->clock = (struct hmi_clock){ .read = clock_read };
	w->worker.clock = &w->clock;
	clock_ns = (uint64_t)now_s * SECOND;
	cr_assert_eq(hmi_cron_wait_begin(&w->worker, cron, &w->wait, &w->at_ns), HM_OK);
	hm_cron_destroy(cron);
}

static bool
is_over(struct waiting *w, int64_t now_s)
{
	clock_ns = (uint64_t)now_s * SECOND;
	return hmi_cron_wait_is_over(&w->worker, w->wait, &w->at_ns);
}

Test(engine_cron, wait__looks_once_a_minute)
{
	static struct waiting w;
	int64_t now = utc("2026-06-01 10:00:00");

	wait_begin(&w, "0 12 * * *", now);
	cr_assert_eq(w.at_ns, clock_ns + 60 * SECOND);
	cr_assert_not(is_over(&w, now + 2 * 3600 - 20));
	cr_assert_eq(w.at_ns, clock_ns + 20 * SECOND, "and then at the time itself");
	cr_assert(is_over(&w, now + 2 * 3600));
	cr_assert_eq(hmi_cron_wait_next(&w.worker, w.wait), clock_ns + 60 * SECOND);
	hmi_cron_wait_end(w.wait);
}

Test(engine_cron, wait__clock_put_forward_brings_one)
{
	static struct waiting w;
	int64_t now = utc("2026-06-01 10:00:00");

	wait_begin(&w, "0 * * * *", now);
	cr_assert(is_over(&w, now + 5 * 3600 + 600));
	(void)hmi_cron_wait_next(&w.worker, w.wait);
	cr_assert_not(is_over(&w, now + 5 * 3600 + 660));
	cr_assert(is_over(&w, now + 6 * 3600));
	hmi_cron_wait_end(w.wait);
}

Test(engine_cron, wait__clock_put_back_a_little_repeats_nothing)
{
	static struct waiting w;
	int64_t now = utc("2026-06-01 11:59:00");

	wait_begin(&w, "0 * * * *", now);
	cr_assert(is_over(&w, now + 61));
	(void)hmi_cron_wait_next(&w.worker, w.wait);
	/* 11:59:30, and 12:00 once more. */
	cr_assert_not(is_over(&w, now + 30));
	cr_assert_not(is_over(&w, now + 60));
	/* An hour at most. */
	cr_assert_not(is_over(&w, now + 61 - 3600));
	cr_assert_not(is_over(&w, now + 60 + 3599));
	cr_assert(is_over(&w, now + 60 + 3600));
	hmi_cron_wait_end(w.wait);
}

Test(engine_cron, wait__clock_put_back_far_begins_anew)
{
	static struct waiting w;
	int64_t wrong = utc("2126-06-01 11:59:00"), now = utc("2026-06-01 09:10:00");

	wait_begin(&w, "0 * * * *", wrong);
	cr_assert_not(is_over(&w, now));
	cr_assert_not(is_over(&w, utc("2026-06-01 09:59:59")));
	cr_assert(is_over(&w, utc("2026-06-01 10:00:00")));
	hmi_cron_wait_end(w.wait);
}

Test(engine_cron, wait__at_the_last_time_of_a_clock)
{
	static struct waiting w;
	struct hm_cron *cron = cron_of("0 0 1 1 *", NULL);

	w.clock = (struct hmi_clock){ .read = clock_read };
	w.worker.clock = &w.clock;
	clock_ns = UINT64_MAX;
	/* The latest that such a clock can say is in 2554. */
	cr_assert_eq(hmi_cron_wait_begin(&w.worker, cron, &w.wait, &w.at_ns), HM_OK);
	cr_assert_eq(atomic_load(&cron->known), 2);
	hmi_cron_wait_end(w.wait);
	cr_assert_eq(atomic_load(&cron->known), 1);
	hm_cron_destroy(cron);
}
