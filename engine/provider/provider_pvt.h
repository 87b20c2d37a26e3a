/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROVIDER_PVT_H
#define PROVIDER_PVT_H

#include "lcore_pvt.h"

/* Let the loop of an lcore call the provider. */
void hmi_provider_poll_from(struct hm_ctx *ctx);

/* What has become of a node is an event. */
void hmi_endpoint_event(struct hm_ctx *ctx, uint64_t node, enum hm_endpoint_state state);

/* Commands: a node is down; an lcore has acknowledged it. */
void hmi_node_down_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_node_down_ack_run(struct hm_ctx *ctx, const struct hm_msg *msg);

#endif /* PROVIDER_PVT_H */
