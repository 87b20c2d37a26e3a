/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEEPER_PVT_H
#define KEEPER_PVT_H

/*
 * Processes of the engine's own that keep children: pools of workers, and pipelines.
 */

#include <stdbool.h>

#include "lcore_pvt.h"

struct hmi_keeper_ops {
	/* It begins: spawn the children. */
	void (*start)(struct hm_ctx *ctx, void *state);
	/* Somebody has ended, before the keeper itself does. */
	void (*terminated)(struct hm_ctx *ctx, void *state, const struct hm_terminated *gone);
	/* A message of a registered type. */
	void (*message)(struct hm_ctx *ctx, void *state, const struct hm_msg *msg);
};

/* What a keeper does with all that it receives. *stops, of its state: whether it does. */
void hmi_keeper_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
			const struct hmi_keeper_ops *ops, bool *stops);

#endif /* KEEPER_PVT_H */
