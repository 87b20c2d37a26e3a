/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TICK_PVT_H
#define TICK_PVT_H

/*
 * Timers of the network.
 */

#include "peer_pvt.h"

/*
 * Process the timers of port, neighbours and sessions, as far as there is time. To be called when net->tick_ns has
 * passed.
 */
void hmi_tick(struct hmi_net *net);

#endif /* TICK_PVT_H */
