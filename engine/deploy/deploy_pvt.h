/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPLOY_PVT_H
#define DEPLOY_PVT_H

/*
 * Deployment settings: hm_deploy.h.
 *
 *     file ────▶ batch ─┐
 *     option ──▶ batch ─┴─▶ sections, the least specific first ──spawn of a name──▶ props of its own
 *
 * A batch is what comes at once, and is taken as a whole or not at all. A section has all that one source sets for one
 * pattern. Sections do not change while lcores run, so that a spawn reads them without asking anybody; it adds to
 * their counts only.
 *
 * An actor that no setting is for has its caller's props, and nothing else.
 */

#include "hm_actor.h"
#include "hm_deploy.h"
#include "settings_pvt.h"

/* Of a system that has settings. */
struct hmi_deploy {
	struct hmi_section *first;        /* the least specific */
	const struct hm_supervisor *user; /* the strategy of /user without settings */
	struct hmi_deployed guardian;     /* props of /user, if a setting is for it */
};

/* ---- Of a system, whose lcores do not run ---------------------------------------------- */

struct hm_system;

/* --set and --deploy: what is wrong is printed. */
int hmi_deploy_option_set(struct hm_system *sys, const char *setting);
int hmi_deploy_option_file(struct hm_system *sys, const char *file);

/* Whether the lcores that are set exist, now that one knows how many there are. Returns 0 or -EINVAL, printed. */
int hmi_deploy_check(struct hm_system *sys);

/* Log which settings have been for no actor. */
void hmi_deploy_report(const struct hm_system *sys);

void hmi_deploy_destroy(struct hm_system *sys);

/* ---- While it runs ----------------------------------------------------------------------- */

/*
 * What is set for an actor of this path, whose props are valid. *deployed: its own props, which may not be valid, and which
 * the caller owns, by malloc; NULL: nothing is set. Returns 0 or -ENOMEM.
 */
int hmi_deploy_props(struct hm_system *sys, const char *path, const struct hm_props *props,
		     struct hmi_deployed **deployed);

/* Log that an actor cannot be spawned with what is set for it. */
void hmi_deploy_refuse(const struct hm_system *sys, const char *path);

#endif /* DEPLOY_PVT_H */
