/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings from a file, which rte_cfgfile reads. That names no lines, cuts what is too long, and passes over what it does
 * not understand: so each line is looked at before, and what is found must be what rte_cfgfile finds.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <rte_cfgfile.h>
#include <rte_errno.h>

#include "settings_pvt.h"

#define COMMENT '#'
/* As long as one that rte_cfgfile reads as a whole, in each of its releases. */
#define LINE_LENGTH_MAX (CFG_NAME_LEN + CFG_VALUE_LEN)

enum kind {
	NOTHING = 0, /* or a comment */
	SECTION,
	SETTING,
};

/* The lines that say something. */
struct lines {
	struct line {
		enum kind kind;
		uint32_t number;
	} * all;
	size_t count, capacity;
};

/* ---- Each line --------------------------------------------------------------------------- */

/* Without spaces at both ends. */
static char *
strip(char *text)
{
	size_t length;

	while (isspace((unsigned char)*text))
		text++;
	length = strlen(text);
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	return text;
}

static int
section_check(struct hmi_batch *batch, char *text)
{
	char *end = strchr(text, ']');

	if (end == NULL)
		return hmi_batch_refuse(batch, "'%s': no ']' ends the path", text);
	if (end[1] != '\0')
		return hmi_batch_refuse(batch, "'%s': nothing may stand behind ']'", end + 1);
	*end = '\0';
	text = strip(text + 1);
	if (strlen(text) >= CFG_NAME_LEN)
		return hmi_batch_refuse(
			batch, "[%s]: longer than %u characters; give it by --set, or with wildcards", text,
			CFG_NAME_LEN - 1u);
	return *text != '\0' ? 0 : hmi_batch_refuse(batch, "[]: give a path, as in [/user/orders]");
}

static int
setting_check(struct hmi_batch *batch, const struct lines *lines, char *text)
{
	char *equals = strchr(text, '='), *value;

	if (equals == NULL)
		return hmi_batch_refuse(batch,
					"'%s' is neither [PATH] nor key = value; comments begin with '%c'",
					text, COMMENT);
	*equals = '\0';
	text = strip(text);
	value = strip(equals + 1);
	if (*text == '\0' || *value == '\0')
		return hmi_batch_refuse(batch, "%s stands without a %s", *text == '\0' ? "a value" : text,
					*text == '\0' ? "key" : "value");
	if (strlen(text) >= CFG_NAME_LEN || strlen(value) >= CFG_VALUE_LEN)
		return hmi_batch_refuse(batch, "no key has %u characters, and no value %u", CFG_NAME_LEN,
					CFG_VALUE_LEN);
	if (lines->count == 0)
		return hmi_batch_refuse(batch, "%s stands before the first [PATH]", text);
	return 0;
}

/* What a line is, of `length` bytes, which is changed. Returns 0 or -EINVAL, explained. */
static int
line_check(struct hmi_batch *batch, const struct lines *lines, char *text, size_t length, enum kind *kind)
{
	*kind = NOTHING;
	if (strlen(text) != length)
		return hmi_batch_refuse(batch, "a byte of the value 0: this is no text");
	if (length > 0 && text[length - 1] == '\n')
		length--;
	if (length > LINE_LENGTH_MAX)
		return hmi_batch_refuse(batch, "longer than %u characters", LINE_LENGTH_MAX);
	text[strcspn(text, (const char[]){ COMMENT, '\0' })] = '\0';
	text = strip(text);
	/* rte_cfgfile would take the comment behind it for a part of the value. */
	if (strchr(text, '\\') != NULL)
		return hmi_batch_refuse(batch, "'%s': nothing here has a '\\'", text);
	if (*text == '\0')
		return 0;
	*kind = *text == '[' ? SECTION : SETTING;
	return *kind == SECTION ? section_check(batch, text) : setting_check(batch, lines, text);
}

static int
lines_add(struct lines *lines, enum kind kind, uint32_t number)
{
	if (kind == NOTHING)
		return 0;
	if (lines->count == lines->capacity) {
		size_t capacity = lines->capacity > 0 ? 2 * lines->capacity : 64;
		struct line *all = realloc(lines->all, capacity * sizeof(*all));

		if (all == NULL)
			return -ENOMEM;
		lines->all = all;
		lines->capacity = capacity;
	}
	lines->all[lines->count++] = (struct line){ kind, number };
	return 0;
}

