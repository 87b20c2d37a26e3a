/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INGRESS_PVT_H
#define INGRESS_PVT_H

/*
 * Receives frames from the port and dispatches them.
 */

#include "peer_pvt.h"

/*
 * Process the frames that the last call has left, then poll the port until a burst arrives, at most `polls` times, and
 * process that. Leaves frames for which there is no time. Returns the number of frames that were processed.
 */
uint32_t hmi_ingress_poll(struct hmi_net *net, uint32_t polls);

#endif /* INGRESS_PVT_H */
