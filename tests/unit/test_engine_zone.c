/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones from the files of tzdata, beside the C library's, and files that are none.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hmt_random.h"
#include "zone_pvt.h"

/* Of all continents, with half hours, without summer time, with it in the south, and with rules that few have. */
static const char *const names[] = {
	"Europe/Berlin",
	"America/New_York",
	"Australia/Lord_Howe",
	"Asia/Kolkata",
	"Pacific/Auckland",
	"Africa/Casablanca",
	"America/Sao_Paulo",
	"Asia/Kathmandu",
	"Pacific/Apia",
	"Europe/Dublin",
	"America/St_Johns",
	"Antarctica/Troll",
	"Asia/Gaza",
	"America/Nuuk",
	"Etc/GMT+12",
	"Pacific/Chatham",
	"America/Argentina/Ushuaia",
	"Asia/Tehran",
	"Africa/Monrovia",
	"UTC",
};
#define NAMES (sizeof(names) / sizeof(names[0]))

/* Each case has a process of its own, so that TZ may be set. */
static int32_t
library_offset(time_t at)
{
	struct tm tm;

	cr_assert_not_null(localtime_r(&at, &tm));
	return (int32_t)tm.tm_gmtoff;
}

Test(engine_zone, span_of__as_the_c_library_says)
{
	uint64_t seed = 4711;

	for (size_t i = 0; i < NAMES; i++) {
		struct hmi_zone zone;

		cr_assert_eq(hmi_zone_load(&zone, HMI_ZONE_FOLDER, names[i]), 0, "%s", names[i]);
		setenv("TZ", names[i], 1);
		tzset();
		for (uint32_t n = 0; n < 20000; n++) {
			/* 1850 to 2450 */
			int64_t at = (int64_t)hmt_random_below(&seed, 18934560000) - 3786912000;
			struct hmi_zone_span span = hmi_zone_span_of(&zone, at);

			cr_assert_eq(span.offset_s, library_offset(at), "%s at %ld: %d, not %d", names[i], at,
				     span.offset_s, library_offset(at));
			cr_assert(span.begin <= at && at < span.end, "%s at %ld", names[i], at);
			/* At its ends something else begins, or the same for another reason. */
			if (span.end != INT64_MAX && span.end < 18000000000) {
				cr_assert_eq(library_offset(span.end - 1), span.offset_s);
				cr_assert_eq(hmi_zone_span_of(&zone, span.end).offset_s,
					     library_offset(span.end));
				cr_assert_eq(hmi_zone_span_of(&zone, span.end).begin, span.end);
			}
		}
		hmi_zone_unload(&zone);
	}
}

Test(engine_zone, load__names)
{
	static const char *const bad[] = { "",
					   "/etc/passwd",
					   "../../etc/passwd",
					   "Europe/../../../etc/passwd",
					   "Europe/Ber lin",
					   "Europe/Berlin\n",
					   "a:b" };
	char longest[8192];
	struct hmi_zone zone;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(hmi_zone_load(&zone, HMI_ZONE_FOLDER, bad[i]), -EINVAL, "%s", bad[i]);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	cr_assert_eq(hmi_zone_load(&zone, HMI_ZONE_FOLDER, longest), -EINVAL);
	cr_assert_eq(hmi_zone_load(&zone, HMI_ZONE_FOLDER, "Europe/Nowhere"), -ENOENT);
	cr_assert_eq(hmi_zone_load(&zone, HMI_ZONE_FOLDER, "Europe"), -EISDIR);
	cr_assert_eq(hmi_zone_load(&zone, HMI_ZONE_FOLDER, "tzdata+zi"), -ENOENT);
	cr_assert_eq(hmi_zone_load(&zone, HMI_ZONE_FOLDER, NULL), 0);
	cr_assert_eq(hmi_zone_span_of(&zone, 0).offset_s, 0);
	hmi_zone_unload(&zone);
}

/* ---- Files that are broken ---------------------------------------------------------------- */

static size_t
file_get(const char *name, uint8_t *bytes, size_t most)
{
	FILE *file = fopen(name, "rb");
	size_t n;

	cr_assert_not_null(file);
	n = fread(bytes, 1, most, file);
	fclose(file);
	return n;
}

static void
file_put(const char *name, const uint8_t *bytes, size_t count)
{
	FILE *file = fopen(name, "wb");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(bytes, 1, count, file), count);
	fclose(file);
}

/* Whatever it says, it is evaluated. */
static void
spans_try(const struct hmi_zone *zone)
{
	for (int64_t at = -5000000000; at < 20000000000; at += 99999999)
		cr_assert_leq(hmi_zone_span_of(zone, at).begin, at);
}

static int
load_bytes(const char *folder, const uint8_t *bytes, size_t count)
{
	struct hmi_zone zone;
	char path[128];
	int rc;

	snprintf(path, sizeof(path), "%s/Zone", folder);
	file_put(path, bytes, count);
	rc = hmi_zone_load(&zone, folder, "Zone");
	if (rc == 0) {
		spans_try(&zone);
		hmi_zone_unload(&zone);
	}
	unlink(path);
	return rc;
}

