/* SPDX-License-Identifier: Apache-2.0 */
#include <rte_memory.h>

#include "carrier.h"
#include "hmt_eal.h"
#include "inject_pvt.h"

#define RING 64u

static struct hmi_inject inject;

static void
create(void)
{
	hmt_eal_start();
	cr_assert_eq(hmi_inject_create(&inject, RING, SOCKET_ID_ANY), 0);
}

static void
destroy(void)
{
	hmi_inject_destroy(&inject);
}

static bool
push(struct hm_msg *msg)
{
	return hmi_inject_push(&inject, msg);
}

static struct hm_msg *
pop(void)
{
	struct hm_msg *msg;

	return hmi_inject_pop_burst(&inject, &msg, 1) == 1 ? msg : NULL;
}

static const struct carrier_ops carrier = {
	.create = create, .destroy = destroy, .push = push, .pop = pop, .room = RING - 1
};
