/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RESUME_PVT_H
#define RESUME_PVT_H

/*
 * Continues what there was no time or memory for: packets that wait, and sessions that end.
 */

#include "peer_pvt.h"

/* Go on with the peers that wait, as far as there is time; the first is another one each turn. Returns units of work. */
uint32_t hmi_resume(struct hmi_net *net);

#endif /* RESUME_PVT_H */
