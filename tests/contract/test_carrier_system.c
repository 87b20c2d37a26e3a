/* SPDX-License-Identifier: Apache-2.0 */
#include "carrier.h"
#include "mailbox_pvt.h"

static struct hmi_system_lane lane;

static void
create(void)
{
	memset(&lane, 0, sizeof(lane));
}

static void
destroy(void)
{
}

static bool
push(struct hm_msg *msg)
{
	hmi_system_lane_push(&lane, msg);
	return true;
}

static struct hm_msg *
pop(void)
{
	return hmi_system_lane_pop(&lane);
}

static const struct carrier_ops carrier = {
	.create = create, .destroy = destroy, .push = push, .pop = pop, .room = CARRIER_MESSAGES
};
