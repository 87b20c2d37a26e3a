/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_pvt.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "nearest_pvt.h"
#include "pattern_pvt.h"

/* Characters of a file's name, its end, and of an option, its beginning, that a problem shows. */
#define SOURCE_MAX 256u

void
hmi_batch_init(struct hmi_batch *batch, const char *source, const char *quote)
{
	memset(batch, 0, sizeof(*batch));
	batch->last = &batch->first;
	batch->source = source;
	batch->quote = quote;
}

void
hmi_batch_fini(struct hmi_batch *batch)
{
	struct hmi_section *section;

	while ((section = batch->first) != NULL) {
		batch->first = section->next;
		hmi_section_free(section);
	}
	batch->last = &batch->first;
}

void
hmi_section_free(struct hmi_section *section)
{
	for (enum hmi_key key = 0; key < HMI_KEYS; key++)
		free(section->settings[key].text);
	free(section->source);
	free(section);
}

int
hmi_batch_refuse(struct hmi_batch *batch, const char *format, ...)
{
	const char *dots = strlen(batch->source) > SOURCE_MAX ? "..." : "";
	const char *source = batch->source + (*dots != '\0' ? strlen(batch->source) - SOURCE_MAX : 0);
	size_t size = sizeof(batch->problem), n;
	char *text = batch->problem;
	va_list arguments;

	if (batch->quote != NULL)
		snprintf(text, size, "%s%s '%.*s%s': ", dots, source, (int)SOURCE_MAX, batch->quote,
			 strlen(batch->quote) > SOURCE_MAX ? "..." : "");
	else if (batch->line > 0)
		snprintf(text, size, "%s%s:%u: ", dots, source, batch->line);
	else
		snprintf(text, size, "%s%s: ", dots, source);
	n = strlen(text);
	va_start(arguments, format);
	vsnprintf(text + n, size - n, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* ---- Paths ------------------------------------------------------------------------------- */

static bool
is_of_pattern(char c)
{
	return isalnum((unsigned char)c) || strchr("-_.~+@$*?/", c) != NULL;
}

/* Whether actors can be below the first segment; *nearest: what else may be meant. */
static bool
is_root(const char *segment, size_t length, struct hmi_nearest *nearest)
{
	static const char *const roots[] = { "user", "system", "temp" };

	for (size_t i = 0; i < RTE_DIM(roots); i++) {
		if (hmi_segment_matches(segment, length, roots[i]))
			return true;
		hmi_nearest_try(nearest, segment, length, roots[i]);
	}
	return false;
}

/* Segments that no name has. */
static const char *
segment_too_long(const char *pattern)
{
	for (const char *at = pattern; *at == '/'; at += 1 + strcspn(at + 1, "/")) {
		size_t length = strcspn(at + 1, "/");

		if (length > HM_NAME_MAX && memchr(at + 1, '*', length) == NULL)
			return at + 1;
	}
	return NULL;
}

static int
pattern_check(struct hmi_batch *batch, const char *pattern)
{
	size_t root = strcspn(pattern + 1, "/");
	struct hmi_nearest nearest = { NULL, 0 };

	if (segment_too_long(pattern) != NULL)
		return hmi_batch_refuse(batch, "'%s': a name has up to %u characters", pattern, HM_NAME_MAX);
	if (!is_root(pattern + 1, root, &nearest))
		return hmi_batch_refuse(batch, "'%s': no actor is there; %s%s%s", pattern,
					nearest.name != NULL ? "did you mean '/" : "",
					nearest.name != NULL ? nearest.name : "their paths begin with /user/",
					nearest.name != NULL ? "'?" : "");
	if (pattern[1 + root] == '\0' && strcmp(pattern, "/user") != 0)
		return hmi_batch_refuse(batch, "'%s': of what is above all actors, only /user has settings",
					pattern);
	return 0;
}

static int
pattern_read(struct hmi_batch *batch, const char *path, char *pattern)
{
	if (path[0] != '/')
		return hmi_batch_refuse(batch, "'%s' is no absolute path, as /user/orders is", path);
	if (strlen(path) >= HM_PATH_MAX)
		return hmi_batch_refuse(batch, "the path is longer than %u characters", HM_PATH_MAX - 1);
	for (const char *c = path; *c != '\0'; c++) {
		if (!is_of_pattern(*c))
			return hmi_batch_refuse(batch, "'%s': no path has the character '%c'", path, *c);
	}
	if (!hmi_pattern_make(pattern, "/", path))
		return hmi_batch_refuse(batch, "'%s' is no path", path);
	return pattern_check(batch, pattern);
}

int
hmi_batch_section(struct hmi_batch *batch, const char *path, struct hmi_section **out)
{
	char pattern[HM_PATH_MAX];
	struct hmi_section *section;
	int rc = pattern_read(batch, path, pattern);

	if (rc != 0)
		return rc;
	for (section = batch->first; section != NULL; section = section->next) {
		if (strcmp(section->pattern, pattern) == 0)
			return hmi_batch_refuse(batch, "'%s' stands in line %u already", pattern,
						section->line);
	}
	section = calloc(1, sizeof(*section));
	if (section == NULL)
		return -ENOMEM;
	section->line = batch->line;
	memcpy(section->pattern, pattern, strlen(pattern) + 1);
	section->source = strdup(batch->source);
	if (section->source == NULL) {
		free(section);
		return -ENOMEM;
	}
	*batch->last = section;
	batch->last = &section->next;
	*out = section;
	return 0;
}

/* ---- Settings ---------------------------------------------------------------------------- */

int
hmi_batch_set(struct hmi_batch *batch, struct hmi_section *section, const char *name, const char *value)
{
	enum hmi_key key = hmi_key_find(name);
	struct hmi_setting *setting;
	char why[HM_DEPLOY_PROBLEM_MAX / 2];
	const char *form;

	if (key == HMI_KEYS) {
		hmi_key_explain(name, why, sizeof(why));
		return hmi_batch_refuse(batch, "'%.*s': %s", (int)HMI_NEAREST_MAX, name, why);
	}
	setting = &section->settings[key];
	if (setting->text != NULL)
		return hmi_batch_refuse(batch, "%s stands in line %u already", name, setting->line);
	if (strcmp(section->pattern, "/user") == 0 && !hmi_key_is_of_supervisor(key))
		return hmi_batch_refuse(batch, "%s: /user has none but supervisor and backoff keys", name);
	if (!hmi_key_read(key, value, &setting->value, &form))
		return hmi_batch_refuse(batch, "%s = %.*s: give %s", name, (int)HMI_NEAREST_MAX, value, form);
	setting->text = strdup(value);
	if (setting->text == NULL)
		return -ENOMEM;
	setting->line = batch->line;
	batch->count++;
	return 0;
}

int
hmi_batch_text(struct hmi_batch *batch, const char *text)
{
	const char *colon = strchr(text, ':'), *equals = colon != NULL ? strchr(colon, '=') : NULL;
	struct hmi_section *section = NULL;
	char *path, *key;
	int rc;

	if (equals == NULL || equals == colon + 1 || equals[1] == '\0')
		return hmi_batch_refuse(batch, "give PATH:key=value, as in /user/orders:lcore=1");
	path = strndup(text, (size_t)(colon - text));
	key = strndup(colon + 1, (size_t)(equals - colon - 1));
	rc = path != NULL && key != NULL ? hmi_batch_section(batch, path, &section) : -ENOMEM;
	if (rc == 0)
		rc = hmi_batch_set(batch, section, key, equals + 1);
	free(path);
	free(key);
	return rc != 0 ? rc : hmi_batch_check(batch);
}

/* What other sections may not mend: of these keys, those of one section hold for the same actors. */
static int
section_check(struct hmi_batch *batch, const struct hmi_section *section)
{
	const struct hmi_setting *low = &section->settings[HMI_KEY_MAILBOX_LOW],
				 *capacity = &section->settings[HMI_KEY_MAILBOX_CAPACITY],
				 *overflow = &section->settings[HMI_KEY_MAILBOX_OVERFLOW];

	batch->line = low->line;
	if (low->text == NULL)
		return 0;
	if (overflow->text != NULL && overflow->value != HM_OVERFLOW_MUTE)
		return hmi_batch_refuse(batch, "mailbox-low: only mailbox-overflow = mute has it");
	if (capacity->text != NULL && low->value >= capacity->value)
		return hmi_batch_refuse(batch, "mailbox-low = %s: give less than mailbox-capacity, %s",
					low->text, capacity->text);
	return 0;
}

int
hmi_batch_check(struct hmi_batch *batch)
{
	int rc = 0;

	for (const struct hmi_section *s = batch->first; rc == 0 && s != NULL; s = s->next)
		rc = section_check(batch, s);
	return rc;
}
