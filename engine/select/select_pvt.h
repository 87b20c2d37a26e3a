/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SELECT_PVT_H
#define SELECT_PVT_H

/*
 * Selections of actors: hm_select.h.
 *
 *     path ──▶ target ─┬─ one path here ──▶ looked up, sent in the call
 *                      ├─ a pattern here ─▶ selection: a walk, in portions, in the actor's turns
 *                      └─ another node ───▶ selection: a resolve request, then the send
 *
 * A selection is a link of its actor, so that it ends with it, and is found by its number: what continues it may
 * come when it is gone. Each portion is continued by a future that has ended at once: so the next one runs in the
 * actor's turn, behind what waits in its mailbox.
 */

#include "lcore_pvt.h"
#include "walk_pvt.h"

enum hmi_target_kind {
	HMI_TARGET_NONE, /* no path */
	HMI_TARGET_ONE,
	HMI_TARGET_MANY,
	HMI_TARGET_REMOTE,
	HMI_TARGET_REMOTE_MANY, /* which cannot be */
};

struct hmi_target {
	enum hmi_target_kind kind;
	char pattern[HM_PATH_MAX]; /* absolute; of no path: as it was given, cut; of another node: not set */
};

/* Steps of a walk in one portion, each a microsecond at most. */
#define HMI_SELECT_PORTION 64u

/*
 * What a path or address means. `base`: what a relative one is relative to; NULL: it must be absolute.
 * It is read as a whole, once.
 */
void hmi_target_read(struct hmi_target *target, const struct hm_system *sys, const char *base,
		     const char *path);

/* As hmi_target_read, relative to the running actor. */
void hmi_target_read_here(struct hmi_target *target, const struct hm_ctx *ctx, const char *path);

/* Selections that are under way are given up: no lcore runs any more. Returns whether there were any. */
bool hmi_selections_shut_down(struct hm_ctx *ctx);

#endif /* SELECT_PVT_H */
