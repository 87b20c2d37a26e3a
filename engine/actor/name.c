/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of children. An actor without a name gets a path when it has the first child with one:
 * "/temp/$lcore.slot.generation", which no other actor ever has.
 */
#include <errno.h>
#include <stdio.h>

#include "actor_pvt.h"

void
hmi_place_name(const struct hm_ctx *ctx, const struct hmi_cell *cell, char text[HMI_PLACE_NAME_SIZE])
{
	struct hm_pid pid = hmi_pid_of(ctx, cell);

	/* Not of where it is: it may move. */
	snprintf(text, HMI_PLACE_NAME_SIZE, "$%u.%u.%u", hm_pid_lcore(pid), hm_pid_slot(pid),
		 (uint32_t)pid.local);
}

static int
place_make(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	char name[HMI_PLACE_NAME_SIZE];

	hmi_place_name(ctx, cell, name);
	if (hmi_extra_get(&ctx->extras, cell) == NULL)
		return -ENOMEM;
	return hmi_path_add(&ctx->sys->paths, ctx->sys->temp_path, name, hmi_pid_of(ctx, cell),
			    &cell->actor.extra->path);
}

bool
hmi_child_path(const struct hm_ctx *ctx, const char *name, char path[HM_PATH_MAX])
{
	const struct hmi_path *parent = hmi_cell_path(ctx->cell);
	char place[HMI_PLACE_NAME_SIZE];
	int n;

	if (parent == NULL) {
		hmi_place_name(ctx, ctx->cell, place);
		n = snprintf(path, HM_PATH_MAX, "/temp/%s/%s", place, name);
	} else {
		n = snprintf(path, HM_PATH_MAX, "%s/%s", parent->path, name);
	}
	return n < (int)HM_PATH_MAX;
}

int
hmi_path_reserve(struct hm_ctx *ctx, const char *name, struct hm_pid pid, struct hmi_path **entry)
{
	struct hmi_cell *parent = ctx->cell;
	int rc = 0;

	if (hmi_cell_path(parent) == NULL)
		rc = place_make(ctx, parent);
	return rc == 0 ? hmi_path_add(&ctx->sys->paths, hmi_cell_path(parent), name, pid, entry) : rc;
}
