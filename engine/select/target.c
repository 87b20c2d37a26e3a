/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "actor_pvt.h"
#include "check_pvt.h"
#include "hm_select.h"
#include "select_pvt.h"

/* "node/path" behind the scheme; NULL: the address is of this node, whose path goes to *path. */
static const char *
node_of(const struct hm_system *sys, const char **path)
{
	const char *rest = *path + strlen(HMI_SCHEME), *slash = strchr(rest, '/');
	size_t length = slash != NULL ? (size_t)(slash - rest) : 0;

	if (length == 0 || strlen(sys->options.node) != length ||
	    memcmp(rest, sys->options.node, length) != 0)
		return rest;
	*path = slash;
	return NULL;
}

void
hmi_target_read(struct hmi_target *target, const struct hm_system *sys, const char *base, const char *path)
{
	target->kind = HMI_TARGET_NONE;
	if (strncmp(path, HMI_SCHEME, strlen(HMI_SCHEME)) == 0 && node_of(sys, &path) != NULL)
		target->kind = hmi_has_wildcards(path) ? HMI_TARGET_REMOTE_MANY : HMI_TARGET_REMOTE;
	else if ((base != NULL || path[0] == '/') && hmi_pattern_make(target->pattern, base, path))
		target->kind = hmi_has_wildcards(target->pattern) ? HMI_TARGET_MANY : HMI_TARGET_ONE;
	else
		snprintf(target->pattern, sizeof(target->pattern), "%.*s", HM_PATH_MAX - 1, path);
}

static bool
is_below(const char *pattern, const char *place)
{
	size_t length = strlen(place);

	return strncmp(pattern, place, length) == 0 && pattern[length] == '/';
}

/* Names are below an actor, also if it has none itself; but then nothing is known beside and above it. */
static void
read_nameless(struct hmi_target *target, const struct hm_ctx *ctx, const char *path)
{
	char name[HMI_PLACE_NAME_SIZE], place[sizeof(name) + 8];
	bool is_relative = path[0] != '/' && strncmp(path, HMI_SCHEME, strlen(HMI_SCHEME)) != 0;

	hmi_place_name(ctx, ctx->cell, name);
	snprintf(place, sizeof(place), "/temp/%s", name);
	hmi_target_read(target, ctx->sys, place, path);
	if (is_relative && target->kind != HMI_TARGET_NONE && !is_below(target->pattern, place))
		target->kind = HMI_TARGET_NONE;
}

void
hmi_target_read_here(struct hmi_target *target, const struct hm_ctx *ctx, const char *path)
{
	const struct hmi_path *own = hmi_cell_path(ctx->cell);

	if (own == NULL || strncmp(own->path, "/temp/", 6) == 0)
		read_nameless(target, ctx, path);
	else
		hmi_target_read(target, ctx->sys, own->path, path);
}

const char *
hm_path(const struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_path");
	return hmi_cell_path(ctx->cell) != NULL ? hmi_cell_path(ctx->cell)->path : NULL;
}
