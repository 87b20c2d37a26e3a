/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days and dates, in both directions, by eras of 400 years (H. Hinnant, chrono-compatible low-level date algorithms).
 */
#include "zone_pvt.h"

#define ERA_DAYS 146097

int64_t
hmi_civil_days(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	/* Years begin in March here, and 1 March 0000 is 719,468 days before 1970. */
	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct hmi_civil
hmi_civil_of(int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - (ERA_DAYS - 1)) / ERA_DAYS;
	int64_t of_era = z - era * ERA_DAYS;
	int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
	int month = (int)((5 * of_year + 2) / 153);
	struct hmi_civil civil = { .year = years + era * 400,
				   .month = month < 10 ? month + 3 : month - 9,
				   .day = (int)(of_year - (153 * month + 2) / 5 + 1) };

	civil.year += civil.month <= 2;
	return civil;
}

int
hmi_civil_month_days(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && is_leap ? 29 : days[month - 1];
}
