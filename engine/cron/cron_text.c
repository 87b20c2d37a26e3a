/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a schedule.
 */
#include "cron_pvt.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define FIELDS 6u

struct field {
	unsigned int least, most;
	const char *names; /* of three letters each, from `least` on; NULL: it has none */
};

static const struct field fields[FIELDS] = {
	{ 0, 59, NULL },
	{ 0, 59, NULL },
	{ 0, 23, NULL },
	{ 1, 31, NULL },
	{ 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec" },
	{ 0, 7, "sunmontuewedthufrisat" },
};

static bool
name(const char **at, const struct field *field, unsigned int *value)
{
	size_t count = field->names != NULL ? strlen(field->names) / 3 : 0;

	for (size_t i = 0; i < count; i++) {
		if (strncasecmp(*at, field->names + 3 * i, 3) != 0 || isalpha((unsigned char)(*at)[3]))
			continue;
		*at += 3;
		*value = field->least + (unsigned int)i;
		return true;
	}
	return false;
}

static bool
number(const char **at, unsigned int most, unsigned int *value)
{
	unsigned int n = 0;

	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++) {
		n = 10 * n + (unsigned int)(**at - '0');
		if (n > most)
			return false;
	}
	*value = n;
	return true;
}

static bool
value(const char **at, const struct field *field, unsigned int *out)
{
	if (name(at, field, out))
		return true;
	return number(at, field->most, out) && *out >= field->least;
}

/* Step, or nothing. `has_end`: there was a range. */
static bool
step(const char **at, unsigned int *out)
{
	*out = 1;
	if (**at != '/')
		return true;
	(*at)++;
	return number(at, 59, out) && *out > 0;
}

/* One item of a list. */
static bool
item(const char **at, const struct field *field, uint64_t *set)
{
	unsigned int first = field->least, last = field->most, every;
	bool is_single = false;

	if (**at == '*') {
		(*at)++;
	} else {
		if (!value(at, field, &first))
			return false;
		is_single = **at != '-' && **at != '/';
		if (**at == '-' && ((*at)++, !value(at, field, &last)))
			return false;
	}
	if (is_single)
		last = first;
	if (!step(at, &every) || first > last)
		return false;
	for (unsigned int n = first; n <= last && n < 64; n += every)
		*set |= UINT64_C(1) << n;
	return true;
}

/* A field, up to a blank or the end. */
static bool
field_parse(const char **at, const struct field *field, uint64_t *set)
{
	*set = 0;
	do {
		if (!item(at, field, set))
			return false;
	} while (**at == ',' && (*at)++ != NULL);
	return **at == '\0' || isspace((unsigned char)**at);
}

static const char *
blanks_skip(const char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

static unsigned int
fields_count(const char *at)
{
	unsigned int count = 0;

	for (at = blanks_skip(at); *at != '\0'; at = blanks_skip(at)) {
		count++;
		while (*at != '\0' && !isspace((unsigned char)*at))
			at++;
	}
	return count;
}

/* What a word stands for; another text stands for itself. */
static const char *
word(const char *text)
{
	static const char *const words[][2] = {
		{ "@hourly", "0 * * * *" },   { "@daily", "0 0 * * *" },   { "@midnight", "0 0 * * *" },
		{ "@weekly", "0 0 * * 0" },   { "@monthly", "0 0 1 * *" }, { "@yearly", "0 0 1 1 *" },
		{ "@annually", "0 0 1 1 *" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i][0]) == 0)
			return words[i][1];
	}
	return text;
}

/* Whether any day of any year matches. By the day of the week alone one does. */
static bool
has_date(const struct hm_cron *cron)
{
	if (cron->weekdays != 0x7f)
		return true;
	for (int month = 1; month <= 12; month++) {
		/* Of a leap year. */
		uint32_t days = (UINT32_C(2) << hmi_civil_month_days(2000, month)) - 2;

		if ((cron->months >> month & 1) != 0 && (cron->days & days) != 0)
			return true;
	}
	return false;
}

int
hmi_cron_parse(struct hm_cron *cron, const char *text)
{
	const char *at = blanks_skip(word(text));
	unsigned int count = fields_count(at), first = FIELDS - count;
	uint64_t sets[FIELDS] = { 1 };

	if (count != FIELDS && count != FIELDS - 1)
		return -EINVAL;
	for (unsigned int i = first; i < FIELDS; i++, at = blanks_skip(at)) {
		if (!field_parse(&at, &fields[i], &sets[i]))
			return -EINVAL;
	}
	cron->seconds = sets[0];
	cron->minutes = sets[1];
	cron->hours = (uint32_t)sets[2];
	cron->days = (uint32_t)sets[3];
	cron->months = (uint32_t)sets[4];
	cron->weekdays = (uint32_t)((sets[5] | sets[5] >> 7) & 0x7f);
	return has_date(cron) ? 0 : -ERANGE;
}
