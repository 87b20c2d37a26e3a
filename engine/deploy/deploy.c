/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of a system, and the props that they make.
 */
#include "deploy_pvt.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_log.h>

#include "rank_pvt.h"
#include "system_pvt.h"

#define GUARDIAN   "/user"
#define PLACE_SIZE (PATH_MAX + 16)

/* ---- What holds for a path ------------------------------------------------------------ */

/* Of each key the section that counts; NULL: none. */
struct effective {
	const struct hmi_section *of[HMI_KEYS];
};

/* Returns whether anything is set. */
static bool
effective_find(const struct hmi_deploy *deploy, const char *path, struct effective *effective)
{
	bool any = false;

	for (const struct hmi_section *s = deploy->first; s != NULL; s = s->next) {
		if (!hmi_pattern_matches(s->pattern, path))
			continue;
		if (!any)
			memset(effective, 0, sizeof(*effective));
		any = true;
		for (enum hmi_key key = 0; key < HMI_KEYS; key++) {
			if (s->settings[key].text != NULL)
				effective->of[key] = s;
		}
	}
	return any;
}

/* Props, and what they point to, as it would be without settings. */
static void
deployed_copy(struct hmi_deployed *deployed, const struct hm_props *props,
	      const struct hm_supervisor *supervisor)
{
	memset(deployed, 0, sizeof(*deployed));
	deployed->props = *props;
	deployed->supervisor = supervisor != NULL ? *supervisor : hm_supervisor_default;
	if (props->mailbox != NULL)
		deployed->mailbox = *props->mailbox;
}

static void
effective_apply(const struct effective *effective, struct hmi_deployed *deployed)
{
	for (enum hmi_key key = 0; key < HMI_KEYS; key++) {
		if (effective->of[key] == NULL)
			continue;
		if (hmi_key_is_of_mailbox(key))
			deployed->props.mailbox = &deployed->mailbox;
		if (hmi_key_is_of_supervisor(key))
			deployed->props.supervisor = &deployed->supervisor;
		hmi_key_apply(key, effective->of[key]->settings[key].value, deployed);
	}
}

static void
actors_count(struct hmi_deploy *deploy, const char *path)
{
	for (struct hmi_section *s = deploy->first; s != NULL; s = s->next) {
		if (hmi_pattern_matches(s->pattern, path))
			atomic_fetch_add_explicit(&s->actors, 1, memory_order_relaxed);
	}
}

int
hmi_deploy_props(struct hm_system *sys, const char *path, const struct hm_props *props,
		 struct hmi_deployed **deployed)
{
	struct effective effective;

	*deployed = NULL;
	if (!effective_find(sys->deploy, path, &effective))
		return 0;
	*deployed = malloc(sizeof(**deployed));
	if (*deployed == NULL)
		return -ENOMEM;
	deployed_copy(*deployed, props, props->supervisor);
	effective_apply(&effective, *deployed);
	actors_count(sys->deploy, path);
	return 0;
}

/* Where a setting stands, for logs. */
static void
place_write(const struct hmi_section *section, uint32_t line, char *text, size_t size)
{
	if (line > 0)
		snprintf(text, size, "%s:%u", section->source, line);
	else
		snprintf(text, size, "%s", section->source);
}

void
hmi_deploy_refuse(const struct hm_system *sys, const char *path)
{
	struct effective effective;
	const struct hmi_section *last = NULL;
	char place[PLACE_SIZE] = "";
	enum hmi_key which = HMI_KEYS;

	if (!effective_find(sys->deploy, path, &effective))
		return;
	/* Values by themselves are right: it is the mailbox whose parts have to go together. */
	for (enum hmi_key key = HMI_KEY_MAILBOX_ORDER; key <= HMI_KEY_MAILBOX_LOW; key++) {
		if (effective.of[key] != NULL) {
			last = effective.of[key];
			which = key;
		}
	}
	if (last == NULL)
		return;
	place_write(last, last->settings[which].line, place, sizeof(place));
	rte_log(RTE_LOG_ERR, (uint32_t)sys->logtype,
		"hermod: %s is not spawned: with %s: %s = %s its mailbox is none that hm_mailbox.h allows: reject, "
		"drop-newest and drop-oldest need a mailbox-capacity, mailbox-low is for mute and below that\n",
		path, place, hmi_key_name(which), last->settings[which].text);
}

