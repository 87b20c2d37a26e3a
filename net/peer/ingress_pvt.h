/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INGRESS_PVT_H
#define INGRESS_PVT_H

/*
 * Frames from the port, each to where it belongs.
 */

#include "peer_pvt.h"

/* Take in a burst of frames from the port, which is polled up to `polls` times. Returns how many came. */
uint32_t hmi_ingress_poll(struct hmi_net *net, uint32_t polls);

#endif /* INGRESS_PVT_H */
