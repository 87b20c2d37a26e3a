/* SPDX-License-Identifier: Apache-2.0 */
#include "observe_pvt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

int
hmi_observers_init(struct hmi_observers *observers, struct hm_system *sys, size_t bytes)
{
	size_t each = RTE_ALIGN_CEIL(bytes, HMI_OBSERVER_ALIGN), all = sys->lcores_count * each;

	*observers = (struct hmi_observers){ .sys = sys, .count = sys->lcores_count, .bytes = each };
	observers->each = aligned_alloc(HMI_OBSERVER_ALIGN, all);
	if (observers->each == NULL)
		return -ENOMEM;
	memset(observers->each, 0, all);
	return 0;
}

void
hmi_observers_attach(struct hmi_observers *observers, const struct hmi_observer_ops *ops)
{
	for (uint32_t i = 0; i < observers->count; i++) {
		struct hmi_observer *observer = hmi_observers_of(observers, i);
		struct hm_ctx *ctx = observers->sys->lcores[i];

		*observer = (struct hmi_observer){ ops, ctx->observers };
		ctx->observers = observer;
	}
}

void
hmi_observers_fini(struct hmi_observers *observers)
{
	free(observers->each);
}

const char *
hmi_observed_name(struct hm_ctx *ctx, struct hm_pid pid, char text[HM_PID_TEXT_SIZE])
{
	struct hmi_cell *cell = pid.node == ctx->node ? hmi_cell_live(ctx, pid.local) : NULL;
	const struct hmi_path *path = cell != NULL && hmi_cell_is_actor(cell) ? hmi_cell_path(cell) : NULL;

	return path != NULL ? path->path : hm_pid_format(pid, text);
}