Test(engine_zone, load__files_that_are_cut_or_changed)
{
	char folder[] = "/tmp/hmt_zone_XXXXXX";
	uint8_t bytes[8192], changed[8192];
	uint64_t seed = 12;
	uint32_t refused = 0;
	size_t count;

	cr_assert_not_null(mkdtemp(folder));
	count = file_get(HMI_ZONE_FOLDER "/Europe/Berlin", bytes, sizeof(bytes));
	cr_assert_eq(load_bytes(folder, bytes, count), 0);
	for (size_t cut = 0; cut < count; cut++)
		cr_assert_eq(load_bytes(folder, bytes, cut), -EBADMSG, "%zu of %zu bytes", cut, count);
	for (uint32_t n = 0; n < 3000; n++) {
		int rc;

		memcpy(changed, bytes, count);
		for (uint32_t i = 0; i < 3; i++)
			changed[hmt_random_below(&seed, count)] = (uint8_t)hmt_random(&seed);
		rc = load_bytes(folder, changed, count);
		cr_assert(rc == 0 || rc == -EBADMSG, "%d", rc);
		refused += rc != 0;
	}
	cr_assert_gt(refused, 100);
	rmdir(folder);
}

/* ---- Rules -------------------------------------------------------------------------------- */

Test(engine_zone, rule__texts)
{
	static const struct {
		const char *text;
		bool is_rule;
	} cases[] = {
		{ "UTC0", true },
		{ "<+0330>-3:30", true },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", true },
		{ "EST5EDT,M3.2.0,M11.1.0", true },
		{ "AAA3BBB2:30,J60/-1,300/167:59:59", true },
		{ "XXX3EDT4,0/0,J365/23", true },
		{ "", false },
		{ "CE-1", false },
		{ "CET", false },
		{ "CET-25", false },
		{ "CET-1CEST", false },
		{ "CET-1CEST,M3.5.0", false },
		{ "CET-1CEST,M13.5.0,M10.5.0", false },
		{ "CET-1CEST,M3.6.0,M10.5.0", false },
		{ "CET-1CEST,M3.5.7,M10.5.0", false },
		{ "CET-1CEST,M3.5,M10.5.0", false },
		{ "CET-1CEST,J0,J10", false },
		{ "CET-1CEST,J366,J10", false },
		{ "CET-1CEST,366,J10", false },
		{ "CET-1CEST,M3.5.0/168,M10.5.0", false },
		{ "CET-1CEST,M3.5.0,M10.5.0/3 ", false },
		{ "CET-1:60", false },
		{ "<CET-1", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hmi_zone_rule rule;

		cr_assert_eq(hmi_zone_rule_parse(&rule, cases[i].text), cases[i].is_rule, "'%s'",
			     cases[i].text);
	}
}

/* The C library takes the same texts as TZ. */
Test(engine_zone, rule__as_the_c_library_says)
{
	static const char *const texts[] = { "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0",
					     "NZST-12NZDT,M9.5.0,M4.1.0/3", "AAA3BBB2:30,J60/1,300/5",
					     "<-02>2<-01>,M3.5.0/-1,M10.5.0/0" };
	uint64_t seed = 3;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct hmi_zone_rule rule;

		cr_assert(hmi_zone_rule_parse(&rule, texts[i]));
		setenv("TZ", texts[i], 1);
		tzset();
		for (uint32_t n = 0; n < 20000; n++) {
			int64_t at = (int64_t)hmt_random_below(&seed, 15000000000);

			cr_assert_eq(hmi_zone_rule_span(&rule, at).offset_s, library_offset(at), "%s at %ld",
				     texts[i], at);
		}
	}
}

Test(engine_zone, civil__both_ways_for_ten_thousand_years)
{
	int64_t days = hmi_civil_days(1, 1, 1);
	int weekday = 1; /* a Monday, as the Gregorian calendar has it */

	cr_assert_eq(hmi_civil_days(1970, 1, 1), 0);
	for (int64_t year = 1; year < 10000; year++) {
		for (int month = 1; month <= 12; month++) {
			for (int day = 1; day <= hmi_civil_month_days(year, month); day++) {
				struct hmi_civil civil = hmi_civil_of(days);

				cr_assert(civil.year == year && civil.month == month && civil.day == day);
				cr_assert(hmi_civil_days(year, month, day) == days);
				cr_assert(hmi_civil_weekday(days) == weekday);
				cr_assert(hmi_civil_day_of(days * HMI_DAY_S) == days &&
					  hmi_civil_day_of(days * HMI_DAY_S + HMI_DAY_S - 1) == days);
				days++;
				weekday = (weekday + 1) % 7;
			}
		}
	}
}