/* ---- Settings of a system ------------------------------------------------------------- */

static int
lcore_check(const struct hm_system *sys, const struct hmi_section *section, struct hmi_batch *batch)
{
	const struct hmi_setting *lcore = &section->settings[HMI_KEY_LCORE];

	/* Words are beyond all numbers. */
	if (lcore->text == NULL || lcore->value > HM_LCORES_MAX || sys->lcores_count == 0 ||
	    lcore->value <= sys->lcores_count)
		return 0;
	batch->line = lcore->line;
	return hmi_batch_refuse(batch, "%s: lcore = %s: the lcores are 0 to %u", section->pattern,
				lcore->text, sys->lcores_count - 1);
}

/* An option that stands twice is a mistake. */
static int
again_check(const struct hmi_deploy *deploy, struct hmi_batch *batch)
{
	const struct hmi_section *fresh = batch->first;

	for (const struct hmi_section *s = deploy->first; s != NULL; s = s->next) {
		if (strcmp(s->source, fresh->source) != 0 || strcmp(s->pattern, fresh->pattern) != 0)
			continue;
		for (enum hmi_key key = 0; key < HMI_KEYS; key++) {
			if (s->settings[key].text != NULL && fresh->settings[key].text != NULL)
				return hmi_batch_refuse(batch, "%s of %s is set already, to %s",
							hmi_key_name(key), s->pattern, s->settings[key].text);
		}
	}
	return 0;
}

/* Behind those that are as specific. */
static void
section_insert(struct hmi_deploy *deploy, struct hmi_section *section)
{
	struct hmi_section **at = &deploy->first;

	while (*at != NULL && hmi_pattern_rank((*at)->pattern, section->pattern) <= 0)
		at = &(*at)->next;
	section->next = *at;
	*at = section;
}

/* The guardian /user is not spawned: its strategy is changed in place. */
static void
guardian_apply(struct hm_system *sys)
{
	struct hmi_deploy *deploy = sys->deploy;
	struct effective effective;

	if (!effective_find(deploy, GUARDIAN, &effective))
		return;
	deployed_copy(&deploy->guardian, &sys->guardian, deploy->user);
	effective_apply(&effective, &deploy->guardian);
	sys->guardian.supervisor = &deploy->guardian.supervisor;
	for (struct hmi_section *s = deploy->first; s != NULL; s = s->next) {
		if (strcmp(s->pattern, GUARDIAN) == 0)
			atomic_store_explicit(&s->actors, 1, memory_order_relaxed);
	}
}

static int
deploy_get(struct hm_system *sys)
{
	if (sys->deploy != NULL)
		return 0;
	sys->deploy = calloc(1, sizeof(*sys->deploy));
	if (sys->deploy == NULL)
		return -ENOMEM;
	sys->deploy->user = sys->guardian.supervisor;
	return 0;
}

/* Take a batch over. Returns 0, -EINVAL (explained) or -ENOMEM. */
static int
batch_take(struct hm_system *sys, struct hmi_batch *batch, bool once)
{
	struct hmi_section *section;
	int rc = deploy_get(sys);

	for (section = batch->first; rc == 0 && section != NULL; section = section->next)
		rc = lcore_check(sys, section, batch);
	if (rc == 0 && once)
		rc = again_check(sys->deploy, batch);
	if (rc != 0)
		return rc;
	while ((section = batch->first) != NULL) {
		batch->first = section->next;
		section_insert(sys->deploy, section);
	}
	guardian_apply(sys);
	return 0;
}

/* ---- Options ----------------------------------------------------------------------------- */

static int
option_end(struct hmi_batch *batch, int rc)
{
	if (rc == -ENOMEM)
		fprintf(stderr, "hermod: %s: no memory for settings; end other programs\n", batch->source);
	else if (rc != 0)
		fprintf(stderr, "hermod: %s\n", batch->problem);
	hmi_batch_fini(batch);
	return rc;
}

