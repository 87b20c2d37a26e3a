/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZONE_PVT_H
#define ZONE_PVT_H

/*
 * Time zones, from the files of tzdata (RFC 8536).
 *
 *     file ─▶ moments at which the offset changes, up to 2037 or so
 *          └▶ rule for all years behind them, such as "CET-1CEST,M3.5.0,M10.5.0/3"
 *
 * The C library knows one zone a process, TZ, which another thread may be using; it has no function for a second one. So the files are
 * read here, and nothing of the process is changed.
 *
 * Constant once it is loaded.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HMI_ZONE_FOLDER "/usr/share/zoneinfo"

/* The day of a year on which the offset changes, and the time of that day. */
struct hmi_zone_day {
	char kind; /* 'M': weekday of a month; 'J': day without 29 February, from 1; 'n': day with it, from 0 */
	int month, week, day;
	int32_t time_s; /* local time, before the change */
};

struct hmi_zone_rule {
	int32_t standard_s, summer_s; /* offsets, east of UTC */
	bool has_summer;
	struct hmi_zone_day begin, end; /* of summer time */
};

struct hmi_zone {
	int64_t *at; /* seconds since 1970, ascending */
	int32_t *offset_s;
	uint32_t count;
	int32_t first_s; /* before the first one */
	bool has_rule;
	struct hmi_zone_rule rule;
};

/* A time during which the offset stays. */
struct hmi_zone_span {
	int64_t begin, end; /* INT64_MIN, INT64_MAX: it has none */
	int32_t offset_s;
};

/* NULL, or "UTC": that one. Returns 0; -EINVAL: no name; -ENOENT or another errno of the file; -EBADMSG: no such file's format; -ENOMEM. */
int hmi_zone_load(struct hmi_zone *zone, const char *folder, const char *name);

void hmi_zone_unload(struct hmi_zone *zone);

/* The span of a moment. */
struct hmi_zone_span hmi_zone_span_of(const struct hmi_zone *zone, int64_t at);

/* ---- zone_rule.c ---- */

/* Returns whether the text is a rule. */
bool hmi_zone_rule_parse(struct hmi_zone_rule *rule, const char *text);

/* The span of a moment by a rule alone. */
struct hmi_zone_span hmi_zone_rule_span(const struct hmi_zone_rule *rule, int64_t at);

/* ---- civil.c: the Gregorian calendar, for all years ---- */

#define HMI_DAY_S 86400

struct hmi_civil {
	int64_t year;
	int month, day; /* from 1 */
};

int64_t hmi_civil_days(int64_t year, int month, int day); /* since 1970 */
struct hmi_civil hmi_civil_of(int64_t days);
int hmi_civil_month_days(int64_t year, int month);

/* 0: Sunday. */
static inline int
hmi_civil_weekday(int64_t days)
{
	return (int)(((days % 7) + 11) % 7);
}

/* Whole days of a time, rounded down. */
static inline int64_t
hmi_civil_day_of(int64_t seconds)
{
	return seconds >= 0 ? seconds / HMI_DAY_S : -((HMI_DAY_S - 1 - seconds) / HMI_DAY_S);
}

#endif /* ZONE_PVT_H */
