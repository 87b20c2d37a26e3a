/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule behind the last change that a file names: the text that POSIX defines for TZ, with hours up to 167.
 */
#include "zone_pvt.h"

#include <ctype.h>
#include <string.h>

/* ---- Parsing ------------------------------------------------------------------------------ */

/* A number within bounds. Returns whether there was one. */
static bool
number(const char **at, int least, int most, int *value)
{
	int n = 0;

	if (!isdigit((unsigned char)**at))
		return false;
	while (isdigit((unsigned char)**at) && n <= 1000)
		n = 10 * n + *(*at)++ - '0';
	*value = n;
	return n >= least && n <= most;
}

/* [+-]hh[:mm[:ss]] */
static bool
seconds(const char **at, int hours_max, int32_t *value)
{
	int sign = 1, hours, minutes = 0, secs = 0;

	if (**at == '+' || **at == '-')
		sign = *(*at)++ == '-' ? -1 : 1;
	if (!number(at, 0, hours_max, &hours))
		return false;
	if (**at == ':' && ((*at)++, !number(at, 0, 59, &minutes)))
		return false;
	if (**at == ':' && ((*at)++, !number(at, 0, 59, &secs)))
		return false;
	*value = sign * (hours * 3600 + minutes * 60 + secs);
	return true;
}

/* Letters, or anything between < and >. */
static bool
name(const char **at)
{
	const char *begin = *at;

	if (**at == '<') {
		*at = strchr(*at, '>');
		if (*at == NULL)
			return false;
		(*at)++;
		return true;
	}
	while (isalpha((unsigned char)**at))
		(*at)++;
	return *at - begin >= 3;
}

/* The offset's sign is the wrong way round: hours west. */
static bool
offset(const char **at, int32_t *value)
{
	if (!seconds(at, 24, value))
		return false;
	*value = -*value;
	return true;
}

static bool
day(const char **at, struct hmi_zone_day *value)
{
	bool fits;

	if (*(*at)++ != ',')
		return false;
	value->kind = 'n';
	if (**at == 'M' || **at == 'J')
		value->kind = *(*at)++;
	if (value->kind == 'M')
		fits = number(at, 1, 12, &value->month) && *(*at)++ == '.' &&
		       number(at, 1, 5, &value->week) && *(*at)++ == '.' && number(at, 0, 6, &value->day);
	else
		fits = number(at, value->kind == 'J', 365, &value->day);
	if (!fits)
		return false;
	value->time_s = 2 * 3600;
	return **at != '/' || ((*at)++, seconds(at, 167, &value->time_s));
}

bool
hmi_zone_rule_parse(struct hmi_zone_rule *rule, const char *text)
{
	*rule = (struct hmi_zone_rule){ 0 };
	if (!name(&text) || !offset(&text, &rule->standard_s))
		return false;
	if (*text == '\0')
		return true;
	rule->has_summer = true;
	rule->summer_s = rule->standard_s + 3600;
	if (!name(&text) || (*text != ',' && !offset(&text, &rule->summer_s)))
		return false;
	return day(&text, &rule->begin) && day(&text, &rule->end) && *text == '\0';
}

/* ---- Evaluation ----------------------------------------------------------------------------- */

/* The local time of a change, in seconds since 1970. */
static int64_t
change_local(const struct hmi_zone_day *day, int64_t year)
{
	int64_t days = hmi_civil_days(year, 1, 1);

	if (day->kind == 'M') {
		int64_t first = hmi_civil_days(year, day->month, 1);
		int date = (day->day - hmi_civil_weekday(first) + 7) % 7 + 7 * (day->week - 1);

		/* The fifth is the last one. */
		if (date >= hmi_civil_month_days(year, day->month))
			date -= 7;
		days = first + date;
	} else if (day->kind == 'J') {
		/* Day 60 is 1 March in every year. */
		days += day->day - 1 + (day->day >= 60 && hmi_civil_month_days(year, 2) == 29);
	} else {
		days += day->day;
	}
	return days * HMI_DAY_S + day->time_s;
}

struct change {
	int64_t at;
	int32_t offset_s; /* from then on */
};

/* The changes of three years, in order. A year in which one touches that of the next has summer time throughout. */
static void
changes_find(const struct hmi_zone_rule *rule, int64_t year, struct change changes[6])
{
	for (int i = 0; i < 3; i++) {
		struct change begin = { change_local(&rule->begin, year - 1 + i) - rule->standard_s,
					rule->summer_s };
		struct change end = { change_local(&rule->end, year - 1 + i) - rule->summer_s,
				      rule->standard_s };

		changes[2 * i] = begin.at <= end.at ? begin : end;
		changes[2 * i + 1] = begin.at <= end.at ? end : begin;
	}
}

struct hmi_zone_span
hmi_zone_rule_span(const struct hmi_zone_rule *rule, int64_t at)
{
	struct hmi_zone_span span = { INT64_MIN, INT64_MAX, rule->standard_s };
	struct change changes[6];

	if (!rule->has_summer)
		return span;
	changes_find(rule, hmi_civil_of(hmi_civil_day_of(at)).year, changes);
	for (int i = 0; i < 6; i++) {
		if (changes[i].at <= at) {
			span.begin = changes[i].at;
			span.offset_s = changes[i].offset_s;
		} else if (changes[i].at < span.end) {
			span.end = changes[i].at;
		}
	}
	return span;
}