int
hmi_deploy_option_set(struct hm_system *sys, const char *setting)
{
	struct hmi_batch batch;
	int rc;

	hmi_batch_init(&batch, "--set", setting);
	rc = hmi_batch_text(&batch, setting);
	return option_end(&batch, rc == 0 ? batch_take(sys, &batch, true) : rc);
}

int
hmi_deploy_option_file(struct hm_system *sys, const char *file)
{
	struct hmi_batch batch;
	int rc;

	hmi_batch_init(&batch, file, NULL);
	rc = hmi_batch_file(&batch, file);
	return option_end(&batch, rc == 0 ? batch_take(sys, &batch, false) : rc);
}

int
hmi_deploy_check(struct hm_system *sys)
{
	struct hmi_batch batch;
	int rc = 0;

	for (const struct hmi_section *s = sys->deploy != NULL ? sys->deploy->first : NULL;
	     rc == 0 && s != NULL; s = s->next) {
		hmi_batch_init(&batch, s->source, NULL);
		rc = lcore_check(sys, s, &batch);
		if (rc != 0)
			fprintf(stderr, "hermod: %s\n", batch.problem);
	}
	return rc;
}

/* ---- Calls ------------------------------------------------------------------------------- */

static int
call_begin(const struct hm_system *sys, const void *argument)
{
	if (sys == NULL || argument == NULL)
		return -EINVAL;
	return atomic_load_explicit(&sys->state, memory_order_relaxed) == HMI_CREATED ? 0 : -EBUSY;
}

static int
call_end(struct hmi_batch *batch, int rc, char *problem, size_t size)
{
	if (rc != 0 && problem != NULL && size > 0)
		snprintf(problem, size, "%s", rc == -ENOMEM ? "no memory" : batch->problem);
	hmi_batch_fini(batch);
	return rc;
}

int
hm_deploy_set(struct hm_system *sys, const char *setting, char *problem, size_t size)
{
	struct hmi_batch batch;
	int rc = call_begin(sys, setting);

	if (rc != 0)
		return rc;
	hmi_batch_init(&batch, "hm_deploy_set", setting);
	rc = hmi_batch_text(&batch, setting);
	return call_end(&batch, rc == 0 ? batch_take(sys, &batch, false) : rc, problem, size);
}

int
hm_deploy_load(struct hm_system *sys, const char *file, char *problem, size_t size)
{
	struct hmi_batch batch;
	int rc = call_begin(sys, file);

	if (rc != 0)
		return rc;
	hmi_batch_init(&batch, file, NULL);
	rc = hmi_batch_file(&batch, file);
	return call_end(&batch, rc == 0 ? batch_take(sys, &batch, false) : rc, problem, size);
}

/* ---- Inspect, end ------------------------------------------------------------------------ */

void
hm_deploy_each(const struct hm_system *sys, hm_deploy_fn *fn, void *arg)
{
	const struct hmi_section *s = sys->deploy != NULL ? sys->deploy->first : NULL;

	for (; s != NULL; s = s->next) {
		for (enum hmi_key key = 0; key < HMI_KEYS; key++) {
			const struct hm_deploy_setting setting = {
				.path = s->pattern,
				.key = hmi_key_name(key),
				.value = s->settings[key].text,
				.source = s->source,
				.line = s->settings[key].line,
				.actors = atomic_load_explicit(&s->actors, memory_order_relaxed),
			};

			if (setting.value != NULL)
				fn(arg, &setting);
		}
	}
}

void
hmi_deploy_report(const struct hm_system *sys)
{
	char place[PLACE_SIZE];

	if (sys->deploy == NULL)
		return;
	for (const struct hmi_section *s = sys->deploy->first; s != NULL; s = s->next) {
		if (atomic_load_explicit(&s->actors, memory_order_relaxed) > 0)
			continue;
		place_write(s, s->line, place, sizeof(place));
		rte_log(RTE_LOG_INFO, (uint32_t)sys->logtype,
			"hermod: %s: no actor of the path %s was spawned\n", place, s->pattern);
	}
}

void
hmi_deploy_destroy(struct hm_system *sys)
{
	struct hmi_section *section;

	if (sys->deploy == NULL)
		return;
	while ((section = sys->deploy->first) != NULL) {
		sys->deploy->first = section->next;
		hmi_section_free(section);
	}
	free(sys->deploy);
	sys->deploy = NULL;
}
