/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROVIDER_PVT_H
#define PROVIDER_PVT_H

#include "lcore_pvt.h"

/* Let the loop of an lcore call the provider. */
void hmi_provider_poll_from(struct hm_ctx *ctx);

/* Commands: a node is down; an lcore has acknowledged it. */
void hmi_node_down_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_node_down_ack_run(struct hm_ctx *ctx, const struct hm_msg *msg);

#endif /* PROVIDER_PVT_H */
