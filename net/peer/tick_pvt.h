/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TICK_PVT_H
#define TICK_PVT_H

/*
 * What depends on the clock.
 */

#include "peer_pvt.h"

/* Look at the clock, from time to time: port, neighbours, sessions. */
void hmi_tick(struct hmi_net *net);

#endif /* TICK_PVT_H */
