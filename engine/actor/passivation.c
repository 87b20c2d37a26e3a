/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an actor to which no message has come for a time stops. When that is, receive_timeout.c says, and sends the actor
 * HMI_SYS_PASSIVATE; it is decided when that comes, in the actor's turn, and done in the same one. So there is nothing
 * between the decision and the end that could get lost, but what the actor itself waits for in HM_STOPPING.
 */
#include "hm_passivation.h"

#include "actor_pvt.h"
#include "box_pvt.h"
#include "check_pvt.h"
#include "hm_log.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"

/* Resources that are looked through, in one turn: an actor with more of them stays. */
#define OWNED_MAX 1024u

static bool
waits(const struct hmi_cell *cell)
{
	uint32_t n = 0;

	for (const struct hmi_owned *owned = cell->actor.owned; owned != NULL; owned = owned->next) {
		if (owned->ops->is_awaited || ++n > OWNED_MAX)
			return true;
	}
	return false;
}

bool
hmi_is_passive(const struct hmi_cell *cell)
{
	const struct hmi_extra *extra = cell->actor.extra;

	/* Who has failed waits for what becomes of it. */
	return hmi_quiet_is_due(cell) && (cell->pending & (uint8_t)~HMI_PENDING_SYSTEM) == 0 &&
	       hmi_cell_is_empty(cell) && cell->actor.children == 0 && extra->stash.head == NULL &&
	       extra->held == NULL && !waits(cell);
}

enum hm_result
hm_passivation_set(struct hm_ctx *ctx, uint64_t idle_us)
{
	hmi_check_ctx(ctx, "hm_passivation_set");
	HMI_MARKED(ctx);
	return hmi_quiet_set(ctx, HMI_QUIET_PASSIVE, idle_us);
}

uint64_t
hm_passivation(const struct hm_ctx *ctx)
{
	hmi_check_ctx(ctx, "hm_passivation");
	return hmi_quiet_us(ctx->cell, HMI_QUIET_PASSIVE);
}

/* Whether a stage is that of a plugin with HM_PASSIVATION. */
static bool
is_passivation(const struct hm_middleware *stage, const void *us)
{
	const struct hm_plugin *plugin = stage->arg;

	return stage->receive == hm_plugin_receive && plugin->on_start == hm_passivation_start &&
	       plugin->arg == us;
}

/*
 * Whether a plugin with that argument is for the actor: one that its parent keeps is not passive by what was handed down to it, but
 * hands it down itself.
 */
static bool
is_meant(const struct hmi_cell *cell, const void *us)
{
	const struct hmi_middleware *middleware = hmi_middleware_of(cell);

	if (middleware == NULL || !middleware->is_maintained)
		return true;
	for (uint32_t i = middleware->count; i-- > 0;) {
		if (is_passivation(middleware->stages[i], us))
			return i >= middleware->handed;
	}
	return true;
}

void
hm_passivation_start(struct hm_ctx *ctx, void *mixin, void *arg)
{
	(void)mixin;
	hmi_check_ctx(ctx, "hm_passivation_start");
	if (is_meant(ctx->cell, arg) && hm_passivation_set(ctx, *(const uint64_t *)arg) != HM_OK)
		hm_log(ctx, HM_LOG_WARNING, "no memory for its passivation: it stays");
}
