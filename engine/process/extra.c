/* SPDX-License-Identifier: Apache-2.0 */
#include "extra_pvt.h"

#include <stdlib.h>
#include <string.h>

#include "assert_pvt.h"

struct hmi_extra *
hmi_extra_get(struct hmi_slab *slab, struct hmi_cell *cell)
{
	struct hmi_extra *extra = cell->actor.extra;

	if (extra != NULL)
		return extra;
	extra = hmi_slab_get(slab);
	if (extra == NULL)
		return NULL;
	memset(extra, 0, sizeof(*extra));
	cell->actor.extra = extra;
	return extra;
}

void
hmi_extra_free(struct hmi_slab *slab, struct hmi_cell *cell)
{
	struct hmi_extra *extra = cell->actor.extra;

	if (extra == NULL)
		return;
	HMI_ASSERT(extra->path == NULL && extra->made == NULL && extra->kept.head == NULL &&
		   extra->held == NULL && extra->failure == NULL);
	HMI_ASSERT(!extra->owns_props && extra->spread == NULL);
	HMI_ASSERT(extra->stash.head == NULL && extra->behaviours == NULL);
	HMI_ASSERT(extra->quiet[HMI_QUIET_TIMEOUT] == NULL && extra->quiet[HMI_QUIET_PASSIVE] == NULL);
	hmi_slab_put(slab, extra);
	cell->actor.extra = NULL;
}

void
hmi_extra_props_free(struct hmi_cell *cell)
{
	struct hmi_extra *extra = cell->actor.extra;

	if (extra == NULL || !extra->owns_props)
		return;
	free((void *)(uintptr_t)cell->actor.props);
	extra->owns_props = false;
	cell->actor.props = NULL;
}

bool
hmi_stop_await(struct hmi_slab *slab, struct hmi_cell *actor, struct hmi_cell *process)
{
	struct hmi_extra *extra;

	if ((actor->pending & HMI_PENDING_STOP) == 0 || actor->reason == HMI_REASON_RESTART)
		return true;
	extra = hmi_extra_get(slab, actor);
	if (extra == NULL)
		return false;
	if (extra->stop_failed)
		return true;
	extra->stop_asks++;
	process->reason = HMI_REASON_AWAITED;
	return true;
}

void
hmi_stop_await_end(const struct hmi_cell *actor, struct hmi_cell *process)
{
	if (process->reason != HMI_REASON_AWAITED)
		return;
	process->reason = 0;
	actor->actor.extra->stop_asks--;
}
