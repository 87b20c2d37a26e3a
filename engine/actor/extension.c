/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extensions of actors: links of their actor, found by the extension's address.
 */
#include "hm_extension.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

#include "actor_pvt.h"
#include "check_pvt.h"
#include "mark_pvt.h"

struct extension {
	struct hmi_link link; /* first */
	const struct hm_extension *type;
	void *value;
};

static void
extension_free(struct extension *e)
{
	if (e->value != NULL && e->type->destroy != NULL)
		e->type->destroy(e->value);
	free(e);
}

/* The owner ends. */
static void
extension_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct extension *e = container_of(owned, struct extension, link.owned);

	(void)owner;
	hmi_link_unhash(&ctx->links, &e->link);
	extension_free(e);
}

static const struct hmi_owned_ops extension_ops = {
	.drop = extension_drop,
	.outlives_restart = true,
	.may_move = hmi_link_may_move,
	.leave = hmi_link_leave,
	.arrive = hmi_link_arrive,
};

void
hmi_extensions_shut_down(struct hm_ctx *ctx)
{
	for (uint32_t i = 0; i <= ctx->links.mask; i++) {
		for (struct hmi_link *link = ctx->links.buckets[i], *next; link != NULL; link = next) {
			next = link->hash_next;
			if (link->kind != HMI_LINK_EXTENSION)
				continue;
			hmi_link_remove(&ctx->links, link);
			extension_free((struct extension *)(void *)link);
		}
	}
}

static struct hm_pid
key_of(const struct hm_extension *extension)
{
	return (struct hm_pid){ 0, (uint64_t)(uintptr_t)extension };
}

static struct extension *
extension_find(const struct hm_ctx *ctx, const struct hm_extension *extension)
{
	return (struct extension *)(void *)hmi_link_find(&ctx->links, hmi_slot_of(ctx, ctx->cell),
							 HMI_LINK_EXTENSION, key_of(extension));
}

static struct extension *
extension_find_marked(struct hm_ctx *ctx, const struct hm_extension *extension)
{
	HMI_MARKED(ctx);

	return extension_find(ctx, extension);
}

static int
extension_add(struct hm_ctx *ctx, const struct hm_extension *extension, void *value)
{
	HMI_MARKED(ctx);
	struct extension *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -ENOMEM;
	e->type = extension;
	e->value = value;
	e->link.kind = HMI_LINK_EXTENSION;
	e->link.pid = key_of(extension);
	hmi_link_add(&ctx->links, ctx->cell, hmi_slot_of(ctx, ctx->cell), &e->link, &extension_ops);
	return 0;
}

static void
extension_change(struct hm_ctx *ctx, struct extension *e, void *value)
{
	void *before = e->value;

	if (before == value)
		return;
	e->value = value;
	if (e->type->destroy != NULL)
		e->type->destroy(before);
	if (value != NULL)
		return;
	HMI_MARKED(ctx);
	hmi_link_remove(&ctx->links, &e->link);
	free(e);
}

int
hm_actor_extension_set(struct hm_ctx *ctx, const struct hm_extension *extension, void *value)
{
	struct extension *e;

	if (ctx == NULL || extension == NULL)
		return -EINVAL;
	hmi_check_ctx(ctx, "hm_actor_extension_set");
	e = extension_find_marked(ctx, extension);
	if (e == NULL)
		return value != NULL ? extension_add(ctx, extension, value) : 0;
	extension_change(ctx, e, value);
	return 0;
}

void *
hm_actor_extension(const struct hm_ctx *ctx, const struct hm_extension *extension)
{
	const struct extension *e;

	hmi_check_ctx(ctx, "hm_actor_extension");
	e = extension_find(ctx, extension);
	return e != NULL ? e->value : NULL;
}