static int
lines_read(struct hmi_batch *batch, struct lines *lines, FILE *file)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t length;
	enum kind kind;
	int rc = 0;

	while (rc == 0 && (length = getline(&text, &size, file)) >= 0) {
		batch->line++;
		rc = line_check(batch, lines, text, (size_t)length, &kind);
		if (rc == 0)
			rc = lines_add(lines, kind, batch->line);
	}
	free(text);
	return rc == 0 && ferror(file) != 0 ? -EIO : rc;
}

/* ---- What rte_cfgfile finds ---------------------------------------------------------------- */

/* The line of what comes next. Returns whether it is of this kind. */
static bool
line_take(struct hmi_batch *batch, const struct lines *lines, size_t *at, enum kind kind)
{
	if (*at == lines->count || lines->all[*at].kind != kind)
		return false;
	batch->line = lines->all[(*at)++].number;
	return true;
}

static int
difference_refuse(struct hmi_batch *batch)
{
	batch->line = 0;
	return hmi_batch_refuse(batch, "it has changed while it was read, or rte_cfgfile reads it otherwise");
}

static int
section_take(struct hmi_batch *batch, const struct lines *lines, size_t *at, struct rte_cfgfile *cfg,
	     int index)
{
	struct rte_cfgfile_entry *entries;
	struct hmi_section *section = NULL;
	char path[CFG_NAME_LEN];
	int rc, count = rte_cfgfile_section_num_entries_by_index(cfg, path, index);

	if (count < 0 || !line_take(batch, lines, at, SECTION))
		return difference_refuse(batch);
	rc = hmi_batch_section(batch, path, &section);
	if (rc != 0 || count == 0)
		return rc;
	entries = calloc((size_t)count, sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	count = rte_cfgfile_section_entries_by_index(cfg, index, path, entries, count);
	for (int i = 0; rc == 0 && i < count; i++)
		rc = line_take(batch, lines, at, SETTING)
			     ? hmi_batch_set(batch, section, entries[i].name, entries[i].value)
			     : difference_refuse(batch);
	free(entries);
	return rc;
}

static int
sections_take(struct hmi_batch *batch, const struct lines *lines)
{
	const struct rte_cfgfile_parameters parameters = { .comment_character = COMMENT };
	struct rte_cfgfile *cfg = rte_cfgfile_load_with_params(batch->source, 0, &parameters);
	int rc = 0, count;
	size_t at = 0;

	if (cfg == NULL)
		return difference_refuse(batch);
	count = rte_cfgfile_num_sections(cfg, NULL, 0);
	for (int i = 0; rc == 0 && i < count; i++)
		rc = section_take(batch, lines, &at, cfg, i);
	if (rc == 0 && at != lines->count)
		rc = difference_refuse(batch);
	rte_cfgfile_close(cfg);
	return rc;
}

/* ---- The file ------------------------------------------------------------------------------- */

static int
errno_refuse(struct hmi_batch *batch, int error)
{
	batch->line = 0;
	(void)hmi_batch_refuse(batch, "the deployment settings cannot be read: %s", rte_strerror(error));
	return -error;
}

int
hmi_batch_file(struct hmi_batch *batch, const char *name)
{
	struct lines lines = { NULL, 0, 0 };
	struct stat status;
	FILE *file;
	int rc;

	if (stat(name, &status) != 0)
		return errno_refuse(batch, errno);
	/* It is read twice. */
	if (!S_ISREG(status.st_mode))
		return hmi_batch_refuse(batch, "no regular file");
	file = fopen(name, "re");
	if (file == NULL)
		return errno_refuse(batch, errno);
	rc = lines_read(batch, &lines, file);
	fclose(file);
	if (rc == -EIO)
		rc = errno_refuse(batch, EIO);
	if (rc == 0)
		rc = sections_take(batch, &lines);
	if (rc == 0)
		rc = hmi_batch_check(batch);
	free(lines.all);
	batch->line = 0;
	return rc == 0 && batch->count == 0 ? hmi_batch_refuse(batch, "it has no settings") : rc;
}
