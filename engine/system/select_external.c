/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selections by external threads: they walk over the paths themselves.
 */
#include <errno.h>
#include <stdlib.h>

#include "hm_select.h"
#include "rcu_pvt.h"
#include "select_pvt.h"

/* One portion is one read-side section, so that nothing that is freed has to wait for long. */
static enum hmi_walk_result
walk_next(const struct hm_system *sys, struct hmi_walk *walk)
{
	enum hmi_walk_result result;

	do {
		uint32_t steps = HMI_SELECT_PORTION;

		hmi_rcu_enter();
		rcu_read_lock();
		result = hmi_walk_next(&sys->paths, walk, &steps);
		rcu_read_unlock();
		hmi_rcu_leave();
	} while (result == HMI_WALK_MORE);
	return result;
}

int64_t
hm_system_select(const struct hm_system *sys, const char *path, hm_found_fn *on_found, void *arg)
{
	struct hmi_target target;
	struct hmi_walk *walk;
	int64_t count = 0;

	if (sys == NULL || path == NULL || on_found == NULL)
		return -EINVAL;
	hmi_target_read(&target, sys, NULL, path);
	if (target.kind != HMI_TARGET_ONE && target.kind != HMI_TARGET_MANY)
		return -EINVAL;
	walk = malloc(sizeof(*walk));
	if (walk == NULL)
		return -ENOMEM;
	hmi_walk_begin(walk, target.pattern);
	for (; walk_next(sys, walk) == HMI_WALK_FOUND; count++)
		on_found(walk->path, walk->pid, arg);
	free(walk);
	return count;
}

struct sending {
	struct hm_system *sys;
	const void *body;
	uint16_t type;
	enum hm_result result;
};

static void
send_one(const char *path, struct hm_pid pid, void *arg)
{
	struct sending *sending = arg;
	enum hm_result result = hm_system_send(sending->sys, pid, sending->type, sending->body);

	(void)path;
	if (sending->result == HM_OK)
		sending->result = result;
}

enum hm_result
hm_system_select_send(struct hm_system *sys, const char *path, uint16_t type, const void *body)
{
	struct sending sending = { sys, body, type, HM_OK };
	int64_t count = hm_system_select(sys, path, send_one, &sending);

	if (count == -ENOMEM)
		return HM_NO_MEMORY;
	if (count < 0)
		return HM_INVALID;
	return count > 0 ? sending.result : HM_NO_RECEIVER;
}
