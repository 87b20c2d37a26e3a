/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INGRESS_PVT_H
#define INGRESS_PVT_H

/*
 * Receives frames from the port and dispatches them.
 */

#include "peer_pvt.h"

/* Poll the port until a burst arrives, at most `polls` times. Returns the number of frames. */
uint32_t hmi_ingress_poll(struct hmi_net *net, uint32_t polls);

#endif /* INGRESS_PVT_H */
