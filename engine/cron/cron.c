/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next time of a schedule: a walk over the spans in which the zone's offset stays, and within each over the days.
 */
#include "cron_pvt.h"

#include <errno.h>
#include <stdlib.h>

#define HOURS_ALL 0xffffffu
#define DAYS_ALL  0xfffffffeu
#define WEEK_ALL  0x7fu
/* Years 1 to 9999, in seconds since 1970. */
#define TIME_MIN (-INT64_C(62135596800))
#define TIME_MAX INT64_C(253402300799)

/* ---- Within one offset ---------------------------------------------------------------------- */

static bool
day_matches(const struct hm_cron *cron, int64_t day, const struct hmi_civil *civil)
{
	bool by_date = (cron->days >> civil->day & 1) != 0;
	bool by_week = (cron->weekdays >> hmi_civil_weekday(day) & 1) != 0;

	if (cron->days == DAYS_ALL || cron->weekdays == WEEK_ALL)
		return by_date && by_week;
	return by_date || by_week;
}

/* The first value of a set from `from` on; -1: none. */
static int
first_from(uint64_t set, int from)
{
	uint64_t rest = from < 64 ? set >> from << from : 0;

	return rest != 0 ? __builtin_ctzll(rest) : -1;
}

/* The first time of a day from `from` on, both in seconds of the day; -1: none. */
static int
time_from(const struct hm_cron *cron, int from)
{
	for (int hour = first_from(cron->hours, from / 3600); hour >= 0;
	     hour = first_from(cron->hours, hour + 1)) {
		int rest = hour > from / 3600 ? 0 : from % 3600;

		for (int minute = first_from(cron->minutes, rest / 60); minute >= 0;
		     minute = first_from(cron->minutes, minute + 1)) {
			int second = first_from(cron->seconds, minute > rest / 60 ? 0 : rest % 60);

			if (second >= 0)
				return hour * 3600 + minute * 60 + second;
		}
	}
	return -1;
}

/* The first local time in [from, end). Returns whether there is one. */
static bool
local_from(const struct hm_cron *cron, int64_t from, int64_t end, int64_t *found)
{
	int64_t day = hmi_civil_day_of(from);
	int begin = (int)(from - day * HMI_DAY_S);

	for (; day * HMI_DAY_S < end; day++, begin = 0) {
		struct hmi_civil civil = hmi_civil_of(day);
		int second;

		if ((cron->months >> civil.month & 1) == 0) {
			/* To its last day. */
			day += hmi_civil_month_days(civil.year, civil.month) - civil.day;
			continue;
		}
		if (!day_matches(cron, day, &civil))
			continue;
		second = time_from(cron, begin);
		if (second < 0)
			continue;
		*found = day * HMI_DAY_S + second;
		return *found < end;
	}
	return false;
}

/* ---- Across changes ---------------------------------------------------------------------------- */

static int64_t
local_of(int64_t at, int32_t offset_s)
{
	return at == INT64_MAX ? TIME_MAX + 2 * HMI_DAY_S : at + offset_s;
}

/* Where the span begins, for a schedule that is not of every hour: what comes a second time is left out. */
static int64_t
repeat_end(const struct hm_cron *cron, const struct hmi_zone_span *span)
{
	return span->begin + hmi_zone_span_of(&cron->zone, span->begin - 1).offset_s;
}

/* Whether a time falls into the gap at the span's end. */
static bool
gap_matches(const struct hm_cron *cron, const struct hmi_zone_span *span)
{
	int64_t found, end = span->end + hmi_zone_span_of(&cron->zone, span->end).offset_s;

	return local_from(cron, span->end + span->offset_s, end, &found);
}

/* The first time of a span, from a moment on. */
static bool
span_next(const struct hm_cron *cron, const struct hmi_zone_span *span, int64_t from, int64_t *at)
{
	bool hourly = cron->hours == HOURS_ALL;
	int64_t local = local_of(from, span->offset_s), found;

	if (!hourly && span->begin > TIME_MIN && repeat_end(cron, span) > local)
		local = repeat_end(cron, span);
	if (local_from(cron, local, local_of(span->end, span->offset_s), &found)) {
		*at = found - span->offset_s;
		return true;
	}
	if (hourly || span->end == INT64_MAX || !gap_matches(cron, span))
		return false;
	*at = span->end;
	return true;
}

int
hm_cron_next(const struct hm_cron *cron, int64_t after_s, int64_t *at_s)
{
	int64_t from = after_s < TIME_MIN ? TIME_MIN : after_s + (after_s < TIME_MAX);

	while (from <= TIME_MAX) {
		struct hmi_zone_span span = hmi_zone_span_of(&cron->zone, from);
		int64_t found;

		if (span_next(cron, &span, from, &found)) {
			if (found > TIME_MAX || found <= after_s)
				break;
			*at_s = found;
			return 0;
		}
		if (span.end == INT64_MAX)
			break;
		from = span.end;
	}
	return -ERANGE;
}

/* ---- Set-up ------------------------------------------------------------------------------------- */

int
hm_cron_create(const char *text, const char *zone, struct hm_cron **out)
{
	struct hm_cron *cron;
	int rc;

	if (text == NULL || out == NULL)
		return -EINVAL;
	cron = calloc(1, sizeof(*cron));
	if (cron == NULL)
		return -ENOMEM;
	atomic_init(&cron->known, 1);
	rc = hmi_cron_parse(cron, text);
	if (rc == 0)
		rc = hmi_zone_load(&cron->zone, HMI_ZONE_FOLDER, zone);
	if (rc != 0) {
		free(cron);
		return rc;
	}
	*out = cron;
	return 0;
}

void
hmi_cron_get(struct hm_cron *cron)
{
	/* Whoever has it keeps it meanwhile. */
	atomic_fetch_add_explicit(&cron->known, 1, memory_order_relaxed);
}

void
hm_cron_destroy(struct hm_cron *cron)
{
	/* CR1 */
	if (cron == NULL || atomic_fetch_sub_explicit(&cron->known, 1, memory_order_acq_rel) > 1)
		return;
	hmi_zone_unload(&cron->zone);
	free(cron);
}
