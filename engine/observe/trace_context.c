/* SPDX-License-Identifier: Apache-2.0 */
#include "trace_context_pvt.h"

#include <stdint.h>
#include <string.h>

#define FLAG_SAMPLED 0x01u
#define VERSION_NONE 0xffu
#define KEY_MAX      256u
#define TENANT_MAX   241u
#define SYSTEM_MAX   14u
#define VALUE_MAX    256u

/* ---- traceparent ------------------------------------------------------------------------- */

#define IS_DIGIT   0x10u
#define DIGIT(n)   (IS_DIGIT | (n))
#define LENGTH_MIN 55u

/* Digits, of lower case alone; 0: it is none. */
static const uint8_t digits[256] = {
	['0'] = DIGIT(0),  ['1'] = DIGIT(1),  ['2'] = DIGIT(2),  ['3'] = DIGIT(3),
	['4'] = DIGIT(4),  ['5'] = DIGIT(5),  ['6'] = DIGIT(6),  ['7'] = DIGIT(7),
	['8'] = DIGIT(8),  ['9'] = DIGIT(9),  ['a'] = DIGIT(10), ['b'] = DIGIT(11),
	['c'] = DIGIT(12), ['d'] = DIGIT(13), ['e'] = DIGIT(14), ['f'] = DIGIT(15),
};

/* Without a branch a digit: ids are random, and no branch would be predicted. */
static bool
hex_parse(const char *text, uint32_t count, uint64_t *value)
{
	uint64_t sum = 0;
	uint8_t all = IS_DIGIT;

	for (uint32_t i = 0; i < count; i++) {
		uint8_t digit = digits[(unsigned char)text[i]];

		all &= digit;
		sum = sum << 4 | (digit & 0xfu);
	}
	*value = sum;
	return all != 0;
}

/* Later versions may say more behind the flags. */
static bool
end_is_valid(const char *end, uint64_t version)
{
	return *end == '\0' || (*end == '-' && version != 0);
}

bool
hmi_traceparent_parse(const char *text, struct hmi_trace *trace)
{
	uint64_t version, high, low, span, flags;

	if (strnlen(text, LENGTH_MIN) < LENGTH_MIN)
		return false;
	if (!hex_parse(text, 2, &version) || text[2] != '-' || version == VERSION_NONE)
		return false;
	if (!hex_parse(text + 3, 16, &high) || !hex_parse(text + 19, 16, &low) || text[35] != '-')
		return false;
	if (!hex_parse(text + 36, 16, &span) || text[52] != '-' || !hex_parse(text + 53, 2, &flags))
		return false;
	if (!end_is_valid(text + 55, version) || (high | low) == 0 || span == 0)
		return false;
	*trace = (struct hmi_trace){ { high, low }, span, (flags & FLAG_SAMPLED) != 0 };
	return true;
}

static char *
hex_format(char *text, uint64_t value)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		*text++ = "0123456789abcdef"[value >> shift & 0xf];
	return text;
}

void
hmi_traceparent_format(const struct hmi_trace *trace, char *text)
{
	*text++ = '0';
	*text++ = '0';
	*text++ = '-';
	text = hex_format(text, trace->trace[0]);
	text = hex_format(text, trace->trace[1]);
	*text++ = '-';
	text = hex_format(text, trace->span);
	memcpy(text, trace->is_sampled ? "-01" : "-00", sizeof("-00"));
}

/* ---- tracestate -------------------------------------------------------------------------- */

/* A part of the text. */
struct part {
	const char *text;
	size_t length;
};

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One or more characters of keys, the first of which is a letter, or may be a digit. */
static bool
name_is_valid(struct part name, size_t max, bool may_be_digit)
{
	if (name.length == 0 || name.length > max ||
	    !(is_lower(name.text[0]) || (may_be_digit && is_digit(name.text[0]))))
		return false;
	for (size_t i = 1; i < name.length; i++) {
		char c = name.text[i];

		if (!is_lower(c) && !is_digit(c) && c != '_' && c != '-' && c != '*' && c != '/')
			return false;
	}
	return true;
}

static bool
key_is_valid(struct part key)
{
	const char *at = memchr(key.text, '@', key.length);
	size_t tenant = at != NULL ? (size_t)(at - key.text) : 0;

	if (at == NULL)
		return name_is_valid(key, KEY_MAX, false);
	return name_is_valid((struct part){ key.text, tenant }, TENANT_MAX, true) &&
	       name_is_valid((struct part){ at + 1, key.length - tenant - 1 }, SYSTEM_MAX, false);
}

/* Its end is no blank: that was trimmed. */
static bool
value_is_valid(struct part value)
{
	if (value.length == 0 || value.length > VALUE_MAX)
		return false;
	for (size_t i = 0; i < value.length; i++) {
		if (value.text[i] < ' ' || value.text[i] > '~' || value.text[i] == '=')
			return false;
	}
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The member that begins here, without blanks around it. */
static struct part
member_of(const char *text)
{
	struct part member = { text, strcspn(text, ",") };

	while (member.length > 0 && is_blank(member.text[0])) {
		member.text++;
		member.length--;
	}
	while (member.length > 0 && is_blank(member.text[member.length - 1]))
		member.length--;
	return member;
}

static bool
is_among(struct part key, const struct part *keys, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (keys[i].length == key.length && memcmp(keys[i].text, key.text, key.length) == 0)
			return true;
	}
	return false;
}

static bool
member_is_valid(struct part member, struct part *key)
{
	const char *equals = memchr(member.text, '=', member.length);

	if (equals == NULL)
		return false;
	*key = (struct part){ member.text, (size_t)(equals - member.text) };
	return key_is_valid(*key) &&
	       value_is_valid((struct part){ equals + 1, member.length - key->length - 1 });
}

bool
hmi_tracestate_is_valid(const char *text)
{
	struct part keys[HMI_TRACESTATE_MEMBERS_MAX];
	uint32_t count = 0;

	if (strnlen(text, HMI_TRACESTATE_MAX + 1) > HMI_TRACESTATE_MAX)
		return false;
	for (;; text++) {
		struct part member = member_of(text), key;

		if (member.length > 0) {
			if (count == HMI_TRACESTATE_MEMBERS_MAX || !member_is_valid(member, &key) ||
			    is_among(key, keys, count))
				return false;
			keys[count++] = key;
		}
		text += strcspn(text, ",");
		if (*text == '\0')
			return true;
	}
}
