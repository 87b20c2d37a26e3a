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
#include "forward_pvt.h"
#include "hm_log.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"

/* A message that finds nobody is known by its type alone. */
_Static_assert((unsigned int)HMI_COMMAND_END <= (unsigned int)HMI_SYS_MOVE &&
		       (unsigned int)HMI_SYS_WORK_DONE < (unsigned int)HMI_SYS_FAILURE,
	       "types have one meaning each");

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

void
hm_passivation_start(struct hm_ctx *ctx, void *mixin, void *arg)
{
	(void)mixin;
	if (hm_passivation_set(ctx, *(const uint64_t *)arg) != HM_OK)
		hm_log(ctx, HM_LOG_WARNING, "no memory for its passivation: it stays");
}
