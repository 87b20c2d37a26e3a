/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_PVT_H
#define CONTROL_PVT_H

/*
 * Control messages of a peer: they have a lane of the session for themselves, so they are never behind users' messages.
 *
 *     hmi_control_put ──▶ backlog.control ──hmi_control_flush──▶ packets of the lane for control
 *
 * They stay in order among each other. What has to stay behind users' messages is none: poison, Terminated, touch.
 */

#include "peer_pvt.h"

/* Whether a message is one that may overtake users'. */
bool hmi_is_control(const struct hm_msg *msg);

/* Make packets of the control messages that wait, as far as session, buffers and time allow. */
void hmi_control_flush(struct hmi_net *net, struct hmi_peer *peer);

#endif /* CONTROL_PVT_H */
