/* SPDX-License-Identifier: Apache-2.0 */
#include <rte_memory.h>

#include "carrier.h"
#include "hmt_eal.h"
#include "lane_pvt.h"

/* Small, so that the overflow list is in use most of the time. */
#define RING 64u

static struct hmi_lane lane;
static struct hmi_lane_rx rx;

static void
create(void)
{
	hmt_eal_start();
	cr_assert_eq(hmi_lane_create(&lane, RING, SOCKET_ID_ANY), 0);
	rx = hmi_lane_receiver(&lane);
}

static void
destroy(void)
{
	hmi_lane_destroy(&lane);
}

static bool
push(struct hm_msg *msg)
{
	hmi_lane_push(&lane, msg);
	hmi_lane_flush(&lane);
	return true;
}

static struct hm_msg *
pop(void)
{
	struct hm_msg *msg;

	if (hmi_lane_pop_burst(&rx, &msg, 1) == 0)
		return NULL;
	/* The sender's turn: what waits for room follows. */
	hmi_lane_flush(&lane);
	return msg;
}

static const struct carrier_ops carrier = {
	.create = create, .destroy = destroy, .push = push, .pop = pop, .room = CARRIER_MESSAGES
};
