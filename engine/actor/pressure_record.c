/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What actors know of back pressure: made for the first who mutes or is muted, gone with the actor, which ends what it has
 * to do with others.
 */
#include "pressure_record_pvt.h"

#include "actor_pvt.h"
#include "full_pvt.h"

void
hmi_pressure_init(struct hm_ctx *ctx)
{
	hmi_slab_init(&ctx->pressures, sizeof(struct hmi_pressure));
}

void
hmi_pressure_destroy(struct hm_ctx *ctx)
{
	hmi_slab_destroy(&ctx->pressures);
}

/* ---- Links ----------------------------------------------------------------------------- */

/* Links are in lists of their own, which drop them. */
static void
link_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	(void)owner;
	hmi_link_unhash(&ctx->links, (struct hmi_link *)owned);
	hmi_link_free(&ctx->links, (struct hmi_link *)owned);
}

static const struct hmi_owned_ops link_ops = { .drop = link_drop, .outlives_restart = true };

bool
hmi_pressure_link(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_owned **list,
		  enum hmi_link_kind kind, struct hm_pid pid)
{
	uint32_t slot = hmi_slot_of(ctx, cell);
	struct hmi_link *link;

	if (hmi_link_find(&ctx->links, slot, kind, pid) != NULL)
		return false;
	link = hmi_link_new(&ctx->links, kind, pid);
	if (link == NULL)
		return false;
	hmi_link_add_to(&ctx->links, list, slot, link, &link_ops);
	return true;
}

/* ---- The record, which the actor owns -------------------------------------------------- */

static void
pressure_drop(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	struct hmi_pressure *pressure = container_of(owned, struct hmi_pressure, owned);

	if (hmi_is_overloaded(owner))
		hmi_full_remove(&ctx->sys->full, hmi_pid_of(ctx, owner).local);
	(void)hmi_muted_release(ctx, owner, pressure, UINT32_MAX);
	hmi_muters_tell(ctx, owner, pressure);
	hmi_muters_release(ctx, owner, pressure);
	owner->actor.extra->pressure = NULL;
	hmi_slab_put(&ctx->pressures, pressure);
}

/* Whether nobody waits for it, and it waits for nobody. */
static bool
pressure_may_move(const struct hmi_owned *owned)
{
	const struct hmi_pressure *pressure = container_of(owned, struct hmi_pressure, owned);

	return pressure->muted == NULL && pressure->muters == NULL;
}

static void
pressure_leave(struct hm_ctx *ctx, struct hmi_owned *owned)
{
	(void)ctx;
	(void)owned;
}

static void
pressure_arrive(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned)
{
	(void)owner;
	pressure_leave(ctx, owned);
}

static const struct hmi_owned_ops pressure_ops = {
	.drop = pressure_drop,
	.outlives_restart = true,
	.may_move = pressure_may_move,
	.leave = pressure_leave,
	.arrive = pressure_arrive,
};

struct hmi_pressure *
hmi_pressure_get(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	struct hmi_extra *extra = hmi_extra_get(&ctx->extras, cell);

	if (extra == NULL || extra->pressure != NULL)
		return extra != NULL ? extra->pressure : NULL;
	extra->pressure = hmi_slab_get(&ctx->pressures);
	if (extra->pressure == NULL)
		return NULL;
	memset(extra->pressure, 0, sizeof(*extra->pressure));
	extra->pressure->muted_end = &extra->pressure->muted;
	hmi_owned_add(&cell->actor.owned, &extra->pressure->owned, &pressure_ops);
	return extra->pressure;
}
