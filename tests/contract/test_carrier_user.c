/* SPDX-License-Identifier: Apache-2.0 */
#include "carrier.h"
#include "mailbox_pvt.h"

static struct hmi_fifo box;

static void
create(void)
{
	memset(&box, 0, sizeof(box));
}

static void
destroy(void)
{
}

static bool
push(struct hm_msg *msg)
{
	hmi_fifo_push(&box, msg);
	return true;
}

static struct hm_msg *
pop(void)
{
	return hmi_fifo_pop(&box);
}

static const struct carrier_ops carrier = {
	.create = create, .destroy = destroy, .push = push, .pop = pop, .room = CARRIER_MESSAGES
};
