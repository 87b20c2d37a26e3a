/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that every lcore has: it takes the commands of lcores and external threads. And it stands for futures of other
 * lcores, whose answers are in a mailbox of this one.
 */
#include "claim_pvt.h"
#include "dead_pvt.h"
#include "lcore_setup_pvt.h"
#include "msg_pvt.h"

static void
lcore_deliver(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	(void)cell;
	hmi_dead(ctx, msg, HM_DEAD_NO_PROCESS);
}

static void
lcore_system(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_msg *msg)
{
	/* Only the node itself may talk to its lcores. */
	if ((msg->flags & HMI_MSG_NETWORK) != 0) {
		lcore_deliver(ctx, cell, msg);
		return;
	}
	/* Whatever else arrives, as a watch, has no effect: the process lives as long as the node. */
	if (hmi_is_command(msg->type)) {
		const struct hmi_command *command = hmi_command_of(ctx->sys->parts, msg->type);

		if (command->take != NULL) {
			command->take(ctx, msg);
			return;
		}
		command->run(ctx, msg);
	}
	hmi_msg_release(&ctx->cache, msg);
}

const struct hmi_process_ops hmi_lcore_process_ops = {
	.deliver = lcore_deliver,
	.system = lcore_system,
	.resume = hmi_answer_resume,
	.discard = hmi_answer_discard,
};
